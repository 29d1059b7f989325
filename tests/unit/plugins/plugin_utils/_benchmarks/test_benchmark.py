# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks import benchmark as _benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node

ALL = ["controlplane", "etcd", "worker"]


def test_available_are_the_benchmark_files() -> None:
    assert {"rke-cis-1.3", "rke-cis-1.8"} <= set(benchmark_files())
    assert not any(name.endswith(".yml") for name in benchmark_files())


@pytest.mark.parametrize("name", ["rke-cis-1.4", "RKE-CIS-1.4", "Rke-Cis-1.4"])
def test_a_benchmark_in_any_letter_case(name: str) -> None:
    assert load_benchmark(name).id == "rke-cis-1.4"


def test_a_benchmark_is_read_once() -> None:
    assert load_benchmark("rke-cis-1.4") is load_benchmark("rke-cis-1.4")


@pytest.mark.parametrize("name", ["", "rke", "rke-cis-9.9", "../rke-cis-1.4", "rke-cis-1.4.yml", "/etc/passwd"])
def test_an_unknown_benchmark_lists_those_that_exist(name: str) -> None:
    with pytest.raises(CisError) as caught:
        load_benchmark(name)
    assert "rke-cis-1.4" in str(caught.value)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    "name, profile",
    [
        ("RKE-CIS-1.4-Permissive", "permissive"),
        ("rke-cis-1.4-hardened", "hardened"),
        (" RKE-CIS-1.4-HARDENED ", "hardened"),
    ],
)
def test_profiles(name: str, profile: str) -> None:
    ((benchmark, found),) = candidates(name)
    assert (benchmark.id, found) == ("rke-cis-1.4", profile)
    assert benchmark.profile_name(found).lower() == name.strip().lower()


@pytest.mark.parametrize(
    "name",
    [
        "",
        None,
        1.4,
        "strict",
        "-permissive",
        "RKE-CIS-1.4",
        "RKE-CIS-1.4-",
        "RKE-CIS-1.4-strict",
        "RKE-CIS-9-Hardened",
        [],
    ],
)
def test_an_unknown_profile_lists_those_that_exist(name: t.Any) -> None:
    with pytest.raises(CisError) as caught:
        candidates(name)
    message = str(caught.value)
    assert "RKE-CIS-1.4-Permissive" in message
    assert "RKE-CIS-1.4-Hardened" in message
    assert "cis_scan_profile" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "roles, containers",
    [
        (["worker"], {"kubelet", "kube-proxy"}),
        (["etcd"], {"etcd", "kubelet"}),
        (["controlplane"], {"kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubelet"}),
        (ALL, {"kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubelet", "kube-proxy", "etcd"}),
    ],
)
def test_a_plan_asks_for_what_the_roles_run(roles: list[str], containers: set[str]) -> None:
    plan = load_benchmark("rke-cis-1.4").plan(roles)
    assert containers <= set(plan["containers"])
    if "etcd" not in roles:
        assert "etcd" not in plan["containers"]
    if "controlplane" not in roles:
        assert "kube-apiserver" not in plan["containers"]
    json.dumps(plan)


def test_a_plan_asks_only_for_variables_that_are_read() -> None:
    containers = load_benchmark("rke-cis-1.4").plan(ALL)["containers"]
    assert {name for name, wanted in containers.items() if wanted.get("env")} == {"etcd"}
    assert "ETCD_CLIENT_CERT_AUTH" in containers["etcd"]["env"]
    assert all(name.startswith("ETCD_") for name in containers["etcd"]["env"])


def test_a_plan_names_the_flags_whose_values_a_report_shows() -> None:
    flags = {
        name: about["flags"]
        for name, about in load_benchmark("rke-cis-1.4").plan(["controlplane"])["containers"].items()
    }
    judged = {"--profiling", "--authorization-mode", "--client-ca-file", "--basic-auth-file"}
    assert judged <= set(flags["kube-apiserver"])
    assert "--oidc-client-id" not in flags["kube-apiserver"]
    assert "--client-ca-file" in flags["kubelet"]


def test_a_plan_asks_for_a_path_once_and_for_all_that_is_wanted_of_it() -> None:
    paths = load_benchmark("rke-cis-1.4").plan(ALL)["paths"]
    wanted = [(p["container"], p.get("flag"), p.get("path")) for p in paths]
    assert len(wanted) == len(set(wanted))
    (pki,) = (p for p in paths if p.get("path") == "/etc/kubernetes/ssl")
    assert pki["list"] is True
    (encryption,) = (p for p in paths if p.get("read"))
    assert (encryption["read"], encryption["style"]) == ("encryption_providers", "pflag")
    (data,) = (p for p in paths if p.get("flag") == "--data-dir")
    # not RKE's directory without the flag: etcd does not use it then
    assert data == {"container": "etcd", "flag": "--data-dir", "style": "go"}


def test_what_no_profile_judges_is_not_gathered() -> None:
    paths = {p.get("path") for p in load_benchmark("rke-cis-1.4").plan(ALL)["paths"]}
    assert "/etc/kubernetes/admin.conf" not in paths
    assert "/etc/kubernetes/ssl/kubecfg-kube-node.yaml" in paths


def test_a_plan_does_not_change_the_benchmark() -> None:
    benchmark = load_benchmark("rke-cis-1.4")
    before = json.dumps(benchmark.controls)
    benchmark.plan(ALL)
    assert json.dumps(benchmark.controls) == before


