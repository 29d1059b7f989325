# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Evidence documents: their paths, their validation, and how a node's is gathered."""

from __future__ import annotations

import collections
import json
import os
import re
import time
import typing as t
import urllib.parse

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.release import __version__ as CORE

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._evidence import SCHEMA
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError, Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._schema import Check, Path, compiled, schema_beside
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_json
from ansible_collections.rke.cis.plugins.plugin_utils._text import printable, shortened
from ansible_collections.rke.cis.plugins.plugin_utils._times import from_iso, utc

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase

NOT_GATHERED = "not gathered"
INTERRUPTED = "interrupted"

# How many seconds a node's clock may be off.
_CLOCK = 300

# What Ansible says of a host, and what a person would say. The first pattern that is found counts.
_MEANINGS = (
    (r"Missing (\w+) password", r"\1 asks for a password; run with --ask-become-pass, or set ansible_become_password"),
    (r"Incorrect (\w+) password", r"the \1 password is wrong; correct ansible_become_password"),
    (
        r"^(on the controller: |failure writing module data to temporary file).*No space left on device",
        "no space left on the controller for Ansible's temporary files; free some, or set ANSIBLE_LOCAL_TEMP",
    ),
    (
        r"No space left on device",
        "no space left on the node for Ansible's temporary files; free some, or set ansible_remote_tmp",
    ),
    (
        r"Failed to create temporary directory",
        "Ansible's temporary directory cannot be created on the node: no permission, or no space; set "
        "ansible_remote_tmp to a directory that its user can write to",
    ),
    (r"^Data could not be sent to .* over ssh: *(\S.*)", r"\1"),
    (
        r"^Data could not be sent to .*",
        "the SSH connection broke while the node was examined; see its sshd and the network, and scan again",
    ),
    (
        r"\(exit status 127\): .*?([^\s:]+): (?:command )?not found",
        r"\1 is not installed on the node; install it, or set ansible_become_method or ansible_become_exe",
    ),
    (r"^(.*vault secrets.*?)\.?$", r"\1; run with --ask-vault-pass or --vault-id"),
    (r"(?:field|keyword|value for) '(\w+)'.*?('[^']+' is undefined)", r"\2, which this host needs for \1; define it"),
    (r"('[^']+' is undefined).*", r"\1, which a variable of this host needs; define it"),
)
_TELL_VERSION = "import sys; print(sys.version)"


def evidence_path(directory: str, node: str) -> str:
    """Return the path of a node's evidence document. The name is quoted: it may not be a valid file name."""
    return os.path.join(directory, f"node-{urllib.parse.quote(node, safe='')}.json")


def cluster_path(directory: str) -> str:
    """Return the path of the cluster's evidence document, which holds the answers of the Kubernetes API."""
    return os.path.join(directory, "cluster.json")


def unseen_document(node: str, roles: t.Iterable[str], kind: str, message: str) -> dict[str, t.Any]:
    """Return the evidence document of a node that could not be examined."""
    error = {"kind": kind, "message": shortened(" ".join(message.split()), limits.MESSAGE_CHARS)}
    return {"schema": SCHEMA, "node": str(node), "roles": [str(role) for role in roles], "error": error}


def unseen_cluster(kind: str, message: str) -> dict[str, t.Any]:
    """Return the evidence document of a cluster whose API was not examined."""
    return {"error": {"kind": kind, "message": shortened(message, limits.MESSAGE_CHARS)}}


# ------------------------------------------------------------------------------------------- the door
# Evidence comes from nodes and files, which are not trusted. What passes here has the form that the schema describes,
# so nothing behind it checks a type or a size.


def _schema(name: str) -> Check:
    return compiled(schema_beside(__file__, name))


# compiled here, and not when it is used: that is in a process of its own for each node
_SCHEMAS = {name: _schema(name) for name in ("evidence", "cluster-evidence")}


