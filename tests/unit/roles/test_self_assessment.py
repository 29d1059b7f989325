# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-assessment guide, read back from Markdown and from HTML."""

from __future__ import annotations

import functools
import re
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action.render_report import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, lost, node, set_flag
from ansible_collections.rke.cis.tests.unit.roles.guide_helper import Control, Guide, read_html, read_markdown

READ = {"md": read_markdown, "html": read_html}
FORMATS = pytest.mark.parametrize("form", list(READ))

EVIL = [
    "</code></pre></section><script>alert(1)</script><h3>9.9.9 x</h3>",
    "```\n````\n### 9.9.9 x\n",
    "~~~\n</pre>\n---\n",
    "a | b \\| c || d",
    "`x` ``y`` `",
    "[a](javascript:alert(1)) ![b](http://x/y.png) <http://x>",
    "<!-- <img src=x onerror=alert(1)> &amp; &lt; <a href='x'>",
    "{{ report.cluster }}{% raw %}{# #}",
    "**bold** _it_ ~~no~~ $x$ # \\",
    "\n\n    indented\n\n> quoted\n\n1. one\n- two\n+ three\n= four\n",
    "x" * 20000,
    "]]> ' \" \\n %s \u00e9\u4e2d\U0001f600",
]
BASIC_AUTH = "Ensure that the --basic-auth-file argument is not set"
NAMES = [*EVIL[:1], "a|b", "`c`", "- d", "1. e", "# f", "[g](h)", "<i>", "\\", "*j*", "k_l_m", "&amp;"]


def hostile() -> dict[str, t.Any]:
    """Return a report in which all that a node or a user may have written is hostile."""
    nodes = []
    for name, evil in zip(NAMES, EVIL, strict=True):
        document = node(name)
        set_flag(document, "kube-apiserver", f"--basic-auth-file={evil}", f"--enable-admission-plugins={evil}")
        document["paths"]["kubelet:/etc/kubernetes/ssl"]["path"] = "/etc/" + evil
        document["paths"]["kubelet:/etc/kubernetes/ssl"]["entries"][0].update(name=evil, mode="0777", owner=evil, uid=7)
        document["containers"]["kube-scheduler"] = {"error": {"kind": "failed", "message": evil}}
        nodes.append(document)
    nodes.append(lost("lost " + EVIL[0], message=EVIL[1]))
    skips = {"1.1.3": {"by": EVIL[0], "reason": EVIL[1]}, "1.1.4": {"by": EVIL[3], "reason": ""}}
    scan = {"name": EVIL[0], "kind": "scheduled", "by": EVIL[1]}
    report = build_report(
        load_benchmark("rke-cis-1.4"), "hardened", nodes, cluster(), skips=skips, cluster=EVIL[0], scan=scan
    )
    report["warnings"] += EVIL
    return report


def plain(version: str = "1.4", profile: str = "permissive", nodes: t.Any = None, **more: t.Any) -> dict[str, t.Any]:
    if nodes is None:
        nodes = [node("n1"), node("n2", ["worker"]), lost("n3", ["worker"])]
        set_flag(nodes[0], "kubelet", "--anonymous-auth=true")
    return build_report(load_benchmark("rke-cis-" + version), profile, nodes, cluster(), **more)


def waived() -> dict[str, t.Any]:
    """Return a report in which a failure is waived: of all of its nodes (1.1.2), and of some (2.1.4)."""
    documents = [node("n1"), node("n2"), node("n3"), node("n4")]
    for document in documents[:3]:
        set_flag(document, "kube-apiserver", "--basic-auth-file=/x")
        set_flag(document, "kubelet", "--read-only-port=1")
    given = {"source": "w.yml line 1", "groups": {}, "expires": "2026-12-31", "days_left": 39, "owner": "anna"}
    waivers = [
        {**given, "controls": ["1.1.2"], "nodes": [], "reason": "moving out"},
        {**given, "controls": ["2.1.4"], "nodes": ["n2"], "reason": EVIL[0]},
    ]
    return plain("1.4", "hardened", documents, waivers=waivers)


def attested() -> dict[str, t.Any]:
    given = {"source": "a.yml line 1", "nodes": [], "groups": {}, "by": EVIL[0], "date": "2026-11-01", "evidence": ""}
    given.update(expires="2099-01-01", days_left=99, early=False, result="passed", explanation=EVIL[3])
    answers = [
        {**given, "controls": ["1.6.1"], "by": "anna", "explanation": "fine"},
        {**given, "controls": ["1.1.13"], "nodes": ["n1"], "result": "failed"},
        {**given, "controls": ["1.6.2"], "days_left": -1, "by": "anna", "expires": "2026-11-20"},
    ]
    return plain("1.3", "hardened", [node("n1"), node("n2")], attestations=answers)


