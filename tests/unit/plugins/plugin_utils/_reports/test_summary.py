# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import (
    check_lines,
    comparison_summary,
    progress_line,
    since_lines,
    summary,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict, score_node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.compare_helper import small_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    lost,
    node,
    set_flag,
)

EVIL = "\x1b[2J\x07\r\n\x00\x9b31m\u202eevil\u2066\ud800"


def lines(*nodes: dict[str, t.Any], **options: t.Any) -> list[str]:
    report = build_report(BENCHMARK, "hardened", list(nodes), options.pop("api", cluster()), **options)
    found = summary(report)
    assert {state for _line, state in found} <= {"", "fail", "error"}
    return [line for line, _state in found]


def failing(name: str, *words: str) -> dict[str, t.Any]:
    document = node(name)
    set_flag(document, "kube-apiserver", *(words or ("--profiling=true",)))
    return document


def assert_fits(found: list[str]) -> None:
    assert max(map(len, found)) <= 80
    for line in found:
        assert line.isprintable(), repr(line)


def test_a_good_cluster_is_short() -> None:
    found = lines(node("n1"), node("n2"))
    assert_fits(found)
    assert "2 nodes" in found[0]
    assert any(line.startswith("n1 ") for line in found)
    assert not any(line.startswith(("Failing", "Not examined")) for line in found)
    assert len(found) < 12


def test_one_node_is_no_nodes() -> None:
    assert "1 node," in lines(node("n1"))[0]


def test_a_failure_tells_what_was_wanted_and_seen_and_where() -> None:
    text = "\n".join(lines(failing("n1"), node("n2")))
    part = text[text.index("Failing controls") :]
    assert "1.1.8" in part
    assert "--profiling=false" in part
    assert "--profiling=true" in part
    assert "n1" in part
    assert "n2" not in part
    assert "Not examined" not in text


def test_a_waived_failure_tells_what_was_seen_and_who_accepts_it() -> None:
    waiver = {"source": "w", "controls": ["1.1.8"], "nodes": ["n1"], "groups": {}, "reason": EVIL + "x" * 500}
    waiver |= {"owner": "Team" + EVIL, "expires": "2026-12-31", "days_left": 9}
    found = lines(failing("n1"), node("n2"), waivers=[waiver])
    assert_fits(found)
    assert "Failing controls" not in found
    part = "\n".join(found[found.index("Waived failures") :])
    for text in ("1.1.8", "--profiling=true", "n1", "Team", "until 2026-12-31"):
        assert text in part
    assert "n2" not in part
    # what is not waived beside it stays a failure
    found = lines(failing("n1"), failing("n3"), waivers=[waiver])
    part = "\n".join(found[found.index("Failing controls") : found.index("Waived failures")])
    assert "n3" in part and "n1" not in part


def test_a_warning_has_its_own_column_and_section() -> None:
    benchmark = load_benchmark("rke-cis-1.3")
    weak = failing("n1", "--profiling=true", "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA")
    found = summary(build_report(benchmark, "hardened", [weak, lost("n" * 99)], cluster()))
    told = [line for line, _state in found]
    assert_fits(told)
    assert told[2].split() == ["NODE", "PASS", "FAIL", "WARN", "SKIP", "N/A", "ERROR", "MANUAL"]
    assert {len(line) for line in told[2:7]} == {78}
    assert ("Failing controls that are not scored", "warn") in found
    part = "\n".join(told[told.index("Failing controls that are not scored") : told.index("Not examined")])
    assert "1.1.30" in part and "TLS_RSA_WITH_RC4_128_SHA" in part and "on       n1" in part
    assert "1.1.30" not in "\n".join(
        told[told.index("Failing controls") : told.index("Failing controls that are not scored")]
    )


