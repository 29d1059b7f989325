# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError, Unseen
from ansible_collections.rke.cis.plugins.plugin_utils._reports.plan import request_of_node
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import (
    at_controller,
    check_evidence,
    evidence_path,
    gather_evidence,
    unseen_document,
    unseen_result,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import unseen_reason
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_json, to_json, write_file


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
            asked = time.time()
            result.update(self._execute_module(module_args=args, task_vars=task_vars))
            if isinstance(result.get("evidence"), dict):
                result["evidence"] = at_controller(result["evidence"], asked)
            return result
        node = (task_vars or {})["inventory_hostname"]
        path = evidence_path(directory, node)
        try:
            request = request_of_node(directory, node)
            if request is None:
                return {**result, "skipped": True, "skip_reason": "not a node of this scan"}
            replay_dir, deadline, roles = request.pop("replay_dir"), request.pop("deadline"), request["roles"]
            try:
                if self._task.delegate_to not in (None, node):
                    raise Unseen(
                        "failed", f"delegate_to {self._task.delegate_to}: a node is only seen on the node itself"
                    )
                if time.time() >= deadline:
                    raise Unseen("not asked", "the scan's time was over; raise cis_scan_deadline, or use more forks")
                if replay_dir:
                    evidence = self._replay(replay_dir, node)
                else:
                    evidence = gather_evidence(self, {**args, **request}, task_vars)
            except AnsibleConnectionFailure as error:
                said = unseen_result({"unreachable": True, "msg": str(error)})
                write_file(path, to_json(unseen_document(node, roles, *said)))
                raise
            except Unseen as error:
                evidence = unseen_document(node, roles, *error.args)
            write_file(path, to_json(evidence), sync=False)
        except CisError as error:
            return {**result, "failed": True, "msg": str(error)}
        except OSError as error:
            return {**result, "failed": True, "msg": f"evidence file {path}: not writable: {error.strerror}"}
        result.update(changed=False, evidence_file=path, problem=unseen_reason(evidence))
        return result

    @staticmethod
    def _replay(directory: str, node: str) -> dict[str, t.Any]:
        """Return what was recorded of the node, in place of asking it."""
        path = evidence_path(directory, node)
        try:
            return check_evidence(read_json(path, "evidence file"), f"evidence file {path}")
        except CisError as error:
            raise Unseen("failed", str(error)) from error
