# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module's main() with arguments, as Ansible does, on every ansible-core from 2.16 on (and Python 3.6)."""

import contextlib
import io
import json
from unittest import mock

import pytest
from ansible.module_utils import basic


@contextlib.contextmanager
def module_args(args):
    """Let AnsibleModules that are made meanwhile find these arguments."""
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:  # before ansible-core 2.19
        raw = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", raw):
            yield
    else:
        with patch_module_args(args):
            yield


def run_module(main, **args):
    """Return what the module prints: the result that Ansible would read."""
    out = io.StringIO()
    with module_args(args), contextlib.redirect_stdout(out), pytest.raises(SystemExit) as end:
        main()
    result = json.loads(out.getvalue())
    assert bool(end.value.code) == bool(result.get("failed"))
    return result
