# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import json
import os
import pathlib
import sys
import types

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rke.cis.plugins.module_utils import _docker
from ansible_collections.rke.cis.plugins.module_utils._docker import (
    CliDocker,
    DockerError,
    container_evidence,
    inspect_containers,
    mask_secrets,
    process_tree,
)
from ansible_collections.rke.cis.tests.unit.plugins.modules.module_helper import fake_docker, module_args

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
SOCKET = "unix:///var/run/docker.sock"
KUBELET = {"Name": "/kubelet", "State": {"Status": "running", "Pid": 1}, "Config": {}, "Path": "kubelet", "Args": []}


@pytest.fixture
def module():
    with module_args({}):
        yield AnsibleModule(argument_spec={})


@pytest.fixture
def no_sdk(monkeypatch):
    monkeypatch.setitem(sys.modules, "docker", None)


@pytest.fixture
def docker(tmp_path, monkeypatch, no_sdk):
    """A function that puts a docker command on PATH, and nothing but it for a docker command."""
    monkeypatch.setenv("PATH", "{}:{}".format(tmp_path, os.environ["PATH"]))
    return lambda script: fake_docker(tmp_path, script)


def samples(name):
    """Containers by name, as docker inspect showed them."""
    return {item["Name"][1:]: item for item in json.loads((FIXTURES / name).read_text(encoding="utf-8"))}


# --------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "word, expected",
    [
        ("--password=hunter2", "--password=********"),
        ("--etcd-password=p", "--etcd-password=********"),
        ("--Passwd=Xyz=1", "--Passwd=********"),
        ("--token=abcdef.0123456789abcdef", "--token=********"),
        ("--client-secret=s3cr3t", "--client-secret=********"),
        ("--cloud-credential=abc", "--cloud-credential=********"),
        ("--s3-accessKey=AKIAIOSFODNN7EXAMPLE", "--s3-accessKey=********"),
        ("--s3-access-key=AKIAIOSFODNN7EXAMPLE", "--s3-access-key=********"),
        ("--s3-secretKey=wJalrXUtnFEMI/K7MDENG", "--s3-secretKey=********"),
        ("--encryption-key=c2VjcmV0", "--encryption-key=********"),
        ("-password=hunter2", "-password=********"),
        # secrets that look like paths, numbers or durations
        ("--s3-secretKey=/wJalrXUtnFEMI/K7MDENG", "--s3-secretKey=********"),
        ("--token=/abc", "--token=********"),
        ("--password=12345678", "--password=********"),
        ("--password=2026autumn", "--password=********"),
        ("--secret=60s", "--secret=********"),
        ("--token=20260101abcdef", "--token=********"),
        # passwords in URLs, whatever the flag
        ("--etcd-servers=https://root:hunter2@10.0.0.1:2379", "--etcd-servers=https://root:********@10.0.0.1:2379"),
        (
            "--etcd-servers=https://a:hunter2@h1:2379,https://b:hunter3@h2:2379",
            "--etcd-servers=https://a:********@h1:2379,https://b:********@h2:2379",
        ),
        ("https://:hunter2@host/x", "https://:********@host/x"),
        ("https://a:hunt:er2@host", "https://a:********@host"),
        ("https://a:hunt@er2@host", "https://a:********@host"),
    ],
)
def test_secrets_are_masked(word, expected):
    assert mask_secrets([word]) == [expected]


@pytest.mark.parametrize(
    "flag", ["--password", "--token", "--s3-secretKey", "--access-key", "--client-secret", "-password"]
)
def test_a_secret_in_the_next_word_is_masked(flag):
    assert mask_secrets(["x", flag, "hunter2", "hunter2"]) == ["x", flag, "********", "hunter2"]
    assert mask_secrets([flag, "--name", "x"]) == [flag, "--name", "x"]
    assert mask_secrets([flag]) == [flag]


