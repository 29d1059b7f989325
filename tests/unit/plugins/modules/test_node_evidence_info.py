# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import json

import pytest

from ansible_collections.rke.cis.plugins.modules import node_evidence_info
from ansible_collections.rke.cis.tests.unit.plugins.modules.module_helper import run_module


def kubelet(tmp_path):
    return {
        "Name": "/kubelet",
        "Path": "/opt/rke-tools/entrypoint.sh",
        "Args": ["kubelet", "--client-ca-file=/etc/kubernetes/ca.pem"],
        "State": {"Status": "exited", "Pid": 0},
        "Config": {"Env": ["SECRET=hunter2", "A=1"]},
        "Mounts": [{"Source": str(tmp_path), "Destination": "/etc/kubernetes"}],
    }


PLAN = {
    "containers": {"kubelet": {"env": ["A"]}, "etcd": {}},
    "paths": [
        {"container": "kubelet", "flag": "--client-ca-file", "style": "pflag_strict"},
        {"container": "kubelet", "path": "/etc/kubernetes", "list": True},
    ],
}


def test_all_at_once(docker, tmp_path):
    (tmp_path / "ca.pem").write_text("")
    docker(f"cat <<'X'\n{json.dumps([kubelet(tmp_path)])}\nX\necho 'Error: No such container: etcd' >&2; exit 1")
    result = run_module(node_evidence_info.main, plan=PLAN, node="n1", roles=["worker"])
    evidence = result["evidence"]
    assert result["changed"] is False
    assert (evidence["node"], evidence["roles"], evidence["schema"]) == ("n1", ["worker"], "rke.cis/evidence/1")
    assert evidence["containers"]["kubelet"]["state"] == "exited"
    assert evidence["containers"]["kubelet"]["env"] == {"A": "1"}
    assert evidence["containers"]["etcd"]["error"]["kind"] == "missing"
    assert evidence["paths"]["kubelet:--client-ca-file"]["path"] == f"{tmp_path}/ca.pem"
    names = [entry["name"] for entry in evidence["paths"]["kubelet:/etc/kubernetes"]["entries"]]
    assert names == ["ca.pem", "docker"]
    assert "hunter2" not in json.dumps(result)


@pytest.mark.parametrize(
    "script, kind",
    [
        ("echo 'connect: permission denied' >&2; exit 1", "denied"),
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "down"),
        ("exec sleep 60", "timeout"),
    ],
)
def test_docker_that_does_not_answer_is_evidence_and_no_failure(docker, script, kind):
    docker(script)
    result = run_module(node_evidence_info.main, plan=PLAN, timeout=1)
    assert "failed" not in result
    evidence = result["evidence"]
    assert evidence["docker"]["error"]["kind"] == kind
    assert evidence["containers"]["kubelet"]["error"]["kind"] == kind
    assert evidence["paths"]["kubelet:--client-ca-file"]["error"]["kind"] == "container " + kind


def test_the_prefix_is_used(docker, tmp_path):
    docker("echo '[]'")
    (tmp_path / "etc").mkdir()
    plan = {"paths": [{"container": "kubelet", "path": "/etc"}]}
    evidence = run_module(node_evidence_info.main, plan=plan, prefix_path=str(tmp_path))["evidence"]
    assert evidence["paths"]["kubelet:/etc"]["path"] == str(tmp_path / "etc")


def test_an_empty_plan(docker):
    docker("echo '[]'")
    evidence = run_module(node_evidence_info.main, plan={})["evidence"]
    assert (evidence["containers"], evidence["paths"]) == ({}, {})


@pytest.mark.parametrize(
    "args, text",
    [
        ({}, "plan"),
        ({"plan": {"paths": [{"path": "/x"}]}}, "container"),
        ({"plan": {"paths": [{"container": "x", "flag": "--y", "style": "text"}]}}, "style"),
        ({"plan": {"paths": [{"container": "x", "path": "/y", "read": "everything"}]}}, "read"),
        ({"plan": {"files": []}}, "files"),
        ({"plan": {}, "roles": ["master"]}, "roles"),
    ],
)
def test_a_wrong_request_is_refused(args, text):
    result = run_module(node_evidence_info.main, **args)
    assert result["failed"] is True
    assert text in result["msg"]