def test_node_types_are_ranchers_and_roles_are_rkes() -> None:
    assert _benchmark.NODE_TYPES == {"master": "controlplane", "etcd": "etcd", "node": "worker"}


def test_parameters_have_defaults_and_may_be_chosen() -> None:
    ((benchmark, _profile),) = candidates("RKE-CIS-1.3-Hardened")
    assert benchmark.chosen_parameters() == {"pod_security_policy": "restricted"}
    ((changed, _profile),) = candidates("RKE-CIS-1.3-Hardened", {"pod_security_policy": "own.psp-1"})
    assert changed.chosen_parameters() == {"pod_security_policy": "own.psp-1"}
    assert load_benchmark("rke-cis-1.3").chosen_parameters() == {"pod_security_policy": "restricted"}
    added = benchmark.with_parameters({"exempt_rancher": ["system-install", "mine"]})
    assert added.parameters["exempt_rancher"] == [*benchmark.parameters["exempt_rancher"], "mine"]
    assert added.chosen_parameters() == {"pod_security_policy": "restricted", "exempt_rancher": ["mine"]}
    assert added.with_parameters(added.parameters).parameters == added.parameters
    assert changed.controls is benchmark.controls


@pytest.mark.parametrize(
    "parameters, told",
    [
        ("restricted", "a dictionary"),
        (["pod_security_policy"], "a dictionary"),
        ({"psp": "x"}, "available: .*pod_security_policy"),
        ({"pod_security_policy": "a'b"}, "is not a valid Kubernetes object name"),
        ({"pod_security_policy": ""}, "is not a valid Kubernetes object name"),
        ({"pod_security_policy": None}, "is not a valid Kubernetes object name"),
        ({"pod_security_policy": "a b"}, "is not a valid Kubernetes object name"),
    ],
)
def test_a_wrong_parameter_is_refused(parameters: t.Any, told: str) -> None:
    with pytest.raises(CisError, match=told):
        candidates("RKE-CIS-1.3-Hardened", parameters)


ROLES = [["worker"], ["etcd"], ["controlplane"], ALL]


@pytest.mark.parametrize("roles", ROLES)
@pytest.mark.parametrize("benchmark_id", ["rke-cis-1.3", "rke-cis-1.4"])
def test_a_plan_of_some_controls_is_the_part_of_the_plan_that_they_look_at(benchmark_id: str, roles: list[str]) -> None:
    """A document that holds that part alone is judged as one that holds all."""
    benchmark = load_benchmark(benchmark_id)
    whole = benchmark.plan(roles)
    words = ["--client-ca-file=/ca.pem", "--trusted-ca-file=/other.pem", "--anonymous-auth=true"]
    container = {"state": "running", "env": {}}
    error = {"error": {"kind": "denied", "message": "no"}}
    document = {
        "containers": {name: {**container, "processes": [[name, *words]]} for name in whole["containers"]},
        "paths": {path_key(request): error for request in whole["paths"]},
    }
    assert benchmark.plan(roles, benchmark.ids) == whole
    for control in benchmark.controls:
        plan = benchmark.plan(roles, {control["id"]})
        part = {
            "containers": {name: document["containers"][name] for name in plan["containers"]},
            "paths": {path_key(request): document["paths"][path_key(request)] for request in plan["paths"]},
        }
        assert all(request in whole["paths"] for request in plan["paths"])
        assert all(whole["containers"][name] == request for name, request in plan["containers"].items())
        only = {control["id"]}
        assert score_node(benchmark, part, None, only) == score_node(benchmark, document, None, only)
    assert benchmark.plan(roles, set()) == {"containers": {}, "paths": []}


def test_a_plan_of_a_path_has_all_containers_whose_mounts_may_tell_where_it_lies() -> None:
    plan = load_benchmark("rke-cis-1.4").plan(["worker"], {"2.2.1"})
    assert (set(plan["containers"]), len(plan["paths"])) == ({"kubelet", "kube-proxy"}, 1)


def test_the_plan_shows_and_reads_a_flag_under_all_its_names() -> None:
    plan = load_benchmark("rke-cis-1.4").plan(["controlplane"])
    flags = plan["containers"]["kube-apiserver"]["flags"]
    assert {"--insecure-port", "--port", "--admission-control", "--experimental-encryption-provider-config"} <= set(
        flags
    )
    (request,) = [path for path in plan["paths"] if path.get("flag") == "--encryption-provider-config"]
    assert request["counts_as"] == {"--experimental-encryption-provider-config": "--encryption-provider-config"}


def test_a_path_of_the_node_needs_no_container_and_is_asked_for_once() -> None:
    benchmark = load_benchmark("rke-cis-1.8")
    (chosen,) = (control["id"] for control in benchmark.controls if control["check"] == "files/cni-owner")
    plan = benchmark.plan(["controlplane"], {chosen})
    assert plan["containers"] == {}
    assert plan["paths"] == [{"host": "/etc/cni/net.d", "tree": True}, {"host": "/var/lib/cni/networks", "tree": True}]
    everything = [path for path in benchmark.plan(["controlplane"])["paths"] if "host" in path]
    assert everything == plan["paths"]
    assert not [path for path in benchmark.plan(["worker"])["paths"] if "host" in path]
