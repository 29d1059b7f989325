# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each verdict on 764 recorded node states equals kube-bench's, or stands in divergences-*.yml with its reason."""

from __future__ import annotations

import fnmatch
import functools
import pathlib
import sys

import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import states

# What the peer says of a control that it has decided. Its WARN is a failure that is not scored, or no decision at all.
PEER = {"PASS": "pass", "FAIL": "fail", "WARN": "fail"}
BENCHMARKS = {name: load_benchmark(name) for name in ("rke-cis-1.4", "rke-cis-1.6", "rke-cis-1.8")}
STATES = {(name, state["name"]): state for name in BENCHMARKS for state in states.load(name)}
RULES = {name: yaml.safe_load((states.HERE / f"divergences-{name}.yml").read_text("utf-8")) for name in BENCHMARKS}
PROFILES = ("verdicts", "verdicts_permissive")


def ours(benchmark_id: str, name: str) -> dict[str, str]:
    """Return our verdicts on the controls that the peer was asked for; one that is not scored fails like the others."""
    benchmark, state = BENCHMARKS[benchmark_id], STATES[benchmark_id, name]
    node, cluster = states.evidence(state, benchmark)
    kinds = {"controlplane": "master", "policies": "master"}
    target = kinds.get(state["target"], state["target"])
    peers = state["verdicts"] or {}
    ids = {control["id"] for control in benchmark.controls if target in control["node_type"]}
    ids = ids & set(peers) if peers else ids
    found = score_node(benchmark, node, cluster, ids)
    return {control_id: "fail" if verdict.state == "warn" else verdict.state for control_id, verdict in found.items()}


@functools.cache
def undecided(benchmark_id: str, profile: str) -> set[str]:
    """Return the controls of which the peer says the same WARN whatever it sees."""
    seen: dict[str, set[str]] = {}
    for (of, _name), state in STATES.items():
        for control_id, verdict in (state.get(profile) or {}).items() if of == benchmark_id else ():
            seen.setdefault(control_id, set()).add(verdict)
    return {control_id for control_id, verdicts in seen.items() if verdicts <= {"WARN", "INFO", None}}


def different(benchmark_id: str, name: str) -> dict[str, str]:
    """Return control id to our verdict, where it is not that of a profile of the peer."""
    verdicts, found = ours(benchmark_id, name), {}
    for profile in PROFILES:
        for control_id, peer in (STATES[benchmark_id, name].get(profile) or {}).items():
            decided = peer in PEER and control_id not in undecided(benchmark_id, profile)
            if decided and PEER[peer] != verdicts[control_id]:
                found[control_id] = verdicts[control_id]
    return found


def allowed(benchmark_id: str, name: str) -> dict[str, str]:
    """Return control id to our verdict of the pairs that the list names for a state."""
    found = {}
    for rule in RULES[benchmark_id].values():
        for pattern, pairs in rule["pairs"].items():
            for verdict, ids in pairs.items() if fnmatch.fnmatchcase(name, pattern) else ():
                for control_id in ids:
                    assert control_id not in found, f"{name} {control_id} stands in the list twice"
                    found[control_id] = verdict
    return found


@pytest.mark.parametrize("benchmark_id, name", STATES)
def test_state(benchmark_id: str, name: str) -> None:
    peers = STATES[benchmark_id, name]["verdicts"]
    if peers is None or not any(peers.values()):
        return  # kube-bench gave no report at all; test_states_without_a_report says what ours must not be
    assert set(peers) == set(ours(benchmark_id, name))
    assert different(benchmark_id, name) == allowed(benchmark_id, name)


def test_list_names_known_states_and_reasons() -> None:
    for benchmark_id, rules in RULES.items():
        names = [name for of, name in STATES if of == benchmark_id]
        for rule in rules.values():
            assert rule["reason"].strip()
            assert all(fnmatch.filter(names, pattern) for pattern in rule["pairs"])


@pytest.mark.parametrize(
    "name,component",
    [
        ("master/kube-apiserver-not-running", "kube-apiserver"),
        ("master/kube-scheduler-not-running", "kube-scheduler"),
        ("node/kubelet-not-running", "kubelet"),
        ("etcd/etcd-not-running", "etcd"),
    ],
)
def test_states_without_a_report(name: str, component: str) -> None:
    """The peer dies where a component does not run; ours are errors for that component and verdicts for the rest."""
    verdicts = ours("rke-cis-1.4", name)
    about = {
        c["id"] for c in BENCHMARKS["rke-cis-1.4"].controls if c.get("component") == component and c["id"] in verdicts
    }
    assert about
    assert {verdicts[control_id] for control_id in about} == {"error"}


def test_values_that_end_the_peers_run() -> None:
    assert ours("rke-cis-1.4", "master/audit-log-maxage-hex")["1.1.16"] == "pass"
    assert ours("rke-cis-1.4", "master/audit-log-maxage-comma")["1.1.16"] == "fail"
    assert ours("rke-cis-1.4", "master/secure-port-word")["1.1.7"] == "fail"


# What must fail, by the kind of state: a real misconfiguration that no reading of the words excuses.
MISCONFIGURED = {
    "*/good-then-bad": {"1.1.8", "1.2.1", "2.1.1", "1.5.2"},
    "*/bad-values": {"1.5.2", "1.5.3", "1.5.5", "1.5.6"},
    "*/files-mode-4644": {"1.4.15", "1.4.17"},
    "*/files-mode-0666": {"1.4.15", "1.4.17", "2.2.1", "2.2.5", "2.2.7"},
    "*/encryption-config-aescbc-second": {"1.1.35"},
    "*/psp-only-privileged": {"1.7.2", "1.7.3", "1.7.4", "1.7.5"},
    "*/data-dir-mode-4700": {"1.4.11"},
    "*/pki-one-key-0644": {"1.4.21"},
}


@pytest.mark.parametrize("pattern", MISCONFIGURED)
def test_misconfiguration_never_passes(pattern: str) -> None:
    seen = 0
    for name in fnmatch.filter([name for of, name in STATES if of == "rke-cis-1.4"], pattern):
        for control_id, verdict in ours("rke-cis-1.4", name).items():
            controls = BENCHMARKS["rke-cis-1.4"].controls
            component = next((c.get("component") for c in controls if c["id"] == control_id), None)
            if control_id in MISCONFIGURED[pattern] and (name.count("/") == 1 or component in name):
                seen += 1
                assert verdict == "fail", f"{name} {control_id}"
    assert seen
