# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.rke.cis.plugins.plugin_utils._store import (
    evidence_path,
    to_json,
    unseen_document,
    write_file,
)


class ActionModule(ActionBase):
    """Runs the module on the node and, if asked to, records its document on the controller.

    Recorded here and not through a variable: documents are large, and variables are templated element by element.
    """

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        directory = args.pop("record_to", None)
        if directory is None:
            result.update(self._execute_module(module_args=args, task_vars=task_vars))
            return result
        if getattr(self._connection._shell, "SHELL_FAMILY", "") == "powershell":
            message = "a Windows node, which the benchmark is not made for; take it out of the role groups"
            return {
                **result,
                **self._record(directory, args, unseen_document(args["node"], args["roles"], "Windows", message)),
            }
        try:
            answer = self._execute_module(module_args=args, task_vars=task_vars)
        except AnsibleConnectionFailure as error:
            self._record(directory, args, unseen_document(args["node"], args["roles"], "unreachable", str(error)))
            raise
        if answer.get("failed") or "evidence" not in answer:
            message = str(answer.get("msg") or answer.get("module_stderr") or "the module gave no answer")
            evidence = unseen_document(args["node"], args["roles"], "failed", message)
        else:
            evidence = answer["evidence"]
        return {**result, **self._record(directory, args, evidence)}

    @staticmethod
    def _record(directory: str, args: dict[str, t.Any], evidence: dict[str, t.Any]) -> dict[str, t.Any]:
        path = evidence_path(directory, args["node"])
        write_file(path, to_json(evidence))
        problem = evidence.get("error") or evidence.get("docker", {}).get("error") or {}
        return {
            "changed": False,
            "evidence_file": path,
            "problem": f"{problem['kind']}: {problem['message']}" if problem else "",
        }
