# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import time
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports import history
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_json, to_json
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, node

REPORT = build_report(BENCHMARK, "hardened", [node("n1")], cluster())
DAY = 86400
COUNTS = ("total", "pass", "fail", "skip", "notApplicable", "error", "manual")


def name(day: int, more: str = "") -> str:
    return f"202611{day:02}T120000Z-rke-cis-1.4-hardened{more}"


@pytest.fixture(params=["prod", "prod n\u00f6rth \u2603"])
def directory(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> pathlib.Path:
    """The directory of a cluster, whose name may hold spaces and letters of any language."""
    path = tmp_path / "cis-reports" / request.param
    path.mkdir(parents=True)
    return path


def make(directory: pathlib.Path, scan: str, report: t.Any = "whole", days_old: float = 1, **changes: t.Any) -> None:
    """Make a scan whose report.json is whole (with changes), has this text, or is not there (None)."""
    (directory / scan / "evidence").mkdir(parents=True)
    (directory / scan / "evidence" / "node-n1.json").write_text("{}")
    if report == "whole":
        kind = "scheduled" if "scheduled" in scan else "manual"
        report = to_json({**REPORT, "scan": {"name": scan, "kind": kind, "by": ""}, **changes})
    if report is not None:
        (directory / scan / "report.json").write_text(report)
    age(directory / scan, days_old)


def age(path: pathlib.Path, days: float) -> None:
    then = time.time() - days * DAY
    for one in (*path.rglob("*"), path):
        os.utime(one, (then, then), follow_symlinks=False)


def listed(directory: pathlib.Path) -> list[tuple[str, bool]]:
    return [(scan["name"], scan["complete"]) for scan in history.list_scans(str(directory))]


# ------------------------------------------------------------------------------------------- listing


def test_scans_are_listed_newest_last_with_what_their_reports_say(directory: pathlib.Path) -> None:
    for scan in (name(9, "-10"), name(9, "-2"), name(11, "-scheduled-job42"), name(10), name(9)):
        make(directory, scan)
    scans = history.list_scans(str(directory))
    assert [scan["name"] for scan in scans] == [
        name(9),
        name(9, "-2"),
        name(9, "-10"),
        name(10),
        name(11, "-scheduled-job42"),
    ]
    assert [scan["kind"] for scan in scans] == ["manual"] * 4 + ["scheduled"]
    newest = scans[-1]
    assert newest["counts"] == {key: REPORT[key] for key in COUNTS}
    assert (newest["profile"], newest["collected_at"]) == (REPORT["profile"], REPORT["collected_at"])
    assert newest["files"] == ["evidence/", "report.json"]


def test_foreign_files_and_directories_are_not_listed(directory: pathlib.Path, tmp_path: pathlib.Path) -> None:
    make(directory, name(9))
    outside = tmp_path / "outside"
    make(outside, name(8))
    for foreign in ("notes", "20261109T120000Z-x copy", ".20261109T120000Z-x", "20261109-x", "\u2603"):
        (directory / foreign).mkdir()
    (directory / name(10)).write_text("a file")
    (directory / name(11)).symlink_to(outside / name(8))
    (directory / name(12)).symlink_to("nowhere")
    assert listed(directory) == [(name(9), True)]


@pytest.mark.parametrize(
    "report",
    [
        None,
        "",
        "{",
        "[]",
        "5",
        "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
        "[" * 100_000,
        json.dumps({"schema": "rke.cis/report/1"}),
        json.dumps({**REPORT, "schema": "rke.cis/report/9"}),
        json.dumps({**REPORT, "scan": []}),
        json.dumps({**REPORT, "scan": {"kind": []}}),
        json.dumps({**REPORT, "pass": "60"}),
        json.dumps({**REPORT, "pass": True}),
        json.dumps({**REPORT, "collected_at": None}),
        to_json(REPORT)[:-100],
    ],
)
def test_a_scan_without_a_whole_report_is_incomplete(directory: pathlib.Path, report: str | None) -> None:
    make(directory, name(9, "-scheduled-2"), report)
    (scan,) = history.list_scans(str(directory))
    assert (scan["complete"], scan["kind"], scan["counts"]) == (False, "scheduled", {})


def test_a_report_that_is_no_regular_file_is_not_read(directory: pathlib.Path, tmp_path: pathlib.Path) -> None:
    (tmp_path / "whole.json").write_text(to_json(REPORT))
    make(directory, name(9), None)
    (directory / name(9) / "report.json").symlink_to(tmp_path / "whole.json")
    make(directory, name(10), None)
    os.mkfifo(directory / name(10) / "report.json")
    assert listed(directory) == [(name(9), False), (name(10), False)]


@pytest.mark.parametrize("cluster_name", ["", ".", "..", "../x", "a/b", "/etc", ".hidden", "a\0b"])
def test_a_cluster_name_that_leads_elsewhere_is_refused(cluster_name: str) -> None:
    with pytest.raises(CisError, match="cis_report_cluster"):
        history.cluster_directory("cis-reports", cluster_name)


# ------------------------------------------------------------------------------------------- index


def test_the_index_saves_reading_reports_again(directory: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(1, 10):
        make(directory, name(day))
    before = history.write_index(str(directory))
    assert json.loads((directory / "index.json").read_text())["scans"] == before
    read = []

    def spy(path: str, what: str) -> t.Any:
        read.append(os.path.basename(path))
        return read_json(path, what)

    monkeypatch.setattr(history, "read_json", spy)
    assert history.list_scans(str(directory)) == before
    assert len(history.past(str(directory / name(9) / "report.json"), REPORT)) == 9
    assert read == ["index.json", "index.json"]


def test_what_has_changed_since_the_index_is_read(directory: pathlib.Path) -> None:
    make(directory, name(1))
    make(directory, name(2))
    make(directory, name(3))
    history.write_index(str(directory))
    changed = {**REPORT, "fail": REPORT["fail"] + 1, "pass": REPORT["pass"] - 1}
    (directory / name(1) / "report.json").write_text(to_json(changed))
    (directory / name(2) / "report.json").write_text(to_json(REPORT)[:50])
    (directory / name(3) / "report.json").unlink()
    assert listed(directory) == [(name(1), True), (name(2), False), (name(3), False)]
    assert history.list_scans(str(directory))[0]["counts"]["fail"] == REPORT["fail"] + 1


@pytest.mark.parametrize(
    "index",
    ["", "[]", "{}", '{"scans": 5}', '{"scans": [5]}', '{"scans": [{"name": []}]}', '{"scans": [{}]}', "fake"],
)
def test_an_index_that_is_broken_or_lies_in_form_is_made_anew(directory: pathlib.Path, index: str) -> None:
    make(directory, name(1))
    if index == "fake":
        (scan,) = history.list_scans(str(directory))
        index = json.dumps({"scans": [{**scan, "counts": "none"}, {**scan, "name": name(2)}]})
    (directory / "index.json").write_text(index)
    (scan,) = history.write_index(str(directory))
    assert scan["counts"] == {key: REPORT[key] for key in COUNTS}
    assert json.loads((directory / "index.json").read_text())["scans"] == [scan]


def test_what_killed_writers_left_is_swept_and_nothing_else(directory: pathlib.Path, tmp_path: pathlib.Path) -> None:
    make(directory, name(1))
    scan = directory / name(1)
    old = [
        directory / ".index.json.abcd1234",
        scan / ".report.csv.abcd1234",
        scan / "evidence" / ".node-x.json._bcd1234",
    ]
    foreign = [directory / ".netrc.d.abcd1234", directory / ".hidden", scan / ".hidden", scan / "report.csv"]
    outside = tmp_path / "outside"
    outside.mkdir()
    make(directory, name(2), None)
    (directory / name(2) / "evidence" / "node-n1.json").unlink()
    (directory / name(2) / "evidence").rmdir()
    (directory / name(2) / "evidence").symlink_to(outside)
    foreign.append(outside / ".report.csv.abcd1234")
    for path in old + foreign:
        path.write_text("x")
        os.utime(path, (0, 0))
    young = scan / ".report.json.abcd1234"
    young.write_text("x")
    history.write_index(str(directory))
    assert [path for path in old if path.exists()] == []
    assert all(path.exists() for path in [*foreign, young])


# ------------------------------------------------------------------------------------------- past scans


def test_the_past_is_of_the_same_profile_oldest_first_and_this_scan_last(directory: pathlib.Path) -> None:
    make(directory, name(1))
    make(directory, name(2), profile="RKE-CIS-1.4-Permissive")
    make(directory, name(3), None)
    make(directory, name(4, "-scheduled"), **{"pass": 1})
    make(directory, name(5))
    make(directory, name(6))
    past = history.past(str(directory / name(5) / "report.json"), {**REPORT, "collected_at": "now"})
    assert [scan["name"] for scan in past] == [name(1), name(4, "-scheduled"), name(5)]
    assert [scan["collected_at"] for scan in past][-1] == "now"
    assert past[1]["pass"] == 1
    assert set(past[0]) == {"name", "kind", "collected_at", "profile", *COUNTS}


def test_the_past_is_at_most_thirty_scans(directory: pathlib.Path) -> None:
    for number in range(35):
        make(directory, f"20261101T1200{number:02}Z-x")
    past = history.past(str(directory / "20261101T120034Z-x" / "report.json"), REPORT)
    assert [scan["name"] for scan in past] == [f"20261101T1200{number:02}Z-x" for number in range(5, 35)]


def test_a_report_that_lies_elsewhere_has_no_past(directory: pathlib.Path) -> None:
    make(directory, name(1))
    past = history.past(str(directory / "copy" / "report.json"), REPORT)
    assert [scan["name"] for scan in past] == ["copy"]


# ------------------------------------------------------------------------------------------- removing


def snapshot(path: pathlib.Path) -> list[tuple[str, t.Any]]:
    return sorted((str(one), one.read_bytes() if one.is_file() else None) for one in path.rglob("*"))


@pytest.mark.parametrize(
    "hostile",
    ["", ".", "..", "../x", "/etc", "a/b", "x", "notes", "20261109T120000Z-x/../../x", "20261109T120000Z-..", "\u2603"],
)
def test_only_a_scan_is_removed(directory: pathlib.Path, hostile: str) -> None:
    make(directory, name(9))
    (directory / "notes").mkdir()
    (directory.parent / "x").mkdir()
    before = snapshot(directory.parent.parent)
    with pytest.raises(CisError, match="not removed"):
        history.remove(str(directory), hostile)
    with pytest.raises(CisError, match="cis_report_name"):
        history.find(str(directory), hostile or "no-such")
    assert snapshot(directory.parent.parent) == before


def test_links_are_not_followed(directory: pathlib.Path, tmp_path: pathlib.Path) -> None:
    outside = tmp_path / "outside"
    make(outside, name(9))
    (directory / name(9)).symlink_to(outside / name(9))
    make(directory, name(10))
    (directory / name(10) / "link").symlink_to(outside)
    (directory.parent / "linked").symlink_to(outside)
    before = snapshot(outside)
    for there in (directory, directory.parent / "linked"):
        with pytest.raises(CisError, match="symbolic link"):
            history.remove(str(there), name(9))
    history.remove(str(directory), name(10))
    assert not (directory / name(10)).exists()
    assert snapshot(outside) == before


def test_a_report_directory_that_is_a_link_itself_works(directory: pathlib.Path, tmp_path: pathlib.Path) -> None:
    make(directory, name(9))
    (tmp_path / "link").symlink_to(directory.parent)
    history.remove(str(tmp_path / "link" / directory.name), name(9))
    assert listed(directory) == []


@pytest.mark.parametrize(
    "report, minutes, refused",
    [("whole", 0, False), (None, 0, True), (None, 59, True), (None, 61, False), ("{", 5, True)],
)
def test_a_scan_that_may_still_run_is_not_deleted(
    directory: pathlib.Path, report: str | None, minutes: int, refused: bool
) -> None:
    make(directory, name(9), report, days_old=30)
    evidence = directory / name(9) / "evidence" / "node-n1.json"
    os.utime(evidence, (time.time() - minutes * 60,) * 2)
    (scan,) = history.list_scans(str(directory))
    if refused:
        with pytest.raises(CisError, match="still running, or killed"):
            history.refuse_running(str(directory), scan)
    else:
        history.refuse_running(str(directory), scan)


@pytest.mark.parametrize(
    "keep, days, pruned",
    [
        ({}, 7, []),
        ({"scheduled": 1}, 7, ["1s", "2s dead"]),
        ({"scheduled": 2}, 7, ["2s dead"]),
        ({"scheduled": 1}, 30, ["1s"]),
        ({"scheduled": 1}, 0, ["1s", "2s dead", "7s died today"]),
        ({"manual": 1}, 7, ["3"]),
        ({"manual": 1}, 0, ["3", "5 died today"]),
        ({"manual": 9, "scheduled": 9}, 7, ["2s dead"]),
    ],
)
def test_retention_counts_complete_scans_by_kind(
    directory: pathlib.Path, keep: dict[str, int], days: int, pruned: list[str]
) -> None:
    scans = {
        "1s": (name(1, "-scheduled"), "whole", 20),
        "2s dead": (name(2, "-scheduled"), None, 19),
        "3": (name(3), "whole", 18),
        "4": (name(4), "whole", 17),
        "5 died today": (name(5), "{", 0.5),
        "6s": (name(6, "-scheduled"), "whole", 1),
        "7s died today": (name(7, "-scheduled"), None, 0.5),
        "8s runs": (name(8, "-scheduled"), None, 0.01),
        "9 runs": (name(9), None, 0),
    }
    for scan, report, days_old in scans.values():
        make(directory, scan, report, days_old)
    names = history.surplus(str(directory), history.list_scans(str(directory)), keep, days)
    assert names == [scans[key][0] for key in pruned]


def test_a_complete_scan_that_still_writes_its_other_files_is_not_pruned(directory: pathlib.Path) -> None:
    make(directory, name(1, "-scheduled"), days_old=0)
    make(directory, name(2, "-scheduled"), days_old=1)
    make(directory, name(3, "-scheduled"), days_old=1)
    found = history.surplus(str(directory), history.list_scans(str(directory)), {"scheduled": 1}, 7)
    assert found == [name(2, "-scheduled")]


def test_each_scan_has_a_directory_of_its_own(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history.time, "strftime", lambda *_args: "20261121T220000Z")
    names = [history.new_scan_directory(str(tmp_path / "r"), "prod", "RKE-CIS-1.4-Hardened") for _each in range(3)]
    assert names[0] == str(tmp_path / "r" / "prod" / "20261121T220000Z-rke-cis-1.4-hardened")
    assert len(set(names)) == 3
    assert all(os.path.isdir(name) and os.stat(name).st_mode & 0o007 == 0 for name in names)
    with_job = history.new_scan_directory(str(tmp_path), "prod", "RKE-CIS-1.4-Hardened", "scheduled", "42")
    assert with_job.endswith("-hardened-scheduled-job42")


def test_a_home_directory_is_expanded(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert history.new_scan_directory("~/reports", "local", "x").startswith(str(tmp_path / "reports" / "local"))


@pytest.mark.parametrize("cluster", ["", "a/b", "/a", "..", ".", ".hidden", "a/", "../a"])
def test_a_cluster_name_is_one_directory(tmp_path: pathlib.Path, cluster: str) -> None:
    with pytest.raises(CisError, match="cis_scan_cluster"):
        history.new_scan_directory(str(tmp_path / "x"), cluster, "x")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CisError) as caught:
        history.new_scan_directory(str(tmp_path / "file" / "x"), "local", "x")
    assert "cis_report_dir" in str(caught.value)
    assert "Not a directory" in str(caught.value)
