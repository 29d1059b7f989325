# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._report import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._score import Verdict, score_node
from ansible_collections.rke.cis.plugins.plugin_utils._summary import summary
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
