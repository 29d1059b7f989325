# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import DOCKER_OPTIONS
from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import (
    KUBELET,
    NODE_TYPES,
    Benchmark,
    Profile,
    candidates,
    merged_lists,
    merged_plan,
)
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import RATINGS
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError, Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import PROFILE
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import check_lines
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import exemptions, node_names
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import Version, chosen_profile, cluster_version
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    check_answer,
    gather_evidence,
    unseen_document,
)
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
        "fail_on": {"type": "list", "elements": "str", "choices": ["fail", "warn", "error"], "default": []},
        **_OF_THE_SCAN,
    }

    def given(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        known = {name: task_vars.get(f"cis_scan_{name}") for name in _OF_THE_SCAN}
        known = self._templar.template({name: value for name, value in known.items() if value})
        self.VARIABLES = {name: f"cis_scan_{name}" for name in known if name not in self._task.args}
        # as in the role an empty text means not set
        return {key: value for key, value in {**known, **self._task.args}.items() if value not in (None, "")}

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        known = candidates(args["profile"], args["parameters"], args["benchmark_dirs"])
        host = task_vars["inventory_hostname"]
        roles = args["roles"] or self._roles(host, args["groups"], task_vars)
        kinds = {k for k, on in node_names([{"node": host, "roles": roles}], args["node_tests_on"]).items() if on}
        asked: list[tuple[Benchmark, list[dict[str, t.Any]]]] = []
        unknown = []
        for profile in known:
            try:
                exempt = _exempt(profile, chosen_controls(profile.benchmark, args["id"]), roles, kinds)
                asked.append((profile.benchmark, [c for c in profile.benchmark.controls if exempt.get(c["id"]) == {}]))
            except CisError as error:
                unknown.append(error)
        if not asked:
            raise unknown[0]
        evidence: dict[str, t.Any] | None = None
        cluster, version = None, None
        if len(known) > 1 or asked[0][1]:
            evidence, cluster = self._look(asked, host, roles, args, task_vars)
            version = cluster_version([evidence], cluster, str(task_vars.get("rke_kubernetes_version", "")))
        chosen = chosen_profile(known, version)
        benchmark = chosen.benchmark
        controls = chosen_controls(benchmark, args["id"])
        exempt = _exempt(chosen, controls, roles, kinds, version)
        judged = {control_id for control_id, why in exempt.items() if not why}
        verdicts = score_node(benchmark, evidence, cluster, judged) if evidence else {}
        checks = []
        for control in controls:
            verdict = verdicts.get(control["id"]) or Verdict(
                exempt[control["id"]]["state"], "", "", "", exempt[control["id"]]["reason"]
            )
            checks.append(
                {
                    "id": control["id"],
                    **{key: control[key] for key in ("title", "description", "scored")},
                    **{key: control[key] for key in RATINGS if key in control},
                    **verdict._asdict(),
                    "remediation": control["remediation"],
                }
            )
        result = {
            "changed": False,
            "profile": chosen.full_name,
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

    def _look(
        self,
        asked: list[tuple[Benchmark, list[dict[str, t.Any]]]],
        host: str,
        roles: list[str],
        args: dict[str, t.Any],
        task_vars: dict[str, t.Any],
    ) -> tuple[dict[str, t.Any], dict[str, t.Any] | None]:
        """Look at what these controls ask for, and no more, and at the kubelet, which tells the Kubernetes version."""
        objects = merged_lists(
            benchmark.lists({control["id"] for control in controls}) for benchmark, controls in asked
        )
        cluster = None
        if objects and args["kubeconfig"]:
            # from here: the task's own connection leads to the node
            cluster = check_answer(
                self.ask_api("kubeconfig", args["kubeconfig"], args["kubeconfig_context"], args["timeout"], objects)
            )
        plans = [benchmark.plan(roles, {control["id"] for control in controls}) for benchmark, controls in asked]
        wanted = {name: args[name] for name in ("docker_host", "timeout", "prefix_path")}
        wanted.update(node=host, roles=roles, plan=merged_plan([*plans, KUBELET]))
        try:
            return gather_evidence(self, wanted, task_vars), cluster
        except Unseen as error:
            return unseen_document(host, roles, *error.args), cluster


def _exempt(
    profile: Profile,
    controls: list[dict[str, t.Any]],
    roles: list[str],
    kinds: set[str],
    version: Version | None = None,
) -> dict[str, dict[str, str]]:
    """Return id to why a control is not judged on such a node; empty if it is."""
    skipped = exemptions(*profile, {}, version)
    exempt = {}
    for control in controls:
        if kinds.isdisjoint(control["node_type"]):
            wanted = " or ".join(NODE_TYPES[kind] for kind in control["node_type"])
            reason = f"runs on nodes with the role {wanted}; this one has {', '.join(roles)}"
            exempt[control["id"]] = {"state": "notHere", "reason": reason}
        else:
            exempt[control["id"]] = skipped.get(control["id"], {})
    return exempt
