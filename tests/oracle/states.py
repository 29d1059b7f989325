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
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES, Benchmark

HERE = pathlib.Path(__file__).parent
NAMES = {"root": 0, "etcd": 52034, "kube": 1001}
MOUNTS = [
    {"source": "/etc/kubernetes", "destination": "/etc/kubernetes"},
    {"source": "/var/lib/etcd", "destination": "/var/lib/rancher/etcd"},
    {"source": "/var/lib/kubelet", "destination": "/var/lib/kubelet"},
]


def load() -> list[dict[str, t.Any]]:
    with lzma.open(HERE / "kube-bench-rke-cis-1.4.jsonl.xz", "rt", encoding="utf-8") as stream:
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

    def read(self, path: str) -> bytes:
        return (self._files[path].get("content") or "").encode()


def evidence(state: dict[str, t.Any], benchmark: Benchmark) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return node evidence and cluster evidence of a recorded state."""
    plan = benchmark.plan([NODE_TYPES[state["target"]]])
    # the 19 controls that are not applicable on RKE are judged here too
    requests = {
        path_key(test["path"]): test["path"] for c in benchmark.controls for test in c["tests"] if "path" in test
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
            "args": running[name][0],
            "processes": running[name],
            "mounts": MOUNTS,
            "env": environ,
        }
    collector = Collector(None, "", 0)
    collector.files = RecordedFiles(state)
    collector._containers = containers
    paths = {
        key: collector._path({**request, "style": benchmark.components[request["container"]]["style"]})
        for key, request in requests.items()
    }
    answer = (state["kubectl"] or {}).get("psp") if state["kubectl"] else None
    cluster: dict[str, t.Any] = {"error": {"kind": "down", "message": "no connection"}}
    if answer is not None:
        items = answer.get("items") if isinstance(answer, dict) else None
        shown: dict[str, t.Any] = problem("failed", "the answer holds no list of objects")
        if isinstance(items, list):
            kept = [{"metadata": {"name": item["metadata"]["name"]}, "spec": item.get("spec")} for item in items]
            shown = {"items": kept}
        cluster = {"objects": {"podsecuritypolicies": shown}}
    node = {
        "schema": SCHEMA,
        "node": "node1",
        "roles": [NODE_TYPES[state["target"]]],
        "containers": containers,
        "paths": paths,
    }
    return node, cluster
