# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cis_summary
type: aggregate
short_description: Score evidence as it arrives and print the result of a scan
version_added: 1.0.0
description:
  - Scores the evidence of each node as it arrives and prints at the end of the play a table of the nodes and of the
    cluster, then the failing controls with the value seen and the value wanted, then what could not be examined, then
    in short what has changed since the last scan of the same cluster and profile.
  - It prints nothing for plays that do not scan.
author:
  - rke.cis contributors (@rke-cis)
requirements:
  - enable in configuration
"""

import typing as t

from ansible import constants as C
from ansible.plugins.callback import CallbackBase

from ansible_collections.rke.cis.plugins.plugin_utils._benchmark import CisError, resolve_profile
from ansible_collections.rke.cis.plugins.plugin_utils._report import Verdicts, build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scans import read_report, since_previous
from ansible_collections.rke.cis.plugins.plugin_utils._score import check_cluster, check_evidence, score_node
from ansible_collections.rke.cis.plugins.plugin_utils._store import cluster_path, evidence_path, read_json
from ansible_collections.rke.cis.plugins.plugin_utils._summary import since_lines, summary


class Scan:
    """What is known of the scan that runs: its plan, and the verdicts of the nodes that have answered."""

    def __init__(self, plan: dict[str, t.Any]) -> None:
        self.benchmark, self.profile = resolve_profile(plan["profile"], plan["parameters"])
        self.plan = plan
        path = cluster_path(plan["evidence_dir"])
        self.cluster = check_cluster(read_json(path, "evidence file"), f"evidence file {path}")
        left_out = {*plan["skipped_controls"], *plan["not_applicable_controls"]}
        self._judged = self.benchmark.ids - left_out
        self.documents: dict[str, dict[str, t.Any]] = {}
        self.verdicts: Verdicts = {}

    def add(self, document: dict[str, t.Any]) -> None:
        """Score a node's evidence."""
        name = document["node"]
        self.documents[name] = document
        self.verdicts[name] = score_node(self.benchmark, document, self.cluster, self._judged)

    def add_file(self, path: str) -> None:
        """Score the evidence document in a file."""
        self.add(check_evidence(read_json(path, "evidence file"), f"evidence file {path}"))

    def report(self) -> dict[str, t.Any]:
        """Return the report of what has arrived. The file of a node that has not answered says why."""
        for name in self.plan["nodes"]:
            if name not in self.documents:
                self.add_file(evidence_path(self.plan["evidence_dir"], name))
        return build_report(
            self.benchmark,
            self.profile,
            list(self.documents.values()),
            self.cluster,
            skips=self.plan["skips"],
            waivers=self.plan["waivers"],
            cluster=self.plan["cluster"],
            node_tests_on=self.plan["node_tests_on"],
            verdicts=self.verdicts,
        )


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "rke.cis.cis_summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._scan: Scan | None = None
        self._report_path = ""
        self._written: list[str] = []

    def v2_runner_on_ok(self, result: t.Any) -> None:
        answer = result._result
        action = result._task.resolved_action
        try:
            if action == "rke.cis.plan_scan":
                # no directory of evidence: only what would be skipped was asked
                self._scan, self._report_path = Scan(answer) if answer["evidence_dir"] else None, ""
            elif action == "rke.cis.node_evidence_info" and self._scan and "evidence_file" in answer:
                self._scan.add_file(answer["evidence_file"])
            elif action == "rke.cis.score_evidence":
                self._report_path = answer["report"]
                self._written = [answer["report"]]
            elif action == "rke.cis.render_report":
                self._written += [item["dest"] for item in answer.get("results", [answer])]
        except (CisError, KeyError) as error:
            self._display.warning(f"rke.cis.cis_summary: {error}")

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        try:
            if self._scan:
                report = self._scan.report()
            elif self._report_path:
                report = read_report(self._report_path)
            else:
                return
        except CisError as error:
            self._display.warning(f"rke.cis.cis_summary: {error}")
            return
        colours = {"fail": C.COLOR_ERROR, "error": C.COLOR_UNREACHABLE}
        self._display.display("")
        for line, state in summary(report):
            self._display.display(line, color=colours.get(state))
        comparison = since_previous(self._report_path, report) if self._report_path else None
        if comparison:
            self._display.display("\n" + "\n".join(since_lines(comparison)))
        if self._written:
            self._display.display("\nReports\n" + "\n".join(f"    {path}" for path in self._written))
