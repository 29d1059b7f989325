# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.gates import _KEYS, FAIL_ON, check_thresholds, judge
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.compare_helper import small_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, lost, node, set_flag
from ansible_collections.rke.cis.tests.unit.test_formats import waiver

Report = dict[str, t.Any]


def both(state: str) -> dict[str, t.Any]:
    return {"n1": state, "n2": state}


def report(controls: dict[str, t.Any], severities: t.Mapping[str, str] | None = None, **more: t.Any) -> Report:
    """Return a report with these controls, and its own counts."""
    made = small_report(controls, **more)
    for check in report_checks(made):
        made["fail" if check["state"] == "mixed" else check["state"]] += 1
        if "evidence" in check:
            check["error_nodes"] = [n for part in check["evidence"] if part["state"] == "error" for n in part["nodes"]]
        check["severity"] = (severities or {}).get(check["id"], "medium")
    return made


def gates(now: Report, before: Report | None = None, fail_on: t.Any = (), **thresholds: t.Any) -> dict[str, t.Any]:
    wanted = check_thresholds(thresholds.pop("limits", None))
    comparison = compare(before, now) if before else None
    return {gate["gate"]: gate for gate in judge(now, before, comparison, fail_on, wanted)}


def gate(now: Report, key: str, limit: t.Any) -> dict[str, t.Any]:
    return gates(now, limits={key: limit})[key]


EVERYTHING = {
    "1.1": both("pass"),
    "1.2": both("fail"),
    "1.3": {"n1": "pass", "n2": "fail"},
    "1.4": both("warn"),
    "1.5": {"n1": "pass", "n2": "error"},
    "1.6": both("manual"),
    "1.7": both("skip"),  # waived
    "1.8": "skip",
    "1.9": "notApplicable",
    "1.10": {"n1": "fail", "n2": "error"},
    "1.11": both("pass"),
}
BAD = {"1.2": "critical", "1.3": "high", "1.11": "low"}
NOW = report(EVERYTHING, BAD, node_errors={"n2": "it is down"})

FIGURES: dict[str, t.Any] = {
    "compliance": 100 * 2 // 6,
    "passed.total": 2,
    "passed.low": 1,
    "passed.medium": 1,
    "failed.total": 3,
    "failed.critical": 1,
    "failed.high": 1,
    "failed.medium": 1,
    "failed.low": 0,
    "skipped.total": 1,
    "no_impact.total": 3,
    "no_impact.medium": 3,
    "no_impact.none": 0,
    "error.total": 1,
    "error.high": 0,
}


@pytest.mark.parametrize("what, figure", FIGURES.items())
def test_figures_hold_against_limits_on_both_sides(what: str, figure: int) -> None:
    for word, off, failed in (("min", 0, False), ("min", 1, True), ("max", 0, False), ("max", -1, True)):
        if figure + off < 0:
            continue
        found = gate(NOW, f"{what}.{word}", figure + off)
        assert (found["figure"], found["limit"], found["failed"]) == (figure, figure + off, failed)


def test_a_total_without_min_or_max_is_exact() -> None:
    for limit, failed in ((2, True), (3, False), (4, True)):
        assert gate(NOW, "failed.total", limit)["failed"] is failed
    assert gate(NOW, "failed.total", 2)["text"] == "failed.total: 3, must be exactly 2 (1.2, 1.3, 1.10)"


def test_zero_is_a_limit() -> None:
    """Other tools take it for no limit."""
    assert gate(NOW, "compliance.max", 0)["failed"] is True
    assert gate(NOW, "failed.total.max", 0)["failed"] is True
    assert gate(NOW, "failed.low.max", 0)["failed"] is False


def test_compliance_is_the_score_of_the_report_rounded_down() -> None:
    now = report({**{f"1.{number}": both("pass") for number in range(1, 1000)}, "2.1": both("fail")})
    assert gate(now, "compliance.min", 100)["figure"] == 99
    assert gate(now, "compliance.min", 99.5)["text"] == "compliance.min: 99, must be at least 99.5"
    only_warns = report({"1.1": both("warn")})
    for word in ("min", "max"):
        found = gate(only_warns, f"compliance.{word}", 0)
        assert (found["figure"], found["failed"]) == (None, True)
        assert "no score" in found["text"]


