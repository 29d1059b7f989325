# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cis_scan_only: which controls a choice means, and that these are judged as in a scan of all."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.module_utils._evidence import path_key
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Profile, candidates, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import LEVELS, SEVERITIES
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import read_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import described, limited, read_choice
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import check_report, report_checks

BENCHMARK = load_benchmark("rke-cis-1.8")
PRACTICE = pathlib.Path(__file__).resolve().parents[5] / "playbooks" / "practice" / "evidence"


def chosen(value: t.Any, benchmark_id: str = "rke-cis-1.8") -> list[dict[str, t.Any]]:
    benchmark = load_benchmark(benchmark_id)
    return limited(Profile(benchmark, "hardened"), read_choice(value, [benchmark])).benchmark.controls


def ids(value: t.Any) -> set[str]:
    return {control["id"] for control in chosen(value)}


def test_a_level_includes_the_one_below_it() -> None:
    assert {control["level"] for control in chosen({"level": 1})} == {1}
    assert chosen({"level": 2}) == BENCHMARK.controls
    assert 0 < len(chosen({"level": 1})) < len(BENCHMARK.controls)


@pytest.mark.parametrize("severity", SEVERITIES[:3])
def test_a_severity(severity: str) -> None:
    found = chosen({"severity": severity})
    assert found == [control for control in BENCHMARK.controls if control["severity"] == severity]
    assert found == chosen({"severity": [severity.upper()]}) == chosen({"severity": f"critical, {severity}"})


def test_controls_of_nist_with_their_enhancements() -> None:
    served = {control["id"]: control["nist"] for control in BENCHMARK.controls}
    assert ids({"nist": "CM-6"}) == {name for name, nist in served.items() if {"CM-6", "CM-6(1)"} & {*nist}}
    assert ids({"nist": "CM-6(1)"}) == {name for name, nist in served.items() if "CM-6(1)" in nist}
    family = {name for name, nist in served.items() if any(one.startswith("AC-") for one in nist)}
    assert ids({"nist": "AC-*"}) == ids({"nist": ["ac-*"]}) == family
    assert ids({"nist": ["AC-*", "CM-6(1)"]}) == family | ids({"nist": "CM-6(1)"})


def test_ids_sections_and_globs() -> None:
    section = {name for name in BENCHMARK.ids if name.startswith("1.2.")}
    assert ids({"ids": "1.2"}) == ids({"ids": ["1.2.*"]}) == section
    assert ids({"ids": "1.2.1, 4.2"}) == {"1.2.1"} | {name for name in BENCHMARK.ids if name.startswith("4.2.")}


def test_all_that_is_given_must_fit() -> None:
    whole = {"level": "1", "severity": ["high", "critical"], "nist": "AC-*", "ids": "1.2.*"}
    found = ids(whole)
    assert found == set.intersection(*(ids({key: value}) for key, value in whole.items()))
    assert 0 < len(found) < min(len(ids({key: value})) for key, value in whole.items())


@pytest.mark.parametrize("value", [None, "", {}, {"level": ""}, {"level": None, "severity": ""}])
def test_what_is_not_set_chooses_all(value: t.Any) -> None:
    assert read_choice(value, [BENCHMARK]) == {}
    profile = Profile(BENCHMARK, "hardened")
    assert limited(profile, {}) is profile


def test_a_choice_has_one_form_and_is_told_in_words() -> None:
    values = ({"severity": ["high", "low", "high"], "level": "2"}, {"level": 2, "severity": "LOW high"})
    one, two = (read_choice(value, [BENCHMARK]) for value in values)
    assert list(one.items()) == list(two.items()) == [("level", 2), ("severity", ["low", "high"])]
    assert described(one) == "level 2, severity low or high"


def test_a_control_without_a_severity_is_medium() -> None:
    controls = [{key: value for key, value in control.items() if key != "severity"} for control in BENCHMARK.controls]
    benchmark = BENCHMARK.limited_to(BENCHMARK.ids, {})
    benchmark.all_controls = benchmark.controls = controls
    profile = Profile(benchmark, "hardened")
    assert limited(profile, read_choice({"severity": "medium"}, [benchmark])) is profile
    with pytest.raises(CisError, match="no control of rke-cis-1.8 has severity high"):
        read_choice({"severity": "high"}, [benchmark])


