# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Cron expressions as Debian's cron reads them: whether they are valid, when they are due, and their equivalents for
systemd and AWX.
"""

from __future__ import annotations

import datetime
import itertools
import re
import typing as t
import zoneinfo

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError

FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")
DESCRIPTORS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MOST_MISSED = 1000
_LAST = ("59", "23", "31", "12", "7")
# The first day that a schedule of AWX may run on. Always the same, so that making a schedule again changes nothing.
_FIRST_DAY = "20260101T000000"
_DAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_ANY = re.compile(r"(?:^|(?<=,))\?(?=$|[,/])")
_FROM = re.compile(r"(?:^|(?<=,))([0-9]+|[A-Za-z]{3})/")


def _library() -> t.Any:
    try:
        import cronsim
    except ImportError as error:
        raise CisError("cronsim: this Python library is missing on the controller; pip install cronsim") from error
    return cronsim


def _simulate(expression: str, after: datetime.datetime) -> t.Any:
    return _library().CronSim(expression, after)


def read_cron(text: t.Any, source: str) -> str:
    """Return the expression in the five fields of cron. Raises CisError that names source and field."""
    if not isinstance(text, str) or not text.strip():
        raise CisError(f"{source}: expected a cron expression such as '0 0 * * *', got {text!r}")
    what = f"{source} {text!r}"
    fields = text.split()
    if fields[0].startswith("@"):
        if fields[0] == "@every":
            raise CisError(f"{what}: cron does not support @every; name the times, such as @hourly or '0 */6 * * *'")
        if text.strip() not in DESCRIPTORS:
            raise CisError(f"{what}: unknown; available: {', '.join(DESCRIPTORS)}, and five fields")
        return DESCRIPTORS[text.strip()]
    if len(fields) != len(FIELDS):
        raise CisError(f"{what}: expected five fields, got {len(fields)}; write {' '.join(FIELDS)}")
    # Rancher takes ? for *, and 5/10 for 5-59/10; cron knows only the latter.
    fields = [_FROM.sub(rf"\1-{last}/", _ANY.sub("*", field)) for field, last in zip(fields, _LAST, strict=True)]
    for number, name in enumerate(FIELDS):
        alone = [field if place == number else "*" for place, field in enumerate(fields)]
        if not _is_plain(" ".join(alone)):
            raise CisError(f"{what}: field {number + 1} ({name}): {text.split()[number]!r} is invalid in cron")
    expression = " ".join(fields)
    try:
        next(_simulate(expression, _now()))
    except (_library().CronSimError, StopIteration) as error:
        raise CisError(f"{what}: matches no date; it would never run") from error
    return expression


def _is_plain(expression: str) -> bool:
    """Return whether cron reads it: not what only other programs read, such as L for the last day."""
    try:
        simulation = _simulate(expression, _now())
    except _library().CronSimError:
        return False
    return all(isinstance(value, int) and value >= 0 for value in (*simulation.days, *simulation.weekdays))


def _now() -> datetime.datetime:
    return datetime.datetime.now()


def next_runs(expression: str, number: int, after: datetime.datetime | None = None) -> list[datetime.datetime]:
    """Return the times at which it is due next, in the controller's own time zone, which cron uses."""
    return list(itertools.islice(_simulate(expression, after or _now()), number))


def missed_runs(expression: str, since: datetime.datetime, until: datetime.datetime) -> int:
    """Return how often it was due after `since` and up to `until`. It does not count further than MOST_MISSED."""
    due = itertools.takewhile(lambda time: time <= until, _simulate(expression, since))
    return sum(1 for _time in itertools.islice(due, MOST_MISSED))


def on_calendar(expression: str) -> list[str]:
    """Return the equivalent OnCalendar= lines of a systemd timer.

    If both day-of-month and day-of-week are restricted, cron runs on the days of either. In one line, systemd would
    run on the days of both, so there are two lines.
    """
    simulation = _simulate(expression, _now())
    days = _listed(simulation.days, 31)
    weekdays = sorted({day % 7 for day in simulation.weekdays})
    names = ",".join(_DAYS[day] for day in weekdays) + " " if len(weekdays) < 7 else ""
    month = _listed(simulation.months, 12)
    clock = f"{_listed(simulation.hours, 24)}:{_listed(simulation.minutes, 60)}:00"
    if simulation.day_and:
        return [f"{names}*-{month}-{days} {clock}"]
    return [f"*-{month}-{days} {clock}", f"{names}*-{month}-* {clock}"]


def rrule(expression: str, timezone: str = "UTC") -> str:
    """Return the equivalent recurrence rules in a time zone, in the form that AWX accepts.

    They are always daily: AWX rejects hourly and minutely rules that began more than five years ago. As in
    on_calendar, days of either kind are two rules; a time that both name counts once.
    """
    try:
        zoneinfo.ZoneInfo(timezone)
    except (ValueError, TypeError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise CisError(f"unknown time zone {timezone!r}; use a name such as UTC or Europe/Berlin") from error
    simulation = _simulate(expression, _now())
    weekdays = {day % 7 for day in simulation.weekdays}
    names = ",".join(_DAYS[day][:2].upper() for day in sorted(weekdays))
    month = _part("BYMONTH", simulation.months, 12)
    days = _part("BYMONTHDAY", simulation.days, 31)
    days_of_week = f";BYDAY={names}" if len(weekdays) < 7 else ""
    # Without these a daily rule is due once a day, so they are there even if they name all hours and minutes.
    clock = _part("BYHOUR", simulation.hours) + _part("BYMINUTE", simulation.minutes)
    start = f"DTSTART:{_FIRST_DAY}Z" if timezone == "UTC" else f"DTSTART;TZID={timezone}:{_FIRST_DAY}"
    either = [days + days_of_week] if simulation.day_and else [days, days_of_week]
    return " ".join([start, *(f"RRULE:FREQ=DAILY;INTERVAL=1{month}{day}{clock}" for day in either)])


def _part(name: str, values: set[int], all_of_them: int = 0) -> str:
    """Return a part of a recurrence rule, empty if it restricts nothing."""
    return "" if len(values) == all_of_them else f";{name}={','.join(map(str, sorted(values)))}"


def _listed(values: set[int], all_of_them: int) -> str:
    return "*" if len(values) == all_of_them else ",".join(f"{value:02}" for value in sorted(values))
