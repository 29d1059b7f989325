# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded node states of kube-bench, as the evidence that our collector would have gathered on such a node."""

from __future__ import annotations

import json
import lzma
import pathlib
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import SCHEMA, Collector, path_key
from ansible_collections.rke.cis.plugins.module_utils._files import problem
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import Lists
from ansible_collections.rke.cis.plugins.module_utils._objects import Malformed, ObjectList
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES, Benchmark

HERE = pathlib.Path(__file__).parent
NAMES = {"root": 0, "etcd": 52034, "kube": 1001}
MOUNTS = [
    {"source": "/etc/kubernetes", "destination": "/etc/kubernetes"},
    {"source": "/var/lib/etcd", "destination": "/var/lib/rancher/etcd"},
    {"source": "/var/lib/kubelet", "destination": "/var/lib/kubelet"},
]


def load(benchmark_id: str) -> list[dict[str, t.Any]]:
    with lzma.open(HERE / f"kube-bench-{benchmark_id}.jsonl.xz", "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def _account(name: str) -> tuple[int, str]:
    return (int(name), "root" if name == "0" else "") if name.isdigit() else (NAMES.get(name, 1234), name)


def _entry(files: dict[str, t.Any], path: str) -> dict[str, t.Any]:
    recorded = files.get(path)
    if not recorded:
        return problem("missing", f"{path}: No such file or directory")
    if recorded.get("type") in ("link", "symlink"):
        target = (
            recorded["target"]
            if recorded["target"].startswith("/")
            else f"{path.rpartition('/')[0]}/{recorded['target']}"
        )
        # as the collector: a link is followed where it stays in the directory that the container mounts
        if path not in {mount["source"] for mount in MOUNTS} and not target.startswith("/etc/kubernetes/"):
            return problem("unreadable", f"{path}: symbolic link to {target}")
        return dict(_entry({**files, target: files.get("/node" + target) or files.get(target)}, target), link=target)
    (uid, owner), (gid, group) = _account(recorded["owner"]), _account(recorded["group"])
    kind = {"dir": "directory"}.get(recorded.get("type", "file"), recorded.get("type", "file"))
    return {"type": kind, "mode": recorded["mode"], "uid": uid, "gid": gid, "owner": owner, "group": group}


class RecordedFiles:
    """Stands where the collector looks at the disk."""

    def __init__(self, state: dict[str, t.Any]) -> None:
        self._files = {path[5:]: entry for path, entry in state["files"].items() if path.startswith("/node/")}
        self._closed = "run_as" in state

    def examine(self, path: str, root: str | None) -> dict[str, t.Any]:
        if self._closed and path.startswith("/etc/kubernetes/ssl/"):
            return problem("denied", f"{path}: Permission denied")
        return _entry(self._files, path)

    def list_directory(self, path: str, root: str | None) -> dict[str, t.Any]:
        if self._closed:
            return problem("denied", f"{path}: Permission denied")
        names = sorted(p for p, e in self._files.items() if e and p.rpartition("/")[0] == path)
        return {"entries": [dict(_entry(self._files, name), name=name.rpartition("/")[2]) for name in names]}

    def list_tree(self, path: str) -> dict[str, t.Any]:
        names = sorted(p for p, e in self._files.items() if e and p.startswith(path + "/"))
        return {"entries": [dict(_entry(self._files, name), name=name[len(path) + 1 :]) for name in names]}

    def read(self, path: str) -> bytes:
        return (self._files[path].get("content") or "").encode()


# What kubectl was asked for, and the list of the API that has it.
PLURALS = {"psp": "podsecuritypolicies", "networkpolicy": "networkpolicies", "all": "services"}
BOUND = ("rolebindings", "clusterrolebindings")


class RecordedApi:
    """Stands where the collector asks the API: what kubectl answered, as the lists that the API would have given."""

    def __init__(self, kubectl: dict[str, t.Any]) -> None:
        # of the roles that every API server has, kubectl was asked for no more than those that are bound
        self._lists: dict[str, list[t.Any] | None] = {
            "clusterroles": [{"metadata": {"name": "view"}}],
            "clusterrolebindings": [{"metadata": {"name": "view"}, "roleRef": {"kind": "ClusterRole", "name": "view"}}],
        }
        for asked, answer in kubectl.items():
            what, _at, namespace = asked.partition("@")
            kind, _slash, name = what.partition("/")
            items = answer.get("items") if isinstance(answer, dict) else None
            for item in items or []:
                if namespace:
                    item["metadata"].setdefault("namespace", namespace)
            if name:
                self._add("roles", [{"metadata": {"name": name, "namespace": namespace or "default"}, **answer}])
            elif kind == "clusterrolebinding,rolebinding":
                for item in items or []:
                    self._add(BOUND[0] if item["metadata"].get("namespace") else BOUND[1], [item])
            else:
                self._add(PLURALS.get(kind, kind), items if isinstance(items, list) else None)

    def _add(self, plural: str, items: list[t.Any] | None) -> None:
        before = self._lists.get(plural, [])
        self._lists[plural] = None if items is None or before is None else before + items

    def read(self, path: str, lists: t.Sequence[ObjectList]) -> dict[str, t.Any] | None:
        place, _slash, plural = path.rpartition("/")
        items = self._lists.get(plural, [])
        _group, _namespaces, namespace = place.partition("/namespaces/")
        try:
            if items is None:
                raise Malformed("it has no items")
            for item in items:
                if namespace not in ("", item["metadata"].get("namespace")):
                    continue
                for one in lists:
                    one.take(item)
        except Malformed as error:
            return problem("failed", f"the answer holds no list of objects: {error}")
        return None


def evidence(state: dict[str, t.Any], benchmark: Benchmark) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return node evidence and cluster evidence of a recorded state."""
    role = NODE_TYPES.get(state["target"], "controlplane")  # the peer has targets of its own for its sections 3 and 5
    plan = benchmark.plan([role])
    # the 19 controls that are not applicable on RKE are judged here too
    requests = {
        path_key(test["path"]): benchmark.path_request(test["path"])
        for control in benchmark.controls
        for test in control["tests"]
        if "path" in test
    }
    containers = {}
    running: dict[str, list[list[str]]] = {name: [[name, *args]] for name, args in state["processes"].items()}
    for process in state.get("extra_processes") or []:
        name = next(
            (n for n in benchmark.components if n in process["argv"][:2] or process["argv"][0].endswith("/" + n)), None
        )
        if name:
            running.setdefault(name, []).append(process["argv"])
    for name in benchmark.components:
        if name not in running:
            containers[name] = problem("missing", f"there is no container named {name}")
            continue
        wanted = plan["containers"].get(name, {}).get("env", [])
        environ = {key: value for key, value in ((state.get("environ") or {}).get(name) or {}).items() if key in wanted}
        containers[name] = {
            "state": "running",
            "image": f"rancher/hyperkube:v{benchmark.kubernetes['min']}.0",
            "args": running[name][0],
            "processes": running[name],
            "mounts": MOUNTS,
            "env": environ,
        }
    collector = Collector(None, "", 0)
    collector.files = RecordedFiles(state)
    collector._containers = containers
    paths = {key: collector._path(request) for key, request in requests.items()}
    cluster: dict[str, t.Any] = {"error": {"kind": "down", "message": "no connection"}}
    if state["kubectl"]:
        reader = t.cast(t.Any, RecordedApi(state["kubectl"]))
        cluster = {"objects": Lists(reader, benchmark.lists(), "").documents}
    node = {"schema": SCHEMA, "node": "node1", "roles": [role], "containers": containers, "paths": paths}
    return node, cluster
