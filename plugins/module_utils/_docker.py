# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""RKE's containers as Docker shows them, through the API at its socket or the docker CLI. Read-only.

Neither Docker nor what runs in its containers is trusted: each answer has a deadline, a size and a shape.
"""

import grp
import json
import os
import re
import resource
import selectors
import signal
import socket
import stat
import subprocess
import time
import typing as t
from urllib.parse import quote

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._files import readable
from ansible_collections.rke.cis.plugins.module_utils._flags import component_args
from ansible_collections.rke.cis.plugins.module_utils._outside import TooLarge, read_limited, within

MASK = "********"

# What the value of a flag that nobody asked for must look like to be shown; lists of such values are shown, too.
_BOOLEAN = re.compile(r"(?i)true|false|[tf01]|")
_NUMBER = re.compile(r"[-+]?\d{1,18}(\.\d{1,18})?%?|\d{1,9}-\d{1,9}|(\d{1,18}(\.\d{1,18})?(ns|us|ms|s|m|h)){1,6}")
_PATH = re.compile(r"(unix://)?/[A-Za-z0-9._@+~/-]*")
_ADDRESS = re.compile(
    r"(https?://)?(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\])(:\d{1,5}|/\d{1,3})?/?|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(/\d{1,3})?"
)
_SETTING = re.compile(r"[A-Za-z0-9./]{1,80}=(true|false)|TLS_[A-Z0-9_]{1,60}|VersionTLS1[0-3]")
_WORDS = re.compile(
    r"AlwaysAllow|AlwaysDeny|ABAC|RBAC|Node|Webhook|Hostname|InternalDNS|InternalIP|ExternalDNS|ExternalIP|aws|azure|"
    r"cgroupfs|cluster\.local|cni|containerd|docker|etcd[23]|existing|external|gce|https?|iptables|ipvs|json|new|none|"
    r"openstack|pods|remote|strict|systemd|text|vsphere|entrypoint\.sh|hyperkube"
)
# A secret may look like a number or a path. Of a flag with such a name only what the name asks for is shown.
_SECRET_NAME = re.compile(r"(?i)pass|pwd|secret|token|cred|key|auth(?!or)|kms")
_PATH_NAME = re.compile(r"(?i).*(file|dir|path|config)")
_TIME_NAME = re.compile(r"(?i).*(ttl|expiration|timeout)")
_PROGRAM = re.compile(r"[A-Za-z0-9._/+-]{1,255}")
_FLAG_NAME = re.compile(r"--?[A-Za-z][A-Za-z0-9._-]{0,79}")
# What follows a flag without a value may be its value, so it must look more like a flag than a secret does.
_PLAIN_FLAG = re.compile(r"-[a-z]|--[a-z]{2,20}(-[a-z0-9]{1,20}){0,9}")
_SECRET_TEXT = re.compile(
    r"(?i)((?:passw|passphrase|secret|token|credential|api[_-]?key)[\w-]{0,40}[\"']?\s?[:=]\s?|\b(?:bearer|basic) )\S+"
)

_FAILURES = (
    (re.compile(r"permission denied", re.I), "denied"),
    (re.compile(r"no such file or directory|cannot connect|connection refused|is the docker daemon", re.I), "down"),
    (re.compile(r"out of memory|MemoryError"), "too large"),
)
_SEE_PROCESSES = "scan with become, so that its processes can be read"
_SEE_INSPECT = "look at the output of docker inspect on the node"
_ADVICE = {
    "denied": "add the user to the group that owns the Docker socket, or use become",
    "down": "start Docker, or name its socket with docker_host",
    "timeout": "Docker does not answer; look at its log, or raise timeout",
    "missing": "install Docker, or take the node out of the role groups",
    "podman": "podman is not Docker; install the docker CLI in place of what emulates it",
    "malformed": _SEE_INSPECT,
    "too large": _SEE_INSPECT,
    "no processes": _SEE_PROCESSES,
    "contradiction": _SEE_PROCESSES,
}
# What programs write to stderr beside the error.
_NOISE = re.compile(r"(?i)warning|see '|run '|usage:|emulate docker cli|time=\S+ level=(debug|info|warn)")


def mask_url_passwords(text: str) -> str:
    """Return text in which what stands before the host of a URL is replaced: a user may be a token."""

    def masked(found: t.Match[str]) -> str:
        scheme, colon, rest = found.group().partition("://")
        return scheme + colon + MASK + rest[rest.rindex("@") :] if "@" in rest else found.group()

    return re.sub(r"\S+", masked, text)


def error_text(text: str, most: int = limits.MESSAGE_CHARS) -> str:
    """Return what a program or a server said as one printable line without secrets, shortened if it is long."""
    line = " ".join(readable(text[: 10 * most]).split())
    if len(text) > 10 * most:
        line = line.rpartition(" ")[0]  # not half of a password
    line = _SECRET_TEXT.sub(r"\1" + MASK, mask_url_passwords(line))
    line = "".join(character if character.isprintable() else "?" for character in line)
    line = line or "..."
    return line if len(line) <= most else line[: most - 3] + "..."


class DockerError(Exception):
    """Docker could not be asked, or its answer cannot be used. `kind` is a key of _ADVICE, or failed."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(error_text(message))
        self.kind = kind

    def as_evidence(self, docker_host: str = "") -> t.Dict[str, t.Any]:
        advice = _ADVICE.get(self.kind, "see the message")
        group = _group_of(docker_host) if self.kind == "denied" else ""
        if group:
            advice = "add the user to the group {0}, which owns the Docker socket, or use become".format(group)
        return {"kind": self.kind, "message": str(self), "advice": advice}


