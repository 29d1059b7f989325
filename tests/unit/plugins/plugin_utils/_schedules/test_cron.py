# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import itertools
import re
import shutil
import subprocess
import sys
import typing as t
import zoneinfo

import cronsim
import dateutil.rrule
import dateutil.tz
import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.cron import (
    missed_runs,
    next_runs,
    on_calendar,
    read_cron,
    rrule,
)

KEY = "schedule_config.cron_schedule"
UTC = datetime.timezone.utc
START = datetime.datetime(2026, 11, 22, 2, 30)


@pytest.mark.parametrize(
    "text, expression",
    [
        ("0 0 * * *", "0 0 * * *"),
        ("  0\t0 * *   * ", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("5/10 3/2,1 2/7 JAN/3 mon/2", "5-59/10 3-23/2,1 2-31/7 JAN-12/3 mon-7/2"),
        ("0 4 29 2 *", "0 4 29 2 *"),
        ("0 0 ? * *", "0 0 * * *"),
        ("?/20 ?/6,2 ? ? ?", "*/20 */6,2 * * *"),
        ("0 0 1 * ?", "0 0 1 * *"),
    ],
)
def test_expressions_become_those_of_cron(text: str, expression: str) -> None:
    assert read_cron(text, KEY) == expression


@pytest.mark.parametrize(
    "text, message",
    [
        ("61 * * * *", "'61 * * * *': field 1 (minute): '61' is invalid in cron"),
        ("* 24 * * *", "'* 24 * * *': field 2 (hour): '24' is invalid in cron"),
        ("* * 0 * *", "'* * 0 * *': field 3 (day-of-month): '0' is invalid in cron"),
        ("* * 1? * *", "'* * 1? * *': field 3 (day-of-month): '1?' is invalid in cron"),
        ("* * ?? * *", "'* * ?? * *': field 3 (day-of-month): '??' is invalid in cron"),
        ("* * L * *", "'* * L * *': field 3 (day-of-month): 'L' is invalid in cron"),
        ("* * * foo *", "'* * * foo *': field 4 (month): 'foo' is invalid in cron"),
        ("* * * * 8", "'* * * * 8': field 5 (day-of-week): '8' is invalid in cron"),
        ("* * * * 5#1", "'* * * * 5#1': field 5 (day-of-week): '5#1' is invalid in cron"),
        ("* * * * fri-mon", "'* * * * fri-mon': field 5 (day-of-week): 'fri-mon' is invalid in cron"),
        ("*/0 * * * *", "'*/0 * * * *': field 1 (minute): '*/0' is invalid in cron"),
        ("1%2 * * * *", "'1%2 * * * *': field 1 (minute): '1%2' is invalid in cron"),
        ("0 0 * *", "'0 0 * *': expected five fields, got 4; write minute hour day-of-month month day-of-week"),
        ("0 0 0 * * *", "'0 0 0 * * *': expected five fields, got 6"),
        ("0 0 30 2 *", "'0 0 30 2 *': matches no date; it would never run"),
        ("@every 1h", "'@every 1h': cron does not support @every; name the times, such as @hourly or '0 */6 * * *'"),
        ("@reboot", "'@reboot': unknown; available: @hourly, @daily,"),
        ("@daily @weekly", "'@daily @weekly': unknown; available: @hourly"),
        ("", ": expected a cron expression such as '0 0 * * *', got ''"),
        (5, ": expected a cron expression such as '0 0 * * *', got 5"),
        ([], ": expected a cron expression such as '0 0 * * *', got []"),
    ],
)
def test_what_cron_does_not_take_is_one_line(text: t.Any, message: str) -> None:
    with pytest.raises(CisError) as error:
        read_cron(text, KEY)
    assert str(error.value).replace(KEY, "", 1).lstrip().startswith(message.lstrip())
    assert str(error.value).startswith(KEY) and "\n" not in str(error.value)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    with pytest.raises(CisError, match="cronsim: this Python library is missing on the controller; pip install"):
        read_cron("0 0 * * *", KEY)


def test_next_runs_come_after_the_time() -> None:
    assert next_runs("30 2 * * *", 2, START) == [START + datetime.timedelta(days=day) for day in (1, 2)]


@pytest.mark.parametrize(
    "expression, hours, missed",
    [("0 * * * *", 0, 0), ("0 * * * *", 3, 3), ("30 * * * *", 3, 3), ("0 0 * * *", 21, 0), ("* * * * *", 99, 1000)],
)
def test_missed_runs_are_counted_up_to_a_thousand(expression: str, hours: int, missed: int) -> None:
    assert missed_runs(expression, START, START + datetime.timedelta(hours=hours)) == missed


@pytest.mark.parametrize(
    "expression, lines",
    [
        ("0 0 * * *", ["*-*-* 00:00:00"]),
        ("0 0 13 * 5", ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]),
        ("0 0 */2 * 5", ["Fri *-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 00:00:00"]),
        ("0 0 1 * 0-6", ["*-*-01 00:00:00", "*-*-* 00:00:00"]),
    ],
)
def test_days_of_either_kind_are_two_lines(expression: str, lines: list[str]) -> None:
    assert on_calendar(expression) == lines


def elapses(line: str, number: int) -> set[datetime.datetime]:
    """Return when systemd says that it is due."""
    command = ["systemd-analyze", "calendar", f"--iterations={number}", f"--base-time={START:%Y-%m-%d %H:%M:%S}", line]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"}
    )
    times = re.findall(r"(?:Next elapse|Iter\. #\d+): \w+ (\S+ \S+) UTC", done.stdout)
    assert len(times) == number, done.stdout
    return {datetime.datetime.fromisoformat(time) for time in times}


