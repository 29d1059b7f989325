# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import itertools
import json
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import alike, changed_ids, compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare_markdown import comparison_markdown
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import comparison_summary, since_lines
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.compare_helper import small_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    lost,
    node,
    set_flag,
)

LISTS = ("newly_failing", "fixed", "changed", "nodes_added", "nodes_gone", "other")


def told(comparison: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the lists that are not empty, each change as its nodes, or as its nodes, before and after."""
    short = {}
    for key in LISTS:
        if comparison[key]:
            short[key] = [
                change
                if isinstance(change, str)
                else (change["id"], *change["nodes"], *(change[side] for side in ("before", "after") if side in change))
                for change in comparison[key]
            ]
    return short


# ------------------------------------------------------------------------------ one control on one node

LEFT_OUT = ("skip", "notApplicable")
STATES = ("pass", "fail", "warn", "error", "manual", *LEFT_OUT)
# (before, after) to the list it belongs to. What is not here is no change.
KINDS = {
    ("warn", "fail"): "newly_failing",
    **dict.fromkeys((("warn", other) for other in ("pass", "error", "manual", *LEFT_OUT)), "other"),
    **dict.fromkeys(((other, "warn") for other in ("pass", "fail", "error", "manual", *LEFT_OUT)), "other"),
    ("pass", "fail"): "newly_failing",
    ("error", "fail"): "newly_failing",
    ("manual", "fail"): "newly_failing",
    ("skip", "fail"): "newly_failing",
    ("notApplicable", "fail"): "newly_failing",
    ("fail", "pass"): "fixed",
    ("fail", "error"): "other",
    ("fail", "manual"): "other",
    ("fail", "skip"): "other",
    ("fail", "notApplicable"): "other",
    ("pass", "error"): "other",
    ("pass", "manual"): "other",
    ("pass", "skip"): "other",
    ("pass", "notApplicable"): "other",
    ("error", "pass"): "other",
    ("error", "manual"): "other",
    ("error", "skip"): "other",
    ("error", "notApplicable"): "other",
    ("manual", "pass"): "other",
    ("manual", "error"): "other",
    ("manual", "skip"): "other",
    ("manual", "notApplicable"): "other",
    ("skip", "pass"): "other",
    ("skip", "error"): "other",
    ("skip", "manual"): "other",
    ("skip", "notApplicable"): "other",
    ("notApplicable", "pass"): "other",
    ("notApplicable", "error"): "other",
    ("notApplicable", "manual"): "other",
    ("notApplicable", "skip"): "other",
}


def shown(state: str, *names: str) -> str | dict[str, t.Any]:
    return state if state in LEFT_OUT else dict.fromkeys(names, state)


@pytest.mark.parametrize("before, after", [*itertools.product(STATES, STATES)])
def test_every_change_of_state_has_one_place(before: str, after: str) -> None:
    older, newer = (small_report({"1.1": shown(state, "n1")}, ["n1"]) for state in (before, after))
    kind = KINDS.get((before, after))
    change = ("1.1", "n1", before, after) if kind == "other" else ("1.1", "n1")
    assert told(compare(older, newer)) == ({kind: [change]} if kind else {})


def test_a_change_is_told_with_its_title() -> None:
    good, bad = small_report({"1.1": {"n1": "pass"}}), small_report({"1.1": {"n1": "fail"}})
    expected = [{"id": "1.1", "title": "Title of 1.1", "nodes": ["n1"]}]
    assert compare(good, bad)["newly_failing"] == expected
    assert compare(bad, good)["fixed"] == expected


# ------------------------------------------------------------------------------------ cases of a cluster

CASES: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], dict[str, t.Any]]] = {
    "a failure spreads to the second node": (
        small_report({"1": {"n1": "fail", "n2": "pass"}}),
        small_report({"1": {"n1": "fail", "n2": "fail"}}),
        {"newly_failing": [("1", "n2")]},
    ),
    "fixed on one of two nodes": (
        small_report({"1": {"n1": "fail", "n2": "fail"}}),
        small_report({"1": {"n1": "pass", "n2": "fail"}}),
        {"fixed": [("1", "n1")]},
    ),
    "the failure moves": (
        small_report({"1": {"n1": "fail", "n2": "pass"}}),
        small_report({"1": {"n1": "pass", "n2": "fail"}}),
        {"newly_failing": [("1", "n2")], "fixed": [("1", "n1")]},
    ),
    "a mixed control is skipped": (
        small_report({"1": {"n1": "fail", "n2": "pass"}}),
        small_report({"1": "skip"}),
        {"other": [("1", "n1", "fail", "skip"), ("1", "n2", "pass", "skip")]},
    ),
    "a skip ends": (
        small_report({"1": "skip"}),
        small_report({"1": {"n1": "fail", "n2": "pass"}}),
        {"newly_failing": [("1", "n1")], "other": [("1", "n2", "skip", "pass")]},
    ),
    "a node answers no more": (
        small_report({"1": {"n1": "fail", "n2": "fail"}, "2": {"n2": "pass"}}),
        small_report({"1": {"n1": "fail", "n2": "error"}, "2": {"n2": "error"}}),
        {"other": [("1", "n2", "fail", "error"), ("2", "n2", "pass", "error")]},
    ),
    "it answers again": (
        small_report({"1": {"n1": "fail", "n2": "error"}, "2": {"n2": "error"}}),
        small_report({"1": {"n1": "fail", "n2": "fail"}, "2": {"n2": "pass"}}),
        {"newly_failing": [("1", "n2")], "other": [("2", "n2", "error", "pass")]},
    ),
    "a failure goes with its node": (
        small_report({"1": {"n1": "pass", "n2": "fail"}}),
        small_report({"1": {"n1": "pass"}}, ["n1"]),
        {"nodes_gone": ["n2"]},
    ),
    "a good node is added": (
        small_report({"1": {"n1": "pass"}, "2": "skip", "3": {"n1": "manual"}}, ["n1"]),
        small_report({"1": {"n1": "pass", "n2": "pass"}, "2": "skip", "3": {"n1": "manual", "n2": "manual"}}),
        {"nodes_added": ["n2"]},
    ),
    "a bad node is added": (
        small_report({"1": {"n1": "pass"}, "2": {"n1": "pass"}}, ["n1"]),
        small_report({"1": {"n1": "pass", "n2": "fail"}, "2": {"n1": "pass", "n2": "error"}}),
        {"newly_failing": [("1", "n2")], "nodes_added": ["n2"], "other": [("2", "n2", "not run", "error")]},
    ),
    "one node is replaced by another": (
        small_report({"1": {"n1": "fail"}}, ["n1"]),
        small_report({"1": {"n2": "fail"}}, ["n2"]),
        {"newly_failing": [("1", "n2")], "nodes_added": ["n2"], "nodes_gone": ["n1"]},
    ),
    "a node changes its role": (
        small_report({"1": {"n1": "fail"}, "2": {"n2": "pass"}}),
        small_report({"1": {"n2": "pass"}, "2": {"n1": "fail"}}),
        {
            "newly_failing": [("2", "n1")],
            "other": [
                ("1", "n1", "fail", "not run"), ("1", "n2", "not run", "pass"), ("2", "n2", "pass", "not run"),
            ],
        },
    ),
    "another value, one verdict": (
        small_report({"1": {"n1": ("fail", "a"), "n2": ("fail", "a")}, "2": {"n1": ("pass", "a")}}),
        small_report({"1": {"n1": ("fail", "b"), "n2": ("fail", "c")}, "2": {"n1": ("pass", "")}}),
        {"changed": [("1", "n1", "a", "b"), ("1", "n2", "a", "c"), ("2", "n1", "a", "")]},
    ),
    "the same new value on all nodes is told once": (
        small_report({"1": {"n1": ("manual", "a"), "n2": ("manual", "a")}}),
        small_report({"1": {"n1": ("manual", "b"), "n2": ("manual", "b")}}),
        {"changed": [("1", "n1", "n2", "a", "b")]},
    ),
    "another value and another verdict": (
        small_report({"1": {"n1": ("fail", "a")}}),
        small_report({"1": {"n1": ("pass", "b")}}),
        {"fixed": [("1", "n1")]},
    ),
    "values swapped between nodes": (
        small_report({"1": {"n1": ("pass", "a"), "n2": ("pass", "b")}}),
        small_report({"1": {"n1": ("pass", "b"), "n2": ("pass", "a")}}),
        {"changed": [("1", "n1", "a", "b"), ("1", "n2", "b", "a")]},
    ),
    "a failure is waived on one of two nodes": (
        small_report({"1": {"n1": ("fail", "a"), "n2": ("fail", "a")}}),
        small_report({"1": {"n1": ("skip", "a"), "n2": ("fail", "a")}}),
        {"other": [("1", "n1", "fail", "skip")]},
    ),
    "the only failure is waived": (
        small_report({"1": {"n1": ("fail", "a"), "n2": "pass"}}),
        small_report({"1": {"n1": ("skip", "a"), "n2": "pass"}}),
        {"other": [("1", "n1", "fail", "skip")]},
    ),
    "a waiver expires": (
        small_report({"1": {"n1": ("skip", "a"), "n2": "pass"}}),
        small_report({"1": {"n1": ("fail", "a"), "n2": "pass"}}),
        {"newly_failing": [("1", "n1")]},
    ),
    "what is waived is mended": (
        small_report({"1": {"n1": ("skip", "a")}}),
        small_report({"1": {"n1": ("pass", "b")}}),
        {"other": [("1", "n1", "skip", "pass")]},
    ),
    "what is waived has another value": (
        small_report({"1": {"n1": ("skip", "a")}}),
        small_report({"1": {"n1": ("skip", "b")}}),
        {"changed": [("1", "n1", "a", "b")]},
    ),
    "what was waived is not looked at any more": (
        small_report({"1": {"n1": ("skip", "a"), "n2": "pass"}}),
        small_report({"1": "skip"}),
        {"other": [("1", "n2", "pass", "skip")]},
    ),
    "a control that runs nowhere is skipped": (
        small_report({"1": {}}, []),
        small_report({"1": "skip"}, []),
        {"other": [("1", "error", "skip")]},
    ),
    "a control that the benchmark did not have": (
        small_report({}),
        small_report({"1": {"n1": "fail", "n2": "pass"}}),
        {"newly_failing": [("1", "n1")], "other": [("1", "n2", "not run", "pass")]},
    ),
    "a control that the benchmark has no more": (
        small_report({"1": {"n1": "fail"}}),
        small_report({}),
        {"other": [("1", "n1", "fail", "not run")]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    older, newer, expected = CASES[case]
    assert told(compare(older, newer)) == expected


def test_neither_report_is_changed() -> None:
    for older, newer, _expected in CASES.values():
        kept = copy.deepcopy((older, newer))
        compare(older, newer)
        assert (older, newer) == kept


# --------------------------------------------------------------------------------------- reports as they are


def test_real_reports() -> None:
    bad, other = node("b"), node("c", ["worker"])
    set_flag(bad, "kube-apiserver", "--profiling=true")
    set_flag(other, "kubelet", "--streaming-connection-idle-timeout=6m")

    def scored(*nodes: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
        return json.loads(json.dumps(build_report(BENCHMARK, "hardened", list(nodes), cluster(), **more)))

    first = scored(node("a"), node("b"), node("c", ["worker"]), scan={"name": "first"})
    second = scored(node("a"), bad, other, lost("d", ["worker"]), skips={"1.1.2": {"by": "x", "reason": ""}})
    comparison = compare(first, second)
    assert (comparison["cluster"], comparison["profile"]) == ("local", "RKE-CIS-1.4-Hardened")
    assert comparison["from"]["name"] == "first"
    found = told(comparison)
    assert found["newly_failing"] == [("1.1.8", "b")]
    assert [change[:2] for change in found["changed"]] == [("2.1.5", "c")]
    assert found["nodes_added"] == ["d"]
    assert ("1.1.2", "a", "b", "pass", "skip") in found["other"]
    assert {change[1:] for change in found["other"] if change[0].startswith("2.")} == {("d", "not run", "error")}
    assert "fixed" not in found
    assert told(compare(second, first))["fixed"] == [("1.1.8", "b")]


def test_what_only_one_scan_chose_is_not_compared_and_has_not_gone() -> None:
    choice = {"choice": {"ids": ["1.1", "1.2"]}, "controls": 2, "of": 3}
    whole = small_report({"1.1": {"n1": "fail"}, "1.2": {"n1": "pass"}, "1.3": {"n1": "fail"}})
    part = small_report({"1.1": {"n1": "pass"}, "1.2": {"n1": "fail"}}, only=choice)
    for older, newer in ((whole, part), (part, whole)):
        found = compare(older, newer)
        assert found["not_compared"] == ["1.3"] and not found["other"] and not found["nodes_gone"]
        assert {*changed_ids(found["newly_failing"]), *changed_ids(found["fixed"])} == {"1.1", "1.2"}
        text = "\n".join(line for line, _state in comparison_summary(found))
        assert "Not compared, since only one of the scans chose them\n             1.3" in text
        assert "all controls" in text and "only ids 1.1 or 1.2" in text
        assert "\n## Not compared, since only one of the scans chose them\n\n- 1.3\n" in comparison_markdown(found)
        assert "not compared: 1.3" in " ".join(since_lines(found))
    assert compare(part, part)["not_compared"] == []
    assert "\nNothing changed." in comparison_markdown(compare(part, part))


def test_profiles_may_differ_and_both_are_named() -> None:
    older, newer = (build_report(BENCHMARK, name, [node("a")], cluster()) for name in ("permissive", "hardened"))
    comparison = compare(older, newer)
    assert comparison["from"]["profile"] == "RKE-CIS-1.4-Permissive"
    assert comparison["to"]["profile"] == comparison["profile"] == "RKE-CIS-1.4-Hardened"
    assert len(comparison["other"]) == 15
    assert {(change["before"], change["after"]) for change in comparison["other"]} == {("skip", "pass")}


@pytest.mark.parametrize(
    "change, said",
    [
        ({"version": "b-2"}, "cannot compare scans of different benchmarks: s is of b-1, s of b-2; "),
        ({"cluster": "d"}, "cannot compare scans of different clusters: s is of c, s of d; "),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_reason(change: dict[str, str], said: str) -> None:
    with pytest.raises(CisError) as raised:
        compare(small_report({}), small_report({}, **change))
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)


def test_ids_are_told_once() -> None:
    comparison = compare(*CASES["another value, one verdict"][:2])
    assert changed_ids(comparison["changed"]) == ["1", "2"]


def test_changes_that_are_alike_are_put_together() -> None:
    comparison = compare(*CASES["a node answers no more"][:2])
    assert alike(comparison["other"]) == {("fail", "error", ("n2",)): ["1"], ("pass", "error", ("n2",)): ["2"]}
