# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import check_request
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import (
    BENCHMARKS,
    ORIGIN,
    PLACE,
    REQUEST,
    RESULT,
    VARIABLES,
    check_result,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.partial import find_parts, merge_evidence, plan_of_parts
from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import keep_plan
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import (
    EVIDENCE,
    cluster_directory,
    new_scan_directory,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import SCHEDULED
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.request import (
    hosts_of_pattern,
    others_of_cluster,
    roles_in_groups,
)
from ansible_collections.rke.cis.plugins.plugin_utils._store import make_directory
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted


class ActionModule(ControllerAction):
    """Puts the parts of a scan together, as its first two steps would have left them."""

    ARGUMENTS = {
        **PLACE,
        **ORIGIN,
        **BENCHMARKS,
        **RESULT,
        **REQUEST,
        "partials": {"type": "list", "elements": "path", "default": []},
        "max_apart": {"type": "int", "default": 21600},
        "hosts": {"type": "raw", "default": "all"},
    }
    VARIABLES = {**{name: f"cis_scan_{name}" for name in ARGUMENTS}, **VARIABLES, "scan_id": "cis_scan_id"}

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        output = check_result(args)
        check_request(args["notify_rules"], args["notify_notifiers"], args["notify_options"])
        if args["max_apart"] < 1:
            raise CisError(f"cis_scan_max_apart is {args['max_apart']}; must be at least 1 second")
        directory = cluster_directory(args["report_dir"], args["cluster"], "cis_scan_cluster")
        places = [os.path.expanduser(path) for path in args["partials"]] or [directory]
        parts = find_parts(places, args["scan_id"], args["max_apart"])
        plan = plan_of_parts(parts, args["max_apart"], [os.path.abspath(path) for path in args["benchmark_dirs"]])
        if plan["cluster"] != args["cluster"]:
            raise CisError(
                f"partial {parts[0].directory}: of the cluster {plan['cluster']}; set cis_scan_cluster to it, not to "
                f"{args['cluster']}"
            )
        if args["kind"] == SCHEDULED:  # in a workflow of AWX, slices do not know it
            plan["kind"] = SCHEDULED
        plan["scanned_by"] = args["scanned_by"] or plan["scanned_by"]
        groups = task_vars.get("groups", {})
        inventory = roles_in_groups(groups, args["groups"], hosts_of_pattern(args["hosts"], groups, self._loader))
        scanned = {node for part in parts for node in part.asked["nodes"]}
        others = others_of_cluster(scanned, inventory, task_vars["hostvars"])
        if not scanned and not others:
            raise CisError(f"cis_scan_partials: no node in {counted(len(parts), 'part')}; see cis_scan_groups")
        plan.update(output=output, replay_dir="", deadline=0, partial=False)
        plan["scan_dir"] = new_scan_directory(
            args["report_dir"],
            plan["cluster"],
            plan["profile"],
            plan["kind"],
            str(task_vars.get("awx_job_id", "")),
            plan["started"],
        )
        plan["evidence_dir"] = os.path.join(plan["scan_dir"], EVIDENCE)
        make_directory(plan["evidence_dir"], "cis_report_dir")
        merge_evidence(parts, plan, others)
        keep_plan(plan)
        return {
            "changed": False,
            "warnings": plan["notes"],
            "profile": plan["profile"],
            "scan_dir": plan["scan_dir"],
            "parts": [part.directory for part in parts],
        }