def test_what_is_attested_is_told_with_who_does() -> None:
    given = {"source": "a", "nodes": [], "groups": {}, "by": "Anna" + EVIL, "date": "2026-11-01", "evidence": ""}
    given.update(expires="2099-01-01", days_left=99, early=False, explanation="fine " + "x" * 500)
    answers = [
        {**given, "controls": ["1.6.1"], "result": "passed"},
        {**given, "controls": ["1.1.13"], "result": "failed"},
    ]
    report = build_report(load_benchmark("rke-cis-1.3"), "hardened", [node("n1")], cluster(), attestations=answers)
    found = [line for line, _state in summary(report)]
    assert_fits(found)
    passed = "\n".join(found[found.index("Attested as passed") :])
    failed = "\n".join(found[found.index("Failing controls") : found.index("Attested as passed")])
    assert "1.6.1" in passed and "attested as passed by Anna" in passed and "1.1.13" not in passed
    assert "1.1.13" in failed and "attested as failed by Anna" in failed and "on       n1" in failed


def test_what_could_not_be_examined_is_told_by_reason_and_not_by_control() -> None:
    found = lines(lost("n1"), lost("n2"), node("n3"))
    assert_fits(found)
    part = found[found.index("Not examined") :]
    assert sum("no route to host" in line for line in part) == 1
    text = "\n".join(part)
    assert "n1, n2" in text
    assert "n3" not in text
    assert len(part) < 8


def test_the_counts_stand_in_the_table() -> None:
    report = build_report(BENCHMARK, "hardened", [failing("n1"), lost("n2")], cluster())
    rows = {line.split()[0]: line.split() for line, _state in summary(report) if line and not line.startswith(" ")}
    for name in ("n1", "n2"):
        counts = report["node_results"][name]
        wanted = [str(counts[key]) for key in ("pass", "fail", "skip", "notApplicable", "error")]
        assert rows[name][1:] == wanted


@pytest.mark.parametrize("length", [1, 36, 37, 38, 80, 253, 5000])
def test_names_of_any_length_fit(length: int) -> None:
    name = "n" * length
    assert_fits(lines(failing(name), lost("m" * length), cluster="c" * length))


def test_words_of_a_node_do_not_drive_the_terminal() -> None:
    bad = failing("n1" + EVIL, "--profiling=" + EVIL, "--basic-auth-file=" + EVIL)
    bad["collected_at"] = "9999" + EVIL + "x" * 500
    bad["containers"]["kube-scheduler"] = {"error": {"kind": EVIL, "message": EVIL * 50, "advice": EVIL}}
    for entry in bad["paths"].values():
        entry["path"] = "/x" + EVIL
        entry["mode"] = "0777"
        for child in entry.get("entries", []):
            child["name"] = EVIL + "key.pem"
            child["mode"] = "0777"
    dead = lost("n2", message=EVIL)
    api = cluster()
    api["objects"]["podsecuritypolicies"]["items"] = [{"metadata": {"name": EVIL}, "spec": {"hostPID": True}}]
    assert_fits(lines(bad, dead, api=api, cluster=EVIL))


@pytest.mark.parametrize("value", ["x" * 5000, "a b " * 2000, "/" * 500, "a-b" * 500, "," * 500, " " * 500, ""])
def test_long_values_are_wrapped_and_cut(value: str) -> None:
    found = lines(failing("n1", "--basic-auth-file=" + value))
    assert_fits(found)
    assert len(found) < 40


def thousand(state: str, actual: str) -> list[str]:
    """The summary of 1,000 nodes on which one control, or each, came to this."""
    good = score_node(BENCHMARK, node(), cluster())
    nodes, verdicts = [], {}
    for number in range(1000):
        seen = Verdict(state, "wanted", actual.format(number), "source", actual.format(number))
        document = lost(f"node-{number:04}", message=actual.format(number))
        if state == "fail":
            del document["error"]
        nodes.append(document)
        verdicts[document["node"]] = {**(good if state == "fail" else dict.fromkeys(good, seen)), "1.1.8": seen}
    return lines(*nodes, verdicts=verdicts)


@pytest.mark.parametrize("state", ["fail", "error"])
def test_a_thousand_nodes_that_are_alike(state: str) -> None:
    found = thousand(state, "the same")
    assert_fits(found)
    assert len(found) < 75
    assert "1000 nodes" in found[0]
    assert any("950 more" in line for line in found)
    assert sum("the same" in line for line in found) == 1


