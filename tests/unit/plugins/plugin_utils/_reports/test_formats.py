# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._reports.formats import by_node, csp_hash, unix_time
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, lost, node


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("1970-01-01T00:00:01Z", 1),
        ("2026-11-21T22:00:00Z", 1795298400),
        ("2026-11-22T00:00:00+02:00", 1795298400),
        ("2026-11-21T22:00:00", 1795298400),
        ("", None),
        ("yesterday", None),
        ("2026-13-01T00:00:00Z", None),
    ],
)
def test_time(text: str, seconds: int | None) -> None:
    assert unix_time(text) == seconds


def test_what_a_policy_names_a_script_by() -> None:
    wanted = "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng="  # the standard's own example
    assert csp_hash("alert('Hello, world.');") == wanted


def test_each_node_has_its_cases() -> None:
    skips = {"1.1.3": {"by": "me", "reason": "because"}}
    nodes = [node("cp1", ["controlplane"]), node("both", ["controlplane", "worker"]), lost("w1", ["worker"])]
    report = build_report(BENCHMARK, "hardened", nodes, cluster(), skips=skips)
    cases = by_node(report)
    assert list(cases) == ["both", "cp1", "w1", ""]
    for name, counts in report["node_results"].items():
        for state in ("pass", "fail", "skip", "notApplicable", "error"):
            assert sum(case["state"] == state for case in cases[name]) == counts[state], (name, state)
    assert {case["row"]["id"] for case in cases[""]} == {
        c["id"] for c in BENCHMARK.controls if c["node_type"] == ["etcd"]
    }
    skipped = next(case for case in cases["cp1"] if case["row"]["id"] == "1.1.3")
    assert (skipped["state"], skipped["seen"], skipped["section"]) == ("skip", None, "1.1 API Server")