REPORTS = {
    "waived": waived,
    "attested": attested,
    "hostile": hostile,
    "permissive": plain,
    "guide": lambda: plain("1.3", "hardened"),
    "no node of a role": lambda: plain("1.3", "hardened", [node("n1", ["worker"])]),
}


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> t.Callable[[dict[str, t.Any], str], str]:
    tmp_path = tmp_path_factory.mktemp("guide")

    def run(report: dict[str, t.Any], form: str) -> str:
        (tmp_path / "report.json").write_text(to_json(report), encoding="utf-8")
        result = run_action(ActionModule, {"report": str(tmp_path / "report.json"), "formats": ["self_assessment"]})
        assert result.get("changed"), result
        return (tmp_path / f"self_assessment.{form}").read_text(encoding="utf-8")

    return run


@pytest.fixture(scope="module")
def read(render: t.Any) -> t.Callable[[str, str], tuple[dict[str, t.Any], Guide]]:
    """One of REPORTS, and its guide in one of the forms."""

    @functools.cache
    def run(name: str, form: str) -> tuple[dict[str, t.Any], Guide]:
        report = REPORTS[name]()
        return report, READ[form](render(report, form))

    return run


def one_line(text: str) -> str:
    return " ".join(text.split())


@FORMATS
@pytest.mark.parametrize("name", REPORTS)
def test_every_control_stands_there_once(read: t.Any, name: str, form: str) -> None:
    report, guide = read(name, form)
    checks = report_checks(report)
    titles = [f"{check['id']} {check['title']}" for check in checks]
    assert [control.title for control in guide.controls] == titles
    words = {"notApplicable": "Not applicable", "skip": "Skipped"}
    for control, check in zip(guide.controls, checks, strict=True):
        assert control.result == words.get(check["state"], check["state"].capitalize())
        scored = "scored" if check["scored"] else "not scored"
        rating = f"{scored}, severity {check['severity']}, level {check['level']}, for nodes with the role "
        assert control.field("Result").partition(" (")[2].startswith(rating)
        assert control.field("References").startswith(f"NIST SP 800-53 {', '.join(check['nist'])}; ")
        assert control.audit == "\n".join(check.get("audit", []))
        for label, key in (("Notes", "note"), ("Remediation", "remediation")):
            said = [text for found, text in control.fields if found == label]
            failed = check["state"] in ("manual", "warn") or check.get("failed_nodes") or check.get("waived_nodes")
            if key == "note" or failed:
                assert said == ([one_line(check[key].replace("`", ""))] if key in check else [])
            else:
                assert not said


@FORMATS
def test_what_nodes_and_users_write_is_no_markup(read: t.Any, form: str) -> None:
    _report, guide = read("hostile", form)
    assert guide.markup <= read("guide", form)[1].markup
    assert form == "html" or not guide.markup
    assert not any("9.9.9" in control.title for control in guide.controls)
    assert "script" not in guide.markup
    assert set(guide.links) <= set(guide.anchors), "a link leads out"


@FORMATS
def test_what_nodes_and_users_write_is_shown_as_it_is(read: t.Any, form: str) -> None:
    _report, guide = read("hostile", form)
    controls = {control.id: control for control in guide.controls}
    values = [text for label, text in controls["1.1.2"].codes if label.startswith("Returned value on ")]
    assert sorted(values) == sorted(f"--basic-auth-file={evil}" for evil in EVIL)
    assert controls["1.1.3"].field("Decided by") == one_line(EVIL[0])
    assert controls["1.1.3"].field("Why") == one_line(EVIL[1])
    assert controls["1.1.4"].field("Why") == "no reason given"
    assert one_line(EVIL[0]) in guide.title
    facts = dict(guide.tables[0])
    assert (facts["Cluster"], facts["Scan"], facts["Scanned by"]) == (*map(one_line, (EVIL[0],) * 2), one_line(EVIL[1]))
    assert [row[0] for row in guide.tables[1][1:]] == sorted([*map(one_line, NAMES), one_line("lost " + EVIL[0])])
    for evil in EVIL:
        assert one_line(evil) in guide.items, "a warning"
    unseen = [text for label, text in controls["1.2.1"].fields if label == "Why"]
    assert sorted(unseen) == sorted(
        [*(f"failed: {one_line(evil)}" for evil in EVIL), f"unreachable: {one_line(EVIL[1])}"]
    )


