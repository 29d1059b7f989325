# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers and skips over the practice inventory, whose failures are 1.4.21 on cp1 and 2.1.1 and 2.1.4 on worker1."""

from __future__ import annotations

import datetime
import json
import pathlib
import re
import typing as t

import pytest
import scans

PRACTICE = scans.PRACTICE
INVENTORY = PRACTICE / "inventory.yml"
FAILURES = {"1.4.21", "2.1.1", "2.1.4"}


def day(offset: int) -> str:
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=offset)).isoformat()


@pytest.fixture
def scan(tmp_path: pathlib.Path) -> t.Callable[..., scans.Outcome]:
    """Scan the practice cluster with a waivers file of this text."""

    def run(waivers: str = "", *arguments: str, name: str = "waivers.yml", **variables: t.Any) -> scans.Outcome:
        (tmp_path / name).write_text(waivers, encoding="utf-8")
        given = {"cis_scan_waivers_file": str(tmp_path / name), **variables}
        return scans.playbook(tmp_path / "run", scans.SCAN, INVENTORY, given, *arguments)

    return run


def said(outcome: scans.Outcome) -> str:
    return re.sub(r"\s+", " ", outcome.out)


def row(outcome: scans.Outcome, control_id: str) -> list[str]:
    return next(row for row in outcome.table() if row[0] == control_id)


def test_waived_failures_are_shown_as_skips(scan: t.Callable[..., scans.Outcome]) -> None:
    end = day(30)
    outcome = scan(
        f"""\
- controls: 2.1.*
  groups: worker
  reason: kubelets are upgraded in spring, {{{{ 6 * 7 }}}}
  owner: Team Nodes
  expires: {end}
- controls: ["1.4.21"]
  nodes: cp*
  reason: old keys
  owner: Team PKI
  expires: never
""",
        cis_scan_fail_on=["fail", "error"],
    )
    assert outcome.code == 0, outcome.out
    assert outcome.counts == (60, 0, 18, 19, 0)
    assert outcome.ids("fail", "mixed") == set()
    text = f"Team Nodes until {end}: kubelets are upgraded in spring, {{{{ 6 * 7 }}}}"
    check = outcome.checks["2.1.1"]
    assert (check["state"], check["by"], check["reason"]) == ("skip", "waiver", text)
    assert (check["waived_nodes"], check["failed_nodes"]) == (["worker1"], [])
    (part,) = check["evidence"]
    assert (part["state"], part["waiver"]["would_be"], part["actual"]) == ("skip", "fail", "--anonymous-auth=true")
    assert row(outcome, "2.1.1")[2:4] == [f"Waived by {text}", "skip"]
    # a control that passes elsewhere keeps those nodes
    assert (outcome.checks["1.4.21"]["passed_nodes"], outcome.checks["1.4.21"]["waived_nodes"]) == (["etcd1"], ["cp1"])
    # the table on the terminal comes from the callback, which scores by itself
    assert re.search(r"cluster practice .* 60 +0 +18 +19 +0\n", outcome.summary)
    assert "Failing controls" not in outcome.summary
    summary = re.sub(r"\s+", " ", outcome.summary.partition("Waived failures")[2])
    assert "2.1.1" in summary and "--anonymous-auth=true" in summary
    assert f"by {text}" in summary
    ahead = "15 skipped by the profile, 0 skipped by the user, 19 not applicable; failures of 9 may be waived"
    assert ahead in said(outcome)
    assert [waiver["status"] for waiver in outcome.report["waivers"]] == ["live", "live"]
    assert "cis_scan_waivers_file" not in outcome.out


def test_a_waiver_for_other_nodes_excuses_nothing(scan: t.Callable[..., scans.Outcome]) -> None:
    waiver = {"controls": "1.4.*", "nodes": "etcd1", "reason": "r", "owner": "o", "expires": day(30)}
    outcome = scan(json.dumps([waiver]), name="waivers.json")
    assert outcome.ids("fail", "mixed") == FAILURES
    assert "waivers.json line 1: waiver of o for 1.4.*: covers no failure of this scan" in said(outcome)
    assert outcome.report["waivers"][0]["status"] == "unused"


def test_what_is_to_be_said_of_waivers(scan: t.Callable[..., scans.Outcome]) -> None:
    outcome = scan(
        f"""\
- {{controls: 2.1.1, reason: r, owner: gone, expires: {day(-1)}}}
- {{controls: 2.1.4, reason: r, owner: last-day, expires: {day(0)}}}
- {{controls: 1.4.21, reason: r, owner: soon, expires: {day(14)}}}
- {{controls: "9.9.9", reason: r, owner: typo, expires: never}}
- {{controls: 2.1.1, nodes: worker9, reason: r, owner: lost, expires: never}}
- {{controls: 2.1.1, groups: workers, reason: r, owner: nobody, expires: never}}
- {{controls: 2.1.2, reason: r, owner: idle, expires: never}}
"""
    )
    assert outcome.ids("fail", "mixed") == {"2.1.1"}
    for text in (
        f"line 1: waiver of gone for 2.1.1: expired on {day(-1)}; the failures that it covers count",
        "line 2: waiver of last-day for 2.1.4: expires today",
        "line 3: waiver of soon for 1.4.21: expires in 14 days",
        "line 4: waiver of typo for 9.9.9: rke-cis-1.4 has no control '9.9.9'",
        "line 5: waiver of lost for 2.1.1: no node of this scan matches 'worker9'",
        "line 6: waiver of nobody for 2.1.1: inventory group 'workers' not found or empty",
        "line 7: waiver of idle for 2.1.2: covers no failure of this scan",
    ):
        assert said(outcome).count(text) == 1, text
        assert any(text in warning for warning in outcome.report["warnings"])
    assert [waiver["status"] for waiver in outcome.report["waivers"]] == [
        "expired",
        "expiring",
        "expiring",
        "unused",
        "unused",
        "unused",
        "unused",
    ]


