# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import resolve_profile
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import changed_ids
from ansible_collections.rke.cis.plugins.plugin_utils._reports.history import new_scan_directory
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import since_previous
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.lock import controller_user, release
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import read_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import (
    COUNTS,
    KINDS,
    build_report,
    report_checks,
    unexamined,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.request import (
    SKIP_SOURCES,
    user_skips,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waivers_of_file
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json, write_report


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "profile": {"type": "str", "required": True},
        "parameters": {"type": "dict"},
        "evidence_dir": {"type": "str", "required": True},
        "nodes": {"type": "dict", "default": {}},
        "node_tests_on": {"type": "str", "choices": ["workers", "all"], "default": "workers"},
        "skip": {"type": "raw"},
        "skip_file": {"type": "path"},
        "skip_source": {"type": "str", "choices": list(SKIP_SOURCES), "default": SKIP_SOURCES[0]},
        "skips": {"type": "dict"},
        "waivers_file": {"type": "path"},
        "waivers": {"type": "list", "elements": "dict"},
        "cluster": {"type": "str", "default": "local"},
        "report_dir": {"type": "str"},
        "scan_dir": {"type": "str"},
        "kind": {"type": "str", "choices": list(KINDS), "default": KINDS[0]},
        "scanned_by": {"type": "str", "default": ""},
    }
    REQUIRED_ONE_OF = [["scan_dir", "report_dir"]]

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        benchmark, profile = resolve_profile(args["profile"], args["parameters"])
        if not args["evidence_dir"]:
            raise CisError("cis_scan_evidence_dir is empty; name the directory that holds the recorded evidence")
        directory = os.path.expanduser(args["evidence_dir"])
        nodes, cluster = read_evidence(directory)
        if args["nodes"]:
            nodes = [document for document in nodes if document["node"] in args["nodes"]]
            lost = sorted(set(args["nodes"]) - {document["node"] for document in nodes})
            if lost:
                raise CisError(
                    f"cis_scan_evidence_dir {directory}: the evidence of {', '.join(lost)} is gone; scan again"
                )
        if not nodes:
            raise CisError(f"cis_scan_evidence_dir {directory}: there is no evidence file of a node in it")
        skips, waivers = args["skips"], args["waivers"]
        warnings: list[str] = []
        if skips is None:
            skips, warnings = user_skips(benchmark, args["skip"], args["skip_file"], cluster, args["skip_source"])
        if waivers is None:
            waivers = waivers_of_file(args["waivers_file"], task_vars.get("groups", {}))
        name = benchmark.profile_name(profile)
        scan_dir = args["scan_dir"] or new_scan_directory(args["report_dir"], args["cluster"], name, args["kind"])
        report = build_report(
            benchmark,
            profile,
            nodes,
            cluster,
            skips=skips,
            waivers=waivers,
            cluster=args["cluster"],
            node_tests_on=args["node_tests_on"],
            scan={
                "name": os.path.basename(scan_dir),
                "kind": args["kind"],
                "by": args["scanned_by"] or controller_user(),
            },
        )
        path = os.path.join(scan_dir, "report.json")
        write_report(path, to_json(report))
        checks = report_checks(report)
        comparison = since_previous(path, report)
        release(os.path.dirname(scan_dir))
        return {
            "changed": True,
            "warnings": warnings + report["warnings"],
            "report": path,
            "scan_dir": scan_dir,
            "profile": report["profile"],
            "counts": {key: report[key] for key in ("total", *COUNTS)},
            "failed_controls": [check["id"] for check in checks if check["state"] in ("fail", "mixed")],
            "unexamined_controls": unexamined(report),
            "unexamined_nodes": sorted(report["node_errors"]),
            "compared_with": comparison["from"]["name"] if comparison else "",
            "newly_failing": changed_ids(comparison["newly_failing"]) if comparison else [],
            "fixed": changed_ids(comparison["fixed"]) if comparison else [],
        }
