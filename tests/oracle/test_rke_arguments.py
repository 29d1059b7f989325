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

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import exemptions
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import chosen_profile, cluster_version
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
        containers[name] = {"state": "running", "processes": [args], "env": {}}
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


# ------------------------------------------------------------------ each version against the benchmark made for it

# On every RKE cluster: etcd trusts kube-ca.pem, which signs the API server's clients too.
ALWAYS = {"etcd/unique-ca"}
# Clusters set up by the guides for CIS 1.5 and 1.6 lack what later benchmarks ask for, and what they only warn of.
LATER = {
    "kube-apiserver/plugin-AlwaysPullImages": "costs bandwidth, so only CIS 1.4.1's guide sets it",
    "kube-apiserver/plugin-DenyServiceExternalIPs-on": "asked for from rke-cis-1.7 on",
    "kubelet/pod-max-pids": "asked for from rke-cis-1.7 on",
}
NO_PSP = "kube-apiserver/plugin-SecurityContextDeny-or-PSP"
BIND = {"kube-controller-manager/bind-address", "kube-scheduler/bind-address"}
AUDIT_CHECKS = {
    "audit/policy-set",
    *(f"kube-apiserver/audit-log-{name}" for name in ("path", "maxage", "maxbackup", "maxsize")),
}
# What permissive skips in most benchmarks, since RKE leaves it to the user.
UNSET = {
    "kube-apiserver/encryption-provider-config": "secrets_encryption_config is off",
    "kube-apiserver/kubelet-certificate-authority": "kubelets serve with certificates of their own",
    "kube-apiserver/plugin-EventRateLimit": "event_rate_limit is off",
    "kube-apiserver/plugin-PodSecurityPolicy": "pod_security_policy is off",
    "kubelet/protect-kernel-defaults": "the node's sysctls are not known",
    "kubelet/tls-cert": "generate_serving_certificate is off",
}
# Which of the above a guide leaves out.
GUIDE_LACKS = {
    "rancher-2.4_cis-1.5_cluster.yml": BIND,
    "rancher-2.4_cis-1.5_rke-template": BIND,
    "rancher-2.3.3_cis-1.4.1_cluster.yml-as-published": {*BIND, *AUDIT_CHECKS, NO_PSP, *UNSET},
    "rancher-2.3.3_cis-1.4.1_cluster.yml-key-fixed": BIND,
    "rancher-2.5_cis-1.5_rke-template": set(),
    "rancher-2.5_cis-1.6_cluster.yml": BIND,
    "rancher-2.5_cis-1.6_rke-template": set(),
    "rancher-2.6_cis-1.6_cluster.yml": set(),
    "rancher-2.6-like_no-psp_cluster.yml": {NO_PSP},
}


def judged(arguments: dict[str, list[str]], version: str, profile: str) -> tuple[str, dict[str, str]]:
    """Return the benchmark for a version, and the state of each check of a flag that its profile judges."""
    containers: dict[str, t.Any] = {}
    for name, flags in arguments.items():
        args = ["/usr/local/bin/etcd", *flags] if name == "etcd" else ["/opt/rke-tools/entrypoint.sh", name, *flags]
        image = (
            "rancher/mirrored-coreos-etcd:v3.5.9"
            if name == "etcd"
            else f"rancher/hyperkube:{version.rpartition('-')[0]}"
        )
        containers[name] = {"state": "running", "processes": [args], "env": {}, "image": image}
    node = {"node": "all", "roles": ["controlplane", "etcd", "worker"], "containers": containers, "paths": {}}
    seen = cluster_version([node])
    chosen = chosen_profile(candidates(profile), seen)
    exempt = exemptions(*chosen, {}, seen)
    checks = {
        control["id"]: control["check"]
        for control in chosen.benchmark.controls
        if "component" in control and "manual" not in control and control["id"] not in exempt
    }
    verdicts = score_node(chosen.benchmark, node, None, checks)
    return chosen.benchmark.id, {checks[control_id]: verdict.state for control_id, verdict in verdicts.items()}


def lacking(states: dict[str, str]) -> set[str]:
    assert "error" not in states.values()
    return {check for check, state in states.items() if state != "pass"}


@pytest.mark.parametrize("profile", ["permissive", "hardened"])
@pytest.mark.parametrize("version", ARGUMENTS["default"])
def test_default_by_the_benchmark_of_its_version(version: str, profile: str) -> None:
    _benchmark, states = judged(ARGUMENTS["default"][version], version, profile)
    expected = {*ALWAYS, *LATER, NO_PSP, *BIND, *UNSET, *(AUDIT_CHECKS if version in WITHOUT_AUDIT_LOG else ())}
    assert lacking(states) == expected & set(states)
    assert profile == "hardened" or "kube-apiserver/kubelet-certificate-authority" not in states


@pytest.mark.parametrize("profile", ["permissive", "hardened"])
@pytest.mark.parametrize(
    "guide,version", [(guide, version) for guide, versions in ARGUMENTS["hardened"].items() for version in versions]
)
def test_hardened_by_the_benchmark_of_its_version(guide: str, version: str, profile: str) -> None:
    benchmark, states = judged(ARGUMENTS["hardened"][guide][version], version, profile)
    expected = {*ALWAYS, *LATER, *GUIDE_LACKS[guide]}
    if guide.startswith("rancher-2.3.3"):
        expected -= {"kube-apiserver/plugin-AlwaysPullImages"} if guide.endswith("fixed") else set()
    if guide.endswith("as-published"):
        expected -= {
            "kube-apiserver/kubelet-certificate-authority",
            "kubelet/protect-kernel-defaults",
            "kubelet/tls-cert",
        }
    assert lacking(states) == expected & set(states), benchmark
