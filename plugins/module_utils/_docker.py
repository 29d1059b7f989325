# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""RKE's containers as Docker shows them, through the Docker SDK for Python or the docker CLI. Read-only."""

import grp
import json
import os
import re
import stat
import typing as t

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.rke.cis.plugins.module_utils._flags import component_args

# A word of a flag's name that makes its value a secret, unless it is a boolean, a path of a flag that wants one, or a
# time of a flag that wants one: a secret too may begin with a slash or a digit.
_SECRET_NAME = re.compile(r"(?i)passw|secret|token|credential|access[-_]?key|encryption[-_]?key")
_HARMLESS = re.compile(
    r"(?i)^(?:-.*(?:file|dir|path|config)=/.*|-.*(?:ttl|expiration|timeout)=[\dhmsnu.]*|-[^=]*=(?:true|false|[tf01]|))$"
)
_URL_PASSWORD = re.compile(r"(://[^/@:\s]*):[^/\s]*@")
_MASK = "********"

_FAILURES = (
    (re.compile(r"permission denied", re.I), "denied"),
    (re.compile(r"no such file or directory|cannot connect|connection refused|is the docker daemon", re.I), "down"),
)
_ADVICE = {
    "denied": "add the user to the group that owns the Docker socket, or use become",
    "down": "start Docker, or name its socket with docker_host",
    "timeout": "Docker does not answer; look at its log, or raise timeout",
    "missing": "install Docker, or take the node out of the role groups",
}


def _failure_kind(text: str) -> str:
    return next((kind for test, kind in _FAILURES if test.search(text)), "failed")


class DockerError(Exception):
    """Docker could not be asked. `kind` is denied, down, timeout, missing or failed."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def as_evidence(self, docker_host: str = "") -> t.Dict[str, str]:
        advice = _ADVICE.get(self.kind, "see the message")
        group = _group_of(docker_host) if self.kind == "denied" else ""
        if group:
            advice = "add the user to the group {0}, which owns the Docker socket, or use become".format(group)
        return {"kind": self.kind, "message": to_text(self), "advice": advice}


def _group_of(docker_host: str) -> str:
    """Return the group, other than root's, that may use the socket; empty where there is none."""
    try:
        status = os.stat(docker_host.split("://", 1)[-1])
        return grp.getgrgid(status.st_gid).gr_name if status.st_gid and status.st_mode & stat.S_IWGRP else ""
    except (OSError, KeyError):
        return ""


class CliDocker:
    """Docker through its command line tool, for nodes without the SDK."""

    source = "docker CLI"

    def __init__(self, module: t.Any, docker_host: str, timeout: int) -> None:
        self._module = module
        self._timeout = timeout
        binary = module.get_bin_path("docker")
        if not binary:
            raise DockerError("missing", "there is no docker command on this node")
        # run_command knows no time limit; coreutils' timeout does
        limit = module.get_bin_path("timeout")
        self._command = ([limit, "-k", "2", str(timeout)] if limit else []) + [binary, "-H", docker_host]

    def _run(self, *args: str) -> t.Tuple[int, str, str]:
        code, out, err = self._module.run_command(
            self._command + list(args), environ_update={"LC_ALL": "C"}, errors="replace"
        )
        if code in (124, 137, -9):
            raise DockerError("timeout", "docker {0} gave no answer in {1} s".format(args[0], self._timeout))
        return code, out, err

    def inspect(self, names: t.Sequence[str]) -> t.Dict[str, t.Dict[str, t.Any]]:
        """Return what Docker says of the containers with exactly these names; those that do not exist are left out."""
        code, out, err = self._run("container", "inspect", *names)
        told = [line.strip() for line in err.splitlines() if line.strip() and not line.startswith("WARNING")]
        others = [line for line in told if "no such container" not in line.lower()]
        if code and (others or not told):
            text = others[0] if others else "docker inspect ended with code {0}".format(code)
            raise DockerError(_failure_kind(text), text)
        try:
            found = json.loads(out or "[]")
        except ValueError as error:
            raise DockerError("failed", "docker inspect gave no JSON: {0}".format(error)) from error
        return {item["Name"].lstrip("/"): item for item in found}

    def top(self, name: str) -> t.List[str]:
        """Return the command lines of the container's processes as text."""
        code, out, err = self._run("top", name, "-eo", "pid,args")
        if code:
            raise DockerError("failed", err.strip() or "docker top failed")
        return [line.split(None, 1)[1] for line in out.splitlines()[1:] if " " in line.strip()]


class SdkDocker:
    """Docker through the Docker SDK for Python."""

    source = "Docker SDK for Python"

    def __init__(self, docker: t.Any, docker_host: str, timeout: int) -> None:
        self._not_found = docker.errors.NotFound
        self._client = docker.APIClient(base_url=docker_host, version="auto", timeout=timeout)

    def inspect(self, names: t.Sequence[str]) -> t.Dict[str, t.Dict[str, t.Any]]:
        found = {}
        for name in names:
            try:
                item = self._client.inspect_container(name)
            except self._not_found:
                continue
            found[item["Name"].lstrip("/")] = item
        return found

    def top(self, name: str) -> t.List[str]:
        return [row[-1] for row in self._client.top(name, ps_args="-eo pid,args")["Processes"]]


