# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door of the controller: what a node or an API server sends is admitted only in the form of the schema."""

from __future__ import annotations

import copy
import shlex
import time
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.rke.cis.plugins.module_utils._evidence import host_path
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.audit import audit_commands
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError, Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    check_answer,
    check_evidence,
    gather_evidence,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, node

JUDGED = {control["id"] for control in BENCHMARK.controls if not control.get("manual")}
CONFIG = "kube-controller-manager:/etc/kubernetes/ssl/kubecfg-kube-controller-manager.yaml"
PKI = "kubelet:/etc/kubernetes/ssl"
ENCRYPTION = "kube-apiserver:--encryption-provider-config"

INVALID: dict[str, tuple[tuple[str, ...], t.Any]] = {
    f"{'.'.join(keys)}={str(value)[:12]!r}": (keys, value)
    for keys, values in {
        ("paths", CONFIG, "mode"): ["0", "600", " 600\n", "0600\n", "6_0_0", "0o60", "٠٦٠٠", 384, None, ""],
        ("paths", CONFIG, "uid"): [False, None, "0", 0.0, -1, 2**32, [], float("nan")],
        ("paths", CONFIG, "gid"): [False, "", {}],
        ("paths", CONFIG, "owner"): [None, 0, "r" * 1001],
        ("paths", CONFIG, "type"): ["File", None, True],
        ("paths", CONFIG, "path"): ["-delete", "x", "", "/a//b", "/a/../b", "/.", "//", "/a/", "/a\0", "/" * 4097],
        ("paths", CONFIG, "name"): ["x"],
        ("paths", PKI, "entries"): [None, 0, "", {}, False, [None], [{"name": "x"}], [{}], ["x"] * 10001],
        ("paths", ENCRYPTION, "encryption"): [
            None,
            "x",
            [{"resources": "xsecretsx", "providers": ["aescbc"]}],
            [{"resources": ["secrets"], "providers": "aescbc"}],
            [{"resources": ["secrets"], "providers": [{"aescbc": {"keys": ["x"]}}]}],
            [{"resources": ["secrets"]}],
        ],
        ("containers", "kubelet", "processes"): [None, 0, "", {}, False, [None], ["kubelet"], [[0]], [["x" * 131073]]],
        ("containers", "kubelet", "args"): [None, "kubelet", [0], {}, ["x"] * 10001],
        ("containers", "kubelet", "env"): [None, [], ["A=b"], {"A": 1}],
        ("containers", "kubelet", "state"): [None, True, ["running"]],
        ("containers", "kubelet", "image"): [None, 5, ":v1" * 500],
    }.items()
    for value in values
}  # fmt: skip


@pytest.mark.parametrize("what", INVALID)
def test_an_invalid_part_is_an_error_of_its_own(what: str) -> None:
    (part, name, key), value = INVALID[what]
    good = node()
    if key == "encryption":
        good["paths"][name] = {**good["paths"][CONFIG], key: [{"resources": ["secrets"], "providers": ["aescbc"]}]}
    bad = copy.deepcopy(good)
    bad[part][name][key] = value
    admitted = check_evidence(bad, "the node's answer")
    (error,) = admitted[part].pop(name).values()
    assert error["kind"] == "invalid"
    assert len(error["message"]) < 500
    assert error["message"].isprintable()
    del good[part][name]
    assert admitted == good


@pytest.mark.parametrize("what", INVALID)
def test_what_needs_an_invalid_part_is_an_error(what: str) -> None:
    (part, name, key), value = INVALID[what]
    bad = node()
    bad[part][name][key] = value
    before = score_node(BENCHMARK, node(), cluster(), JUDGED)
    after = score_node(BENCHMARK, check_evidence(bad, "x"), cluster(), JUDGED)
    changed = {i for i in JUDGED if before[i] != after[i]}
    assert changed
    assert {after[i].state for i in changed} == {"error"}


@pytest.mark.parametrize("key", ["node", "roles", "docker", "containers", "paths", "collected_at", "schema"])
@pytest.mark.parametrize("value", [None, 5, [], {}, "", "x" * 5000, [["x"]]], ids=str)
def test_any_other_fault_is_the_nodes(key: str, value: t.Any) -> None:
    document = {**node(), key: value}
    if key == "roles" and value == []:
        assert check_evidence(document, "here") == document  # a host outside of the role groups
        return
    if key in ("containers", "paths") and value == {}:
        assert {v.state for v in score_node(BENCHMARK, check_evidence(document, "x"), None).values()} >= {"error"}
        return
    with pytest.raises(CisError, match="^here: not valid evidence: ") as caught:
        check_evidence(document, "here")
    assert len(str(caught.value)) < 600