def _told(text: str) -> t.List[str]:
    """Return the lines of a program's stderr that may be errors."""
    return [line for line in map(str.strip, text.splitlines()) if line and not _NOISE.match(line)]


def _failure(text: str, lines: t.Sequence[str] = ()) -> DockerError:
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
    except OSError as error:
        raise DockerError("failed", "{0}: {1}".format(command[0], error.strerror)) from error
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
    for pid in [-process.pid] + _descendants([process.pid]):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass  # has ended, or is another user's
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        pass


class _Client:
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


class ApiDocker(_Client):
    """Docker through its API. That costs a node a fraction of starting the docker CLI, which would ask the same."""

    source = "Docker Engine API"

    def __init__(self, path: str, timeout: int, deadline: float) -> None:
        super().__init__(timeout, deadline)
        self._path = path

    def _response(self, target: str, deadline: float) -> bytes:
        """Return the whole response to a request. Raises TimeoutError or TooLarge, or DockerError for none."""

        def get() -> bytes:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(self._path)
                # in HTTP/1.0 the end of the connection is that of the response
                connection.sendall("GET {0} HTTP/1.0\r\nHost: docker\r\n\r\n".format(target).encode("ascii"))
                with connection.makefile("rb") as stream:
                    return read_limited(stream, limits.ANSWER_BYTES)

        try:
            return t.cast(bytes, within(deadline - time.monotonic(), get))
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise _failure("{0}: {1}".format(self._path, error.strerror or error)) from error

    def _answers(self, question: str, name: str, target: str) -> t.List[t.Any]:
        """Return what Docker says of the container with this name, nothing if there is none."""
        target = "/containers/{0}/{1}".format(quote(name, safe=""), target)
        head, _blank, body = self._ask(self._response, target, question).partition(b"\r\n\r\n")
        text, status = body.decode("utf-8", "replace"), head.split()[1:2]
        if status == [b"200"]:
            return [_parsed(text, "docker " + question)]
        if status == [b"404"] and "no such container" in text.lower():
            return []
        raise _failure(text or "docker {0} gave no answer of HTTP".format(question))

    def inspect(self, names: t.Sequence[str]) -> t.Any:
        """Return what Docker says of the containers with these names; those that do not exist are left out."""
        return [answer for name in names for answer in self._answers("container", name, "json")]

    def top(self, name: str) -> t.List[str]:
        """Return the command lines of the container's processes as text."""
        answers = self._answers("top", name, "top?ps_args=-eo%20pid,args")
        if not answers:
            raise DockerError("failed", "No such container: " + name)
        try:
            lines = [row[-1] for row in answers[0]["Processes"]]
        except (TypeError, KeyError, IndexError):
            lines = [None]
        if not all(isinstance(line, str) for line in lines):
            raise DockerError("malformed", "docker top gave no list of processes")
        return lines


