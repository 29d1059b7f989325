# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument lists that RKE itself writes, by Kubernetes version, default and by its hardening guides."""

from __future__ import annotations

import json
import lzma
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node

HERE = pathlib.Path(__file__).parent
with lzma.open(HERE / "rke-arguments.json.xz", "rt", encoding="utf-8") as stream:
    ARGUMENTS = json.load(stream)
BENCHMARK = load_benchmark("rke-cis-1.4")

# RKE never sets these as the controls want; the profiles call them not applicable.
NOT_APPLICABLE = {"1.1.9", "2.1.8", "2.1.12"}
ROTATE = {"1.3.6", "2.1.13"}  # not applicable too, but the hardening guides set the feature gate
AUDIT = {"1.1.15", "1.1.16", "1.1.17", "1.1.18", "1.1.37b"}
LISTENS_ON_ALL = {"1.2.2", "1.3.7"}
# what a default cluster fails: AlwaysPullImages, kubelet CA, PSP, encryption, EventRateLimit, sysctls, serving cert
DEFAULT = {"1.1.11", "1.1.21", "1.1.24", "1.1.34", "1.1.36", "2.1.6", "2.1.10"} | LISTENS_ON_ALL | ROTATE

# RKE 1.0.x does not switch the audit log on; RKE 1.1.0 and later do
WITHOUT_AUDIT_LOG = {"v1.15.9-rancher1-1", "v1.15.11-rancher1-3", "v1.16.9-rancher1-1", "v1.17.5-rancher1-1"}

# The guides' deltas: only CIS 1.4.1's own guide sets AlwaysPullImages; the others' cluster.yml leaves --address.
GUIDES = {
    "rancher-2.4_cis-1.5_cluster.yml": {"1.1.11"} | LISTENS_ON_ALL,
    "rancher-2.4_cis-1.5_rke-template": {"1.1.11"},
    "rancher-2.3.3_cis-1.4.1_cluster.yml-as-published": {"1.1.11", "1.1.24", "1.1.34", "1.1.36"} | AUDIT,
    "rancher-2.3.3_cis-1.4.1_cluster.yml-key-fixed": set(),
    "rancher-2.5_cis-1.5_rke-template": {"1.1.11"},
    "rancher-2.5_cis-1.6_cluster.yml": {"1.1.11"} | LISTENS_ON_ALL,
    "rancher-2.5_cis-1.6_rke-template": {"1.1.11"},
    "rancher-2.6_cis-1.6_cluster.yml": {"1.1.11"} | LISTENS_ON_ALL,
    "rancher-2.6-like_no-psp_cluster.yml": {"1.1.11", "1.1.24"} | LISTENS_ON_ALL,
}


def from_1_24(version: str) -> bool:
    return int(version.split(".")[1]) >= 24


def failing(arguments: dict[str, list[str]]) -> set[str]:
    containers: dict[str, t.Any] = {}
    for name, flags in arguments.items():
        args = ["/usr/local/bin/etcd", *flags] if name == "etcd" else ["/opt/rke-tools/entrypoint.sh", name, *flags]
        containers[name] = {"state": "running", "args": args, "processes": [], "env": {}}
    ids = {control["id"] for control in BENCHMARK.controls if "component" in control}
    verdicts = score_node(BENCHMARK, {"containers": containers, "paths": {}}, None, ids)
    assert not [control_id for control_id, verdict in verdicts.items() if verdict.state == "error"]
    return {control_id for control_id, verdict in verdicts.items() if verdict.state == "fail"}


@pytest.mark.parametrize("version", ARGUMENTS["default"])
def test_default(version: str) -> None:
    expected = NOT_APPLICABLE | DEFAULT
    if version in WITHOUT_AUDIT_LOG:
        expected |= AUDIT
    if from_1_24(version):
        expected |= {"1.1.6"}  # the flag is gone, and the control wants it set
    assert failing(ARGUMENTS["default"][version]) == expected


@pytest.mark.parametrize(
    "guide,version", [(guide, version) for guide, versions in ARGUMENTS["hardened"].items() for version in versions]
)
def test_hardened(guide: str, version: str) -> None:
    expected = NOT_APPLICABLE | GUIDES[guide] | ({"1.1.6"} if from_1_24(version) else set())
    assert failing(ARGUMENTS["hardened"][guide][version]) == expected
