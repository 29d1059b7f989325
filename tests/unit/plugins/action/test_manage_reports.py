# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import shutil
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action import manage_reports
from ansible_collections.rke.cis.plugins.action.manage_reports import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import build_report
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
        ("list", {"cluster": "x"}, "cis_report_cluster 'x': no reports in {base}; there are: prod"),
        ("list", {"cluster": ".."}, "cis_report_cluster '..': a name without / and without a leading dot is wanted"),
        ("list", {"report_dir": "/no/such"}, "cis_report_dir /no/such: cannot be read: No such file or directory"),
        ("show", {"name": "x"}, "cis_report_name 'x': no scan of this name in {base}/prod; cis_report_command=list"),
        ("download", {}, "cis_report_dest: name a directory for the copy, or a file that ends in .tar.gz"),
        ("download", {"dest": "/dev/null/x"}, "cis_report_dest /dev/null/x: cannot be written to: Not a directory"),
        ("delete", {}, "cis_report_name: name the scan to delete; cis_report_command=list tells which there are"),
        ("prune", {}, "cis_report_keep: name how many to keep, as in {{scheduled: 24}}"),
        ("prune", {"keep": {"manual": 0}}, "cis_report_keep: manual is 0; 1 or more is wanted"),
        ("check", {"keep": {"manual": 0}}, "cis_report_keep: manual is 0; 1 or more is wanted"),
        ("check", {"incomplete_days": -1}, "cis_report_incomplete_days is -1; 0 or more is wanted"),
        ("check", {"keep": {"weekly": 1}}, "keep.weekly. Supported parameters include: manual, scheduled."),
        ("finish", {}, "report : cannot be read"),
        ("finish", {"report": "/dev/null"}, "report /dev/null: not valid JSON"),
        ("no", {}, "value of command must be one of: list, show, download, delete, prune, finish, check"),
    ],
)
def test_what_cannot_be_done_is_one_line(base: pathlib.Path, command: str, args: dict[str, t.Any], line: str) -> None:
    result = run(base, command, **args)
    assert result["failed"] is True
    assert line.format(base=base) in result["msg"]


def test_a_cluster_without_complete_scans_has_no_newest(base: pathlib.Path) -> None:
    (base / "prod" / NAME / "report.json").unlink()
    assert run(base, "show")["msg"].startswith(f"cis_report_name: no complete scan in {base}/prod")


@pytest.mark.parametrize(
    "change, line",
    [({"node_results": 5}, "the report is malformed"), ({"node_results": {"n1": {}}}, "no whole report")],
)
def test_a_report_that_lost_a_part_is_not_shown(base: pathlib.Path, change: dict[str, t.Any], line: str) -> None:
    (base / "prod" / NAME / "report.json").write_text(to_json({**REPORT, **change}))
    assert line in run(base, "show")["msg"]


@pytest.mark.parametrize("limit, text", [(0, None), (4, None), (5, "a,b\r\n")])
def test_the_end_of_a_scan(base: pathlib.Path, limit: int, text: str | None) -> None:
    result = run(base, "finish", report=str(base / "prod" / NAME / "report.json"), csv_limit=limit)
    assert (result["changed"], result["removed"]) == (False, [])
    told = result["summary"]
    assert (told["fail"], told["cluster"], told["kind"]) == (REPORT["fail"], "local", "manual")
    assert told["failed_controls"] == [
        check["id"] for group in REPORT["results"] for check in group["checks"] if check["state"] in ("fail", "mixed")
    ]
    assert told.get("csv") == text
    assert (base / "prod" / "index.json").exists()


def test_the_end_of_a_report_that_lies_elsewhere_makes_no_index(base: pathlib.Path, tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "a" / "copy"
    shutil.copytree(base / "prod" / NAME, copy)
    assert "summary" in run(base, "finish", report=str(copy / "report.json"))
    assert not list(tmp_path.rglob("index.json"))


@pytest.mark.parametrize("dest", ["there", "there.tar.gz", "there.tgz"])
def test_a_copy_that_fails_leaves_nothing(
    base: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, dest: str
) -> None:
    def full(*_args: t.Any, **_more: t.Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(manage_reports.os, "rename", full)
    result = run(base, "download", dest=str(tmp_path / "copies" / dest))
    assert result["msg"].endswith("cannot be written: No space left on device")
    assert [path for path in (tmp_path / "copies").rglob("*") if path.name != dest] == []
