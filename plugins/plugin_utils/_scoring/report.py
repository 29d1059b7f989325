# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""From verdicts of nodes to one cluster-wide result per control. Pure: the same evidence gives the same report."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import COLLECTOR
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.audit import audit_commands
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES, Benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.operators import some
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict, score_node
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import Waivers, waived_by

SCHEMA = "rke.cis/report/1"

# Each control is counted once, a mixed one as a failure.
COUNTS = ("pass", "fail", "skip", "notApplicable", "error", "manual")

KINDS = ("manual", "scheduled")

# of rancher/hyperkube:v1.20.15-rancher2, whatever registry it came from
_VERSION = re.compile(r":(v[0-9]+\.[0-9]+\.[0-9]+)[^/]*$")

Verdicts = dict[str, dict[str, Verdict]]


def described(control: dict[str, t.Any]) -> str:
    """Return a control's title with its mark, as Rancher writes it."""
    return f"{control['title']} ({'Scored' if control['scored'] else 'Not Scored'})"


def exemption(benchmark: Benchmark, profile: str, skips: dict[str, dict[str, str]], control_id: str) -> dict[str, str]:
    """Return state, by and reason of a control that is not judged, else nothing.

    Precedence as in Rancher: not applicable, then the profile's skip, then the user's. Waivers come after these: what
    they cover is judged.
    """
    lists = benchmark.profiles[profile]
    if control_id in lists["not_applicable"]:
        return {"state": "notApplicable", "by": "profile", "reason": lists["not_applicable"][control_id]}
    if control_id in lists["skip"]:
        return {"state": "skip", "by": "profile", "reason": lists["skip"][control_id]}
    if control_id in skips:
        return {"state": "skip", **skips[control_id]}
    return {}


def node_names(nodes: t.Iterable[dict[str, t.Any]], node_tests_on: str) -> dict[str, list[str]]:
    """Return node type to the names of its nodes, sorted. Node tests run on workers, or on all nodes if asked to."""
    documents = list(nodes)
    return {
        node_type: sorted(
            document["node"]
            for document in documents
            if role in document["roles"] or (node_type == "node" and node_tests_on == "all")
        )
        for node_type, role in NODE_TYPES.items()
    }


def _kubernetes_versions(nodes: list[dict[str, t.Any]], cluster: dict[str, t.Any] | None) -> dict[str, list[str]]:
    """Return each Kubernetes version that was seen, oldest first, and where: every node runs a kubelet."""
    seen: dict[str, list[str]] = {}
    for document in nodes:
        image = str(document.get("containers", {}).get("kubelet", {}).get("image", ""))
        for version in _VERSION.findall(image):
            seen.setdefault(version, []).append(document["node"])
    for version in re.findall(r"^v[0-9]+\.[0-9]+\.[0-9]+", str((cluster or {}).get("version", ""))):
        seen.setdefault(version, []).append("API server")
    return dict(sorted(seen.items(), key=lambda item: _numbers(item[0])))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.lstrip("v").split(".")]


def _version_warnings(benchmark: Benchmark, seen: dict[str, list[str]]) -> list[str]:
    low, high = benchmark.kubernetes["min"], benchmark.kubernetes["max"]
    return [
        f"{benchmark.id} is made for Kubernetes {low} to {high}, and {version} runs on {some(where)}: "
        f"flags may be gone there or have another default"
        for version, where in seen.items()
        if not _numbers(low) <= _numbers(version)[:2] <= _numbers(high)
    ]


