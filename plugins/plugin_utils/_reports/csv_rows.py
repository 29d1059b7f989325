# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""CSV: the cells of a report. The layouts are templates of the role cis_report."""

from __future__ import annotations

import csv
import io
import re
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import attested_by
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waived_by

# What begins a formula for a spreadsheet, at the beginning of a cell or behind what separates cells elsewhere.
# Some take the full-width forms for the others.
_BEGINNING = (
    "=+\\-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)
_FORMULA = re.compile(rf"\A(?=[\s\0-\x1f]*[{_BEGINNING}])|\A(?=[\t\r\n])|(?<=[;,|\t\r\n])(?=\"*[{_BEGINNING}])")


def csv_row(cells: t.Iterable[t.Any], neutralise: bool = True) -> str:
    """Return cells as one CSV line without line end. What a spreadsheet takes for a formula gets a leading quote."""
    texts = [str(cell) for cell in cells]
    if neutralise:
        texts = [_FORMULA.sub("'", text) for text in texts]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerow(texts)  # cells that contain these characters get quoted
    return stream.getvalue()[:-2]


def report_rows(report: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Return the checks with what the columns need: their nodes, and the text of the column Remediation."""
    for check in report_checks(report):
        nodes = dict.fromkeys(name for kind in check["node_type"] for name in report["nodes"][kind])
        exempt = {"notApplicable": "Not applicable", "skip": f"Skipped by {check.get('by')}"}.get(check["state"])
        advice = check["remediation"]
        if check.get("by") == "waiver":
            advice = f"Waived by {check['reason']}"
        elif exempt:
            advice = f"{exempt}: {check['reason']}" if check["reason"] else exempt
        elif check["state"] == "error":
            why = check.get("reason") or "; ".join(
                dict.fromkeys(part["reason"] for part in check["evidence"] if part["reason"])
            )
            advice = f"Not examined: {why}"
        elif check["state"] == "manual":
            why = dict.fromkeys(part["reason"] for part in check["evidence"] if part["reason"])
            advice = "; ".join([f"A person must judge it: {check['evidence'][0]['expected']}", *why])
        for part in check.get("evidence", []):
            where = f"on {', '.join(part['nodes'])}"
            if "attestation" in part:
                advice += f" Attested {where} {attested_by(part['attestation'])}"
            if "waiver" in part and check["state"] != "skip":  # only some of its nodes are waived
                advice += f" Waived {where} by {waived_by(part['waiver'])}"
        # Rancher replaces the remediation with the reason, but only for controls that the profile exempts
        rancher_advice = check["reason"] if exempt and check.get("by") == "profile" else check["remediation"]
        yield {
            **check,
            "advice": advice,
            "rancher_advice": rancher_advice,
            "all_nodes": list(nodes),
            "passed": check.get("passed_nodes", []),
            "failed": check.get("failed_nodes", []) + check.get("warned_nodes", []),
        }
