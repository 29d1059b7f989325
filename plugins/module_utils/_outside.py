# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Exchanges with a peer that is not trusted, each with a deadline as a whole and a limit of size."""

import threading
import typing as t


class TooLarge(ValueError):
    """More bytes came than are read."""


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


def read_limited(stream: t.Any, most: int) -> bytes:
    """Return what a stream holds. Raises TooLarge if that is more than so many bytes."""
    content: bytes = stream.read(most + 1)
    if len(content) > most:
        raise TooLarge("too large: more than {0} bytes".format(most))
    return content
