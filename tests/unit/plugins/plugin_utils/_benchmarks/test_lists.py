# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the library that look at lists of the Kubernetes API, from the objects that it has to the verdict."""

from __future__ import annotations

import copy
import json
import pathlib
import time
import typing as t

import pytest

pytest.importorskip("jmespath")

from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import ClusterReader, Lists
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, candidates
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import check_names, library_check
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_cluster
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict, score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.control_cases import file, tree
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import node

CORE, RBAC = "/api/v1", "/apis/rbac.authorization.k8s.io/v1"
POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"
# All checks that ask for lists, each in a benchmark of its own.
CHECKS = [name for name in check_names() if any("find" in test for test in (library_check(name) or {})["tests"])]


class Reader(ClusterReader):
    """Reads from a table of paths to objects, or to what is wrong."""

    def __init__(self, objects: dict[str, t.Any]) -> None:
        self.server = "https://10.0.0.11:6443"
        self._objects = objects
        self._end = time.monotonic() + 60
        self.asked: list[str] = []

    def _ask(self, what: str, path: str, right: str = "", accept: str = "") -> dict[str, t.Any]:
        place, _mark, _query = path.partition("?")
        self.asked.append(place)
        found = self._objects.get(place, [])
        if isinstance(found, str):
            return {"error": {"kind": found, "message": f"grant {right}"}}
        return {"answer": {"items": copy.deepcopy(found)}}


def named(name: str, namespace: str = "", **more: t.Any) -> dict[str, t.Any]:
    return {"metadata": {"name": name, **({"namespace": namespace} if namespace else {})}, **more}


def role(name: str, *rules: tuple[str, str, str], namespace: str = "") -> dict[str, t.Any]:
    """Return a role; a rule is verbs, API groups and resources, with commas between."""
    keys = ("verbs", "apiGroups", "resources")
    parts = [dict(zip(keys, (part.split(",") for part in rule), strict=True)) for rule in rules]
    return named(name, namespace, rules=parts)


def binding(name: str, to: str, *subjects: str, namespace: str = "") -> dict[str, t.Any]:
    """Return a binding to Kind/name of subjects, each Kind/name or Kind/namespace/name."""
    found = []
    for subject in subjects:
        kind, *where, called = subject.split("/")
        found.append({"kind": kind, "name": called, **({"namespace": where[0]} if where else {})})
    kind, _slash, called = to.partition("/")
    return named(name, namespace, roleRef={"kind": kind, "name": called}, subjects=found)


def namespace(name: str, level: str = "restricted", phase: str = "Active") -> dict[str, t.Any]:
    labels = {"pod-security.kubernetes.io/enforce": level} if level else {"x": "y"}
    return {"metadata": {"name": name, "labels": labels}, "status": {"phase": phase}}


def pod(name: str, namespace: str = "web", **spec: t.Any) -> dict[str, t.Any]:
    """Return a pod that the level restricted lets in, with these changes to it and, under `one`, to its container."""
    context = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    one = {"name": "main", "image": "registry.example/app:1", "securityContext": context, **spec.pop("one", {})}
    whole = {"containers": [one], "automountServiceAccountToken": False, "serviceAccountName": "app", **spec}
    return named(name, namespace, spec=whole, status={"phase": "Running"})


