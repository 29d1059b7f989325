# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import csv
import io
import re
import typing as t

import hypothesis
import pytest
from hypothesis import strategies as st

from ansible_collections.rke.cis.plugins.plugin_utils._reports.csv_rows import csv_row, report_rows
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    lost,
    node,
    set_flag,
)


def read(line: str) -> list[str]:
    (row,) = csv.reader(io.StringIO(line, newline=""))
    return row


@pytest.mark.parametrize(
    "cells, line",
    [
        (["a", "b"], "a,b"),
        ([], ""),
        (["a,b", "c"], '"a,b",c'),
        (['say "x"'], '"say ""x"""'),
        (["a\nb", "c"], '"a\nb",c'),
        ([1, None, True], "1,None,True"),
        (["", ""], ","),
        (["\u00fc"], "\u00fc"),
        ([" a "], " a "),
    ],
)
def test_quoting(cells: list[t.Any], line: str) -> None:
    assert csv_row(cells) == line


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        '=HYPERLINK("http://x","y")',
        "-",
        "--profiling",
        "\n=1+1",
        "\n",
        " \x0b=1",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20SUM(1)",
    ],
)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    (first, cell, last) = read(csv_row(["x", text, "y"]))
    assert (first, cell[0], cell.replace("'", ""), last) == ("x", "'", text.replace("'", ""), "y")
    assert read(csv_row([text], neutralise=False)) == [text]


@pytest.mark.parametrize("text", ["a=1", "1-1", "x@y", "", "'=1", " x", "'"])
def test_other_cells_are_left_as_they_are(text: str) -> None:
    assert read(csv_row(["x", text])) == ["x", text]


def test_what_is_written_is_read_again() -> None:
    cells = ["a,b", 'c"d', "e\nf", "g;h", "", "'", "\u20ac", "a\r\nb"]
    assert read(csv_row(cells)) == cells
    assert "\n" not in csv_row(["a", "b"])


def rows(profile: str = "permissive") -> dict[str, dict[str, t.Any]]:
    bad = node("cp1", ["controlplane"])
    set_flag(bad, "kube-apiserver", "--profiling=true", "--basic-auth-file=/x")
    nodes = [bad, node("cp2", ["controlplane"]), node("e1", ["etcd"]), lost("w1", ["worker"])]
    skips = {"1.1.3": {"by": "cis_scan_skip", "reason": "we know"}, "1.1.4": {"by": "cis_scan_skip", "reason": ""}}
    report = build_report(BENCHMARK, profile, nodes, cluster(), skips=skips)
    return {row["id"]: row for row in report_rows(report)}


def test_each_control_is_a_row() -> None:
    assert list(rows()) == [control["id"] for control in BENCHMARK.controls]


def test_the_nodes_of_a_row() -> None:
    found = rows()
    assert (found["1.1.8"]["state"], found["1.1.8"]["passed"], found["1.1.8"]["failed"]) == ("mixed", ["cp2"], ["cp1"])
    assert found["1.1.8"]["all_nodes"] == ["cp1", "cp2"]
    # controls of more than one kind of node name each node once
    assert sorted(found["1.4.19"]["all_nodes"]) == ["cp1", "cp2", "e1"]
    assert (found["1.1.9"]["passed"], found["1.1.9"]["failed"]) == ([], [])


def test_what_the_column_remediation_says() -> None:
    found = rows()
    remediation = {control["id"]: control["remediation"] for control in BENCHMARK.controls}
    lists = BENCHMARK.profiles["permissive"]
    assert found["1.1.8"]["advice"] == remediation["1.1.8"]
    assert found["1.1.9"]["advice"] == "Not applicable: " + lists["not_applicable"]["1.1.9"]
    assert found["1.1.11"]["advice"] == "Skipped by profile: " + lists["skip"]["1.1.11"]
    assert found["1.1.3"]["advice"] == "Skipped by cis_scan_skip: we know"
    assert found["1.1.4"]["advice"] == "Skipped by cis_scan_skip"
    assert found["2.1.1"]["state"] == "error"
    assert found["2.1.1"]["advice"] == "Not examined: unreachable: no route to host"


