# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that do not show what is asked: each is an error with its reason, and the other nodes' verdicts stand."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import scans
from scans import HARDENED, PERMISSIVE
from testbed import Testbed

WORKERS = ["good", "down", "none", "hang", "stopped", "gone", "nowhere", "refused"]
GROUPS = {"controlplane": ["cp1"], "etcd": ["etcd1"], "worker": WORKERS}
HOSTS: dict[str, dict[str, t.Any]] = {
    "nowhere": {"ansible_host": "no.such.host.invalid"},
    "refused": {"ansible_port": 2},
}


@pytest.fixture(scope="module")
def inventory(faults: Testbed, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """All but one worker have something wrong; two are not reached at all."""
    hosts = {**HOSTS, "refused": {**HOSTS["refused"], "ansible_host": faults.addresses["good"]}}
    return scans.inventory(tmp_path_factory.mktemp("inventory") / "hosts.json", faults, GROUPS, {}, hosts)


@pytest.fixture(scope="module")
def broken(faults: Testbed, inventory: pathlib.Path, runs: t.Any) -> scans.Outcome:
    variables = {"cis_scan_profile": HARDENED, "cis_scan_timeout": 3}
    return scans.playbook(runs("broken"), scans.SCAN, inventory, variables, "--forks", "10", bed=faults)


def reason(outcome: scans.Outcome, control: str, node: str) -> str:
    (part,) = (part for part in outcome.checks[control]["evidence"] if node in part["nodes"])
    assert part["state"] == "error", part
    return part["reason"]


def test_report_is_whole(broken: scans.Outcome) -> None:
    assert len(broken.checks) == 97
    assert len(broken.table()) == 98
    assert set(broken.report["node_results"]) == {"cp1", "etcd1", *WORKERS}
    assert {path.name for path in (broken.where / "evidence").iterdir()} == {
        "cluster.json",
        *(f"node-{name}.json" for name in ("cp1", "etcd1", *WORKERS)),
    }


def test_other_nodes_are_not_affected(broken: scans.Outcome) -> None:
    states = {name: check["state"] for name, check in broken.checks.items()}
    for name, check in broken.checks.items():
        if check["state"] not in ("notApplicable", "skip") and "node" in check["node_type"]:
            assert "good" in check["passed_nodes"], name
            assert states[name] == "error"
            row = next(row for row in broken.table() if row[0] == name)
            assert row[2].startswith("Not examined: ")
            assert "good" in row[6].split(",")
            assert row[7] == ""
    assert {states[name] for name in ("1.1.2", "1.4.15", "1.5.1", "1.4.12")} == {"pass"}
    assert broken.report["node_results"]["good"]["error"] == 0


@pytest.mark.parametrize(
    "node,words",
    [
        (
            "down",
            r"^down: .*Cannot connect to the Docker daemon.*; start Docker, or name its socket with cis_scan_docker_ho",
        ),
        (
            "none",
            r"^missing: there is no docker command on this node; install Docker, or take the node out of the role",
        ),
        ("hang", r"^timeout: docker container gave no answer in 3 s; Docker does not answer; look at its log"),
        ("stopped", r"^container kubelet is exited, not running; see its log and start it$"),
        ("gone", r"^missing: there is no container named kubelet$"),
        ("nowhere", r"^unreachable: .*(resolve|not known)"),
        ("refused", r"^unreachable: .*Connection refused"),
    ],
)
def test_reason(broken: scans.Outcome, node: str, words: str) -> None:
    assert re.search(words, reason(broken, "2.1.2", node)), reason(broken, "2.1.2", node)
    assert broken.report["node_results"][node]["fail"] == 0


def test_what_can_be_seen_is_seen(broken: scans.Outcome) -> None:
    """A stopped kubelet does not hide the kube-proxy, nor a missing one the modes of files."""
    for node in ("stopped", "gone"):
        assert node in broken.checks["2.2.5"]["passed_nodes"]
    for node in ("down", "none", "hang"):
        assert node in broken.checks["2.2.5"]["error_nodes"]


def test_exit_says_so(broken: scans.Outcome) -> None:
    assert broken.code != 0
    assert "0 of 97 controls fail" in broken.failure()
    assert "(nothing was seen of down, hang, none, nowhere, refused)" in broken.failure()
    assert set(broken.report["node_errors"]) == {"down", "hang", "none", "nowhere", "refused"}


def test_one_dead_node_does_not_fill_the_screen(broken: scans.Outcome) -> None:
    assert broken.summary.count("there is no docker command on this node") == 1
    assert len(broken.summary.splitlines()) < 80


@pytest.mark.parametrize(
    "fail_on,nodes,fails",
    [
        ([], ["good", "refused"], False),
        (["fail"], ["good", "refused"], False),
        (["unreachable"], ["good", "refused"], True),
        (["unreachable"], ["good", "down"], True),
        (["unreachable"], ["good", "stopped"], False),
        (["error"], ["good", "stopped"], True),
        (["error", "fail"], ["good"], True),  # cp1 and etcd1 are left out: their controls are errors
    ],
)
def test_fail_on(
    faults: Testbed, inventory: pathlib.Path, tmp_path: pathlib.Path, fail_on: list[str], nodes: list[str], fails: bool
) -> None:
    variables = {"cis_scan_profile": PERMISSIVE, "cis_scan_fail_on": fail_on}
    outcome = scans.playbook(tmp_path, scans.SCAN, inventory, variables, "--limit", ",".join(nodes), bed=faults)
    assert (outcome.where / "report.csv").exists()
    assert (outcome.code != 0) == fails
    if fails:
        assert "0 of 97 controls fail, " in outcome.failure()


def test_prefix_path(faults: Testbed, tmp_path: pathlib.Path) -> None:
    """RancherOS and Flatcar: RKE's files lie under /opt/rke, which the containers' mounts tell."""
    groups = {"controlplane": ["flatcar"], "etcd": ["flatcar"], "worker": ["flatcar"]}
    inventory = scans.inventory(tmp_path / "hosts.json", faults, groups)
    outcome = scans.playbook(tmp_path, scans.SCAN, inventory, {"cis_scan_profile": HARDENED}, bed=faults)
    assert outcome.counts == (74, 0, 0, 19, 4)
    paths = outcome.evidence("flatcar")["paths"]
    assert {entry["path"] for entry in paths.values() if "path" in entry}
    assert all(entry["path"].startswith("/opt/rke/") for entry in paths.values() if "path" in entry)


PODMAN = """#!/bin/sh
echo "Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg." >&2
echo "Error: unknown shorthand flag: 'H' in -H" >&2
echo "See 'podman --help'" >&2
exit 125
"""
LIAR = "#!/bin/sh\nexec kubelet --anonymous-auth=true --token=hunter2\n"
PREPARE = f"""cat >/usr/local/bin/docker <<'X'
{PODMAN}X
chmod 755 /usr/local/bin/docker"""
RUN_LIAR = f"""cat >/opt/liar <<'X'
{LIAR}X
chmod 755 /opt/liar
docker run -d --name kubelet --network none -v /opt/liar:/opt/rke-tools/entrypoint.sh \
    --entrypoint /opt/rke-tools/entrypoint.sh $(docker inspect -f '{{{{.Config.Image}}}}' kube-proxy) \
    kubelet --anonymous-auth=false"""


def test_what_docker_says_is_no_proof(faults: Testbed, inventory: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """On one node podman stands in for Docker; on another one a kubelet runs that Docker has not been asked for."""
    try:
        assert faults.shell("none", PREPARE).returncode == 0
        done = faults.shell("gone", RUN_LIAR)
        assert done.returncode == 0, done.stderr
        variables = {"cis_scan_profile": HARDENED, "cis_scan_docker_host": "/var/run/docker.sock"}
        outcome = scans.playbook(
            tmp_path,
            scans.SCAN,
            inventory,
            variables,
            "--limit",
            "good,none,gone,hang",
            "-e",
            "cis_scan_timeout=3",
            bed=faults,
        )
    finally:
        faults.shell("none", "rm -f /usr/local/bin/docker")
        faults.shell("gone", "docker rm -f kubelet")
    words = "Error: unknown shorthand flag: 'H' in -H; podman is not Docker"
    assert words in reason(outcome, "2.1.2", "none")
    assert "gone" in outcome.checks["2.1.2"]["failed_nodes"]
    assert "good" in outcome.checks["2.1.2"]["passed_nodes"]
    assert outcome.evidence("gone")["containers"]["kubelet"]["processes"] == [
        ["kubelet", "--anonymous-auth=true", "--token=********"]
    ]
    assert outcome.evidence("good")["docker"]["host"] == "unix:///var/run/docker.sock"
