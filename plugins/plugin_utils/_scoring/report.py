# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""A report: its form, and what is read of it."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import severity
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._schema import Check, compiled, schema_beside
from ansible_collections.rke.cis.plugins.plugin_utils._text import printable, shortened

SCHEMA = "rke.cis/report/1"

# Each control counts once, a mixed one as a failure.
COUNTS = ("pass", "fail", "warn", "skip", "notApplicable", "error", "manual")

# The states in words, in the order in which reports list them.
LABELS = {
    "pass": "Pass",
    "fail": "Fail",
    "mixed": "Mixed",
    "warn": "Warn",
    "error": "Error",
    "manual": "Manual",
    "skip": "Skipped",
    "notApplicable": "Not applicable",
}
# The states of a control that fails on all nodes, or on some.
FAILED = ("fail", "mixed")

# The keys of the share of controls that pass, by number and by severity.
SCORES = ("score", "weighted_score")
# How much a control counts in the weighted score.
WEIGHTS = {"low": 1, "medium": 3, "high": 6, "critical": 10}

# How a scan was started.
KINDS = MANUAL, SCHEDULED = ("manual", "scheduled")

# What reports of before do not have.
_LATER = ("level", *SCORES, "warnings", "waivers", "attestations")


def _lenient(schema: t.Any) -> t.Any:
    """Return a schema that allows for reports of other versions of the collection: with fewer keys, or with more."""
    if isinstance(schema, list):
        return [_lenient(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _lenient(part) for key, part in schema.items() if (key, part) != ("additionalProperties", False)}
    if "required" in kept:
        kept["required"] = [key for key in kept["required"] if key not in _LATER]
    return kept


@functools.cache
def _form() -> Check:
    return compiled(_lenient(schema_beside(__file__, "report")))


def check_report(document: t.Any, origin: str) -> dict[str, t.Any]:
    """Return a document if it is a complete report: behind this, no key needs to be checked again.

    Raises CisError that begins with its origin.
    """

    def wrong(what: str) -> t.NoReturn:
        what = shortened(printable(what), 200)
        raise CisError(f"{origin}: not a complete rke.cis report ({what}); score its evidence again")

    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        wrong(f"expected the schema {SCHEMA}")
    for path, what in _form()(document):
        wrong(".".join(map(str, path)) or what)
    return t.cast(dict[str, t.Any], document)


def report_checks(report: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the checks of all groups, in the report's order."""
    return [check for group in report["results"] for check in group["checks"]]


def unexamined(report: dict[str, t.Any]) -> list[str]:
    """Return the ids of the controls that could not be examined on all nodes that they run on."""
    return [check["id"] for check in report_checks(report) if check["state"] == "error" or check.get("error_nodes")]


def score(counts: dict[str, t.Any]) -> int | None:
    """Return the share of controls that pass among those judged, in percent; None if none was judged.

    Rounded down, so that no failure hides in 100.
    """
    judged = counts["pass"] + counts["fail"] + counts["error"]
    return counts["pass"] * 100 // judged if judged else None


def weighted_score(checks: t.Iterable[dict[str, t.Any]]) -> int | None:
    """Return the same share of controls that count by their severity."""
    weights = dict.fromkeys(("pass", "error", *FAILED), 0)
    for check in checks:
        if check["state"] in weights:
            weights[check["state"]] += WEIGHTS[severity(check)]
    judged = sum(weights.values())
    return weights["pass"] * 100 // judged if judged else None


def score_text(report: dict[str, t.Any]) -> str:
    """Return both scores of a report in words, also of one that was made before there were any."""
    plain = score(report)
    if plain is None:
        return "No score, since no control was judged"
    return f"Score {plain} %, weighted by severity {weighted_score(report_checks(report))} %"


def not_chosen(report: dict[str, t.Any]) -> int:
    """Return how many controls of the benchmark cis_scan_only left out."""
    return report["only"]["of"] - report["only"]["controls"] if "only" in report else 0


def errors_by_reason(report: dict[str, t.Any]) -> dict[str, dict[str, list[str]]]:
    """Return each reason why something could not be examined to the ids of its controls and to its nodes."""
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for check in report_checks(report):
        parts = [part for part in check.get("evidence", []) if part["state"] == "error"]
        if check["state"] == "error" and not check["evidence"]:
            parts = [{"reason": check["reason"], "nodes": []}]
        for part in parts:
            controls, nodes = reasons.setdefault(part["reason"], ({}, {}))
            controls[check["id"]] = None
            nodes.update(dict.fromkeys(part["nodes"]))
    return {reason: {"controls": list(controls), "nodes": list(nodes)} for reason, (controls, nodes) in reasons.items()}


def states_of_nodes(check: dict[str, t.Any], names: dict[str, list[str]]) -> t.Iterator[tuple[str, t.Iterable[str]]]:
    """Return each state of a check with its nodes. `names` are the nodes of each node type."""
    if "evidence" in check:
        for part in check["evidence"]:
            yield part["state"], part["nodes"]
    else:
        yield check["state"], dict.fromkeys(name for kind in check["node_type"] for name in names[kind])
