# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/testing.md: each target of tests/fuzz with its number of examples, and how many these are together."""

from __future__ import annotations

import pathlib
import re

PROJECT = pathlib.Path(__file__).parents[2]


def test_each_target_is_told_with_its_examples() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((PROJECT / "tests" / "fuzz").glob("test_*.py")))
    found = {name: int(number) for number, name in re.findall(r"^@fuzz\((\d+)\)\n(?:@.*\n)*def (test_\w+)", code, re.M)}
    assert len(found) == code.count("@fuzz(")
    page = (PROJECT / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(test_\w+)` \| .* \| ([\d,]+) \| [\d.]+ \|$", page, re.M)
    assert {name: int(number.replace(",", "")) for name, number in rows} == found
    together = sum(found.values())
    assert together >= 10_000
    assert f"{together:,} examples" in page