def inspect_containers(
    module: t.Any, docker_host: str, timeout: int, names: t.Sequence[str]
) -> t.Tuple[t.Any, t.Dict[str, t.Dict[str, t.Any]]]:
    """Return a door to Docker and what it says of the named containers.

    The SDK is used where it imports and works; else the CLI, whose word is final when it fails too.
    """
    sdk_error = ""
    try:
        import docker

        sdk = SdkDocker(docker, docker_host, timeout)
        return sdk, sdk.inspect(names)
    except ImportError:
        pass
    except Exception as error:  # an old or a broken SDK, or no connection: the CLI tells them apart in plain words
        sdk_error = to_text(error)
    try:
        cli = CliDocker(module, docker_host, timeout)
        return cli, cli.inspect(names)
    except DockerError as error:
        if sdk_error and error.kind == "missing":
            raise DockerError(_failure_kind(sdk_error), sdk_error) from error
        raise


def mask_url_passwords(text: str) -> str:
    """Return text with the passwords of URLs in it replaced."""
    return _URL_PASSWORD.sub(r"\1:" + _MASK + "@", text)


def mask_secrets(argv: t.Sequence[str]) -> t.List[str]:
    """Return a command line with the values of secret flags and passwords in URLs replaced."""
    masked = []
    secret_follows = ""
    for word in argv:
        word = mask_url_passwords(to_text(word, errors="surrogate_or_replace"))
        name, equals, _value = word.partition("=")
        if secret_follows and not word.startswith("-") and not _HARMLESS.match(secret_follows + "=" + word):
            word = _MASK
        elif word.startswith("-") and equals and _SECRET_NAME.search(name) and not _HARMLESS.match(word):
            word = name + "=" + _MASK
        secret_follows = name if word.startswith("-") and not equals and _SECRET_NAME.search(name) else ""
        masked.append(word)
    return masked


def _shown(calls: t.Iterable[t.List[str]], name: str) -> t.List[t.List[str]]:
    """Return the argument lists of a container's first process and of its component, and of others the program only.

    Who helps the kubelet to mount a volume may be called with its password, in words of any form.
    """
    return [
        mask_secrets(words) if not number or component_args(words, name) is not None else words[:1]
        for number, words in enumerate(calls)
    ]


def process_tree(pid: int, proc: str = "/proc") -> t.Optional[t.List[t.List[str]]]:
    """Return the argument lists of a process and its descendants, or None where they may not be read."""
    found: t.List[t.List[str]] = []
    todo = [pid]
    while todo:
        base = "{0}/{1}".format(proc, todo.pop(0))
        try:
            with open(base + "/cmdline", "rb") as stream:
                words = stream.read().split(b"\0")[:-1]
            with open("{0}/task/{1}/children".format(base, os.path.basename(base)), "rb") as stream:
                todo.extend(int(child) for child in stream.read().split())
        except OSError:
            if not found:
                return None  # hidden, or a kernel that lists no children: the component may be one of them
            continue  # a child that has ended meanwhile
        found.append([to_text(word, errors="replace") for word in words])
    return found


def container_evidence(
    raw: t.Mapping[str, t.Any], docker: t.Any, env_names: t.Sequence[str] = (), proc: str = "/proc"
) -> t.Dict[str, t.Any]:
    """Return of docker inspect what a benchmark may look at, and nothing that may hold a secret.

    `processes` are exact argument lists read from /proc. Where /proc shows another process (Docker runs elsewhere) or
    nothing (hidepid), `docker top` gives the command lines as text, in which the ends of arguments are lost.
    """
    state, config = raw["State"], raw.get("Config") or {}
    argv = [raw.get("Path") or ""] + list(raw.get("Args") or [])
    evidence: t.Dict[str, t.Any] = {
        "state": state.get("Status") or "",
        "image": config.get("Image") or "",
        "user": config.get("User") or "",
        "args": mask_secrets(argv),
        "mounts": [
            {"source": mount["Source"], "destination": mount["Destination"]}
            for mount in sorted(raw.get("Mounts") or [], key=lambda mount: mount["Destination"])
            if mount.get("Source")
        ],
        "env": {
            name: value
            for name, _equals, value in (item.partition("=") for item in config.get("Env") or [])
            if name in env_names
        },
        "processes": [],
        "process_text": [],
    }
    if evidence["state"] == "running":
        name = raw["Name"].lstrip("/")
        tree = process_tree(state.get("Pid") or 0, proc)
        flags = [word for word in argv if word.startswith("--")]
        if tree and any(all(flag in words for flag in flags) for words in tree):
            evidence["processes"] = _shown(tree, name)
        else:
            try:
                calls = (text.split(" ") for text in docker.top(name))
                evidence["process_text"] = [" ".join(words) for words in _shown(calls, name)]
            except Exception as error:
                evidence["process_text"] = ["docker top failed: " + to_text(error)]
    return evidence
