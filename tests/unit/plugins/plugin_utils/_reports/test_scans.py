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
from ansible_collections.rke.cis.plugins.plugin_utils._reports import scans
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import (
    KeptScans,
    cluster_directory,
    new_scan_directory,
    read_report,
    report_facts,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_json, read_kept, to_json
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.compare_helper import keep, small_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, node

REPORT = build_report(BENCHMARK, "hardened", [node("n1")], cluster())
DAY = 86400
COUNTS = ("total", "pass", "fail", "warn", "skip", "notApplicable", "error", "manual")


def name(day: int, more: str = "") -> str:
    return f"202611{day:02}T120000Z-rke-cis-1.4-hardened{more}"


def test_a_scan_of_a_part_is_not_taken_for_one_of_the_whole(tmp_path: pathlib.Path) -> None:
    """Neither as the scan before, nor in the history, nor where old ones are pruned."""
    make(tmp_path, name(1))
    make(tmp_path, name(2), not_scanned=["n2", "n3"])
    make(tmp_path, name(3), not_scanned=["n2"])
    kept = KeptScans(str(tmp_path))
    assert [scan["not_scanned"] for scan in kept.scans()] == [0, 2, 1]

    def before(not_scanned: list[str]) -> t.Any:
        report = {**REPORT, **({"not_scanned": not_scanned} if not_scanned else {})}
        return kept.previous(name(4), report)["scan"]["name"], len(kept.past(name(4), report_facts(report)))

    assert before([]) == (name(1), 2)
    assert before(["n3"]) == (name(1), 2)
    assert before(["n2"]) == (name(3), 2)
    assert before(["n2", "n3"]) == (name(3), 2)
    assert kept.surplus({"manual": 1}, 7) == [name(2)]


def test_an_interrupted_scan_is_not_taken_for_a_whole_one(tmp_path: pathlib.Path) -> None:
    make(tmp_path, name(1))
    make(tmp_path, name(2), node_errors={"n1": "interrupted: x"})
    make(tmp_path, name(3), node_errors={"n1": "unreachable: interrupted: x"})
    kept = KeptScans(str(tmp_path))
    assert [scan["not_scanned"] for scan in kept.scans()] == [0, 1, 0]
    assert kept.previous(name(3), REPORT)["scan"]["name"] == name(1)
    assert kept.surplus({"manual": 1}, 9) == [name(1)], "an interrupted scan takes the place of none of the whole"


def test_a_scan_of_some_controls_is_not_taken_for_one_of_all(tmp_path: pathlib.Path) -> None:
    high, low = ({"choice": {"severity": [one]}, "controls": 9, "of": 97} for one in ("high", "low"))
    make(tmp_path, name(1))
    make(tmp_path, name(2), only=high)
    make(tmp_path, name(3), only=low)
    kept = KeptScans(str(tmp_path))
    assert [scan["only"] for scan in kept.scans()] == [{}, high["choice"], low["choice"]]
    kept.write_index()
    assert KeptScans(str(tmp_path)).scans() == kept.scans()  # as the index has them

    def before(**only: t.Any) -> t.Any:
        report = {**REPORT, **only}
        return kept.previous(name(4), report)["scan"]["name"], len(kept.past(name(4), report_facts(report)))

    assert before() == (name(1), 2)
    assert before(only=high) == (name(2), 2)
    assert before(only=low) == (name(3), 2)
    assert before(only={**low, "choice": {"level": 1}}) == (name(1), 1)
    assert kept.surplus({"manual": 1}, 7) == [name(2)]


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
    return [(scan["name"], scan["complete"]) for scan in KeptScans(str(directory)).scans()]


# ------------------------------------------------------------------------------------------- listing


def test_scans_are_listed_newest_last_with_what_their_reports_say(directory: pathlib.Path) -> None:
    for scan in (name(9, "-10"), name(9, "-2"), name(11, "-scheduled-job42"), name(10), name(9)):
        make(directory, scan)
    scans = KeptScans(str(directory)).scans()
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
    (scan,) = KeptScans(str(directory)).scans()
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
        cluster_directory("cis-reports", cluster_name)


# ------------------------------------------------------------------------------------------- index


def test_the_index_saves_reading_reports_again(directory: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(1, 10):
        make(directory, name(day))
    before = KeptScans(str(directory)).write_index()
    assert json.loads((directory / "index.json").read_text())["scans"] == before
    read = []

    def spy(real: t.Callable[[str, str], t.Any]) -> t.Callable[[str, str], t.Any]:
        def read_and_noted(path: str, what: str) -> t.Any:
            read.append(os.path.basename(path))
            return real(path, what)

        return read_and_noted

    monkeypatch.setattr(scans, "read_json", spy(read_json))
    monkeypatch.setattr(scans, "read_kept", spy(read_kept))
    assert KeptScans(str(directory)).scans() == before
    assert len(KeptScans(str(directory)).past(name(9), report_facts(REPORT))) == 9
    assert read == ["index.json", "index.json"]


def test_what_has_changed_since_the_index_is_read(directory: pathlib.Path) -> None:
    make(directory, name(1))
    make(directory, name(2))
    make(directory, name(3))
    KeptScans(str(directory)).write_index()
    changed = {**REPORT, "fail": REPORT["fail"] + 1, "pass": REPORT["pass"] - 1}
    (directory / name(1) / "report.json").write_text(to_json(changed))
    (directory / name(2) / "report.json").write_text(to_json(REPORT)[:50])
    (directory / name(3) / "report.json").unlink()
    assert listed(directory) == [(name(1), True), (name(2), False), (name(3), False)]
    assert KeptScans(str(directory)).scans()[0]["counts"]["fail"] == REPORT["fail"] + 1


@pytest.mark.parametrize(
    "index",
    ["", "[]", "{}", '{"scans": 5}', '{"scans": [5]}', '{"scans": [{"name": []}]}', '{"scans": [{}]}', "fake", "older"],
)
def test_an_index_that_is_broken_or_lies_in_form_is_made_anew(directory: pathlib.Path, index: str) -> None:
    make(directory, name(1))
    if index == "fake":
        (scan,) = KeptScans(str(directory)).scans()
        index = json.dumps({"scans": [{**scan, "counts": "none"}, {**scan, "name": name(2)}]})
    if index == "older":
        (scan,) = KeptScans(str(directory)).scans()
        del scan["weighted_score"]
        index = json.dumps({"scans": [scan]})
    (directory / "index.json").write_text(index)
    (scan,) = KeptScans(str(directory)).write_index()
    assert scan["counts"] == {key: REPORT[key] for key in COUNTS}
    assert scan["weighted_score"] == REPORT["weighted_score"]
    assert json.loads((directory / "index.json").read_text())["scans"] == [scan]


@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_an_index_that_is_no_file_is_made_anew(directory: pathlib.Path, tmp_path: pathlib.Path, kind: str) -> None:
    make(directory, name(1))
    (tmp_path / "other").write_text("{}")
    if kind == "fifo":
        os.mkfifo(directory / "index.json")
    else:
        (directory / "index.json").symlink_to(tmp_path / "other")
    KeptScans(str(directory)).write_index()
    assert (directory / "index.json").is_file() and not (directory / "index.json").is_symlink()
    assert (tmp_path / "other").read_text() == "{}"


def test_what_killed_writers_left_is_swept_and_nothing_else(directory: pathlib.Path, tmp_path: pathlib.Path) -> None:
    make(directory, name(1))
    scan = directory / name(1)
    old = [
        directory / ".index.json.abcd1234",
        scan / ".report.csv.abcd1234",
        scan / "evidence" / ".node-x.json._bcd1234",
        scan / "xccdf" / ".x.xml.abcd1234",
    ]
    (scan / "xccdf").mkdir()
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
    KeptScans(str(directory)).write_index()
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
    past = KeptScans(str(directory)).past(name(5), report_facts({**REPORT, "collected_at": "now"}))
    assert [scan["name"] for scan in past] == [name(1), name(4, "-scheduled"), name(5)]
    assert [scan["collected_at"] for scan in past][-1] == "now"
    assert past[1]["pass"] == 1
    assert set(past[0]) == {"name", "kind", "collected_at", "profile", "score", "weighted_score", *COUNTS}
    assert [scan["weighted_score"] for scan in past] == [REPORT["weighted_score"]] * 3


def test_the_past_is_at_most_thirty_scans(directory: pathlib.Path) -> None:
    for number in range(35):
        make(directory, f"20261101T1200{number:02}Z-x")
    past = KeptScans(str(directory)).past("20261101T120034Z-x", report_facts(REPORT))
    assert [scan["name"] for scan in past] == [f"20261101T1200{number:02}Z-x" for number in range(5, 35)]


def test_a_report_that_lies_elsewhere_has_no_past(directory: pathlib.Path) -> None:
    make(directory, name(1))
    past = KeptScans(str(directory)).past("copy", report_facts(REPORT))
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
        KeptScans(str(directory)).remove(hostile)
    with pytest.raises(CisError, match="cis_report_name"):
        KeptScans(str(directory)).find(hostile or "no-such")
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
            KeptScans(str(there)).remove(name(9))
    KeptScans(str(directory)).remove(name(10))
    assert not (directory / name(10)).exists()
    assert snapshot(outside) == before


def test_a_report_directory_that_is_a_link_itself_works(directory: pathlib.Path, tmp_path: pathlib.Path) -> None:
    make(directory, name(9))
    (tmp_path / "link").symlink_to(directory.parent)
    KeptScans(str(tmp_path / "link" / directory.name)).remove(name(9))
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
    (scan,) = KeptScans(str(directory)).scans()
    if refused:
        with pytest.raises(CisError, match="still running, or killed"):
            KeptScans(str(directory)).refuse_running(scan)
    else:
        KeptScans(str(directory)).refuse_running(scan)


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
    names = KeptScans(str(directory)).surplus(keep, days)
    assert names == [scans[key][0] for key in pruned]


def test_a_complete_scan_that_still_writes_its_other_files_is_not_pruned(directory: pathlib.Path) -> None:
    make(directory, name(1, "-scheduled"), days_old=0)
    make(directory, name(2, "-scheduled"), days_old=1)
    make(directory, name(3, "-scheduled"), days_old=1)
    found = KeptScans(str(directory)).surplus({"scheduled": 1}, 7)
    assert found == [name(2, "-scheduled")]


FUTURE = ("20991101T120000Z-rke-cis-1.4-hardened", "99999999T999999Z-rke-cis-1.4-hardened")


@pytest.mark.parametrize("future", [*FUTURE, "tomorrow"])
def test_a_scan_dated_in_the_future_is_not_the_newest_and_outlives_none(directory: pathlib.Path, future: str) -> None:
    if future == "tomorrow":
        future = time.strftime("%Y%m%dT%H%M%SZ-x", time.gmtime(time.time() + DAY))
    for scan in (name(8), name(9), future):
        make(directory, scan)
    kept = KeptScans(str(directory))
    assert kept.surplus({"manual": 2}, 7) == []
    assert kept.surplus({"manual": 1}, 7) == [name(8)]
    assert kept.find("")["name"] == name(9)
    assert kept.report_path(None) == kept.path(name(9))
    assert [scan["name"] for scan in kept.before("99999999T999999Z-z", REPORT["profile"])] == [name(9), name(8)]
    assert kept.find(future)["complete"] and kept.report_path(future) == kept.path(future), "by name it is there"
    (warning,) = kept.warnings()
    assert warning.startswith(f"{directory}: dated in the future: {future}; ")
    assert warning.endswith("or remove with cis_report_command=delete")


def test_clocks_may_differ_by_some_minutes(directory: pathlib.Path) -> None:
    soon = time.strftime("%Y%m%dT%H%M%SZ-x", time.gmtime(time.time() + 120))
    for scan in (name(9), soon):
        make(directory, scan)
    kept = KeptScans(str(directory))
    assert kept.find("")["name"] == soon and kept.warnings() == []


def test_a_dead_scan_written_to_in_the_future_can_be_deleted(directory: pathlib.Path) -> None:
    make(directory, name(9), None, days_old=-10_000)
    kept = KeptScans(str(directory))
    kept.refuse_running(kept.find(name(9)))
    assert kept.surplus({"manual": 1}, 7) == [name(9)]


def test_each_scan_has_a_directory_of_its_own(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans.time, "strftime", lambda *_args: "20261121T220000Z")
    names = [new_scan_directory(str(tmp_path / "r"), "prod", "RKE-CIS-1.4-Hardened") for _each in range(3)]
    assert names[0] == str(tmp_path / "r" / "prod" / "20261121T220000Z-rke-cis-1.4-hardened")
    assert len(set(names)) == 3
    assert all(os.path.isdir(name) and os.stat(name).st_mode & 0o007 == 0 for name in names)
    with_job = new_scan_directory(str(tmp_path), "prod", "RKE-CIS-1.4-Hardened", "scheduled", "42")
    assert with_job.endswith("-hardened-scheduled-job42")


def test_a_home_directory_is_expanded(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert new_scan_directory("~/reports", "local", "x").startswith(str(tmp_path / "reports" / "local"))


@pytest.mark.parametrize("cluster", ["", "a/b", "/a", "..", ".", ".hidden", "a/", "../a"])
def test_a_cluster_name_is_one_directory(tmp_path: pathlib.Path, cluster: str) -> None:
    with pytest.raises(CisError, match="cis_scan_cluster"):
        new_scan_directory(str(tmp_path / "x"), cluster, "x")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CisError) as caught:
        new_scan_directory(str(tmp_path / "file" / "x"), "local", "x")
    assert "cis_report_dir" in str(caught.value)
    assert "Not a directory" in str(caught.value)


# ------------------------------------------------------------------------------------------- finding a report


DAYS = [f"2026112{day}T220000Z-b-1-hardened" for day in range(5)]


def names_before(path: pathlib.Path) -> str | None:
    found = KeptScans(str(path.parent.parent)).previous(path.parent.name, read_report(str(path)))
    return found["scan"]["name"] if found else None


def test_scans_are_told_in_the_order_of_time(tmp_path: pathlib.Path) -> None:
    names = [DAYS[0], DAYS[0] + "-2", DAYS[0] + "-10", DAYS[1] + "-scheduled-job7", DAYS[2]]
    for name in reversed(names):
        keep(tmp_path, name)
    assert KeptScans(str(tmp_path)).names() == names
    assert [names_before(tmp_path / name / "report.json") for name in names] == [None, *names[:-1]]


def test_what_is_no_complete_scan_is_left_out(tmp_path: pathlib.Path) -> None:
    keep(tmp_path, DAYS[1])
    for foreign in ("notes", "backup-" + DAYS[2], ".hidden"):
        keep(tmp_path, foreign)
    (tmp_path / DAYS[3]).mkdir()
    (tmp_path / DAYS[4]).write_text("a file")
    (tmp_path / (DAYS[4] + "-2") / "report.json").mkdir(parents=True)
    assert [scan["name"] for scan in KeptScans(str(tmp_path)).scans() if scan["complete"]] == [DAYS[1]]
    assert KeptScans(str(tmp_path / "gone")).scans() == []


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
    report = read_report(keep(tmp_path, DAYS[1], controls={"1": {"n1": "fail"}}))
    before = KeptScans(str(tmp_path)).previous(DAYS[1], report)
    assert before and compare(before, report)["newly_failing"][0]["id"] == "1"
    assert KeptScans(str(tmp_path)).previous(DAYS[0], before) is None


def test_a_scan_is_found_by_name_by_path_and_as_the_last(tmp_path: pathlib.Path) -> None:
    for name in DAYS[:3]:
        keep(tmp_path, name)
    path = str(tmp_path / DAYS[1] / "report.json")
    for asked in (DAYS[1], str(tmp_path / DAYS[1]), path):
        assert KeptScans(str(tmp_path)).report_path(asked) == path
    assert KeptScans("/no/such/directory").report_path(path) == path
    assert KeptScans(str(tmp_path)).report_path(None) == str(tmp_path / DAYS[2] / "report.json")


@pytest.mark.parametrize("asked", ["20260101T000000Z-x", "/no/such/directory", DAYS[4]])
def test_what_is_not_there_is_told_with_what_is(tmp_path: pathlib.Path, asked: str) -> None:
    keep(tmp_path, DAYS[0])
    (tmp_path / DAYS[4]).mkdir()
    with pytest.raises(CisError) as raised:
        KeptScans(str(tmp_path)).report_path(asked)
    assert str(raised.value).startswith(f"{asked}: no such scan, or it has no report.json; ")
    assert DAYS[0] in str(raised.value)


@pytest.mark.parametrize("asked", [None, DAYS[0]])
def test_a_cluster_without_scans_is_named(tmp_path: pathlib.Path, asked: str | None) -> None:
    with pytest.raises(CisError, match=f"{tmp_path}: no scans found"):
        KeptScans(str(tmp_path)).report_path(asked)


def test_a_broken_report_is_named(tmp_path: pathlib.Path) -> None:
    path = keep(tmp_path, DAYS[0])
    report = small_report({})
    del report["results"]
    pathlib.Path(path).write_text(json.dumps(report))
    with pytest.raises(
        CisError, match=f"report {path}: not a complete rke.cis report .results is missing.; score its evidence again"
    ):
        read_report(path)
    assert os.path.exists(path)
