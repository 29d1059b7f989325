# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.rke.cis.plugins.action.node_evidence_info import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import evidence_path, read_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import make_action, run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import lost, node


def arguments(directory: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    return {"plan": {}, "node": "n1", "roles": ["worker"], "record_to": str(directory), **more}


def recorded(directory: pathlib.Path) -> dict[str, t.Any]:
    nodes, _cluster = read_evidence(str(directory))
    (document,) = nodes
    return document


def test_without_a_directory_it_is_just_the_module(tmp_path: pathlib.Path) -> None:
    answer = {"evidence": {"x": 1}, "changed": False}
    result = run_action(ActionModule, {"plan": {}}, answer=answer)
    assert result["evidence"] == {"x": 1}
    assert list(tmp_path.iterdir()) == []


def test_what_is_gathered_is_recorded_and_not_returned(tmp_path: pathlib.Path) -> None:
    action = make_action(ActionModule, arguments(tmp_path), {"evidence": node("n1", ["worker"])})
    result = action.run(None, {})
    assert result["evidence_file"] == evidence_path(str(tmp_path), "n1")
    assert (result["changed"], result["problem"]) == (False, "")
    assert "evidence" not in result
    assert recorded(tmp_path) == node("n1", ["worker"])
    # the module is not told what is the controller's matter
    assert not {"record_to", "replay_from"} & set(action._execute_module.call_args.kwargs["module_args"])


def test_docker_that_does_not_answer_is_a_problem_that_is_told(tmp_path: pathlib.Path) -> None:
    document = node("n1", ["worker"])
    document["docker"] = {"host": "x", "error": {"kind": "down", "message": "no socket", "advice": "start it"}}
    result = run_action(ActionModule, arguments(tmp_path), answer={"evidence": document})
    assert result["problem"] == "down: no socket"


@pytest.mark.parametrize(
    "answer, said",
    [
        ({"failed": True, "msg": "no Python"}, "no Python"),
        (
            {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "a\nsudo: a password is required\n"},
            "sudo: a pass",
        ),
        ({"failed": True, "module_stdout": "/bin/sh: python3: not found"}, "python3: not found"),
        ({"failed": True}, "no answer"),
        ({}, "no answer"),
    ],
)
def test_a_module_that_fails_is_recorded_with_the_reason(
    tmp_path: pathlib.Path, answer: dict[str, t.Any], said: str
) -> None:
    result = run_action(ActionModule, arguments(tmp_path), answer=answer)
    assert "failed" not in result
    assert said in result["problem"]
    document = recorded(tmp_path)
    assert (document["node"], document["roles"], document["error"]["kind"]) == ("n1", ["worker"], "failed")
    assert said in document["error"]["message"]


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        "x",
        [],
        {},
        {**node("n1"), "schema": "x"},
        {**node("n1"), "containers": []},
        {**node("n1"), "error": "x"},
        {**node("n1"), "collected_at": 5},
    ],
)
def test_an_answer_of_another_form_is_recorded_as_a_failure_of_that_node(
    tmp_path: pathlib.Path, evidence: t.Any
) -> None:
    result = run_action(ActionModule, arguments(tmp_path), answer={"evidence": evidence})
    assert "failed" not in result
    assert result["problem"].startswith("failed: ")
    assert recorded(tmp_path)["error"]["kind"] == "failed"


def test_a_node_does_not_answer_for_another_or_in_another_role(tmp_path: pathlib.Path) -> None:
    run_action(ActionModule, arguments(tmp_path), answer={"evidence": node("another", ["etcd"])})
    assert (recorded(tmp_path)["node"], recorded(tmp_path)["roles"]) == ("n1", ["worker"])


@pytest.mark.parametrize("docker", [None, "x", [], {"error": "x"}, {"error": {}}, {"error": {"kind": 5}}])
def test_a_strange_word_on_docker_does_not_stop_the_recording(tmp_path: pathlib.Path, docker: t.Any) -> None:
    result = run_action(ActionModule, arguments(tmp_path), answer={"evidence": {**node("n1"), "docker": docker}})
    assert isinstance(result["problem"], str)
    assert recorded(tmp_path)["docker"] == docker


def test_half_characters_of_a_node_can_be_recorded(tmp_path: pathlib.Path) -> None:
    document = node("n1", ["worker"])
    document["containers"]["kubelet"]["args"].append("--x=\udcff")
    run_action(ActionModule, arguments(tmp_path), answer={"evidence": document})
    assert recorded(tmp_path)["containers"]["kubelet"]["args"][-1] == "--x=?"


def test_an_unreachable_node_is_recorded_and_stays_unreachable(tmp_path: pathlib.Path) -> None:
    action = make_action(ActionModule, arguments(tmp_path), AnsibleConnectionFailure("no route to host"))
    with pytest.raises(AnsibleConnectionFailure):
        action.run(None, {})
    assert recorded(tmp_path)["error"]["kind"] == "unreachable"
    assert "no route to host" in recorded(tmp_path)["error"]["message"]


def test_a_windows_node_is_not_asked(tmp_path: pathlib.Path) -> None:
    action = make_action(ActionModule, arguments(tmp_path), {})
    action._connection._shell.SHELL_FAMILY = "powershell"
    assert "Windows" in action.run(None, {})["problem"]
    assert recorded(tmp_path)["error"]["kind"] == "Windows"
    action._execute_module.assert_not_called()


def test_a_document_that_cannot_be_written_fails_by_name(tmp_path: pathlib.Path) -> None:
    result = run_action(ActionModule, arguments(tmp_path / "missing"), answer={"evidence": node("n1")})
    assert result["failed"] is True
    assert str(tmp_path / "missing") in result["msg"]
    assert "No such file" in result["msg"]


def test_without_a_name_nothing_can_be_recorded(tmp_path: pathlib.Path) -> None:
    result = run_action(ActionModule, {"plan": {}, "record_to": str(tmp_path)}, answer={"evidence": node("n1")})
    assert result["failed"] is True
    assert "node" in result["msg"]


def test_replay_takes_what_was_recorded_and_asks_nobody(tmp_path: pathlib.Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    pathlib.Path(evidence_path(str(tmp_path / "old"), "n1")).write_text(to_json(node("n1")))
    action = make_action(ActionModule, arguments(tmp_path / "new", replay_from=str(tmp_path / "old")), {})
    assert action.run(None, {})["problem"] == ""
    assert recorded(tmp_path / "new") == node("n1")
    action._execute_module.assert_not_called()


@pytest.mark.parametrize("content", [None, "", "{", "[]", json.dumps({"schema": "x"})])
def test_replay_of_what_is_not_there_is_recorded_with_the_reason(tmp_path: pathlib.Path, content: str | None) -> None:
    (tmp_path / "new").mkdir()
    if content is not None:
        pathlib.Path(evidence_path(str(tmp_path), "n1")).write_text(content)
    result = run_action(ActionModule, arguments(tmp_path / "new", replay_from=str(tmp_path)))
    assert "node-n1.json" in result["problem"]
    assert recorded(tmp_path / "new")["error"]["kind"] == "failed"


def test_an_earlier_failure_is_replaced(tmp_path: pathlib.Path) -> None:
    pathlib.Path(evidence_path(str(tmp_path), "n1")).write_text(to_json(lost("n1")))
    run_action(ActionModule, arguments(tmp_path), answer={"evidence": node("n1", ["worker"])})
    assert "error" not in recorded(tmp_path)
