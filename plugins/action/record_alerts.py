# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import check_state, record
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import make_directory, read_json, to_json, write_file


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "state": {"type": "path", "required": True},
        "alerts": {"type": "list", "elements": "dict", "required": True},
        "results": {"type": "list", "elements": "dict", "required": True},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        delivered, told, undelivered = [], [], []
        for item, result in zip(args["alerts"], args["results"], strict=True):
            if result.get("sent"):
                delivered.append(item)
                told.append(f"sent: {_named(item)}")
            else:
                undelivered.append(str(result.get("msg")))
                told.append(f"NOT SENT: {_named(item)}: {undelivered[-1]}")
        warnings = []
        if any(item["alert"]["status"] != "test" for item in delivered) and not self._task.check_mode:
            try:
                make_directory(os.path.dirname(args["state"]), "cis_report_dir")  # a scan that did not run made none
                write_file(args["state"], to_json(record(_earlier(args["state"]), delivered)))
            except (OSError, CisError) as error:
                warnings.append(f"{args['state']}: not written, alerts may be sent again too soon: {error}")
        return {"changed": bool(delivered), "told": told, "undelivered": undelivered, "warnings": warnings}


def _named(item: dict[str, t.Any]) -> str:
    alert = item["alert"]
    resolved = ", resolved" if alert["status"] == "resolved" else ""
    return f"{alert['rule']} ({alert['severity']}{resolved}) to {item['notifier']} ({item['type']})"


def _earlier(path: str) -> list[dict[str, str]]:
    try:
        return check_state(read_json(path, "record of alerts"))
    except (CisError, ValueError):
        return []  # it is not there yet, or plan_alerts has told what is wrong with it
