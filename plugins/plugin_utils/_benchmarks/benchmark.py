# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Benchmarks: what each of their controls looks at, and the plan that follows from it.

A benchmark file is an index over the library of checks in controls/, see library.py.
"""

from __future__ import annotations

import copy
import functools
import re
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.module_utils._flags import environment_name
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import (
    benchmark_files,
    each_test,
    read_benchmark,
)
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._text import quoted

# Rancher's word for the nodes that a control is run on, and the RKE role (and inventory group) that it means.
NODE_TYPES = {"master": "controlplane", "etcd": "etcd", "node": "worker"}

# What tells the Kubernetes version of a node, whatever its controls look at.
KUBELET: dict[str, t.Any] = {"containers": {"kubelet": {"flags": []}}, "paths": []}


class Benchmark:
    """One benchmark, expanded. Everything that is derived from it is derived here, once."""

    def __init__(self, data: dict[str, t.Any]) -> None:
        self.id: str = data["id"]
        self.title: str = data["title"]
        self.kubernetes: dict[str, str] = {key: data["kubernetes"][key] for key in ("min", "max")}
        # the oldest Kubernetes version for which it is taken if none is named; never without it
        self.chosen_from: str = data["kubernetes"].get("chosen_from", "")
        self.components: dict[str, dict[str, t.Any]] = data["components"]
        self.objects: dict[str, dict[str, t.Any]] = data.get("objects", {})
        # a list can be added to, a text is replaced
        self.parameters: dict[str, str | list[str]] = data.get("parameters", {})
        self._defaults = self.parameters
        self.profiles: dict[str, dict[str, dict[str, str]]] = data["profiles"]
        self.groups: list[dict[str, str]] = data["groups"]
        self.all_controls: list[dict[str, t.Any]] = data["controls"]
        self.ids = frozenset(control["id"] for control in self.all_controls)
        self.controls = self.all_controls  # those that a scan is about,
        self.only: dict[str, t.Any] = {}  # and by what they were chosen, if not all are
        # not applicable, whatever the profile
        self.nowhere = frozenset.intersection(*(frozenset(p["not_applicable"]) for p in self.profiles.values()))

    def profile_name(self, profile: str) -> str:
        """Return the full name as Rancher writes it, e.g. RKE-CIS-1.4-Permissive."""
        return f"{self.id.upper()}-{profile.capitalize()}"

    def with_parameters(self, values: dict[str, t.Any]) -> Benchmark:
        """Return the benchmark with these values for its own parameters. Raises CisError for an invalid one."""
        changed = copy.copy(self)
        changed.parameters = {**self.parameters}
        for name, value in values.items():
            default = self.parameters.get(name)
            if isinstance(default, list):
                if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
                    raise CisError(f"cis_scan_parameters: {name} {quoted(value)} must be a list of texts")
                changed.parameters[name] = list(dict.fromkeys([*default, *value]))
            elif default is not None:
                if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", str(value or "")):
                    raise CisError(f"cis_scan_parameters: {name} {value!r} is not a valid Kubernetes object name")
                changed.parameters[name] = str(value)
        return changed

    def chosen_parameters(self) -> dict[str, str | list[str]]:
        """Return the parameters for a report: each text, and of lists what was added to them."""
        added = {
            name: [item for item in value if item not in self._defaults[name]] if isinstance(value, list) else value
            for name, value in self.parameters.items()
        }
        return {name: value for name, value in added.items() if value}

    def limited_to(self, control_ids: t.Container[str], choice: dict[str, t.Any]) -> Benchmark:
        """Return the benchmark with no other controls than these, which were chosen by this."""
        changed = copy.copy(self)
        changed.controls = [control for control in self.all_controls if control["id"] in control_ids]
        changed.only = choice
        return changed

    def lists(self, control_ids: t.Container[str] | None = None) -> dict[str, dict[str, t.Any]]:
        """Return the lists to ask of the Kubernetes API for these controls, or for all that may be applicable."""
        asked: dict[str, dict[str, t.Any]] = {}
        chosen = self.ids - self.nowhere if control_ids is None else control_ids
        for control in self.controls:
            for test in each_test(control):
                if "object" in test and control["id"] in chosen:
                    _ask(asked, self.objects, test["object"], [test["find"]] if "find" in test else [])
        return asked

    def plan(self, roles: t.Collection[str], control_ids: t.Container[str] | None = None) -> dict[str, t.Any]:
        """Return what must be gathered on a node of these RKE roles so that any profile of the benchmark can be scored.

        Every node runs a kubelet, so what node tests look at is gathered everywhere; scoring settles whose count. With
        `control_ids` it is the part that these controls look at, so that they are judged as in a scan.
        """
        wanted = {kind for kind, role in NODE_TYPES.items() if role in roles} | {"node"}
        everything = [(control, test) for control in self.all_controls for test in each_test(control)]
        tests = [
            (control, test)
            for control, test in everything
            if control["id"] not in self.nowhere and wanted.intersection(control["node_type"]) and "object" not in test
        ]
        pairs, ids = everything, control_ids
        if ids is None:
            pairs, ids = tests, {control["id"] for control in self.controls}
        chosen = [pair for pair in pairs if pair[0]["id"] in ids]
        keys = {path_key(test["path"]) for _control, test in chosen if "path" in test}
        # the mounts of any container may show where a path of one lies on the node
        looked_at = tests if any("container" in test.get("path", {}) for _control, test in chosen) else chosen
        components = {self.component_of(*pair) for pair in looked_at}
        components.update(
            *(test["value"]["components"] for _control, test in looked_at if test.get("op") == "differs_from")
        )
        containers: dict[str, dict[str, t.Any]] = {}
        shown: dict[str, set[str]] = {}  # flags whose values a report shows
        paths: dict[str, dict[str, t.Any]] = {}
        for control, test in tests:
            component = self.component_of(control, test)
            request = test.get("path", {})
            if component and component in components:
                about = self.components[component]
                container = containers.setdefault(component, {})
                flag = test.get("flag") or request.get("flag")
                if flag:
                    shown.setdefault(component, set()).add(flag)
                if test["op"] == "differs_from":
                    for other in test["value"]["components"]:
                        shown.setdefault(other, set()).add(test["value"]["flag"])
                if flag and about.get("environment"):
                    names = {flag, *about.get("config_file", {}).get("flags", ())}
                    container["env"] = sorted({*container.get("env", []), *map(environment_name, names)})
            if request and path_key(request) in keys:
                paths.setdefault(path_key(request), {}).update(self.path_request(request))
        for name, container in containers.items():
            values = shown.get(name, set())
            same = {other for other, flag in self.components[name].get("counts_as", {}).items() if flag in values}
            container["flags"] = sorted(values | same)
        found = {"containers": containers, "paths": list(paths.values())}
        return merged_plan([found, KUBELET]) if self.only else found

    def path_request(self, request: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return what is asked of a node for the path of a test: also how it reads the flag that names the path."""
        if "flag" not in request:
            return request
        about = self.components[request["container"]]
        same = {name: flag for name, flag in about.get("counts_as", {}).items() if flag == request["flag"]}
        return {**request, "style": about["style"], **({"counts_as": same} if same else {})}

    @staticmethod
    def component_of(control: dict[str, t.Any], test: dict[str, t.Any]) -> str | None:
        """Return the component that a test looks at, or None where it looks at the cluster's API or the node itself."""
        if "object" in test:
            return None
        return test["path"].get("container") if "path" in test else control["component"]


