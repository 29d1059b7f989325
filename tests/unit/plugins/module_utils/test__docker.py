# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import json
import os
import time

import pytest

from ansible_collections.rke.cis.plugins.module_utils import _docker
from ansible_collections.rke.cis.plugins.module_utils._containers import container_evidence
from ansible_collections.rke.cis.plugins.module_utils._docker import DockerError, inspect_containers, socket_address
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.container_helper import KUBELET, SOCKET

HOST = "tcp://10.0.0.1:2375"


def put(engine, *containers):
    for container in containers:
        engine.responses[f"/containers{container['Name']}/json"] = 200, json.dumps(container).encode()


def test_docker_is_asked_at_its_socket(engine, docker, module):
    docker("echo 'this is not used' >&2; exit 1")
    put(engine, KUBELET)
    engine.responses["/containers/kubelet/top?ps_args=-eo%20pid,args"] = (
        200,
        b'{"Titles": ["PID", "COMMAND"], "Processes": [["1", "kubelet --a b"], ["7", "mount"]]}',
    )
    door, found = inspect_containers(module, engine.path, 7, ["etcd", "kubelet"])
    assert door.source == "Docker Engine API"
    assert found == {"kubelet": KUBELET}
    assert engine.asked == ["/containers/etcd/json", "/containers/kubelet/json"]
    assert door.top("kubelet") == ["kubelet --a b", "mount"]
    with pytest.raises(DockerError, match="No such container: etcd"):
        door.top("etcd")


def test_a_container_of_another_name_is_not_taken(engine, module):
    """Docker takes the beginning of an id for a name."""
    engine.responses["/containers/abc/json"] = 200, json.dumps(KUBELET).encode()
    assert inspect_containers(module, engine.path, 7, ["abc"])[1] == {}


def test_a_name_asks_for_nothing_else(engine, module):
    inspect_containers(module, engine.path, 7, ["a/../b?c d\r\ne"])
    assert engine.asked == ["/containers/a%2F..%2Fb%3Fc%20d%0D%0Ae/json"]


@pytest.mark.parametrize("processes", ["null", "[[]]", "[[1]]", "[{}]", "5", '[["1", null]]'])
def test_an_odd_top_of_the_api(engine, module, processes):
    put(engine, KUBELET)
    body = '{"Processes": ' + processes + "}"
    engine.responses["/containers/kubelet/top?ps_args=-eo%20pid,args"] = 200, body.encode()
    door, _found = inspect_containers(module, engine.path, 7, ["kubelet"])
    with pytest.raises(DockerError) as caught:
        door.top("kubelet")
    assert caught.value.kind == "malformed"


ODD = [
    (200, b"null"),
    (200, b'{"Name": '),
    (200, b""),
    (200, b"\xff"),
    (200, b"[" * 100000),
    (400, b'{"message":"client version is too old"}'),
    (404, b'{"message":"page not found"}'),
    (500, b'{"message":"out of cheese"}'),
    (500, b""),
    ("2000", json.dumps(KUBELET).encode()),
    ("", json.dumps(KUBELET).encode()),
]


@pytest.mark.parametrize("response", ODD)
def test_what_the_api_cannot_tell_is_left_to_the_cli(engine, docker, module, response):
    docker(f"echo '{json.dumps([KUBELET])}'")
    put(engine, KUBELET)
    engine.responses["/containers/etcd/json"] = response
    door, found = inspect_containers(module, engine.path, 7, ["etcd", "kubelet"])
    if response == (200, b"null"):  # an answer that may be that of any container
        assert (door.source, found) == ("Docker Engine API", {"etcd": None, "kubelet": KUBELET})
    else:
        assert (door.source, found) == ("docker CLI", {"kubelet": KUBELET})


def test_the_cli_has_the_last_word(docker, module):
    docker("echo 'connect: permission denied' >&2; exit 1")
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, SOCKET, 20, ["kubelet"])
    assert caught.value.kind == "denied"


