# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rights that the guide gives are enough for a real kube-apiserver, and none of them is too much."""

from __future__ import annotations

import copy
import time
import typing as t

import kubernetes
import pytest
import yaml
from apiserver import ApiServer
from documented import examples
from scans import ROOT

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import CONFIG_MAP, cluster_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import (
    Benchmark,
    load_benchmark,
    merged_lists,
)
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_answer
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.control_cases import whole

PATHS = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
}
GUIDE = ROOT / "docs/docsite/rst" / "api_rights.rst"


def path_of(document: dict[str, t.Any], named: bool = True) -> str:
    metadata = document["metadata"]
    place = f"namespaces/{metadata['namespace']}/" if "namespace" in metadata else ""
    name = f"/{metadata['name']}" if named else ""
    return f"/apis/rbac.authorization.k8s.io/v1/{place}{PATHS[document['kind']]}{name}"


def documents() -> list[dict[str, t.Any]]:
    (example,) = examples(GUIDE)
    return list(yaml.safe_load_all(example.text))


@pytest.fixture(scope="module")
def server(api: None) -> t.Iterator[ApiServer]:
    with ApiServer("rke-cis") as running:
        for name in ("security-scan", "web"):
            assert running.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
        pod = {"containers": [{"name": "c", "image": "x", "securityContext": {"privileged": True}}], "hostPID": True}
        made = [
            (
                "/api/v1/namespaces/web/serviceaccounts",
                {"metadata": {"name": "default"}, "automountServiceAccountToken": False},
            ),
            ("/api/v1/namespaces/web/pods", {"metadata": {"name": "odd"}, "spec": pod}),
            (
                "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
                {"metadata": {"name": "all"}, "spec": {"podSelector": {}}},
            ),
        ]
        for path, document in made:
            status, answer = running.ask("POST", path, document)
            assert status == 201, answer
        for document in documents():
            status, answer = running.ask("POST", path_of(document, named=False), document)
            assert status == 201, answer
        time.sleep(1)  # until the authorizer has seen them
        yield running


BENCHMARKS = [load_benchmark(name) for name in benchmark_files()]
LISTS = merged_lists(benchmark.lists() for benchmark in BENCHMARKS)


def evidence(server: ApiServer) -> dict[str, t.Any]:
    return check_answer(cluster_evidence(kubernetes, server.kubeconfig("rke-cis"), None, 20, LISTS, CONFIG_MAP))


def unseen(benchmark: Benchmark, cluster: dict[str, t.Any]) -> dict[str, str]:
    return {
        control_id: verdict.reason
        for control_id, verdict in score_node(benchmark, whole(benchmark), cluster).items()
        if verdict.state == "error"
    }


# what a control fails for
ODD = {
    "/api/v1/namespaces/default/configmaps": {"metadata": {"name": "left"}, "data": {"key": "hunter2"}},
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings": {
        "metadata": {"name": "ann"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "web", "name": "default"}],
    },
}


def test_with_the_rights_of_the_guide_nothing_is_unseen(server: ApiServer) -> None:
    for path, document in ODD.items():
        assert server.ask("POST", path, document)[0] == 201
    try:
        found = evidence(server)
    finally:
        for path, document in ODD.items():
            assert server.ask("DELETE", f"{path}/{document['metadata']['name']}")[0] == 200
    assert found["config_map"] == {"text": None}
    assert {name: seen["error"] for name, seen in found["objects"].items() if "error" in seen} == {}
    assert "hunter2" not in str(found)
    for benchmark in BENCHMARKS:
        assert unseen(benchmark, found) == {}, benchmark.id
    newest = load_benchmark("rke-cis-1.8")
    verdicts = score_node(newest, whole(newest), found)
    assert "web/odd (c)" in verdicts["5.2.2"].actual
    assert "ann (ServiceAccount/web/default)" in verdicts["5.1.1"].actual
    assert {verdicts[name].state for name in ("5.1.5", "5.3.2", "5.7.4")} == {"warn"}
    assert "default/ConfigMap/left" in verdicts["5.7.4"].actual
    assert "web" in verdicts["5.3.2"].actual


RIGHTS = [
    (number, place, resource)
    for number, document in enumerate(documents())
    for place, rule in enumerate(document.get("rules", []))
    for resource in rule["resources"]
]


@pytest.mark.parametrize("right", RIGHTS, ids=lambda right: right[2])
def test_a_right_that_is_taken_away_is_named_by_what_needs_it(server: ApiServer, right: tuple[int, int, str]) -> None:
    number, place, resource = right
    document = documents()[number]
    less = copy.deepcopy(document)
    less["rules"][place]["resources"].remove(resource)
    less["rules"] = [rule for rule in less["rules"] if rule["resources"]]
    assert server.ask("PUT", path_of(document), less)[0] == 200
    try:
        time.sleep(0.3)
        found = evidence(server)
    finally:
        assert server.ask("PUT", path_of(document), document)[0] == 200
    if "resourceNames" in document["rules"][place]:
        assert "get on ConfigMap security-scan/security-scan-cfg" in found["config_map"]["error"]["message"]
        return
    namespace = document["metadata"].get("namespace")
    denied = {
        name
        for name, about in LISTS.items()
        if about["path"].endswith(f"/{resource}") and (f"/namespaces/{namespace}/" in about["path"]) == bool(namespace)
    }
    needing = denied | {
        name
        for name, about in LISTS.items()
        for of in about.get("with", {}).values()
        for source in of
        if source["of"] in denied
    }
    assert {name for name, seen in found["objects"].items() if "error" in seen} == needing
    for benchmark in BENCHMARKS:
        expected = {c["id"] for c in benchmark.controls if any(test.get("object") in needing for test in c["tests"])}
        reasons = unseen(benchmark, found)
        assert set(reasons) >= expected - benchmark.nowhere
        assert set(reasons) <= expected
        assert all(f"list on {resource}" in reason for reason in reasons.values())
