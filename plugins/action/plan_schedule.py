# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import sys
import typing as t

from ansible import constants as C

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.cron import FIELDS, on_calendar
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.lock import BUSY
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.runs import BUSY_STATUS, SCHEMA
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.schedule import (
    Schedule,
    check_cluster_name,
    given_block,
    place_of_user,
)

_PROGRAMS = {"cron": "crontab", "systemd": "systemctl"}


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "command": {"type": "str", "choices": ["install", "remove"], "default": "install"},
        "cluster": {"type": "str", "default": "local"},
        "cluster_file": {"type": "path"},
        "block": {"type": "raw"},
        "method": {"type": "str", "choices": list(_PROGRAMS), "default": "cron"},
        "user": {"type": "str", "default": ""},
        "dir": {"type": "str", "default": "~/.rke-cis/schedules"},
        "inventory": {"type": "list", "elements": "str", "default": []},
        "report_dir": {"type": "path", "default": "cis-reports"},
        "variables": {"type": "list", "elements": "str", "default": []},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        check_cluster_name(args["cluster"])
        account, directory = place_of_user(args["user"], args["dir"])
        system = os.geteuid() == 0
        units = "/etc/systemd/system" if system else f"{account.pw_dir}/.config/systemd/user"
        result = {
            "changed": False,
            "enabled": False,
            "user": account.pw_name,
            "dir": os.path.join(directory, args["cluster"]),
            "has_crontab": shutil.which("crontab") is not None,
            "unit_dir": units,
            "unit_scope": "system" if system else "user",
            "systemd_runs": os.path.isdir("/run/systemd/system"),
        }
        if args["command"] == "remove":
            return result
        schedule = Schedule(args["cluster"], given_block(args["cluster_file"], args["block"]))
        if not schedule.enabled:
            return result
        program = _PROGRAMS[args["method"]]
        if not shutil.which(program):
            raise CisError(f"cis_schedule_method {args['method']}: there is no {program} on the controller; install it")
        variables = {**schedule.variables, "cis_report_dir": os.path.abspath(args["report_dir"])}
        twice = sorted(set(variables).intersection(args["variables"]))
        if twice:
            raise CisError(f"cis_schedule_variables: {', '.join(twice)} is set by the schedule itself; leave it out")
        return {
            **result,
            "enabled": True,
            "warnings": schedule.warnings,
            "cron": schedule.cron,
            "cron_fields": dict(zip(FIELDS, schedule.cron.split(), strict=True)),
            "on_calendar": on_calendar(schedule.cron),
            "profile": schedule.profile,
            "variables": variables,
            "inventory": [self._inventory(source) for source in args["inventory"] or [""]],
            "program": self._program(),
            "ansible_config": str(task_vars.get("ansible_config_file") or ""),
            "collections_path": ":".join(C.COLLECTIONS_PATHS),
            "busy": BUSY,
            "busy_status": BUSY_STATUS,
            "schema": SCHEMA,
        }

    @staticmethod
    def _inventory(source: str) -> str:
        """Return an inventory by its full path: the scan runs elsewhere. A list of hosts stays as it is."""
        if "," in source:
            return source
        path = os.path.abspath(os.path.expanduser(source))
        if not source or not os.path.exists(path):
            raise CisError(
                f"cis_schedule_inventory {source!r}: no such file; name the cluster's inventory, e.g. with -i"
            )
        return path

    @staticmethod
    def _program() -> str:
        beside = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
        program = beside if os.path.exists(beside) else shutil.which("ansible-playbook")
        if not program:
            raise CisError("there is no ansible-playbook beside this Python or in PATH; put it into PATH")
        return program
