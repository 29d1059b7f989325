# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.runs import list_schedules
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.schedule import PLACE, acting_as, place_of_user


class ActionModule(ControllerAction):
    ARGUMENTS = {**PLACE, "cluster": {"type": "str", "default": ""}}

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        account, directory = place_of_user(args["user"], args["dir"])
        with acting_as(account):
            found, warnings = list_schedules(directory, datetime.datetime.now())
        schedules = [one for one in found if args["cluster"] in ("", one["cluster"])]
        whose = f"{account.pw_name} for {args['cluster']}" if args["cluster"] else account.pw_name
        nothing = f"no schedule of {whose} in {directory}"
        return {
            "changed": False,
            "warnings": warnings,
            "schedules": schedules,
            "lines": [line for one in schedules for line in one["lines"]] or [nothing],
        }
