# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import getpass
import json
import os
import pathlib
import typing as t
from unittest import mock

import pytest

from ansible_collections.rke.cis.plugins.action.score_evidence import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._action import RUN
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates
from ansible_collections.rke.cis.plugins.plugin_utils._reports import finish
from ansible_collections.rke.cis.plugins.plugin_utils._reports import scans as scans_module
from ansible_collections.rke.cis.plugins.plugin_utils._reports.lock import NAME, acquire
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import OUTPUTS
from ansible_collections.rke.cis.plugins.plugin_utils._scoring import build
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.choice import chosen_profile, cluster_version
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    NOT_GATHERED,
    evidence_path,
    unseen_document,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import make_action, run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    lost,
    node,
    set_flag,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.plan_helper import make_plan


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
    return {"profile": "RKE-CIS-1.4-Hardened", "evidence_dir": str(evidence), "report_dir": str(tmp_path / "reports")}


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


@pytest.fixture
def planned(args: dict[str, t.Any], tmp_path: pathlib.Path) -> t.Callable[..., dict[str, t.Any]]:
    """Plans a scan of the recorded evidence and returns the arguments to end it with."""

    everything = {document["node"]: document["roles"] for document in NODES}

    def plan(
        name: str = "20261121T220000Z-rke-cis-1.4-hardened", nodes: t.Any = everything, **more: t.Any
    ) -> dict[str, t.Any]:
        scan_dir = tmp_path / "reports" / "local" / name
        made = make_plan(scan_dir, nodes, cluster(), **{"profile": args["profile"], **more})
        for document in NODES:
            pathlib.Path(evidence_path(made["evidence_dir"], document["node"])).write_text(to_json(document))
        return {"scan_dir": str(scan_dir)}

    return plan


