# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Waivers: failures that an owner accepts for a time. docs/waivers.schema.json describes the file."""

from __future__ import annotations

import datetime
import fnmatch
import re
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import no_control
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted, quoted
from ansible_collections.rke.cis.plugins.plugin_utils._yaml import DATE, TEXT, line_of, read_nodes, why_locked

SOON = 14  # a waiver that expires within so many days is a warning

_FIELDS = ("controls", "nodes", "groups", "reason", "owner", "expires")
_REQUIRED = ("controls", "reason", "owner", "expires")


# ------------------------------------------------------------------------------------------ the file


class _Reader:
    """Reads the nodes of one file. Messages name file, line and field."""

    def __init__(self, option: str) -> None:
        self._option = option

    def _where(self, node: yaml.Node) -> str:
        return f"{self._option} line {line_of(node)}"

    def _wrong(self, node: yaml.Node, what: str) -> t.NoReturn:
        raise CisError(f"{self._where(node)}: {what}")

    def waivers(self, root: yaml.Node | None) -> list[dict[str, t.Any]]:
        if root is None:
            return []
        if not isinstance(root, yaml.SequenceNode):
            self._wrong(root, f"expected a list of waivers, each with {', '.join(_REQUIRED)}")
        return [self._waiver(node) for node in root.value]

    def _waiver(self, node: yaml.Node) -> dict[str, t.Any]:
        if not isinstance(node, yaml.MappingNode):
            self._wrong(node, f"expected a waiver as a mapping with {', '.join(_REQUIRED)}")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name not in _FIELDS:
                self._wrong(key, f"unknown field {quoted(name)}; available: {', '.join(_FIELDS)}")
            if name in fields:
                self._wrong(key, f"{name}: given twice in this waiver")
            fields[name] = value
        for name in _REQUIRED:
            if name not in fields:
                more = "; write a date, or never" if name == "expires" else ""
                self._wrong(node, f"{name}: missing from this waiver{more}")
        return {
            "source": self._where(node),
            "controls": self._texts(fields["controls"], "controls"),
            "nodes": self._texts(fields["nodes"], "nodes") if "nodes" in fields else [],
            "groups": self._texts(fields["groups"], "groups") if "groups" in fields else [],
            "reason": self._text(fields["reason"], "reason"),
            "owner": self._text(fields["owner"], "owner"),
            "expires": self._date(fields["expires"]),
        }

    def _text(self, node: yaml.Node, field: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, f"{field}: expected text")
        if why_locked(node):
            self._wrong(node, f"{field}: {why_locked(node)}")
        if not node.value.strip():
            self._wrong(node, f"{field}: empty")
        if node.tag != TEXT:
            self._wrong(node, f"{field}: {quoted(node.value)} is not read as text; write it in quotes")
        # JSON writes a character beyond U+FFFF as two, which YAML leaves apart
        whole = node.value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return " ".join(whole.split())

    def _texts(self, node: yaml.Node, field: str) -> list[str]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not nodes:
            self._wrong(node, f"{field}: empty" + ("" if field == "controls" else "; for all nodes leave it out"))
        return [self._text(item, field) for item in nodes]

    def _date(self, node: yaml.Node) -> str:
        value = node.value if isinstance(node, yaml.ScalarNode) and node.tag in (TEXT, DATE) else None
        if value == "never":
            return value
        try:
            if value and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            pass
        shown = quoted(node.value) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
        self._wrong(node, f"expires: {shown} is not a valid date; write YYYY-MM-DD, or never")


def read_waivers(path: str, loader: t.Any = None) -> list[dict[str, t.Any]]:
    """Return the waivers in a YAML or JSON file. Raises CisError that names file, line and field."""
    option = f"cis_scan_waivers_file {path}"
    return _Reader(option).waivers(read_nodes(path, option, loader))


def resolve_waivers(
    waivers: list[dict[str, t.Any]], groups: t.Mapping[str, t.Iterable[str]], today: datetime.date
) -> list[dict[str, t.Any]]:
    """Return the waivers with the hosts of their inventory groups, and with the days left until they expire."""
    return [
        {
            **waiver,
            "groups": {name: [str(host) for host in groups.get(name, [])] for name in waiver["groups"]},
            "days_left": None
            if waiver["expires"] == "never"
            else (datetime.date.fromisoformat(waiver["expires"]) - today).days,
        }
        for waiver in waivers
    ]


