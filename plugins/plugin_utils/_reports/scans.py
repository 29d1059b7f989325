# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The scans that are kept: the directories in <cis_report_dir>/<cluster>, and the index of them.

The directories are the truth. Whatever is not a real directory with the name of a scan is foreign: not listed, not
touched. The index only saves reading large reports again.
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

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import INTERRUPTED
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import (
    COUNTS,
    KINDS,
    MANUAL,
    SCHEDULED,
    SCORES,
    check_report,
    report_checks,
    score,
    weighted_score,
)
from ansible_collections.rke.cis.plugins.plugin_utils._store import (
    DIRECTORY_MODE,
    make_own_directory,
    read_json,
    read_kept,
    to_json,
    write_file,
)
from ansible_collections.rke.cis.plugins.plugin_utils._times import STAMP, utc

REPORT = "report.json"
EVIDENCE = "evidence"
INDEX = "index.json"
INDEX_SCHEMA = "rke.cis/index/1"
# A scan runs in many processes, so it cannot hold a lock: it runs as long as it writes. Seconds without a write after
# which a scan without a report has died, and after which one with a report has written its other files.
DEAD_AFTER = 3600
DONE_AFTER = 30
MOST_PAST = 30
_CLOCKS = 300  # seconds by which the clocks of hosts that share a directory may differ

_PATIENCE = 20  # seconds to wait for the lock of a directory, which anyone who can open the directory can hold

_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[a-z0-9][a-z0-9._-]*")
_SCHEDULED = re.compile(r".*-scheduled(-job[0-9]*)?(-[0-9]+)?")
# What write_file, or a scan with a plan, leaves behind if it is killed.
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}|\.(plan|requests)\.json")
# not_scanned is how many nodes a scan of a part of the cluster left out, only by what a part of the controls was chosen
_SHOWN = ("kind", "collected_at", "profile", *SCORES)
_FACTS = (*_SHOWN, "counts", "not_scanned", "only")

Scan = dict[str, t.Any]


# ------------------------------------------------------------------------------------------- names and directories


def cluster_directory(base: str, cluster: str, option: str = "cis_report_cluster") -> str:
    """Return the directory of a cluster's scans. Raises CisError for a name that would lead elsewhere."""
    if not cluster or cluster != os.path.basename(cluster) or cluster.startswith(".") or "\0" in cluster:
        raise CisError(f"{option} {cluster!r}: must be a name without / and without a leading dot")
    return os.path.join(os.path.expanduser(base), cluster)


def new_scan_directory(
    base: str, cluster: str, profile: str, kind: str = MANUAL, job: str = "", started: float | None = None
) -> str:
    """Make a directory for one scan, named by time, profile and kind, and return its path. Never an existing one."""
    parent = cluster_directory(base, cluster, "cis_scan_cluster")
    make_own_directory(parent, "cis_report_dir")
    words = [utc(started, STAMP), profile.lower(), "" if kind == MANUAL else kind]
    name = "-".join(word for word in (*words, f"job{job}" if job else "") if word)
    for number in range(1, 1000):
        path = os.path.join(parent, name if number == 1 else f"{name}-{number}")
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        except OSError as error:
            raise CisError(
                f"cis_report_dir {parent}: not writable: {error.strerror}; choose another directory"
            ) from error
        os.chmod(path, DIRECTORY_MODE)
        return path
    raise CisError(f"cis_report_dir {parent}: more than 999 scans in one second; try again")


def is_scan_name(name: str) -> bool:
    """Return whether a directory of this name is a scan's."""
    return _NAME.fullmatch(name) is not None


def _order(name: str) -> tuple[str, int, str]:
    """By time; of the scans of one second, -10 comes after -2."""
    return name[:16], len(name), name


def is_future(name: str) -> bool:
    """Return whether a scan is dated later than now. It would be the newest for as long, and outlive all others."""
    return name[:16] > utc(time.time() + _CLOCKS, STAMP)


# ------------------------------------------------------------------------------------------- reports


def read_report(path: str) -> dict[str, t.Any]:
    """Return the report in a file. Raises CisError that names the file and what is wrong."""
    return check_report(read_json(path, "report", limits.REPORT_BYTES), f"report {path}")


