# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The scans that are kept: the directories in <cis_report_dir>/<cluster>, and the index of them.

The directories are the truth. What is no real directory with the name of a scan is foreign: not listed, not touched.
The index only saves reading large reports again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import time
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, KINDS, SCHEMA
from ansible_collections.rke.cis.plugins.plugin_utils._store import (
    DIRECTORY_MODE,
    make_directory,
    read_json,
    to_json,
    write_file,
)

INDEX = "index.json"
INDEX_SCHEMA = "rke.cis/index/1"
# A scan runs in many processes, so it cannot hold a lock: it runs as long as it writes. Seconds without a write after
# which a scan without a report has died, and after which one with a report has written its other files.
DEAD_AFTER = 3600
DONE_AFTER = 30
MOST_PAST = 30

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[a-z0-9][a-z0-9._-]*")
_SCHEDULED = re.compile(r".*-scheduled(-job[0-9]*)?(-[0-9]+)?")
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}")  # what write_file leaves behind if it is killed

Scan = dict[str, t.Any]


def cluster_directory(base: str, cluster: str, option: str = "cis_report_cluster") -> str:
    """Return the directory of a cluster's scans. Raises CisError for a name that would lead elsewhere."""
    if not cluster or cluster != os.path.basename(cluster) or cluster.startswith(".") or "\0" in cluster:
        raise CisError(f"{option} {cluster!r}: a name without / and without a leading dot is wanted")
    return os.path.join(os.path.expanduser(base), cluster)


def new_scan_directory(base: str, cluster: str, profile: str, kind: str = "manual", job: str = "") -> str:
    """Make a directory for one scan, named by time, profile and kind, and return its path. Never an existing one."""
    parent = cluster_directory(base, cluster, "cis_scan_cluster")
    make_directory(parent, "cis_report_dir")
    words = [time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), profile.lower(), "" if kind == "manual" else kind]
    name = "-".join(word for word in (*words, f"job{job}" if job else "") if word)
    for number in range(1, 1000):
        path = os.path.join(parent, name if number == 1 else f"{name}-{number}")
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        except OSError as error:
            raise CisError(f"cis_report_dir {parent}: cannot be written to: {error.strerror}") from error
        os.chmod(path, DIRECTORY_MODE)
        return path
    raise CisError(f"cis_report_dir {parent}: too many scans of this second")


def is_scan_name(name: str) -> bool:
    """Return whether a directory of this name is a scan's."""
    return _NAME.fullmatch(name) is not None


def _order(name: str) -> tuple[str, int, str]:
    """By time; of the scans of one second, -10 comes after -2."""
    return name[:16], len(name), name


def scan_names(directory: str) -> list[str]:
    """Return the names of the scans, oldest first."""
    with os.scandir(directory) as entries:
        found = [entry.name for entry in entries if is_scan_name(entry.name) and entry.is_dir(follow_symlinks=False)]
    return sorted(found, key=_order)


def _facts(document: t.Any) -> Scan | None:
    """Return what a list tells of a report, or of its entry in the index. None if something of it is not there."""
    if not isinstance(document, dict):
        return None
    facts: Scan = {key: document.get(key) for key in ("kind", "collected_at", "profile", "counts")}
    counts = facts["counts"]
    texts = isinstance(facts["collected_at"], str) and isinstance(facts["profile"], str)
    if facts["kind"] not in KINDS or not texts or not isinstance(counts, dict):
        return None
    whole = all(isinstance(count, int) and not isinstance(count, bool) for count in counts.values())
    return facts if whole and [*counts] == ["total", *COUNTS] else None


def facts_of_report(report: t.Any) -> Scan | None:
    """Return kind, time, profile and counts of a report; None if it is not a whole one."""
    if not isinstance(report, dict) or report.get("schema") != SCHEMA or not isinstance(report.get("scan"), dict):
        return None
    counts = {key: report.get(key) for key in ("total", *COUNTS)}
    return _facts({**report, "kind": report["scan"].get("kind"), "counts": counts})


def _known(directory: str) -> dict[str, t.Any]:
    """Return name to entry of the index, if there is one that can be read."""
    try:
        scans = read_json(os.path.join(directory, INDEX), "index")["scans"]
        return {scan["name"]: scan for scan in scans}
    except (CisError, KeyError, TypeError):
        return {}


def _scan(directory: str, name: str, known: t.Any) -> Scan:
    """Return what there is of a scan. `known` is its entry in the index, which holds as long as report.json is as it
    was then.
    """
    path = os.path.join(directory, name, "report.json")
    scan: Scan = {"name": name, "kind": KINDS[1] if _SCHEDULED.fullmatch(name) else KINDS[0], "complete": False}
    scan.update(collected_at="", profile="", counts={}, files=[], report={})
    with contextlib.suppress(OSError):
        with os.scandir(os.path.dirname(path)) as entries:
            scan["files"] = sorted(
                entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")
                for entry in entries
                if not entry.name.startswith(".")
            )
        seen = os.lstat(path)
        if stat.S_ISREG(seen.st_mode):
            scan["report"] = {"mtime_ns": seen.st_mtime_ns, "size": seen.st_size}
    if scan["report"]:
        facts = _facts(known) if isinstance(known, dict) and known.get("report") == scan["report"] else None
        if facts is None:
            with contextlib.suppress(CisError):
                facts = facts_of_report(read_json(path, "report"))
        if facts is not None:
            scan.update(facts, complete=True)
    return scan