def sound() -> dict[str, t.Any]:
    """Return the objects of a cluster to which nothing is to object."""
    return {
        f"{CORE}/namespaces": [namespace(name) for name in ("default", "kube-system", "web")],
        f"{CORE}/pods": [pod("app")],
        POLICIES: [named("all", "default"), named("all", "kube-system"), named("all", "web")],
        f"{CORE}/serviceaccounts": [
            named("default", "default", automountServiceAccountToken=False),
            named("default", "web", automountServiceAccountToken=False),
            named("default", "kube-system", automountServiceAccountToken=False),
            named("app", "web"),
        ],
        f"{RBAC}/clusterroles": [
            role("psp", ("use", "policy", "podsecuritypolicies")),
            role("view", ("get,list,watch", "", "pods")),
            role("cluster-admin", ("*", "*", "*")),
            named("system:service-account-issuer-discovery", rules=[{"verbs": ["get"], "nonResourceURLs": ["/x"]}]),
        ],
        f"{RBAC}/roles": [role("view", ("get", "", "pods"), namespace="web")],
        f"{RBAC}/clusterrolebindings": [
            binding("psp", "ClusterRole/psp", "Group/system:serviceaccounts"),
            binding("cluster-admin", "ClusterRole/cluster-admin", "Group/system:masters"),
            binding(
                "system:service-account-issuer-discovery",
                "ClusterRole/system:service-account-issuer-discovery",
                "Group/system:serviceaccounts",
            ),
        ],
        f"{RBAC}/rolebindings": [binding("view", "Role/view", "ServiceAccount/web/app", namespace="web")],
        f"{CORE}/namespaces/default/services": [named("kubernetes", "default")],
        f"{CORE}/namespaces/default/serviceaccounts": [named("default", "default")],
        f"{CORE}/namespaces/default/configmaps": [named("kube-root-ca.crt", "default")],
        "/apis/batch/v1/namespaces/default/cronjobs": "missing",
    }


def benchmark_of(directory: pathlib.Path, check: str, **parameters: t.Any) -> Benchmark:
    document = {
        "id": "own-1.0",
        "title": "Own",
        "kubernetes": {"min": "1.13", "max": "1.32"},
        "profiles": {"all": {"skip": {}, "not_applicable": {}}},
        "groups": [{"id": "1", "title": "All"}],
        "controls": [{"id": "1.1", "check": check}],
    }
    directory = directory / check.replace("/", "-")  # files are read once
    directory.mkdir(exist_ok=True)
    (directory / "own-1.0.yml").write_text(json.dumps(document), encoding="utf-8")
    return candidates("own-1.0-all", parameters, [str(directory)])[0].benchmark


def seen(benchmark: Benchmark) -> dict[str, t.Any]:
    """Return the evidence of a node with the paths that the benchmark looks at beside lists."""
    tests = benchmark.controls[0]["tests"]
    return {**node(), "paths": {path_key(test["path"]): tree(file()) for test in tests if "path" in test}}


def verdict(benchmark: Benchmark, objects: dict[str, t.Any]) -> Verdict:
    reader = Reader(objects)
    shown = Lists(reader, benchmark.lists(), "v1.24.17").documents
    document = {"schema": "rke.cis/cluster-evidence/1", "server": reader.server, "version": "", "objects": shown}
    return score_node(benchmark, seen(benchmark), check_cluster(document, "x"))["1.1"]


Change = t.Callable[[dict[str, t.Any]], t.Any]

BINDINGS, ROLE_BINDINGS = f"{RBAC}/clusterrolebindings", f"{RBAC}/rolebindings"
ACCOUNT = "ServiceAccount/web/default"

