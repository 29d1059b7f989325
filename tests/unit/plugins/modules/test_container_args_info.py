# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import json
import pathlib

import pytest

from ansible_collections.rke.cis.plugins.modules import container_args_info
from ansible_collections.rke.cis.tests.unit.plugins.modules.module_helper import run_module

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"


def test_what_is_there_and_what_is_not(docker):
    (kubelet,) = (
        item
        for item in json.loads((FIXTURES / "inspect-worker.json").read_text(encoding="utf-8"))
        if item["Name"] == "/kubelet"
    )
    kubelet["State"]["Pid"] = 0
    docker(
        f'case "$4" in inspect) cat <<X\n{json.dumps([kubelet])}\nX\n'
        'echo "Error: No such container: etcd" >&2; exit 1;;\n'
        "*) echo PID COMMAND; echo '1 kubelet --token=hunter2'; esac"
    )
    result = run_module(container_args_info.main, names=["kubelet", "etcd", "kubelet"])
    assert result["changed"] is False
    assert result["missing"] == ["etcd"]
    assert result["docker"] == "docker CLI"
    (shown,) = result["containers"]
    keys = {"name", "state", "image", "user", "args", "processes", "process_text", "mounts", "error"}
    assert set(shown) == keys
    assert (shown["name"], shown["state"]) == ("kubelet", "running")
    assert shown["args"][:2] == ["/opt/rke-tools/entrypoint.sh", "kubelet"]
    assert shown["process_text"] == ["kubelet --token=********"]
    assert shown["error"]["kind"] == "contradiction"
    assert "--cluster-domain=cluster.local" in shown["args"]


def test_a_container_of_which_docker_says_odd_things_costs_no_other(docker):
    docker("""echo '[{"Name": "/etcd", "State": 5}, {"Name": "/kubelet", "State": {"Status": "exited"}}]'""")
    etcd, kubelet = run_module(container_args_info.main, names=["kubelet", "etcd"])["containers"]
    assert (set(etcd), etcd["error"]["kind"]) == ({"name", "error"}, "malformed")
    assert kubelet["state"] == "exited"


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_limit_that_is_none_is_refused(docker, timeout):
    docker("echo '[]'")
    assert run_module(container_args_info.main, timeout=timeout)["msg"].startswith("timeout: must be at least 1")


def test_a_path_is_a_socket(docker):
    docker('echo "Cannot connect to the Docker daemon at $2" >&2; exit 1')
    result = run_module(container_args_info.main, docker_host="/run/docker.sock")
    assert result["msg"].startswith(
        "Docker on unix:///run/docker.sock: Cannot connect to the Docker daemon at unix:///run"
    )


def test_rke_components_are_the_default(docker):
    docker("echo '[]'")
    result = run_module(container_args_info.main)
    assert result["containers"] == []
    assert result["missing"] == [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-proxy",
        "kube-scheduler",
        "kubelet",
    ]


@pytest.mark.parametrize(
    "script, kind, text",
    [
        ("echo 'dial unix /x.sock: connect: permission denied' >&2; exit 1", "denied", "become"),
        ("echo 'Cannot connect to the Docker daemon at unix:///x.sock.' >&2; exit 1", "down", "start Docker"),
        ("exec sleep 60", "timeout", "1 s"),
    ],
)
def test_docker_that_does_not_answer(docker, script, kind, text):
    docker(script)
    result = run_module(container_args_info.main, docker_host="unix:///x.sock", timeout=1)
    assert result["failed"] is True
    assert result["kind"] == kind
    assert result["msg"].startswith("Docker on unix:///x.sock: ")
    assert text in result["msg"]


def test_no_docker(docker, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = run_module(container_args_info.main)
    assert (result["failed"], result["kind"]) == (True, "missing")


def test_check_mode_is_the_same(docker):
    docker("echo '[]'")
    assert run_module(container_args_info.main, names=["etcd"], _ansible_check_mode=True)["missing"] == ["etcd"]
