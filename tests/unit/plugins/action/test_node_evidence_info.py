# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import calendar
import json
import pathlib
import re
import signal
import threading
import time
import typing as t
from unittest import mock

import pytest
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleUndefinedVariable

from ansible_collections.rke.cis.plugins.action import node_evidence_info
from ansible_collections.rke.cis.plugins.action.node_evidence_info import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import evidence_path, read_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import make_action, run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, node, shut_docker
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.plan_helper import make_plan

PLANNED = {"planned": True}
NOW = node()["collected_at"]
PLAN = {"containers": {"kubelet": {}}, "paths": []}


@pytest.fixture
def directory(tmp_path: pathlib.Path) -> pathlib.Path:
    """The directory of the evidence of a planned scan of the node n1."""
    return pathlib.Path(make_plan(tmp_path / "scan", {"n1": ["worker"]}, cluster(), PLAN)["evidence_dir"])


def variables(directory: str | pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    """The variables of the node n1 in a scan with such a directory of evidence."""
    asked = {"cis_scan_docker_host": "", "cis_scan_timeout": 20, "cis_scan_prefix_path": ""}
    return {"inventory_hostname": "n1", "_cis_scan_plan": {"evidence_dir": str(directory)}, **asked, **more}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the controller, at which the clock of the nodes in the tests is right."""
    now = [calendar.timegm(time.strptime(NOW, "%Y-%m-%dT%H:%M:%SZ"))]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


@pytest.mark.parametrize(
    "said, took, expected",
    [
        ("2026-11-21T22:04:59Z", 0, None),
        ("2026-11-21T22:05:01Z", 0, 301),
        ("2026-11-22T22:00:00Z", 0, 86400),
        ("2026-11-21T21:54:59Z", 0, -301),
        ("2026-11-21T22:09:00Z", 600, None),  # it was gathered at any time between question and answer
        ("2026-11-21T22:15:01Z", 600, 301),
        ("2026-11-21T21:55:00Z", 600, None),
        ("2026-11-21T21:54:59Z", 600, -301),
    ],
)
def test_the_time_is_the_controllers_and_a_clock_that_is_off_is_recorded(
    directory: pathlib.Path, clock: list[float], said: str, took: int, expected: int | None
) -> None:
    document = {**node("n1", ["worker"]), "collected_at": said, "clock_offset": 5}
    action = make_action(ActionModule, PLANNED)

    def answer(**_options: t.Any) -> dict[str, t.Any]:
        clock[0] += took
        return {"evidence": document}

    action._execute_module.side_effect = answer
    action.run(None, variables(directory))
    assert recorded(directory)["collected_at"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock[0]))
    assert recorded(directory).get("clock_offset") == expected


def recorded(directory: pathlib.Path) -> dict[str, t.Any]:
    nodes, _cluster = read_evidence(str(directory))
    (document,) = nodes
    return document


def test_without_a_directory_it_is_just_the_module(tmp_path: pathlib.Path) -> None:
    answer = {"evidence": {"x": 1}, "changed": False}
    result = run_action(ActionModule, {"plan": {}}, answer=answer)
    assert result["evidence"] == {"x": 1, "collected_at": NOW}
    assert list(tmp_path.iterdir()) == []


def test_what_is_gathered_is_recorded_and_not_returned(directory: pathlib.Path) -> None:
    action = make_action(ActionModule, PLANNED, {"evidence": node("n1", ["worker"])})
    result = action.run(None, variables(directory))
    assert result["evidence_file"] == evidence_path(str(directory), "n1")
    assert (result["changed"], result["problem"]) == (False, "")
    assert "evidence" not in result
    assert recorded(directory) == node("n1", ["worker"])
    asked = action._execute_module.call_args.kwargs["module_args"]
    assert asked == {"node": "n1", "roles": ["worker"], "plan": PLAN, "timeout": 20}


def test_variables_of_the_node_are_options_of_the_module(directory: pathlib.Path) -> None:
    action = make_action(ActionModule, PLANNED, {"evidence": node("n1", ["worker"])})
    action._templar.template = lambda value: value.replace("{{ x }}", "/x") if isinstance(value, str) else value
    action.run(None, variables(directory, cis_scan_docker_host="unix://{{ x }}", cis_scan_prefix_path="/opt/rke"))
    asked = action._execute_module.call_args.kwargs["module_args"]
    assert (asked["docker_host"], asked["timeout"], asked["prefix_path"]) == ("unix:///x", 20, "/opt/rke")


def test_a_variable_that_cannot_be_templated_is_named(directory: pathlib.Path) -> None:
    action = make_action(ActionModule, PLANNED)
    action._templar.template = mock.Mock(side_effect=AnsibleUndefinedVariable("'nope' is undefined. 'nope' is"))
    problem = action.run(None, variables(directory))["problem"]
    assert problem == "failed: 'nope' is undefined, which this host needs for cis_scan_docker_host; define it"
    action._execute_module.assert_not_called()


def test_without_a_plan_it_says_what_is_missing() -> None:
    assert "cis_scan" in run_action(ActionModule, PLANNED, {"inventory_hostname": "n1"})["msg"]


@pytest.mark.parametrize(
    "handler, node_timeout, deadline, task_timeout, shortest",
    [
        (signal.SIG_DFL, 1, 9, 0, "cis_scan_node_timeout"),
        (signal.SIG_IGN, 1, 9, 90, "cis_scan_node_timeout"),
        (signal.SIG_DFL, 120, 1.99, 0, "cis_scan_deadline"),
        (signal.SIG_DFL, 120, 9, 1, "Ansible's task_timeout"),
    ],
)
def test_a_node_that_hangs_is_given_up(
    tmp_path: pathlib.Path, handler: t.Any, node_timeout: int, deadline: float, task_timeout: int, shortest: str
) -> None:
    times = {"node_timeout": node_timeout, "deadline": time.time() + deadline}
    plan = make_plan(tmp_path / "scan", {"n1": ["worker"]}, cluster(), PLAN, **times)
    action = make_action(ActionModule, PLANNED)
    action._task.timeout = task_timeout
    action._execute_module.side_effect = lambda **_options: threading.Event().wait(60)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        problem = action.run(None, variables(plan["evidence_dir"]))["problem"]
        assert (signal.getsignal(signal.SIGALRM), signal.alarm(0)) == (handler, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert problem == f"failed: no answer in 1 s; see what hangs there, or raise {shortest}"
    assert recorded(pathlib.Path(plan["evidence_dir"]))["error"]["kind"] == "failed"


def test_the_deadline_is_a_limit_for_each_node(tmp_path: pathlib.Path, clock: list[float]) -> None:
    plan = make_plan(tmp_path / "scan", {"n1": ["worker"]}, cluster(), PLAN, deadline=int(clock[0]) + 7)
    action = make_action(ActionModule, PLANNED, {"evidence": node("n1")})
    left: list[int] = []
    action._execute_module.side_effect = lambda **_options: left.append(signal.alarm(0)) or {}
    action.run(None, variables(plan["evidence_dir"]))
    assert 6 <= left[0] <= 7


def test_a_node_of_which_nothing_was_seen_is_a_problem_that_is_told(directory: pathlib.Path) -> None:
    document = node("n1", ["worker"])
    shut_docker(document)
    result = run_action(ActionModule, PLANNED, variables(directory), answer={"evidence": document})
    assert result["problem"] == "down: no socket; start it"


@pytest.mark.parametrize(
    "answer, said",
    [
        ({"failed": True, "msg": "no Python"}, "no Python"),
        (
            {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "a\nsudo: a password is required\n"},
            "sudo: a pass",
        ),
        ({"failed": True, "module_stdout": "/bin/sh: python3: not found"}, "python3: not found"),
        ({"failed": True}, "returned nothing"),
        ({}, "returned nothing"),
    ],
)
def test_a_module_that_fails_is_recorded_with_the_reason(
    directory: pathlib.Path, answer: dict[str, t.Any], said: str
) -> None:
    result = run_action(ActionModule, PLANNED, variables(directory), answer=answer)
    assert "failed" not in result
    assert said in result["problem"]
    document = recorded(directory)
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
    directory: pathlib.Path, evidence: t.Any
) -> None:
    result = run_action(ActionModule, PLANNED, variables(directory), answer={"evidence": evidence})
    assert "failed" not in result
    assert result["problem"].startswith("failed: ")
    assert recorded(directory)["error"]["kind"] == "failed"


def test_an_answer_that_is_too_large_is_recorded_as_such(directory: pathlib.Path) -> None:
    large = node("n1")
    large["containers"]["kubelet"] = {**large["containers"]["kubelet"], "args": ["x" * 100_000] * 110}
    result = run_action(ActionModule, PLANNED, variables(directory), answer={"evidence": large})
    assert result["problem"] == "too large: the node's answer is too large: more than 10485760 bytes"
    assert recorded(directory)["error"]["kind"] == "too large"


def test_a_node_does_not_answer_for_another_or_in_another_role(directory: pathlib.Path) -> None:
    run_action(ActionModule, PLANNED, variables(directory), answer={"evidence": node("another", ["etcd"])})
    assert (recorded(directory)["node"], recorded(directory)["roles"]) == ("n1", ["worker"])


@pytest.mark.parametrize("docker", [None, "x", [], {"error": "x"}, {"error": {}}, {"error": {"kind": 5}}])
def test_a_strange_word_on_docker_does_not_stop_the_recording(directory: pathlib.Path, docker: t.Any) -> None:
    result = run_action(
        ActionModule, PLANNED, variables(directory), answer={"evidence": {**node("n1"), "docker": docker}}
    )
    assert result["problem"].startswith("failed: the node's answer: not valid evidence: docker")
    assert recorded(directory)["error"]["kind"] == "failed"


def test_half_characters_of_a_node_can_be_recorded(directory: pathlib.Path) -> None:
    document = node("n1", ["worker"])
    document["containers"]["kubelet"]["args"].append("--x=\udcff")
    run_action(ActionModule, PLANNED, variables(directory), answer={"evidence": document})
    assert recorded(directory)["containers"]["kubelet"]["args"][-1] == "--x=?"


def test_an_unreachable_node_is_recorded_and_stays_unreachable(directory: pathlib.Path) -> None:
    action = make_action(ActionModule, PLANNED, AnsibleConnectionFailure("no route to host"))
    with pytest.raises(AnsibleConnectionFailure):
        action.run(None, variables(directory))
    assert recorded(directory)["error"]["kind"] == "unreachable"
    assert "no route to host" in recorded(directory)["error"]["message"]


@pytest.mark.parametrize(
    "error, told",
    [
        (AnsibleError("Missing sudo password"), "sudo asks for a password; run with --ask-become-pass, or set "),
        (AnsibleError("Incorrect doas password"), "the doas password is wrong; correct ansible_become_password"),
        (
            AnsibleError("failed to transfer file to /a /b:\n\ndd: No space left on device\n0+0"),
            "no space left on the node ",
        ),
        (AnsibleUndefinedVariable("'x' is undefined"), "'x' is undefined, which a variable of this host needs; "),
        (
            AnsibleError('Data could not be sent to remote host "a". Make sure this host can be reached over ssh: '),
            "the SSH connection broke while the node was examined; see its sshd",
        ),
        (
            AnsibleError(
                'Data could not be sent to remote host "a". Make sure this host can be reached over ssh: gone'
            ),
            "gone",
        ),
        (AnsibleError("something\nnew"), "something new"),
        (OSError(2, "No such file"), "on the controller: [Errno 2] No such file"),
        (OSError(28, "No space left on device"), "no space left on the controller for Ansible's temporary files; free"),
    ],
)
def test_an_error_of_ansible_is_recorded_as_a_person_would_say_it(
    directory: pathlib.Path, error: Exception, told: str
) -> None:
    result = run_action(ActionModule, PLANNED, variables(directory), answer=error)
    assert "failed" not in result
    assert result["problem"].startswith(f"failed: {told}")
    assert recorded(directory)["error"] == {"kind": "failed", "message": result["problem"].removeprefix("failed: ")}


NEEDS = r"; ansible-core \S+ needs Python 3\.\d+ or later on a node: set ansible_python_interpreter to its path$"


@pytest.mark.parametrize(
    "shebang, answer, told",
    [
        (
            "#!/usr/bin/python3",
            {"rc": 0, "stdout": "3.5.10 (default)\n"},
            "/usr/bin/python3 is Python 3.5.10, which is ",
        ),
        ("#!python3", {"rc": 0, "stdout": "2.7.18 (default)\n"}, "python3 is Python 2.7.18, which is too old"),
        (
            "#!/opt/python",
            {"rc": 127, "stdout": "", "stderr": "x\nsh: /opt/python: not found\n"},
            "/opt/python does not run on the node (sh: /opt/python: not found)",
        ),
        (
            "#!/opt/python",
            {"rc": 1, "stdout": "", "stderr": ""},
            "/opt/python does not run on the node (exit status 1)",
        ),
        ("#!/opt/python", {"rc": 0, "stdout": "3.99.0 (main)"}, None),
        ("#!/opt/python", AnsibleError("gone"), None),
        (None, None, None),
    ],
)
def test_after_a_failure_the_python_of_the_node_is_looked_at(
    directory: pathlib.Path, shebang: str | None, answer: t.Any, told: str | None
) -> None:
    killed = {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "Killed", "rc": 137}
    action = make_action(ActionModule, PLANNED, killed)
    action._used_interpreter = shebang
    action._low_level_execute_command = mock.MagicMock(
        side_effect=[answer if isinstance(answer, Exception) else {"stderr": "", **(answer or {})}]
    )
    problem = action.run(None, variables(directory))["problem"]
    if told is None:
        assert problem == "failed: the module returned no result (exit status 137): Killed"
    else:
        assert re.fullmatch(f"failed: {re.escape(told)}.*{NEEDS}", problem), problem


@pytest.mark.parametrize(
    "said", ["/bin/sh: 1: sudo: not found", "bash: line 1: sudo: command not found", "sh: sudo: not found\r"]
)
def test_a_program_for_become_that_is_missing_is_named(directory: pathlib.Path, said: str) -> None:
    answer = {"failed": True, "msg": "MODULE FAILURE", "module_stderr": f"{said}\n", "rc": 127}
    problem = run_action(ActionModule, PLANNED, variables(directory), answer)["problem"]
    assert problem.startswith("failed: sudo is not installed on the node; install it, or set ansible_become_method ")


def test_another_host_does_not_stand_in_for_the_node(directory: pathlib.Path) -> None:
    action = make_action(ActionModule, PLANNED, {"evidence": node("n1", ["worker"])})
    action._task.delegate_to = "n2"
    assert action.run(None, variables(directory))["problem"].startswith("failed: delegate_to n2: ")
    action._execute_module.assert_not_called()
    assert recorded(directory)["error"]["kind"] == "failed"


def test_a_windows_node_is_not_asked(directory: pathlib.Path) -> None:
    action = make_action(ActionModule, PLANNED, {})
    action._connection._shell.SHELL_FAMILY = "powershell"
    assert "Windows" in action.run(None, variables(directory))["problem"]
    assert recorded(directory)["error"]["kind"] == "Windows"
    action._execute_module.assert_not_called()


def test_a_document_that_cannot_be_written_fails_by_name(
    directory: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: t.Any, **_more: t.Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(node_evidence_info, "write_file", full)
    result = run_action(ActionModule, PLANNED, variables(directory), {"evidence": node("n1")})
    assert result["failed"] is True
    assert result["msg"] == f"evidence file {directory}/node-n1.json: not writable: No space left on device"


@pytest.mark.parametrize("older", [None, node("n2", ["worker"])])
def test_a_host_that_is_not_a_node_of_the_scan_is_skipped(
    directory: pathlib.Path, older: dict[str, t.Any] | None
) -> None:
    if older:  # evidence of an earlier scan in the same directory
        pathlib.Path(evidence_path(str(directory), "n2")).write_text(to_json(older))
    action = make_action(ActionModule, PLANNED, {"evidence": node("n2")})
    assert action.run(None, variables(directory, inventory_hostname="n2"))["skipped"] is True
    action._execute_module.assert_not_called()


def test_a_node_whose_turn_comes_too_late_is_not_asked(tmp_path: pathlib.Path) -> None:
    plan = make_plan(tmp_path / "scan", {"n1": ["worker"]}, cluster(), PLAN, deadline=1)
    directory = plan["evidence_dir"]
    action = make_action(ActionModule, PLANNED, {"evidence": node("n1")})
    assert action.run(None, variables(directory))["problem"] == (
        "not asked: the scan's time was over; raise cis_scan_deadline, or use more forks"
    )
    action._execute_module.assert_not_called()


def replaying(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the directory of the evidence of a scan that takes what tmp_path/old holds."""
    (tmp_path / "old").mkdir()
    plan = make_plan(tmp_path / "new", {"n1": ["worker"]}, cluster(), PLAN, replay_dir=str(tmp_path / "old"))
    return pathlib.Path(plan["evidence_dir"])


def test_replay_takes_what_was_recorded_and_asks_nobody(tmp_path: pathlib.Path) -> None:
    directory = replaying(tmp_path)
    pathlib.Path(evidence_path(str(tmp_path / "old"), "n1")).write_text(to_json(node("n1")))
    action = make_action(ActionModule, PLANNED, {})
    assert action.run(None, variables(directory))["problem"] == ""
    assert recorded(directory) == node("n1")
    action._execute_module.assert_not_called()


@pytest.mark.parametrize("content", [None, "", "{", "[]", json.dumps({"schema": "x"})])
def test_replay_of_what_is_not_there_is_a_failure_of_that_node(tmp_path: pathlib.Path, content: str | None) -> None:
    directory = replaying(tmp_path)
    if content is not None:
        pathlib.Path(evidence_path(str(tmp_path / "old"), "n1")).write_text(content)
    assert run_action(ActionModule, PLANNED, variables(directory))["problem"].startswith("failed: evidence file")
    assert recorded(directory)["error"]["kind"] == "failed"
