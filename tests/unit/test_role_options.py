# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles document each of their options, with the default that it has."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import RESULT, SCORING
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import OUTPUTS

ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"
NAMES = sorted(path.name for path in ROLES.iterdir())


def _load(role: str, path: str) -> t.Any:
    return yaml.safe_load((ROLES / role / path).read_text(encoding="utf-8"))


def _options(role: str) -> dict[str, dict[str, t.Any]]:
    specs = _load(role, "meta/argument_specs.yml")["argument_specs"]
    return {name: option for spec in specs.values() for name, option in spec["options"].items()}


@pytest.mark.parametrize("role", NAMES)
def test_every_variable_is_documented(role: str) -> None:
    assert set(_load(role, "defaults/main.yml")) == set(_options(role))


@pytest.mark.parametrize("role", NAMES)
def test_defaults_are_those_documented(role: str) -> None:
    main = {**_options(role), **_load(role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]}
    for name, value in _load(role, "defaults/main.yml").items():
        if isinstance(value, str) and "{{" in value:
            assert "default" not in main[name], name
        else:
            assert main[name]["default"] == value, name


@pytest.mark.parametrize("role", NAMES)
def test_entry_points_document_what_their_tasks_use(role: str) -> None:
    specs = _load(role, "meta/argument_specs.yml")["argument_specs"]
    known = set(_options(role))
    for name, spec in specs.items():
        text = (ROLES / role / "tasks" / f"{name}.yml").read_text(encoding="utf-8")
        used = known.intersection(
            re.findall(r"\b[a-z_]+\b", "\n".join(re.findall(r"\{\{.*?\}\}|when: >-(?s:.*)", text)))
        )
        assert used <= set(spec["options"]), name


@pytest.mark.parametrize("role", NAMES)
def test_options_are_described(role: str) -> None:
    for name, option in _options(role).items():
        assert option["type"] and option["description"], name
        assert not any(line.endswith(" ") or not line.endswith(".") for line in option["description"]), name


def test_every_format_is_described() -> None:
    said = " ".join(_options("cis_report")["cis_report_formats"]["description"])
    assert re.findall(r"V\(([a-z_]+)\) is C\(", said) == list(OUTPUTS)


SHARED = {**SCORING, **RESULT}


@pytest.mark.parametrize("option", SHARED)
def test_roles_have_the_options_and_defaults_of_their_actions(option: str) -> None:
    options = {**_options("cis_scan"), **_options("cis_report")}
    name = {"scanned_by": "by"}.get(option, option)
    found = options.get(f"cis_scan_{name}") or options[f"cis_report_{name}"]
    if "default" in found:  # a role's empty value means not set
        assert found["default"] == (SHARED[option].get("default") or type(found["default"])())
    assert found.get("choices") == SHARED[option].get("choices")
