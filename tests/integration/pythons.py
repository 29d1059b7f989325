# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old Pythons for the test bed's nodes, as long-lived distributions have them."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import scans


def copy_of(version: str, directory: pathlib.Path) -> str | None:
    """Return an interpreter of this version that nodes can use, or None. Those of a user's home are copied."""
    places = os.environ.get("PATH", "") + ":" + str(scans.ROOT / ".cache" / "pythons")
    for place in places.split(":"):
        program = os.path.join(place, "python" + version)
        told = (
            subprocess.run(
                [program, "-c", "import sys; print(sys.base_prefix, sys.version_info[:2])"],
                check=False,
                capture_output=True,
                text=True,
            )
            if os.access(program, os.X_OK)
            else None
        )
        if told and told.returncode == 0:
            prefix = pathlib.Path(told.stdout.split(" (")[0])
            break
    else:
        return None
    if prefix == pathlib.Path("/usr"):
        return program
    lib = "lib/python" + version
    leave = shutil.ignore_patterns("test", "tests", "site-packages", "__pycache__", "config-*", "idlelib", "ensurepip")
    shutil.copytree(prefix / lib, directory / lib, ignore=leave)
    for path in (prefix / "lib").glob("libpython3*.so*"):
        shutil.copy(path, directory / "lib" / path.name)
    (directory / "bin").mkdir()
    real = directory / "bin" / ("python" + version)
    shutil.copy(prefix / "bin" / ("python" + version), real)
    wrapper = directory / "python"
    settings = f"LD_LIBRARY_PATH={directory}/lib PYTHONHOME={directory}"
    wrapper.write_text(f'#!/bin/sh\n{settings} exec {real} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    return str(wrapper)
