# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Reports and comparisons as plain text for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import alike, changed_ids
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import attested_by
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import described
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import (
    FAILED,
    errors_by_reason,
    report_checks,
    score_text,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waived_by
from ansible_collections.rke.cis.plugins.plugin_utils._text import (
    counted,
    duration,
    listed,
    printable,
    settings,
    shortened,
)

WIDTH = 80
_STATES = {
    "pass": "PASS",
    "fail": "FAIL",
    "warn": "WARN",
    "skip": "SKIP",
    "notApplicable": "N/A",
    "error": "ERROR",
    "manual": "MANUAL",
}
_RARE = ("warn", "manual")  # a column only where there is such a control
_TABLE = 78
_MOST_NODES = 50
_MOST_KINDS = 10


def _printable(text: str) -> str:
    """Text from a node must not control the terminal, nor flood it."""
    return printable(shortened(text, 500))


def _names(names: list[str]) -> str:
    return listed(names, 10)


def _wrapped(label: str, text: str) -> list[str]:
    lead = f"    {label:<8} "
    return textwrap.wrap(
        _printable(text), WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead), break_on_hyphens=False
    ) or [lead.rstrip()]


def _row(name: str, cells: dict[str, t.Any], states: list[str]) -> str:
    gap = 2 if set(states) & set(_RARE) else 4
    values = "".join(f"{cells[state]:>{max(4, len(_STATES[state])) + gap}}" for state in states)
    width = _TABLE - len(values)
    return f"{shortened(_printable(name), width):<{width}}{values}"


def progress_line(done: int, total: int, seconds: float, waiting: list[str]) -> str:
    """Return the progress of a scan after so many seconds, and which nodes it waits for."""
    line = f"{done} of {total} nodes have answered"
    if done:
        rate = done / max(seconds, 0.001)
        line += f", {rate:.1f} a second, about {duration((total - done) / rate)} left"
    return _printable(f"{line}; waiting for {listed(waiting, 3)}" if waiting else line)


def node_table(report: dict[str, t.Any]) -> list[str]:
    """Return a line for each node and one for the cluster. Of many nodes, those with failures come first."""
    results = report["node_results"]
    states = [s for s in _STATES if s not in _RARE or any(row[s] for row in (report, *results.values()))]
    names = list(results)
    if len(names) > _MOST_NODES:
        names.sort(key=lambda name: (-results[name]["error"], -results[name]["fail"], name))
    rows = [_row("NODE", _STATES, states)]
    rows += [_row(name, results[name], states) for name in names[:_MOST_NODES]]
    if len(names) > _MOST_NODES:
        rows.append(f"... and {len(names) - _MOST_NODES} more nodes, see the report")
    rows.append("-" * _TABLE)
    rows.append(_row(f"cluster {report['cluster']} ({counted(report['total'], 'control')})", report, states))
    return rows


def _rating(check: dict[str, t.Any]) -> str:
    return f" [{check['severity']}]" if "severity" in check else ""


def _title(check: dict[str, t.Any], more: str = "") -> list[str]:
    text = f"{check['id']:<8}{check['description']}{more}"
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * 8, break_on_hyphens=False)


def failures(report: dict[str, t.Any], states: t.Container[str] = FAILED) -> list[str]:
    """Return the controls that fail or warn, each with what was expected, what was seen, and where."""
    rows = []
    for check in report_checks(report):
        if check["state"] not in states:
            continue
        rows += _title(check, _rating(check))
        failed = [part for part in check["evidence"] if part["state"] in ("fail", "warn")]
        for expected in dict.fromkeys(part["expected"] for part in failed):
            rows += _wrapped("expected", expected)
        rows += _seen(failed)
    return rows


def warnings(report: dict[str, t.Any]) -> list[str]:
    """Return the controls that warn, as `failures` does."""
    return failures(report, ("warn",))


def _seen(parts: list[dict[str, t.Any]]) -> list[str]:
    """Return what was seen, where, and who accepts it if it is waived."""
    rows = []
    for part in parts[:_MOST_KINDS]:
        rows += _wrapped("seen", f"{part['actual']} ({part['source']})") if part["actual"] or part["source"] else []
        rows += _wrapped("on", _names(part["nodes"]))
        rows += _wrapped("attested", attested_by(part["attestation"])) if "attestation" in part else []
        rows += _wrapped("by", waived_by(part["waiver"])) if "waiver" in part else []
    if len(parts) > _MOST_KINDS:
        rows += _wrapped("seen", f"and {len(parts) - _MOST_KINDS} more, see the report")
    return rows


