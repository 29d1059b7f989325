# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What an alert says about a scan: its fields, bounded and on one line each, and its text."""

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.module_utils._masking import mask_url_passwords
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, FAILED, not_chosen, report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted, listed, printable, shortened

_NEWS = {"newly_failing": "New", "fixed": "Fixed"}
_LABELS = {"pass": "pass", "fail": "fail", "skip": "skip", "notApplicable": "not applicable", "error": "error"}
_MOST_CONTROLS = 20
_MOST_NODES = 10


def plain(text: t.Any, most: int = 200) -> str:
    """Return text on one line, bounded, without control characters and without passwords in URLs."""
    line = mask_url_passwords(" ".join(str(text).split()))
    line = printable(line.encode("utf-8", "replace").decode("utf-8"))
    return shortened(line, most)


def _names(names: t.Iterable[t.Any]) -> list[str]:
    return [plain(name) for name in names]


def scan_of_report(report: dict[str, t.Any], path: str, result: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return what alerts say about a scan. `result` is what score_evidence returned; it has the comparison."""
    lost = report["node_errors"]
    ending = [waiver for waiver in report.get("waivers", []) if waiver["status"] in ("expiring", "expired")]
    return {
        **scan_without_report(report["cluster"], report["profile"], report["scan"]["kind"], report["scan"]["by"]),
        "scan": plain(report["scan"]["name"]),
        "report": path,
        "counts": {key: report[key] for key in ("total", *COUNTS)},
        "failing": _controls(report, FAILED, "failed_nodes"),
        "warning": _controls(report, ("warn",), "warned_nodes"),
        "compared_with": plain(result.get("compared_with") or ""),
        "newly_failing": _names(result.get("newly_failing") or []),
        "fixed": _names(result.get("fixed") or []),
        "unexamined_nodes": [{"node": plain(node), "reason": plain(lost[node])} for node in sorted(lost)[:_MOST_NODES]],
        "unexamined_nodes_total": len(lost),
        "not_scanned_total": len(report.get("not_scanned", ())),
        "not_chosen_total": not_chosen(report),
        "waivers": [
            {
                "controls": _names(waiver["controls"][:_MOST_CONTROLS]),
                "owner": plain(waiver["owner"]),
                "status": waiver["status"],
                "expires": plain(waiver["expires"]),
            }
            for waiver in ending[:_MOST_CONTROLS]
        ],
        "waivers_total": len(ending),
    }


def _controls(report: dict[str, t.Any], states: t.Container[str], where: str) -> list[dict[str, t.Any]]:
    """Return the first of the controls in these states, each with the first of its nodes under this key."""
    return [
        {
            "id": check["id"],
            "title": plain(check["title"]),
            **{key: check[key] for key in ("severity",) if key in check},
            "nodes": _names(check[where][:_MOST_NODES]),
            "nodes_total": len(check[where]),
        }
        for check in [check for check in report_checks(report) if check["state"] in states][:_MOST_CONTROLS]
    ]


def scan_without_report(cluster: str, profile: str, kind: str, by: str, failure: str = "") -> dict[str, t.Any]:
    """Return what alerts say about a scan that has no report, because of `failure`."""
    return {
        "cluster": plain(cluster),
        "profile": plain(profile),
        "kind": kind,
        "by": plain(by),
        "scan": "",
        "report": "",
        "failure": plain(failure, 1000),
        "counts": {},
        "failing": [],
        "warning": [],
        "compared_with": "",
        "newly_failing": [],
        "fixed": [],
        "unexamined_nodes": [],
        "unexamined_nodes_total": 0,
        "not_scanned_total": 0,
        "not_chosen_total": 0,
        "waivers": [],
        "waivers_total": 0,
    }


def lines(alert: dict[str, t.Any]) -> list[tuple[str, str]]:
    """Return the content of an alert as labels and texts. A text without a label belongs to the label above."""
    if alert["status"] == "test":
        return [("Test", "alerts of the CIS scan arrive here")]
    said = [("Alert", f"{alert['rule']} ({alert['severity']})"), ("Cluster", alert["cluster"])]
    said += [("Profile", alert["profile"]), ("Scan", alert["kind"] + (f", by {alert['by']}" if alert["by"] else ""))]
    if alert["failure"]:
        return [*said, ("No report", alert["failure"])]
    if alert["not_scanned_total"]:
        said.append(("Part", f"{counted(alert['not_scanned_total'], 'node')} of the cluster not scanned"))
    if alert["not_chosen_total"]:
        said.append(("Part", f"{counted(alert['not_chosen_total'], 'control')} of the benchmark not chosen"))
    counts = alert["counts"]
    shown = [f"{counts[key]} {label}" for key, label in _LABELS.items()]
    shown += [f"{counts[key]} {key}" for key in ("warn", "manual") if counts[key]]
    said.append(("Result", f"{', '.join(shown)}; {counted(counts['total'], 'control')}"))
    if alert["compared_with"]:
        said += [(label, ", ".join(alert[key]) or "nothing") for key, label in _NEWS.items()]
    for label, key, state in (("Failing", "failing", "fail"), ("Warning", "warning", "warn")):
        said += _listed(label, [_control(item) for item in alert[key]], counts[state])
    lost = [f"{item['node']}: {item['reason']}" for item in alert["unexamined_nodes"]]
    said += _listed("Not seen", lost, alert["unexamined_nodes_total"])
    waivers = [
        f"{', '.join(item['controls'])} of {item['owner']}: {item['status']}, {item['expires']}"
        for item in alert["waivers"]
    ]
    said += _listed("Waivers", waivers, alert["waivers_total"])
    return [*said, ("Report", alert["report"])]


def _control(item: dict[str, t.Any]) -> str:
    rating = f" ({item['severity']})" if "severity" in item else ""
    return f"{item['id']}{rating} on {_some(item['nodes'], item['nodes_total'])}: {item['title']}"


def _some(names: list[str], total: int) -> str:
    return listed(names, len(names), total)


def _listed(label: str, texts: list[str], total: int) -> list[tuple[str, str]]:
    if total > len(texts):
        texts = [*texts, f"and {total - len(texts)} more, see the report"]
    return [(label if number == 0 else "", text) for number, text in enumerate(texts)]


def text(alert: dict[str, t.Any]) -> str:
    """Return an alert as plain text."""
    return "\n".join(f"{label + ':' if label else '':<11}{said}" for label, said in lines(alert)) + "\n"
