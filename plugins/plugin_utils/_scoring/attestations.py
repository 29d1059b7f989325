# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Attestations: a person's answers to manual controls. docs/attestations.schema.json describes the file."""

from __future__ import annotations

import datetime
import hashlib
import json
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
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
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict
from ansible_collections.rke.cis.plugins.plugin_utils._text import printable, shortened

_FREQUENCY = "90d"


def _result(reader: Reader, node: yaml.Node, field: str) -> str:
    return reader.form(node, field, "passed|failed", "passed or failed")


def _frequency(reader: Reader, node: yaml.Node, field: str) -> str:
    return reader.form(node, field, "[1-9][0-9]{0,3}d", f"a number of days, such as {_FREQUENCY}")


def _hash(reader: Reader, node: yaml.Node, field: str) -> str:
    return reader.form(node, field, "sha256:[0-9a-f]{64}", "the evidence_hash of the control in report.json")


_FIELDS: Fields = {
    "controls": (Reader.texts, None),
    "nodes": (Reader.texts, []),
    "groups": (Reader.texts, []),
    "result": (_result, None),
    "explanation": (Reader.text, None),
    "by": (Reader.text, None),
    "date": (Reader.day, None),
    "expires": (Reader.last_day, ""),
    "frequency": (_frequency, ""),
    "evidence": (_hash, ""),
}


def read_attestations(path: str, loader: t.Any = None) -> list[Entry]:
    """Return the attestations in a YAML or JSON file. Raises CisError that names file, line and field."""
    entries = Reader("attestation", _FIELDS, f"cis_scan_attestations_file {path}").entries(path, loader)
    return [_checked(entry) for entry in entries]


def _checked(entry: Entry) -> Entry:
    """Return an attestation with the day on which it expires. Raises CisError if its fields contradict each other."""

    def wrong(what: str) -> t.NoReturn:
        raise CisError(f"{entry['source']}: {what}")

    frequency = entry.pop("frequency")
    if bool(frequency) == bool(entry["expires"]):
        wrong(f"expires: expected either expires, a date, or frequency, such as {_FREQUENCY}")
    if frequency:
        try:
            last = datetime.date.fromisoformat(entry["date"]) + datetime.timedelta(days=int(frequency[:-1]))
        except OverflowError:
            wrong("frequency: leads beyond the year 9999")
        entry["expires"] = last.isoformat()
    if entry["expires"] < entry["date"]:  # a word is greater than all dates
        wrong(f"expires: {entry['expires']} is before its date {entry['date']}")
    if entry["evidence"] and (len(entry["controls"]) > 1 or set("*?[") & set(entry["controls"][0])):
        wrong("evidence: belongs to one control; name just its id in controls")
    return entry


def attestations_of_file(
    path: str | None, groups: t.Mapping[str, t.Iterable[str]], loader: t.Any = None
) -> list[Entry]:
    """Return the attestations in a file, resolved for today (UTC) and this inventory; none without a file."""
    day = today()
    entries = resolve(read_attestations(path, loader), groups, day) if path else []
    return [{**entry, "early": entry["date"] > day.isoformat()} for entry in entries]


def evidence_hash(verdicts: dict[str, Verdict]) -> str:
    """Return the hash of what was seen for a manual control on each node."""
    seen = {node: [verdict.expected, verdict.actual, verdict.source] for node, verdict in verdicts.items()}
    text = json.dumps(seen, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


def attested_by(attestation: t.Mapping[str, t.Any]) -> str:
    """Return what a person attests, who, when, until when, and why."""
    return (
        f"as {attestation['result']} by {attestation['by']} on {attestation['date']}, {until(attestation)}: "
        f"{attestation['explanation']}"
    )


class Attestations(Entries):
    """The attestations of a report."""

    NOUN, SIGNED = "attestation", "by"
    EXPIRED = "its controls are manual again; look at them and renew it"
    UNUSED = "covers no manual control of this scan"

    def __init__(self, *args: t.Any) -> None:
        super().__init__(*args)
        self._changed: set[int] = set()

    def _refused(self, pattern: str, controls: list[dict[str, t.Any]]) -> str:
        manual = any(control.get("manual") for control in controls)
        return "" if manual else f"{pattern} is not a manual control, and only these can be attested"

    def attest(self, control_id: str, node: str, evidence: str) -> tuple[Entry | None, str]:
        """Return the attestation that counts for a manual control on a node, or why those that cover it do not.

        The newest counts. Of the same day, one that says failed does.
        """
        valid, reasons = [], []
        for number in self._covering(control_id, node):
            self._needed.add(number)
            entry = self._entries[number]
            if entry["early"]:
                reasons.append(f"the attestation of {entry['by']} is dated {entry['date']}, in the future")
            elif not is_live(entry):
                reasons.append(f"the attestation of {entry['by']} expired on {entry['expires']}")
            elif entry["evidence"] not in ("", evidence):
                self._changed.add(number)
                reasons.append(f"the evidence is not that which {entry['by']} attested on {entry['date']}")
            else:
                valid.append(entry)
        if valid:
            return max(valid, key=lambda entry: (entry["date"], entry["result"] == "failed")), ""
        return None, "; ".join(reasons)

    def _status(self, number: int) -> str:
        if self._entries[number]["early"]:
            return "early"
        status = super()._status(number)
        return "changed" if number in self._changed else status

    def listed(self) -> list[Entry]:
        return [{key: value for key, value in entry.items() if key != "early"} for entry in super().listed()]

    def _about(self, number: int) -> list[str]:
        entry = self._entries[number]
        return (
            [f"dated {entry['date']}, in the future; it counts from then on"]
            if entry["early"]
            else super()._about(number)
        )

    def _scored(self, number: int) -> list[str]:
        if number in self._changed:
            return ["the evidence is not what was attested; look at it again"]
        return super()._scored(number)


# -------------------------------------------------------------------------------------- to be filled in

_HEAD = """\
---
# The manual controls that are open in the scan {scan}
# of cluster {cluster} ({profile}).
# Fill in each entry or remove it, and name the file in cis_scan_attestations_file:
#   result       passed or failed
#   explanation  why
#   by           who looked at it
#   date         on which day, YYYY-MM-DD
#   frequency    for how many days it counts, such as {frequency}; or expires: YYYY-MM-DD, the last day
#   evidence     what was seen; if it changes, the control is manual again. Remove it to attest whatever is seen
"""
_ENTRY = """\

# {title}
# needed: {needed}
{seen}- controls: {id}
  result:
  explanation:
  by:
  date:
  frequency: {frequency}
  evidence: {evidence}
"""


def skeleton(report: dict[str, t.Any], checks: list[dict[str, t.Any]]) -> str:
    """Return a file of attestations to be filled in, of these manual controls of a report."""

    def comment(text: str) -> str:
        return printable(shortened(" ".join(text.split()), 500))  # nothing in it can end the comment

    text = _HEAD.format(
        scan=comment(report["scan"]["name"]),
        cluster=comment(report["cluster"]),
        profile=comment(report["profile"]),
        frequency=_FREQUENCY,
    )
    for check in checks:
        parts = [part for part in check["evidence"] if part["actual"]]
        text += _ENTRY.format(
            title=comment(f"{check['id']} {check['title']}"),
            needed=comment(check["evidence"][0]["expected"]),
            seen="".join(
                f"# seen on {comment(', '.join(part['nodes']))}: {comment(part['actual'])}\n" for part in parts
            ),
            id=json.dumps(check["id"]),
            frequency=_FREQUENCY,
            evidence=check["evidence_hash"],
        )
    return text
