# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scans of a part of a cluster: with --limit, and in slices that are merged. No node is asked."""

from __future__ import annotations

import pathlib

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
