# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report comes out whatever Ansible stumbles over: on one node, on all of them, and in the user's settings."""

from __future__ import annotations

import pathlib
import re
import subprocess
import time
import typing as t

import pytest
import scans
from scans import PERMISSIVE
from testbed import Testbed

_SECONDS = 20
# Programs on a node that are not what they are called.
_PROGRAMS = {
    "sudo": "echo 'sudo: a password is required' >&2; exit 1",
    "killed": "kill -9 $$",
    "garbage": "printf 'Welcome\\n\\377\\376\\n'",
    "slow": "sleep 60",
    "stopped": "kill -STOP $$",
    "ahead": 'PYTHONPATH=/opt/wrong/a-day exec python3 "$@"',
}
# What happens on a host without an engine as soon as the module that gathers evidence asks the docker CLI.
_MEANWHILE = {"down": "pkill -KILL -f 'sshd: root@notty'; sleep 60", "none": "ip link set eth0 down; sleep 60"}
# A clock that is a day ahead, for the modules of this node.
_A_DAY = """import time
gmtime = time.gmtime
time.gmtime = lambda seconds=None: gmtime((time.time() if seconds is None else seconds) + 86400)
"""
_NEEDS = (
    r"; ansible-core 2\.\d+\.\S+ needs Python 3\.\d+ or later on a node: set ansible_python_interpreter to its path"
)
_SLOW = f"no answer in {_SECONDS} s; see what hangs there, or raise cis_scan_node_timeout"
_UNDEFINED = r"'nope' is undefined, which this host needs for {}; define it"
# Variables of a node, and the reason in the report.
WRONG: dict[str, tuple[dict[str, t.Any], str]] = {
    "no-password": (
        {"ansible_user": "rke", "ansible_become": True, "ansible_become_exe": "/opt/wrong/sudo"},
        "sudo asks for a password; run with --ask-become-pass, or set ansible_become_password",
    ),
    "wrong-password": (
        {
            "ansible_user": "rke",
            "ansible_become": True,
            "ansible_become_method": "su",
            "ansible_become_password": "hunter2",
        },
        "the su password is wrong; correct ansible_become_password",
    ),
    "no-sudo": (
        {"ansible_user": "rke", "ansible_become": True, "ansible_become_exe": "/opt/nope/sudo"},
        "/opt/nope/sudo is not installed on the node; install it, or set ansible_become_method or ansible_become_exe",
    ),
    "full": (
        {"ansible_remote_tmp": "/opt/full/tmp", "ansible_ssh_pipelining": False},
        "no space left on the node for Ansible's temporary files; free some, or set ansible_remote_tmp",
    ),
    "not-writable": (
        {"ansible_remote_tmp": "/proc/nope", "ansible_ssh_pipelining": False},
        "Ansible's temporary directory cannot be created on the node: no permission, or no space; .*",
    ),
    "argument": ({"cis_scan_prefix_path": "{{ nope }}"}, _UNDEFINED.format("cis_scan_prefix_path")),
    "address": ({"ansible_host": "{{ nope }}"}, _UNDEFINED.format("remote_addr")),
    "user": ({"ansible_user": "{{ nope }}"}, _UNDEFINED.format("remote_user")),
    "port": ({"ansible_port": "{{ nope }}"}, _UNDEFINED.format("port")),
    "become": ({"ansible_become": "{{ nope }}"}, _UNDEFINED.format("become")),
    "encrypted": (
        {"ansible_become": True, "ansible_become_password": {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n6162"}},
        ".*no vault secrets found; run with --ask-vault-pass or --vault-id",
    ),
    "connection": ({"ansible_connection": "nope"}, "the connection plugin 'nope' was not found"),
    "method": (
        {"ansible_become": True, "ansible_become_method": "nope"},
        "Invalid become method specified, could not find matching plugin: 'nope'.*",
    ),
    "interpreter": ({"ansible_python_interpreter": "{{ nope }}"}, "'nope' is undefined, which a variable of this .*"),
    "no-python": (
        {"ansible_python_interpreter": "/opt/nope/python3"},
        "/opt/nope/python3 does not run on the node .*not found.*" + _NEEDS,
    ),
    "killed": ({"ansible_python_interpreter": "/opt/wrong/killed"}, "/opt/wrong/killed does not run .*" + _NEEDS),
    "garbage": ({"ansible_python_interpreter": "/opt/wrong/garbage"}, "/opt/wrong/garbage does not run .*" + _NEEDS),
    "slow": ({"ansible_python_interpreter": "/opt/wrong/slow"}, _SLOW),
    "stopped": ({"ansible_python_interpreter": "/opt/wrong/stopped"}, _SLOW),
}

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://10.99.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


@pytest.fixture(scope="module")
def wrong(faults: Testbed, node_pythons: dict[str, str]) -> t.Iterator[dict[str, tuple[dict[str, t.Any], str]]]:
    """All that can be wrong with a node, each time with the same host."""
    lines = ["mkdir -p /opt/wrong /opt/full && mount -t tmpfs -o size=4k none /opt/full && mkdir /opt/full/tmp"]
    lines += [f"cat >/opt/wrong/{name} <<'E'\n#!/bin/sh\nrm $0\n{text}\nE" for name, text in _PROGRAMS.items()]
    lines += [f"mkdir /opt/wrong/a-day && cat >/opt/wrong/a-day/sitecustomize.py <<'E'\n{_A_DAY}E"]
    faults.shell("good", "\n".join([*lines, "chmod +x /opt/wrong/*"]), check=True)
    for host, text in _MEANWHILE.items():
        program = "/usr/local/bin/docker"
        faults.shell(host, f"cat >{program} <<'E'\n#!/bin/sh\nrm $0\n{text}\nE\nchmod +x {program}", check=True)
    old = node_pythons.get("3.6")
    too_old = {"old": ({"ansible_python_interpreter": old}, f"{old} is Python 3.6.\\d+, which is too old{_NEEDS}")}
    meanwhile = {
        "cut": ({"ansible_host": faults.addresses["down"]}, "the SSH connection broke while the node was examined; .*"),
        "lost": ({"ansible_host": faults.addresses["none"]}, _SLOW),
    }
    yield {**WRONG, **(too_old if old else {}), **meanwhile}
    # from outside: on the node, what would do it ends with the docker command
    inside = ["nsenter", "--target", pathlib.Path(faults.dir, "pid").read_text("utf-8").strip(), "--mount", "--net"]
    subprocess.run([*inside, "ip", "-n", "none", "link", "set", "eth0", "up"], check=True)
    # connections that are older than the loss of the link are of no use to the next test
    for socket in pathlib.Path(faults.dir, "cp").glob("*"):
        subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "x"], capture_output=True, check=False)
    faults.shell("none", "true", check=True)


