# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of actions are those that their documentation names, with the same types and defaults."""

from __future__ import annotations

import importlib
import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark

PLUGINS = pathlib.Path(__file__).resolve().parents[4] / "plugins"
PACKAGE = "ansible_collections.rke.cis.plugins"


def actions() -> dict[str, type[ControllerAction]]:
    found = {}
    for path in sorted((PLUGINS / "action").glob("*.py")):
        plugin = importlib.import_module(f"{PACKAGE}.action.{path.stem}").ActionModule
        if issubclass(plugin, ControllerAction):
            found[path.stem] = plugin
    return found


ACTIONS = actions()


def documented(action: str) -> dict[str, dict[str, t.Any]]:
    """Return the options in a module's documentation, those of its fragments included."""
    module = importlib.import_module(f"{PACKAGE}.modules.{action}")
    documentation = yaml.safe_load(module.DOCUMENTATION)
    options = dict(documentation.get("options", {}))
    for fragment in documentation["extends_documentation_fragment"]:
        name, _dot, part = fragment.removeprefix("rke.cis.").partition(".")
        holder = importlib.import_module(f"{PACKAGE}.doc_fragments.{name}").ModuleDocFragment
        more = yaml.safe_load(getattr(holder, (part or "documentation").upper())).get("options", {})
        assert not set(more) & set(options), "documented twice"
        options.update(more)
    return options


def plain(option: dict[str, t.Any], inner: str) -> dict[str, t.Any]:
    """Return what an argument spec and its documentation both say of an option."""
    keys = ("type", "required", "default", "choices", "elements")
    found = {key: option[key] for key in keys if option.get(key) not in (None, False)}
    found.setdefault("type", "str")
    if option.get(inner):
        found["options"] = {name: plain(of, inner) for name, of in option[inner].items()}
    return found


@pytest.mark.parametrize("action", ACTIONS)
def test_arguments_are_as_documented(action: str) -> None:
    arguments = {name: plain(option, "options") for name, option in ACTIONS[action].ARGUMENTS.items()}
    assert arguments == {name: plain(option, "suboptions") for name, option in documented(action).items()}


@pytest.mark.parametrize("benchmark", ["rke-cis-1.3", "rke-cis-1.4"])
def test_the_module_on_nodes_takes_what_plans_ask(benchmark: str) -> None:
    paths = documented("node_evidence_info")["plan"]["suboptions"]["paths"]["suboptions"]
    plan = load_benchmark(benchmark).plan(["controlplane", "etcd", "worker"])
    assert {key for request in plan["paths"] for key in request} <= set(paths)
