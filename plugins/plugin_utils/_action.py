# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What the action plugins share."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import KubeconfigError, cluster_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._errors import Busy, CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import write_file
from ansible_collections.rke.cis.plugins.plugin_utils._yaml import plain_file

# A scheduled run finds out here what it came to: words in its log may be those of a node.
RUN = "RKE_CIS_RUN"


def record_run(message: str, kind: str = "error") -> None:
    """Write down for a scheduled run, if this is one, why it failed (`error`) or did not start (`busy`)."""
    if RUN in os.environ:
        with contextlib.suppress(OSError):  # the log says it, too
            write_file(f"{os.environ[RUN]}.{kind}", message)


class ControllerAction(ActionBase):
    """An action that works on the controller: a wrong request is one clear line, and check mode changes nothing of it.

    A scan's reports are its result, not a change of a managed node, so they are written in check mode too.
    """

    _supports_check_mode = True
    TRANSFERS_FILES = False
    ARGUMENTS: dict[str, dict[str, t.Any]] = {}
    REQUIRED_ONE_OF: list[list[str]] = []
    # What the user calls an argument, if not by its own name: the variable of a role.
    VARIABLES: dict[str, str] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        kind = "error"
        try:
            result.update(self.work(self._arguments(task_vars or {}), task_vars or {}))
        except CisError as error:
            kind = "busy" if isinstance(error, Busy) else kind
            result.update(failed=True, msg=str(error))
        except OSError as error:
            result.update(failed=True, msg=f"{error.filename or 'the controller'}: {error.strerror}")
        if result.get("failed"):
            record_run(result["msg"], kind)
        return result

    def _arguments(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the arguments with their defaults. Raises CisError if they are invalid."""
        given = self.given(task_vars)
        names = {name: self.VARIABLES.get(name, name) for name in self.ARGUMENTS}
        checked = ArgumentSpecValidator(
            {names[name]: option for name, option in self.ARGUMENTS.items()},
            required_one_of=[[names[name] for name in group] for group in self.REQUIRED_ONE_OF],
        ).validate({names.get(name, name): value for name, value in given.items()})
        if checked.error_messages:
            raise CisError("; ".join(" ".join(message.split()) for message in checked.error_messages))
        return {name: checked.validated_parameters.get(called) for name, called in names.items()}

    def given(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the arguments as they are given."""
        return self._task.args

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Do it and return what the task returns. A CisError is a failure with its text."""
        raise NotImplementedError

    def ask_api(
        self,
        called: str,
        kubeconfig: str,
        context: str | None,
        timeout: int,
        objects: dict[str, t.Any],
        config_map: dict[str, str] | None = None,
    ) -> dict[str, t.Any]:
        """Ask the Kubernetes API from the controller, whatever the task's connection leads to.

        `called` is what the user calls the kubeconfig.
        """
        try:
            import kubernetes  # only here: it takes long to load
        except ImportError as error:
            raise CisError(f"{called}: {missing_required_lib('kubernetes')}") from error
        path = os.path.abspath(os.path.expanduser(kubeconfig))
        with plain_file(path, f"{called} {path}", self._loader) as plain:
            try:
                return cluster_evidence(kubernetes, plain, context, timeout, objects, config_map)
            except KubeconfigError as error:
                raise CisError(f"{called}{str(error).removeprefix('kubeconfig')}") from error
