# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every control of every benchmark: a passing, a failing, an absent and a malformed case."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files, each_test
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.control_cases import (
    FLAGS,
    MAY_BE_MISSING,
    OBJECTS,
    OWN_FLAGS,
    OWN_OBJECTS,
    OWN_PATHS,
    PATHS,
    FlagCase,
    ObjectCase,
    PathCase,
    cases,
    container,
    verdict,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import node

COUNTS = {
    "rke-cis-1.3": 113,
    "rke-cis-1.4": 97,
    "rke-cis-1.5": 122,
    "rke-cis-1.6": 122,
    "rke-cis-1.20": 123,
    "rke-cis-1.23": 125,
    "rke-cis-1.24": 125,
    "rke-cis-1.7": 131,
    "rke-cis-1.8": 130,
}
FLAG_CASES, PATH_CASES, OBJECT_CASES = (
    list(cases(FLAGS, OWN_FLAGS)),
    list(cases(PATHS, OWN_PATHS)),
    list(cases(OBJECTS, OWN_OBJECTS)),
)


def named(found: list[tuple[tuple[str, str], str, t.Any]]) -> t.Any:
    return [pytest.param(where, check, case, id=f"{'-'.join(where)}-{check}") for where, check, case in found]


def test_every_control_that_is_judged_has_its_cases() -> None:
    judged = {
        (benchmark_id, control["id"])
        for benchmark_id in benchmark_files()
        for control in load_benchmark(benchmark_id).controls
        # test_lists.py has the cases of those that look for something in lists
        if not control.get("manual") and not any("find" in test for test in control["tests"])
    }
    used = [*FLAG_CASES, *PATH_CASES, *OBJECT_CASES]
    assert sorted(where for where, _check, _case in used) == sorted(judged)
    # and each case is of a control that there is
    assert {check for _where, check, _case in used} >= {*FLAGS, *PATHS, *OBJECTS}
    assert judged >= {*OWN_FLAGS, *OWN_PATHS, *OWN_OBJECTS}


@pytest.mark.parametrize(("benchmark_id", "count"), COUNTS.items())
def test_a_benchmark_that_is_complete_stays_as_it_is(benchmark_id: str, count: int) -> None:
    assert len(load_benchmark(benchmark_id).controls) == count


@pytest.mark.parametrize(("where", "check", "case"), named(FLAG_CASES))
def test_flag_control(where: tuple[str, str], check: str, case: FlagCase) -> None:
    good, bad, malformed, absent = case
    for arguments, wanted in ((good, "pass"), (bad, "fail"), (malformed, "fail"), ("", absent)):
        assert verdict(where, arguments) == wanted, arguments
    benchmark = load_benchmark(where[0])
    (component,) = (control["component"] for control in benchmark.controls if control["id"] == where[1])
    exited = {**container(component), "state": "exited"}
    for shown in ({"error": {"kind": "denied", "message": "no"}}, exited, {"state": "running"}):
        evidence = check_evidence({**node(), "containers": {component: shown}, "paths": {}}, "x")
        assert score_node(benchmark, evidence, None, {where[1]})[where[1]].state == "error"


@pytest.mark.parametrize(("where", "check", "case"), named(PATH_CASES))
def test_path_control(where: tuple[str, str], check: str, case: PathCase) -> None:
    good, bad = case
    missing = {"error": {"kind": "missing", "message": "no such file"}}
    assert verdict(where, entry=good) == "pass"
    assert verdict(where, entry=bad) == "fail"
    assert verdict(where, entry=missing) == ("pass" if check in MAY_BE_MISSING else "fail")
    assert verdict(where, entry={**good, "type": "fifo"}) == "fail"
    for kind in ("denied", "unreadable", "not_located", "container down"):
        assert verdict(where, entry={"error": {"kind": kind, "message": "no"}}) == "error"
    assert verdict(where, entry={"type": good["type"]}) == "error"
    assert verdict(where) == "error"


@pytest.mark.parametrize(("where", "check", "case"), named(OBJECT_CASES))
def test_object_control(where: tuple[str, str], check: str, case: ObjectCase) -> None:
    good, bad = case
    for items in good:
        assert verdict(where, items=items) == "pass", items
    for items in (*bad, [], [{"metadata": {"name": "restricted"}, "spec": None}]):
        assert verdict(where, items=items) == "fail", items
    assert verdict(where, items={}) == "error"
    assert verdict(where) == "error"


# The whole of the user's two tables: ids, and that each has a reason.
SKIPPED = """
1.1.11 1.1.21 1.1.24 1.1.34 1.1.35 1.1.36 1.2.2 1.3.7 1.4.12 1.7.2 1.7.3 1.7.4 1.7.5 2.1.6 2.1.10
"""
NOT_APPLICABLE = """
1.1.9 1.3.6 1.4.1 1.4.2 1.4.3 1.4.4 1.4.5 1.4.6 1.4.7 1.4.8 1.4.13 1.4.14 2.1.8 2.1.12 2.1.13 2.2.3 2.2.4 2.2.9 2.2.10
"""


def test_profiles() -> None:
    benchmark = load_benchmark("rke-cis-1.4")
    permissive, hardened = benchmark.profiles["permissive"], benchmark.profiles["hardened"]
    assert list(permissive["skip"]) == SKIPPED.split()
    assert list(permissive["not_applicable"]) == list(hardened["not_applicable"]) == NOT_APPLICABLE.split()
    assert hardened["skip"] == {}
    assert all(
        reason.strip() for lists in benchmark.profiles.values() for ids in lists.values() for reason in ids.values()
    )


@pytest.mark.parametrize("benchmark_id", benchmark_files())
def test_benchmark_is_sound(benchmark_id: str) -> None:
    benchmark = load_benchmark(benchmark_id)
    assert benchmark.id == benchmark_id
    assert len(benchmark.ids) == len(benchmark.controls)
    groups = {group["id"] for group in benchmark.groups}
    for control in benchmark.controls:
        assert control["id"].rpartition(".")[0] in groups
        assert "$" not in control["remediation"] and "<" not in control["remediation"]
        said = re.match("The title says (\\w+)", control.get("note") or "")
        assert not said or said.group(1) in control["title"]
        for test in each_test(control):
            if "flag" in test:
                assert test["flag"] in benchmark.components[control["component"]]["flags"]
            elif "path" in test:
                assert "host" in test["path"] or test["path"]["container"] in benchmark.components
            else:
                assert test["object"] in benchmark.objects
    for lists in benchmark.profiles.values():
        assert set(lists["skip"]) | set(lists["not_applicable"]) <= benchmark.ids
        assert not set(lists["skip"]) & set(lists["not_applicable"])
