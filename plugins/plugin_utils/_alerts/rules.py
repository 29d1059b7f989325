# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Which alerts a scan gives: rules and notifiers checked, what fires, what was sent too short ago. Pure."""

from __future__ import annotations

import datetime
import os
import re
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.rke.cis.plugins.module_utils._docker import mask_url_passwords
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, KINDS, report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.values import parse_duration
from ansible_collections.rke.cis.plugins.plugin_utils._text import printable

SCHEMA = "rke.cis/alert/1"
STATE_SCHEMA = "rke.cis/alerts/1"
STATE_FILE = "alerts.json"
TIME = "%Y-%m-%dT%H:%M:%SZ"

# What a rule waits for, each asked of what the scan says.
CONDITIONS: dict[str, t.Callable[[dict[str, t.Any]], bool]] = {
    "completed": lambda scan: not scan["failure"],
    "failures": lambda scan: scan["counts"].get("fail", 0) > 0,
    "error": lambda scan: bool(scan["failure"] or scan["unexamined_nodes"]),
    "changed": lambda scan: bool(scan["newly_failing"] or scan["fixed"]),
    "waiver_expiring": lambda scan: bool(scan["waivers"]),
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

_TLS: dict[str, dict[str, t.Any]] = {
    "type": {"type": "str"},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 10},
}
_URL: dict[str, dict[str, t.Any]] = {**_TLS, "url": {"type": "str", "required": True, "no_log": True}}

