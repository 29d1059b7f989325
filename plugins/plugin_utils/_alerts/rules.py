# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Which alerts a scan gives: rules are checked, conditions decide, and what was sent too recently is left out. Pure."""

from __future__ import annotations

import datetime
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.rke.cis.plugins.plugin_utils._alerts.content import plain, scan_without_report
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.notifiers import (
    check_notifier,
    check_types,
    wrong_addresses,
)
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import KINDS
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.values import parse_duration
from ansible_collections.rke.cis.plugins.plugin_utils._times import TIME, from_utc

SCHEMA = "rke.cis/alert/1"

# What a rule waits for, each a question about the scan.
CONDITIONS: dict[str, t.Callable[[dict[str, t.Any]], bool]] = {
    "completed": lambda scan: not scan["failure"],
    "failures": lambda scan: scan["counts"].get("fail", 0) > 0,
    "warnings": lambda scan: scan["counts"].get("warn", 0) > 0,
    "error": lambda scan: bool(scan["failure"] or scan["unexamined_nodes"]),
    "changed": lambda scan: bool(scan["newly_failing"] or scan["fixed"]),
    "waiver_expiring": lambda scan: bool(scan["waivers"]),
}

# What ends may resolve an incident, and is told so.
_RESOLVED = {
    "failures": "no control fails any more",
    "warnings": "no control warns any more",
    "error": "all nodes were examined again",
}

# The further options of the role cis_notify.
OPTIONS: dict[str, dict[str, t.Any]] = {
    "cis_notify_retries": {"type": "int"},
    "cis_notify_delay": {"type": "float"},
    "cis_notify_fail": {"type": "bool"},
    "cis_notify_test": {"type": "bool"},
}

_RULE: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "on": {"type": "str", "required": True, "choices": list(CONDITIONS)},
    "kind": {"type": "str", "choices": [*KINDS, "any"], "default": "any"},
    "severity": {"type": "str", "choices": ["info", "warning", "critical"], "default": "warning"},
    "notifiers": {"type": "list", "elements": "str"},
    "recipients": {"type": "list", "elements": "str", "default": []},
    "min_interval": {"type": "str", "default": "0"},
}


def check_request(
    rules: t.Any, notifiers: t.Any, options: dict[str, t.Any] | None = None
) -> tuple[list[dict[str, t.Any]], dict[str, t.Any]]:
    """Return rules and notifiers with their defaults. Raises CisError with all that is wrong, in one line.

    A rule without `notifiers` uses all of them. `options` has those of OPTIONS that are given.
    """
    problems = list(_wrong_options(options or {}))
    given_rules, given_notifiers = rules or [], notifiers or {}
    if not isinstance(given_rules, (list, tuple)):
        problems.append("cis_notify_rules: expected a list of rules; begin each with - name:")
        given_rules = []
    if not isinstance(given_notifiers, dict):
        problems.append("cis_notify_notifiers: expected a dictionary of names to notifiers")
        given_notifiers = {}
    checked_notifiers = {
        str(name): check_notifier(f"cis_notify_notifiers {name}", notifier, problems)
        for name, notifier in given_notifiers.items()
    }
    checked_rules: list[dict[str, t.Any]] = []
    for number, rule in enumerate(given_rules, 1):
        checked = _checked_rule(f"cis_notify_rules {number}", rule, checked_notifiers, problems)
        if checked and checked["name"] in [other.get("name") for other in checked_rules]:
            problems.append(f"cis_notify_rules {number}: duplicate rule name {checked['name']!r}; choose another")
        checked_rules.append(checked)
    if problems:
        raise CisError("; ".join(" ".join(problem.split()) for problem in problems))
    return checked_rules, checked_notifiers


def _wrong_options(options: dict[str, t.Any]) -> t.Iterator[str]:
    for name, value in options.items():
        if ArgumentSpecValidator({name: OPTIONS[name]}).validate({name: value}).error_messages:
            yield f"{name}: expected {OPTIONS[name]['type']}, got {value!r}"


def _checked_rule(where: str, rule: t.Any, notifiers: dict[str, t.Any], problems: list[str]) -> dict[str, t.Any]:
    if not isinstance(rule, dict):
        problems.append(f"{where}: expected a dictionary with name and on, got {rule!r}")
        return {}
    # YAML reads the bare word `on` as true, also as a key
    named = {"on" if key is True else key: value for key, value in rule.items()}
    if isinstance(named.get("name"), str):
        where = f"{where} ({named['name']})"
    checked = check_types(where, named, _RULE, problems)
    if not checked:
        return {}
    checked["name"] = plain(checked["name"])
    if checked["notifiers"] is None:
        checked["notifiers"] = list(notifiers)
    for name in checked["notifiers"]:
        if name not in notifiers:
            known = ", ".join(notifiers) or "none"
            problems.append(f"{where}: notifier {name!r} is not in cis_notify_notifiers; available: {known}")
    problems.extend(f"{where}: {problem}" for problem in wrong_addresses("recipients", checked["recipients"]))
    try:
        checked["min_interval"] = parse_duration(checked["min_interval"] or "0")
        if checked["min_interval"] < 0:
            raise ValueError("must not be negative")
    except ValueError as error:
        problems.append(f"{where}: min_interval: {error}; write it as 30m or 24h")
    return checked


