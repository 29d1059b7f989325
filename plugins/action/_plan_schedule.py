# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import re
import shutil
import sys
import typing as t

from ansible import constants as C

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import profile_names
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import OUTPUTS
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.cron import FIELDS, on_calendar, rrule
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.runs import BUSY_STATUS, SCHEMA
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.schedule import (
    PLACE,
    Schedule,
    check_cluster_name,
    given_block,
    place_of_user,
)

_PROGRAMS = {"cron": "crontab", "systemd": "systemctl"}
# The survey of the job template asks for these at each scan.
ASKED = (
    "cis_scan_profile", "cis_scan_only", "cis_scan_skip", "cis_scan_skip_source", "cis_report_formats",
    "cis_scan_fail_on",
)  # fmt: skip
_SECRET_NAME = re.compile(r"(?i)passw|secret|token|credential|(access|private|routing|encryption)_?key|^cis_notify_not")
_SECRET_VALUE = re.compile(r"://[^/@:\s]*:[^/\s]*@|-----BEGIN ")


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "method": {"type": "str", "choices": [*_PROGRAMS, "awx"], "default": "cron"},
        "command": {"type": "str", "choices": ["install", "remove"], "default": "install"},
        "cluster": {"type": "str", "default": "local"},
        "cluster_file": {"type": "path"},
        "block": {"type": "raw"},
        "variables": {"type": "dict", "default": {}, "no_log": True},
        **PLACE,
        "inventory": {"type": "list", "elements": "str", "default": []},
        "report_dir": {"type": "path", "default": "cis-reports"},
        "timezone": {"type": "str", "default": "UTC"},
        "formats": {"type": "list", "elements": "str", "default": []},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        role = "cis_awx" if args["method"] == "awx" else "cis_schedule"
        check_cluster_name(args["cluster"], role)
        result = {"changed": False, "enabled": False, **({} if role == "cis_awx" else _place(args))}
        if args["command"] == "remove":
            return result
        schedule = Schedule(args["cluster"], given_block(args["cluster_file"], args["block"], role, self._loader))
        result = {**result, "enabled": schedule.enabled, "warnings": schedule.warnings}
        if role == "cis_awx":
            return {**result, **_for_awx(args, schedule)}
        return {**result, **_for_controller(args, schedule, result["user"], task_vars)} if schedule.enabled else result


def _place(args: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return where on the controller a schedule is installed, or was."""
    account, directory = place_of_user(args["user"], args["dir"])
    system = os.geteuid() == 0
    return {
        "user": account.pw_name,
        "dir": os.path.join(directory, args["cluster"]),
        "has_crontab": shutil.which("crontab") is not None,
        "unit_dir": "/etc/systemd/system" if system else f"{account.pw_dir}/.config/systemd/user",
        "unit_scope": "system" if system else "user",
        "systemd_runs": os.path.isdir("/run/systemd/system"),
    }


def _for_controller(
    args: dict[str, t.Any], schedule: Schedule, user: str, task_vars: dict[str, t.Any]
) -> dict[str, t.Any]:
    program = _PROGRAMS[args["method"]]
    if not shutil.which(program):
        raise CisError(f"cis_schedule_method {args['method']}: {program} not found on the controller; install it")
    variables = {**schedule.variables, "cis_report_dir": os.path.abspath(args["report_dir"])}
    twice = sorted(set(variables).intersection(args["variables"]))
    if twice:
        raise CisError(f"cis_schedule_variables: {', '.join(twice)}: the schedule itself sets this; leave it out")
    return {
        "cron_fields": dict(zip(FIELDS, schedule.cron.split(), strict=True)),
        "on_calendar": on_calendar(schedule.cron),
        "schedule": {
            "schema": SCHEMA,
            "cluster": args["cluster"],
            "cron": schedule.cron,
            "method": args["method"],
            "user": user,
            "profile": schedule.profile,
            "report_dir": variables["cis_report_dir"],
            "retention": variables["cis_report_keep"]["scheduled"],
        },
        "variables": variables,
        "inventory": [_inventory(source) for source in args["inventory"] or [""]],
        "program": _program(),
        "ansible_config": str(task_vars.get("ansible_config_file") or ""),
        "collections_path": ":".join(C.COLLECTIONS_PATHS),
        "busy_status": BUSY_STATUS,
    }


def _inventory(source: str) -> str:
    """Return an inventory by its full path, since the scan runs elsewhere. A list of hosts stays as it is."""
    if "," in source:
        return source
    path = os.path.abspath(os.path.expanduser(source))
    if not source or not os.path.exists(path):
        raise CisError(f"cis_schedule_inventory {source!r}: no such file; name the cluster's inventory, e.g. with -i")
    return path


def _program() -> str:
    beside = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    program = beside if os.path.exists(beside) else shutil.which("ansible-playbook")
    if not program:
        raise CisError("ansible-playbook: not found beside this Python or in PATH; add it to PATH")
    return program


def _for_awx(args: dict[str, t.Any], schedule: Schedule) -> dict[str, t.Any]:
    unknown = [name for name in args["formats"] if name not in OUTPUTS]
    if unknown:
        raise CisError(f"cis_awx_formats {', '.join(unknown)}: unknown; available: {', '.join(OUTPUTS)}")
    # Without a schedule, too, there is a job template, with Rancher's defaults.
    given = (schedule if schedule.enabled else Schedule(args["cluster"], {"enabled": True})).variables
    # The kind of a scan is not fixed: AWX tells each job whether a schedule started it.
    fixed = {name: value for name, value in given.items() if name not in (*ASKED, "cis_scan_kind")}
    _check_variables(args["variables"], [*ASKED, *fixed])
    plan: dict[str, t.Any] = {
        "formats": list(OUTPUTS),
        "profiles": profile_names(),
        "profile": given["cis_scan_profile"],
        "skip": ",".join(given.get("cis_scan_skip", [])),
        "skip_source": given.get("cis_scan_skip_source", "merged"),
        "variables": {**args["variables"], **fixed},
    }
    if schedule.enabled:
        plan["cron"] = schedule.cron
        try:
            plan["rrule"] = rrule(schedule.cron, args["timezone"])
        except CisError as error:
            raise CisError(f"cis_awx_timezone: {error}") from error
    return plan


def _check_variables(variables: dict[str, t.Any], taken: list[str]) -> None:
    """Raise CisError for what is set elsewhere, and for what looks like a secret: AWX shows it to all readers."""
    twice = sorted(set(taken).intersection(variables))
    if twice:
        raise CisError(f"cis_awx_variables: {', '.join(twice)}: the block or the survey sets this; leave it out")
    secret = _secret(variables, "")
    if secret:
        raise CisError(
            f"cis_awx_variables: {secret} looks like a secret, which a job template does not hide; use a credential "
            f"of AWX, see the page AWX of the guide"
        )


def _secret(value: t.Any, name: str) -> str:
    """Return the name of what looks like a secret, never its value, or an empty text."""
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value, 1)
        for key, item in items:
            inside = f"{name}.{key}".lstrip(".")
            found = inside if _SECRET_NAME.search(str(key)) and item else _secret(item, inside)
            if found:
                return found
        return ""
    return name if isinstance(value, str) and _SECRET_VALUE.search(value) else ""
