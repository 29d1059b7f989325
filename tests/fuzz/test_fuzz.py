# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes from outside, damaged at random: the answer is a result or one clear line, never a traceback.

The files of corpus/ are what is damaged. Whatever once went wrong gets a file there.
"""

from __future__ import annotations

import csv
import datetime
import functools
import io
import json
import pathlib
import re
import tempfile
import typing as t
import xml.etree.ElementTree
from unittest import mock

import hypothesis
import lxml.html
import pytest
import yaml
from hypothesis import strategies as st

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import ClusterReader, KubeconfigError
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import check_request, plan
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.state import read_sent
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Benchmark, load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import read_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._inventory.rke_cluster import read_cluster
from ansible_collections.rke.cis.plugins.plugin_utils._reports import lock, render, signing
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.partial import (
    PARTIAL,
    find_parts,
    merge_evidence,
    plan_of_parts,
    write_partial,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import OUTPUTS, Context, write_outputs
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import (
    INDEX,
    INDEX_SCHEMA,
    KeptScans,
    read_report,
    report_facts,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.signing import STATEMENT, sign, verify
from ansible_collections.rke.cis.plugins.plugin_utils._schedules import runs
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.cron import read_cron
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.schedule import Schedule
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import attestations_of_file
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import read_evidence
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import read_skip_file
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.waivers import read_waivers
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.fuzz.damage import CANARY, as_json, documents, fuzz, texts
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.alert_helper import a_report, a_scan
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, lost, node
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.plan_helper import make_plan

kubernetes = pytest.importorskip("kubernetes")

LOST = lost("n1")
RUNNING = {
    "state": "running",
    "image": "",
    "user": "",
    "args": ["kube-apiserver"],
    "processes": [["kube-apiserver", "--audit-log-maxage=7"], ["kubelet-helper", "--secure"]],
    "process_text": [],
    "mounts": [],
    "env": {},
}
WAIVER = {
    "source": "w",
    "controls": ["1.1.8"],
    "nodes": [],
    "groups": {"g": ["n1"]},
    "reason": "r",
    "owner": "o",
    "expires": "never",
    "days_left": None,
}
CORPUS = pathlib.Path(__file__).parent / "corpus"
BENCHMARK = load_benchmark("rke-cis-1.4")
SCAN = {"name": "20261128T000000Z-rke-cis-1.4-hardened", "kind": "manual", "by": "me"}
FORMATS = {"formats": list(OUTPUTS), "templates": [], "csv_layout": "standard", "include_not_scored": True}


def corpus(kind: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / kind).iterdir())]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("fuzz")


def refused(error: Exception) -> None:
    """A refusal is one printable line of some length, without secrets."""
    message = str(error)
    assert message and len(message) < 3000, len(message)
    assert "\n" not in message and message.isprintable(), repr(message[:300])
    assert CANARY not in message


def tried(call: t.Callable[[], t.Any], errors: t.Any = CisError) -> t.Any:
    try:
        return call()
    except errors as error:
        refused(error)
        return None


# ---------------------------------------------------------------------------------- evidence to all formats


# What a reader looks for first in a file of the format.
BEGINS = {
    "report.defectdojo.json": {"findings"},
    "report.ohdf.json": {"platform", "version", "statistics", "profiles"},
    "report.oscal.json": {"assessment-results"},
    "report.sarif": {"$schema", "version", "runs"},
    "report.ocsf.json": {"class_uid", "category_uid", "type_uid", "time", "metadata", "severity_id", "finding_info"},
}
XCCDF = "{http://checklists.nist.gov/xccdf/1.2}Benchmark"


def read_back(directory: pathlib.Path, files: list[str]) -> None:
    """Each format's own reader takes what was written."""
    for name in [
        str(path) for file in map(pathlib.Path, files) for path in (file.iterdir() if file.is_dir() else [file])
    ]:
        text = pathlib.Path(name).read_text(encoding="utf-8")
        if name.endswith((".json", ".sarif")):
            found = json.loads(text, parse_constant=pytest.fail)
            for event in found if isinstance(found, list) else [found]:
                assert event.keys() >= BEGINS.get(pathlib.Path(name).name, set())
        elif name.endswith(".csv"):
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
            assert len({len(row) for row in rows}) == 1
        elif name.endswith(".xml"):
            root = xml.etree.ElementTree.fromstring(text)
            assert root.tag == ("testsuites" if name.endswith(".junit.xml") else XCCDF)
        elif name.endswith(".html"):
            assert not lxml.html.fromstring(text).xpath("//script[contains(., 'alert(1)')]")
        elif name.endswith(".prom"):
            assert all(re.fullmatch(r"#.*|\w+(\{.*\})? \S+", line) for line in text.splitlines())