def scan(
    faults: Testbed,
    directory: pathlib.Path,
    wrong: dict[str, tuple[dict[str, t.Any], str]],
    groups: dict[str, list[str]],
    shared: dict[str, t.Any] | None = None,
    **env: str,
) -> scans.Outcome:
    address = {"ansible_host": faults.addresses["good"]}
    hosts = {name: {**address, **variables} for name, (variables, _reason) in wrong.items()}
    inventory = scans.inventory(directory / "hosts.json", faults, groups, shared, hosts)
    settings = scans.environment(**env)
    variables = {"cis_scan_profile": PERMISSIVE, "cis_scan_fail_on": ["unreachable"], "cis_scan_node_timeout": _SECONDS}
    return scans.playbook(directory, scans.SCAN, inventory, variables, "--forks", "20", bed=faults, env=settings)


def check_reasons(outcome: scans.Outcome, wrong: dict[str, tuple[dict[str, t.Any], str]]) -> None:
    errors = outcome.report["node_errors"]
    assert set(errors) == set(wrong)
    for name, (_variables, reason) in wrong.items():
        assert re.fullmatch(f"(failed|unreachable): {reason}", errors[name]), errors[name]
    assert (outcome.where / "report.csv").exists()
    assert (outcome.where.parent / "index.json").exists()
    assert "Reports" in outcome.summary
    assert outcome.code == 2


