# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import DOCKER_OPTIONS
from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import (
    NODE_TYPES,
    Benchmark,
    resolve_profile,
)
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError, Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import PROFILE
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import check_lines
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    check_answer,
    gather_evidence,
    unseen_document,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import exemptions, node_names
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.request import chosen_controls, roles_of_hosts
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict, score_node

# Options that have a variable of the scan, cis_scan_<name>, so that both judge alike.
_OF_THE_SCAN: dict[str, dict[str, t.Any]] = {
    **PROFILE,
    "groups": {"type": "dict", "default": {}},
    "kubeconfig": {"type": "path"},
    "kubeconfig_context": {"type": "str"},
    "prefix_path": {"type": "str", "default": ""},
    **DOCKER_OPTIONS,
}


class ActionModule(ControllerAction):
    """Judges a few controls on the node of the task, as a scan does."""

    ARGUMENTS = {
        "id": {"type": "raw", "required": True},
        "roles": {"type": "list", "elements": "str", "choices": list(NODE_TYPES.values())},
        "fail_on": {"type": "list", "elements": "str", "choices": ["fail", "error"], "default": []},
        **_OF_THE_SCAN,
    }

    def given(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        known = {name: task_vars.get(f"cis_scan_{name}") for name in _OF_THE_SCAN}
        known = self._templar.template({name: value for name, value in known.items() if value})
        self.VARIABLES = {name: f"cis_scan_{name}" for name in known if name not in self._task.args}
        # as in the role an empty text means not set
        return {key: value for key, value in {**known, **self._task.args}.items() if value not in (None, "")}

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        benchmark, profile = resolve_profile(args["profile"], args["parameters"], args["benchmark_dirs"])
        controls = chosen_controls(benchmark, args["id"])
        host = task_vars["inventory_hostname"]
        roles = args["roles"] or self._roles(host, args["groups"], task_vars)
        kinds = {k for k, on in node_names([{"node": host, "roles": roles}], args["node_tests_on"]).items() if on}
        skipped = exemptions(benchmark, profile, {})
        exempt = {}
        for control in controls:
            if kinds.isdisjoint(control["node_type"]):
                wanted = " or ".join(NODE_TYPES[kind] for kind in control["node_type"])
                reason = f"runs on nodes with the role {wanted}; this one has {', '.join(roles)}"
                exempt[control["id"]] = {"state": "notHere", "reason": reason}
            else:
                exempt[control["id"]] = skipped.get(control["id"], {})
        judged = [control for control in controls if not exempt[control["id"]]]
        verdicts = self._verdicts(benchmark, judged, host, roles, args, task_vars) if judged else {}
        checks = []
        for control in controls:
            verdict = verdicts.get(control["id"]) or Verdict(
                exempt[control["id"]]["state"], "", "", "", exempt[control["id"]]["reason"]
            )
            checks.append(
                {
                    "id": control["id"],
                    "title": control["title"],
                    "scored": control["scored"],
                    **verdict._asdict(),
                    "remediation": control["remediation"],
                }
            )
        result = {
            "changed": False,
            "profile": benchmark.profile_name(profile),
            "roles": roles,
            "checks": checks,
            "lines": check_lines(checks),
        }
        bad = [f"{check['id']} is {check['state']}" for check in checks if check["state"] in args["fail_on"]]
        if bad:
            result.update(failed=True, msg=f"{result['profile']}: {', '.join(bad)}")
        return result

    @staticmethod
    def _roles(host: str, groups: dict[str, t.Any], task_vars: dict[str, t.Any]) -> list[str]:
        try:
            return roles_of_hosts(task_vars["groups"], groups, [host])[0][host]
        except CisError as error:
            raise CisError(f"roles of {host}: {error}; or give them in roles") from error

    def _verdicts(
        self,
        benchmark: Benchmark,
        controls: list[dict[str, t.Any]],
        host: str,
        roles: list[str],
        args: dict[str, t.Any],
        task_vars: dict[str, t.Any],
    ) -> dict[str, Verdict]:
        """Look at what these controls ask for, and no more."""
        ids = {control["id"] for control in controls}
        names = {test["object"] for control in controls for test in control["tests"] if "object" in test}
        cluster = None
        if names and args["kubeconfig"]:
            # from here: the task's own connection leads to the node
            objects = {name: benchmark.objects[name] for name in names}
            cluster = check_answer(
                self.ask_api("kubeconfig", args["kubeconfig"], args["kubeconfig_context"], args["timeout"], objects)
            )
        asked = {name: args[name] for name in ("docker_host", "timeout", "prefix_path")}
        asked.update(node=host, roles=roles, plan=benchmark.plan(roles, ids))
        try:
            evidence = gather_evidence(self, asked, task_vars)
        except Unseen as error:
            evidence = unseen_document(host, roles, *error.args)
        return score_node(benchmark, evidence, cluster, ids)