def counts_text(counts: dict[str, int]) -> str:
    """Return the counts of a scan in words; empty where it has none."""
    return ", ".join(f"{number} {state}" for state, number in counts.items() if state != "total")


def list_scans(directory: str) -> list[Scan]:
    """Return the scans of a cluster, newest last. One without a whole report.json is not complete."""
    known = _known(directory)
    return [_scan(directory, name, known.get(name)) for name in scan_names(directory)]


def past(report_path: str, report: dict[str, t.Any]) -> list[Scan]:
    """Return name, kind, time, profile and counts of this scan, which comes last, and of the complete ones of the same
    cluster and profile before it, oldest first, at most MOST_PAST in all.
    """
    directory, name = os.path.split(os.path.dirname(os.path.abspath(report_path)))
    facts = facts_of_report(report)
    if facts is None:
        return []
    rows = [_row(name, facts)]
    if is_scan_name(name):
        known = _known(directory)
        for other in reversed(scan_names(directory)):
            if len(rows) == MOST_PAST:
                break
            scan = _scan(directory, other, known.get(other)) if _order(other) < _order(name) else {}
            if scan.get("complete") and scan["profile"] == facts["profile"]:
                rows.append(_row(other, scan))
    return rows[::-1]


def _row(name: str, facts: Scan) -> Scan:
    return {"name": name, **{key: facts[key] for key in ("kind", "collected_at", "profile")}, **facts["counts"]}


# ------------------------------------------------------------------------------------------- keeping order


@contextlib.contextmanager
def locked(directory: str) -> t.Iterator[None]:
    """Keep others from changing a cluster's scans and index. A file system that cannot lock a directory does without:
    the index is written whole in any case, and made anew by the next scan.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_index(directory: str) -> list[Scan]:
    """Make the index anew from the directories, and return its scans. What killed writers have left is removed."""
    _sweep(directory)
    scans = list_scans(directory)
    path = os.path.join(directory, INDEX)
    try:
        write_file(path, to_json({"schema": INDEX_SCHEMA, "cluster": os.path.basename(directory), "scans": scans}))
    except OSError as error:
        raise CisError(f"index {path}: cannot be written: {error.strerror}; the scans are unharmed") from error
    return scans


def _sweep(directory: str) -> None:
    """Remove the temporary files of writers that were killed, where no scan can be writing any more."""
    places = [directory]
    for name in scan_names(directory):
        places += [os.path.join(directory, name), os.path.join(directory, name, "evidence")]
    for place in places:
        if os.path.islink(place) and place != directory:
            continue
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                ours = entry.name.startswith(f".{INDEX}.") if place == directory else True
                if not ours or not _TEMPORARY.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                    continue
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > DEAD_AFTER:
                    os.unlink(entry.path)


def _age(path: str) -> float:
    """Return the seconds since something in a scan's directory was last written."""
    times = [os.lstat(path).st_mtime]
    for root, directories, files in os.walk(path):
        for name in directories + files:
            with contextlib.suppress(FileNotFoundError):
                times.append(os.lstat(os.path.join(root, name)).st_mtime)
    return time.time() - max(times)


def surplus(directory: str, scans: list[Scan], keep: dict[str, int], incomplete_days: int) -> list[str]:
    """Return the names of the scans to prune: of each kind in `keep` all complete ones but so many newest, and those
    incomplete ones that were last written to so many days ago. None that is still being written.
    """
    names = []
    for kind, number in keep.items():
        mine = [scan for scan in scans if scan["kind"] == kind]
        complete = [scan["name"] for scan in mine if scan["complete"]][:-number]
        names += [name for name in complete if _age(os.path.join(directory, name)) > DONE_AFTER]
        enough = max(incomplete_days * 86400, DEAD_AFTER)
        died = [scan["name"] for scan in mine if not scan["complete"]]
        names += [name for name in died if _age(os.path.join(directory, name)) > enough]
    return sorted(names, key=_order)


def find(directory: str, name: str) -> Scan:
    """Return the scan of this name; the newest complete one if there is no name. Raises CisError if there is none."""
    scans = list_scans(directory)
    found = [scan for scan in scans if (scan["name"] == name if name else scan["complete"])]
    if not found:
        what = f"cis_report_name {name!r}: no scan of this name" if name else "cis_report_name: no complete scan"
        raise CisError(f"{what} in {directory}; cis_report_command=list tells which there are")
    return found[-1]


def refuse_running(directory: str, scan: Scan) -> None:
    """Raise CisError if a scan may still be running: it has no report yet, and was written to a short time ago."""
    minutes = int(_age(os.path.join(directory, scan["name"])) // 60)
    if not scan["complete"] and minutes * 60 < DEAD_AFTER:
        raise CisError(
            f"{os.path.join(directory, scan['name'])}: still running, or killed {minutes} minutes ago; an incomplete "
            f"scan can be deleted when nothing has been written to it for {DEAD_AFTER // 60} minutes"
        )


def remove(directory: str, name: str) -> str:
    """Remove a scan's directory and return its path. Never leaves the report directory, follows no symbolic link."""
    path = os.path.join(directory, name)
    base, cluster = os.path.split(os.path.abspath(directory))
    if not is_scan_name(name) or os.path.realpath(path) != os.path.join(os.path.realpath(base), cluster, name):
        raise CisError(f"{path}: not removed: it is no scan's directory, or a symbolic link leads out of {base}")
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        pass  # someone else was faster
    except OSError as error:
        raise CisError(f"{path}: cannot be removed: {error.filename or path}: {error.strerror}") from error
    return path
