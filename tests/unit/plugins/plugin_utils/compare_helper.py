# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports made by hand, and by scoring, for the tests of comparisons."""

from __future__ import annotations

import json
import pathlib
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import COLLECTOR
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, SCHEMA

Verdict = str | tuple[str, str]

WAIVER = {"would_be": "fail", "reason": "r", "owner": "o", "expires": "never"}
LISTS = {
    "passed_nodes": "pass",
    "failed_nodes": "fail",
    "warned_nodes": "warn",
    "error_nodes": "error",
    "waived_nodes": "skip",
}


def small_report(
    controls: dict[str, str | dict[str, Verdict]], nodes: t.Iterable[str] = ("n1", "n2"), **more: t.Any
) -> dict[str, t.Any]:
    """Return a report with these controls: the state for all nodes (skip, notApplicable), or node to verdict.

    A verdict is a state, or a state and the value seen; that of a waived failure is skip. All that a comparison
    and a list of scans read is in the report, no more.
    """
    nodes = list(nodes)
    return {
        "schema": SCHEMA,
        "collection": COLLECTOR,
        "scan": {"name": "s", "kind": "manual", "by": ""},
        "version": "b-1",
        "title": "B",
        "kubernetes": {"min": "1.13", "max": "1.15", "seen": {}},
        "node_errors": {},
        "profile": "B-1-Hardened",
        "cluster": "c",
        "collected_at": "2026-11-21T22:00:00Z",
        "parameters": {},
        "total": len(controls),
        **dict.fromkeys(COUNTS, 0),
        "nodes": {"master": nodes, "etcd": [], "node": nodes},
        "node_results": {name: {"roles": [], **dict.fromkeys(COUNTS, 0)} for name in nodes},
        "results": [
            {"id": "1", "description": "One", "checks": [_check(name, shown) for name, shown in controls.items()]}
        ],
        **more,
    }


def _check(control_id: str, shown: str | dict[str, Verdict]) -> dict[str, t.Any]:
    check: dict[str, t.Any] = {"id": control_id, "title": f"Title of {control_id}", "node_type": ["master"]}
    check.update(description="", remediation="Do it.", scored=True)
    if isinstance(shown, str):
        return {**check, "state": shown, "by": "x", "reason": ""}
    seen: dict[tuple[str, str], list[str]] = {}
    for name, verdict in shown.items():
        state, actual = (verdict, "") if isinstance(verdict, str) else verdict
        seen.setdefault((state, actual), []).append(name)
    of: dict[str, list[str]] = {}
    evidence = []
    for (state, actual), names in seen.items():
        of.setdefault(state, []).extend(names)
        part = {"state": state, "expected": "e", "actual": actual, "source": "", "reason": "", "nodes": names}
        evidence.append({**part, "waiver": WAIVER} if state == "skip" else part)
    check.update({key: of.get(state, []) for key, state in LISTS.items()}, audit=[], evidence=evidence)
    state = next((one for one in ("fail", "warn", "error", "manual", "skip", "pass") if one in of), "error")
    if {"pass", "fail"} <= of.keys():
        return {**check, "state": "mixed", "nodes": of["fail"]}
    if state == "skip":
        check.update(by="waiver", reason="")
    if state == "warn":
        check["scored"] = False
    return {**check, "state": state}


def keep(directory: pathlib.Path, name: str, controls: dict[str, t.Any] | None = None, **more: t.Any) -> str:
    """Write the report of a scan of this name into a cluster's directory and return its path."""
    path = directory / name / "report.json"
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps(small_report(controls or {}, scan={"name": name, "kind": "manual", "by": ""}, **more)),
        encoding="utf-8",
    )
    return str(path)
