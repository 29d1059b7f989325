# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was not seen is never a pass."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_answer
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, lost, node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.score_helper import (
    API,
    CONTROLS,
    FILES,
    HEAD,
    JUDGED,
    of_component,
    states,
)

COMPONENTS = ["kube-apiserver", "kube-scheduler", "kube-controller-manager", "kubelet", "etcd"]


def named_by(name: str) -> set[str]:
    """The controls that look at a path that one of this component's arguments names."""
    paths = [(i, test["path"]) for i in FILES for test in CONTROLS[i]["tests"] if "flag" in test.get("path", {})]
    return {i for i, path in paths if path["container"] == name}


KINDS = ["missing", "denied", "down", "timeout", "failed", "unreachable", "not gathered", "Windows", "anything", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_that_was_not_seen(kind: str) -> None:
    document = lost()
    document["error"]["kind"] = kind
    found = score_node(BENCHMARK, document, cluster(), JUDGED)
    # what the API says does not depend on the node
    assert {i for i, verdict in found.items() if verdict.state == "pass"} == API
    assert {verdict.state for i, verdict in found.items() if i not in API} == {"error"}
    assert all("no route to host" in verdict.reason for i, verdict in found.items() if i not in API)


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_container_that_was_not_seen(component: str, kind: str) -> None:
    document = node()
    document["containers"][component] = {"error": {"kind": kind, "message": "because", "advice": "mend it"}}
    found = score_node(BENCHMARK, document, cluster(), JUDGED)
    unseen = of_component(component) | named_by(component)
    assert unseen
    for control_id in unseen:
        assert found[control_id].state == "error"
        assert "because" in found[control_id].reason
        assert "mend it" in found[control_id].reason
    assert {found[i].state for i in JUDGED - unseen} == {"pass"}


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize(
    "change",
    [
        {"state": "exited"},
        {"state": "created"},
        {"state": "restarting"},
        {"state": "paused"},
        {"state": "dead"},
        {"state": ""},
        # other processes run, and not the component
        {"processes": [["/pause"]]},
        {"processes": [["bash", "-c", "x"], []]},
        {"processes": [], "args": ["sleep", "1d"]},
        {"processes": [], "args": []},
    ],
)
def test_a_component_that_does_not_run(component: str, change: dict[str, t.Any]) -> None:
    document = node()
    document["containers"][component].update(change)
    found = score_node(BENCHMARK, document, cluster(), JUDGED)
    assert {found[i].state for i in of_component(component)} == {"error"}
    assert all(component in found[i].reason for i in of_component(component))


def test_a_container_that_is_not_in_the_evidence() -> None:
    document = node()
    document["containers"] = {}
    found = states(document)
    assert {state for i, state in found.items() if i not in FILES | API} == {"error"}


@pytest.mark.parametrize("kind", ["denied", "unreadable", "not_located", "container down", "anything", ""])
def test_a_path_that_was_not_seen(kind: str) -> None:
    document = node()
    document["paths"] = {key: {"error": {"kind": kind, "message": "because"}} for key in document["paths"]}
    found = score_node(BENCHMARK, document, cluster(), JUDGED)
    assert FILES
    assert {found[i].state for i in FILES} == {"error"}
    assert all("because" in found[i].reason for i in FILES)
    assert {found[i].state for i in JUDGED - FILES} == {"pass"}


@pytest.mark.parametrize("kind", ["missing", "not_absolute", "malformed"])
def test_a_path_that_is_known_not_to_be_good(kind: str) -> None:
    document = node()
    document["paths"] = {key: {"error": {"kind": kind, "message": "because"}} for key in document["paths"]}
    found = score_node(BENCHMARK, document, cluster(), JUDGED)
    assert {found[i].state for i in FILES} == {"fail"}


def test_a_path_that_no_flag_names() -> None:
    document = node()
    document["paths"] = {key: {"error": {"kind": "not_set", "message": "because"}} for key in document["paths"]}
    found = score_node(BENCHMARK, document, cluster(), JUDGED)
    assert {i for i in FILES if found[i].state == "fail"} == {"1.1.35"}  # nothing is encrypted then
    assert {found[i].state for i in FILES - {"1.1.35"}} == {"error"}
    assert "because; set the flag" in found["1.4.11"].reason


def test_each_path_of_several_processes_counts() -> None:
    for change, state in (
        ({}, "pass"),
        ({"mode": "0777"}, "fail"),
        ({"error": {"kind": "not_mounted", "message": "because"}}, "error"),
        ({"error": {"kind": "not_set", "message": "because"}}, "error"),
    ):
        document = node()
        good = document["paths"]["etcd:--data-dir"]
        document["paths"]["etcd:--data-dir"] = {"each": [good, {**good, **change}]}
        assert states(document)["1.4.11"] == state


@pytest.mark.parametrize("change", [{"state": "exited"}, {"processes": [["/pause"]]}])
def test_a_path_of_a_component_that_does_not_run(change: dict[str, t.Any]) -> None:
    document = node()
    for shown in document["containers"].values():
        shown.update(change)
    found = score_node(BENCHMARK, document, cluster(), {"1.1.35", "1.4.11", "1.4.12", "2.2.7", "2.2.8", "2.2.1"})
    assert {i for i, verdict in found.items() if verdict.state == "pass"} == {"2.2.1"}  # its path is no flag's
    assert {verdict.state for i, verdict in found.items() if i != "2.2.1"} == {"error"}


@pytest.mark.parametrize(
    "image, state",
    [
        ("rancher/hyperkube:v1.27.16-rancher1", "pass"),
        ("registry.example:5000/rancher/hyperkube:v1.30.2-rancher1-1", "pass"),
        ("rancher/hyperkube:v1.26.15-rancher1", "fail"),
        ("rancher/hyperkube@sha256:0123", "fail"),
        ("rancher/hyperkube:latest", "fail"),
        ("registry:v1.27.1/hyperkube", "fail"),
        ("rancher/hyperkube:v1." + "9" * 5000 + ".1", "fail"),
        ("", "fail"),
    ],
)
def test_what_all_resources_are_depends_on_the_version_of_the_api_server(image: str, state: str) -> None:
    document = node()
    document["containers"]["kube-apiserver"]["image"] = image
    shown = document["paths"]["kube-apiserver:--encryption-provider-config"]
    shown["encryption"] = [{"resources": ["*.*"], "providers": ["aescbc"]}]
    assert states(document)["1.1.35"] == state


@pytest.mark.parametrize(
    "spec", ["x", [], ["hostPID"], 5, True, None, "", {"hostPID": ""}, {"hostPID": []}, {"hostPID": 0}]
)
def test_a_policy_of_another_shape_is_no_evidence_of_a_pass(spec: t.Any) -> None:
    api = cluster()
    api["objects"]["podsecuritypolicies"]["items"] = [{"metadata": {"name": "a"}, "spec": spec}]
    found = score_node(BENCHMARK, node(), api, API)
    passed = {i for i in API if found[i].state == "pass"}
    assert passed == ({"1.7.3", "1.7.4"} if isinstance(spec, dict) else set())


def test_paths_that_are_not_in_the_evidence() -> None:
    document = node()
    document["paths"] = {}
    assert {states(document)[i] for i in FILES} == {"error"}


@pytest.mark.parametrize("kind", ["file", "directory", "link", "socket", "fifo", "other", ""])
def test_a_path_of_another_type(kind: str) -> None:
    document = node()
    for entry in document["paths"].values():
        entry["type"] = kind
    wrong = {i for i, state in states(document).items() if state != "pass"}
    assert wrong
    assert wrong <= FILES
    assert {states(document)[i] for i in wrong} == {"fail"}


@pytest.mark.parametrize(
    "api",
    [
        {"error": {"kind": "down", "message": "because"}},
        {"error": {"message": "because"}},
        {"objects": {"podsecuritypolicies": {"error": {"kind": "denied", "message": "because"}}}},
        {"objects": {"podsecuritypolicies": {"error": {"kind": "missing", "message": "because"}}}},
        {"objects": {}},
        {"objects": {"podsecuritypolicies": {}}},
        {"objects": {"podsecuritypolicies": None}},
        {"objects": {"podsecuritypolicies": {"items": None}}},
        {"objects": {"podsecuritypolicies": {"items": {}}}},
        {"objects": {"podsecuritypolicies": {"items": "x"}}},
        {"objects": {"podsecuritypolicies": {"items": [{"spec": {}}]}}},
        {"objects": None},
        {"x": 1},
    ],
)
def test_an_api_that_was_not_seen(api: dict[str, t.Any]) -> None:
    found = score_node(BENCHMARK, node(), check_answer({**HEAD, **api} if "objects" in api else api), JUDGED)
    assert {found[i].state for i in API} == {"error"}
    assert all(found[i].reason for i in API)
    assert {found[i].state for i in JUDGED - API} == {"pass"}


def test_an_api_that_was_not_asked() -> None:
    found = score_node(BENCHMARK, node(), None, API)
    assert {verdict.state for verdict in found.values()} == {"error"}
    assert all("cis_scan_kubeconfig" in verdict.reason for verdict in found.values())


def test_no_policy_is_a_failure() -> None:
    found = score_node(BENCHMARK, node(), {"objects": {"podsecuritypolicies": {"items": []}}}, API)
    assert {verdict.state for verdict in found.values()} == {"fail"}
