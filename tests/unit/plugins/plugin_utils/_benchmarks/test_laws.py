# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for each benchmark, whatever its controls are."""

from __future__ import annotations

import copy
import functools
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.rke.cis.plugins.module_utils._flags import parse_flags
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import Lists
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files, each_test
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_cluster
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils._benchmarks.test_lists import Reader, sound
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.control_cases import policies, whole
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster as api

IDS = sorted(benchmark_files())
EXAMPLES = settings(max_examples=60, deadline=None, derandomize=True)

# Which of two values of a flag a test refuses, by its operator: one that no good value can outweigh, if it comes last.
BAD: dict[str, t.Callable[[t.Any], str]] = {
    "not_set": lambda value: "x",
    "equals": lambda value: str(not value).lower() if isinstance(value, bool) else f"{value}1",
    "one_of": lambda value: "0.0.0.0",
    "at_least": lambda value: str(value - 1),
    "between": lambda value: str(value[1] + 1),
    "longer_than": lambda value: f"{value}s",
    "absolute_path": lambda value: "relative/path",
    "excludes": lambda value: value,
    "subset_of": lambda value: "TLS_NULL",
    "gate_is": lambda value: ",".join(f"{gate}={str(not state).lower()}" for gate, state in value.items()),
}


def states(benchmark: Benchmark, node: dict[str, t.Any], cluster: dict[str, t.Any] | None) -> dict[str, str]:
    return {control_id: verdict.state for control_id, verdict in score_node(benchmark, node, cluster).items()}


@functools.cache
def good(benchmark_id: str) -> tuple[Benchmark, dict[str, t.Any], dict[str, t.Any], dict[str, str]]:
    benchmark = load_benchmark(benchmark_id)
    node = whole(benchmark)
    objects = {**sound(), "/apis/policy/v1beta1/podsecuritypolicies": policies()}
    lists = Lists(Reader(objects), benchmark.lists(), "v1.24.17").documents
    cluster = check_cluster({**api(), "objects": lists}, "x")
    return benchmark, node, cluster, states(benchmark, node, cluster)


@pytest.mark.parametrize(
    ("benchmark_id", "profile"), [(name, profile) for name in IDS for profile in load_benchmark(name).profiles]
)
def test_where_nothing_is_wrong_nothing_is_found(benchmark_id: str, profile: str) -> None:
    benchmark, node, cluster, _found = good(benchmark_id)
    report = build_report(benchmark, profile, [node], cluster)
    lists = benchmark.profiles[profile]
    manual = {control["id"] for control in benchmark.controls if control.get("manual")}
    expected = {
        "skip": len(lists["skip"]),
        "notApplicable": len(lists["not_applicable"]),
        "manual": len(manual - {*lists["skip"], *lists["not_applicable"]}),
    }
    counts = {state: report[state] for state in ("pass", "fail", "warn", "error", "skip", "notApplicable", "manual")}
    assert counts == {"fail": 0, "warn": 0, "error": 0, **expected, "pass": len(benchmark.ids) - sum(expected.values())}


@EXAMPLES
@given(data=st.data())
def test_the_order_of_unrepeated_arguments_does_not_matter(data: st.DataObject) -> None:
    benchmark, node, cluster, found = good(data.draw(st.sampled_from(IDS)))
    node = copy.deepcopy(node)
    component = data.draw(st.sampled_from(sorted(node["containers"])))
    program, *words = node["containers"][component]["args"]
    repeated = {name for name in map(name_of, words) if list(map(name_of, words)).count(name) > 1}
    # those that are repeated stay in their order
    moved = data.draw(st.permutations([word for word in words if name_of(word) not in repeated]))
    node["containers"][component]["args"] = [program, *moved, *(word for word in words if name_of(word) in repeated)]
    assert states(benchmark, node, cluster) == found


def name_of(word: str) -> str:
    return word.lstrip("-").partition("=")[0].replace("_", "-")


