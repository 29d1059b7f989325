# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import sys
import typing as t
from unittest import mock

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.rke.cis.plugins.action.check import ActionModule
from ansible_collections.rke.cis.plugins.module_utils._kubernetes import KubeconfigError
from ansible_collections.rke.cis.plugins.plugin_utils import _action as shared
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import make_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    node,
    set_flag,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import NO_PASSWORD, encrypt, loader

VARS = {
    "inventory_hostname": "w1",
    "groups": {"controlplane": ["cp1"], "worker": ["w1", "both"], "etcd": ["both"], "all": ["cp1", "w1", "both", "x"]},
}
HARDENED = "RKE-CIS-1.4-Hardened"
PERMISSIVE = "RKE-CIS-1.4-Permissive"


def asked(args: dict[str, t.Any], answer: t.Any = None, **variables: t.Any) -> tuple[dict[str, t.Any], t.Any]:
    """Return what the task returns, and its action. The ids are those of one benchmark, if no other is named."""
    if "cis_scan_profile" not in variables:
        args = {"profile": PERMISSIVE, **args}
    action = make_action(ActionModule, args, answer)
    action._templar.template = lambda value: json.loads(json.dumps(value).replace("{{ one }}", "1"))
    result = action.run(None, {**VARS, **variables})
    assert "\n" not in result.get("msg", "")
    json.dumps(result)
    return result, action


def of(document: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"evidence": document}


def test_a_pass_and_a_failure_with_what_was_seen_and_wanted() -> None:
    document = node("w1", ["worker"])
    set_flag(document, "kubelet", "--anonymous-auth=true")
    result, _action = asked({"id": "2.1.1,2.1.4", "profile": HARDENED}, of(document))
    assert "failed" not in result
    assert (result["changed"], result["profile"], result["roles"]) == (False, HARDENED, ["worker"])
    failing, passing = result["checks"]
    assert (failing["id"], failing["state"], failing["expected"]) == ("2.1.1", "fail", "--anonymous-auth=false")
    assert failing["actual"].endswith("--anonymous-auth=true")
    assert failing["source"] == "kubelet process arguments"
    assert failing["remediation"]
    assert (passing["id"], passing["state"], passing["reason"]) == ("2.1.4", "pass", "")
    assert result["lines"][0].startswith("FAIL    2.1.1   Ensure that the --anonymous-auth")
    assert any(line.startswith("    remediation ") for line in result["lines"])
    assert any(line.startswith("PASS    2.1.4   ") for line in result["lines"])


@pytest.mark.parametrize("profile", ["RKE-CIS-1.4-Permissive", HARDENED])
def test_it_says_of_every_control_what_a_scan_says(profile: str) -> None:
    document = node("w1")
    set_flag(document, "kubelet", "--anonymous-auth=true")
    args = {"id": "*", "profile": profile, "roles": document["roles"], "kubeconfig": "/k"}
    with mock.patch.object(shared, "cluster_evidence", return_value=cluster()):
        result, _action = asked(args, of(document))
    report = build_report(BENCHMARK, profile.rpartition("-")[2].lower(), [document], cluster())
    expected = {}
    for control in report_checks(report):
        (part,) = control.get("evidence") or [{"state": control["state"], "reason": control.get("reason")}]
        expected[control["id"]] = [part.get(k, "") for k in ("state", "expected", "actual", "source", "reason")]
    found = {c["id"]: [c[k] for k in ("state", "expected", "actual", "source", "reason")] for c in result["checks"]}
    assert found == expected
    assert len(found) == 97
    assert [c["title"] for c in result["checks"]] == [c["title"] for c in report_checks(report)]


def test_only_what_is_asked_is_looked_at() -> None:
    _result, action = asked({"id": "2.1.1"}, of(node("w1", ["worker"])))
    (call,) = action._execute_module.call_args_list
    assert call.kwargs["module_name"] == "rke.cis.node_evidence_info"
    args = call.kwargs["module_args"]
    assert args["plan"] == {"containers": {"kubelet": {"flags": mock.ANY}}, "paths": []}
    assert (args["node"], args["roles"], args["timeout"]) == ("w1", ["worker"], 20)


