# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The request for a scan, checked before any node is touched."""

from __future__ import annotations

import fnmatch
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES, Benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import (
    Skips,
    merge_skips,
    no_control,
    skips_of_file,
    skips_of_text,
    skips_of_variable,
)

CONFIG_MAP = "ConfigMap security-scan/security-scan-cfg"

SKIP_SOURCES = ("merged", "variable", "file", "config_map")

SkipSources = list[tuple[str, dict[str, str]]]


def roles_of_hosts(
    groups: dict[str, list[str]], mapping: dict[str, t.Any], hosts: t.Iterable[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return host to RKE roles for those of the hosts that have one, and warnings.

    `mapping` names the inventory group, or groups, of each role. Raises CisError if no host has a role.
    """
    unknown = sorted(set(mapping) - set(NODE_TYPES.values()))
    if unknown:
        raise CisError(
            f"cis_scan_groups: unknown RKE role {', '.join(unknown)}; valid roles: {', '.join(NODE_TYPES.values())}"
        )
    wanted = {role: mapping.get(role, role) for role in NODE_TYPES.values()}
    wanted = {role: [names] if isinstance(names, str) else list(names) for role, names in wanted.items()}
    members = {role: {host for name in names for host in groups.get(name, [])} for role, names in wanted.items()}
    nodes = {}
    for host in hosts:
        roles = [role for role in NODE_TYPES.values() if host in members[role]]
        if roles:
            nodes[host] = roles
    if not nodes:
        names = ", ".join(name for names in wanted.values() for name in names)
        raise CisError(
            f"no host to scan is in any of the groups {names}; put nodes into them, or name yours in cis_scan_groups"
        )
    warnings = [
        f"no node has the role {role} (inventory group {' or '.join(wanted[role])}); its controls are error"
        for role in NODE_TYPES.values()
        if not any(role in roles for roles in nodes.values())
    ]
    return nodes, warnings


def chosen_controls(benchmark: Benchmark, value: t.Any) -> list[dict[str, t.Any]]:
    """Return the controls of ids, sections such as 2.1, and globs. Raises CisError for what is none of them."""
    patterns = list(skips_of_variable(value, "id"))
    if not patterns:
        raise CisError("id names no control; write an id such as 2.1.1, a section such as 2.1, or a glob such as 2.1.*")
    chosen: set[str] = set()
    unknown = []
    for pattern in patterns:
        found = {name for name in benchmark.ids if fnmatch.fnmatchcase(name, pattern) or name.startswith(pattern + ".")}
        chosen |= found
        if not found:
            unknown.append(no_control(benchmark, pattern))
    if unknown:
        raise CisError("id: " + "; ".join(unknown))
    return [control for control in benchmark.controls if control["id"] in chosen]


def check_one_cluster(nodes: t.Iterable[str], hostvars: t.Any) -> None:
    """Raise CisError if the inventory says that the nodes are of several clusters: a report is of one.

    Variables are looked at as they are written, since templates cost more than the rest of the plan.
    """
    found: dict[str, str] = {}
    for host in nodes:
        variables = hostvars.raw_get(host)
        cluster = variables.get("rke_cluster_file") or variables.get("cis_scan_cluster")
        if cluster:
            found.setdefault(str(cluster), host)
    if len(found) > 1:
        told = ", ".join(f"{host} of {cluster}" for cluster, host in found.items())
        raise CisError(
            f"the hosts to scan are of several clusters ({told}); scan each by itself, with -e cis_scan_hosts=GROUP"
        )


def given_skips(source: str, skip: t.Any, skip_file: str | None, benchmark: Benchmark) -> SkipSources:
    """Return what variable and file say, as far as the source is one of them. Raises CisError for a wrong one."""
    if source == "file" and not skip_file:
        raise CisError("cis_scan_skip_source is file, but cis_scan_skip_file names none; name the file")
    sources = []
    if source in ("variable", "merged"):
        sources.append(("cis_scan_skip", skips_of_variable(skip)))
    if source in ("file", "merged") and skip_file:
        sources.append((f"cis_scan_skip_file {skip_file}", skips_of_file(skip_file, benchmark.id)))
    return sources


def config_map_skips(
    source: str, cluster: dict[str, t.Any] | None, benchmark: Benchmark
) -> tuple[SkipSources, list[str]]:
    """Return what the ConfigMap says, as far as the source is one of those that count, and warnings.

    Chosen alone it must have been read; among others, what could not be read is a warning.
    """
    if source not in ("config_map", "merged"):
        return [], []
    shown = (cluster or {}).get("config_map") or {}
    told = shown.get("error", {"message": ""}) if isinstance(shown, dict) else None
    if not isinstance(told, dict) or "message" not in told or not isinstance(shown.get("text"), str | None):
        raise CisError(f"{CONFIG_MAP}: what was recorded of it is malformed; scan again")
    if shown.get("text") is not None:
        where = f"{CONFIG_MAP} key config.json"
        return [(CONFIG_MAP, skips_of_text(shown["text"], benchmark.id, where))], []
    if source == "config_map" and "text" in shown:
        return [], [f"{CONFIG_MAP}: there is none with a key config.json, so nothing is skipped"]
    if source == "config_map":
        unasked = (cluster or {}).get("error") or {"message": "the API was not asked for it; set cis_scan_kubeconfig"}
        why = shown.get("error", unasked)["message"]
        raise CisError(f"cis_scan_skip_source is config_map, but {CONFIG_MAP} was not read: {why}")
    if "error" in shown:
        return [], [f"{CONFIG_MAP} could not be read, so nothing is skipped by it: {shown['error']['message']}"]
    return [], []


def user_skips(
    benchmark: Benchmark,
    skip: t.Any,
    skip_file: str | None,
    cluster: dict[str, t.Any] | None,
    source: str = "merged",
) -> tuple[Skips, list[str]]:
    """Return the user's skips of the source, merged in the order variable, file and ConfigMap, and warnings."""
    given = given_skips(source, skip, skip_file, benchmark)
    shown, warnings = config_map_skips(source, cluster, benchmark)
    merged, unknown = merge_skips(benchmark, [*given, *shown])
    return merged, warnings + unknown
