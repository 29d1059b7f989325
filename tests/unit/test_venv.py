# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_a_missing_venv_module_is_said_and_nothing_is_installed(tmp_path: pathlib.Path) -> None:
    """`make scan` changes nothing outside of its directory, root or not."""
    programs = {
        "python3": 'case "$*" in "-m venv "*) echo "ensurepip is not available"; exit 1;; esac',
        "apt-get": f"touch {tmp_path}/installed",
        "id": "echo 0",
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [ROOT / "tests" / "tools" / "venv.sh", tmp_path / "venv", "requirements.txt"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ensurepip is not available" in done.stderr and "apt-get install python3-venv" in done.stderr
    assert not (tmp_path / "installed").exists() and not (tmp_path / "venv").exists()
