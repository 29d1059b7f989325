# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action import manage_reports
from ansible_collections.rke.cis.plugins.action.manage_reports import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, node

REPORT = build_report(BENCHMARK, "hardened", [node("n1")], cluster())
NAME = "20261101T120000Z-rke-cis-1.4-hardened"


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    where = tmp_path / "reports" / "prod" / NAME
    where.mkdir(parents=True)
    (where / "report.json").write_text(to_json(REPORT))
    (where / "report.csv").write_text("a,b\r\n")
    return tmp_path / "reports"


def run(base: pathlib.Path, command: str, **args: t.Any) -> dict[str, t.Any]:
    return run_action(ActionModule, {"report_dir": str(base), "cluster": "prod", "command": command, **args})


@pytest.mark.parametrize(
    "command, args, line",
    [
        ("list", {"cluster": "x"}, "cis_report_cluster 'x': no reports in {base}; available: prod"),
        ("list", {"cluster": ".."}, "cis_report_cluster '..': must be a name without / and without a leading dot"),
        ("list", {"report_dir": "/no/such"}, "cis_report_dir /no/such: not readable: No such file or directory"),
        ("show", {"name": "x"}, "cis_report_name 'x': no such scan in {base}/prod; list the scans with"),
        ("download", {}, "cis_report_dest is required for download; name a directory, or a file that ends in .tar.gz"),
        ("download", {"dest": "/dev/null/x"}, "cis_report_dest /dev/null/x: cannot be written to: Not a directory"),
        ("attestations", {"name": "x"}, "cis_report_name 'x': no such scan in {base}/prod; list the scans with"),
        ("delete", {}, "cis_report_name is required for delete; list the scans with cis_report_command=list"),
        ("prune", {}, "cis_report_keep is required for prune; set it, for example, to"),
        ("prune", {"keep": {"manual": 0}}, "cis_report_keep: manual is 0; must be at least 1 (omit it to keep all)"),
        ("list", {"keep": {"manual": 0}}, "cis_report_keep: manual is 0; must be at least 1 (omit it to keep all)"),
        ("list", {"incomplete_days": -1}, "cis_report_incomplete_days is -1; must be 0 or more"),
        ("list", {"keep": {"weekly": 1}}, "keep.weekly. Supported parameters include: manual, scheduled."),
        ("no", {}, "value of command must be one of: list, show, download, attestations, delete, prune"),
    ],
)
def test_what_cannot_be_done_is_one_line(base: pathlib.Path, command: str, args: dict[str, t.Any], line: str) -> None:
    result = run(base, command, **args)
    assert result["failed"] is True
    assert line.format(base=base) in result["msg"]


def test_a_cluster_without_complete_scans_has_no_newest(base: pathlib.Path) -> None:
    (base / "prod" / NAME / "report.json").unlink()
    assert run(base, "show")["msg"].startswith(f"cis_report_name: no complete scan in {base}/prod")


@pytest.mark.parametrize("change", [{"node_results": 5}, {"fail": "none"}])
def test_a_report_that_lost_a_part_is_not_shown(base: pathlib.Path, change: dict[str, t.Any]) -> None:
    (base / "prod" / NAME / "report.json").write_text(to_json({**REPORT, **change}))
    assert f"report {base}/prod/{NAME}/report.json: " in run(base, "show", name=NAME)["msg"]


@pytest.mark.parametrize("dest", ["there", "there.tar.gz", "there.tgz"])
def test_a_copy_that_fails_leaves_nothing(
    base: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, dest: str
) -> None:
    def full(*_args: t.Any, **_more: t.Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manage_reports.os, "rename", full)
    result = run(base, "download", dest=str(tmp_path / "copies" / dest))
    assert result["msg"].endswith("not writable: No space left on device")
    assert [path for path in (tmp_path / "copies").rglob("*") if path.name != dest] == []