@pytest.mark.parametrize("state", ["fail", "error"])
def test_a_thousand_nodes_that_all_differ(state: str) -> None:
    found = thousand(state, "connect to 10.0.{}")
    assert_fits(found)
    assert len(found) < 150
    assert any("990 more" in line and "report" in line for line in found)


def test_of_many_nodes_those_with_errors_and_failures_come_first() -> None:
    nodes = [node(f"good-{number:03}") for number in range(100)]
    found = lines(*nodes, failing("zz-bad"), lost("zz-dead"))
    names = [line.split()[0] for line in found[3:6]]
    assert names[:2] == ["zz-dead", "zz-bad"]


# ---------------------------------------------------------------------------------------- comparison of two reports


def changes(older: dict[str, t.Any], newer: dict[str, t.Any]) -> list[str]:
    """Return the lines of a comparison after those that name the scans."""
    found = [line for line, _state in comparison_summary(compare(older, newer))]
    assert_fits(found)
    return found[found.index("") + 1 :]


def test_each_kind_of_change_stands_under_its_heading() -> None:
    names = [f"n{number:02}" for number in range(1, 14)]
    older = small_report(
        {"1": {"n01": "pass"}, "2": {"n01": "fail"}, "3": {"n01": ("fail", "a")}, "4": {"n01": "pass"}, "5": "skip"},
        ["n00", "n01"],
    )
    newer = small_report(
        {
            "1": dict.fromkeys(names, "fail"),
            "2": {"n01": "pass"},
            "3": {"n01": ("fail", "b")},
            "4": {"n01": "error"},
            "5": {"n01": "error"},
        },
        names,
    )
    assert changes(older, newer) == [
        "Newly failing",
        "1       Title of 1",
        "    on       n01, n02, n03, n04, n05, n06, n07, n08, n09, n10 and 3 more",
        "",
        "Fixed",
        "2       Title of 2",
        "    on       n01",
        "",
        "Changed values",
        "3       Title of 3",
        "    before   a",
        "    after    b",
        "    on       n01",
        "",
        "Other changes",
        "pass to error",
        "    on       n01",
        "    ids      4",
        "skip to error",
        "    on       n01",
        "    ids      5",
        "",
        "Nodes added",
        "             n02, n03, n04, n05, n06, n07, n08, n09, n10, n11 and 2 more",
        "",
        "Nodes gone",
        "             n00",
    ]


def test_a_node_that_is_lost_fills_no_screen() -> None:
    report = build_report(BENCHMARK, "hardened", [node("n1"), node("n2")], cluster())
    lost_report = build_report(BENCHMARK, "hardened", [node("n1"), lost("n2")], cluster())
    assert len(changes(report, lost_report)) < 8


def test_many_values_of_one_control_fill_no_screen() -> None:
    names = [f"n{number}" for number in range(100)]
    older, newer = ({"1": {name: ("pass", f"{name} {side}") for name in names}} for side in "ab")
    found = changes(small_report(older, names), small_report(newer, names))
    assert len(found) < 40
    assert found[-1] == "    before   and 90 more, see the comparison"


def test_that_nothing_has_changed_is_said() -> None:
    assert changes(small_report({"1": "skip"}), small_report({"1": "skip"})) == ["Nothing changed"]


def test_both_scans_are_named_and_their_parameters_if_they_differ() -> None:
    older, newer = small_report({}, parameters={"p": "x"}), small_report({}, parameters={"p": "y"}, profile="B-1-Other")
    found = [line for line, _state in comparison_summary(compare(older, newer))]
    assert found[:7] == [
        "Changes of cluster c",
        "    from     B-1-Hardened, evidence of 2026-11-21T22:00:00Z",
        "             s",
        "             p=x",
        "    to       B-1-Other, evidence of 2026-11-21T22:00:00Z",
        "             s",
        "             p=y",
    ]
    assert "p=x" not in "".join(line for line, _state in comparison_summary(compare(older, older)))


