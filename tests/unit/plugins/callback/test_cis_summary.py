# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import atexit
import json
import pathlib
import queue
import types
import typing as t
from unittest import mock

import pytest

from ansible_collections.rke.cis.plugins.callback import cis_summary
from ansible_collections.rke.cis.plugins.callback.cis_summary import GATHER, CallbackModule, Scan
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import evidence_path
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json, write_file
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    lost,
    node,
    set_flag,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.plan_helper import ROLES, make_plan

WAIVERS = [
    {
        "source": "w.yml line 1",
        "controls": ["1.1.8"],
        "nodes": ["b"],
        "groups": {},
        "reason": "r",
        "owner": "o",
        "expires": "never",
        "days_left": None,
    }
]
SKIPS = {"1.1.2": {"by": "cis_scan_skip", "reason": "x"}}


@pytest.fixture
def plan(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    """A planned scan of the nodes a and b."""
    return make_plan(tmp_path / "scan", {"a": ROLES, "b": ROLES}, cluster(), skips=SKIPS, waivers=WAIVERS)


def bad(name: str) -> dict[str, t.Any]:
    document = node(name)
    set_flag(document, "kube-apiserver", "--profiling=true")
    return document


def test_of_what_was_gathered_the_report_is_the_same(plan: dict[str, t.Any]) -> None:
    nodes = [node("a"), bad("b")]
    for document in nodes:
        record(plan, document)
    report = Scan(plan["scan_dir"]).report()
    assert report == build_report(BENCHMARK, "permissive", nodes, cluster(), skips=SKIPS, waivers=WAIVERS)
    assert report["waivers"][0]["status"] == "live"


def test_a_node_that_has_not_answered_is_an_error(plan: dict[str, t.Any]) -> None:
    record(plan, node("a"))
    scan = Scan(plan["scan_dir"])
    scan.answered["a"] = None
    assert scan.missing() == ["b"]
    report = scan.report()
    assert report["node_errors"] == {"b": "not gathered: nothing was gathered on this node; see the output of the scan"}
    assert report["node_results"]["b"]["pass"] <= 4
    assert report["pass"] <= 4


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"objects": 5}'])
def test_bad_cluster_evidence_is_named(plan: dict[str, t.Any], content: str) -> None:
    path = pathlib.Path(plan["evidence_dir"]) / "cluster.json"
    path.write_text(content)
    with pytest.raises(CisError, match="cluster.json"):
        Scan(plan["scan_dir"])


# ------------------------------------------------------------------------------------- what is printed


class Screen:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def display(self, text: str, **_options: t.Any) -> None:
        self.lines += text.split("\n")

    def warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture
def callback() -> t.Iterator[CallbackModule]:
    module = CallbackModule()
    module._display = Screen()
    yield module
    module._end_progress()
    atexit.unregister(module._end)


def event(action: str, answer: dict[str, t.Any], host: str = "") -> t.Any:
    return types.SimpleNamespace(
        _result=answer,
        _task=types.SimpleNamespace(resolved_action=action),
        _host=types.SimpleNamespace(get_name=lambda: host),
    )


def planned(plan: dict[str, t.Any]) -> t.Any:
    return event("rke.cis._plan_scan", {"scan_dir": plan["scan_dir"]})


def record(plan: dict[str, t.Any], document: dict[str, t.Any]) -> dict[str, t.Any]:
    path = evidence_path(plan["evidence_dir"], document["node"])
    write_file(path, to_json(document))
    return {"evidence_file": path}


def gathered(plan: dict[str, t.Any], document: dict[str, t.Any]) -> t.Any:
    """Record a document and return the event of that."""
    return event(GATHER, record(plan, document), document["node"])


