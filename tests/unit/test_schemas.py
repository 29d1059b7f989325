# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schemas in docs: what the collection holds and writes fits them, and what is broken does not."""

from __future__ import annotations

import copy
import functools
import importlib.util
import json
import pathlib
import typing as t

import jsonschema
import pytest
import yaml

from ansible_collections.rke.cis.plugins.module_utils._evidence import Collector
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Profile, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import (
    DIRECTORY,
    OPERATOR_TYPES,
    benchmark_files,
    check_names,
    each_test,
    library_check,
)
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare
from ansible_collections.rke.cis.plugins.plugin_utils._schema import compiled
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import read_evidence, unseen_document
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import limited
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.operators import FLAG_OPERATORS, PATH_OPERATORS
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import read_waivers

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRACTICE = ROOT / "playbooks" / "practice" / "evidence"
KINDS = ("benchmark", "evidence", "cluster-evidence", "report", "comparison", "waivers", "alert", "partial")


def _states() -> t.Any:
    spec = importlib.util.spec_from_file_location("recorded_states", ROOT / "tests" / "oracle" / "states.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STATES = _states()
BENCHMARK = load_benchmark("rke-cis-1.4")


def _schema(kind: str) -> dict[str, t.Any]:
    return json.loads((ROOT / "docs" / f"{kind}.schema.json").read_text(encoding="utf-8"))


def test_no_schema_has_a_key_twice() -> None:
    """A reader of JSON takes the last one, and does not say so."""

    def once(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
        keys = [key for key, _value in pairs]
        assert len(keys) == len(set(keys)), keys
        return dict(pairs)

    found = [*(ROOT / "docs").glob("*.json"), *(ROOT / "plugins").rglob("*.schema.json")]
    assert found
    for path in found:
        json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=once)


def _validator(kind: str, part: str = "") -> jsonschema.Draft202012Validator:
    schema = _schema(kind)
    return jsonschema.Draft202012Validator({"$ref": f"#/$defs/{part}", "$defs": schema["$defs"]} if part else schema)


@functools.cache
def _benchmark_file(name: str) -> dict[str, t.Any]:
    text = (pathlib.Path(DIRECTORY) / f"{name}.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def _refused(schema: dict[str, t.Any], data: t.Any) -> bool:
    """Return whether a document is invalid, as jsonschema says. Our own validator must say the same."""
    refused = not jsonschema.Draft202012Validator(schema).is_valid(data)
    assert bool(compiled(schema)(data)) is refused
    return refused


def _practice() -> tuple[list[dict[str, t.Any]], dict[str, t.Any]]:
    nodes, cluster = read_evidence(str(PRACTICE))
    assert nodes and cluster
    return nodes, cluster


def _practice_report(**options: t.Any) -> dict[str, t.Any]:
    nodes, cluster = _practice()
    return build_report(BENCHMARK, options.pop("profile", "permissive"), nodes, cluster, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_is_a_schema(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(_schema(kind))


# ---------------------------------------------------------------------------------------------- benchmark


CONTROL = {"$ref": "#/$defs/control", "$defs": _schema("benchmark")["$defs"]}


@pytest.mark.parametrize("name", benchmark_files())
def test_benchmark_fits(name: str) -> None:
    assert not _refused(_schema("benchmark"), _benchmark_file(name))
    for control in load_benchmark(name).controls:
        assert not compiled(CONTROL)(control), control["id"]


@pytest.mark.parametrize("name", [path.name for path in sorted(pathlib.Path(DIRECTORY, "controls").glob("*.yml"))])
def test_the_library_fits(name: str) -> None:
    checks = yaml.safe_load(pathlib.Path(DIRECTORY, "controls", name).read_text(encoding="utf-8"))
    for each, check in checks.items():
        assert not _refused({**CONTROL, "$ref": "#/$defs/check"}, check), each


@pytest.mark.parametrize("name", check_names())
def test_every_check_says_how_bad_its_failure_is_and_where_that_comes_from(name: str) -> None:
    check = library_check(name) or {}
    assert set(check) >= {"severity", "nist", "references"}
    assert set(check["references"]) <= {"kubescape", "stig", "complianceascode"}
    assert check.get("level", 2) == 2  # 1 is what is taken without it


def test_every_check_is_used_and_overrides_differ() -> None:
    entries = [entry for name in benchmark_files() for entry in _benchmark_file(name)["controls"]]
    assert {entry["check"] for entry in entries} == set(check_names())
    for entry in entries:
        check = library_check(entry["check"]) or {}
        for key in set(entry) - {"id", "title", "check", "scored"}:
            assert entry[key] != check.get(key), (entry["id"], key)


@pytest.mark.parametrize("name", benchmark_files())
def test_benchmark_names_only_what_it_holds(name: str) -> None:
    """What no schema can say: every name used in the file stands in it, or in the library."""
    data = load_benchmark(name)
    assert data.id == name
    ids = [control["id"] for control in data.controls]
    assert len(ids) == len(set(ids))
    assert {control_id.rpartition(".")[0] for control_id in ids} == {group["id"] for group in data.groups}
    titles = [group["id"] for group in data.groups]
    assert len(titles) == len(set(titles))
    for profile in data.profiles.values():
        assert set(profile["skip"]) <= set(ids)
        assert set(profile["not_applicable"]) <= set(ids)
        assert not set(profile["skip"]) & set(profile["not_applicable"])
    values = {"bool": bool, "int": int, "int32": int, "string": str, "ip": str}
    for control in data.controls:
        for test in each_test(control):
            if "object" in test:
                assert test["object"] in data.objects, control["id"]
            elif "path" in test:
                assert "host" in test["path"] or test["path"]["container"] in data.components, control["id"]
            else:
                flags = data.components[control["component"]]["flags"]
                assert test["flag"] in flags, control["id"]
                kind = flags[test["flag"]]
                assert test["op"] in ("not_set", "shown") or kind in OPERATOR_TYPES[test["op"]], control["id"]
                if test["op"] == "differs_from":
                    for component in test["value"]["components"]:
                        assert test["value"]["flag"] in data.components[component]["flags"], control["id"]
                if test["op"] in ("equals", "one_of"):
                    wanted = test["value"] if test["op"] == "one_of" else [test["value"]]
                    assert {type(value) for value in wanted} == {values[kind]}, control["id"]


def test_the_schema_knows_the_operators_that_there_are() -> None:
    definitions = _schema("benchmark")["$defs"]
    assert set(definitions["flag_test"]["properties"]["op"]["enum"]) == {*FLAG_OPERATORS, "not_set"}
    assert set(definitions["path_test"]["properties"]["op"]["enum"]) == set(PATH_OPERATORS)


def _with(op: str) -> dict[str, t.Any]:
    """Return a control that has a test with this operator, which comes first."""
    controls = load_benchmark("rke-cis-1.4").controls
    control = copy.deepcopy(next(c for c in controls if any(test.get("op") == op for test in c["tests"])))
    control["tests"].sort(key=lambda test: test["op"] != op)
    return control


BROKEN_CONTROLS: dict[str, tuple[str, t.Callable[[dict[str, t.Any], dict[str, t.Any]], t.Any]]] = {
    "no remediation": ("not_set", lambda c, _t: c.pop("remediation")),
    "a placeholder": ("not_set", lambda c, _t: c.update(remediation="Edit $apiserverconf on the master node.")),
    "an unknown key": ("not_set", lambda c, _t: c.update(titel="x")),
    "the mark in the title": ("not_set", lambda c, _t: c.update(title="Ensure that it is so (Scored)")),
    "an id that is a number": ("not_set", lambda c, _t: c.update(id=1.1)),
    "an unknown node type": ("not_set", lambda c, _t: c.update(node_type=["worker"])),
    "an unknown operator": ("not_set", lambda _c, test: test.update(op="is")),
    "no test": ("not_set", lambda c, _t: c.update(tests=[])),
    "a flag without a component": ("not_set", lambda c, _t: c.pop("component")),
    "a mode that is a number": ("mode_within", lambda _c, test: test.update(value=420)),
    "a mode of three digits": ("mode_within", lambda _c, test: test.update(value="644")),
    "an owner without a group": ("owner_is", lambda _c, test: test.update(value="root")),
    "entries of what is not listed": ("entries_mode_within", lambda _c, test: test["path"].pop("list")),
    "a threshold that is text": ("at_least", lambda _c, test: test.update(value="30")),
    "a value where none is asked for": ("absolute_path", lambda _c, test: test.update(value="/x")),
    "two gates": ("gate_is", lambda _c, test: test.update(value={"A": True, "B": True})),
    "one test of which one must hold": ("not_set", lambda c, test: c.update(tests=[{"any_of": [test]}])),
    "a test beside those of which one must hold": (
        "not_set",
        lambda c, test: c.update(tests=[{**test, "any_of": [test, test]}]),
    ),
    "tests of which one must hold, and of which one only shows": (
        "not_set",
        lambda c, test: c.update(tests=[{"any_of": [test, {"flag": test["flag"], "op": "shown"}]}]),
    ),
    "a flag in any_of without a component": (
        "not_set",
        lambda c, test: (c.update(tests=[{"any_of": [test, test]}]), c.pop("component")),
    ),
    "a path of the node in a container": ("mode_within", lambda _c, test: test["path"].update(host="/x")),
    "a relative path of the node": ("mode_within", lambda _c, test: test.update(path={"host": "x"})),
    "a directory listed in two ways": ("entries_mode_within", lambda _c, test: test["path"].update(tree=True)),
    "one provider in place of several": ("first_provider_is", lambda _c, test: test.update(op="first_provider_in")),
    "a file that may fail if missing": ("mode_within", lambda _c, test: test.update(missing="fail")),
    "a severity that there is not": ("not_set", lambda c, _t: c.update(severity="worst")),
    "a level that there is not": ("not_set", lambda c, _t: c.update(level=3)),
    "no level": ("not_set", lambda c, _t: c.pop("level")),
    "an id that NIST does not give": ("not_set", lambda c, _t: c.update(nist=["access control"])),
    "an id of NIST twice": ("not_set", lambda c, _t: c.update(nist=["AC-3", "AC-3"])),
    "a source that does not say what": ("not_set", lambda c, _t: c.update(references={"kubescape": []})),
    "a query without words": ("query_finds", lambda _c, test: test.pop("expect")),
}


@pytest.mark.parametrize("why", BROKEN_CONTROLS)
def test_a_broken_control_is_refused(why: str) -> None:
    op, breaks = BROKEN_CONTROLS[why]
    control = _with(op)
    assert not _refused(CONTROL, control)
    breaks(control, control["tests"][0])
    assert _refused(CONTROL, control)


def test_tests_of_which_one_must_hold_fit() -> None:
    control = _with("not_set")
    control["tests"] = [{"any_of": control["tests"] * 2}]
    assert not _refused(CONTROL, control)


BROKEN_BENCHMARKS: dict[str, t.Callable[[dict[str, t.Any]], t.Any]] = {
    "an unknown type of flag": lambda d: d.update(components={"etcd": {"style": "go", "flags": {"--x": "text"}}}),
    "a skip without a reason": lambda d: d["profiles"]["permissive"]["skip"].update({"1.1.2": ""}),
    "a version that is a number": lambda d: d["kubernetes"].update(max=1.16),
    "no check": lambda d: d["controls"][0].pop("check"),
    "an unknown key of a control": lambda d: d["controls"][0].update(chek="x"),
    "an unknown key": lambda d: d.update(control=[]),
    "one mark": lambda d: d.update(marks=["Automated"]),
    "a check without tests": lambda d: d.update(checks={"x": {"node_type": ["master"], "remediation": "Do it."}}),
}


@pytest.mark.parametrize("why", BROKEN_BENCHMARKS)
def test_a_broken_benchmark_is_refused(why: str) -> None:
    data = copy.deepcopy(_benchmark_file("rke-cis-1.4"))
    BROKEN_BENCHMARKS[why](data)
    assert _refused(_schema("benchmark"), data)


# ----------------------------------------------------------------------------------------------- evidence


def test_recorded_evidence_fits() -> None:
    nodes, cluster = _practice()
    for document in nodes:
        _validator("evidence").validate(document)
    _validator("cluster-evidence").validate(cluster)


def test_evidence_of_a_node_that_was_not_seen_fits() -> None:
    _validator("evidence").validate(unseen_document("w1", ["worker"], "unreachable", "no route\nto host"))


def test_evidence_of_a_node_without_docker_fits() -> None:
    class Module:
        """A node without the docker command."""

        @staticmethod
        def get_bin_path(name: str) -> None:
            return None

    found = Collector(Module(), "unix:///nowhere/docker.sock", 1).collect(BENCHMARK.plan(["master", "etcd", "node"]))
    document = {**json.loads(json.dumps(found)), "node": "w1", "roles": ["worker"]}
    assert document["docker"]["error"]["advice"]
    _validator("evidence").validate(document)


def test_evidence_of_every_recorded_state_fits() -> None:
    paths, lists = set(), set()
    for state in STATES.load("rke-cis-1.4"):
        document, shown = STATES.evidence(state, BENCHMARK)
        paths.update(json.dumps(entry) for entry in document["paths"].values())
        items = shown.get("objects", {}).get("podsecuritypolicies", {}).get("items")
        if isinstance(items, list):
            kept = [{"metadata": {"name": item["metadata"]["name"]}, "spec": item["spec"]} for item in items]
            lists.add(json.dumps(kept))
    validator = _validator("evidence", "path")
    kinds = set()
    for entry in map(json.loads, paths):
        validator.validate(entry)
        kinds.add(entry.get("error", {}).get("kind"))
    assert kinds >= {None, "missing", "denied", "unreadable", "not_set", "not_absolute", "malformed"}
    head = {"schema": "rke.cis/cluster-evidence/1", "server": "https://a:6443", "version": "v1.15.9"}
    assert len(lists) > 5
    for kept in map(json.loads, lists):
        _validator("cluster-evidence").validate({**head, "objects": {"podsecuritypolicies": {"items": kept}}})


def _container(data: dict[str, t.Any]) -> dict[str, t.Any]:
    return data["containers"]["kubelet"]


def _path(data: dict[str, t.Any]) -> dict[str, t.Any]:
    return data["paths"]["kubelet:/etc/kubernetes/ssl"]


BROKEN_EVIDENCE: dict[str, t.Callable[[dict[str, t.Any]], t.Any]] = {
    "another version": lambda d: d.update(schema="rke.cis/evidence/2"),
    "no node": lambda d: d.pop("node"),
    "an unknown role": lambda d: d.update(roles=["master"]),
    "neither evidence nor an error": lambda d: d.pop("paths"),
    "evidence and an error": lambda d: d.update(error={"kind": "failed", "message": "x"}),
    "the whole environment": lambda d: _container(d).update(env=["A=b"]),
    "an unknown key of a container": lambda d: _container(d).update(labels={}),
    "arguments as text": lambda d: _container(d).update(args="kubelet --v=2"),
    "a container that is nothing": lambda d: d["containers"].update(kubelet={}),
    "a mode that is a number": lambda d: _path(d).update(mode=420),
    "a mode of three digits": lambda d: _path(d).update(mode="600"),
    "a path without an owner": lambda d: _path(d).pop("uid"),
    "a file's content": lambda d: _path(d)["entries"][0].update(content="x"),
    "an entry without a name": lambda d: _path(d)["entries"][0].pop("name"),
    "an error without a reason": lambda d: d["paths"].update({"etcd:/x": {"error": {"kind": "denied"}}}),
    "a key of an encryption provider": lambda d: _path(d).update(
        encryption=[{"resources": ["secrets"], "providers": [{"aescbc": {"keys": []}}]}]
    ),
}


@pytest.mark.parametrize("why", BROKEN_EVIDENCE)
def test_broken_evidence_is_refused(why: str) -> None:
    document = copy.deepcopy(next(document for document in _practice()[0] if document["node"] == "etcd1"))
    BROKEN_EVIDENCE[why](document)
    assert not _validator("evidence").is_valid(document)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"error": {"kind": "down"}},
        {"error": {"kind": "asleep", "message": "x"}},
        {"schema": "rke.cis/cluster-evidence/1", "server": "", "version": ""},
        {"schema": "rke.cis/cluster-evidence/1", "server": "", "version": "", "objects": {"p": {"items": None}}},
        {"schema": "rke.cis/cluster-evidence/1", "server": "", "version": "", "objects": {}, "config_map": {}},
        {
            "schema": "rke.cis/cluster-evidence/1",
            "server": "",
            "version": "",
            "objects": {"p": {"items": [{"metadata": {"name": "a", "annotations": {}}, "spec": {}}]}},
        },
    ],
    ids=["nothing", "no reason", "unknown kind", "no objects", "no items", "no text", "annotations"],
)
def test_broken_cluster_evidence_is_refused(document: dict[str, t.Any]) -> None:
    assert not _validator("cluster-evidence").is_valid(document)


# ------------------------------------------------------------------------------------------------- report


def test_report_of_every_recorded_state_fits() -> None:
    checks, frames = set(), set()
    for state in STATES.load("rke-cis-1.4"):
        document, cluster = STATES.evidence(state, BENCHMARK)
        report = build_report(BENCHMARK, "hardened", [document], cluster)
        checks.update(json.dumps(check) for check in report_checks(report))
        frames.add(json.dumps({**report, "results": [{**group, "checks": []} for group in report["results"]]}))
    for frame in map(json.loads, frames):
        _validator("report").validate(frame)
    validator = _validator("report", "check")
    seen = set()
    for check in map(json.loads, checks):
        validator.validate(check)
        seen.add(check["state"])
    assert seen == {"pass", "fail", "error", "notApplicable"}


def _waiver(control: str, nodes: list[str]) -> dict[str, t.Any]:
    given = {"source": "w.yml line 1", "controls": [control], "nodes": nodes, "reason": "r"}
    return {**given, "groups": {"g": ["w9"]} if nodes else {}, "owner": "o", "expires": "never", "days_left": None}


def test_report_of_a_cluster_fits() -> None:
    nodes, cluster = _practice()
    other = copy.deepcopy(next(document for document in nodes if document["node"] == "worker1"))
    other["node"] = "worker2"
    other["containers"]["kubelet"]["processes"] = [["kubelet", "--anonymous-auth=false", "--read-only-port=1"]]
    lost = unseen_document("worker3", ["worker"], "unreachable", "no route to host")
    report = build_report(
        BENCHMARK,
        "permissive",
        [*nodes, other, lost],
        cluster,
        skips={"1.1.2": {"by": "cis_scan_skip", "reason": ""}},
        waivers=[_waiver("1.4.21", ["cp1"]), _waiver("2.1.1", ["worker2"]), _waiver("9.*", [])],
        cluster="c1",
    )
    _validator("report").validate(json.loads(json.dumps(report)))
    assert {check["state"] for check in report_checks(report)} == {
        "pass", "fail", "mixed", "error", "skip", "notApplicable",
    }  # fmt: skip
    assert {check["id"] for check in report_checks(report) if check.get("waived_nodes")} == {"1.4.21"}
    assert sum(report[key] for key in ("pass", "fail", "skip", "notApplicable", "error")) == report["total"]


def _waived(report: dict[str, t.Any]) -> dict[str, t.Any]:
    return next(check for check in report_checks(report) if check.get("by") == "waiver")


def _check(report: dict[str, t.Any], state: str) -> dict[str, t.Any]:
    return next(check for check in report_checks(report) if check["state"] == state)


def _attested_error(check: dict[str, t.Any]) -> None:
    said = {"result": "passed", "explanation": "e", "by": "me", "date": "2026-11-01", "expires": "never"}
    check["evidence"][0].update(state="error", attestation=said)


BROKEN_REPORTS: dict[str, t.Callable[[dict[str, t.Any]], t.Any]] = {
    "no profile": lambda r: r.pop("profile"),
    "no version of the collection": lambda r: r.update(collection="rke.cis"),
    "an unknown state": lambda r: _check(r, "pass").update(state="warn"),
    "a pass with a failed node": lambda r: _check(r, "pass").update(failed_nodes=["cp1"]),
    "a pass on no node": lambda r: _check(r, "pass").update(passed_nodes=[]),
    "a pass with a node that was not seen": lambda r: _check(r, "pass").update(error_nodes=["cp1"]),
    "a failure without a failed node": lambda r: _check(r, "fail").update(failed_nodes=[]),
    "a mixed result without its nodes": lambda r: _check(r, "fail").update(state="mixed"),
    "a skip that says not by whom": lambda r: _check(r, "skip").pop("by"),
    "a verdict without evidence": lambda r: _check(r, "fail").pop("evidence"),
    "a waived failure that says not by whom": lambda r: _waived(r)["evidence"][0]["waiver"].pop("owner"),
    "a waived failure without its waiver": lambda r: _waived(r)["evidence"][0].pop("waiver"),
    "a waiver of what is still a failure": lambda r: _waived(r)["evidence"][0].update(state="fail"),
    "a waived control without waived nodes": lambda r: _waived(r).update(waived_nodes=[]),
    "a waived control with a failed node": lambda r: _waived(r).update(failed_nodes=["cp1"]),
    "a waived control without evidence": lambda r: _waived(r).pop("evidence"),
    "a pass with a waived node": lambda r: _check(r, "pass").update(waived_nodes=["cp1"]),
    "evidence of what the profile skips": lambda r: _check(r, "skip").update(evidence=[]),
    "a waiver of unknown status": lambda r: r["waivers"][0].update(status="old"),
    "a node twice": lambda r: r["nodes"].update(etcd=["etcd1", "etcd1"]),
    "a severity that there is not": lambda r: _check(r, "fail").update(severity="worst"),
    "no level": lambda r: _check(r, "fail").pop("level"),
    "an attested error": lambda r: _attested_error(_check(r, "fail")),
    "a negative count": lambda r: r.update(error=-1),
}


@pytest.mark.parametrize("why", BROKEN_REPORTS)
def test_broken_report_is_refused(why: str) -> None:
    report = json.loads(json.dumps(_practice_report(waivers=[_waiver("2.1.4", [])])))
    assert not _refused(_schema("report"), report)
    BROKEN_REPORTS[why](report)
    assert _refused(_schema("report"), report)


# --------------------------------------------------------------------------------------------- comparison


def _practice_comparison() -> dict[str, t.Any]:
    """Return a comparison with something in each list."""
    nodes, cluster = _practice()
    documents = {document["node"]: document for document in copy.deepcopy(nodes)}
    kubelet = documents["worker1"]["containers"]["kubelet"]
    kubelet["processes"] = [["kubelet", "--anonymous-auth=false", "--read-only-port=1"]]
    documents["etcd1"] = unseen_document("etcd1", ["etcd"], "unreachable", "no route to host")
    documents["worker2"] = unseen_document("worker2", ["worker"], "unreachable", "no route to host")
    gone = unseen_document("worker3", ["worker"], "unreachable", "no route to host")
    chosen = limited(Profile(BENCHMARK, "permissive"), {"severity": ["medium", "high"]})
    older = build_report(*chosen, [*nodes, gone], cluster)
    newer = build_report(BENCHMARK, "hardened", list(documents.values()), cluster)
    return json.loads(json.dumps(compare(older, newer)))


def test_comparison_fits() -> None:
    comparison = _practice_comparison()
    _validator("comparison").validate(comparison)
    assert all(value for value in comparison.values()), comparison


BROKEN_COMPARISONS: dict[str, t.Callable[[dict[str, t.Any]], t.Any]] = {
    "no scan before": lambda c: c.update({"from": None}),
    "another version": lambda c: c.update(schema="rke.cis/comparison/2"),
    "a fixed control on no node": lambda c: c["fixed"][0].update(nodes=[]),
    "a newly failing control without a title": lambda c: c["newly_failing"][0].pop("title"),
    "a changed value without the old one": lambda c: c["changed"][0].pop("before"),
    "an unknown state": lambda c: c["other"][0].update(after="mixed"),
    "a control twice": lambda c: c.update(not_compared=["1.1", "1.1"]),
    "a node twice": lambda c: c.update(nodes_gone=["a", "a"]),
    "an unknown key": lambda c: c.update(worse=1),
}


@pytest.mark.parametrize("why", BROKEN_COMPARISONS)
def test_broken_comparison_is_refused(why: str) -> None:
    comparison = _practice_comparison()
    BROKEN_COMPARISONS[why](comparison)
    assert not _validator("comparison").is_valid(comparison)


# ------------------------------------------------------------------------------------------------ waivers

GOOD_WAIVER = {"controls": ["1.1.*", "2.1.1"], "reason": "r", "owner": "o", "expires": "2026-12-31"}


@pytest.mark.parametrize(
    "document",
    [
        [],
        [GOOD_WAIVER],
        [{**GOOD_WAIVER, "controls": "1.1.2", "expires": "never", "nodes": "w*", "groups": "etcd"}],
        [GOOD_WAIVER, {**GOOD_WAIVER, "nodes": ["a", "b"], "groups": ["c"]}],
    ],
)
def test_waivers_that_are_read_fit(tmp_path: pathlib.Path, document: t.Any) -> None:
    (tmp_path / "w.json").write_text(json.dumps(document))
    assert len(read_waivers(str(tmp_path / "w.json"))) == len(document)
    _validator("waivers").validate(document)


BROKEN_WAIVERS: dict[str, t.Any] = {
    **{f"no {field}": {field: ...} for field in GOOD_WAIVER},
    "unknown field": {"until": "2026-12-31"},
    "no controls": {"controls": []},
    "an id that is a number": {"controls": [1.1]},
    "no nodes": {"nodes": []},
    "nodes are null": {"nodes": None},
    "a node that is a number": {"nodes": 10},
    "no groups": {"groups": []},
    "a blank reason": {"reason": " "},
    "a reason that is a number": {"reason": 4711},
    "an owner that is a list": {"owner": ["a"]},
    "another form of date": {"expires": "31.12.2026"},
    "a date that is a number": {"expires": 20261231},
    "an end that is null": {"expires": None},
}


@pytest.mark.parametrize("why", BROKEN_WAIVERS)
def test_broken_waivers_are_refused_by_schema_and_reader(tmp_path: pathlib.Path, why: str) -> None:
    changed = {**GOOD_WAIVER, **BROKEN_WAIVERS[why]}
    document = [{key: value for key, value in changed.items() if value is not ...}]
    (tmp_path / "w.json").write_text(json.dumps(document))
    with pytest.raises(CisError):
        read_waivers(str(tmp_path / "w.json"))
    assert not _validator("waivers").is_valid(document)


@pytest.mark.parametrize("document", [{"waivers": [GOOD_WAIVER]}, ["1.1.2"], "1.1.2", [[GOOD_WAIVER]]])
def test_what_is_no_list_of_waivers_is_refused_by_schema_and_reader(tmp_path: pathlib.Path, document: t.Any) -> None:
    (tmp_path / "w.json").write_text(json.dumps(document))
    with pytest.raises(CisError):
        read_waivers(str(tmp_path / "w.json"))
    assert not _validator("waivers").is_valid(document)
