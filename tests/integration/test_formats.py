# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role cis_report in a scan of recorded evidence: what is asked for is written. Needs no test bed."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import scans

PRACTICE = scans.PRACTICE / "inventory.yml"


def run(directory: pathlib.Path, **variables: t.Any) -> scans.Outcome:
    # a short name, since the paths in the summary must fit a terminal
    return scans.playbook(directory / "run", scans.SCAN, PRACTICE, {"cis_scan_cluster": "c", **variables})


def files(outcome: scans.Outcome) -> set[str]:
    return {path.name for path in outcome.where.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    "formats, wanted",
    [
        ("csv, junit ,markdown,prometheus,sarif", {"csv", "junit.xml", "md", "prom", "sarif"}),
        (["junit", "sarif"], {"junit.xml", "sarif"}),
        (["json", "xccdf"], set()),
        ("", set()),
    ],
)
def test_formats_that_are_asked_for(tmp_path: pathlib.Path, formats: t.Any, wanted: set[str]) -> None:
    outcome = run(tmp_path, cis_report_formats=formats)
    assert outcome.code == 0
    assert files(outcome) == {"report.json", *(f"report.{name}" for name in wanted)}
    assert [path.is_dir() for path in outcome.where.glob("xccdf/")] == [True] * ("xccdf" in formats)
    for name in files(outcome):
        path = outcome.where / name
        assert path.stat().st_mode & 0o777 == 0o640
        assert "RKE-CIS-1.4-Permissive" in path.read_text(encoding="utf-8")
        assert f"/{name}\n" in outcome.summary


@pytest.mark.parametrize("as_text", [True, False])
def test_templates_of_ones_own(tmp_path: pathlib.Path, as_text: bool) -> None:
    (tmp_path / "states.txt.j2").write_text(
        "{% for row in rows %}\n{{ row.id }} {{ row.state }}\n{% endfor %}\n{{ comparison }}\n"
    )
    (tmp_path / "part").write_text("{{ report.cluster }}")
    (tmp_path / "whole.j2").write_text("{% include 'part' %}: {{ report.fail }}")
    paths = [str(tmp_path / "states.txt.j2"), str(tmp_path / "whole.j2")]
    outcome = run(tmp_path, cis_report_templates=", ".join(paths) if as_text else paths)
    assert outcome.code == 0
    lines = (outcome.where / "states.txt").read_text().splitlines()
    assert dict(line.split() for line in lines[:-1]) == {name: c["state"] for name, c in outcome.checks.items()}
    assert (outcome.where / "whole").read_text() == "c: 3"


def test_a_broken_template_does_not_keep_back_the_others(tmp_path: pathlib.Path) -> None:
    (tmp_path / "bad.txt.j2").write_text("{{ report.no_such_key }}")
    (tmp_path / "open.txt.j2").write_text("{% if %}")
    (tmp_path / "good.txt.j2").write_text("{{ report.total }}")
    paths = [str(tmp_path / f"{name}.txt.j2") for name in ("bad", "open", "good")]
    outcome = run(tmp_path, cis_report_templates=paths, cis_report_formats="csv,junit")
    assert outcome.code == 2
    assert files(outcome) == {"report.json", "report.csv", "report.junit.xml", "good.txt"}
    assert (outcome.where / "good.txt").read_text() == "97"
    assert outcome.failure() == (
        f"template {paths[0]}: 'dict object' has no attribute 'no_such_key'; "
        f"template {paths[1]}: Expected an expression, got 'end of statement block'"
    )


def test_a_template_may_not_replace_the_report(tmp_path: pathlib.Path) -> None:
    (tmp_path / "report.json.j2").write_text("{}")
    outcome = run(tmp_path, cis_report_templates=[str(tmp_path / "report.json.j2")])
    assert outcome.code == 2
    assert "would overwrite report.json; give the template another name" in outcome.out
    assert not (tmp_path / "cis-reports").exists()