@pytest.mark.parametrize(
    "limit, said",
    [
        (["1.3"], ""),
        ([], "exactly none (not named 1.3)"),
        (["1.3", "1.2"], "exactly 1.3, 1.2 (missing 1.2)"),
        (["1.1"], "exactly 1.1 (missing 1.1; not named 1.3)"),
    ],
)
def test_ids_are_all_that_may_be_there(limit: list[str], said: str) -> None:
    found = gate(NOW, "failed.high.controls", limit)
    assert (found["figure"], found["limit"], found["failed"]) == (["1.3"], limit, bool(said))
    assert found["text"] == f"failed.high.controls: 1, must be {said or 'exactly 1.3'}"


@pytest.mark.parametrize(
    "name, figure, names",
    [
        ("error", 2, "1.5, 1.10"),
        ("unreachable", 1, "n2"),
        ("fail", 3, "1.2, 1.3, 1.10"),
        ("warn", 1, "1.4"),
        ("manual", 1, "1.6"),
    ],
)
def test_what_a_scan_may_fail_on(name: str, figure: int, names: str) -> None:
    assert gates(NOW, fail_on=[name])[name] == {
        "gate": name, "figure": figure, "limit": 0, "failed": True, "note": "",
        "text": f"{name}: {figure}, must be at most 0 ({names})",
    }  # fmt: skip
    good = gates(report({"1.1": both("pass")}), fail_on=[name])[name]
    assert (good["figure"], good["failed"], good["text"]) == (0, False, f"{name}: 0, must be at most 0")


def test_lines_are_bounded_and_printable() -> None:
    now = report({f"1.{number}": both("fail") for number in range(500)})
    (found,) = gates(now, fail_on=["fail"]).values()
    assert found["text"].endswith("1.8, 1.9 and 490 more)") and len(found["text"]) < 200
    now = report({"1.1": both("pass")}, node_errors={"a\x1b[2J\nb": "x"})
    (found,) = gates(now, fail_on=["unreachable"]).values()
    assert found["text"].isprintable()


# ------------------------------------------------------------------------------------- nothing that was judged

EVERY_GATE = {
    **{key: [] if key.endswith(".controls") else 0 for key in _KEYS if not key.startswith("compliance")},
    "compliance.min": 0,
    "compliance.max": 100,
}
EMPTY = {
    "no control": {},
    "skips": {"1.1": "skip", "1.2": "notApplicable"},
    "persons": {"1.1": both("manual")},
    "errors": {"1.1": both("error"), "1.2": "skip"},
    "errors of one node": {"1.1": {"n1": "pass", "n2": "error"}},
    "no node": {"1.1": {}},
}


@pytest.mark.parametrize("name", EMPTY)
def test_where_nothing_was_judged_each_gate_fails(name: str) -> None:
    now = report(EMPTY[name])
    found = gates(now, now, fail_on=FAIL_ON, limits=EVERY_GATE)
    assert len(found) == len(FAIL_ON) + len(_KEYS)
    for one in found.values():
        assert one["failed"] is True and one["text"].endswith("nothing was judged"), one["gate"]
    assert gates(now) == {}


def test_a_cluster_of_which_nothing_was_seen_fails_each_gate() -> None:
    now = build_report(BENCHMARK, "hardened", [lost("n1", ["controlplane", "etcd"]), lost("n2", ["worker"])])
    found = gates(now, fail_on=["fail", "new"], limits={"failed.total.max": 5, "passed.total.min": 0})
    assert all(one["failed"] for one in found.values())


@pytest.mark.parametrize("seen", [both("pass"), {"n1": "fail", "n2": "error"}, {"n1": "warn", "n2": "error"}])
def test_one_control_that_is_decided_is_enough(seen: dict[str, str]) -> None:
    now = report({"1.1": seen, "1.2": both("error")})
    assert gate(now, "passed.total.min", 0)["failed"] is False


