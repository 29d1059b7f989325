# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action.compare_reports import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare_markdown import comparison_markdown
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import make_action, run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.compare_helper import keep, small_report

NAMES = [f"2026112{day}T220000Z-b-1-hardened" for day in range(3)]
STATES = ({"n1": "pass"}, {"n1": "fail"}, {"n1": "pass", "n2": "error"})


@pytest.fixture
def args(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    """Arguments over three scans of a cluster c: 1.1 passes, fails, and passes again beside a node that is lost."""
    for name, verdicts in zip(NAMES, STATES, strict=True):
        keep(tmp_path / "c", name, {"1.1": verdicts}, nodes=list(verdicts))
    return {"report_dir": str(tmp_path), "cluster": "c"}


def expected(**more: t.Any) -> dict[str, t.Any]:
    empty: dict[str, t.Any] = {
        key: []
        for key in ("newly_failing", "fixed", "other_values", "other", "nodes_added", "nodes_gone", "not_compared")
    }
    return {"changed": False, "warnings": [], "dest": "", **empty, **more}


def test_the_last_two_are_compared(args: dict[str, t.Any]) -> None:
    assert run_action(ActionModule, args) == expected(
        older=NAMES[1], newer=NAMES[2], fixed=["1.1"], other=["1.1"], nodes_added=["n2"]
    )


def test_two_scans_by_name_and_path(args: dict[str, t.Any]) -> None:
    named = {**args, "older": NAMES[0], "newer": f"{args['report_dir']}/c/{NAMES[1]}"}
    assert run_action(ActionModule, named) == expected(older=NAMES[0], newer=NAMES[1], newly_failing=["1.1"])
    turned = {**named, "older": named["newer"], "newer": NAMES[0]}
    assert run_action(ActionModule, turned) == expected(older=NAMES[1], newer=NAMES[0], fixed=["1.1"])


def test_the_one_before_a_scan(args: dict[str, t.Any]) -> None:
    result = run_action(ActionModule, {**args, "newer": NAMES[1]})
    assert (result["older"], result["newly_failing"]) == (NAMES[0], ["1.1"])


def test_it_is_shown_on_the_terminal(args: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch) -> None:
    action = make_action(ActionModule, {**args, "newer": NAMES[1]})
    shown: list[tuple[str, str | None]] = []
    monkeypatch.setattr(action._display, "display", lambda line, color=None: shown.append((line, color)))
    action.run(None, {})
    assert ("1.1     Title of 1.1", "red") in shown
    assert ("    on       n1", None) in shown


def test_a_file_is_written_in_the_form_that_is_asked_for(args: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    reports = [json.loads((tmp_path / "c" / name / "report.json").read_text()) for name in NAMES[1:]]
    comparison = compare(*reports)
    dest = tmp_path / "changes"
    for form, text in (
        ("markdown", comparison_markdown(comparison)),
        ("json", json.dumps(comparison, indent=1) + "\n"),
    ):
        result = run_action(ActionModule, {**args, "dest": str(dest), "format": form})
        assert (result["changed"], result["dest"]) == (True, str(dest))
        assert dest.read_text() == text
    run_action(ActionModule, {**args, "dest": str(dest)})
    assert dest.read_text().startswith("Changes of cluster c\n    from     B-1-Hardened, evidence of ")


@pytest.mark.parametrize(
    "change, said",
    [
        ({"older": "20260101T000000Z-x"}, "20260101T000000Z-x: no such scan, or it has no report.json; "),
        ({"newer": "/no/such"}, "/no/such: no such scan, or it has no report.json; "),
        ({"cluster": "../c"}, "cluster '../c': must be a name without / and without a leading dot"),
        ({"cluster": "d"}, "/d: no scans found; name another report directory or cluster"),
        ({"newer": NAMES[0]}, "report.json: no earlier scan of cluster c with B-1-Hardened found beside it; "),
        ({"format": "json"}, "format json: needs dest, the file to write"),
        ({"format": "xml"}, "value of format must be one of: text, json, markdown, got: xml"),
        ({"dest": "/no/such/directory/x"}, "dest /no/such/directory/x: not writable: No such file or directory"),
    ],
)
def test_a_wrong_request_is_one_line(args: dict[str, t.Any], change: dict[str, str], said: str) -> None:
    result = run_action(ActionModule, {**args, **change})
    assert result["failed"] is True
    assert said in result["msg"]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"version": "b-2"}, "cannot compare scans of different benchmarks"),
        ({"cluster": "d"}, "cannot compare scans of different clusters"),
        ({"results": 5}, "other.json: not a complete rke.cis report (results)"),
        ({"schema": "rke.cis/evidence/1"}, "other.json: not a complete rke.cis report (expected"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    args: dict[str, t.Any], tmp_path: pathlib.Path, change: dict[str, t.Any], said: str
) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(small_report({}, **change)))
    result = run_action(ActionModule, {**args, "older": str(path), "dest": str(tmp_path / "changes")})
    assert result["failed"] is True
    assert said in result["msg"]
    assert not (tmp_path / "changes").exists()
