# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other clusters and inventories: all roles on one node, several controlplane nodes, groups of other names."""

from __future__ import annotations

import pathlib
import re

import scans
from conftest import with_api
from scans import HARDENED, PSP_CONTROLS
from testbed import Testbed, kube_apiserver

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import Version, chosen_profile


def test_all_in_one(all_in_one: Testbed, tmp_path: pathlib.Path) -> None:
    if kube_apiserver():
        scans.create_restricted_psp(all_in_one)
    variables = with_api(all_in_one, cis_scan_profile=HARDENED)
    outcome = scans.playbook(tmp_path, scans.SCAN, all_in_one.inventory, variables, bed=all_in_one)
    assert outcome.report["nodes"] == {"master": ["node1"], "etcd": ["node1"], "node": ["node1"]}
    assert outcome.counts == ((78, 0, 0, 19, 0) if kube_apiserver() else (74, 0, 0, 19, 4))
    assert outcome.report["node_results"]["node1"]["pass"] == outcome.report["pass"]
    assert {row[5] for row in outcome.table()[1:]} == {"node1"}


def test_controlplanes_that_differ(controlplanes: Testbed, tmp_path: pathlib.Path) -> None:
    variables = {"cis_scan_profile": HARDENED, "cis_scan_fail_on": ["fail"]}
    outcome = scans.playbook(tmp_path, scans.SCAN, controlplanes.inventory, variables, bed=controlplanes)
    check = outcome.checks["1.1.8"]
    assert check["state"] == "mixed"
    assert check["nodes"] == check["failed_nodes"] == ["cp2"]
    assert check["passed_nodes"] == ["cp1", "cp3"]
    assert outcome.ids("fail", "mixed") == {"1.1.8"}
    assert outcome.report["fail"] == 1  # mixed counts as failed
    row = next(row for row in outcome.table() if row[0] == "1.1.8")
    assert row[3:8] == ["mixed", "master", "cp1,cp2,cp3", "cp1,cp3", "cp2"]
    assert re.search(r"seen     --profiling=true .*\n +on +cp2\n", outcome.summary)
    assert "1 of 97 controls fail" in outcome.failure()


def test_mapped_groups_and_a_node_in_several(controlplanes: Testbed, tmp_path: pathlib.Path) -> None:
    """etcd1 is in two role groups: what it does not run is missing there, and the others are judged as always."""
    groups = {
        "masters": ["cp1"],
        "more_masters": ["cp3"],
        "etcd": ["etcd1"],
        "nodes": ["worker1", "etcd1"],
        "lb": ["cp2"],
    }
    inventory = scans.inventory(tmp_path / "hosts.json", controlplanes, groups)
    variables = {"cis_scan_groups": {"controlplane": ["masters", "more_masters"], "worker": "nodes"}}
    outcome = scans.playbook(
        tmp_path, scans.SCAN, inventory, {**variables, "cis_scan_profile": HARDENED}, bed=controlplanes
    )
    assert outcome.report["nodes"] == {"master": ["cp1", "cp3"], "etcd": ["etcd1"], "node": ["etcd1", "worker1"]}
    assert outcome.report["node_results"]["etcd1"]["roles"] == ["etcd", "worker"]
    assert outcome.counts == (74, 0, 0, 19, 4)
    assert not (outcome.where / "evidence" / "node-cp2.json").exists()
    assert set(outcome.checks["2.1.2"]["passed_nodes"]) == {"etcd1", "worker1"}


def test_limit_to_one_node(controlplanes: Testbed, tmp_path: pathlib.Path) -> None:
    variables = {"cis_scan_profile": HARDENED}
    outcome = scans.playbook(
        tmp_path, scans.SCAN, controlplanes.inventory, variables, "--limit", "cp3", bed=controlplanes
    )
    assert outcome.report["nodes"] == {"master": ["cp3"], "etcd": [], "node": []}
    said = re.sub(r"\s+", " ", outcome.out.partition("PLAY RECAP")[0])
    for role in ("etcd", "worker"):
        assert said.count(f"no node has the role {role} (inventory group {role})") == 1
    assert outcome.checks["1.1.8"]["state"] == "pass"
    assert outcome.ids("error") - set(PSP_CONTROLS) == {
        name
        for name, check in outcome.checks.items()
        if "master" not in check["node_type"] and check["state"] != "notApplicable"
    }
    assert outcome.checks["1.5.1"]["reason"] == "no node has the role etcd"
    assert outcome.code == 2


def test_node_tests_on_all_nodes(controlplanes: Testbed, tmp_path: pathlib.Path) -> None:
    """As Rancher 2.4 ran them, since each node of RKE runs a kubelet."""
    variables = {"cis_scan_profile": HARDENED, "cis_scan_node_tests_on": "all"}
    outcome = scans.playbook(
        tmp_path, scans.SCAN, controlplanes.inventory, variables, "--limit", "cp1,etcd1", bed=controlplanes
    )
    assert outcome.report["nodes"]["node"] == ["cp1", "etcd1"]
    assert outcome.checks["2.1.2"]["passed_nodes"] == ["cp1", "etcd1"]
    assert outcome.counts == (74, 0, 0, 19, 4)


def test_without_a_benchmark_the_version_of_the_cluster_chooses_it(all_in_one: Testbed, tmp_path: pathlib.Path) -> None:
    """Nothing that it looks at is missing in the evidence, which was gathered before the version was known."""
    if kube_apiserver():
        scans.create_service_account(all_in_one, "default")  # as the controller manager would, which runs nowhere here
    variables = with_api(all_in_one, cis_scan_profile="hardened")
    outcome = scans.playbook(tmp_path, scans.SCAN, all_in_one.inventory, variables, bed=all_in_one)
    report = outcome.report
    version = Version(report["kubernetes"]["chosen_for"], "")
    assert version.text == ("v1.20.2" if kube_apiserver() else "v1.20.15")  # the API server is older than the nodes
    assert report["profile"] == chosen_profile(candidates("hardened"), version).full_name
    assert f"The benchmark is the one for Kubernetes {version.text}." in outcome.summary
    assert not kube_apiserver() or outcome.ids("error") == set(), outcome.summary
