# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/security.md: each limit with its value, and tests that there are."""

from __future__ import annotations

import pathlib
import re

from ansible_collections.rke.cis.plugins.module_utils import _limits

PROJECT = pathlib.Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20}


def test_each_limit_is_told_with_its_value() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([\d,]+) ?(\w*) \|", PAGE, re.M)
    told = {name: int(number.replace(",", "")) * UNITS[unit] for name, number, unit in rows}
    assert told == {name: value for name, value in vars(_limits).items() if name.isupper()}


def test_each_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    code = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))
    assert named and not {name for name in named if f"def {name}(" not in code}


def test_limits_are_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "plugins").rglob("*.py"))
    assert not {name for name in vars(_limits) if name.isupper() and f"limits.{name}" not in code}
