# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Parts of a scan, and the plan of the whole scan that they are merged to. What follows is the same for both."""

from __future__ import annotations

import functools
import os
import shutil
import time
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._evidence import COLLECTOR
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import Plan, planned_profile
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import EVIDENCE
from ansible_collections.rke.cis.plugins.plugin_utils._reports.signing import benchmark_digest
from ansible_collections.rke.cis.plugins.plugin_utils._schema import Check, compiled, schema_beside
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    cluster_path,
    evidence_path,
    read_cluster,
    read_document,
    unseen_cluster,
    unseen_document,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.operators import some
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import CONFIG_MAP
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_json, to_json, write_file
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted, printable, shortened
from ansible_collections.rke.cis.plugins.plugin_utils._times import STAMP, from_utc, utc

PARTIAL = "partial.json"
SCHEMA = "rke.cis/partial/1"

# Of a plan, what only its own controller can use.
_LOCAL = (
    "schema",
    "benchmark_dirs",
    "output",
    "scan_dir",
    "evidence_dir",
    "replay_dir",
    "deadline",
    "node_timeout",
    "partial",
)
# In what the parts of one scan may differ, and what is compared of these in a way of its own.
_OWN = ("started", "finished", "kind", "scanned_by", "nodes", "not_scanned", "declared_version", "candidates")
# What applies to the hosts of inventory groups, of which a slice knows only its own.
_ENTRIES = ("waivers", "attestations")
_MISSING = "not scanned"

Roles = dict[str, list[str]]


class Part(t.NamedTuple):
    """A part of a scan: its directory, what it was asked for, and when it started, in seconds since 1970."""

    directory: str
    asked: dict[str, t.Any]
    started: int

    @property
    def name(self) -> str:
        return os.path.basename(self.directory)

    @property
    def evidence_dir(self) -> str:
        return os.path.join(self.directory, EVIDENCE)


def write_partial(plan: Plan, scanned_by: str) -> str:
    """Write down what a part of a scan was asked for, now that its evidence is complete, and return the path."""
    path = os.path.join(plan["scan_dir"], PARTIAL)
    kept = {key: value for key, value in plan.items() if key not in _LOCAL}
    kept.update(scanned_by=scanned_by, started=utc(plan["started"]), finished=utc())
    write_file(path, to_json({"schema": SCHEMA, "collection": COLLECTOR, **kept}))
    return path


# ------------------------------------------------------------------------------------------- reading parts


@functools.cache
def _schema() -> Check:
    return compiled(schema_beside(__file__, "partial"))


def _read(directory: str) -> Part:
    path = os.path.join(os.path.realpath(directory), PARTIAL)
    asked = read_json(path, "partial", limits.REPORT_BYTES)
    for where, what in _schema()(asked):
        text = shortened(printable(f"{'.'.join(map(str, where))}: {what}"), 200)
        raise CisError(f"partial {path}: not a part of a scan: {text}; scan it again, or leave it out")
    try:
        started = int(from_utc(asked["started"]).timestamp())
    except ValueError as error:
        raise CisError(f"partial {path}: not a part of a scan: {error}; scan it again, or leave it out") from error
    return Part(os.path.dirname(path), asked, started)


def find_parts(directories: t.Iterable[str], scan_id: str, max_apart: int) -> list[Part]:
    """Return the parts in these directories, in an order that does not depend on theirs.

    Of a directory of parts, those of the newest scan count: with the same id (`scan_id`, if given) as the newest part,
    and not older than `max_apart` seconds.
    """
    found: dict[str, Part] = {}
    for directory in directories:
        whole = os.path.isfile(os.path.join(directory, PARTIAL))
        parts = [_read(directory)] if whole else _newest(directory, scan_id, max_apart)
        found.update((part.directory, part) for part in parts)
    return sorted(found.values(), key=lambda part: (part.asked["started"], part.name, to_json(part.asked)))


