# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OSCAL assessment results: that all references lead somewhere, which validators do not ask, and what they say."""

from __future__ import annotations

import collections
import json
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, node, set_flag
from ansible_collections.rke.cis.tests.unit.test_formats import REPORTS, every_state, rendering, verdicts

REFERENCES = ("observation-uuid", "risk-uuid", "subject-uuid", "component-uuid", "actor-uuid")


@pytest.fixture
def render(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    return rendering(tmp_path)


def oscal(text: str) -> dict[str, t.Any]:
    return json.loads(text)["assessment-results"]


def pairs(document: t.Any) -> t.Iterator[tuple[str, t.Any]]:
    """Return each key and value in a document."""
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        yield str(key), value
        if isinstance(value, (dict, list)):
            yield from pairs(value)


def prop(thing: dict[str, t.Any], name: str) -> str:
    (value,) = [each["value"] for each in thing["props"] if each["name"] == name]
    return value


@pytest.mark.parametrize("name", REPORTS)
def test_every_reference_leads_somewhere(name: str, render: t.Callable[..., str]) -> None:
    document = oscal(render(REPORTS[name](), "report.oscal.json"))
    ids = collections.Counter(value for key, value in pairs(document) if key == "uuid")
    assert ids.most_common(1)[0][1] == 1
    used = {value for key, value in pairs(document) if key in REFERENCES}
    assert used <= set(ids)
    assert document["import-ap"]["href"].removeprefix("#") in ids
    (result,) = document["results"]
    # and nothing is left out
    for things, key in (("observations", "observation-uuid"), ("risks", "risk-uuid")):
        related = {value for name, value in pairs(result.get("findings", [])) if name == key}
        assert related == {thing["uuid"] for thing in result.get(things, [])}


@pytest.mark.parametrize("name", REPORTS)
def test_each_control_and_node_is_there(name: str, render: t.Callable[..., str]) -> None:
    report = REPORTS[name]()
    (result,) = oscal(render(report, "report.oscal.json"))["results"]
    items = result["local-definitions"].get("inventory-items", [])
    nodes = dict(zip(report["node_results"], [item["uuid"] for item in items], strict=True))
    checks = {check["id"]: check for check in report_checks(report)}
    wanted = set()
    for on, control, state in verdicts(report):
        if state == "skip" and "evidence" in checks[control]:
            wanted.add((control, nodes[on], "waived"))
        elif state not in ("skip", "notApplicable"):
            unseen = state == "error" and on in report["node_errors"]
            wanted.add((control, nodes.get(on, ""), "unseen" if unseen else state))
    found = set()
    for seen in result.get("observations", []):
        (subject,) = seen["subjects"]
        on = subject["subject-uuid"] if subject["type"] == "inventory-item" else ""
        found.add((prop(seen, "control"), on, prop(seen, "result")))
    assert found == wanted
    judged = {control: check["state"] for control, check in checks.items() if "evidence" in check}
    findings = result.get("findings", [])
    assert {prop(finding, "control"): prop(finding, "state") for finding in findings} == judged
    for finding in findings:
        satisfied = finding["target"]["status"]["state"] == "satisfied"
        assert satisfied == (judged[prop(finding, "control")] == "pass")
    (selection,) = result["reviewed-controls"]["control-selections"]
    left_out = {one["control-id"].removeprefix("control-") for one in selection.get("exclude-controls", [])}
    assert left_out == set(checks) - set(judged)


def test_a_waiver_is_an_accepted_risk(render: t.Callable[..., str]) -> None:
    (result,) = oscal(render(every_state(), "report.oscal.json"))["results"]
    risks = collections.defaultdict(list)
    for risk in result["risks"]:
        risks[risk["title"].split()[0]].append(
            (risk["status"], risk.get("deadline"), len(risk["related-observations"]))
        )
    assert risks["1.1.2"] == [("deviation-approved", "2099-01-01T00:00:00Z", 1)]
    assert risks["1.1.8"] == [("open", None, 1), ("deviation-approved", "2099-01-01T00:00:00Z", 1)]
    (waived,) = [risk for risk in result["risks"] if risk["title"].startswith("1.1.2 ")]
    assert waived["statement"] == "Accepted by me until 2099-01-01: we know"


def test_the_same_thing_has_the_same_id_in_each_scan(render: t.Callable[..., str]) -> None:
    def ids(nodes: list[dict[str, t.Any]], name: str) -> dict[str, set[str]]:
        report = build_report(load_benchmark("rke-cis-1.4"), "hardened", nodes, cluster(), scan={"name": name})
        document = oscal(render(report, "report.oscal.json"))
        (result,) = document["results"]
        return {
            "scan": {document["uuid"], result["uuid"]},
            **{key: {thing["uuid"] for thing in result.get(key, [])} for key in ("observations", "risks", "findings")},
            "nodes": {item["uuid"] for item in result["local-definitions"]["inventory-items"]},
        }

    bad = node("n2")
    set_flag(bad, "kube-apiserver", "--basic-auth-file=/x")
    first, again, mended = (
        ids([node("n1"), bad], "s1"),
        ids([node("n1"), bad], "s2"),
        ids([node("n1"), node("n2")], "s3"),
    )
    assert not first["scan"] & again["scan"]
    for key in ("observations", "risks", "findings", "nodes"):
        assert first[key] == again[key] and mended[key] <= first[key]
    assert first["observations"] == mended["observations"] and len(first["risks"] - mended["risks"]) == 1


def test_texts_fit_the_patterns_of_oscal(render: t.Callable[..., str]) -> None:
    document = oscal(render(REPORTS["hostile"](), "report.oscal.json"))
    for key, value in pairs(document):
        if key in ("title", "value", "version"):
            assert isinstance(value, str) and value == value.strip() and value and "\n" not in value
