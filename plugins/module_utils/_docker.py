# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Docker, asked through the API at its socket or the docker CLI. Read-only.

It is not trusted: each answer has a deadline, a size and a shape.
"""

import errno
import grp
import json
import os
import re
import socket
import stat
import time
import typing as t
from urllib.parse import quote

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._masking import error_text
from ansible_collections.rke.cis.plugins.module_utils._outside import TooLarge, check_timeout, read_limited, within

_ADDRESS = re.compile(r"unix:///[^\x00-\x1f\x7f]*[^\x00-\x20\x7f]|(?:tcp|ssh)://[!-~]+")
_FAILURES = (
    (re.compile(r"no such container|is not running|is restarting", re.I), "ended"),
    (re.compile(r"permission denied", re.I), "denied"),
    (re.compile(r"no such file or directory|cannot connect|connection refused|is the docker daemon", re.I), "down"),
    (re.compile(r"out of memory|MemoryError"), "too large"),
)
_SEE_PROCESSES = "scan with become, so that its processes can be read"
_SEE_INSPECT = "look at the output of docker inspect on the node"
_ADVICE = {
    "address": "set docker_host to its socket, such as /var/run/docker.sock",
    "denied": "add the user to the group that owns the Docker socket, or use become",
    "down": "start Docker, or name its socket with docker_host",
    "timeout": "Docker does not answer; look at its log, or raise timeout",
    "missing": "install Docker, name its socket with docker_host, or take the node out of the role groups",
    "ended": "it ended while it was examined; see its log, and scan again",
    "podman": "podman is not Docker; install Docker, or name its socket with docker_host",
    "failed": "look at Docker's log, or name its socket with docker_host",
    "malformed": _SEE_INSPECT,
    "too large": _SEE_INSPECT,
    "no processes": _SEE_PROCESSES,
    "contradiction": _SEE_PROCESSES,
}


class DockerError(Exception):
    """Docker could not be asked, or its answer cannot be used. `kind` is a key of _ADVICE."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(error_text(message))
        self.kind = kind

    def as_evidence(self, docker_host: str = "") -> t.Dict[str, t.Any]:
        advice = _ADVICE[self.kind]
        group = _group_of(docker_host) if self.kind == "denied" else ""
        if group:
            advice = "add the user to the group {0}, which owns the Docker socket, or use become".format(group)
        return {"kind": self.kind, "message": str(self), "advice": advice}


def failure(text: str, lines: t.Sequence[str] = ()) -> DockerError:
    """Return the error in what was said: of these lines the last one that speaks of one, or all of it."""
    line = ([line for line in lines if "error" in line.lower()] or list(lines) or [text])[-1]
    if "podman" in text.lower():
        return DockerError("podman", line)
    return DockerError(next((kind for test, kind in _FAILURES if test.search(line)), "failed"), line)


def socket_address(docker_host: str) -> str:
    """Return the address of a Docker Engine, of which the path of its socket may be given only."""
    return "unix://" + docker_host if docker_host.startswith("/") else docker_host


def _group_of(docker_host: str) -> str:
    """Return the group, other than root's, that may use the socket; empty where there is none."""
    try:
        status = os.stat(docker_host.split("://", 1)[-1])
        return grp.getgrgid(status.st_gid).gr_name if status.st_gid and status.st_mode & stat.S_IWGRP else ""
    except (OSError, KeyError):
        return ""


class Client:
    """Asks Docker. All its answers together must come before the deadline."""

    def __init__(self, timeout: int, deadline: float) -> None:
        self._timeout = timeout
        self._deadline = deadline

    def _ask(self, ask: t.Callable[[t.Any, float], t.Any], what: t.Any, question: str) -> t.Any:
        try:
            return ask(what, self._deadline)
        except TimeoutError as error:
            message = "docker {0} gave no answer in {1} s".format(question, self._timeout)
            raise DockerError("timeout", message) from error
        except TooLarge as error:
            message = "docker {0} gave more than {1} bytes".format(question, limits.ANSWER_BYTES)
            raise DockerError("too large", message) from error


