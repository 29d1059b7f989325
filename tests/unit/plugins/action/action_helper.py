# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes action plugins that run without a play."""

from __future__ import annotations

import typing as t
from unittest import mock


def make_action(plugin: type, args: dict[str, t.Any], answer: t.Any = None) -> t.Any:
    """Return an action whose task has these arguments and whose module, if it runs one, gives this answer."""
    task = mock.MagicMock(
        args=args, async_val=0, delegate_to=None, check_mode=False, action="x", environment=None, timeout=0, _role=None
    )
    loader = mock.MagicMock()
    action = plugin(
        task=task,
        connection=mock.MagicMock(),
        play_context=mock.MagicMock(check_mode=False),
        loader=loader,
        templar=mock.MagicMock(template=lambda value: value),
        shared_loader_obj=None,
    )
    action._execute_module = mock.MagicMock(
        side_effect=answer if isinstance(answer, Exception) else None, return_value=answer
    )
    return action


def run_action(plugin: type, args: dict[str, t.Any], task_vars: t.Any = None, answer: t.Any = None) -> dict[str, t.Any]:
    """Return what the task returns."""
    result = make_action(plugin, args, answer).run(None, task_vars or {})
    assert "\n" not in result.get("msg", "")
    return result
