# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports as the programs read them that they are for: docs/interop.md claims nothing else. Needs no test bed.

tests/tools/setup.sh installs the programs. A test whose program is missing is skipped, and says so.
"""

from __future__ import annotations

import collections
import copy
import csv
import functools
import html
import itertools
import json
import os
import pathlib
import random
import shutil
import subprocess
import typing as t
import urllib.parse

import jsonschema
import lxml.etree
import lxml.html
import pytest
import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import SEVERITIES
from ansible_collections.rke.cis.plugins.plugin_utils._reports.gates import (
    _KEYS,
    _nothing_judged,
    check_thresholds,
    judge,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import OUTPUTS, Context, write_outputs
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import read_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, report_checks, score
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.score import Verdict
from ansible_collections.rke.cis.tests.unit import test_formats, test_ohdf, test_xccdf
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import lost

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("RKE_CIS_CACHE") or pathlib.Path.home() / ".cache" / "rke-cis")
SAF = CACHE / "saf-1.5.3"
STIG_MANAGER = CACHE / "stig-manager-client-modules-1.6.7"
PYTHON = CACHE / "interop" / "bin"
Report = dict[str, t.Any]


def practice() -> Report:
    nodes, cluster = read_evidence(str(ROOT / "playbooks" / "practice" / "evidence"))
    return build_report(load_benchmark("rke-cis-1.4"), "permissive", nodes, cluster, cluster="practice")


def unseen() -> Report:
    """Return the report of a cluster of which nothing was seen."""
    nodes = [lost("n1", ["controlplane", "etcd"]), lost("n2", ["worker"])]
    return build_report(load_benchmark("rke-cis-1.4"), "hardened", nodes)


REPORTS: dict[str, t.Callable[[], Report]] = {
    "practice": practice,
    "states": test_formats.every_state,  # mixed, waived and skipped ones among them
    "attested": test_formats.attested,
    "unseen": unseen,
    "hostile": test_formats.hostile,
}


class Rendered(t.NamedTuple):
    """A report, and the directory in which it is in all formats."""

    report: Report
    place: pathlib.Path

    @property
    def nodes(self) -> dict[str, pathlib.Path]:
        """Node to its XCCDF."""
        return {
            name: self.place / "xccdf" / f"{urllib.parse.quote(name, safe='')}.xml"
            for name in self.report["node_results"]
        }


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rendered]:
    found = {}
    output = {"formats": list(OUTPUTS), "templates": [], "csv_layout": "standard", "include_not_scored": True}
    for name, make in REPORTS.items():
        report, place = make(), tmp_path_factory.mktemp(name)
        _files, problems = write_outputs(report, Context([], None), str(place), output)
        assert not problems
        found[name] = Rendered(report, place)
    return found


def run(*command: t.Any, **more: t.Any) -> str:
    """Return what a program printed. Skips where it is not installed."""
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is missing (tests/tools/setup.sh installs it)")
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300, **more)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def by_library(package: pathlib.Path, how: str, files: t.Iterable[pathlib.Path]) -> dict[str, t.Any]:
    """Return file to what a library of Node.js reads in it."""
    if not package.is_dir():
        pytest.skip(f"{package} is missing (tests/tools/setup.sh installs it)")
    need_node()
    env = {**os.environ, "NODE_PATH": str(package / "node_modules")}
    return json.loads(run("node", ROOT / "tests" / "integration" / "readers.cjs", how, *files, env=env, cwd=package))


def need_node() -> None:
    version = run("node", "--version").strip()
    if int(version[1:].split(".")[0]) < 20:
        pytest.skip(f"Node.js 20 or newer is needed; this is {version}")


def saf(*words: t.Any) -> str:
    need_node()
    return run(SAF / "node_modules" / ".bin" / "saf", *words, cwd=SAF)  # where it leaves a log


# ------------------------------------------------------------------------------------------------- XCCDF

RULE = test_xccdf.RULE
XCCDF_SEVERITIES = {"low": "low", "medium": "medium", "high": "high", "critical": "high"}


def severities(report: Report) -> dict[str, str]:
    return {check["id"]: check["severity"] for check in report_checks(report)}


def test_openscap_finds_the_xccdf_valid(rendered: dict[str, Rendered]) -> None:
    for each in rendered.values():
        for path in each.nodes.values():
            said = run("oscap", "xccdf", "validate", path)
            warnings = [line for line in said.splitlines() if line.startswith(("Warning", "Error"))]
            assert len(warnings) == 1 and "CPE Formatted String binding is preferred" in warnings[0]


@pytest.mark.parametrize("name", ["states", "hostile"])
def test_openscap_shows_each_result(rendered: dict[str, Rendered], name: str, tmp_path: pathlib.Path) -> None:
    each = rendered[name]
    wanted = test_xccdf.wanted(each.report)
    for node, path in each.nodes.items():
        run("oscap", "xccdf", "generate", "report", "--output", tmp_path / "report.html", path)
        page = lxml.html.parse(str(tmp_path / "report.html")).getroot()
        shown = {
            row.get("data-tt-id").removeprefix(RULE): row.xpath("string(td[contains(@class, 'rule-result')])").strip()
            for row in page.xpath("//tr[contains(@class, 'rule-overview-leaf ')]")
        }
        ratings = page.xpath("//tr[contains(@class, 'rule-overview-leaf ')]/td[@class='rule-severity']/text()")
        known = severities(each.report)
        assert ratings == [XCCDF_SEVERITIES[known[control]] for control in shown]
        # what was not selected is left out
        assert shown == {
            control: result for (on, control), result in wanted.items() if on == node and result != "notselected"
        }
        seen = test_xccdf.results(lxml.etree.parse(str(path)).getroot())
        messages = [message.text for message in page.xpath("//pre/message")]
        assert sorted(messages) == sorted(seen[control][1] for control in shown)


def test_stig_manager_reads_each_result(rendered: dict[str, Rendered]) -> None:
    kept = {"pass", "fail", "notapplicable"}  # it has no other results
    for each in rendered.values():
        found = by_library(STIG_MANAGER, "stig", each.nodes.values())
        wanted, reviews = test_xccdf.wanted(each.report), {}
        for node, path in each.nodes.items():
            read = found[str(path)]
            assert read["target"]["name"] == node
            (checklist,) = read["checklists"]
            texts = test_xccdf.results(lxml.etree.parse(str(path)).getroot())
            for review in checklist["reviews"]:
                control = review["ruleId"].removeprefix(RULE)
                reviews[node, control] = review["result"]
                assert review["resultEngine"]["product"] == "rke.cis"
                assert review["detail"] == html.unescape(texts[control][1].strip())
        assert reviews == {key: result if result in kept else "notchecked" for key, result in wanted.items()}


HEIMDALL = {
    "pass": "Passed",
    "fail": "Failed",
    "error": "Profile Error",
    "unknown": "Profile Error",
    "notchecked": "Not Reviewed",
    "notselected": "Not Applicable",
    "notapplicable": "Not Applicable",
}


def test_heimdall_reads_each_result_of_the_xccdf(rendered: dict[str, Rendered]) -> None:
    for name in ("states", "hostile"):  # two seconds a file
        each = rendered[name]
        found = by_library(SAF, "xccdf2hdf", each.nodes.values())
        read = {
            (node, control.removeprefix(RULE)): one["status"]
            for node, path in each.nodes.items()
            for control, one in found[str(path)].items()
        }
        assert read == {key: HEIMDALL[result] for key, result in test_xccdf.wanted(each.report).items()}
        checks = {check["id"]: check for check in report_checks(each.report)}
        for control, one in itertools.chain.from_iterable(read.items() for read in found.values()):
            check = checks[control.removeprefix(RULE)]
            assert one["severity"] == XCCDF_SEVERITIES[check["severity"]]
            # it writes "CM-6 (1)", and adds two of its own
            assert {name.replace(" ", "") for name in one["nist"]} - {"SA-11", "RA-5"} == {*check["nist"]}


def test_saf_counts_the_xccdf(rendered: dict[str, Rendered], tmp_path: pathlib.Path) -> None:
    each = rendered["states"]
    saf("convert", "xccdf_results2hdf", "-i", each.nodes["cp2"], "-o", tmp_path / "cp2.json")
    assert summary(tmp_path / "cp2.json") == counted(
        [HEIMDALL[result] for (node, _control), result in test_xccdf.wanted(each.report).items() if node == "cp2"]
    )


COLUMNS = {
    "Passed": "passed",
    "Failed": "failed",
    "Profile Error": "error",
    "Not Reviewed": "skipped",
    "Not Applicable": "no_impact",
}


def counted(statuses: list[str]) -> dict[str, int]:
    return {column: statuses.count(status) for status, column in COLUMNS.items()}


def summary(path: pathlib.Path) -> dict[str, int]:
    """Return what `saf view summary` counts."""
    saf("view", "summary", "-i", path, "--format", "json", "-o", path.with_suffix(".summary"))
    (found,) = json.loads(path.with_suffix(".summary").read_text(encoding="utf-8"))
    judged = sum(found[column]["total"] for column in COLUMNS.values() if column != "no_impact")
    assert found["compliance"] == found["passed"]["total"] * 100 // judged
    return {column: found[column]["total"] for column in COLUMNS.values()}


def test_trestle_makes_oscal_of_the_xccdf(rendered: dict[str, Rendered], tmp_path: pathlib.Path) -> None:
    files = [(name, node, path) for name, each in rendered.items() for node, path in each.nodes.items()]
    (tmp_path / "in").mkdir()
    for number, (_name, _node, path) in enumerate(files):
        shutil.copy(path, tmp_path / "in" / f"{number}.xml")
    (tmp_path / "task.cfg").write_text(
        f"[task.xccdf-result-to-oscal-ar]\ninput-dir = {tmp_path}/in\noutput-dir = {tmp_path}/out\n"
    )
    run(PYTHON / "trestle", "init", "--local", cwd=tmp_path)
    run(PYTHON / "trestle", "task", "xccdf-result-to-oscal-ar", "-c", tmp_path / "task.cfg", cwd=tmp_path)
    read: dict[str, dict[tuple[str, str], str]] = {name: {} for name in rendered}
    for number, (name, node, _path) in enumerate(files):
        (result,) = json.loads((tmp_path / "out" / f"{number}.oscal.json").read_text(encoding="utf-8"))["results"]
        (host,) = result["local-definitions"]["inventory-items"]
        assert node == next(prop["value"] for prop in host["props"] if prop["name"] == "host_name")
        for observation in result["observations"]:
            props = {prop["name"]: prop["value"] for prop in observation["props"]}
            control = props["idref"].removeprefix(RULE)
            read[name][node, control] = props["result"]
            assert props["severity"] == XCCDF_SEVERITIES[severities(rendered[name].report)[control]]
    assert read == {name: test_xccdf.wanted(each.report) for name, each in rendered.items()}


# ------------------------------------------------------------------------------------------------- OHDF


def states(report: Report) -> dict[str, str]:
    return {check["id"]: check["state"] for check in report_checks(report)}


def test_heimdall_computes_the_state_of_each_control(rendered: dict[str, Rendered]) -> None:
    found = by_library(SAF, "ohdf", [each.place / "report.ohdf.json" for each in rendered.values()])
    for each in rendered.values():
        read = found[str(each.place / "report.ohdf.json")]
        assert {control: one["status"] for control, one in read.items()} == {
            control: test_ohdf.STATUSES[state] for control, state in states(each.report).items()
        }
        assert {control: (one["severity"], one["nist"]) for control, one in read.items()} == {
            check["id"]: (check["severity"], check["nist"]) for check in report_checks(each.report)
        }
    assert (
        "Seen: --profiling=false --profiling=true"
        in found[str(rendered["states"].place / "report.ohdf.json")]["1.1.8"]["text"]
    )


def test_saf_counts_the_ohdf(rendered: dict[str, Rendered]) -> None:
    each = rendered["states"]
    path, counts = each.place / "report.ohdf.json", each.report
    assert summary(path) == counted([test_ohdf.STATUSES[state] for state in states(counts).values()])
    limits = {
        "passed.total.min": counts["pass"],
        "failed.total.max": counts["fail"] + counts["warn"],
        "error.total.max": counts["error"],
    }
    threshold = [f"{{{name}: {limit}}}" for name, limit in limits.items()]
    saf("validate", "threshold", "-i", path, "-I", ", ".join(threshold))
    threshold[1] = f"{{failed.total.max: {limits['failed.total.max'] - 1}}}"
    with pytest.raises(AssertionError):
        saf("validate", "threshold", "-i", path, "-I", ", ".join(threshold))

    made = check_thresholds(yaml.safe_load(saf("generate", "threshold", "-i", path, "-c")))
    failed = {gate["gate"] for gate in judge(counts, None, None, [], made) if gate["failed"]}
    assert len(made) > 30 and {key.partition(".")[0] for key in failed} <= {"failed"}  # warnings are failures there


# Where `saf validate threshold` says something else than cis_scan_thresholds, and when.
DIFFERENCES: dict[str, t.Callable[[Report, str, t.Any], t.Any]] = {
    "it takes a warning for a failure": lambda report, key, _limit: key.startswith("failed.") and report["warn"],
    "its score has what is manual or warns": lambda report, key, _limit: (
        key.startswith("compliance.") and (report["manual"] or report["warn"])
    ),
    "it rounds the score": lambda report, key, _limit: (
        key.startswith("compliance.")
        and report["pass"] * 100 % max(report["pass"] + report["fail"] + report["error"], 1)
    ),
    "it has a score of 0 where there is none": lambda report, key, _limit: (
        key.startswith("compliance.") and score(report) is None
    ),
    "it ignores a maximum of 0 %": lambda _report, key, limit: (key, limit) == ("compliance.max", 0),
    "it ignores limits of no_impact.total": lambda _report, key, _limit: (
        key in ("no_impact.total.min", "no_impact.total.max")
    ),
    "no control is never what no ids name": lambda _report, _key, limit: limit == [],
    "it does not mind if nothing was judged": lambda report, _key, _limit: _nothing_judged(report),
}


def random_report(rng: random.Random) -> Report:
    """Return the report of random verdicts, skips and waivers, on a part of a benchmark with random severities."""
    benchmark = copy.copy(load_benchmark("rke-cis-1.3"))
    benchmark.controls = [
        {**control, "severity": rng.choice(SEVERITIES)}
        for control in rng.sample(benchmark.controls, rng.choice([0, 1, 4, 8, 8, 8]))
    ]
    ids = [control["id"] for control in benchmark.controls]
    nodes = [lost(f"n{number}", ["controlplane", "etcd", "worker"]) for number in range(rng.randint(1, 2))]
    states = rng.choice(
        [["error"], ["fail"], ["pass", "fail"], ["pass", "fail"], ["fail", "warn"], ["pass", "fail", "warn", "error"]]
    )
    some, waived = rng.choice([0, 0.2]), rng.choice([0, 0.2, 1])
    verdicts: dict[str, dict[str, Verdict]] = {document["node"]: {} for document in nodes}
    for control_id in ids:
        manual = rng.random() < some and states != ["error"]
        for judged in verdicts.values():
            judged[control_id] = Verdict("manual" if manual else rng.choice(states), "", "", "", "")
    skips = {control_id: {"by": "cis_scan_skip", "reason": ""} for control_id in ids if rng.random() < some}
    waivers = [test_formats.waiver(control_id, rng.choice([[], ["n0"]])) for control_id in ids if rng.random() < waived]
    return build_report(benchmark, "hardened", nodes, skips=skips, waivers=waivers, verdicts=verdicts)


def random_limit(rng: random.Random, report: Report, key: str) -> t.Any:
    """Return a limit near the figure."""
    ids = [check["id"] for check in report_checks(report)]
    limit: t.Any = [] if key.endswith(".controls") else 0
    (seen,) = judge(report, None, None, [], {key: limit})
    if key.endswith(".controls"):
        return rng.choice(
            [seen["figure"], seen["figure"][1:], [one for one in ids if one not in seen["figure"]][:1], []]
        )
    figure = seen["figure"] or 0
    return min(100, max(0, rng.choice([0, figure - 1, figure, figure + 1])))


def test_saf_agrees_on_thresholds(tmp_path: pathlib.Path) -> None:
    rng, cases = random.Random(15), {}
    words = ("compliance", "compliance", "compliance", "failed", "failed", "total", ".m", ".controls")
    kinds = [[key for key in sorted(_KEYS) if word in key] for word in words]
    output = {"formats": ["ohdf"], "templates": [], "csv_layout": "standard", "include_not_scored": True}
    for number in range(200):
        report, place = random_report(rng), tmp_path / str(number)
        place.mkdir()
        assert not write_outputs(report, Context([], None), str(place), output)[1]
        for key in map(rng.choice, kinds):
            limit = random_limit(rng, report, key)
            nested = functools.reduce(lambda inner, word: {word: inner}, reversed(key.split(".")), limit)
            path = place / f"{len(cases)}.yml"
            path.write_text(json.dumps(nested), encoding="utf-8")
            (gate,) = judge(report, None, None, [], check_thresholds(nested))
            cases[str(path)] = (report, key, limit, not gate["failed"])
    differ: set[frozenset[str]] = set()
    for path, accepted in by_library(SAF, "threshold", map(pathlib.Path, cases)).items():
        report, key, limit, ours = cases[path]
        why = frozenset(name for name, differs in DIFFERENCES.items() if differs(report, key, limit))
        assert ours == accepted or why, (key, limit, ours, {state: report[state] for state in COUNTS})
        differ |= {why} if ours != accepted else set()
    assert {frozenset([name]) for name in DIFFERENCES} <= differ, "a difference that there is not"


def test_saf_converts_the_ohdf(rendered: dict[str, Rendered], tmp_path: pathlib.Path) -> None:
    each = rendered["hostile"]
    path, wanted = each.place / "report.ohdf.json", states(each.report)
    saf("convert", "hdf2csv", "-i", path, "-o", tmp_path / "report.csv")
    with open(tmp_path / "report.csv", encoding="utf-8", newline="") as stream:
        assert {row["ID"]: row["Status"] for row in csv.DictReader(stream)} == {
            control: test_ohdf.STATUSES[state] for control, state in wanted.items()
        }
    saf("convert", "hdf2ckl", "-i", path, "-o", tmp_path / "report.ckl")
    entries = lxml.etree.parse(str(tmp_path / "report.ckl")).findall(".//VULN")
    read = collections.Counter(entry.findtext("STATUS") for entry in entries)
    waived = sum(1 for check in report_checks(each.report) if check["state"] == "skip" and check["by"] == "waiver")
    count = collections.Counter(wanted.values())
    assert read == {
        "NotAFinding": count["pass"],
        "Open": count["fail"] + count["mixed"] + count["warn"] + waived,
        "Not_Applicable": count["notApplicable"],
        "Not_Reviewed": count["error"] + count["manual"] + count["skip"] - waived,
    }


# ------------------------------------------------------------------------------------------------- OSCAL

READ = """
import json, pathlib, sys
from trestle.oscal.assessment_results import AssessmentResults
for name in sys.argv[1:]:
    (result,) = AssessmentResults.oscal_read(pathlib.Path(name)).results
    props = [{prop.name: prop.value for prop in finding.props} for finding in result.findings]
    states = {found["control"]: [found[name] for name in ("state", "severity", "level")] for found in props}
    print(json.dumps([states, len(result.observations or []), len(result.risks or [])]))
