# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fails a play, whichever playbook scores. Needs no test bed. Parts and jobs of AWX have tests of their own."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import scans
from scans import PRACTICE, ROOT, SCAN

EVIDENCE = str(PRACTICE / "evidence")


@pytest.mark.parametrize(
    "book, inventory, variables, arguments",
    [
        (SCAN, PRACTICE / "inventory.yml", {"cis_scan_replay_dir": EVIDENCE}, ["--check"]),
        (ROOT / "playbooks" / "cis_score.yml", "localhost,", {"cis_scan_evidence_dir": EVIDENCE}, []),
    ],
)
def test_a_play_fails_with_a_line_for_each_reason(
    tmp_path: pathlib.Path, book: pathlib.Path, inventory: t.Any, variables: dict[str, t.Any], arguments: list[str]
) -> None:
    limits = {"compliance": {"min": 99}, "failed.total.max": 0, "error": {"total": {"max": 0}}}
    asked = {"cis_scan_profile": "RKE-CIS-1.4-Permissive", "cis_scan_fail_on": ["fail", "manual", "new"]}
    outcome = scans.playbook(
        tmp_path, book, inventory, {**asked, **variables, "cis_scan_thresholds": limits}, *arguments
    )
    whole, *lines = outcome.failure().split("\n")
    report = outcome.report
    assert whole.startswith(f"RKE-CIS-1.4-Permissive: {report['fail']} of 97 controls fail, ")
    assert (report["manual"], report["error"]) == (0, 0)
    assert [line.partition(",")[0] for line in lines] == [
        f"fail: {report['fail']}",
        f"compliance.min: {report['pass'] * 100 // (report['pass'] + report['fail'])}",
        f"failed.total.max: {report['fail']}",
    ]
    assert "no earlier scan of this cluster and profile" in outcome.out
