# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold whatever is seen: laws of verdicts, of merging and of comparisons.

Evidence is that of tests/oracle, of the practice cluster, and of nodes of which each control passes.
"""

from __future__ import annotations

import copy
import functools
import json
import pathlib
import random
import tempfile
import typing as t

import hypothesis
from hypothesis import strategies as st

from ansible_collections.rke.cis.plugins.action import score_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import each_test
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare, outline
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    check_cluster,
    check_evidence,
    unseen_cluster,
    unseen_document,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict, score_node
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import CONFIG_MAP
from ansible_collections.rke.cis.tests.fuzz.damage import ODD, fuzz, places
from ansible_collections.rke.cis.tests.oracle import states as oracle
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action
from ansible_collections.rke.cis.tests.unit.plugins.action.test__merge_scan import (
    NAME,
    STARTED,
    UNASKED,
    document,
    files,
    merge,
    scan,
    scored,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils._benchmarks.test_laws import (
    BAD,
    IDS,
    good,
    judged_flags,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.compare_helper import small_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, set_flag

Document = dict[str, t.Any]

PRACTICE = pathlib.Path(__file__).parents[2] / "playbooks" / "practice" / "evidence"
HYPERKUBE = "rancher/hyperkube:v{}-rancher1"


_bad = functools.cache(judged_flags)


def commands(node: Document, component: str) -> list[str]:
    """Return the arguments of a component's only process."""
    (process,) = node["containers"][component]["processes"]
    return t.cast("list[str]", process)


def drawn(data: st.DataObject) -> tuple[Benchmark, Document, Document, dict[str, str]]:
    """Return what `good` does of one of the benchmarks, with a node that may be changed."""
    benchmark, node, cluster, found = good(data.draw(st.sampled_from(IDS)))
    return benchmark, copy.deepcopy(node), cluster, found


def name_of(word: str) -> str:
    return word.lstrip("-").partition("=")[0].replace("_", "-")


# --------------------------------------------------------------------------------------------- argument lists


@fuzz(400)
@hypothesis.given(data=st.data())
def test_the_order_of_unrepeated_arguments_does_not_matter(data: st.DataObject) -> None:
    benchmark, node, _cluster, found = drawn(data)
    component = data.draw(st.sampled_from(sorted(node["containers"])))
    program, *words = commands(node, component)
    repeated = {name for name in map(name_of, words) if list(map(name_of, words)).count(name) > 1}
    # those that are repeated stay in their order
    moved = data.draw(st.permutations([word for word in words if name_of(word) not in repeated]))
    argv = [program, *moved, *(word for word in words if name_of(word) in repeated)]
    node["containers"][component]["processes"] = [argv]
    assert of_node(benchmark, node, found) == found


def of_node(benchmark: Benchmark, node: Document, found: dict[str, str]) -> dict[str, str]:
    """Return the states of all controls, after a change of which the API knows nothing."""
    ids = {control["id"] for control in benchmark.controls if not any("object" in test for test in each_test(control))}
    return {**found, **{name: verdict.state for name, verdict in score_node(benchmark, node, None, ids).items()}}


@functools.cache
def unrelated(benchmark: Benchmark, component: str) -> list[str]:
    """Return the flags of a component that no control asks for."""
    about = benchmark.components[component]
    asked = set(about.get("config_file", {}).get("flags", ()))
    for control in benchmark.controls:
        for test in each_test(control):
            value = test.get("value")
            asked |= {test.get("flag"), test.get("path", {}).get("flag")}
            asked |= {value.get("flag")} if isinstance(value, dict) else set()
    asked |= {name for name, other in about.get("counts_as", {}).items() if other in asked}
    return sorted(set(about["flags"]) - asked)