def test_a_part_that_was_not_asked_for_is_no_pass() -> None:
    document = node()
    del document["paths"][PKI]["entries"]
    verdicts = score_node(BENCHMARK, check_evidence(document, "x"), cluster(), {"1.4.19", "1.4.20", "1.4.21"})
    assert {verdict.state for verdict in verdicts.values()} == {"error"}


@pytest.mark.parametrize("version", ["9" * 5000, "1." + "9" * 5000 + ".1", "1.2." + "9" * 4500])
def test_a_version_of_many_digits_ends_nothing(version: str) -> None:
    document = node()
    document["containers"]["kubelet"]["image"] = f"rancher/hyperkube:v{version}"
    api = check_answer({**cluster(), "version": f"v{version}"})
    report = build_report(BENCHMARK, "hardened", [check_evidence(document, "x")], api)
    assert report["kubernetes"]["seen"] == {}
    for digits in (900, 95):  # shorter than the limits of the schema
        document["containers"]["kubelet"]["image"] = f"x:v1.2.{'9' * digits}"
        api = check_answer({**cluster(), "version": f"v1.2.{'9' * 90}"})
        assert build_report(BENCHMARK, "hardened", [check_evidence(document, "x")], api)["kubernetes"]["seen"] == {}


def test_an_image_of_many_versions_takes_no_time() -> None:
    document = node()
    started = time.process_time()
    for image in (":v1.1.1" * 60 + "/", ":v1.1.1" * 2000 + "/x", "/:v1.1.1" * 2000):
        document["containers"]["kubelet"]["image"] = image
        build_report(BENCHMARK, "hardened", [check_evidence(document, "x")], cluster())
    assert time.process_time() - started < 5


def nested(depth: int) -> t.Any:
    value: t.Any = {}
    for _level in range(depth):
        value = {"x": [value]}
    return value


@pytest.mark.parametrize("spec", [5, "x", [], nested(400), {"x": float("inf")}, {"x": {1: 2}}], ids=range(6))
def test_an_invalid_list_of_the_api_is_an_error_of_its_own(spec: t.Any) -> None:
    document = {
        **cluster(),
        "objects": {"a": {"items": [{"metadata": {"name": "n"}, "spec": spec}]}, "b": {"items": []}},
    }
    admitted = check_answer(document)
    assert admitted["objects"]["a"]["error"]["kind"] == "invalid"
    assert admitted["objects"]["b"] == {"items": []}
    assert check_answer({**cluster(), "config_map": {"text": 5}})["config_map"]["error"]["kind"] == "invalid"


@pytest.mark.parametrize(
    "document", [None, 5, [], {}, {**cluster(), "version": 5}, {**cluster(), "objects": []}], ids=str
)
def test_an_invalid_answer_of_the_api_is_an_error(document: t.Any) -> None:
    assert check_answer(document)["error"]["kind"] == "invalid"


def test_an_answer_that_python_cannot_parse_costs_the_node() -> None:
    class Action:
        _connection = None

        def _execute_module(self, **_args: t.Any) -> t.Any:
            raise RecursionError

    Action._connection = type("Connection", (), {"_shell": None})  # type: ignore[assignment]
    with pytest.raises(Unseen) as caught:
        gather_evidence(Action(), {"node": "n1"}, {})  # type: ignore[arg-type]
    assert caught.value.args[0] == "invalid"


# ---------------------------------------------------------------------------------------- audit commands

# what begins with a dash in a command is the collection's own
OWN = {"-Lc", "-owE", "-L", "-maxdepth", "-mindepth", "-type", "-name", "-exec", "-k"}
LISTED = {"path": {"container": "kubelet", "path": "/etc/kubernetes/ssl", "list": True}, "op": "entries_owner_is"}
FILE = {"path": {"container": "kubelet", "path": "/etc/kubernetes/ssl"}, "op": "mode_within"}
PROVIDERS = {**FILE, "op": "first_provider_is", "resource": "secrets"}


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.text("-/. '\"$`\\;|&\n\t*~adelt"), st.text("-/.a").map("/".__add__)))
def test_no_path_of_a_node_is_an_option(path: str) -> None:
    document = node()
    document["paths"][PKI]["path"] = path
    document = check_evidence(document, "x")
    for test in (LISTED, FILE, PROVIDERS):
        for command in audit_commands(BENCHMARK, {"tests": [test]}, [document]):
            words = shlex.split(command)
            assert {word for word in words if word.startswith("-")} <= OWN
            admitted = document["paths"][PKI].get("path", "/etc/kubernetes/ssl")
            assert words.count(admitted) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["", ".", "..", "a", "-delete"])).map("/".join))
def test_paths_that_the_collector_finds_are_admitted(path: str) -> None:
    for mounts in ([{"source": "/opt/rke", "destination": "/"}], [{"source": "/", "destination": "/"}]):
        located = host_path("/" + path, mounts)
        assert located
        document = node()
        document["paths"][PKI]["path"] = located[0]
        assert check_evidence(document, "x") == document
