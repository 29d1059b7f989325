# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports are kept whole, whatever happens while they are written, and removed by rule and by name only."""

from __future__ import annotations

import concurrent.futures
import contextlib
import csv
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import typing as t

import pytest
import scans
from scans import ROOT

BOOK = ROOT / "playbooks" / "cis_reports.yml"
PRACTICE = scans.PRACTICE / "inventory.yml"
SEED = 20261122
KILLS = 50
# Some of the kills come as soon as a file is there, so that each stage is hit, however busy the machine is.
KILLED_AT = (".plan.json", "report.json", "report.csv", "last.txt")
KINDS = ("manual", "scheduled")


def scan(directory: pathlib.Path, *arguments: str, **variables: t.Any) -> scans.Outcome:
    return scans.playbook(directory, scans.SCAN, PRACTICE, variables, *arguments)


def reports(directory: pathlib.Path, command: str, *arguments: str, **variables: t.Any) -> scans.Outcome:
    variables = {"cis_report_cluster": "practice", "cis_report_command": command, **variables}
    return scans.playbook(directory, BOOK, "localhost,", variables, *arguments)


def said(outcome: scans.Outcome) -> list[str]:
    """Return the lines for people."""
    assert outcome.code == 0, outcome.out
    (text,) = re.findall(r'"msg": (\[.*?^    \])', outcome.out, re.M | re.S)
    return json.loads(text)


def digest(root: pathlib.Path, without: t.Iterable[pathlib.Path] = ()) -> str:
    """Return a hash of names, kinds, modes, times and contents of all that is below, without some of it."""
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if any(path == left or left in path.parents for left in without):
            continue
        seen = path.lstat()
        file = seen.st_mode & 0o170000 == 0o100000
        what = path.read_bytes() if file else os.readlink(path) if path.is_symlink() else ""
        total.update(repr((str(path), seen.st_mode, seen.st_mtime_ns if file else 0, what)).encode())
    return total.hexdigest()


def age(path: pathlib.Path, days: float) -> None:
    then = time.time() - days * 86400
    for one in (*path.rglob("*"), path):
        os.utime(one, (then, then), follow_symlinks=False)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> scans.Outcome:
    """One scan, of which the tests make more."""
    outcome = scan(tmp_path_factory.mktemp("first"))
    assert outcome.code == 0, outcome.out
    return outcome


class Kept:
    """A report directory with scans of many days, and what lies around it."""

    def __init__(self, directory: pathlib.Path, first: scans.Outcome) -> None:
        self.directory = directory
        self.first = first
        self.base = directory / "cis-reports"
        self.cluster = self.base / "practice"
        self.cluster.mkdir(parents=True)

    def add(self, name: str, kind: str = "manual", complete: bool = True, days_old: float = 1) -> str:
        where = pathlib.Path(shutil.copytree(self.first.where, self.cluster / name))
        report = json.loads((where / "report.json").read_text(encoding="utf-8"))
        report["scan"] = {"name": name, "kind": kind, "by": ""}
        text = json.dumps(report)
        (where / "report.json").write_text(text if complete else text[:1000], encoding="utf-8")
        age(where, days_old)
        return name

    @property
    def there(self) -> set[str]:
        return {path.name for path in self.cluster.iterdir()} - {"index.json"}

    @property
    def indexed(self) -> list[str]:
        return [
            entry["name"] for entry in json.loads((self.cluster / "index.json").read_text(encoding="utf-8"))["scans"]
        ]


@pytest.fixture
def kept(tmp_path: pathlib.Path, first: scans.Outcome) -> Kept:
    return Kept(tmp_path, first)


# ------------------------------------------------------------------------------------------- looking


