# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action.render_report import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    node,
    set_flag,
)

EVIL = "{{ report.cluster }}{% for x in [1] %}"


def failing(name: str) -> dict[str, t.Any]:
    document = node(name)
    set_flag(document, "kube-apiserver", "--basic-auth-file=" + EVIL)
    return document


@pytest.fixture
def args(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    """Arguments to render a report with a template, as out/x."""
    (tmp_path / "report.json").write_text(to_json(build_report(BENCHMARK, "hardened", [failing("n1")], cluster())))
    (tmp_path / "x.j2").write_text(
        "{{ report.version }}\n{% for row in rows %}\n{{ [row.id, row.state] | csv_row }}\n{% endfor %}\n"
    )
    return {
        "report": str(tmp_path / "report.json"),
        "formats": [],
        "templates": [str(tmp_path / "x.j2")],
        "dest": str(tmp_path / "out"),
    }


def output(args: dict[str, t.Any]) -> pathlib.Path:
    return pathlib.Path(args["dest"], pathlib.Path(args["templates"][0]).name.removesuffix(".j2"))


def test_a_report_is_rendered(args: dict[str, t.Any]) -> None:
    result = run_action(ActionModule, args)
    assert (result["changed"], result["files"]) == (True, [str(output(args))])
    lines = output(args).read_text().splitlines()
    assert lines[:3] == ["rke-cis-1.4", "1.1.2,fail", "1.1.3,pass"]
    assert len(lines) == 1 + 97


def test_a_template_gets_what_has_changed_since_the_scan_before(args: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    template = "{{ (comparison.newly_failing | map(attribute='id') | list) if comparison else comparison }}"
    pathlib.Path(args["templates"][0]).write_text(template)
    said = []
    for day, document in enumerate((node("n1"), failing("n1"), node("n1"))):
        path = tmp_path / "local" / f"2026112{day}T220000Z-rke-cis-1.4-hardened" / "report.json"
        path.parent.mkdir(parents=True)
        path.write_text(to_json(build_report(BENCHMARK, "hardened", [document], cluster())))
        run_action(ActionModule, {**args, "report": str(path)})
        said.append(output(args).read_text())
    assert said == ["None", "['1.1.2']", "[]"]


def test_a_template_gets_the_past_scans(args: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    text = (tmp_path / "report.json").read_text()
    for name in ("20261101T120000Z-x", "20261102T120000Z-x"):
        (tmp_path / "prod" / name).mkdir(parents=True)
        (tmp_path / "prod" / name / "report.json").write_text(text)
    pathlib.Path(args["templates"][0]).write_text(
        "{% for scan in history %}{{ scan.name }} {{ scan.fail }} {% endfor %}"
    )
    run_action(ActionModule, {**args, "report": str(tmp_path / "prod" / "20261102T120000Z-x" / "report.json")})
    fail = json.loads(text)["fail"]
    assert output(args).read_text() == f"20261101T120000Z-x {fail} 20261102T120000Z-x {fail} "


def test_text_of_a_node_is_not_a_template(args: dict[str, t.Any]) -> None:
    template = "{% for row in rows if row.id == '1.1.2' %}{{ row.evidence[0].actual }}{% endfor %}"
    pathlib.Path(args["templates"][0]).write_text(template)
    run_action(ActionModule, args)
    assert output(args).read_text() == "--basic-auth-file=" + EVIL


@pytest.mark.parametrize(
    "template, said",
    [
        ("{{ report.no_such_key }}", "no_such_key"),
        ("{{ rows | no_such_filter }}", "no_such_filter"),
        ("{% for %}", "x.j2"),
        ("{% include 'no-such-file' %}", "no-such-file"),
    ],
)
def test_a_bad_template_is_named_and_leaves_the_old_report(args: dict[str, t.Any], template: str, said: str) -> None:
    output(args).parent.mkdir()
    output(args).write_text("old")
    pathlib.Path(args["templates"][0]).write_text(template)
    result = run_action(ActionModule, args)
    assert result["failed"] is True
    assert args["templates"][0] in result["msg"]
    assert said in result["msg"]
    assert output(args).read_text() == "old"


@pytest.mark.parametrize("content", [None, "", "[]", "5", "{}", json.dumps({"schema": "rke.cis/evidence/1"})])
def test_what_is_no_report_is_refused_by_name(args: dict[str, t.Any], content: str | None) -> None:
    path = pathlib.Path(args["report"])
    path.unlink()
    if content is not None:
        path.write_text(content)
    result = run_action(ActionModule, args)
    assert result["failed"] is True
    assert str(path) in result["msg"]


@pytest.mark.parametrize("key", ["node_type", "reason", "remediation"])
def test_a_report_that_has_lost_a_part_is_refused_by_name(args: dict[str, t.Any], key: str) -> None:
    path = pathlib.Path(args["report"])
    report = json.loads(path.read_text())
    for group in report["results"]:
        for check in group["checks"]:
            check.pop(key, None)
    path.write_text(json.dumps(report))
    result = run_action(ActionModule, args)
    assert result["failed"] is True
    assert str(path) in result["msg"]


def test_where_it_cannot_be_written(args: dict[str, t.Any]) -> None:
    dest = "/dev/null/x"
    result = run_action(ActionModule, {**args, "dest": dest})
    assert result["failed"] is True
    assert dest in result["msg"]


def test_what_is_required(args: dict[str, t.Any]) -> None:
    del args["report"]
    assert "report" in run_action(ActionModule, args)["msg"]


def test_the_report_itself_is_not_overwritten(args: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    before = pathlib.Path(args["report"]).read_bytes()
    (tmp_path / "report.json.j2").write_text("x")
    result = run_action(ActionModule, {**args, "templates": [str(tmp_path / "report.json.j2")], "dest": str(tmp_path)})
    assert result["failed"] is True
    assert "would overwrite report.json" in result["msg"]
    assert pathlib.Path(args["report"]).read_bytes() == before


def test_formats_are_written_beside_the_report_by_default(args: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    result = run_action(ActionModule, {"report": args["report"], "formats": ["self_assessment", "json"]})
    assert result["files"] == [str(tmp_path / "self_assessment.md"), str(tmp_path / "self_assessment.html")]


@pytest.mark.parametrize("name, wanted", [("x.xml.j2", "a?&lt;"), ("x.html.j2", "a?&lt;"), ("x.txt.j2", "a\0<")])
def test_escaping_goes_by_the_name(args: dict[str, t.Any], name: str, wanted: str) -> None:
    args["templates"] = [str(pathlib.Path(args["templates"][0]).with_name(name))]
    pathlib.Path(args["templates"][0]).write_text(r"{{ 'a\0<' }}")
    run_action(ActionModule, args)
    assert output(args).read_text() == wanted