def test_every_wrong_node_says_why(faults: Testbed, wrong: t.Any, tmp_path: pathlib.Path) -> None:
    """Beside nodes on which all is well, also where the user's settings say that an error ends the play."""
    groups = {"controlplane": ["cp1"], "etcd": ["etcd1"], "worker": [*wrong, "good", "ahead"]}
    nodes = {**wrong, "ahead": ({"ansible_python_interpreter": "/opt/wrong/ahead"}, "")}
    outcome = scan(faults, tmp_path, nodes, groups, ANSIBLE_ANY_ERRORS_FATAL="true", RKE_CIS_SUMMARY_PROGRESS="1")
    check_reasons(outcome, wrong)
    assert re.search(r"^\d+ of \d+ nodes have answered.*; waiting for ", outcome.out, re.M)
    assert "nodes have answered" not in outcome.summary
    for node in ("cp1", "etcd1", "good", "ahead"):
        assert outcome.report["node_results"][node]["pass"] > 5
    assert "clocks differ from the controller's: ahead is 24 h ahead; set them right" in outcome.report["warnings"]
    assert outcome.report["collected_at"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


ROLES = ("controlplane", "etcd", "worker")


@pytest.mark.parametrize("first", ["encrypted", "connection", "become"])
def test_all_nodes_are_wrong(faults: Testbed, wrong: t.Any, tmp_path: pathlib.Path, first: str) -> None:
    """The steps on the controller depend on no variable of the first node, nor on one of all hosts."""
    wrong = dict.fromkeys((first, "second"), wrong[first])
    shared = {} if first == "connection" else wrong[first][0]
    outcome = scan(faults, tmp_path, wrong, {role: list(wrong) for role in ROLES}, shared)
    check_reasons(outcome, wrong)
    assert outcome.report["pass"] == 0


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_node_called_localhost_is_not_the_controller(
    faults: Testbed, wrong: t.Any, tmp_path: pathlib.Path, name: str
) -> None:
    """A kubeconfig on the controller, and reports copied to a host: what the controller does is done there."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG, encoding="utf-8")
    hosts = {name: {"ansible_host": faults.addresses["good"], "ansible_connection": "ssh"}}
    shared = {"ansible_become": True, "ansible_become_user": "rke", "ansible_become_exe": "/opt/wrong/sudo"}
    hosts["good"] = {"ansible_become": False}
    inventory = scans.inventory(
        tmp_path / "hosts.json", faults, {role: [name, "good"] for role in ROLES}, shared, hosts
    )
    variables = {
        "cis_scan_profile": scans.HARDENED,
        "cis_scan_kubeconfig": "kubeconfig",
        "cis_scan_fail_on": [],
        "cis_report_host": "good",
        "cis_report_host_dir": "/opt/copies",
    }
    outcome = scans.playbook(tmp_path, scans.SCAN, inventory, variables, bed=faults)
    assert outcome.code == 0, outcome.out
    assert set(outcome.report["node_errors"]) == {name}
    assert outcome.report["node_results"]["good"]["pass"] > 5
    (part,) = outcome.checks["1.7.2"]["evidence"]
    assert "https://10.99.0.1:1 does not answer" in part["reason"]
    copied = faults.shell("good", f"ls /opt/copies/local/{outcome.where.name}/report.json; rm -r /opt/copies")
    assert copied.returncode == 0, copied.stderr


OWN = """
- hosts: all
  gather_facts: false
  %s
  tasks:
    - ansible.builtin.import_role: {name: rke.cis.cis_scan}
"""


@pytest.mark.parametrize("strategy", ["free", "host_pinned"])
def test_a_play_without_common_steps_is_refused(faults: Testbed, tmp_path: pathlib.Path, strategy: str) -> None:
    book = tmp_path / "own.yml"
    book.write_text(OWN % "", encoding="utf-8")
    env = scans.environment(ANSIBLE_STRATEGY=strategy)
    outcome = scans.playbook(tmp_path, book, faults.inventory, {}, "--limit", "good,cp1", bed=faults, env=env)
    assert outcome.failure().endswith("; set strategy: linear in the play")
    assert not (tmp_path / "cis-reports").exists()


def test_a_play_in_batches_is_refused(faults: Testbed, tmp_path: pathlib.Path) -> None:
    book = tmp_path / "own.yml"
    book.write_text(OWN % "serial: 1", encoding="utf-8")
    outcome = scans.playbook(tmp_path, book, faults.inventory, {}, "--limit", "good,cp1", bed=faults)
    assert outcome.failure().startswith("serial: ")
    assert not (tmp_path / "cis-reports").exists()


def test_a_strict_play_has_its_report(faults: Testbed, tmp_path: pathlib.Path) -> None:
    """Nodes that are lost end no play, however strict it is; facts are cached, and nothing is logged."""
    book = tmp_path / "own.yml"
    strict = "any_errors_fatal: true\n  max_fail_percentage: 0\n  no_log: true"
    book.write_text(OWN % strict, encoding="utf-8")
    lost = {"ansible_host": faults.addresses["good"], "ansible_port": 2}
    groups = {role: ["lost", "good"] for role in ROLES}
    inventory = scans.inventory(tmp_path / "hosts.json", faults, groups, {}, {"lost": lost})
    env = scans.environment(ANSIBLE_CACHE_PLUGIN="jsonfile", ANSIBLE_CACHE_PLUGIN_CONNECTION=str(tmp_path / "facts"))
    outcome = scans.playbook(tmp_path, book, inventory, {"cis_scan_fail_on": ["unreachable"]}, bed=faults, env=env)
    assert outcome.code == 2
    assert list(outcome.report["node_errors"]) == ["lost"]
    assert (outcome.where / "report.csv").exists()
    assert outcome.out.count("no_log hides the results") == 1