def test_a_waived_failure_was_judged() -> None:
    document = node("n1")
    set_flag(document, "kube-apiserver", "--profiling=true")
    others = [control["id"] for control in BENCHMARK.controls if control["id"] != "1.1.8"]
    skips = {one: {"by": "cis_scan_skip", "reason": ""} for one in others}
    now = build_report(BENCHMARK, "hardened", [document], skips=skips, waivers=[waiver("1.1.8", [])])
    assert {check["state"] for check in report_checks(now)} <= {"skip", "notApplicable"}
    assert gates(now, fail_on=["fail"])["fail"]["failed"] is False


# ------------------------------------------------------------------------------------- since the scan before

SINCE: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], list[str]]] = {
    "nothing new": ({"1.1": both("fail")}, {"1.1": both("fail")}, []),
    "fails now": ({"1.1": both("pass")}, {"1.1": both("fail")}, ["1.1"]),
    "fails on one node more": ({"1.1": {"n1": "fail", "n2": "pass"}}, {"1.1": both("fail")}, ["1.1"]),
    "fixed": ({"1.1": both("fail")}, {"1.1": both("pass")}, []),
    "was waived": ({"1.1": both("skip")}, {"1.1": both("fail")}, ["1.1"]),
    "was skipped": ({"1.1": "skip"}, {"1.1": both("fail")}, ["1.1"]),
    "was skipped, passes": ({"1.1": "skip"}, {"1.1": both("pass")}, []),
    "was not chosen": ({}, {"1.1": both("fail")}, ["1.1"]),
    "is skipped": ({"1.1": both("pass")}, {"1.1": "skip"}, []),
    "passed, unseen": ({"1.1": both("pass")}, {"1.1": {"n1": "pass", "n2": "error"}}, ["1.1"]),
    "failed, unseen": ({"1.1": both("fail")}, {"1.1": both("error")}, ["1.1"]),
    "waived, unseen": ({"1.1": both("skip")}, {"1.1": both("error")}, ["1.1"]),
    "skipped, unseen": ({"1.1": "skip"}, {"1.1": both("error")}, []),
    "unseen then, too": ({"1.1": both("error")}, {"1.1": both("error")}, []),
    "unseen on another node then": (
        {"1.1": {"n1": "pass", "n2": "error"}}, {"1.1": {"n1": "error", "n2": "error"}}, ["1.1"]
    ),
    "unseen behind a failure": (
        {"1.1": {"n1": "fail", "n2": "pass"}}, {"1.1": {"n1": "fail", "n2": "error"}}, ["1.1"]
    ),
    "manual, unseen": ({"1.1": both("manual")}, {"1.1": both("error")}, []),
    "warns": ({"1.1": both("pass")}, {"1.1": both("warn")}, []),
    "role without nodes": ({"1.1": both("pass")}, {"1.1": {}}, ["1.1"]),
    "another value": ({"1.1": {"n1": ("pass", "a")}}, {"1.1": {"n1": ("pass", "b")}}, []),
}  # fmt: skip


@pytest.mark.parametrize("name", SINCE)
def test_what_is_new(name: str) -> None:
    before, now, wanted = SINCE[name]
    fine = {"9.9": both("pass")}
    found = gates(report({**now, **fine}), report({**before, **fine}), fail_on=["new"])["new"]
    assert (found["figure"], found["failed"]) == (len(wanted), bool(wanted)), found
    assert not wanted or f"({', '.join(wanted)})" in found["text"]


def test_a_node_that_was_added_and_fails_is_new() -> None:
    before = report({"1.1": {"n1": "fail"}, "1.2": {"n1": "pass"}}, nodes=["n1"])
    now = report({"1.1": both("fail"), "1.2": {"n1": "pass", "n2": "pass"}})
    assert gates(now, before, fail_on=["new"])["new"]["text"] == "new: 1, must be at most 0 (1.1)"


def test_a_node_that_has_gone_is_not_new() -> None:
    before, now = report({"1.1": both("pass")}), report({"1.1": {"n1": "pass"}}, nodes=["n1"])
    assert gates(now, before, fail_on=["new"])["new"]["figure"] == 0


