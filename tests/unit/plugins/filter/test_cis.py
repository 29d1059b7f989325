# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import AnsibleUnsafeText

from ansible_collections.rke.cis.plugins.filter.cis import FilterModule
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, lost, node

FILTERS = FilterModule().filters()
PROFILE = "RKE-CIS-1.4-Hardened"


def test_each_filter_has_its_documentation() -> None:
    folder = pathlib.Path(__file__).parents[4] / "plugins" / "filter"
    assert {path.stem for path in folder.glob("*.yml")} == set(FILTERS)


def refused(name: str, *args: t.Any, **options: t.Any) -> str:
    with pytest.raises(AnsibleFilterError) as caught:
        FILTERS[name](*args, **options)
    message = str(caught.value)
    assert f"rke.cis.{name}" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("value", [None, 5, True, "text", {}, {"schema": "x"}])
def test_score_wants_a_list(value: t.Any) -> None:
    assert "list" in refused("score", value, PROFILE)


@pytest.mark.parametrize("document", [None, 5, "x", [], {}, {**node(), "roles": ["master"]}, {**node(), "paths": None}])
def test_score_names_the_document_that_is_none(document: t.Any) -> None:
    assert "document 2" in refused("score", [node(), document], PROFILE)


@pytest.mark.parametrize("profile", ["", "strict", None, 5])
def test_score_wants_a_profile_that_exists(profile: t.Any) -> None:
    assert PROFILE in refused("score", [node()], profile)


@pytest.mark.parametrize("skip", [5, [1.1], {"1.1.2": 5}])
def test_score_wants_skips_of_the_right_form(skip: t.Any) -> None:
    refused("score", [node()], PROFILE, skip=skip)


def test_only_some_controls() -> None:
    only = {"ids": ["1.2"]}
    found = FILTERS["score"]([node()], PROFILE, only=only)
    assert (found["only"]["choice"], found["total"]) == (only, 2)
    plan = FILTERS["evidence_plan"]("rke-cis-1.4", ["controlplane"], only=only)
    assert set(plan["containers"]) == {"kube-scheduler", "kubelet"}
    for name, value in (("score", [node()]), ("evidence_plan", "rke-cis-1.4")):
        second = PROFILE if name == "score" else ["etcd"]
        assert "cis_scan_only: unknown severity 'worst'" in refused(name, value, second, only={"severity": "worst"})


@pytest.mark.parametrize("api", [5, "x", [], {}, {"objects": []}])
def test_score_wants_cluster_evidence_of_the_right_form(api: t.Any) -> None:
    assert "cluster_evidence" in refused("score", [node()], PROFILE, cluster_evidence=api)


def test_score() -> None:
    report = FILTERS["score"](
        [node("n1"), lost("n2")], PROFILE, cluster_evidence=cluster(), skip=["1.1.2"], cluster="c"
    )
    assert (report["total"], report["cluster"], report["skip"], report["fail"]) == (97, "c", 1, 0)
    assert report["nodes"]["node"] == ["n1", "n2"]
    assert report["error"] > 50


def test_score_of_nothing() -> None:
    report = FILTERS["score"]([], PROFILE)
    assert report["pass"] == 0


def texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def test_text_of_a_node_is_not_templated_again() -> None:
    report = FILTERS["score"]([lost("{{ x }}", message="{{ lookup('pipe', 'id') }}")], PROFILE)
    found = [text for text in texts(report) if "{{" in text]
    assert found
    # ansible-core up to 2.18 templates what a filter returns unless it is marked; later ones need no mark
    marked = type(AnsibleUnsafeText("x"))
    assert all(isinstance(text, marked) for text in found)


@pytest.mark.parametrize("benchmark", [None, 5, [], {}])
def test_evidence_plan_wants_the_id_of_a_benchmark(benchmark: t.Any) -> None:
    refused("evidence_plan", benchmark, ["worker"])


def test_evidence_plan_wants_a_benchmark_that_exists() -> None:
    assert "rke-cis-1.4" in refused("evidence_plan", "rke-cis-9", ["worker"])


@pytest.mark.parametrize("roles", [None, "worker", 5, ["master"], {"worker": 1}, ["worker", "x"]])
def test_evidence_plan_wants_roles(roles: t.Any) -> None:
    assert "controlplane, etcd, worker" in refused("evidence_plan", "rke-cis-1.4", roles)


def test_evidence_plan() -> None:
    assert FILTERS["evidence_plan"]("RKE-CIS-1.4", ["etcd"]) == load_benchmark("rke-cis-1.4").plan(["etcd"])
