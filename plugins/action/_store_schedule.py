# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import os
import re
import shutil
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.schedule import acting_as, place_of_user
from ansible_collections.rke.cis.plugins.plugin_utils._store import open_kept, to_json, write_file

_TEMPLATE = re.compile(r"\{[{%#]")


class ActionModule(ControllerAction):
    """Keeps what a schedule's user owns, with the rights of that user: root would follow the user's links anywhere."""

    ARGUMENTS = {
        "user": {"type": "str", "default": ""},
        "dir": {"type": "path", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "schedule": {"type": "dict", "default": {}},
        "variables": {"type": "dict", "default": {}},
        "script": {"type": "str", "default": ""},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        account, directory = place_of_user(args["user"], args["dir"])
        files: dict[str, tuple[str, int]] = {}
        if args["state"] == "present":
            # Not an argument: as text, which templating may make of one, it would lose what is encrypted.
            more = self._templar.template(task_vars.get("cis_schedule_variables") or {})
            files = {
                "variables.yml": (_yaml({**args["variables"], **more}), 0o600),
                "schedule.json": (to_json(args["schedule"]), 0o600),
                "run": (args["script"].rstrip("\n") + "\n", 0o700),
            }
        try:
            with acting_as(account):
                changed = self._install(directory, files) if files else self._remove(directory)
        except OSError as error:
            raise CisError(
                f"cis_schedule_dir {error.filename or directory}: {error.strerror}; the schedule's directory must be "
                f"one that {account.pw_name} can write to"
            ) from error
        return {"changed": changed, "path": directory}

    def _install(self, directory: str, files: dict[str, tuple[str, int]]) -> bool:
        changed = False
        for path in (directory, os.path.join(directory, "logs")):
            if not os.path.isdir(path) or os.stat(path).st_mode & 0o777 != 0o700:
                changed = True
                if not self._task.check_mode:
                    os.makedirs(path, 0o700, exist_ok=True)
                    os.chmod(path, 0o700)
        for name, (text, mode) in files.items():
            path = os.path.join(directory, name)
            if not _is_kept(path, text, mode):
                changed = True
                if not self._task.check_mode:
                    write_file(path, text, mode=mode)
        return changed

    def _remove(self, directory: str) -> bool:
        if not os.path.lexists(directory):
            return False
        if not self._task.check_mode:
            if os.path.isdir(directory) and not os.path.islink(directory):
                shutil.rmtree(directory)
            else:
                os.unlink(directory)
        return True


def _is_kept(path: str, text: str, mode: int) -> bool:
    try:
        with open_kept(path) as stream:
            same = stream.read(limits.KEPT_BYTES) == text.encode()
            return same and os.fstat(stream.fileno()).st_mode & 0o777 == mode
    except OSError:
        return False


class _Dumper(yaml.SafeDumper):
    """Writes what templating hands over, whose types are ansible-core's own."""

    def ignore_aliases(self, data: t.Any) -> bool:
        return True

    def represent_data(self, data: t.Any) -> yaml.Node:
        if hasattr(data, "_ciphertext"):  # of ansible-core up to 2.18; later ones have decrypted it
            return self.represent_scalar("!vault", data._ciphertext.decode(), style="|")
        if isinstance(data, str):
            # A template that is left was no template here, and must be none in a scan.
            plain = str.__str__(data)
            return self.represent_scalar("!unsafe", plain) if _TEMPLATE.search(plain) else self.represent_str(plain)
        return super().represent_data(data)


_Dumper.add_multi_representer(dict, _Dumper.represent_dict)
_Dumper.add_multi_representer(list, _Dumper.represent_list)
_Dumper.add_multi_representer(int, _Dumper.represent_int)
_Dumper.add_multi_representer(float, _Dumper.represent_float)
_Dumper.add_multi_representer(datetime.datetime, _Dumper.represent_datetime)
_Dumper.add_multi_representer(datetime.date, _Dumper.represent_date)


def _yaml(variables: dict[str, t.Any]) -> str:
    text: str = yaml.dump(variables, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=10_000)
    return "# Written by the role rke.cis.cis_schedule, which overwrites changes.\n" + text