class ApiDocker(Client):
    """Docker through its API. That costs a node a fraction of starting the docker CLI, which would ask the same."""

    source = "Docker Engine API"

    def __init__(self, path: str, timeout: int, deadline: float) -> None:
        super().__init__(timeout, deadline)
        self._path = path

    def _response(self, target: str, deadline: float) -> bytes:
        """Return the whole response to a request. Raises TimeoutError or TooLarge, or DockerError for none."""

        def get() -> bytes:
            if not stat.S_ISSOCK(os.stat(self._path).st_mode):
                raise OSError(errno.ENOTSOCK, "not a socket")
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(self._path)
                # in HTTP/1.0 the end of the connection is that of the response
                connection.sendall("GET {0} HTTP/1.0\r\nHost: docker\r\n\r\n".format(target).encode("ascii"))
                with connection.makefile("rb") as stream:
                    return read_limited(stream, limits.ANSWER_BYTES)

        try:
            return t.cast(bytes, within(deadline - time.monotonic(), get))
        except (OSError, ValueError) as error:
            if isinstance(error, (TimeoutError, TooLarge)):
                raise
            raise failure("{0}: {1}".format(self._path, getattr(error, "strerror", None) or error)) from error

    def _answers(self, question: str, name: str, target: str) -> t.List[t.Any]:
        """Return what Docker says of the container with this name, nothing if there is none."""
        target = "/containers/{0}/{1}".format(quote(name, safe=""), target)
        head, _blank, body = self._ask(self._response, target, question).partition(b"\r\n\r\n")
        text, status = body.decode("utf-8", "replace"), head.split()[1:2]
        if not head.startswith(b"HTTP/"):
            raise DockerError("failed", "{0}: what answers there is not Docker".format(self._path))
        if b"libpod" in head.lower():
            raise DockerError("podman", "{0}: podman answers there".format(self._path))
        if status == [b"200"]:
            return [parsed(text, "docker " + question)]
        try:
            said = str(json.loads(text)["message"])
        except (ValueError, TypeError, KeyError, RecursionError):
            said = head.split(b"\r\n")[0].decode("utf-8", "replace")
        if status == [b"404"] and "no such container" in said.lower():
            return []
        raise failure("{0}: {1}".format(self._path, said))

    def inspect(self, names: t.Sequence[str]) -> t.Any:
        """Return what Docker says of the containers with these names; those that do not exist are left out."""
        return [answer for name in names for answer in self._answers("container", name, "json")]

    def top(self, name: str) -> t.List[str]:
        """Return the command lines of the container's processes as text."""
        answers = self._answers("top", name, "top?ps_args=-eo%20pid,args")
        if not answers:
            raise failure("No such container: " + name)
        try:
            lines = [row[-1] for row in answers[0]["Processes"]]
        except (TypeError, KeyError, IndexError):
            lines = [None]
        if not all(isinstance(line, str) for line in lines):
            raise DockerError("malformed", "docker top gave no list of processes")
        return lines


def parsed(text: str, what: str) -> t.Any:
    """Return JSON, with null in place of a number that no answer of Docker's has."""
    try:
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 20 else None)
    except (ValueError, RecursionError) as error:
        raise DockerError("failed", "{0} gave no JSON: {1}".format(what, error)) from error


def inspect_containers(
    module: t.Any, docker_host: str, timeout: int, names: t.Sequence[str]
) -> t.Tuple[t.Any, t.Dict[str, t.Any]]:
    """Return a client for Docker, and what it says of each named container: None if that cannot be used.

    The API is asked if Docker is at a socket of the node. Without an answer in time that can be used, the CLI is asked,
    whose error is reported if nothing answers at the socket.
    """
    check_timeout(module, timeout)
    deadline = time.monotonic() + timeout
    docker_host = socket_address(docker_host)
    if not _ADDRESS.fullmatch(docker_host):
        raise DockerError("address", "{0!r} is not a valid address of Docker".format(docker_host))
    scheme, _separator, path = docker_host.partition("://")
    api_error = None
    if scheme == "unix":
        api = ApiDocker(path, timeout, deadline)
        try:
            return api, _by_name(api.inspect(names), names)
        except DockerError as error:
            if error.kind in ("timeout", "too large", "podman"):
                raise
            api_error = error
    # imported only here: on a node every import is compiled anew, and most answer through the API
    from ansible_collections.rke.cis.plugins.module_utils._docker_cli import CliDocker

    try:
        cli = CliDocker(module, docker_host, timeout, deadline)
        return cli, _by_name(cli.inspect(names), names)
    except DockerError as error:
        if api_error and (api_error.kind == "failed" or (error.kind == "missing" and os.path.lexists(path))):
            raise api_error from error
        raise


def _by_name(items: t.Any, names: t.Sequence[str]) -> t.Dict[str, t.Any]:
    """Return container name to its item of docker inspect. Docker takes the beginning of an id for a name, too."""
    if not isinstance(items, list):
        raise DockerError("malformed", "docker inspect gave no list")
    found: t.Dict[str, t.Any] = {}
    odd = False
    for item in items:
        name = item.get("Name") if isinstance(item, dict) else None
        if isinstance(name, str) and name:
            name = name.lstrip("/")
            found[name] = None if name in found else item
        else:
            odd = True
    # an item that says of no container that it is this one may be that of any
    return {name: found.get(name) for name in names if name in found or odd}
