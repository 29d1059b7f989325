# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question, no scan: rke.cis.check as it is called on the command line."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import typing as t

import pytest
import scans
from scans import HARDENED
from testbed import Testbed

KEYS = ("state", "expected", "actual", "source", "reason")


def question(hosts: str, inventory: t.Any, arguments: str, *more: str) -> list[str]:
    return ["ansible", hosts, "-i", str(inventory), "-m", "rke.cis.check", "-a", arguments, *more]


def answers(text: str) -> dict[str, tuple[str, dict[str, t.Any]]]:
    """Return for each host what stands before its result, and the result."""
    found = {}
    for head in re.finditer(r"^(\S+) \| (\S+) => (?=\{)", text, re.M):
        found[head[1]] = (head[2], json.JSONDecoder().raw_decode(text, head.end())[0])
    return found


def test_each_node_says_what_the_scan_said(
    api: None, hardened: Testbed, scan_hardened: scans.Outcome, tmp_path: pathlib.Path
) -> None:
    """Of flags, files, directories and the API, each looked at with no more than these controls ask for."""
    for ids in ("1.4,1.5.*,2.2", "1.7.2,2.1.1", "1.1.34"):
        arguments = f"profile={HARDENED} id={ids} kubeconfig={hardened.kubeconfig}"
        done = hardened.run(question("all", hardened.inventory, arguments), env=scans.environment(), cwd=tmp_path)
        found = answers(done.stdout)
        assert {name: status for name, (status, _result) in found.items()} == dict.fromkeys(
            ("cp1", "etcd1", "worker1"), "SUCCESS"
        ), done
        for name, (_status, result) in found.items():
            for check in result["checks"]:
                judged = scan_hardened.checks[check["id"]]
                seen = [part for part in judged.get("evidence", []) if name in part["nodes"]]
                if seen:
                    assert [check[key] for key in KEYS] == [seen[0][key] for key in KEYS]
                else:
                    assert check["state"] in ("notHere", "notApplicable"), check
        states = [check["state"] for _status, result in found.values() for check in result["checks"]]
        assert "pass" in states and "notHere" in states
    assert [path.name for path in tmp_path.iterdir()] == []


def test_a_failure_is_told_and_fails_where_it_was_asked_to(default: Testbed, tmp_path: pathlib.Path) -> None:
    keywords = {"env": scans.environment(), "cwd": tmp_path}
    arguments = f"profile={HARDENED} id=2.1.6"
    told = default.run(question("worker1", default.inventory, arguments), **keywords)
    status, result = answers(told.stdout)["worker1"]
    assert (told.returncode, status, result["checks"][0]["state"]) == (0, "SUCCESS", "fail")
    assert "    expected --protect-kernel-defaults=true" in result["lines"]
    gated = default.run(question("worker1", default.inventory, arguments + " fail_on=fail", "--check"), **keywords)
    status, result = answers(gated.stdout)["worker1"]
    assert (gated.returncode, status, result["msg"]) == (2, "FAILED!", f"{HARDENED}: 2.1.6 is fail")
    assert result["checks"][0]["actual"] == "--protect-kernel-defaults is not set"


# -------------------------------------------------------------------------------------------------- without a test bed


@pytest.mark.parametrize("core", ["", "2.16", "2.21"])
def test_every_core(core: str, tmp_path: pathlib.Path) -> None:
    """On this machine no Docker answers at that socket, and variables of the scan count."""
    environment = scans.environment()
    if core:
        other = scans.ROOT / ".cache" / f"venv-core-{core}" / "bin"
        if not (other / "ansible").exists():
            pytest.skip(f"no environment with ansible-core {core}; make sanity makes it where its Python exists")
        environment = scans.environment(PATH=f"{other}:{scans.SYSTEM_PATH}")
    inventory = tmp_path / "hosts"
    inventory.write_text(
        "[worker]\nw1 ansible_connection=local ansible_python_interpreter='{{ ansible_playbook_python }}'\n"
        "[all:vars]\nversion=1.4\ncis_scan_profile='RKE-CIS-{{ version }}-Hardened'\n"
        "cis_scan_docker_host=unix:///no/such.sock\n",
        encoding="utf-8",
    )
    cases = [
        ("id=2.1.1,1.1.2", 0, {"2.1.1": "error", "1.1.2": "notHere"}),
        ("id=2.1.1 fail_on=fail,error", 2, {"2.1.1": "error"}),
        ("id=2.1.99", 2, {}),
    ]
    for arguments, code, states in cases:
        done = subprocess.run(
            question("w1", inventory, arguments),
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (code, False), done
        _status, result = answers(done.stdout)["w1"]
        assert {check["id"]: check["state"] for check in result.get("checks", [])} == states
        if states:
            assert result["profile"] == HARDENED
            assert "unix:///no/such.sock" in "".join(check["reason"] for check in result["checks"])
        else:
            assert result["msg"] == "id: rke-cis-1.4 has no control '2.1.99' (did you mean 2.1.9?)"


def test_an_encryption_file_with_and_without_pyyaml(hardened: Testbed, tmp_path: pathlib.Path) -> None:
    """RKE itself writes keys twice for a custom_config. A key in the wrong place stays on the node."""
    file, without = "/etc/kubernetes/ssl/encryption.yaml", "/root/python-without-site-packages"
    script = f"printf '#!/bin/sh\\nexec /usr/bin/python3 -S \"$@\"\\n' >{without}; chmod 755 {without}"
    hardened.shell("cp1", f"{script}; cp -p {file} {file}.kept")
    assert hardened.shell("cp1", f"/usr/bin/python3 -c 'import yaml'; {without} -c 'import yaml'").returncode
    key = hardened.shell("cp1", f"grep secret: {file}").stdout.split()[-1]
    try:
        for change, answer in (
            ("1,2{p;p}; 3,$p", ("pass", "secrets=aescbc,identity")),
            (f"s|^  - secrets|  - aescbc: {{keys: [{{secret: {key}}}]}}|; p", ("fail", "malformed")),
        ):
            hardened.shell("cp1", f"sed -n '{change}' {file}.kept >{file}")
            for python in ("/usr/bin/python3", without):
                asked = question("cp1", hardened.inventory, f"profile={HARDENED} id=1.1.35", "-vvv")
                asked += ["-e", f"ansible_python_interpreter={python}"]
                done = hardened.run(asked, env=scans.environment(), cwd=tmp_path)
                (check,) = answers(done.stdout)["cp1"][1]["checks"]
                assert (check["state"], check["actual"]) == answer, (change, python, check)
                assert key[:6] not in done.stdout + done.stderr
    finally:
        hardened.shell("cp1", f"mv {file}.kept {file}; rm {without}")
