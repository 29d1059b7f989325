# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark runs, and docs/performance.md names what there is of it."""

from __future__ import annotations

import importlib.util
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = ROOT / "tests" / "benchmark" / "run.py"


def test_the_page_names_what_there_is() -> None:
    found = importlib.util.spec_from_file_location("benchmark_run", RUN)
    assert found and found.loader
    benchmark = importlib.util.module_from_spec(found)
    found.loader.exec_module(benchmark)
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    measured = set()
    for command in re.findall(r"\b(?:\w+=\S+ )?make benchmark[^`\n]*", page):
        variables = dict(word.split("=", 1) for word in shlex.split(command) if "=" in word)
        if "BENCHMARK" in variables:
            assert (ROOT / variables["BENCHMARK"]).is_file()
        else:
            measured.add(benchmark.parser().parse_args(shlex.split(variables.get("ARGS", ""))).only)
    assert measured == set(benchmark.MEASURES)
    assert benchmark.HEAD in page and benchmark.SCORED_HEAD in page


def test_hosts_can_answer_from_recorded_evidence() -> None:
    command = [sys.executable, str(RUN), "--only", "controller", "--hosts", "3", "--runs", "1", "--delay", "0.01"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    cells = done.stdout.splitlines()[-1].strip("| ").split(" | ")
    assert cells[0] == "3" and all(float(cell) > 0 for cell in cells[1:])
    sizes = [path.stat().st_size for path in (ROOT / "playbooks" / "practice" / "evidence").glob("node-*.json")]
    assert abs(int(cells[-1]) - sum(sizes) / 3) < 100  # what was recorded is what a scan gathers
