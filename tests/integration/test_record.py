# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence that was recorded is scored again, without any node."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import typing as t

import pytest
import scans
from scans import HARDENED, PERMISSIVE


@pytest.fixture
def recorded(scan_hardened: scans.Outcome, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of what the scan of the hardened cluster recorded."""
    return pathlib.Path(shutil.copytree(scan_hardened.where / "evidence", tmp_path / "evidence"))


def score(directory: pathlib.Path, evidence: pathlib.Path, ssh_trap: t.Any, **variables: t.Any) -> scans.Outcome:
    variables = {"cis_scan_evidence_dir": str(evidence), **variables}
    outcome = scans.playbook(directory, scans.SCORE, "localhost,", variables, env=ssh_trap.env)
    assert ssh_trap.calls == 0
    return outcome


def test_same_evidence_same_bytes(
    scan_hardened: scans.Outcome, recorded: pathlib.Path, tmp_path: pathlib.Path, ssh_trap: t.Any
) -> None:
    outcome = score(tmp_path / "run", recorded, ssh_trap, cis_scan_profile=HARDENED)
    for name in ("report.json", "report.csv"):
        written = [(scan.where / name).read_bytes() for scan in (outcome, scan_hardened)]
        # but for the names of the scans, which are their times
        names = [scan.where.name.encode() for scan in (outcome, scan_hardened)]
        assert written[0].replace(names[0], names[1]) == written[1]
    assert outcome.code == scan_hardened.code

    def shown(summary: str) -> str:
        return summary.partition("\nReport")[0]

    assert shown(outcome.summary) == shown(scan_hardened.summary)


def test_the_other_profile(
    scan_hardened: scans.Outcome, recorded: pathlib.Path, tmp_path: pathlib.Path, ssh_trap: t.Any
) -> None:
    variables = {"cis_scan_profile": PERMISSIVE, "cis_scan_skip": "1.1.2 2.1.2", "cis_scan_cluster": "prod"}
    outcome = score(tmp_path / "run", recorded, ssh_trap, **variables)
    assert outcome.report["profile"] == PERMISSIVE
    assert outcome.counts == (61, 0, 17, 19, 0)
    assert outcome.where.parent.name == "prod"


def test_malformed_evidence_is_named(recorded: pathlib.Path, tmp_path: pathlib.Path, ssh_trap: t.Any) -> None:
    text = (recorded / "node-etcd1.json").read_text(encoding="utf-8")
    (recorded / "node-etcd1.json").write_text(text[: len(text) // 2], encoding="utf-8")
    report = score(tmp_path / "run", recorded, ssh_trap).report
    assert list(report["node_errors"]) == ["etcd1"]
    assert f"evidence file {recorded}/node-etcd1.json: not valid JSON: " in report["node_errors"]["etcd1"]


@pytest.mark.parametrize(
    "change,words",
    [
        ({"schema": "rke.cis/evidence/9"}, "schema: must be 'rke.cis/evidence/1'"),
        ({"roles": ["master"]}, "roles.0: unknown value; available: controlplane, etcd, worker"),
        ({"containers": []}, "containers: expected a mapping"),
    ],
)
def test_evidence_of_another_shape(
    recorded: pathlib.Path, tmp_path: pathlib.Path, ssh_trap: t.Any, change: dict[str, t.Any], words: str
) -> None:
    path = recorded / "node-etcd1.json"
    document = {**json.loads(path.read_text(encoding="utf-8")), **change}
    path.write_text(json.dumps(document), encoding="utf-8")
    report = score(tmp_path / "run", recorded, ssh_trap).report
    assert f"evidence file {path}: not valid evidence: {words}" in report["node_errors"]["etcd1"]
    assert report["pass"] > 0 or change == {"roles": ["master"]}


def test_two_files_of_a_node(recorded: pathlib.Path, tmp_path: pathlib.Path, ssh_trap: t.Any) -> None:
    shutil.copy(recorded / "node-cp1.json", recorded / "node-etcd1.json")
    failure = score(tmp_path / "run", recorded, ssh_trap).failure()
    assert "more than one file for node cp1" in failure
    assert str(recorded) in failure


def test_no_evidence(tmp_path: pathlib.Path, ssh_trap: t.Any) -> None:
    os.mkdir(tmp_path / "empty")
    assert "no evidence files of nodes found" in score(tmp_path / "run", tmp_path / "empty", ssh_trap).failure()
    assert "No such file or directory" in score(tmp_path / "run2", tmp_path / "gone", ssh_trap).failure()