def test_a_scan_is_shown(callback: CallbackModule, plan: dict[str, t.Any]) -> None:
    callback.v2_runner_on_ok(planned(plan))
    callback.v2_runner_on_ok(gathered(plan, bad("a")))
    assert callback._display.lines == []
    callback.v2_playbook_on_stats(None)
    text = "\n".join(callback._display.lines)
    assert "RKE-CIS-1.4-Permissive" in text
    assert "1.1.8" in text
    assert "--profiling=true" in text
    assert "nothing was gathered" in text
    assert callback._display.warnings == []


def test_results_that_no_log_hides_are_one_warning(callback: CallbackModule) -> None:
    for action in ("_plan_scan", "node_evidence_info", "score_evidence"):
        callback.v2_runner_on_ok(
            event("rke.cis." + action, {"censored": "the output has been hidden", "changed": True})
        )
    callback.v2_playbook_on_stats(None)
    assert callback._display.lines == []
    (warning,) = callback._display.warnings
    assert "no_log" in warning


def test_a_request_that_only_shows_skips_is_no_scan(callback: CallbackModule, plan: dict[str, t.Any]) -> None:
    callback.v2_runner_on_ok(event("rke.cis._plan_scan", {"scan_dir": ""}))
    callback.v2_playbook_on_stats(None)
    assert callback._display.lines == callback._display.warnings == []


def written(path: pathlib.Path, *documents: dict[str, t.Any], changes: t.Sequence[str] = ()) -> t.Any:
    """Write a report and return the event of that."""
    path.write_text(to_json(build_report(BENCHMARK, "permissive", list(documents), cluster(), skips=SKIPS)))
    files = [str(path), str(path.with_suffix(".csv"))]
    return event("rke.cis.score_evidence", {"report": str(path), "files": files, "changes": list(changes)})


