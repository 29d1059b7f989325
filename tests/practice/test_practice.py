# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice scan of a newcomer, as `make scan` runs it: its table, and each of its reports read back."""

from __future__ import annotations

import csv
import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORMATS = "csv,defectdojo,html,junit,markdown,ocsf,ohdf,oscal,prometheus,sarif,self_assessment,xccdf"


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, pathlib.Path]:
    """What a scan printed, and the directory of its reports."""
    directory = tmp_path_factory.mktemp("practice")
    program = pathlib.Path(sys.executable).parent / "ansible-playbook"
    playbooks = ROOT / "playbooks"
    command = [str(program), "-i", str(playbooks / "practice/inventory.yml"), str(playbooks / "cis_scan.yml")]
    command += ["-e", f"cis_report_formats={FORMATS}"]
    env = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (where,) = (directory / "cis-reports" / "practice").glob("*Z-*")
    return done.stdout + done.stderr, where


def test_a_default_scan_is_short_and_without_a_warning(scan: tuple[str, pathlib.Path]) -> None:
    said, _where = scan
    headings = [line for line in said.splitlines() if line.startswith(("PLAY [", "TASK ["))]
    assert len(headings) <= 12, headings
    assert "WARNING" not in said


def test_the_table_shows_what_the_report_says(scan: tuple[str, pathlib.Path]) -> None:
    said, where = scan
    report = json.loads((where / "report.json").read_text(encoding="utf-8"))
    (line,) = (line for line in said.splitlines() if line.startswith("cluster practice "))
    columns = ("pass", "fail", "warn", "skip", "notApplicable", "error", "manual")
    assert line.split()[-7:] == [str(report[state]) for state in columns]
    assert report["error"] == 0 and report["fail"] > 0


def test_every_report_is_there_and_says_the_same(scan: tuple[str, pathlib.Path]) -> None:
    _said, where = scan
    report = json.loads((where / "report.json").read_text(encoding="utf-8"))
    states = {check["id"]: check["state"] for group in report["results"] for check in group["checks"]}
    with open(where / "report.csv", encoding="utf-8", newline="") as stream:
        assert {row["ID"]: row["State of Test"] for row in csv.DictReader(stream)} == states
    names = {
        "report.defectdojo.json",
        "report.html",
        "report.junit.xml",
        "report.md",
        "report.ocsf.json",
        "report.ohdf.json",
        "report.oscal.json",
        "report.prom",
        "report.sarif",
    }
    names |= {"self_assessment.md", "self_assessment.html"}
    assert {path.name for path in (where / "xccdf").iterdir()} == {f"{node}.xml" for node in report["node_results"]}
    failing = [control for control, state in states.items() if state in ("fail", "mixed")]
    for name in names:
        text = (where / name).read_text(encoding="utf-8")
        assert all(control in text for control in failing) or name == "report.prom", name
    assert not [path.name for path in where.rglob(".*")], "nothing of the plan is left"
