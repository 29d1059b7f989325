# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""XCCDF, a file for each node: what it says of each control. Other programs read it in test_interop.py."""

from __future__ import annotations

import copy
import pathlib
import typing as t
import urllib.parse

import lxml.etree
import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import Context, write_outputs
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.tests.unit.test_formats import (
    HOSTILE,
    NAME,
    REPORTS,
    Report,
    every_state,
    hostile,
    nothing,
    verdicts,
)

CDF = "{http://checklists.nist.gov/xccdf/1.2}"
RULE = "xccdf_io.github.rke-cis_rule_"
RESULTS = {"skip": "notselected", "notApplicable": "notapplicable", "manual": "notchecked", "warn": "fail"}


def written(report: Report, directory: pathlib.Path) -> dict[str, lxml.etree._Element]:
    """Return node to its file."""
    output = {"formats": ["xccdf"], "templates": [], "csv_layout": "standard", "include_not_scored": True}
    files, problems = write_outputs(report, Context([], None), str(directory), output)
    assert (files, problems) == ([f"{directory}/xccdf/"], [])
    return {
        urllib.parse.unquote(path.name.removesuffix(".xml")): lxml.etree.fromstring(path.read_bytes())
        for path in (directory / "xccdf").iterdir()
    }


def wanted(report: Report) -> dict[tuple[str, str], str]:
    """Return (node, control) to its result: what the report's lists say, and not applicable where it does not run."""
    checks = {check["id"]: check for check in report_checks(report)}
    found = {(node, control): "notapplicable" for node in report["node_results"] for control in checks}
    for node, control, state in verdicts(report):
        if node:
            result = RESULTS.get(state, state)
            if state == "skip" and "evidence" in checks[control]:
                result = "fail"  # waived
            if state == "error" and node in report["node_errors"]:
                result = "unknown"
            found[node, control] = result
    return found


def results(root: lxml.etree._Element) -> dict[str, tuple[str, str]]:
    """Return control to its result and message."""
    return {
        result.get("idref").removeprefix(RULE): (result.findtext(CDF + "result"), result.findtext(CDF + "message"))
        for result in root.iter(CDF + "rule-result")
    }


@pytest.mark.parametrize("name", REPORTS)
def test_each_control_has_the_result_of_the_report_on_each_node(name: str, tmp_path: pathlib.Path) -> None:
    report = REPORTS[name]()
    files = written(report, tmp_path)
    checks = {check["id"]: check for check in report_checks(report)}
    assert {check["severity"] for check in checks.values()} == {"low", "medium", "high", "critical"}
    assert {(node, control): one[0] for node, root in files.items() for control, one in results(root).items()} == (
        wanted(report)
    )
    for node, root in files.items():
        assert root.findtext(f"{CDF}TestResult/{CDF}target") == node
        assert [rule.get("id").removeprefix(RULE) for rule in root.iter(CDF + "Rule")] == list(results(root))
        for part in root.iter(CDF + "Rule", CDF + "rule-result"):
            check = checks[(part.get("id") or part.get("idref")).removeprefix(RULE)]
            assert part.get("severity") == {"critical": "high"}.get(check["severity"], check["severity"])


def test_a_control_never_passes_where_it_does_not_run(tmp_path: pathlib.Path) -> None:
    report = every_state()
    etcd = {check["id"] for check in report_checks(report) if check["node_type"] == ["etcd"]}
    for root in written(report, tmp_path).values():
        found = results(root)
        assert len(etcd) > 5 and {found[control][0] for control in etcd} <= {"notapplicable", "notselected"}
        assert found["1.5.2"] == ("notapplicable", "Runs only on nodes with the role etcd")


def test_it_says_what_was_seen_and_why(tmp_path: pathlib.Path) -> None:
    files = {node: results(root) for node, root in written(every_state(), tmp_path).items()}
    assert files["cp2"]["1.1.8"] == (
        "fail",
        "Expected: --profiling=false\nSeen: --profiling=false --profiling=true\nWhere: kube-apiserver process arguments"
        "\nWhy: seen --profiling=false --profiling=true",
    )
    assert files["cp3"]["1.1.2"][1].endswith("Waived by: me until 2099-01-01: we know")
    assert files["cp1"]["1.1.2"] == (
        "pass",
        "Expected: --basic-auth-file is not set\nSeen: --basic-auth-file is not set\n"
        "Where: kube-apiserver process arguments",
    )
    assert files["w1"]["2.1.2"] == (
        "unknown", "Not examined: unreachable: no route to host\nExpected: --anonymous-auth=false",
    )  # fmt: skip
    assert files["cp1"]["1.1.3"] == ("notselected", "Skipped by cis_scan_skip: we know")
    assert files["cp1"]["1.1.13"][1].startswith("A person must judge it: The list of admission plugins.")
    assert "\nSeen: --enable-admission-plugins=" in files["cp1"]["1.1.13"][1]