class CliDocker(_Client):
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
            raise _failure(err, others or told or ["docker inspect ended with code {0}".format(code)])
        return _parsed(out or "[]", "docker inspect")

    def top(self, name: str) -> t.List[str]:
        """Return the command lines of the container's processes as text."""
        code, out, err = self._ask(_run, self._command + ["top", name, "-eo", "pid,args"], "top")
        if code:
            raise _failure(err, _told(err) or ["docker top ended with code {0}".format(code)])
        return [line.split(None, 1)[1] for line in out.splitlines()[1:] if " " in line.strip()]


def _parsed(text: str, what: str) -> t.Any:
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
    whose error is the one that is reported.
    """
    if timeout < 1:
        module.fail_json(msg="timeout: must be at least 1, got {0}".format(timeout))
    deadline = time.monotonic() + timeout
    docker_host = socket_address(docker_host)
    scheme, _separator, path = docker_host.partition("://")
    api_error = None
    if scheme == "unix":
        api = ApiDocker(path, timeout, deadline)
        try:
            return api, _by_name(api.inspect(names), names)
        except DockerError as error:
            if error.kind == "timeout":
                raise
            api_error = error
    try:
        cli = CliDocker(module, docker_host, timeout, deadline)
        return cli, _by_name(cli.inspect(names), names)
    except DockerError as error:
        if api_error and error.kind == "missing" and os.path.exists(path):
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


# ------------------------------------------------------------------------------------------ what may be shown


def _harmless(flag: str, value: str) -> bool:
    """Return whether a value may be shown of a flag that nobody has asked for."""
    if _BOOLEAN.fullmatch(value):
        return True
    parts = value.split(",")
    if _SECRET_NAME.search(flag):
        if _PATH_NAME.fullmatch(flag):
            return all(_PATH.fullmatch(part) for part in parts)
        return bool(_TIME_NAME.fullmatch(flag) and _NUMBER.fullmatch(value))
    shapes = (_NUMBER, _PATH, _ADDRESS, _SETTING, _WORDS)
    return all(any(shape.fullmatch(part) for shape in shapes) for part in parts)


def mask_secrets(argv: t.Sequence[str], shown: t.Container[str] = ()) -> t.List[str]:
    """Return a command line in which all is replaced that may be a secret.

    The values of flags in `shown` are kept, and words in it; other words and values only if they look harmless.
    """
    masked: t.List[str] = []
    before = ""  # the flag before a word, if its value may be this word
    for number, word in enumerate(argv):
        name, equals, value = word.partition("=")
        flag, before = before, ""
        given = "--" + name.lstrip("-").replace("_", "-")
        if word.startswith("-") and given in shown:
            masked.append(mask_url_passwords(word))
            before = "" if equals else given
        elif word.startswith("-") and word.strip("-") and not (flag and _harmless(flag, word)):
            if (
                flag not in shown
                and flag
                and (not _PLAIN_FLAG.fullmatch(name) or _SECRET_NAME.search(flag) and len(name) > 2)
            ):
                masked.append(MASK)
                continue
            if not _FLAG_NAME.fullmatch(name) or not (equals or name.startswith("--") or len(name) == 2):
                name = "--" + MASK
            masked.append(name + equals + (value if _harmless(given, value) else MASK))
            before = "" if equals else given
        elif flag in shown:
            masked.append(mask_url_passwords(word))
        elif _harmless(flag, word) or not word.strip("-"):
            masked.append(word)
        else:
            program = _PROGRAM.fullmatch(word) and (not number or os.path.basename(word) in shown)
            masked.append(word if program else MASK)
    return masked


def _shown(calls: t.Iterable[t.Sequence[str]], name: str, flags: t.Iterable[str]) -> t.List[t.List[str]]:
    """Return the argument lists of a container's first process and of its component, and of others the program only.

    Who helps the kubelet to mount a volume may be called with its password, in words of any form.
    """
    shown = {name, *flags}
    return [
        mask_secrets(words if not number or component_args(words, name) is not None else words[:1], shown)
        for number, words in enumerate(calls)
    ]


# -------------------------------------------------------------------------------------------------- processes


def _children(pid: int, proc: str = "/proc") -> t.List[int]:
    base = "{0}/{1}/task".format(proc, pid)
    found: t.List[int] = []
    for thread in os.listdir(base):
        try:
            with open("{0}/{1}/children".format(base, thread), "rb") as stream:
                found += map(int, stream.read(limits.ANSWER_BYTES).split())  # far more than are too many
        except OSError:
            if os.path.exists("{0}/{1}".format(base, thread)):
                raise  # a kernel that lists no children
    return found


def _descendants(pids: t.Sequence[int], proc: str = "/proc") -> t.List[int]:
    """Return these processes and what they have started, and so on; no more than are too many."""
    found = list(pids)
    for pid in found:  # grows meanwhile
        if len(found) > limits.PROCESSES:
            break
        try:
            found += _children(pid, proc)
        except OSError:
            continue  # has ended meanwhile
    return found


def container_processes(pid: int, container_id: str, proc: str = "/proc") -> t.Optional[t.List[t.List[str]]]:
    """Return the argument lists of a container's processes, its first one first, or None if they cannot be told.

    Docker's word for the number of the first process counts only if that is a child of the process which Docker starts
    for this container, and which names its id: Docker may run on another machine, or in another container. All children
    of that one are the container's: what `docker exec` has started, and orphans.
    """
    if not re.fullmatch("[0-9a-f]{64}", container_id):
        return None
    try:
        with open("{0}/{1}/stat".format(proc, pid), "rb") as stream:
            parent = int(stream.read().rpartition(b")")[2].split()[1])
        with open("{0}/{1}/cmdline".format(proc, parent), "rb") as stream:
            if container_id.encode() not in stream.read(limits.ARGUMENT_CHARS):
                return None
        others = [child for child in _children(parent, proc) if child != pid]
    except (OSError, ValueError, IndexError):
        return None  # hidden, ended, or a kernel that lists no children
    found = []
    for process in _few(_descendants([pid] + others, proc), limits.PROCESSES, "processes"):
        try:
            with open("{0}/{1}/cmdline".format(proc, process), "rb") as stream:
                found.append(_words(stream.read(limits.ANSWER_BYTES).decode("utf-8", "replace").split("\0")[:-1]))
        except OSError:
            continue  # has ended meanwhile
    return found or None


def _from_top(lines: t.Sequence[str], argv: t.Sequence[str], name: str) -> t.List[t.List[str]]:
    """Return the argument lists of a container's processes by docker top, which loses where an argument ends.

    So only what Docker has started is recognised, and what entrypoint.sh of RKE puts behind it.
    """
    declared = component_args(argv, name)
    text = None if declared is None else " ".join(declared).split()
    found = []
    for line in lines:
        words = line.split()
        args = component_args(words, name)
        if args is not None:
            if declared is None or text is None or args[: len(text)] != text:
                raise DockerError("contradiction", "docker top and docker inspect show other arguments of " + name)
            words = words[: len(words) - len(args)] + declared + args[len(text) :]
        found.append(words)
    if not found:
        raise DockerError("no processes", "docker top shows no process of " + name)
    return found


# ------------------------------------------------------------------------------------------------- containers


def _get(raw: t.Mapping[str, t.Any], key: str, kind: t.Any) -> t.Any:
    """Return a key's value of this type, empty where Docker gives none."""
    value = raw.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
        raise DockerError("malformed", "docker inspect gave no valid {0}".format(key))
    return kind() if value is None else value