def _combine(names: list[str], verdicts: dict[str, Verdict], waived: dict[str, dict[str, t.Any]]) -> dict[str, t.Any]:
    """Return a control's cluster-wide state and what was seen on which nodes.

    `mixed` is for real verdicts that differ; a node that could not be examined makes a pass an error, and leaves a
    failure a failure. `waived` are the nodes whose failure is waived: without another failure or error, a skip.
    """
    seen: dict[tuple[Verdict, str], list[str]] = {}
    for name in names:
        excuse = waived_by(waived[name]) if name in waived else ""
        seen.setdefault((verdicts[name], excuse), []).append(name)
    lists: dict[str, list[str]] = {"pass": [], "fail": [], "error": [], "manual": [], "skip": []}
    for name in names:
        lists["skip" if name in waived else verdicts[name].state].append(name)
    if lists["fail"]:
        state = "mixed" if lists["pass"] else "fail"
    elif lists["error"] or not names:
        state = "error"
    else:
        state = next((state for state in ("manual", "skip") if lists[state]), "pass")
    combined: dict[str, t.Any] = {"state": state}
    if state == "skip":
        combined.update(by="waiver", reason="; ".join(dict.fromkeys(excuse for _verdict, excuse in seen if excuse)))
    if state == "mixed":
        combined["nodes"] = lists["fail"]  # Rancher's key: the nodes of a mixed result that failed
    combined.update(
        passed_nodes=lists["pass"],
        failed_nodes=lists["fail"],
        error_nodes=lists["error"],
        waived_nodes=lists["skip"],
        evidence=[],
    )
    for (verdict, excuse), of in seen.items():
        part = dict(verdict._asdict(), nodes=of)
        if excuse:
            waiver = {key: waived[of[0]][key] for key in ("reason", "owner", "expires")}
            part.update(state="skip", waiver={"would_be": verdict.state, **waiver})
        combined["evidence"].append(part)
    return combined


def build_report(
    benchmark: Benchmark,
    profile: str,
    nodes: list[dict[str, t.Any]],
    cluster_evidence: dict[str, t.Any] | None = None,
    *,
    skips: dict[str, dict[str, str]] | None = None,
    waivers: list[dict[str, t.Any]] | None = None,
    cluster: str = "local",
    node_tests_on: str = "workers",
    scan: dict[str, str] | None = None,
    verdicts: Verdicts | None = None,
) -> dict[str, t.Any]:
    """Return the report of a cluster: Rancher's keys, and with them who skipped, why, and what was seen where.

    `nodes` are evidence documents; `verdicts` are theirs where they have been scored already. `scan` is what the
    evidence does not know of it: name, kind (manual or scheduled) and by whom. `waivers` are those of resolve_waivers,
    which knows the date and the inventory.
    """
    nodes = sorted(nodes, key=lambda document: document["node"])
    names = node_names(nodes, node_tests_on)
    members = {kind: set(of) for kind, of in names.items()}
    types_of = {document["node"]: [kind for kind in names if document["node"] in members[kind]] for document in nodes}
    exempt = {
        control["id"]: exemption(benchmark, profile, skips or {}, control["id"]) for control in benchmark.controls
    }
    judged = {
        kind: {c["id"] for c in benchmark.controls if kind in c["node_type"] and not exempt[c["id"]]} for kind in names
    }
    if verdicts is None:
        verdicts = {}
        for document in nodes:
            wanted = set().union(*(judged[kind] for kind in types_of[document["node"]]))
            verdicts[document["node"]] = score_node(benchmark, document, cluster_evidence, wanted)
    excuses = Waivers(waivers or [], benchmark, types_of)
    documents = {document["node"]: document for document in nodes}
    checks: dict[str, list[dict[str, t.Any]]] = {group["id"]: [] for group in benchmark.groups}
    counts = dict.fromkeys(COUNTS, 0)
    per_node = {name: dict.fromkeys(counts, 0) for name in types_of}
    for control in benchmark.controls:
        check: dict[str, t.Any] = {
            "id": control["id"],
            "description": described(control),
            "remediation": control["remediation"],
            "node_type": control["node_type"],
            "scored": control["scored"],
            **{key: control[key] for key in ("note", "fix") if key in control},
        }
        ran_on = sorted(set().union(*(names[kind] for kind in control["node_type"])))
        if exempt[control["id"]]:
            check.update(exempt[control["id"]])
            for name in ran_on:
                per_node[name][check["state"]] += 1
        else:
            check["audit"] = audit_commands(benchmark, control, [documents[name] for name in ran_on])
            found = {name: verdicts[name][control["id"]] for name in ran_on}
            excused = {name: excuses.waive(control["id"], name) for name in ran_on if found[name].state == "fail"}
            waived = {name: waiver for name, waiver in excused.items() if waiver}
            check.update(_combine(ran_on, found, waived))
            if not ran_on:
                check["reason"] = "no node has the role " + " or ".join(
                    NODE_TYPES[kind] for kind in control["node_type"]
                )
            for name in ran_on:
                per_node[name]["skip" if name in waived else found[name].state] += 1
        counts["fail" if check["state"] == "mixed" else check["state"]] += 1
        checks[control["id"].rpartition(".")[0]].append(check)
    versions = _kubernetes_versions(nodes, cluster_evidence)
    return {
        "schema": SCHEMA,
        "collection": COLLECTOR,
        "scan": {"name": "", "kind": KINDS[0], "by": "", **(scan or {})},
        "version": benchmark.id,
        "title": benchmark.title,
        "profile": benchmark.profile_name(profile),
        "cluster": cluster,
        "collected_at": max((document.get("collected_at") or "" for document in nodes), default=""),
        "kubernetes": {**benchmark.kubernetes, "seen": versions},
        "parameters": benchmark.parameters,
        "warnings": _version_warnings(benchmark, versions) + excuses.warnings(),
        "waivers": excuses.listed(),
        "total": len(benchmark.controls),
        **counts,
        "nodes": names,
        "node_errors": {
            document["node"]: f"{document['error']['kind']}: {document['error']['message']}"
            for document in nodes
            if "error" in document
        },
        "node_results": {
            document["node"]: {"roles": document["roles"], **per_node[document["node"]]} for document in nodes
        },
        "results": [
            {"id": group["id"], "description": group["title"], "checks": checks[group["id"]]}
            for group in benchmark.groups
        ],
    }


