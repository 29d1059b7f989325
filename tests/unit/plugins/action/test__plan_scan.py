# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import time
import typing as t
from unittest import mock

import pytest
from ansible.errors import AnsibleError

from ansible_collections.rke.cis.plugins.action._plan_scan import ActionModule
from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import CONFIG_MAP
from ansible_collections.rke.cis.plugins.plugin_utils import _action
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import candidates, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._reports.lock import BUSY, NAME
from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import read_plan, request_of_node
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import cluster_path, read_evidence
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import make_action, run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import NO_PASSWORD, encrypt, loader


class HostVars(dict):
    """Ansible's variables of the other hosts."""

    def raw_get(self, host: str) -> dict[str, t.Any]:
        return self.get(host, {})


VARS = {
    "hostvars": HostVars(),
    "ansible_play_hosts_all": ["cp1", "w1", "other"],
    "groups": {"controlplane": ["cp1"], "etcd": ["cp1"], "worker": ["w1"], "all": ["cp1", "w1", "other"]},
}


# asked by the module, whose answer is that of the test
API = {"kubeconfig": "/k", "api_host": "cp1"}


def arguments(directory: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    return {"profile": "RKE-CIS-1.4-Permissive", "report_dir": str(directory / "reports"), **more}


def test_a_plan(tmp_path: pathlib.Path) -> None:
    result = run_action(ActionModule, arguments(tmp_path), VARS)
    assert "failed" not in result
    assert result["changed"] is False
    assert result["profile"] == "RKE-CIS-1.4-Permissive"
    plan = read_plan(result["scan_dir"])
    assert plan["nodes"] == {"cp1": ["controlplane", "etcd"], "w1": ["worker"]}
    benchmark = load_benchmark("rke-cis-1.4")
    for host, roles in plan["nodes"].items():
        request = request_of_node(result["evidence_dir"], host) or {}
        assert request.pop("deadline") == plan["deadline"]
        assert request.pop("node_timeout") == plan["node_timeout"] == 120
        assert request == {"node": host, "roles": roles, "plan": benchmark.plan(roles), "replay_dir": ""}
    assert request_of_node(result["evidence_dir"], "other") is None
    # what a task returns stays small, however many nodes there are
    assert len(json.dumps(result)) < 1000


def test_what_is_asked_for_stands_in_the_plan(tmp_path: pathlib.Path) -> None:
    wishes = {"node_tests_on": "all", "kind": "manual", "cluster": "prod", "scanned_by": "me"}
    output = {"formats": ["html"], "keep": {"manual": 3}, "fail_on": ["fail"], "csv_layout": "rancher"}
    limits = {"thresholds": {"failed": {"total": {"max": "0"}}}}
    plan = read_plan(run_action(ActionModule, arguments(tmp_path, **wishes, **output, **limits), VARS)["scan_dir"])
    assert {key: plan[key] for key in wishes} == wishes
    assert {key: plan["output"][key] for key in output} == output
    assert plan["output"]["thresholds"] == {"failed.total.max": 0}


def test_each_node_has_a_document_before_it_is_asked(tmp_path: pathlib.Path) -> None:
    result = run_action(ActionModule, arguments(tmp_path), VARS)
    assert result["evidence_dir"].startswith(result["scan_dir"])
    nodes, api = read_evidence(result["evidence_dir"])
    assert {document["node"]: document["error"]["kind"] for document in nodes} == {
        "cp1": "not gathered",
        "w1": "not gathered",
    }
    # no kubeconfig was given
    assert "cis_scan_kubeconfig" in (api or {})["error"]["message"]


def test_evidence_of_an_earlier_scan_is_not_kept(tmp_path: pathlib.Path) -> None:
    args = arguments(tmp_path, evidence_dir=str(tmp_path / "evidence"))
    run_action(ActionModule, args, VARS)
    for path in (tmp_path / "evidence").glob("node-*"):
        path.write_text("an older one")
    run_action(ActionModule, args, VARS)
    assert len(read_evidence(str(tmp_path / "evidence"))[0]) == 2


def test_the_api_is_asked_for_what_the_benchmark_needs(tmp_path: pathlib.Path) -> None:
    args = arguments(tmp_path, **API, context="c", timeout=7)
    action = make_action(ActionModule, args, {"evidence": cluster()})
    result = action.run(None, VARS)
    asked = action._execute_module.call_args.kwargs
    assert asked["module_name"] == "rke.cis.cluster_evidence_info"
    assert asked["module_args"]["kubeconfig"] == "/k"
    assert (asked["module_args"]["context"], asked["module_args"]["timeout"]) == ("c", 7)
    assert set(asked["module_args"]["objects"]) == {"podsecuritypolicies"}
    assert asked["module_args"]["config_map"] == CONFIG_MAP
    assert read_evidence(result["evidence_dir"])[1] == cluster()


@pytest.mark.parametrize("name", ["timeout", "node_timeout", "deadline"])
@pytest.mark.parametrize("value", [0, -1, "0", "-5", 86401, 10**12, "soon", "", "1.5", [], True])
def test_a_time_that_is_none_is_refused_by_the_name_that_the_user_knows(
    tmp_path: pathlib.Path, name: str, value: t.Any
) -> None:
    result = run_action(ActionModule, arguments(tmp_path, **{name: value}), VARS)
    assert result.get("failed", False) is (value is not True), "YAML's true is 1"
    assert value is True or f"cis_scan_{name}" in result["msg"]
    assert (tmp_path / "reports").exists() is (value is True)


def test_times_are_what_was_asked_for(tmp_path: pathlib.Path) -> None:
    before = time.time()
    args = arguments(tmp_path, node_timeout="60", deadline=100)
    plan = read_plan(run_action(ActionModule, args, VARS)["scan_dir"])
    assert plan["node_timeout"] == 60
    assert before + 99 <= plan["deadline"] <= time.time() + 100


def test_skips_come_from_all_sources(tmp_path: pathlib.Path) -> None:
    (tmp_path / "skips.yml").write_text("1.1.3: file\n")
    api = {**cluster(), "config_map": {"text": '{"skip": {"rke-cis-1.4": ["1.1.4", "9.9.9"]}}'}}
    args = arguments(tmp_path, **API, skip=["1.1.2"], skip_file=str(tmp_path / "skips.yml"))
    result = run_action(ActionModule, args, VARS, {"evidence": api})
    assert set(read_plan(result["scan_dir"])["candidates"]["RKE-CIS-1.4-Permissive"]["skips"]) == {
        "1.1.2",
        "1.1.3",
        "1.1.4",
    }
    assert any("9.9.9" in warning for warning in result["warnings"])


def test_the_config_map_can_be_left_alone(tmp_path: pathlib.Path) -> None:
    (tmp_path / "skips.yml").write_text("- 1.1.3\n")
    args = arguments(tmp_path, **API, skip_source="file", skip_file=str(tmp_path / "skips.yml"))
    action = make_action(ActionModule, args, {"evidence": {"objects": {}}})
    action.run(None, VARS)
    assert action._execute_module.call_args.kwargs["module_args"]["config_map"] is None


WAIVER = "- {controls: %s, reason: r, owner: o, expires: %s}\n"


def test_waivers_are_resolved_against_the_inventory(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "w.yml"
    path.write_text("- {controls: 1.1.2, groups: worker, reason: r, owner: o, expires: never}\n")
    result = run_action(ActionModule, arguments(tmp_path, waivers_file=str(path)), VARS)
    (found,) = read_plan(result["scan_dir"])["waivers"]
    assert (found["groups"], found["days_left"]) == ({"worker": ["w1"]}, None)
    assert read_plan(run_action(ActionModule, arguments(tmp_path), VARS)["scan_dir"])["waivers"] == []


def test_what_is_wrong_with_waivers_is_said_before_the_scan(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "w.yml"
    path.write_text(WAIVER % ("9.9.9", "never") + WAIVER % ("1.1.2", "2020-01-01") + WAIVER % ("1.1.3", "never"))
    result = run_action(ActionModule, arguments(tmp_path, waivers_file=str(path)), VARS)
    said = [warning for warning in result["warnings"] if "cis_scan_waivers_file" in warning]
    assert [("9.9.9" in warning, "expired on 2020-01-01" in warning) for warning in said] == [
        (True, False),
        (False, True),
    ]


def test_the_preview_is_one_line_or_all(tmp_path: pathlib.Path) -> None:
    line = run_action(ActionModule, arguments(tmp_path), VARS)["preview"]
    assert line.startswith("RKE-CIS-1.4-Permissive, 97 controls: 63 to examine, 15 skipped by the profile")
    for yes in ("true", True):
        shown = run_action(ActionModule, arguments(tmp_path, show_skips=yes), VARS)
        assert shown["scan_dir"]
        assert shown["preview"][0] == line
        assert len(shown["preview"]) == 1 + 15 + 19
    assert run_action(ActionModule, arguments(tmp_path, show_skips=False), VARS)["preview"] == line


def test_only_to_show_skips_writes_nothing(tmp_path: pathlib.Path) -> None:
    api = {**cluster(), "config_map": {"text": '{"skip": {"current": ["1.1.4"]}}'}}
    args = arguments(tmp_path, show_skips="only", **API, evidence_dir=str(tmp_path / "evidence"))
    result = run_action(ActionModule, args, VARS, {"evidence": api})
    assert (result["scan_dir"], result["evidence_dir"]) == ("", "")
    assert any(line.startswith("1.1.4 ") and "ConfigMap" in line for line in result["preview"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source, asked", [("merged", CONFIG_MAP), ("config_map", CONFIG_MAP), ("variable", None)])
def test_the_config_map_is_asked_for_where_it_counts(tmp_path: pathlib.Path, source: str, asked: t.Any) -> None:
    action = make_action(ActionModule, arguments(tmp_path, **API, skip_source=source), {"evidence": cluster()})
    assert "failed" not in action.run(None, VARS)
    assert action._execute_module.call_args.kwargs["module_args"]["config_map"] == asked


@pytest.mark.parametrize(
    "change, api",
    [
        ({"skip_source": "file"}, None),
        ({"skip_source": "config_map"}, None),
        (
            {"skip_source": "config_map", **API},
            {"evidence": {"objects": {}, "config_map": {"error": {"kind": "denied", "message": "403"}}}},
        ),
        ({"skip_source": "config_map", **API}, {"evidence": {"error": {"kind": "down", "message": "x"}}}),
    ],
)
def test_a_source_that_is_chosen_and_not_there_is_refused(tmp_path: pathlib.Path, change: t.Any, api: t.Any) -> None:
    result = run_action(ActionModule, arguments(tmp_path, **change), VARS, api)
    assert result["failed"] is True
    assert result["msg"].startswith("cis_scan_skip_source: ")
    assert list(tmp_path.iterdir()) == []


def test_replay_takes_what_was_recorded_of_the_api(tmp_path: pathlib.Path) -> None:
    pathlib.Path(cluster_path(str(tmp_path))).write_text(json.dumps(cluster()))
    action = make_action(ActionModule, arguments(tmp_path, replay_dir=str(tmp_path), **API), {})
    assert read_evidence(action.run(None, VARS)["evidence_dir"])[1] == cluster()
    action._execute_module.assert_not_called()


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_replay_of_what_is_not_there_is_refused(tmp_path: pathlib.Path, content: str | None) -> None:
    if content is not None:
        pathlib.Path(cluster_path(str(tmp_path))).write_text(content)
    result = run_action(ActionModule, arguments(tmp_path, replay_dir=str(tmp_path)), VARS)
    assert result["failed"] is True
    assert "cis_scan_replay_dir" in result["msg"]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"profile": "x"}, "cis_scan_profile"),
        ({"groups": {"master": "x"}}, "cis_scan_groups"),
        ({"groups": {"controlplane": "a", "etcd": "b", "worker": "c"}}, "cis_scan_groups"),
        ({"only": "1.1.1"}, "cis_scan_only"),
        ({"only": {"level": 3}}, "cis_scan_only: level 3 is not a level; available: 1, 2"),
        ({"only": {"ids": ["9.9"]}}, "cis_scan_only: ids: rke-cis-1.4 has no control '9.9'"),
        ({"skip": [1.1]}, "cis_scan_skip"),
        ({"skip_file": "/no/such/file"}, "cis_scan_skip_file"),
        ({"skip_source": "cluster"}, "skip_source"),
        ({"waivers_file": "/no/such/file"}, "cis_scan_waivers_file /no/such/file: cannot be read"),
        ({"show_skips": "maybe"}, "show_skips"),
        ({"cluster": "a/b"}, "cis_scan_cluster"),
        ({"node_tests_on": "masters"}, "node_tests_on"),
        ({"report_dir": "/dev/null/x"}, "cis_report_dir"),
        ({"evidence_dir": "/dev/null/x"}, "cis_scan_evidence_dir"),
        ({"timeout": "soon"}, "timeout"),
        ({"fail_on": ["sometimes"]}, "cis_scan_fail_on sometimes: unknown; available: error, unreachable, fail, warn"),
        ({"fail_on": ["fail ", " sometimes", ""]}, "cis_scan_fail_on sometimes: unknown"),
        ({"thresholds": "failed.total.max=many"}, "cis_scan_thresholds: failed.total.max: expected a whole number"),
        (
            {"formats": ["csv", "excel"]},
            "cis_report_formats excel: unknown; available: csv, defectdojo, html, json, junit",
        ),
        ({"templates": ["/no/such.j2"]}, "cis_report_templates /no/such.j2: no such file on the controller"),
        ({"csv_layout": "excel"}, "csv_layout"),
        ({"keep": {"manual": 0}}, "cis_report_keep: manual is 0"),
        ({"incomplete_days": -1}, "cis_report_incomplete_days is -1"),
        ({"notify_notifiers": {"n": {"type": "fax"}}}, "cis_notify_notifiers n"),
        ({"notify_rules": [{"name": "r", "on": "sunday"}]}, "cis_notify_rules 1 (r)"),
        ({"no_such_option": 1}, "no_such_option"),
    ],
)
def test_a_wrong_request_is_one_line(tmp_path: pathlib.Path, change: dict[str, t.Any], said: str) -> None:
    result = run_action(ActionModule, {**arguments(tmp_path), **change}, VARS)
    assert result["failed"] is True
    assert said in result["msg"]
    assert not list(tmp_path.rglob(".plan.json"))


@pytest.mark.parametrize(
    "pattern, cluster_of_w2, expected",
    [("all", "", ["w1", "w2"]), (["all", "!w1"], "", ["w2"]), ("all", "b", ["w1"]), ("cp1", "", [])],
)
def test_what_limit_leaves_out_is_planned_as_not_scanned(
    tmp_path: pathlib.Path, pattern: t.Any, cluster_of_w2: str, expected: list[str]
) -> None:
    groups = {**VARS["groups"], "worker": ["w1", "w2"], "all": ["cp1", "w1", "w2", "other"]}
    hostvars = HostVars(cp1={"cis_scan_cluster": "a"}, w2={"cis_scan_cluster": cluster_of_w2})
    variables = {"groups": groups, "ansible_play_hosts_all": ["cp1"], "hostvars": hostvars}
    action = make_action(ActionModule, arguments(tmp_path))
    action._task.get_play.return_value.hosts = pattern
    assert read_plan(action.run(None, variables)["scan_dir"])["not_scanned"] == {}
    plan = read_plan(action.run(None, {**variables, "ansible_limit": "cp1"})["scan_dir"])
    assert (list(plan["nodes"]), plan["not_scanned"]) == (["cp1"], dict.fromkeys(expected, ["worker"]))


@pytest.mark.parametrize("limit", ["", "cp1"])
def test_variables_that_cannot_be_read_stop_a_scan_of_their_host_only(tmp_path: pathlib.Path, limit: str) -> None:
    class Broken(HostVars):
        def raw_get(self, host: str) -> dict[str, t.Any]:
            if host == "w1":
                raise AnsibleError("YAML parsing failed:\nno end.")
            return {"cis_scan_cluster": "a"}

    hosts = [limit] if limit else VARS["ansible_play_hosts_all"]
    variables = {**VARS, "ansible_play_hosts_all": hosts, "ansible_limit": limit, "hostvars": Broken()}
    action = make_action(ActionModule, arguments(tmp_path))
    action._task.get_play.return_value.hosts = "all"
    result = action.run(None, variables)
    if limit:
        assert read_plan(result["scan_dir"])["not_scanned"] == {"w1": ["worker"]}
    else:
        message = "YAML parsing failed: no end, or scan without this host: --limit 'all:!w1'"
        assert result["msg"] == f"variables of w1: {message}"


def test_an_inventory_without_hosts_is_rejected(tmp_path: pathlib.Path) -> None:
    variables = {**VARS, "groups": {"all": [], "ungrouped": []}, "ansible_play_hosts_all": ["localhost"]}
    assert run_action(ActionModule, arguments(tmp_path), variables)["msg"].startswith("the inventory has no hosts; ")


@pytest.mark.parametrize(
    "first, second, refused",
    [
        ({}, {}, False),
        ({"cis_scan_cluster": "a"}, {"cis_scan_cluster": "a"}, False),
        ({"cis_scan_cluster": "a"}, {}, False),
        ({"cis_scan_cluster": ""}, {"cis_scan_cluster": "a"}, False),
        ({"cis_scan_cluster": "a"}, {"cis_scan_cluster": "b"}, True),
        # the name may have been given for all of them on the command line
        (
            {"cis_scan_cluster": "a", "rke_cluster_file": "/a.yml"},
            {"cis_scan_cluster": "a", "rke_cluster_file": "/b.yml"},
            True,
        ),
        (
            {"cis_scan_cluster": "a", "rke_cluster_file": "/a.yml"},
            {"cis_scan_cluster": "a", "rke_cluster_file": "/a.yml"},
            False,
        ),
    ],
)
def test_nodes_of_several_clusters_are_not_one_scan(
    tmp_path: pathlib.Path, first: dict[str, t.Any], second: dict[str, t.Any], refused: bool
) -> None:
    hostvars = HostVars(cp1=first, w1=second, other={"cis_scan_cluster": "c"})
    result = run_action(ActionModule, arguments(tmp_path), {**VARS, "hostvars": hostvars})
    if not refused:
        assert "failed" not in result
        return
    clusters = [variables.get("rke_cluster_file") or variables["cis_scan_cluster"] for variables in (first, second)]
    assert result["msg"] == (
        f"the hosts to scan belong to several clusters (cp1 of {clusters[0]}, w1 of {clusters[1]}); "
        "scan them one by one, with -e cis_scan_hosts=GROUP"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_controller_asks_the_api_itself(tmp_path: pathlib.Path) -> None:
    """Whatever the connection of the task leads to, such as a node that is called localhost."""
    action = make_action(ActionModule, arguments(tmp_path, kubeconfig="~/k", context="c", timeout=7), {})
    with mock.patch.object(_action, "cluster_evidence", return_value=cluster()) as api:
        result = action.run(None, VARS)
    (call,) = api.call_args_list
    assert call.args[1:] == (os.path.expanduser("~/k"), "c", 7, load_benchmark("rke-cis-1.4").objects, CONFIG_MAP)
    assert read_evidence(result["evidence_dir"])[1] == cluster()
    action._execute_module.assert_not_called()


def test_a_bad_kubeconfig_of_the_controller_is_a_wrong_request(tmp_path: pathlib.Path) -> None:
    result = run_action(ActionModule, arguments(tmp_path, kubeconfig=f"{tmp_path}/k"), VARS)
    assert result["failed"] is True
    assert result["msg"].startswith(f"cis_scan_kubeconfig {tmp_path}/k: no such file")


def test_encrypted_files(tmp_path: pathlib.Path) -> None:
    texts = {"skip_file": "['1.1.2']", "waivers_file": WAIVER % ("1.1.3", "never"), "kubeconfig": "{token: abc}"}
    paths = {name: str(tmp_path / name) for name in texts}
    for name, text in texts.items():
        pathlib.Path(paths[name]).write_text(encrypt(text))
    seen = []

    def api(_library: t.Any, kubeconfig: str, *_more: t.Any) -> dict[str, t.Any]:
        copy = pathlib.Path(kubeconfig)
        seen.append((copy, copy.read_text()))
        return cluster()

    action = make_action(ActionModule, arguments(tmp_path, **paths))
    action._loader = loader("right")
    with mock.patch.object(_action, "cluster_evidence", side_effect=api):
        result = action.run(None, VARS)
    assert "failed" not in result, result
    plan = read_plan(result["scan_dir"])
    (known,) = plan["candidates"].values()
    assert (list(known["skips"]), plan["waivers"][0]["controls"]) == (["1.1.2"], ["1.1.3"])
    ((copy, text),) = seen
    assert text == "token: abc\n"
    assert not copy.exists()

    for name, path in paths.items():
        action = make_action(ActionModule, arguments(tmp_path, **{name: path}))
        action._loader = loader()
        assert action.run(None, VARS)["msg"] == f"cis_scan_{name} {path}: {NO_PASSWORD}"


def test_a_bad_kubeconfig_is_a_wrong_request(tmp_path: pathlib.Path) -> None:
    answer = {"failed": True, "msg": "kubeconfig /k: no such file"}
    result = run_action(ActionModule, arguments(tmp_path, **API), VARS, answer)
    assert result["failed"] is True
    assert "cis_scan_kubeconfig" in result["msg"]
    assert "no such file" in result["msg"]


def test_a_bad_config_map_is_a_wrong_request(tmp_path: pathlib.Path) -> None:
    answer = {"evidence": {**cluster(), "config_map": {"text": "@"}}}
    result = run_action(ActionModule, arguments(tmp_path, **API), VARS, answer)
    assert result["failed"] is True
    assert "ConfigMap" in result["msg"]


def test_a_broken_waiver_is_told_before_anything_is_asked_or_written(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "w.yml"
    path.write_text(WAIVER % ("1.1.2", "never") + WAIVER % ("1.1.2", "soon"))
    action = make_action(ActionModule, arguments(tmp_path, **API, waivers_file=str(path)), {})
    result = action.run(None, VARS)
    assert (result["failed"], result["msg"]) == (
        True,
        f"cis_scan_waivers_file {path} line 2: expires: 'soon' is not a valid date; write YYYY-MM-DD, or never",
    )
    action._execute_module.assert_not_called()
    assert list(tmp_path.iterdir()) == [path]


def test_a_wrong_skip_is_told_before_anything_is_asked_or_written(tmp_path: pathlib.Path) -> None:
    action = make_action(ActionModule, arguments(tmp_path, **API, skip=[1.1]), {"evidence": cluster()})
    assert action.run(None, VARS)["failed"] is True
    action._execute_module.assert_not_called()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more, lock", [({}, False), ({"kind": "scheduled"}, True)])
def test_only_a_scheduled_scan_takes_the_lock(tmp_path: pathlib.Path, more: dict[str, t.Any], lock: bool) -> None:
    run_action(ActionModule, arguments(tmp_path, cluster="prod", **more), VARS)
    assert (tmp_path / "reports" / "prod" / NAME).exists() == lock


def test_the_lock_is_released_if_the_scan_cannot_start(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    args = arguments(tmp_path, cluster="prod", kind="scheduled", evidence_dir=str(tmp_path / "file" / "evidence"))
    assert run_action(ActionModule, args, VARS)["failed"]
    assert not (tmp_path / "reports" / "prod" / NAME).exists()


def test_what_only_shows_skips_takes_no_lock(tmp_path: pathlib.Path) -> None:
    run_action(ActionModule, arguments(tmp_path, kind="scheduled", show_skips="only"), VARS)
    assert not (tmp_path / "reports").exists()


def test_a_second_scheduled_scan_ends_and_leaves_nothing(tmp_path: pathlib.Path) -> None:
    args = arguments(tmp_path, cluster="prod", kind="scheduled")
    run_action(ActionModule, args, VARS)
    before = sorted(tmp_path.rglob("*"))
    result = run_action(ActionModule, args, VARS)
    assert result["failed"] and result["msg"].startswith(BUSY)
    assert sorted(tmp_path.rglob("*")) == before
    assert "failed" not in run_action(ActionModule, {**args, "kind": "manual"}, VARS)


def test_a_stale_lock_is_a_warning(tmp_path: pathlib.Path) -> None:
    args = arguments(tmp_path, cluster="prod", kind="scheduled")
    run_action(ActionModule, args, VARS)
    path = tmp_path / "reports" / "prod" / NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), "expires": "2026-01-01T00:00:00Z"}))
    result = run_action(ActionModule, args, VARS)
    assert [warning for warning in result["warnings"] if "is taken over" in warning]