def test_without_a_scan_before_nothing_is_new() -> None:
    (found,) = gates(report({"1.1": both("fail")}), fail_on=["new"]).values()
    assert (found["figure"], found["failed"]) == (0, False)
    assert found["text"].endswith("; no earlier scan of this cluster and profile to compare with")


# ------------------------------------------------------------------------------------- what may be written

WRITTEN = {"compliance.min": 80, "failed.total.max": 0, "failed.high.controls": ["1.1.1"]}


@pytest.mark.parametrize(
    "value",
    [
        WRITTEN,
        {"compliance": {"min": 80}, "failed": {"total": {"max": 0}, "high": {"controls": ["1.1.1"]}}},
        {"compliance.min": "80", "failed": {"total.max": " 0 ", "high.controls": ["1.1.1"]}},
        json.dumps(WRITTEN),
    ],
)
def test_keys_are_nested_or_dotted(value: t.Any) -> None:
    assert check_thresholds(value) == WRITTEN


def test_text_of_a_survey() -> None:
    assert check_thresholds("compliance.min=79.5, failed.total.max=0") == {
        "compliance.min": 79.5, "failed.total.max": 0
    }  # fmt: skip


@pytest.mark.parametrize("value", [None, "", "  ", {}])
def test_nothing_is_no_threshold(value: t.Any) -> None:
    assert check_thresholds(value) == {}


@pytest.mark.parametrize(
    "value, said",
    [
        (0, 'expected a dictionary such as {"failed.total.max": 0}, got 0'),
        ([], "expected a dictionary"),
        ("failed", "expected a dictionary"),
        ("a=1 b", "expected a dictionary"),
        ("{", "expected a dictionary"),
        ({"failed.totl.max": 0}, "unknown key 'failed.totl.max'; available: compliance.<min|max>, <passed|"),
        ({"failed": 0}, "unknown key 'failed'"),
        ({"failed": {}}, "unknown key 'failed'"),
        ({"failed": {"total": {"max": {"max": 0}}}}, "failed.total.max: expected a whole number, 0 or more, got {"),
        ({"failed.total.controls": []}, "unknown key 'failed.total.controls'"),
        ({"passed.none.min": 0}, "unknown key 'passed.none.min'"),
        ({5: 1}, "unknown key '5'"),
        ({"a\n" * 500: 1}, "unknown key 'a\\na"),
        ({"failed.total": {}}, "failed.total: expected a whole number"),
        ({"failed.total.max": None}, "failed.total.max: expected a whole number, 0 or more, got None"),
        ({"failed.total.max": ""}, "expected a whole number"),
        ({"failed.total.max": True}, "expected a whole number"),
        ({"failed.total.max": 1.5}, "expected a whole number"),
        ({"failed.total.max": -1}, "expected a whole number"),
        ({"failed.total.max": "many"}, "expected a whole number"),
        ({"failed.total.max": "9" * 5000}, "expected a whole number"),
        ({"failed.total.max": [0]}, "expected a whole number"),
        ({"compliance.min": 101}, "compliance.min: expected a percentage from 0 to 100, got 101"),
        ({"compliance.min": float("nan")}, "expected a percentage"),
        ({"compliance.min": "80%"}, "expected a percentage"),
        ({"failed.high.controls": "1.1.1"}, "failed.high.controls: expected a list of ids in quotes"),
        ({"failed.high.controls": [1.1]}, "expected a list of ids in quotes"),
        ({"failed.high.controls": ["1.1.1", "1.1.1"]}, "failed.high.controls: has an id twice"),
        ({"failed.total.max": 0, "failed": {"total": {"max": 1}}}, "failed.total.max is given twice"),
        ({"failed": {"total": {"min": 3, "max": 2}}}, "failed.total.min is 3, which is more than the 2 of its max"),
        ({"compliance.max": 10, "compliance.min": 10.5}, "compliance.min is 10.5, which is more"),
    ],
)
def test_what_is_wrong_is_one_short_line(value: t.Any, said: str) -> None:
    with pytest.raises(CisError) as error:
        check_thresholds(value)
    assert str(error.value).startswith("cis_scan_thresholds: ") and said in str(error.value)
    assert str(error.value).isprintable() and len(str(error.value)) < 350
