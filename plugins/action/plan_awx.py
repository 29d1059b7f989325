# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import profile_names
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.cron import rrule
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.schedule import (
    Schedule,
    check_cluster_name,
    given_block,
)

# What each scan may be asked anew, in the survey.
ASKED = ("cis_scan_profile", "cis_scan_skip", "cis_scan_skip_source", "cis_report_formats", "cis_scan_fail_on")
_SECRET_NAME = re.compile(r"(?i)passw|secret|token|credential|(access|private|routing|encryption)_?key|^cis_notify_not")
_SECRET_VALUE = re.compile(r"://[^/@:\s]*:[^/\s]*@|-----BEGIN ")


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "cluster": {"type": "str", "default": "local"},
        "cluster_file": {"type": "path"},
        "block": {"type": "raw"},
        "timezone": {"type": "str", "default": "UTC"},
        "variables": {"type": "dict", "default": {}},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        check_cluster_name(args["cluster"], "cis_awx")
        schedule = Schedule(args["cluster"], given_block(args["cluster_file"], args["block"], "cis_awx"))
        # Without a schedule too there is a job template, with what Rancher has for a block that says nothing more.
        wanted = (schedule if schedule.enabled else Schedule(args["cluster"], {"enabled": True})).variables
        # The kind of a scan is not fixed: AWX tells each job whether a schedule has started it.
        fixed = {name: value for name, value in wanted.items() if name not in (*ASKED, "cis_scan_kind")}
        _check_variables(args["variables"], [*ASKED, *fixed])
        plan: dict[str, t.Any] = {
            "changed": False,
            "warnings": schedule.warnings,
            "enabled": schedule.enabled,
            "profiles": profile_names(),
            "profile": wanted["cis_scan_profile"],
            "skip": ",".join(wanted.get("cis_scan_skip", [])),
            "skip_source": wanted.get("cis_scan_skip_source", "merged"),
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
    """Raise CisError for what is set elsewhere, and for what looks like a secret: AWX shows it to readers."""
    twice = sorted(set(taken).intersection(variables))
    if twice:
        raise CisError(
            f"cis_awx_variables: {', '.join(twice)} is set by the block or asked in the survey; leave it out"
        )
    secret = _secret(variables, "")
    if secret:
        raise CisError(
            f"cis_awx_variables: {secret} looks like a secret, which a job template does not hide; give it to the job "
            f"by a credential of AWX, see the page AWX of the guide"
        )


def _secret(value: t.Any, name: str) -> str:
    """Return the name of what looks like a secret, never its value; nothing if there is none."""
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value, 1)
        for key, item in items:
            inside = f"{name}.{key}".lstrip(".")
            found = inside if _SECRET_NAME.search(str(key)) and item else _secret(item, inside)
            if found:
                return found
        return ""
    return name if isinstance(value, str) and _SECRET_VALUE.search(value) else ""
