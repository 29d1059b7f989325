# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
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