@pytest.mark.parametrize(
    "word",
    [
        "--token-auth-file=/etc/kubernetes/tokens.csv",
        "--authentication-token-webhook=true",
        "--authentication-token-webhook=False",
        "--authentication-token-webhook-cache-ttl=5s",
        "--authentication-token-webhook-cache-ttl=2m0s",
        "--image-credential-provider-bin-dir=/var/lib/bin",
        "--image-credential-provider-config=/var/lib/config.yaml",
        "--insecure-allow-any-token=t",
        "--use-service-account-credentials=1",
        "--use-service-account-credentials=0",
        "--insecure-allow-any-token=",
        "--service-account-max-token-expiration=3600",
        "--service-account-key-file=/etc/kubernetes/ssl/kube-service-account-token-key.pem",
        "--tls-private-key-file=/etc/kubernetes/ssl/kube-apiserver-key.pem",
        "--encryption-provider-config=/etc/kubernetes/ssl/encryption.yaml",
        "--etcd-servers=https://10.0.0.1:2379,https://10.0.0.2:2379",
        "--audit-log-path=/var/log/kube-audit/audit-log.json",
        "secret",
        "",
    ],
)
def test_harmless_words_are_kept(word):
    assert mask_secrets([word]) == [word]


def test_a_path_in_the_next_word_is_kept():
    words = ["--token-auth-file", "/etc/tokens.csv", "--authentication-token-webhook", "--x"]
    assert mask_secrets(words) == words


def test_the_real_samples_lose_only_the_name_of_the_etcd_cluster():
    for path in sorted(FIXTURES.glob("inspect-*.json")):
        for item in samples(path.name).values():
            masked = mask_secrets(item["Args"])
            changed = [word for number, word in enumerate(item["Args"]) if word != masked[number]]
            assert [word.partition("=")[0] for word in changed] in ([], ["--initial-cluster-token"])


# ------------------------------------------------------------------------------------------------ /proc


def fake_process(proc, pid, words, children=(), end=b"\0"):
    base = proc / str(pid)
    (base / "task" / str(pid)).mkdir(parents=True)
    (base / "cmdline").write_bytes(b"\0".join(words) + (end if words else b""))
    (base / "task" / str(pid) / "children").write_text("".join(f"{child} " for child in children))


def test_process_tree_names_all_descendants(tmp_path):
    fake_process(tmp_path, 10, [b"bash", b"-c", b"x y"], [11, 12])
    fake_process(tmp_path, 11, [b"kubelet", b"--a=", b""], [13])
    fake_process(tmp_path, 12, [b"sleep", b"1"])
    fake_process(tmp_path, 13, [b"mount"])
    fake_process(tmp_path, 14, [b"other"])
    assert sorted(process_tree(10, str(tmp_path))) == [
        ["bash", "-c", "x y"],
        ["kubelet", "--a=", ""],
        ["mount"],
        ["sleep", "1"],
    ]


def test_a_child_that_has_ended_is_left_out(tmp_path):
    fake_process(tmp_path, 10, [b"bash"], [11, 12])
    fake_process(tmp_path, 12, [b"kubelet"])
    assert process_tree(10, str(tmp_path)) == [["bash"], ["kubelet"]]


def test_a_process_that_is_not_there_is_not_an_empty_one(tmp_path):
    assert process_tree(10, str(tmp_path)) is None
    assert process_tree(10, str(tmp_path / "missing")) is None


def test_a_kernel_that_lists_no_children_is_not_believed(tmp_path):
    fake_process(tmp_path, 10, [b"entrypoint.sh"])
    (tmp_path / "10" / "task" / "10" / "children").unlink()
    assert process_tree(10, str(tmp_path)) is None


def test_bytes_that_are_no_utf8_give_text_that_can_be_written(tmp_path):
    fake_process(tmp_path, 10, [b"kubelet", b"--node-labels=stra\xdfe"])
    words = process_tree(10, str(tmp_path))[0]
    assert words[0] == "kubelet"
    assert words[1].startswith("--node-labels=stra")
    words[1].encode("utf-8")


@pytest.mark.skipif(not os.path.exists("/proc/self/cmdline"), reason="no /proc on this system")
def test_process_tree_of_this_process():
    found = process_tree(os.getpid())
    with open("/proc/self/cmdline", "rb") as stream:
        assert len(found[0]) == stream.read().count(b"\0")


# ------------------------------------------------------------------------------------------- containers


class FakeDocker:
    def __init__(self, top=()):
        self._top = top

    def top(self, name):
        if isinstance(self._top, Exception):
            raise self._top
        return list(self._top)