# check: what is changed in a sound cluster, the state, and what the result names
CASES: list[tuple[str, Change, str, str]] = [
    ("net/namespaces-have-policies", lambda o: o[POLICIES].pop(), "fail", "web"),
    ("net/namespaces-have-policies", lambda o: o.update({POLICIES: []}), "fail", "default, kube-system, web"),
    ("net/namespaces-have-policies", lambda o: o[f"{CORE}/namespaces"].append(named("new")), "fail", "new"),
    (
        "net/namespaces-have-policies",
        lambda o: o[f"{CORE}/namespaces"].append(named("old", status={"phase": "Terminating"})),
        "pass",
        "none of 4",
    ),
    ("net/namespaces-have-policies", lambda o: o.update({f"{CORE}/namespaces": []}), "error", "no namespaces"),
    (
        "sa/default-unused",
        lambda o: o[f"{CORE}/serviceaccounts"][1].update(automountServiceAccountToken=True),
        "fail",
        "web/default",
    ),
    ("sa/default-unused", lambda o: o[f"{CORE}/serviceaccounts"][1].pop("automountServiceAccountToken"), "fail", "web"),
    (
        "sa/default-unused",
        lambda o: o[BINDINGS].append(binding("b", "ClusterRole/view", "User/x", ACCOUNT)),
        "fail",
        "b (ServiceAccount/web/default)",
    ),
    ("sa/default-unused", lambda o: o[BINDINGS].append(binding("b", "ClusterRole/psp", ACCOUNT)), "pass", ""),
    ("sa/default-unused", lambda o: o[BINDINGS].append(binding("b", "ClusterRole/gone", ACCOUNT)), "fail", "b"),
    ("sa/default-unused", lambda o: o[BINDINGS].append(binding("b", "ClusterRole/view", "User/default")), "pass", ""),
    (
        "sa/default-unused",
        lambda o: o[BINDINGS].append(binding("b", "ClusterRole/view", "User/system:serviceaccount:web:default")),
        "fail",
        "system:serviceaccount:web:default",
    ),
    (
        "sa/default-unused",
        lambda o: o[BINDINGS].append(binding("b", "ClusterRole/view", "Group/system:serviceaccounts:web")),
        "fail",
        "system:serviceaccounts:web",
    ),
    (
        "sa/default-unused",
        lambda o: o[BINDINGS][2]["subjects"].append({"kind": "ServiceAccount", "namespace": "web", "name": "default"}),
        "fail",
        "system:service-account-issuer-discovery (ServiceAccount/web/default)",
    ),
    (
        "sa/default-unused",
        lambda o: o[ROLE_BINDINGS].append(binding("b", "Role/view", ACCOUNT, namespace="web")),
        "fail",
        "web/b",
    ),
    (
        "sa/default-unused",
        lambda o: o[ROLE_BINDINGS].append(binding("b", "ClusterRole/psp", ACCOUNT, namespace="web")),
        "pass",
        "",
    ),
    (
        "sa/default-unused",  # the Role of this name is in another namespace
        lambda o: (
            o[f"{RBAC}/roles"].append(role("psp", ("use", "policy", "podsecuritypolicies"), namespace="web")),
            o[ROLE_BINDINGS].append(binding("b", "Role/psp", ACCOUNT, namespace="other")),
        ),
        "fail",
        "other/b",
    ),
    (
        "general/default-namespace",
        lambda o: o[f"{CORE}/namespaces/default/configmaps"].append(named("x", "default")),
        "fail",
        "default/ConfigMap/x",
    ),
    (
        "general/default-namespace",
        lambda o: o.update({"/apis/apps/v1/namespaces/default/deployments": [named("kubernetes", "default")]}),
        "fail",
        "default/Deployment/kubernetes",
    ),
    (
        "general/default-namespace",
        lambda o: o.update({"/apis/batch/v1/namespaces/default/cronjobs": [named("x", "default")]}),
        "fail",
        "default/CronJob/x",
    ),
    (
        "general/default-namespace",
        lambda o: o.update({"/apis/batch/v1beta1/namespaces/default/cronjobs": [named("x", "default")]}),
        "fail",
        "default/CronJob/x",
    ),
    (
        "general/default-namespace",
        lambda o: o.update({"/apis/batch/v1beta1/namespaces/default/cronjobs": "missing"}),
        "pass",
        "",
    ),
    ("general/default-namespace", lambda o: o.update({f"{CORE}/namespaces/default/pods": "missing"}), "error", ""),
]


PODS, ROLES = f"{CORE}/pods", f"{RBAC}/clusterroles"
PSP = "/apis/policy/v1beta1/podsecuritypolicies"
HOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def add(path: str, *items: dict[str, t.Any]) -> Change:
    return lambda objects: objects.setdefault(path, []).extend(items)


def context(**changes: t.Any) -> Change:
    """Add a pod with a container whose securityContext is this, and one with another that is sound."""
    return add(PODS, pod("odd", one={"securityContext": changes}))


def granted(*rule: str) -> list[tuple[Change, str]]:
    """Return two changes that give somebody this right, in all namespaces and in one."""
    made, bound = role("own", rule), binding("own", "ClusterRole/own", "User/ann", "ServiceAccount/web/app")  # type: ignore[arg-type]
    local = role("own", rule, namespace="web"), binding("own", "Role/own", "User/bob", namespace="web")  # type: ignore[arg-type]
    return [
        (lambda o: (add(ROLES, made)(o), add(BINDINGS, bound)(o)), "own (User/ann, ServiceAccount/web/app)"),
        (lambda o: (add(f"{RBAC}/roles", local[0])(o), add(ROLE_BINDINGS, local[1])(o)), "web/own (User/bob)"),
    ]


