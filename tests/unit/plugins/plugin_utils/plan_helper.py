# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scans that are planned, for the tests of their later steps."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import RESULT
from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import Plan, read_plan, write_plan
from ansible_collections.rke.cis.plugins.plugin_utils._reports.signing import benchmark_digest
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json

ROLES = ["controlplane", "etcd", "worker"]
_DEFAULTS = {key: option["default"] for key, option in RESULT.items() if "default" in option}
OUTPUT = {"keep": {}, "thresholds": {}, **_DEFAULTS}


def make_plan(
    scan_dir: pathlib.Path,
    nodes: dict[str, list[str]],
    api: dict[str, t.Any],
    requests: dict[str, t.Any] | None = None,
    output: dict[str, t.Any] | None = None,
    profile: str = "RKE-CIS-1.4-Permissive",
    skips: dict[str, dict[str, str]] | None = None,
    **more: t.Any,
) -> Plan:
    """Write the plan of a scan of these nodes, with what was seen of the API, and return it."""
    evidence_dir = scan_dir / "evidence"
    evidence_dir.mkdir(parents=True, exist_ok=True)
    (evidence_dir / "cluster.json").write_text(to_json(api), encoding="utf-8")
    plan = {
        "profile": profile,
        "benchmark_dirs": [],
        "candidates": {
            one.full_name: {
                "chosen_from": one.benchmark.chosen_from,
                "digest": benchmark_digest(one.benchmark),
                "parameters": one.benchmark.parameters,
                "skips": skips or {},
                "warnings": [],
            }
            for one in candidates(profile)
        },
        "only": {},
        "declared_version": "",
        "cluster": "local",
        "kind": "manual",
        "scanned_by": "",
        "node_tests_on": "workers",
        "nodes": nodes,
        "not_scanned": {},
        "partial": False,
        "scan_id": "",
        "started": 1700000000,
        "notes": [],
        "waivers": [],
        "attestations": [],
        "output": {**OUTPUT, **(output or {})},
        "scan_dir": str(scan_dir),
        "evidence_dir": str(evidence_dir),
        "replay_dir": "",
        "deadline": 9999999999,
        "node_timeout": 120,
        **more,
    }
    write_plan(plan, {"-".join(roles): requests or {} for roles in nodes.values()})
    return read_plan(str(scan_dir))
