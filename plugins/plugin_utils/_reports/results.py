# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What came of each control on each node, for the formats that other tools read."""

from __future__ import annotations

import collections
import contextlib
import datetime
import typing as t
import urllib.parse

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._reports.csv_rows import report_rows
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import attested_by
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waived_by
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted
from ansible_collections.rke.cis.plugins.plugin_utils._times import STAMP, TIME, from_iso, from_utc


class Result(t.NamedTuple):
    """What came of a control on nodes. One object for all nodes on which the same was seen.

    `outcome` is a state of the report, or one that it does not tell apart: waived (a failure), unseen (nothing at all
    of the node), elsewhere (the control does not run on the node's roles).
    """

    row: dict[str, t.Any]
    outcome: str
    seen: dict[str, t.Any]

    @property
    def text(self) -> str:
        """Return what was seen and expected, where and why, a line for each."""
        row, seen = self.row, self.seen
        if self.outcome == "elsewhere":
            return f"Runs only on nodes with the role {' or '.join(NODE_TYPES[kind] for kind in row['node_type'])}"
        if not seen:
            return str(row["advice"])
        lines = {"Seen": seen["actual"] or "nothing", "Where": seen["source"]}
        if self.outcome in ("error", "unseen"):
            lines = {"Not examined": seen["reason"], "Expected": seen["expected"]}
        elif self.outcome == "manual":
            lines = {"A person must judge it": seen["expected"], **lines, "Why": seen["reason"]}
        else:
            lines = {"Expected": seen["expected"], **lines, "Why": seen["reason"]}
        if "attestation" in seen:
            lines["Attested"] = attested_by(seen["attestation"])
        if "waiver" in seen:
            lines["Waived by"] = waived_by(seen["waiver"])
        return "\n".join(f"{name}: {text}" for name, text in lines.items() if text)


def results_by_control(report: dict[str, t.Any]) -> t.Iterator[tuple[dict[str, t.Any], list[tuple[Result, list[str]]]]]:
    """Return each control with its results and their nodes. One that could not run anywhere has one without nodes."""
    lost = report["node_errors"]
    for row in report_rows(report):
        found = []
        for part in row.get("evidence", []):
            if part["state"] == "error":
                found.append((Result(row, "unseen", part), [name for name in part["nodes"] if name in lost]))
                found.append((Result(row, "error", part), [name for name in part["nodes"] if name not in lost]))
            else:
                found.append((Result(row, "waived" if "waiver" in part else part["state"], part), part["nodes"]))
        if not row.get("evidence"):
            found.append((Result(row, row["state"], {}), row["all_nodes"]))
        yield row, [(result, names) for result, names in found if names or not row["all_nodes"]]


def results_by_node(report: dict[str, t.Any]) -> dict[str, list[Result]]:
    """Return node to the results of all controls, in their order."""
    found: dict[str, list[Result]] = {name: [] for name in report["node_results"]}
    for row, results in results_by_control(report):
        elsewhere = Result(row, "elsewhere", {})
        here = {name: result for result, names in results for name in names}
        for name, column in found.items():
            column.append(here.get(name, elsewhere))
    return found


def remarks(report: dict[str, t.Any]) -> list[str]:
    """Return what a reader should know of the scan: its warnings, and which nodes it left out."""
    others = report.get("not_scanned", [])
    left_out = f"Not the whole cluster: {counted(len(others), 'node')} not scanned: {', '.join(others)}"
    return [*report["warnings"], *([left_out] if others else [])]


def references(check: dict[str, t.Any]) -> str:
    """Return the controls of NIST that a control serves, and its ids elsewhere, as text."""
    known = {"NIST SP 800-53": check.get("nist", []), **check.get("references", {})}
    return "; ".join(f"{name} {', '.join(ids)}" for name, ids in known.items() if ids)


def finding_id(report: dict[str, t.Any], control: str, node: str) -> str:
    """Return what a control on a node is called in each scan of the cluster."""
    return "/".join(urllib.parse.quote(name, safe="") for name in (report["cluster"], report["version"], control, node))


def flat_score(results: t.Iterable[Result]) -> tuple[int, int]:
    """Return how many scored controls pass, and how many were to be judged."""
    counts = collections.Counter(result.outcome for result in results if result.row["scored"])
    return counts["pass"], sum(counts[outcome] for outcome in ("pass", "fail", "waived", "error", "unseen"))


def scan_time(report: dict[str, t.Any]) -> datetime.datetime:
    """Return when the evidence was collected; when the scan was begun if there is none, as its name says."""
    with contextlib.suppress(ValueError, OverflowError):
        return from_iso(report["collected_at"]).astimezone(datetime.timezone.utc)
    with contextlib.suppress(ValueError):
        return from_utc(report["scan"]["name"][:16], STAMP)
    return datetime.datetime.fromtimestamp(0, datetime.timezone.utc)


def utc_text(time: datetime.datetime) -> str:
    """Return a time as XML, OSCAL and others write it. Years before 1000, which strftime does not pad, are no times."""
    return time.strftime(TIME) if time.year >= 1000 else "1970-01-01T00:00:00Z"
