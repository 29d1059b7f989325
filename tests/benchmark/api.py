# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API's evidence of a large cluster costs: make benchmark BENCHMARK=tests/benchmark/api.py.

Fills a real kube-apiserver with 5,000 pods, 2,000 bindings and 500 namespaces, and asks it for all that any benchmark
needs. Exits with 1 if that takes more than 10 s or 200 MB.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
import pathlib
import resource
import sys
import threading
import time
import typing as t

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / ".cache" / "dev"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testbed"))

from apiserver import ApiServer

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import cluster_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark, merged_lists
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files

NAMESPACES, PODS, BINDINGS = 500, 5000, 2000
MOST_SECONDS, MOST_MB = 10, 200
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def objects() -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Return path and object of all that is made in the namespaces."""
    for number in range(NAMESPACES):
        name = f"team-{number:03}"
        path = f"/api/v1/namespaces/{name}"
        yield f"{path}/serviceaccounts", {"metadata": {"name": "default"}, "automountServiceAccountToken": False}
        policy = {"metadata": {"name": "all"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
        yield f"/apis/networking.k8s.io/v1/namespaces/{name}/networkpolicies", policy
        rules = [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "configmaps", "services"]}] * 5
        yield f"{RBAC}/namespaces/{name}/roles", {"metadata": {"name": "app"}, "rules": rules}
    for number in range(BINDINGS):
        name = f"team-{number % NAMESPACES:03}"
        kind = "Role" if number % 2 else "ClusterRole"
        document = {
            "metadata": {"name": f"binding-{number}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "app" if number % 2 else "edit"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"user-{number}"}],
        }
        yield f"{RBAC}/namespaces/{name}/rolebindings", document
    for number in range(PODS):
        container = {
            "image": "registry.example/app:1",
            "env": [{"name": f"VARIABLE_{n}", "value": "x" * 50} for n in range(20)],
            "securityContext": {"privileged": number % 10 == 0},
        }
        owner = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "name": f"app-{number // 5}",
            "uid": "1",
            "controller": True,
        }
        document = {
            "metadata": {
                "name": f"pod-{number}", "ownerReferences": [owner], "annotations": {"about": "x" * 500},
            },
            "spec": {"containers": [{"name": name, **container} for name in ("main", "side")]},
        }  # fmt: skip
        yield f"/api/v1/namespaces/team-{number % NAMESPACES:03}/pods", document


def fill(server: ApiServer) -> None:
    local = threading.local()

    def make(job: tuple[str, dict[str, t.Any]]) -> None:
        if not hasattr(local, "connection"):
            local.connection = server.connection()
        status, answer = server.ask("POST", *job, connection=local.connection)
        assert status == 201, answer

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        names = [f"team-{number:03}" for number in range(NAMESPACES)]
        list(pool.map(make, [("/api/v1/namespaces", {"metadata": {"name": name}}) for name in names]))
        list(pool.map(make, objects()))


def measure(kubeconfig: str, answer: t.Any) -> None:
    import kubernetes

    lists = merged_lists(load_benchmark(name).lists() for name in benchmark_files())
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    evidence = cluster_evidence(kubernetes, kubeconfig, None, 60, lists)
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    errors = {name: found["error"]["message"] for name, found in evidence["objects"].items() if "error" in found}
    counts = {name: evidence["objects"][name].get("count") for name in ("pods", "rolebindings", "namespaces")}
    print(f"{time.process_time():.1f} s of CPU, with imports")
    answer.put((seconds, peak / 1024, before / 1024, len(json.dumps(evidence)) / 2**20, errors, counts))


def main() -> int:
    with ApiServer() as server:
        start = time.monotonic()
        fill(server)
        print(f"filled in {time.monotonic() - start:.0f} s")
        context = multiprocessing.get_context("spawn")
        answer = context.Queue()
        process = context.Process(target=measure, args=(server.kubeconfig("admin"), answer))
        process.start()
        seconds, peak, before, size, errors, counts = answer.get(timeout=300)
        process.join()
    print(f"{counts}: {seconds:.1f} s, peak {peak:.0f} MB ({before:.0f} MB before), evidence {size:.1f} MB")
    for name, message in errors.items():
        print(f"{name}: {message}")
    return int(seconds > MOST_SECONDS or peak > MOST_MB or any("rolebinding" in name for name in errors))


if __name__ == "__main__":
    sys.exit(main())
