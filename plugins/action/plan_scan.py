# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import resolve_profile
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.history import cluster_directory, new_scan_directory
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.lock import acquire
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    check_cluster,
    cluster_path,
    evidence_path,
    unseen_document,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.preview import outlook
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import KINDS, exemption, node_names
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.request import (
    SKIP_SOURCES,
    check_one_cluster,
    config_map_skips,
    given_skips,
    roles_of_hosts,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import merge_skips
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import Waivers, waivers_of_file
from ansible_collections.rke.cis.plugins.plugin_utils._store import make_directory, read_json, to_json, write_file


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "profile": {"type": "str", "required": True},
        "parameters": {"type": "dict"},
        "groups": {"type": "dict", "default": {}},
        "node_tests_on": {"type": "str", "choices": ["workers", "all"], "default": "workers"},
        "skip": {"type": "raw"},
        "skip_file": {"type": "path"},
        "skip_source": {"type": "str", "choices": list(SKIP_SOURCES), "default": SKIP_SOURCES[0]},
        "waivers_file": {"type": "path"},
        "show_skips": {"type": "str", "choices": ["false", "true", "only"], "default": "false"},
        "kubeconfig": {"type": "str"},
        "context": {"type": "str"},
        "timeout": {"type": "int", "default": 20},
        "cluster": {"type": "str", "default": "local"},
        "report_dir": {"type": "str", "required": True},
        "evidence_dir": {"type": "str"},
        "replay_dir": {"type": "str"},
        "kind": {"type": "str", "choices": list(KINDS), "default": KINDS[0]},
        "fail_on": {"type": "list", "elements": "str", "choices": ["error", "unreachable", "fail"], "default": []},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        benchmark, profile = resolve_profile(args["profile"], args["parameters"])
        hosts = task_vars.get("ansible_play_hosts_all", [])
        groups = task_vars.get("groups", {})
        nodes, warnings = roles_of_hosts(groups, args["groups"], hosts)
        check_one_cluster(nodes, task_vars["hostvars"])
        given = given_skips(args["skip_source"], args["skip"], args["skip_file"], benchmark)
        waivers = waivers_of_file(args["waivers_file"], groups)
        cluster = self._cluster_evidence(args, benchmark.objects, task_vars)
        shown, unread = config_map_skips(args["skip_source"], cluster, benchmark)
        skips, unknown = merge_skips(benchmark, [*given, *shown])
        exempt = {control["id"]: exemption(benchmark, profile, skips, control["id"]) for control in benchmark.controls}
        names = node_names([{"node": host, "roles": roles} for host, roles in nodes.items()], args["node_tests_on"])
        excuses = Waivers(waivers, benchmark, nodes)
        told = outlook(benchmark, profile, exempt, excuses, names)
        scan_dir, evidence_dir = "", ""
        if args["show_skips"] != "only":
            if args["kind"] == KINDS[1]:
                warnings += acquire(cluster_directory(args["report_dir"], args["cluster"], "cis_scan_cluster"))
            scan_dir, evidence_dir = self._directories(args, benchmark.profile_name(profile), task_vars)
            write_file(cluster_path(evidence_dir), to_json(cluster))
            for host, roles in nodes.items():
                # overwritten by what is gathered: a node must neither vanish nor keep an older scan's evidence
                why = "nothing was gathered on this node; see the output"
                nothing = unseen_document(host, roles, "not gathered", why)
                write_file(evidence_path(evidence_dir, host), to_json(nothing), sync=False)
        return {
            "changed": False,
            "warnings": warnings + unread + unknown + excuses.warnings(scored=False),
            "benchmark": benchmark.id,
            "profile": benchmark.profile_name(profile),
            "parameters": benchmark.parameters,
            "cluster": args["cluster"],
            "node_tests_on": args["node_tests_on"],
            "scan_dir": scan_dir,
            "evidence_dir": evidence_dir,
            "nodes": nodes,
            "plan_of": {host: "-".join(roles) for host, roles in nodes.items()},
            "plans": {"-".join(roles): benchmark.plan(roles) for roles in nodes.values()},
            "skips": skips,
            "waivers": waivers,
            "skipped_controls": [control_id for control_id, why in exempt.items() if why.get("state") == "skip"],
            "not_applicable_controls": [
                control_id for control_id, why in exempt.items() if why.get("state") == "notApplicable"
            ],
            "outlook": told if args["show_skips"] != "false" else told[0],
        }

    @staticmethod
    def _directories(args: dict[str, t.Any], profile: str, task_vars: dict[str, t.Any]) -> tuple[str, str]:
        """Make the directories of the scan and of its evidence."""
        job = str(task_vars.get("awx_job_id", ""))
        scan_dir = new_scan_directory(args["report_dir"], args["cluster"], profile, args["kind"], job)
        evidence_dir = args["evidence_dir"] or f"{scan_dir}/evidence"
        make_directory(evidence_dir, "cis_scan_evidence_dir")
        return scan_dir, evidence_dir

    def _cluster_evidence(
        self, args: dict[str, t.Any], objects: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Ask the API server, if there is a kubeconfig. A dead API is evidence, a bad kubeconfig a wrong request."""
        if args["replay_dir"]:
            path = cluster_path(args["replay_dir"])
            return check_cluster(read_json(path, "cis_scan_replay_dir"), f"cis_scan_replay_dir {path}")
        if not args["kubeconfig"]:
            message = "the Kubernetes API was not asked; name a kubeconfig in cis_scan_kubeconfig"
            return {"error": {"kind": "not asked", "message": message}}
        kubeconfig = args["kubeconfig"]
        if self._connection.transport == "local":
            # Here a module runs in the directory of the playbook, which is the collection's. The user means their own.
            kubeconfig = os.path.abspath(os.path.expanduser(kubeconfig))
        answer = self._execute_module(
            module_name="rke.cis.cluster_evidence_info",
            module_args={
                "kubeconfig": kubeconfig,
                "context": args["context"],
                "timeout": args["timeout"],
                "objects": objects,
                "config_map": {} if args["skip_source"] in ("merged", "config_map") else None,
            },
            task_vars=task_vars,
        )
        if answer.get("failed"):
            raise CisError(f"cis_scan_kubeconfig: {answer.get('msg')}")
        return answer["evidence"]
