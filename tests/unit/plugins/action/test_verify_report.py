# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Signed scans with the real ssh-keygen: the round trip, and each way to break it."""

from __future__ import annotations

import base64
import json
import pathlib
import shutil
import subprocess
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action import score_evidence, verify_report
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import _load
from ansible_collections.rke.cis.plugins.plugin_utils._reports import finish, signing
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import evidence_path
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, node

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")

ME = "security@example.com"
BENCHMARK = """
id: site-1.0
title: Site
kubernetes: {min: "1.13", max: "1.30"}
profiles: {base: {skip: {}, not_applicable: {}}}
groups: [{id: "1.1", title: All}]
controls: [{id: "1.1.1", check: kube-apiserver/profiling}, {id: "1.1.2", check: kubelet/anonymous-auth}]
"""
WAIVERS = """
- controls: ["1.1.2"]
  reason: known
  owner: me
  expires: never
"""


@pytest.fixture
def keys(tmp_path: pathlib.Path) -> dict[str, str]:
    """Paths of two keys, and of a file that allows the first of them."""
    for name in ("ours", "theirs"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(tmp_path / name)]
        subprocess.run(command, check=True)
    public = (tmp_path / "ours.pub").read_text()
    (tmp_path / "allowed").write_text(f'{ME} namespaces="rke.cis" {public}')
    return {name: str(tmp_path / name) for name in ("ours", "theirs", "allowed")}


def signed(tmp_path: pathlib.Path, key: str, evidence_dir: str = "", **more: t.Any) -> pathlib.Path:
    """Score recorded evidence with a benchmark and a waiver, sign it, and return the scan's directory."""
    (tmp_path / "benchmarks").mkdir(exist_ok=True)
    (tmp_path / "benchmarks" / "site-1.0.yml").write_text(BENCHMARK)
    (tmp_path / "waivers.yml").write_text(WAIVERS)
    recorded = pathlib.Path(evidence_dir) if evidence_dir else tmp_path / "recorded"
    recorded.mkdir(exist_ok=True)
    for name in ("a", "b"):
        pathlib.Path(evidence_path(str(recorded), name)).write_text(to_json(node(name)))
    (recorded / "cluster.json").write_text(to_json(cluster()))
    args = {
        "profile": "site-1.0-base",
        "benchmark_dirs": [str(tmp_path / "benchmarks")],
        "waivers_file": str(tmp_path / "waivers.yml"),
        "skip": ["1.1.1"],
        "report_dir": str(tmp_path / "reports"),
        "formats": ["csv", "html"],
        "sign_key": key,
        **more,
    }
    result = run_action(score_evidence.ActionModule, {**args, "evidence_dir": str(recorded)})
    assert "failed" not in result, result
    scan = pathlib.Path(result["scan_dir"])
    assert [str(scan / name) for name in ("statement.json", "statement.json.sig")] == result["files"][-2:]
    if not evidence_dir:
        recorded.rename(scan / "evidence")
    return scan


def verified(tmp_path: pathlib.Path, keys: dict[str, str], scan: pathlib.Path, **more: t.Any) -> dict[str, t.Any]:
    _load.cache_clear()  # as in the process of another day
    args = {"scan": str(scan), "allowed_signers": keys["allowed"], "benchmark_dirs": [str(tmp_path / "benchmarks")]}
    result = run_action(verify_report.ActionModule, {**args, **more})
    assert "\n" not in result.get("msg", "")
    return result


