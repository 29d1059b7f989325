# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark runs."""

from __future__ import annotations

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = ROOT / "tests" / "benchmark" / "run.py"


def test_hosts_can_answer_from_recorded_evidence() -> None:
    command = [sys.executable, str(RUN), "--only", "controller", "--hosts", "3", "--runs", "1", "--delay", "0.01"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    cells = done.stdout.splitlines()[-1].strip("| ").split(" | ")
    assert cells[0] == "3" and all(float(cell) > 0 for cell in cells[1:])
    sizes = [path.stat().st_size for path in (ROOT / "playbooks" / "practice" / "evidence").glob("node-*.json")]
    assert abs(int(cells[-1]) - sum(sizes) / 3) < 100  # what was recorded is what a scan gathers
