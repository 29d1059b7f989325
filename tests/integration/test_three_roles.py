# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three nodes with one role each, hardened and as RKE sets them up, with a real kube-apiserver."""

from __future__ import annotations

import json
import os
import pathlib
import re
import stat
import typing as t

import scans
from conftest import with_api
from scans import HARDENED, PERMISSIVE, PSP_CONTROLS
from testbed import Testbed, kube_apiserver

COLUMNS = (
    "ID,Description,Remediation,State of Test,Node type,Nodes,Passed_Nodes,Failed_Nodes,Profile,Severity,Level,NIST"
)

# What RKE's own arguments leave open; tests/oracle/test_rke_arguments.py has the same for other versions of RKE.
DEFAULT_FAILS = {
    *("1.1.11", "1.1.24", "1.1.36"),  # the admission plugins AlwaysPullImages, PodSecurityPolicy, EventRateLimit
    "1.1.21",  # no --kubelet-certificate-authority
    *("1.1.34", "1.1.35"),  # secrets are not encrypted
    *("1.2.2", "1.3.7"),  # scheduler and controller manager listen on all addresses
    "1.4.12",  # etcd's data belong to root
    *("2.1.6", "2.1.10"),  # the kubelet: no --protect-kernel-defaults, no serving certificate
}


# ---------------------------------------------------------------------------------------------- hardened


def test_before_there_is_a_psp(before_psp: scans.Outcome) -> None:
    assert before_psp.counts == (74, 4, 0, 19, 0)
    assert sorted(before_psp.ids("fail")) == PSP_CONTROLS
    assert before_psp.code == 0  # failing controls fail a play only where cis_scan_fail_on says so
    assert "none exists (Kubernetes API" in before_psp.summary


def test_hardened(api: None, scan_hardened: scans.Outcome) -> None:
    assert scan_hardened.counts == (78, 0, 0, 19, 0)
    assert scan_hardened.code == 0
    assert scan_hardened.report["nodes"] == {"master": ["cp1"], "etcd": ["etcd1"], "node": ["worker1"]}
    assert scan_hardened.report["profile"] == HARDENED
    assert scan_hardened.checks["1.7.2"]["evidence"][0]["actual"] == "restricted spec.hostPID is not set"
    assert "Not examined" not in scan_hardened.summary


def test_permissive(api: None, restricted_psp: None, hardened: Testbed, tmp_path: pathlib.Path) -> None:
    outcome = scans.playbook(tmp_path, scans.SCAN, hardened.inventory, with_api(hardened), bed=hardened)
    assert outcome.report["profile"] == PERMISSIVE
    assert outcome.counts == (63, 0, 15, 19, 0)
    assert outcome.code == 0
    assert {check["by"] for check in outcome.checks.values() if check["state"] == "skip"} == {"profile"}


def test_viewer_is_denied(api: None, restricted_psp: None, hardened: Testbed, tmp_path: pathlib.Path) -> None:
    variables = {"cis_scan_profile": HARDENED, "cis_scan_kubeconfig": hardened.kubeconfig_viewer}
    outcome = scans.playbook(tmp_path, scans.SCAN, hardened.inventory, variables, bed=hardened)
    assert outcome.counts == (74, 0, 0, 19, 4)
    assert sorted(outcome.ids("error")) == PSP_CONTROLS
    (part,) = outcome.checks["1.7.2"]["evidence"]
    assert part["reason"].startswith("denied: 403 Forbidden; grant the kubeconfig's user list on podsecuritypolicies")
    assert "become" not in part["reason"], "rights on a node do not help with the API"
    assert "ConfigMap security-scan/security-scan-cfg: could not be read" in outcome.out
    assert "0 of 97 controls fail, 4 could not be examined" in outcome.failure()


def test_without_kubeconfig(hardened: Testbed, tmp_path: pathlib.Path) -> None:
    variables = {"cis_scan_profile": HARDENED}
    outcome = scans.playbook(tmp_path, scans.SCAN, hardened.inventory, variables, bed=hardened)
    assert outcome.counts == (74, 0, 0, 19, 4)
    assert sorted(outcome.ids("error")) == PSP_CONTROLS
    assert "cis_scan_kubeconfig" in outcome.checks["1.7.5"]["evidence"][0]["reason"]
    assert outcome.code == 2


def test_config_map_skips(api: None, restricted_psp: None, hardened: Testbed, tmp_path: pathlib.Path) -> None:
    text = json.dumps({"skip": {"rke-cis-1.4": ["1.1.2", "2.1.6", "1.1.9", "9.9.9"]}})
    variables = with_api(hardened, cis_scan_profile=HARDENED, cis_scan_skip={"1.1.3": "accepted until May"})
    with scans.skip_config_map(hardened, text):
        outcome = scans.playbook(tmp_path, scans.SCAN, hardened.inventory, variables, bed=hardened)
    assert outcome.counts == (75, 0, 3, 19, 0)
    assert outcome.ids("skip") == {"1.1.2", "1.1.3", "2.1.6"}
    assert outcome.checks["1.1.2"]["by"] == "ConfigMap security-scan/security-scan-cfg"
    assert outcome.checks["1.1.3"]["by"] == "cis_scan_skip"
    assert outcome.checks["1.1.3"]["reason"] == "accepted until May"
    assert outcome.checks["1.1.9"]["state"] == "notApplicable"
    assert "has no control '9.9.9'" in re.sub(r"\s+", " ", outcome.out)
    assert outcome.code == 0
    row = next(row for row in outcome.table() if row[0] == "1.1.3")
    assert row[2:4] == ["Skipped by cis_scan_skip: accepted until May", "skip"]


