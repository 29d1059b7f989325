# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Which hosts and controls are asked for, checked before any node is touched."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES, Benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import unseen_result
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import matching_ids
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import no_control, skips_of_variable


def _groups_of(mapping: dict[str, t.Any]) -> dict[str, list[str]]:
    """Return RKE role to its inventory groups. Raises CisError if a role is none."""
    unknown = sorted(set(mapping) - set(NODE_TYPES.values()))
    if unknown:
        raise CisError(
            f"cis_scan_groups: unknown RKE role {', '.join(unknown)}; valid roles: {', '.join(NODE_TYPES.values())}"
        )
    mapped = {role: mapping.get(role, role) for role in NODE_TYPES.values()}
    return {role: [names] if isinstance(names, str) else list(names) for role, names in mapped.items()}


def roles_in_groups(
    groups: t.Mapping[str, t.Sequence[str]], mapping: dict[str, t.Any], hosts: t.Iterable[str]
) -> dict[str, list[str]]:
    """Return host to RKE roles for the hosts that have any.

    `mapping` names the inventory group or groups of each role.
    """
    groups_of = _groups_of(mapping)
    members = {role: {host for name in names for host in groups.get(name, [])} for role, names in groups_of.items()}
    nodes = {}
    for host in hosts:
        roles = [role for role in NODE_TYPES.values() if host in members[role]]
        if roles:
            nodes[host] = roles
    return nodes


def roles_of_hosts(
    groups: t.Mapping[str, t.Sequence[str]], mapping: dict[str, t.Any], hosts: t.Iterable[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return what roles_in_groups does, and warnings. Raises CisError if no host has a role."""
    nodes, groups_of = roles_in_groups(groups, mapping, hosts), _groups_of(mapping)
    if not nodes:
        names = ", ".join(name for names in groups_of.values() for name in names)
        raise CisError(
            f"no host to scan is in any of the groups {names}; add nodes to them, or set cis_scan_groups to your groups"
        )
    warnings = [
        f"no node has the role {role} (inventory group {' or '.join(groups_of[role])}); its controls will be errors "
        "unless they are skipped"
        for role in NODE_TYPES.values()
        if not any(role in roles for roles in nodes.values())
    ]
    return nodes, warnings


def chosen_controls(benchmark: Benchmark, value: t.Any) -> list[dict[str, t.Any]]:
    """Return the controls that match ids, sections such as 2.1, or globs. Raises CisError if one matches none."""
    patterns = list(skips_of_variable(value, "id"))
    if not patterns:
        raise CisError("id: empty; expected an id such as 2.1.1, a section such as 2.1, or a glob such as 2.1.*")
    chosen: set[str] = set()
    unknown = []
    for pattern in patterns:
        found = matching_ids(benchmark, pattern)
        chosen |= found
        if not found:
            unknown.append(no_control(benchmark, pattern))
    if unknown:
        raise CisError("id: " + "; ".join(unknown))
    return [control for control in benchmark.controls if control["id"] in chosen]


def check_play(strategy: t.Any, task_vars: t.Mapping[str, t.Any]) -> None:
    """Raise CisError if the play runs the steps of a scan more than once: there would be a report for each time."""
    if str(strategy).endswith(("free", "host_pinned")):
        raise CisError(
            f"strategy {strategy}: a scan is planned and reported once for all hosts; set strategy: linear in the play"
        )
    batch, hosts = (task_vars.get(f"ansible_play_{name}", []) for name in ("batch", "hosts"))
    if set(batch) != set(hosts):
        raise CisError("serial: a scan covers all hosts of the play at once; remove serial from the play")


def hosts_of_pattern(pattern: t.Any, groups: t.Mapping[str, t.Sequence[str]], loader: t.Any) -> list[str]:
    """Return the hosts of an inventory that a pattern names, as in `hosts` of a play, whatever --limit says."""
    inventory = InventoryManager(loader, parse=False)
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group)
    return [host.name for host in inventory.get_hosts(pattern)]


def cluster_of(host: str, hostvars: t.Any) -> str:
    """Return the cluster that a host belongs to, as the inventory says; empty if it does not.

    Variables are not templated, since that costs more than the rest of the plan. Ansible itself stops at a host whose
    files of variables it cannot read.
    """
    try:
        variables = hostvars.raw_get(host)
    except AnsibleError as error:
        _kind, why = unseen_result({"msg": str(error)})
        advice = f"scan without this host: --limit 'all:!{host}'"
        raise CisError(f"variables of {host}: {why.rstrip('.')}, or {advice}") from error
    return str(variables.get("rke_cluster_file") or variables.get("cis_scan_cluster") or "")


def others_of_cluster(nodes: t.Collection[str], known: dict[str, list[str]], hostvars: t.Any) -> dict[str, list[str]]:
    """Return those of the known hosts, with their roles, that are further nodes of the cluster of these nodes."""
    mine = {"", *(cluster_of(host, hostvars) for host in nodes if host in known)}

    def fits(host: str) -> bool:
        try:
            return cluster_of(host, hostvars) in mine
        except CisError:
            return True  # nobody can tell

    return {host: roles for host, roles in known.items() if host not in nodes and fits(host)}


def check_one_cluster(nodes: t.Iterable[str], hostvars: t.Any) -> None:
    """Raise CisError if the inventory says that the nodes belong to several clusters: a report covers one."""
    found: dict[str, str] = {}
    for host in nodes:
        cluster = cluster_of(host, hostvars)
        if cluster:
            found.setdefault(cluster, host)
    if len(found) > 1:
        examples = ", ".join(f"{host} of {cluster}" for cluster, host in found.items())
        raise CisError(
            f"the hosts to scan belong to several clusters ({examples}); scan them one by one, with "
            f"-e cis_scan_hosts=GROUP"
        )


def declared_version(nodes: t.Iterable[str], hostvars: t.Any) -> str:
    """Return the Kubernetes version that cluster.yml declares, which each node has as a variable; empty if none."""
    for host in nodes:
        version = hostvars.raw_get(host).get("rke_kubernetes_version")
        if isinstance(version, str):
            return version
    return ""