def scored(place: pathlib.Path, evidence: bytes, of_cluster: bytes) -> dict[str, t.Any] | None:
    for name, text in (("node-n1.json", evidence), ("cluster.json", of_cluster), ("node-n2.json", as_json(node("n2")))):
        (place / name).write_bytes(text)

    def score() -> dict[str, t.Any]:
        nodes, found = read_evidence(str(place))
        return build_report(BENCHMARK, "hardened", nodes, found, scan=SCAN)

    return t.cast("dict[str, t.Any] | None", tried(score))


@fuzz(1200)
@hypothesis.given(documents([node("n1"), node("n1", ["worker"])]))
def test_damaged_evidence_costs_one_node(place: pathlib.Path, document: t.Any) -> None:
    report = scored(place, as_json(document), as_json(cluster()))
    assert report is not None, "one node's evidence ended the report of all"
    assert all(state != "error" for state in report["node_results"]["n2"].values())


@pytest.fixture
def compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates take most of the time, and a scan renders each only once."""
    monkeypatch.setattr(render, "environment", functools.cache(render.environment))


@fuzz(60)
@hypothesis.given(documents([node("n1")]), documents([cluster()]))
@pytest.mark.usefixtures("compiled_once")
def test_all_formats_of_damaged_evidence_can_be_read(place: pathlib.Path, document: t.Any, of_cluster: t.Any) -> None:
    report = scored(place, as_json(document), as_json(of_cluster))
    if report is not None:
        files, problems = write_outputs(report, Context([], None), str(place), FORMATS)
        assert not problems
        read_back(place, files)


@fuzz(500)
@hypothesis.given(texts([as_json(node("n1", ["worker"])), *corpus("evidence")]))
def test_evidence_that_is_no_document_costs_one_node(place: pathlib.Path, text: bytes) -> None:
    report = scored(place, text, as_json(cluster()))
    assert report is not None, "one node's evidence ended the report of all"


# ------------------------------------------------------------------------------------------------ user's files


@fuzz(700)
@hypothesis.given(texts(corpus("kubeconfig")))
def test_kubeconfig(place: pathlib.Path, text: bytes) -> None:
    (place / "kubeconfig").write_bytes(text)
    try:
        tried(lambda: ClusterReader(kubernetes, str(place / "kubeconfig"), None, 20), KubeconfigError)
    finally:
        kubernetes.config.kube_config._cleanup_temp_files()


@fuzz(1000)
@hypothesis.given(texts(corpus("cluster")))
def test_cluster_yml(place: pathlib.Path, text: bytes) -> None:
    (place / "cluster.yml").write_bytes(text)
    tried(lambda: read_cluster(str(place / "cluster.yml")))


@fuzz(700)
@hypothesis.given(texts(corpus("skips")))
def test_skips(place: pathlib.Path, text: bytes) -> None:
    (place / "skips.yml").write_bytes(text)
    tried(lambda: read_skip_file(str(place / "skips.yml"))[1]("rke-cis-1.4"))


@fuzz(700)
@hypothesis.given(texts(corpus("waivers")))
def test_waivers(place: pathlib.Path, text: bytes) -> None:
    (place / "waivers.yml").write_bytes(text)
    tried(lambda: read_waivers(str(place / "waivers.yml")))


@fuzz(600)
@hypothesis.given(texts(corpus("attestations")))
def test_attestations(place: pathlib.Path, text: bytes) -> None:
    (place / "attestations.yml").write_bytes(text)
    groups = {"g": ["n1", "n2"]}
    found = tried(lambda: attestations_of_file(str(place / "attestations.yml"), groups))
    if found:
        build_report(BENCHMARK, "hardened", [LOST], None, attestations=found)


def loaded(path: pathlib.Path, text: bytes) -> None:
    """Do with a benchmark what a scan does, if it is one."""
    path.write_bytes(text)
    data = tried(lambda: read_benchmark(str(path)))
    if data:
        benchmark = Benchmark(data)
        benchmark.lists()
        plan = benchmark.plan(["controlplane", "etcd", "worker"])
        document = {**node("n1"), "containers": dict.fromkeys(plan["containers"], RUNNING)}
        for profile in benchmark.profiles:
            build_report(benchmark, profile, [document], cluster())


@fuzz(400)
@hypothesis.given(texts(corpus("benchmark")))
def test_benchmark(place: pathlib.Path, text: bytes) -> None:
    loaded(place / "site-1.0.yml", text)


@fuzz(500)
@hypothesis.given(documents([yaml.safe_load(text) for text in corpus("benchmark") if b"&a1" not in text]))
def test_benchmark_of_another_form(place: pathlib.Path, document: t.Any) -> None:
    loaded(place / "site-1.0.yml", as_json(document))


BLOCKS = [yaml.safe_load(text)["scheduled_cluster_scan"] for text in corpus("schedule")]


@fuzz(700)
@hypothesis.given(documents([{"block": block} for block in BLOCKS]))
def test_schedule(document: dict[str, t.Any]) -> None:
    tried(lambda: Schedule("local", document.get("block")))


@fuzz(500)
@hypothesis.given(texts([b"0 0 * * *", b"@daily", b"*/15 1-5 1,15 * mon-fri", b"@every 6h", b"? ? ? ? ?"]))
def test_cron(text: bytes) -> None:
    tried(lambda: read_cron(text.decode("utf-8", "replace"), "cron"))


# ------------------------------------------------------------------------------------------------ kept files


def small(report: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a report with the first checks of each group."""
    groups = [{**group, "checks": group["checks"][:2]} for group in report["results"]]
    return {**report, "results": groups}


