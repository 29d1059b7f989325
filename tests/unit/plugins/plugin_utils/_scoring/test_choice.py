# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report, exemptions
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import (
    Version,
    choose,
    chosen_profile,
    cluster_version,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import unseen_document
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import node

ALL = {"new": "1.26", "middle": "1.19", "old": "1.11"}


def of(name: str, version: str, roles: list[str], registry: str = "rancher/hyperkube") -> dict[str, t.Any]:
    document = node(name, roles)
    document["containers"]["kubelet"]["image"] = f"{registry}:{version}"
    return document


@pytest.mark.parametrize(
    "version, name",
    [
        ("v1.32.13", "new"),
        ("v1.26.0", "new"),
        ("v1.25.16", "middle"),
        ("v1.19.0", "middle"),
        ("v1.18.20", "old"),
        ("v1.10.0", "old"),
        ("v99999.0.0", "new"),
        ("", "new"),
    ],
)
def test_the_newest_benchmark_that_is_not_newer_than_the_cluster_is_taken(version: str, name: str) -> None:
    assert choose(ALL, Version(version, "w1") if version else None) == name


def test_a_profile_that_is_named_is_taken_whatever_the_version() -> None:
    assert choose({"RKE-CIS-1.3-Hardened": "1.11"}, Version("v1.32.13", "w1")) == "RKE-CIS-1.3-Hardened"
    assert choose({"SITE-1-Base": ""}, Version("v1.32.13", "w1")) == "SITE-1-Base"


def test_each_kubernetes_version_that_rke_had_has_its_benchmark() -> None:
    """As Rancher's ranges say; the table in the documentation is held to the same data."""
    known = candidates("hardened")
    for profile in known:
        assert profile.benchmark.chosen_from, profile.full_name
        low, high = (tuple(int(n) for n in profile.benchmark.kubernetes[key].split(".")) for key in ("min", "max"))
        oldest = profile.benchmark.chosen_from
        assert chosen_profile(known, Version(f"v{oldest}.3", "w1")) == profile
        assert low <= tuple(int(n) for n in oldest.split(".")) <= high


@pytest.mark.parametrize(
    "nodes, api, declared, expected",
    [
        # the lowest one of the control plane, whatever workers run
        (
            [
                of("a", "v1.24.17", ["controlplane"]),
                of("b", "v1.24.9", ["controlplane"]),
                of("c", "v1.19.3", ["worker"]),
            ],
            "v1.25.1",
            "v1.26.1",
            ("v1.24.9", "b"),
        ),
        ([of("a", "v1.24.17", ["controlplane"])], "v1.23.1", "", ("v1.23.1", "API server")),
        ([of("c", "v1.20.1", ["worker"]), of("d", "v1.9.3", ["etcd"])], "v1.21.3", "", ("v1.21.3", "API server")),
        ([of("c", "v1.20.1", ["worker"]), of("d", "v1.9.3", ["etcd"])], "", "v1.26.4", ("v1.9.3", "d")),
        ([unseen_document("a", ["controlplane"], "down", "x")], "", "v1.26.4-rancher2-1", ("v1.26.4", "cluster.yml")),
        ([of("a", "latest", ["controlplane"])], "", "", None),
        ([of("a", "v1.2", ["controlplane"])], "not asked", "1.20", None),
        ([of("a", "v" + "1" * 6 + ".2.3", ["controlplane"])], "", "", None),
        ([of("a", "v1.20.15-rancher2", ["controlplane"], "me:5000/x/y")], "", "", ("v1.20.15", "a")),
        ([], "", "", None),
    ],
)
def test_the_version_of_a_cluster(
    nodes: list[dict[str, t.Any]], api: str, declared: str, expected: tuple[str, str] | None
) -> None:
    assert cluster_version(nodes, {"version": api} if api else None, declared) == expected


def test_a_report_says_for_which_version_its_benchmark_was_chosen() -> None:
    (profile,) = candidates("RKE-CIS-1.4-Hardened")
    nodes = [of("a", "v1.14.10", ["controlplane", "etcd"]), of("b", "v1.13.1", ["worker"])]
    report = build_report(*profile, nodes, chosen=True)
    assert report["kubernetes"]["chosen_for"] == "v1.14.10"
    (warning,) = report["warnings"]
    assert "rke-cis-1.4 is used" in warning and "v1.14.10 (a)" in warning and "v1.13.1" in warning
    assert build_report(*profile, nodes[:1], chosen=True)["warnings"] == []
    named = build_report(*profile, nodes)
    assert "chosen_for" not in named["kubernetes"] and named["warnings"] == []
    unseen = build_report(*profile, [unseen_document("a", ["controlplane"], "down", "x")], chosen=True)
    assert unseen["kubernetes"]["chosen_for"] == ""
    assert "was not seen" in unseen["warnings"][0]


def test_a_control_can_end_with_a_version() -> None:
    ((benchmark, profile),) = candidates("RKE-CIS-1.4-Hardened")
    known = next(control for control in benchmark.controls if control["id"] == "1.1.2")
    gone = {**known, "not_applicable_from": {"1.16": "the flag is gone."}}
    benchmark.controls[benchmark.controls.index(known)] = gone
    try:
        for version, state in (
            (None, None),
            ("v1.15.12", None),
            ("v1.16.0", "notApplicable"),
            ("v1.20.1", "notApplicable"),
        ):
            exempt = exemptions(
                benchmark, profile, {"1.1.2": {"by": "me", "reason": ""}}, version and Version(version, "a")
            )
            assert exempt["1.1.2"]["state"] == (state or "skip")
        assert exempt["1.1.2"]["reason"] == "from Kubernetes 1.16 on: the flag is gone."
        report = build_report(benchmark, profile, [of("a", "v1.17.1", ["controlplane"])])
        states = {check["id"]: check["state"] for group in report["results"] for check in group["checks"]}
        assert states["1.1.2"] == "notApplicable"
    finally:
        benchmark.controls[benchmark.controls.index(gone)] = known