def test_the_changes_in_short() -> None:
    older = small_report({"1": {"n1": "pass", "n2": "pass"}, "2": {"n1": "pass"}, "3": {"n1": "fail"}, "4": "skip"})
    newer = small_report(
        {"1": {"n1": "fail", "n2": "fail"}, "2": {"n1": "fail"}, "3": {"n1": "pass"}, "4": {"n1": ("pass", "b")}},
        ["n1", "n2", "n3"],
    )
    assert since_lines(compare(older, newer)) == [
        "Since 2026-11-21T22:00:00Z: 2 newly failing (1 on n1 and 1 more, 2 on n1), 1",
        "    fixed (3 on n1), 1 otherwise changed, nodes added: n3",
    ]
    assert since_lines(compare(newer, newer)) == ["Since 2026-11-21T22:00:00Z: 0 newly failing, 0 fixed"]


def test_a_node_does_not_drive_the_terminal_by_a_comparison() -> None:
    older = small_report({"1": {"n1": ("fail", "a"), EVIL: "pass"}}, ["n1", EVIL, "x" + EVIL])
    newer = small_report({"1": {"n1": ("fail", EVIL * 100), EVIL: "fail"}}, ["n1", EVIL, "y" + EVIL])
    comparison = compare(older, newer)
    assert_fits([line for line, _state in comparison_summary(comparison)])
    assert_fits(since_lines(comparison))


# ------------------------------------------------------------------------------------- progress, and a few controls


def test_progress() -> None:
    assert progress_line(250, 1000, 60, []) == "250 of 1000 nodes have answered, 4.2 a second, about 3 min left"
    assert progress_line(990, 1000, 60, []) == "990 of 1000 nodes have answered, 16.5 a second, about 1 s left"
    assert progress_line(1, 2, 0, []) == "1 of 2 nodes have answered, 1000.0 a second, about 0 s left"
    assert progress_line(0, 5, 15, list("abc")) == "0 of 5 nodes have answered; waiting for a, b, c"
    assert progress_line(0, 5, 15, list("abcde")) == "0 of 5 nodes have answered; waiting for a, b, c and 2 more"


def a_check(state: str, **more: str) -> dict[str, str]:
    keys = ("id", "expected", "actual", "source", "reason", "remediation")
    return {**dict.fromkeys(keys, ""), "id": "1.1", "description": "Title (Scored)", "state": state, **more}


SEEN = {"expected": "--a=1", "actual": "--a=2", "source": "kubelet", "reason": "seen --a=2", "remediation": "mend it"}


@pytest.mark.parametrize(
    "check, lines",
    [
        (a_check("pass", **SEEN), ["PASS", "expected --a=1", "seen     --a=2 (kubelet)"]),
        (a_check("fail", **SEEN), ["FAIL", "expected --a=1", "seen     --a=2 (kubelet)", "remediation mend it"]),
        (a_check("warn", **SEEN), ["WARN", "expected --a=1", "seen     --a=2 (kubelet)", "remediation mend it"]),
        (a_check("manual", **SEEN), ["MANUAL", "expected --a=1", "seen     --a=2 (kubelet)", "why      seen --a=2"]),
        (a_check("error", expected="x", reason="denied"), ["ERROR", "expected x", "why      denied"]),
        (a_check("skip", reason="because", remediation="mend it"), ["SKIP", "why      because"]),
        (a_check("notApplicable", reason="because"), ["N/A", "why      because"]),
    ],
)
def test_a_few_controls(check: dict[str, str], lines: list[str]) -> None:
    title = f"{lines[0]:<8}1.1     Title (Scored)"
    assert check_lines([check]) == [title, *(f"    {line}" for line in lines[1:])]


def test_controls_that_do_not_run_here_are_told_together() -> None:
    checks = [a_check("notHere", id=str(number), reason="runs on etcd") for number in range(12)]
    assert check_lines(checks) == ["NOT RUN 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more", "    why      runs on etcd"]


def test_a_node_does_not_drive_the_terminal_by_a_check() -> None:
    assert_fits(check_lines([a_check(state, **dict.fromkeys(SEEN, EVIL * 100)) for state in ("fail", "error")]))
