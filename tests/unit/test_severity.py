# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Severity, level and NIST controls, the weighted score, and what was chosen by them, in the formats of reports."""

from __future__ import annotations

import copy
import itertools
import json
import pathlib
import re

import hypothesis
import lxml.etree
import pytest
from hypothesis import strategies as st

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Profile, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._reports.defectdojo import defectdojo_findings
from ansible_collections.rke.cis.plugins.plugin_utils._reports.ocsf import ocsf_findings
from ansible_collections.rke.cis.plugins.plugin_utils._reports.ohdf import ohdf_controls
from ansible_collections.rke.cis.plugins.plugin_utils._reports.oscal import oscal_findings, oscal_selection
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import OUTPUTS
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import summary
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import limited, read_choice
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import (
    check_report,
    report_checks,
    score,
    weighted_score,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, node, set_flag
from ansible_collections.rke.cis.tests.unit.test_formats import REPORTS, Report, every_state, rendering
from ansible_collections.rke.cis.tests.unit.test_xccdf import CDF, RULE, written

WEIGHTS = {"low": 1, "medium": 3, "high": 6, "critical": 10}


@pytest.mark.parametrize("name", REPORTS)
def test_each_format_rates_each_control_as_the_report_does(name: str, tmp_path: pathlib.Path) -> None:
    report = REPORTS[name]()
    rated = {check["id"]: (check["severity"], check["level"], check["nist"]) for check in report_checks(report)}
    controls = list(ohdf_controls(report))
    assert {c["id"]: tuple(c["tags"][key] for key in ("severity", "level", "nist")) for c in controls} == rated
    for event in ocsf_findings(report):
        severity, level, nist = rated[event["compliance"]["control"]]
        assert (event["severity"].lower(), event["unmapped"]["level"]) == (severity, level)
        assert event["compliance"]["requirements"][1:] == [f"NIST SP 800-53 {one}" for one in nist]
    for finding in defectdojo_findings(report):
        severity, level, nist = rated[finding["vuln_id_from_tool"]]
        assert (finding["severity"].lower(), finding["tags"][1]) == (severity, f"level-{level}")
        assert f"\nNIST SP 800-53 {', '.join(nist)}" in finding["references"]
    for finding in oscal_findings(report):
        props = [(prop["name"], prop["value"]) for prop in finding["props"]]
        severity, level, nist = rated[dict(props)["control"]]
        assert (dict(props)["severity"], dict(props)["level"]) == (severity, str(level))
        assert [value for key, value in props if key == "nist-sp-800-53"] == nist
    for root in written(report, tmp_path).values():
        for rule in root.iter(CDF + "Rule"):
            severity, level, nist = rated[rule.get("id").removeprefix(RULE)]
            assert rule.get("severity") == {"critical": "high"}.get(severity, severity)
            assert [one.text for one in rule.findall(CDF + "reference")] == nist
            assert rule.findtext(CDF + "description").endswith(f"(CIS level {level})")
    render = rendering(tmp_path / "files")
    html = render(report, "report.html")
    rows = re.findall(r'data-id="([^"]*)" data-state="[^"]*" data-severity="([^"]*)" data-level="([^"]*)"', html)
    assert {control: (severity, int(level)) for control, severity, level in rows} == {
        control: (severity, level) for control, (severity, level, _nist) in rated.items()
    }
    guide = render(report, "self_assessment.md")
    for severity, level, nist in rated.values():
        assert f", severity {severity}, level {level}, for nodes" in guide
        assert f"**References:** NIST SP 800-53 {', '.join(nist)}; " in guide


def test_failures_say_how_severe_they_are(tmp_path: pathlib.Path) -> None:
    report = every_state()
    failing = {c["id"]: c for c in report_checks(report) if c["state"] in ("fail", "mixed", "warn")}
    render = rendering(tmp_path)
    markdown, lines = render(report, "report.md"), [line for line, _state in summary(report)]
    text = " ".join(" ".join(lines).split())
    for control, check in failing.items():
        assert re.search(rf"(?m)^- \*\*{re.escape(control)}\*\* .* \({check['severity']}\)$", markdown), control
        assert f"{check['description']} [{check['severity']}]" in text
    assert max(map(len, lines)) <= 80
    for case in lxml.etree.fromstring(render(report, "report.junit.xml").encode()).iter("testcase"):
        check = failing.get(case.get("name").split(" ")[0])
        for failure in case.iter("failure"):
            assert f"\nSeverity:    {check['severity']}, level {check['level']}; NIST SP 800-53 " in failure.text


# ------------------------------------------------------------------------------------------- the weighted score


def test_a_weighted_score_by_hand() -> None:
    states = [("pass", "critical"), ("fail", "high"), ("mixed", "low"), ("error", "medium"), ("pass", "low")]
    ignored = [(state, "critical") for state in ("skip", "notApplicable", "manual", "warn")]
    checks = [{"state": state, "severity": severity} for state, severity in states + ignored]
    assert weighted_score(checks) == (10 + 1) * 100 // (10 + 6 + 1 + 3 + 1)
    assert weighted_score(checks[5:]) is None
    assert weighted_score([{"state": "pass"}, {"state": "fail", "severity": "medium"}]) == 50


@hypothesis.given(
    st.lists(
        st.tuples(
            st.sampled_from(["pass", "fail", "mixed", "warn", "skip", "notApplicable", "error", "manual"]),
            st.sampled_from([*WEIGHTS, None]),
        )
    )
)
def test_both_scores_are_of_the_same_controls(states: list[tuple[str, str | None]]) -> None:
    checks = [{"state": state, **({"severity": severity} if severity else {})} for state, severity in states]
    counts = {key: sum(1 for state, _severity in states if state == key) for key in ("pass", "fail", "error")}
    counts["fail"] += sum(1 for state, _severity in states if state == "mixed")
    plain, weighted = score(counts), weighted_score(checks)
    assert (plain is None) == (weighted is None)
    assert (plain == 100) == (weighted == 100)
    same = [{**check, "severity": "high"} for check in checks]
    assert weighted_score(same) == plain


def test_scores_are_in_the_report_and_where_people_read_them(tmp_path: pathlib.Path) -> None:
    report, render = every_state(), rendering(tmp_path)
    plain, weighted = report["score"], report["weighted_score"]
    assert (plain, weighted) == (score(report), weighted_score(report_checks(report)))
    assert plain != weighted
    line = f"Score {plain} %, weighted by severity {weighted} %"
    assert f"\n\n{line}\n\n" in render(report, "report.md")
    assert (line, "") in summary(report)
    assert f"</strong> score<small>weighted {weighted}%</small>" in render(report, "report.html")
    assert f"examined: {plain} %. Weighted by severity: {weighted} %." in render(report, "self_assessment.md")


def test_where_nothing_was_judged_no_score_is_claimed(tmp_path: pathlib.Path) -> None:
    report, render = every_state(), rendering(tmp_path)
    report.update({"pass": 0, "fail": 0, "error": 0, "score": None, "weighted_score": None})
    for group in report["results"]:
        group["checks"] = [check for check in group["checks"] if check["state"] == "manual"]
    assert report_checks(report)
    line = "No score, since no control was judged"
    assert line in [text for text, _state in summary(report)]
    assert f"\n\n{line}\n" in render(report, "report.md")
    assert "</strong> nothing judged" in render(report, "report.html")


# ------------------------------------------------------------------------------------------- older, and chosen ones


def older(report: Report) -> Report:
    """Return a report as it was before there were severities."""
    report = copy.deepcopy(report)
    for key in ("score", "weighted_score"):
        del report[key]
    for check in report_checks(report):
        for key in ("severity", "level", "nist", "references"):
            del check[key]
    return report


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_of_before_can_be_rendered_and_says_nothing_of_a_level(name: str, tmp_path: pathlib.Path) -> None:
    report, render = older(REPORTS[name]()), rendering(tmp_path)
    assert check_report(report, "x") is report
    for file in itertools.chain.from_iterable(OUTPUTS.values()):
        text = "" if file.endswith("/") else render(report, file)
        assert "level 1" not in text and "NIST SP" not in text, file
    written(report, tmp_path / "xccdf")
    assert summary(report)


def test_what_was_chosen_is_said_in_each_format(tmp_path: pathlib.Path) -> None:
    benchmark = load_benchmark("rke-cis-1.4")
    document = node("cp1")
    set_flag(document, "kube-apiserver", "--profiling=true")
    profile = limited(Profile(benchmark, "hardened"), read_choice({"severity": "low, high", "ids": "1.1"}, [benchmark]))
    report, render = build_report(*profile, [document], cluster()), rendering(tmp_path)
    words, number = "severity low or high, ids 1.1", len(profile.benchmark.controls)
    assert 5 < number < 40
    text = f"{number} of 97"
    assert f"Not the whole benchmark: {text} controls, {words}." in [line for line, _state in summary(report)]
    for file in ("report.md", "report.html", "report.ohdf.json", "report.oscal.json", "self_assessment.md"):
        assert f"{text} controls were chosen by cis" in render(report, file).replace("\\_", "_"), file
    assert f"| Controls | {text}, {words} |" in render(report, "self_assessment.md")
    assert f'<property name="only" value="{words}"/>' in render(report, "report.junit.xml")
    (run,) = json.loads(render(report, "report.sarif"))["runs"]
    assert run["invocations"][0]["properties"]["only"] == report["only"]
    metrics = render(report, "report.prom")
    assert re.search(rf"(?m)^rke_cis_controls_not_chosen{{.*}} {97 - number}$", metrics)
    (root,) = written(report, tmp_path / "x").values()
    assert root.findtext(f"{CDF}TestResult/{CDF}remark") == f"Not the whole benchmark: {text} controls, {words}"
    (selection,) = oscal_selection(report)["control-selections"]
    assert "include-all" not in selection
    ids = [f"control-{control['id']}" for control in profile.benchmark.controls]
    assert [one["control-id"] for one in selection["include-controls"]] == ids
