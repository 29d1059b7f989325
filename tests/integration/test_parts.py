# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scans of a part of a cluster: with --limit, and in slices that are merged. No node is asked."""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile

import scans

INVENTORY = scans.PRACTICE / "inventory.yml"


def test_a_scan_with_a_limit_does_not_pass_for_the_whole_cluster(tmp_path: pathlib.Path) -> None:
    formats = {"cis_report_formats": ["html", "markdown", "prometheus"], "cis_scan_fail_on": []}
    outcome = scans.playbook(tmp_path, scans.SCAN, INVENTORY, formats, "--limit", "controlplane")
    assert outcome.code == 0, outcome.out
    assert outcome.report["not_scanned"] == ["etcd1", "worker1"]
    said = "this is not the whole cluster: 1 of 3 nodes were scanned, without etcd1, worker1"
    assert outcome.report["warnings"][0] == said
    assert "Not the whole cluster: 2 nodes not scanned." in outcome.summary
    for name in ("report.html", "report.md"):
        assert said in (outcome.where / name).read_text(encoding="utf-8")
    assert "rke_cis_nodes_not_scanned{" in (outcome.where / "report.prom").read_text(encoding="utf-8")
    again = scans.playbook(tmp_path / "hosts", scans.SCAN, INVENTORY, {**formats, "cis_scan_hosts": "controlplane"})
    assert "not_scanned" not in again.report


def test_parts_meet_on_the_host_that_reports_are_copied_to(tmp_path: pathlib.Path) -> None:
    there = tmp_path / "there"
    inventory = tmp_path / "hosts"
    inventory.write_text("[all:children]\nother\n[other]\nstore ansible_connection=local\n", encoding="utf-8")
    variables = {
        "cis_report_host": "store",
        "cis_report_host_dir": str(there),
        "cis_report_host_evidence": False,
        "cis_report_formats": [],
        "cis_scan_cluster": "practice",
        "cis_scan_fail_on": [],
        "cis_scan_thresholds": {"failed": {"total.max": 0}},
        "ansible_python_interpreter": sys.executable,
    }
    both = ("-i", str(inventory))
    for limit in ("controlplane:etcd", "worker"):
        part = {**variables, "cis_scan_partial": True}
        done = scans.playbook(tmp_path / limit[:1], scans.SCAN, INVENTORY, part, *both, "--limit", limit)
        assert done.code == 0, done.out
        assert "cis_scan_fail_on and cis_scan_thresholds are judged there" in done.out
    book = scans.ROOT / "playbooks" / "cis_merge.yml"
    merged = scans.playbook(tmp_path / "merge", book, INVENTORY, variables, *both)
    assert "\nfailed.total.max: 3, must be at most 0 (" in merged.failure()
    assert (list(merged.report["node_results"]), merged.report["node_errors"]) == (["cp1", "etcd1", "worker1"], {})
    assert (there / "practice" / merged.where.name / "report.json").exists()
    assert not list(pathlib.Path(tempfile.gettempdir()).glob("cis-parts.*"))


def test_an_inventory_of_a_thousand_hosts(tmp_path: pathlib.Path) -> None:
    """Three of them are scanned. The report tells of each other one why nothing is known of it."""
    many = tmp_path / "many"
    many.write_text("[worker]\nworker[0002:0998]\n", encoding="utf-8")
    replay = str(scans.PRACTICE / "evidence")
    variables = {"cis_scan_cluster": "practice", "cis_scan_fail_on": ["unreachable"], "cis_scan_replay_dir": replay}
    both = ("-i", str(many), "--limit", "cp1,etcd1,worker1")
    part = scans.playbook(tmp_path, scans.SCAN, INVENTORY, {**variables, "cis_scan_partial": True}, *both)
    assert part.code == 0, part.out
    book = scans.ROOT / "playbooks" / "cis_merge.yml"
    formats = ["html", "junit", "prometheus", "self_assessment"]
    merged = scans.playbook(tmp_path, book, INVENTORY, {**variables, "cis_report_formats": formats}, *both[:2])
    (where,) = (tmp_path / "cis-reports" / "practice").glob("*/report.json")
    report = json.loads(where.read_text(encoding="utf-8"))
    assert len(report["node_results"]) == 1000
    assert set(report["node_errors"].values()) == {"not scanned: its slice is missing; scan it, then merge again"}
    assert len(report["node_errors"]) == 997
    assert report["node_results"]["cp1"]["error"] == 0
    assert merged.code == 2
    assert len(merged.summary.splitlines()) < 100
