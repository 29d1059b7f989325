# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Gates: figures of a scan that must keep within limits, or it fails. Pure, and no part of the report.

The figures of cis_scan_fail_on must be 0. The keys of cis_scan_thresholds are those of the threshold files of MITRE's
SAF.
"""

from __future__ import annotations

import operator
import re
import typing as t

from ansible.module_utils.common.validation import check_type_dict

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import SEVERITIES, severity
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import changed_ids
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import FAILED, report_checks, score, unexamined
from ansible_collections.rke.cis.plugins.plugin_utils._text import listed, plain, printable, quoted

Report = dict[str, t.Any]
Gate = dict[str, t.Any]

_MOST_NAMES = 10

# SAF's words to states of controls: as Heimdall shows them in our OHDF, except that a warning is not a failure.
_STATUSES = {
    "passed": ("pass",),
    "failed": FAILED,
    "skipped": ("manual",),
    "no_impact": ("skip", "notApplicable"),
    "error": ("error",),
}
# The last word of a key, if it sets a limit to a number.
_BOUNDS: dict[str, tuple[str, t.Callable[[t.Any, t.Any], bool]]] = {
    "min": ("at least", operator.ge),
    "max": ("at most", operator.le),
    "total": ("exactly", operator.eq),
}
_KEYS = {
    "compliance.min",
    "compliance.max",
    *(f"{status}.total{bound}" for status in _STATUSES for bound in ("", ".min", ".max")),
    *(
        f"{status}.{how_bad}.{word}"
        for status in _STATUSES
        for how_bad in (*SEVERITIES, *(["none"] if status == "no_impact" else []))  # SAF writes it; ours is always 0
        for word in ("min", "max", "controls")
    ),
}
_STATUS, _SEVERITY = (f"<{'|'.join(words)}>" for words in (_STATUSES, SEVERITIES))
_AVAILABLE = f"compliance.<min|max>, {_STATUS}.total.<min|max>, {_STATUS}.{_SEVERITY}.<min|max|controls>"


# ------------------------------------------------------------------------------------------- what the user wants


def check_thresholds(value: t.Any) -> dict[str, t.Any]:
    """Return thresholds by their dotted keys; none without a value, or with an empty text. Raises CisError."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    try:
        given = check_type_dict(plain(value))
    except (TypeError, ValueError) as error:
        raise CisError(
            f'cis_scan_thresholds: expected a dictionary such as {{"failed.total.max": 0}}, got {quoted(value)}'
        ) from error
    found: dict[str, t.Any] = {}
    for key, limit in _flat(given):
        if key not in _KEYS:
            raise CisError(f"cis_scan_thresholds: unknown key {quoted(key)}; available: {_AVAILABLE}")
        if key in found:
            raise CisError(f"cis_scan_thresholds: {key} is given twice")
        found[key] = (_ids if key.endswith(".controls") else _number)(key, limit)
    for key, least in found.items():
        most = found.get(f"{key.removesuffix('.min')}.max")
        if key.endswith(".min") and most is not None and least > most:
            raise CisError(f"cis_scan_thresholds: {key} is {least}, which is more than the {most} of its max")
    return found


def _flat(given: dict[str, t.Any], above: str = "") -> t.Iterator[tuple[str, t.Any]]:
    """Return the dotted keys of nested dictionaries. An empty one is a value, which no key takes."""
    for key, value in given.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value and name.count(".") < 2:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _number(key: str, value: t.Any) -> int | float:
    """Return a limit, which may be a text, as of a survey of AWX."""
    text = str(value).strip()
    if key.startswith("compliance."):
        if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})?", text, re.ASCII) and float(text) <= 100:
            return float(text) if "." in text else int(text)
        raise CisError(f"cis_scan_thresholds: {key}: expected a percentage from 0 to 100, got {quoted(value)}")
    if re.fullmatch("[0-9]{1,9}", text, re.ASCII):
        return int(text)
    raise CisError(f"cis_scan_thresholds: {key}: expected a whole number, 0 or more, got {quoted(value)}")