def test_list_and_show(kept: Kept) -> None:
    old = kept.add("20261101T120000Z-rke-cis-1.4-permissive")
    night = kept.add("20261102T120000Z-rke-cis-1.4-permissive-scheduled", "scheduled")
    dead = kept.add("20261103T120000Z-rke-cis-1.4-permissive", complete=False)
    (kept.cluster / "notes of mine").mkdir()
    (kept.cluster / "read me").write_text("x", encoding="utf-8")
    counts = "60 pass, 3 fail, 0 warn, 15 skip, 19 notApplicable, 0 error, 0 manual"
    assert said(reports(kept.directory, "list")) == [
        f"{old}: manual, {counts}",
        f"{night}: scheduled, {counts}",
        f"{dead}: manual, incomplete",
    ]
    shown = "\n".join(said(reports(kept.directory, "show")))
    assert "cluster practice (97 controls)             60       3      15      19        0" in shown
    assert shown.endswith(f"cis-reports/practice/{night}/report.json")
    assert said(reports(kept.directory, "show", cis_report_name=old))[-1].endswith(f"/{old}/report.json")
    assert "not valid JSON" in reports(kept.directory, "show", cis_report_name=dead).failure()


def test_each_scan_is_indexed(first: scans.Outcome) -> None:
    index = json.loads((first.where.parent / "index.json").read_text(encoding="utf-8"))
    (entry,) = index["scans"]
    assert (index["cluster"], entry["name"], entry["complete"]) == ("practice", first.where.name, True)
    assert {state: entry["counts"][state] for state in scans.COUNTS} == dict(
        zip(scans.COUNTS, first.counts, strict=True)
    )


def test_download_copies_and_bundles(kept: Kept, first: scans.Outcome) -> None:
    name = kept.add(first.where.name)
    place = kept.cluster / name
    (place / ".report.csv.abcd1234").write_text("of a killed scan", encoding="utf-8")
    before = digest(kept.base)
    files = {str(path.relative_to(place)) for path in place.rglob("*") if not path.name.startswith(".")}

    outcome = reports(kept.directory, "download", "--check", cis_report_dest="copies")
    assert said(outcome) == [f"would have copied cis-reports/practice/{name} to copies/{name}"]
    assert not (kept.directory / "copies").exists()

    assert said(reports(kept.directory, "download", cis_report_dest="copies/of mine")) == [
        f"copied cis-reports/practice/{name} to copies/of mine/{name}"
    ]
    copy = kept.directory / "copies" / "of mine" / name
    assert {str(path.relative_to(copy)) for path in copy.rglob("*")} == files
    assert all((copy / path).read_bytes() == (place / path).read_bytes() for path in files if path != "evidence")
    line = reports(kept.directory, "download", cis_report_dest="copies/of mine").failure()
    assert line == f"cis_report_dest copies/of mine/{name}: already exists; choose another destination or remove it"

    reports(kept.directory, "download", cis_report_dest="b.tar.gz", cis_report_name=name)
    with tarfile.open(kept.directory / "b.tar.gz") as bundle:
        assert set(bundle.getnames()) == {name} | {f"{name}/{path}" for path in files}
        report = bundle.extractfile(f"{name}/report.json")
        assert report and report.read() == (place / "report.json").read_bytes()
    assert digest(kept.base) == before
    left = {path.name for path in kept.directory.rglob(".*")}
    assert left == {".report.csv.abcd1234"}


# ------------------------------------------------------------------------------------------- removing


def test_delete_removes_what_it_names_and_says_so(kept: Kept) -> None:
    name = kept.add("20261101T120000Z-rke-cis-1.4-permissive")
    other = kept.add("20261102T120000Z-rke-cis-1.4-permissive")
    path = f"cis-reports/practice/{name}"
    assert said(reports(kept.directory, "delete", "--check", cis_report_name=name)) == [f"would have removed {path}"]
    assert kept.there == {name, other}
    assert said(reports(kept.directory, "delete", cis_report_name=name)) == [f"removed {path}"]
    assert kept.there == {other}
    assert kept.indexed == [other]