REPORT = small(a_report())


def stored(place: pathlib.Path, document: t.Any) -> dict[str, t.Any] | None:
    (place / "report.json").write_bytes(as_json(document))
    return t.cast("dict[str, t.Any] | None", tried(lambda: read_report(str(place / "report.json"))))


@fuzz(400)
@hypothesis.given(documents([REPORT]))
def test_stored_report(place: pathlib.Path, document: t.Any) -> None:
    report = stored(place, document)
    if report is not None:
        report_facts(report)
        tried(lambda: compare(report, REPORT))
        tried(lambda: compare(REPORT, report))
        json.loads(to_json(report))


@fuzz(40)
@hypothesis.given(documents([REPORT]))
@pytest.mark.usefixtures("compiled_once")
def test_all_formats_of_a_stored_report(place: pathlib.Path, document: t.Any) -> None:
    report = stored(place, document)
    if report is not None:
        files, problems = write_outputs(report, Context([], None), str(place), FORMATS)
        for problem in problems:  # of what contradicts itself
            refused(CisError(problem))
        read_back(place, files)


INDEXED = {"name": SCAN["name"], **report_facts(REPORT), "files": ["report.json"], "report": {"size": 1, "mtime": 1}}


@fuzz(300)
@hypothesis.given(documents([{"schema": INDEX_SCHEMA, "scans": [INDEXED]}]))
def test_index(place: pathlib.Path, document: t.Any) -> None:
    directory = place / "indexed"
    (directory / SCAN["name"]).mkdir(parents=True, exist_ok=True)
    (directory / SCAN["name"] / "report.json").write_bytes(as_json(REPORT))
    (directory / INDEX).write_bytes(as_json(document))
    (scan,) = KeptScans(str(directory)).scans()
    assert scan["complete"] and scan["counts"]["total"] == REPORT["total"]


def sign_scan(directory: pathlib.Path) -> None:
    (directory / "evidence").mkdir()
    (directory / "evidence" / "node-n1.json").write_text(to_json(LOST), encoding="utf-8")
    (directory / "report.json").write_text(to_json(build_report(BENCHMARK, "hardened", [LOST])), encoding="utf-8")
    inputs = {
        "profile": BENCHMARK.profile_name("hardened"),
        "parameters": BENCHMARK.parameters,
        "only": {},
        "cluster": "local",
        "scan": SCAN,
        "skips": {"1.1.2": {"by": "cis_scan_skip", "reason": "r"}},
        "waivers": [WAIVER],
        "attestations": [],
        "node_tests_on": "workers",
        "chosen": False,
        "declared_version": "",
        "not_scanned": {"n2": ["worker"]},
        "notes": ["x"],
    }
    with mock.patch.object(signing, "_ssh_keygen", return_value="me"):
        sign(str(directory), str(directory / "evidence"), "key", BENCHMARK, inputs)