def _few(values: t.List[t.Any], limit: int, what: str) -> t.List[t.Any]:
    if len(values) > limit:
        raise DockerError("too large", "more than {0} {1} of a container".format(limit, what))
    return values


def _text(value: str) -> str:
    if len(value) > limits.ARGUMENT_CHARS:
        raise DockerError("too large", "more than {0} characters in an argument".format(limits.ARGUMENT_CHARS))
    return readable(value)


def _words(values: t.List[t.Any]) -> t.List[str]:
    if not all(isinstance(value, str) for value in _few(values, limits.ARGUMENTS, "arguments")):
        raise DockerError("malformed", "docker inspect gave an argument that is not text")
    return [_text(value) for value in values]


def _mounts(raw: t.Mapping[str, t.Any]) -> t.List[t.Dict[str, str]]:
    mounts = []
    for mount in _few(_get(raw, "Mounts", list), limits.MOUNTS, "mounts"):
        if not isinstance(mount, dict):
            raise DockerError("malformed", "docker inspect gave no valid Mounts")
        source, destination = _text(_get(mount, "Source", str)), _text(_get(mount, "Destination", str))
        if source and not (source.startswith("/") and destination.startswith("/")):
            raise DockerError("malformed", "docker inspect gave a mount without an absolute path")
        if source:
            mounts.append({"source": source, "destination": destination})
    return sorted(mounts, key=lambda mount: mount["destination"])