def _admit(document: t.Any, schema: str, parts: dict[str, int], origin: str) -> dict[str, t.Any]:
    """Return a document with an error in place of each invalid part. Raises CisError if anything else is invalid.

    `parts` are keys of the document, and how many keys lead to what may become an error.
    """
    invalid: dict[Path, str] = {}
    for path, what in _SCHEMAS[schema](document):
        place = shortened(printable(".".join(map(str, path))), 200)
        text = f"{place + ': ' if place else ''}{shortened(printable(what), 200)}"
        keys = parts.get(str(path[0]), 0) if path else 0
        if not keys or len(path) < keys:
            raise CisError(f"{origin}: not valid evidence: {text}; record it again, or remove the file")
        invalid.setdefault(path[:keys], text)
    for (part, *name), text in invalid.items():
        error = {"error": {"kind": "invalid", "message": f"not valid evidence: {text}"}}
        document = {**document, part: {**document[part], name[0]: error} if name else error}
    return document


def check_cluster(document: t.Any, origin: str) -> dict[str, t.Any]:
    """Return valid evidence of a cluster. Raises CisError that names its origin and what is wrong with the whole."""
    return _admit(document, "cluster-evidence", {"objects": 2, "config_map": 1}, origin)


def check_evidence(document: t.Any, origin: str) -> dict[str, t.Any]:
    """Return valid evidence of a node. Raises CisError that names its origin and what is wrong with the whole."""
    return _admit(document, "evidence", {"containers": 2, "paths": 2}, origin)


def read_document(path: str, nodes: t.Mapping[str, t.Sequence[str]] | None = None) -> dict[str, t.Any]:
    """Return the evidence of a node in a file. A file that cannot be used says so of the node that its name tells.

    `nodes` are the roles of each node. Of another they are what the file says; if it does not, it may have them all.
    """
    document = None
    try:
        document = read_json(path, "evidence file")
        return check_evidence(document, f"evidence file {path}")
    except CisError as error:
        node = urllib.parse.unquote(os.path.basename(path)[len("node-") : -len(".json")])
        roles = (nodes or {}).get(node) or (document.get("roles") if isinstance(document, dict) else None)
        if not isinstance(roles, list) or not all(role in NODE_TYPES.values() for role in roles):
            roles = [*NODE_TYPES.values()]
        return unseen_document(node, roles, "invalid", str(error))


def check_answer(document: t.Any) -> dict[str, t.Any]:
    """Return valid evidence of a cluster of what an API server has answered."""
    try:
        return check_cluster(document, "the API server's answer")
    except CisError as error:
        return unseen_cluster("invalid", str(error))


def read_cluster(path: str, what: str = "evidence file") -> dict[str, t.Any]:
    """Return the cluster's evidence in a file. Raises CisError that names the file and what is wrong with the whole."""
    return check_cluster(read_json(path, what), f"{what} {path}")


def read_evidence(
    directory: str, roles: t.Mapping[str, t.Sequence[str]] | None = None
) -> tuple[list[dict[str, t.Any]], dict[str, t.Any] | None]:
    """Return the node documents in a directory and the cluster's, if any. `roles` are those of each node."""
    try:
        names = sorted(name for name in os.listdir(directory) if name.startswith("node-") and name.endswith(".json"))
    except OSError as error:
        raise CisError(f"cis_scan_evidence_dir {directory}: cannot be read: {error.strerror}") from error
    nodes = [read_document(os.path.join(directory, name), roles) for name in names]
    twice = [name for name, count in collections.Counter(document["node"] for document in nodes).items() if count > 1]
    if twice:
        raise CisError(
            f"cis_scan_evidence_dir {directory}: more than one file for node {', '.join(twice)}; keep one per node"
        )
    path = cluster_path(directory)
    try:
        return nodes, read_cluster(path) if os.path.exists(path) else None
    except CisError as error:
        return nodes, unseen_cluster("invalid", str(error))


def unseen_result(answer: t.Mapping[str, t.Any]) -> tuple[str, str]:
    """Return kind and message for a result of Ansible that holds no evidence."""
    output = str(answer.get("module_stderr") or answer.get("module_stdout") or "").strip().splitlines()
    if output:  # a node without sudo or Python says so only in the last line
        said = f"the module returned no result (exit status {answer.get('rc')}): {output[-1]}"
    else:
        said = str(answer.get("msg") or "the module returned nothing")
    said = " ".join(said.partition("The error appears to be in")[0].removeprefix("Task failed: ").split())
    for pattern, meaning in _MEANINGS:
        found = re.search(pattern, said)
        if found:
            said = found.expand(meaning)
            break
    return "unreachable" if answer.get("unreachable") else "failed", said