def _ids(key: str, value: t.Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise CisError(f"cis_scan_thresholds: {key}: expected a list of ids in quotes, got {quoted(value)}")
    if len(set(value)) < len(value):
        raise CisError(f"cis_scan_thresholds: {key}: has an id twice")
    return value


# ------------------------------------------------------------------------------------------- what the scan has


class _Scan(t.NamedTuple):
    """A report, and the one before it with their comparison, if there is one."""

    report: Report
    before: Report | None
    comparison: dict[str, t.Any] | None


def _in(report: Report, states: t.Container[str], how_bad: str = "total") -> list[str]:
    """Return the ids of the controls in these states, of one severity or of all."""
    return [
        check["id"]
        for check in report_checks(report)
        if check["state"] in states and how_bad in ("total", severity(check))
    ]


def _new(scan: _Scan) -> list[str]:
    """Return what fails where it did not fail before, and what was judged before and could not be examined now."""
    if scan.before is None or scan.comparison is None:
        return []
    then = {check["id"]: check["state"] for check in report_checks(scan.before) if "evidence" in check}
    judged = ("pass", "warn", "skip", *FAILED)  # a skip with evidence is a waived failure
    failing = changed_ids(scan.comparison["newly_failing"])
    unseen = {
        change["id"]
        for change in scan.comparison["other"]
        if change["after"] == "error" and change["before"] in judged and change["id"] in then
    }
    return [
        check["id"]
        for check in report_checks(scan.report)
        if check["id"] in failing
        or check["id"] in unseen
        or (check["state"] == "error" and then.get(check["id"]) in judged)  # no node has its role any more
    ]


# What a scan may fail on: the names of controls or nodes, of which there must be none.
FAIL_ON: dict[str, t.Callable[[_Scan], list[str]]] = {
    "error": lambda scan: unexamined(scan.report),
    "unreachable": lambda scan: sorted(scan.report["node_errors"]),
    "fail": lambda scan: _in(scan.report, FAILED),
    "warn": lambda scan: _in(scan.report, ("warn",)),
    "manual": lambda scan: _in(scan.report, ("manual",)),
    "new": _new,
}


def _nothing_judged(report: Report) -> bool:
    """Return whether no control was decided for the cluster. Of a report that is all errors no limit says anything."""
    return not any(
        check["state"] in ("pass", "warn", *FAILED) or (check["state"] == "skip" and "evidence" in check)  # waived
        for check in report_checks(report)
    )


# ------------------------------------------------------------------------------------------- judging


def judge(
    report: Report,
    before: Report | None,
    comparison: dict[str, t.Any] | None,
    fail_on: t.Iterable[str],
    thresholds: dict[str, t.Any],
) -> list[Gate]:
    """Return each gate: its figure and limit, whether it failed, and a line for people.

    `before` is the report of the scan before, and `comparison` that of both. `note` says what the figure does not: that
    there is nothing to compare with, or that nothing was judged, in which case each gate fails.
    """
    scan = _Scan(report, before, comparison)
    gates = [_gate(name, "max", 0, FAIL_ON[name](scan)) for name in fail_on]
    for gate in gates:
        if gate["gate"] == "new" and comparison is None:
            gate["note"] = "no earlier scan of this cluster and profile to compare with"
    for key, limit in thresholds.items():
        status, *how_bad, word = key.split(".")
        seen = score(report) if status == "compliance" else _in(report, _STATUSES[status], *how_bad)
        gates.append(_gate(key, word, limit, seen))
    empty = _nothing_judged(report)
    for gate in gates:
        if empty:
            gate.update(failed=True, note="nothing was judged")
        gate["text"] = printable("; ".join(filter(None, (gate["text"], gate["note"]))))
    return gates


def _gate(name: str, word: str, limit: t.Any, seen: list[str] | int | None) -> Gate:
    """Return a gate by the last word of its key. `seen` are names, of which all but `controls` limit the number."""
    figure = len(seen) if isinstance(seen, list) else seen
    details = []
    if word == "controls":
        pairs = {"missing": (limit, seen), "not named": (seen, limit)}
        differ = {what: [one for one in these if one not in others] for what, (these, others) in pairs.items()}
        details = [f"{what} {listed(names, _MOST_NAMES)}" for what, names in differ.items() if names]
        failed, wanted = bool(details), f"exactly {listed(limit, _MOST_NAMES) or 'none'}"
    else:
        bound, holds = _BOUNDS[word]
        failed, wanted = figure is None or not holds(figure, limit), f"{bound} {limit}"
        if failed and word != "min" and isinstance(seen, list):
            details = [listed(seen, _MOST_NAMES)]
    shown = "no score" if figure is None else figure
    return {
        "gate": name,
        "figure": seen if word == "controls" else figure,
        "limit": limit,
        "failed": failed,
        "note": "",
        "text": f"{name}: {shown}, must be {wanted}" + (f" ({'; '.join(details)})" if any(details) else ""),
    }
