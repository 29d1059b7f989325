# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Benchmarks of the user's own: over our checks and their own, and what is said of a file that is not valid."""

from __future__ import annotations

import pathlib

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import (
    candidates,
    load_benchmark,
    profile_names,
)
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import benchmark_files, library_check
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import score_node

OWN = """\
id: site-1.0
title: Our own rules
kubernetes: {min: "1.19", max: "1.24"}
components:
  kubelet-helper:
    style: pflag
    flags: {--secure: bool}
checks:
  helper/secure:
    title: Ensure that the helper is secure
    node_type: [node]
    component: kubelet-helper
    tests:
      - {flag: --secure, op: equals, value: true}
    remediation: Start the helper with --secure=true on each worker.
profiles:
  base:
    skip: {}
    not_applicable: {"1.3": Not here.}
groups:
  - {id: "1", title: Everything}
controls:
  - {id: "1.1", title: Ensure that anonymous requests are off, check: kube-apiserver/anonymous-auth}
  - {id: "1.2", check: helper/secure, scored: false}
  - id: "1.3"
    title: Ensure that the log is kept for a week
    check: kube-apiserver/audit-log-maxage
    tests:
      - {flag: --audit-log-maxage, op: at_least, value: 7}
    note: null
"""


def write(directory: pathlib.Path, text: str = OWN, name: str = "site-1.0.yml") -> list[str]:
    (directory / name).write_text(text, encoding="utf-8")
    return [str(directory)]


def test_a_benchmark_of_the_users_own(tmp_path: pathlib.Path) -> None:
    directories = write(tmp_path)
    assert "site-1.0" in benchmark_files(directories)
    assert "SITE-1.0-Base" in profile_names(directories)
    ((benchmark, profile),) = candidates("site-1.0-base", None, directories)
    assert profile == "base"
    ours, own, changed = benchmark.controls
    shared = library_check("kube-apiserver/anonymous-auth")
    assert {**ours, "title": shared["title"], "node_type": ["master"]} == {**ours, **shared}
    assert ours["title"] == "Ensure that anonymous requests are off"
    assert (ours["scored"], own["scored"], own["component"]) == (True, False, "kubelet-helper")
    assert changed["tests"][0]["value"] == 7
    assert "note" not in changed
    assert benchmark.components["kubelet-helper"]["flags"] == {"--secure": "bool"}
    shown = {"state": "running", "processes": [["kubelet-helper", "--secure"]], "env": {}}
    evidence = {"containers": {"kubelet-helper": shown}, "paths": {}}
    assert score_node(benchmark, evidence, None, {"1.2"})["1.2"].state == "pass"
    assert set(benchmark.plan(["worker"])["containers"]) == {"kubelet-helper"}


def test_a_control_says_how_bad_its_failure_is_and_where_that_comes_from(tmp_path: pathlib.Path) -> None:
    said = '{severity: high, nist: [AC-3, CM-6(1)], references: {house: ["7"]}, level: 2, id: "1.2", '
    ((benchmark, profile),) = candidates("site-1.0-base", None, write(tmp_path, OWN.replace('{id: "1.2", ', said)))
    found = {check["id"]: check for check in report_checks(build_report(benchmark, profile, []))}
    wanted = {"severity": "high", "nist": ["AC-3", "CM-6(1)"], "references": {"house": ["7"]}, "level": 2}
    assert {key: found["1.2"][key] for key in wanted} == wanted
    ((benchmark, profile),) = candidates(
        "other-1.0-base", None, write(tmp_path, OWN.replace("site", "other"), "other-1.0.yml")
    )
    found = {check["id"]: check for check in report_checks(build_report(benchmark, profile, []))}
    assert found["1.2"]["level"] == 1 and not set(found["1.2"]) & {"severity", "nist", "references"}


def test_titles_carry_the_marks_of_the_benchmark(tmp_path: pathlib.Path) -> None:
    titles = [control["description"] for control in load_benchmark("site-1.0", write(tmp_path)).controls]
    assert titles[0] == "Ensure that anonymous requests are off (Scored)"
    assert titles[1] == "Ensure that the helper is secure (Not Scored)"
    other = write(tmp_path, OWN.replace("site-1.0", "site-2.0") + "marks: [Automated, Manual]\n", "site-2.0.yml")
    titles = [control["description"] for control in load_benchmark("site-2.0", other).controls]
    assert titles[0].endswith("off (Automated)") and titles[1].endswith("secure (Manual)")


