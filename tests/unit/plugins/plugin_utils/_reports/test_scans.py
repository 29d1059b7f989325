# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import (
    find_report,
    previous_report,
    read_report,
    scans,
    since_previous,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.compare_helper import keep, small_report

DAYS = [f"2026112{day}T220000Z-b-1-hardened" for day in range(5)]


def names_before(path: pathlib.Path) -> str | None:
    found = previous_report(str(path), read_report(str(path)))
    return found["scan"]["name"] if found else None


def test_scans_are_told_in_the_order_of_time(tmp_path: pathlib.Path) -> None:
    names = [DAYS[0], DAYS[0] + "-2", DAYS[0] + "-10", DAYS[1] + "-scheduled-job7", DAYS[2]]
    for name in reversed(names):
        keep(tmp_path, name)
    assert scans(str(tmp_path)) == names
    assert [names_before(tmp_path / name / "report.json") for name in names] == [None, *names[:-1]]


def test_what_is_no_complete_scan_is_left_out(tmp_path: pathlib.Path) -> None:
    keep(tmp_path, DAYS[1])
    for foreign in ("notes", "backup-" + DAYS[2], ".hidden"):
        keep(tmp_path, foreign)
    (tmp_path / DAYS[3]).mkdir()
    (tmp_path / DAYS[4]).write_text("a file")
    (tmp_path / (DAYS[4] + "-2") / "report.json").mkdir(parents=True)
    assert scans(str(tmp_path)) == [DAYS[1]]
    assert scans(str(tmp_path / "gone")) == []


@pytest.mark.parametrize(
    "change",
    [{"profile": "B-1-Permissive"}, {"version": "b-2"}, {"cluster": "other"}, {"schema": "x"}, {"results": [5]}],
    ids=str,
)
def test_the_scan_before_is_of_the_same_kind_and_sound(tmp_path: pathlib.Path, change: dict[str, t.Any]) -> None:
    keep(tmp_path, DAYS[0])
    keep(tmp_path, DAYS[1], **change)
    keep(tmp_path, DAYS[2])
    assert names_before(tmp_path / DAYS[2] / "report.json") == DAYS[0]


def test_of_another_profile_by_its_name_nothing_is_read(tmp_path: pathlib.Path, monkeypatch: t.Any) -> None:
    keep(tmp_path, DAYS[0].replace("hardened", "permissive"))
    path = keep(tmp_path, DAYS[1])
    report = read_report(path)
    monkeypatch.setattr("ansible_collections.rke.cis.plugins.plugin_utils._reports.scans.read_report", None)
    assert previous_report(path, report) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "\udcff"])
def test_a_damaged_one_is_passed_over(tmp_path: pathlib.Path, text: str) -> None:
    keep(tmp_path, DAYS[0])
    pathlib.Path(keep(tmp_path, DAYS[1])).write_text(text, errors="surrogateescape")
    keep(tmp_path, DAYS[2])
    assert names_before(tmp_path / DAYS[2] / "report.json") == DAYS[0]


def test_a_report_outside_of_a_scan_has_none_before_it(tmp_path: pathlib.Path) -> None:
    keep(tmp_path, DAYS[0])
    assert names_before(pathlib.Path(keep(tmp_path, "mine"))) is None


def test_since_the_scan_before(tmp_path: pathlib.Path) -> None:
    keep(tmp_path, DAYS[0], controls={"1": {"n1": "pass"}})
    path = keep(tmp_path, DAYS[1], controls={"1": {"n1": "fail"}})
    comparison = since_previous(path, read_report(path))
    assert comparison and comparison["newly_failing"][0]["id"] == "1"
    first = str(tmp_path / DAYS[0] / "report.json")
    assert since_previous(first, read_report(first)) is None


def test_a_scan_is_found_by_name_by_path_and_as_the_last(tmp_path: pathlib.Path) -> None:
    for name in DAYS[:3]:
        keep(tmp_path, name)
    path = str(tmp_path / DAYS[1] / "report.json")
    for asked in (DAYS[1], str(tmp_path / DAYS[1]), path):
        assert find_report(str(tmp_path), asked) == path
    assert find_report("/no/such/directory", path) == path
    assert find_report(str(tmp_path), None) == str(tmp_path / DAYS[2] / "report.json")


@pytest.mark.parametrize("asked", ["20260101T000000Z-x", "/no/such/directory", DAYS[4]])
def test_what_is_not_there_is_told_with_what_is(tmp_path: pathlib.Path, asked: str) -> None:
    keep(tmp_path, DAYS[0])
    (tmp_path / DAYS[4]).mkdir()
    with pytest.raises(CisError) as raised:
        find_report(str(tmp_path), asked)
    assert str(raised.value).startswith(f"{asked}: no such scan, or one without a report.json; ")
    assert DAYS[0] in str(raised.value)


@pytest.mark.parametrize("asked", [None, DAYS[0]])
def test_a_cluster_without_scans_is_named(tmp_path: pathlib.Path, asked: str | None) -> None:
    with pytest.raises(CisError, match=f"{tmp_path}: no scan is kept there"):
        find_report(str(tmp_path), asked)


def test_a_broken_report_is_named(tmp_path: pathlib.Path) -> None:
    path = keep(tmp_path, DAYS[0])
    report = small_report({})
    del report["results"]
    pathlib.Path(path).write_text(json.dumps(report))
    with pytest.raises(CisError, match=f"report {path}: the report is malformed .*results.*; score its evidence again"):
        read_report(path)
    assert os.path.exists(path)