def plan(
    rules: list[dict[str, t.Any]],
    notifiers: dict[str, t.Any],
    scan: dict[str, t.Any],
    sent: list[dict[str, str]],
    now: datetime.datetime,
) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Return the alerts to send, one for each rule and notifier, and a line for each that was sent too recently.

    `sent` has the alerts that were sent earlier and not resolved since. Only PagerDuty gets resolved alerts.
    """
    alerts, suppressed = [], []
    for rule in rules:
        if rule["kind"] not in ("any", scan["kind"]):
            continue
        for name in rule["notifiers"]:
            before = [entry for entry in sent if (entry["rule"], entry["notifier"]) == (rule["name"], name)]
            if CONDITIONS[rule["on"]](scan):
                until = _silent_until(before, rule["min_interval"], now)
                if until is None:
                    alerts.append(_alert(rule, name, notifiers[name], scan, "firing", now))
                else:
                    again = f"not sent again before {until.strftime(TIME)} (min_interval)"
                    suppressed.append(f"{again}: {rule['name']} to {plain(name)}")
            elif (
                notifiers[name]["type"] == "pagerduty"
                and rule["on"] in _RESOLVED
                and not scan["failure"]
                and not scan["not_scanned_total"]
                and not scan["not_chosen_total"]
                and any(entry["profile"] == scan["profile"].lower() for entry in before)
            ):
                alerts.append(_alert(rule, name, notifiers[name], scan, "resolved", now))
    return alerts, suppressed


def samples(notifiers: dict[str, t.Any], scan: dict[str, t.Any], now: datetime.datetime) -> list[dict[str, t.Any]]:
    """Return a test alert for each notifier."""
    return [
        _alert(
            {"name": "Test of the notifiers", "on": "completed", "severity": "info", "recipients": []},
            name,
            notifier,
            scan_without_report(scan["cluster"], scan["profile"], scan["kind"], scan["by"]),
            "test",
            now,
        )
        for name, notifier in notifiers.items()
    ]


def _silent_until(
    before: list[dict[str, str]], min_interval: float, now: datetime.datetime
) -> datetime.datetime | None:
    times = [from_utc(entry["at"]) for entry in before]
    last = max((at for at in times if at <= now), default=None)  # after a clock was set back, nothing is suppressed
    if last is None or (now - last).total_seconds() >= min_interval:
        return None
    return last + datetime.timedelta(seconds=min_interval)


def _alert(
    rule: dict[str, t.Any],
    name: str,
    notifier: dict[str, t.Any],
    scan: dict[str, t.Any],
    status: str,
    now: datetime.datetime,
) -> dict[str, t.Any]:
    return {
        "notifier": name,
        "type": notifier["type"],
        "tasks_file": notifier.get("tasks_file", ""),
        "alert": {
            "schema": SCHEMA,
            "status": status,
            "at": now.strftime(TIME),
            "rule": rule["name"],
            "on": rule["on"],
            "severity": rule["severity"],
            "recipients": rule["recipients"],
            "subject": _subject(rule, scan, status),
            **scan,
        },
    }


def _subject(rule: dict[str, t.Any], scan: dict[str, t.Any], status: str) -> str:
    if status == "test":
        return plain(f"[rke.cis] test: alerts of cluster {scan['cluster']} arrive here")
    counts = scan["counts"]
    lost = scan["unexamined_nodes_total"]
    said = {
        "completed": f"{counts.get('pass')} pass, {counts.get('fail')} fail of {counts.get('total')} controls",
        "failures": f"{counts.get('fail')} of {counts.get('total')} controls fail",
        "warnings": f"{counts.get('warn')} of {counts.get('total')} controls warn",
        "error": "the scan did not run" if scan["failure"] else f"{lost} node{'s' * (lost != 1)} could not be examined",
        "changed": f"{len(scan['newly_failing'])} newly failing, {len(scan['fixed'])} fixed",
        "waiver_expiring": f"waivers that expire soon or have expired: {scan['waivers_total']}",
    }[rule["on"]]
    if status == "resolved":
        said = _RESOLVED[rule["on"]]
    level = "resolved" if status == "resolved" else rule["severity"]
    return plain(f"[rke.cis] {level}: cluster {scan['cluster']}: {said} ({scan['profile']}, {scan['kind']} scan)")