@pytest.mark.parametrize(
    "name, container, image, user",
    [
        ("inspect-hardened.json", "etcd", "rancher/coreos-etcd:v3.4.3-rancher1", "52034:52034"),
        ("inspect-hardened.json", "kube-apiserver", "rancher/hyperkube:v1.17.6-rancher2", ""),
        ("inspect-worker.json", "kubelet", "rancher/hyperkube:v1.17.6-rancher2", ""),
        ("inspect-v1.24.json", "kubelet", "rancher/hyperkube:v1.24.17-rancher1", ""),
    ],
)
def test_evidence_of_real_containers(tmp_path, name, container, image, user):
    raw = samples(name)[container]
    raw_text = json.dumps(raw)
    found = container_evidence(raw, FakeDocker(), (), str(tmp_path))
    assert (found["state"], found["image"], found["user"]) == ("running", image, user)
    assert found["args"][0] == raw["Path"]
    assert len(found["args"]) == 1 + len(raw["Args"])
    assert {"source": "/etc/kubernetes", "destination": "/etc/kubernetes"} in found["mounts"]
    assert all(set(mount) == {"source", "destination"} for mount in found["mounts"])
    assert json.dumps(raw) == raw_text


def test_evidence_of_the_left_over_sidekick():
    found = container_evidence(samples("inspect-snapshots.json")["service-sidekick"], FakeDocker(["x"]))
    assert (found["state"], found["processes"], found["process_text"]) == ("created", [], [])
    assert found["args"] == ["/bin/bash"]


@pytest.mark.parametrize("names", [(), ("ETCD_CERT_FILE",), ("ETCDCTL",), ("PATH=", "ETCDCTL_API=3")])
def test_no_variable_is_kept_that_was_not_asked_for(names):
    found = container_evidence(samples("inspect-hardened.json")["etcd"], FakeDocker(), names)
    assert found["env"] == {}


def test_variables_that_are_asked_for_are_kept_whole():
    raw = dict(KUBELET, Config={"Env": ["A=1=2", "B=", "C", "AA=secret", "PASSWORD=hunter2"]})
    found = container_evidence(raw, FakeDocker(), ("A", "B", "C", "D"))
    assert found["env"] == {"A": "1=2", "B": "", "C": ""}
    assert "hunter2" not in json.dumps(found)


def test_secrets_are_masked_wherever_they_may_show(tmp_path):
    argv = ["kubelet", "--token=hunter2", "--a=b"]
    raw = dict(KUBELET, Path=argv[0], Args=argv[1:], State={"Status": "running", "Pid": 10})
    fake_process(tmp_path, 10, [word.encode() for word in argv])
    found = container_evidence(raw, FakeDocker(), (), str(tmp_path))
    assert found["processes"] == [["kubelet", "--token=********", "--a=b"]]
    assert "hunter2" not in json.dumps(found)
    found = container_evidence(raw, FakeDocker([" ".join(argv)]), (), str(tmp_path / "missing"))
    assert found["process_text"] == ["kubelet --token=******** --a=b"]
    assert "hunter2" not in json.dumps(found)


def test_of_a_helper_of_the_component_only_the_program_is_kept(tmp_path):
    """It is called with what its user likes, such as the password of a share that a pod mounts."""
    calls = [["kubelet", "--a=b"], ["mount.cifs", "//share", "/mnt", "-o", "username=me,password=hunter2"]]
    raw = dict(KUBELET, Args=["--a=b"], State={"Status": "running", "Pid": 10})
    fake_process(tmp_path, 10, [word.encode() for word in calls[0]], [11])
    fake_process(tmp_path, 11, [word.encode() for word in calls[1]])
    found = container_evidence(raw, FakeDocker(), (), str(tmp_path))
    assert found["processes"] == [["kubelet", "--a=b"], ["mount.cifs"]]
    found = container_evidence(raw, FakeDocker([" ".join(words) for words in calls]), (), str(tmp_path / "missing"))
    assert found["process_text"] == ["kubelet --a=b", "mount.cifs"]


