# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report comes out whatever Ansible stumbles over: on one node, on all of them, and in the user's settings."""

from __future__ import annotations

import pathlib
import re
import typing as t

import pytest
import scans
from scans import PERMISSIVE
from testbed import Testbed

# Programs on a node that are not what they are called.
_PROGRAMS = {
    "sudo": "echo 'sudo: a password is required' >&2; exit 1",
    "killed": "kill -9 $$",
    "garbage": "printf 'Welcome\\n\\377\\376\\n'",
    "slow": "sleep 60",
    "stopped": "kill -STOP $$",
}
_NEEDS = (
    r"; ansible-core 2\.\d+\.\S+ needs Python 3\.\d+ or later on a node: set ansible_python_interpreter to its path"
)
_SLOW = r"no answer in 9 s; see what hangs there, or raise cis_scan_node_timeout \(or cis_scan_deadline\)"
_UNDEFINED = r"'nope' is undefined, which this host needs for {}; define it"
# Variables of a node, and the reason in the report.
WRONG: dict[str, tuple[dict[str, t.Any], str]] = {
    "no-password": (
        {"ansible_user": "rke", "ansible_become": True, "ansible_become_exe": "/opt/wrong/sudo"},
        "sudo asks for a password; run with --ask-become-pass, or set ansible_become_password",
    ),
    "full": (
        {"ansible_remote_tmp": "/opt/full/tmp", "ansible_ssh_pipelining": False},
        "no space left on the node for Ansible's temporary files; free some, or set ansible_remote_tmp",
    ),
    "not-writable": (
        {"ansible_remote_tmp": "/proc/nope", "ansible_ssh_pipelining": False},
        "Ansible's temporary directory cannot be created on the node: no permission, or no space; .*",
    ),
    "argument": ({"cis_scan_prefix_path": "{{ nope }}"}, _UNDEFINED.format("prefix_path")),
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


@pytest.fixture(scope="module")
def wrong(faults: Testbed, node_pythons: dict[str, str]) -> dict[str, tuple[dict[str, t.Any], str]]:
    """All that can be wrong with a node, each time with the same host."""
    lines = ["mkdir -p /opt/wrong /opt/full && mount -t tmpfs -o size=4k none /opt/full && mkdir /opt/full/tmp"]
    lines += [f"cat >/opt/wrong/{name} <<'E'\n#!/bin/sh\n{text}\nE" for name, text in _PROGRAMS.items()]
    faults.shell("good", "\n".join([*lines, "chmod +x /opt/wrong/*"]), check=True)
    old = node_pythons.get("3.6")
    too_old = {"old": ({"ansible_python_interpreter": old}, f"{old} is Python 3.6.\\d+, which is too old{_NEEDS}")}
    return {**WRONG, **(too_old if old else {})}


def scan(
    faults: Testbed,
    directory: pathlib.Path,
    wrong: dict[str, tuple[dict[str, t.Any], str]],
    groups: dict[str, list[str]],
    **env: str,
) -> scans.Outcome:
    address = {"ansible_host": faults.addresses["good"]}
    hosts = {name: {**address, **variables} for name, (variables, _reason) in wrong.items()}
    inventory = scans.inventory(directory / "hosts.json", faults, groups, {}, hosts)
    env = scans.environment(**env)
    variables = {"cis_scan_profile": PERMISSIVE, "cis_scan_fail_on": ["unreachable"], "cis_scan_node_timeout": 9}
    return scans.playbook(directory, scans.SCAN, inventory, variables, "--forks", "20", bed=faults, env=env)


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
    groups = {"controlplane": ["cp1"], "etcd": ["etcd1"], "worker": [*wrong, "good"]}
    outcome = scan(faults, tmp_path, wrong, groups, ANSIBLE_ANY_ERRORS_FATAL="true", RKE_CIS_SUMMARY_PROGRESS="1")
    check_reasons(outcome, wrong)
    assert re.search(r"^\d+ of \d+ nodes have answered.*; waiting for ", outcome.out, re.M)
    assert "nodes have answered" not in outcome.summary
    for node in ("cp1", "etcd1", "good"):
        assert outcome.report["node_results"][node]["pass"] > 5


@pytest.mark.parametrize("first", ["encrypted", "connection", "become"])
def test_all_nodes_are_wrong(faults: Testbed, wrong: t.Any, tmp_path: pathlib.Path, first: str) -> None:
    """The steps on the controller depend on no variable of the first node."""
    wrong = {name: wrong[name] for name in (first, "no-password")}
    outcome = scan(faults, tmp_path, wrong, {role: list(wrong) for role in ("controlplane", "etcd", "worker")})
    check_reasons(outcome, wrong)
    assert outcome.report["pass"] == 0