def container_evidence(
    raw: t.Any, name: str, docker: t.Any, wanted: t.Mapping[str, t.Sequence[str]], proc: str = "/proc"
) -> t.Dict[str, t.Any]:
    """Return of docker inspect what a benchmark may look at, and nothing that may hold a secret.

    `wanted` names in `flags` those whose values are shown whatever they are, and in `env` the variables that are kept.
    `processes` are exact argument lists from /proc, or by `docker top` where /proc does not show which those of the
    container are. A running container of which neither tells the arguments has an error: those that Docker was given
    are not proof of what runs. Raises DockerError if what Docker says of the container cannot be used.
    """
    if raw is None:
        raise DockerError("malformed", "docker inspect gave no valid answer for " + name)
    state, config = _get(raw, "State", dict), _get(raw, "Config", dict)
    argv = _words([_get(raw, "Path", str)] + _get(raw, "Args", list))
    environment = _few(_get(config, "Env", list), limits.VARIABLES, "variables")
    variables = (item.partition("=") for item in environment if isinstance(item, str))
    flags = wanted.get("flags") or ()
    evidence: t.Dict[str, t.Any] = {
        "state": _text(_get(state, "Status", str)),
        "image": _text(_get(config, "Image", str)),
        "user": _text(_get(config, "User", str)),
        "args": _shown([argv], name, flags)[0],
        "mounts": _mounts(raw),
        "env": {
            variable: mask_url_passwords(_text(value))
            for variable, _equals, value in variables
            if variable in (wanted.get("env") or ())
        },
        "processes": [],
        "process_text": [],
    }
    if evidence["state"] != "running":
        return evidence
    try:
        calls = container_processes(_get(state, "Pid", int), _get(raw, "Id", str), proc)
        if calls is None:
            lines = [_text(line) for line in _few(docker.top(name), limits.PROCESSES, "processes")]
            evidence["process_text"] = [" ".join(words) for words in _shown(map(str.split, lines), name, flags)]
            calls = _from_top(lines, argv, name)
        evidence["processes"] = _shown(calls, name, flags)
    except DockerError as error:
        evidence["error"] = error.as_evidence()
    return evidence
