# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import severity
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import check_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, node

SCORES = ("score", "weighted_score")
WHOLE = build_report(BENCHMARK, "hardened", [node("n1")], cluster())


def test_a_report_is_a_complete_one() -> None:
    assert check_report(WHOLE, "x") is WHOLE


@pytest.mark.parametrize("key", sorted(set(WHOLE) - {"warnings", "waivers", "attestations", *SCORES}))
def test_a_report_that_lacks_a_key_is_not_complete(key: str) -> None:
    for changed in ({name: value for name, value in WHOLE.items() if name != key}, {**WHOLE, key: None}):
        with pytest.raises(CisError, match="^report r.json: not a complete rke.cis report "):
            check_report(changed, "report r.json")


CHECK = {"id": "1.1.1", "title": "d", "description": "d", "remediation": "r", "node_type": ["master"], "scored": True}
SKIPPED = {**CHECK, "state": "skip", "by": "me", "reason": ""}


def test_a_report_of_before_there_were_severities_is_complete() -> None:
    older = {**WHOLE, "results": [{"id": "1.1", "description": "d", "checks": [SKIPPED]}]}
    assert check_report(older, "x") is older
    assert severity(SKIPPED) == "medium"


def test_a_report_of_a_later_version_may_have_more() -> None:
    later = {**WHOLE, "new": 1, "results": [{"id": "1.1", "description": "d", "checks": [{**SKIPPED, "new": 1}]}]}
    assert check_report(later, "x") is later


@pytest.mark.parametrize(
    "document",
    [
        None,
        5,
        [],
        {},
        {**WHOLE, "schema": "rke.cis/report/9"},
        {**WHOLE, "scan": {"name": "", "kind": "x", "by": ""}},
        {**WHOLE, "pass": True},
        {**WHOLE, "pass": -1},
        {**WHOLE, "collection": "rke.cis"},
        {**WHOLE, "node_results": {"n1": {}}},
        {**WHOLE, "node_errors": {"n1": 5}},
        *(
            {**WHOLE, "results": results}
            for results in (
                [5],
                [{}],
                [{"id": "1.1", "description": "d", "checks": [5]}],
                [{"id": "1.1", "description": "d", "checks": [CHECK]}],
                [{"id": "1.1", "description": "d", "checks": [{**CHECK, "state": "pass"}]}],
                [{"id": "1.1", "description": "d", "checks": [{**CHECK, "state": "pass", "evidence": []}]}],
                *(
                    [{"id": "1.1", "description": "d", "checks": [{**SKIPPED, **wrong}]}]
                    for wrong in (
                        {"severity": "worst"},
                        {"severity": None},
                        {"level": 3},
                        {"nist": "AC-3"},
                        {"nist": [3]},
                        {"references": ["C-0113"]},
                        {"references": {"kubescape": "C-0113"}},
                    )
                ),
            )
        ),
    ],
)
def test_what_is_not_a_complete_report(document: t.Any) -> None:
    with pytest.raises(CisError, match="^x: not a complete rke.cis report "):
        check_report(document, "x")