def waived(report: dict[str, t.Any]) -> list[str]:
    """Return the waived failures, each with what was seen, where, and who accepts it."""
    rows = []
    for check in report_checks(report):
        parts = [part for part in check.get("evidence", []) if "waiver" in part]
        rows += [*_title(check), *_seen(parts)] if parts else []
    return rows


def attested(report: dict[str, t.Any]) -> list[str]:
    """Return the controls that a person attests to pass, each with what was seen, where, and who attests it."""
    rows = []
    for check in report_checks(report):
        parts = [part for part in check.get("evidence", []) if "attestation" in part and part["state"] == "pass"]
        rows += [*_title(check), *_seen(parts)] if parts else []
    return rows


def unseen(report: dict[str, t.Any]) -> list[str]:
    """Return what could not be examined, by reason: one dead node must not fill the screen."""
    reasons = errors_by_reason(report)
    rows = []
    for reason, found in list(reasons.items())[:_MOST_KINDS]:
        rows += textwrap.wrap(_printable(reason), WIDTH, subsequent_indent="    ", break_on_hyphens=False)
        if found["nodes"]:
            rows += _wrapped("on", _names(found["nodes"]))
        rows += _wrapped("ids", _names(found["controls"]))
    if len(reasons) > _MOST_KINDS:
        rows.append(f"... and {len(reasons) - _MOST_KINDS} more reasons, see the report")
    return rows


def summary(report: dict[str, t.Any]) -> list[tuple[str, str]]:
    """Return the summary as (line, state) pairs. The state, if any, gives the line's colour."""
    count = counted(len(report["node_results"]), "node")
    title = f"{report['profile']}: {count}, evidence of {report['collected_at'] or 'none'}"
    rows = [(_printable(title)[:WIDTH], "")]
    if report["kubernetes"].get("chosen_for"):
        rows.append((f"The benchmark is the one for Kubernetes {report['kubernetes']['chosen_for']}.", ""))
    if report.get("not_scanned"):
        rows.append((f"Not the whole cluster: {counted(len(report['not_scanned']), 'node')} not scanned.", ""))
    if "only" in report:
        only = report["only"]
        text = f"Not the whole benchmark: {only['controls']} of {only['of']} controls, {described(only['choice'])}."
        rows += [(row, "") for row in textwrap.wrap(_printable(text), WIDTH, subsequent_indent="    ")]
    rows.append(("", ""))
    rows += [(row, "") for row in (*node_table(report), score_text(report))]
    parts = (
        ("Failing controls", failures, "fail"),
        ("Failing controls that are not scored", warnings, "warn"),
        ("Waived failures", waived, ""),
        ("Attested as passed", attested, ""),
        ("Not examined", unseen, "error"),
    )
    for heading, part, state in parts:
        lines = part(report)
        if lines:
            rows += [("", ""), (heading, state)] + [(line, state if not line.startswith(" ") else "") for line in lines]
    return rows


# ---------------------------------------------------------------------------------------- a few controls of one node


def check_lines(checks: list[dict[str, str]]) -> list[str]:
    """Return what rke.cis.check found. Controls that do not run on the node are listed together."""
    rows = []
    not_here: dict[str, list[str]] = {}
    for check in checks:
        state = check["state"]
        if state not in _STATES:
            not_here.setdefault(check["reason"], []).append(check["id"])
            continue
        rating = _rating(check) if state in ("fail", "warn") else ""
        title = f"{_STATES[state]:<8}{check['id']:<8}{check['description']}{rating}"
        rows += textwrap.wrap(title, WIDTH, subsequent_indent=" " * 16, break_on_hyphens=False)
        seen = f"{check['actual']} ({check['source']})" if check["actual"] else ""
        for label, text in (
            ("expected", check["expected"]),
            ("seen", seen),
            ("why", "" if state in ("pass", "fail", "warn") else check["reason"]),
            ("remediation", check["remediation"] if state in ("fail", "warn") else ""),
        ):
            rows += _wrapped(label, text) if text else []
    for reason, ids in not_here.items():
        rows += textwrap.wrap(f"NOT RUN {_names(ids)}", WIDTH, subsequent_indent=" " * 8)
        rows += _wrapped("why", reason)
    return rows


