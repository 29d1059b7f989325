# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._action import RUN, ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._errors import Busy, CisError
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action


class Action(ControllerAction):
    ARGUMENTS = {"number": {"type": "int", "required": True}, "word": {"type": "str", "choices": ["a", "b"]}}

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if args["number"] == 0:
            raise CisError("no such number")
        if args["number"] == 1:
            raise PermissionError(13, "Permission denied", "/a/file")
        if args["number"] == 2:
            raise OSError(28, "No space left on device")
        if args["number"] == 3:
            raise Busy("another scan")
        if args["number"] == 4:
            return {"failed": True, "msg": "no report"}
        return {"changed": True, "number": args["number"], "of": task_vars.get("x")}


def test_arguments_are_converted_and_the_result_returned() -> None:
    result = run_action(Action, {"number": "7"}, {"x": "y"})
    assert (result["changed"], result["number"], result["of"]) == (True, 7, "y")
    assert "failed" not in result


@pytest.mark.parametrize(
    "args, said",
    [
        ({}, "number"),
        ({"number": "x"}, "number"),
        ({"number": 7, "word": "c"}, "word"),
        ({"number": 7, "other": 1}, "other"),
        ({"number": 0}, "no such number"),
        ({"number": 1}, "/a/file: Permission denied"),
        ({"number": 2}, "No space left on device"),
    ],
)
def test_what_is_wrong_is_one_line(args: dict[str, t.Any], said: str) -> None:
    result = run_action(Action, args)
    assert result["failed"] is True
    assert said in result["msg"]


@pytest.mark.parametrize(
    "number, recorded",
    [
        ("x", {"run.error": "argument"}),
        (0, {"run.error": "no such number"}),
        (1, {"run.error": "/a/file: Permission denied"}),
        (3, {"run.busy": "another scan"}),
        (4, {"run.error": "no report"}),
        (7, {}),
    ],
)
def test_a_scheduled_run_finds_out_what_it_came_to(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: t.Any, recorded: dict[str, str]
) -> None:
    monkeypatch.setenv(RUN, str(tmp_path / "run"))
    run_action(Action, {"number": number})
    found = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert list(found) == list(recorded)
    assert all(text in found[name] for name, text in recorded.items())


def test_a_record_that_cannot_be_written_changes_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUN, str(tmp_path / "none" / "run"))
    assert run_action(Action, {"number": 0})["msg"] == "no such number"
