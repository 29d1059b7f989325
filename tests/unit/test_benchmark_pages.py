# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages about benchmarks say of versions, counts, ids and names is what the data says."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import (
    Benchmark,
    candidates,
    load_benchmark,
    profile_names,
    version_numbers,
)
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files

PAGES = pathlib.Path(__file__).resolve().parents[2] / "docs" / "docsite" / "rst"
FAMILIES = {
    "rke_cis_1_5.rst": ("1.5", "1.6", "1.20"),
    "rke_cis_1_23.rst": ("1.23", "1.24"),
    "rke_cis_1_7.rst": ("1.7", "1.8"),
}
BENCHMARKS = sorted(map(load_benchmark, benchmark_files()), key=lambda one: version_numbers(one.kubernetes["min"]))


def tables(page: str) -> list[list[list[str]]]:
    """Return the rows of each table of a page, the one of its headings first."""
    found = []
    for text in re.split(r"^\.\. list-table::\n", (PAGES / page).read_text(encoding="utf-8"), flags=re.M)[1:]:
        table = re.split(r"\n(?=\S)", text)[0]
        rows = re.split(r"^   \* - ", table, flags=re.M)[1:]
        found.append([[" ".join(cell.split()) for cell in re.split(r"\n     -(?= |\n|$)", row)] for row in rows])
    return found


def table(page: str, heading: str) -> list[list[str]]:
    (rows,) = [rows[1:] for rows in tables(page) if rows[0][0] == heading]
    return rows


def checks(benchmark: Benchmark) -> dict[str, str]:
    return {control["id"]: control["check"] for control in benchmark.controls}


def test_each_version_has_the_benchmark_that_a_scan_takes() -> None:
    rows = []
    for benchmark, after in zip(BENCHMARKS, [*BENCHMARKS[1:], None], strict=True):
        assert benchmark.chosen_from in {"", benchmark.kubernetes["min"]}
        first = version_numbers(benchmark.kubernetes["min"])[1]
        last = version_numbers(after.kubernetes["min"])[1] - 1 if after else None
        words = {None: f"1.{first} and later", first: f"1.{first}", first + 1: f"1.{first}, 1.{last}"}
        rows.append([words.get(last, f"1.{first} to 1.{last}"), benchmark.id.upper()])
    assert [row[:2] for row in table("benchmarks.rst", "Kubernetes")] == rows


def test_the_counts_are_those_of_the_profiles() -> None:
    rows = []
    for benchmark in BENCHMARKS:
        hardened, permissive = benchmark.profiles["hardened"], benchmark.profiles["permissive"]
        assert not hardened["skip"]
        assert list(permissive["not_applicable"]) == list(hardened["not_applicable"])
        judged = [control for control in benchmark.controls if control["id"] not in hardened["not_applicable"]]
        manual = [control for control in judged if control.get("manual")]
        counts = (
            len(benchmark.controls),
            len(judged) - len(manual),
            len(manual),
            len(hardened["not_applicable"]),
            len(permissive["skip"]),
        )
        rows.append([benchmark.id.upper(), *map(str, counts)])
    assert table("benchmarks.rst", "Benchmark") == rows


@pytest.mark.parametrize(("page", "versions"), FAMILIES.items())
def test_ids_are_those_of_the_benchmarks_of_a_page(page: str, versions: t.Sequence[str]) -> None:
    known = {version: checks(load_benchmark(f"rke-cis-{version}")) for version in versions}
    assert len(tables(page)) == 2
    for heading, *rows in tables(page):
        columns = [cell.split(", ") for cell in heading if cell.split(", ")[0] in versions]
        assert sum(columns, []) == list(versions)
        for row in rows:
            names = {
                re.sub(r"-\d+$|-shown$|(?<=/)if-", "", known[version][row[number]])
                for number, column in enumerate(columns)
                for version in column
            }
            assert len(names) == 1, (row, names)
            for ids in re.findall(r"The same holds for ((?:\d[\d.]*\d(?:, | and | to )?)+)", " ".join(row)):
                for each in re.findall(r"\d[\d.]*\d", ids):
                    assert all(each in known[version] for version in versions), (row, each)


def test_profiles_of_the_operator_have_ours() -> None:
    rows = dict(table("migrating_from_rancher.rst", "In Rancher"))
    ours = {name for cell in rows.values() for name in re.findall(r"``(RKE-CIS-[^`]+)``", cell)}
    assert ours <= set(profile_names())
    for benchmark in BENCHMARKS[2:]:
        number = benchmark.id.removeprefix("rke-cis-")
        names = [f"``RKE-CIS-{number}-{profile}``" for profile in ("Permissive", "Hardened")]
        assert rows[f"``rke-profile-permissive-{number}``, ``rke-profile-hardened-{number}``"] == ", ".join(names)
    assert [one.full_name for one in candidates("rke-cis-1.8-hardened")] == ["RKE-CIS-1.8-Hardened"]
