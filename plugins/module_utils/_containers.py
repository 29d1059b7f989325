# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""RKE's containers: of what Docker and /proc show of them, what a benchmark may look at.

Neither is trusted, nor is what runs in them: all has a size and a shape.
"""

import os
import re
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._docker import DockerError
from ansible_collections.rke.cis.plugins.module_utils._files import readable
from ansible_collections.rke.cis.plugins.module_utils._flags import component_args
from ansible_collections.rke.cis.plugins.module_utils._masking import mask_secrets, mask_url_passwords

_ID = re.compile("[0-9a-f]{64}")


def _shown(calls: t.Iterable[t.Sequence[str]], name: str, flags: t.Iterable[str]) -> t.List[t.List[str]]:
    """Return the argument lists of a container's first process and of its component, and of others the program only.

    Who helps the kubelet to mount a volume may be called with its password, in words of any form.
    """
    shown = {name, *flags}
    return [
        mask_secrets(words if not number or component_args(words, name) is not None else words[:1], shown)
        for number, words in enumerate(calls)
    ]


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


def descendants(pids: t.Sequence[int], proc: str = "/proc") -> t.List[int]:
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
    if not _ID.fullmatch(container_id):
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
    for process in _few(descendants([pid] + others, proc), limits.PROCESSES, "processes"):
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
    container_id = _get(raw, "Id", str)
    if _ID.fullmatch(container_id):
        evidence["id"] = container_id[:12]  # as docker ps shows it
    else:
        container_id = ""
    if evidence["state"] != "running":
        return evidence
    try:
        calls = container_processes(_get(state, "Pid", int), container_id, proc)
        if calls is None:
            # by its id: another one may have its name by now
            lines = [_text(line) for line in _few(docker.top(container_id or name), limits.PROCESSES, "processes")]
            evidence["process_text"] = [" ".join(words) for words in _shown(map(str.split, lines), name, flags)]
            calls = _from_top(lines, argv, name)
        evidence["processes"] = _shown(calls, name, flags)
    except DockerError as error:
        evidence["error"] = error.as_evidence()
    return evidence
