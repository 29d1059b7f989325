# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import signal
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
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

# The options of the module that are variables of the role.
_VARIABLES = ("docker_host", "timeout", "prefix_path")


class _TimeOver(BaseException):
    """Nothing on the way takes this for an error of its own."""


@contextlib.contextmanager
def _time_limit(seconds: int) -> t.Iterator[None]:
    """Raise _TimeOver after so many seconds, in place of a task's timeout, which is templated anew for each node."""

    def over(_signal: int, _frame: t.Any) -> None:
        raise _TimeOver

    before = signal.signal(signal.SIGALRM, over)
    try:
        signal.alarm(seconds)
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class ActionModule(ActionBase):
    """Runs the module on the node and, in a planned scan, records its document on the controller.

    Recorded here and not through a variable: documents are large, and variables are templated element by element.
    """

    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        args = dict(self._task.args)
        if not args.pop("planned", False):
            asked = time.time()
            result.update(self._execute_module(module_args=args, task_vars=task_vars))
            if isinstance(result.get("evidence"), dict):
                result["evidence"] = at_controller(result["evidence"], asked)
            return result
        known = task_vars or {}
        if "_cis_scan_plan" not in known:
            return {**result, "failed": True, "msg": "planned: only the role rke.cis.cis_scan plans a scan; set plan"}
        node, directory = known["inventory_hostname"], known["_cis_scan_plan"]["evidence_dir"]
        path = evidence_path(directory, node)
        try:
            request = request_of_node(directory, node)
            if request is None:
                return {**result, "skipped": True, "skip_reason": "not a node of this scan"}
            replay_dir, deadline, roles = request.pop("replay_dir"), request.pop("deadline"), request["roles"]
            limits = {
                "cis_scan_node_timeout": request.pop("node_timeout"),
                "cis_scan_deadline": max(1, int(deadline - time.time())),
            }
            if self._task.timeout:  # a limit that the user sets for all tasks
                limits["Ansible's task_timeout"] = self._task.timeout
            shortest = min(limits, key=lambda name: limits[name])
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
                    with _time_limit(limits[shortest]):
                        evidence = gather_evidence(self, {**request, **self._variables(known)}, task_vars)
            except AnsibleConnectionFailure as error:
                said = unseen_result({"unreachable": True, "msg": str(error)})
                write_file(path, to_json(unseen_document(node, roles, *said)))
                raise
            except _TimeOver:
                why = f"no answer in {limits[shortest]} s; see what hangs there, or raise {shortest}"
                evidence = unseen_document(node, roles, "failed", why)
            except Unseen as error:
                evidence = unseen_document(node, roles, *error.args)
            write_file(path, to_json(evidence), sync=False)
        except CisError as error:
            return {**result, "failed": True, "msg": str(error)}
        except OSError as error:
            return {**result, "failed": True, "msg": f"evidence file {path}: not writable: {error.strerror}"}
        result.update(changed=False, evidence_file=path, problem=unseen_reason(evidence))
        return result

    def _variables(self, known: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the options of the module that are given. As arguments they would be templates, slow on each node."""
        given = {}
        for name in _VARIABLES:
            variable = f"cis_scan_{name}"
            try:
                given[name] = self._templar.template(known.get(variable))
            except AnsibleError as error:
                raise Unseen(*unseen_result({"msg": f"value for '{variable}': {error}"})) from error
        return {name: value for name, value in given.items() if value not in (None, "")}

    @staticmethod
    def _replay(directory: str, node: str) -> dict[str, t.Any]:
        """Return what was recorded of the node, in place of asking it."""
        path = evidence_path(directory, node)
        try:
            return check_evidence(read_json(path, "evidence file"), f"evidence file {path}")
        except CisError as error:
            raise Unseen("failed", str(error)) from error
