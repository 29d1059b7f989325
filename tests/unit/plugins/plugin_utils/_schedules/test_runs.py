# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import calendar
import datetime
import json
import os
import pathlib
import pwd
import time
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action.schedules_info import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._reports.lock import BUSY, acquire
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.runs import BUSY_STATUS, SCHEMA, list_schedules
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, node

RUN = "20261122T000001Z"
NOW = datetime.datetime(2026, 11, 22, 3, 30)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    """The directory of schedules with an hourly one, installed on the day before."""
    where = tmp_path / "schedules" / "prod"
    (where / "logs").mkdir(parents=True)
    known = {"schema": SCHEMA, "cluster": "prod", "cron": "0 * * * *", "method": "cron", "user": "me"}
    known.update(profile="RKE-CIS-1.4-Hardened", report_dir=str(tmp_path / "reports"), retention=24)
    (where / "schedule.json").write_text(json.dumps(known))
    installed = calendar.timegm((2026, 11, 21, 12, 0, 30))
    os.utime(where / "schedule.json", (installed, installed))
    return tmp_path


def ran(base: pathlib.Path, status: str | None, started: str = RUN, log: str = "TASK") -> None:
    """A run with this exit status, or one that has not ended."""
    path = base / "schedules" / "prod" / "logs" / started
    path.with_suffix(".log").write_text(log)
    if status is not None:
        path.with_suffix(".status").write_text(f"{status}\n")


def scanned(base: pathlib.Path, name: str) -> None:
    kind = "scheduled" if name.endswith("-scheduled") else "manual"
    report = build_report(BENCHMARK, "hardened", [node("n1")], cluster(), scan={"name": name, "kind": kind, "by": "me"})
    where = base / "reports" / "prod" / name
    where.mkdir(parents=True)
    (where / "report.json").write_text(to_json(report))


def listed(base: pathlib.Path, now: datetime.datetime = NOW) -> dict[str, t.Any]:
    (schedule,), warnings = list_schedules(str(base / "schedules"), now)
    assert warnings == []
    return schedule


def test_a_schedule_without_runs(base: pathlib.Path) -> None:
    schedule = listed(base, datetime.datetime(2026, 11, 21, 12, 30))
    assert schedule["lines"] == [
        "prod: 0 * * * * by cron as me, RKE-CIS-1.4-Hardened, keeps 24 reports",
        "  last run: none yet",
        "  last report: none yet",
        "  next runs: 2026-11-21 13:00 +0000, 2026-11-21 14:00 +0000, 2026-11-21 15:00 +0000",
        "  missed runs: 0 since it was installed",
    ]
    assert (schedule["last_run"], schedule["last_scan"], schedule["missed_runs"]) == ({}, {}, 0)


def test_missed_runs_are_counted_from_the_installation(base: pathlib.Path) -> None:
    assert listed(base)["lines"][-1] == "  missed runs: 15 since it was installed"


@pytest.mark.parametrize(
    "at, missed", [((0, 59), 0), ((1, 0), 0), ((1, 1), 1), ((1, 30), 1), ((3, 30), 3), ((23, 59), 23)]
)
def test_missed_runs_are_counted_from_the_last_run(base: pathlib.Path, at: tuple[int, int], missed: int) -> None:
    """A run is missed when it is not there after a minute."""
    ran(base, "0")
    schedule = listed(base, datetime.datetime(2026, 11, 22, *at))
    assert schedule["missed_runs"] == missed
    assert schedule["lines"][-1] == f"  missed runs: {missed} since that one"


def test_more_than_can_be_counted(base: pathlib.Path) -> None:
    assert listed(base, NOW + datetime.timedelta(days=99))["lines"][-1] == (
        "  missed runs: more than 999 since it was installed"
    )


@pytest.mark.parametrize(
    "written, status, told",
    [
        ({"status": "0\n"}, 0, "no report, exit status 0"),
        ({"status": "2\n", "error": "a; b"}, 2, "no report, exit status 2: a; b"),
        ({"status": "2\n", "error": "a\n\x1b[2J" + "b" * 999}, 2, "no report, exit status 2: a ?[2J" + "b" * 294),
        ({"status": "127\n"}, 127, "no report, exit status 127"),
        ({"status": f"{BUSY_STATUS}\n", "busy": BUSY}, BUSY_STATUS, f"did not scan: {BUSY}"),
        ({"error": "a"}, None, "has not ended: starting, or was killed"),
        ({"status": ""}, None, "has not ended: starting, or was killed"),
        ({"status": "x" * 9999}, None, "has not ended: starting, or was killed"),
        ({}, None, "has not ended: starting, or was killed"),
    ],
)
def test_what_became_of_a_run(base: pathlib.Path, written: dict[str, str], status: int | None, told: str) -> None:
    ran(base, "0", "20261121T230001Z")
    ran(base, None, log=f"fatal: [cp1]: FAILED! => {{}}\n{BUSY}\nrke.cis: exit status 0\n")
    for kind, text in written.items():
        (base / "schedules" / "prod" / "logs" / f"{RUN}.{kind}").write_text(text)
    schedule = listed(base)
    assert schedule["last_run"]["exit_status"] == status
    log = f"{base}/schedules/prod/logs/{RUN}.log"
    assert schedule["lines"][1] == f"  last run: 2026-11-22 00:00 +0000, {told}; log {log}"


def test_a_run_that_goes_on(base: pathlib.Path) -> None:
    ran(base, None)
    acquire(str(base / "reports" / "prod"))
    assert f", is running ({listed(base)['last_run']['running_as']}); log" in listed(base)["lines"][1]
    assert f"process {os.getpid()}, since" in listed(base)["last_run"]["running_as"]


