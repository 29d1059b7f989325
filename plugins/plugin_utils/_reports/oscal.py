# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""OSCAL assessment results: an observation for each control and node, a finding for each control, a risk if it fails.

Ids are made of what they are the ids of, so the same node or finding has the same one in each scan of a cluster. What
nodes say is a block of code in texts, which OSCAL takes for Markdown, and one line without markup in titles.
"""

from __future__ import annotations

import typing as t
import urllib.parse
import uuid

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import severity
from ansible_collections.rke.cis.plugins.plugin_utils._reports.markdown import markdown_block, markdown_text
from ansible_collections.rke.cis.plugins.plugin_utils._reports.results import results_by_control, scan_time, utc_text
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waived_by

_NAMESPACE = "https://github.com/rke-cis/rke.cis"
_UUIDS = uuid.uuid5(uuid.NAMESPACE_URL, _NAMESPACE)
_FAILS = ("fail", "warn")
_UNJUDGED = ("skip", "notApplicable")


def oscal_uuid(report: dict[str, t.Any], *names: str) -> str:
    """Return the id of something in the cluster that a report is of."""
    return str(uuid.uuid5(_UUIDS, "/".join(urllib.parse.quote(name, safe="") for name in (report["cluster"], *names))))


def _target(control: str) -> str:
    return f"control-{control}"


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": _NAMESPACE, "value": " ".join(value.split()) or "-"}


def _observation_uuid(report: dict[str, t.Any], control: str, node: str) -> str:
    return oscal_uuid(report, "observation", report["version"], control, node)


def _origins(report: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    return [{"actors": [{"type": "tool", "actor-uuid": oscal_uuid(report, "tool")}]}]


def _judged(report: dict[str, t.Any]) -> t.Iterator[tuple[dict[str, t.Any], list[tuple[t.Any, list[str]]]]]:
    """Return the controls that are judged, and their results. A node of an empty name is the whole cluster."""
    for row, results in results_by_control(report):
        found = [(result, nodes or [""]) for result, nodes in results if result.outcome not in _UNJUDGED]
        if found:
            yield row, found


def oscal_definitions(report: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the cluster, its nodes, and what examined them."""
    title = markdown_text(report["cluster"]) or "-"
    cluster, tool = oscal_uuid(report, "cluster"), oscal_uuid(report, "tool")
    running = {"state": "operational"}
    found: dict[str, t.Any] = {
        "components": [
            {
                "uuid": cluster,
                "type": "system",
                "title": title,
                "description": "An RKE Kubernetes cluster",
                "status": running,
            }
        ],
        "assessment-assets": {
            "components": [
                {
                    "uuid": tool,
                    "type": "software",
                    "title": report["collection"],
                    "description": "The Ansible collection that examined the cluster",
                    "status": running,
                }
            ],
            "assessment-platforms": [
                {"uuid": oscal_uuid(report, "platform"), "uses-components": [{"component-uuid": tool}]}
            ],
        },
    }
    nodes = [
        {
            "uuid": oscal_uuid(report, "node", name),
            "description": f"Node {markdown_text(name)}",
            "props": [_prop("node", name), *(_prop("role", role) for role in about["roles"])],
            "implemented-components": [{"component-uuid": cluster}],
        }
        for name, about in report["node_results"].items()
    ]
    return {**found, "inventory-items": nodes} if nodes else found


