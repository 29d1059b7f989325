# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Filters for the templates of reports."""

from __future__ import annotations

import base64
import hashlib
import re
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import severity
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare_markdown import comparison_markdown
from ansible_collections.rke.cis.plugins.plugin_utils._reports.csv_rows import report_rows
from ansible_collections.rke.cis.plugins.plugin_utils._reports.defectdojo import defectdojo_findings
from ansible_collections.rke.cis.plugins.plugin_utils._reports.markdown import (
    markdown_block,
    markdown_code,
    markdown_fence,
    markdown_text,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.ocsf import ocsf_findings
from ansible_collections.rke.cis.plugins.plugin_utils._reports.ohdf import ohdf_controls
from ansible_collections.rke.cis.plugins.plugin_utils._reports.oscal import (
    oscal_definitions,
    oscal_findings,
    oscal_observations,
    oscal_risks,
    oscal_selection,
    oscal_uuid,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.results import (
    flat_score,
    references,
    remarks,
    scan_time,
    utc_text,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import attested_by
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import described
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import (
    errors_by_reason,
    not_chosen,
    report_checks,
    score,
    score_text,
    states_of_nodes,
    weighted_score,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waived_by
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted, listed
from ansible_collections.rke.cis.plugins.plugin_utils._times import from_iso


def unix_time(text: str) -> int | None:
    """Return an ISO 8601 time as seconds since 1970, or None if it is not one."""
    try:
        return int(from_iso(text).timestamp())
    except ValueError:
        return None


def xml_name(text: str) -> str:
    """Return text with an underscore for each character that may not stand in an id of XML."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def by_node(report: dict[str, t.Any]) -> dict[str, list[dict[str, t.Any]]]:
    """Return node to its cases: the controls that run on it, with `section`, `state` and, if judged, what was `seen`.

    Controls that run on no node are under an empty name.
    """
    sections = {group["id"]: group["description"] for group in report["results"]}
    cases: dict[str, list[dict[str, t.Any]]] = {name: [] for name in report["node_results"]}
    for row in report_rows(report):
        group = row["id"].rpartition(".")[0]
        seen = {name: part for part in row.get("evidence", []) for name in part["nodes"]}
        for name in row["all_nodes"] or [""]:
            part = seen.get(name)
            case = {"row": row, "section": f"{group} {sections[group]}", "seen": part}
            cases.setdefault(name, []).append({**case, "state": part["state"] if part else row["state"]})
    return cases


def matrix(report: dict[str, t.Any]) -> dict[str, str]:
    """Return control id to the first letter of its state on each node of node_results, or - where it did not run."""
    place = {name: number for number, name in enumerate(report["node_results"])}
    rows = {}
    for check in report_checks(report):
        row = ["-"] * len(place)
        for state, names in states_of_nodes(check, report["nodes"]):
            for name in names:
                row[place[name]] = state[0]
        rows[check["id"]] = "".join(row)
    return rows


def weighted(report: dict[str, t.Any]) -> int | None:
    """Return the weighted score of a report, also of one that was made before there was one."""
    return weighted_score(report_checks(report))


def csp_hash(script: str) -> str:
    """Return the hash that allows an inline script in a Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


FILTERS: dict[str, t.Callable[..., t.Any]] = {
    "attested_by": attested_by,
    "by_node": by_node,
    "comparison_markdown": comparison_markdown,
    "counted": counted,
    "csp_hash": csp_hash,
    "defectdojo_findings": defectdojo_findings,
    "described": described,
    "errors_by_reason": errors_by_reason,
    "flat_score": flat_score,
    "listed": listed,
    "markdown_block": markdown_block,
    "markdown_code": markdown_code,
    "markdown_fence": markdown_fence,
    "markdown_text": markdown_text,
    "matrix": matrix,
    "not_chosen": not_chosen,
    "ocsf_findings": ocsf_findings,
    "ohdf_controls": ohdf_controls,
    "oscal_definitions": oscal_definitions,
    "oscal_findings": oscal_findings,
    "oscal_observations": oscal_observations,
    "oscal_risks": oscal_risks,
    "oscal_selection": oscal_selection,
    "oscal_uuid": oscal_uuid,
    "references": references,
    "remarks": remarks,
    "scan_time": scan_time,
    "score": score,
    "score_text": score_text,
    "severity": severity,
    "unix_time": unix_time,
    "utc_text": utc_text,
    "waived_by": waived_by,
    "weighted": weighted,
    "xml_name": xml_name,
}
