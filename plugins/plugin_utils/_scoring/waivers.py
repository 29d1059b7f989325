# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Waivers: failures that an owner accepts for a time. docs/waivers.schema.json describes the file."""

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._scoring.entries import (
    Entries,
    Entry,
    Fields,
    Reader,
    is_live,
    resolve,
    today,
    until,
)

_FIELDS: Fields = {
    "controls": (Reader.texts, None),
    "nodes": (Reader.texts, []),
    "groups": (Reader.texts, []),
    "reason": (Reader.text, None),
    "owner": (Reader.text, None),
    "expires": (Reader.last_day, None),
}


def read_waivers(path: str, loader: t.Any = None) -> list[Entry]:
    """Return the waivers in a YAML or JSON file. Raises CisError that names file, line and field."""
    return Reader("waiver", _FIELDS, f"cis_scan_waivers_file {path}").entries(path, loader)


def waivers_of_file(path: str | None, groups: t.Mapping[str, t.Iterable[str]], loader: t.Any = None) -> list[Entry]:
    """Return the waivers in a file, resolved for today (UTC) and this inventory; none without a file."""
    return resolve(read_waivers(path, loader), groups, today()) if path else []


def waived_by(waiver: t.Mapping[str, t.Any]) -> str:
    """Return who accepts a failure, until when, and why."""
    return f"{waiver['owner']} {until(waiver)}: {waiver['reason']}"


class Waivers(Entries):
    """The waivers of a report."""

    NOUN, SIGNED = "waiver", "owner"
    EXPIRED = "the failures that it covers count"
    UNUSED = "covers no failure of this scan"

    def live(self, control_id: str, node: str) -> Entry | None:
        """Return the first live waiver for a control on a node."""
        found = (self._entries[number] for number in self._covering(control_id, node))
        return next(filter(is_live, found), None)

    def waive(self, control_id: str, node: str) -> Entry | None:
        """Return the live waiver for a failure, if any. All waivers that cover it, expired or not, count as needed."""
        self._needed.update(self._covering(control_id, node))
        return self.live(control_id, node)
