# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rancher 2.4's own summaries of per-host results, reproduced where Rancher was right."""

from __future__ import annotations

import json
import lzma
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import user_skips

HERE = pathlib.Path(__file__).parent
with lzma.open(HERE / "summary-cases.json.xz", "rt", encoding="utf-8") as stream:
    CASES = {case["case"]: case for case in json.load(stream) if case["benchmark"] == "rke-cis-1.4"}
BENCHMARK = load_benchmark("rke-cis-1.4")
COUNTS = ("total", "pass", "fail", "skip", "notApplicable")

# Ours on purpose; docs/docsite/rst/verdicts.rst says why. Tested below.
DIFFERENT = {"E_norole", "F_inverted", "M_errlog"}


def report_of(case: dict[str, t.Any], node_tests_on: str = "all") -> dict[str, t.Any]:
    text = case["user_skip_config_json"]
    skips, _warnings = user_skips(BENCHMARK, [], None if text is None else {"config_map": {"text": text}})
    nodes = [{"node": host, "roles": roles} for host, roles in case["hosts"].items()]
    verdicts = {}
    for host in case["hosts"]:
        states = {control["id"]: case["check_results_default"] for control in BENCHMARK.controls}
        for change in case["check_result_overrides"]:
            if change["host"] in ("*", host):
                states[change["id"]] = change["result"]
        # a host that gave no result is one that could not be examined; WARN and unknown words are failures
        lost = {entry["id"] for entry in case["results_missing_for"] if entry["host"] == host}
        verdicts[host] = {
            control_id: Verdict(
                "error" if control_id in lost else "pass" if state == "PASS" else "fail", "", "", "", ""
            )
            for control_id, state in states.items()
        }
    return build_report(BENCHMARK, case["profile"], nodes, skips=skips, node_tests_on=node_tests_on, verdicts=verdicts)


@pytest.mark.parametrize("name", [name for name in CASES if name not in DIFFERENT])
def test_case(name: str) -> None:
    case = CASES[name]
    expected = case["expected"]
    if expected.get("scan") == "error":
        # cases H: Rancher's scan ended in an error after it had run; ours is one line before it runs
        with pytest.raises(CisError) as refusal:
            report_of(case)
        assert "ConfigMap security-scan/security-scan-cfg" in str(refusal.value)
        assert "\n" not in str(refusal.value)
        return
    report = report_of(case)
    assert {key: report[key] for key in COUNTS} == {key: expected[key] for key in COUNTS}
    assert report["error"] == 0
    assert report["version"] == expected["version"]
    assert {kind: names for kind, names in report["nodes"].items() if names} == expected["nodes"]
    for check in report_checks(report):
        theirs = expected["states"][check["id"]]
        assert check["state"] == theirs["state"], check["id"]
        assert sorted(check["node_type"]) == sorted(theirs["node_type"])
        assert check.get("nodes", []) == theirs.get("nodes", [])


def test_node_tests_run_on_workers() -> None:
    report = report_of(CASES["A_perm14"], "workers")
    assert report["nodes"] == {"master": ["cp1"], "etcd": ["etcd1"], "node": ["w1"]}
    assert {key: report[key] for key in COUNTS} == {"total": 97, "pass": 63, "fail": 0, "skip": 15, "notApplicable": 19}


def test_case_e_a_role_without_a_node_is_an_error_and_its_skips_stay_skips() -> None:
    report = report_of(CASES["E_norole"])
    without = {c["id"]: c["state"] for c in report_checks(report) if c["node_type"] == ["etcd"]}
    assert without.pop("1.4.12") == "skip"
    assert set(without.values()) == {"error"}
    assert (report["pass"], report["fail"], report["skip"], report["error"]) == (56, 0, 15, 7)
    assert report["nodes"]["etcd"] == []  # Rancher leaves the key out, on which its own page fails


def test_case_f_the_failing_node_is_named_not_the_silent_one() -> None:
    report = report_of(CASES["F_inverted"])
    check = next(c for c in report_checks(report) if c["id"] == "1.1.8")
    assert (check["state"], check["failed_nodes"], check["error_nodes"]) == ("fail", ["cp1"], ["cp2"])
    assert report["fail"] == 1


def test_case_m_errors_of_one_host_leave_the_others_report_whole() -> None:
    case = dict(CASES["M_errlog"])
    controls = [c["id"] for c in BENCHMARK.controls if "node" in c["node_type"]]
    case["results_missing_for"] = [{"host": case["nonempty_error_log_on"], "id": i} for i in controls]
    report = report_of(case, "workers")
    judged = len([i for i in controls if i not in BENCHMARK.profiles["hardened"]["not_applicable"]])
    assert (report["error"], report["pass"]) == (judged, 78 - judged)
    assert set(NODE_TYPES) == set(report["nodes"])