def waivers_of_file(
    path: str | None, groups: t.Mapping[str, t.Iterable[str]], loader: t.Any = None
) -> list[dict[str, t.Any]]:
    """Return the waivers in a file, resolved for today (UTC) and this inventory; none without a file."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    return resolve_waivers(read_waivers(path, loader), groups, today) if path else []


# -------------------------------------------------------------------------------------- their effect


def waived_by(waiver: t.Mapping[str, t.Any]) -> str:
    """Return who accepts a failure, until when, and why."""
    end = "without expiry" if waiver["expires"] == "never" else f"until {waiver['expires']}"
    return f"{waiver['owner']} {end}: {waiver['reason']}"


def _is_live(waiver: dict[str, t.Any]) -> bool:
    return waiver["days_left"] is None or waiver["days_left"] >= 0


class Waivers:
    """The waivers of a report: what each covers, which are needed, and warnings about them."""

    def __init__(self, waivers: list[dict[str, t.Any]], benchmark: Benchmark, nodes: t.Collection[str]) -> None:
        self._waivers = waivers
        self._needed: set[int] = set()
        self._unknown: list[list[str]] = []
        self._of_control: dict[str, list[tuple[int, set[str]]]] = {}
        for number, waiver in enumerate(waivers):
            unknown = []
            covered = set() if waiver["nodes"] or waiver["groups"] else set(nodes)
            for pattern in waiver["nodes"]:
                found = {name for name in nodes if fnmatch.fnmatchcase(name, pattern)}
                covered |= found
                if not found:
                    unknown.append(f"no node of this scan matches {pattern!r}")
            for group, hosts in waiver["groups"].items():
                covered.update(hosts)
                if not hosts:
                    unknown.append(f"inventory group {group!r} not found or empty")
            for pattern in waiver["controls"]:
                ids = [control_id for control_id in benchmark.ids if fnmatch.fnmatchcase(control_id, pattern)]
                for control_id in ids:
                    self._of_control.setdefault(control_id, []).append((number, covered))
                if not ids:
                    unknown.append(no_control(benchmark, pattern))
            self._unknown.append(unknown)

    def live(self, control_id: str, node: str) -> dict[str, t.Any] | None:
        """Return the first live waiver for a control on a node."""
        for number, covered in self._of_control.get(control_id, []):
            if node in covered and _is_live(self._waivers[number]):
                return self._waivers[number]
        return None

    def waive(self, control_id: str, node: str) -> dict[str, t.Any] | None:
        """Return the live waiver for a failure, if any. All waivers that cover it, expired or not, count as needed."""
        self._needed.update(number for number, covered in self._of_control.get(control_id, []) if node in covered)
        return self.live(control_id, node)

    def _status(self, number: int) -> str:
        waiver = self._waivers[number]
        if not _is_live(waiver):
            return "expired"
        if number not in self._needed:
            return "unused"
        return "live" if waiver["days_left"] is None or waiver["days_left"] > SOON else "expiring"

    def listed(self) -> list[dict[str, t.Any]]:
        """Return each waiver as written, with its status."""
        return [
            {**waiver, "groups": list(waiver["groups"]), "status": self._status(number)}
            for number, waiver in enumerate(self._waivers)
        ]

    def _warnings(self, number: int) -> list[str]:
        """Return the warnings about a waiver that are known before anything is scored."""
        waiver = self._waivers[number]
        warnings = list(self._unknown[number])
        days = waiver["days_left"]
        if not _is_live(waiver):
            warnings.append(f"expired on {waiver['expires']}; the failures that it covers count")
        elif days is not None and days <= SOON:
            warnings.append("expires " + (f"in {counted(days, 'day')}" if days else "today"))
        return warnings

    def warnings(self, scored: bool = True) -> list[str]:
        """Return the warnings about all waivers. Unused ones are known only after scoring."""
        warnings = []
        for number, waiver in enumerate(self._waivers):
            found = self._warnings(number)
            if scored and self._status(number) == "unused" and not self._unknown[number]:
                found.append("covers no failure of this scan")
            head = f"{waiver['source']}: waiver of {waiver['owner']} for {', '.join(waiver['controls'])}"
            warnings += [f"{head}: {what}" for what in found]
        return warnings
