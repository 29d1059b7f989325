# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What has changed between two scans of a cluster. Pure: a function of their two reports."""

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks

SCHEMA = "rke.cis/comparison/1"

# The state of a control on a node where it did not run.
NOT_RUN = "not run"


class Seen(t.NamedTuple):
    """The state of one control on one node, and the value seen: None if it was not judged."""

    state: str
    actual: str | None


class Control(t.NamedTuple):
    """One control of a report, node by node. `state` is its cluster-wide state."""

    title: str
    state: str
    nodes: dict[str, Seen]


class Outline(t.NamedTuple):
    """What a comparison needs from a report."""

    cluster: str
    version: str
    about: dict[str, t.Any]
    nodes: frozenset[str]
    controls: dict[str, Control]


def outline(report: dict[str, t.Any]) -> Outline:
    """Return a report's outline."""
    return Outline(
        cluster=report["cluster"],
        version=report["version"],
        about={
            "name": report["scan"]["name"],
            **{key: report[key] for key in ("collected_at", "profile", "parameters")},
            **({"only": report["only"]["choice"]} if "only" in report else {}),
        },
        nodes=frozenset(report["node_results"]),
        controls={
            check["id"]: Control(check["title"], check["state"], _by_node(report, check))
            for check in report_checks(report)
        },
    )


def _by_node(report: dict[str, t.Any], check: dict[str, t.Any]) -> dict[str, Seen]:
    if check["state"] in ("skip", "notApplicable") and "evidence" not in check:  # it was not judged on any node
        state = Seen(check["state"], None)
        return {name: state for kind in check["node_type"] for name in report["nodes"][kind]}
    found: dict[str, Seen] = {}
    for part in check["evidence"]:
        seen = Seen(part["state"], part["actual"])
        found.update(dict.fromkeys(part["nodes"], seen))
    return found


def _change(old: Seen, new: Seen) -> tuple[str, tuple[str, ...]] | None:
    """Return the list that a control on a node belongs to, and the values before and after if shown there, or None."""
    if old.state == new.state:
        same = None in (old.actual, new.actual) or old.actual == new.actual
        return None if same else ("changed", (str(old.actual), str(new.actual)))
    if new.state == "fail":
        return "newly_failing", ()
    if (old.state, new.state) == ("fail", "pass"):
        return "fixed", ()
    return "other", (old.state, new.state)


def compare(older: dict[str, t.Any], newer: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return what has changed from one report to the other. docs/comparison.schema.json describes the result.

    It compares each control on each node, except those that only one of the scans chose. `fixed` has only failures that
    pass now: one that became an error or a skip is in `other`, as are warnings that appear or disappear, and one that
    went away with its node is not listed. Of an added node, only failures, warnings and errors are listed. Raises
    CisError if the reports are not of the same cluster and benchmark.
    """
    before, after = outline(older), outline(newer)
    for what, one, two in (("clusters", before.cluster, after.cluster), ("benchmarks", before.version, after.version)):
        if one != two:
            raise CisError(
                f"cannot compare scans of different {what}: {before.about['name'] or 'the older one'} is of {one}, "
                f"{after.about['name'] or 'the newer one'} of {two}; choose two of the same"
            )
    absent = Seen(NOT_RUN, None)
    found: dict[str, dict[tuple[str, tuple[str, ...]], list[str]]] = {
        "newly_failing": {}, "fixed": {}, "changed": {}, "other": {},
    }  # fmt: skip
    controls = {**before.controls, **after.controls}
    not_compared = []
    if before.about.get("only") != after.about.get("only"):  # what was not chosen has neither changed nor gone
        not_compared = sorted(before.controls.keys() ^ after.controls.keys(), key=[*controls].index)
    for control_id in controls:
        if control_id in not_compared:
            continue
        old, new = (side.controls.get(control_id, Control("", NOT_RUN, {})) for side in (before, after))
        for name in sorted({*old.nodes, *new.nodes} & after.nodes):
            was, now = old.nodes.get(name, absent), new.nodes.get(name, absent)
            change = _change(was, now) if name in before.nodes or now.state in ("fail", "warn", "error") else None
            if change:
                kind, values = change
                found[kind].setdefault((control_id, values), []).append(name)
        if not old.nodes and not new.nodes and old.state != new.state:  # it runs on no node, in both scans
            found["other"][control_id, (old.state, new.state)] = []
    changes = {
        kind: [
            {
                "id": control_id,
                "title": controls[control_id].title,
                "nodes": nodes,
                **dict(zip(("before", "after"), values, strict=False)),
            }
            for (control_id, values), nodes in groups.items()
        ]
        for kind, groups in found.items()
    }
    return {
        "schema": SCHEMA,
        "cluster": after.cluster,
        "profile": after.about["profile"],
        "from": before.about,
        "to": after.about,
        "newly_failing": changes["newly_failing"],
        "fixed": changes["fixed"],
        "changed": changes["changed"],
        "nodes_added": sorted(after.nodes - before.nodes),
        "nodes_gone": sorted(before.nodes - after.nodes - set(newer.get("not_scanned", ()))),
        "other": changes["other"],
        "not_compared": not_compared,
    }


def changed_ids(changes: list[dict[str, t.Any]]) -> list[str]:
    """Return the ids of the controls in a list of a comparison, each once."""
    return list(dict.fromkeys(change["id"] for change in changes))


def alike(changes: list[dict[str, t.Any]]) -> dict[tuple[str, str, tuple[str, ...]], list[str]]:
    """Return (before, after, nodes) to control ids: one dead node changes many controls at once."""
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for change in changes:
        found.setdefault((change["before"], change["after"], tuple(change["nodes"])), []).append(change["id"])
    return found