def test_processes_are_those_of_the_container(tmp_path):
    raw = dict(KUBELET, Path="entrypoint.sh", Args=["kubelet", "--a=b"], State={"Status": "running", "Pid": 10})
    fake_process(tmp_path, 10, [b"/bin/bash", b"entrypoint.sh"], [11])
    fake_process(tmp_path, 11, [b"kubelet", b"--a=b", b"--resolv-conf=/x"])
    found = container_evidence(raw, FakeDocker(["never asked"]), (), str(tmp_path))
    assert found["processes"] == [["/bin/bash", "entrypoint.sh"], ["kubelet", "--a=b", "--resolv-conf=/x"]]
    assert found["process_text"] == []


def test_a_process_of_another_machine_is_not_taken_for_the_container(tmp_path):
    raw = dict(KUBELET, Args=["--a=b"], State={"Status": "running", "Pid": 10})
    fake_process(tmp_path, 10, [b"nginx"])
    found = container_evidence(raw, FakeDocker(["kubelet --a=b"]), (), str(tmp_path))
    assert (found["processes"], found["process_text"]) == ([], ["kubelet --a=b"])


def test_a_top_that_fails_says_so(tmp_path):
    raw = dict(KUBELET, State={"Status": "running", "Pid": 10})
    found = container_evidence(raw, FakeDocker(DockerError("failed", "no ps here")), (), str(tmp_path))
    assert found["processes"] == []
    assert found["process_text"] == ["docker top failed: no ps here"]


@pytest.mark.parametrize("status", ["exited", "created", "restarting", "paused", "dead", "removing", ""])
def test_only_a_running_container_has_processes(tmp_path, status):
    fake_process(tmp_path, 10, [b"kubelet"])
    raw = dict(KUBELET, State={"Status": status, "Pid": 10})
    found = container_evidence(raw, FakeDocker(["kubelet"]), (), str(tmp_path))
    assert (found["state"], found["processes"], found["process_text"]) == (status, [], [])


def test_volumes_without_a_host_path_are_no_mounts():
    raw = dict(KUBELET, Mounts=[{"Destination": "/run"}, {"Source": "", "Destination": "/tmp"}])
    assert container_evidence(raw, FakeDocker())["mounts"] == []


# -------------------------------------------------------------------------------------------------- CLI

DENIED = (
    "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
    "Get http://x: dial unix /var/run/docker.sock: connect: permission denied"
)
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
NO_SOCKET = (
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct: "
    "dial unix /var/run/docker.sock: connect: no such file or directory"
)
REFUSED = "error during connect: Get http://10.0.0.1:2375/v1.24/x: dial tcp 10.0.0.1:2375: connect: connection refused"


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
        # found some, then the daemon went away
        (f"echo '[]'; echo 'Error: No such container: etcd' >&2; echo '{DOWN}' >&2; exit 1", "down", "Cannot"),
    ],
)
def test_cli_failures(docker, module, script, kind, message):
    docker(script)
    with pytest.raises(DockerError) as caught:
        CliDocker(module, SOCKET, 20).inspect(["kubelet"])
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
    assert CliDocker(module, SOCKET, 20).inspect(["kubelet", "etcd"]) == {"kubelet": KUBELET}


def test_no_container_at_all(docker, module):
    docker("echo '[]'; echo 'Error: No such container: kubelet' >&2; exit 1")
    assert CliDocker(module, SOCKET, 20).inspect(["kubelet"]) == {}


def test_what_the_cli_is_asked(docker, module, tmp_path):
    docker(f"printf '%s\\n' \"$@\" > {tmp_path}/asked; echo $LC_ALL >> {tmp_path}/asked; echo '[]'")
    CliDocker(module, "tcp://10.0.0.1:2375", 20).inspect(["etcd", "kubelet"])
    asked = (tmp_path / "asked").read_text().split("\n")[:-1]
    assert asked == ["-H", "tcp://10.0.0.1:2375", "container", "inspect", "etcd", "kubelet", "C"]


@pytest.mark.parametrize("script", ["exec sleep 60", "trap '' TERM; while :; do sleep 0.1; done"])
def test_a_docker_that_hangs_is_given_up(docker, module, script):
    docker(script)
    with pytest.raises(DockerError) as caught:
        CliDocker(module, SOCKET, 1).inspect(["kubelet"])
    assert caught.value.kind == "timeout"
    assert "1 s" in str(caught.value)


def test_no_docker_command(module, tmp_path, monkeypatch, no_sdk):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, SOCKET, 20, ["kubelet"])
    assert caught.value.kind == "missing"
    assert "no docker command" in str(caught.value)


