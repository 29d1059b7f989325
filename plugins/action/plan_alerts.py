# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import (
    STATE_FILE,
    check_request,
    check_state,
    plan,
    samples,
    scan_of_report,
    scan_without_report,
)
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import KINDS, SCHEMA
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_json


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "rules": {"type": "list", "elements": "raw", "required": True},
        "notifiers": {"type": "dict", "required": True},
        "result": {"type": "dict", "default": {}},
        "test": {"type": "bool", "default": False},
        "report_dir": {"type": "path", "default": "cis-reports"},
        "cluster": {"type": "str", "default": "local"},
        "profile": {"type": "str", "default": ""},
        "kind": {"type": "str", "choices": list(KINDS), "default": KINDS[0]},
        "scanned_by": {"type": "str", "default": ""},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        rules, notifiers = check_request(args["rules"], args["notifiers"])
        result = args["result"]
        about = (args["cluster"], args["profile"], args["kind"], args["scanned_by"])
        directory = os.path.join(os.path.abspath(args["report_dir"]), os.path.basename(args["cluster"]).lstrip("."))
        if result.get("failed"):
            scan = scan_without_report(*about, str(result.get("msg") or "no reason was given; see the output"))
        elif result.get("report"):
            path = os.path.abspath(result["report"])
            report = read_json(path, "report")
            if not isinstance(report, dict) or report.get("schema") != SCHEMA:
                raise CisError(f"report {path}: no report of this collection ({SCHEMA} is wanted)")
            scan = scan_of_report(report, path, result)
            directory = os.path.dirname(os.path.dirname(path))
        else:
            scan = {}
        now = datetime.datetime.now(datetime.timezone.utc)
        state = os.path.join(directory, STATE_FILE)
        sent, warnings = _sent(state)
        alerts, suppressed = plan(rules, notifiers, scan, sent, now) if scan else ([], [])
        if args["test"]:
            alerts = samples(notifiers, scan or scan_without_report(*about), now) + alerts
        return {
            "changed": False,
            "warnings": warnings,
            "alerts": [item for item in alerts if item["type"] != "custom"],
            "custom": [item for item in alerts if item["type"] == "custom"],
            "suppressed": suppressed,
            "state": state,
        }


def _sent(path: str) -> tuple[list[dict[str, str]], list[str]]:
    """Return what was sent earlier. Where that is not known, an alert too many is better than one too few."""
    if not os.path.exists(path):
        return [], []
    try:
        return check_state(read_json(path, "record of alerts")), []
    except CisError as error:
        return [], [f"{error}; alerts may be sent again too soon"]
    except ValueError as error:
        return [], [f"record of alerts {path}: {error}; alerts may be sent again too soon"]
