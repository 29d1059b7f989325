# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What the action plugins share."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.rke.cis.plugins.plugin_utils._benchmark import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._operators import Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._score import check_evidence


def gather_evidence(action: ActionBase, args: dict[str, t.Any], task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
    """Return what the action's node tells, asked with these arguments of rke.cis.node_evidence_info.

    Raises Unseen(kind, message) where it tells nothing.
    """
    if getattr(action._connection._shell, "SHELL_FAMILY", "") == "powershell":
        raise Unseen("Windows", "the benchmark is not made for a Windows node; take it out of the role groups")
    answer = action._execute_module(module_name="rke.cis.node_evidence_info", module_args=args, task_vars=task_vars)
    if answer.get("failed") or "evidence" not in answer:
        # a node without Python or sudo says so in the output alone, at its end
        said = str(answer.get("module_stderr") or answer.get("module_stdout") or "").strip().splitlines()[-1:]
        raise Unseen("failed", ": ".join([str(answer.get("msg") or "the module gave no answer"), *said]))
    try:
        # a node is not to be trusted: neither with the form of its answer nor with whose it is
        document = check_evidence(answer["evidence"], "the node's answer")
    except CisError as error:
        raise Unseen("failed", str(error)) from error
    return {**document, "node": args["node"], "roles": args.get("roles") or []}


class ControllerAction(ActionBase):
    """An action that works on the controller: a wrong request is one clear line, and check mode changes nothing of it.

    A scan's reports are its result, not a change of a managed node, so they are written in check mode too.
    """

    _supports_check_mode = True
    TRANSFERS_FILES = False
    ARGUMENTS: dict[str, dict[str, t.Any]] = {}
    REQUIRED_ONE_OF: list[list[str]] = []

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        checked = ArgumentSpecValidator(self.ARGUMENTS, required_one_of=self.REQUIRED_ONE_OF).validate(
            self.given(task_vars or {})
        )
        if checked.error_messages:
            return {**result, "failed": True, "msg": "; ".join(checked.error_messages)}
        try:
            result.update(self.work(checked.validated_parameters, task_vars or {}))
        except CisError as error:
            result.update(failed=True, msg=str(error))
        except OSError as error:
            result.update(failed=True, msg=f"{error.filename or 'the controller'}: {error.strerror}")
        return result

    def given(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the arguments as they are given."""
        return self._task.args

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Do it and return what the task returns. A CisError is a failure with its text."""
        raise NotImplementedError
