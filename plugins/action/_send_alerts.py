# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import os
import time
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.content import plain, scan_of_report, scan_without_report
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.delivery import post, send_mail
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.notifiers import TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import check_request, plan, samples
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.state import NAME, read_sent, write_sent
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import ORIGIN, PLACE
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import read_report


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "rules": {"type": "raw"},
        "notifiers": {"type": "raw", "no_log": True},
        "retries": {"type": "int", "default": 3},
        "delay": {"type": "float", "default": 2},
        "test": {"type": "bool", "default": False},
        "result": {"type": "dict", "default": {}},
        **PLACE,
        **ORIGIN,
        "profile": {"type": "str", "default": ""},
        "earlier": {"type": "dict"},
        "item": {"type": "dict"},
        "failure": {"type": "raw", "default": ""},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if args["earlier"]:  # the tasks of a custom notifier have run
            failure = f"notifier {plain(args['item']['notifier'])} (custom): {plain(args['failure'], 300)}"
            return self._recorded(args["earlier"], [(args["item"], failure if args["failure"] else "")])
        rules, notifiers = check_request(args["rules"], args["notifiers"])
        environment: dict[str, str] = {}
        self._compute_environment_string(environment)
        os.environ.update(environment)  # a proxy, as modules get it; this process does this task only
        scan, directory = _scan(args)
        state_file = os.path.join(directory, NAME)
        sent, warnings = read_sent(state_file)
        now = datetime.datetime.now(datetime.timezone.utc)
        scanned = args["result"].get("failed") or args["result"].get("report")
        alerts, suppressed = plan(rules, notifiers, scan, sent, now) if scanned else ([], [])
        if args["test"]:
            alerts = samples(notifiers, scan, now) + alerts
        result = {
            "changed": False,
            "told": warnings + suppressed,
            "undelivered": [],
            "custom": [item for item in alerts if item["type"] == "custom"],
            "state_file": state_file,
        }
        outcomes = [
            (item, self._failure(notifiers[item["notifier"]], item, args))
            for item in alerts
            if item["type"] != "custom"
        ]
        return self._recorded(result, outcomes)

    def _recorded(self, result: dict[str, t.Any], outcomes: list[tuple[dict[str, t.Any], str]]) -> dict[str, t.Any]:
        """Return the result with these outcomes, each an item and why it was not sent, and write down what was sent."""
        told, undelivered = list(result["told"]), list(result["undelivered"])
        for item, failure in outcomes:
            told.append(f"NOT SENT: {_named(item)}: {failure}" if failure else f"sent: {_named(item)}")
            undelivered += [failure] if failure else []
        delivered = [item for item, failure in outcomes if not failure]
        if any(item["alert"]["status"] != "test" for item in delivered) and not self._task.check_mode:
            told += write_sent(result["state_file"], delivered)
        changed = result["changed"] or bool(delivered)
        return {**result, "changed": changed, "told": told, "undelivered": undelivered}

    def _failure(self, options: dict[str, t.Any], item: dict[str, t.Any], args: dict[str, t.Any]) -> str:
        """Send one alert. Returns why it was not sent, without secrets, or an empty text."""
        if self._task.check_mode:
            return "check mode"
        notifier = TYPES[item["type"]]
        for attempt in range(1, max(args["retries"], 0) + 2):
            try:
                if item["type"] == "email":
                    send_mail(options, item["alert"])
                else:
                    post(options, notifier.request(options, item["alert"]))
                return ""
            except OSError as error:
                cause = str(error) or type(error).__name__
            except Exception as error:  # refused, or a bug: the other notifiers are notified all the same
                cause = str(error) or type(error).__name__
                break
            if attempt <= args["retries"]:
                time.sleep(min(args["delay"] * 2 ** (attempt - 1), 60))
        tries = "1 try" if attempt == 1 else f"{attempt} tries"
        cause = plain(notifier.without_secrets(cause, options), 300)
        return f"notifier {plain(item['notifier'])} ({item['type']}): {cause} ({tries})"


def _scan(args: dict[str, t.Any]) -> tuple[dict[str, t.Any], str]:
    """Return what alerts say about the scan, and the directory of its cluster."""
    result = args["result"]
    if result.get("report") and not result.get("failed"):
        path = os.path.abspath(result["report"])
        return scan_of_report(read_report(path), path, result), os.path.dirname(os.path.dirname(path))
    failure = str(result.get("msg") or "no reason was given; see the output")
    scan = scan_without_report(args["cluster"], args["profile"], args["kind"], args["scanned_by"], failure)
    return scan, os.path.join(os.path.abspath(args["report_dir"]), os.path.basename(args["cluster"]).lstrip("."))


def _named(item: dict[str, t.Any]) -> str:
    alert = item["alert"]
    resolved = ", resolved" if alert["status"] == "resolved" else ""
    return f"{alert['rule']} ({alert['severity']}{resolved}) to {item['notifier']} ({item['type']})"
