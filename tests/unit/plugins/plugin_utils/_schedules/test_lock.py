# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._schedules import lock as _lock
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.lock import BUSY, NAME, acquire, release, running

# Takes the lock when it is told to, says what came of it, and lives until its input ends.
HOLDER = """
import sys
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.lock import acquire
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


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "not valid JSON"),
        ("[]", "not the lock of a scheduled scan; remove it if no scan is running"),
        ("{}", "not the lock of a scheduled scan; remove it if no scan is running"),
        (
            '{"owner": "a@b", "pid": 99999999999, "started": "", "since": "", "expires": "2026-01-01T00:00:00Z"}',
            "not the lock of a scheduled scan; remove it if no scan is running",
        ),
        (
            '{"owner": "a@b", "pid": 1, "started": "", "since": "", "expires": "soon"}',
            "not the lock of a scheduled scan; remove it if no scan is running",
        ),
    ],
)
def test_one_that_cannot_be_read_is_told(tmp_path: pathlib.Path, text: str, message: str) -> None:
    (tmp_path / NAME).write_text(text)
    with pytest.raises(CisError, match=message):
        acquire(str(tmp_path))
    assert (tmp_path / NAME).read_text() == text


def test_holds_where_a_directory_cannot_be_locked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one has made it between the look and the making."""
    monkeypatch.setattr(_lock, "_read", lambda path: None)
    acquire(str(tmp_path))
    with pytest.raises(CisError, match=BUSY):
        acquire(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
