# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attestations: the file, what they do to manual controls, and what is said of them."""

from __future__ import annotations

import datetime
import json
import pathlib
import typing as t

import jsonschema
import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring import entries
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import (
    Attestations,
    attestations_of_file,
    attested_by,
    read_attestations,
    skeleton,
)
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, lost, node, set_flag

ROOT = pathlib.Path(__file__).resolve().parents[5]
SCHEMA = json.loads((ROOT / "docs" / "attestations.schema.json").read_text(encoding="utf-8"))
REPORT_SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
BENCHMARK = load_benchmark("rke-cis-1.3")
SCORED, NOT_SCORED = "1.1.13", "1.6.1"  # both manual, on masters
TODAY = datetime.date(2026, 11, 22)
HASH = "sha256:" + "0" * 64


def read(tmp_path: pathlib.Path, text: str, name: str = "a.yml") -> list[dict[str, t.Any]]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_attestations(str(tmp_path / name))


# ------------------------------------------------------------------------------------------ the file

GOOD = "- controls: 1.6.1\n  result: passed\n  explanation: e\n  by: b\n  date: 2026-11-01\n  frequency: 90d\n"
END = "  frequency: 90d\n"


def test_a_file_is_read(tmp_path: pathlib.Path) -> None:
    text = f"""\
- controls: [1.6.1]
  nodes: cp*
  groups: [masters]
  result: failed
  explanation: two people
    too many
  by: Anna
  date: 2026-11-01
  expires: 2026-12-31
  evidence: {HASH}
"""
    where = f"cis_scan_attestations_file {tmp_path}/a.yml line "
    assert read(tmp_path, text + GOOD) == [
        {
            "source": where + "1",
            "controls": ["1.6.1"],
            "nodes": ["cp*"],
            "groups": ["masters"],
            "result": "failed",
            "explanation": "two people too many",
            "by": "Anna",
            "date": "2026-11-01",
            "expires": "2026-12-31",
            "evidence": HASH,
        },
        {
            "source": where + "11",
            "controls": ["1.6.1"],
            "nodes": [],
            "groups": [],
            "result": "passed",
            "explanation": "e",
            "by": "b",
            "date": "2026-11-01",
            "expires": "2027-01-30",
            "evidence": "",
        },
    ]
    assert read(tmp_path, "") == []


