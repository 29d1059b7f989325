# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import getpass
import json
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action.score_evidence import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.lock import acquire
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import evidence_path
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import waivers_of_file
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    lost,
    node,
    set_flag,
)


def bad(name: str) -> dict[str, t.Any]:
    document = node(name)
    set_flag(document, "kube-apiserver", "--profiling=true")
    return document


NODES = [node("a"), bad("b"), lost("c")]


@pytest.fixture
def args(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    """Arguments over recorded evidence of a good, a bad and a lost node."""
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    for document in NODES:
        pathlib.Path(evidence_path(str(evidence), document["node"])).write_text(to_json(document))
    (evidence / "cluster.json").write_text(to_json(cluster()))
    return {
        "profile": "RKE-CIS-1.4-Hardened",
        "evidence_dir": str(evidence),
        "report_dir": str(tmp_path / "reports"),
    }


def read(result: dict[str, t.Any]) -> dict[str, t.Any]:
    return json.loads(pathlib.Path(result["report"]).read_text(encoding="utf-8"))


def test_the_report_is_that_of_the_evidence(args: dict[str, t.Any]) -> None:
    result = run_action(ActionModule, args)
    report = read(result)
    scan = {"name": pathlib.Path(result["scan_dir"]).name, "kind": "manual", "by": getpass.getuser()}
    assert report == build_report(BENCHMARK, "hardened", NODES, cluster(), scan=scan)
    assert result["changed"] is True
    assert result["report"].startswith(result["scan_dir"])
    assert result["counts"] == {key: report[key] for key in ("total", *COUNTS)}
    assert result["failed_controls"] == ["1.1.8"]
    assert result["unexamined_nodes"] == ["c"]
    assert result["unexamined_controls"] >= report["error"]


def test_only_the_nodes_that_are_wanted(args: dict[str, t.Any]) -> None:
    result = run_action(ActionModule, {**args, "nodes": {"a": ["worker"]}})
    assert result["counts"]["pass"] == 78
    assert list(read(result)["node_results"]) == ["a"]


def test_a_directory_of_a_scan_is_used(args: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    result = run_action(ActionModule, {**args, "scan_dir": str(tmp_path)})
    assert result["report"] == str(tmp_path / "report.json")
    assert not (tmp_path / "reports").exists()


def test_the_same_evidence_gives_the_same_bytes(args: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    written = []
    for each in ("a", "b"):
        (tmp_path / each / "scan").mkdir(parents=True)
        result = run_action(ActionModule, {**args, "scan_dir": str(tmp_path / each / "scan")})
        written.append(pathlib.Path(result["report"]).read_bytes())
    assert written[0] == written[1]


def test_who_scanned_and_whether_by_schedule(args: dict[str, t.Any]) -> None:
    result = run_action(ActionModule, {**args, "kind": "scheduled", "scanned_by": "nightly"})
    name = pathlib.Path(result["scan_dir"]).name
    assert name.endswith("-rke-cis-1.4-hardened-scheduled")
    assert read(result)["scan"] == {"name": name, "kind": "scheduled", "by": "nightly"}


def test_what_has_changed_since_the_scan_before(args: dict[str, t.Any]) -> None:
    def score(document: dict[str, t.Any]) -> dict[str, t.Any]:
        pathlib.Path(evidence_path(args["evidence_dir"], "b")).write_text(to_json(document))
        return run_action(ActionModule, args)

    results = [score(document) for document in (node("b"), bad("b"), bad("b"), node("b"))]
    names = [pathlib.Path(result["scan_dir"]).name for result in results]
    assert [result["compared_with"] for result in results] == ["", *names[:-1]]
    assert [result["newly_failing"] for result in results] == [[], ["1.1.8"], [], []]
    assert [result["fixed"] for result in results] == [[], [], [], ["1.1.8"]]
    other = run_action(ActionModule, {**args, "profile": "RKE-CIS-1.4-Permissive"})
    assert other["compared_with"] == ""


def test_another_version_of_kubernetes_is_a_warning(args: dict[str, t.Any]) -> None:
    assert run_action(ActionModule, args)["warnings"] == []
    path = pathlib.Path(evidence_path(args["evidence_dir"], "a"))
    document = json.loads(path.read_text())
    document["containers"]["kubelet"]["image"] = "registry.local:5000/rancher/hyperkube:v1.20.15-rancher2"
    path.write_text(to_json(document))
    result = run_action(ActionModule, args)
    assert [warning.split(":")[0] for warning in result["warnings"]] == [
        "rke-cis-1.4 is made for Kubernetes 1.13 to 1.18, and v1.20.15 runs on a"
    ]
    assert read(result)["kubernetes"]["seen"]["v1.20.15"] == ["a"]


def test_skips(args: dict[str, t.Any]) -> None:
    api = {**cluster(), "config_map": {"text": '{"skip": {"rke-cis-1.4": ["1.1.8", "9.9"]}}'}}
    (pathlib.Path(args["evidence_dir"]) / "cluster.json").write_text(json.dumps(api))
    result = run_action(ActionModule, args)
    assert (result["failed_controls"], result["counts"]["skip"]) == ([], 1)
    assert any("9.9" in warning for warning in result["warnings"])
    assert run_action(ActionModule, {**args, "skip_source": "variable"})["failed_controls"] == ["1.1.8"]
    assert run_action(ActionModule, {**args, "skip_source": "variable", "skip": "1.1.8"})["failed_controls"] == []


def test_skips_of_a_plan_stand_in_for_their_sources(args: dict[str, t.Any]) -> None:
    skips = {"1.1.8": {"by": "cis_scan_skip", "reason": "r"}}
    result = run_action(ActionModule, {**args, "skips": skips, "skip_file": "/not/read/again"})
    assert (result["failed_controls"], result["counts"]["skip"]) == ([], 1)
    assert run_action(ActionModule, {**args, "skips": {}, "skip": "1.1.8"})["failed_controls"] == ["1.1.8"]


@pytest.fixture
def waivers_file(tmp_path: pathlib.Path) -> str:
    (tmp_path / "w.yml").write_text("- {controls: 1.1.8, groups: late, reason: r, owner: o, expires: never}\n")
    return str(tmp_path / "w.yml")


def test_a_group_is_that_of_the_inventory(args: dict[str, t.Any], waivers_file: str) -> None:
    result = run_action(ActionModule, {**args, "waivers_file": waivers_file}, {"groups": {"late": ["b"]}})
    assert (result["failed_controls"], result["counts"]["skip"]) == ([], 0)
    report = read(result)
    assert report["waivers"][0]["status"] == "live"
    check = next(check for group in report["results"] for check in group["checks"] if check["id"] == "1.1.8")
    # what was not seen is not excused by it
    assert (check["state"], check["waived_nodes"], check["error_nodes"]) == ("error", ["b"], ["c"])


def test_without_an_inventory_a_group_excuses_nothing(args: dict[str, t.Any], waivers_file: str) -> None:
    for variables in ({}, {"groups": {"all": [], "ungrouped": []}}):
        result = run_action(ActionModule, {**args, "waivers_file": waivers_file}, variables)
        assert result["failed_controls"] == ["1.1.8"]
        assert any("no group 'late' with hosts" in warning for warning in result["warnings"])


def test_waivers_of_a_plan_stand_in_for_their_file(args: dict[str, t.Any], waivers_file: str) -> None:
    waivers = waivers_of_file(waivers_file, {"late": ["b"]})
    result = run_action(ActionModule, {**args, "waivers": waivers, "waivers_file": "/not/read/again"})
    assert result["failed_controls"] == []
    assert run_action(ActionModule, {**args, "waivers": [], "waivers_file": waivers_file})["failed_controls"] == [
        "1.1.8"
    ]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"profile": "x"}, "cis_scan_profile"),
        ({"evidence_dir": ""}, "cis_scan_evidence_dir"),
        ({"evidence_dir": "/no/such/directory"}, "cis_scan_evidence_dir"),
        ({"nodes": {"a": [], "z": []}}, "z"),
        ({"skip": {"1.1.2": 5}}, "cis_scan_skip"),
        ({"skip_file": "/no/such/file"}, "cis_scan_skip_file"),
        ({"skip_source": "file"}, "cis_scan_skip_file names none"),
        ({"waivers_file": "/no/such/file"}, "cis_scan_waivers_file"),
        ({"cluster": ".."}, "cis_scan_cluster"),
        ({"scan_dir": "/no/such/directory"}, "/no/such/directory"),
        ({"report_dir": None}, "report_dir"),
    ],
)
def test_a_wrong_request_is_one_line(args: dict[str, t.Any], change: dict[str, t.Any], said: str) -> None:
    wrong = {key: value for key, value in {**args, **change}.items() if value is not None}
    result = run_action(ActionModule, wrong)
    assert result["failed"] is True
    assert said in result["msg"]


def test_no_evidence_is_no_clean_report(args: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run_action(ActionModule, {**args, "evidence_dir": str(tmp_path / "empty")})
    assert result["failed"] is True
    assert "no evidence" in result["msg"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_bad_file_is_named(args: dict[str, t.Any], content: str) -> None:
    path = pathlib.Path(evidence_path(args["evidence_dir"], "a"))
    path.write_text(content)
    result = run_action(ActionModule, args)
    assert result["failed"] is True
    assert str(path) in result["msg"]


def test_the_lock_of_a_scheduled_scan_is_given_back(args: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    scan_dir = tmp_path / "prod" / "20261122T000000Z-x-scheduled"
    scan_dir.mkdir(parents=True)
    acquire(str(scan_dir.parent))
    run_action(ActionModule, {**args, "scan_dir": str(scan_dir), "kind": "scheduled"})
    assert [path.name for path in scan_dir.parent.iterdir()] == [scan_dir.name]