class Profile(t.NamedTuple):
    """A profile of a benchmark."""

    benchmark: Benchmark
    name: str

    @property
    def full_name(self) -> str:
        return self.benchmark.profile_name(self.name)


def merged_plan(plans: t.Iterable[dict[str, t.Any]]) -> dict[str, t.Any]:
    """Return the plan that gathers what each of these does, so that any of their benchmarks can be scored."""
    containers: dict[str, dict[str, t.Any]] = {}
    paths: dict[str, dict[str, t.Any]] = {}
    for plan in plans:
        for name, wanted in plan["containers"].items():
            container = containers.setdefault(name, {})
            container.update({key: sorted({*container.get(key, []), *values}) for key, values in wanted.items()})
        for request in plan["paths"]:
            paths.setdefault(path_key(request), {}).update(request)
    return {"containers": containers, "paths": list(paths.values())}


def _ask(
    asked: dict[str, dict[str, t.Any]], objects: dict[str, dict[str, t.Any]], name: str, queries: list[str]
) -> None:
    """Add a list to those that are asked for, with those that its objects are looked up in."""
    wanted = asked.setdefault(name, {**objects[name]})
    if queries:
        wanted["find"] = sorted({*wanted.get("find", []), *queries})
    for sources in wanted.get("with", {}).values():
        for source in sources:
            _ask(asked, objects, source["of"], [])


