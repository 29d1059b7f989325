# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attestations from the file to be filled in to each format, with the recorded evidence of the practice cluster."""

from __future__ import annotations

import datetime
import json
import pathlib
import shutil
import typing as t

import pytest
import scans
import yaml
from browser import Browser

from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks

BOOK = scans.ROOT / "playbooks" / "cis_reports.yml"
CONTROL = "1.1.13"  # manual, and shows a flag


def day(offset: int) -> str:
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=offset)).isoformat()


@pytest.fixture
def evidence(tmp_path: pathlib.Path) -> pathlib.Path:
    """What was seen on a second control plane node too, so that there is an order of nodes."""
    shutil.copytree(scans.PRACTICE / "evidence", tmp_path / "evidence")
    document = json.loads((tmp_path / "evidence" / "node-cp1.json").read_text(encoding="utf-8"))
    (tmp_path / "evidence" / "node-cp0.json").write_text(json.dumps({**document, "node": "cp0"}), encoding="utf-8")
    return tmp_path / "evidence"


@pytest.fixture
def score(tmp_path: pathlib.Path, evidence: pathlib.Path) -> t.Callable[..., scans.Outcome]:
    def run(name: str, answers: list[dict[str, str]] | str = "") -> scans.Outcome:
        text = answers if isinstance(answers, str) else yaml.safe_dump(answers)
        (tmp_path / "a.yml").write_text(text, encoding="utf-8")
        given = {
            "cis_scan_profile": "RKE-CIS-1.3-Hardened",
            "cis_scan_evidence_dir": str(evidence),
            "cis_scan_attestations_file": str(tmp_path / "a.yml"),
            "cis_report_formats": ["csv", "html", "self_assessment"],
            "cis_report_include_not_scored": True,
            "cis_scan_fail_on": [],
        }
        return scans.playbook(tmp_path / name, scans.SCORE, "localhost,", given)

    return run


def told(outcome: scans.Outcome, browser: Browser) -> tuple[str, str, str, str]:
    """Return what is said of the control by the CSV, the page in a browser, and both self-assessments."""
    csv = " | ".join(next(row for row in outcome.table() if row[0] == CONTROL))
    page = browser.open(outcome.where / "report.html")
    row = page.page.locator(f'tr[data-id="{CONTROL}"]')
    row.locator("summary").first.click()
    html = row.locator(".badge").first.inner_text() + " " + row.inner_text()
    if outcome.report["attestations"]:
        html += page.page.locator("section", has=page.page.locator("#attestations")).inner_text()
    assert (page.complaints, page.foreign, page.overflow) == ([], [], 0)
    page.close()
    markdown = (outcome.where / "self_assessment.md").read_text(encoding="utf-8")
    part = markdown.partition(f"### {CONTROL} ")[2].partition("\n### ")[0].replace("\\", "")
    page = browser.open(outcome.where / "self_assessment.html")
    guide = page.page.locator("section.control", has=page.page.locator("h3", has_text=CONTROL)).inner_text()
    page.close()
    return csv, html, part, guide


def test_from_the_file_to_be_filled_in_to_the_reports(
    score: t.Callable[..., scans.Outcome], tmp_path: pathlib.Path, evidence: pathlib.Path, browser: Browser
) -> None:
    first = score("first")
    manual = [check["id"] for check in report_checks(first.report) if check["state"] == "manual"]
    assert CONTROL in manual
    given = {
        "cis_report_command": "attestations",
        "cis_report_dir": str(first.directory / "cis-reports"),
        "cis_report_dest": str(tmp_path / "to_fill.yml"),
    }
    written = scans.playbook(first.directory, BOOK, "localhost,", given)
    assert f"written {tmp_path}/to_fill.yml: {len(manual)} manual controls to attest" in written.out
    assert "already exists" in scans.playbook(first.directory, BOOK, "localhost,", given).failure()

    skeleton = (tmp_path / "to_fill.yml").read_text(encoding="utf-8")
    refused = score("refused", skeleton).failure()
    assert refused.startswith(f"cis_scan_attestations_file {tmp_path}/a.yml line ")
    assert refused.endswith(": result: empty; write passed or failed")

    answers = yaml.safe_load(skeleton)
    assert [answer["controls"] for answer in answers] == manual
    for answer in answers:
        answer.update(result="passed", explanation="fine, see ticket 12", by="Anna", date=day(-10))
    # seen in another order, and at another time
    for path in evidence.glob("node-*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**document, "collected_at": "2026-11-30T00:00:00Z"}), encoding="utf-8")
    filled = score("filled", answers)
    assert {filled.checks[name]["state"] for name in manual} == {"pass"}
    assert [check.get("evidence_hash") for check in filled.checks.values()] == [
        check.get("evidence_hash") for check in first.checks.values()
    ]
    said = f"as passed by Anna on {day(-10)}, until {day(80)}: fine, see ticket 12"
    assert filled.checks[CONTROL]["evidence"][0]["attestation"]["expires"] == day(80)
    csv, html, markdown, guide = told(filled, browser)
    assert f"Attested on cp0, cp1 {said} | pass" in csv
    assert html.startswith("Pass ") and said in html and filled.checks[CONTROL]["evidence_hash"] in html
    assert "live" in html.split()
    assert "**Result: Pass**" in markdown and said in markdown
    assert said in guide

    answers[manual.index(CONTROL)].update(result="failed", date=day(-91))  # its 90 days are over
    expired = score("expired", answers)
    why = f"the attestation of Anna expired on {day(-1)}"
    assert expired.ids("manual") == {CONTROL}
    for text in told(expired, browser):
        assert why in text
    assert any(f"for {CONTROL}: expired on {day(-1)}; " in warning for warning in expired.report["warnings"])

    answers[manual.index(CONTROL)].update(result="failed", date=day(-10))
    assert score("failed", answers).checks[CONTROL]["failed_nodes"] == ["cp0", "cp1"]

    document = json.loads((evidence / "node-cp0.json").read_text(encoding="utf-8"))
    shown = document["containers"]["kube-apiserver"]
    for words in (shown["args"], *shown["processes"]):
        words.append("--enable-admission-plugins=SecurityContextDeny")
    (evidence / "node-cp0.json").write_text(json.dumps(document), encoding="utf-8")
    changed = score("changed", answers)
    assert changed.ids("manual") == {CONTROL}
    for text in told(changed, browser):
        assert f"the evidence is not that which Anna attested on {day(-10)}" in text
    assert {one["status"] for one in changed.report["attestations"]} == {"live", "changed"}
