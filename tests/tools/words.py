# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Phrases that we used to write and do not want back: python tests/tools/words.py prints where they stand."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What not to write, and what to write instead.
PHRASES = {
    r"\b(is|are) wanted\b": "expected ..., got ...; must be ...",
    r"\bthere (is|are): ": "available: ...",
    r"; there are [a-z]": "available: ...; valid ...: ...",
    r"\b[Ll]ooks? after\b": "manages",
    r"\bwhat became of\b": "the result of",
    r"\bremed(y|ies)\b": "remediation",
    r"\bErrors and wishes\b": "Bugs and feature requests",
    r"\bat home in\b": "works in",
    r"\bno whole\b": "not a complete",
    r"\bwhere the words leave room\b": "where the wording is ambiguous",
    r"\bis no (valid|option|name|number|date|file|path|list|address|report|control)\b": "is not a ...",
    r"\ban error of ours\b": "a bug",
    r"\bstood in for\b": "faked",
    r"\bthe house\b": "the architecture",
}
SUFFIXES = {".py", ".md", ".rst", ".yml", ".j2", ".sh"}


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = 0
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.suffix not in SUFFIXES or name.startswith(("tests/tools/words.py", "tests/unit/fixtures", "LICENSES")):
            continue
        if not path.is_file() or path.is_symlink():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for phrase, better in PHRASES.items():
                match = re.search(phrase, line)
                if match:
                    print(f"{name}:{number}: {match[0]!r}: write {better}")
                    found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