def merged_lists(benchmarks: t.Iterable[dict[str, dict[str, t.Any]]]) -> dict[str, dict[str, t.Any]]:
    """Return what is asked of the Kubernetes API so that any of several benchmarks can be scored."""
    asked: dict[str, dict[str, t.Any]] = {}
    for lists in benchmarks:
        for name, about in lists.items():
            _ask(asked, lists, name, about.get("find", []))
    return asked


@functools.cache
def _load(path: str) -> Benchmark:
    return Benchmark(read_benchmark(path))


def _newest_first(directories: t.Iterable[str]) -> list[Benchmark]:
    """Return all benchmarks, those for the newest Kubernetes first."""
    found = [_load(path) for path in benchmark_files(directories).values()]
    return sorted(
        found, key=lambda one: (version_numbers(one.chosen_from or one.kubernetes["min"]), one.id), reverse=True
    )


def version_numbers(version: str) -> tuple[int, int]:
    """Return major and minor version of, for example, v1.24.17-rancher1."""
    major, minor = version.lstrip("v").split(".")[:2]
    return int(major), int(minor)


def load_benchmark(benchmark_id: str, directories: t.Iterable[str] = ()) -> Benchmark:
    """Return a benchmark by its id in any letter case. Raises CisError that lists those that exist."""
    files = benchmark_files(directories)
    if benchmark_id.lower() not in files:
        known = ", ".join(benchmark.id for benchmark in _newest_first(directories))
        raise CisError(f"unknown benchmark {benchmark_id!r}; available: {known}")
    return _load(files[benchmark_id.lower()])


def candidates(name: t.Any, parameters: t.Any = None, directories: t.Iterable[str] = ()) -> list[Profile]:
    """Return what a name in any letter case may mean, newest first.

    A full name such as RKE-CIS-1.4-Permissive means one profile, and permissive that of the benchmark which fits the
    cluster's Kubernetes version.
    """
    benchmark_id, dash, profile = str(name).strip().lower().rpartition("-")
    files = benchmark_files(directories)
    if dash:
        found = [_load(files[benchmark_id])] if benchmark_id in files else []
    else:
        found = [benchmark for benchmark in _newest_first(directories) if benchmark.chosen_from]
    found = [benchmark for benchmark in found if profile in benchmark.profiles]
    if not found:
        known = ", ".join(profile_names(directories))
        raise CisError(f"unknown profile {str(name)!r} in cis_scan_profile; available: {known}")
    return [Profile(benchmark, profile) for benchmark in _with_parameters(found, parameters)]


def _with_parameters(benchmarks: list[Benchmark], values: t.Any) -> list[Benchmark]:
    """Return the benchmarks with these values for those of the parameters that each of them has."""
    if not isinstance(values or {}, dict):
        raise CisError(f"cis_scan_parameters: expected a dictionary of parameter names to values, got {values!r}")
    known = {name: None for benchmark in benchmarks for name in benchmark.parameters}
    for name in values or {}:
        if name not in known:
            ids = " and ".join(benchmark.id for benchmark in benchmarks)
            raise CisError(
                f"cis_scan_parameters: {ids} has no parameter {name!r}; available: {', '.join(known) or 'none'}"
            )
    return [benchmark.with_parameters(values or {}) for benchmark in benchmarks]


def profile_names(directories: t.Iterable[str] = ()) -> list[str]:
    """Return the names of all profiles: those that leave the benchmark to the cluster's version, then the full ones."""
    benchmarks = _newest_first(directories)
    by_version = {profile: None for benchmark in benchmarks if benchmark.chosen_from for profile in benchmark.profiles}
    full = [benchmark.profile_name(profile) for benchmark in benchmarks for profile in benchmark.profiles]
    return [*by_version, *full]
