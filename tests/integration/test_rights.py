# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users without root's rights: all that they may see is judged, the rest says what to grant. Nothing hangs."""

from __future__ import annotations

import pathlib
import re

import scans
from conftest import with_api
from scans import HARDENED, PSP_CONTROLS
from testbed import Testbed, kube_apiserver


def test_docker_group(hardened: Testbed, scan_hardened: scans.Outcome, tmp_path: pathlib.Path) -> None:
    variables = with_api(hardened, cis_scan_profile=HARDENED)
    outcome = scans.playbook(tmp_path, scans.SCAN, hardened.inventory_rke, variables, bed=hardened)
    theirs, ours = scan_hardened.verdicts(), outcome.verdicts()
    assert {name for name in ours if ours[name] != theirs[name]} == {"1.1.35"}
    assert outcome.checks["1.1.35"]["state"] == "error"
    (part,) = outcome.checks["1.1.35"]["evidence"]
    assert part["reason"] == (
        "denied: /etc/kubernetes/ssl/encryption.yaml: Permission denied; "
        "scan with become, or grant the user search and read rights"
    )
    assert outcome.code == 2
    assert "1 could not be examined" in outcome.failure() or not kube_apiserver()


def test_closed_directory_is_denied_not_missing(faults: Testbed, tmp_path: pathlib.Path) -> None:
    groups = {"controlplane": ["closed"], "etcd": ["etcd1"], "worker": ["good"]}
    inventory = scans.inventory(tmp_path / "hosts.json", faults, groups, {"ansible_user": "rke"})
    outcome = scans.playbook(tmp_path, scans.SCAN, inventory, {"cis_scan_profile": HARDENED}, bed=faults)
    denied = outcome.ids("error") - set(PSP_CONTROLS)
    assert denied == {"1.1.35", *(f"1.4.{number}" for number in range(15, 22))}
    for name in denied:
        (part,) = (part for part in outcome.checks[name]["evidence"] if part["state"] == "error")
        assert part["nodes"] == ["closed"]
        assert part["reason"].startswith("denied: /etc/kubernetes/ssl")
        assert part["reason"].endswith("scan with become, or grant the user search and read rights")
    assert outcome.ids("fail", "mixed") == set()
    assert outcome.checks["1.1.2"]["state"] == "pass"  # arguments are seen all the same
    assert not [key for key, entry in outcome.evidence("closed")["paths"].items() if "missing" in str(entry)]


def test_no_docker_group(hardened: Testbed, tmp_path: pathlib.Path) -> None:
    groups = {"controlplane": ["cp1"], "etcd": ["etcd1"], "worker": ["worker1"]}
    inventory = scans.inventory(tmp_path / "hosts.json", hardened, groups, {"ansible_user": "plain"})
    formats = ["csv", "html", "prometheus"]
    variables = {"cis_scan_profile": HARDENED, "cis_scan_fail_on": ["unreachable"], "cis_report_formats": formats}
    outcome = scans.playbook(tmp_path, scans.SCAN, inventory, variables, bed=hardened)
    (part,) = outcome.checks["2.1.2"]["evidence"]
    assert part["state"] == "error"
    assert part["reason"].startswith("denied: ")
    assert "add the user to the group docker, which owns the Docker socket" in part["reason"]
    assert "become" in part["reason"]
    assert not outcome.ids("fail", "mixed")
    assert {name for name in outcome.ids("pass") if "path" not in str(outcome.checks[name]["evidence"])} == outcome.ids(
        "pass"
    )
    assert outcome.code == 2
    assert "(nothing was seen of cp1, etcd1, worker1)" in outcome.failure()
    assert set(outcome.report["node_errors"]) == {"cp1", "etcd1", "worker1"}
    assert re.search(r"^rke_cis_unseen_nodes\{.*\} 3$", (outcome.where / "report.prom").read_text(), re.M)
    assert "3 nodes could not be examined" in (outcome.where / "report.html").read_text()


def test_become_without_sudo_is_one_error_per_node(hardened: Testbed, tmp_path: pathlib.Path) -> None:
    """Nobody may sudo on the test bed: the node cannot be examined, which the report says."""
    outcome = scans.playbook(tmp_path, scans.SCAN, hardened.inventory_rke, {}, "--become", bed=hardened)
    assert set(outcome.report["node_errors"]) == {"cp1", "etcd1", "worker1"}
    assert "sudo" in outcome.report["node_errors"]["cp1"]
    assert outcome.counts[:2] == (0, 0)
    assert "nothing was seen of cp1, etcd1, worker1" in outcome.failure()
