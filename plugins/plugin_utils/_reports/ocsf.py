# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Compliance findings of OCSF: an event for each judged control and node."""

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import severity
from ansible_collections.rke.cis.plugins.plugin_utils._reports.results import finding_id, results_by_control, scan_time
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waived_by

_VERSION = "1.3.0"
_SEVERITIES = {"low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical")}
_UNKNOWN = (0, "Unknown")
_NIST = "NIST SP 800-53"
# The result of the control, and the state of the finding, for which all but these are new.
_COMPLIANCE = {"pass": (1, "Pass"), "warn": (2, "Warning"), "fail": (3, "Fail"), "waived": (3, "Fail")}
_STATUSES = {"waived": (3, "Suppressed"), "error": _UNKNOWN, "unseen": _UNKNOWN}


def ocsf_findings(report: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Return an event for each judged control and node."""
    time = int(scan_time(report).timestamp() * 1000)
    name, version = report["collection"].split(" ")
    metadata = {
        "version": _VERSION,
        "product": {"name": name, "vendor_name": name, "version": version},
        "log_name": report["profile"],
        "correlation_uid": report["scan"]["name"],
    }
    for row, results in results_by_control(report):
        severity_id, severity_text = _SEVERITIES[severity(row)]
        nist = row.get("nist", [])
        more: dict[str, t.Any] = {key: row[key] for key in ("scored", "level", "references") if key in row}
        for result, nodes in results:
            if result.outcome in ("skip", "notApplicable"):
                continue
            compliance_id, compliance = _COMPLIANCE.get(result.outcome, _UNKNOWN)
            status_id, status = _STATUSES.get(result.outcome, (1, "New"))
            shared = {
                "activity_id": 1,
                "activity_name": "Create",
                "category_uid": 2,
                "category_name": "Findings",
                "class_uid": 2003,
                "class_name": "Compliance Finding",
                "type_uid": 200301,
                "type_name": "Compliance Finding: Create",
                "time": time,
                "metadata": metadata,
                "severity_id": severity_id,
                "severity": severity_text,
                "status_id": status_id,
                "status": status,
                "status_detail": result.text,
                "compliance": {
                    "control": row["id"],
                    "requirements": [f"{row['id']} {row['title']}", *(f"{_NIST} {name}" for name in nist)],
                    "standards": [report["title"], *([_NIST] if nist else [])],
                    "status_id": compliance_id,
                    "status": compliance,
                    "status_detail": result.text,
                },
                "remediation": {"desc": row["remediation"]},
                "unmapped": {"state": result.outcome, **more},
            }
            if result.outcome == "waived":
                shared["comment"] = waived_by(result.seen["waiver"])
            for node in nodes or [""]:
                yield {**shared, **_about(report, row, node, time)}


def _about(report: dict[str, t.Any], row: dict[str, t.Any], node: str, time: int) -> dict[str, t.Any]:
    """Return what differs from node to node. One of an empty name is the whole cluster."""
    resource = {"name": node or report["cluster"], "type": "Node" if node else "Cluster"}
    if node:
        resource.update(group={"name": report["cluster"]}, labels=report["node_results"][node]["roles"])
    return {
        "message": f"{row['id']}{' on ' * bool(node)}{node}: {row['title']}",
        "finding_info": {
            "uid": finding_id(report, row["id"], node),
            "title": f"{row['id']} {row['title']}",
            "created_time": time,
        },
        "resources": [resource],
    }
