# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports run one way: benchmarks <- scoring <- reports <- alerts, schedules. The root files know none of them."""

from __future__ import annotations

import ast
import graphlib
import pathlib

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils import _errors

ROOT = pathlib.Path(_errors.__file__).parent
PREFIX = "ansible_collections.rke.cis.plugins.plugin_utils."

# Each sub-package, and those that it may import.
MAY_IMPORT = {
    "": {""},
    "_benchmarks": {"", "_benchmarks"},
    "_scoring": {"", "_benchmarks", "_scoring"},
    "_reports": {"", "_benchmarks", "_scoring", "_reports"},
    "_alerts": {"", "_benchmarks", "_scoring", "_reports", "_alerts"},
    "_schedules": {"", "_benchmarks", "_scoring", "_reports", "_schedules"},
    "_inventory": {"", "_benchmarks", "_inventory"},
}


def imports_of(path: pathlib.Path) -> set[str]:
    """Return the modules of plugin_utils that a file imports, as `_package.module`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PREFIX.rstrip(".")):
            module = node.module[len(PREFIX) :]
            if (ROOT / (module.replace(".", "/") + ".py")).is_file():
                found.add(module)
            else:  # from a package: each name is a module
                found.update(f"{module}.{alias.name}".lstrip(".") for alias in node.names)
    return found


def module_of(path: pathlib.Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


FILES = {module_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def package_of(module: str) -> str:
    return module.rpartition(".")[0]


def test_every_package_has_its_place() -> None:
    assert {package_of(module) for module in FILES} == set(MAY_IMPORT)


@pytest.mark.parametrize("module", FILES)
def test_imports_run_one_way(module: str) -> None:
    imported = imports_of(FILES[module])
    assert imported <= set(FILES)
    assert {package_of(name) for name in imported} <= MAY_IMPORT[package_of(module)]


def test_there_is_no_circle() -> None:
    graph = {module: imports_of(path) for module, path in FILES.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(FILES)  # raises CycleError
