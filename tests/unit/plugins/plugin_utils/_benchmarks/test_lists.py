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

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import ClusterReader, Lists
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, candidates
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import check_names, library_check
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_cluster
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict, score_node
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


def sound() -> dict[str, t.Any]:
    """Return the objects of a cluster to which nothing is to object."""
    return {
        f"{CORE}/namespaces": [named(name, status={"phase": "Active"}) for name in ("default", "web")],
        POLICIES: [named("all", "default"), named("all", "web")],
        f"{CORE}/serviceaccounts": [
            named("default", "default", automountServiceAccountToken=False),
            named("default", "web", automountServiceAccountToken=False),
            named("app", "web"),
        ],
        f"{RBAC}/clusterroles": [
            role("psp", ("use", "policy", "podsecuritypolicies")),
            role("view", ("get,list,watch", "", "pods")),
            named("system:service-account-issuer-discovery", rules=[{"verbs": ["get"], "nonResourceURLs": ["/x"]}]),
        ],
        f"{RBAC}/roles": [role("view", ("get", "", "pods"), namespace="web")],
        f"{RBAC}/clusterrolebindings": [
            binding("psp", "ClusterRole/psp", "Group/system:serviceaccounts"),
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


def verdict(benchmark: Benchmark, objects: dict[str, t.Any]) -> Verdict:
    reader = Reader(objects)
    shown = Lists(reader, benchmark.lists(), "v1.24.17").documents
    document = {"schema": "rke.cis/cluster-evidence/1", "server": reader.server, "version": "", "objects": shown}
    return score_node(benchmark, node(), check_cluster(document, "x"))["1.1"]


Change = t.Callable[[dict[str, t.Any]], t.Any]

BINDINGS, ROLE_BINDINGS = f"{RBAC}/clusterrolebindings", f"{RBAC}/rolebindings"
ACCOUNT = "ServiceAccount/web/default"

# check: what is changed in a sound cluster, the state, and what the result names
CASES: list[tuple[str, Change, str, str]] = [
    ("net/namespaces-have-policies", lambda o: o[POLICIES].pop(), "fail", "web"),
    ("net/namespaces-have-policies", lambda o: o.update({POLICIES: []}), "fail", "default, web"),
    ("net/namespaces-have-policies", lambda o: o[f"{CORE}/namespaces"].append(named("new")), "fail", "new"),
    (
        "net/namespaces-have-policies",
        lambda o: o[f"{CORE}/namespaces"].append(named("old", status={"phase": "Terminating"})),
        "pass",
        "none of 3",
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
        lambda o: o[BINDINGS][1]["subjects"].append({"kind": "ServiceAccount", "namespace": "web", "name": "default"}),
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


def test_every_check_of_lists_has_its_cases() -> None:
    judged = {name for name in CHECKS if not (library_check(name) or {}).get("manual")}
    assert {name for name, _change, state, _named in CASES if state == "fail"} == judged


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
    objects[POLICIES] = [named("all", "default")]
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
