# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import shutil
import time
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action import score_evidence
from ansible_collections.rke.cis.plugins.action._merge_scan import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import outline
from ansible_collections.rke.cis.plugins.plugin_utils._reports.partial import PARTIAL, write_partial
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.evidence import evidence_path
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import cluster, lost, node, set_flag
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.plan_helper import make_plan

STARTED = 1700000000
NAME = "20231114T221320Z-rke-cis-1.4-permissive"
UNASKED = {"error": {"kind": "not asked", "message": "the Kubernetes API was not asked"}}


class HostVars(dict):
    def raw_get(self, host: str) -> dict[str, t.Any]:
        return self.get(host, {})


def variables(groups: dict[str, list[str]] | None = None, **hosts: t.Any) -> dict[str, t.Any]:
    groups = groups or {}
    everyone = [host for of in groups.values() for host in of]
    return {"groups": {"all": everyone, **groups}, "hostvars": HostVars(hosts)}


def document(name: str, kind: int = 0) -> dict[str, t.Any]:
    """Return the evidence of a node: without faults, with one, with another time, or of one that did not answer."""
    roles = (["worker"], ["controlplane"], ["etcd"], ["controlplane", "etcd", "worker"])[kind % 4]
    if kind % 5 == 4:
        return lost(name, roles)
    found = {**node(name, roles), "collected_at": f"2026-11-21T22:00:{kind:02}Z"}
    if kind % 3 == 1:
        set_flag(found, "kubelet", "--anonymous-auth=true")
    return found


def scan(
    directory: pathlib.Path, documents: list[dict[str, t.Any]], api: t.Any = None, part: bool = True, **more: t.Any
) -> pathlib.Path:
    """Leave what has been gathered in a scan, or in a part of one, which then is complete."""
    plan = make_plan(
        directory, {one["node"]: one["roles"] for one in documents}, api or cluster(), partial=part, **more
    )
    for one in documents:
        pathlib.Path(evidence_path(plan["evidence_dir"], one["node"])).write_text(to_json(one), encoding="utf-8")
    if part:
        write_partial(plan, "me")
    return directory


def merge(
    reports: pathlib.Path, parts: t.Iterable[pathlib.Path], vary: t.Any = None, **more: t.Any
) -> dict[str, t.Any]:
    args = {"partials": [str(part) for part in parts], "report_dir": str(reports), **more}
    return run_action(ActionModule, args, vary or variables())


def scored(merged: dict[str, t.Any]) -> dict[str, t.Any]:
    assert "failed" not in merged, merged["msg"]
    return run_action(score_evidence.ActionModule, {"scan_dir": merged["scan_dir"]})


def report(merged: dict[str, t.Any]) -> dict[str, t.Any]:
    return json.loads(pathlib.Path(scored(merged)["report"]).read_text(encoding="utf-8"))


