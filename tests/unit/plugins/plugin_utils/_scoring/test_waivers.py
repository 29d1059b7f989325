# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring import entries
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.entries import resolve
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks, unexamined
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import Waivers, read_waivers, waivers_of_file
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import (
    NO_PASSWORD,
    encrypt,
    encrypt_value,
    loader,
)

TODAY = datetime.date(2026, 11, 22)
WHOLE = """\
- controls: ["2.1.*", 1.1.2]
  nodes: worker?
  groups: [etcd]
  reason: >
    waits for
    the upgrade
  owner: Team A
  expires: 2026-12-31
- {controls: 4.*, reason: r, owner: o, expires: never}
"""


def read(tmp_path: pathlib.Path, text: str, name: str = "w.yml") -> list[dict[str, t.Any]]:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_waivers(str(path))


# ------------------------------------------------------------------------------------------ the file


def test_the_first_document_counts(tmp_path: pathlib.Path) -> None:
    assert read(tmp_path, GOOD + "---\n- [\n") == read(tmp_path, GOOD)


def test_an_encrypted_file_or_value(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "w.yml"
    path.write_text(encrypt(GOOD))
    expected = read_waivers(str(path), loader("right"))
    assert len(expected) == 1
    with pytest.raises(CisError) as caught:
        read_waivers(str(path), loader())
    assert str(caught.value) == f"cis_scan_waivers_file {path}: {NO_PASSWORD}"
    path.write_text(GOOD + f"- controls: 1.1.2\n  owner: o\n  expires: never\n  reason: {encrypt_value('secret')}")
    assert [waiver["reason"] for waiver in read_waivers(str(path), loader("right"))] == [
        expected[0]["reason"],
        "secret",
    ]
    with pytest.raises(CisError) as caught:
        read_waivers(str(path), loader())
    assert str(caught.value) == f"cis_scan_waivers_file {path} line 8: reason: {NO_PASSWORD}"


def test_a_file_is_read(tmp_path: pathlib.Path) -> None:
    where = f"cis_scan_waivers_file {tmp_path}/w.yml line "
    assert read(tmp_path, WHOLE) == [
        {
            "source": where + "1",
            "controls": ["2.1.*", "1.1.2"],
            "nodes": ["worker?"],
            "groups": ["etcd"],
            "reason": "waits for the upgrade",
            "owner": "Team A",
            "expires": "2026-12-31",
        },
        {
            "source": where + "9",
            "controls": ["4.*"],
            "nodes": [],
            "groups": [],
            "reason": "r",
            "owner": "o",
            "expires": "never",
        },
    ]


@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_says_the_same(tmp_path: pathlib.Path, indent: t.Any, ascii_only: bool) -> None:
    waivers = [
        {"controls": ["1.1.2"], "reason": "\u00fc \U0001f512 a/b\tc", "owner": "o", "expires": "2026-12-31"},
        {"controls": "1.1.3", "nodes": ["a"], "groups": "g", "reason": "r", "owner": "o", "expires": "never"},
    ]
    text = json.dumps(waivers, indent=indent, ensure_ascii=ascii_only)
    first, second = read(tmp_path, text, "w.json")
    assert (first["controls"], first["reason"], first["expires"]) == (
        ["1.1.2"],
        "\u00fc \U0001f512 a/b c",
        "2026-12-31",
    )
    assert (second["nodes"], second["groups"]) == (["a"], ["g"])


@pytest.mark.parametrize("name, text", [("w.yml", ""), ("w.yml", "# none yet\n"), ("w.yml", "[]"), ("w.json", "[]")])
def test_a_file_without_waivers(tmp_path: pathlib.Path, name: str, text: str) -> None:
    assert read(tmp_path, text, name) == []


GOOD = "- controls: 1.1.2\n  reason: r\n  owner: o\n  expires: never\n"

# what is wrong: the text, the line, and what is said after it; the field first where there is one
BROKEN = {
    "a mapping": ("waivers:\n- controls: 1.1.2\n", 1, "expected a list of waivers"),
    "text": ("1.1.2\n", 1, "expected a list of waivers"),
    "an id": (GOOD + "- 1.1.2\n", 5, "expected a waiver as a mapping"),
    "unknown field": (GOOD + "  until: 2026-12-31\n", 5, "unknown field 'until'; available: controls, nodes, groups,"),
    "misspelt field": (GOOD.replace("reason", "Reason"), 2, "unknown field 'Reason'"),
    "a field that is a list": (GOOD + "  [a]: b\n", 5, "unknown field"),
    "merge key": (GOOD + "  <<: {owner: x}\n", 5, "unknown field '<<'"),
    "twice": (GOOD + "  owner: p\n", 5, "owner: given twice"),
    "no controls": (GOOD + "- reason: r\n  owner: o\n  expires: never\n", 5, "controls: missing"),
    "no reason": ("- controls: 1.1.2\n  owner: o\n  expires: never\n", 1, "reason: missing"),
    "no owner": ("- controls: 1.1.2\n  reason: r\n  expires: never\n", 1, "owner: missing"),
    "no end": (GOOD.replace("  expires: never\n", ""), 1, "expires: missing from this waiver; write a date"),
    "number as id": (GOOD.replace("1.1.2", "1.1"), 1, "controls: '1.1' is not read as text; write it in quotes"),
    "number in the list": (GOOD.replace("1.1.2", "\n  - 1.1.2\n  - 1.1"), 3, "controls: '1.1' is not read as text"),
    "no control": (GOOD.replace("1.1.2", "[]"), 1, "controls: empty"),
    "controls is empty": (GOOD.replace("1.1.2", ""), 1, "controls: empty"),
    "controls is a mapping": (GOOD.replace("1.1.2", "{1.1.2: x}"), 1, "controls: expected text"),
    "list in the list": (GOOD.replace("1.1.2", "[[1.1.2]]"), 1, "controls: expected text"),
    "no node": (GOOD + "  nodes: []\n", 5, "nodes: empty; for all nodes leave it out"),
    "a node that is a number": (GOOD + "  nodes: [a, 10]\n", 5, "nodes: '10' is not read as text"),
    "no group": (GOOD + "  groups: []\n", 5, "groups: empty; for all nodes leave it out"),
    "group is null": (GOOD + "  groups: null\n", 5, "groups: 'null' is not read as text"),
    "reason is empty": (GOOD.replace("reason: r", "reason:"), 2, "reason: empty"),
    "reason is blank": (GOOD.replace("reason: r", "reason: ' '"), 2, "reason: empty"),
    "reason is a number": (GOOD.replace("reason: r", "reason: 4711"), 2, "reason: '4711' is not read as text"),
    "owner is a list": (GOOD.replace("owner: o", "owner: [a, b]"), 3, "owner: expected text"),
    "owner is empty": (GOOD.replace("owner: o", 'owner: ""'), 3, "owner: empty"),
    "owner is an object": (GOOD.replace("owner: o", "owner: !!python/object:os.x y"), 3, "owner: 'y' is not read"),
    "a day that is none": (GOOD.replace("never", "2026-02-30"), 4, "expires: '2026-02-30' is not a valid date"),
    "another form": (GOOD.replace("never", "31.12.2026"), 4, "expires: '31.12.2026' is not a valid date"),
    "without dashes": (GOOD.replace("never", "'20261231'"), 4, "expires: '20261231' is not a valid date"),
    "with a time": (GOOD.replace("never", "2026-12-31T10:00:00Z"), 4, "expires: '2026-12-31T10:00:00Z' is not a valid"),
    "end is empty": (GOOD.replace("never", ""), 4, "expires: '' is not a valid date"),
    "end is a list": (GOOD.replace("never", "[2026-12-31]"), 4, "expires: a list or mapping is not a valid date"),
    "a very long value": (GOOD.replace("never", "x" * 5000), 4, "expires: 'xxx"),
    "broken off": ("- controls: [1.1.2\n", 2, "not valid YAML: "),
    "alias without anchor": ("- controls: *\n", 1, "not valid YAML: "),
    "unquoted star": ("- owner: o\n  nodes: *worker\n", 2, "not valid YAML: "),
    "zero byte": (GOOD + "\x00", 5, "not valid YAML: "),
    "very deep": ("[" * 100000, 1, "not valid YAML: nested too deep"),
}  # fmt: skip


def refused(caught: pytest.ExceptionInfo[CisError]) -> str:
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_line_that_names_line_and_field(tmp_path: pathlib.Path, name: str) -> None:
    text, line, said = BROKEN[name]
    with pytest.raises(CisError) as caught:
        read(tmp_path, text)
    assert refused(caught).startswith(f"cis_scan_waivers_file {tmp_path}/w.yml line {line}: {said}")


@pytest.mark.parametrize(
    "text, line, said",
    [
        ("", 1, "not valid JSON: Expecting value"),
        ('[\n{"controls": "1.1.2",\n]', 3, "not valid JSON: "),
        ("[" * 100000, 1, "not valid JSON: nested too deep"),
        ('[\n\t{"controls": "1.1.2",\n\t "owner": 5}]', 2, "reason: missing"),
        (
            '[{"controls": "1.1.2", "reason": "r",\n"owner": 5, "expires": "never"}]',
            2,
            "owner: '5' is not read as text",
        ),
    ],
)
def test_broken_json_is_one_line_that_names_line_and_field(
    tmp_path: pathlib.Path, text: str, line: int, said: str
) -> None:
    with pytest.raises(CisError) as caught:
        read(tmp_path, text, "w.json")
    assert refused(caught).startswith(f"cis_scan_waivers_file {tmp_path}/w.json line {line}: {said}")


def test_files_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "latin1.yml").write_bytes(b"- owner: stra\xdfe\n")
    for name, said in (("missing.yml", "No such file"), ("latin1.yml", "utf-8"), (".", "directory")):
        with pytest.raises(CisError) as caught:
            read_waivers(str(tmp_path / name))
        message = refused(caught)
        assert message.startswith(f"cis_scan_waivers_file {tmp_path / name}: cannot be read: ")
        assert said in message


