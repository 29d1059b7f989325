# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evidence of any shape: refused in one line, or scored, and never a pass that it was not."""

from __future__ import annotations

import copy
import json
import random
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_cluster, check_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict, score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    node,
    set_flag,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.score_helper import API, HEAD, JUDGED

WRONG: list[t.Any] = [
    None,
    "",
    "x",
    0,
    -1,
    1.5,
    True,
    False,
    [],
    ["x"],
    [None],
    {},
    {"x": 1},
    {"error": "x"},
    [[]],
    [{}],
]


def places(value: t.Any, path: tuple[t.Any, ...] = ()) -> t.Iterator[tuple[t.Any, ...]]:
    """Every place in a document where something stands."""
    keys: t.Iterable[t.Any] = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


def spoiled(document: dict[str, t.Any], path: tuple[t.Any, ...], *value: t.Any) -> dict[str, t.Any]:
    """A copy with what stands at the place replaced, or taken away."""
    document = copy.deepcopy(document)
    inner: t.Any = document
    for key in path[:-1]:
        inner = inner[key]
    if value:
        inner[path[-1]] = value[0]
    else:
        del inner[path[-1]]
    return document


def judge(document: t.Any, api: t.Any) -> dict[str, Verdict] | None:
    """Read, score and report as a scan does; None where the document is refused in one line."""
    try:
        document, api = check_evidence(document, "here"), check_cluster(api, "there")
    except CisError as error:
        assert "\n" not in str(error)
        return None
    assert (check_evidence(document, "here"), check_cluster(api, "there")) == (document, api)
    verdicts = score_node(BENCHMARK, document, api, JUDGED)
    assert {verdict.state for verdict in verdicts.values()} <= {"pass", "fail", "error"}
    assert all(verdict.reason for verdict in verdicts.values() if verdict.state != "pass")
    report = build_report(BENCHMARK, "hardened", [document], api, verdicts={document["node"]: verdicts})
    json.dumps(report)
    return verdicts


def bad_node() -> dict[str, t.Any]:
    """A node on which nearly everything fails, or was not seen."""
    document = node()
    for name, shown in document["containers"].items():
        program = [name]
        shown["args"], shown["processes"] = program, [program]
    set_flag(document, "kube-apiserver", "--basic-auth-file=/x", "--insecure-bind-address=0.0.0.0", "--secure-port=0")
    set_flag(document, "kube-apiserver", "--token-auth-file=/x", "--authorization-mode=AlwaysAllow")
    set_flag(document, "etcd", "--auto-tls", "--peer-auto-tls")
    set_flag(document, "kubelet", "--cadvisor-port=4194", "--make-iptables-util-chains=false")
    for key, entry in document["paths"].items():
        if key.startswith("kube-proxy"):
            document["paths"][key] = {"error": {"kind": "denied", "message": "x"}}
        elif key.startswith("kube-controller-manager"):
            document["paths"][key] = {"error": {"kind": "missing", "message": "x"}, "path": "/x"}
        else:
            entry.update(mode="7777", uid=1000, gid=1000, owner="me", group="me")
            for child in entry.get("entries", []):
                child.update(mode="7777", uid=1000, gid=1000, owner="me", group="me")
            if "encryption" in entry:
                entry["encryption"][0]["providers"].reverse()
    document["containers"]["kube-scheduler"] = {"error": {"kind": "down", "message": "x"}}
    return document


def bad_cluster() -> dict[str, t.Any]:
    return {**HEAD, "objects": {"podsecuritypolicies": {"error": {"kind": "denied", "message": "x"}}}}


def test_no_key_that_vanishes_makes_a_pass_of_anything_else() -> None:
    document, api = bad_node(), bad_cluster()
    before = judge(document, api)
    assert before
    assert sum(verdict.state != "pass" for verdict in before.values()) > 60
    checked = 0
    for path in places(document):
        # a word of a command line or an entry of a directory is the setting itself
        if isinstance(path[-1], int):
            continue
        after = judge(spoiled(document, path), api)
        if after is not None:
            turned = {i for i in JUDGED if after[i].state == "pass" and before[i].state != "pass"}
            assert not turned, path
            checked += 1
    assert checked > 100
    for path in places(api):
        after = judge(document, spoiled(api, path))
        assert after is None or {after[i].state for i in API} == {"error"}, path


def test_no_shape_of_evidence_lets_an_exception_out() -> None:
    for make in (node, bad_node):
        document = make()
        # words of command lines are all alike: of those a few will do
        every = [p for p in places(document) if not any(isinstance(key, int) and key > 2 for key in p)]
        random_ = random.Random(1)
        for path in every:
            for wrong in random_.sample(WRONG, 2):
                judge(spoiled(document, path, copy.deepcopy(wrong)), cluster())
    document, api = node(), cluster()
    for path in places(api):
        for wrong in random_.sample(WRONG, 2):
            judge(document, spoiled(api, path, copy.deepcopy(wrong)))


def test_what_stands_where_it_does_not_belong_is_no_pass() -> None:
    """Any one thing of a good node's evidence replaced by nonsense of another type is never a reason to pass more."""
    document = bad_node()
    before = judge(document, bad_cluster())
    assert before
    failing = {i for i, verdict in before.items() if verdict.state != "pass"}
    for path in places(document):
        if path[0] not in ("containers", "paths") or isinstance(path[-1], int):
            continue
        for wrong in (None, [], {}, "x"):
            after = judge(spoiled(document, path, copy.deepcopy(wrong)), bad_cluster())
            if after is None or path[-1] in ("uid", "gid", "owner", "group", "processes", "args", "env"):
                continue  # a good value for a bad one is no accident of shape
            assert not {i for i in failing if after[i].state == "pass"}, (path, wrong)


def test_many_things_wrong_at_once() -> None:
    for seed in range(60):
        random_ = random.Random(seed)
        document: t.Any = node()
        for _each in range(random_.randrange(2, 12)):
            path = random_.choice([p for p in places(document) if p[0] != "node"])
            document = spoiled(
                document, path, *([copy.deepcopy(random_.choice(WRONG))] if random_.random() < 0.7 else [])
            )
        judge(document, cluster())


@pytest.mark.parametrize("key", ["containers", "paths", "docker"])
def test_what_a_node_that_tells_an_error_says_besides_stops_no_report(key: str) -> None:
    for wrong in WRONG:
        judge({**node(), "error": {"kind": "failed", "message": "x"}, key: wrong}, cluster())


@pytest.mark.parametrize("document", [None, [], "x", 5, {}, {"schema": "rke.cis/evidence/1"}])
def test_what_is_no_evidence_is_refused_with_its_origin(document: t.Any) -> None:
    with pytest.raises(CisError, match="^document 7: "):
        check_evidence(document, "document 7")
    with pytest.raises(CisError, match="^document 7: "):
        check_cluster(document, "document 7")