def _python_problem(action: ActionBase) -> str:
    """Return what is wrong with the node's Python, if that is why a module failed. Asked only then."""
    interpreter = (action._used_interpreter or "").lstrip("#!").strip()
    if not interpreter:
        return ""
    # the oldest that this ansible-core looks for
    known = C.config.get_configuration_definition("INTERPRETER_PYTHON_FALLBACK")["default"]
    oldest = min(int(found[1]) for name in known if (found := re.fullmatch(r"python3\.(\d+)", name)))
    wanted = (
        f"ansible-core {CORE} needs Python 3.{oldest} or later on a node: set ansible_python_interpreter to its path"
    )
    try:
        answer = action._low_level_execute_command(f"{interpreter} -c '{_TELL_VERSION}'", sudoable=False)
    except AnsibleError:
        return ""
    version = re.match(r"(\d+)\.(\d+)\.\d+", answer["stdout"])
    if not version:
        said = f"exit status {answer['rc']}\n{answer['stdout']}\n{answer['stderr']}".strip().splitlines()[-1]
        return f"{interpreter} does not run on the node ({said}); {wanted}"
    if (int(version[1]), int(version[2])) < (3, oldest):
        return f"{interpreter} is Python {version[0]}, which is too old; {wanted}"
    return ""


def at_controller(document: dict[str, t.Any], asked: float) -> dict[str, t.Any]:
    """Return the answer to what was asked at this time with the controller's time in place of the node's.

    `clock_offset` says how far the node's clock is off, if that is much: later than now, or earlier than it was asked.
    """
    now = time.time()
    document = {key: value for key, value in document.items() if key != "clock_offset"}
    try:
        seen = from_iso(str(document["collected_at"])).timestamp()
    except (KeyError, ValueError):
        seen = int(now)  # no time: nothing is known of the clock
    off = int(max(0, seen - now) + min(0, seen - asked))
    document["collected_at"] = utc(now)
    return {**document, "clock_offset": off} if abs(off) > _CLOCK else document


def _bound(document: t.Any) -> None:
    """Raise Unseen if a document would take a larger file than is read again."""
    size = 0
    for part in json.JSONEncoder(indent=1).iterencode(document):  # as to_json does, but without keeping it
        size += len(part)
        if size > limits.RECORDED_BYTES:
            raise Unseen("too large", f"the node's answer is too large: more than {limits.RECORDED_BYTES} bytes")


def gather_evidence(action: ActionBase, args: dict[str, t.Any], task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
    """Run rke.cis.node_evidence_info with these arguments on the action's node, and return its evidence document.

    Raises Unseen(kind, message) if there is none, but an unreachable node is AnsibleConnectionFailure.
    """
    if getattr(action._connection._shell, "SHELL_FAMILY", "") == "powershell":
        raise Unseen("Windows", "the benchmark does not apply to Windows nodes; remove it from the role groups")
    asked = time.time()
    try:
        answer = action._execute_module(module_name="rke.cis.node_evidence_info", module_args=args, task_vars=task_vars)
        _bound(answer.get("evidence"))
    except AnsibleConnectionFailure:
        raise
    except RecursionError as error:
        raise Unseen("invalid", "the node's answer is nested too deeply") from error
    except AnsibleError as error:
        raise Unseen(*unseen_result({"msg": str(error)})) from error
    except OSError as error:
        raise Unseen(*unseen_result({"msg": f"on the controller: {error}"})) from error
    if answer.get("failed") or not isinstance(answer.get("evidence"), dict):
        problem = _python_problem(action)
        raise Unseen(*(("failed", problem) if problem else unseen_result(answer)))
    try:
        # neither the name nor the roles in it are the node's to say
        said = {**answer["evidence"], "node": args["node"], "roles": args.get("roles") or []}
        return at_controller(check_evidence(said, "the node's answer"), asked)
    except CisError as error:
        raise Unseen("failed", str(error)) from error
