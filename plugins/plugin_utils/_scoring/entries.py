# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What waivers and attestations share: entries of a file, by people, about controls on nodes, for a time."""

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

SOON = 14  # an entry that expires within so many days is a warning
NEVER = "never"

Entry = dict[str, t.Any]

# Field to the method of the reader for it, and to its value where it is not given; None if it must be.
Fields = dict[str, tuple[t.Callable[..., t.Any], t.Any]]


# ------------------------------------------------------------------------------------------ the file


class Reader:
    """Reads the nodes of one file. Messages name file, line and field."""

    def __init__(self, noun: str, fields: Fields, option: str) -> None:
        self._noun, self._fields, self._option = noun, fields, option
        self._required = [name for name, (_read, default) in fields.items() if default is None]

    def entries(self, path: str, loader: t.Any) -> list[Entry]:
        """Return the entries in a YAML or JSON file."""
        root = read_nodes(path, self._option, loader)
        if root is None:
            return []
        if not isinstance(root, yaml.SequenceNode):
            self._wrong(root, f"expected a list of {self._noun}s, each with {', '.join(self._required)}")
        return [self._entry(node) for node in root.value]

    def _where(self, node: yaml.Node) -> str:
        return f"{self._option} line {line_of(node)}"

    def _wrong(self, node: yaml.Node, what: str) -> t.NoReturn:
        raise CisError(f"{self._where(node)}: {what}")

    def _entry(self, node: yaml.Node) -> Entry:
        if not isinstance(node, yaml.MappingNode):
            article = "an" if self._noun[0] == "a" else "a"
            self._wrong(node, f"expected {article} {self._noun} as a mapping with {', '.join(self._required)}")
        given: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name not in self._fields:
                self._wrong(key, f"unknown field {quoted(name)}; available: {', '.join(self._fields)}")
            if name in given:
                self._wrong(key, f"{name}: given twice in this {self._noun}")
            given[name] = value
        for name in self._required:
            if name not in given:
                more = "; write a date, or never" if name == "expires" else ""
                self._wrong(node, f"{name}: missing from this {self._noun}{more}")
        values = {
            name: read(self, given[name], name) if name in given else default
            for name, (read, default) in self._fields.items()
        }
        return {"source": self._where(node), **values}

    def text(self, node: yaml.Node, field: str, expected: str = "") -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._wrong(node, f"{field}: expected text")
        if why_locked(node):
            self._wrong(node, f"{field}: {why_locked(node)}")
        if not node.value.strip():
            self._wrong(node, f"{field}: empty" + (f"; write {expected}" if expected else ""))
        if node.tag != TEXT:
            self._wrong(node, f"{field}: {quoted(node.value)} is not read as text; write it in quotes")
        # JSON writes a character beyond U+FFFF as two, which YAML leaves apart
        whole = node.value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return " ".join(whole.split())

    def texts(self, node: yaml.Node, field: str) -> list[str]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if not nodes:
            self._wrong(node, f"{field}: empty" + ("" if field == "controls" else "; for all nodes leave it out"))
        return [self.text(item, field) for item in nodes]

    def form(self, node: yaml.Node, field: str, pattern: str, expected: str) -> str:
        """Return a text that fits a pattern."""
        value = self.text(node, field, expected)
        if not re.fullmatch(pattern, value):
            self._wrong(node, f"{field}: {quoted(value)} is not valid; write {expected}")
        return value

    def day(self, node: yaml.Node, field: str, *others: str) -> str:
        """Return a date as text, or one of these words."""
        value = node.value if isinstance(node, yaml.ScalarNode) and node.tag in (TEXT, DATE) else None
        if value in others:
            return value
        try:
            if value and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            pass
        shown = quoted(node.value) if isinstance(node, yaml.ScalarNode) else "a list or mapping"
        self._wrong(node, f"{field}: {shown} is not a valid date; write {', or '.join(('YYYY-MM-DD', *others))}")

    def last_day(self, node: yaml.Node, field: str) -> str:
        return self.day(node, field, NEVER)


