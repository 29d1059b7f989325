# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Benchmark files and the library of checks that they use. benchmark.schema.json describes the files.

controls/<group>.yml holds each check once, as <group>/<name>. A control of a benchmark names its check and says what
differs: a key that it gives itself wins, and null takes one away. Components and objects stand in components.yml.
"""

from __future__ import annotations

import difflib
import functools
import os
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.module_utils._objects import NoQueries, query
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._schema import Path, compiled
from ansible_collections.rke.cis.plugins.plugin_utils._yaml import find, line_of, read_nodes, value_of

DIRECTORY = os.path.dirname(__file__)
OPTION = "cis_scan_benchmark_dirs"

_SHARED = ("components.yml", "flags.yml")
_MARKS = ("Scored", "Not Scored")  # of controls that count in the score, and of the others

# How bad it is if a control fails, from what is not bad on.
SEVERITIES = ("low", "medium", "high", "critical")
# CIS profile levels. Each includes the ones below it.
LEVELS = (1, 2)
# What says how much a control matters, and where that comes from.
RATINGS = ("level", "severity", "nist", "references")

Data = dict[str, t.Any]


def severity(control: Data) -> str:
    """Return how bad it is if a control fails: medium if its benchmark does not say."""
    return str(control.get("severity", "medium"))


def alternatives(test: Data) -> list[Data]:
    """Return the tests of which one must hold: those of any_of, or else the test itself."""
    return test.get("any_of", [test])


def each_test(control: Data) -> list[Data]:
    """Return all tests of a control or check, those of any_of one by one."""
    return [one for test in control.get("tests", []) for one in alternatives(test)]


# The types of flags that an operator can judge; the others take any.
_NUMBERS = {"int", "int32", "uint"}
OPERATOR_TYPES = {
    "equals": {"bool", "duration", "ip", "string"} | _NUMBERS,
    "one_of": {"bool", "duration", "ip", "string"} | _NUMBERS,
    "at_least": _NUMBERS,
    "between": _NUMBERS,
    "longer_than": {"duration"},
    "absolute_path": {"string", "strings", "list"},
    "includes": {"list", "strings"},
    "excludes": {"list", "strings"},
    "subset_of": {"list", "strings"},
    "differs_from": {"string"},
    "gate_is": {"gates"},
}


def benchmark_files(directories: t.Iterable[str] = ()) -> dict[str, str]:
    """Return benchmark id to file. The user's directories are searched before the collection's own."""
    found: dict[str, str] = {}
    for directory in [os.path.abspath(os.path.expanduser(directory)) for directory in directories] + [DIRECTORY]:
        try:
            names = [name for name in os.listdir(directory) if name.endswith(".yml") and name not in _SHARED]
        except OSError as error:
            raise CisError(f"{OPTION} {directory}: not readable: {error.strerror}; name a directory") from error
        for name in names:
            found.setdefault(name[:-4], os.path.join(directory, name))
    return found


def read_benchmark(path: str) -> Data:
    """Return the benchmark in a file, with the whole of each check in its controls.

    Raises CisError with the line for a file of the user's that is not valid; tests hold the collection's own ones.
    """
    if os.path.dirname(path) == DIRECTORY:
        return _expanded(_own(os.path.basename(path)), {})
    return _UserFile(path).benchmark()


@functools.cache
def _own(name: str) -> Data:
    """Return a file of the collection."""
    with open(os.path.join(DIRECTORY, name), encoding="utf-8") as stream:
        return yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def library_check(name: str) -> Data | None:
    """Return a check of the library, or None if there is none of this name."""
    group, _slash, rest = name.partition("/")
    if not os.path.isfile(os.path.join(DIRECTORY, "controls", f"{group}.yml")) or os.sep in rest:
        return None
    check = _own(os.path.join("controls", f"{group}.yml")).get(rest)
    if check is None:
        return None
    check = {**check, "tests": _single(check["tests"])}
    # flags are those of the component that the file is named after
    return {"component": group, **check} if any("flag" in test for test in each_test(check)) else check


def _single(tests: list[Data]) -> list[Data]:
    """Return tests of one object each: of several objects each is tested by itself."""
    return [
        {**test, "object": name} if isinstance(test.get("object"), list) else test
        for test in tests
        for name in (test["object"] if isinstance(test.get("object"), list) else [None])
    ]


def check_names() -> list[str]:
    """Return the names of all checks of the library."""
    groups = sorted(name[:-4] for name in os.listdir(os.path.join(DIRECTORY, "controls")))
    return [f"{group}/{name}" for group in groups for name in _own(f"controls/{group}.yml")]


def _expanded(index: Data, own_checks: Data) -> Data:
    """Return a benchmark in which each control has all of its check."""
    shared, flags = _own("components.yml"), _own("flags.yml")
    components = {
        name: {**about, "flags": {f"--{flag}": kind for kind, text in flags[name].items() for flag in text.split()}}
        for name, about in shared["components"].items()
    }
    for name, about in index.get("components", {}).items():
        known = components.get(name, {})
        components[name] = {**known, **about, "flags": {**known.get("flags", {}), **about["flags"]}}
    controls = []
    marks = index.get("marks", _MARKS)
    for entry in index["controls"]:
        check = own_checks.get(entry["check"]) or library_check(entry["check"]) or {}
        component = components.get(check.get("component"), {})
        control = {"scored": True, "level": 1, "node_type": component.get("node_type"), **check, **entry}
        control["tests"] = _single(control.get("tests") or [])
        if "title" in control:
            control["description"] = f"{control['title']} ({marks[not control['scored']]})"
        controls.append({key: value for key, value in control.items() if value is not None})
    tests = [test for control in controls for test in each_test(control) if "object" in test]
    objects = {**shared["objects"], **index.get("objects", {})}
    asked = {test["object"] for test in tests}
    used = asked.union(*(sources(objects[name]) for name in asked if name in objects))
    lists = {name for test in tests for name in test.get("exempt", [])}
    parameters = {name: value for name, value in shared["parameters"].items() if name in lists}
    return {
        **index,
        "components": components,
        "objects": {name: about for name, about in objects.items() if name in used},
        "parameters": {**parameters, **index.get("parameters", {})},
        "controls": controls,
    }


def sources(about: Data) -> set[str]:
    """Return the names of the lists in which the objects of a list are looked up."""
    return {source["of"] for several in about.get("with", {}).values() for source in several}


class _UserFile:
    """A benchmark file of the user's, checked before anything relies on it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._root = read_nodes(path, f"{OPTION} {path}")

    def benchmark(self) -> Data:
        index = value_of(self._root, f"{OPTION} {self._path}")
        schema = _own("benchmark.schema.json")
        self._require(compiled(schema)(index))
        name = os.path.basename(self._path)[:-4]
        if index["id"] != name:
            raise self._wrong(("id",), f"{index['id']!r} must be the name of the file, {name!r}")
        own = index.get("checks", {})
        for number, entry in enumerate(index["controls"]):
            if entry["check"] not in own and library_check(entry["check"]) is None:
                near = difflib.get_close_matches(entry["check"], [*own, *check_names()], 3, 0.6)
                hint = f"; did you mean {', '.join(near)}?" if near else "; see controls/ of the collection"
                raise self._wrong(("controls", number, "check"), f"unknown check {entry['check']!r}{hint}")
        whole = _expanded(index, own)
        for name, about in whole["components"].items():
            if "style" not in about:
                raise self._wrong(("components", name), "style is missing; available: pflag, pflag_strict, go")
        expanded = compiled({"$ref": "#/$defs/control", "$defs": schema["$defs"]})
        for number, control in enumerate(whole["controls"]):
            self._require(expanded(control), ("controls", number))
            self._check_names(whole, control, ("controls", number))
        self._check_lists(whole)
        return whole

    def _require(self, found: t.Sequence[tuple[Path, str]], above: Path = ()) -> None:
        if found:
            path, what = found[0]
            raise self._wrong((*above, *path), what)

    def _wrong(self, path: Path, what: str) -> CisError:
        place = ".".join(str(step + 1) if isinstance(step, int) else step for step in path)
        return CisError(
            f"{OPTION} {self._path} line {line_of(find(self._root, path))}: {place + ': ' if place else ''}{what}"
        )

    def _check_names(self, whole: Data, control: Data, path: Path) -> None:
        """Raise CisError where a test names a component, flag, object or parameter that there is not."""
        for test in each_test(control):
            component = control["component"] if "flag" in test else test.get("path", {}).get("container")
            flag = test.get("flag")
            names = [
                ("component", component, whole["components"]),
                ("object", test.get("object"), whole["objects"]),
                ("parameter", test.get("named"), whole["parameters"]),
                *(("parameter", name, whole["parameters"]) for name in test.get("exempt", [])),
            ]
            for what, name, known in names:
                if name is not None and name not in known:
                    raise self._wrong(path, f"unknown {what} {name!r}; available: {', '.join(known) or 'none'}")
            for text in (test["find"],) if "find" in test else ():
                try:
                    query(text)
                except ValueError as error:
                    raise self._wrong(path, f"find is not a valid query: {' '.join(str(error).split())}") from error
                except NoQueries:
                    pass  # what needs its result will say so
            if "object" in test:
                for name in sources(whole["objects"][test["object"]]) - set(whole["objects"]):
                    raise self._wrong(("objects", test["object"], "with"), f"unknown object {name!r}")
            kind = flag and whole["components"][component]["flags"].get(flag)
            if flag and not kind:
                raise self._wrong(path, f"{component} has no flag {flag} here; add its type under components")
            fitting = OPERATOR_TYPES.get(test["op"])
            if flag and fitting and kind not in fitting:
                raise self._wrong(path, f"{test['op']} needs {' or '.join(sorted(fitting))}; {flag} is {kind}")

    def _check_lists(self, whole: Data) -> None:
        """Raise CisError for an id that stands twice, or that nothing has."""
        groups = {group["id"] for group in whole["groups"]}
        ids: set[str] = set()
        for number, control in enumerate(whole["controls"]):
            if control["id"] in ids:
                raise self._wrong(("controls", number, "id"), f"{control['id']} stands twice")
            ids.add(control["id"])
            if control["id"].rpartition(".")[0] not in groups:
                raise self._wrong(("controls", number, "id"), f"no group {control['id'].rpartition('.')[0]} in groups")
        for profile, lists in whole["profiles"].items():
            for kind, reasons in lists.items():
                for control_id in reasons:
                    if control_id not in ids:
                        path = ("profiles", profile, kind, control_id)
                        raise self._wrong(path, f"no control {control_id!r} in controls")
