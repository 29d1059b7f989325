# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import re
import subprocess

import pytest

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


FILES = [ROOT / "requirements.txt", *sorted((ROOT / "tests").glob("requirements*.txt"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_installed_is_locked_by_hashes(path: pathlib.Path) -> None:
    lock = ROOT / "tests" / "locks" / str(path.relative_to(ROOT)).replace("/", "-")
    text = lock.read_text(encoding="utf-8")
    locked = set(re.findall(r"^([\w.-]+==[^ ]+) ", text, re.M))
    pins = re.findall(r"^([\w.-]+)==([^ ;\n]+)", path.read_text(encoding="utf-8"), re.M)
    assert pins or "-r " in path.read_text(encoding="utf-8")
    missing = {f"{name.lower().replace('_', '-')}=={version}" for name, version in pins} - locked
    assert not missing, "run tests/tools/lock.sh"
    entries = re.split(r"\n(?=\S)", text.partition("lock.sh.\n")[2])
    assert all("--hash=sha256:" in entry for entry in entries if entry.strip())


def test_ci_runs_nothing_that_can_change_and_may_only_read() -> None:
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert workflows
    for path in workflows:
        text = path.read_text(encoding="utf-8")
        assert re.search(r"^permissions:(\n  contents: read$| *{} *$)", text, re.M), path
        used = re.findall(r"\buses: (\S+)", text)
        assert not [name for name in used if not name.startswith("./") and not re.search(r"@[0-9a-f]{40}$", name)]
        assert not [name for name in re.findall(r"\bimage: (\S+)", text) if "@sha256:" not in name]


def test_what_setup_fetches_is_checked() -> None:
    text = (ROOT / "tests" / "tools" / "setup.sh").read_text(encoding="utf-8")
    fetched = re.findall(r"npm pack .*|curl .*http.*", text)
    assert fetched and text.count("sha256sum --check") >= len(fetched)