def resolve(entries: list[Entry], groups: t.Mapping[str, t.Iterable[str]], today: datetime.date) -> list[Entry]:
    """Return the entries with the hosts of their inventory groups, and with the days left until they expire."""
    return [
        {
            **entry,
            "groups": {name: [str(host) for host in groups.get(name, [])] for name in entry["groups"]},
            "days_left": None
            if entry["expires"] == NEVER
            else (datetime.date.fromisoformat(entry["expires"]) - today).days,
        }
        for entry in entries
    ]


def today() -> datetime.date:
    """Return the day in UTC."""
    return datetime.datetime.now(datetime.timezone.utc).date()


# -------------------------------------------------------------------------------------- their effect


def until(entry: t.Mapping[str, t.Any]) -> str:
    """Return until when an entry holds."""
    return "without expiry" if entry["expires"] == NEVER else f"until {entry['expires']}"


def is_live(entry: Entry) -> bool:
    """Return whether an entry has not expired."""
    return entry["days_left"] is None or entry["days_left"] >= 0


class Entries:
    """The entries of a report: what each covers, which are needed, and warnings about them."""

    NOUN = SIGNED = EXPIRED = UNUSED = ""

    def __init__(self, entries: list[Entry], benchmark: Benchmark, nodes: t.Collection[str]) -> None:
        self._entries = entries
        self._needed: set[int] = set()
        self._judged: set[int] = set()  # those with a control that the scan is about
        self._unknown: list[list[str]] = []
        self._of_control: dict[str, list[tuple[int, set[str]]]] = {}
        chosen = {control["id"] for control in benchmark.controls}
        for number, entry in enumerate(entries):
            unknown = []
            covered = set() if entry["nodes"] or entry["groups"] else set(nodes)
            for pattern in entry["nodes"]:
                found = {name for name in nodes if fnmatch.fnmatchcase(name, pattern)}
                covered |= found
                if not found:
                    unknown.append(f"no node of this scan matches {pattern!r}")
            for group, hosts in entry["groups"].items():
                covered.update(hosts)
                if not hosts:
                    unknown.append(f"inventory group {group!r} not found or empty")
            for pattern in entry["controls"]:
                controls = [one for one in benchmark.all_controls if fnmatch.fnmatchcase(one["id"], pattern)]
                unknown += [self._refused(pattern, controls)] if controls else [no_control(benchmark, pattern)]
                if not controls or any(control["id"] in chosen for control in controls):
                    self._judged.add(number)
                for control in controls:
                    self._of_control.setdefault(control["id"], []).append((number, covered))
            self._unknown.append([text for text in unknown if text])

    def _refused(self, pattern: str, controls: list[dict[str, t.Any]]) -> str:
        """Return why none of these controls can be covered; empty if one can."""
        return ""

    def _covering(self, control_id: str, node: str) -> list[int]:
        return [number for number, covered in self._of_control.get(control_id, []) if node in covered]

    def _status(self, number: int) -> str:
        entry = self._entries[number]
        if not is_live(entry):
            return "expired"
        if number not in self._needed:
            return "unused"
        return "live" if entry["days_left"] is None or entry["days_left"] > SOON else "expiring"

    def listed(self) -> list[Entry]:
        """Return each entry as written, with its status."""
        return [
            {**entry, "groups": list(entry["groups"]), "status": self._status(number)}
            for number, entry in enumerate(self._entries)
        ]

    def _about(self, number: int) -> list[str]:
        """Return the warnings about an entry that are known before anything is scored."""
        entry = self._entries[number]
        days = entry["days_left"]
        if not is_live(entry):
            return [f"expired on {entry['expires']}; {self.EXPIRED}"]
        if days is not None and days <= SOON:
            return ["expires " + (f"in {counted(days, 'day')}" if days else "today")]
        return []

    def _scored(self, number: int) -> list[str]:
        """Return the warnings about an entry that are known after scoring."""
        unused = self._status(number) == "unused" and number in self._judged and not self._unknown[number]
        return [self.UNUSED] if unused else []

    def warnings(self, scored: bool = True) -> list[str]:
        """Return the warnings about all entries, before scoring or after."""
        warnings = []
        for number, entry in enumerate(self._entries):
            found = [*self._unknown[number], *self._about(number), *(self._scored(number) if scored else [])]
            head = f"{entry['source']}: {self.NOUN} of {entry[self.SIGNED]} for {', '.join(entry['controls'])}"
            warnings += [f"{head}: {what}" for what in found]
        return warnings