EXPRESSIONS = [
    "* * * * *",
    "0 0 * * *",
    "*/15 * * * *",
    "*/7 */5 * * *",
    "0,30 8-18 * * mon-fri",
    "10 4 * * sun",
    "10 4 * * 7",
    "10 4 * * 0,7",
    "0 0 13 * 5",
    "0 0 1,15 * mon",
    "0 0 */2 * 1",
    "0 0 13 * */2",
    "0 0 */10 * *",
    "15 3 31 * *",
    "0 4 29 2 *",
    "0 0 1 jan,JUL *",
    "0 0 1 */3 *",
    "1-5/2,50 22-23 28-31 2,12 sat,sun",
    "0 0 1-7 * 0-6",
    "59 23 31 12 *",
]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
@pytest.mark.parametrize("expression", [*EXPRESSIONS, "0 * * * *", "5-59/10 * * * *", "*/90 * * * *"])
def test_systemd_runs_when_cron_does(expression: str) -> None:
    number = 4 if " 29 2 " in expression else 12
    times = sorted(set().union(*(elapses(line, number) for line in on_calendar(expression))))
    assert times[:number] == next_runs(expression, number, START)


AWX = [*EXPRESSIONS, "@hourly", "@weekly", "@monthly", "@yearly", "5/10 * * * *", "30 2 * * *"]


def awx_runs(rules: str, after: datetime.datetime, number: int) -> list[datetime.datetime]:
    """Return when AWX starts jobs, in UTC. As AWX does, it leaves out times that the clock skips."""
    times = dateutil.rrule.rrulestr(rules, forceset=True).xafter(after.astimezone(dateutil.tz.UTC))
    real = (time for time in times if dateutil.tz.datetime_exists(time))
    return [time.astimezone(UTC) for time in itertools.islice(real, number)]


def cron_runs(expression: str, after: datetime.datetime, zone: str, number: int) -> list[datetime.datetime]:
    simulation = cronsim.CronSim(expression, after.astimezone(zoneinfo.ZoneInfo(zone)))
    return [time.astimezone(UTC) for time in itertools.islice(simulation, number)]


@pytest.mark.parametrize("text", AWX)
def test_awx_runs_when_cron_does(text: str) -> None:
    expression = read_cron(text, KEY)
    number = 20 if " 29 2 " in text else 200
    after = datetime.datetime(2026, 1, 22, 2, 30, tzinfo=UTC)
    assert awx_runs(rrule(expression), after, number) == cron_runs(expression, after, "UTC", number)


def changes_its_clock(time: datetime.datetime, zone: str) -> bool:
    day = time.astimezone(zoneinfo.ZoneInfo(zone)).replace(hour=0, minute=0)
    return day.utcoffset() != (day + datetime.timedelta(days=1)).utcoffset()


@pytest.mark.parametrize("text", AWX)
def test_so_it_does_by_other_clocks_but_on_days_on_which_they_change(text: str) -> None:
    expression, zone = read_cron(text, KEY), "Europe/Berlin"
    number = 20 if " 29 2 " in text else 200
    for after in (datetime.datetime(2026, 3, 28, 12, tzinfo=UTC), datetime.datetime(2026, 10, 24, 12, tzinfo=UTC)):
        times = awx_runs(rrule(expression, zone), after, number), cron_runs(expression, after, zone, number)
        ours, crons = ([time for time in some if not changes_its_clock(time, zone)] for some in times)
        both = min(len(ours), len(crons))
        assert both >= number / 10 and ours[:both] == crons[:both]


@pytest.mark.parametrize(
    "expression, night, cron, awx",
    [
        # 02:30 is skipped, and 03:00 is the next there is
        ("30 2 * * *", "2026-03-28T23:00", ["01:00"], []),
        ("0 * * * *", "2026-03-28T23:00", ["00:00", "01:00"], ["00:00", "01:00"]),
        # 02:30 comes twice
        ("30 2 * * *", "2026-10-24T23:00", ["00:30"], ["00:30"]),
        ("30 * * * *", "2026-10-25T00:00", ["00:30", "01:30", "02:30"], ["00:30", "02:30"]),
    ],
)
def test_when_clocks_change_awx_leaves_out_what_is_skipped_and_runs_once_at_what_comes_twice(
    expression: str, night: str, cron: list[str], awx: list[str]
) -> None:
    after = datetime.datetime.fromisoformat(night).replace(tzinfo=UTC)
    end = after + datetime.timedelta(hours=2, minutes=59)

    def shown(times: list[datetime.datetime]) -> list[str]:
        return [f"{time:%H:%M}" for time in times if time <= end]

    assert shown(cron_runs(expression, after, "Europe/Berlin", 9)) == cron
    assert shown(awx_runs(rrule(expression, "Europe/Berlin"), after, 9)) == awx


@pytest.mark.parametrize("text", AWX)
def test_awx_takes_the_rules(text: str) -> None:
    """What AWX asks of a schedule's rules, and that they are not of the kind that it refuses after five years."""
    for zone, start in (("UTC", "DTSTART:20260101T000000Z"), ("Asia/Tokyo", "DTSTART;TZID=Asia/Tokyo:20260101T000000")):
        first, *rules = rrule(read_cron(text, KEY), zone).split(" ")
        assert first == start
        assert rules and all(rule.startswith("RRULE:FREQ=DAILY;INTERVAL=1;") for rule in rules)
        assert not re.search("EXDATE|RDATE|SECONDLY|MINUTELY|HOURLY|COUNT|UNTIL|BYDAY=[0-9]", " ".join(rules))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "Europe"])
def test_an_unknown_time_zone_is_one_line(zone: str) -> None:
    with pytest.raises(CisError) as error:
        rrule("0 0 * * *", zone)
    assert str(error.value) == f"unknown time zone {zone!r}; use a name such as UTC or Europe/Berlin"
