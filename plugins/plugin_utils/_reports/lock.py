# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The lock that prevents two scheduled scans of one cluster at a time. It is a file beside the scans, so that all hosts
that write there see it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import time
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.plugin_utils._errors import Busy, CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import locked
from ansible_collections.rke.cis.plugins.plugin_utils._store import (
    make_own_directory,
    read_kept,
    to_json,
    user_name,
    write_file,
)
from ansible_collections.rke.cis.plugins.plugin_utils._text import printable
from ansible_collections.rke.cis.plugins.plugin_utils._times import from_utc, utc

NAME = "scheduled.lock"
# Whether a holder on another host still runs cannot be seen, so a lock expires. No scan takes this long.
HOURS = 6
BUSY = "a scheduled scan of this cluster is running"

_CLOCKS = 3600  # by which the clocks of two hosts may differ

Holder = dict[str, t.Any]


def acquire(directory: str) -> list[str]:
    """Take the lock of the cluster whose scans are in `directory`, for the ansible-playbook of this process.

    Returns a warning if it replaced a stale or broken one. Raises CisError if another process holds it.
    """
    make_own_directory(directory, "cis_report_dir")
    path = os.path.join(directory, NAME)
    with locked(directory):
        holder, invalid = _look(path)
        if holder and not invalid:
            raise Busy(f"{BUSY}: {_shown(holder)}; its lock {path} ends at {holder['expires']} at the latest")
        if invalid:
            _remove(path)
        try:
            _create(path)
        except FileExistsError:
            raise Busy(f"{BUSY}: it was started at the same time as this one") from None
    return [invalid] if invalid else []


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        raise CisError(
            f"lock {path}: cannot be replaced: {error.strerror}; remove it if no scheduled scan is running"
        ) from error


def _create(path: str) -> None:
    """Make the lock, whole and only if there is none, also where a directory cannot be locked."""
    now = time.time()
    mine = {**_myself(), "since": utc(now), "expires": utc(now + HOURS * 3600)}
    temporary = f"{path}.{mine['pid']}"
    write_file(temporary, to_json(mine))
    try:
        os.link(temporary, path)
    finally:
        os.unlink(temporary)


def release(directory: str) -> None:
    """Release the lock, if this ansible-playbook holds it. Never fails: one that stays ends with this process."""
    path = os.path.join(directory, NAME)
    if not os.path.lexists(path):
        return
    with contextlib.suppress(CisError, OSError), locked(directory):
        holder, _invalid = _look(path)
        if holder and {key: holder[key] for key in _myself()} == _myself():
            os.unlink(path)


def running(directory: str) -> str:
    """Return who holds the lock of a cluster, or an empty text."""
    with contextlib.suppress(CisError):
        holder, invalid = _look(os.path.join(directory, NAME))
        return _shown(holder) if holder and not invalid else ""
    return ""


def _myself() -> Holder:
    """Tasks run in children of ansible-playbook, which come and go: the holder is their parent."""
    parent = multiprocessing.parent_process()
    pid = parent.pid if parent and parent.pid else os.getpid()
    return {"owner": f"{controller_user()}@{socket.gethostname()}", "pid": pid, "started": _started(pid)}


def controller_user() -> str:
    """Return the user of this process."""
    return user_name(os.geteuid())


def _started(pid: int) -> str:
    """Return when a process started, as the kernel counts it, to know it from a later one with its number."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            boot = stream.read().strip()
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            return f"{boot}/{stream.read().rpartition(')')[2].split()[19]}"
    except OSError:
        return ""


def _look(path: str) -> tuple[Holder | None, str]:
    """Return the holder of a lock, if there is one, and why the lock does not hold, if it does not.

    Raises CisError if that cannot be seen, so that the lock may hold.
    """
    form = {"owner": str, "pid": int, "started": str, "since": str, "expires": str}
    try:
        holder = read_kept(path, "lock", limits.LOCK_BYTES)
    except CisError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None, ""
        if isinstance(error.__cause__, PermissionError):
            raise CisError(f"{error}; remove it if no scheduled scan is running") from error
        return None, f"{error}; replaced by that of this scan"
    try:
        if all(isinstance(holder[key], kind) for key, kind in form.items()) and 0 < holder["pid"] < 2**31:
            stale = _why_stale(holder)
            told = f"the lock of an earlier scheduled scan is taken over: {_shown(holder)}, {stale}"
            return holder, told if stale else ""
    except (KeyError, TypeError, ValueError):
        pass
    return None, f"lock {path}: not the lock of a scheduled scan; replaced by that of this scan"


def _why_stale(holder: Holder) -> str:
    """Return why a lock is stale, or an empty text. Raises ValueError if its times are none."""
    now, expires = time.time(), from_utc(holder["expires"]).timestamp()
    if expires <= now:
        return f"which has expired at {holder['expires']}"
    if expires > min(from_utc(holder["since"]).timestamp(), now + _CLOCKS) + HOURS * 3600:
        return f"which claims to last until {holder['expires']}, longer than a scan can"
    if holder["owner"].rpartition("@")[2] != socket.gethostname():
        return ""
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return "whose process has ended without giving it back"
    except PermissionError:
        pass  # it runs, as another user
    if _started(holder["pid"]) != holder["started"]:
        return "whose process has ended without giving it back"
    return ""


def _shown(holder: Holder) -> str:
    return printable(f"{holder['owner']}, process {holder['pid']}, since {holder['since']}")
