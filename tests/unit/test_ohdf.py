# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OHDF: what Heimdall will compute of it. Heimdall itself reads it in tests/integration/test_interop.py."""

from __future__ import annotations

import itertools
import json
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._reports.ohdf import ohdf_controls
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import _combined_state
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.tests.unit.test_formats import (
    REPORTS,
    Report,
    attested,
    every_state,
    hostile,
    rendering,
)

STATUSES = {
    "pass": "Passed",
    "fail": "Failed",
    "mixed": "Failed",
    "warn": "Failed",
    "error": "Profile Error",
    "manual": "Not Reviewed",
    "skip": "Not Applicable",
    "notApplicable": "Not Applicable",
}


@pytest.fixture
def render(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    return rendering(tmp_path)


def status(control: dict[str, t.Any]) -> str:
    """Return the status that inspecjs computes of a control."""
    found = {result["status"] for result in control["results"]}
    if "error" in found:
        return "Profile Error"
    if control["waiver_data"].get("skipped_due_to_waiver") or control["impact"] == 0:
        return "Not Applicable"
    order = {"failed": "Failed", "passed": "Passed", "skipped": "Not Reviewed"}
    return next((name for each, name in order.items() if each in found), "Profile Error")


def controls(report: Report) -> dict[str, dict[str, t.Any]]:
    return {control["id"]: control for control in ohdf_controls(report)}


@pytest.mark.parametrize("name", REPORTS)
def test_each_control_has_the_state_of_the_report(name: str) -> None:
    report = REPORTS[name]()
    assert {control: status(each) for control, each in controls(report).items()} == {
        check["id"]: STATUSES[check["state"]] for check in report_checks(report)
    }


OUTCOMES = ("pass", "fail", "warn", "error", "manual", "skip")


@pytest.mark.parametrize(
    "outcomes", [some for number in range(1, 7) for some in itertools.combinations(OUTCOMES, number)], ids="-".join
)
def test_a_control_has_its_state_whatever_came_of_its_nodes(outcomes: tuple[str, ...]) -> None:
    report = every_state()
    check = next(check for check in report_checks(report) if check["id"] == "1.1.8")
    parts = {part["state"]: part for part in check["evidence"]}
    check["evidence"] = [
        {**(parts["skip"] if state == "skip" else parts["pass"]), "state": state, "nodes": [f"n-{state}"]}
        for state in outcomes
    ]
    lists = {state: ["n"] if state in outcomes else [] for state in OUTCOMES}
    check.update(state=_combined_state(lists, ["n"]), by="waiver", reason="we know")
    assert status(controls(report)["1.1.8"]) == STATUSES[check["state"]]


def test_a_waiver_is_shown_and_excuses_only_its_nodes() -> None:
    found = controls(every_state())
    assert found["1.1.2"]["waiver_data"] == {
        "justification": "me until 2099-01-01: we know",
        "run": True,
        "skipped_due_to_waiver": True,
        "expiration_date": "2099-01-01",
    }
    assert found["1.1.8"]["waiver_data"] == {**found["1.1.2"]["waiver_data"], "skipped_due_to_waiver": False}
    assert found["1.1.3"]["waiver_data"] == {
        "justification": "Skipped by cis_scan_skip: we know",
        "run": False,
        "skipped_due_to_waiver": True,
        "expiration_date": None,
    }
    assert found["1.1.1"]["waiver_data"] == {}


def test_an_attestation_is_shown() -> None:
    found = controls(attested())
    assert found["1.6.1"]["attestation_data"] == {
        "control_id": "1.6.1",
        "explanation": "as passed by Anna on 2026-11-01, until 2099-01-01: we looked",
        "frequency": "26359d",
        "status": "passed",
        "updated": "2026-11-01",
        "updated_by": "Anna",
    }
    assert status(found["1.6.1"]) == "Passed"
    assert found["1.6.2"]["attestation_data"]["status"] == "failed"
    assert found["1.1.13"]["attestation_data"]["status"] == "failed"
    assert found["1.6.3"]["attestation_data"] is None


def test_an_attestation_without_an_end_is_never_repeated() -> None:
    report = attested()
    for check in report_checks(report):
        for part in check.get("evidence", []):
            part.get("attestation", {})["expires"] = "never"
    assert controls(report)["1.6.1"]["attestation_data"]["frequency"] == "never"


def test_a_result_says_what_was_seen_on_its_node() -> None:
    found = controls(every_state())
    assert [(result["status"], result["code_desc"]) for result in found["1.1.8"]["results"]] == [
        ("passed", "cp1: --profiling=false"),
        ("failed", "cp2: --profiling=false"),
        ("failed", "cp3: --profiling=false"),
    ]
    assert "\nSeen: --profiling=false --profiling=true\n" in found["1.1.8"]["results"][1]["message"]
    (manual, *_others) = found["1.1.13"]["results"]
    assert manual["status"] == "skipped" and manual["skip_message"].startswith("A person must judge it: ")
    (nowhere,) = found["1.5.2"]["results"]
    assert (nowhere["status"], nowhere["message"]) == ("error", "Not examined: no node has the role etcd")


def test_the_impact_is_by_severity() -> None:
    report = every_state()
    for check, how_bad in zip(report_checks(report), ("low", "medium", "high", "critical"), strict=False):
        check["severity"] = how_bad
    report_checks(report)[4].pop("severity", None)
    assert [control["impact"] for control in controls(report).values()][:5] == [0.3, 0.5, 0.7, 0.9, 0.5]
    none = {control for control, each in controls(report).items() if each["impact"] == 0}
    assert none == {check["id"] for check in report_checks(report) if check["state"] == "notApplicable"}


@pytest.mark.parametrize("name", REPORTS)
def test_the_file_holds_the_controls(name: str, render: t.Callable[..., str]) -> None:
    report = REPORTS[name]()
    document = json.loads(render(report, "report.ohdf.json"))
    (profile,) = document["profiles"]
    assert [control["id"] for control in profile["controls"]] == [check["id"] for check in report_checks(report)]
    assert [control for group in profile["groups"] for control in group["controls"]] == list(controls(report))
    assert profile["version"] == report["version"]
    if name != "hostile":
        assert document["platform"]["target_id"] == report["cluster"]


def test_characters_that_no_xml_may_hold_are_gone(render: t.Callable[..., str]) -> None:
    text = render(hostile(), "report.ohdf.json")
    assert "\\u0000" not in text and "\\u001b" not in text and "7*7" in text


@pytest.mark.parametrize("name", ["report.ohdf.json", "report.oscal.json"])
def test_what_the_scan_left_out_is_said(name: str, render: t.Callable[..., str]) -> None:
    report = {**every_state(), "not_scanned": ["w7", "w8"], "warnings": ["mind this"]}
    text = render(report, name)
    assert "mind this\\nNot the whole cluster: 2 nodes not scanned: w7, w8" in text