def _left_out(report: dict[str, t.Any]) -> set[str]:
    """Return the nodes of the cluster that a scan was not to examine, or could not before the user ended it."""
    unseen = {node for node, why in report["node_errors"].items() if why.startswith(INTERRUPTED + ":")}
    return unseen | set(report.get("not_scanned", ()))


def report_facts(report: dict[str, t.Any]) -> Scan:
    """Return what a list shows of a report: kind, time, profile, scores, counts, and what was left out of it."""
    return {
        "kind": report["scan"]["kind"],
        "collected_at": report["collected_at"],
        "profile": report["profile"],
        # computed, since a report from before there were scores has none
        **dict(zip(SCORES, (score(report), weighted_score(report_checks(report))), strict=True)),
        "counts": {key: report[key] for key in ("total", *COUNTS)},
        "not_scanned": len(_left_out(report)),
        "only": _choice(report),
    }


def _choice(report: dict[str, t.Any]) -> dict[str, t.Any]:
    return report["only"]["choice"] if "only" in report else {}


def counts_text(counts: dict[str, int]) -> str:
    """Return the counts of a scan in words; empty where it has none."""
    return ", ".join(f"{number} {state}" for state, number in counts.items() if state != "total")


def _valid_facts(entry: t.Any) -> Scan | None:
    """Return the facts in an entry of an index, or None if it is not whole."""
    if not isinstance(entry, dict) or not entry.keys() >= {*_FACTS}:
        return None
    facts: Scan = {key: entry[key] for key in _FACTS}
    counts = facts["counts"]
    texts = isinstance(facts["collected_at"], str) and isinstance(facts["profile"], str)
    mappings = isinstance(counts, dict) and isinstance(facts["only"], dict)
    if facts["kind"] not in KINDS or not texts or not mappings:
        return None
    numbers = [*counts.values(), facts["not_scanned"], *(facts[key] for key in SCORES if facts[key] is not None)]
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
    return facts if whole and [*counts] == ["total", *COUNTS] else None


# ------------------------------------------------------------------------------------------- the scans of one cluster


