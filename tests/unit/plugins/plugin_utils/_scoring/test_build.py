# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report, exemptions, node_names
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks, score, unexamined
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    ALL,
    BENCHMARK,
    cluster,
    lost,
    node,
    set_flag,
    shut_docker,
)

COUNTS = ("pass", "fail", "skip", "notApplicable", "error")
MASTER, NODE = "1.1.8", "2.1.1"


def report(*nodes: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    return build_report(BENCHMARK, options.pop("profile", "hardened"), list(nodes), cluster(), **options)


def check(of: dict[str, t.Any], control_id: str) -> dict[str, t.Any]:
    return next(check for check in report_checks(of) if check["id"] == control_id)


def failing(name: str, roles: list[str] | None = None) -> dict[str, t.Any]:
    document = node(name, roles)
    set_flag(document, "kube-apiserver", "--profiling=true")
    return document


# ------------------------------------------------------------------------------------------- precedence


@pytest.mark.parametrize(
    "profile, control_id, skipped, expected",
    [
        ("permissive", "1.1.9", True, ("notApplicable", "profile")),
        ("permissive", "1.1.11", True, ("skip", "profile")),
        ("permissive", "1.1.2", True, ("skip", "me")),
        ("permissive", "1.1.2", False, None),
        ("hardened", "1.1.9", True, ("notApplicable", "profile")),
        ("hardened", "1.1.11", True, ("skip", "me")),
        ("hardened", "1.1.11", False, None),
    ],
)
def test_precedence(profile: str, control_id: str, skipped: bool, expected: tuple[str, str] | None) -> None:
    skips = {control_id: {"by": "me", "reason": "because"}} if skipped else {}
    found = exemptions(BENCHMARK, profile, skips).get(control_id, {})
    assert (found.get("state"), found.get("by")) == (expected or (None, None))
    if expected and expected[1] == "me":
        assert found["reason"] == "because"
    elif expected:
        assert len(found["reason"]) > 10
    # and in a whole report, where the control fails
    document = node()
    for shown in document["containers"].values():
        shown["args"] = shown["processes"] = []
    shown = check(report(document, profile=profile, skips=skips), control_id)
    assert shown["state"] == (expected[0] if expected else "error")


# ---------------------------------------------------------------------------------------------- states


def verdict(state: str, actual: str = "") -> Verdict:
    return Verdict(state, "wanted", actual, "source", "" if state == "pass" else "reason")


@pytest.mark.parametrize(
    "states, expected",
    [
        (["pass", "pass"], "pass"),
        (["fail", "fail"], "fail"),
        (["error", "error"], "error"),
        (["pass", "fail"], "mixed"),
        (["fail", "pass", "pass"], "mixed"),
        # what could not be seen never makes anything better
        (["pass", "error"], "error"),
        (["fail", "error"], "fail"),
        (["pass", "fail", "error"], "mixed"),
    ],
)
def test_a_cluster_of_nodes(states: list[str], expected: str) -> None:
    names = [f"n{number}" for number in range(len(states))]
    verdicts = {
        name: {control_id: verdict(state) for control_id in BENCHMARK.ids}
        for name, state in zip(names, states, strict=True)
    }
    found = report(*(node(name) for name in names), verdicts=verdicts)
    shown = check(found, MASTER)
    assert shown["state"] == expected
    for key in ("pass", "fail", "error"):
        wanted = [name for name, state in zip(names, states, strict=True) if state == key]
        assert shown[{"pass": "passed_nodes", "fail": "failed_nodes", "error": "error_nodes"}[key]] == wanted
    assert ("nodes" in shown) is (expected == "mixed")
    if expected == "mixed":
        assert shown["nodes"] == shown["failed_nodes"]
    counted = "fail" if expected == "mixed" else expected
    judged = len(BENCHMARK.ids) - found["notApplicable"]
    assert found[counted] == judged
    assert found["total"] == sum(found[key] for key in COUNTS) == 97
    assert len(unexamined(found)) == (judged if "error" in states else 0)


@pytest.mark.parametrize(
    "states, waived, expected",
    [
        (["warn", "warn"], [], "warn"),
        (["warn", "pass"], [], "warn"),
        (["warn", "error"], [], "warn"),  # as a failure stays one
        (["pass", "error"], [], "error"),
        (["warn", "warn"], ["n0", "n1"], "skip"),
        (["warn", "pass"], ["n0"], "skip"),
        (["warn", "warn"], ["n0"], "warn"),
        (["warn", "error"], ["n0"], "error"),
    ],
)
def test_a_control_that_is_not_scored_warns(states: list[str], waived: list[str], expected: str) -> None:
    benchmark, control_id = load_benchmark("rke-cis-1.3"), "1.1.30"
    names = [f"n{number}" for number in range(len(states))]
    verdicts = {
        name: {**{other: verdict("pass") for other in benchmark.ids}, control_id: verdict(state)}
        for name, state in zip(names, states, strict=True)
    }
    waiver = {"source": "w", "controls": [control_id], "nodes": waived, "groups": {}, "days_left": 9}
    waiver.update(reason="known", owner="me", expires="2026-12-31")
    found = build_report(
        benchmark, "hardened", [node(n) for n in names], verdicts=verdicts, waivers=[waiver] if waived else []
    )
    shown = check(found, control_id)
    assert shown["state"] == expected
    assert shown["warned_nodes"] == [n for n in names if n not in waived and verdicts[n][control_id].state == "warn"]
    assert (shown["waived_nodes"], shown["failed_nodes"], found["fail"]) == (waived, [], 0)
    assert found["warn"] == (expected == "warn")
    assert [found["node_results"][n]["warn"] for n in names] == [int(n in shown["warned_nodes"]) for n in names]
    assert {part["waiver"]["would_be"] for part in shown["evidence"] if "waiver" in part} == (
        {"warn"} if waived else set()
    )
    assert score(found) == (100 if expected != "error" else 100 * found["pass"] // (found["pass"] + 1)), "never counts"


def test_what_was_seen_alike_is_told_once() -> None:
    verdicts = {
        name: {control_id: verdict("fail", actual) for control_id in BENCHMARK.ids}
        for name, actual in (("a", "x"), ("b", "y"), ("c", "x"))
    }
    shown = check(report(node("c"), node("b"), node("a"), verdicts=verdicts), MASTER)
    assert [(part["actual"], part["nodes"]) for part in shown["evidence"]] == [("x", ["a", "c"]), ("y", ["b"])]
    assert set(shown["evidence"][0]) == {"state", "expected", "actual", "source", "reason", "nodes"}


def test_a_real_cluster() -> None:
    nodes = [
        failing("cp2", ["controlplane"]),
        node("cp1", ["controlplane"]),
        node("e1", ["etcd"]),
        lost("w2", ["worker"]),
        node("w1", ["worker"]),
    ]
    found = report(*nodes)
    assert found["nodes"] == {"master": ["cp1", "cp2"], "etcd": ["e1"], "node": ["w1", "w2"]}
    assert (check(found, MASTER)["state"], check(found, MASTER)["failed_nodes"]) == ("mixed", ["cp2"])
    assert (check(found, NODE)["state"], check(found, NODE)["error_nodes"]) == ("error", ["w2"])
    assert found["node_errors"] == {"w2": "unreachable: no route to host"}
    assert found["fail"] == 1
    assert found["node_results"]["cp2"]["fail"] == 1
    assert found["node_results"]["cp1"]["fail"] == 0
    assert found["node_results"]["w2"]["pass"] == 0
    assert found["node_results"]["w2"]["error"] > 10
    assert list(found["node_results"]) == ["cp1", "cp2", "e1", "w1", "w2"]


@pytest.mark.parametrize("roles", [["worker"], ["etcd"], ["controlplane"]])
def test_a_role_without_a_node_is_an_error_and_never_a_pass(roles: list[str]) -> None:
    found = report(node("n1", roles))
    for shown in report_checks(found):
        if shown["state"] in ("skip", "notApplicable"):
            continue
        types = {"master": "controlplane", "etcd": "etcd", "node": "worker"}
        wanted = [types[kind] for kind in shown["node_type"]]
        if not set(wanted) & set(roles):
            assert shown["state"] == "error"
            assert all(role in shown["reason"] for role in wanted)
            assert shown["passed_nodes"] == []
        else:
            assert shown["state"] == "pass"


def test_no_nodes_at_all() -> None:
    found = report()
    assert found["pass"] == found["fail"] == 0
    assert found["error"] == 97 - found["notApplicable"]
    assert found["collected_at"] == ""


def test_a_node_that_could_not_be_seen_passes_only_what_the_api_says() -> None:
    found = report(lost("n1"))
    passed = {shown["id"] for shown in report_checks(found) if shown["state"] == "pass"}
    assert passed == {"1.7.2", "1.7.3", "1.7.4", "1.7.5"}
    assert found["fail"] == 0


@pytest.mark.parametrize("kind", ["denied", "down", "timeout", "missing", "podman"])
def test_a_node_of_which_nothing_was_seen_is_unseen_whatever_the_cause(kind: str) -> None:
    dark = node("n1")
    shut_docker(dark, kind, "look at it, name its socket with docker_host, or raise timeout")
    found = report(dark, node("n2"), lost("n3"))
    assert found["node_errors"] == {
        "n1": f"{kind}: no socket; look at it, name its socket with cis_scan_docker_host, or raise cis_scan_timeout",
        "n3": "unreachable: no route to host",
    }
    assert {found["node_results"]["n1"][state] for state in ("pass", "fail")} == {4, 0}, "what the API says"


def test_a_node_without_any_container_or_readable_file_is_unseen() -> None:
    empty = node("n1", ["worker"])
    shut_docker(empty)
    empty["docker"] = {"host": "unix:///var/run/docker.sock", "source": "docker CLI"}
    for name in empty["containers"]:
        empty["containers"][name] = {"error": {"kind": "missing", "message": f"there is no container named {name}"}}
    assert report(empty)["node_errors"] == {"n1": "missing: there is no container named kubelet"}


@pytest.mark.parametrize(
    "part, seen",
    [
        ("containers", {"state": "exited"}),
        ("paths", {"type": "file", "mode": "0600", "uid": 0, "gid": 0, "owner": "root", "group": "root"}),
        ("paths", {"error": {"kind": "missing", "message": "no such file"}}),
    ],
)
def test_a_node_of_which_something_was_seen_is_not_unseen(part: str, seen: dict[str, t.Any]) -> None:
    dark = node("n1", ["worker"])
    shut_docker(dark)
    dark[part][next(iter(dark[part]))] = seen
    assert report(dark)["node_errors"] == {}


# --------------------------------------------------------------------------------------- which nodes


def test_node_tests_run_on_workers_or_on_all() -> None:
    nodes = [node("cp1", ["controlplane"]), node("e1", ["etcd"]), node("w1", ["worker"]), node("all1", ALL)]
    assert node_names(nodes, "workers") == {"master": ["all1", "cp1"], "etcd": ["all1", "e1"], "node": ["all1", "w1"]}
    assert node_names(nodes, "all")["node"] == ["all1", "cp1", "e1", "w1"]
    assert node_names(nodes, "all")["master"] == ["all1", "cp1"]


def test_node_tests_on_all_nodes_find_a_bad_kubelet_of_a_controlplane_node() -> None:
    nodes = [node("cp1", ["controlplane"]), node("w1", ["worker"])]
    set_flag(nodes[0], "kubelet", "--anonymous-auth=true")
    assert check(report(*nodes), NODE)["state"] == "pass"
    found = check(report(*nodes, node_tests_on="all"), NODE)
    assert (found["state"], found["failed_nodes"]) == ("mixed", ["cp1"])


# ------------------------------------------------------------------------------------------ the whole


def test_ranchers_keys() -> None:
    found = report(node(), profile="permissive", cluster="prod")
    assert {"version", "total", "pass", "fail", "skip", "notApplicable", "nodes", "results"} <= set(found)
    assert (found["version"], found["total"], found["cluster"]) == ("rke-cis-1.4", 97, "prod")
    assert found["profile"].lower() == "rke-cis-1.4-permissive"
    for group in found["results"]:
        assert {"id", "description", "checks"} <= set(group)
        for shown in group["checks"]:
            assert {"id", "title", "remediation", "state", "scored", "node_type"} <= set(shown)
            assert shown["id"].startswith(group["id"] + ".")
            assert shown["description"] in (f"{shown['title']} (Scored)", f"{shown['title']} (Not Scored)")
    assert [shown["id"] for shown in report_checks(found)] == [control["id"] for control in BENCHMARK.controls]
    assert (found["skip"], found["notApplicable"]) == (15, 19)


def test_the_order_of_the_evidence_does_not_matter() -> None:
    nodes = [failing("b"), node("a"), lost("c")]
    assert json.dumps(report(*nodes)) == json.dumps(report(*nodes[::-1]))


def test_the_time_is_that_of_the_latest_evidence() -> None:
    nodes = [node("a"), node("b"), lost("c")]
    nodes[0]["collected_at"] = "2026-11-21T23:00:00Z"
    assert report(*nodes)["collected_at"] == "2026-11-21T23:00:00Z"
    assert report(lost("c"))["collected_at"] == ""


def test_a_clock_that_is_off_is_a_warning_that_names_the_node() -> None:
    nodes = [node(name) for name in "abc"]
    assert report(*nodes)["warnings"] == []
    for document, off in zip(nodes, (86399, 0, -301), strict=True):
        document["clock_offset"] = off
    assert report(*nodes)["warnings"] == [
        "clocks differ from the controller's: a is 24 h ahead, c is 5 min behind; set them right"
    ]
    nodes = [{**node(f"n{number:02}", ["worker"]), "clock_offset": 400} for number in range(20)]
    (warning,) = report(*nodes, node("m"))["warnings"]
    assert "n04 is 7 min ahead and 15 more" in warning


def test_one_host_under_two_names_is_a_warning_that_names_both() -> None:
    nodes = [node(name) for name in "cab"]
    for document in nodes:
        for number, container in enumerate(document["containers"].values()):
            container["id"] = f"{document['node']}{number:011}"
    assert report(*nodes)["warnings"] == []
    nodes[0]["containers"]["kubelet"]["id"] = nodes[1]["containers"]["kubelet"]["id"]
    nodes[0]["containers"]["kube-proxy"] = nodes[1]["containers"]["kube-proxy"]
    dark = node("d")
    shut_docker(dark)
    assert report(*nodes, dark)["warnings"] == [
        "a, c have the same containers, so they are one host or copies of one; keep one of them in the inventory"
    ]


def test_counts_of_a_node_are_of_the_controls_that_run_on_it() -> None:
    found = report(node("e1", ["etcd"]), node("w1", ["worker"]), node("cp1", ["controlplane"]), profile="permissive")
    for name, kind in (("e1", "etcd"), ("w1", "node"), ("cp1", "master")):
        controls = [control for control in BENCHMARK.controls if kind in control["node_type"]]
        assert sum(found["node_results"][name][key] for key in COUNTS) == len(controls)


def test_a_scan_of_a_part_says_so() -> None:
    report = build_report(BENCHMARK, "hardened", [node("a")], cluster(), not_scanned=["c", "b"], notes=["a note"])
    assert report["not_scanned"] == ["b", "c"]
    assert report["warnings"] == ["this is not the whole cluster: 1 of 3 nodes were scanned, without b, c", "a note"]
    assert "not_scanned" not in build_report(BENCHMARK, "hardened", [node("a")], cluster())
