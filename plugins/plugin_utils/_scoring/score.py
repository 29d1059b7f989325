# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Scoring: one verdict for each control and node, a pure function of benchmark and evidence.

The notes of the checks and docs/docsite/rst/verdicts.rst say how ambiguous wording is read.
"""

from __future__ import annotations

import functools
import re
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._evidence import flag_values, path_key
from ansible_collections.rke.cis.plugins.module_utils._flags import component_args, environment_name, parse_flags
from ansible_collections.rke.cis.plugins.module_utils._masking import MASK
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, version_numbers
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import alternatives
from ansible_collections.rke.cis.plugins.plugin_utils._errors import Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import version_of
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.operators import (
    FLAG_OPERATORS,
    PATH_OPERATORS,
    READ_AS,
    describe,
    expectation,
    field_of,
    none_match,
    query_finds,
    some,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.values import parse
from ansible_collections.rke.cis.plugins.plugin_utils._text import shortened

# Errors of a path that are a verdict: there is no such file, or the component has no valid path to it.
_ANSWERS = {"missing", "not_absolute", "malformed"}

_GO_1_13 = (1, 17)  # the first Kubernetes version that is built with Go 1.13
_NEWEST = (999, 0)

_PATH_ADVICE = {
    "denied": "scan with become, or grant the user search and read rights",
    "not_set": "set the flag, since what the component uses without it is not examined",
    "not_located": "make Docker answer on the node, or set cis_scan_prefix_path",
    "timeout": "see whether a disk or a mount hangs there, or raise timeout",
}


class Verdict(t.NamedTuple):
    """The verdict on a control and node. `state` is pass, fail, warn, error or manual; `reason` is empty for a pass."""

    state: str
    expected: str
    actual: str
    source: str
    reason: str


class Command(t.NamedTuple):
    """A process's flags, the variables that count for flags that are not given, and where both were read."""

    flags: dict[str, list[tuple[str, str | None]]]
    variables: dict[str, str]
    source: str


def failure_of(control: dict[str, t.Any]) -> str:
    """Return the state of a control that fails. One that is not scored only warns."""
    return "fail" if control["scored"] else "warn"