def test_groups_are_those_of_the_inventory_and_days_those_from_today(tmp_path: pathlib.Path) -> None:
    first, second = resolve(read(tmp_path, WHOLE), {"etcd": ["e1", "e2"]}, TODAY)
    assert (first["groups"], first["days_left"]) == ({"etcd": ["e1", "e2"]}, 39)
    assert (second["groups"], second["days_left"]) == ({}, None)
    assert resolve(read(tmp_path, WHOLE), {}, TODAY)[0]["groups"] == {"etcd": []}


def test_today_is_the_day_in_utc(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: t.Any = None) -> datetime.datetime:
            east = datetime.timezone(datetime.timedelta(hours=14))
            return datetime.datetime(2026, 12, 31, 9, 0, tzinfo=east).astimezone(tz)

    monkeypatch.setattr(entries.datetime, "datetime", Clock)
    read(tmp_path, WHOLE)
    assert waivers_of_file(str(tmp_path / "w.yml"), {})[0]["days_left"] == 1
    assert waivers_of_file(None, {}) == waivers_of_file("", {}) == []


# -------------------------------------------------------------------------------------- their effect

CONTROL = "1.1.8"


def waiver(controls: str | list[str] = CONTROL, **more: t.Any) -> dict[str, t.Any]:
    given = {
        "source": "w.yml line 1",
        "controls": [controls] if isinstance(controls, str) else controls,
        "nodes": [],
        "groups": {},
        "reason": "r",
        "owner": "o",
        "expires": "2026-12-31",
        "days_left": 39,
    }
    return {**given, **more}