def test_prune_counts_by_kind_and_spares_what_runs(kept: Kept) -> None:
    manual = [kept.add(f"2026110{day}T120000Z-rke-cis-1.4-permissive") for day in (1, 2, 3)]
    nightly = [kept.add(f"2026110{day}T130000Z-rke-cis-1.4-permissive-scheduled", "scheduled") for day in (1, 2, 3)]
    dead = kept.add("20261104T130000Z-rke-cis-1.4-permissive-scheduled", "scheduled", complete=False, days_old=8)
    died = kept.add("20261105T130000Z-rke-cis-1.4-permissive-scheduled", "scheduled", complete=False, days_old=6)
    runs = kept.add("20261106T130000Z-rke-cis-1.4-permissive-scheduled", "scheduled", complete=False, days_old=0)
    everything = kept.there
    gone = [f"cis-reports/practice/{name}" for name in (*nightly[:-1], dead)]
    keep = {"cis_report_keep": {"scheduled": 1}}
    assert said(reports(kept.directory, "prune", "--check", **keep)) == [f"would have removed {path}" for path in gone]
    assert kept.there == everything
    assert said(reports(kept.directory, "prune", **keep)) == [f"removed {path}" for path in gone]
    assert kept.there == {*manual, nightly[-1], died, runs}
    assert said(reports(kept.directory, "prune", **keep)) == ["nothing to remove"]
    reports(kept.directory, "prune", cis_report_keep="manual=1,scheduled=1", cis_report_incomplete_days=0)
    assert kept.there == {manual[-1], nightly[-1], runs} == set(kept.indexed)
    assert "still running, or killed 0 minutes ago" in reports(kept.directory, "delete", cis_report_name=runs).failure()


def test_a_scan_prunes_at_its_end_only_if_asked_to(kept: Kept) -> None:
    manual = kept.add("20261101T120000Z-rke-cis-1.4-permissive")
    nightly = [kept.add(f"2026110{day}T130000Z-rke-cis-1.4-permissive-scheduled", "scheduled") for day in (1, 2)]
    scan(kept.directory)
    assert len(kept.there) == 4
    outcome = scan(kept.directory, cis_scan_kind="scheduled", cis_report_keep={"scheduled": 2})
    assert f"removed cis-reports/practice/{nightly[0]}" in outcome.out.replace(f"{kept.directory}/", "")
    assert {manual, nightly[1]} < kept.there
    assert len(kept.there) == 4 == len(kept.indexed)
    assert nightly[0] not in kept.there


@pytest.mark.parametrize("keep", [{"scheduled": 0}, {"manual": -1}, {"sheduled": 3}, {"manual": "many"}])
def test_a_retention_that_cannot_be_used_is_refused_before_the_scan(tmp_path: pathlib.Path, keep: t.Any) -> None:
    outcome = scan(tmp_path, cis_report_keep=keep)
    assert next(iter(keep)) in outcome.failure()
    assert not (tmp_path / "cis-reports").exists()