def test_a_node_drives_no_terminal(render: t.Any) -> None:
    document = node("n\x1b[31m1")
    set_flag(document, "kube-apiserver", "--basic-auth-file=\x1b]0;x\x07\x00\r\u202e\x85\u2028# x")
    text = render(plain(nodes=[document], cluster="\x1b[2J"), "md")
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "--basic-auth-file=?]0;x???????# x".replace("???????", "??????") in text


@pytest.mark.parametrize("name", ["permissive", "guide", "no node of a role"])
def test_markdown_and_html_say_the_same(read: t.Any, name: str) -> None:
    markdown, html = (read(name, form)[1] for form in READ)

    def said(guide: Guide) -> list[Control]:
        return [
            Control(c.title, [(label, one_line(text)) for label, text in c.fields], c.codes) for c in guide.controls
        ]

    assert said(markdown) == said(html)
    assert markdown.tables == html.tables
    assert markdown.headings == html.headings
    assert (markdown.items, markdown.links) == (html.items, html.links)


@FORMATS
@pytest.mark.parametrize("name", REPORTS)
def test_counts_are_those_of_the_report(read: t.Any, name: str, form: str) -> None:
    report, guide = read(name, form)
    _facts, nodes, results = guide.tables
    *sections, total = [[int(cell) for cell in row[1:]] for row in results[1:]]
    assert total == [report["total"], *(report[count] for count in COUNTS)]
    assert [sum(column) for column in zip(*sections, strict=True)] == total
    assert [row[0] for row in results[1:-1]] == [f"{g['id']} {g['description']}" for g in report["results"]]
    wanted = [[str(result[count]) for count in COUNTS] for result in report["node_results"].values()]
    assert [row[2:] for row in nodes[1:]] == wanted


