# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The last step of a scan: from what was gathered to all that the scan leaves."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import record_run
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Profile
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import changed_ids, compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.gates import judge
from ansible_collections.rke.cis.plugins.plugin_utils._reports.lock import controller_user, release
from ansible_collections.rke.cis.plugins.plugin_utils._reports.partial import write_partial
from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import (
    Plan,
    planned_name,
    planned_profile,
    read_plan,
    remove_plan,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import Context, write_outputs
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import REPORT, KeptScans, report_facts
from ansible_collections.rke.cis.plugins.plugin_utils._reports.signing import sign
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import since_lines
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    INTERRUPTED,
    NOT_GATHERED,
    evidence_path,
    read_evidence,
    unseen_document,
    unseen_result,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import nothing_chosen
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import (
    FAILED,
    SCORES,
    not_chosen,
    report_checks,
    unexamined,
)
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json, write_file, write_report
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted

Document = dict[str, t.Any]

# What of a plan a report is made from.
_INPUTS = (
    "skips", "waivers", "attestations", "cluster", "node_tests_on", "chosen", "declared_version", "not_scanned", "notes"
)  # fmt: skip


def finish_planned(scan_dir: str, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    """End the scan that was planned in a directory, with what was gathered of it."""
    with contextlib.ExitStack() as last:
        last.callback(release, os.path.dirname(scan_dir))
        plan = read_plan(scan_dir)
        last.callback(remove_plan, plan)
        nodes, cluster = read_evidence(plan["evidence_dir"], plan["nodes"])
        nodes = [document for document in nodes if document["node"] in plan["nodes"]]
        if plan["deadline"]:  # else it was gathered elsewhere
            nodes = [_explained(plan, document, task_vars) for document in nodes]
            left = [one["node"] for one in nodes if one.get("error", {}).get("kind") == INTERRUPTED]
            if left:
                seen = counted(len(nodes) - len(left), "node")
                plan["notes"].append(f"the scan was interrupted after {seen} of {len(nodes)}; scan again")
        lost = sorted(set(plan["nodes"]) - {document["node"] for document in nodes})
        if lost:
            raise CisError(f"evidence {plan['evidence_dir']}: that of {', '.join(lost)} is gone; scan again")
        if plan["partial"]:
            return _part(plan)
        name = planned_name(plan, nodes, cluster)
        about = plan["candidates"][name]
        plan.update(skips=about["skips"], warnings=about["warnings"], chosen=len(plan["candidates"]) > 1)
        profile = planned_profile(plan, name)
        if not profile.benchmark.controls:  # another candidate has some
            raise CisError(nothing_chosen(plan["only"], [profile.benchmark]))
        return finish(plan, profile, nodes, cluster, task_vars)


def finish(
    plan: Plan, profile: Profile, nodes: list[Document], cluster: Document | None, task_vars: dict[str, t.Any]
) -> dict[str, t.Any]:
    """Write all that a scan leaves, and return what its task returns. Each result is computed once."""
    directory, name = os.path.split(os.path.abspath(plan["scan_dir"]))
    inputs = {
        **{key: plan[key] for key in _INPUTS},
        "scan": {"name": name, "kind": plan["kind"], "by": plan["scanned_by"] or controller_user()},
    }
    report = build_report(*profile, nodes, cluster, **inputs)
    path = os.path.join(plan["scan_dir"], REPORT)
    write_report(path, to_json(report))

    kept, facts, output = KeptScans(directory), report_facts(report), plan["output"]
    before = kept.previous(name, report)
    comparison = compare(before, report) if before else None
    files, problems = write_outputs(report, Context(kept.past(name, facts), comparison), plan["scan_dir"], output)
    if output["sign_key"]:
        inputs.update(profile=profile.full_name, parameters=profile.benchmark.parameters, only=plan["only"])
        try:
            files += sign(plan["scan_dir"], plan["evidence_dir"], output["sign_key"], profile.benchmark, inputs)
        except CisError as error:
            problems.append(str(error))
    removed = _keep_order(kept, name, facts, output, problems)

    gates = judge(report, before, comparison, output["fail_on"], output["thresholds"])
    checks = report_checks(report)
    result: dict[str, t.Any] = {
        "changed": True,
        "warnings": plan["warnings"] + report["warnings"] + kept.warnings(),
        "report": path,
        "files": [path, *files],
        "scan_dir": plan["scan_dir"],
        "profile": report["profile"],
        "counts": facts["counts"],
        "failed_controls": [check["id"] for check in checks if check["state"] in FAILED],
        "warned_controls": [check["id"] for check in checks if check["state"] == "warn"],
        "unexamined_controls": len(unexamined(report)),
        "unexamined_nodes": sorted(report["node_errors"]),
        "compared_with": comparison["from"]["name"] if comparison else "",
        "newly_failing": changed_ids(comparison["newly_failing"]) if comparison else [],
        "fixed": changed_ids(comparison["fixed"]) if comparison else [],
        "changes": since_lines(comparison) if comparison else [],
        "removed": removed,
        "gates": gates,
        "failed_gates": [gate["gate"] for gate in gates if gate["failed"]],
        "lines": [
            plan["scan_dir"],
            *(f"removed {other}" for other in removed),
            *(gate["text"] for gate in gates if gate["note"] and not gate["failed"]),
        ],
    }
    result["outcome"] = _outcome(result)
    if result["failed_gates"]:
        record_run(result["outcome"])
    result["ansible_stats"] = {
        "data": {_artifact(task_vars): _summary(report, result, output["artifact_csv_limit"])},
        "per_host": False,
        "aggregate": False,
    }
    if problems:
        result.update(failed=True, msg="; ".join(problems))
    return result


def _keep_order(
    kept: KeptScans, name: str, facts: Document, output: dict[str, t.Any], problems: list[str]
) -> list[str]:
    """Write the index, prune, and return the directories that were removed."""
    removed: list[str] = []
    try:
        with kept.locked():
            kept.write_index(name, facts)
            for other in kept.surplus(output["keep"], output["incomplete_days"]):
                removed.append(kept.remove(other))
            if removed:
                kept.write_index(name, facts)
    except CisError as error:
        problems.append(str(error))
    return removed


def _part(plan: Plan) -> dict[str, t.Any]:
    """Leave a part of a scan for the merge."""
    return {
        "changed": True,
        "warnings": [],
        "partial": write_partial(plan, plan["scanned_by"] or controller_user()),
        "scan_dir": plan["scan_dir"],
        "profile": plan["profile"],
        "gates": [],
        "failed_gates": [],
        "lines": [
            f"{plan['scan_dir']}: a part of a scan, {counted(len(plan['nodes']), 'node')}; merge it with the others; "
            f"cis_scan_fail_on and cis_scan_thresholds are judged there"
        ],
    }


def _explained(plan: Plan, document: Document, task_vars: dict[str, t.Any]) -> Document:
    """Return a node's document. If the action that gathers was not there to write one, Ansible's result says why.

    If it is not the play of the scan that ends it, that was interrupted.
    """
    if document.get("error", {}).get("kind") != NOT_GATHERED:
        return document
    node = document["node"]
    own = node in task_vars.get("ansible_play_hosts_all", ())
    answer = task_vars["hostvars"].raw_get(node).get("_cis_scan_gathered", {}) if own else {}
    if not own:
        kind, message = INTERRUPTED, "the scan ended before this node was examined; scan it again"
    elif answer.get("failed") or answer.get("unreachable"):
        kind, message = unseen_result(answer)
    elif node not in task_vars["ansible_play_hosts"]:
        kind, message = NOT_GATHERED, "an earlier task of the play failed on this node; see the output"
    else:
        return document
    document = unseen_document(node, document["roles"], kind, message)
    write_file(evidence_path(plan["evidence_dir"], node), to_json(document))
    return document


def _outcome(result: dict[str, t.Any]) -> str:
    """Return the result of a scan in one line, and a line for each gate that failed."""
    counts, lost = result["counts"], result["unexamined_nodes"]
    unseen = f" (nothing was seen of {', '.join(lost)})" if lost else ""
    warn = f", {counts['warn']} warn" if counts["warn"] else ""
    whole = (
        f"{result['profile']}: {counts['fail']} of {counts['total']} controls fail{warn}, "
        f"{result['unexamined_controls']} could not be examined on every node{unseen}; report {result['report']}"
    )
    return "\n".join([whole, *(gate["text"] for gate in result["gates"] if gate["failed"])])


def _artifact(task_vars: dict[str, t.Any]) -> str:
    """Return the name of AWX's artifact: AWX merges those of several jobs by their keys."""
    job = task_vars.get("awx_job_id")
    return f"cis_summary_{job}" if job else "cis_summary"


def _summary(report: Document, result: dict[str, t.Any], csv_limit: int) -> dict[str, t.Any]:
    """Return what AWX keeps as an artifact of the job, and hands to later jobs."""
    summary = {
        **{key: report[key] for key in ("cluster", "profile", "collected_at")},
        "kind": report["scan"]["kind"],
        "not_scanned": len(report.get("not_scanned", ())),
        "not_chosen": not_chosen(report),
        **result["counts"],
        **{key: report[key] for key in SCORES},
        **{key: result[key] for key in ("failed_controls", "warned_controls")},
        **{key: result[key] for key in ("unexamined_controls", "unexamined_nodes", "failed_gates", "report")},
    }
    path = os.path.join(result["scan_dir"], "report.csv")
    if os.path.isfile(path) and os.path.getsize(path) <= csv_limit:
        with open(path, encoding="utf-8", newline="") as stream:
            summary["csv"] = stream.read()
    return summary