def test_hostile_deletions_and_prunes_touch_nothing_outside(kept: Kept) -> None:
    """Everything around, and every scan that was not named, is the same byte for byte."""
    outside = kept.directory / "outside"
    shutil.copytree(kept.first.where, outside / "20261101T120000Z-rke-cis-1.4-permissive")
    (kept.directory / "x").mkdir()
    (kept.directory / "x" / "file").write_text("x", encoding="utf-8")
    (kept.base / "20261101T120000Z-beside").mkdir()
    old = kept.add("20261102T120000Z-rke-cis-1.4-permissive")
    inner = kept.add("20261103T120000Z-rke-cis-1.4-permissive")
    (kept.cluster / inner / "way out").symlink_to(outside)
    (kept.cluster / inner / "evidence" / "file out").symlink_to(outside / "file")
    link = "20261101T120000Z-rke-cis-1.4-permissive"
    (kept.cluster / link).symlink_to(outside / link)
    (kept.cluster / "Bericht f\u00fcr alle \u2603").mkdir()
    (kept.cluster / "20261104T120000Z-my copy").mkdir()
    (kept.base / "linked").symlink_to(outside)
    (outside / "file").write_text("x", encoding="utf-8")
    shutil.copytree(kept.cluster, kept.base / "n\u00f6rth one", symlinks=True)
    age(kept.directory, 2)
    removable = [kept.cluster / "index.json", kept.base / "n\u00f6rth one" / "index.json"]
    before = digest(kept.directory, removable)

    refused: list[tuple[str, dict[str, t.Any]]] = [
        ("delete", {"cis_report_name": ""}),
        ("delete", {"cis_report_name": "."}),
        ("delete", {"cis_report_name": "../x"}),
        ("delete", {"cis_report_name": "../20261101T120000Z-beside"}),
        ("delete", {"cis_report_name": str(outside / link)}),
        ("delete", {"cis_report_name": link}),
        ("delete", {"cis_report_name": f"./{old}"}),
        ("delete", {"cis_report_name": "20261104T120000Z-my copy"}),
        ("delete", {"cis_report_name": "Bericht f\u00fcr alle \u2603"}),
        ("delete", {"cis_report_name": link, "cis_report_cluster": "linked"}),
        ("delete", {"cis_report_name": old, "cis_report_cluster": "../cis-reports/practice"}),
        ("prune", {"cis_report_keep": {"manual": 1}, "cis_report_cluster": ".."}),
        ("prune", {"cis_report_keep": {"manual": 0}}),
        ("prune", {"cis_report_keep": {}}),
        ("prune", {"cis_report_keep": {"manual": 1}, "cis_report_cluster": "no such"}),
    ]
    for command, variables in refused:
        assert reports(kept.directory, command, **variables).failure()
        (outside / "index.json").unlink(missing_ok=True)
        assert digest(kept.directory, removable) == before, variables

    # what may be removed, is, and nothing behind the links in it
    removable += [kept.cluster / old, kept.cluster / inner, kept.base / "n\u00f6rth one" / old]
    before = digest(kept.directory, removable)
    assert said(reports(kept.directory, "delete", cis_report_name=inner))
    gone = said(reports(kept.directory, "prune", cis_report_keep={"manual": 1}, cis_report_cluster="n\u00f6rth one"))
    assert gone == [f"removed cis-reports/n\u00f6rth one/{old}"]
    reports(kept.directory, "delete", cis_report_name=old)
    assert digest(kept.directory, removable) == before
    assert not any(path.exists() for path in removable if path.name != "index.json")


# ------------------------------------------------------------------------------------------- writing


