# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/inclusion-checklist.md says and no other gate holds: the rules for collections in the package `ansible`."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")

# What Ansible looks for in a collection, as far as we have it, and plugin_utils, which the rules add.
KINDS = {"action", "callback", "doc_fragments", "filter", "inventory", "module_utils", "modules", "plugin_utils"}
PRIVATE_KINDS = ("doc_fragments", "module_utils", "plugin_utils")
# What stands in a task beside its module.
KEYWORDS = {"args", "become", "delegate_to", "loop", "name", "no_log", "notify", "register", "run_once", "vars", "when"}
BLOCKS = {"always", "block", "post_tasks", "pre_tasks", "rescue", "tasks"}


def _documented(path: pathlib.Path) -> dict[str, t.Any]:
    """Return DOCUMENTATION, EXAMPLES and RETURN of a plugin."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yml":
        return yaml.safe_load(text)
    constants = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = node.value
    found = {
        name: ast.literal_eval(constants[name]) for name in ("DOCUMENTATION", "EXAMPLES", "RETURN") if name in constants
    }
    for name in ("DOCUMENTATION", "RETURN"):
        if name in found:
            found[name] = yaml.safe_load(found[name])
    return found


MODULES = {path.stem: _documented(path) for path in sorted((PLUGINS / "modules").glob("*.py"))}
DOCUMENTED = {
    **{f"modules/{name}": documents for name, documents in MODULES.items()},
    **{f"filter/{path.stem}": _documented(path) for path in sorted((PLUGINS / "filter").glob("*.yml"))},
    "inventory/rke_cluster": _documented(PLUGINS / "inventory" / "rke_cluster.py"),
    "callback/cis_summary": _documented(PLUGINS / "callback" / "cis_summary.py"),
}


def _modules_called(node: t.Any) -> t.Iterator[str]:
    """Yield the names of modules in the tasks of an example."""
    if isinstance(node, list):
        for item in node:
            yield from _modules_called(item)
    elif isinstance(node, dict):
        inner = BLOCKS & set(node)
        for key in inner:
            yield from _modules_called(node[key])
        if not inner and "name" in node and "hosts" not in node:
            yield from set(node) - KEYWORDS


def test_every_plugin_is_known_here() -> None:
    assert {path.name for path in PLUGINS.iterdir() if path.name != "__pycache__"} == KINDS
    for kind in ("inventory", "callback"):
        assert {f"{kind}/{path.stem}" for path in (PLUGINS / kind).glob("*.py")} <= set(DOCUMENTED)


@pytest.mark.parametrize("plugin", DOCUMENTED)
def test_plugins_are_documented(plugin: str) -> None:
    documents = DOCUMENTED[plugin]
    # a new plugin names the version that brings it, which is none that is yet to come
    added = documents["DOCUMENTATION"]["version_added"]
    assert [int(part) for part in added.split(".")] <= [int(part) for part in GALAXY["version"].split(".")]
    kind = plugin.partition("/")[0]
    assert "EXAMPLES" in documents or kind == "callback"
    assert documents.get("RETURN") or kind in ("callback", "inventory")


@pytest.mark.parametrize("module", MODULES)
def test_examples_name_modules_in_full(module: str) -> None:
    called = set(_modules_called(yaml.safe_load(MODULES[module]["EXAMPLES"])))
    assert f"rke.cis.{module}" in called
    assert [name for name in called if not re.fullmatch(r"(ansible\.builtin|rke\.cis)\.\w+", name)] == []


@pytest.mark.parametrize("module", MODULES)
def test_modules_work_in_check_mode_and_query_by_no_state(module: str) -> None:
    documentation = MODULES[module]["DOCUMENTATION"]
    # the fragment says that check mode is supported in full, and a module may say more of it
    assert "rke.cis._attributes" in documentation["extends_documentation_fragment"]
    assert documentation.get("attributes", {}).get("check_mode", {"support": "full"})["support"] == "full"
    asked = documentation.get("options", {}).get("state", {}).get("choices", [])
    assert not {"get", "info", "list", "query"}.intersection(asked)
    assert not module.endswith("_facts")
    if module.endswith("_info"):
        assert "ansible_facts" not in MODULES[module]["RETURN"]


@pytest.mark.parametrize("kind", PRIVATE_KINDS)
def test_what_others_must_not_use_says_so(kind: str) -> None:
    for path in (PLUGINS / kind).rglob("*.py"):
        # a file of its own, or one in a room of its own
        assert path.relative_to(PLUGINS / kind).parts[0].startswith("_"), path
        assert "is **PRIVATE** to the collection" in path.read_text(encoding="utf-8"), path


def test_plugins_have_the_licence_of_ansible() -> None:
    for path in PLUGINS.rglob("*"):
        if path.suffix in (".py", ".yml"):
            head = path.read_text(encoding="utf-8")[:600]
            assert re.findall(r"License-Identifier: (.+)", head) == ["GPL-3.0-or-later"], path


def test_galaxy_yml() -> None:
    assert GALAXY["tags"] and GALAXY["issues"] and GALAXY["repository"]
    assert int(GALAXY["version"].split(".")[0]) >= 1
    # one would need a lower bound of 1.0.0 or later, and to be in the package itself
    assert GALAXY["dependencies"] == {}


def test_sanity_ignores_nothing() -> None:
    assert list(ROOT.glob("tests/sanity/ignore*")) == []


def test_versions_are_those_that_are_tested() -> None:
    ours = re.findall(r"^ansible-core==2\.(\d+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)
    others = [path.stem.rpartition(".")[2] for path in (ROOT / "tests").glob("requirements-core-2.*.txt")]
    tested = sorted({int(core) for core in (*ours, *others)})
    assert tested == list(range(tested[0], tested[-1] + 1))
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">=2.{tested[0]}.0"
    assert f"ansible-core 2.{tested[0]} to 2.{tested[-1]}" in README
    assert "Python 2.7 is not supported" in README
    told = re.findall(r"^\| 2\.(\d+) \|", (ROOT / "docs" / "testing.md").read_text(encoding="utf-8"), re.M)
    assert [int(core) for core in told] == tested


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("Code of Conduct", "community/code_of_conduct.html"),
        ("Communication", "https://forum.ansible.com/c/help/6"),
        ("Contributing", "Pull requests"),
        ("Release notes and versions", "https://semver.org/"),
        ("Licensing", "GNU General Public License v3.0 or later"),
    ],
)
def test_readme(section: str, words: str) -> None:
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert words in text
