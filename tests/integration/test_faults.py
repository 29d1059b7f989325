# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that do not show what is asked: each is an error with its reason, and the other nodes' verdicts stand."""

from __future__ import annotations

import concurrent.futures
import pathlib
import re
import subprocess
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
            r"^missing: there is no docker command on this node; install Docker, name its socket with cis_scan_docker_",
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
        (["fail"], ["good", "refused"], True),  # all is error, since each node has all roles
        (["fail"], ["good", "stopped"], False),
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


def test_a_full_disk_of_the_controller_is_not_taken_for_the_nodes(
    faults: Testbed, inventory: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", disk], check=True)
    try:
        (disk / "filler").write_bytes(b"x" * 4096)
        env = scans.environment(ANSIBLE_LOCAL_TEMP=str(disk))
        outcome = scans.playbook(tmp_path, scans.SCAN, inventory, {}, "--limit", "good", bed=faults, env=env)
    finally:
        subprocess.run(["umount", disk], check=True)
    words = "no space left on the controller for Ansible's temporary files; free some, or set ANSIBLE_LOCAL_TEMP"
    assert outcome.report["node_errors"] == {"good": f"failed: {words}"}
    assert outcome.code == 2


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


# ------------------------------------------------------------------------- all else at once, each on a node of its own

_ENGINE = "$(pgrep -o dockerd)"
_SSL = "/etc/kubernetes/ssl"
_UNTIL = (
    "for try in $(seq 100); do [ $(docker inspect -f '{{.State.Status}}' %s 2>/dev/null | grep -c %s) = %d ] && exit;"
    " sleep 0.1; done; docker ps -a; exit 1"
)
# A file system whose server never answers, or has ended.
_MOUNT = """import ctypes, os, sys, time
handle = os.open("/dev/fuse", os.O_RDWR)
options = "fd=%d,rootmode=%s,user_id=0,group_id=0" % (handle, sys.argv[2])
if ctypes.CDLL(None, use_errno=True).mount(b"x", sys.argv[1].encode(), b"fuse.x", 0, options.encode()):
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
if sys.argv[3] == "hangs":
    time.sleep(600)
"""
_ODD_FILES = f"""import os
os.chdir({_SSL!r})
os.unlink("kubecfg-kube-scheduler.yaml")
os.unlink("kubecfg-kube-controller-manager.yaml")
os.mkdir("kubecfg-kube-controller-manager.yaml")
os.rename("kubecfg-kube-node.yaml", "/opt/elsewhere")
os.symlink("/opt/elsewhere", "kubecfg-kube-node.yaml")
with open(b"a b\\n\\xff.pem", "w") as stream:
    os.fchmod(stream.fileno(), 0o666)
"""


def mount(path: str, kind: str, mode: str) -> tuple[str, str]:
    """Return how a file system is mounted that does not answer, and how it goes."""
    start = f"python3 /opt/mount.py {path} {mode} {kind} >/opt/mount.log 2>&1 </dev/null & echo $! >/opt/mount.pid"
    wait = "for try in $(seq 100); do [ -s /opt/mount.log ] && break; sleep 0.1; done; grep mounted /opt/mount.log"
    end = f"kill $(cat /opt/mount.pid); umount -l {path}; rm /opt/mount.*"
    return f"cat >/opt/mount.py <<'E'\n{_MOUNT}E\n{start}\n{wait}", end


_ENDED = mount("/var/lib/etcd", "ended", "40000")
# Host to what goes wrong on it, and to what puts it right again.
BREAK = {
    "cp1": (
        f"docker pause kube-scheduler; cp -a {_SSL} /opt/before; python3 - <<'E'\n{_ODD_FILES}E",
        f"docker unpause kube-scheduler; find {_SSL} -mindepth 1 -delete; cp -a /opt/before/. {_SSL}; "
        "rm -r /opt/before /opt/elsewhere",
    ),
    "closed": (f"kill -STOP {_ENGINE}", f"kill -CONT {_ENGINE}"),
    "flatcar": (
        f"tr '\\0' '\\n' </proc/{_ENGINE}/cmdline >/opt/engine; kill -KILL {_ENGINE}",
        "setsid xargs -d '\\n' -a /opt/engine env >/dev/null 2>&1 </dev/null &\n"
        + _UNTIL % ("kubelet kube-proxy etcd", "running", 3),
    ),
    "gone": (
        "docker run -d --restart=always --name kubelet --network none -v /bin/busybox:/no:ro"
        " --entrypoint /no $(docker inspect -f '{{.Config.Image}}' kube-proxy) false; "
        + _UNTIL
        % ("kubelet", "restarting", 1),
        "docker rm -f kubelet",
    ),
    "good": ("docker rename kubelet kubelet-old", "docker rename kubelet-old kubelet"),
    "stopped": mount(f"{_SSL}/kubecfg-kube-node.yaml", "hangs", "100000"),
    # its Docker answers late, but in time
    "etcd1": (f"{_ENDED[0]}; kill -STOP {_ENGINE}; (sleep 2; kill -CONT {_ENGINE}) >/dev/null 2>&1 &", _ENDED[1]),
}
# What cis_scan_docker_host names in place of a socket.
NO_SOCKET = {"directory": "/etc", "relative": "var/run/docker.sock"}


@pytest.fixture(scope="module")
def odd(faults: Testbed, runs: t.Any) -> t.Iterator[scans.Outcome]:
    """Engines, containers, files and mounts in a bad way. One host has two names."""

    def each(which: int) -> None:
        with concurrent.futures.ThreadPoolExecutor(len(BREAK)) as pool:
            for done in pool.map(lambda host: faults.shell(host, BREAK[host][which]), BREAK):
                assert done.returncode == 0, done

    groups = {"controlplane": ["cp1", "cp1-again", "closed", "flatcar"], "etcd": ["etcd1", "flatcar"]}
    groups["worker"] = ["good", "gone", "stopped", "flatcar", *NO_SOCKET]
    directory = runs("odd")
    hosts = {"cp1-again": {"ansible_host": faults.addresses["cp1"]}}
    for name, address in NO_SOCKET.items():
        hosts[name] = {"ansible_host": faults.addresses["good"], "cis_scan_docker_host": address}
    inventory = scans.inventory(directory / "hosts.json", faults, groups, {}, hosts)
    try:
        each(0)
        variables = {"cis_scan_profile": HARDENED, "cis_scan_timeout": 3}
        yield scans.playbook(directory, scans.SCAN, inventory, variables, "--forks", "10", bed=faults)
    finally:
        each(1)


@pytest.mark.parametrize(
    "control,node,words",
    [
        (
            "1.1.2",
            "closed",
            "timeout: docker container gave no answer in 3 s; Docker does not answer; look at its log, .*",
        ),
        (
            "2.1.2",
            "flatcar",
            "down: Cannot connect to the Docker daemon at .*; start Docker, or name its socket with .*",
        ),
        # for a moment it runs, and is gone when it is looked at
        ("2.1.2", "gone", "(container kubelet is restarting, not running|.*is restarting, wait|.*no .*process).*"),
        ("1.2.1", "cp1", "container kube-scheduler is paused, not running; unpause it"),
        (
            "2.1.2",
            "directory",
            "failed: /etc: not a socket; look at Docker's log, or name its socket with cis_scan_docker_host",
        ),
        (
            "2.1.2",
            "relative",
            "address: 'var/run/docker.sock' is not a valid address of Docker; set cis_scan_docker_host to its .*",
        ),
        ("2.1.2", "good", "missing: there is no container named kubelet"),
        (
            "2.2.6",
            "stopped",
            f"timeout: nothing was seen in 3 s, since {_SSL}/kubecfg-kube-node.yaml does not answer; see whether a "
            "disk or a mount hangs there, or raise cis_scan_timeout",
        ),
        ("1.4.11", "etcd1", "unreadable: /var/lib/etcd: Transport endpoint is not connected"),
        ("1.4.19", "cp1", f"{_SSL}/kubecfg-kube-node.yaml: symbolic link to /opt/elsewhere, outside /etc/kubernetes"),
    ],
)
def test_reason_of_what_is_odd(odd: scans.Outcome, control: str, node: str, words: str) -> None:
    assert re.fullmatch(words, reason(odd, control, node)), reason(odd, control, node)
    assert odd.code == 2
    assert len(odd.checks) == 97


@pytest.mark.parametrize(
    "control,seen", [("1.4.15", "missing"), ("1.4.17", "a directory, not a file"), ("1.4.20", "a b\n?.pem 0666")]
)
def test_files_that_are_not_what_they_should_be_fail(odd: scans.Outcome, control: str, seen: str) -> None:
    (part,) = (part for part in odd.checks[control]["evidence"] if part["state"] == "fail")
    assert part["actual"] == seen
    assert part["nodes"] == ["cp1", "cp1-again"], "one host of two names is two nodes that are alike"


def test_one_host_under_two_names_is_said(odd: scans.Outcome) -> None:
    advice = "so they are one host or copies of one; keep one of them in the inventory"
    assert f"cp1, cp1-again have the same containers, {advice}" in odd.report["warnings"]


def test_docker_that_answers_late_is_waited_for(odd: scans.Outcome) -> None:
    assert odd.checks["1.5.1"]["passed_nodes"] == ["etcd1"]
    assert set(odd.report["node_errors"]) == {"closed", "flatcar", *NO_SOCKET}
