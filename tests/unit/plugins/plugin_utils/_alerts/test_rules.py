# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import datetime
import itertools
import json
import pathlib
import typing as t

import jsonschema
import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._alerts.content import plain, scan_without_report, text
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.notifiers import TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import OPTIONS, check_request, plan, samples
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.state import read_sent, record
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.alert_helper import (
    DEFAULT_RULES,
    HOSTILE,
    NOTIFIERS,
    NOW,
    ROOT,
    SCHEMA,
    a_report,
    a_scan,
    an_alert,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, node, set_flag

FAILED = scan_without_report("prod", "RKE-CIS-1.4-Hardened", "scheduled", "cron", "unknown profile")


def planned(
    rules: list[dict[t.Any, t.Any]], scan: dict[str, t.Any], sent: t.Any = (), now: datetime.datetime = NOW
) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return rule, notifier and status of each alert, and what is suppressed."""
    checked, notifiers = check_request(rules, NOTIFIERS)
    alerts, suppressed = plan(checked, notifiers, scan, list(sent), now)
    for item in alerts:
        if item["alert"]["status"] == "firing":
            jsonschema.validate(item["alert"], SCHEMA)
    return [(item["alert"]["rule"], item["notifier"], item["alert"]["status"]) for item in alerts], suppressed


# ------------------------------------------------------------------------------------------- what fires


FOUR = list(itertools.product(("completed", "failures"), ("manual", "scheduled")))


def test_the_four_alerts_are_there_by_default() -> None:
    assert [(rule["on"], rule["kind"]) for rule in DEFAULT_RULES] == [
        ("completed", "manual"),
        ("failures", "manual"),
        ("completed", "scheduled"),
        ("failures", "scheduled"),
    ]
    assert [rule["severity"] for rule in DEFAULT_RULES] == ["info", "warning", "info", "warning"]
    rules, notifiers = check_request(DEFAULT_RULES, {})
    assert plan(rules, notifiers, a_scan(), [], NOW) == ([], [])


@pytest.mark.parametrize("failing", [True, False], ids=["fails", "clean"])
@pytest.mark.parametrize("severity", ["info", "warning", "critical"])
@pytest.mark.parametrize("scanned", ["manual", "scheduled"])
@pytest.mark.parametrize("on,kind", FOUR)
def test_four_alerts_two_kinds_of_scan_three_severities(
    on: str, kind: str, scanned: str, severity: str, failing: bool
) -> None:
    rule = {"name": "r", "on": on, "kind": kind, "severity": severity, "notifiers": ["slack"]}
    checked, notifiers = check_request([rule], NOTIFIERS)
    alerts, suppressed = plan(checked, notifiers, a_scan(a_report(failing, scanned)), [], NOW)
    fires = kind == scanned and (on == "completed" or failing)
    assert [item["alert"]["severity"] for item in alerts] == ([severity] if fires else [])
    assert suppressed == []


@pytest.mark.parametrize(
    "on,scan,fires",
    [
        ("completed", FAILED, False),
        ("failures", FAILED, False),
        ("error", FAILED, True),
        ("changed", FAILED, False),
        ("waiver_expiring", FAILED, False),
        ("error", a_scan(), False),
        ("error", a_scan(a_report(node_errors={"n9": "no route"})), True),
        ("completed", a_scan(a_report(node_errors={"n9": "no route"})), True),
        ("changed", a_scan(), False),
        ("changed", a_scan(compared_with="x", newly_failing=[], fixed=[]), False),
        ("changed", a_scan(compared_with="x", newly_failing=["1.1.2"], fixed=[]), True),
        ("changed", a_scan(compared_with="x", newly_failing=[], fixed=["1.1.2"]), True),
        ("waiver_expiring", a_scan(), False),
        *(
            (
                "waiver_expiring",
                a_scan(
                    a_report(waivers=[{"controls": ["1.*"], "owner": "o", "status": status, "expires": "2026-12-01"}])
                ),
                fires,
            )
            for status, fires in (("live", False), ("unused", False), ("expiring", True), ("expired", True))
        ),
    ],
)
@pytest.mark.parametrize("kind", ["any", "manual", "scheduled"])
def test_conditions(on: str, scan: dict[str, t.Any], fires: bool, kind: str) -> None:
    rule = {"name": "r", "on": on, "kind": kind, "notifiers": ["slack"]}
    fires = fires and kind in ("any", scan["kind"])
    assert planned([rule], scan)[0] == ([("r", "slack", "firing")] if fires else [])


def test_a_rule_without_notifiers_has_all_and_one_with_none_is_off() -> None:
    rules = [{"name": "all", "on": "completed"}, {"name": "off", "on": "completed", "notifiers": []}]
    assert planned(rules, a_scan())[0] == [("all", name, "firing") for name in NOTIFIERS]


# -------------------------------------------------------------------------------------------- how often


def entry(minutes: int, **more: str) -> dict[str, str]:
    at = (NOW - datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"rule": "r", "notifier": "slack", "profile": "rke-cis-1.4-hardened", "at": at, **more}


@pytest.mark.parametrize(
    "sent,fires",
    [
        ([], True),
        ([entry(0)], False),
        ([entry(59)], False),
        ([entry(60)], True),
        ([entry(61)], True),
        ([entry(-5)], True),  # the clock was set back
        ([entry(30, rule="other")], True),
        ([entry(30, notifier="email")], True),
        ([entry(30, profile="rke-cis-1.4-permissive")], False),  # the same rule, the same cluster
        ([entry(90), entry(30, profile="rke-cis-1.4-permissive")], False),
    ],
)
def test_min_interval(sent: list[dict[str, str]], fires: bool) -> None:
    rule = {"name": "r", "on": "failures", "notifiers": ["slack"], "min_interval": "1h"}
    alerts, suppressed = planned([rule], a_scan(), sent)
    assert bool(alerts) is fires
    assert len(suppressed) == (not fires)
    if sent == [entry(59)]:
        assert suppressed == ["not sent again before 2026-11-21T22:01:00Z (min_interval): r to slack"]


def test_without_min_interval_each_scan_is_told() -> None:
    assert planned([{"name": "r", "on": "failures", "notifiers": ["slack"]}], a_scan(), [entry(0)])[0]


def warning_scan() -> dict[str, t.Any]:
    document = node("n1")
    set_flag(document, "kube-apiserver", "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA")
    nodes = [document, node("n2")]
    return a_scan(build_report(load_benchmark("rke-cis-1.3"), "permissive", nodes, cluster(), cluster="prod"))


def test_a_rule_on_warnings_names_what_warns() -> None:
    scan = warning_scan()
    assert planned([{"name": "r", "on": "warnings", "notifiers": ["slack"]}], a_scan()) == ([], [])
    alert = an_alert(scan, on="warnings")
    assert alert["subject"].startswith(
        f"[rke.cis] warning: cluster prod: {scan['counts']['warn']} of 113 controls warn ("
    )
    assert {item["id"]: item["nodes"] for item in alert["warning"]}["1.1.30"] == ["n1"]
    assert not {item["id"] for item in alert["failing"]} & {item["id"] for item in alert["warning"]}
    assert f" {scan['counts']['warn']} warn" in text(alert) and "Warning:   1.1.30 (medium) on n1: " in text(alert)


@pytest.mark.parametrize("on", ["failures", "warnings", "error", "completed"])
@pytest.mark.parametrize("notifier", ["pagerduty", "slack"])
def test_pagerduty_hears_that_it_is_over(on: str, notifier: str) -> None:
    sent = [entry(10, notifier=notifier)]
    rule = {"name": "r", "on": on, "notifiers": [notifier]}
    clean = a_scan(a_report(failing=False))
    expected = [("r", notifier, "resolved")] if notifier == "pagerduty" else []
    if on == "completed":
        expected = [("r", notifier, "firing")]
    assert planned([rule], clean, sent)[0] == expected


SOME = {"choice": {"level": 1}, "controls": 90, "of": 97}


def test_an_alert_says_that_not_all_controls_were_chosen() -> None:
    assert "Part:      7 controls of the benchmark not chosen" in text(an_alert(a_scan(a_report(only=SOME))))


@pytest.mark.parametrize(
    "scan,sent",
    [
        (a_scan(a_report(failing=False)), []),
        (a_scan(a_report(failing=False)), [entry(10, notifier="pagerduty", profile="rke-cis-1.4-permissive")]),
        (FAILED, [entry(10, notifier="pagerduty")]),
        (a_scan(a_report(failing=False, only=SOME)), [entry(10, notifier="pagerduty")]),
        (a_scan(a_report(failing=False, not_scanned=["n2"])), [entry(10, notifier="pagerduty")]),
    ],
    ids=["never told", "another profile", "nothing was seen", "only some controls", "only some nodes"],
)
def test_what_resolves_nothing(scan: dict[str, t.Any], sent: list[dict[str, str]]) -> None:
    assert planned([{"name": "r", "on": "failures", "notifiers": ["pagerduty"]}], scan, sent) == ([], [])


def read_back(directory: pathlib.Path, document: dict[str, t.Any]) -> list[dict[str, str]]:
    (directory / "alerts.json").write_text(json.dumps(document), encoding="utf-8")
    sent, warnings = read_sent(str(directory / "alerts.json"))
    assert warnings == []
    return sent


def test_record_keeps_the_last_of_each_and_forgets_what_is_over(tmp_path: pathlib.Path) -> None:
    rules, notifiers = check_request([{"name": "r", "on": "failures", "notifiers": ["pagerduty"]}], NOTIFIERS)
    fired, _suppressed = plan(rules, notifiers, a_scan(), [], NOW)
    old = [entry(60), entry(60, notifier="pagerduty")]
    document = record(old, fired)
    assert read_back(tmp_path, document) == [entry(60), entry(0, notifier="pagerduty")]
    over, _suppressed = plan(rules, notifiers, a_scan(a_report(failing=False)), document["sent"], NOW)
    assert record(document["sent"], over)["sent"] == [entry(60)]
    assert record([], samples(notifiers, FAILED, NOW))["sent"] == []


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"schema": "x"}, {"schema": "rke.cis/alerts/1", "sent": [{}]}]
    + [{"schema": "rke.cis/alerts/1", "sent": [entry(0, at=at)]} for at in ("", "yesterday")],
)
def test_a_damaged_record_is_a_warning(tmp_path: pathlib.Path, document: t.Any) -> None:
    (tmp_path / "alerts.json").write_text(json.dumps(document), encoding="utf-8")
    sent, (warning,) = read_sent(str(tmp_path / "alerts.json"))
    assert sent == [] and warning.endswith("; alerts may be sent again too soon")


# --------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "rule,words",
    [
        ("x", "cis_notify_rules 1: expected a dictionary with name and on, got 'x'"),
        ({"on": "completed"}, "cis_notify_rules 1: missing required arguments: name"),
        ({"name": "r"}, "cis_notify_rules 1 (r): missing required arguments: on"),
        (
            {"name": "r", "on": "fail"},
            "cis_notify_rules 1 (r): value of on must be one of: completed, failures, warnings, error,",
        ),
        ({"name": "r", True: "fail"}, "value of on must be one of"),
        ({"name": "r", "on": "error", "kind": "x"}, "value of kind must be one of: manual, scheduled, any, got: x"),
        ({"name": "r", "on": "error", "severity": "x"}, "value of severity must be one of: info, warning, critical"),
        (
            {"name": "r", "on": "error", "notifiers": ["x"]},
            "notifier 'x' is not in cis_notify_notifiers; available: slack,",
        ),
        ({"name": "r", "on": "error", "recipients": ["x"]}, "recipients: 'x' is not an e-mail address such as"),
        (
            {"name": "r", "on": "error", "min_interval": "1d"},
            "min_interval: '1d' is not a valid duration such as 30m or 1h30m",
        ),
        ({"name": "r", "on": "error", "min_interval": "-1h"}, "min_interval: must not be negative; write it as"),
        ({"name": "r", "on": "error", "when": 1}, "(r): unknown option when. Supported parameters include: kind,"),
    ],
)
def test_a_wrong_rule_is_named(rule: t.Any, words: str) -> None:
    with pytest.raises(CisError) as refused:
        check_request([rule], NOTIFIERS)
    assert words.lower() in str(refused.value).lower()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "notifier,words",
    [
        (
            "https://CANARY",
            "cis_notify_notifiers n: expected a dictionary with a type; available: slack, email, pagerduty,",
        ),
        ({}, "expected a dictionary with a type"),
        ({"type": "sms"}, "expected a dictionary with a type"),
        ({"type": ["slack"]}, "expected a dictionary with a type"),
        ({"type": "slack"}, "cis_notify_notifiers n: missing required arguments: url"),
        ({"type": "slack", "url": ""}, "cis_notify_notifiers n: url is empty"),
        ({"type": "slack", "url": "CANARY"}, "url must be an http(s) URL"),
        ({"type": "slack", "url": "https://x", "chanel": "y"}, "n: unknown option chanel. Supported"),
        ({"type": "slack", "url": "https://x", "ca_path": "/no/ca"}, "ca_path /no/ca: no such file on the controller"),
        ({"type": "slack", "url": "https://x", "timeout": 0}, "timeout must be at least 1 second"),
        ({"type": "slack", "url": "https://x", "timeout": "x"}, "timeout"),
        ({"type": "custom", "tasks_file": "/no/tasks"}, "tasks_file /no/tasks: no such file on the controller"),
        ({"type": "email", "host": "h", "sender": "s", "recipients": ["a@b"]}, "sender: 's' is not an e-mail address"),
        ({"type": "email", "host": "h", "sender": "a@b", "recipients": []}, "recipients is empty"),
        ({"type": "email", "host": "h", "sender": "a@b", "recipients": ["b\n@c"]}, "is not an e-mail address"),
        ({**NOTIFIERS["email"], "username": None}, "password requires username"),
        ({**NOTIFIERS["email"], "tls": "none"}, "password would be sent unencrypted; set tls to starttls or implicit"),
        ({**NOTIFIERS["email"], "tls": "ssl"}, "value of tls must be one of: starttls, implicit, none, got: ssl"),
    ],
)
def test_a_wrong_notifier_is_named_without_its_secrets(notifier: t.Any, words: str) -> None:
    with pytest.raises(CisError) as refused:
        check_request([], {"n": notifier})
    assert words.lower() in str(refused.value).lower()
    assert "CANARY" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(CisError, match="cis_notify_notifiers n: .*; cis_notify_rules 1: .*; cis_notify_rules 2 "):
        check_request(["x", {"name": "r"}], {"n": {}})


def test_names_of_rules_are_not_given_twice() -> None:
    with pytest.raises(CisError, match="cis_notify_rules 2: duplicate rule name 'r'; choose another"):
        check_request([{"name": "r", "on": "error"}] * 2, {})


@pytest.mark.parametrize(
    "rules, notifiers, options, words",
    [
        ("x", None, {}, "cis_notify_rules: expected a list of rules; "),
        ({"name": "r"}, {}, {}, "cis_notify_rules: expected a list of rules; "),
        ([], "CANARY", {}, "cis_notify_notifiers: expected a dictionary of names to notifiers"),
        ([], ["CANARY"], {}, "cis_notify_notifiers: expected a dictionary of names to notifiers"),
        ([], {}, {"cis_notify_retries": "three"}, "cis_notify_retries: "),
        ([], {}, {"cis_notify_delay": "x", "cis_notify_fail": "x"}, "cis_notify_fail: "),
        ([], {}, {"cis_notify_test": 7}, "cis_notify_test: "),
    ],
)
def test_options_of_a_wrong_type_are_named(
    rules: t.Any, notifiers: t.Any, options: dict[str, t.Any], words: str
) -> None:
    with pytest.raises(CisError) as refused:
        check_request(rules, notifiers, options)
    assert words in str(refused.value) and "CANARY" not in str(refused.value) and "\n" not in str(refused.value)


def test_options_are_those_of_the_role() -> None:
    role = yaml.safe_load((ROOT / "roles/cis_notify/meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = role["argument_specs"]["main"]["options"]
    checked = {*OPTIONS, "cis_notify_rules", "cis_notify_notifiers", "cis_notify_scan"}
    assert checked == set(options)
    assert {name: options[name]["type"] for name in OPTIONS} == {name: one["type"] for name, one in OPTIONS.items()}
    assert check_request(None, None, {name: options[name]["default"] for name in OPTIONS}) == ([], {})


def test_yaml_may_read_on_as_true() -> None:
    assert check_request([{"name": "r", True: "error"}], {})[0][0]["on"] == "error"


def test_each_type_is_tried_here() -> None:
    assert {*NOTIFIERS, "custom"} == set(TYPES)


# ----------------------------------------------------------------------------------------- what is said


def test_an_alert_tells_what_a_reader_asks() -> None:
    alert = an_alert(a_scan(compared_with="before", newly_failing=["1.1.2"], fixed=["2.1.1"]))
    assert alert["subject"] == (
        "[rke.cis] warning: cluster prod: 1 of 97 controls fail (RKE-CIS-1.4-Hardened, manual scan)"
    )
    assert (alert["cluster"], alert["profile"], alert["by"]) == ("prod", "RKE-CIS-1.4-Hardened", "alice")
    assert [(item["id"], item["nodes"], item["nodes_total"]) for item in alert["failing"]] == [("1.1.2", ["n1"], 1)]
    assert (alert["compared_with"], alert["newly_failing"], alert["fixed"]) == ("before", ["1.1.2"], ["2.1.1"])
    assert alert["counts"]["fail"] == 1
    assert alert["report"] == "/reports/prod/x/report.json"


@pytest.mark.parametrize(
    "rule,scan,words",
    [
        ({"on": "completed", "severity": "info"}, a_scan(), "info: cluster prod: "),
        ({"on": "completed"}, a_scan(), " 1 fail of 97 controls (RKE"),
        ({"on": "error", "severity": "critical"}, FAILED, "critical: cluster prod: the scan did not run (RKE"),
        ({"on": "error"}, a_scan(a_report(node_errors={"a": "x"})), ": 1 node could not be examined ("),
        ({"on": "error"}, a_scan(a_report(node_errors={"a": "x", "b": "y"})), ": 2 nodes could not be examined ("),
        ({"on": "changed"}, a_scan(newly_failing=["a", "b"], fixed=["c"]), ": 2 newly failing, 1 fixed ("),
    ],
)
def test_subjects(rule: dict[str, t.Any], scan: dict[str, t.Any], words: str) -> None:
    assert words in an_alert(scan, **rule)["subject"]


def test_much_is_bounded_and_counted() -> None:
    report = a_report()
    check = next(check for group in report["results"] for check in group["checks"] if check["state"] == "fail")
    many = [{**copy.deepcopy(check), "failed_nodes": [f"n{number}" for number in range(300)]}] * 50
    report["results"], report["fail"] = [{"id": "1", "description": "x", "checks": many}], 50
    report["node_errors"] = {f"lost{number:03}": "gone " * 500 for number in range(200)}
    alert = an_alert(a_scan(report))
    jsonschema.validate(alert, SCHEMA)
    assert (len(alert["failing"]), alert["counts"]["fail"]) == (20, 50)
    assert (len(alert["failing"][0]["nodes"]), alert["failing"][0]["nodes_total"]) == (10, 300)
    assert (len(alert["unexamined_nodes"]), alert["unexamined_nodes_total"]) == (10, 200)
    assert len(json.dumps(alert)) < 15_000


def test_hostile_names_are_bounded_and_drive_no_terminal() -> None:
    report = a_report(name=HOSTILE, node_errors={HOSTILE: HOSTILE * 10}, cluster=HOSTILE)
    alert = an_alert(a_scan(report))
    jsonschema.validate(alert, SCHEMA)
    text = json.dumps(alert, ensure_ascii=False)
    assert all(char.isprintable() for char in text)
    assert "\\u001b" not in text and "\\n" not in text
    assert len(text) < 15_000


@pytest.mark.parametrize(
    "text,expected",
    [
        ("a\n b\t c", "a b c"),
        ("see https://user:hunter2@host/x", "see https://********@host/x"),
        ("\x1b[31m\u202eabc", "?[31m?abc"),
        ("\ud800", "?"),
        ("x" * 201, "x" * 197 + "..."),
        (5, "5"),
    ],
)
def test_plain(text: t.Any, expected: str) -> None:
    assert plain(text) == expected


def test_a_sample_for_each_notifier_says_that_it_is_one() -> None:
    _rules, notifiers = check_request([], NOTIFIERS)
    made = samples(notifiers, a_scan(), NOW)
    assert [item["notifier"] for item in made] == list(NOTIFIERS)
    for item in made:
        jsonschema.validate(item["alert"], SCHEMA)
        assert item["alert"]["status"] == "test"
        assert item["alert"]["subject"] == "[rke.cis] test: alerts of cluster prod arrive here"