def test_the_files_that_were_written_are_named(
    callback: CallbackModule, plan: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    callback.v2_runner_on_ok(planned(plan))
    callback.v2_runner_on_ok(written(tmp_path / "report.json", node("a"), node("b")))
    callback.v2_runner_on_ok(event("rke.cis.render_report", {"files": ["/r/a.md", "/r/a.html"]}))
    callback.v2_playbook_on_stats(None)
    text = "\n".join(callback._display.lines)
    for path in (tmp_path / "report.json", tmp_path / "report.csv", "/r/a.md", "/r/a.html"):
        assert f"    {path}" in text


def test_the_table_is_that_of_the_report_that_was_written(
    callback: CallbackModule, plan: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    callback.v2_runner_on_ok(planned(plan))
    for document in (bad("a"), node("b")):
        callback.v2_runner_on_ok(gathered(plan, document))
    callback.v2_runner_on_ok(written(tmp_path / "report.json", node("a"), node("b")))
    callback.v2_playbook_on_stats(None)
    assert not any("--profiling=true" in line for line in callback._display.lines)


def test_without_a_report_it_is_that_of_its_own_verdicts(
    callback: CallbackModule, plan: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    callback.v2_runner_on_ok(planned(plan))
    for document in (bad("b"), node("a")):
        callback.v2_runner_on_ok(gathered(plan, document))
    callback.v2_runner_on_ok(written(tmp_path / "report.json", node("a"), node("b")))
    (tmp_path / "report.json").unlink()
    callback.v2_playbook_on_stats(None)
    assert any("--profiling=true" in line for line in callback._display.lines)
    assert len(callback._display.warnings) == 1


def test_an_interrupted_scan_has_its_report(callback: CallbackModule, plan: dict[str, t.Any]) -> None:
    callback.v2_runner_on_ok(planned(plan))
    callback.v2_runner_on_ok(event("rke.cis.node_evidence_info", record(plan, bad("a"))))
    callback._end()
    report = json.loads(pathlib.Path(plan["scan_dir"], "report.json").read_text(encoding="utf-8"))
    assert list(report["node_errors"]) == ["b"]
    assert any("--profiling=true" in line for line in callback._display.lines)
    assert any(line.endswith("/report.json") for line in callback._display.lines)


def test_an_interrupted_part_of_a_scan_stays_incomplete(callback: CallbackModule, plan: dict[str, t.Any]) -> None:
    callback.v2_runner_on_ok(planned(plan))
    callback._scan.plan["partial"] = True
    callback._end()
    assert not list(pathlib.Path(plan["scan_dir"]).glob("report*"))
    assert callback._display.lines == []


@pytest.mark.parametrize("error", [CisError("no"), OSError("no"), KeyboardInterrupt()])
def test_what_goes_wrong_at_the_end_is_no_traceback(
    callback: CallbackModule, plan: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    callback.v2_runner_on_ok(planned(plan))
    monkeypatch.setattr(cis_summary, "read_report", mock.Mock(side_effect=error))
    callback._report_path = "x"
    callback._end()
    assert callback._display.warnings == ([] if isinstance(error, KeyboardInterrupt) else ["rke.cis.cis_summary: no"])


def test_recorded_evidence_that_was_scored_is_shown(callback: CallbackModule, tmp_path: pathlib.Path) -> None:
    callback.v2_runner_on_ok(written(tmp_path / "report.json", bad("a")))
    callback.v2_playbook_on_stats(None)
    assert any("--profiling=true" in line for line in callback._display.lines)


def test_what_has_changed_since_the_scan_before_is_shown(callback: CallbackModule, tmp_path: pathlib.Path) -> None:
    changes = ["Since 2026-11-21T22:00:00Z: 1 newly failing (1.1.8 on a), 0 fixed"]
    callback.v2_runner_on_ok(written(tmp_path / "report.json", bad("a"), changes=changes))
    callback.v2_playbook_on_stats(None)
    assert changes[0] in callback._display.lines
    assert callback._display.warnings == []


@pytest.mark.parametrize(
    "action", ["ansible.builtin.command", "rke.cis.node_evidence_info", None, "other.cis._plan_scan"]
)
def test_plays_that_do_not_scan_print_nothing(callback: CallbackModule, action: t.Any) -> None:
    callback.v2_runner_on_ok(event(action, {"evidence": {}, "profile": "x"}))
    callback.v2_playbook_on_stats(None)
    assert callback._display.lines == []
    assert callback._display.warnings == []


def test_what_cannot_be_read_is_a_warning_and_the_play_goes_on(
    callback: CallbackModule, plan: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    callback.v2_runner_on_ok(event("rke.cis._plan_scan", {}))
    callback.v2_runner_on_ok(event("rke.cis._plan_scan", {"scan_dir": str(tmp_path / "missing")}))
    callback.v2_runner_on_ok(planned(plan))
    callback.v2_runner_on_ok(event("rke.cis.score_evidence", {}))
    assert len(callback._display.warnings) == 3
    assert all(warning.startswith("rke.cis.cis_summary: ") for warning in callback._display.warnings)
    callback.v2_playbook_on_stats(None)
    assert any("nothing was gathered" in line for line in callback._display.lines)


def test_a_report_that_has_gone_is_a_warning(callback: CallbackModule, tmp_path: pathlib.Path) -> None:
    callback.v2_runner_on_ok(written(tmp_path / "gone.json", node("a")))
    (tmp_path / "gone.json").unlink()
    callback.v2_playbook_on_stats(None)
    assert callback._display.lines == []
    assert "gone.json" in callback._display.warnings[0]


# ------------------------------------------------------------------------------------- progress


def started(callback: CallbackModule, action: str, *hosts: str) -> None:
    """Let a task start, and hosts be asked."""
    task = types.SimpleNamespace(resolved_action=action)
    callback.v2_playbook_on_task_start(task, False)
    for host in hosts:
        callback.v2_runner_on_start(types.SimpleNamespace(get_name=lambda name=host: name), task)


@pytest.fixture
def told(callback: CallbackModule, plan: dict[str, t.Any]) -> t.Callable[[], str]:
    """Plan a scan. Each call waits for the next line of progress, however long it takes, and returns it."""
    lines: queue.Queue[str] = queue.Queue()
    show = callback._display.display
    callback._display.display = lambda text, **options: (show(text, **options), lines.put(text))
    callback._progress = 0.01
    callback.v2_runner_on_ok(planned(plan))

    def next_line() -> str:
        while not lines.empty():
            lines.get()
        lines.get(timeout=60)
        return lines.get(timeout=60)  # the first one may have been made before the call

    return next_line


def test_progress_is_told_even_if_nobody_answers(
    callback: CallbackModule, plan: dict[str, t.Any], told: t.Callable[[], str]
) -> None:
    started(callback, GATHER, "a", "b")
    assert told() == "0 of 2 nodes have answered; waiting for a, b"
    callback.v2_runner_on_ok(event(GATHER, record(plan, bad("a")), "a"))
    line = told()
    assert line.startswith("1 of 2 nodes have answered, ") and line.endswith(" left; waiting for b")
    record(plan, lost("b"))
    callback.v2_runner_on_unreachable(event(GATHER, {}, "b"))
    callback.v2_runner_on_unreachable(event("ansible.builtin.ping", {}, "c"))
    assert told().startswith("2 of 2 nodes have answered, ")


def test_who_has_failed_is_not_waited_for(callback: CallbackModule, told: t.Callable[[], str]) -> None:
    started(callback, GATHER, "a", "b", "c")
    callback.v2_runner_on_failed(event(GATHER, {"failed": True}, "a"), ignore_errors=True)
    callback.v2_runner_on_skipped(event(GATHER, {"skipped": True}, "b"))
    assert told() == "0 of 2 nodes have answered; waiting for c"


@pytest.mark.parametrize("end", ["task", "stats"])
def test_progress_ends_with_the_task(callback: CallbackModule, told: t.Callable[[], str], end: str) -> None:
    started(callback, GATHER, "a")
    told()
    teller = callback._teller
    if end == "task":
        started(callback, "rke.cis.score_evidence")
    else:
        callback.v2_playbook_on_stats(None)
    assert not teller.is_alive()
    assert callback._teller is None


@pytest.mark.parametrize("action, every", [("ansible.builtin.debug", 1), (GATHER, 0)])
def test_no_progress_of_other_tasks_nor_if_none_is_wanted(
    callback: CallbackModule, told: t.Callable[[], str], action: str, every: int
) -> None:
    callback._progress = every
    started(callback, action, "a")
    assert callback._teller is None


@pytest.mark.parametrize(
    "name, quiet", [("default", False), ("ansible.posix.json", True), ("json", True), ("ansible.posix.jsonl", True)]
)
def test_beside_json_nothing_is_printed(
    plan: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, name: str, quiet: bool
) -> None:
    monkeypatch.setattr(cis_summary.C, "DEFAULT_STDOUT_CALLBACK", name)
    callback = CallbackModule()
    callback._display = Screen()
    callback.v2_runner_on_ok(planned(plan))
    callback.v2_playbook_on_stats(None)
    assert (callback._display.lines == []) is quiet


# ------------------------------------------------------------------------------------- JSON lines


def events(path: pathlib.Path) -> list[dict[str, t.Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_json_lines(callback: CallbackModule, plan: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"event": "of an earlier scan"}\n', encoding="ascii")
    callback._jsonl_path = str(path)
    callback.v2_runner_on_ok(planned(plan))
    assert [found["event"] for found in events(path)][1:] == ["scan_started"], "each is there at once"
    callback.v2_runner_on_ok(gathered(plan, bad("a")))
    record(plan, lost("b"))
    callback.v2_runner_on_unreachable(event("rke.cis.node_evidence_info", {}, "b"))
    documents = [bad("a"), lost("b")]
    report = build_report(BENCHMARK, "permissive", documents, cluster(), skips=SKIPS, waivers=WAIVERS)
    callback.v2_runner_on_ok(written(tmp_path / "report.json", *documents))
    callback.v2_playbook_on_stats(None)
    _older, started, seen, unseen, failing, finished = events(path)
    assert {(found["cluster"], found["profile"]) for found in events(path)[1:]} == {("local", "RKE-CIS-1.4-Permissive")}
    assert (started["nodes"], started["scan_dir"]) == (2, plan["scan_dir"])
    for number, (found, name) in enumerate(((seen, "a"), (unseen, "b")), 1):
        assert (found["event"], found["node"], found["done"], found["nodes"]) == ("node_scored", name, number, 2)
        assert {"roles": found["roles"], **found["counts"]} == report["node_results"][name]
    assert (seen["problem"], unseen["problem"]) == ("", "unreachable: no route to host")
    assert (failing["event"], failing["id"], failing["failed_nodes"]) == ("control_failing", "1.1.8", ["a"])
    assert failing["severity"] == "low"
    assert (failing["evidence"][0]["expected"], failing["evidence"][0]["nodes"]) == ("--profiling=false", ["a"])
    assert finished["counts"] == {key: report[key] for key in finished["counts"]}
    assert (finished["score"], finished["weighted_score"]) == (report["score"], report["weighted_score"])
    assert (finished["event"], finished["counts"]["fail"]) == ("scan_finished", 1)
    assert (finished["nodes"], finished["unseen_nodes"], finished["report"]) == (
        2,
        ["b"],
        str(tmp_path / "report.json"),
    )


def test_json_lines_tell_what_warns(callback: CallbackModule, tmp_path: pathlib.Path) -> None:
    plan = make_plan(tmp_path / "scan", {"a": ROLES}, cluster(), profile="RKE-CIS-1.3-Hardened")
    weak = node("a")
    set_flag(weak, "kube-apiserver", "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA")
    callback._jsonl_path = str(tmp_path / "events.jsonl")
    callback.v2_runner_on_ok(planned(plan))
    callback.v2_runner_on_ok(gathered(plan, weak))
    callback.v2_playbook_on_stats(None)
    warned = {found["id"]: found for found in events(tmp_path / "events.jsonl") if found["event"] == "control_warning"}
    assert (warned["1.1.30"]["state"], warned["1.1.30"]["warned_nodes"]) == ("warn", ["a"])
    assert "TLS_RSA_WITH_RC4_128_SHA" in warned["1.1.30"]["evidence"][0]["actual"]
    assert len(warned) == events(tmp_path / "events.jsonl")[-1]["counts"]["warn"]


def test_json_lines_tell_of_a_node_that_has_not_answered(
    callback: CallbackModule, plan: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    callback._jsonl_path = str(tmp_path / "events.jsonl")
    callback.v2_runner_on_ok(planned(plan))
    callback.v2_playbook_on_stats(None)
    scored = [found for found in events(tmp_path / "events.jsonl") if found["event"] == "node_scored"]
    assert {found["node"]: found["problem"] for found in scored} == dict.fromkeys(
        "ab", "not gathered: nothing was gathered on this node; see the output of the scan"
    )


def test_json_lines_that_cannot_be_written_are_one_warning(
    callback: CallbackModule, plan: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    callback._jsonl_path = str(tmp_path / "missing" / "x")
    callback.v2_runner_on_ok(planned(plan))
    callback.v2_runner_on_ok(gathered(plan, node("a")))
    callback.v2_playbook_on_stats(None)
    (warning,) = callback._display.warnings
    assert warning.endswith("missing/x: cannot be written: No such file or directory")
    assert any("RKE-CIS-1.4-Permissive" in line for line in callback._display.lines)


def test_it_is_named_and_waits_to_be_enabled() -> None:
    assert CallbackModule.CALLBACK_NAME == "rke.cis.cis_summary"
    assert CallbackModule.CALLBACK_TYPE == "aggregate"
    assert CallbackModule.CALLBACK_NEEDS_ENABLED is True
    assert "cis_summary" in cis_summary.DOCUMENTATION
