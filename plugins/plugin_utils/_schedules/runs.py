# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The installed schedules and the outcome of their runs, from what each has written down and from the kept scans."""

from __future__ import annotations

import datetime
import os
import re
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.lock import running
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import KeptScans, counts_text
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.cron import (
    MOST_MISSED,
    missed_runs,
    next_runs,
    read_cron,
)
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.schedule import check_cluster_name
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import SCHEDULED
from ansible_collections.rke.cis.plugins.plugin_utils._store import open_kept, read_kept
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted, printable
from ansible_collections.rke.cis.plugins.plugin_utils._times import STAMP, from_utc

SCHEMA = "rke.cis/schedule/1"
# The exit status of a run that another one kept from scanning. ansible-playbook does not use this number.
BUSY_STATUS = 75

_KEYS = {"cluster": str, "cron": str, "method": str, "user": str, "profile": str, "report_dir": str, "retention": int}
_LOG = re.compile(r"([0-9]{8}T[0-9]{6}Z)\.log")
_LATE = datetime.timedelta(minutes=1)  # a run without a log after this time was missed


def list_schedules(directory: str, now: datetime.datetime) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Return the schedules of a user, each with its last run before `now`, and with lines for people; and warnings
    about those that are broken and about scans dated in the future.
    """
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return [], []
    schedules, warnings = [], []
    for path in [os.path.join(directory, name, "schedule.json") for name in names]:
        try:
            if os.path.lexists(path):
                schedule, told = _schedule(path, now)
                schedules.append(schedule)
                warnings += told
        except CisError as error:
            warnings.append(str(error))
        except OSError as error:
            warnings.append(str(CisError(f"schedule {path}: {error.filename}: cannot be read: {error.strerror}")))
    return schedules, warnings


def _schedule(path: str, now: datetime.datetime) -> tuple[dict[str, t.Any], list[str]]:
    known = read_kept(path, "schedule")
    try:
        if known["schema"] != SCHEMA or not all(isinstance(known[key], kind) for key, kind in _KEYS.items()):
            raise ValueError
        check_cluster_name(known["cluster"])
        if read_cron(known["cron"], "cron") != known["cron"] or b"\0" in os.fsencode(known["report_dir"]):
            raise ValueError
    except (CisError, KeyError, TypeError, ValueError) as error:
        raise CisError(
            f"schedule {path}: not an rke.cis schedule; install it again, or remove its directory"
        ) from error
    scans_dir = os.path.join(known["report_dir"], known["cluster"])
    scans = KeptScans(scans_dir)
    scheduled = [scan for scan in scans.past_scans() if scan["kind"] == SCHEDULED]
    run = _last_run(os.path.join(os.path.dirname(path), "logs"), scheduled, running(scans_dir), now)
    since = datetime.datetime.fromtimestamp(os.stat(path).st_mtime)
    if run:
        since = max(since, _local(run["started"]))
    schedule = {
        **{key: known[key] for key in _KEYS},
        "last_run": run,
        "last_scan": {key: scheduled[-1][key] for key in ("name", "counts")} if scheduled else {},
        "next_runs": [_shown(time) for time in next_runs(known["cron"], 3, now)],
        "missed_runs": missed_runs(known["cron"], since, now - _LATE),
    }
    return {**schedule, "lines": _lines(schedule)}, scans.warnings()


def _last_run(logs: str, scheduled: list[dict[str, t.Any]], holder: str, now: datetime.datetime) -> dict[str, t.Any]:
    """Return the newest log's outcome and its scan, or nothing if there was no run. What is later than now was none."""
    try:
        found = sorted(name for name in os.listdir(logs) if _LOG.fullmatch(name) and _is_past(name[:16], now))
    except FileNotFoundError:
        found = []
    if not found:
        return {}
    started = found[-1].partition(".")[0]
    path = os.path.join(logs, started)
    status = _recorded(path, "status")
    ended = re.fullmatch("[0-9]{1,3}", status) is not None
    own = [scan["name"] for scan in scheduled if scan["name"][:16] >= started]
    return {
        "started": started,
        "log": f"{path}.log",
        "exit_status": int(status) if ended else None,
        "scan": own[0] if own else "",
        "error": (_recorded(path, "error") or _recorded(path, "busy")) if ended and status != "0" else "",
        "running_as": "" if ended else holder,
    }


def _recorded(path: str, kind: str) -> str:
    """Return what the run has written down, as one short line; empty if nothing."""
    try:
        with open_kept(f"{path}.{kind}") as stream:
            return printable(
                " ".join(stream.read(4 * limits.RUN_CHARS).decode("utf-8", "replace")[: limits.RUN_CHARS].split())
            )
    except OSError:
        return ""


def _is_past(stamp: str, now: datetime.datetime) -> bool:
    try:
        return _local(stamp) <= now + _LATE
    except (ValueError, OverflowError):
        return False


def _local(stamp: str) -> datetime.datetime:
    """Return the time in a log's name, in the controller's time zone."""
    return from_utc(stamp, STAMP).astimezone().replace(tzinfo=None)


def _shown(time: datetime.datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M %z")


def _lines(schedule: dict[str, t.Any]) -> list[str]:
    run, scan, missed = schedule["last_run"], schedule["last_scan"], schedule["missed_runs"]
    counts = counts_text(scan.get("counts", {}))
    many = f"more than {missed - 1}" if missed == MOST_MISSED else str(missed)
    return [
        f"{schedule['cluster']}: {schedule['cron']} by {schedule['method']} as {schedule['user']}, "
        f"{schedule['profile']}, keeps {counted(schedule['retention'], 'report')}",
        f"  last run: {_shown(_local(run['started'])) + ', ' + _outcome(run) if run else 'none yet'}",
        f"  last report: {scan['name'] + ': ' + counts if scan else 'none yet'}",
        f"  next runs: {', '.join(schedule['next_runs'])}",
        f"  missed runs: {many} since {'that one' if run else 'it was installed'}",
    ]


def _outcome(run: dict[str, t.Any]) -> str:
    status, what = run["exit_status"], "a report" if run["scan"] else "no report"
    if status is None:
        state = f"is running ({run['running_as']})" if run["running_as"] else "has not ended: starting, or was killed"
    elif status == BUSY_STATUS:
        state = "did not scan"
    else:
        state = f"{what}, exit status {status}"
    return f"{state}{': ' + run['error'] if run['error'] else ''}; log {run['log']}"