def oscal_observations(report: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Return what was seen of each judged control on each node."""
    collected, origins = utc_text(scan_time(report)), _origins(report)
    nodes = {
        name: {"subject-uuid": oscal_uuid(report, "node", name), "type": "inventory-item"}
        for name in report["node_results"]
    }
    nodes[""] = {"subject-uuid": oscal_uuid(report, "cluster"), "type": "component"}
    for row, results in _judged(report):
        for result, names in results:
            shared = {
                "title": f"{row['id']} {row['title']}",
                "description": markdown_block(result.text),
                "props": [_prop("control", row["id"]), _prop("result", result.outcome)],
                "methods": ["EXAMINE" if result.outcome == "manual" or "attestation" in result.seen else "TEST"],
                "types": ["control-objective"],
                "origins": origins,
                "collected": collected,
            }
            for name in names:
                yield {"uuid": _observation_uuid(report, row["id"], name), **shared, "subjects": [nodes[name]]}


def oscal_risks(report: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Return an open risk for each control that fails, and an approved one for each waiver of it."""
    for row, results in _judged(report):
        open_nodes = [name for result, names in results if result.outcome in _FAILS for name in names]
        if open_nodes:
            yield _risk(report, row, open_nodes, None)
        for result, names in results:
            if result.outcome == "waived":
                yield _risk(report, row, names, result.seen["waiver"])


def _risk_uuid(report: dict[str, t.Any], control: str, nodes: list[str], waiver: dict[str, t.Any] | None) -> str:
    # One waiver may excuse several values seen, so the first node is a part of the name.
    excuse = (waived_by(waiver), nodes[0]) if waiver else ()
    return oscal_uuid(report, "risk", report["version"], control, *excuse)


def _risk(
    report: dict[str, t.Any], row: dict[str, t.Any], nodes: list[str], waiver: dict[str, t.Any] | None
) -> dict[str, t.Any]:
    statement = f"Accepted by {markdown_text(waived_by(waiver), None)}" if waiver else "The control fails."
    uuid_ = _risk_uuid(report, row["id"], nodes, waiver)
    deadline = {"deadline": f"{waiver['expires']}T00:00:00Z"} if waiver and waiver["expires"] != "never" else {}
    return {
        "uuid": uuid_,
        "title": f"{row['id']} {row['title']}",
        "description": row.get("note") or row["title"],
        "statement": statement,
        "status": "deviation-approved" if waiver else "open",
        "origins": _origins(report),
        "characterizations": [
            {
                "origin": _origins(report)[0],
                "facets": [{"name": "severity", "system": _NAMESPACE, "value": severity(row)}],
            }
        ],
        **deadline,
        "remediations": [
            {
                "uuid": str(uuid.uuid5(uuid.UUID(uuid_), "remediation")),
                "lifecycle": "recommendation",
                "title": "Remediation",
                "description": row["remediation"],
            }
        ],
        "related-observations": [{"observation-uuid": _observation_uuid(report, row["id"], name)} for name in nodes],
    }


def oscal_findings(report: dict[str, t.Any]) -> t.Iterator[dict[str, t.Any]]:
    """Return each judged control with its state. OSCAL knows two: all that does not pass is not satisfied."""
    reasons = {"pass": "pass", "fail": "fail", "mixed": "fail", "warn": "fail", "skip": "fail"}
    for row, results in _judged(report):
        state = row["state"]
        risks = [
            _risk_uuid(report, row["id"], names, result.seen["waiver"])
            for result, names in results
            if result.outcome == "waived"
        ]
        if any(result.outcome in _FAILS for result, _names in results):
            risks.insert(0, _risk_uuid(report, row["id"], [], None))
        finding: dict[str, t.Any] = {
            "uuid": oscal_uuid(report, "finding", report["version"], row["id"]),
            "title": f"{row['id']} {row['title']}",
            "description": "Runs on nodes with the role " + " or ".join(NODE_TYPES[kind] for kind in row["node_type"]),
            "props": [
                _prop("control", row["id"]),
                _prop("state", state),
                _prop("severity", severity(row)),
                *([_prop("level", str(row["level"]))] if "level" in row else []),
                *(_prop("nist-sp-800-53", name) for name in row.get("nist", [])),
                *(_prop(source, name) for source, ids in row.get("references", {}).items() for name in ids),
            ],
            "origins": _origins(report),
            "target": {
                "type": "objective-id",
                "target-id": _target(row["id"]),
                "status": {
                    "state": "satisfied" if state == "pass" else "not-satisfied",
                    "reason": reasons.get(state, "other"),
                },
            },
            "related-observations": [
                {"observation-uuid": _observation_uuid(report, row["id"], name)}
                for _result, names in results
                for name in names
            ],
        }
        if risks:
            finding["related-risks"] = [{"risk-uuid": one} for one in risks]
        yield finding


def oscal_selection(report: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return which controls were reviewed: the chosen ones but those that are skipped or do not apply, and why."""
    left_out = [
        row for row, _results in results_by_control(report) if row["state"] in _UNJUDGED and not row.get("evidence")
    ]
    found: dict[str, t.Any] = {"description": markdown_text(report["title"])}
    if "only" in report:
        found["include-controls"] = [{"control-id": _target(row["id"])} for row in report_checks(report)]
    else:
        found["include-all"] = {}
    if left_out:
        found["exclude-controls"] = [{"control-id": _target(row["id"])} for row in left_out]
        found["remarks"] = markdown_block("\n".join(f"{row['id']}: {row['advice']}" for row in left_out))
    return {"control-selections": [found]}
