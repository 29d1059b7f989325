# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What comes from outside, taken within limits: of the time as a whole, of the size, and of what YAML makes of it."""

import contextlib
import errno
import json
import os
import stat
import threading
import typing as t


class TooLarge(ValueError):
    """More bytes came than are read."""


def check_timeout(module: t.Any, seconds: int) -> None:
    """Fail the module if its option timeout leaves no time."""
    if seconds < 1:
        module.fail_json(msg="timeout: must be at least 1, got {0}".format(seconds))


def within(seconds: float, call: t.Callable[[], t.Any]) -> t.Any:
    """Return what a call returns, or raise what it raises; TimeoutError if it takes longer.

    A time limit of a socket is one for each read, which a peer that drips byte by byte never exceeds. The thread that
    is left behind ends with the process, which is soon: those of modules and of Ansible's workers do one task.
    """
    outcome: t.Dict[str, t.Any] = {}

    def run() -> None:
        try:
            outcome["answer"] = call()
        except BaseException as error:  # raised again in the caller's thread
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in outcome:
        raise outcome["error"]
    if "answer" not in outcome:
        raise TimeoutError("no complete answer in {0:g} s".format(seconds))
    return outcome["answer"]


def each_within(seconds: float, items: t.Sequence[t.Any], call: t.Callable[[t.Any], t.Any]) -> t.List[t.Any]:
    """Return what a call returns for each of the items, up to the one for which there was no time any more."""
    found: t.List[t.Any] = []

    def run() -> None:
        for item in items:
            found.append(call(item))

    with contextlib.suppress(TimeoutError):
        within(seconds, run)
    return list(found)


def read_limited(stream: t.Any, most: int) -> bytes:
    """Return what a stream holds. Raises TooLarge if that is more than so many bytes."""
    content: bytes = stream.read(most + 1)
    if len(content) > most:
        raise TooLarge("too large: more than {0} bytes".format(most))
    return content


def open_regular(path: str, flags: int = 0) -> t.BinaryIO:
    """Open a file to read. A FIFO or a device, which may have taken its place, is not waited for, but an OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "a directory" if stat.S_ISDIR(mode) else "not a regular file", path)
    return os.fdopen(handle, "rb")


def read_regular(path: str, most: int) -> bytes:
    """Return a regular file's content. Raises TooLarge if that is more than so many bytes, or OSError."""
    with open_regular(path) as stream:
        return read_limited(stream, most)


def _refuse(constant: str) -> t.NoReturn:
    raise ValueError("{0} is not a number of JSON".format(constant))


def parse_json(data: t.Union[bytes, str]) -> t.Any:
    """Return the document in JSON text, in UTF-8. Raises ValueError, also for NaN and Infinity, or RecursionError."""
    return json.loads(data.decode("utf-8") if isinstance(data, bytes) else data, parse_constant=_refuse)


def bounded(yaml: t.Any, events: t.Iterable[t.Any], most: int, depth: int) -> t.Iterator[t.Any]:
    """Give the events of PyYAML's parser on. Raises MarkedYAMLError for too many or too deeply nested nodes.

    A node counts as often as aliases repeat it, since a short text can be very large with all of them followed. The
    parser, unlike what makes nodes and values of its events, neither recurses nor keeps them.
    """
    total = 0
    # of each anchor the number of nodes and the depth below it; none while the node is open, so that no loop is known
    known: t.Dict[str, t.Tuple[int, int]] = {}
    opened: t.List[t.List[t.Any]] = []  # anchor, nodes before it, depth below it
    for event in events:
        below = 0
        if isinstance(event, yaml.AliasEvent):
            # an alias of no anchor is for the composer to refuse
            nodes, below = known.get(event.anchor, (1, 1))
            if any(event.anchor == anchor for anchor, _before, _depth in opened):
                nodes = most + 1
            total += nodes
        elif isinstance(event, yaml.ScalarEvent):
            total, below = total + 1, 1
            known[event.anchor] = 1, 1
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append([event.anchor, total, 0])
            total += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before, under = opened.pop()
            below = under + 1
            known[anchor] = total - before, below
        if opened:
            opened[-1][2] = max(opened[-1][2], below)
        if total > most:
            raise yaml.MarkedYAMLError(problem="too large with all aliases followed", problem_mark=event.start_mark)
        if len(opened) + below > depth:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        yield event