def _newest(directory: str, scan_id: str, max_apart: int) -> list[Part]:
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if os.path.isfile(os.path.join(entry.path, PARTIAL)))
    except OSError as error:
        raise CisError(f"cis_scan_partials {directory}: cannot be read: {error.strerror}") from error
    since = time.time() - max_apart
    oldest = utc(since, STAMP)  # with it, names of scans begin
    parts = [_read(os.path.join(directory, name)) for name in names if name >= oldest]
    parts = sorted((part for part in parts if part.started >= since), key=lambda part: part.started)
    wanted = scan_id or (parts[-1].asked["scan_id"] if parts else "")
    parts = [part for part in parts if part.asked["scan_id"] == wanted]
    if not parts:
        of = f" of the scan {scan_id}" if scan_id else ""
        raise CisError(
            f"cis_scan_partials {directory}: no parts{of} that are newer than {max_apart} seconds found; scan again, "
            f"or raise cis_scan_max_apart"
        )
    return parts


# ------------------------------------------------------------------------------------------- merging them


def plan_of_parts(parts: list[Part], max_apart: int, benchmark_dirs: list[str]) -> Plan:
    """Return the plan of the scan that these are the parts of. Raises CisError if they are not those of one scan."""
    first = parts[0]
    wanted = _comparable(first.asked)
    for part in parts:
        for key, value in _comparable(part.asked).items():
            if value != wanted.get(key):
                both = f" ({value}, not {wanted[key]})" if isinstance(value, str) else ""
                raise CisError(f"partial {part.directory}: {key} is not that of {first.directory}{both}; {_CHOOSE}")
    if parts[-1].started - first.started > max_apart:
        raise CisError(
            f"partial {parts[-1].directory}: started more than {max_apart} seconds after {first.directory}; {_CHOOSE}, "
            f"or raise cis_scan_max_apart"
        )
    if first.asked["collection"] != COLLECTOR:
        raise CisError(
            f"partial {first.directory}: of {first.asked['collection']}, but this is {COLLECTOR}; merge with the "
            f"version that scanned"
        )
    plan = {key: value for key, value in first.asked.items() if key not in ("finished", "collection", "schema")}
    plan.update(started=first.started, benchmark_dirs=benchmark_dirs, **{key: _entries(parts, key) for key in _ENTRIES})
    for name, about in plan["candidates"].items():
        benchmark = planned_profile(plan, name).benchmark
        if (benchmark_digest(benchmark), benchmark.chosen_from) != (about["digest"], about["chosen_from"]):
            raise CisError(
                f"partial {first.directory}: scanned with another benchmark {name} than there is here; set "
                f"cis_scan_benchmark_dirs to the one that it was scanned with"
            )
    return plan


_CHOOSE = "merge the parts of one scan"