def command(directory: pathlib.Path, **variables: t.Any) -> subprocess.Popen:
    """Start a scan in a process group of its own."""
    program = ["ansible-playbook", "-i", str(PRACTICE), str(scans.SCAN), *scans.extra(variables)]
    return subprocess.Popen(
        program,
        cwd=directory,
        env=scans.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_two_scans_of_one_cluster_at_once(first: scans.Outcome, tmp_path: pathlib.Path) -> None:
    """A scheduled and a manual one."""
    running = [command(tmp_path, cis_scan_kind=kind) for kind in ("scheduled", "manual")]
    for process in running:
        out, _none = process.communicate(timeout=120)
        assert process.returncode == 0, out
    cluster = tmp_path / "cis-reports" / "practice"
    places = sorted(path for path in cluster.iterdir() if path.is_dir())
    assert len(places) == 2
    assert not (cluster / "scheduled.lock").exists()
    for place in places:
        report = json.loads((place / "report.json").read_text(encoding="utf-8"))
        assert report["scan"]["kind"] == ("scheduled" if place.name.endswith("-scheduled") else "manual")
        assert report.pop("scan")["name"] == place.name
        assert report == {key: value for key, value in first.report.items() if key != "scan"}
        assert (place / "report.csv").read_bytes() == (first.where / "report.csv").read_bytes()
    index = json.loads((cluster / "index.json").read_text(encoding="utf-8"))
    assert [(entry["name"], entry["complete"]) for entry in index["scans"]] == [(place.name, True) for place in places]


def whole(place: pathlib.Path, example: pathlib.Path) -> set[str]:
    """Hold each file of a scan against that of an undisturbed one, and return the names of those that are there."""
    there = set()
    for path in place.rglob("*"):
        name = str(path.relative_to(place))
        if path.is_dir() or path.name.startswith("."):
            continue
        there.add(name)
        good = (example / name).read_bytes()
        if path.suffix == ".json":
            ours = json.loads(path.read_bytes())
            wanted = json.loads(good)
            if name == "report.json":
                assert ours.pop("scan")["name"] == place.name
                wanted.pop("scan")
            elif ours.get("error", {}).get("kind") == "not gathered":
                continue  # what stands in for a node until it has answered
            assert ours == wanted
        else:
            assert path.read_bytes() == good, name
        if path.suffix == ".csv":
            with open(path, encoding="utf-8", newline="") as stream:
                assert len(list(csv.reader(stream))) == 1 + 97
    return there


class Killed:
    """A scan that is killed: all of its processes, at a moment after it has made its directory, or at a file."""

    def __init__(self, cluster: pathlib.Path, kind: str, **variables: t.Any) -> None:
        self._cluster, self._known, self._kind = cluster, set(cluster.iterdir()), kind
        self.process = command(cluster.parents[1], cis_scan_kind=kind, **variables)
        self.began = 0.0
        self.place: pathlib.Path | None = None

    def wait(self, until: float = float("inf"), file: str = "") -> float:
        """Wait for a moment, a file or the end, and return the seconds that passed since the directory is there."""
        while self.process.poll() is None and (not self.place or time.monotonic() - self.began < until):
            if not self.place:
                new = [path for path in self._cluster.glob("*Z-*") if path not in self._known]
                mine = [path for path in new if path.name.endswith("-scheduled") == (self._kind == "scheduled")]
                if mine:
                    self.place, self.began = mine[0], time.monotonic()
            elif file and (self.place / file).exists():
                break
            time.sleep(0.002)
        return time.monotonic() - self.began

    def kill(self) -> bool:
        """Return whether it was still running."""
        alive = self.process.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        return alive


def test_a_killed_scan_leaves_whole_files_and_the_last_report(first: scans.Outcome, tmp_path: pathlib.Path) -> None:
    """SIGKILL at moments spread over the time in which it writes. Of two scans at once, one is scheduled."""
    moments = random.Random(SEED)
    print(f"seed {SEED}")
    cluster = tmp_path / "cis-reports" / "practice"
    cluster.mkdir(parents=True)
    good = pathlib.Path(shutil.copytree(first.where, cluster / first.where.name))
    template = tmp_path / "last.txt.j2"
    # one that takes a while, so that a kill can come before it is written
    slow = "{% for a in range(5000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}\n"
    template.write_text(slow + "{% for row in rows %}\n{{ row.id }}\n{% endfor %}\nend\n", encoding="utf-8")
    # not HTML: it tells of the scans before, so no two are alike
    wanted = {"cis_report_templates": [str(template)], "cis_report_formats": ["csv"]}
    before = digest(good)

    def at_once(run: t.Callable[..., t.Any], *more: t.Any) -> list[t.Any]:
        started = [Killed(cluster, kind, **wanted) for kind in KINDS]
        with concurrent.futures.ThreadPoolExecutor(len(KINDS)) as pool:
            return list(pool.map(lambda one: run(one, *more), started))

    def check(place: pathlib.Path) -> frozenset[str]:
        assert digest(good) == before
        index = cluster / "index.json"
        assert not index.exists() or json.loads(index.read_text(encoding="utf-8"))["schema"] == "rke.cis/index/1"
        return frozenset(whole(place, example))

    def scan_again(**more: t.Any) -> list[str]:
        """The next scan is not harmed, by no lock either; return which scans the list calls incomplete."""
        outcome = scan(tmp_path, cis_scan_kind="scheduled", **wanted, **more)
        assert outcome.code == 0, outcome.out
        assert not (cluster / "scheduled.lock").exists()
        told = {line.split(": ")[0]: line for line in said(reports(tmp_path, "list"))}
        places = {path.name: path for path in cluster.glob("*Z-*")}
        incomplete = [name for name, path in places.items() if not (path / "report.json").exists()]
        assert incomplete == [name for name in places if "incomplete" in told[name]]
        return incomplete

    # the index comes after the last report
    phase = 1.1 * max(at_once(lambda run: (run.wait(file="last.txt"), run.process.communicate())[0]))
    example = next(path for path in cluster.glob("*Z-*") if path != good)
    assert (example / "last.txt").read_text(encoding="utf-8").endswith("\nend\n")
    seen: list[frozenset[str]] = []
    files = list(KILLED_AT)
    for tries in range(KILLS):
        part = len(seen) // len(KINDS) * len(KINDS) / KILLS
        file = files.pop(0) if files and part >= (len(KILLED_AT) - len(files)) / (len(KILLED_AT) + 1) else ""
        until = float("inf") if file else phase * (part + moments.random() * len(KINDS) / KILLS)
        for run, seconds, alive in at_once(lambda run, *when: (run, run.wait(*when), run.kill()), until, file):
            there = check(run.place)
            if alive:
                seen.append(there)
            else:
                phase = seconds  # it was faster than those before
        if tries in (8, 16):
            scan_again()
        if len(seen) >= KILLS:
            break
    print(f"writing takes {phase:.2f} s; files there after each kill: {[len(there) for there in seen]}")
    assert len(seen) >= KILLS
    stages = {("report.json" in there) + ("report.csv" in there) + ("last.txt" in there) for there in seen}
    assert {0, 3} <= stages and len(stages) >= 3, f"kills before, while and after reports are written, but {stages}"

    # what killed writers left is removed when it is old, and incomplete scans when they are kept for no longer
    age(cluster, 2)
    assert scan_again()
    assert not list(cluster.rglob(".*.????????"))
    age(cluster, 2)
    assert not scan_again(cis_report_incomplete_days=1, cis_report_keep=dict.fromkeys(KINDS, 1000))
    assert "report.json" in whole(good, first.where)


def space(path: pathlib.Path) -> int:
    """Return the bytes that a file takes on a tmpfs."""
    return -(-path.stat().st_size // 4096) * 4096


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """A report directory on a disk of one megabyte."""
    disk = tmp_path / "cis-reports"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "x", disk], check=False).returncode
    ):
        pytest.skip("only root can mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("lost", ["report.json", "report.csv"])
def test_a_full_disk_keeps_the_evidence_and_the_last_report(
    small_disk: pathlib.Path, tmp_path: pathlib.Path, lost: str
) -> None:
    wanted = {"cis_report_formats": ["csv"]}
    good = scan(tmp_path, **wanted).where
    before = digest(good)
    evidence = sum(space(path) for path in (good / "evidence").iterdir())
    room = evidence + space(good / lost) // 2 + (space(good / "report.json") if lost == "report.csv" else 0)
    free = os.statvfs(small_disk).f_bavail * 4096
    (small_disk / "filler").write_bytes(b"x" * (free - room))
    outcome = scan(tmp_path, **wanted)
    (place,) = set(good.parent.glob("*Z-*")) - {good}
    lines = set(re.findall(r'"msg": "(report cis-reports/.*?)"', outcome.out))
    assert outcome.code == 2
    assert lines == {
        f"report cis-reports/practice/{place.name}/{lost}: cannot be written: No space left on device; the evidence is "
        f"kept: free or repair the disk, or set another cis_report_dir, and score it with rke.cis.cis_score"
    }
    assert digest(good) == before
    assert not list(small_disk.rglob(".*"))
    there = whole(place, good)
    assert {name for name in there if name.startswith("evidence/")} == {
        f"evidence/{path.name}" for path in (good / "evidence").iterdir()
    }
    assert "report.csv" not in there
    assert ("report.json" in there) == (lost == "report.csv")
    # the way out that the line names
    variables = {"cis_scan_evidence_dir": str(place / "evidence"), "cis_scan_cluster": "practice"}
    rescued = scans.playbook(tmp_path / "rescued", scans.SCORE, "localhost,", variables)
    assert (rescued.where / "report.csv").read_bytes() == (good / "report.csv").read_bytes()


def test_a_disk_that_cannot_be_written_to(small_disk: pathlib.Path, tmp_path: pathlib.Path) -> None:
    good = scan(tmp_path).where
    before = digest(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert scan(tmp_path).failure() == (
        "cis_report_dir cis-reports/practice: cannot be written to: Read-only file system; choose another directory"
    )
    assert "Read-only file system" in reports(tmp_path, "delete", cis_report_name=good.name).failure()
    assert digest(small_disk) == before


# ------------------------------------------------------------------------------------------- elsewhere


def scan_and_copy(directory: pathlib.Path, **variables: t.Any) -> scans.Outcome:
    """Scan the practice cluster with two more hosts for reports, of which one does not answer."""
    inventory = directory / "stores.ini"
    inventory.write_text(
        "store ansible_connection=local\n"
        "deaf ansible_host=127.0.0.1 ansible_port=1 ansible_connection=ssh ansible_ssh_retries=0\n",
        encoding="utf-8",
    )
    # the inventory's own directory is no longer that of the practice cluster
    variables["cis_scan_replay_dir"] = str(PRACTICE.parent / "evidence")
    return scan(directory, "-i", str(inventory), **variables)


@pytest.mark.parametrize("with_evidence", [True, False])
def test_reports_are_copied_to_another_host(tmp_path: pathlib.Path, with_evidence: bool) -> None:
    there = tmp_path / "the other host" / "reports"
    variables = {"cis_report_host": "store", "cis_report_host_dir": str(there), "cis_scan_cluster": "n\u00f6rth one"}
    outcome = scan_and_copy(tmp_path, cis_report_host_evidence=with_evidence, **variables)
    assert outcome.code == 0, outcome.out
    (copy,) = there.glob("*/*")
    assert copy.relative_to(there) == outcome.where.relative_to(tmp_path / "cis-reports")
    files = whole(copy, outcome.where)
    assert {"report.json", "report.csv"} <= files
    assert ("evidence/node-cp1.json" in files) == with_evidence
    assert not list(there.rglob(".*"))
    assert not (copy.stat().st_mode | (copy / "report.json").stat().st_mode) & 0o007


@pytest.mark.parametrize(
    "host,why",
    [("deaf", "Connection refused"), ("store", "Not a directory"), ("no-such-host", "Could not resolve hostname")],
)
def test_a_copy_that_fails_is_one_line_and_leaves_the_reports(tmp_path: pathlib.Path, host: str, why: str) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    variables = {"cis_report_host": host, "cis_report_host_dir": str(tmp_path / "file" / "reports")}
    outcome = scan_and_copy(tmp_path, **variables)
    assert outcome.code != 0, outcome.out
    line = re.findall(r'"msg": "(cis_report_host .*?)"\}', outcome.out)
    assert len(line) == 1, outcome.out
    assert line[0].startswith(f"cis_report_host {host}: the reports could not be copied to {tmp_path}/file/reports/")
    assert why in line[0]
    assert line[0].endswith(f"they are still on the controller, in cis-reports/practice/{outcome.where.name}")
    assert {"report.json", "report.csv"} <= {path.name for path in outcome.where.iterdir()}


@pytest.mark.parametrize("limit", [50_000, 1000])
def test_the_summary_is_an_artifact_of_the_job(tmp_path: pathlib.Path, limit: int) -> None:
    (tmp_path / "env").mkdir()
    variables = {"cis_report_dir": str(tmp_path / "cis-reports"), "awx_job_id": 42}
    variables |= {"cis_report_artifact_csv_limit": limit}
    (tmp_path / "env" / "extravars").write_text(json.dumps(variables), encoding="utf-8")
    program = [str(pathlib.Path(sys.executable).parent / "ansible-runner"), "run", str(tmp_path), "--ident", "job"]
    program += ["-p", str(scans.SCAN), "--inventory", str(PRACTICE)]
    done = subprocess.run(
        program, env=scans.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    texts = [path.read_text(encoding="utf-8") for path in (tmp_path / "artifacts/job/job_events").glob("*.json")]
    assert max(map(len, texts)) < 100_000
    (stats,) = (json.loads(text) for text in texts if '"event": "playbook_on_stats"' in text)
    (place,) = (tmp_path / "cis-reports" / "practice").glob("*Z-*")
    told = stats["event_data"]["artifact_data"]["cis_summary_42"]
    report = json.loads((place / "report.json").read_text(encoding="utf-8"))
    for key in ("cluster", "profile", "collected_at", "total", *scans.COUNTS):
        assert told[key] == report[key]
    assert told["failed_controls"] == ["1.4.21", "2.1.1", "2.1.4"]
    assert told["report"] == str(place / "report.json")
    text = (place / "report.csv").read_text(encoding="utf-8")
    assert told.get("csv") == (text if limit > len(text) else None)
