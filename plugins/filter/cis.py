# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import (
    NODE_TYPES,
    Profile,
    candidates,
    load_benchmark,
)
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import chosen_profile, cluster_version
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import check_cluster, check_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import limited, read_choice
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import given_skips, user_skips
from ansible_collections.rke.cis.plugins.plugin_utils._text import make_unsafe, plain


def evidence_plan(benchmark: t.Any, roles: t.Any, benchmark_dirs: t.Any = (), only: t.Any = None) -> dict[str, t.Any]:
    """Return what to gather on a node of these roles."""
    if not isinstance(benchmark, str):
        raise AnsibleFilterError("Input for rke.cis.evidence_plan must be the id of a benchmark")
    if not isinstance(roles, list) or not set(roles) <= set(NODE_TYPES.values()):
        raise AnsibleFilterError(f"rke.cis.evidence_plan: roles must be a list of {', '.join(NODE_TYPES.values())}")
    try:
        found = load_benchmark(benchmark, plain(benchmark_dirs))
        return limited(Profile(found, ""), read_choice(plain(only), [found])).benchmark.plan(roles)
    except CisError as error:
        raise AnsibleFilterError(f"rke.cis.evidence_plan: {error}") from error


def score(
    evidence: t.Any,
    profile: str,
    cluster_evidence: t.Any = None,
    skip: t.Any = None,
    cluster: str = "local",
    node_tests_on: str = "workers",
    parameters: t.Any = None,
    benchmark_dirs: t.Any = (),
    only: t.Any = None,
) -> dict[str, t.Any]:
    """Return the report of a list of evidence documents."""
    if not isinstance(evidence, list):
        raise AnsibleFilterError("Input for rke.cis.score must be a list of evidence documents")
    try:
        known = candidates(profile, plain(parameters), plain(benchmark_dirs))
        nodes = [check_evidence(plain(document), f"document {n}") for n, document in enumerate(evidence, 1)]
        shown = None if cluster_evidence is None else check_cluster(plain(cluster_evidence), "cluster_evidence")
        chosen = chosen_profile(known, cluster_version(nodes, shown))
        benchmark, name = limited(chosen, read_choice(plain(only), [chosen.benchmark]))
        skips, _warnings = user_skips(benchmark, given_skips("merged", plain(skip), None), shown)
        report = build_report(
            benchmark,
            name,
            nodes,
            shown,
            skips=skips,
            cluster=cluster,
            node_tests_on=node_tests_on,
            chosen=len(known) > 1,
        )
        return make_unsafe(report)
    except CisError as error:
        raise AnsibleFilterError(f"rke.cis.score: {error}") from error


class FilterModule:
    """Ansible jinja2 filters"""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"evidence_plan": evidence_plan, "score": score}