def _comparable(asked: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return, by the name that the user knows, what is the same in all parts of a scan."""
    known = asked["candidates"]
    same = {
        f"cis_scan_{key}": value
        for key, value in asked.items()
        if key not in (*_OWN, *_ENTRIES, "schema", "collection")
    }
    return {
        "collection": asked["collection"],
        **same,
        "the benchmark": {name: (about["digest"], about["chosen_from"]) for name, about in known.items()},
        "cis_scan_parameters": {name: about["parameters"] for name, about in known.items()},
        "cis_scan_skip or cis_scan_skip_file": {
            name: {control: skip for control, skip in about["skips"].items() if skip["by"] != CONFIG_MAP}
            for name, about in known.items()
        },
        **{
            f"cis_scan_{key}_file": [
                {**entry, "groups": list(entry["groups"]), "days_left": 0, "early": False, "source": ""}
                for entry in asked[key]
            ]
            for key in _ENTRIES
        },
    }


def _entries(parts: list[Part], key: str) -> list[dict[str, t.Any]]:
    """Return the waivers or attestations with the hosts that their groups have in any part."""
    merged = []
    for same in zip(*(part.asked[key] for part in parts), strict=True):
        groups = {
            name: sorted({host for entry in same for host in entry["groups"][name]}) for name in same[0]["groups"]
        }
        days = None if same[0]["days_left"] is None else min(entry["days_left"] for entry in same)
        merged.append({**same[0], "groups": groups, "days_left": days})
    return merged


def merge_evidence(parts: list[Part], plan: Plan, others: Roles) -> None:
    """Put the evidence of all parts into the directory of the plan, and into the plan which nodes there are, and notes.

    `others` are nodes, with their roles, that the inventory of the merge has: those that no part has are errors.
    """
    notes: list[str] = []
    for part in parts:
        others = {**part.asked["not_scanned"], **others}
    having: dict[str, list[Part]] = {}
    for part in parts:
        for node in part.asked["nodes"]:
            having.setdefault(node, []).append(part)
    missing = sorted(set(others) - set(having))
    twice = []
    plan["nodes"], plan["not_scanned"] = {node: others[node] for node in missing}, {}
    for node in missing:
        _put(plan, unseen_document(node, others[node], _MISSING, "its slice is missing; scan it, then merge again"))
    for node, candidates in having.items():
        source, differ = _newest_evidence(node, candidates)
        roles = source.asked["nodes"][node]
        any_part = {role for part in candidates for role in part.asked["nodes"][node]}
        complete = any_part == set(roles)
        if not complete:  # what only another part looked at is not seen
            roles = [role for role in NODE_TYPES.values() if role in any_part]
        plan["nodes"][node] = roles
        twice += [node] if differ else []
        path = evidence_path(source.evidence_dir, node)
        if os.path.isfile(path) and not os.path.islink(path):
            if complete:
                _link(path, evidence_path(plan["evidence_dir"], node))
            else:
                _put(plan, {**read_document(path, {node: roles}), "roles": roles})
        else:
            why = f"its evidence is missing from {source.name}; scan it, then merge again"
            _put(plan, unseen_document(node, roles, _MISSING, why))
    if missing:
        notes.append(f"no part of the scan has {some(missing)}")
    if twice:
        notes.append(
            f"{counted(len(twice), 'node')} in several parts, of which the newest counts: {some(sorted(twice))}"
        )
    cluster, about = _cluster(parts, notes)
    write_file(cluster_path(plan["evidence_dir"]), to_json(cluster))
    declared = [part.asked["declared_version"] for part in parts if part.asked["declared_version"]]
    plan.update(candidates=about, declared_version=declared[-1] if declared else "", notes=notes)


def _newest_evidence(node: str, parts: list[Part]) -> tuple[Part, bool]:
    """Return the part with the newest evidence of a node, and whether that of the others differs."""
    if len(parts) == 1:
        return parts[0], False
    texts = {}
    for part in parts:
        document = read_document(evidence_path(part.evidence_dir, node), part.asked["nodes"])
        # one that nothing was seen of has no time
        texts[part.directory] = document.get("collected_at") or part.asked["finished"], to_json(document)
    newest = max(parts, key=lambda part: (*texts[part.directory], part.directory))
    return newest, len({text for _time, text in texts.values()}) > 1


def _cluster(parts: list[Part], notes: list[str]) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return what the API answered, and the candidates with the skips that follow from it.

    It is asked by one part, or by several with the same answer; else the newest answer counts, and a note says so.
    """
    answers = []
    for part in parts:
        try:
            cluster = read_cluster(cluster_path(part.evidence_dir))
        except CisError as error:
            cluster = unseen_cluster("invalid", str(error))
        rank = 2 if "error" not in cluster else int(cluster["error"]["kind"] != "not asked")
        answers.append((rank, cluster, part))
    best = max(rank for rank, _cluster, _part in answers)
    same = [(cluster, part) for rank, cluster, part in answers if rank == best]
    cluster, part = same[-1]
    if best == 2 and any(other != cluster for other, _part in same):
        notes.append(
            f"the Kubernetes API answered the parts differently; the newest answer counts, that of {part.name}"
        )
    return cluster, part.asked["candidates"]


def _put(plan: Plan, document: dict[str, t.Any]) -> None:
    write_file(evidence_path(plan["evidence_dir"], document["node"]), to_json(document), sync=False)


def _link(source: str, path: str) -> None:
    """Have a file in another place, too. A link costs nothing, and nothing writes into a file of evidence."""
    try:
        os.link(source, path)
    except OSError:  # another file system, or another user's file
        shutil.copyfile(source, path)