@pytest.mark.parametrize(
    "wanted, ids",
    [
        ("2.1.1", ["2.1.1"]),
        ("2.1.4 2.1.1", ["2.1.1", "2.1.4"]),
        (["2.1.4", "2.1.1", "2.1.1"], ["2.1.1", "2.1.4"]),
        ('["2.1.1"]', ["2.1.1"]),
        ("2.1", [i["id"] for i in BENCHMARK.controls if i["id"].startswith("2.1.")]),
        ("1.1", [i["id"] for i in BENCHMARK.controls if i["id"].startswith("1.1.")]),
        ("2.1.?", [f"2.1.{n}" for n in range(1, 10)]),
        ("2.1.1[12]", ["2.1.11", "2.1.12"]),
    ],
)
def test_ids_sections_and_globs(wanted: t.Any, ids: list[str]) -> None:
    result, _action = asked({"id": wanted}, of(node("w1", ["worker"])))
    assert [found["id"] for found in result["checks"]] == [i for i in ids if i in BENCHMARK.ids]


@pytest.mark.parametrize(
    "wanted, said",
    [
        ("2.1.99", "id: rke-cis-1.4 has no control '2.1.99' (did you mean 2.1.9"),
        ("2.7", "'2.7' (did you mean "),
        ("9.*,abc", "no control '9.*'; rke-cis-1.4 has no control 'abc'"),
        ("", "missing required arguments: id"),
        (",", "id: empty"),
        ([], "id: empty"),
        (2.1, "id: "),
        ([2.1], "write ids as text in quotes"),
        ("[", "id: not valid JSON"),
    ],
)
def test_an_unknown_id_is_one_line_and_the_node_is_not_asked(wanted: t.Any, said: str) -> None:
    result, action = asked({"id": wanted}, of(node("w1", ["worker"])))
    assert result["failed"] is True
    assert said in result["msg"]
    action._execute_module.assert_not_called()


def test_a_control_of_another_role_does_not_run_here_and_is_no_pass() -> None:
    result, action = asked({"id": "1.5.1,1.1.2", "profile": PERMISSIVE, "fail_on": ["fail", "error"]})
    assert [found["state"] for found in result["checks"]] == ["notHere", "notHere"]
    assert "role etcd; this one has worker" in result["checks"][1]["reason"]
    assert any(line.startswith("NOT RUN 1.5.1") for line in result["lines"])
    assert "failed" not in result
    action._execute_module.assert_not_called()  # there is nothing to look at


def test_what_the_profile_leaves_out_is_told_and_not_judged() -> None:
    lists = BENCHMARK.profiles["permissive"]
    skipped, nowhere = "2.1.6", next(i for i in lists["not_applicable"] if i.startswith("2."))
    assert skipped in lists["skip"]
    result, action = asked({"id": [skipped, nowhere], "profile": PERMISSIVE})
    found = {c["id"]: (c["state"], c["reason"]) for c in result["checks"]}
    assert found == {
        skipped: ("skip", lists["skip"][skipped]),
        nowhere: ("notApplicable", lists["not_applicable"][nowhere]),
    }
    action._execute_module.assert_not_called()
    result, action = asked({"id": skipped, "profile": HARDENED}, of(node("w1", ["worker"])))
    assert result["checks"][0]["state"] == "pass"


def test_roles_come_from_the_groups_or_are_given() -> None:
    answer = of(node("x", ["worker"]))
    both, _action = asked({"id": "2.1.1"}, answer, inventory_hostname="both")
    assert both["roles"] == ["etcd", "worker"]
    given, _action = asked({"id": "2.1.1", "roles": "worker"}, answer, inventory_hostname="x")
    assert (given["roles"], given["checks"][0]["state"]) == (["worker"], "pass")
    lost, action = asked({"id": "2.1.1"}, answer, inventory_hostname="x")
    assert lost["msg"].startswith("roles of x: no host to scan is in any of the groups controlplane, etcd, worker")
    assert lost["msg"].endswith("or give them in roles")
    action._execute_module.assert_not_called()
    mapped, _action = asked({"id": "2.1.1", "groups": {"worker": "all"}}, answer, inventory_hostname="x")
    assert mapped["roles"] == ["worker"]


