# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The findings of a report as DefectDojo's Generic Findings Import reads them."""

from __future__ import annotations

import hashlib
import re
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import severity
from ansible_collections.rke.cis.plugins.plugin_utils._reports.markdown import markdown_block, markdown_text
from ansible_collections.rke.cis.plugins.plugin_utils._reports.results import (
    finding_id,
    references,
    results_by_control,
    scan_time,
)
from ansible_collections.rke.cis.plugins.plugin_utils._text import shortened

_FOUND = ("fail", "warn", "waived", "error", "unseen")
# As many characters as DefectDojo stores.
_TITLE, _ID, _SERVICE = 511, 500, 200
# What it takes for the name of a host. Another one would end the import of all findings.
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def defectdojo_findings(report: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Return a finding for each control and node on which it fails or could not be examined."""
    date = scan_time(report).date().isoformat()
    cluster = shortened(report["cluster"], _SERVICE)
    for row, results in results_by_control(report):
        for result, nodes in results:
            if result.outcome not in _FOUND:
                continue
            waiver = result.seen.get("waiver")
            shared = {
                "severity": severity(row).capitalize(),
                "description": f"Cluster {markdown_text(report['cluster'])}\n\n{markdown_block(result.text)}",
                "mitigation": row["remediation"],
                "steps_to_reproduce": markdown_block("\n".join(row.get("audit", []))),
                "references": "\n".join(filter(None, (f"{row['id']} of {report['title']}", references(row)))),
                "date": date,
                "vuln_id_from_tool": row["id"],
                "service": cluster,
                "tags": [report["version"], *([f"level-{row['level']}"] if "level" in row else [])],
                "active": waiver is None,
                "verified": True,
                "risk_accepted": waiver is not None,
                "dynamic_finding": True,
                "static_finding": False,
            }
            if waiver and waiver["expires"] != "never":
                shared["planned_remediation_date"] = waiver["expires"]
            for node in nodes or [""]:
                yield {
                    "title": shortened(f"{row['id']}{' on ' * bool(node)}{node}: {row['title']}", _TITLE),
                    "unique_id_from_tool": _unique_id(finding_id(report, row["id"], node)),
                    "endpoints": [{"host": node}] if _HOST.fullmatch(node) else [],
                    **shared,
                }


def _unique_id(known: str) -> str:
    return known if len(known) <= _ID else hashlib.sha256(known.encode()).hexdigest()
