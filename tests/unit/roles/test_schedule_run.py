# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that cron or systemd starts, with a program in place of ansible-playbook."""

from __future__ import annotations

import os
import pathlib
import shlex
import subprocess

import jinja2
import pytest

ROLE = pathlib.Path(__file__).resolve().parents[3] / "roles" / "cis_schedule"
# As scans do: whoever is second writes down that it is busy.
PROGRAM = """#!/bin/sh
mkdir one 2>/dev/null || echo busy >"$RKE_CIS_RUN.busy"
sleep 0.5
"""


@pytest.fixture
def run(tmp_path: pathlib.Path) -> pathlib.Path:
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(quote=shlex.quote, dirname=os.path.dirname)
    program = tmp_path / "program"
    program.write_text(PROGRAM)
    program.chmod(0o700)
    plan = {"dir": str(tmp_path), "user": "me", "program": str(program), "collections_path": "/c", "inventory": ["a b"]}
    plan.update(ansible_config="", busy_status=75)
    template = environment.from_string((ROLE / "templates" / "run.j2").read_text())
    script = tmp_path / "run"
    script.write_text(template.render(_cis_schedule_plan=plan, cis_schedule_cluster="prod"))
    script.chmod(0o700)
    (tmp_path / "logs").mkdir()
    return script


def test_runs_of_one_second_have_logs_and_outcomes_of_their_own(run: pathlib.Path) -> None:
    processes = [subprocess.Popen([run]) for _each in range(3)]
    codes = sorted(process.wait(timeout=60) for process in processes)
    logs = sorted((run.parent / "logs").glob("*.log"))
    assert codes == [0, 75, 75]
    assert sorted(int(log.with_suffix(".status").read_text()) for log in logs) == codes
    assert all(log.read_text().startswith("rke.cis: exit status ") for log in logs)
    assert {log.stat().st_mode & 0o777 for log in logs} == {0o600}


def test_where_no_log_can_be_written_it_does_not_wait(run: pathlib.Path) -> None:
    (run.parent / "logs").rmdir()
    done = subprocess.run([run], stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "logs/" in done.stderr