BROKEN = {
    "a mapping": ("attestations: []\n", 1, "expected a list of attestations, each with controls, result,"),
    "an id": (GOOD + "- 1.6.1\n", 7, "expected an attestation as a mapping"),
    "unknown field": (GOOD + "  owner: x\n", 7, "unknown field 'owner'; available: controls, nodes, groups, result,"),
    **{
        f"no {field}": (
            "".join(line + "\n" for line in GOOD.splitlines() if f" {field}:" not in line),
            1,
            f"{field}: missing from this attestation",
        )
        for field in ("result", "explanation", "by", "date")
    },
    "another result": (GOOD.replace("passed", "ok"), 2, "result: 'ok' is not valid; write passed or failed"),
    "a result that is a bool": (GOOD.replace("passed", "true"), 2, "result: 'true' is not read as text"),
    "no result yet": (GOOD.replace("passed", ""), 2, "result: empty; write passed or failed"),
    "no date yet": (GOOD.replace("2026-11-01", ""), 5, "date: '' is not a valid date; write YYYY-MM-DD"),
    "a date that is a word": (GOOD.replace("2026-11-01", "never"), 5, "date: 'never' is not a valid date"),
    "no end": (GOOD.replace(END, ""), 1, "expires: expected either expires, a date, or frequency, such as 90d"),
    "two ends": (GOOD + "  expires: 2027-01-01\n", 1, "expires: expected either expires, a date, or frequency"),
    "an end before the date": (
        GOOD.replace(END, "  expires: 2026-10-31\n"), 1, "expires: 2026-10-31 is before its date 2026-11-01"
    ),
    "another frequency": (GOOD.replace("90d", "quarterly"), 6, "frequency: 'quarterly' is not valid; write a number"),
    "a frequency that is a number": (GOOD.replace("90d", "90"), 6, "frequency: '90' is not read as text"),
    "a frequency of no day": (GOOD.replace("90d", "0d"), 6, "frequency: '0d' is not valid"),
    "a frequency without end": (GOOD.replace("90d", "9999d").replace("2026", "9999"), 1, "frequency: leads beyond"),
    "no hash": (GOOD + "  evidence: yes, all\n", 7, "evidence: 'yes, all' is not valid; write the evidence_hash of"),
    "a hash of several": (
        GOOD.replace("1.6.1", "1.6.*") + f"  evidence: {HASH}\n", 1, "evidence: belongs to one control; name just its"
    ),
    "a hash of two": (
        GOOD.replace("1.6.1", "[1.6.1, 1.6.2]") + f"  evidence: {HASH}\n", 1, "evidence: belongs to one control"
    ),
    "a number as id": (GOOD.replace("1.6.1", "1.6"), 1, "controls: '1.6' is not read as text; write it in quotes"),
    "broken off": ("- controls: [1.6.1\n", 2, "not valid YAML: "),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_line_that_names_line_and_field(tmp_path: pathlib.Path, name: str) -> None:
    text, line, said = BROKEN[name]
    with pytest.raises(CisError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"cis_scan_attestations_file {tmp_path}/a.yml line {line}: {said}")
    assert "\n" not in message
    # what one field is refused for, the schema refuses too
    if name.startswith(("no ", "another ", "two ends", "unknown", "a mapping", "an id")):
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(yaml.load(text, Loader=yaml.BaseLoader))


@pytest.mark.parametrize(
    "more",
    [{"frequency": "90d"}, {"expires": "never"}, {"expires": "2027-01-01", "evidence": HASH, "nodes": ["a", "b*"]}],
)
def test_what_the_schema_accepts_is_read(tmp_path: pathlib.Path, more: dict[str, str]) -> None:
    given = {"controls": "1.6.1", "result": "passed", "explanation": "e", "by": "b", "date": "2026-11-01", **more}
    jsonschema.Draft202012Validator(SCHEMA).validate([given])
    (found,) = read(tmp_path, json.dumps([given]), "a.json")
    assert found["expires"] == more.get("expires", "2027-01-30")


def test_today_and_the_inventory_decide(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations.today", lambda: TODAY)
    read(tmp_path, GOOD + GOOD.replace("2026-11-01", "2026-11-23") + "  groups: g\n")
    first, second = attestations_of_file(str(tmp_path / "a.yml"), {"g": ["n1"]})
    assert (first["days_left"], first["early"], second["early"]) == (69, False, True)
    assert second["groups"] == {"g": ["n1"]}
    assert attestations_of_file("", {}) == []


# -------------------------------------------------------------------------------------- their effect


def answer(controls: str | list[str] = NOT_SCORED, **more: t.Any) -> dict[str, t.Any]:
    given: dict[str, t.Any] = {
        "source": "a.yml line 1", "controls": controls if isinstance(controls, list) else [controls],
        "nodes": [], "groups": {}, "result": "passed",
        "explanation": "looked at it", "by": "Anna", "date": "2026-11-01", "expires": "2027-01-30", "evidence": "",
        "days_left": 69, "early": False,
    }  # fmt: skip
    return {**given, **more}


def report(*attestations: dict[str, t.Any], nodes: t.Any = None, **more: t.Any) -> dict[str, t.Any]:
    nodes = [node("n1"), node("n2")] if nodes is None else nodes
    found = build_report(BENCHMARK, "hardened", nodes, cluster(), attestations=list(attestations), **more)
    jsonschema.Draft202012Validator(REPORT_SCHEMA).validate(json.loads(to_json(found)))
    return found


def check(of: dict[str, t.Any], control_id: str = NOT_SCORED) -> dict[str, t.Any]:
    return next(check for check in report_checks(of) if check["id"] == control_id)


FAILED = {"result": "failed"}


@pytest.mark.parametrize(
    "control_id, attestations, state",
    [
        (NOT_SCORED, [answer()], "pass"),
        (NOT_SCORED, [answer("1.6.*")], "pass"),
        (NOT_SCORED, [answer(**FAILED)], "warn"),  # as any failure that is not scored
        (SCORED, [answer(SCORED, **FAILED)], "fail"),
        (SCORED, [answer(SCORED)], "pass"),
        (NOT_SCORED, [answer("1.6.2")], "manual"),
        # on some nodes
        (NOT_SCORED, [answer(nodes=["n1"])], "manual"),
        (NOT_SCORED, [answer(nodes=["n1"]), answer(groups={"g": ["n2"]})], "pass"),
        (SCORED, [answer(SCORED, nodes=["n1"]), answer(SCORED, nodes=["n2"], **FAILED)], "mixed"),
        (SCORED, [answer(SCORED, nodes=["n1"], **FAILED)], "fail"),
        # when it counts
        (NOT_SCORED, [answer(days_left=0)], "pass"),
        (NOT_SCORED, [answer(days_left=None, expires="never")], "pass"),
        (NOT_SCORED, [answer(days_left=-1)], "manual"),
        (NOT_SCORED, [answer(early=True)], "manual"),
        (NOT_SCORED, [answer(evidence=HASH)], "manual"),
        # the newest counts, and of the same day the one that says failed
        (NOT_SCORED, [answer(**FAILED), answer(date="2026-11-02")], "pass"),
        (NOT_SCORED, [answer(date="2026-11-02", **FAILED), answer()], "warn"),
        (NOT_SCORED, [answer(), answer(**FAILED)], "warn"),
        (NOT_SCORED, [answer(**FAILED), answer()], "warn"),
        (NOT_SCORED, [answer(), answer(date="2026-11-20", early=True, **FAILED)], "pass"),
        (NOT_SCORED, [answer(days_left=-1), answer()], "pass"),
    ],
)  # fmt: skip
def test_states_of_a_cluster(control_id: str, attestations: list[dict[str, t.Any]], state: str) -> None:
    plain, found = report(), report(*attestations)
    assert check(found, control_id)["state"] == state
    assert check(found, control_id)["evidence_hash"] == check(plain, control_id)["evidence_hash"]
    same = [one["id"] for one in report_checks(plain) if one == check(found, one["id"])]
    matched = 8 if attestations[0]["controls"] == ["1.6.*"] else 1
    assert len(same) >= 113 - matched


def test_what_is_attested_stays_visible() -> None:
    shown = check(report(answer(evidence=check(report())["evidence_hash"], **FAILED)))
    (part,) = shown["evidence"]
    assert part["attestation"] == {
        "result": "failed", "explanation": "looked at it", "by": "Anna", "date": "2026-11-01", "expires": "2027-01-30",
        "evidence": shown["evidence_hash"],
    }  # fmt: skip
    assert (part["state"], part["reason"], shown["warned_nodes"]) == ("warn", "looked at it", ["n1", "n2"])
    assert attested_by(part["attestation"]) == "as failed by Anna on 2026-11-01, until 2027-01-30: looked at it"


def test_a_failure_that_is_attested_can_be_waived() -> None:
    waiver = {"source": "w", "controls": [SCORED], "nodes": ["n1"], "groups": {}, "reason": "r", "owner": "o"}
    waiver.update(expires="never", days_left=None)
    shown = check(report(answer(SCORED, **FAILED), waivers=[waiver]), SCORED)
    assert (shown["state"], shown["failed_nodes"], shown["waived_nodes"]) == ("fail", ["n2"], ["n1"])
    assert shown["evidence"][0]["waiver"]["would_be"] == "fail" and "attestation" in shown["evidence"][0]


def test_what_was_not_seen_is_never_attested() -> None:
    everything = answer("*")
    found = report(everything, nodes=[node("n1"), lost("n2")])
    shown = check(found, SCORED)
    assert (shown["state"], shown["error_nodes"], "evidence_hash" in shown) == ("error", ["n2"], False)
    assert {one["id"] for one in report_checks(found) if "n2" in one.get("passed_nodes", [])} <= {
        one["id"] for one in report_checks(report(nodes=[node("n1"), lost("n2")])) if one["state"] in ("pass", "manual")
    }
    plain = report()
    for one in report_checks(report(everything)):
        before = check(plain, one["id"])
        assert one["state"] == ("pass" if before["state"] == "manual" else before["state"]), "only manual ones"


@pytest.mark.parametrize("state", ["pass", "fail", "warn", "error"])
def test_nothing_but_a_manual_verdict_is_attested(state: str) -> None:
    verdicts = {"n1": {name: Verdict(state, "x", "y", "z", "r") for name in BENCHMARK.ids}}
    found = build_report(BENCHMARK, "hardened", [node("n1")], attestations=[answer("*")], verdicts=verdicts)
    assert {part["state"] for one in report_checks(found) for part in one.get("evidence", [])} == {state}


# -------------------------------------------------------------------------------------- the evidence


def test_the_hash_is_of_what_was_seen_whatever_the_order_and_the_time() -> None:
    first, second = node("n1"), node("n2")
    before = report(nodes=[first, second])
    later = [{**second, "collected_at": "2027-01-01T00:00:00Z"}, {**first, "collected_at": "2027-01-01T00:00:00Z"}]
    assert [one.get("evidence_hash") for one in report_checks(report(nodes=later))] == [
        one.get("evidence_hash") for one in report_checks(before)
    ]
    manual = {control["id"] for control in BENCHMARK.controls if control.get("manual")}
    unseen = {"1.4.9", "1.4.10"}  # which need listings that these nodes do not have
    assert {one["id"] for one in report_checks(before) if "evidence_hash" in one} == manual - unseen


def changed() -> list[dict[str, t.Any]]:
    other = node("n2")
    set_flag(other, "kube-apiserver", "--enable-admission-plugins=SecurityContextDeny")
    return [node("n1"), other]


@pytest.mark.parametrize("nodes", [changed(), [node("n1")], [node("n1"), node("n2"), node("n3")]])
def test_evidence_that_has_changed_makes_it_manual_again(nodes: list[dict[str, t.Any]]) -> None:
    looked_at = answer(SCORED, evidence=check(report(), SCORED)["evidence_hash"])
    assert check(report(looked_at), SCORED)["state"] == "pass"
    found = report(looked_at, nodes=nodes)
    shown = check(found, SCORED)
    assert (shown["state"], shown["evidence_hash"] == looked_at["evidence"]) == ("manual", False)
    why = "the evidence is not that which Anna attested on 2026-11-01"
    assert {part["reason"] for part in shown["evidence"]} == {why}
    (warning,) = (text for text in found["warnings"] if "a.yml" in text)
    assert (
        warning
        == f"a.yml line 1: attestation of Anna for {SCORED}: the evidence is not what was attested; look at it again"
    )
    assert found["attestations"][0]["status"] == "changed"


# -------------------------------------------------------------------------------------- what is said


@pytest.mark.parametrize(
    "given, status, said",
    [
        ({}, "live", []),
        ({"days_left": None, "expires": "never"}, "live", []),
        ({"days_left": 14}, "expiring", ["expires in 14 days"]),
        ({"days_left": 0}, "expiring", ["expires today"]),
        ({"days_left": -1}, "expired",
         ["expired on 2027-01-30; its controls are manual again; look at them and renew it"]),
        ({"early": True}, "early", ["dated 2026-11-01, in the future; it counts from then on"]),
        ({"controls": ["9.*"]}, "unused", ["rke-cis-1.3 has no control '9.*'"]),
        ({"controls": ["1.1.2"]}, "unused", ["1.1.2 is not a manual control, and only these can be attested"]),
        ({"controls": ["1.2.*"]}, "unused", ["1.2.* is not a manual control, and only these can be attested"]),
        ({"controls": ["1.1.*"]}, "live", []),
        ({"nodes": ["n9"]}, "unused", ["no node of this scan matches 'n9'"]),
        ({"groups": {"g": []}}, "unused", ["inventory group 'g' not found or empty"]),
        ({"nodes": ["n3"]}, "unused", ["covers no manual control of this scan"]),
    ],
)  # fmt: skip
def test_status_and_warnings(given: dict[str, t.Any], status: str, said: list[str]) -> None:
    written = answer(**given)
    nodes = [node("n1"), node("n2"), node("n3", ["worker"])]
    found = report(written, nodes=nodes)
    expected = {key: value for key, value in written.items() if key != "early"}
    assert found["attestations"] == [{**expected, "groups": list(written["groups"]), "status": status}]
    head = f"a.yml line 1: attestation of Anna for {', '.join(written['controls'])}: "
    assert [warning for warning in found["warnings"] if "a.yml" in warning] == [head + text for text in said]
    # before the scan all is known but what is unused or changed
    before = Attestations([written], BENCHMARK, ["n1", "n2", "n3"]).warnings(scored=False)
    assert before == [head + text for text in said if "of this scan" not in text or "no node" in text]
    reasons = {part["reason"] for part in check(found)["evidence"]}
    if status in ("expired", "early"):
        assert reasons == {
            "the attestation of Anna "
            + ("expired on 2027-01-30" if status == "expired" else "is dated 2026-11-01, in the future")
        }
    else:
        assert reasons == {""}


# -------------------------------------------------------------------------------------- the skeleton


def open_ones(of: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    return [one for one in report_checks(of) if one["state"] == "manual"]


def filled(text: str) -> str:
    for field, value in (("result", "passed"), ("explanation", "fine"), ("by", "Anna"), ("date", "2026-11-01")):
        text = text.replace(f"  {field}:\n", f"  {field}: {value}\n")
    return text


def test_a_skeleton_is_refused_until_it_is_filled_in(tmp_path: pathlib.Path) -> None:
    found = report()
    text = skeleton(found, open_ones(found))
    written = yaml.safe_load(text)
    assert {one["controls"]: one["evidence"] for one in written} == {
        one["id"]: one["evidence_hash"] for one in open_ones(found)
    }
    with pytest.raises(CisError, match=r"a\.yml line [0-9]+: result: empty; write passed or failed$"):
        read(tmp_path, text)
    answers = read(tmp_path, filled(text))
    assert len(answers) == len(written) == 9
    resolved = [{**one, "early": False} for one in entries.resolve(answers, {}, TODAY)]
    again = report(*resolved)
    assert again["manual"] == 0 and again["warnings"] == found["warnings"]
    assert again["pass"] == found["pass"] + 9


def test_nothing_that_a_node_says_leaves_its_comment() -> None:
    evil = "x\n- controls: '*'\r\x85\u2028\x00\x1b[2J: {{ 1 }} \ud800" + "y" * 5000
    document = node("n1\n- evil")
    set_flag(document, "kube-apiserver", "--enable-admission-plugins=" + evil)
    found = report(nodes=[document])
    text = skeleton(found, open_ones(found))
    assert all(character.isprintable() or character == "\n" for character in text)
    assert len(yaml.safe_load(text)) == 9 and max(map(len, text.splitlines())) < 1200