def test_the_score_counts_scored_controls_on_the_node(tmp_path: pathlib.Path) -> None:
    report = every_state()
    unscored = next(check for check in report_checks(report) if check["state"] == "pass")
    unscored["scored"] = False
    for node, root in written(report, tmp_path).items():
        score = root.find(f"{CDF}TestResult/{CDF}score")
        kinds = [
            result.findtext(CDF + "result") for result in root.iter(CDF + "rule-result") if result.get("role") == "full"
        ]
        judged = [kind for kind in kinds if kind in ("pass", "fail", "error", "unknown")]
        assert (float(score.text), float(score.get("maximum"))) == (judged.count("pass"), len(judged)), node
        parts = [part for part in root.iter() if RULE + unscored["id"] in (part.get("id"), part.get("idref"))]
        roles = {part.get("role") for part in parts}
        assert roles == {"unscored"}


def test_severities_are_shown_where_checks_have_them(tmp_path: pathlib.Path) -> None:
    report = every_state()
    first, second, *_rest = report_checks(report)
    first["severity"] = "high"
    second.pop("severity", None)
    for root in written(report, tmp_path).values():
        for kind, attribute in (("Rule", "id"), ("rule-result", "idref")):
            found = {part.get(attribute).removeprefix(RULE): part.get("severity") for part in root.iter(CDF + kind)}
            assert (found[first["id"]], found[second["id"]]) == ("high", "medium")


def test_hostile_text_stays_text(tmp_path: pathlib.Path) -> None:
    files = written(hostile(), tmp_path)
    assert set(files) == {"cp2", NAME}
    plain = {node: {part.tag for part in root.iter()} for node, root in files.items()}
    assert plain["cp2"] == {
        part.tag for root in written(every_state(), tmp_path / "plain").values() for part in root.iter()
    }
    text = results(files["cp2"])["1.1.8"][1]
    assert "</failure>]]><script>&amp;\"'|`` `" in text and "{{ 7*7 }} {% raw %}" in text and "\x00" not in text
    assert files[NAME].find(CDF + "TestResult").get("end-time") == "1970-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "collected_at, name, time",
    [
        ("2026-11-21T22:00:00Z", "20261128T000000Z-x", "2026-11-21T22:00:00Z"),
        ("2026-11-21T23:30:00+01:30", "", "2026-11-21T22:00:00Z"),
        ("", "20261128T000000Z-x", "2026-11-28T00:00:00Z"),
        (HOSTILE, "20269928T000000Z-x", "1970-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+01:00", "", "1970-01-01T00:00:00Z"),
        ("0200-01-01T00:00:00Z", "", "1970-01-01T00:00:00Z"),
    ],
)
def test_the_time_is_that_of_the_evidence_or_of_the_scan(
    collected_at: str, name: str, time: str, tmp_path: pathlib.Path
) -> None:
    report = copy.deepcopy(every_state())
    report["collected_at"], report["scan"]["name"] = collected_at, name
    for root in written(report, tmp_path).values():
        assert root.find(CDF + "TestResult").get("end-time") == time


def test_no_node_is_no_file(tmp_path: pathlib.Path) -> None:
    assert written(nothing(), tmp_path) == {}


def test_a_directory_that_cannot_be_made_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "xccdf").write_text("")
    output: dict[str, t.Any] = {"formats": ["csv", "xccdf"], "templates": [], "csv_layout": "standard"}
    files, problems = write_outputs(
        every_state(), Context([], None), str(tmp_path), {**output, "include_not_scored": True}
    )
    assert files == [f"{tmp_path}/report.csv"]
    assert len(problems) == 1 and problems[0].startswith(f"report {tmp_path}/xccdf/: ")
