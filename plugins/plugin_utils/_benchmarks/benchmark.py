# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Benchmark files: the controls, as data. docs/benchmark.schema.json describes their form."""

from __future__ import annotations

import copy
import functools
import os
import re
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.module_utils._flags import environment_name
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError

DIRECTORY = os.path.dirname(__file__)

# Rancher's word for the nodes that a control is run on, and the RKE role (and inventory group) that it means.
NODE_TYPES = {"master": "controlplane", "etcd": "etcd", "node": "worker"}


class Benchmark:
    """One benchmark file. Everything that is derived from it is derived here, once."""

    def __init__(self, data: dict[str, t.Any]) -> None:
        self.id: str = data["id"]
        self.title: str = data["title"]
        self.kubernetes: dict[str, str] = data["kubernetes"]
        self.components: dict[str, dict[str, t.Any]] = data["components"]
        self.objects: dict[str, dict[str, t.Any]] = data.get("objects", {})
        self.parameters: dict[str, str] = data.get("parameters", {})
        self.profiles: dict[str, dict[str, dict[str, str]]] = data["profiles"]
        self.groups: list[dict[str, str]] = data["groups"]
        self.controls: list[dict[str, t.Any]] = data["controls"]
        self.ids = frozenset(control["id"] for control in self.controls)

    def profile_name(self, profile: str) -> str:
        """Return the full name as Rancher writes it, e.g. RKE-CIS-1.4-Permissive."""
        return f"{self.id.upper()}-{profile.capitalize()}"

    def with_parameters(self, values: t.Any) -> Benchmark:
        """Return the benchmark with these values for its parameters. Raises CisError for what is none of them."""
        if not isinstance(values or {}, dict):
            raise CisError(f"cis_scan_parameters: a dictionary of name to value is wanted, not {values!r}")
        for name, value in (values or {}).items():
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise CisError(f"cis_scan_parameters: {self.id} has no parameter {name!r}; there are: {known}")
            if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", str(value or "")):
                raise CisError(f"cis_scan_parameters: {name} {value!r} is no name of a Kubernetes object")
        changed = copy.copy(self)
        changed.parameters = {**self.parameters, **{name: str(value) for name, value in (values or {}).items()}}
        return changed

    def plan(self, roles: t.Collection[str], control_ids: t.Container[str] | None = None) -> dict[str, t.Any]:
        """Return what must be gathered on a node of these RKE roles so that any profile of the benchmark can be scored.

        Every node runs a kubelet, so what node tests look at is gathered everywhere; scoring settles whose count. With
        `control_ids` it is the part that these controls look at, so that they are judged as in a scan.
        """
        wanted = {kind for kind, role in NODE_TYPES.items() if role in roles} | {"node"}
        containers: dict[str, dict[str, t.Any]] = {}
        paths: dict[str, dict[str, t.Any]] = {}
        nowhere = frozenset.intersection(*(frozenset(p["not_applicable"]) for p in self.profiles.values()))
        for control in self.controls:
            if control["id"] in nowhere or not wanted.intersection(control["node_type"]):
                continue
            for test in control["tests"]:
                component = self.component_of(control, test)
                if component is None:
                    continue
                container = containers.setdefault(component, {})
                style = self.components[component]["style"]
                if "path" in test:
                    request = dict(test["path"])
                    if "flag" in request:
                        request["style"] = style
                    paths.setdefault(path_key(request), {}).update(request)
                flag = test.get("flag") or test["path"].get("flag")
                if flag and self.components[component].get("environment"):
                    names = set(container.get("env", []))
                    config = self.components[component].get("config_file", {}).get("flag")
                    names.update(environment_name(name) for name in (flag, config) if name)
                    container["env"] = sorted(names)
        if control_ids is not None:
            tests = [(c, test) for c in self.controls if c["id"] in control_ids for test in c["tests"]]
            keys = {path_key(test["path"]) for _control, test in tests if "path" in test}
            paths = {key: request for key, request in paths.items() if key in keys}
            if not paths:  # the mounts of any container may tell where a path lies on the node
                looked_at = {self.component_of(*pair) for pair in tests}
                looked_at.update(
                    *(test["value"]["components"] for _c, test in tests if test.get("op") == "differs_from")
                )
                containers = {name: request for name, request in containers.items() if name in looked_at}
        return {"containers": containers, "paths": list(paths.values())}

    @staticmethod
    def component_of(control: dict[str, t.Any], test: dict[str, t.Any]) -> str | None:
        """Return the component that a test looks at, or None where it looks at the cluster's API."""
        if "object" in test:
            return None
        return test["path"]["container"] if "path" in test else control["component"]


def available() -> list[str]:
    """Return the ids of the benchmarks that come with the collection."""
    return sorted(name[:-4] for name in os.listdir(DIRECTORY) if name.endswith(".yml"))


@functools.cache
def load_benchmark(benchmark_id: str) -> Benchmark:
    """Return a benchmark by its id in any letter case. Raises CisError that lists those that exist."""
    name = benchmark_id.lower()
    if name not in available():
        raise CisError(f"unknown benchmark {benchmark_id!r}; there are: {', '.join(available())}")
    with open(os.path.join(DIRECTORY, name + ".yml"), encoding="utf-8") as stream:
        return Benchmark(yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def resolve_profile(name: t.Any, parameters: t.Any = None) -> tuple[Benchmark, str]:
    """Return benchmark and profile of a full name such as RKE-CIS-1.4-Permissive, in any letter case."""
    benchmark_id, _dash, profile = str(name).strip().lower().rpartition("-")
    if benchmark_id in available():
        benchmark = load_benchmark(benchmark_id)
        if profile in benchmark.profiles:
            return benchmark.with_parameters(parameters), profile
    raise CisError(f"unknown profile {str(name)!r} in cis_scan_profile; there are: {', '.join(profile_names())}")


def profile_names() -> list[str]:
    """Return the full names of all profiles."""
    return [
        benchmark.profile_name(profile)
        for benchmark in map(load_benchmark, available())
        for profile in benchmark.profiles
    ]
