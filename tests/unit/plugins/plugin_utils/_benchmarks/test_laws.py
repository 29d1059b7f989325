# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for each benchmark, whatever its controls are. More laws: tests/fuzz/test_laws.py."""

from __future__ import annotations

import copy
import functools
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.module_utils._flags import parse_flags
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import Lists
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files, each_test
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_cluster
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils._benchmarks.test_lists import Reader, sound
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.control_cases import policies, whole
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster as api
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import set_flag

IDS = sorted(benchmark_files())

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
        set_flag(document, component, f"{flag}={bad}")
        state = score_node(benchmark, document, cluster, {control_id})[control_id].state
        assert state in ("fail", "warn"), (control_id, flag, bad)
        words = document["containers"][component]["args"][1:]
        about = benchmark.components[component]
        assert parse_flags(words, about["style"], about["flags"])[flag][-1][1] == bad


@pytest.mark.parametrize("benchmark_id", IDS)
def test_a_plugin_that_is_on_and_off_at_once_never_passes(benchmark_id: str) -> None:
    benchmark, node, cluster, found = good(benchmark_id)
    asked = {
        control["id"]: [test["value"] for test in each_test(control) if test["op"] == "includes"]
        for control in benchmark.controls
        if any(test.get("flag") == "--enable-admission-plugins" for test in each_test(control))
    }
    asked = {control_id: plugins for control_id, plugins in asked.items() if plugins}
    wanted = {control_id: plugins for control_id, plugins in asked.items() if found[control_id] == "pass"}
    assert bool(wanted) == bool(asked)
    for control_id, plugins in wanted.items():
        document = copy.deepcopy(node)
        both = ",".join(plugins)
        set_flag(
            document, "kube-apiserver", f"--enable-admission-plugins={both}", f"--disable-admission-plugins={both}"
        )
        state = score_node(benchmark, document, cluster, {control_id})[control_id].state
        assert state in ("fail", "warn"), (control_id, plugins)