def test_bad_config_map_ends_it_before_any_node(
    api: None, hardened: Testbed, tmp_path: pathlib.Path, ssh_trap: t.Any
) -> None:
    with scans.skip_config_map(hardened, '{"skip": ["1.1.2"'):
        outcome = scans.playbook(
            tmp_path, scans.SCAN, hardened.inventory, with_api(hardened), bed=hardened, env=ssh_trap.env
        )
    assert outcome.failure().startswith("ConfigMap security-scan/security-scan-cfg key config.json: not valid JSON")
    assert ssh_trap.calls == 0
    assert not list(tmp_path.rglob("report.*"))


def test_ssh_trap_counts(hardened: Testbed, tmp_path: pathlib.Path, ssh_trap: t.Any) -> None:
    """What shows that no node was touched must be able to show that one was."""
    inventory = scans.inventory(tmp_path / "hosts.json", hardened, {"worker": ["worker1"]})
    scans.playbook(tmp_path, scans.SCAN, inventory, bed=hardened, env=ssh_trap.env)
    assert ssh_trap.calls > 0


# ----------------------------------------------------------------------------------------------- default


def test_default_fails(scan_default: scans.Outcome) -> None:
    unseen = set() if kube_apiserver() else set(PSP_CONTROLS)
    assert scan_default.ids("fail", "mixed") == DEFAULT_FAILS | set(PSP_CONTROLS) - unseen
    assert scan_default.ids("error") == unseen
    assert scan_default.counts[0] == 63


def test_default_permissive(default: Testbed, tmp_path: pathlib.Path) -> None:
    """What RKE's own arguments fail is just what the permissive profile leaves out."""
    variables = with_api(default, cis_report_csv_layout="rancher")
    outcome = scans.playbook(tmp_path, scans.SCAN, default.inventory, variables, bed=default)
    assert outcome.counts == (63, 0, 15, 19, 0)
    assert outcome.ids("skip") == DEFAULT_FAILS | set(PSP_CONTROLS)
    assert outcome.code == 0
    rows = outcome.table()
    assert rows[0] == [
        "Profile: RKE-CIS-1.4 Permissive",
        "id",
        "description",
        "remediation",
        "state",
        "node_type",
        "nodes",
        "passed_nodes",
        "failed_nodes",
    ]
    assert len(rows) == 98
    assert rows[1][:2] == ["", "1.1.2"]


def test_csv(scan_default: scans.Outcome) -> None:
    rows = scan_default.table()
    assert ",".join(rows[0]) == COLUMNS
    assert len(rows) == 98
    assert {len(row) for row in rows} == {12}
    assert [row[0] for row in rows[1:]] == list(scan_default.checks)
    assert {row[8] for row in rows[1:]} == {HARDENED}
    by_id = {row[0]: row for row in rows[1:]}
    assert by_id["1.1.11"][3:8] == ["fail", "master", "cp1", "", "cp1"]
    assert by_id["1.1.2"][3:8] == ["pass", "master", "cp1", "cp1", ""]
    assert by_id["1.4.12"][4:8] == ["etcd", "etcd1", "", "etcd1"]
    assert by_id["1.1.9"][2:4] == [f"Not applicable: {scan_default.checks['1.1.9']['reason']}", "notApplicable"]
    assert all(row[1].endswith("(Scored)") for row in rows[1:])
    text = (scan_default.where / "report.csv").read_bytes()
    assert text.startswith(COLUMNS.encode() + b"\n")
    assert text.endswith(b"\n")
    assert b"\r" not in text


def test_files_are_not_for_everyone(scan_default: scans.Outcome) -> None:
    assert scan_default.where.parent.name == "prod"
    base = scan_default.directory / "cis-reports"
    seen = {"d": set(), "f": set()}
    for path in [base, *base.rglob("*")]:
        seen["d" if path.is_dir() else "f"].add(oct(stat.S_IMODE(os.stat(path).st_mode)))
    assert seen == {"d": {"0o750"}, "f": {"0o640"}}
    assert {path.name for path in scan_default.where.iterdir()} == {"evidence", "report.csv", "report.json"}


def test_json_says_what_was_seen(scan_default: scans.Outcome) -> None:
    report = scan_default.report
    assert list(report)[:3] == ["schema", "collection", "scan"]
    assert {"version", "total", "pass", "fail", "skip", "notApplicable", "nodes", "results"} <= set(report)
    assert report["total"] == 97
    assert report["node_results"]["etcd1"]["roles"] == ["etcd"]
    (part,) = scan_default.checks["1.2.2"]["evidence"]
    assert part == {
        "state": "fail",
        "expected": "--address=127.0.0.1",
        "actual": "--address=0.0.0.0",
        "source": "kube-scheduler process arguments",
        "reason": "seen --address=0.0.0.0",
        "nodes": ["cp1"],
    }


def test_summary_names_what_fails(scan_default: scans.Outcome) -> None:
    """Width and plain text are looked at in every run of every test, by Outcome."""
    assert re.search(r"^cluster prod \(97 controls\) +63 ", scan_default.summary, re.M)
    assert re.search(
        r"^1\.2\.2 .*\n    expected --address=127\.0\.0\.1\n    seen     --address=0", scan_default.summary, re.M
    )
    assert {line.split()[0] for line in scan_default.summary.splitlines() if re.match(r"\d+\.\d+\.\d+", line)} == (
        scan_default.ids("fail")
    )