def verdict(state: str) -> Verdict:
    return Verdict(state, "wanted", "seen", "source", "" if state == "pass" else "reason")


def report(states: str, *waivers: dict[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
    """Return the report where a control has these states on nodes n1, n2, ... and all others pass."""
    names = {"p": "pass", "f": "fail", "e": "error"}
    verdicts = {
        f"n{number}": {
            control_id: verdict(names[state] if control_id == CONTROL else "pass") for control_id in BENCHMARK.ids
        }
        for number, state in enumerate(states, 1)
    }
    profile = options.pop("profile", "hardened")
    nodes = [node(name) for name in verdicts]
    return build_report(BENCHMARK, profile, nodes, cluster(), waivers=list(waivers), verdicts=verdicts, **options)


def check(of: dict[str, t.Any], control_id: str = CONTROL) -> dict[str, t.Any]:
    return next(check for check in report_checks(of) if check["id"] == control_id)


N1 = waiver(nodes=["n1"])
N1_OVER = waiver(nodes=["n1"], days_left=-1)
ALL = waiver()


@pytest.mark.parametrize(
    "states, waivers, state, passed, failed, error, waived",
    [
        # every failure is waived, and all else was seen
        ("f", [ALL], "skip", "", "", "", "1"),
        ("ff", [ALL], "skip", "", "", "", "12"),
        ("fp", [ALL], "skip", "2", "", "", "1"),
        ("pfp", [ALL], "skip", "13", "", "", "2"),
        ("fp", [N1], "skip", "2", "", "", "1"),
        # some are
        ("ff", [N1], "fail", "", "2", "", "1"),
        ("ffp", [N1], "mixed", "3", "2", "", "1"),
        ("ffe", [N1], "fail", "", "2", "3", "1"),
        # what was not seen is never excused
        ("e", [ALL], "error", "", "", "1", ""),
        ("fe", [ALL], "error", "", "", "2", "1"),
        ("fep", [N1], "error", "3", "", "2", "1"),
        # a pass stays one
        ("pp", [ALL], "pass", "12", "", "", ""),
        # expired, other nodes, other controls
        ("f", [N1_OVER], "fail", "", "1", "", ""),
        ("pf", [N1], "mixed", "1", "2", "", ""),
        ("f", [waiver("1.1.9"), waiver("2.*")], "fail", "", "1", "", ""),
        # its last day counts; an expired one beside a live one does not matter
        ("f", [waiver(days_left=0)], "skip", "", "", "", "1"),
        ("f", [waiver(days_left=None)], "skip", "", "", "", "1"),
        ("f", [N1_OVER, N1], "skip", "", "", "", "1"),
        ("ff", [N1_OVER, waiver(nodes=["n2"])], "fail", "", "1", "", "2"),
        # which nodes
        ("ff", [waiver(nodes=["n*"])], "skip", "", "", "", "12"),
        ("ff", [waiver(nodes=["N1"])], "fail", "", "12", "", ""),
        ("ff", [waiver(groups={"g": ["n2", "x"]})], "fail", "", "1", "", "2"),
        ("ff", [waiver(groups={"g": []})], "fail", "", "12", "", ""),
        ("fff", [waiver(groups={"g": ["n2"]}, nodes=["n3"])], "fail", "", "1", "", "23"),
        # which controls
        ("f", [waiver("1.1.*")], "skip", "", "", "", "1"),
        ("f", [waiver("1.*")], "skip", "", "", "", "1"),
        ("f", [waiver("1.1")], "fail", "", "1", "", ""),
        ("f", [waiver(["9.9", CONTROL])], "skip", "", "", "", "1"),
    ],
)  # fmt: skip
def test_states_of_a_cluster(
    states: str, waivers: list[dict[str, t.Any]], state: str, passed: str, failed: str, error: str, waived: str
) -> None:
    found = report(states, *waivers)
    shown = check(found)
    assert shown["state"] == state
    for key, numbers in (("passed", passed), ("failed", failed), ("error", error), ("waived", waived)):
        assert shown[f"{key}_nodes"] == [f"n{number}" for number in numbers], key
    assert ("nodes" in shown) is (state == "mixed")
    if state == "mixed":
        assert shown["nodes"] == shown["failed_nodes"]
    assert (shown.get("by"), "reason" in shown) == (("waiver", True) if state == "skip" else (None, False))
    counted = ("pass", "fail", "skip", "error")
    alike = {**dict.fromkeys(counted, 0), "pass": len(BENCHMARK.ids) - found["notApplicable"] - 1}
    of_cluster = dict(alike)
    of_cluster["fail" if state == "mixed" else state] += 1
    assert {key: found[key] for key in counted} == of_cluster
    assert len(unexamined(found)) == (1 if error else 0)
    for number, seen in enumerate(states, 1):
        of_node = dict(alike)
        of_node["skip" if str(number) in waived else {"p": "pass", "f": "fail", "e": "error"}[seen]] += 1
        assert {key: found["node_results"][f"n{number}"][key] for key in counted} == of_node


def test_what_is_waived_stays_visible() -> None:
    shown = check(report("ffp", waiver(nodes=["n1"], reason="a", owner="x"), waiver(expires="never", days_left=None)))
    assert shown["reason"] == "x until 2026-12-31: a; o without expiry: r"
    assert shown["evidence"] == [
        {
            **verdict("fail")._asdict(),
            "state": "skip",
            "nodes": ["n1"],
            "waiver": {"would_be": "fail", "reason": "a", "owner": "x", "expires": "2026-12-31"},
        },
        {
            **verdict("fail")._asdict(),
            "state": "skip",
            "nodes": ["n2"],
            "waiver": {"would_be": "fail", "reason": "r", "owner": "o", "expires": "never"},
        },
        {**verdict("pass")._asdict(), "nodes": ["n3"]},
    ]


@pytest.mark.parametrize(
    "profile, control_id, skips, by, state",
    [
        ("permissive", "1.1.9", {}, "profile", "notApplicable"),
        ("permissive", "1.1.11", {"1.1.11": {"by": "me", "reason": ""}}, "profile", "skip"),
        ("permissive", CONTROL, {CONTROL: {"by": "me", "reason": ""}}, "me", "skip"),
        ("permissive", CONTROL, {}, "waiver", "skip"),
    ],
)
def test_a_waiver_comes_last(profile: str, control_id: str, skips: t.Any, by: str, state: str) -> None:
    found = report("f", waiver(["1.*"]), profile=profile, skips=skips)
    assert (check(found, control_id)["state"], check(found, control_id)["by"]) == (state, by)


@pytest.mark.parametrize(
    "states, given, status, said",
    [
        ("f", {}, "live", []),
        ("f", {"days_left": None, "expires": "never"}, "live", []),
        ("f", {"days_left": 15}, "live", []),
        ("f", {"days_left": 14}, "expiring", ["expires in 14 days"]),
        ("f", {"days_left": 1}, "expiring", ["expires in 1 day"]),
        ("f", {"days_left": 0}, "expiring", ["expires today"]),
        ("f", {"days_left": -1}, "expired", ["expired on 2026-12-31; the failures that it covers count"]),
        ("p", {"days_left": -1}, "expired", ["expired on 2026-12-31; the failures that it covers count"]),
        ("p", {}, "unused", ["covers no failure of this scan"]),
        ("e", {}, "unused", ["covers no failure of this scan"]),
        ("p", {"days_left": 3}, "unused", ["expires in 3 days", "covers no failure of this scan"]),
        ("pf", {"nodes": ["n1"]}, "unused", ["covers no failure of this scan"]),
        ("f", {"nodes": ["n9"]}, "unused", ["no node of this scan matches 'n9'"]),
        ("f", {"nodes": ["n1", "x*"]}, "live", ["no node of this scan matches 'x*'"]),
        ("f", {"groups": {"g": []}}, "unused", ["inventory group 'g' not found or empty"]),
        ("f", {"groups": {"g": ["n1"], "h": []}}, "live", ["inventory group 'h' not found or empty"]),
        ("f", {"controls": ["9.*"]}, "unused", ["rke-cis-1.4 has no control '9.*'"]),
        ("f", {"controls": [CONTROL, "1.1.37"]}, "live",
         ["rke-cis-1.4 has no control '1.1.37' (did you mean 1.1.37a, 1.1.37b?)"]),
    ],
)  # fmt: skip
def test_status_and_warnings(states: str, given: dict[str, t.Any], status: str, said: list[str]) -> None:
    written = waiver(**given)
    found = report(states, written)
    assert found["waivers"] == [{**written, "groups": list(written["groups"]), "status": status}]
    head = f"w.yml line 1: waiver of o for {', '.join(written['controls'])}: "
    assert [warning for warning in found["warnings"] if "w.yml" in warning] == [head + text for text in said]
    # before the scan all is known but what is unused
    before = Waivers([written], BENCHMARK, list(found["node_results"])).warnings(scored=False)
    assert before == [head + text for text in said if "no failure" not in text]


def test_each_waiver_that_covers_a_failure_is_in_use() -> None:
    found = report("f", waiver(), waiver(nodes=["n1"]), waiver("1.1.9"), waiver(days_left=-5))
    assert [shown["status"] for shown in found["waivers"]] == ["live", "live", "unused", "expired"]


def test_without_waivers_nothing_is_said() -> None:
    found = report("f")
    assert found["waivers"] == []
    assert found["warnings"] == []