def test_without_a_cli_the_api_says_why(engine, module, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    engine.responses["/containers/kubelet/json"] = 500, b'{"message":"out of cheese"}'

    def fault():
        with pytest.raises(DockerError) as caught:
            inspect_containers(module, engine.path, 20, ["kubelet"])
        return caught.value.kind, str(caught.value)

    assert fault() == ("failed", '{"message":"out of cheese"}')
    engine.shutdown()
    engine.server_close()
    assert fault() == ("down", engine.path + ": Connection refused")
    os.unlink(engine.path)
    assert fault()[0] == "missing"


@pytest.mark.parametrize(
    "host, address", [("/nonexistent/docker.sock", SOCKET), (SOCKET, SOCKET), (HOST, HOST), ("ssh://a@b", "ssh://a@b")]
)
def test_the_cli_knows_all_kinds_of_addresses(docker, module, host, address):
    assert socket_address(host) == address
    docker('echo "[{\\"Name\\": \\"$2\\"}]"')
    assert list(inspect_containers(module, host, 7, [address])[1]) == [address]


@pytest.mark.parametrize("name", ["etcd", "kubelet"])
def test_one_deadline_for_all_that_the_api_is_asked(engine, docker, module, name):
    """Byte by byte, so that it never takes long for one. The CLI has no time left to be asked."""
    docker("echo '[]'")
    put(engine, KUBELET)
    engine.responses["/containers/" + name + "/json"] = 200, (time.sleep(0.05) or b" " for _byte in iter(int, 1))
    started = time.monotonic()
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, engine.path, 1, ["etcd", "kubelet"])
    assert (caught.value.kind, str(caught.value)) == ("timeout", "docker container gave no answer in 1 s")
    assert time.monotonic() - started < 5


def test_an_endless_answer_of_the_api_is_too_large(engine, module, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    engine.responses["/containers/kubelet/json"] = 200, (b" " * 65536 for _part in iter(int, 1))
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, engine.path, 60, ["kubelet"])
    assert (caught.value.kind, str(caught.value)) == ("too large", "docker container gave more than 4194304 bytes")


@pytest.mark.parametrize("timeout", [0, -1])
def test_the_limit_is_at_least_a_second(module, capsys, timeout):
    with pytest.raises(SystemExit):
        inspect_containers(module, SOCKET, timeout, [])
    assert "timeout: must be at least 1" in capsys.readouterr().out


def answering(docker, module, answer):
    docker(f"cat <<'X'\n{answer}\nX")
    return inspect_containers(module, SOCKET, 20, ["etcd", "kubelet"])[1]


@pytest.mark.parametrize(
    "answer",
    ["null", "{}", "5", '"x"', "NaN", "[" * 100000, '[{"a":' * 100000, "nope", "[" * 1000 + "]" * 999, "1" * 5000],
)
def test_an_answer_that_is_no_list_is_an_error_of_docker(docker, module, answer):
    with pytest.raises(DockerError) as caught:
        answering(docker, module, answer)
    assert caught.value.kind in ("failed", "malformed")


ETCD = dict(KUBELET, Name="/etcd", Path="etcd")


@pytest.mark.parametrize(
    "odd", [None, 5, "x", [], {}, {"Name": None}, {"Name": 5}, {"Name": ["/kubelet"]}, {"Name": ""}]
)
def test_an_odd_item_may_be_that_of_any_container(docker, module, odd):
    assert answering(docker, module, json.dumps([ETCD, odd])) == {"etcd": ETCD, "kubelet": None}


def test_of_two_containers_with_one_name_none_is_taken(docker, module):
    assert answering(docker, module, json.dumps([KUBELET, ETCD, KUBELET])) == {"etcd": ETCD, "kubelet": None}
    with pytest.raises(DockerError, match="no valid answer for kubelet"):
        container_evidence(None, "kubelet", None, {})


def test_a_number_of_any_length_costs_no_more_than_its_container(docker, module):
    found = answering(docker, module, json.dumps([ETCD, KUBELET]).replace("10", "1" * 5000, 1))
    assert found["etcd"]["State"]["Pid"] is None
    assert found["kubelet"] == KUBELET


def test_no_docker_command(module, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, SOCKET, 20, ["kubelet"])
    assert caught.value.kind == "missing"
    assert "no docker command" in str(caught.value)


def test_every_kind_of_failure_has_advice():
    kinds = {kind for _test, kind in _docker._FAILURES} | {"timeout", "missing", "failed"}
    assert all(DockerError(kind, "x").as_evidence()["advice"] for kind in kinds)
    assert "podman is not Docker" in DockerError("podman", "x").as_evidence()["advice"]