# manual check: what is changed in a sound cluster, and what is shown then
SHOWN: dict[str, list[tuple[Change, str]]] = {
    "rbac/cluster-admin": [
        (add(BINDINGS, binding("b", "ClusterRole/cluster-admin", "User/ann")), "b (User/ann)"),
        (add(ROLE_BINDINGS, binding("b", "ClusterRole/cluster-admin", "Group/x", namespace="web")), "web/b (Group/x)"),
        (
            add(BINDINGS, binding("cluster-admin", "ClusterRole/cluster-admin", "Group/system:masters", "User/ann")),
            "cluster-admin (User/ann)",
        ),
    ],
    "rbac/secrets": [*granted("list", "", "secrets"), *granted("*", "*", "*")],
    "rbac/wildcards": [
        (add(ROLES, role("own", ("get", "*", "pods"), ("get", "", "pods"))), "own (get/*/pods)"),
        (add(f"{RBAC}/roles", role("own", ("get,*", "", "pods"), namespace="web")), "web/own (get,*//pods)"),
    ],
    "rbac/create-pods": [*granted("create", "", "pods"), *granted("create", "apps", "deployments")],
    "rbac/system-masters": [
        (add(BINDINGS, binding("b", "ClusterRole/view", "Group/system:masters")), "b (Group/system:masters)")
    ],
    "rbac/bind-impersonate-escalate": [
        *granted("bind", "rbac.authorization.k8s.io", "clusterroles"),
        *granted("impersonate", "authentication.k8s.io", "userextras/scopes"),
        *granted("impersonate", "", "users"),
    ],
    "rbac/create-pvs": granted("create", "", "persistentvolumes"),
    "rbac/nodes-proxy": granted("get", "", "nodes/proxy"),
    "rbac/csr-approval": [
        *granted("update", "certificates.k8s.io", "certificatesigningrequests/approval"),
        *granted("approve", "certificates.k8s.io", "signers"),
    ],
    "rbac/webhooks": [
        *granted("patch", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        (add(HOOKS, named("hook")), "webhooks: 1 of 1 validatingwebhookconfigurations: hook"),
    ],
    "rbac/token-creation": granted("create", "", "serviceaccounts/token"),
    "sa/token-mounts": [
        (add(PODS, pod("odd", automountServiceAccountToken=True)), "web/odd (app)"),
        (add(PODS, pod("odd", automountServiceAccountToken=None)), "web/odd (app)"),
        (add(PODS, pod("odd", automountServiceAccountToken=None, serviceAccountName="gone")), "web/odd (gone)"),
        (add(PODS, pod("odd", automountServiceAccountToken=None, serviceAccountName="default")), "none of 2 pods"),
    ],
    "pss/privileged": [(context(privileged=True), "web/odd (main)")],
    "pss/hostPID": [(add(PODS, pod("odd", hostPID=True)), "1 of 2 pods: web/odd")],
    "pss/hostIPC": [(add(PODS, pod("odd", hostIPC=True)), "1 of 2 pods: web/odd")],
    "pss/hostNetwork": [
        (add(PODS, pod("odd", hostNetwork=True)), "1 of 2 pods: web/odd"),
        (add(f"{CORE}/namespaces", namespace("old", "privileged")), "old (privileged)"),
        (add(f"{CORE}/namespaces", namespace("old", "")), "old (no level)"),
        (add(f"{CORE}/namespaces", namespace("old", "baseline")), "none of 4 namespaces"),
        (add(f"{CORE}/namespaces", namespace("cattle-system", "")), "none of 4 namespaces, without 1 that are exempt"),
    ],
    "pss/allowPrivilegeEscalation": [
        (context(), "web/odd (main)"),
        (add(f"{CORE}/namespaces", namespace("old", "baseline")), "old (baseline)"),
    ],
    "pss/root": [
        (context(), "web/odd (main)"),
        (context(runAsNonRoot=True, runAsUser=0), "web/odd (main)"),
        (add(PODS, pod("odd", securityContext={"runAsNonRoot": True}, one={"securityContext": {}})), "none of 2 pods"),
        (
            add(
                PODS,
                pod("odd", securityContext={"runAsNonRoot": True}, one={"securityContext": {"runAsNonRoot": False}}),
            ),
            "web/odd (main)",
        ),
        (add(PODS, pod("odd", securityContext={"runAsUser": 0})), "web/odd (main)"),
        (add(PODS, pod("odd", initContainers=[{"name": "first"}])), "web/odd (first)"),
    ],
    "pss/NET_RAW": [
        (context(), "web/odd (main)"),
        (context(capabilities={"drop": ["NET_RAW"]}), "none of 2 pods"),
        (context(capabilities={"drop": ["NET_ADMIN"], "add": ["SYS_TIME"]}), "web/odd (main)"),
    ],
    "pss/added-capabilities": [
        (context(capabilities={"add": ["SYS_TIME", "NET_ADMIN"]}), "web/odd (main/SYS_TIME,NET_ADMIN)")
    ],
    "pss/capabilities-assigned": [(context(capabilities={"drop": ["NET_RAW"]}), "web/odd (main)")],
    "pss/hostProcess": [
        (context(windowsOptions={"hostProcess": True}), "web/odd (main)"),
        (add(PODS, pod("odd", securityContext={"windowsOptions": {"hostProcess": True}})), "web/odd (main)"),
    ],
    "pss/hostPath": [
        (add(PODS, pod("odd", volumes=[{"hostPath": {"path": "/etc"}}, {"emptyDir": {}}])), "web/odd (/etc)")
    ],
    "pss/hostPorts": [
        (add(PODS, pod("odd", one={"ports": [{"hostPort": 80}, {"hostPort": 0}, {}]})), "web/odd (main/80)"),
        (add(PODS, pod("odd", one={"ports": [{"hostPort": 0}, {"containerPort": 80}]})), "none of 2 pods"),
    ],
    "pss/mechanism": [
        (add(f"{CORE}/namespaces", namespace("old", "")), "old (no level)"),
        (add(HOOKS, named("hook")), "1 of 1 validatingwebhookconfigurations: hook"),
    ],
    "secrets/as-files": [
        (add(PODS, pod("odd", one={"env": [{"valueFrom": {"secretKeyRef": {"name": "s"}}}]})), "web/odd (s)"),
        (add(PODS, pod("odd", one={"envFrom": [{"secretRef": {"name": "s"}}, {"prefix": "x"}]})), "web/odd (s)"),
        (add(PODS, pod("odd", one={"env": [{"name": "X", "value": "hunter2"}]})), "none of 2 pods"),
    ],
    "general/namespaces": [(add(f"{CORE}/namespaces", namespace("old")), "default, kube-system, old, web")],
    "general/seccomp": [
        (context(), "web/odd (main)"),
        (
            add(
                PODS, pod("odd", securityContext={"seccompProfile": {"type": "Localhost"}}, one={"securityContext": {}})
            ),
            "none of 2 pods",
        ),
        (context(seccompProfile={"type": "Unconfined"}), "web/odd (main)"),
    ],
    "general/security-context": [(add(PODS, pod("odd", one={"securityContext": None})), "web/odd (main)")],
    "general/psp-compensating": [
        *granted("use", "policy", "podsecuritypolicies"),
        (add(PSP, named("p", spec={"privileged": True})), "p (privileged)"),
    ],
    "psp/privileged-manual": [
        (add(PSP, named("p", spec={"privileged": True})), "1 of 1 podsecuritypolicies: p"),
        (add(PSP, named("p", spec={})), "none of 1 podsecuritypolicies"),
    ],
    "psp/root-manual": [
        (add(PSP, named("p", spec={"runAsUser": {"rule": "RunAsAny"}})), "p (RunAsAny)"),
        (add(PSP, named("p", spec={})), "p (no rule)"),
        (add(PSP, named("p", spec={"runAsUser": {"rule": "MustRunAsNonRoot"}})), "none of 1 podsecuritypolicies"),
    ],
    "psp/NET_RAW-manual": [
        (add(PSP, named("p", spec={"requiredDropCapabilities": ["KILL"]})), "1 of 1 podsecuritypolicies: p"),
        (add(PSP, named("p", spec={"requiredDropCapabilities": ["NET_RAW"]})), "none of 1 podsecuritypolicies"),
        (add(PSP, named("p", spec={"requiredDropCapabilities": ["ALL"]})), "none of 1 podsecuritypolicies"),
    ],
    "psp/added-capabilities": [
        (
            add(PSP, named("p", spec={"allowedCapabilities": ["*"], "defaultAddCapabilities": ["SYS_TIME"]})),
            "p (*, SYS_TIME)",
        )
    ],
    "psp/capabilities-assigned": [
        (add(PSP, named("p", spec={"requiredDropCapabilities": ["NET_RAW"]})), "1 of 1 podsecuritypolicies: p"),
        (add(PSP, named("p", spec={"requiredDropCapabilities": ["ALL"]})), "none of 1 podsecuritypolicies"),
    ],
    "net/segmentation": [(add(POLICIES, named("deny", "web")), "web/deny")],
    "net/policies-appropriate": [
        (add(POLICIES, named("deny", "web")), "web/deny"),
        (add(f"{CORE}/namespaces", namespace("old")), "1 of 4 namespaces: old"),
    ],
    "net/cni-supports": [
        (add(PODS, pod("odd", one={"image": "rancher/calico-node:v3"})), "web/odd (rancher/calico-node:v3)")
    ],
}
CERTAIN = [name for name in CHECKS if any(test.get("certain") for test in (library_check(name) or {})["tests"])]


@pytest.mark.parametrize("check", SHOWN)
def test_what_a_person_judges_is_shown(tmp_path: pathlib.Path, check: str) -> None:
    benchmark = benchmark_of(tmp_path, check)
    before = verdict(benchmark, sound())
    assert before.state == "manual"
    assert before.actual.endswith("; nothing to object to") == (check in CERTAIN), before.actual
    for number, (change, text) in enumerate(SHOWN[check]):
        objects = sound()
        change(objects)
        found = verdict(benchmark, objects)
        assert found.state == "manual", (number, found.reason)
        assert text in found.actual, number
        assert text not in before.actual or text.startswith("none of"), number
        assert "hunter2" not in str(found)


@pytest.mark.parametrize("check", CERTAIN)
def test_what_is_found_is_not_nothing_to_object_to(tmp_path: pathlib.Path, check: str) -> None:
    benchmark = benchmark_of(tmp_path, check)
    found = []
    for change, _text in SHOWN[check] + SHOWN["pss/hostNetwork"] * check.startswith("pss/"):
        objects = sound()
        change(objects)
        found.append(verdict(benchmark, objects).actual)
    assert not all("nothing to object to" in text for text in found)


@pytest.mark.parametrize("check", SHOWN)
def test_without_an_api_a_person_judges_all_the_same(tmp_path: pathlib.Path, check: str) -> None:
    benchmark = benchmark_of(tmp_path, check)
    found = score_node(benchmark, seen(benchmark), None)["1.1"]
    assert found.state == "manual"
    assert "not seen: the Kubernetes API was not asked" in found.actual
    down = {"error": {"kind": "down", "message": "no answer"}}
    assert score_node(benchmark, seen(benchmark), down)["1.1"].state == "error"


def test_every_check_of_lists_has_its_cases() -> None:
    judged = {name for name in CHECKS if not (library_check(name) or {}).get("manual")}
    assert {name for name, _change, state, _named in CASES if state == "fail"} == judged
    assert set(SHOWN) == set(CHECKS) - judged


@pytest.mark.parametrize("case", range(len(CASES)))
def test_what_decides(tmp_path: pathlib.Path, case: int) -> None:
    check, change, state, named_in_it = CASES[case]
    benchmark, objects = benchmark_of(tmp_path, check), sound()
    assert verdict(benchmark, objects).state == "pass"
    change(objects)
    found = verdict(benchmark, objects)
    assert found.state == state, found
    assert named_in_it in f"{found.actual} {found.reason}"
    assert bool(found.reason) == (state != "pass")


@pytest.mark.parametrize("check", CHECKS)
def test_each_list_that_is_not_seen_is_an_error_of_the_check(tmp_path: pathlib.Path, check: str) -> None:
    benchmark = benchmark_of(tmp_path, check)
    for about in benchmark.lists().values():
        for kind in ("denied", "failed", "down"):
            found = verdict(benchmark, {**sound(), about["path"]: kind})
            assert found.state == "error", about["path"]
            assert f"list on {about['path'].rpartition('/')[2]}" in found.reason


@pytest.mark.parametrize("check", [name for name in CHECKS if not (library_check(name) or {}).get("manual")])
def test_fewer_objects_make_no_pass(tmp_path: pathlib.Path, check: str) -> None:
    """Removing what is looked up, or a field of it, from a cluster that fails never makes it pass."""
    benchmark = benchmark_of(tmp_path, check)
    lists = benchmark.lists()
    looked_up = {source["of"] for about in lists.values() for of in about.get("with", {}).values() for source in of}
    for name, change, state, _named in CASES:
        if name == check and state == "fail":
            objects = sound()
            change(objects)
            for path in {lists[name]["path"] for name in looked_up} & set(objects):
                assert verdict(benchmark, {**objects, path: []}).state in ("fail", "error")


@pytest.mark.parametrize("check", CHECKS)
def test_an_object_that_is_none_is_an_error(tmp_path: pathlib.Path, check: str) -> None:
    benchmark = benchmark_of(tmp_path, check)
    for about in benchmark.lists().values():
        for broken in (None, {}, "x", {"metadata": {}}, {"metadata": {"name": 1}}):
            objects = sound()
            objects[about["path"]] = [*objects.get(about["path"], []), broken]
            if about["path"] not in sound() or isinstance(sound()[about["path"]], list):
                assert verdict(benchmark, objects).state == "error"


def test_users_add_to_what_is_exempt(tmp_path: pathlib.Path) -> None:
    objects = sound()
    objects[POLICIES].pop()
    check = "net/namespaces-have-policies"
    assert verdict(benchmark_of(tmp_path, check, exempt_without_policy=["we*"]), objects).state == "pass"
    assert verdict(benchmark_of(tmp_path, check, exempt_without_policy=["we"]), objects).state == "fail"
    objects = sound()
    objects[BINDINGS].append(binding("b", "ClusterRole/view", ACCOUNT, "ServiceAccount/old/default"))
    own = ["*: ServiceAccount/old/default"]
    found = verdict(benchmark_of(tmp_path, "sa/default-unused", exempt_default_account=own), objects)
    assert found.state == "fail"
    assert "b (ServiceAccount/web/default)" in found.actual
    own.append("b: ServiceAccount/web/*")
    assert verdict(benchmark_of(tmp_path, "sa/default-unused", exempt_default_account=own), objects).state == "pass"


@pytest.mark.parametrize("value", ["web", None, 5, {"web": 1}, [5], [""], ["web", None]])
def test_what_is_exempt_is_a_list_of_texts(tmp_path: pathlib.Path, value: t.Any) -> None:
    with pytest.raises(CisError, match="exempt_without_policy .* must be a list of texts"):
        benchmark_of(tmp_path, "net/namespaces-have-policies", exempt_without_policy=value)


def test_what_is_exempt_cannot_hide_what_was_not_kept(tmp_path: pathlib.Path) -> None:
    objects = sound()
    objects[POLICIES] = []
    objects[f"{CORE}/namespaces"] = [named(f"old-{number:04}") for number in range(1001)]
    benchmark = benchmark_of(tmp_path, "net/namespaces-have-policies", exempt_without_policy=["old-*"])
    found = verdict(benchmark, objects)
    assert found.state == "error"
    assert "1000 of 1001" in found.reason


def test_a_path_is_read_once_for_all_that_ask_for_it(tmp_path: pathlib.Path) -> None:
    reader = Reader(sound())
    Lists(reader, benchmark_of(tmp_path, "sa/default-unused").lists(), "")
    assert len(reader.asked) == len(set(reader.asked)) == 5