def files(directory: pathlib.Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_hosts_that_no_part_has_are_errors(tmp_path: pathlib.Path) -> None:
    """Those of the inventory of the merge, and those that --limit kept from the parts."""
    part = scan(tmp_path / "a", [document("n1", 3)], not_scanned={"n2": ["etcd"], "n1": ["worker"]})
    groups = {"worker": ["n1", "n3", "n4"], "db": ["d1"]}
    vary = variables(groups, n1={"cis_scan_cluster": "x"}, n4={"cis_scan_cluster": "other"})
    merged = merge(tmp_path / "merged", [part], vary)
    assert merged["warnings"] == ["no part of the scan has n2, n3"]
    result = scored(merged)
    assert (result["unexamined_nodes"], result["failed_gates"]) == (["n2", "n3"], ["error", "unreachable"])
    found = json.loads(pathlib.Path(result["report"]).read_text(encoding="utf-8"))
    assert found["warnings"][0] == "no part of the scan has n2, n3"
    assert set(found["node_errors"].values()) == {"not scanned: its slice is missing; scan it, then merge again"}
    assert "not_scanned" not in found


def test_of_a_node_in_several_parts_the_newest_evidence_counts(tmp_path: pathlib.Path) -> None:
    old, new = ({**document("n1", kind), "roles": ["worker"], "collected_at": f"2026-11-21T22:00:0{kind}Z"}
                for kind in (0, 1))  # fmt: skip
    parts = [scan(tmp_path / name, [one]) for name, one in (("b", old), ("a", new))]
    parts.append(scan(tmp_path / "c", [old]))
    for order in (parts, parts[::-1]):
        found = report(merge(tmp_path / "merged", order))
        assert found["collected_at"] == new["collected_at"]
        assert "1 node in several parts, of which the newest counts: n1" in found["warnings"]
    # one that did not answer since then is not seen
    found = report(merge(tmp_path / "merged", [*parts, scan(tmp_path / "d", [lost("n1", ["worker"])])]))
    assert list(found["node_errors"]) == ["n1"]


@pytest.mark.parametrize("newest", ["controlplane", "worker"])
def test_a_node_has_the_roles_of_all_parts_and_what_is_not_in_the_newest_is_not_seen(
    tmp_path: pathlib.Path, newest: str
) -> None:
    parts = []
    for role in ("controlplane", "worker"):
        one = {**node("n1", [role]), "collected_at": f"2026-11-21T22:00:0{int(role == newest)}Z"}
        set_flag(one, "kubelet", "--anonymous-auth=true")
        parts.append(scan(tmp_path / role, [one, document("n2", 1)]))
    merged = report(merge(tmp_path / "merged", parts))
    assert merged["nodes"] == {"master": ["n1", "n2"], "etcd": [], "node": ["n1"]}
    found = outline(merged).controls
    assert found["2.1.1"].nodes["n1"].state == "fail"
    assert found["1.1.2"].nodes["n1"].state == ("pass" if newest == "controlplane" else "error")


def test_evidence_that_is_gone_or_a_link_is_an_error_of_its_node(tmp_path: pathlib.Path) -> None:
    part = scan(tmp_path / "a", [document(name, 3) for name in ("gone", "link", "kept")])
    path = part / "evidence" / "node-gone.json"
    path.unlink()
    (part / "evidence" / "node-link.json").unlink()
    (part / "evidence" / "node-link.json").symlink_to(part / "evidence" / "node-kept.json")
    found = report(merge(tmp_path / "merged", [part]))
    assert set(found["node_errors"]) == {"gone", "link"}
    assert found["node_errors"]["gone"] == "not scanned: its evidence is missing from a; scan it, then merge again"


def test_a_different_answer_of_the_api_is_told(tmp_path: pathlib.Path) -> None:
    down = {"error": {"kind": "down", "message": "503"}}
    answers = [{**cluster(), "version": "v1.16.1"}, cluster(), down, UNASKED]
    parts = [
        scan(tmp_path / f"p{number}", [document(f"n{number}", 3)], api, started=STARTED + number)
        for number, api in enumerate(answers)
    ]
    told = "the Kubernetes API answered the parts differently; the newest answer counts, that of p1"
    assert merge(tmp_path / "merged", parts)["warnings"] == [told]
    assert merge(tmp_path / "merged", parts[1:])["warnings"] == []
    merged = merge(tmp_path / "merged", parts[2:])
    assert (
        json.loads(pathlib.Path(merged["scan_dir"], "evidence", "cluster.json").read_text())["error"] == down["error"]
    )


WAIVER = {"source": "w.yml line 1", "controls": ["1.1.8"], "nodes": [], "reason": "r", "owner": "o", "expires": "never"}


ATTESTED = {
    "source": "a.yml line 1", "controls": ["1.1.8"], "nodes": [], "groups": {"g": ["n1"]}, "result": "passed",
    "explanation": "e", "by": "b", "date": "2026-11-01", "expires": "never", "evidence": "", "days_left": None,
    "early": False,
}  # fmt: skip


def test_the_groups_of_waivers_are_those_of_all_parts(tmp_path: pathlib.Path) -> None:
    parts = [
        scan(tmp_path / host, [document(host, 3)], waivers=[{**WAIVER, "groups": {"g": [host]}, "days_left": None}])
        for host in ("n1", "n2")
    ]
    plan = json.loads(pathlib.Path(merge(tmp_path / "merged", parts)["scan_dir"], ".plan.json").read_text())
    assert plan["waivers"][0]["groups"] == {"g": ["n1", "n2"]}


@pytest.mark.parametrize(
    "more, said",
    [
        ({"profile": "RKE-CIS-1.4-Hardened"}, "cis_scan_profile is not that of "),
        ({"cluster": "other"}, "cis_scan_cluster is not that of "),
        ({"only": {"level": 1}}, "cis_scan_only is not that of "),
        ({"node_tests_on": "all"}, "cis_scan_node_tests_on is not that of "),
        ({"skips": {"1.1.2": {"by": "cis_scan_skip", "reason": ""}}}, "cis_scan_skip or cis_scan_skip_file is not "),
        ({"waivers": [{**WAIVER, "groups": {}, "days_left": None}]}, "cis_scan_waivers_file is not that of "),
        ({"attestations": [ATTESTED]}, "cis_scan_attestations_file is not that of "),
        ({"started": STARTED + 30000}, "started more than 21600 seconds after "),
        ({"collection": "rke.cis 0.9.0"}, "collection is not that of "),
        ({"digest": "00"}, "the benchmark is not that of "),
        ({"scan_id": "8"}, "cis_scan_scan_id is not that of "),
    ],
)
def test_parts_of_different_scans_are_refused(tmp_path: pathlib.Path, more: dict[str, t.Any], said: str) -> None:
    changes = {key: more.pop(key) for key in ("collection", "digest") if key in more}
    parts = [scan(tmp_path / "a", [document("n1", 3)]), scan(tmp_path / "b", [document("n2", 3)], **more)]
    change(parts[1], **changes)
    result = merge(tmp_path / "merged", parts)
    assert result["failed"] and said in result["msg"], result
    assert result["msg"].startswith(f"partial {parts[1]}: ") and str(parts[0]) in result["msg"]
    assert not (tmp_path / "merged").exists()


def change(part: pathlib.Path, digest: str = "", **more: t.Any) -> None:
    document = {**json.loads((part / PARTIAL).read_text()), **more}
    if digest:
        next(iter(document["candidates"].values()))["digest"] = digest
    (part / PARTIAL).write_text(json.dumps(document))


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"collection": "rke.cis 0.9.0"}, "of rke.cis 0.9.0, but this is rke.cis "),
        ({"digest": "00"}, "scanned with another benchmark RKE-CIS-1.4-Permissive than there is here; "),
        ({"schema": "rke.cis/partial/2"}, "not a part of a scan: schema: must be 'rke.cis/partial/1'; "),
        ({"nodes": {"n1": ["master"]}}, "not a part of a scan: nodes.n1.0: unknown value"),
        ({"started": "2026-99-21T22:00:00Z"}, "not a part of a scan: time data '2026-99-21T22:00:00Z'"),
        ({"candidates": {}}, "not a part of a scan: candidates: must not be empty"),
    ],
)
def test_a_part_that_cannot_be_used_here_is_refused(tmp_path: pathlib.Path, changes: t.Any, said: str) -> None:
    part = scan(tmp_path / "a", [document("n1", 3)])
    change(part, **changes)
    result = merge(tmp_path / "merged", [part])
    assert result["failed"] and said in result["msg"], result
    assert str(part) in result["msg"]