class KeptScans:
    """The scans in a cluster's directory. Each is looked at once, and its report is read only if the index is stale."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._index = self._read_index()
        self._seen: dict[str, Scan] = {}

    def path(self, name: str) -> str:
        """Return the path of a scan's report."""
        return os.path.join(self.directory, name, REPORT)

    def names(self) -> list[str]:
        """Return the names of the scans, oldest first; none where there is no directory."""
        try:
            with os.scandir(self.directory) as entries:
                found = [one.name for one in entries if is_scan_name(one.name) and one.is_dir(follow_symlinks=False)]
        except OSError:
            return []
        return sorted(found, key=_order)

    def scans(self) -> list[Scan]:
        """Return the scans, newest last. One without a whole report.json is not complete."""
        return [self._scan(name) for name in self.names()]

    def past_scans(self) -> list[Scan]:
        """Return the complete scans, newest last, without those dated in the future."""
        return [scan for scan in self.scans() if scan["complete"] and not is_future(scan["name"])]

    def warnings(self) -> list[str]:
        """Return a warning if scans are dated in the future."""
        names = [name for name in self.names() if is_future(name)]
        if not names:
            return []
        which = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        return [
            f"{self.directory}: dated in the future: {which}; never the newest scan, not compared with and not pruned: "
            f"check the controller's clock, or remove with cis_report_command=delete"
        ]

    def find(self, name: str) -> Scan:
        """Return the scan of this name; the newest complete one without a name. Raises CisError if not found."""
        found = [scan for scan in self.scans() if scan["name"] == name] if name else self.past_scans()
        if not found:
            what = f"cis_report_name {name!r}: no such scan" if name else "cis_report_name: no complete scan"
            raise CisError(f"{what} in {self.directory}; list the scans with cis_report_command=list")
        return found[-1]

    def before(self, name: str, profile: str) -> t.Iterator[Scan]:
        """Return the complete scans of a profile before the one of this name, newest first."""
        for other in reversed(self.names() if is_scan_name(name) else []):
            if _order(other) < _order(name) and not is_future(other):
                scan = self._scan(other)
                if scan["complete"] and scan["profile"] == profile:
                    yield scan

    def past(self, name: str, facts: Scan) -> list[Scan]:
        """Return the rows of a history: this scan, which comes last, and the complete ones of the same profile before
        it, oldest first, at most MOST_PAST in all. Only those that left out as many nodes, and chose by the same:
        others cannot be compared.
        """
        rows = [{"name": name, **facts}]
        for scan in self.before(name, facts["profile"]):
            if len(rows) == MOST_PAST:
                break
            if all(scan[key] == facts[key] for key in ("not_scanned", "only")):
                rows.append(scan)
        return [{"name": row["name"], **{key: row[key] for key in _SHOWN}, **row["counts"]} for row in reversed(rows)]

    def previous(self, name: str, report: dict[str, t.Any]) -> dict[str, t.Any] | None:
        """Return the report of the last scan of the same cluster and profile before the one of this name.

        None if there is none; one that cannot be read, or left out nodes or controls that this one has, is passed over.
        """
        left_out, only = _left_out(report), _choice(report)
        for scan in self.before(name, report["profile"]):
            if scan["not_scanned"] > len(left_out) or scan["only"] not in ({}, only):
                continue
            try:
                found = read_report(self.path(scan["name"]))
            except CisError:
                continue
            same = all(found[key] == report[key] for key in ("cluster", "version", "profile"))
            if same and _left_out(found) <= left_out:
                return found
        return None

    def report_path(self, scan: str | None) -> str:
        """Return the path of a report: of the scan of this name, of this path, or of the newest one with a report.

        Raises CisError that names the last scans.
        """
        known = [name for name in self.names() if os.path.isfile(self.path(name)) and not is_future(name)]
        if not known and (not scan or os.sep not in scan):
            raise CisError(f"{self.directory}: no scans found; name another report directory or cluster")
        place = scan or known[-1]
        path = place if os.sep in place else os.path.join(self.directory, place)
        path = os.path.join(path, REPORT) if os.path.isdir(path) else path
        if not os.path.isfile(path):
            last = ", ".join(known[-5:]) or "none"
            raise CisError(f"{scan}: no such scan, or it has no {REPORT}; the last ones in {self.directory}: {last}")
        return path

    def _read_index(self) -> dict[str, t.Any]:
        """Return name to entry of the index, if it can be read."""
        try:
            return {scan["name"]: scan for scan in read_kept(os.path.join(self.directory, INDEX), "index")["scans"]}
        except (CisError, KeyError, TypeError):
            return {}

    def _scan(self, name: str) -> Scan:
        if name not in self._seen:
            self._seen[name] = self._examine(name)
        return self._seen[name]

    def _examine(self, name: str) -> Scan:
        """Return what there is of a scan. Its entry in the index holds as long as report.json is as it was then."""
        path = self.path(name)
        scan: Scan = {"name": name, "kind": SCHEDULED if _SCHEDULED.fullmatch(name) else MANUAL, "complete": False}
        scan.update(dict.fromkeys(SCORES), collected_at="", profile="", counts={}, not_scanned=0, only={})
        scan.update(files=[], report={})
        with contextlib.suppress(OSError):
            with os.scandir(os.path.dirname(path)) as entries:
                scan["files"] = sorted(
                    entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")
                    for entry in entries
                    if not entry.name.startswith(".")
                )
            seen = os.lstat(path)
            if stat.S_ISREG(seen.st_mode):
                scan["report"] = _version(seen)
        if scan["report"]:
            entry = self._index.get(name)
            facts = _valid_facts(entry) if isinstance(entry, dict) and entry.get("report") == scan["report"] else None
            if facts is None:
                with contextlib.suppress(CisError):
                    facts = report_facts(read_report(path))
            if facts is not None:
                scan.update(facts, complete=True)
        return scan

    # --------------------------------------------------------------------------------------- changing them

    @contextlib.contextmanager
    def locked(self) -> t.Iterator[None]:
        """Keep others from changing the scans and their index meanwhile."""
        with locked(self.directory):
            self._seen.clear()  # it may be older than the lock
            yield

    def write_index(self, name: str = "", facts: Scan | None = None) -> list[Scan]:
        """Make the index anew from the directories, and return its scans. What killed writers have left is removed.

        `facts` are those of the scan of this name, if its report has just been written: it need not be read again.
        """
        if facts is not None:
            with contextlib.suppress(OSError):
                self._index[name] = {"name": name, **facts, "report": _version(os.lstat(self.path(name)))}
        self._sweep()
        self._seen.clear()
        scans = self.scans()
        path = os.path.join(self.directory, INDEX)
        document = {"schema": INDEX_SCHEMA, "cluster": os.path.basename(self.directory), "scans": scans}
        try:
            write_file(path, to_json(document))
        except OSError as error:
            raise CisError(
                f"index {path}: not writable: {error.strerror}; the scans are unharmed, and the next one writes it"
            ) from error
        return scans

    def _sweep(self) -> None:
        """Remove what killed writers have left, where no scan can be writing any more."""
        places = [self.directory]
        for name in self.names():
            scan = os.path.join(self.directory, name)
            places += [scan, os.path.join(scan, EVIDENCE), os.path.join(scan, "xccdf")]
        for place in places:
            if os.path.islink(place) and place != self.directory:
                continue
            with contextlib.suppress(OSError), os.scandir(place) as entries:
                for entry in entries:
                    ours = entry.name.startswith(f".{INDEX}.") if place == self.directory else True
                    if not ours or not _TEMPORARY.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                        continue
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > DEAD_AFTER:
                        os.unlink(entry.path)

    def surplus(self, keep: dict[str, int], incomplete_days: int) -> list[str]:
        """Return the names of the scans to prune: of each kind in `keep` all complete ones but so many newest, and
        those incomplete ones that were last written to so many days ago. None that is still being written.
        """
        names = []
        for kind, number in keep.items():
            mine = [scan for scan in self.scans() if scan["kind"] == kind and not is_future(scan["name"])]
            complete = [scan for scan in mine if scan["complete"]]
            for part in (False, True):  # a scan of a part takes the place of none of the whole
                old = [scan["name"] for scan in complete if bool(scan["not_scanned"] or scan["only"]) == part][:-number]
                names += [name for name in old if self._age(name) > DONE_AFTER]
            enough = max(incomplete_days * 86400, DEAD_AFTER)
            died = [scan["name"] for scan in mine if not scan["complete"]]
            names += [name for name in died if self._age(name) > enough]
        return sorted(names, key=_order)

    def refuse_running(self, scan: Scan) -> None:
        """Raise CisError if a scan may still be running: it has no report, and was written to a short time ago."""
        minutes = int(self._age(scan["name"]) // 60)
        if not scan["complete"] and minutes * 60 < DEAD_AFTER:
            raise CisError(
                f"{os.path.join(self.directory, scan['name'])}: still running, or killed {minutes} minutes ago; an "
                f"incomplete scan can be deleted when nothing has been written to it for {DEAD_AFTER // 60} minutes"
            )

    def remove(self, name: str) -> str:
        """Remove a scan's directory and return its path. Never leaves the report directory, follows no link."""
        path = os.path.join(self.directory, name)
        base, cluster = os.path.split(os.path.abspath(self.directory))
        if not is_scan_name(name) or os.path.realpath(path) != os.path.join(os.path.realpath(base), cluster, name):
            raise CisError(f"{path}: not removed: not a scan's directory, or a symbolic link leads out of {base}")
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            pass  # someone else was faster
        except OSError as error:
            raise CisError(f"{path}: cannot be removed: {error.filename or path}: {error.strerror}") from error
        self._seen.pop(name, None)
        return path

    def _age(self, name: str) -> float:
        """Return the seconds since something in a scan's directory was last written, or until then."""
        path = os.path.join(self.directory, name)
        times = [os.lstat(path).st_mtime]
        for root, directories, files in os.walk(path):
            for one in directories + files:
                with contextlib.suppress(FileNotFoundError):
                    times.append(os.lstat(os.path.join(root, one)).st_mtime)
        return abs(time.time() - max(times))


def _version(seen: os.stat_result) -> dict[str, int]:
    """Return by what a report is known to be unchanged."""
    return {"mtime_ns": seen.st_mtime_ns, "size": seen.st_size}


@contextlib.contextmanager
def locked(directory: str) -> t.Iterator[None]:
    """Keep others from changing a cluster's directory. Where that cannot be had, it goes without: the index is written
    whole in any case, and made anew by the next scan.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        enough = time.monotonic() + _PATIENCE
        with contextlib.suppress(OSError):  # a file system that cannot lock a directory
            while not _flocked(handle) and time.monotonic() < enough:
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _flocked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