class NodeScorer:
    """Scores the controls of a benchmark on one node's evidence."""

    def __init__(
        self,
        benchmark: Benchmark,
        evidence: dict[str, t.Any],
        cluster: dict[str, t.Any] | None,
        assumed: tuple[int, int] | None = None,
    ) -> None:
        self._benchmark = benchmark
        self._evidence = evidence
        self._cluster = cluster or {"error": {"message": "the Kubernetes API was not asked; set cis_scan_kubeconfig"}}
        self._seen: dict[str, list[Command]] = {}
        self._read: dict[str, list[str]] = {}  # the paths of flags as the node read them
        self._versions: dict[str, tuple[int, int]] = {}
        # what a component is taken for whose version nobody can tell
        self._assumed = assumed or version_numbers(benchmark.kubernetes["min"])
        self._unknown: list[str] = []
        self._newest = None if assumed else NodeScorer(benchmark, evidence, cluster, _NEWEST)
        self._expected = _expectations(benchmark)

    def score(self, control: dict[str, t.Any]) -> Verdict:
        """Return the verdict on one control. Where nobody can tell the version, all of them must pass it."""
        verdict = self._score(control)
        if verdict.state == "pass" and self._unknown and self._newest and self._newest.score(control).state != "pass":
            reason = f"not all versions would pass, and the image of {some(self._unknown)} names none; name it there"
            return verdict._replace(state="error", reason=reason)
        return verdict

    def _score(self, control: dict[str, t.Any]) -> Verdict:
        """Return the verdict on one control. All its tests must hold; a failure outweighs an error."""
        parts = []
        for test, expected in zip(control["tests"], self._expected[control["id"]], strict=True):
            pairs = zip(alternatives(test), expected, strict=True)
            parts.append(_any_of([self._verdict(control, *pair) for pair in pairs]))
        if control.get("manual"):
            certain = [part for test, part in zip(control["tests"], parts, strict=True) if test.get("certain")]
            return _manual(control["evidence"], parts, bool(certain) and all(part.state == "pass" for part in certain))
        verdict = parts[0] if len(parts) == 1 else _all_of(parts)
        return verdict._replace(state=failure_of(control)) if verdict.state == "fail" else verdict

    # ------------------------------------------------------------------------------------------ flags

    def _verdict(self, control: dict[str, t.Any], test: dict[str, t.Any], expected: str) -> Verdict:
        node_error = self._evidence.get("error")
        if node_error and "object" not in test:
            return Verdict("error", expected, "", "node", f"{node_error['kind']}: {node_error['message']}")
        try:
            return self._test(control, test, expected)
        except Unseen as unseen:
            return Verdict("error", expected, "", self._source(control, test), str(unseen))

    def _source(self, control: dict[str, t.Any], test: dict[str, t.Any]) -> str:
        if "object" in test:
            return self._benchmark.objects[test["object"]]["path"]
        return self._benchmark.component_of(control, test) or test["path"]["host"]

    def _test(self, control: dict[str, t.Any], test: dict[str, t.Any], expected: str) -> Verdict:
        if "flag" in test:
            return self._test_flag(control["component"], test, expected)
        if "path" in test:
            return self._test_path(test, expected)
        return self._test_object(test, expected)

    def _commands(self, component: str) -> list[Command]:
        """Return the command of each process of a component. Raises Unseen if none was seen running."""
        if component not in self._seen:
            shown = self._evidence["containers"].get(component)
            if shown is None:
                raise Unseen(f"container {component} is not in the evidence; scan the node again")
            if "error" in shown:
                raise Unseen(_why(shown["error"]))
            if shown["state"] != "running":
                advice = "unpause it" if shown["state"] == "paused" else "see its log and start it"
                raise Unseen(f"container {component} is {shown['state']}, not running; {advice}")
            if not shown["processes"]:  # what Docker was given is not proof of what runs
                raise Unseen(f"the processes of {component} are not in the evidence; scan the node again with become")
            calls = (component_args(argv, component) for argv in shown["processes"])
            arguments = [args for args in calls if args is not None]
            if not arguments:
                raise Unseen(f"no {component} process runs in container {component}; see its log")
            about = self._benchmark.components[component]
            strict = self._from(component, about.get("strict_from", "999.0"))
            style = "pflag_strict" if strict and about["style"] == "pflag" else about["style"]
            underscores = self._from(component, about.get("underscores_from", "0.0"))
            # etcd reads a variable only if the flag is not given, and ignores an empty one
            names = about["flags"] if about.get("environment") and shown["env"] else {}
            variables = {flag: shown["env"].get(environment_name(flag)) for flag in names}
            self._seen[component] = [
                Command(
                    parse_flags(args, style, about["flags"], about.get("counts_as"), underscores),
                    {flag: value for flag, value in variables.items() if value},
                    f"{component} process arguments",
                )
                for args in arguments
            ]
        return self._seen[component]

    def _version(self, component: str) -> tuple[int, int]:
        """Return the version that a component's image names, else the kubelet's, else what is assumed."""
        if component not in self._versions:
            images = [self._evidence["containers"].get(name, {}).get("image") or "" for name in (component, "kubelet")]
            found = version_of(images[0]) or version_of(images[1])
            self._unknown += [] if found else [component]
            self._versions[component] = version_numbers(found) if found else self._assumed
        return self._versions[component]

    def _from(self, component: str, version: str) -> bool:
        """Return whether a component is of this version or a later one."""
        return self._version(component) >= version_numbers(version)

    def _unset(self, component: str, test: dict[str, t.Any]) -> bool:
        """Return whether the test holds without the flag, which may depend on the version."""
        since = [version for version in test.get("unset_from", {}) if self._from(component, version)]
        return (test["unset_from"][max(since, key=version_numbers)] if since else test.get("unset")) == "pass"

    def _check_config_file(self, component: str, command: Command, flag: str, unnamed: bool = False) -> None:
        """Raise Unseen if the component takes the flag's setting from a file, which is not examined.

        `unnamed` says that the flag is given, but does not name what is looked for.
        """
        config = self._benchmark.components[component].get("config_file")
        wins = config and config["flags_win"] and flag in command.flags and not unnamed
        if not config or wins or flag in config.get("not_in_file", ()):
            return
        for source in config["flags"]:
            if source in command.flags or source in command.variables:
                raise Unseen(f"{component} takes this setting from its {source}, which is not examined")

    def _test_flag(self, component: str, test: dict[str, t.Any], expected: str) -> Verdict:
        verdicts = [self._decide(component, command, test, expected) for command in self._commands(component)]
        return verdicts[0] if len(verdicts) == 1 else _all_of(verdicts)

    def _decide(self, component: str, command: Command, test: dict[str, t.Any], expected: str) -> Verdict:
        """Decide one flag of one process."""
        flag, (flags, variables, source) = test["flag"], command
        about = self._benchmark.components[component]
        self._check_config_file(component, command, flag)
        if flag in flags:
            values = flags[flag]
        elif "" in flags:
            reason = f"unexpected argument {flags[''][0][1]!r}; {component} would not start"
            return Verdict("fail", expected, f"{flag} is not read", source, reason)
        elif flag in variables:
            values = [(flag, variables[flag])]
            source = f"{component} environment {environment_name(flag)}"
        else:
            unset = test["op"] in ("not_set", "shown") or self._unset(component, test)
            actual = f"{flag} is not set"
            return Verdict("pass" if unset else "fail", expected, actual, source, "" if unset else actual)
        given = [value for _name, value in values if value is not None]
        actual = " ".join(name if value is None else f"{name}={value}" for name, value in values)
        expected_value = test.get("value")
        if test["op"] == "differs_from":
            expected_value = self._elsewhere(test["value"])
            actual += f"; {test['value']['flag']}={', '.join(expected_value)}"
        if test["op"] == "not_set":
            reason = f"{flag} is set"
        elif MASK in actual:
            raise Unseen(f"the value of {flag} was masked on the node; scan the node again with this benchmark")
        elif flag in flags and flag in variables and self._from(component, about.get("exclusive_from", "999.0")):
            reason = f"{flag} and {environment_name(flag)} are both set; {component} would not start"
        elif len(given) < len(values):
            reason = f"{flag} has no value, or is followed by an unexpected argument; {component} would not start"
        else:
            try:
                go_1_13 = self._version(component) >= _GO_1_13
                parsed = [parse(about["flags"][flag], value, go_1_13) for value in given]
                held = FLAG_OPERATORS[test["op"]](parsed, expected_value)
                if held is None:
                    # an empty list takes the place of the file's, but gates add up with those of the file
                    self._check_config_file(component, command, flag, about["flags"][flag] == "gates")
                    held = self._unset(component, test)
                reason = "" if held else f"seen {_bounded(actual)}"
            except ValueError as invalid:
                reason = f"{flag}: {_bounded(str(invalid))}; {component} would not start"
        return Verdict("fail" if reason else "pass", expected, actual, source, reason)

    def _elsewhere(self, other: dict[str, t.Any]) -> list[str]:
        """Return the values of a flag of those of the components that this node runs."""
        values = []
        for component in other["components"]:
            if component in self._evidence["containers"]:
                for command in self._commands(component):
                    self._check_config_file(component, command, other["flag"])
                    values += [value for _name, value in command.flags.get(other["flag"], [])[-1:] if value]
        if not values:
            raise Unseen(f"{other['flag']} is not set for {' or '.join(other['components'])}: nothing to compare with")
        return list(dict.fromkeys(values))

    # ------------------------------------------------------------------------------------------ paths

    def _test_path(self, test: dict[str, t.Any], expected: str) -> Verdict:
        key, component = path_key(test["path"]), test["path"].get("container")
        if "flag" in test["path"]:
            for command in self._commands(component):
                self._check_config_file(component, command, test["path"]["flag"])
        found = self._evidence["paths"].get(key)
        if found is None:
            raise Unseen(f"{key} is not in the evidence; scan the node again")
        if "flag" in test["path"]:
            found = self._as_read(found, component, self._benchmark.path_request(test["path"]))
        # of a flag that several processes give differently each path counts
        verdicts = [self._decide_path(entry, key, test, expected) for entry in found.get("each", [found])]
        return verdicts[0] if len(verdicts) == 1 else _all_of(verdicts)

    def _as_read(self, found: dict[str, t.Any], component: str, request: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the evidence of a path that a flag names.

        Raises Unseen if the component reads another path than the node, which knows neither its flags nor its version.
        """
        flag = request["flag"]
        if any("" in command.flags for command in self._commands(component)):
            return found  # it would not start; the controls of its flags say so
        values = [
            (command.flags[flag][-1][1] if flag in command.flags else command.variables.get(flag)) or ""
            for command in self._commands(component)
        ]
        key = path_key(request)
        if key not in self._read:
            self._read[key] = flag_values(self._evidence["containers"][component], request)
        if values == self._read[key]:
            return found
        if "path" not in request and not any(values):
            return {"error": {"kind": "not_set", "message": f"{flag} is not given to {component}"}}
        raise Unseen(f"{component} does not read {flag} as it is given; write it as {flag}=<path>")

    def _decide_path(self, entry: dict[str, t.Any], key: str, test: dict[str, t.Any], expected: str) -> Verdict:
        source = entry.get("path", key)
        if "error" in entry:
            error = entry["error"]
            if error["kind"] == "missing" and test.get("missing") == "pass":
                return Verdict("pass", expected, "missing", source, "")
            if error["kind"] in _ANSWERS or (error["kind"] == "not_set" and test.get("unset") == "fail"):
                actual = error["kind"].replace("_", " ")
                if test["op"] == "shown":
                    actual = f"{source}: {actual}"
                return Verdict("fail", expected, actual, source, error["message"] or actual)
            reason = _why(error, _PATH_ADVICE.get(error["kind"], ""))
            return Verdict("error", expected, "", test["path"].get("container", source), reason)
        entries = "list" in test["path"] or "tree" in test["path"]
        expected_type = "directory" if entries else test.get("type", "file")
        actual = f"{source}: {describe(entry, test)}" if test["op"] == "shown" else describe(entry, test)
        if entry["type"] != expected_type:
            wrong = f"a {entry['type']}, not a {expected_type}"
            return Verdict("fail", expected, wrong, source, f"{source} is {wrong}")
        needed = "entries" if entries else READ_AS.get(test["path"].get("read"), "type")
        if needed not in entry:
            raise Unseen(f"the {needed} of {key} are not in the evidence; scan the node again")
        version = self._version(test["path"].get("container", "kubelet"))
        problem = PATH_OPERATORS[test["op"]]({**entry, "kubernetes": version}, test)
        return Verdict("fail" if problem else "pass", expected, problem or actual, source, problem or "")

    # ---------------------------------------------------------------------------------------- objects

    def _test_object(self, test: dict[str, t.Any], expected: str) -> Verdict:
        about = self._benchmark.objects[test["object"]]
        source = f"Kubernetes API {about['path']}"
        if "error" in self._cluster:
            if test["op"] == "shown" and self._cluster["error"].get("kind", "not asked") == "not asked":
                # what a person judges can be judged without it
                return Verdict("fail", expected, f"not seen: {self._cluster['error']['message']}", source, "")
            raise Unseen(_why(self._cluster["error"]))
        shown = self._cluster["objects"].get(test["object"])
        if shown is None:
            raise Unseen(f"{test['object']} are not in the evidence; scan the cluster again")
        if "error" in shown:
            raise Unseen(_why(shown["error"]))
        if "find" in test:
            found = shown.get("found", {}).get(test["find"])
            if found is None:
                raise Unseen(f"what the test looks for in {test['object']} is not in the evidence; scan again")
            if "error" in found:
                raise Unseen(_why(found["error"]))
            exempt = [pattern for name in test.get("exempt", []) for pattern in self._benchmark.parameters[name]]
            plural = about["path"].rpartition("/")[2]
            held, text = none_match(found, exempt, f"{shown['count']} {plural}")
            if test["op"] == "shown":
                text = f"{test['expect']}: {text}"
            return Verdict(
                "pass" if held else "fail", expected, text, source, "" if held else f"found {_bounded(text)}"
            )
        if "items" not in shown:
            raise Unseen(f"{test['object']} are not in the evidence; scan the cluster again")
        items = shown["items"]
        if "named" in test:
            name = self._benchmark.parameters[test["named"]]
            chosen = [item for item in items if item["metadata"]["name"] == name]
            if not chosen:
                others = some([item["metadata"]["name"] for item in items])
                return Verdict("fail", expected, f"only {others}" if others else "none exists", source, f"no {name}")
            items = chosen
        names = query_finds(items, test["query"])
        shown_items = [item for item in items if not names or item["metadata"]["name"] in names]
        actual = some([f"{item['metadata']['name']} {field_of(item, test['field'])}" for item in shown_items])
        if names:
            return Verdict("pass", expected, actual, source, "")
        return Verdict("fail", expected, actual or "none exists", source, "no matching object")


@functools.lru_cache(maxsize=1)
def _expectations(benchmark: Benchmark) -> dict[str, list[list[str]]]:
    """Return control id to what each alternative of its tests expects, which is the same on every node."""
    return {
        control["id"]: [
            [expectation(one, benchmark.parameters) for one in alternatives(test)] for test in control["tests"]
        ]
        for control in benchmark.controls
    }


def _why(error: dict[str, str], advice: str = "") -> str:
    """Return an evidence error in one sentence, with its own advice or else with this."""
    kind = error.get("kind", "").removeprefix("container ")
    text = f"{kind}: {error['message']}" if kind else error["message"]
    # the advice is the module's, which knows its own options only
    advice = re.sub(r"\b(docker_host|timeout)\b", r"cis_scan_\1", error.get("advice") or advice)
    return f"{text}; {advice}" if advice else text


def unseen_reason(evidence: dict[str, t.Any]) -> str:
    """Return why nothing at all was seen of a node; empty if something was, or nothing was asked."""
    if "error" in evidence:
        return _why(evidence["error"])
    containers, paths = evidence.get("containers", {}).values(), evidence.get("paths", {}).values()
    seen = any("state" in entry and "error" not in entry for entry in containers) or any(
        "error" not in entry or entry["error"]["kind"] in _ANSWERS for entry in paths
    )
    asked = [*containers, *paths]
    errors = [entry["error"] for entry in (evidence.get("docker", {}), *asked) if "error" in entry] if asked else []
    return _why(errors[0]) if errors and not seen else ""


def _bounded(text: str) -> str:
    return shortened(text, 200)


def _joined(texts: t.Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _all_of(parts: list[Verdict]) -> Verdict:
    """Combine verdicts that must all hold: fail outweighs error, error outweighs pass."""
    state = next((s for s in ("fail", "error") if any(part.state == s for part in parts)), "pass")
    return Verdict(
        state,
        _joined(part.expected for part in parts),
        _joined(part.actual for part in parts),
        _joined(part.source for part in parts),
        _joined(part.reason for part in parts if part.state == state),
    )


def _any_of(parts: list[Verdict]) -> Verdict:
    """Combine verdicts of which one must hold: pass outweighs error, error outweighs fail."""
    if len(parts) == 1:
        return parts[0]
    state = next(s for s in ("pass", "error", "fail") if any(part.state == s for part in parts))
    return Verdict(
        state,
        " or ".join(part.expected for part in parts),
        _joined(part.actual for part in parts),
        _joined(part.source for part in parts),
        "" if state == "pass" else _joined(part.reason for part in parts),
    )


def _manual(evidence: str, parts: list[Verdict], certain: bool) -> Verdict:
    """Return the verdict on a control that a person judges: manual with what was seen, or error.

    `certain` says that there is nothing to object to.
    """
    unseen = [part.reason for part in parts if part.state == "error"]
    return Verdict(
        "error" if unseen else "manual",
        evidence,
        _joined([*(part.actual for part in parts), "nothing to object to" if certain else ""]),
        _joined(part.source for part in parts),
        _joined(unseen),
    )


def score_node(
    benchmark: Benchmark,
    evidence: dict[str, t.Any],
    cluster: dict[str, t.Any] | None,
    control_ids: t.Container[str] | None = None,
) -> dict[str, Verdict]:
    """Return control id to verdict, for all controls of the benchmark or for these."""
    scorer = NodeScorer(benchmark, evidence, cluster)
    return {
        control["id"]: scorer.score(control)
        for control in benchmark.controls
        if control_ids is None or control["id"] in control_ids
    }
