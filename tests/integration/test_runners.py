# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other ways to run a scan: in check mode, with other Pythons on the nodes and another ansible-core."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
import scans
from conftest import with_api
from scans import HARDENED, ROOT
from testbed import Testbed


def test_check_mode(hardened: Testbed, scan_hardened: scans.Outcome, tmp_path: pathlib.Path) -> None:
    variables = with_api(hardened, cis_scan_profile=HARDENED)
    outcome = scans.playbook(tmp_path, scans.SCAN, hardened.inventory, variables, "--check", bed=hardened)
    ours, theirs = outcome.report, scan_hardened.report
    for report in (ours, theirs):
        assert report.pop("collected_at")
        assert report["scan"].pop("name")
    assert ours == theirs
    assert outcome.table() == scan_hardened.table()
    assert outcome.code == scan_hardened.code


@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_events_for_programs(verbose: list[str], tmp_path: pathlib.Path) -> None:
    """Beside what is printed for people, and with that unchanged."""
    events = tmp_path / "events.jsonl"
    environment = scans.environment(RKE_CIS_SUMMARY_JSONL=str(events))
    outcome = scans.playbook(tmp_path, scans.SCAN, scans.PRACTICE / "inventory.yml", None, *verbose, env=environment)
    assert "cluster practice (97 controls)" in outcome.summary
    assert "nodes have answered" not in outcome.out  # three nodes are done before there is anything to tell
    started, *scored, last = [json.loads(line) for line in events.read_text(encoding="ascii").splitlines()]
    failing = [event for event in scored if event["event"] == "control_failing"]
    scored = scored[: -len(failing)]
    assert (started["event"], started["scan_dir"]) == ("scan_started", str(outcome.where.relative_to(tmp_path)))
    assert {event["node"]: {"roles": event["roles"], **event["counts"]} for event in scored} == outcome.report[
        "node_results"
    ]
    assert {event["id"] for event in failing} == outcome.ids("fail", "mixed")
    assert tuple(last["counts"][key] for key in scans.COUNTS) == outcome.counts
    assert tmp_path / last["report"] == outcome.where / "report.json"


# A Docker Engine at an address that only the docker CLI knows.
FORWARD = """
import asyncio

async def copy(source, target):
    while data := await source.read(65536):
        target.write(data)
    target.close()

async def forward(reader, writer):
    answers, questions = await asyncio.open_unix_connection("/var/run/docker.sock")
    await asyncio.gather(copy(reader, questions), copy(answers, writer))

async def main():
    await (await asyncio.start_server(forward, "127.0.0.1", 2375)).serve_forever()

asyncio.run(main())
"""


def test_docker_cli(hardened: Testbed, scan_hardened: scans.Outcome, tmp_path: pathlib.Path) -> None:
    for node in hardened.addresses:
        hardened.shell(node, f"setsid -f python3 -c '{FORWARD}' >/dev/null 2>&1 </dev/null")
    variables = with_api(hardened, cis_scan_profile=HARDENED, cis_scan_docker_host="tcp://127.0.0.1:2375")
    try:
        outcome = scans.playbook(tmp_path, scans.SCAN, hardened.inventory, variables, bed=hardened)
    finally:
        for node in hardened.addresses:
            hardened.shell(node, "pkill -f start_server")
    for node in hardened.addresses:
        ours, theirs = outcome.evidence(node), scan_hardened.evidence(node)
        assert ours["docker"]["source"] == "docker CLI"
        assert theirs["docker"]["source"] == "Docker Engine API"
        for document in (ours, theirs):
            for key in ("docker", "collected_at"):
                document.pop(key)
        assert ours == theirs
    assert outcome.verdicts() == scan_hardened.verdicts()


@pytest.mark.parametrize("version", ["3.6", "3.7"])
def test_old_python_on_the_nodes(
    version: str, hardened: Testbed, scan_hardened: scans.Outcome, node_pythons: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """Only ansible-core up to 2.16 manages such nodes."""
    core = ROOT / ".cache" / "venv-core-2.16" / "bin" / "ansible-playbook"
    if version not in node_pythons:
        pytest.skip(f"there is no Python {version} on this machine")
    if not core.exists():
        pytest.skip("there is no environment with ansible-core 2.16; make sanity makes it where its Python exists")
    groups = {"controlplane": ["cp1"], "etcd": ["etcd1"], "worker": ["worker1"]}
    hosts: dict[str, dict[str, t.Any]] = {
        name: {"ansible_python_interpreter": node_pythons[version]} for name in hardened.addresses
    }
    inventory = scans.inventory(tmp_path / "hosts.json", hardened, groups, {}, hosts)
    outcome = scans.playbook(
        tmp_path, scans.SCAN, inventory, {"cis_scan_profile": HARDENED}, bed=hardened, program=str(core)
    )
    ours, theirs = outcome.verdicts(), scan_hardened.verdicts()
    assert {name for name in ours if ours[name] != theirs[name]} <= set(scans.PSP_CONTROLS)
    assert outcome.counts[1:] == (0, 0, 19, 4)
    for node in hardened.addresses:
        seen, expected = outcome.evidence(node), scan_hardened.evidence(node)
        assert seen["paths"] == expected["paths"]
        assert seen["containers"] == expected["containers"]
