# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports import lock as _lock
from ansible_collections.rke.cis.plugins.plugin_utils._reports import scans
from ansible_collections.rke.cis.plugins.plugin_utils._reports.lock import BUSY, NAME, acquire, release, running
from ansible_collections.rke.cis.plugins.plugin_utils._times import utc

# Takes the lock when it is told to, says what came of it, and lives until its input ends.
HOLDER = """
import sys
from ansible_collections.rke.cis.plugins.plugin_utils._reports.lock import acquire
print("ready", flush=True)
sys.stdin.readline()
try:
    print(acquire(sys.argv[1]) or "taken", flush=True)
except Exception as error:
    print(f"{type(error).__name__}: {error}", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: pathlib.Path) -> t.Iterator[t.Callable[[], subprocess.Popen]]:
    """Start a process that is going to take the lock."""
    started = []
    path = os.pathsep.join(entry for entry in [os.environ.get("ANSIBLE_COLLECTIONS_PATH"), *sys.path] if entry)

    def start() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        started.append(process)
        assert process.stdout and process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def go(process: subprocess.Popen) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def said(process: subprocess.Popen) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def written(directory: pathlib.Path, **other: t.Any) -> dict[str, t.Any]:
    """Take the lock, change what is written in it, and return that."""
    acquire(str(directory))
    lock = {**json.loads((directory / NAME).read_text()), **other}
    (directory / NAME).write_text(json.dumps(lock))
    return lock


def test_it_is_taken_and_given_back(tmp_path: pathlib.Path) -> None:
    assert acquire(str(tmp_path)) == []
    lock = json.loads((tmp_path / NAME).read_text())
    assert lock["pid"] == os.getpid()
    assert running(str(tmp_path)).startswith(f"{lock['owner']}, process {os.getpid()}, since {lock['since']}")
    release(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert running(str(tmp_path)) == ""
    release(str(tmp_path))


def test_a_live_one_is_told_with_its_owner(tmp_path: pathlib.Path) -> None:
    lock = written(tmp_path)
    with pytest.raises(CisError) as error:
        acquire(str(tmp_path))
    assert str(error.value) == (
        f"{BUSY}: {lock['owner']}, process {os.getpid()}, since {lock['since']}; its lock {tmp_path}/{NAME} ends at "
        f"{lock['expires']} at the latest"
    )


def test_of_processes_at_the_same_time_one_gets_it(
    tmp_path: pathlib.Path, holder: t.Callable[[], subprocess.Popen]
) -> None:
    processes = [holder() for _number in range(8)]
    for process in processes:
        go(process)
    answers = [said(process) for process in processes]
    assert answers.count("taken") == 1
    assert sum(answer.startswith(f"Busy: {BUSY}: ") for answer in answers) == 7


def test_of_processes_that_find_a_stale_one_one_gets_it(
    tmp_path: pathlib.Path, holder: t.Callable[[], subprocess.Popen]
) -> None:
    written(tmp_path, expires="2026-01-01T00:00:00Z")
    processes = [holder() for _number in range(8)]
    for process in processes:
        go(process)
    answers = [said(process) for process in processes]
    assert sum("is taken over" in answer for answer in answers) == 1
    assert sum(answer.startswith(f"Busy: {BUSY}: ") for answer in answers) == 7


def test_that_of_a_killed_process_is_taken_over(
    tmp_path: pathlib.Path, holder: t.Callable[[], subprocess.Popen]
) -> None:
    first = holder()
    go(first)
    assert said(first) == "taken"
    with pytest.raises(CisError, match=f"process {first.pid}, "):
        acquire(str(tmp_path))
    first.kill()
    first.wait()
    assert running(str(tmp_path)) == ""
    (warning,) = acquire(str(tmp_path))
    assert "is taken over: " in warning and f"process {first.pid}, " in warning
    assert warning.endswith("whose process has ended without giving it back")
    assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()


@pytest.mark.parametrize(
    "other, why",
    [
        ({"expires": "2026-01-01T00:00:00Z"}, "which has expired at 2026-01-01T00:00:00Z"),
        ({"expires": "2026-01-01T00:00:00Z", "owner": "me@elsewhere"}, "which has expired at 2026-01-01T00:00:00Z"),
        ({"expires": "2099-01-01T00:00:00Z", "owner": "me@elsewhere"}, "2099-01-01T00:00:00Z, longer than a scan can"),
        ({"started": "another boot/1"}, "whose process has ended without giving it back"),
    ],
)
def test_a_stale_one_is_taken_over_and_that_is_said(tmp_path: pathlib.Path, other: dict[str, t.Any], why: str) -> None:
    written(tmp_path, **other)
    (warning,) = acquire(str(tmp_path))
    assert warning.startswith("the lock of an earlier scheduled scan is taken over: ") and warning.endswith(why)


def test_that_of_another_host_holds_until_it_expires(tmp_path: pathlib.Path) -> None:
    written(tmp_path, owner="me@elsewhere", pid=1, started="")
    with pytest.raises(CisError, match="me@elsewhere, process 1, "):
        acquire(str(tmp_path))


def test_it_expires_by_itself(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    acquire(str(tmp_path))
    now = time.time()
    monkeypatch.setattr(_lock.time, "time", lambda: now + _lock.HOURS * 3600 - 5)
    with pytest.raises(CisError, match=BUSY):
        acquire(str(tmp_path))
    monkeypatch.setattr(_lock.time, "time", lambda: now + _lock.HOURS * 3600 + 5)
    assert "has expired" in acquire(str(tmp_path))[0]


def test_nobody_gives_back_what_another_holds(tmp_path: pathlib.Path) -> None:
    lock = written(tmp_path, owner="me@elsewhere")
    release(str(tmp_path))
    assert json.loads((tmp_path / NAME).read_text()) == lock


VALID = {"owner": "a@b", "pid": 1, "started": "", "since": "2026-01-01T00:00:00Z", "expires": "2026-01-01T06:00:00Z"}


@pytest.mark.parametrize(
    "content, said",
    [
        ("", "not valid JSON: "),
        ("{", "not valid JSON: "),
        ("[" * 5000, "too large: more than 4096 bytes"),
        ("[]", "not the lock of a scheduled scan; "),
        ("{}", "not the lock of a scheduled scan; "),
        (json.dumps({**VALID, "pid": 99999999999}), "not the lock of a scheduled scan; "),
        (json.dumps({**VALID, "expires": "soon"}), "not the lock of a scheduled scan; "),
        (json.dumps({**VALID, "since": "", "expires": "2099-01-01T00:00:00Z"}), "not the lock of a scheduled scan; "),
        ("link", "cannot be read: not a regular file; "),
        ("dangling", "cannot be read: not a regular file; "),
        ("fifo", "cannot be read: not a regular file; "),
        ("socket", "cannot be read: not a regular file; "),
    ],
)
def test_a_broken_one_stops_no_scan(tmp_path: pathlib.Path, content: str, said: str) -> None:
    place, other = tmp_path / "prod", tmp_path / "other"
    place.mkdir()
    other.write_text(json.dumps(VALID))
    path = place / NAME
    if content in ("link", "dangling"):
        path.symlink_to(other if content == "link" else tmp_path / "none")
    elif content == "fifo":
        os.mkfifo(path)
    elif content == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.write_text(content)
    release(str(place))  # as a manual scan does
    assert os.path.lexists(path)
    assert running(str(place)) == ""
    (warning,) = acquire(str(place))
    assert warning.startswith(f"lock {path}: {said}") and warning.endswith("; replaced by that of this scan")
    assert path.is_file() and not path.is_symlink() and json.loads(path.read_text())["pid"] == os.getpid()
    assert json.loads(other.read_text()) == VALID


def test_one_that_cannot_be_replaced_is_told(tmp_path: pathlib.Path) -> None:
    (tmp_path / NAME).mkdir()
    with pytest.raises(CisError, match=f"{NAME}: cannot be replaced: .*; remove it if no scheduled scan is running"):
        acquire(str(tmp_path))
    release(str(tmp_path))
    assert running(str(tmp_path)) == ""


def test_one_longer_than_a_scan_does_not_hold(tmp_path: pathlib.Path) -> None:
    now = time.time()
    lock = written(tmp_path, owner="me@elsewhere", since=utc(now - 7200), expires=utc(now + 6 * 3600))
    (warning,) = acquire(str(tmp_path))
    assert warning.endswith(f"which claims to last until {lock['expires']}, longer than a scan can")


def test_who_only_opens_the_directory_does_not_stop_it(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "_PATIENCE", 0.2)
    hold = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), fcntl.LOCK_EX); print(flush=True); input()"
    command = [sys.executable, "-c", hold, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "\n"
        assert acquire(str(tmp_path)) == []
        assert running(str(tmp_path))
        release(str(tmp_path))
        assert not (tmp_path / NAME).exists()
        process.communicate("\n")


def test_holds_where_a_directory_cannot_be_locked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one has made it between the look and the making."""
    monkeypatch.setattr(_lock, "_look", lambda path: (None, ""))
    acquire(str(tmp_path))
    with pytest.raises(CisError, match=BUSY):
        acquire(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
