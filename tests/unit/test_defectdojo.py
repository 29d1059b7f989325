# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings for DefectDojo, whose parser cannot be installed by itself: the keys and lengths that it documents."""

from __future__ import annotations

import copy
import datetime
import json
import pathlib
import re
import typing as t

import markdown_it
import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._reports.defectdojo import defectdojo_findings
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, node, set_flag
from ansible_collections.rke.cis.tests.unit.test_formats import REPORTS, Report, every_state, rendering, verdicts

# An import ends at a key that is not one of those of Generic Findings Import. These are the ones in use.
KEYS = {
    "title": str,
    "severity": str,
    "description": str,
    "mitigation": str,
    "steps_to_reproduce": str,
    "references": str,
    "date": str,
    "unique_id_from_tool": str,
    "vuln_id_from_tool": str,
    "service": str,
    "planned_remediation_date": str,
    "endpoints": list,
    "tags": list,
    "active": bool,
    "verified": bool,
    "risk_accepted": bool,
    "dynamic_finding": bool,
    "static_finding": bool,
}
LENGTHS = {"title": 511, "unique_id_from_tool": 500, "vuln_id_from_tool": 500, "service": 200}


@pytest.fixture
def render(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    return rendering(tmp_path)


@pytest.mark.parametrize("name", REPORTS)
def test_findings_have_the_keys_that_defectdojo_takes(name: str, render: t.Callable[..., str]) -> None:
    document = json.loads(render(REPORTS[name](), "report.defectdojo.json"))
    assert set(document) == {"findings"}
    for finding in document["findings"]:
        assert {"title", "severity", "description"} <= set(finding) <= set(KEYS)
        assert all(isinstance(value, KEYS[key]) for key, value in finding.items())
        assert finding["severity"] in ("Info", "Low", "Medium", "High", "Critical")
        assert all(0 < len(finding[key]) <= most for key, most in LENGTHS.items())
        for key in ("date", "planned_remediation_date"):
            if key in finding:
                datetime.date.fromisoformat(finding[key])
        assert all(re.fullmatch("[A-Za-z0-9.-]+", endpoint["host"]) for endpoint in finding["endpoints"])


@pytest.mark.parametrize("name", REPORTS)
def test_a_finding_for_each_control_and_node_that_is_not_right(name: str) -> None:
    report = REPORTS[name]()
    wanted = {
        (control, on)
        for on, control, state in verdicts(report)
        for check in report_checks(report)
        if check["id"] == control and (state in ("fail", "warn", "error") or (state == "skip" and "evidence" in check))
    }
    found = list(defectdojo_findings(report))
    assert len(found) == len(wanted)
    titles = {check["id"]: check["title"] for check in report_checks(report)}
    assert {finding["title"] for finding in found} == {
        f"{control} on {on}: {titles[control]}" if on else f"{control}: {titles[control]}" for control, on in wanted
    }


def by_id(report: Report) -> dict[str, dict[str, t.Any]]:
    found = list(defectdojo_findings(report))
    ids = {finding["unique_id_from_tool"]: finding for finding in found}
    assert len(ids) == len(found), "ids are unique"
    return ids


def test_a_waived_failure_is_an_accepted_risk() -> None:
    found = by_id(every_state())
    waived = found["c1/rke-cis-1.3/1.1.8/cp3"]
    assert (waived["active"], waived["risk_accepted"], waived["planned_remediation_date"]) == (
        False,
        True,
        "2099-01-01",
    )
    failed = found["c1/rke-cis-1.3/1.1.8/cp2"]
    assert (failed["active"], failed["risk_accepted"], "planned_remediation_date" in failed) == (True, False, False)
    assert "Seen: --profiling=false --profiling=true\n" in failed["description"]
    assert failed["endpoints"] == [{"host": "cp2"}]
    assert "Not examined: no node has the role etcd" in found["c1/rke-cis-1.3/1.5.2/"]["description"]


def test_a_waiver_without_an_end_has_no_date() -> None:
    report = every_state()
    for check in report_checks(report):
        for part in check.get("evidence", []):
            part.get("waiver", {})["expires"] = "never"
    assert not any("planned_remediation_date" in finding for finding in defectdojo_findings(report))


def test_mending_one_node_leaves_the_findings_of_others_alone() -> None:
    def findings(count: int, **more: t.Any) -> dict[str, dict[str, t.Any]]:
        nodes = [node(f"n{number}", ["worker"]) for number in range(3)]
        for document in nodes[:count]:
            set_flag(document, "kubelet", "--anonymous-auth=true")
        return by_id(build_report(load_benchmark("rke-cis-1.4"), "hardened", nodes, cluster(), **more))

    before, after = findings(3), findings(2)
    assert set(before) - set(after) == {"local/rke-cis-1.4/2.1.1/n2"}
    assert all(before[key] == after[key] for key in after)
    assert not set(before) & set(findings(3, cluster="other"))


def test_ids_of_a_thousand_nodes_are_unique() -> None:
    report = every_state()
    check = next(check for check in report_checks(report) if check["state"] == "mixed")
    part = next(part for part in check["evidence"] if part["state"] == "fail")
    part["nodes"] = [f"{'x' * 600}/{number}" for number in range(500)] + [f"n{number}" for number in range(500)]
    assert sum(check["id"] == finding["vuln_id_from_tool"] for finding in by_id(report).values()) == 1001


def test_text_of_a_node_is_code_in_markdown() -> None:
    report = copy.deepcopy(every_state())
    for check in report_checks(report):
        for part in check.get("evidence", []):
            part["actual"] = "</pre><script>alert(1)</script>\n```\n# head ````` [a](http://x) @all"
    for finding in defectdojo_findings(report):
        for key in ("description", "steps_to_reproduce"):
            kinds = [token.type for token in markdown_it.MarkdownIt("commonmark").parse(finding[key])]
            assert set(kinds) <= {"paragraph_open", "inline", "paragraph_close", "fence"} and kinds.count("fence") <= 1
