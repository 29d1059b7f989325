# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Docker, asked through its command line tool."""

import os
import re
import resource
import selectors
import signal
import subprocess
import time
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._containers import descendants
from ansible_collections.rke.cis.plugins.module_utils._docker import Client, DockerError, failure, parsed
from ansible_collections.rke.cis.plugins.module_utils._outside import TooLarge

# What programs write to stderr beside the error.
_NOISE = re.compile(r"(?i)warning|see '|run '|usage:|emulate docker cli|time=\S+ level=(debug|info|warn)")


class CliDocker(Client):
    """Docker through its command line tool: for other addresses, and to tell why Docker does not answer."""

    source = "docker CLI"

    def __init__(self, module: t.Any, docker_host: str, timeout: int, deadline: float) -> None:
        super().__init__(timeout, deadline)
        binary = module.get_bin_path("docker")
        if not binary:
            raise DockerError("missing", "there is no docker command on this node")
        self._command = [binary, "-H", docker_host]

    def inspect(self, names: t.Sequence[str]) -> t.Any:
        """Return what Docker says of the containers with these names; those that do not exist are left out."""
        code, out, err = self._ask(_run, self._command + ["container", "inspect"] + list(names), "container")
        told = _told(err)
        others = [line for line in told if "no such container" not in line.lower()]
        if code and (others or not told or "podman" in err.lower()):
            raise failure(err, others or told or ["docker inspect ended with code {0}".format(code)])
        return parsed(out or "[]", "docker inspect")

    def top(self, name: str) -> t.List[str]:
        """Return the command lines of the container's processes as text."""
        code, out, err = self._ask(_run, self._command + ["top", name, "-eo", "pid,args"], "top")
        if code:
            raise failure(err, _told(err) or ["docker top ended with code {0}".format(code)])
        return [line.split(None, 1)[1] for line in out.splitlines()[1:] if " " in line.strip()]


def _told(text: str) -> t.List[str]:
    """Return the lines of a program's stderr that may be errors."""
    return [line for line in map(str.strip, text.splitlines()) if line and not _NOISE.match(line)]


def _run(command: t.Sequence[str], deadline: float) -> t.Tuple[int, str, str]:
    """Return exit code, stdout and stderr of a command. Raises TimeoutError, or TooLarge if it says too much."""
    try:
        # AnsibleModule.run_command has no deadline and takes any amount.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(os.environ, LC_ALL="C"),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise DockerError("failed", "{0}: {1}".format(command[0], getattr(error, "strerror", error))) from error
    said: t.Dict[t.Any, bytes] = {process.stdout: b"", process.stderr: b""}
    try:
        _limit_memory(process.pid)
        with selectors.DefaultSelector() as selector:
            for stream in said:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(0, min(0.2, deadline - time.monotonic())))
                for key, _events in ready:
                    data = os.read(key.fd, 65536)
                    said[key.fileobj] += data
                    if not data:
                        selector.unregister(key.fileobj)
                if sum(map(len, said.values())) > limits.ANSWER_BYTES:
                    raise TooLarge
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired(command, 0)
                if not ready and process.poll() is not None:
                    break  # it has ended, and something that it has started keeps its streams open
        code = process.wait(max(0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    finally:
        if process.returncode is None:
            _kill(process)
        for stream in said:
            stream.close()
    out, err = (data.decode("utf-8", "replace") for data in said.values())
    return code, out, err


def _limit_memory(pid: int) -> None:
    """Keep a program from collecting an endless answer before it hands it over."""
    try:
        resource.prlimit(pid, resource.RLIMIT_DATA, (limits.ANSWER_MEMORY, limits.ANSWER_MEMORY))
    except OSError:
        pass  # it has ended already


def _kill(process: t.Any) -> None:
    """Kill a process with its group, and those of its descendants that have left the group."""
    for pid in [-process.pid] + descendants([process.pid]):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass  # has ended, or is another user's
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        pass