@fuzz(400)
@hypothesis.given(data=st.data())
def test_flags_that_no_control_asks_for_change_nothing(data: st.DataObject) -> None:
    benchmark, node, _cluster, found = drawn(data)
    component = data.draw(st.sampled_from(sorted(node["containers"])))
    given = [[word] for word in commands(node, component)]
    for flag in data.draw(st.lists(st.sampled_from(unrelated(benchmark, component)), min_size=1, max_size=4)):
        kind = benchmark.components[component]["flags"][flag]
        value = {"bool": "true", "duration": "1s", "ip": "127.0.0.1", "gates": "X=true"}.get(kind, "1")
        apart = kind != "bool" and data.draw(st.booleans())
        given.insert(data.draw(st.integers(1, len(given))), [flag, value] if apart else [f"{flag}={value}"])
    node["containers"][component]["processes"] = [[word for words in given for word in words]]
    assert of_node(benchmark, node, found) == found


# Of these any bad value counts, wherever it stands, since the values add up.
_ADD_UP = ("excludes", "subset_of", "absolute_path")


@fuzz(700)
@hypothesis.given(data=st.data())
def test_a_bad_value_that_comes_last_never_passes(data: st.DataObject) -> None:
    """However often the flag is given before, in which form, and with what around it. Where values add up, it need not
    come last."""
    benchmark, node, cluster, _found = drawn(data)
    control_id, component, flag, bad = data.draw(st.sampled_from(_bad(benchmark)))
    (control,) = (control for control in benchmark.controls if control["id"] == control_id)
    tests = [test for test in control["tests"] if test.get("flag") == flag and test["op"] in BAD]
    (test,) = (test for test in tests if BAD[test["op"]](test.get("value")) == bad)
    kind = benchmark.components[component]["flags"][flag]
    bad = data.draw(st.sampled_from(["{}", "{}", " {}", "{}\t", '"{}"', "'{}'", '" {}"', ",{}", "{},"])).format(bad)
    before = [word.partition("=")[2] for word in commands(node, component)[1:] if f"--{name_of(word)}" == flag]
    values = data.draw(st.lists(st.sampled_from([*before, bad, "x", ""]), max_size=3))
    adds_up = kind in ("list", "strings") and test["op"] in _ADD_UP
    values.insert(data.draw(st.integers(0, len(values))) if adds_up else len(values), bad)
    for value in values:
        apart = kind != "bool" and data.draw(st.booleans())
        set_flag(node, component, *([flag, value] if apart else [f"{flag}={value}"]))
    verdict = score_node(benchmark, node, cluster, {control_id})[control_id]
    assert verdict.state in ("fail", "warn"), (control_id, commands(node, component), verdict)


WORDS = [
    *(word for word in ODD if isinstance(word, str) and len(word) < 1000),
    "--",
    "-",
    "---a",
    "-v",
    "=",
    "--=",
    "kube-apiserver",
]


@fuzz(700)
@hypothesis.given(data=st.data())
def test_any_words_give_a_verdict_with_its_reason(data: st.DataObject) -> None:
    benchmark, node, cluster, _found = drawn(data)
    component = data.draw(st.sampled_from(sorted(node["containers"])))
    flags = sorted(benchmark.components[component]["flags"])
    argv = commands(node, component)
    for _word in range(data.draw(st.integers(1, 6))):
        word = data.draw(st.sampled_from(WORDS))
        flag = data.draw(st.sampled_from(["", "=", "apart"]))
        if flag:
            name = data.draw(st.sampled_from(flags))
            word = f"{name}={word}" if flag == "=" else name
        argv.insert(data.draw(st.integers(0, len(argv))), word)
    for control_id, verdict in judge(benchmark, node, cluster).items():
        assert verdict.state in ("pass", "fail", "warn", "error", "manual"), control_id
        assert verdict.reason or verdict.state in ("pass", "manual"), control_id


# ------------------------------------------------------------------------------------------ evidence taken away


