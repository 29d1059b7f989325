# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""From the verdicts on nodes to one cluster-wide result per control. Pure: the same evidence gives the same report."""

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import COLLECTOR
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.audit import audit_commands
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import (
    NODE_TYPES,
    Benchmark,
    version_numbers,
)
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import RATINGS
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import Attestations, evidence_hash
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import (
    API_SERVER,
    Version,
    cluster_version,
    node_version,
    version_of,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import described
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.operators import some
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import (
    COUNTS,
    MANUAL,
    SCHEMA,
    score,
    states_of_nodes,
    weighted_score,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import (
    Verdict,
    failure_of,
    score_node,
    unseen_reason,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import Waivers, waived_by
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted, duration

Verdicts = dict[str, dict[str, Verdict]]


def exemptions(
    benchmark: Benchmark, profile: str, skips: dict[str, dict[str, str]], version: Version | None = None
) -> dict[str, dict[str, str]]:
    """Return `state`, `by` and `reason` of each control that is not judged in a cluster of this version.

    Precedence as in Rancher: not applicable, then the profile's skip, then the user's. Waived controls are judged.
    """
    lists = benchmark.profiles[profile]
    exempt = {}
    for control in benchmark.controls:
        control_id = control["id"]
        gone = _gone(control, version)
        if control_id in lists["not_applicable"] or gone:
            reason = lists["not_applicable"].get(control_id) or gone
            exempt[control_id] = {"state": "notApplicable", "by": "profile", "reason": reason}
        elif control_id in lists["skip"]:
            exempt[control_id] = {"state": "skip", "by": "profile", "reason": lists["skip"][control_id]}
        elif control_id in skips:
            exempt[control_id] = {"state": "skip", **skips[control_id]}
    return exempt


def _gone(control: dict[str, t.Any], version: Version | None) -> str:
    """Return why a control is not applicable to a Kubernetes version; empty if it is."""
    for since, reason in control.get("not_applicable_from", {}).items():
        if version and version.numbers >= version_numbers(since):
            return f"from Kubernetes {since} on: {reason}"
    return ""


def node_names(nodes: t.Iterable[dict[str, t.Any]], node_tests_on: str) -> dict[str, list[str]]:
    """Return node type to the sorted names of its nodes. Node tests run on workers, or on all nodes if so chosen."""
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
    """Return each Kubernetes version that was seen, oldest first, and where."""
    seen: dict[str, list[str]] = {}
    for document in nodes:
        seen.setdefault(node_version(document), []).append(document["node"])
    seen.setdefault(version_of(":" + (cluster or {}).get("version", "")), []).append(API_SERVER)
    seen.pop("", None)
    return dict(sorted(seen.items(), key=lambda item: [int(number) for number in item[0][1:].split(".")]))


def _part_warnings(nodes: t.Sized, not_scanned: t.Collection[str]) -> list[str]:
    if not not_scanned:
        return []
    of = len(nodes) + len(not_scanned)
    return [
        f"this is not the whole cluster: {len(nodes)} of {counted(of, 'node')} were scanned, without "
        f"{some(sorted(not_scanned))}"
    ]


def _only_warnings(only: dict[str, t.Any]) -> list[str]:
    if not only:
        return []
    return [
        f"this is not the whole benchmark: {only['controls']} of {counted(only['of'], 'control')} were chosen by "
        f"cis_scan_only ({described(only['choice'])})"
    ]


def _version_warnings(benchmark: Benchmark, seen: dict[str, list[str]]) -> list[str]:
    low, high = benchmark.kubernetes["min"], benchmark.kubernetes["max"]
    return [
        f"{benchmark.id} is made for Kubernetes {low} to {high}, but {version} runs on {some(where)}: "
        f"flags may be missing there or have other defaults"
        for version, where in seen.items()
        if not version_numbers(low) <= version_numbers(version) <= version_numbers(high)
    ]


def _choice_warnings(benchmark: Benchmark, version: Version | None, seen: dict[str, list[str]]) -> list[str]:
    """Return what a reader should know of a benchmark that was chosen by the cluster's version."""
    if version is None:
        return [f"the cluster's Kubernetes version was not seen, so the newest benchmark, {benchmark.id}, is used"]
    if len({version_numbers(one) for one in seen}) < 2:
        return []
    return [
        f"{benchmark.id} is used, since the lowest version of the control plane is {version.text} ({version.where}); "
        f"seen are {', '.join(seen)}"
    ]


def _clock_warnings(nodes: list[dict[str, t.Any]]) -> list[str]:
    off = [(document["node"], document["clock_offset"]) for document in nodes if document.get("clock_offset")]
    shown = [f"{name} is {duration(abs(by))} {'ahead' if by > 0 else 'behind'}" for name, by in off]
    return [f"clocks differ from the controller's: {some(shown)}; set them right"] if shown else []


def _twin_warnings(nodes: list[dict[str, t.Any]]) -> list[str]:
    """Return which nodes are one host by the ids of their containers, which Docker makes up at random."""
    names_of: dict[str, dict[str, None]] = {}
    for document in nodes:
        for container in document.get("containers", {}).values():
            names_of.setdefault(container.get("id", ""), {})[document["node"]] = None
    names_of.pop("", None)
    twins = {tuple(names): None for names in names_of.values() if len(names) > 1}
    return [
        f"{some(list(names))} have the same containers, so they are one host or copies of one; keep one of them in the "
        f"inventory"
        for names in twins
    ]


# ------------------------------------------------------------------------------------------- judging


def _judge(
    benchmark: Benchmark,
    nodes: list[dict[str, t.Any]],
    cluster: dict[str, t.Any] | None,
    names: dict[str, list[str]],
    exempt: t.Container[str],
) -> Verdicts:
    """Return the verdicts on each node, of the controls that run there and are not exempt."""
    members = {kind: frozenset(of) for kind, of in names.items()}
    judged = {
        kind: {c["id"] for c in benchmark.controls if kind in c["node_type"] and c["id"] not in exempt}
        for kind in names
    }
    verdicts = {}
    for document in nodes:
        ids = set().union(*(judged[kind] for kind in names if document["node"] in members[kind]))
        verdicts[document["node"]] = score_node(benchmark, document, cluster, ids)
    return verdicts


# ------------------------------------------------------------------------------------------- combining


def _combine(
    control: dict[str, t.Any], names: list[str], verdicts: Verdicts, attestations: Attestations, waivers: Waivers
) -> dict[str, t.Any]:
    """Return a control's cluster-wide state, and what was seen on which nodes.

    Attestations, then waivers, are applied here, and only here. `mixed` means that it passes on some nodes and fails on
    others. A node that could not be examined turns a pass into an error; a failure or warning stays one. A waived one
    is a skip, and so is the control if nothing else is wrong.
    """
    shown = {name: verdicts[name][control["id"]] for name in names}
    whole = names and {verdict.state for verdict in shown.values()} == {"manual"}
    evidence = evidence_hash(shown) if whole else ""
    seen: dict[tuple[Verdict, int, int], list[str]] = {}
    said: dict[int, dict[str, t.Any]] = {}  # the waivers and attestations that count
    lists: dict[str, list[str]] = {state: [] for state in COUNTS}
    for name, verdict in shown.items():
        attestation = waiver = None
        if verdict.state == "manual":
            attestation, why_not = attestations.attest(control["id"], name, evidence)
            verdict = _attested(control, verdict, attestation) if attestation else verdict._replace(reason=why_not)
        if verdict.state in ("fail", "warn"):
            waiver = waivers.waive(control["id"], name)
        said.update((id(one), one) for one in (attestation, waiver) if one)
        lists["skip" if waiver else verdict.state].append(name)
        seen.setdefault((verdict, id(attestation), id(waiver)), []).append(name)
    evidence_parts = [
        _part(verdict, of, said.get(attestation), said.get(waiver))
        for (verdict, attestation, waiver), of in seen.items()
    ]
    combined: dict[str, t.Any] = {"state": _combined_state(lists, names)}
    if not names:
        combined["reason"] = "no node has the role " + " or ".join(NODE_TYPES[kind] for kind in control["node_type"])
    if combined["state"] == "skip":
        excuses = dict.fromkeys(waived_by(part["waiver"]) for part in evidence_parts if "waiver" in part)
        combined.update(by="waiver", reason="; ".join(excuses))
    if combined["state"] == "mixed":
        combined["nodes"] = lists["fail"]  # Rancher's key for the failed nodes of a mixed result
    combined.update(
        passed_nodes=lists["pass"],
        failed_nodes=lists["fail"],
        warned_nodes=lists["warn"],
        error_nodes=lists["error"],
        waived_nodes=lists["skip"],
        evidence=evidence_parts,
    )
    if evidence:
        combined["evidence_hash"] = evidence
    return combined


def _attested(control: dict[str, t.Any], verdict: Verdict, attestation: dict[str, t.Any]) -> Verdict:
    """Return the verdict on a manual control as a person attests it."""
    if attestation["result"] == "passed":
        return verdict._replace(state="pass")
    return verdict._replace(state=failure_of(control), reason=attestation["explanation"])


def _combined_state(lists: dict[str, list[str]], names: list[str]) -> str:
    if lists["fail"]:
        return "mixed" if lists["pass"] else "fail"
    if not names:
        return "error"
    return next((state for state in ("warn", "error", "manual", "skip") if lists[state]), "pass")


def _part(
    verdict: Verdict, names: list[str], attestation: dict[str, t.Any] | None, waiver: dict[str, t.Any] | None
) -> dict[str, t.Any]:
    """Return what was seen, the same on all these nodes."""
    part = dict(verdict._asdict(), nodes=names)
    if attestation:
        keys = ("result", "explanation", "by", "date", "expires", "evidence")
        part["attestation"] = {key: attestation[key] for key in keys if attestation[key]}
    if waiver:
        excuse = {key: waiver[key] for key in ("reason", "owner", "expires")}
        part.update(state="skip", waiver={"would_be": verdict.state, **excuse})
    return part


def _count(checks: list[dict[str, t.Any]], names: dict[str, list[str]]) -> tuple[dict[str, int], dict[str, t.Any]]:
    """Return the number of controls in each state, in the cluster and on each node."""
    total = dict.fromkeys(COUNTS, 0)
    of_node = {name: dict.fromkeys(COUNTS, 0) for of in names.values() for name in of}
    for check in checks:
        total["fail" if check["state"] == "mixed" else check["state"]] += 1
        for state, of in states_of_nodes(check, names):
            for name in of:
                of_node[name][state] += 1
    return total, of_node


# ------------------------------------------------------------------------------------------- assembling

# What a check of a report has of its control, and what it has where the control does.
_OF_CONTROL = ("id", "title", "description", "remediation", "node_type", "scored")
_MAY_HAVE = (*RATINGS, "note", "fix")


def build_report(
    benchmark: Benchmark,
    profile: str,
    nodes: list[dict[str, t.Any]],
    cluster_evidence: dict[str, t.Any] | None = None,
    *,
    skips: dict[str, dict[str, str]] | None = None,
    waivers: list[dict[str, t.Any]] | None = None,
    attestations: list[dict[str, t.Any]] | None = None,
    cluster: str = "local",
    node_tests_on: str = "workers",
    scan: dict[str, str] | None = None,
    verdicts: Verdicts | None = None,
    chosen: bool = False,
    declared_version: str = "",
    not_scanned: t.Collection[str] = (),
    notes: t.Iterable[str] = (),
) -> dict[str, t.Any]:
    """Return the report of a cluster: Rancher's keys, and also who skipped what and why, and what was seen where.

    `nodes` are evidence documents, and `verdicts` the verdicts on them if they are scored already. `scan` has what
    evidence does not say: name, kind (manual or scheduled) and by whom. `chosen` says that the benchmark was chosen by
    the cluster's Kubernetes version, and `declared_version` is that of cluster.yml. `waivers` and `attestations` come
    from waivers_of_file and attestations_of_file, which know the date and the inventory. `not_scanned` are the
    cluster's other nodes, if this is a scan of a part of it, and `notes` are warnings that the evidence does not give.
    """
    nodes = sorted(nodes, key=lambda document: document["node"])
    names = node_names(nodes, node_tests_on)
    version = cluster_version(nodes, cluster_evidence, declared_version)
    exempt = exemptions(benchmark, profile, skips or {}, version)
    if verdicts is None:
        verdicts = _judge(benchmark, nodes, cluster_evidence, names, exempt)
    documents = {document["node"]: document for document in nodes}
    excuses = Waivers(waivers or [], benchmark, documents)
    answers = Attestations(attestations or [], benchmark, documents)
    checks = []
    for control in benchmark.controls:
        check = {key: control[key] for key in _OF_CONTROL}
        check.update({key: control[key] for key in _MAY_HAVE if key in control})
        if control["id"] in exempt:
            check.update(exempt[control["id"]])
        else:
            ran_on = sorted(set().union(*(names[kind] for kind in control["node_type"])))
            check["audit"] = audit_commands(benchmark, control, [documents[name] for name in ran_on])
            check.update(_combine(control, ran_on, verdicts, answers, excuses))
        checks.append(check)
    counts, of_node = _count(checks, names)
    versions = _kubernetes_versions(nodes, cluster_evidence)
    only = {}
    if benchmark.only:
        only = {"choice": benchmark.only, "controls": len(checks), "of": len(benchmark.all_controls)}
    return {
        "schema": SCHEMA,
        "collection": COLLECTOR,
        "scan": {"name": "", "kind": MANUAL, "by": "", **(scan or {})},
        "version": benchmark.id,
        "title": benchmark.title,
        "profile": benchmark.profile_name(profile),
        "cluster": cluster,
        "collected_at": max((document.get("collected_at", "") for document in nodes), default=""),
        "kubernetes": {
            **benchmark.kubernetes,
            "seen": versions,
            **({"chosen_for": version.text if version else ""} if chosen else {}),
        },
        "parameters": benchmark.chosen_parameters(),
        "warnings": [
            *_part_warnings(nodes, not_scanned),
            *_only_warnings(only),
            *notes,
            *(_choice_warnings(benchmark, version, versions) if chosen else []),
            *_version_warnings(benchmark, versions),
            *_clock_warnings(nodes),
            *_twin_warnings(nodes),
            *excuses.warnings(),
            *answers.warnings(),
        ],
        "waivers": excuses.listed(),
        "attestations": answers.listed(),
        **({"only": only} if only else {}),
        "total": len(checks),
        **counts,
        "score": score(counts),
        "weighted_score": weighted_score(checks),
        "nodes": names,
        "node_errors": {name: reason for name, document in documents.items() if (reason := unseen_reason(document))},
        "node_results": {
            name: {"roles": document["roles"], **of_node.get(name, dict.fromkeys(COUNTS, 0))}
            for name, document in documents.items()
        },
        **({"not_scanned": sorted(not_scanned)} if not_scanned else {}),
        "results": [
            {"id": group["id"], "description": group["title"], "checks": of_group}
            for group in benchmark.groups
            if (of_group := [check for check in checks if check["id"].rpartition(".")[0] == group["id"]])
        ],
    }
