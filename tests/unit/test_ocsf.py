# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCSF: an event for each judged control and node. tests/integration/test_interop.py holds them to the schema."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._reports.ocsf import ocsf_findings
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.tests.unit.test_formats import REPORTS, every_state, rendering, verdicts

COMPLIANCE = {"pass": "Pass", "fail": "Fail", "warn": "Warning", "waived": "Fail"}


@pytest.fixture
def render(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    return rendering(tmp_path)


@pytest.mark.parametrize("name", REPORTS)
def test_an_event_for_each_judged_control_and_node(name: str, render: t.Callable[..., str]) -> None:
    report = REPORTS[name]()
    checks = {check["id"]: check for check in report_checks(report)}
    wanted = set()
    for on, control, state in verdicts(report):
        if "evidence" in checks[control]:
            if state == "skip":
                state = "waived"
            elif state == "error" and on in report["node_errors"]:
                state = "unseen"
            wanted.add((control, on, state, COMPLIANCE.get(state, "Unknown")))
    found = list(ocsf_findings(report))
    assert len(found) == len(wanted) == len({finding["finding_info"]["uid"] for finding in found})
    assert wanted == {
        (
            finding["compliance"]["control"],
            finding["resources"][0]["name"] if finding["resources"][0]["type"] == "Node" else "",
            finding["unmapped"]["state"],
            finding["compliance"]["status"],
        )
        for finding in found
    }
    assert len(json.loads(render(report, "report.ocsf.json"))) == len(found)


def test_a_finding_says_what_became_of_it() -> None:
    found = {finding["finding_info"]["uid"]: finding for finding in ocsf_findings(every_state())}
    waived, failed = found["c1/rke-cis-1.3/1.1.8/cp3"], found["c1/rke-cis-1.3/1.1.8/cp2"]
    assert (waived["status"], waived["comment"]) == ("Suppressed", "me until 2099-01-01: we know")
    assert (failed["status"], failed["severity"], "comment" in failed) == ("New", "Low", False)
    assert "Seen: --profiling=false --profiling=true" in failed["status_detail"]
    unseen = found["c1/rke-cis-1.3/2.1.2/w1"]
    assert (unseen["status"], unseen["compliance"]["status"]) == ("Unknown", "Unknown")
    assert unseen["status_detail"].startswith("Not examined: unreachable: no route to host")
    assert unseen["time"] == 1795298400000  # date -d 2026-11-21T22:00:00Z +%s
