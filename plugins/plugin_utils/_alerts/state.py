# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Which alerts were sent when: a file beside the scans of a cluster, for the min_interval of rules."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import make_own_directory, read_kept, to_json, write_file
from ansible_collections.rke.cis.plugins.plugin_utils._times import from_utc

SCHEMA = "rke.cis/alerts/1"
NAME = "alerts.json"
_AGAIN = "alerts may be sent again too soon"


def read_sent(path: str) -> tuple[list[dict[str, str]], list[str]]:
    """Return the alerts that were sent, and a warning if the file is damaged: one alert too many beats one too few."""
    if not os.path.lexists(path):
        return [], []
    try:
        return _entries(read_kept(path, "record of alerts")), []
    except CisError as error:
        return [], [f"{error}; {_AGAIN}"]
    except ValueError as error:
        return [], [f"record of alerts {path}: {error}; {_AGAIN}"]


def write_sent(path: str, delivered: list[dict[str, t.Any]]) -> list[str]:
    """Add delivered alerts to the file. Returns a warning if it cannot be written."""
    try:
        make_own_directory(os.path.dirname(path), "cis_report_dir")  # a scan without a report has not made it
        write_file(path, to_json(record(read_sent(path)[0], delivered)))
    except (OSError, CisError) as error:
        return [f"record of alerts {path}: cannot be written: {error}; {_AGAIN}"]
    return []


def _entries(document: t.Any) -> list[dict[str, str]]:
    """Return the entries of the file. Raises ValueError if it is damaged."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError("not a record of alerts")
    entries = document.get("sent")
    keys = {"rule", "notifier", "profile", "at"}
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and set(entry) == keys for entry in entries):
        raise ValueError("malformed entries")
    for entry in entries:
        from_utc(str(entry["at"]))
    return entries


def record(sent: list[dict[str, str]], delivered: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """Return the new record: it has each delivered alert once, and no resolved one."""
    entries = {(entry["rule"], entry["notifier"], entry["profile"]): entry for entry in sent}
    for item in delivered:
        alert = item["alert"]
        key = (alert["rule"], item["notifier"], alert["profile"].lower())
        if alert["status"] == "resolved":
            entries.pop(key, None)
        elif alert["status"] == "firing":
            entries[key] = dict(zip(("rule", "notifier", "profile"), key, strict=True), at=alert["at"])
    return {"schema": SCHEMA, "sent": list(entries.values())}