_CHECK = {"id", "description", "remediation", "node_type", "scored", "state"}
_LISTS = {"passed_nodes", "failed_nodes", "error_nodes", "waived_nodes"}
_PART = {*Verdict._fields, "nodes"}


def check_report(document: t.Any, origin: str) -> dict[str, t.Any]:
    """Return a document if it is a complete report, so that nobody after this needs to look whether something is there.

    Raises CisError that begins with its origin.
    """

    def need(condition: t.Any, what: str) -> None:
        if not condition:
            raise CisError(f"{origin}: not a complete rke.cis report ({what}); score its evidence again")

    need(isinstance(document, dict) and document.get("schema") == SCHEMA, f"expected the schema {SCHEMA}")
    for key in ("cluster", "version", "profile", "title", "collected_at"):
        need(isinstance(document.get(key), str), key)
    for key in ("scan", "kubernetes", "parameters", "nodes", "node_errors", "node_results"):
        need(isinstance(document.get(key), dict), key)
    need(document["scan"].get("kind") in KINDS and {"name", "by"} <= set(document["scan"]), "scan")
    need({*NODE_TYPES} <= set(document["nodes"]), "nodes")
    for key in ("total", *COUNTS):
        need(type(document.get(key)) is int, key)
    for row in document["node_results"].values():
        need(isinstance(row, dict) and {"roles", *COUNTS} <= set(row), "node_results")
    need(isinstance(document.get("results"), list), "results")
    for group in document["results"]:
        need(isinstance(group, dict) and {"id", "description", "checks"} <= set(group), "results")
        for check in group["checks"]:
            need(isinstance(check, dict) and set(check) >= _CHECK, "a check")
            if "evidence" in check:
                need(set(check) >= _LISTS and all(set(part) >= _PART for part in check["evidence"]), check["id"])
            else:
                need({"by", "reason"} <= set(check), check["id"])
    return t.cast(dict[str, t.Any], document)


def report_checks(report: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the checks of all groups in the report's order."""
    return [check for group in report["results"] for check in group["checks"]]


def unexamined(report: dict[str, t.Any]) -> int:
    """Return how many controls were not examined on every node that they run on."""
    return sum(1 for check in report_checks(report) if check["state"] == "error" or check.get("error_nodes"))


def errors_by_reason(report: dict[str, t.Any]) -> dict[str, dict[str, list[str]]]:
    """Return each reason why something was not examined to the ids of its controls and to its nodes."""
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for check in report_checks(report):
        parts = [part for part in check.get("evidence", []) if part["state"] == "error"]
        if check["state"] == "error" and not check["evidence"]:
            parts = [{"reason": check["reason"], "nodes": []}]
        for part in parts:
            controls, nodes = reasons.setdefault(part["reason"], ({}, {}))
            controls[check["id"]] = None
            nodes.update(dict.fromkeys(part["nodes"]))
    return {reason: {"controls": list(controls), "nodes": list(nodes)} for reason, (controls, nodes) in reasons.items()}