# ---------------------------------------------------------------------------------------- comparison of two reports


def _verdicts(changes: list[dict[str, t.Any]]) -> list[str]:
    """Return controls, each with where it changed and, if the value changed, its values."""
    rows = []
    by_control: dict[str, list[dict[str, t.Any]]] = {}
    for change in changes:
        by_control.setdefault(change["id"], []).append(change)
    for control_id, same in by_control.items():
        title = _printable(f"{control_id:<8}{same[0]['title']}")
        rows += textwrap.wrap(title, WIDTH, subsequent_indent=" " * 8, break_on_hyphens=False)
        for change in same[:_MOST_KINDS]:
            for label in ("before", "after"):
                rows += _wrapped(label, change[label]) if label in change else []
            rows += _wrapped("on", _names(change["nodes"]))
        if len(same) > _MOST_KINDS:
            rows += _wrapped("before", f"and {len(same) - _MOST_KINDS} more, see the comparison")
    return rows


def _state_changes(changes: list[dict[str, t.Any]]) -> list[str]:
    """Return which states changed to which, where, and of which controls."""
    rows = []
    for (before, after, nodes), ids in alike(changes).items():
        rows.append(_printable(f"{before} to {after}"))
        rows += _wrapped("on", _names(list(nodes))) if nodes else []
        rows += _wrapped("ids", _names(ids))
    return rows


def comparison_summary(comparison: dict[str, t.Any]) -> list[tuple[str, str]]:
    """Return a comparison as (line, state) pairs, as `summary` does."""
    older, newer = comparison["from"], comparison["to"]
    rows = [(_printable(f"Changes of cluster {comparison['cluster']}")[:WIDTH], "")]
    for label, about in (("from", older), ("to", newer)):
        texts = [f"{about['profile']}, evidence of {about['collected_at'] or 'none'}", about["name"]]
        if older["parameters"] != newer["parameters"]:
            texts.append(", ".join(settings(about["parameters"])))
        if older.get("only") != newer.get("only"):
            texts.append(f"only {described(about['only'])}" if "only" in about else "all controls")
        for number, text in enumerate(filter(None, texts)):
            rows += [(row, "") for row in _wrapped("" if number else label, text)]
    parts = [
        ("Newly failing", _verdicts(comparison["newly_failing"]), "fail"),
        ("Fixed", _verdicts(comparison["fixed"]), ""),
        ("Changed values", _verdicts(comparison["changed"]), ""),
        ("Other changes", _state_changes(comparison["other"]), ""),
        *(
            (heading, _wrapped("", _names(comparison[key])) if comparison[key] else [], "")
            for heading, key in (
                ("Nodes added", "nodes_added"),
                ("Nodes gone", "nodes_gone"),
                ("Not compared, since only one of the scans chose them", "not_compared"),
            )
        ),
    ]
    for heading, lines, state in [part for part in parts if part[1]] or [("Nothing changed", [], "")]:
        rows += [("", ""), (heading, state)] + [(line, state if not line.startswith(" ") else "") for line in lines]
    return rows


def since_lines(comparison: dict[str, t.Any]) -> list[str]:
    """Return in a few words what has changed since the last scan."""
    parts = []
    for key, words in (("newly_failing", "newly failing"), ("fixed", "fixed")):
        where = []
        for change in comparison[key]:
            where.append(f"{change['id']} on {listed(change['nodes'], 1)}")
        parts.append(f"{len(where)} {words}" + (f" ({_names(where)})" if where else ""))
    for key, words in (("changed", "with changed values"), ("other", "otherwise changed")):
        if comparison[key]:
            parts.append(f"{len(changed_ids(comparison[key]))} {words}")
    for key, words in (("nodes_added", "nodes added"), ("nodes_gone", "nodes gone"), ("not_compared", "not compared")):
        if comparison[key]:
            parts.append(f"{words}: {_names(comparison[key])}")
    since = comparison["from"]["collected_at"] or comparison["from"]["name"]
    text = f"Since {_printable(since)}: " + ", ".join(_printable(part) for part in parts)
    return textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