"""


def test_trestle_reads_the_oscal(rendered: dict[str, Rendered]) -> None:
    paths = [each.place / "report.oscal.json" for each in rendered.values()]
    said = run(PYTHON / "python", "-c", READ, *paths).splitlines()
    for each, path, line in zip(rendered.values(), paths, said, strict=True):
        (result,) = json.loads(path.read_text(encoding="utf-8"))["assessment-results"]["results"]
        judged = {
            check["id"]: [check["state"], check["severity"], str(check["level"])]
            for check in report_checks(each.report)
            if "evidence" in check
        }
        assert json.loads(line) == [judged, len(result["observations"]), len(result.get("risks", []))]


def test_oscal_validate_finds_no_error(rendered: dict[str, Rendered]) -> None:
    for each in rendered.values():
        said = run(PYTHON / "oscal-validate", "--format", "json", each.place / "report.oscal.json")
        codes = {finding["code"] for finding in json.loads(said)["findings"] if finding["severity"] != "INFO"}
        # the last one says that it knows OSCAL 1.2.3, too
        undecided = {"REFERENCE_UNVERIFIABLE", "CONSTRAINT_NOT_EVALUATED", "PATTERN_NOT_CHECKED"}
        assert codes == {*undecided, "OSCAL_VERSION_DIFFERS"}


# ------------------------------------------------------------------------------------------------- OCSF

SCHEMA = """
import json
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
print(json.dumps(OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.3.0")).get_class_schema(class_name="compliance_finding")))
"""


def test_ocsf_fits_its_schema(rendered: dict[str, Rendered]) -> None:
    schema = jsonschema.Draft202012Validator(json.loads(run(PYTHON / "python", "-c", SCHEMA)))
    for each in rendered.values():
        found = json.loads((each.place / "report.ocsf.json").read_text(encoding="utf-8"))
        assert found
        for finding in found:
            schema.validate(finding)
    with pytest.raises(jsonschema.ValidationError):
        schema.validate({**finding, "unknown": 1})


# ------------------------------------------------------------------------------------------------- SARIF


def test_saf_reads_the_failures_of_the_sarif(rendered: dict[str, Rendered], tmp_path: pathlib.Path) -> None:
    document = json.loads((rendered["states"].place / "report.sarif").read_text(encoding="utf-8"))
    (run_,) = document["runs"]
    # as docs/docsite/rst/reports.rst says: it takes a result of any kind for a failure
    run_["results"] = [result for result in run_["results"] if result["kind"] == "fail"]
    (tmp_path / "failures.sarif").write_text(json.dumps(document), encoding="utf-8")
    saf("convert", "sarif2hdf", "-i", tmp_path / "failures.sarif", "-o", tmp_path / "failures.json")
    (profile,) = json.loads((tmp_path / "failures.json").read_text(encoding="utf-8"))["profiles"]
    read = {control["id"]: [result["status"] for result in control["results"]] for control in profile["controls"]}
    assert read == {
        control: ["failed"] * count
        for control, count in collections.Counter(result["ruleId"] for result in run_["results"]).items()
    }