def judge(
    benchmark: Benchmark, node: Document, cluster: Document, ids: t.Container[str] | None = None
) -> dict[str, Verdict]:
    """Return the verdicts on evidence as it comes in."""
    try:
        node = check_evidence(node, "x")
    except CisError as error:
        node = unseen_document(node["node"], node["roles"], "invalid", str(error))
    try:
        cluster = check_cluster(cluster, "x")
    except CisError as error:
        cluster = unseen_cluster("invalid", str(error))
    return score_node(benchmark, node, cluster, ids)


def _read(name: str) -> Document:
    return t.cast(Document, json.loads((PRACTICE / name).read_text(encoding="utf-8")))


_recorded = functools.cache(oracle.load)


@functools.cache
def recorded(benchmark_id: str, number: int) -> tuple[Document, Document]:
    """Return evidence of a state of tests/oracle with all that a document of the collector has."""
    node, cluster = oracle.evidence(_recorded(benchmark_id)[number], load_benchmark(benchmark_id))
    containers = {
        name: {"user": "", "process_text": [], **shown} if "state" in shown else shown
        for name, shown in node["containers"].items()
    }
    docker = {"host": "unix:///var/run/docker.sock", "source": "docker CLI"}
    node = {
        **node,
        "collector": "x",
        "collected_at": "2026-11-21T22:00:00Z",
        "docker": docker,
        "containers": containers,
    }
    if "error" not in cluster:
        cluster = {"schema": "rke.cis/cluster-evidence/1", "server": "", "version": "", **cluster}
    check_evidence(node, "x")
    check_cluster(cluster, "x")
    return node, cluster


@st.composite
def evidence(draw: st.DrawFn) -> tuple[Benchmark, Document, Document]:
    """A benchmark with evidence of a node and of the cluster, in which some is wrong."""
    source = draw(st.sampled_from(["good", "good", "oracle", "practice"]))
    if source == "oracle":
        benchmark_id = draw(st.sampled_from(["rke-cis-1.4", "rke-cis-1.6", "rke-cis-1.8"]))
        number = draw(st.integers(0, len(_recorded(benchmark_id)) - 1))
        return (load_benchmark(benchmark_id), *copy.deepcopy(recorded(benchmark_id, number)))
    benchmark_id = draw(st.sampled_from(IDS))
    if source == "practice":
        name = draw(st.sampled_from(["node-cp1.json", "node-etcd1.json", "node-worker1.json"]))
        return load_benchmark(benchmark_id), _read(name), _read("cluster.json")
    benchmark, node, cluster, _found = good(benchmark_id)
    node, cluster = copy.deepcopy(node), copy.deepcopy(cluster)
    version = draw(st.sampled_from(["1.13.12", "1.17.17", "1.20.15", "1.24.17", "1.28.15"]))
    said = {name: shown["args"] for name, shown in node["containers"].items()}
    for _control_id, component, flag, bad in draw(st.lists(st.sampled_from(_bad(benchmark)), max_size=5)):
        if draw(st.booleans()):  # versions differ in how they read this
            flag = "--" + flag[2:].replace("-", "_")
        set_flag(node, component, f"{flag}={bad}")
    for component in draw(st.sets(st.sampled_from(sorted(node["containers"])), max_size=2)):
        flags = benchmark.components[component].get("config_file", {}).get("flags")
        set_flag(node, component, *([f"{draw(st.sampled_from(flags))}=/x"] if flags else []))
    hidden = draw(st.booleans())  # what runs may be other than what Docker was given
    for name, shown in node["containers"].items():
        shown.update({"image": HYPERKUBE.format(version), **({"args": said[name]} if hidden else {})})
    for key in draw(st.lists(st.sampled_from(sorted(node["paths"])), max_size=5)):
        for entry in (node["paths"][key], *node["paths"][key].get("entries", [])):
            entry["mode"] = "7777"
    for name in draw(st.lists(st.sampled_from(sorted(cluster["objects"])), max_size=5)):
        for found in cluster["objects"][name].get("found", {}).values():
            found.update(count=1, items=[{"name": "a/b", "details": ["x"]}])
    return benchmark, node, cluster