def statement() -> t.Any:
    with tempfile.TemporaryDirectory() as directory:
        sign_scan(pathlib.Path(directory))
        return json.loads((pathlib.Path(directory) / STATEMENT).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    directory = tmp_path_factory.mktemp("signed")
    sign_scan(directory)
    return directory


@fuzz(400)
@hypothesis.given(documents([statement()]))
def test_statement(signed: pathlib.Path, document: t.Any) -> None:
    """Of an allowed signer, or there would be nothing to read."""
    (signed / STATEMENT).write_bytes(as_json(document))
    with mock.patch.object(signing, "_ssh_keygen", return_value="me"):
        tried(lambda: verify(str(signed), str(signed / "evidence"), "x", "", []))


def partial() -> t.Any:
    with tempfile.TemporaryDirectory() as directory:
        nodes = {"n1": ["worker"], "n2": ["etcd", "controlplane"]}
        skips = {"1.1.2": {"by": "cis_scan_skip", "reason": "r"}}
        plan = make_plan(pathlib.Path(directory), nodes, cluster(), skips=skips, partial=True, waivers=[WAIVER])
        return json.loads(pathlib.Path(write_partial(plan, "me")).read_text(encoding="utf-8"))


@fuzz(400)
@hypothesis.given(documents([partial()]))
def test_partial(place: pathlib.Path, document: t.Any) -> None:
    part, merged = place / "part", place / "merged"
    for directory in (part, merged):
        (directory / "evidence").mkdir(parents=True, exist_ok=True)
    (part / PARTIAL).write_bytes(as_json(document))
    (part / "evidence" / "cluster.json").write_bytes(as_json(cluster()))
    parts = tried(lambda: find_parts([str(part)], "", 21600))
    plan = parts and tried(lambda: plan_of_parts(parts, 21600, []))
    if plan:
        plan["evidence_dir"] = str(merged / "evidence")
        merge_evidence(parts, plan, {})
        assert plan["nodes"].keys() == parts[0].asked["nodes"].keys() | parts[0].asked["not_scanned"].keys()


LOCKED = {
    "owner": "me@here",
    "pid": 1,
    "started": "x/1",
    "since": "2026-11-28T00:00:00Z",
    "expires": "2026-11-28T06:00:00Z",
}


@fuzz(500)
@hypothesis.given(documents([LOCKED]))
def test_lock(place: pathlib.Path, document: t.Any) -> None:
    directory = place / "locked"
    directory.mkdir(exist_ok=True)
    (directory / lock.NAME).write_bytes(as_json(document))
    tried(lambda: lock.running(str(directory)))
    tried(lambda: lock.acquire(str(directory)))


@fuzz(300)
@hypothesis.given(data=st.data())
def test_schedule_that_was_kept(place: pathlib.Path, data: st.DataObject) -> None:
    directory = place / "schedules" / "prod"
    directory.mkdir(parents=True, exist_ok=True)
    known = {"schema": runs.SCHEMA, "cluster": "prod", "cron": "0 * * * *", "method": "cron", "user": "me"}
    known.update(profile="RKE-CIS-1.4-Hardened", report_dir=str(place / "reports"), retention=24)
    (directory / "schedule.json").write_bytes(as_json(data.draw(documents([known]))))
    tried(lambda: runs.list_schedules(str(place / "schedules"), datetime.datetime(2026, 11, 28)))


SENT = {
    "schema": "rke.cis/alerts/1",
    "sent": [
        {
            "rule": "r",
            "notifier": "n",
            "cluster": "prod",
            "profile": "P",
            "status": "firing",
            "at": "2026-11-28T00:00:00Z",
        }
    ],
}
NOTIFIERS = {
    "w": {"type": "webhook", "url": f"https://example.com/{CANARY}", "secret": CANARY, "headers": {"a": CANARY}},
    "m": {"type": "email", "host": "h", "sender": "a@example.com", "recipients": ["b@example.com"], "password": CANARY},
}
RULES = [{"name": "r", "on": "failures", "min_interval": "1h"}, {"name": "s", "on": "error", "notifiers": ["w"]}]


@fuzz(500)
@hypothesis.given(documents([{"rules": RULES, "notifiers": NOTIFIERS}]), documents([SENT]))
def test_alerts(place: pathlib.Path, request: dict[str, t.Any], sent: t.Any) -> None:
    (place / "alerts.json").write_bytes(as_json(sent))
    already, _warnings = read_sent(str(place / "alerts.json"))
    checked = tried(lambda: check_request(request.get("rules"), request.get("notifiers")))
    if checked:
        plan(*checked, a_scan(), already, datetime.datetime(2026, 11, 28, tzinfo=datetime.timezone.utc))