def test_top_gives_command_lines(docker, module):
    docker("printf 'PID   COMMAND\\n    1   kubelet --a=b  c\\n  23 /pause\\n 24 \\n\\n'")
    assert CliDocker(module, SOCKET, 20).top("kubelet") == ["kubelet --a=b  c", "/pause"]


def test_top_of_a_container_that_has_gone(docker, module):
    docker("echo 'Error: No such container: kubelet' >&2; exit 1")
    with pytest.raises(DockerError, match="No such container: kubelet"):
        CliDocker(module, SOCKET, 20).top("kubelet")


# -------------------------------------------------------------------------------------------------- SDK


class NotFound(Exception):
    pass


@pytest.fixture
def sdk(monkeypatch):
    """A function that puts a docker library in place whose client is made by this class."""

    def put(client):
        library = types.ModuleType("docker")
        library.errors = types.SimpleNamespace(NotFound=NotFound)
        library.APIClient = client
        monkeypatch.setitem(sys.modules, "docker", library)

    return put


class Client:
    """Knows a kubelet. Like the daemon, it also takes the beginning of an id for a name."""

    made_with = {}

    def __init__(self, **options):
        Client.made_with = options

    def inspect_container(self, name):
        if name not in ("kubelet", "abc"):
            raise NotFound("no such container")
        return KUBELET

    def top(self, name, ps_args):
        assert (name, ps_args) == ("kubelet", "-eo pid,args")
        return {"Titles": ["PID", "COMMAND"], "Processes": [["1", "kubelet --a b"], ["7", "mount"]]}


def test_the_sdk_is_used_where_it_works(sdk, module, monkeypatch, tmp_path):
    sdk(Client)
    monkeypatch.setenv("PATH", str(tmp_path))
    door, found = inspect_containers(module, "tcp://10.0.0.1:2375", 7, ["etcd", "kubelet"])
    assert door.source == "Docker SDK for Python"
    assert found == {"kubelet": KUBELET}
    assert door.top("kubelet") == ["kubelet --a b", "mount"]
    assert (Client.made_with["base_url"], Client.made_with["timeout"]) == ("tcp://10.0.0.1:2375", 7)


def test_a_container_of_another_name_is_not_taken(sdk, module):
    sdk(Client)
    assert list(inspect_containers(module, SOCKET, 20, ["abc"])[1]) == ["kubelet"]


def broken(error):
    class Broken:
        def __init__(self, **options):
            raise error

    return Broken


class BreaksLater(Client):
    def inspect_container(self, name):
        raise ValueError("http+docker scheme is not supported")


@pytest.mark.parametrize("client", [broken(TypeError("kwargs")), broken(Exception("x")), BreaksLater])
def test_a_broken_sdk_leaves_it_to_the_cli(sdk, docker, module, client):
    docker(f"echo '{json.dumps([KUBELET])}'")
    sdk(client)
    door, found = inspect_containers(module, SOCKET, 20, ["kubelet"])
    assert door.source == "docker CLI"
    assert found == {"kubelet": KUBELET}


def test_the_cli_has_the_last_word(sdk, docker, module):
    docker(f"echo '{DENIED}' >&2; exit 1")
    sdk(broken(ValueError("Not supported URL scheme http+docker")))
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, SOCKET, 20, ["kubelet"])
    assert caught.value.kind == "denied"


@pytest.mark.parametrize(
    "error, kind",
    [
        ("Error while fetching server API version: PermissionError(13, 'Permission denied')", "denied"),
        ("Error while fetching server API version: FileNotFoundError(2, 'No such file or directory')", "down"),
        ("Error while fetching server API version: ConnectionRefusedError(111, 'Connection refused')", "down"),
        ("something else", "failed"),
    ],
)
def test_without_a_cli_the_sdk_says_why(sdk, module, monkeypatch, tmp_path, error, kind):
    sdk(broken(Exception(error)))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, SOCKET, 20, ["kubelet"])
    assert (caught.value.kind, str(caught.value)) == (kind, error)


def test_every_kind_of_failure_has_advice():
    kinds = {kind for _test, kind in _docker._FAILURES} | {"timeout", "missing", "failed"}
    assert all(DockerError(kind, "x").as_evidence()["advice"] for kind in kinds)