@pytest.mark.parametrize("content", [None, "", "[]", "{"])
def test_what_is_no_part_is_refused(tmp_path: pathlib.Path, content: str | None) -> None:
    (tmp_path / "a").mkdir()
    if content is not None:
        (tmp_path / "a" / PARTIAL).write_text(content)
    result = merge(tmp_path / "merged", [tmp_path / "a"])
    assert result["failed"]
    assert str(tmp_path / "a") in result["msg"]


@pytest.mark.parametrize(
    "more, said",
    [
        ({"max_apart": 0}, "cis_scan_max_apart is 0; must be at least 1 second"),
        ({"formats": ["excel"]}, "cis_report_formats excel: unknown"),
        ({"cluster": "prod"}, "of the cluster local; set cis_scan_cluster to it, not to prod"),
        ({"notify_rules": [{"name": "r", "on": "sunday"}]}, "cis_notify_rules 1 (r)"),
        ({"partials": ["/no/such"]}, "cis_scan_partials /no/such: cannot be read: No such file or directory"),
    ],
)
def test_a_wrong_request_is_one_line(tmp_path: pathlib.Path, more: dict[str, t.Any], said: str) -> None:
    result = merge(tmp_path / "merged", [scan(tmp_path / "a", [document("n1", 3)])], **more)
    assert result["failed"] and said in result["msg"], result


def test_of_a_directory_the_parts_of_the_newest_scan_count(tmp_path: pathlib.Path) -> None:
    now = int(time.time())

    def part(name: str, seconds: int, scan_id: str) -> str:
        of = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now - seconds))
        directory = tmp_path / "reports" / "local" / f"{of}-rke-cis-1.4-permissive-{name}"
        scan(directory, [document(name, 3)], scan_id=scan_id, started=now - seconds)
        return str(directory)

    result = merge(tmp_path / "reports", [])
    assert result["failed"] and "cannot be read" in result["msg"]
    old = part("n0", 7200, "7")
    result = merge(tmp_path / "reports", [], max_apart=3600)
    assert result["failed"] and "no parts that are newer than 3600 seconds found; scan again, or" in result["msg"]
    first, other, last = part("n1", 300, "8"), part("n2", 200, "7"), part("n3", 100, "8")
    assert merge(tmp_path / "reports", [])["parts"] == [first, last]
    assert merge(tmp_path / "reports", [], scan_id="7", max_apart=3600)["parts"] == [other]
    assert merge(tmp_path / "reports", [], scan_id="7")["parts"] == [old, other]
    assert "no parts of the scan 9" in merge(tmp_path / "reports", [], scan_id="9")["msg"]
    # a scan that was merged is none
    merged = merge(tmp_path / "reports", [])["scan_dir"]
    assert os.path.isfile(os.path.join(merged, "evidence", "node-n1.json")) and not os.path.exists(
        f"{merged}/{PARTIAL}"
    )