def test_scored_again_without_an_inventory_a_group_excuses_nothing(
    scan: t.Callable[..., scans.Outcome], tmp_path: pathlib.Path
) -> None:
    text = "- {controls: 2.1.*, groups: worker, reason: r, owner: o, expires: never}\n"
    assert scan(text).ids("fail", "mixed") == {"1.4.21"}
    variables = {"cis_scan_evidence_dir": str(PRACTICE / "evidence")}
    variables["cis_scan_waivers_file"] = str(tmp_path / "waivers.yml")
    alone = scans.playbook(tmp_path / "alone", scans.SCORE, "localhost,", variables)
    assert alone.ids("fail", "mixed") == FAILURES
    assert "inventory group 'worker' not found or empty" in said(alone)
    again = scans.playbook(tmp_path / "again", scans.SCORE, INVENTORY, variables)
    assert again.ids("fail", "mixed") == {"1.4.21"}


def test_a_broken_file_is_one_line_before_any_node(
    scan: t.Callable[..., scans.Outcome], tmp_path: pathlib.Path
) -> None:
    outcome = scan("- controls: 2.1.1\n  reason: r\n  owner: o\n  expires: tomorrow\n")
    assert outcome.failure() == (
        f"cis_scan_waivers_file {tmp_path}/waivers.yml line 4: expires: 'tomorrow' is not a valid date; "
        "write YYYY-MM-DD, or never"
    )
    assert list((tmp_path / "run").iterdir()) == []


# ------------------------------------------------------------------------------ known ahead of time


def test_only_to_show_skips_asks_no_node(scan: t.Callable[..., scans.Outcome], tmp_path: pathlib.Path) -> None:
    """As a user writes it: a text after -e."""
    waiver = "- {controls: 2.1.1, reason: r, owner: o, expires: never}\n"
    outcome = scan(waiver, "-e", "cis_scan_show_skips=only", cis_scan_skip={"1.1.2": "we know"})
    assert outcome.code == 0, outcome.out
    assert "Gather evidence" not in outcome.out
    assert outcome.summary.strip() == ""
    assert list((tmp_path / "run").iterdir()) == []
    text = said(outcome)
    assert "62 to examine, 15 skipped by the profile, 1 skipped by the user, 19 not applicable" in text
    assert "1.1.2 Ensure that the --basic-auth-file argument is not set - skipped by cis_scan_skip: we know" in text
    assert "--anonymous-auth argument is set to false - failure waived by o without expiry: r" in text
    assert text.count(" - skipped by profile: ") == 15
    assert text.count(" - not applicable: ") == 19


@pytest.mark.parametrize("value, listed", [(True, True), ("true", True), ("False", False), ("", False)])
def test_a_scan_shows_its_skips_first(scan: t.Callable[..., scans.Outcome], value: t.Any, listed: bool) -> None:
    outcome = scan(cis_scan_show_skips=value)
    head = outcome.out.partition("Gather evidence")[0]
    assert "15 skipped by the profile" in head
    assert (" - not applicable: " in head) is listed
    assert outcome.counts == (60, 3, 15, 19, 0)


# ------------------------------------------------------------------------------ where skips come from


@pytest.mark.parametrize(
    "source, skipped", [("merged", {"2.1.1", "2.1.4"}), ("variable", {"2.1.1"}), ("file", {"2.1.4"})]
)
def test_the_source_that_is_chosen_counts(
    scan: t.Callable[..., scans.Outcome], tmp_path: pathlib.Path, source: str, skipped: set[str]
) -> None:
    (tmp_path / "skips.yml").write_text("- 2.1.4\n", encoding="utf-8")
    variables = {"cis_scan_skip": ["2.1.1"], "cis_scan_skip_file": str(tmp_path / "skips.yml")}
    outcome = scan(cis_scan_skip_source=source, **variables)
    assert {name for name in FAILURES if outcome.checks[name]["state"] == "skip"} == skipped


@pytest.mark.parametrize(
    "source, words",
    [
        ("file", "cis_scan_skip_source: file needs cis_scan_skip_file; set it to the path of the file"),
        (
            "config_map",
            "cis_scan_skip_source: config_map needs ConfigMap security-scan/security-scan-cfg, which could not be "
            "read: the Kubernetes API was not asked; name a kubeconfig in cis_scan_kubeconfig",
        ),
        ("cluster", "value of cis_scan_skip_source must be one of: merged, variable, file, config_map, got: cluster"),
    ],
)
def test_a_source_that_is_chosen_and_not_there_is_refused(
    tmp_path: pathlib.Path, ssh_trap: t.Any, source: str, words: str
) -> None:
    (tmp_path / "hosts").write_text("[worker]\nworker1 ansible_host=192.0.2.1\n", encoding="utf-8")
    variables = {"cis_scan_skip_source": source}
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, tmp_path / "hosts", variables, env=ssh_trap.env)
    assert words in outcome.failure()
    assert ssh_trap.calls == 0
    assert list((tmp_path / "run").iterdir()) == []