@FORMATS
@pytest.mark.parametrize("name", REPORTS)
def test_headings_are_in_order_and_links_lead_to_them(read: t.Any, name: str, form: str) -> None:
    _report, guide = read(name, form)
    levels = [level for level, _title in guide.headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    assert len(set(guide.anchors)) == len(guide.anchors)
    assert set(guide.links) <= set(guide.anchors)
    controls = {anchor for anchor in guide.anchors if re.match(r"\d{3,}[a-z]?-", anchor)}
    assert len(controls) == len(guide.controls) and controls <= set(guide.links)


@FORMATS
def test_the_front_tells_of_the_scan(render: t.Any, form: str) -> None:
    scan = {"name": "20261121T220000Z-x", "kind": "scheduled", "by": "anna"}
    report = plain("1.3", "hardened", cluster="prod", scan=scan)
    guide = READ[form](render(report, form))
    assert guide.title == "Self-assessment of prod: CIS Kubernetes Benchmark 1.3.0 for RKE"
    facts = dict(guide.tables[0][1:])
    assert facts == {
        "Cluster": "prod",
        "Benchmark": "CIS Kubernetes Benchmark 1.3.0 for RKE (rke-cis-1.3)",
        "Profile": "RKE-CIS-1.3-Hardened",
        "Controls": f"all {report['total']}",
        "Evidence collected": "2026-11-21 22:00:00 UTC",
        "Kubernetes seen": "v1.16.15 on API server; v1.17.6 on n1, n2",
        "Made for Kubernetes": "1.11 to 1.12",
        "Scan": "20261121T220000Z-x",
        "Started": "by schedule",
        "Scanned by": "anna",
        "Parameters": "pod_security_policy: restricted",
        "Collection": report["collection"],
    }
    assert [row[:2] for row in guide.tables[1][1:]] == [
        ["n1", "controlplane, etcd, worker"],
        ["n2", "worker"],
        ["n3", "worker"],
    ]
    assert "n3: unreachable: no route to host" in guide.items
    assert set(report["warnings"]) <= set(guide.items) and report["warnings"]
    assert "2.1.2 Ensure that the --anonymous-auth argument is set to false: on n1" in guide.items
    unseen = [item for item in guide.items if item.startswith("2.1.12 ") and item.endswith("no route to host")]
    assert unseen, "what was not examined, and why"
    assert any(item.startswith("1.6.1 ") and item.endswith("required") for item in guide.items), "manual"


@FORMATS
def test_a_scan_of_nothing_is_told_too(render: t.Any, form: str) -> None:
    guide = READ[form](render(plain("1.3", "hardened", [lost("n1")]), form))
    facts = dict(guide.tables[0])
    assert (facts["Evidence collected"], facts["Started"], facts["Scanned by"]) == ("unknown", "manually", "unknown")
    # what a person judges in the API is shown as not seen
    assert {control.result for control in guide.controls if control.audit} == {"Error", "Fail", "Warn", "Manual"}
    assert all(("Why", "unreachable: no route to host") in c.fields for c in guide.controls if c.result == "Error")


@FORMATS
def test_a_control_without_a_node_says_why(read: t.Any, form: str) -> None:
    _report, guide = read("no node of a role", form)
    control = next(control for control in guide.controls if control.id == "1.1.1")
    assert (control.result, control.field("Why")) == ("Error", "no node has the role controlplane")


@FORMATS
def test_what_a_person_attests_is_shown_with_who_does(read: t.Any, form: str) -> None:
    report, guide = read("attested", form)
    controls = {control.id: control for control in guide.controls}
    checks = {check["id"]: check for check in report_checks(report)}
    said = "as passed by anna on 2026-11-01, until 2099-01-01: fine"
    assert (controls["1.6.1"].result, controls["1.6.1"].field("Attested on n1, n2")) == ("Pass", said)
    needed = one_line(checks["1.6.1"]["evidence"][0]["expected"].replace("`", ""))
    assert controls["1.6.1"].field("Evidence that an auditor needs") == needed
    assert controls["1.6.1"].field("Hash of the evidence") == checks["1.6.1"]["evidence_hash"]
    assert any(item.startswith("1.6.1 ") and item.endswith(f": on n1, n2, {said}") for item in guide.items)
    failed = controls["1.1.13"].field("Attested on n1")
    assert controls["1.1.13"].result == "Fail"
    assert failed == one_line(f"as failed by {EVIL[0]} on 2026-11-01, until 2099-01-01: {EVIL[3]}")
    assert controls["1.6.2"].result == "Manual"
    assert controls["1.6.2"].field("Why") == "the attestation of anna expired on 2026-11-20"


@FORMATS
def test_a_waived_failure_is_shown_with_who_waived_it(read: t.Any, form: str) -> None:
    _report, guide = read("waived", form)
    controls = {control.id: control for control in guide.controls}
    title = "Ensure that the --read-only-port argument is set to 0"
    assert f"1.1.2 {BASIC_AUTH}: on n1, n2, n3, by anna until 2026-12-31: moving out" in guide.items
    assert f"2.1.4 {title}: on n2, by anna until 2026-12-31: {EVIL[0]}" in guide.items
    assert f"2.1.4 {title}: on n1, n3" in guide.items
    assert (controls["1.1.2"].result, controls["1.1.2"].field("Decided by")) == ("Skipped", "waiver")
    assert controls["1.1.2"].field("Waived by") == "anna until 2026-12-31: moving out"
    assert controls["1.1.2"].returned[0] == (
        ["n1", "n2", "n3"],
        "kube-apiserver process arguments",
        "--basic-auth-file=/x",
    )
    assert controls["2.1.4"].result == "Mixed"
    assert [names for names, _source, _value in controls["2.1.4"].returned] == [["n1", "n3"], ["n2"], ["n4"]]
    assert controls["2.1.4"].field("Waived by") == f"anna until 2026-12-31: {EVIL[0]}"


@FORMATS
def test_large_groups_are_short_and_complete(render: t.Any, form: str) -> None:
    names = [f"w{number:03}" for number in range(40)]
    documents = [node(name, ["worker"]) for name in names]
    for document in documents[:30]:
        set_flag(document, "kubelet", "--read-only-port=1")
    guide = READ[form](render(plain(nodes=documents), form))
    controls = {control.id: control for control in guide.controls}
    labels = [label for label, _text in controls["2.1.4"].codes[1:]]
    assert labels == [
        f"Returned value on {some}, from kubelet process arguments ({state})"
        for some, state in (
            ("w000, w001, w002, w003, w004 and 25 more (List 1 of nodes)", "Fail"),
            ("w030, w031, w032, w033, w034 and 5 more (List 2 of nodes)", "Pass"),
        )
    ]
    assert "all 40 nodes" in controls["2.1.5"].codes[1][0]
    lists = [title for _level, title in guide.headings if title.startswith("List ")]
    assert lists == [f"List {number} of nodes" for number in (1, 2)]
    assert guide.items[-40:] == names
    assert [row[0] for row in guide.tables[1][1:]] == names


def test_html_needs_nothing_else_and_can_be_read_aloud(render: t.Any) -> None:
    text = render(plain(), "html")
    markup = read_html(text).markup
    assert not markup & {"script", "link", "img", "iframe", "object", "style@src", "a@onclick"}
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\">" in text
    assert "@import" not in text and "url(" not in text
    assert text.startswith('<!DOCTYPE html>\n<html lang="en">\n')
    assert {"th@scope", "caption", "nav", "main", "title"} <= markup
