# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import json
import os
import socket
import threading
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


@pytest.mark.parametrize("status, said", [(409, "Container 5f is not running"), (404, "No such container: kubelet")])
@pytest.mark.parametrize("by_cli", [False, True])
def test_a_container_that_ends_meanwhile_is_an_error(engine, docker, module, status, said, by_cli):
    """Also if another one has its name by now."""
    put(engine, KUBELET)
    target = "/containers/{}/top?ps_args=-eo%20pid,args"
    engine.responses[target.format("kubelet")] = 200, b'{"Processes": [["1", "kubelet --a=b"]]}'
    engine.responses[target.format(KUBELET["Id"])] = status, json.dumps({"message": said}).encode()
    docker(f"[ $3 = top ] && echo 'Error response from daemon: {said}' >&2 && exit 1; echo '{json.dumps([KUBELET])}'")
    door, found = inspect_containers(module, SOCKET if by_cli else engine.path, 7, ["kubelet"])
    error = container_evidence(found["kubelet"], "kubelet", door, {}, "/nonexistent")["error"]
    assert error["kind"] == "ended"
    assert said.split(":")[0] in error["message"]
    assert error["advice"] == "it ended while it was examined; see its log, and scan again"


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


def fault(module, path):
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, path, 7, ["kubelet"])
    return caught.value.kind, str(caught.value)


def test_without_a_cli_the_api_says_why(engine, module, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    engine.responses["/containers/kubelet/json"] = 500, b'{"message":"out of cheese"}'

    assert fault(module, engine.path) == ("failed", engine.path + ": out of cheese")
    engine.shutdown()
    engine.server_close()
    assert fault(module, engine.path) == ("down", engine.path + ": Connection refused")
    os.unlink(engine.path)
    assert fault(module, engine.path)[0] == "missing"
    os.symlink("nowhere", engine.path)
    assert fault(module, engine.path) == ("down", engine.path + ": No such file or directory")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: open(path, "w").close()])
def test_what_is_no_socket_is_not_waited_for(docker, module, tmp_path, make):
    docker("echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    path = str(tmp_path / "docker.sock")
    make(path)
    assert fault(module, path) == ("failed", path + ": not a socket")
    os.rename(path, path + "x")
    assert fault(module, path) == ("down", "Cannot connect to the Docker daemon")
    os.symlink("docker.sock", path)
    assert fault(module, path) == ("failed", path + ": Too many levels of symbolic links")
    assert fault(module, path + "x" * 200)[0] == "down"


@pytest.mark.parametrize(
    "said, kind, told",
    [
        (b"", "failed", "what answers there is not Docker"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "failed", "what answers there is not Docker"),
        (b"\xff\x00HTTP/1.0 200 OK\r\n\r\n{}", "failed", "what answers there is not Docker"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", "failed", "HTTP/1.1 502 Bad Gateway"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "failed", "HTTP/1.1 401 Unauthorized"),
        (b'HTTP/1.1 403 Forbidden\r\n\r\n{"message": "denied by plugin"}', "failed", "denied by plugin"),
        (b'HTTP/1.1 404 Not Found\r\n\r\n{"message": 5}', "failed", "5"),
        (b"HTTP/1.1 500 X\r\n\r\n[]", "failed", "HTTP/1.1 500 X"),
        (
            b'HTTP/1.1 404 Not Found\r\nServer: Libpod/4.3.1 (linux)\r\n\r\n{"message": "no such container"}',
            "podman",
            "podman",
        ),
    ],
)
def test_what_answers_at_the_socket_is_told_whatever_the_cli_says(docker, module, tmp_path, said, kind, told):
    docker("echo 'Are you trying to connect to a TLS-enabled daemon without TLS?' >&2; exit 1")
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen(1)

        def answer():
            connection, _address = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        told_kind, message = fault(module, path)
    assert told_kind == kind
    assert message.startswith(path + ": ")
    assert told in message


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        " /var/run/docker.sock",
        "/var/run/docker.sock\n",
        "/var/run/do\0cker.sock",
        "var/run/docker.sock",
        "unix://",
        "unix:///",
        "unix://var/run/docker.sock",
        "unix:/var/run/docker.sock",
        "UNIX:///var/run/docker.sock",
        "fd://",
        "http://127.0.0.1:1",
        "tcp://",
        "tcp://a b",
        "--help",
        "5",
    ],
)
def test_an_address_that_is_none_is_refused(docker, module, address):
    """The CLI takes some of them for its default, and asks another Docker than the one that was named."""
    docker("echo '[]'")
    assert fault(module, address) == ("address", f"{socket_address(address)!r} is not a valid address of Docker")


def test_a_path_that_the_system_cannot_write_is_an_error(docker, module):
    docker("echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    assert fault(module, "/nonexistent/\ud800.sock")[0] == "failed"


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
    assert {kind for _test, kind in _docker._FAILURES} <= set(_docker._ADVICE)
    assert "podman is not Docker" in DockerError("podman", "x").as_evidence()["advice"]