UNSEEN = ("denied", "unreadable", "timeout", "too large", "not_located", "not_mounted", "malformed", "x")


def take_away(draw: st.DrawFn, node: Document, cluster: Document) -> str:
    """Take a part of the evidence away, or damage it so that it is not valid.

    That is any key, or any value that becomes an error or something of another kind. It is another node, and no damage,
    if a word of a command line, a variable or an entry of a list is not there, or has another valid value; and so are
    the errors `missing`, `not_set` and `not_absolute`, which are answers.
    """
    if draw(st.integers(0, 3)) == 0:  # what depends on this is in several places, or only rarely wrong
        shown = [one for one in node["containers"].values() if isinstance(one, dict) and "args" in one]
        key, nothing = draw(st.sampled_from([("image", ""), ("processes", [])]))
        for one in shown:
            one[key] = nothing
        return f"empty {key}"
    kind = draw(st.sampled_from(["containers", "containers", "paths", "paths", "objects"]))
    parts = (cluster if kind == "objects" else node).get(kind)
    if not parts:
        return "nothing"
    name = draw(st.sampled_from(sorted(parts)))
    within = [(parts, name), *places(parts[name])]
    where, key = within[draw(st.integers(0, draw(st.sampled_from([0, min(9, len(within) - 1), len(within) - 1]))))]
    how = draw(st.sampled_from(["remove", "error", "other", "empty"]))
    if how == "remove" and isinstance(where, dict) and isinstance(key, str) and not key.startswith("ETCD_"):
        del where[key]
    elif how == "empty" and key in ("image", "processes", "args", "mounts", "state"):
        where[key] = type(where[key])()
    else:
        error: Document = {"error": {"kind": draw(st.sampled_from(UNSEEN)), "message": "no"}}
        if isinstance(where, list) and isinstance(where[key], dict) and "name" in where[key]:
            error["name"] = where[key]["name"]
        where[key] = error if how == "error" else draw(st.sampled_from([None, [None], {"": ""}, 1.5]))
    return f"{how} {key}"


@fuzz(1000)
@hypothesis.given(data=st.data())
def test_evidence_that_is_taken_away_never_makes_a_pass(data: st.DataObject) -> None:
    benchmark, node, cluster = data.draw(evidence())
    before = judge(benchmark, node, cluster)
    done = [take_away(data.draw, node, cluster) for _time in range(data.draw(st.integers(1, 3)))]
    after = judge(benchmark, node, cluster, {name for name, verdict in before.items() if verdict.state != "pass"})
    passed = {name: verdict for name, verdict in after.items() if verdict.state == "pass"}
    assert not passed, (done, passed, [before[name] for name in passed])


# ---------------------------------------------------------------------------------------------------- merging