def test_a_planned_scan_is_scored_as_planned(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    skips = {"1.1.8": {"by": "cis_scan_skip", "reason": "r"}}
    args = planned(skips=skips, scanned_by="me", cluster="prod")
    result = run_action(ActionModule, args)
    scan = {"name": pathlib.Path(args["scan_dir"]).name, "kind": "manual", "by": "me"}
    expected = build_report(BENCHMARK, "hardened", NODES, cluster(), skips=skips, scan=scan, cluster="prod")
    assert read(result) == expected
    assert result["scan_dir"] == args["scan_dir"]


def test_of_a_shared_directory_only_the_nodes_of_the_scan_count(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    result = run_action(ActionModule, planned(nodes={"a": ["controlplane", "etcd", "worker"]}))
    assert list(read(result)["node_results"]) == ["a"]


@pytest.mark.parametrize(
    "answer, active, said",
    [
        ({"failed": True, "msg": "Task failed: Missing sudo password"}, True, "failed: sudo asks for a password; "),
        (
            {"failed": True, "msg": "Error processing keyword 'port': 'x' is undefined"},
            True,
            "failed: 'x' is undefined, which this host needs for port; define it",
        ),
        (
            {"failed": True, "msg": "The field 'port' has an invalid value. The error was: 'x' is undefined. 'x' is"},
            True,
            "failed: 'x' is undefined, which this host needs for port; define it",
        ),
        (
            {"failed": True, "msg": "Attempting to decrypt but no vault secrets found."},
            True,
            "failed: Attempting to decrypt but no vault secrets found; run with --ask-vault-pass or --vault-id",
        ),
        ({"unreachable": True, "msg": "no route"}, True, "unreachable: no route"),
        ({"skipped": True}, True, "not gathered: nothing was gathered on this node; "),
        (None, True, "not gathered: nothing was gathered on this node; "),
        (None, False, "not gathered: an earlier task of the play failed on this node; "),
    ],
)
def test_where_nothing_was_gathered_the_result_of_ansible_says_why(
    planned: t.Callable[..., dict[str, t.Any]], answer: dict[str, t.Any] | None, active: bool, said: str
) -> None:
    args = planned()
    path = pathlib.Path(evidence_path(args["scan_dir"] + "/evidence", "a"))
    path.write_text(to_json(unseen_document("a", ["worker"], NOT_GATHERED, "nothing was gathered on this node; see")))
    hostvars = mock.Mock(raw_get=mock.Mock(return_value={"_cis_scan_gathered": answer} if answer else {}))
    play = {"ansible_play_hosts_all": ["a"], "ansible_play_hosts": ["a"] if active else []}
    result = run_action(ActionModule, args, {"hostvars": hostvars, **play})
    assert read(result)["node_errors"]["a"].startswith(said)
    kind, message = read(result)["node_errors"]["a"].split(": ", 1)
    assert json.loads(path.read_text())["error"] == {"kind": kind, "message": message}
    hostvars.raw_get.assert_called_once_with("a")


def test_a_scan_that_another_play_ends_was_interrupted(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    args = planned()
    path = pathlib.Path(evidence_path(args["scan_dir"] + "/evidence", "a"))
    path.write_text(to_json(unseen_document("a", ["worker"], NOT_GATHERED, "x")))
    report = read(run_action(ActionModule, args, {"ansible_play_hosts_all": ["localhost"]}))
    assert report["node_errors"]["a"] == "interrupted: the scan ended before this node was examined; scan it again"
    assert "the scan was interrupted after 2 nodes of 3; scan again" in report["warnings"]


def test_evidence_that_is_gone_is_named(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    args = planned()
    pathlib.Path(evidence_path(args["scan_dir"] + "/evidence", "a")).unlink()
    result = run_action(ActionModule, args)
    assert result["failed"] is True
    assert result["msg"].endswith("/evidence: that of a is gone; scan again")


@pytest.mark.parametrize("content", [None, "", "[]", '{"schema": "rke.cis/report/1"}'])
def test_a_directory_without_a_plan_is_named(tmp_path: pathlib.Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / ".plan.json").write_text(content)
    result = run_action(ActionModule, {"scan_dir": str(tmp_path)})
    assert result["failed"] is True
    assert result["msg"].startswith(f"plan {tmp_path}/.plan.json: ")


def test_it_writes_all_that_a_scan_leaves(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    args = planned(output={"formats": list(OUTPUTS)})
    result = run_action(ActionModule, args)
    names = ["report.json", *(name.rstrip("/") for names in OUTPUTS.values() for name in names)]
    assert [pathlib.Path(path).name for path in result["files"]] == names
    assert all(pathlib.Path(path).stat().st_size > 100 for path in result["files"])
    index = json.loads((pathlib.Path(args["scan_dir"]).parent / "index.json").read_text())
    assert [scan["counts"] for scan in index["scans"]] == [result["counts"]]
    assert (result["lines"], result["removed"]) == ([args["scan_dir"]], [])


def test_a_template_that_fails_costs_only_its_own_file(
    planned: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "bad.txt.j2").write_text("{{ nothing }}")
    args = planned(output={"formats": ["csv"], "templates": [str(tmp_path / "bad.txt.j2")]})
    result = run_action(ActionModule, args)
    assert result["failed"] is True
    assert "bad.txt.j2" in result["msg"]
    scan_dir = pathlib.Path(args["scan_dir"])
    assert {path.name for path in scan_dir.iterdir()} == {"evidence", "report.csv", "report.json"}
    assert (scan_dir.parent / "index.json").exists()


def test_old_scans_are_pruned(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    older = [planned(f"2026110{day}T220000Z-rke-cis-1.4-hardened") for day in (1, 2)]
    for args in older:
        run_action(ActionModule, args)
        for path in (*pathlib.Path(args["scan_dir"]).rglob("*"), pathlib.Path(args["scan_dir"])):
            os.utime(path, (0, 0))
    newest = planned(output={"keep": {"manual": 2}})
    result = run_action(ActionModule, newest)
    assert result["removed"] == [older[0]["scan_dir"]]
    assert result["lines"][1:] == [f"removed {older[0]['scan_dir']}"]
    assert sorted(path.name for path in pathlib.Path(newest["scan_dir"]).parent.iterdir() if path.is_dir()) == [
        pathlib.Path(args["scan_dir"]).name for args in (older[1], newest)
    ]


@pytest.mark.parametrize(
    "fail_on, gates", [([], []), (["fail"], ["fail"]), (["error", "unreachable"], ["error", "unreachable"])]
)
def test_gates_are_those_that_are_asked_for(
    planned: t.Callable[..., dict[str, t.Any]], fail_on: list[str], gates: list[str]
) -> None:
    result = run_action(ActionModule, planned(output={"fail_on": fail_on}))
    assert result["failed_gates"] == gates
    assert "failed" not in result
    whole, *lines = result["outcome"].splitlines()
    assert whole.startswith("RKE-CIS-1.4-Hardened: 1 of 97 controls fail, ")
    assert "(nothing was seen of c); report " in whole
    assert lines == [gate["text"] for gate in result["gates"]]
    assert [line.partition(":")[0] for line in lines] == gates


def test_thresholds_are_gates_after_the_others(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    thresholds = {"failed.total.max": 1, "failed.high.max": 5, "compliance.min": 99}
    result = run_action(ActionModule, planned(output={"fail_on": ["fail"], "thresholds": thresholds}))
    assert [gate["gate"] for gate in result["gates"]] == ["fail", *thresholds]
    assert result["failed_gates"] == ["fail", "compliance.min"]
    assert result["ansible_stats"]["data"]["cis_summary"]["failed_gates"] == result["failed_gates"]
    counts = result["counts"]
    figure = counts["pass"] * 100 // (counts["pass"] + counts["fail"] + counts["error"])
    assert result["outcome"].splitlines()[1:] == [
        "fail: 1, must be at most 0 (1.1.8)",
        f"compliance.min: {figure}, must be at least 99",
    ]
    assert "gates" not in read(result), "what a user makes of a report is not in it"


def test_what_is_new_is_held_against_the_scan_before(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    output, found = {"fail_on": ["new"]}, []
    for number, skips in enumerate([{"1.1.8": {"by": "cis_scan_skip", "reason": "r"}}, {}, {}]):
        found.append(run_action(ActionModule, planned(f"2026112{number}T220000Z-x", skips=skips, output=output)))
    assert [result["failed_gates"] for result in found] == [[], ["new"], []]
    assert [result["compared_with"] for result in found] == ["", "20261120T220000Z-x", "20261121T220000Z-x"]
    assert found[0]["lines"][1:] == [
        "new: 0, must be at most 0; no earlier scan of this cluster and profile to compare with"
    ]
    assert found[1]["outcome"].splitlines()[1:] == ["new: 1, must be at most 0 (1.1.8)"]
    assert found[1]["lines"][1:] == found[2]["lines"][1:] == []


def test_a_part_says_where_its_gates_are_judged(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    plan = planned(partial=True, output={"fail_on": ["fail"], "thresholds": {"failed.total.max": 0}})
    result = run_action(ActionModule, plan)
    assert (result["gates"], result["failed_gates"]) == ([], [])
    (line,) = result["lines"]
    assert line.endswith("merge it with the others; cis_scan_fail_on and cis_scan_thresholds are judged there")


def test_a_scheduled_run_finds_out_why_it_failed(
    planned: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUN, str(tmp_path / "run"))
    run_action(ActionModule, planned(output={"thresholds": {"failed.total.max": 0}, "fail_on": []}))
    assert "failed.total.max: 1, must be at most 0 (1.1.8)" in (tmp_path / "run.error").read_text(encoding="utf-8")


def test_what_warns_is_no_failed_control(args: dict[str, t.Any]) -> None:
    args.update(profile="RKE-CIS-1.3-Hardened", fail_on=["fail", "warn"])
    result = run_action(ActionModule, args)
    warned = [check["id"] for check in report_checks(read(result)) if check["state"] == "warn"]
    assert result["warned_controls"] == warned and len(warned) == result["counts"]["warn"] > 0
    assert not set(warned) & set(result["failed_controls"])
    assert result["failed_gates"] == ["fail", "warn"]
    assert f" controls fail, {len(warned)} warn, " in result["outcome"]
    summary = result["ansible_stats"]["data"]["cis_summary"]
    assert (summary["warn"], summary["warned_controls"]) == (len(warned), warned)


@pytest.mark.parametrize(
    "variables, key", [({}, "cis_summary"), ({"awx_job_id": 42}, "cis_summary_42"), ({"awx_job_id": ""}, "cis_summary")]
)
def test_a_summary_is_published(
    planned: t.Callable[..., dict[str, t.Any]], variables: dict[str, t.Any], key: str
) -> None:
    for limit, text in ((0, None), (10**6, "ID,Description")):
        args = planned(output={"artifact_csv_limit": limit})
        stats = run_action(ActionModule, args, variables)["ansible_stats"]
        assert (stats["per_host"], stats["aggregate"]) == (False, False)
        ((name, summary),) = stats["data"].items()
        assert (name, summary["fail"], summary["cluster"], summary["kind"]) == (key, 1, "local", "manual")
        assert summary["failed_controls"] == ["1.1.8"]
        assert (summary.get("csv") or "")[: len(text or "")] == (text or "")
        assert ("csv" in summary) == (text is not None)


def test_each_thing_is_read_and_computed_once(
    planned: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node is scored once, a report read once (that of the scan before), and compared once."""
    run_action(ActionModule, planned("20261120T220000Z-rke-cis-1.4-hardened"))
    args = planned(output={"formats": list(OUTPUTS), "keep": {"manual": 9}})
    calls: dict[str, list[str]] = {"score": [], "read": [], "compare": []}

    def count(module: t.Any, name: str, key: str, what: t.Callable[..., str]) -> None:
        real = getattr(module, name)

        def spy(*positional: t.Any, **named: t.Any) -> t.Any:
            calls[key].append(what(*positional))
            return real(*positional, **named)

        monkeypatch.setattr(module, name, spy)

    count(build, "score_node", "score", lambda _benchmark, document, *_rest: document["node"])
    count(scans_module, "read_report", "read", lambda path: pathlib.Path(path).parent.name)
    count(finish, "compare", "compare", lambda *_reports: "")
    run_action(ActionModule, args)
    assert calls == {"score": ["a", "b", "c"], "read": ["20261120T220000Z-rke-cis-1.4-hardened"], "compare": [""]}


def test_the_same_evidence_gives_the_same_bytes(
    args: dict[str, t.Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.strftime", lambda *_args: "20261121T220000Z")
    written = []
    for each in ("a", "b"):
        result = run_action(ActionModule, {**args, "report_dir": str(tmp_path / each)})
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
        "rke-cis-1.4 is made for Kubernetes 1.13 to 1.18, but v1.20.15 runs on a"
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
        assert any("inventory group 'late' not found or empty" in warning for warning in result["warnings"])


@pytest.mark.parametrize(
    "change, said",
    [
        ({"profile": "x"}, "cis_scan_profile"),
        ({"evidence_dir": "/no/such/directory"}, "cis_scan_evidence_dir"),
        ({"skip": {"1.1.2": 5}}, "cis_scan_skip"),
        ({"skip_file": "/no/such/file"}, "cis_scan_skip_file"),
        ({"skip_source": "file"}, "file needs cis_scan_skip_file"),
        ({"waivers_file": "/no/such/file"}, "cis_scan_waivers_file"),
        ({"cluster": ".."}, "cis_scan_cluster"),
        ({"scan_dir": "/no/such/directory"}, "/no/such/directory"),
        ({"evidence_dir": None}, "evidence_dir"),
        ({"fail_on": ["never"]}, "cis_scan_fail_on never: unknown"),
        ({"thresholds": {"failed.max": 0}}, "cis_scan_thresholds: unknown key 'failed.max'"),
        ({"formats": ["excel"]}, "cis_report_formats excel: unknown"),
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
    assert "a" in result["unexamined_nodes"]
    assert str(path) in read(result)["node_errors"]["a"]


@pytest.mark.parametrize("lose", [False, True])
def test_the_lock_of_a_scheduled_scan_is_released_whatever_happens(
    planned: t.Callable[..., dict[str, t.Any]], lose: bool
) -> None:
    args = planned("20261122T000000Z-x-scheduled", kind="scheduled")
    scan_dir = pathlib.Path(args["scan_dir"])
    acquire(str(scan_dir.parent))
    if lose:
        (scan_dir / ".plan.json").unlink()
    assert run_action(ActionModule, args).get("failed", False) is lose
    assert {path.name for path in scan_dir.parent.iterdir()} - {"index.json"} == {scan_dir.name}


@pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), KeyboardInterrupt()])
def test_the_lock_is_released_where_scoring_itself_breaks(
    planned: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    args = planned("20261122T000000Z-x-scheduled", kind="scheduled")
    place = pathlib.Path(args["scan_dir"]).parent
    acquire(str(place))
    monkeypatch.setattr(finish, "build_report", mock.Mock(side_effect=error))
    with pytest.raises(type(error)):
        run_action(ActionModule, args)
    assert not (place / NAME).exists()


@pytest.mark.parametrize("text", ["", "{", "dangling"])
def test_a_broken_lock_harms_no_manual_scan(planned: t.Callable[..., dict[str, t.Any]], text: str) -> None:
    args = planned()
    path = pathlib.Path(args["scan_dir"]).parent / NAME
    if text == "dangling":
        path.symlink_to("none")
    else:
        path.write_text(text)
    assert not run_action(ActionModule, args).get("failed")


@pytest.mark.parametrize(
    "name, variable",
    [
        ("fail_on", "cis_scan_fail_on"),
        ("node_tests_on", "cis_scan_node_tests_on"),
        ("formats", "cis_report_formats"),
        ("csv_layout", "cis_report_csv_layout"),
    ],
)
def test_a_wrong_value_is_named_as_the_user_names_it(args: dict[str, t.Any], name: str, variable: str) -> None:
    args[name] = {"a": 1}
    action = make_action(ActionModule, args)
    by_module = action.run(None, {})["msg"]
    assert name in by_module and variable not in by_module
    action = make_action(ActionModule, args)
    action._task._role = mock.MagicMock()
    assert variable in action.run(None, {})["msg"]


def test_a_role_is_served_as_a_playbook_is(args: dict[str, t.Any]) -> None:
    action = make_action(ActionModule, args)
    action._task._role = mock.MagicMock()
    assert action.run(None, {})["counts"] == run_action(ActionModule, args)["counts"]
    action._task.args = {}
    assert "cis_scan_evidence_dir" in action.run(None, {})["msg"]


def test_the_benchmark_is_the_one_of_the_version_that_the_nodes_run(planned: t.Callable[..., dict[str, t.Any]]) -> None:
    """The candidates are planned for, and the evidence decides; the skips are those of the benchmark that is taken."""
    skips = {"1.1.8": {"by": "cis_scan_skip", "reason": "r"}}
    args = planned(profile="hardened", skips=skips)
    result = run_action(ActionModule, args)
    report = read(result)
    assert (result["profile"], report["kubernetes"]["chosen_for"]) == (
        chosen_profile(candidates("hardened"), cluster_version(NODES)).full_name,
        "v1.16.15",
    )
    args = planned("20261121T230000Z-hardened", profile="hardened", declared_version="v1.12.1")
    for document in NODES:
        unseen = unseen_document(document["node"], document["roles"], "down", "x")
        pathlib.Path(args["scan_dir"], "evidence", f"node-{document['node']}.json").write_text(to_json(unseen))
    (pathlib.Path(args["scan_dir"]) / "evidence" / "cluster.json").write_text(
        to_json({"error": {"kind": "", "message": "x"}})
    )
    assert run_action(ActionModule, args)["profile"] == "RKE-CIS-1.3-Hardened"


def test_recorded_evidence_chooses_the_benchmark_too(args: dict[str, t.Any]) -> None:
    result = run_action(ActionModule, {**args, "profile": "hardened"})
    assert result["profile"] == chosen_profile(candidates("hardened"), cluster_version(NODES)).full_name
