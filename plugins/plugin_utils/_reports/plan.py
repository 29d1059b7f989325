# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The plan of a scan, which its first step writes and its later ones read.

Documents go through files, not through variables: templating a large one costs more than the whole scan. These files
go when the reports are written.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Profile, candidates
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import choose, cluster_version
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    NOT_GATHERED,
    evidence_path,
    unseen_document,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import limited
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_json, to_json, write_file

SCHEMA = "rke.cis/plan/1"

Plan = dict[str, t.Any]


def write_plan(plan: Plan, requests: dict[str, t.Any]) -> None:
    """Write what was asked for, and for each node a document that says "not gathered".

    What is gathered overwrites it: a node can neither vanish nor keep the evidence of an older scan. What to gather
    stands in a file of its own, which does not grow with the nodes: each of them reads it.
    """
    directory = plan["evidence_dir"]
    why = "nothing was gathered on this node; see the output of the scan"
    for node, roles in plan["nodes"].items():
        document = unseen_document(node, roles, NOT_GATHERED, why)
        write_file(evidence_path(directory, node), to_json(document), sync=False)
    common = {key: plan[key] for key in ("replay_dir", "deadline", "node_timeout")}
    write_file(_requests_path(directory), to_json({**common, "plans": requests}), sync=False)
    keep_plan(plan)


def keep_plan(plan: Plan) -> None:
    """Write the plan for the steps after it."""
    write_file(_plan_path(plan["scan_dir"]), to_json({"schema": SCHEMA, **plan}), sync=False)


def read_plan(scan_dir: str) -> Plan:
    """Return the plan of the scan in a directory. Raises CisError if there is none."""
    path = _plan_path(scan_dir)
    plan = read_json(path, "plan", limits.REPORT_BYTES)
    if not isinstance(plan, dict) or plan.get("schema") != SCHEMA:
        raise CisError(f"plan {path}: not a plan of this collection (expected the schema {SCHEMA}); scan again")
    return plan


def planned_name(plan: Plan, nodes: t.Iterable[dict[str, t.Any]], cluster: dict[str, t.Any] | None) -> str:
    """Return the name of the candidate that is taken for these nodes."""
    chosen_from = {name: about["chosen_from"] for name, about in plan["candidates"].items()}
    return choose(chosen_from, cluster_version(nodes, cluster, plan["declared_version"]))


def planned_profile(plan: Plan, name: str) -> Profile:
    """Return a candidate, with its parameters and the controls that were chosen."""
    found = candidates(name, plan["candidates"][name]["parameters"], plan["benchmark_dirs"])[0]
    return limited(found, plan["only"])


def remove_plan(plan: Plan) -> None:
    """Remove the files of a plan that has been carried out."""
    for path in (_plan_path(plan["scan_dir"]), _requests_path(plan["evidence_dir"])):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def request_of_node(evidence_dir: str, node: str) -> dict[str, t.Any] | None:
    """Return what a planned scan asks of a node, with node, roles and limits; None if it is not one of its nodes."""
    path = evidence_path(evidence_dir, node)
    if not os.path.exists(path):
        return None
    document = read_json(path, "evidence file")
    if document.get("error", {}).get("kind") != NOT_GATHERED:  # of an older scan, of which the node was one
        return None
    roles = document["roles"]
    requests = read_json(_requests_path(evidence_dir), "requests")
    return {"node": node, "roles": roles, "plan": requests.pop("plans")["-".join(roles)], **requests}


def _plan_path(scan_dir: str) -> str:
    return os.path.join(scan_dir, ".plan.json")


def _requests_path(evidence_dir: str) -> str:
    return os.path.join(evidence_dir, ".requests.json")
