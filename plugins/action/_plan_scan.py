# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import CONFIG_MAP
from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import check_request
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates, merged_lists, merged_plan
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.lock import acquire, release
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import (
    REQUEST,
    RESULT,
    SCORING,
    VARIABLES,
    Options,
    check_result,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import Plan, write_plan
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import (
    EVIDENCE,
    cluster_directory,
    new_scan_directory,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.signing import benchmark_digest
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import Attestations, attestations_of_file
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import exemptions, node_names
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import chosen_profile, cluster_version
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    check_answer,
    cluster_path,
    read_cluster,
    unseen_cluster,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import limited, read_choice
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.preview import preview_lines
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import SCHEDULED
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.request import (
    check_one_cluster,
    check_play,
    declared_version,
    hosts_of_pattern,
    others_of_cluster,
    roles_in_groups,
    roles_of_hosts,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import given_skips, user_skips
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import Waivers, waivers_of_file
from ansible_collections.rke.cis.plugins.plugin_utils._store import make_directory, to_json, write_file

# Limits in seconds: for an answer, for a node, for all nodes.
_TIMES: Options = {
    "timeout": {"type": "int", "default": 20},
    "node_timeout": {"type": "int", "default": 120},
    "deadline": {"type": "int", "default": 3600},
}
_MOST_SECONDS = 86400


class ActionModule(ControllerAction):
    """The first step of a scan: checks all that was asked for, and prepares the files of the steps after it."""

    ARGUMENTS = {
        **SCORING,
        **RESULT,
        **REQUEST,
        "show_skips": {"type": "str", "choices": ["false", "true", "only"], "default": "false"},
        "api_host": {"type": "str", "default": "localhost"},
        "kubeconfig": {"type": "str"},
        "context": {"type": "str"},
        **_TIMES,
        "evidence_dir": {"type": "path"},
        "replay_dir": {"type": "path"},
        "partial": {"type": "bool", "default": False},
    }
    VARIABLES = {
        **{name: f"cis_scan_{name}" for name in ARGUMENTS},
        **VARIABLES,
        "scan_id": "cis_scan_id",
        "context": "cis_scan_kubeconfig_context",
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        check_play(self._task.get_play().strategy, task_vars)
        known = candidates(args["profile"], args["parameters"], args["benchmark_dirs"])
        only = read_choice(args["only"], [one.benchmark for one in known])
        known = [limited(one, only) for one in known]
        output = check_result(args)
        for name in _TIMES:
            if not 1 <= args[name] <= _MOST_SECONDS:
                raise CisError(f"cis_scan_{name} is {args[name]}; must be from 1 to {_MOST_SECONDS} seconds")
        check_request(args["notify_rules"], args["notify_notifiers"], args["notify_options"])
        groups = task_vars.get("groups", {})
        if not groups.get("all"):
            raise CisError(
                "the inventory has no hosts; name one with -i, with the nodes in the groups controlplane, etcd and "
                "worker, or a cluster.yml, with the inventory plugin rke.cis.rke_cluster enabled"
            )
        if args["partial"] and args["evidence_dir"]:
            raise CisError("cis_scan_evidence_dir: a part of a scan has its evidence in its own directory; omit one")
        hosts = task_vars.get("ansible_play_hosts_all", [])
        warnings: list[str] = []
        if args["partial"]:  # what it lacks, another part may have
            nodes = roles_in_groups(groups, args["groups"], hosts)
        else:
            nodes, warnings = roles_of_hosts(groups, args["groups"], hosts)
        check_one_cluster(nodes, task_vars["hostvars"])
        not_scanned = self._not_scanned(nodes, args["groups"], task_vars)
        given = given_skips(args["skip_source"], args["skip"], args["skip_file"], self._loader)
        waivers = waivers_of_file(args["waivers_file"], groups, self._loader)
        attestations = attestations_of_file(args["attestations_file"], groups, self._loader)
        objects = merged_lists(one.benchmark.lists() for one in known)
        cluster = self._cluster_evidence(args, objects, task_vars)
        skips = {one.full_name: user_skips(one.benchmark, given, cluster, args["skip_source"]) for one in known}
        declared = declared_version(nodes, task_vars["hostvars"])
        version = cluster_version([], cluster, declared)
        benchmark, profile = expected = chosen_profile(known, version)
        exempt = exemptions(benchmark, profile, skips[expected.full_name][0], version)
        names = node_names([{"node": host, "roles": roles} for host, roles in nodes.items()], args["node_tests_on"])
        excuses = Waivers(waivers, benchmark, nodes)
        preview = preview_lines(benchmark, profile, exempt, excuses, names)
        if len(known) == 1:
            warnings += skips[expected.full_name][1] + excuses.warnings(scored=False)
            warnings += Attestations(attestations, benchmark, nodes).warnings(scored=False)
        elif version:
            preview[0] += f"; chosen for Kubernetes {version.text} ({version.where}), if the nodes do not say otherwise"
        else:
            preview = [f"{profile}: the benchmark follows from the Kubernetes version of the nodes"]
        plan: Plan = {
            "profile": expected.full_name if len(known) == 1 else profile,
            "benchmark_dirs": [os.path.abspath(path) for path in args["benchmark_dirs"]],
            "candidates": {
                one.full_name: {
                    "chosen_from": one.benchmark.chosen_from,
                    "digest": benchmark_digest(one.benchmark),
                    "parameters": one.benchmark.parameters,
                    "skips": skips[one.full_name][0],
                    "warnings": skips[one.full_name][1] if len(known) > 1 else [],
                }
                for one in known
            },
            "only": only,
            "declared_version": declared,
            **{key: args[key] for key in ("cluster", "kind", "scanned_by", "node_tests_on")},
            "nodes": nodes,
            "not_scanned": not_scanned,
            "waivers": waivers,
            "attestations": attestations,
            "output": output,
            "partial": args["partial"],
            "scan_id": args["scan_id"],
            "started": int(time.time()),
            "notes": [],
            "scan_dir": "",
            "replay_dir": args["replay_dir"] or "",
            "deadline": int(time.time()) + args["deadline"],
            "node_timeout": args["node_timeout"],
        }
        if args["show_skips"] != "only":
            with contextlib.ExitStack() as failed:
                if args["kind"] == SCHEDULED and not args["partial"]:  # its parts run at once
                    directory = cluster_directory(args["report_dir"], args["cluster"], "cis_scan_cluster")
                    warnings += acquire(directory)
                    failed.callback(release, directory)
                plan["scan_dir"] = new_scan_directory(
                    args["report_dir"],
                    args["cluster"],
                    plan["profile"] + ("-part" if args["partial"] else ""),
                    args["kind"],
                    str(task_vars.get("awx_job_id", "")),
                )
                plan["evidence_dir"] = args["evidence_dir"] or os.path.join(plan["scan_dir"], EVIDENCE)
                make_directory(plan["evidence_dir"], "cis_scan_evidence_dir")
                write_file(cluster_path(plan["evidence_dir"]), to_json(cluster))
                wanted = {"-".join(roles): roles for roles in nodes.values()}
                plans = {key: merged_plan(one.benchmark.plan(of) for one in known) for key, of in wanted.items()}
                write_plan(plan, plans)
                failed.pop_all()
        return {
            "changed": False,
            "warnings": warnings,
            "profile": plan["profile"],
            "scan_dir": plan["scan_dir"],
            "evidence_dir": plan.get("evidence_dir", ""),
            "preview": preview if args["show_skips"] != "false" else preview[0],
        }

    def _not_scanned(
        self, nodes: dict[str, list[str]], mapping: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> dict[str, list[str]]:
        """Return the nodes of the cluster, with their roles, that --limit takes from the hosts of the play."""
        if not task_vars.get("ansible_limit"):
            return {}
        hosts = hosts_of_pattern(self._task.get_play().hosts, task_vars["groups"], self._loader)
        return others_of_cluster(nodes, roles_in_groups(task_vars["groups"], mapping, hosts), task_vars["hostvars"])

    def _cluster_evidence(
        self, args: dict[str, t.Any], objects: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """Ask the API server, if there is a kubeconfig. A dead API is evidence, a bad kubeconfig a wrong request."""
        if args["replay_dir"]:
            return read_cluster(cluster_path(args["replay_dir"]), "cis_scan_replay_dir")
        if not args["kubeconfig"]:
            message = "the Kubernetes API was not asked; name a kubeconfig in cis_scan_kubeconfig"
            return unseen_cluster("not asked", message)
        asked = {
            **{key: args[key] for key in ("kubeconfig", "context", "timeout")},
            "objects": objects,
            "config_map": CONFIG_MAP if args["skip_source"] in ("merged", "config_map") else None,
        }
        if args["api_host"] == "localhost":
            return check_answer(self.ask_api("cis_scan_kubeconfig", **asked))
        answer = self._execute_module(
            module_name="rke.cis.cluster_evidence_info", module_args=asked, task_vars=task_vars
        )
        if answer.get("failed"):
            raise CisError(f"cis_scan_kubeconfig: {answer.get('msg')}")
        return check_answer(answer.get("evidence"))