@pytest.mark.parametrize("only", [{"ids": ["1.3"]}, "ids=1.3", '{"ids": "1.3"}'])
def test_only_what_the_chosen_controls_look_at_is_planned(tmp_path: pathlib.Path, only: t.Any) -> None:
    result = run_action(ActionModule, arguments(tmp_path, only=only, skip=["1.1.2"], **API), VARS, API)
    assert result["warnings"] == []
    assert result["preview"].startswith("RKE-CIS-1.4-Permissive, 7 controls of 97, chosen by ids 1.3: ")
    plan = (request_of_node(result["evidence_dir"], "cp1") or {})["plan"]
    assert set(plan["containers"]) == {"kube-controller-manager", "kubelet"}
    assert (plan["containers"]["kubelet"], plan["paths"]) == ({"flags": []}, [])
    assert read_plan(result["scan_dir"])["only"] == {"ids": ["1.3"]}


def test_a_profile_alone_plans_for_each_benchmark_that_may_fit(tmp_path: pathlib.Path) -> None:
    result = run_action(ActionModule, {**arguments(tmp_path), "profile": "Hardened", "skip": ["1.1.37"]}, VARS)
    assert (result["profile"], result["warnings"]) == ("hardened", [])
    assert result["scan_dir"].endswith("Z-hardened")
    assert result["preview"] == "hardened: the benchmark follows from the Kubernetes version of the nodes"
    plan = read_plan(result["scan_dir"])
    assert list(plan["candidates"]) == [profile.full_name for profile in candidates("hardened")]
    assert plan["candidates"]["RKE-CIS-1.3-Hardened"]["skips"].keys() == {"1.1.37"}
    (warning,) = plan["candidates"]["RKE-CIS-1.4-Hardened"]["warnings"]
    assert "1.1.37a" in warning
    request = (request_of_node(result["evidence_dir"], "cp1") or {})["plan"]
    for profile in candidates("hardened"):
        part = profile.benchmark.plan(["controlplane", "etcd"])
        for name, wanted in part["containers"].items():
            for key, values in wanted.items():
                assert set(values) <= set(request["containers"][name][key])
        paths = {path_key(path): path for path in request["paths"]}
        for path in part["paths"]:
            assert paths[path_key(path)].items() >= path.items()