@pytest.mark.parametrize(
    "value, said",
    [
        (5, "expected a dictionary with level, severity, nist, ids, got 5"),
        (["level"], "expected a dictionary with level, severity, nist, ids, got ['level']"),
        ({"levels": 1}, "unknown key 'levels'; available: level, severity, nist, ids"),
        ({"level": 3}, "level 3 is not a level; available: 1, 2"),
        ({"level": True}, "level True is not a level; available: 1, 2"),
        ({"level": [1]}, "level [1] is not a level; available: 1, 2"),
        ({"severity": "worst"}, "unknown severity 'worst'; available: low, medium, high, critical"),
        ({"severity": []}, 'severity: expected a list of texts in quotes, such as ["high", "critical"], got []'),
        ({"severity": [1]}, "severity: expected a list of texts in quotes"),
        ({"ids": [1.2]}, 'ids: expected a list of texts in quotes, such as ["1.2.*"], got [1.2]'),
        ({"ids": ["1.2", "9.9"]}, "ids: rke-cis-1.8 has no control '9.9'"),
        ({"ids": "1.2.x"}, "ids: rke-cis-1.8 has no control '1.2.x' (did you mean 1.2."),
        ({"nist": "ZZ-*"}, "nist: no control serves 'ZZ-*'; available: AC-12(1), AC-16, "),
        ({"nist": {"AC": 1}}, "nist: expected a list of texts in quotes"),
        ({"severity": "low", "ids": "1.2.1"}, "no control of rke-cis-1.8 has severity low, ids 1.2.1; choose more"),
    ],
)
def test_a_wrong_choice_is_one_line(value: t.Any, said: str) -> None:
    with pytest.raises(CisError) as raised:
        read_choice(value, [BENCHMARK])
    assert str(raised.value).startswith(f"cis_scan_only: {said}")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 300


def test_of_several_benchmarks_one_must_have_it() -> None:
    several = [profile.benchmark for profile in candidates("hardened")]
    choice = read_choice({"ids": "1.2.30"}, several)
    left = {one.id: limited(Profile(one, "hardened"), choice).benchmark.controls for one in several}
    assert len(left["rke-cis-1.8"]) == 1 and left["rke-cis-1.4"] == []
    with pytest.raises(CisError, match="ids: rke-cis-1.8 has no control '1.2.99'"):
        read_choice({"ids": "1.2.99"}, several)


# ------------------------------------------------------------------------------------------- scoring

CHOICES = [
    *({"level": level} for level in LEVELS[:1]),
    *({"severity": severity} for severity in ("low", "high")),
    {"nist": "AU-*"},
    {"ids": "4.1"},
    {"ids": "5.2"},
    {"ids": "2"},
]


def practice(plan_of: t.Callable[[list[str]], dict[str, t.Any]] | None = None) -> tuple[t.Any, t.Any]:
    """Return the practice cluster's evidence; with a plan only what that asks for."""
    nodes, cluster = read_evidence(str(PRACTICE))
    for document in nodes if plan_of else ():
        plan = plan_of(document["roles"])
        keys = {path_key(request) for request in plan["paths"]}
        shown = {name: document["containers"][name] for name in plan["containers"] if name in document["containers"]}
        document.update(containers=shown, paths={key: document["paths"][key] for key in keys})
    return nodes, cluster


@pytest.mark.parametrize("value", CHOICES)
def test_what_the_choice_asks_for_is_enough_to_judge_as_in_a_scan_of_all(value: dict[str, t.Any]) -> None:
    profile = Profile(BENCHMARK, "hardened")
    whole = {check["id"]: check for check in report_checks(build_report(*profile, *practice()))}
    part = limited(profile, read_choice(value, [BENCHMARK]))
    nodes, cluster = practice(part.benchmark.plan)
    report = build_report(*part, nodes, cluster)
    found = {check["id"]: check for check in report_checks(report)}
    assert found == {control["id"]: whole[control["id"]] for control in part.benchmark.controls}
    assert report["kubernetes"] == build_report(*profile, *practice())["kubernetes"]
    assert part.benchmark.lists().items() <= BENCHMARK.lists().items() or "find" in str(part.benchmark.lists())


def test_a_plan_asks_for_less() -> None:
    part = limited(Profile(BENCHMARK, "hardened"), {"ids": ["1.4"]}).benchmark
    plan = part.plan(["controlplane", "etcd", "worker"])
    assert (set(plan["containers"]), plan["paths"], part.lists()) == ({"kube-scheduler", "kubelet"}, [], {})


def test_the_report_is_not_taken_for_the_whole() -> None:
    profile = limited(Profile(BENCHMARK, "hardened"), {"severity": ["high"]})
    nodes, cluster = practice()
    waiver = {"nodes": [], "groups": {}, "reason": "r", "owner": "o", "expires": "never", "days_left": None}
    waivers = [{**waiver, "source": "w.yml line 1", "controls": [name]} for name in ("1.3.1", "9.9.9")]
    report = build_report(*profile, nodes, cluster, waivers=waivers, skips={"1.3.1": {"by": "me", "reason": ""}})
    number = len(profile.benchmark.controls)
    assert report["only"] == {"choice": {"severity": ["high"]}, "controls": number, "of": len(BENCHMARK.controls)}
    assert report["total"] == number == len(report_checks(report))
    assert all(group["checks"] for group in report["results"])
    whole, unknown = [text for text in report["warnings"] if "is made for" not in text]
    assert whole == (
        f"this is not the whole benchmark: {number} of 130 controls were chosen by cis_scan_only (severity high)"
    )
    assert "no control '9.9.9'" in unknown  # 1.3.1, which was not chosen, is known
    assert check_report(report, "x") is report
    choices = ({**report["only"], "choice": choice} for choice in ([], {"level": [1]}, {"nist": "AC-3"}))
    for wrong in (5, {}, {**report["only"], "of": "130"}, *choices):
        with pytest.raises(CisError, match="x: not a complete rke.cis report .only."):
            check_report({**report, "only": wrong}, "x")