def test_names_in_any_of_are_looked_up_too(tmp_path: pathlib.Path) -> None:
    test = "      - {flag: --secure, op: equals, value: true}\n"
    both = "      - any_of:\n    " + test + "    " + test.replace("--secure", "--other")
    with pytest.raises(CisError, match="kubelet-helper has no flag --other here"):
        load_benchmark("site-1.0", write(tmp_path, OWN.replace(test, both)))


def test_the_users_file_is_found_before_ours(tmp_path: pathlib.Path) -> None:
    directories = write(tmp_path, OWN.replace("site-1.0", "rke-cis-1.4"), "rke-cis-1.4.yml")
    assert load_benchmark("rke-cis-1.4", directories).title == "Our own rules"
    assert load_benchmark("rke-cis-1.4").title != "Our own rules"


def test_a_directory_that_is_not_there_is_named() -> None:
    with pytest.raises(CisError, match="cis_scan_benchmark_dirs /no/such: not readable: No such file or directory"):
        benchmark_files(["/no/such"])


@pytest.mark.parametrize(
    "old, new, line, said",
    [
        ("id: site-1.0", "id: other", 1, "id: 'other' must be the name of the file, 'site-1.0'"),
        ("title: Our own rules\n", "", 1, "title is missing"),
        ("title: Our own rules", "title: [a]", 2, "title: expected text"),
        ('min: "1.19"', "min: 1.19", 3, "kubernetes.min: expected text"),
        ("kubernetes:", "kubernets:", 3, "kubernets: unknown key; available: "),
        ("style: pflag", "style: posix", 6, "components.kubelet-helper.style: unknown value; available: pflag, "),
        ("    style: pflag\n", "", 6, "components.kubelet-helper: style is missing; available: pflag"),
        ("--secure: bool", "--secure: boolean", 7, "unknown value; available: bool, int, "),
        ("op: equals", "op: is", 24, "unknown value; available: not_set, equals"),
        ("kubelet-helper\n    tests", "helper\n    tests", 24, "unknown component 'helper'; available: kube-apiserver"),
        ("{flag: --secure,", "{flag: --other,", 24, "kubelet-helper has no flag --other here; add its type"),
        (
            "--secure: bool",
            "--secure: gates",
            24,
            "equals needs bool or duration or int or int32 or ip or string or uint",
        ),
        ("    title: Ensure that the helper is secure\n", "", 23, "controls.2: title is missing"),
        ("    node_type: [node]\n", "", 23, "controls.2: node_type is missing"),
        ("anonymous-auth}", "anonymous-aut}", 23, "unknown check 'kube-apiserver/anonymous-aut'; did you mean kube-"),
        ("check: helper/secure", "check: ../x/y", 24, "unknown check '../x/y'; see controls/"),
        (
            'id: "1.2"',
            'severity: worst, id: "1.2"',
            24,
            "severity: unknown value; available: low, medium, high, critical",
        ),
        ('id: "1.2"', 'level: 3, id: "1.2"', 24, "controls.2.level: unknown value; available: 1, 2"),
        ('id: "1.2"', 'nist: [AC3], id: "1.2"', 24, "controls.2.nist.1: does not have the form"),
        ('id: "1.2"', 'id: "1.1"', 24, "controls.2.id: 1.1 stands twice"),
        ('id: "1.2"', "id: 1.2", 24, "controls.2.id: expected text"),
        ('id: "1.2"', 'id: "2.2"', 24, "controls.2.id: no group 2 in groups"),
        ('{"1.3": Not here.}', '{"1.4": Not here.}', 19, "no control '1.4' in controls"),
        ("value: 7", "value: week", 29, "controls.3.tests.1.value: expected a whole number"),
        ("controls:\n", "controls: [\n", 23, "not valid YAML: "),
        (OWN, "", 1, "expected a mapping"),
        (OWN, "- a\n", 1, "expected a mapping"),
        (OWN, "a: &a [*a]\n", 1, ""),
        (OWN, "? [a]\n: b\n", 1, ""),
        (OWN, "[" * 5000, 1, "not valid YAML: "),
    ],
)
def test_a_file_that_is_not_valid_is_one_line(tmp_path: pathlib.Path, old: str, new: str, line: int, said: str) -> None:
    assert old in OWN
    with pytest.raises(CisError) as raised:
        load_benchmark("site-1.0", write(tmp_path, OWN.replace(old, new, 1)))
    message = str(raised.value)
    assert message.startswith(f"cis_scan_benchmark_dirs {tmp_path}/site-1.0.yml line {line}: "), message
    assert said in message
    assert "\n" not in message
