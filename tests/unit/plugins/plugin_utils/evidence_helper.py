# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence of an RKE cluster as the collector records it, for the tests of scoring, reports and what shows them."""

from __future__ import annotations

import copy
import functools
import json
import pathlib
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._containers import container_evidence
from ansible_collections.rke.cis.plugins.module_utils._evidence import SCHEMA, path_key
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark, merged_lists
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
BENCHMARK = load_benchmark("rke-cis-1.4")
ALL = ["controlplane", "etcd", "worker"]
ROOT = {"uid": 0, "gid": 0, "owner": "root", "group": "root"}
ETCD = {"uid": 52034, "gid": 52034, "owner": "etcd", "group": "etcd"}


# What the guide asks for and the recorded cluster did without.
MORE = {
    "kube-apiserver": ["--enable-admission-plugins=AlwaysPullImages"],
    "kube-controller-manager": ["--address=127.0.0.1"],
    "kube-scheduler": ["--address=127.0.0.1"],
}


class _Top:
    """What Docker started, entrypoint.sh replaced by the component it execs."""

    def __init__(self, raw: dict[str, t.Any]) -> None:
        argv = [raw["Path"], *raw["Args"]]
        self._text = " ".join(argv[1:] if argv[0].endswith("entrypoint.sh") else argv)

    def top(self, name: str) -> list[str]:
        return [self._text]


@functools.cache
def _containers() -> dict[str, t.Any]:
    found = {}
    wanted = BENCHMARK.plan(ALL)["containers"]
    for raw in json.loads((FIXTURES / "inspect-hardened.json").read_text(encoding="utf-8")):
        name = raw["Name"][1:]
        raw["Args"] += MORE.get(name, [])
        found[name] = container_evidence(raw, name, _Top(raw), wanted.get(name, {}), "/no-such-proc")
        found[name]["process_text"] = []
    return found


def _entry(name: str, mode: str = "0600", **more: t.Any) -> dict[str, t.Any]:
    return {"name": name, "type": "file", "mode": mode, **ROOT, **more}


def _path(request: dict[str, t.Any]) -> dict[str, t.Any]:
    shown = {"type": "file", "mode": "0600", **ROOT, "path": request.get("path", "/etc/kubernetes/ssl/encryption.yaml")}
    if request.get("flag") == "--data-dir":
        shown.update(ETCD, type="directory", mode="0700", path="/var/lib/etcd")
    if request.get("list"):
        names = ("kube-ca.pem", "kube-ca-key.pem", "kube-etcd-10-0-0-11.pem", "kube-etcd-10-0-0-11-key.pem")
        shown.update(type="directory", mode="0755", entries=[_entry(name) for name in names])
    if request.get("read"):
        shown["encryption"] = [{"resources": ["secrets"], "providers": ["aescbc", "identity"]}]
    return shown


def node(name: str = "n1", roles: list[str] | None = None) -> dict[str, t.Any]:
    """Return the evidence of a node on which the hardened profile finds nothing."""
    roles = ALL if roles is None else roles
    plan = BENCHMARK.plan(roles)
    return copy.deepcopy(
        {
            "schema": SCHEMA,
            "collector": "rke.cis 1.0.0",
            "collected_at": "2026-11-21T22:00:00Z",
            "docker": {"host": "unix:///var/run/docker.sock", "source": "docker CLI"},
            "containers": {name: _containers()[name] for name in plan["containers"]},
            "paths": {path_key(request): _path(request) for request in plan["paths"]},
            "node": name,
            "roles": list(roles),
        }
    )


def lost(name: str = "n1", roles: list[str] | None = None, message: str = "no route to host") -> dict[str, t.Any]:
    """Return the evidence document of a node that could not be reached."""
    error = {"kind": "unreachable", "message": message}
    return {"schema": SCHEMA, "node": name, "roles": ALL if roles is None else roles, "error": error}


@functools.cache
def _lists() -> dict[str, dict[str, t.Any]]:
    lists = merged_lists(load_benchmark(benchmark_id).lists() for benchmark_id in benchmark_files())
    return {
        name: {"count": 3, "found": {query: {"count": 0, "items": []} for query in about.get("find", [])}}
        for name, about in lists.items()
    }


def cluster() -> dict[str, t.Any]:
    """Return the evidence of an API with one restricted policy and one that allows all, and no other offence."""
    spec = {"privileged": False, "allowPrivilegeEscalation": False}
    everything = dict.fromkeys(("hostPID", "hostIPC", "hostNetwork", "privileged", "allowPrivilegeEscalation"), True)
    return {
        "schema": "rke.cis/cluster-evidence/1",
        "server": "https://10.0.0.11:6443",
        "version": "v1.16.15",
        "objects": {
            **(lists := copy.deepcopy(_lists())),
            "podsecuritypolicies": {
                **lists["podsecuritypolicies"],
                "items": [
                    {"metadata": {"name": "default-psp"}, "spec": everything},
                    {"metadata": {"name": "restricted-psp"}, "spec": spec},
                ],
            },
        },
        "config_map": {"text": None},
    }


def set_flag(document: dict[str, t.Any], component: str, *words: str) -> None:
    """Put words at the end of a component's command line."""
    shown = document["containers"][component]
    shown["args"] = [*shown["args"], *words]
    shown["processes"] = [[*argv, *words] for argv in shown["processes"]]


def shut_docker(document: dict[str, t.Any], kind: str = "down", advice: str = "start it") -> None:
    """Make it the evidence of a node whose Docker did not answer, and of whose files nothing tells where they lie."""
    error = {"kind": kind, "message": "no socket", "advice": advice}
    document["docker"] = {"host": "unix:///var/run/docker.sock", "error": error}
    document["containers"] = {name: {"error": dict(error)} for name in document["containers"]}
    document["paths"] = {
        key: {"error": {"kind": "not_located", "message": "no mount tells where it is"}} for key in document["paths"]
    }
