# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pythons for the test bed's nodes: one with the Docker SDK, and old ones as long-lived distributions have them."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess

import scans

SDK = "docker"


def _with_requirements(name: str) -> set[str]:
    """Return a distribution of this environment and all that it needs here."""
    found, todo = set(), [name]
    while todo:
        name = re.split(r"[^A-Za-z0-9._-]", todo.pop())[0]
        try:
            about = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system, or an extra
        if name not in found:
            found.add(name)
            todo += [line for line in about.requires or [] if "extra ==" not in line]
    return found


def with_docker_sdk(directory: pathlib.Path) -> str:
    """Make a virtual environment of the nodes' Python with our own Docker SDK, and return its interpreter."""
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(directory)], check=True)
    (packages,) = directory.glob("lib/python3*/site-packages")
    for name in _with_requirements(SDK):
        about = importlib.metadata.distribution(name)
        for top in {path.parts[0] for path in about.files or [] if path.parts[0] not in ("..", "__pycache__")}:
            source = pathlib.Path(str(about.locate_file(top)))
            if source.is_dir():
                shutil.copytree(source, packages / top, dirs_exist_ok=True)
            else:
                shutil.copy(source, packages / top)
    return str(directory / "bin" / "python3")


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