def test_a_signed_scan_is_verified_and_scores_the_same_bytes(tmp_path: pathlib.Path, keys: dict[str, str]) -> None:
    scan = signed(tmp_path, keys["ours"])
    result = verified(tmp_path, keys, scan)
    assert (result.get("msg"), result["signer"], result["problems"], result["scored_again"]) == (None, ME, [], True)
    assert verified(tmp_path, keys, scan, identity=ME)["signer"] == ME
    # any other reader of in-toto's and SSH's forms will do
    statement = json.loads((scan / "statement.json").read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    names = [subject["name"] for subject in statement["subject"]]
    files = ["evidence/cluster.json", "evidence/node-a.json", "evidence/node-b.json"]
    assert names == [*files, "report.csv", "report.html", "report.json"]
    assert statement["predicate"]["inputs"]["skips"] == {"1.1.1": {"by": "cis_scan_skip", "reason": ""}}
    assert statement["predicate"]["inputs"]["waivers"][0]["owner"] == "me"
    stock = ["ssh-keygen", "-Y", "verify", "-f", keys["allowed"], "-I", ME, "-n", "rke.cis"]
    with open(scan / "statement.json", "rb") as stream:
        subprocess.run([*stock, "-s", str(scan / "statement.json.sig")], stdin=stream, check=True)


def test_what_was_chosen_is_verified_too(tmp_path: pathlib.Path, keys: dict[str, str]) -> None:
    scan = signed(tmp_path, keys["ours"], only={"ids": ["1.1.2"]})
    report, statement = (json.loads((scan / name).read_text()) for name in ("report.json", "statement.json"))
    assert report["only"] == {"choice": {"ids": ["1.1.2"]}, "controls": 1, "of": 2}
    assert statement["predicate"]["inputs"]["only"] == {"ids": ["1.1.2"]}
    assert verified(tmp_path, keys, scan)["scored_again"] is True


def edit(path: pathlib.Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def another_benchmark(scan: pathlib.Path) -> None:
    edit(scan.parents[2] / "benchmarks" / "site-1.0.yml", "kubelet/anonymous-auth", "kubelet/read-only-port")


def drop_waiver(scan: pathlib.Path) -> None:
    """In the report, and in the statement too, but that is signed."""
    document = json.loads((scan / "statement.json").read_text())
    document["predicate"]["inputs"]["waivers"] = []
    (scan / "statement.json").write_text(to_json(document))


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda scan: edit(scan / "report.json", '"state": "skip"', '"state": "pass"'), "report.json: changed"),
        (lambda scan: edit(scan / "report.csv", "skip", "pass"), "report.csv: changed"),
        (
            lambda scan: shutil.copy(scan / "evidence/node-a.json", scan / "evidence/node-b.json"),
            "evidence/node-b.json: changed",
        ),
        (another_benchmark, "benchmark site-1.0: not the one that the scan was scored with"),
        (drop_waiver, "not a valid signature of security@example.com"),
        (lambda scan: (scan / "evidence/node-c.json").write_text("{}"), "evidence/node-c.json: not signed"),
        (lambda scan: (scan / "report.html").unlink(), "report.html: missing"),
        (lambda scan: (scan / "link").symlink_to("/etc"), "link: not signed"),
        (lambda scan: (scan / "statement.json.sig").unlink(), "statement.json.sig: not found; the scan was not signed"),
        (lambda scan: (scan / "statement.json.sig").write_text("x"), "has no signer with the key of"),
    ],
)
def test_what_is_not_as_it_was_signed_is_named(
    tmp_path: pathlib.Path, keys: dict[str, str], change: t.Callable[[pathlib.Path], t.Any], told: str
) -> None:
    scan = signed(tmp_path, keys["ours"])
    change(scan)
    result = verified(tmp_path, keys, scan)
    assert result["failed"] and told in result["msg"], result


def test_a_report_that_its_evidence_does_not_score_is_named_whoever_signed_it(
    tmp_path: pathlib.Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish, "to_json", lambda report: to_json({**report, "pass": 99}))
    scan = signed(tmp_path, keys["ours"])
    assert "report.json: not what its evidence scores" in verified(tmp_path, keys, scan)["msg"]


def test_a_signer_who_is_not_allowed_is_named(tmp_path: pathlib.Path, keys: dict[str, str]) -> None:
    scan = signed(tmp_path, keys["theirs"])
    assert "has no signer with the key of" in verified(tmp_path, keys, scan)["msg"]
    scan = signed(tmp_path, keys["ours"])
    other = verified(tmp_path, keys, scan, identity="boss@example.com")
    assert "not a valid signature of boss@example.com" in other["msg"]


def test_the_name_of_a_cluster_leads_nowhere_else(tmp_path: pathlib.Path, keys: dict[str, str]) -> None:
    found = verified(tmp_path, keys, pathlib.Path("x"), cluster="../c")
    assert found["msg"] == "cluster '../c': must be a name without / and without a leading dot"