def test_node_tests_on_all_nodes() -> None:
    answer = of(node("cp1", ["controlplane"]))
    for where, state in (("workers", "notHere"), ("all", "pass")):
        result, _action = asked({"id": "2.1.1", "node_tests_on": where}, answer, inventory_hostname="cp1")
        assert result["checks"][0]["state"] == state


def test_what_is_not_given_is_the_scans() -> None:
    variables = {
        "cis_scan_profile": "rke-cis-{{ one }}.4-hardened",
        "cis_scan_docker_host": "unix:///run/x.sock",
        "cis_scan_prefix_path": "/opt/rke",
        "cis_scan_timeout": "7",
        "cis_scan_kubeconfig": "",
    }
    result, action = asked({"id": "2.1.1"}, of(node("w1", ["worker"])), **variables)
    args = action._execute_module.call_args.kwargs["module_args"]
    assert result["profile"] == HARDENED
    assert (args["docker_host"], args["prefix_path"], args["timeout"]) == ("unix:///run/x.sock", "/opt/rke", 7)
    given = {"id": "2.1.1", "profile": "RKE-CIS-1.4-Permissive", "timeout": 3, "prefix_path": ""}
    result, action = asked(given, of(node("w1", ["worker"])), **variables)
    args = action._execute_module.call_args.kwargs["module_args"]
    assert (result["profile"], args["timeout"], args["prefix_path"]) == ("RKE-CIS-1.4-Permissive", 3, "")
    wrong, _action = asked({"id": "2.1.1"}, None, cis_scan_timeout="soon")
    assert "cis_scan_timeout" in wrong["msg"]
    wrong, _action = asked({"id": "2.1.1", "timeout": "soon"}, None)
    assert "argument 'timeout'" in wrong["msg"]
    wrong, _action = asked({"id": "2.1.1"}, None, cis_scan_node_tests_on="some")
    assert "cis_scan_node_tests_on" in wrong["msg"]


@pytest.mark.parametrize(
    "state, fail_on, failed",
    [
        ("pass", ["fail", "error"], False),
        ("fail", [], False),
        ("fail", ["error"], False),
        ("fail", ["fail"], True),
        ("error", ["fail"], False),
        ("error", "fail,error", True),
    ],
)
def test_it_fails_where_it_was_asked_to(state: str, fail_on: t.Any, failed: bool) -> None:
    document = node("w1", ["worker"])
    if state == "fail":
        set_flag(document, "kubelet", "--anonymous-auth=true")
    answer = {"failed": True, "msg": "sudo: a password is required"} if state == "error" else of(document)
    result, _action = asked({"id": "2.1.1", "fail_on": fail_on}, answer)
    assert result["checks"][0]["state"] == state
    assert bool(result.get("failed")) is failed
    if failed:
        assert result["msg"] == f"RKE-CIS-1.4-Permissive: 2.1.1 is {state}"


@pytest.mark.parametrize("fail_on, failed", [("fail", False), ("warn", True)])
def test_a_control_that_is_not_scored_warns(fail_on: str, failed: bool) -> None:
    document = node("w1", ["worker"])
    set_flag(document, "kubelet", "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA")
    asks = {"id": "2.1.15", "profile": "RKE-CIS-1.3-Hardened", "fail_on": fail_on}
    result, _action = asked(asks, of(document))
    assert result["checks"][0]["state"] == "warn"
    assert bool(result.get("failed")) is failed
    assert any(line.startswith("    remediation ") for line in result["lines"])


def test_a_node_that_tells_nothing_is_an_error_with_the_reason() -> None:
    result, _action = asked({"id": "2.1.1"}, {"failed": True, "msg": "no Python"})
    (found,) = result["checks"]
    assert (found["state"], found["actual"], found["reason"]) == ("error", "", "failed: no Python")
    assert "    why      failed: no Python" in result["lines"]