def waiver(nodes: list[str], **more: t.Any) -> dict[str, t.Any]:
    given = {"source": "w", "controls": ["1.1.8"], "nodes": nodes, "groups": {}, "reason": "r", "owner": "o"}
    return {**given, "expires": "2026-12-31", "days_left": 1, **more}


@pytest.mark.parametrize(
    "waivers, state, failed, said",
    [
        ([], "fail", ["cp1", "cp2"], "{}"),
        ([waiver([])], "skip", [], "Waived by o until 2026-12-31: r"),
        ([waiver([], expires="never", days_left=None)], "skip", [], "Waived by o without expiry: r"),
        (
            [waiver(["cp1"]), waiver([], owner="p")],
            "skip",
            [],
            "Waived by o until 2026-12-31: r; p until 2026-12-31: r",
        ),
        ([waiver(["cp1"]), waiver(["cp2"])], "skip", [], "Waived by o until 2026-12-31: r"),
        ([waiver(["cp1"])], "fail", ["cp2"], "{} Waived on cp1 by o until 2026-12-31: r"),
    ],
)
def test_what_a_waiver_says_there(waivers: list[dict[str, t.Any]], state: str, failed: list[str], said: str) -> None:
    nodes = [node("cp1", ["controlplane"]), node("cp2", ["controlplane"])]
    for each in nodes:
        set_flag(each, "kube-apiserver", "--profiling=true")
    report = build_report(BENCHMARK, "hardened", nodes, cluster(), waivers=waivers)
    row = next(row for row in report_rows(report) if row["id"] == "1.1.8")
    assert (row["state"], row["failed"], row["all_nodes"]) == (state, failed, ["cp1", "cp2"])
    assert row["advice"] == said.format(row["remediation"])
    assert row["rancher_advice"] == row["remediation"]


def test_what_rancher_said_there() -> None:
    found = rows()
    remediation = {control["id"]: control["remediation"] for control in BENCHMARK.controls}
    lists = BENCHMARK.profiles["permissive"]
    assert found["1.1.9"]["rancher_advice"] == lists["not_applicable"]["1.1.9"]
    assert found["1.1.11"]["rancher_advice"] == lists["skip"]["1.1.11"]
    for control_id in ("1.1.3", "1.1.4", "1.1.8", "2.1.1"):
        assert found[control_id]["rancher_advice"] == remediation[control_id]


def test_a_role_without_nodes_says_so() -> None:
    report = build_report(BENCHMARK, "hardened", [node("w1", ["worker"])], cluster())
    found = {row["id"]: row for row in report_rows(report)}
    assert found["1.5.1"]["advice"] == "Not examined: no node has the role etcd"
    assert found["1.5.1"]["all_nodes"] == []


@pytest.mark.parametrize("text", ["a;=1", "a;@x", "a\t=1", "a|+1", "a\n-1", "a,=1", "a;\uff1d1", 'a;"=1+1;b'])
def test_what_other_settings_split_is_no_formula_either(text: str) -> None:
    (cell,) = read(csv_row([text]))
    assert cell == text[:2] + "'" + text[2:]


def test_values_in_a_row_stay_as_they_are() -> None:
    assert csv_row(["--a=1; --b=2"]) == "'--a=1; --b=2"
    assert csv_row(["10.0.0.1, a=b x-y a@b"]) == '"10.0.0.1, a=b x-y a@b"'


@hypothesis.settings(derandomize=True, database=None, max_examples=500, deadline=None)
@hypothesis.given(st.lists(st.text("=+-@;,|\t\r\n \"'a\uff1d", max_size=8), min_size=1, max_size=3))
def test_no_cell_begins_a_formula(cells: list[str]) -> None:
    line = csv_row(cells)
    found = read(line)
    assert [text.replace("'", "") for text in found] == [text.replace("'", "") for text in cells]
    for text in found:
        # a program that splits at a semicolon takes the quotes that stand before a value for an empty text
        parts = [part.lstrip('"') for part in re.split("[;,|\t\r\n]", text)[1:]] + [text]
        assert not any(part[:1] in tuple("=+-@\uff1d") for part in parts if part)