def test_parts_on_another_file_system_are_copied(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_paths: str) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)
    part = scan(tmp_path / "a", [document("n1", 3)])
    merged = merge(tmp_path / "merged", [part])
    shutil.rmtree(part)
    assert report(merged)["node_errors"] == {}


def places(value: t.Any, path: tuple[t.Any, ...] = ()) -> t.Iterator[tuple[t.Any, ...]]:
    """Yield the path of each value in a document."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        yield from places(inner, (*path, key))


def test_a_damaged_part_is_refused_in_one_line_or_is_as_good(tmp_path: pathlib.Path) -> None:
    """Whatever stands in place of a value: no traceback, and no node passes that has none."""
    part = scan(
        tmp_path / "a",
        [document("n1", 3)],
        skips={"1.1.2": {"by": "cis_scan_skip", "reason": "r"}},
        waivers=[{**WAIVER, "groups": {"g": ["n1"]}, "days_left": None}],
        attestations=[ATTESTED],
        not_scanned={"n2": ["worker"]},
    )
    assert "failed" not in merge(tmp_path / "merged", [part])
    whole = (part / PARTIAL).read_text(encoding="utf-8")
    for number, path in enumerate(places(json.loads(whole))):
        for bad in (None, 5, "x", [], {}, [["x"]], {"x": {}}, "remove"):
            damaged = {"": json.loads(whole)}
            place: t.Any = damaged
            for key in ("", *path)[:-1]:
                place = place[key]
            if bad == "remove":
                del place[("", *path)[-1]]
            else:
                place[("", *path)[-1]] = bad
            (part / PARTIAL).write_text(json.dumps(damaged.get("")), encoding="utf-8")
            result = merge(tmp_path / f"merged{number}", [part])
            if "failed" not in result:
                plan = json.loads(pathlib.Path(result["scan_dir"], ".plan.json").read_text(encoding="utf-8"))
                assert "failed" not in scored(result)
                assert set(plan["nodes"]) == {
                    path.stem[5:] for path in pathlib.Path(plan["evidence_dir"]).glob("node-*")
                }
            shutil.rmtree(tmp_path / f"merged{number}", ignore_errors=True)


def test_a_thousand_nodes_in_seven_parts_are_the_whole_byte_for_byte(tmp_path: pathlib.Path) -> None:
    """Dealt as AWX deals them, merged in another order, and one part twice."""
    texts = {kind: to_json(document("NAME", kind)) for kind in range(20)}
    roles = {f"n{number:04}": document("NAME", number % 20)["roles"] for number in range(20)}
    nodes = {f"n{number:04}": roles[f"n{number % 20:04}"] for number in range(1000)}

    def gathered(directory: pathlib.Path, names: list[str], **more: t.Any) -> pathlib.Path:
        plan = make_plan(directory, {name: nodes[name] for name in names}, cluster(), **more)
        for name in names:
            text = texts[int(name[1:]) % 20].replace('"NAME"', f'"{name}"')
            pathlib.Path(evidence_path(plan["evidence_dir"], name)).write_text(text, encoding="utf-8")
        if more["partial"]:
            write_partial(plan, "me")
        return directory

    output = {"formats": ["csv"]}
    names = list(nodes)
    whole = gathered(tmp_path / "whole" / "local" / NAME, names, partial=False, output=output, scanned_by="me")
    assert "failed" not in run_action(score_evidence.ActionModule, {"scan_dir": str(whole)})
    parts = [gathered(tmp_path / "parts" / f"p{of}", names[of::7], partial=True) for of in range(7)]
    shuffled = [parts[of] for of in (4, 1, 6, 0, 3, 1, 5, 2)]
    result = scored(merge(tmp_path / "merged", shuffled, formats=output["formats"]))
    merged, expected = files(pathlib.Path(result["scan_dir"])), files(whole)
    assert len(expected) > 1000 and merged.keys() == expected.keys()
    assert [name for name in merged if merged[name] != expected[name]] == []
