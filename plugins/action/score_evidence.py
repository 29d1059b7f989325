# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Profile, candidates
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.finish import finish, finish_planned
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import RESULT, SCORING, VARIABLES, check_result
from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import Plan
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import new_scan_directory
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import attestations_of_file
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import chosen_profile, cluster_version
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import read_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import limited, read_choice
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import given_skips, user_skips
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waivers_of_file

Document = dict[str, t.Any]


class ActionModule(ControllerAction):
    """Finishes a planned scan, or scores what was recorded."""

    ARGUMENTS = {**SCORING, **RESULT, "scan_dir": {"type": "path"}, "evidence_dir": {"type": "path"}}
    REQUIRED_ONE_OF = [["scan_dir", "evidence_dir"]]

    def given(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if self._task._role:
            self.VARIABLES = {**VARIABLES, "evidence_dir": "cis_scan_evidence_dir"}
        return super().given(task_vars)

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if args["scan_dir"]:
            return finish_planned(args["scan_dir"], task_vars)
        return finish(*self._recorded(args, task_vars), task_vars)

    def _recorded(
        self, args: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> tuple[Plan, Profile, list[Document], Document | None]:
        """Return the plan of scoring what was recorded, and what was recorded."""
        known = candidates(args["profile"], args["parameters"], args["benchmark_dirs"])
        output = check_result(args)
        nodes, cluster = read_evidence(args["evidence_dir"])
        if not nodes:
            raise CisError(f"cis_scan_evidence_dir {args['evidence_dir']}: no evidence files of nodes found")
        given = given_skips(args["skip_source"], args["skip"], args["skip_file"], self._loader)
        chosen = chosen_profile(known, cluster_version(nodes, cluster))
        only = read_choice(args["only"], [chosen.benchmark])
        chosen = limited(chosen, only)
        skips, warnings = user_skips(chosen.benchmark, given, cluster, args["skip_source"])
        groups = task_vars.get("groups", {})
        plan = {
            **{key: args[key] for key in ("cluster", "kind", "scanned_by", "node_tests_on")},
            "only": only,
            "skips": skips,
            "waivers": waivers_of_file(args["waivers_file"], groups, self._loader),
            "attestations": attestations_of_file(args["attestations_file"], groups, self._loader),
            "output": output,
            "scan_dir": new_scan_directory(args["report_dir"], args["cluster"], chosen.full_name, args["kind"]),
            "warnings": warnings,
            "evidence_dir": args["evidence_dir"],
            "chosen": len(known) > 1,
            "declared_version": "",
            "not_scanned": {},
            "notes": [],
        }
        return plan, chosen, nodes, cluster
