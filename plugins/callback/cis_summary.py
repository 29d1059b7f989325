# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cis_summary
type: aggregate
short_description: Show the progress of a scan, and its result
version_added: 1.0.0
description:
  - Prints at the end of the play a table of the nodes and of the cluster with its score, then the failing controls with
    the value seen and the value wanted, then what could not be examined, then in short what has changed since the last
    scan of the same cluster and profile.
  - While nodes are asked it prints every O(progress) seconds how many have answered, at what rate, how long the others
    may take, and which nodes it waits for. These are whole lines, which do as well in a log file and in AWX as on a
    terminal.
  - After Ctrl-C, when Ansible runs no further task, it writes the report of what was gathered until then, and shows it.
  - For programs it can write the same as JSON lines, see O(jsonl_path).
  - It prints nothing for plays that do not scan, nor beside a callback that prints JSON (C(json), C(jsonl)), nor where
    C(no_log) hides the results of the scan's tasks.
options:
  progress:
    description:
      - How many seconds lie between two lines of progress. V(0) prints none.
    type: int
    default: 15
    env:
      - name: RKE_CIS_SUMMARY_PROGRESS
    ini:
      - section: callback_cis_summary
        key: progress
  jsonl_path:
    description:
      - A file to which each event is appended as one line of JSON, as it happens. A named pipe or V(/dev/fd/3) will
        do too. If it cannot be written, a warning says so, and the scan goes on.
      - All events have C(event), C(time) in UTC, C(cluster) and C(profile).
      - C(scan_started) has C(nodes) (their number) and C(scan_dir).
      - C(node_scored) has C(node), C(roles), C(counts) by state, C(done) and C(nodes), and C(problem), which says why
        nothing was seen of a node, or is empty. It comes once for each node, and before the events of controls. An
        attestation that is bound to evidence counts only at the end, when that of all nodes is there.
      - C(control_failing) has C(id), C(title), C(severity) if it is rated, C(state) (C(fail) or C(mixed)),
        C(failed_nodes), C(remediation) and C(evidence), where each part has what was C(expected) and what was seen
        (C(actual), C(source)) on which C(nodes).
      - C(control_warning) has the same of a control that warns, with C(warned_nodes).
      - C(scan_finished) has the C(counts), C(score) and C(weighted_score) of the cluster, C(nodes), C(unseen_nodes),
        and C(report), the path of C(report.json). That is empty if none was written.
    type: path
    env:
      - name: RKE_CIS_SUMMARY_JSONL
    ini:
      - section: callback_cis_summary
        key: jsonl_path
author:
  - rke.cis contributors (@rke-cis)
requirements:
  - enable in configuration
