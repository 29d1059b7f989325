# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import json
import pathlib
import time

import pytest

from ansible_collections.rke.cis.plugins.module_utils._docker import DockerError, inspect_containers
from ansible_collections.rke.cis.plugins.module_utils._docker_cli import CliDocker
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.container_helper import KUBELET, SOCKET

DENIED = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    "Get http://x: dial unix /var/run/docker.sock: connect: permission denied"
)
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
NO_SOCKET = (
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct: "
    "dial unix /var/run/docker.sock: connect: no such file or directory"
)
PODMAN = """
echo "Emulate Docker CLI using podman. Create /etc/containers/nodocker to quiet msg." >&2
echo "Error: unknown shorthand flag: 'H' in -H" >&2
echo "See 'podman --help'" >&2
exit 125"""
REFUSED = "error during connect: Get http://10.0.0.1:2375/v1.24/x: dial tcp 10.0.0.1:2375: connect: connection refused"


def cli(module, timeout=20, host=SOCKET):
    return CliDocker(module, host, timeout, time.monotonic() + timeout)


@pytest.mark.parametrize(
    "script, kind, message",
    [
        (f"echo '{DENIED}' >&2; exit 1", "denied", "permission denied"),
        (f"echo '{DOWN}' >&2; exit 1", "down", "Cannot connect"),
        (f"echo '{NO_SOCKET}' >&2; exit 1", "down", "no such file"),
        (f"echo '{REFUSED}' >&2; exit 1", "down", "connection refused"),
        ("echo 'Error response from daemon: out of cheese' >&2; exit 1", "failed", "out of cheese"),
        ("echo '[]'; echo 'unknown shorthand flag: H' >&2; exit 125", "failed", "unknown shorthand"),
        ("echo 'this is no JSON'", "failed", "no JSON"),
        ("echo '[{\"Name\": '", "failed", "no JSON"),
        (PODMAN, "podman", "Error: unknown shorthand flag: 'H' in -H"),
        (
            "echo 'Error: inspecting object: no such container kubelet (podman)' >&2; exit 125",
            "podman",
            "no such container",
        ),
        ("echo 'fatal error: out of memory' >&2; echo 'goroutine 1' >&2; exit 2", "too large", "out of memory"),
        ("echo 'dial http://u:hunter2@h: refused' >&2; exit 1", "failed", "http://********@h"),
        ("kill -9 $$", "failed", "ended with code -9"),
        # found some, then the daemon went away
        (f"echo '[]'; echo 'Error: No such container: etcd' >&2; echo '{DOWN}' >&2; exit 1", "down", "Cannot"),
    ],
)
def test_cli_failures(docker, module, script, kind, message):
    docker(script)
    with pytest.raises(DockerError) as caught:
        cli(module).inspect(["kubelet"])
    assert caught.value.kind == kind
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    shown = caught.value.as_evidence()
    assert shown["kind"] == kind
    assert shown["advice"]


@pytest.mark.parametrize(
    "error",
    [
        "Error: No such container: etcd",
        "Error response from daemon: No such container: etcd",
        "WARNING: Error loading config file: /root/.docker/config.json: permission denied\nError: No such container: x",
    ],
)
def test_a_missing_container_is_no_failure_of_docker(docker, module, error):
    docker(f"cat <<'X'\n{json.dumps([KUBELET])}\nX\ncat >&2 <<'X'\n{error}\nX\nexit 1")
    assert cli(module).inspect(["kubelet", "etcd"]) == [KUBELET]


def test_no_container_at_all(docker, module):
    docker("echo '[]'; echo 'Error: No such container: kubelet' >&2; exit 1")
    assert cli(module).inspect(["kubelet"]) == []


def test_what_the_cli_is_asked(docker, module, tmp_path):
    docker(f"printf '%s\\n' \"$@\" > {tmp_path}/asked; echo $LC_ALL >> {tmp_path}/asked; echo '[]'")
    cli(module, host="tcp://10.0.0.1:2375").inspect(["etcd", "kubelet"])
    asked = (tmp_path / "asked").read_text().split("\n")[:-1]
    assert asked == ["-H", "tcp://10.0.0.1:2375", "container", "inspect", "etcd", "kubelet", "C"]


def test_top_gives_command_lines(docker, module):
    docker("printf 'PID   COMMAND\\n    1   kubelet --a=b  c\\n  23 /pause\\n 24 \\n\\n'")
    assert cli(module).top("kubelet") == ["kubelet --a=b  c", "/pause"]


def test_top_of_a_container_that_has_gone(docker, module):
    docker("echo 'Error: No such container: kubelet' >&2; exit 1")
    with pytest.raises(DockerError, match="No such container: kubelet"):
        cli(module).top("kubelet")


@pytest.mark.parametrize(
    "script",
    [
        "exec sleep 60",
        "trap '' TERM; while :; do sleep 0.1; done",
        "setsid -w sleep 60",
        "exec >&- 2>&-; exec sleep 60",
        "while :; do printf x; sleep 0.05; done",
    ],
)
def test_one_deadline_for_all_that_the_cli_is_asked(docker, module, script):
    """And that docker top for each container is; whatever hangs, and where."""
    docker(script)
    started = time.monotonic()
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, SOCKET, 1, ["kubelet"])
    assert (caught.value.kind, str(caught.value)) == ("timeout", "docker container gave no answer in 1 s")
    deadline = time.monotonic() + 1
    for _number in range(3):
        with pytest.raises(DockerError, match="docker top gave no answer in 1 s"):
            CliDocker(module, SOCKET, 1, deadline).top("kubelet")
    assert time.monotonic() - started < 10


def test_what_is_given_up_is_ended_with_all_that_it_has_started(docker, module, tmp_path):
    docker(f"echo $$ > {tmp_path}/pid; setsid -w sh -c 'echo $$ > {tmp_path}/other; sleep 60'")
    with pytest.raises(DockerError):
        inspect_containers(module, SOCKET, 1, ["kubelet"])
    for name in ("pid", "other"):
        proc = pathlib.Path("/proc", (tmp_path / name).read_text().strip(), "stat")
        end = time.monotonic() + 20
        while proc.exists() and ") Z" not in proc.read_text():
            assert time.monotonic() < end, name
            time.sleep(0.05)


def test_what_keeps_the_streams_open_is_not_waited_for(docker, module):
    docker("setsid sleep 9 & echo '[]'")
    started = time.monotonic()
    assert inspect_containers(module, SOCKET, 60, ["kubelet"])[1] == {}
    assert time.monotonic() - started < 8


@pytest.mark.parametrize("script", ["exec yes", "exec yes >&2"])
def test_an_endless_answer_is_too_large(docker, module, script):
    docker(script)
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, SOCKET, 60, ["kubelet"])
    assert (caught.value.kind, str(caught.value)) == ("too large", "docker container gave more than 4194304 bytes")


def test_an_answer_that_is_collected_first_is_ended_by_its_memory(docker, module):
    docker("exec python3 -c 'x = \"x\" * 2 ** 20\nwhile True: x += x'")
    with pytest.raises(DockerError, match="MemoryError") as caught:
        inspect_containers(module, SOCKET, 60, ["kubelet"])
    assert caught.value.kind == "too large"