@fuzz(25)
@hypothesis.given(st.data())
def test_merged_parts_are_the_whole(data: st.DataObject) -> None:
    """Whatever nodes there are, however they are dealt, in any order of the parts, and some of them named twice."""
    kinds = data.draw(st.lists(st.integers(0, 19), min_size=1, max_size=12))
    documents = [document(f"n{number}", kind) for number, kind in enumerate(kinds)]
    count = data.draw(st.integers(1, len(documents)))
    dealt = data.draw(st.sampled_from(["as AWX does", "at will"]))
    shares = [documents[number::count] for number in range(count)]
    if dealt == "at will":
        shares = [[] for _number in range(count)]
        for one in documents:
            shares[data.draw(st.integers(0, count - 1))].append(one)
    asked = data.draw(st.sets(st.integers(0, count - 1), min_size=1))  # which parts ask the API
    output = {"formats": ["csv", "prometheus"]}
    skips = {"1.1.2": {"by": "cis_scan_skip", "reason": "r"}}
    from_api = {"1.1.3": {"by": CONFIG_MAP, "reason": ""}}
    with tempfile.TemporaryDirectory() as work:
        base = pathlib.Path(work)
        whole = scan(
            base / "whole" / "local" / NAME, documents, part=False, output=output, skips={**skips, **from_api},
            started=STARTED, scanned_by="me",
        )  # fmt: skip
        assert "failed" not in run_action(score_evidence.ActionModule, {"scan_dir": str(whole)})
        parts = [
            scan(base / "parts" / f"{number:02}", share, cluster() if number in asked else UNASKED,
                 skips={**skips, **(from_api if number in asked else {})}, started=STARTED + 60 * number)
            for number, share in enumerate(shares)
        ]  # fmt: skip
        parts += data.draw(st.lists(st.sampled_from(parts), max_size=3))
        random.Random(data.draw(st.integers(0, 99))).shuffle(parts)
        result = scored(merge(base / "merged", parts, formats=output["formats"]))
        assert pathlib.Path(result["scan_dir"]) == base / "merged" / "local" / NAME
        merged, expected = files(pathlib.Path(result["scan_dir"])), files(whole)
        assert merged.keys() == expected.keys()
        assert [name for name in merged if merged[name] != expected[name]] == []


# ------------------------------------------------------------------------------------------------ comparisons

STATES = ("pass", "fail", "warn", "error", "manual")
LEFT_OUT = ("skip", "notApplicable")


@st.composite
def reports(draw: st.DrawFn) -> Document:
    names = draw(st.lists(st.sampled_from(["n1", "n2", "n3", "n4"]), min_size=1, unique=True))
    controls: dict[str, t.Any] = {}
    for number in range(draw(st.integers(1, 6))):
        state = draw(st.sampled_from([*LEFT_OUT, "", "", "", ""]))
        shown = {name: (draw(st.sampled_from(STATES)), draw(st.sampled_from("ab"))) for name in names}
        controls[f"1.{number}"] = state or shown
    return small_report(controls, names)


def _pairs(changes: list[dict[str, t.Any]]) -> set[tuple[str, str]]:
    return {(change["id"], name) for change in changes for name in change["nodes"]}


@fuzz(400)
@hypothesis.given(reports(), reports())
def test_the_other_way_round_is_the_mirror_image(report: Document, other: Document) -> None:
    there, back = compare(report, other), compare(other, report)
    assert (there["nodes_added"], there["nodes_gone"]) == (back["nodes_gone"], back["nodes_added"])
    # Where both verdicts are real, newly failing is the mirror of fixed. A failure that was none before may not have
    # been a pass, so it need not be fixed the other way round.
    assert _pairs(there["fixed"]) <= _pairs(back["newly_failing"])
    was, now = outline(report).controls, outline(other).controls
    real = {
        (i, name)
        for i, name in _pairs(back["newly_failing"])
        if i in now and name in now[i].nodes and now[i].nodes[name].state == "pass"
    }
    assert _pairs(there["fixed"]) == real
    # No pair is told twice, and of the nodes that both scans know each is told if and only if it differs: in its state,
    # or in the value where both times there was one.
    both = set(report["node_results"]) & set(other["node_results"])
    kinds = ("newly_failing", "fixed", "changed", "other")
    pairs = [pair for key in kinds for change in there[key] for pair in _pairs([change])]
    assert len(pairs) == len(set(pairs))
    seen = {(i, name): (was[i].nodes[name], now[i].nodes[name]) for i in was.keys() & now.keys() for name in both}
    differ = {
        pair
        for pair, (one, two) in seen.items()
        if one.state != two.state or (None not in (one.actual, two.actual) and one.actual != two.actual)
    }
    assert {pair for pair in pairs if pair in seen} == differ
    assert not any(compare(report, copy.deepcopy(report))[key] for key in (*kinds, "nodes_added", "nodes_gone"))
