# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each verdict on 345 recorded node states equals kube-bench's, or stands in divergences.yml with its reason."""

from __future__ import annotations

import fnmatch
import pathlib
import sys

import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import states

PEER = {"PASS": "pass", "FAIL": "fail"}
BENCHMARK = load_benchmark("rke-cis-1.4")
STATES = {state["name"]: state for state in states.load()}
RULES = yaml.safe_load((states.HERE / "divergences.yml").read_text(encoding="utf-8"))


def ours(state: dict) -> dict[str, str]:
    node, cluster = states.evidence(state, BENCHMARK)
    ids = {control["id"] for control in BENCHMARK.controls if state["target"] in control["node_type"]}
    return {control_id: verdict.state for control_id, verdict in score_node(BENCHMARK, node, cluster, ids).items()}


def allowed(name: str) -> dict[str, str]:
    """Return control id to our verdict of the pairs that the list names for a state."""
    found = {}
    for rule in RULES.values():
        for pattern, pairs in rule["pairs"].items():
            for verdict, ids in pairs.items() if fnmatch.fnmatchcase(name, pattern) else ():
                for control_id in ids:
                    assert control_id not in found, f"{name} {control_id} stands in the list twice"
                    found[control_id] = verdict
    return found


@pytest.mark.parametrize("name", STATES)
def test_state(name: str) -> None:
    state = STATES[name]
    verdicts = ours(state)
    peers = state["verdicts"]
    if peers is None or not any(peers.values()):
        return  # kube-bench gave no report at all; test_states_without_a_report says what ours must not be
    assert set(peers) == set(verdicts)
    different = {i: verdict for i, verdict in verdicts.items() if peers[i] and PEER[peers[i]] != verdict}
    assert different == allowed(name)


def test_list_names_known_states_and_reasons() -> None:
    for rule in RULES.values():
        assert rule["reason"].strip()
        assert all(fnmatch.filter(STATES, pattern) for pattern in rule["pairs"])


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
    verdicts = ours(STATES[name])
    about = {c["id"] for c in BENCHMARK.controls if c.get("component") == component and c["id"] in verdicts}
    assert about
    assert {verdicts[control_id] for control_id in about} == {"error"}


def test_values_that_end_the_peers_run() -> None:
    assert ours(STATES["master/audit-log-maxage-hex"])["1.1.16"] == "pass"
    assert ours(STATES["master/audit-log-maxage-comma"])["1.1.16"] == "fail"
    assert ours(STATES["master/secure-port-word"])["1.1.7"] == "fail"


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
    for name in fnmatch.filter(STATES, pattern):
        for control_id, verdict in ours(STATES[name]).items():
            component = next((c.get("component") for c in BENCHMARK.controls if c["id"] == control_id), None)
            if control_id in MISCONFIGURED[pattern] and (name.count("/") == 1 or component in name):
                seen += 1
                assert verdict == "fail", f"{name} {control_id}"
    assert seen