"""

import atexit
import json
import os
import sys
import threading
import time
import typing as t

from ansible import constants as C
from ansible.plugins.callback import CallbackBase

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import planned_name, planned_profile, read_plan
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import read_report
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import progress_line, summary
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    cluster_path,
    evidence_path,
    read_cluster,
    read_document,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, FAILED, SCORES, report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._store import FILE_MODE
from ansible_collections.rke.cis.plugins.plugin_utils._times import utc

GATHER = "rke.cis.node_evidence_info"
# What is told of a control with such a state, and the key of the nodes.
_EVENTS = {**dict.fromkeys(FAILED, ("control_failing", "failed_nodes")), "warn": ("control_warning", "warned_nodes")}
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT


class Scan:
    """What is known of the scan that runs: its plan, and the nodes that have answered."""

    def __init__(self, scan_dir: str) -> None:
        self.plan = read_plan(scan_dir)
        self._cluster = read_cluster(cluster_path(self.plan["evidence_dir"]))
        self.answered: dict[str, None] = {}

    def missing(self) -> list[str]:
        """Return the nodes that have not answered, whose files say why."""
        return [name for name in self.plan["nodes"] if name not in self.answered]

    def report(self, *nodes: str) -> dict[str, t.Any]:
        """Return the report of these nodes, or of all: read and scored only now, and not kept."""
        plan = self.plan
        paths = [evidence_path(plan["evidence_dir"], name) for name in nodes or plan["nodes"]]
        documents = [read_document(path, plan["nodes"]) for path in paths]
        chosen = planned_name(plan, documents, self._cluster)
        return build_report(
            *planned_profile(plan, chosen),
            documents,
            self._cluster,
            skips=plan["candidates"][chosen]["skips"],
            waivers=plan["waivers"],
            attestations=plan["attestations"],
            cluster=plan["cluster"],
            node_tests_on=plan["node_tests_on"],
            chosen=len(plan["candidates"]) > 1,
            declared_version=plan["declared_version"],
            not_scanned=plan["not_scanned"],
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
        self._changes: list[str] = []
        self._progress, self._jsonl_path = 0, ""
        self._quiet = C.DEFAULT_STDOUT_CALLBACK.rpartition(".")[2] in ("json", "jsonl")
        self._asked: dict[str, None] = {}
        self._gathered = threading.Event()
        self._teller: threading.Thread | None = None
        self._jsonl: t.TextIO | None = None

    def set_options(self, *args: t.Any, **keywords: t.Any) -> None:
        super().set_options(*args, **keywords)
        self._progress = self.get_option("progress")
        self._jsonl_path = self.get_option("jsonl_path") or ""

    def v2_runner_on_ok(self, result: t.Any) -> None:
        answer = result._result
        action = result._task.resolved_action
        self._asked.pop(result._host.get_name(), None)
        if "censored" in answer:
            if action == "rke.cis._plan_scan":
                self._display.warning(
                    "rke.cis.cis_summary: no summary, since no_log hides the results; see the reports"
                )
            return
        try:
            if action == "rke.cis._plan_scan":
                # no directory: only what would be skipped was asked
                self._scan, self._report_path = Scan(answer["scan_dir"]) if answer["scan_dir"] else None, ""
                if self._scan:
                    plan = self._scan.plan
                    # after Ctrl-C Ansible runs no further task, nor calls this
                    atexit.register(self._end)
                    self._emit("scan_started", plan, nodes=len(plan["nodes"]), scan_dir=plan["scan_dir"])
            elif action == GATHER and self._scan and "evidence_file" in answer:
                self._answered(self._scan, result._host.get_name())
            elif action == "rke.cis.score_evidence" and "partial" not in answer:
                self._report_path, self._written, self._changes = answer["report"], answer["files"], answer["changes"]
            elif action == "rke.cis.render_report":
                self._written += answer["files"]
        except (CisError, KeyError) as error:
            self._display.warning(f"rke.cis.cis_summary: {error}")

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        if result._task.resolved_action == GATHER and self._scan:
            name = result._host.get_name()
            self._asked.pop(name, None)
            try:
                self._answered(self._scan, name)  # the action has recorded why
            except CisError as error:
                self._display.warning(f"rke.cis.cis_summary: {error}")

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._asked.pop(result._host.get_name(), None)

    v2_runner_on_skipped = v2_runner_on_failed

    # ------------------------------------------------------------------------------------------- progress

    def v2_playbook_on_task_start(self, task: t.Any, is_conditional: bool) -> None:
        self._end_progress()
        if self._scan and task.resolved_action == GATHER and self._progress > 0:
            self._asked.clear()
            self._gathered.clear()
            # Ansible forks its workers while this runs: Display's lock, which it takes for that, is the only one used.
            self._teller = threading.Thread(target=self._tell, args=(self._scan, time.monotonic()), daemon=True)
            self._teller.start()

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        if task.resolved_action == GATHER:
            self._asked[host.get_name()] = None

    def _tell(self, scan: Scan, started: float) -> None:
        """Print the progress from time to time, whether or not a node answers, until all has been gathered."""
        while not self._gathered.wait(self._progress):
            done, total = len(scan.answered), len(scan.plan["nodes"])
            self._say(progress_line(done, total, time.monotonic() - started, list(self._asked)))
            sys.stdout.flush()  # at once, even if stdout is not a terminal

    def _end_progress(self) -> None:
        """End it for good: nothing is printed after this."""
        self._gathered.set()
        if self._teller:
            self._teller.join()
            self._teller = None

    def _say(self, line: str, colour: str | None = None) -> None:
        if not self._quiet:
            self._display.display(line, color=colour)

    # ------------------------------------------------------------------------------------------- results

    def _answered(self, scan: Scan, name: str) -> None:
        """Count a node, and tell programs what it scores. Nobody else needs that before the report."""
        scan.answered[name] = None
        if not self._jsonl_path:
            return
        report = scan.report(name)
        counts = dict(report["node_results"][name])
        self._emit(
            "node_scored",
            report,
            node=name,
            roles=counts.pop("roles"),
            counts=counts,
            problem=report["node_errors"].get(name, ""),
            done=len(scan.answered),
            nodes=len(scan.plan["nodes"]),
        )

    def _end(self) -> None:
        """Write the report of what was gathered until the user has pressed Ctrl-C, and show it."""
        # only here: who does not interrupt a scan does not need it
        from ansible_collections.rke.cis.plugins.plugin_utils._reports.finish import finish_planned

        if not self._scan or self._scan.plan["partial"]:
            return
        try:
            if not self._report_path:
                answer = finish_planned(self._scan.plan["scan_dir"], {})
                for warning in answer["warnings"]:
                    self._display.warning(warning)
                self._report_path, self._written, self._changes = answer["report"], answer["files"], answer["changes"]
            self.v2_playbook_on_stats(None)
        except KeyboardInterrupt:
            pass
        except (CisError, OSError) as error:
            self._display.warning(f"rke.cis.cis_summary: {error}")

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        atexit.unregister(self._end)
        self._end_progress()
        try:
            if self._scan:
                for name in self._scan.missing():
                    self._answered(self._scan, name)
            report = self._final_report()
        except CisError as error:
            self._display.warning(f"rke.cis.cis_summary: {error}")
            return
        if report is None:
            return
        self._show(report)
        for check in report_checks(report):
            event, where = _EVENTS.get(check["state"], ("", ""))
            if event:
                keys = ("id", "title", "severity", "state", where, "remediation")
                failed = [part for part in check["evidence"] if part["state"] in ("fail", "warn")]
                self._emit(event, report, **{key: check[key] for key in keys if key in check}, evidence=failed)
        self._emit(
            "scan_finished",
            report,
            counts={key: report[key] for key in COUNTS},
            **{key: report[key] for key in SCORES},
            nodes=len(report["node_results"]),
            unseen_nodes=list(report["node_errors"]),
            report=self._report_path,
        )

    def _final_report(self) -> dict[str, t.Any] | None:
        """Return the report that was written; where that failed, one of what was gathered; None if nothing was."""
        try:
            if self._report_path:
                return read_report(self._report_path)
        except CisError as error:
            if not self._scan:
                raise
            self._display.warning(f"rke.cis.cis_summary: {error}")
        return self._scan.report() if self._scan else None

    def _show(self, report: dict[str, t.Any]) -> None:
        """Print the summary."""
        colours = {"fail": C.COLOR_ERROR, "warn": C.COLOR_WARN, "error": C.COLOR_UNREACHABLE}
        self._say("")
        for line, state in summary(report):
            self._say(line, colours.get(state))
        if self._changes:
            self._say("\n" + "\n".join(self._changes))
        if self._written:
            self._say("\nReports\n" + "\n".join(f"    {path}" for path in self._written))

    def _emit(self, event: str, about: dict[str, t.Any], **fields: t.Any) -> None:
        """Append an event to the file of JSON lines, if there is one. ASCII: nothing else can break a line."""
        if not self._jsonl_path:
            return
        line = {"event": event, "time": utc(), "cluster": about["cluster"], "profile": about["profile"], **fields}
        try:
            if self._jsonl is None:
                # kept open, since it may be a pipe, which a reader takes for ended when it is closed
                self._jsonl = os.fdopen(os.open(self._jsonl_path, _APPEND, FILE_MODE), "w", 1, encoding="ascii")
            self._jsonl.write(json.dumps(line) + "\n")
        except OSError as error:
            where, self._jsonl_path = self._jsonl_path, ""
            self._display.warning(f"rke.cis.cis_summary: jsonl_path {where}: cannot be written: {error.strerror}")
