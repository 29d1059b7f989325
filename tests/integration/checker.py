# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The W3C's Nu Html Checker, which tests/tools/setup.sh fetches."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

VNU = pathlib.Path(os.environ.get("RKE_CIS_CACHE") or pathlib.Path.home() / ".cache" / "rke-cis", "vnu-26.9.27.jar")


def html_errors(*paths: pathlib.Path) -> list[str]:
    """Return what is not valid HTML, SVG or CSS in these files."""
    assert VNU.exists(), f"{VNU} is missing (tests/tools/setup.sh fetches it)"
    command = ["java", "-jar", str(VNU), "--errors-only", "--format", "json", "--stdout", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    found = json.loads(done.stdout)["messages"]
    return [f"{item['url']}:{item.get('lastLine')}: {item['message']}" for item in found]
