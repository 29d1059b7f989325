# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The reports that are kept on the controller: finding one, and the one before it."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare, outline
from ansible_collections.rke.cis.plugins.plugin_utils._reports.history import scan_names
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import SCHEMA
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_json


def read_report(path: str) -> dict[str, t.Any]:
    """Return the report in a file. Raises CisError that names the file and what is wrong."""
    report = read_json(path, "report")
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise CisError(f"report {path}: no report of this collection ({SCHEMA} is wanted)")
    try:
        outline(report)
    except CisError as error:
        raise CisError(f"report {path}: {error}") from error
    return report


def scans(directory: str) -> list[str]:
    """Return the names of the scans in a cluster's directory that have a report, oldest first."""
    try:
        names = scan_names(directory)
    except OSError:
        return []
    return [name for name in names if os.path.isfile(os.path.join(directory, name, "report.json"))]


def find_report(directory: str, scan: str | None) -> str:
    """Return the path of a report: of the scan of this name in a cluster's directory, or of this path, or of the last.

    Raises CisError that says which scans there are.
    """
    known = scans(directory)
    if not known and (not scan or os.sep not in scan):
        raise CisError(f"{directory}: no scan is kept there; name another report directory or cluster")
    place = scan or known[-1]
    path = place if os.sep in place else os.path.join(directory, place)
    path = os.path.join(path, "report.json") if os.path.isdir(path) else path
    if not os.path.isfile(path):
        last = ", ".join(known[-5:]) or "none"
        raise CisError(f"{scan}: no such scan, or one without a report.json; the last ones in {directory} are: {last}")
    return path


def previous_report(path: str, report: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """Return the report of the last scan of the same cluster and profile before the one whose report is in `path`.

    None if there is none; one that cannot be read is passed over.
    """
    directory, name = os.path.split(os.path.dirname(os.path.abspath(path)))
    known = scans(directory)
    for earlier in reversed(known[: known.index(name)] if name in known else []):
        if f"-{report['profile'].lower()}" not in earlier:
            continue
        try:
            found = read_report(os.path.join(directory, earlier, "report.json"))
        except CisError:
            continue
        if all(found[key] == report[key] for key in ("cluster", "version", "profile")):
            return found
    return None


def since_previous(path: str, report: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """Return the comparison of the report in `path` with the one before it, None if there is none."""
    earlier = previous_report(path, report)
    return compare(earlier, report) if earlier else None
