# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Evidence documents: where they lie, whether they are valid, and how a node's is gathered."""

from __future__ import annotations

import collections
import os
import typing as t
import urllib.parse

from ansible_collections.rke.cis.plugins.module_utils._evidence import SCHEMA
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError, Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_json

if t.TYPE_CHECKING:
    from ansible.plugins.action import ActionBase


def evidence_path(directory: str, node: str) -> str:
    """Return where a node's evidence document lies. A node's name may hold what a file name may not."""
    return os.path.join(directory, f"node-{urllib.parse.quote(node, safe='')}.json")


def cluster_path(directory: str) -> str:
    """Return where the cluster's evidence document (what the Kubernetes API said) lies."""
    return os.path.join(directory, "cluster.json")


def unseen_document(node: str, roles: t.Iterable[str], kind: str, message: str) -> dict[str, t.Any]:
    """Return the evidence document of a node that could not be examined."""
    error = {"kind": kind, "message": " ".join(message.split())[:500]}
    return {"schema": SCHEMA, "node": str(node), "roles": [str(role) for role in roles], "error": error}


def _is_error(error: t.Any) -> bool:
    return isinstance(error, dict) and all(isinstance(error.get(key), str) for key in ("kind", "message"))


def check_cluster(document: t.Any, origin: str) -> dict[str, t.Any]:
    """Return a cluster's evidence document if it is one. Raises CisError that names its origin."""
    if isinstance(document, dict):
        objects = document.get("objects")
        if _is_error(document["error"]) if "error" in document else isinstance(objects, dict):
            return document
    raise CisError(f"{origin}: not cluster evidence: expected an object with error or objects; record it again")


def check_evidence(document: t.Any, origin: str) -> dict[str, t.Any]:
    """Return an evidence document if it is one. Raises CisError that names its origin and what is wrong."""

    def wrong(what: str) -> t.NoReturn:
        raise CisError(f"{origin}: {what}; record the node again, or take the file away")

    if not isinstance(document, dict):
        wrong("not an evidence document: expected a JSON object")
    if document.get("schema") != SCHEMA:
        wrong(f"schema is {document.get('schema')!r}; expected {SCHEMA}")
    if not isinstance(document.get("node"), str) or not document["node"]:
        wrong("names no node")
    roles = document.get("roles")
    if not isinstance(roles, list) or not all(role in NODE_TYPES.values() for role in roles):
        wrong(f"roles must be a list of {', '.join(NODE_TYPES.values())}, not {document.get('roles')!r}")
    if not isinstance(document.get("collected_at", ""), str):
        wrong("collected_at must be text")
    if "error" in document and not _is_error(document["error"]):
        wrong("error must be an object with kind and message")
    for key in ("containers", "paths"):
        if key in document or "error" not in document:
            entries = document.get(key)
            if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
                wrong(f"{key} must be an object of objects")
    return document


def read_evidence(directory: str) -> tuple[list[dict[str, t.Any]], dict[str, t.Any] | None]:
    """Return the node documents in a directory and the cluster's, if any. Raises CisError naming a bad file."""
    what = "evidence file"
    try:
        names = sorted(name for name in os.listdir(directory) if name.startswith("node-") and name.endswith(".json"))
    except OSError as error:
        raise CisError(f"cis_scan_evidence_dir {directory}: cannot be read: {error.strerror}") from error
    nodes = []
    for name in names:
        path = os.path.join(directory, name)
        nodes.append(check_evidence(read_json(path, what), f"{what} {path}"))
    twice = [name for name, count in collections.Counter(document["node"] for document in nodes).items() if count > 1]
    if twice:
        raise CisError(
            f"cis_scan_evidence_dir {directory}: more than one file of node {', '.join(twice)}; keep one of each"
        )
    path = cluster_path(directory)
    return nodes, check_cluster(read_json(path, what), f"{what} {path}") if os.path.exists(path) else None


def gather_evidence(action: ActionBase, args: dict[str, t.Any], task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
    """Return what the action's node tells, asked with these arguments of rke.cis.node_evidence_info.

    Raises Unseen(kind, message) where it tells nothing.
    """
    if getattr(action._connection._shell, "SHELL_FAMILY", "") == "powershell":
        raise Unseen("Windows", "the benchmark is not made for a Windows node; take it out of the role groups")
    answer = action._execute_module(module_name="rke.cis.node_evidence_info", module_args=args, task_vars=task_vars)
    if answer.get("failed") or "evidence" not in answer:
        # a node without Python or sudo says so in the output alone, at its end
        said = str(answer.get("module_stderr") or answer.get("module_stdout") or "").strip().splitlines()[-1:]
        raise Unseen("failed", ": ".join([str(answer.get("msg") or "the module gave no answer"), *said]))
    try:
        # a node is not to be trusted: neither with the form of its answer nor with whose it is
        document = check_evidence(answer["evidence"], "the node's answer")
    except CisError as error:
        raise Unseen("failed", str(error)) from error
    return {**document, "node": args["node"], "roles": args.get("roles") or []}