@pytest.mark.parametrize(
    "names, last, own",
    [
        ([], "", ""),
        (["20261122T000003Z-p-scheduled"], "20261122T000003Z-p-scheduled", "20261122T000003Z-p-scheduled"),
        (["20261121T230003Z-p-scheduled"], "20261121T230003Z-p-scheduled", ""),
        (["20261122T000003Z-p"], "", ""),
        (["20261121T230003Z-p-scheduled", "20261122T000003Z-p"], "20261121T230003Z-p-scheduled", ""),
    ],
)
def test_only_a_scheduled_scan_comes_of_a_run(base: pathlib.Path, names: list[str], last: str, own: str) -> None:
    ran(base, "0")
    for name in names:
        scanned(base, name)
    schedule = listed(base)
    assert schedule["last_scan"].get("name", "") == last
    assert schedule["last_run"]["scan"] == own
    assert (", a report, exit status 0; " if own else ", no report, exit status 0; ") in schedule["lines"][1]
    counts = schedule["last_scan"].get("counts", {})
    line = ", ".join(f"{number} {state}" for state, number in counts.items() if state != "total")
    assert schedule["lines"][2] == f"  last report: {last + ': ' + line if last else 'none yet'}"


def test_a_scan_dated_in_the_future_is_not_the_last_one(base: pathlib.Path) -> None:
    ran(base, "0")
    for name in ("20261122T000003Z-x-scheduled", "20991122T000003Z-x-scheduled"):
        scanned(base, name)
    (schedule,), (warning,) = list_schedules(str(base / "schedules"), NOW)
    assert schedule["last_scan"]["name"] == schedule["last_run"]["scan"] == "20261122T000003Z-x-scheduled"
    assert "dated in the future: 20991122T000003Z-x-scheduled" in warning


def test_a_time_zone_is_that_of_the_controller(base: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    ran(base, "0")
    schedule = listed(base, datetime.datetime(2026, 11, 21, 22, 30))
    assert "2026-11-21 19:00 -0500" in schedule["lines"][1]
    assert schedule["next_runs"][0] == "2026-11-21 23:00 -0500"
    assert schedule["missed_runs"] == 3


def test_what_is_no_schedule_is_left_alone(base: pathlib.Path) -> None:
    (base / "schedules" / "other").mkdir()
    (base / "schedules" / "file").write_text("")
    assert listed(base)["cluster"] == "prod"
    assert list_schedules(str(base / "none"), NOW) == ([], [])


@pytest.mark.parametrize(
    "change",
    [
        *({"cluster": value} for value in (5, None, "../x", "", "a\0b", ["prod"])),
        *({"report_dir": value} for value in (None, 5, "a\0b", "\ud800", {})),
        *({"cron": value} for value in (None, 5, "", "0 0 30 2 *", "x", "@every 5m", ["0 * * * *"])),
        {"retention": "24"},
        {"schema": "rke.cis/schedule/2"},
    ],
)
def test_a_broken_one_is_told_and_breaks_no_other(base: pathlib.Path, change: dict[str, t.Any]) -> None:
    broken = base / "schedules" / "a" / "schedule.json"
    broken.parent.mkdir()
    known = json.loads((base / "schedules" / "prod" / "schedule.json").read_text())
    broken.write_text(json.dumps({**known, **change}))
    result = run_action(ActionModule, {"dir": str(base / "schedules")})
    assert [one["cluster"] for one in result["schedules"]] == ["prod"]
    assert result["warnings"] == [
        f"schedule {broken}: not an rke.cis schedule; install it again, or remove its directory"
    ]


@pytest.mark.parametrize("content", ["", "[]", "5", "fifo", "link", "directory"])
def test_one_that_cannot_be_read_breaks_no_other(base: pathlib.Path, content: str) -> None:
    broken = base / "schedules" / "a" / "schedule.json"
    broken.parent.mkdir()
    if content == "fifo":
        os.mkfifo(broken)
    elif content == "link":
        broken.symlink_to(base / "schedules" / "prod" / "schedule.json")
    elif content == "directory":
        broken.mkdir()
    else:
        broken.write_text(content)
    schedules, warnings = list_schedules(str(base / "schedules"), NOW)
    assert [one["cluster"] for one in schedules] == ["prod"]
    assert len(warnings) == 1 and warnings[0].startswith(f"schedule {broken}: ")


@pytest.mark.parametrize("stamp", ["99999999T999999Z", "20991231T000000Z", "00000000T000000Z"])
def test_a_log_of_an_impossible_time_is_no_run(base: pathlib.Path, stamp: str) -> None:
    ran(base, "0")
    ran(base, "1", stamp)
    assert listed(base)["last_run"]["started"] == RUN


def test_what_a_run_wrote_down_is_read_from_files_alone(base: pathlib.Path) -> None:
    ran(base, None)
    logs = base / "schedules" / "prod" / "logs"
    (base / "other").write_text("a secret")
    (logs / f"{RUN}.error").symlink_to(base / "other")
    (logs / f"{RUN}.status").write_text("2\n")
    os.mkfifo(logs / f"{RUN}.busy")
    assert listed(base)["last_run"]["error"] == ""


def test_the_action_tells_of_one_cluster_or_of_all(base: pathlib.Path) -> None:
    place = {"dir": str(base / "schedules")}
    assert run_action(ActionModule, place)["lines"][0].startswith("prod: ")
    assert run_action(ActionModule, {**place, "cluster": "prod"})["schedules"][0]["cluster"] == "prod"
    result = run_action(ActionModule, {**place, "cluster": "x"})
    assert result["schedules"] == []
    assert result["lines"] == [f"no schedule of {pwd.getpwuid(os.geteuid()).pw_name} for x in {base}/schedules"]