NOTIFIERS: dict[str, dict[str, dict[str, t.Any]]] = {
    "slack": _URL,
    "email": {
        **_TLS,
        "host": {"type": "str", "required": True},
        "port": {"type": "int", "default": 587},
        "tls": {"type": "str", "choices": ["starttls", "implicit", "none"], "default": "starttls"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "sender": {"type": "str", "required": True},
        "recipients": {"type": "list", "elements": "str", "required": True},
    },
    "pagerduty": {
        **_TLS,
        "routing_key": {"type": "str", "required": True, "no_log": True},
        "url": {"type": "str", "default": "https://events.pagerduty.com/v2/enqueue"},
    },
    "webhook": {
        **_URL,
        "secret": {"type": "str", "no_log": True},
        "headers": {"type": "dict", "default": {}, "no_log": True},
    },
    "msteams": _URL,
    "custom": {"type": {"type": "str"}, "tasks_file": {"type": "path", "required": True}},
}

_MAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_MOST_CONTROLS = 20
_MOST_NODES = 10


# ------------------------------------------------------------------------------------------------ what is wanted


def check_request(rules: list[t.Any], notifiers: dict[str, t.Any]) -> tuple[list[dict[str, t.Any]], dict[str, t.Any]]:
    """Return rules and notifiers with their defaults. Raises CisError with all that is wrong, in one line.

    A rule that names no notifiers has all of them.
    """
    problems: list[str] = []
    checked_notifiers = {
        str(name): _checked_notifier(f"cis_notify_notifiers {name}", notifier, problems)
        for name, notifier in notifiers.items()
    }
    checked_rules: list[dict[str, t.Any]] = []
    for number, rule in enumerate(rules, 1):
        checked = _checked_rule(f"cis_notify_rules {number}", rule, checked_notifiers, problems)
        if checked and checked["name"] in [other.get("name") for other in checked_rules]:
            problems.append(
                f"cis_notify_rules {number}: there is another rule {checked['name']!r}; name it differently"
            )
        checked_rules.append(checked)
    if problems:
        raise CisError("; ".join(" ".join(problem.split()) for problem in problems))
    return checked_rules, checked_notifiers


def _validated(where: str, value: t.Any, spec: dict[str, t.Any], problems: list[str]) -> dict[str, t.Any]:
    result = ArgumentSpecValidator(spec).validate(value)
    for error in result.errors:
        unknown = "unknown option " if isinstance(error, UnsupportedError) else ""
        problems.append(f"{where}: {unknown}{error.msg}")
    return {} if result.error_messages else result.validated_parameters


def _checked_rule(where: str, rule: t.Any, notifiers: dict[str, t.Any], problems: list[str]) -> dict[str, t.Any]:
    if not isinstance(rule, dict):
        problems.append(f"{where}: a mapping with name and on is wanted, not {rule!r}")
        return {}
    # YAML reads the bare word `on` as true, as a key too
    named = {"on" if key is True else key: value for key, value in rule.items()}
    if isinstance(named.get("name"), str):
        where = f"{where} ({named['name']})"
    checked = _validated(where, named, _RULE, problems)
    if not checked:
        return {}
    checked["name"] = plain(checked["name"])
    if checked["notifiers"] is None:
        checked["notifiers"] = list(notifiers)
    for name in checked["notifiers"]:
        if name not in notifiers:
            known = ", ".join(notifiers) or "none"
            problems.append(f"{where}: no notifier {name!r} in cis_notify_notifiers; there are: {known}")
    for address in checked["recipients"]:
        if not _MAIL.fullmatch(address):
            problems.append(f"{where}: recipients: {address!r} is no e-mail address such as ops@example.com")
    try:
        checked["min_interval"] = parse_duration(checked["min_interval"] or "0")
        if checked["min_interval"] < 0:
            raise ValueError("a negative duration")
    except ValueError as error:
        problems.append(f"{where}: min_interval: {error}; write it as 30m or 24h")
    return checked


def _checked_notifier(where: str, notifier: t.Any, problems: list[str]) -> dict[str, t.Any]:
    kind = notifier.get("type") if isinstance(notifier, dict) else None
    if kind not in NOTIFIERS:
        problems.append(f"{where}: a mapping with a type is wanted, one of: {', '.join(NOTIFIERS)}")
        return {}
    checked = _validated(where, notifier, NOTIFIERS[kind], problems)
    if not checked:
        return {}
    missing = [name for name, option in NOTIFIERS[kind].items() if option.get("required") and not checked[name]]
    problems.extend(f"{where}: {name} is empty" for name in missing)
    if checked.get("url") and not re.match(r"https?://[^/\s]+\S*$", checked["url"]):
        problems.append(f"{where}: url is no http or https address")  # the address itself is a secret
    for name in ("ca_path", "tasks_file"):
        if checked.get(name):
            checked[name] = os.path.abspath(checked[name])
            if not os.path.isfile(checked[name]):
                problems.append(f"{where}: {name} {checked[name]}: no such file on the controller")
    if checked.get("timeout", 1) < 1:
        problems.append(f"{where}: timeout: a number of seconds from 1 on is wanted")
    if kind == "email":
        for name in ("sender", "recipients"):
            for address in [checked[name]] if name == "sender" else checked[name]:
                if not _MAIL.fullmatch(address):
                    problems.append(f"{where}: {name}: {address!r} is no e-mail address such as ops@example.com")
        if checked["password"] and not checked["username"]:
            problems.append(f"{where}: a password needs a username")
        if checked["password"] and checked["tls"] == "none":
            problems.append(f"{where}: a password would be sent in clear; set tls to starttls or implicit")
    return checked


# ------------------------------------------------------------------------------------------- what the scan says


def plain(text: t.Any, most: int = 200) -> str:
    """Return text on one line, bounded, without what drives terminals, and without passwords in addresses."""
    line = mask_url_passwords(" ".join(str(text).split()))
    line = printable(line.encode("utf-8", "replace").decode("utf-8"))
    return line if len(line) <= most else line[: most - 3] + "..."


def _names(names: t.Iterable[t.Any]) -> list[str]:
    return [plain(name) for name in names]


def scan_of_report(report: dict[str, t.Any], path: str, result: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return what alerts say of a scan. `result` is what score_evidence returned: it knows the last scan, too."""
    failing = [check for check in report_checks(report) if check["state"] in ("fail", "mixed")]
    lost = report["node_errors"]
    ending = [waiver for waiver in report.get("waivers", []) if waiver["status"] in ("expiring", "expired")]
    return {
        **scan_without_report(report["cluster"], report["profile"], report["scan"]["kind"], report["scan"]["by"]),
        "scan": plain(report["scan"]["name"]),
        "report": path,
        "counts": {key: report[key] for key in ("total", *COUNTS)},
        "failing": [
            {
                "id": check["id"],
                "title": plain(check["title"]),
                "nodes": _names(check["failed_nodes"][:_MOST_NODES]),
                "nodes_total": len(check["failed_nodes"]),
            }
            for check in failing[:_MOST_CONTROLS]
        ],
        "compared_with": plain(result.get("compared_with") or ""),
        "newly_failing": _names(result.get("newly_failing") or []),
        "fixed": _names(result.get("fixed") or []),
        "unexamined_nodes": [{"node": plain(node), "reason": plain(lost[node])} for node in sorted(lost)[:_MOST_NODES]],
        "unexamined_nodes_total": len(lost),
        "waivers": [
            {
                "controls": _names(waiver["controls"][:_MOST_CONTROLS]),
                "owner": plain(waiver["owner"]),
                "status": waiver["status"],
                "expires": plain(waiver["expires"]),
            }
            for waiver in ending[:_MOST_CONTROLS]
        ],
        "waivers_total": len(ending),
    }


def scan_without_report(cluster: str, profile: str, kind: str, by: str, failure: str = "") -> dict[str, t.Any]:
    """Return what alerts say of a scan that gave no report, by reason of `failure`."""
    return {
        "cluster": plain(cluster),
        "profile": plain(profile),
        "kind": kind,
        "by": plain(by),
        "scan": "",
        "report": "",
        "failure": plain(failure, 1000),
        "counts": {},
        "failing": [],
        "compared_with": "",
        "newly_failing": [],
        "fixed": [],
        "unexamined_nodes": [],
        "unexamined_nodes_total": 0,
        "waivers": [],
        "waivers_total": 0,
    }


# ---------------------------------------------------------------------------------------------------- the alerts


def plan(
    rules: list[dict[str, t.Any]],
    notifiers: dict[str, t.Any],
    scan: dict[str, t.Any],
    sent: list[dict[str, str]],
    now: datetime.datetime,
) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Return the alerts to send, one for each rule and notifier, and a line for each that was sent too short ago.

    `sent` is what was sent earlier and not resolved since. Only PagerDuty hears that a failure is over.
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
                and rule["on"] in ("failures", "error")
                and not scan["failure"]
                and any(entry["profile"] == scan["profile"].lower() for entry in before)
            ):
                alerts.append(_alert(rule, name, notifiers[name], scan, "resolved", now))
    return alerts, suppressed


def samples(notifiers: dict[str, t.Any], scan: dict[str, t.Any], now: datetime.datetime) -> list[dict[str, t.Any]]:
    """Return one alert for each notifier that says it is a test."""
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
    times = [parse_time(entry["at"]) for entry in before]
    last = max((at for at in times if at <= now), default=None)  # a clock that was set back silences nothing
    if last is None or (now - last).total_seconds() >= min_interval:
        return None
    return last + datetime.timedelta(seconds=min_interval)


def parse_time(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, TIME).replace(tzinfo=datetime.timezone.utc)


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
        "error": "the scan did not run" if scan["failure"] else f"{lost} node{'s' * (lost != 1)} could not be examined",
        "changed": f"{len(scan['newly_failing'])} newly failing, {len(scan['fixed'])} fixed",
        "waiver_expiring": f"waivers that expire soon or have expired: {scan['waivers_total']}",
    }[rule["on"]]
    if status == "resolved":
        said = {"failures": "no control fails any more", "error": "all nodes were examined again"}[rule["on"]]
    level = "resolved" if status == "resolved" else rule["severity"]
    return plain(f"[rke.cis] {level}: cluster {scan['cluster']}: {said} ({scan['profile']}, {scan['kind']} scan)")


# ------------------------------------------------------------------------------------------------- what was sent


def check_state(document: t.Any) -> list[dict[str, str]]:
    """Return the entries of the file of what was sent. Raises ValueError if it is none."""
    if not isinstance(document, dict) or document.get("schema") != STATE_SCHEMA:
        raise ValueError("no record of alerts")
    entries = document.get("sent")
    wanted = {"rule", "notifier", "profile", "at"}
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and set(entry) == wanted for entry in entries):
        raise ValueError("malformed entries")
    for entry in entries:
        parse_time(str(entry["at"]))
    return entries


def record(sent: list[dict[str, str]], delivered: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """Return the new record: each delivered alert stands in it once, and a resolved one is forgotten."""
    entries = {(entry["rule"], entry["notifier"], entry["profile"]): entry for entry in sent}
    for item in delivered:
        alert = item["alert"]
        key = (alert["rule"], item["notifier"], alert["profile"].lower())
        if alert["status"] == "resolved":
            entries.pop(key, None)
        elif alert["status"] == "firing":
            entries[key] = dict(zip(("rule", "notifier", "profile"), key, strict=True), at=alert["at"])
    return {"schema": STATE_SCHEMA, "sent": list(entries.values())}
