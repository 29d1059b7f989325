# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The controls of a report in OHDF, the format of MITRE's Heimdall.

Heimdall computes a control's status of its results: error if there is one, else Not Applicable if it is waived or has
no impact, else failed if one failed, else passed if one passed, else Not Reviewed. So no result may say more than the
control's state: in a failing control an unexamined node is skipped, and so is each node of a manual one.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import severity
from ansible_collections.rke.cis.plugins.plugin_utils._reports.results import (
    Result,
    results_by_control,
    scan_time,
    utc_text,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import attested_by
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waived_by

_IMPACTS = {"low": 0.3, "medium": 0.5, "high": 0.7, "critical": 0.9}
_FAILING = {"pass": "passed", "fail": "failed", "warn": "failed", "waived": "failed"}
# The state of a control to what its results may be; the others are skipped.
_STATUSES = {
    "pass": {"pass": "passed"},
    "fail": _FAILING,
    "mixed": _FAILING,
    "warn": _FAILING,
    "skip": _FAILING,
    "error": {**_FAILING, "error": "error", "unseen": "error"},
}


def ohdf_controls(report: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Return each control with a result for each node that it runs on."""
    time = utc_text(scan_time(report))
    for row, results in results_by_control(report):
        how_bad, audit = severity(row), "\n".join(row.get("audit", []))
        yield {
            "id": row["id"],
            "title": f"{row['id']} {row['title']}",
            "desc": row.get("note") or row["title"],
            "descriptions": [{"label": "check", "data": audit}, {"label": "fix", "data": row["remediation"]}],
            "impact": 0 if row["state"] == "notApplicable" else _IMPACTS[how_bad],
            "tags": {
                "severity": how_bad,
                **{key: row[key] for key in ("level", "nist", "references") if key in row},
                "scored": row["scored"],
                "node_type": row["node_type"],
                "state": row["state"],
            },
            "refs": [],
            "source_location": {"ref": "report.json"},
            "code": audit,
            "waiver_data": _waiver(row),
            "attestation_data": _attestation(row),
            "results": [
                _result(result, node, row["state"], time) for result, names in results for node in names or [""]
            ],
        }


def _result(result: Result, node: str, state: str, time: str) -> dict[str, t.Any]:
    status = _STATUSES.get(state, {}).get(result.outcome, "skipped")
    expected = result.seen.get("expected") or result.row["title"]
    text = {"skip_message" if status == "skipped" else "message": result.text}
    return {"status": status, "code_desc": f"{node}: {expected}" if node else expected, "start_time": time, **text}


def _attestation(row: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """Return what persons say of a manual control. It failed if one says so of some node."""
    said = [part["attestation"] for part in row.get("evidence", []) if "attestation" in part]
    if not said:
        return None
    newest = max(said, key=lambda one: str(one["date"]))
    frequency = "never"
    if newest["expires"] != "never":
        days = datetime.date.fromisoformat(newest["expires"]) - datetime.date.fromisoformat(newest["date"])
        frequency = f"{days.days}d"
    return {
        "control_id": row["id"],
        "explanation": "; ".join(dict.fromkeys(map(attested_by, said))),
        "frequency": frequency,
        "status": "passed" if all(one["result"] == "passed" for one in said) else "failed",
        "updated": newest["date"],
        "updated_by": ", ".join(dict.fromkeys(one["by"] for one in said)),
    }


def _waiver(row: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return who accepts that the control is skipped, or that it fails on some nodes: then it still fails."""
    skipped = row["state"] == "skip"
    waivers = [part["waiver"] for part in row.get("evidence", []) if "waiver" in part]
    if waivers:
        ends = sorted(waiver["expires"] for waiver in waivers if waiver["expires"] != "never")
        why = "; ".join(dict.fromkeys(map(waived_by, waivers)))
        return {
            "justification": why, "run": True, "skipped_due_to_waiver": skipped, "expiration_date": (ends or [None])[0],
        }  # fmt: skip
    if skipped:
        return {"justification": row["advice"], "run": False, "skipped_due_to_waiver": True, "expiration_date": None}
    return {}
