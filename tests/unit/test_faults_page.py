# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/faults.md: each row names tests that there are, an exit status that they assert, and words that are said."""

from __future__ import annotations

import pathlib
import re

import pytest

PROJECT = pathlib.Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (PROJECT / "docs" / "faults.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| Fault")
]


STATUS = {
    "0": r"code == 0",
    "2": r"code == 2|code != 0|\.failure\(\)|refusal\(",
    "75": r"== 75",
    "99": r"== \{99\}",
    "-": "",
}


def code(*folders: str) -> dict[pathlib.Path, str]:
    """Return the code of each file, with texts that are written in several parts put together."""
    paths = [path for folder in folders for path in (PROJECT / folder).rglob("*.py")]
    return {path: re.sub(r'"\n\s*f?"', "", path.read_text(encoding="utf-8")).replace("\\", "") for path in paths}


TESTS = code("tests/integration", "tests/unit")
PLUGINS = "".join(code("plugins").values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_row_is_tried(row: list[str]) -> None:
    _fault, seen, status, tests = row
    named = re.findall(r"`(test_\w+)`", tests)
    files = {path: text for path, text in TESTS.items() if any(f"def {test}(" in text for test in named)}
    assert named and all(any(f"def {test}(" in text for text in files.values()) for test in named)
    said = "".join(files.values()) + PLUGINS
    for words in re.findall(r"`(.*?)`", seen):
        for part in filter(None, (part.strip(" ;:,") for part in words.split("..."))):
            # a module says `timeout`, and the report what the user calls it
            assert part in said or part.replace("cis_scan_", "") in said, part
    scans = [text for path, text in files.items() if "integration" in path.parts]
    assert not scans or any(re.search(STATUS[status], text) for text in scans)