def test_another_version_of_the_collection_does_not_score_again(
    tmp_path: pathlib.Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = signed(tmp_path, keys["ours"])
    monkeypatch.setattr(signing, "COLLECTOR", "rke.cis 99.0.0")
    result = verified(tmp_path, keys, scan)
    assert (result["problems"], result["scored_again"]) == ([], False)
    assert "this is rke.cis 99.0.0" in result["lines"][1]


def test_evidence_may_lie_elsewhere(tmp_path: pathlib.Path, keys: dict[str, str]) -> None:
    place = tmp_path / "evidence elsewhere"
    scan = signed(tmp_path, keys["ours"], str(place))
    assert verified(tmp_path, keys, scan, evidence_dir=str(place)).get("msg") is None
    assert "evidence/node-a.json: missing" in verified(tmp_path, keys, scan)["msg"]


def test_a_key_that_cannot_sign_costs_the_signature_only(tmp_path: pathlib.Path, keys: dict[str, str]) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(locked)], check=True)
    no_key = tmp_path / "no_key"
    no_key.write_text(base64.b64encode(b"no key").decode())
    for number, key in enumerate((locked, no_key)):
        evidence = tmp_path / str(number)
        evidence.mkdir()
        pathlib.Path(evidence_path(str(evidence), "a")).write_text(to_json(node("a")))
        args = {"profile": "RKE-CIS-1.4-Hardened", "report_dir": str(tmp_path / f"reports{number}")}
        result = run_action(score_evidence.ActionModule, {**args, "evidence_dir": str(evidence), "sign_key": str(key)})
        assert result["failed"] and result["msg"].startswith(f"cis_report_sign_key {key}: "), result
        assert pathlib.Path(result["report"]).is_file()
    args["sign_key"] = str(tmp_path / "nowhere")
    result = run_action(score_evidence.ActionModule, {**args, "evidence_dir": str(evidence)})
    assert result["msg"] == f"cis_report_sign_key {tmp_path / 'nowhere'}: no such file on the controller"


def test_what_is_verified_is_what_is_read(
    tmp_path: pathlib.Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may write there can put another statement in its place at any time."""
    scan = signed(tmp_path, keys["ours"])
    run = signing._ssh_keygen

    def swapped(what: str, arguments: list[str], data: bytes = b"") -> str:
        said = run(what, arguments, data)
        if arguments[0] == "verify":
            drop_waiver(scan)
        return said

    monkeypatch.setattr(signing, "_ssh_keygen", swapped)
    result = verified(tmp_path, keys, scan)
    assert (result["problems"], result["scored_again"]) == ([], True)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"predicateType": "x"}, "predicateType: must be 'https://rke-cis.github.io/rke.cis/scan/v1'"),
        ({"subject": [{"name": "report.json"}]}, "subject.0: digest is missing"),
        ({"predicate": {"collection": 5}}, "predicate.collection: expected text"),
        ({"predicate": {}}, "predicate: collection is missing"),
    ],
)
def test_a_signed_statement_of_another_form_is_one_line(
    tmp_path: pathlib.Path, keys: dict[str, str], change: dict[str, t.Any], said: str
) -> None:
    scan = signed(tmp_path, keys["ours"])
    path = scan / "statement.json"
    path.write_text(to_json({**json.loads(path.read_text()), **change}))
    (scan / "statement.json.sig").unlink()
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "rke.cis", "-f", keys["ours"], str(path)]
    subprocess.run(sign, check=True, capture_output=True)
    message = verified(tmp_path, keys, scan)["msg"]
    assert message.startswith(f"statement {path}: not one of this collection: "), message
    assert said in message


def test_a_statement_that_is_a_link_or_too_large_is_not_read(
    tmp_path: pathlib.Path, keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = signed(tmp_path, keys["ours"])
    (scan / "statement.json").rename(tmp_path / "other.json")
    (scan / "statement.json").symlink_to(tmp_path / "other.json")
    assert "cannot be read: not a regular file" in verified(tmp_path, keys, scan)["msg"]
    (scan / "statement.json").unlink()
    (tmp_path / "other.json").rename(scan / "statement.json")
    monkeypatch.setattr(signing.limits, "REPORT_BYTES", 500)
    assert "too large: more than 500 bytes" in verified(tmp_path, keys, scan)["msg"]