def test_where_the_version_is_known_the_preview_is_that_of_its_benchmark(tmp_path: pathlib.Path) -> None:
    hostvars = HostVars(cp1={"rke_kubernetes_version": "v1.12.9-rancher1-1"})
    args = {**arguments(tmp_path), "profile": "permissive", "show_skips": "only"}
    result = run_action(ActionModule, args, {**VARS, "hostvars": hostvars})
    assert result["preview"][0].startswith("RKE-CIS-1.3-Permissive, ")
    assert result["preview"][0].endswith(
        "; chosen for Kubernetes v1.12.9 (cluster.yml), if the nodes do not say otherwise"
    )


def test_a_parameter_is_for_the_benchmarks_that_have_it(tmp_path: pathlib.Path) -> None:
    args = {**arguments(tmp_path), "profile": "permissive"}
    result = run_action(ActionModule, {**args, "parameters": {"pod_security_policy": "own"}}, VARS)
    plan = read_plan(result["scan_dir"])
    assert plan["candidates"]["RKE-CIS-1.3-Permissive"]["parameters"]["pod_security_policy"] == "own"
    failed = run_action(ActionModule, {**args, "parameters": {"other": "x"}}, VARS)
    assert "cis_scan_parameters: " in failed["msg"] and "pod_security_policy" in failed["msg"]