def test_an_unreachable_node_stays_unreachable() -> None:
    with pytest.raises(AnsibleConnectionFailure):
        asked({"id": "2.1.1"}, AnsibleConnectionFailure("no route to host"))


@pytest.mark.parametrize("kubeconfig, state", [("/k", "pass"), ("", "error")])
def test_the_api_is_asked_where_a_control_needs_it(kubeconfig: str, state: str) -> None:
    answer = of(node("cp1", ["controlplane"]))
    with mock.patch.object(shared, "cluster_evidence", return_value=cluster()) as api:
        args = {"id": "1.7.2,1.1.2", "profile": HARDENED, "kubeconfig": kubeconfig, "kubeconfig_context": "c"}
        result, _action = asked(args, answer, inventory_hostname="cp1")
        assert result["checks"][1]["state"] == state
        assert [call.args[1:] for call in api.call_args_list] == (
            [("/k", "c", 20, BENCHMARK.objects, None)] if kubeconfig else []
        )
        api.reset_mock()
        asked({**args, "id": "1.1.2"}, answer, inventory_hostname="cp1")
        api.assert_not_called()
    if not kubeconfig:
        assert "cis_scan_kubeconfig" in result["checks"][1]["reason"]


def test_an_encrypted_kubeconfig_without_its_password(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "k"
    path.write_text(encrypt("{}"))
    action = make_action(
        ActionModule, {"id": "1.7.2", "profile": HARDENED, "kubeconfig": str(path), "roles": ["controlplane"]}
    )
    action._loader = loader()
    assert action.run(None, VARS)["msg"] == f"kubeconfig {path}: {NO_PASSWORD}"


def test_a_bad_kubeconfig_is_one_line() -> None:
    args = {"id": "1.7.2", "profile": HARDENED, "kubeconfig": "/k", "roles": ["controlplane"]}
    with mock.patch.object(shared, "cluster_evidence", side_effect=KubeconfigError("kubeconfig /k: no such file")):
        result, _action = asked(args)
    assert result["msg"] == "kubeconfig /k: no such file"
    with mock.patch.dict(sys.modules, {"kubernetes": None}):
        result, _action = asked(args)
    assert result["failed"] is True
    assert "kubernetes" in result["msg"]


def test_words_of_a_node_do_not_drive_the_terminal() -> None:
    document = node("w1", ["worker"])
    set_flag(document, "kubelet", "--anonymous-auth=\x1b[31mtrue")
    result, _action = asked({"id": "2.1.1"}, of(document))
    assert "\x1b" not in "".join(result["lines"])


def test_without_a_benchmark_the_version_of_the_node_chooses_it() -> None:
    """1.1.39 is another control in each of the two benchmarks that have it."""
    seen = {}
    for version in ("v1.12.10", "v1.14.10"):
        document = node("w1", ["controlplane"])
        document["containers"]["kubelet"]["image"] = f"rancher/hyperkube:{version}-rancher1"
        result, action = asked({"id": "1.1.39", "profile": "hardened", "roles": ["controlplane"]}, of(document))
        ((_args, keywords),) = action._execute_module.call_args_list
        assert {"kubelet", "kube-apiserver"} <= set(keywords["module_args"]["plan"]["containers"])
        seen[result["profile"]] = result["checks"][0]["title"]
    assert list(seen) == ["RKE-CIS-1.3-Hardened", "RKE-CIS-1.4-Hardened"]
    assert len(set(seen.values())) == 2


def test_an_id_that_the_benchmark_of_the_node_does_not_have_is_told() -> None:
    document = node("w1", ["controlplane"])
    document["containers"]["kubelet"]["image"] = "rancher/hyperkube:v1.12.10-rancher1"
    result, _action = asked({"id": "1.1.37a", "profile": "hardened", "roles": ["controlplane"]}, of(document))
    assert result["msg"].startswith("id: rke-cis-1.3 has no control '1.1.37a'")