@EXAMPLES
@given(data=st.data())
def test_a_flag_that_no_control_asks_for_changes_nothing(data: st.DataObject) -> None:
    benchmark, node, cluster, found = good(data.draw(st.sampled_from(IDS)))
    node = copy.deepcopy(node)
    component = data.draw(st.sampled_from(sorted(node["containers"])))
    about = benchmark.components[component]
    asked = {about.get("config_file", {}).get("flag")}
    for control in benchmark.controls:
        for test in each_test(control):
            value = test.get("value")
            asked |= {test.get("flag"), test.get("path", {}).get("flag")}
            asked |= {value.get("flag")} if isinstance(value, dict) else set()
    asked |= {name for name, other in about.get("counts_as", {}).items() if other in asked}
    flag = data.draw(st.sampled_from(sorted(set(about["flags"]) - asked)))
    value = {"bool": "true", "duration": "1s", "ip": "127.0.0.1", "gates": "X=true"}.get(about["flags"][flag], "1")
    program, *words = node["containers"][component]["args"]
    place = data.draw(st.integers(0, len(words)))
    node["containers"][component]["args"] = [program, *words[:place], f"{flag}={value}", *words[place:]]
    assert states(benchmark, node, cluster) == found


def judged_flags(benchmark: Benchmark) -> list[tuple[str, str, str, str]]:
    """Return id, component, flag and a bad value of each test of a flag that no other value outweighs."""
    return [
        (control["id"], control["component"], test["flag"], BAD[test["op"]](test.get("value")))
        for control in benchmark.controls
        for test in control["tests"]
        if not control.get("manual") and "flag" in test and test["op"] in BAD
    ]


@pytest.mark.parametrize("benchmark_id", IDS)
def test_a_bad_value_that_comes_last_never_passes(benchmark_id: str) -> None:
    benchmark, node, cluster, _found = good(benchmark_id)
    for control_id, component, flag, bad in judged_flags(benchmark):
        document = copy.deepcopy(node)
        document["containers"][component]["args"].append(f"{flag}={bad}")
        state = score_node(benchmark, document, cluster, {control_id})[control_id].state
        assert state in ("fail", "warn"), (control_id, flag, bad)
        words = document["containers"][component]["args"][1:]
        about = benchmark.components[component]
        assert parse_flags(words, about["style"], about["flags"])[flag][-1][1] == bad


@EXAMPLES
@given(data=st.data())
def test_evidence_that_is_taken_away_never_makes_a_pass(data: st.DataObject) -> None:
    benchmark, node, cluster, _found = good(data.draw(st.sampled_from(IDS)))
    node, cluster = copy.deepcopy(node), copy.deepcopy(cluster)
    for _control_id, component, flag, bad in data.draw(st.lists(st.sampled_from(judged_flags(benchmark)), max_size=5)):
        node["containers"][component]["args"].append(f"{flag}={bad}")
    for key in data.draw(st.lists(st.sampled_from(sorted(node["paths"])), max_size=5)):
        for entry in (node["paths"][key], *node["paths"][key].get("entries", [])):
            entry["mode"] = "7777"
    before = states(benchmark, node, cluster)
    unseen = {"error": {"kind": data.draw(st.sampled_from(["denied", "unreadable", "timeout"])), "message": "no"}}
    for part in data.draw(st.lists(st.sampled_from(["containers", "paths", "entries", "process", "api"]), min_size=1)):
        if part == "api":
            cluster["objects"] = dict.fromkeys(cluster["objects"], unseen)
            continue
        kind = "containers" if part == "process" else "paths" if part == "entries" else part
        key = data.draw(st.sampled_from(sorted(node[kind])))
        entries = node[kind][key].get("entries")
        if part == "process":
            node[kind][key] = {**node[kind][key], "state": "exited"}
        elif part == "entries" and entries:
            number = data.draw(st.integers(0, len(entries) - 1))
            entries[number] = {"name": entries[number]["name"], **unseen}
        else:
            node[kind][key] = unseen
    after = states(benchmark, node, cluster)
    assert {control_id for control_id, state in after.items() if state == "pass"} <= {
        control_id for control_id, state in before.items() if state == "pass"
    }
