# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import json
import os
import pathlib
import time

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rke.cis.plugins.module_utils import _docker
from ansible_collections.rke.cis.plugins.module_utils._docker import (
    CliDocker,
    DockerError,
    container_evidence,
    container_processes,
    error_text,
    inspect_containers,
    mask_secrets,
    mask_url_passwords,
    socket_address,
)
from ansible_collections.rke.cis.tests.unit.plugins.modules.module_helper import module_args

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
SOCKET = "unix:///nonexistent/docker.sock"
HOST = "tcp://10.0.0.1:2375"
ID = "0123456789abcdef" * 4
KUBELET = {
    "Id": ID,
    "Name": "/kubelet",
    "State": {"Status": "running", "Pid": 10},
    "Config": {},
    "Path": "kubelet",
    "Args": [],
}


@pytest.fixture
def module():
    with module_args({}):
        yield AnsibleModule(argument_spec={})


def samples(name):
    """Containers by name, as docker inspect showed them."""
    return {item["Name"][1:]: item for item in json.loads((FIXTURES / name).read_text(encoding="utf-8"))}


# --------------------------------------------------------------------------------------------- secrets

SHOWN = ("--authorization-mode", "--etcd-servers", "--data-dir", "kubelet")


@pytest.mark.parametrize(
    "word, expected",
    [
        ("--password=hunter2", "--password=********"),
        ("--etcd-password=p", "--etcd-password=********"),
        ("--Passwd=Xyz=1", "--Passwd=********"),
        ("--token=abcdef.0123456789abcdef", "--token=********"),
        ("--s3-accessKey=AKIAIOSFODNN7EXAMPLE", "--s3-accessKey=********"),
        ("-password=hunter2", "-password=********"),
        # names that no list of secret names would hold
        ("--api-key=hunter2", "--api-key=********"),
        ("--apikey=hunter2", "--apikey=********"),
        ("--client-key-data=aHVudGVyMg==", "--client-key-data=********"),
        ("--auth-header=Bearer hunter2", "--auth-header=********"),
        ("--webhook=hunter2", "--webhook=********"),
        ("--x=hunter2,/a", "--x=********"),
        ("--x=true\n", "--x=********"),
        # secrets that look like paths, numbers or durations
        ("--s3-secretKey=/wJalrXUtnFEMI/K7MDENG", "--s3-secretKey=********"),
        ("--token=/abc", "--token=********"),
        ("--password=12345678", "--password=********"),
        ("--password=2026autumn", "--password=********"),
        ("--kms-key=60s", "--kms-key=********"),
        # users and passwords in URLs, also of a flag that is shown
        ("--etcd-servers=https://root:hunter2@10.0.0.1:2379", "--etcd-servers=https://********@10.0.0.1:2379"),
        ("--etcd-servers=https://a:hunt/er2@10.0.0.1:2379", "--etcd-servers=https://********@10.0.0.1:2379"),
        ("--etcd-servers=https://hunter2@10.0.0.1:2379", "--etcd-servers=https://********@10.0.0.1:2379"),
        ("--servers=https://root:hunter2@10.0.0.1:2379", "--servers=********"),
        ("--hook=https://hooks.example.com/hunter2", "--hook=********"),
        # words that are no flags, and flags that are no names
        ("kubelet --token=hunter2", "********"),
        ("--hunter2!", "--********"),
        ("--hunter2!=x", "--********=********"),
        ("-phunter2", "--********"),
        ("---hunter2", "--********"),
    ],
)
def test_secrets_are_masked(word, expected):
    assert mask_secrets(["kubelet", word], SHOWN) == ["kubelet", expected]


@pytest.mark.parametrize("flag", ["--password", "--token", "--s3-secretKey", "--passphrase", "--name", "-p"])
def test_a_secret_in_the_next_word_is_masked(flag):
    assert mask_secrets(["x", flag, "hunter2", "hunter2"]) == ["x", flag, "********", "********"]
    assert mask_secrets(["x", flag, "-hunter2", "x=y"]) == ["x", flag, "********", "********"]
    assert mask_secrets(["x", flag, "--Hunter2!", "--v=2"]) == ["x", flag, "********", "--v=2"]
    assert mask_secrets([flag]) == [flag]


def test_a_flag_that_is_shown_is_never_lost():
    """Not to know that it is given could make its control pass."""
    words = ["kubelet", "--password", "--authorization-mode=AlwaysAllow", "--name", "--authorization_mode", "-abc"]
    assert mask_secrets(words, SHOWN)[:5] == words[:5]
    assert mask_secrets(["etcd", "-x", "-data-dir=/a"], SHOWN) == ["etcd", "-x", "-data-dir=/a"]


def test_of_a_flag_that_is_shown_every_value_is():
    words = [
        "kubelet",
        "--authorization-mode=my own",
        "--authorization-mode",
        "my own",
        "--authorization-mode",
        "--v=2",
    ]
    assert mask_secrets(words, SHOWN) == words


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
        "--insecure-allow-any-token=",
        "--service-account-max-token-expiration=3600",
        "--service-account-key-file=/etc/kubernetes/ssl/kube-service-account-token-key.pem",
        "--tls-private-key-file=/etc/kubernetes/ssl/kube-apiserver-key.pem",
        "--encryption-provider-config=/etc/kubernetes/ssl/encryption.yaml",
        "--servers=https://10.0.0.1:2379,https://10.0.0.2:2379",
        "--audit-log-path=/var/log/kube-audit/audit-log.json",
        "--service-cluster-ip-range=10.43.0.0/16,fd00::/108",
        "--bind-address=::",
        "--service-node-port-range=30000-32767",
        "--feature-gates=RotateKubeletServerCertificate=true,X=false",
        "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "--container-runtime-endpoint=unix:///var/run/cri-dockerd.sock",
        "--kube-api-qps=-1.5",
        "-v=4",
        "--",
        "-",
        "",
        "kubelet",
    ],
)
def test_harmless_words_are_kept(word):
    assert mask_secrets(["/opt/rke-tools/entrypoint.sh", word], SHOWN)[1] == word


def test_harmless_values_in_the_next_word_are_kept():
    words = ["x", "--token-auth-file", "/etc/tokens.csv", "--authentication-token-webhook", "-v", "4", "--qps", "-1"]
    assert mask_secrets(words) == words


def test_a_shell_hides_nothing():
    assert mask_secrets(["sh", "-c", "kubelet --token=hunter2"]) == ["sh", "-c", "********"]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Get https://u:p@h:1/x?y: refused", "Get https://********@h:1/x?y: refused"),
        ("https://a:hunt/er2@h https://b@h", "https://********@h https://********@h"),
        ("https://h/x mail me@h", "https://h/x mail me@h"),
        ("://" * 100000, "://" * 100000),
    ],
)
def test_users_in_urls(text, expected):
    assert mask_url_passwords(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("one\n two\t\x1b[31m", "one two ?[31m"),
        ("dial http://u:hunter2@h: refused", "dial http://********@h: refused"),
        ("--token=hunter2 password: hunter2 Authorization: Bearer hunter2", "--token=******** password: ******** "),
        ("a\ud800b", "a?b"),
        ("x" * 100000, "..."),
        ("http://h/ " + "x" * 4985 + " https://u:hunter2@h", "http://h/ xxxx"),
        ("", "..."),
    ],
)
def test_error_texts_are_one_short_line_without_secrets(text, expected):
    shown = error_text(text)
    assert shown.startswith(expected)
    assert "hunter2" not in shown and len(shown) <= 500
    assert shown.isprintable()


# ------------------------------------------------------------------------------------------------ /proc

SHIM = (b"/usr/bin/containerd-shim-runc-v2", b"-namespace", b"moby", b"-id", ID.encode())


def fake_process(proc, pid, words, children=(), end=b"\0", parent=1):
    base = proc / str(pid)
    (base / "task" / str(pid)).mkdir(parents=True)
    (base / "cmdline").write_bytes(b"\0".join(words) + (end if words else b""))
    (base / "stat").write_text(f"{pid} (a) b) S {parent} 1 1 0")
    (base / "task" / str(pid) / "children").write_text("".join(f"{child} " for child in children))


def fake_container(proc, words, children=(), shim=SHIM, others=()):
    """Process 10, which the process 9 of Docker has started for a container."""
    fake_process(proc, 9, shim, [*others, 10])
    fake_process(proc, 10, words, children, parent=9)


def test_all_processes_of_the_container_are_told_its_first_one_first(tmp_path):
    fake_container(tmp_path, [b"bash", b"-c", b"x y"], [11, 12], others=[15])
    fake_process(tmp_path, 11, [b"kubelet", b"--a=", b""], [13])
    fake_process(tmp_path, 12, [b"sleep", b"1"])
    fake_process(tmp_path, 13, [b"mount"])
    fake_process(tmp_path, 14, [b"other"])
    fake_process(tmp_path, 15, [b"orphan"])
    found = container_processes(10, ID, str(tmp_path))
    assert found[0] == ["bash", "-c", "x y"]
    assert sorted(found) == [["bash", "-c", "x y"], ["kubelet", "--a=", ""], ["mount"], ["orphan"], ["sleep", "1"]]


def test_children_of_every_thread_are_found(tmp_path):
    fake_container(tmp_path, [b"kubelet"])
    (tmp_path / "10" / "task" / "77").mkdir()
    (tmp_path / "10" / "task" / "77" / "children").write_text("11 ")
    fake_process(tmp_path, 11, [b"kubelet", b"--bad"])
    assert container_processes(10, ID, str(tmp_path)) == [["kubelet"], ["kubelet", "--bad"]]


def test_a_child_that_has_ended_is_left_out(tmp_path):
    fake_container(tmp_path, [b"bash"], [11, 12])
    fake_process(tmp_path, 12, [b"kubelet"])
    assert container_processes(10, ID, str(tmp_path)) == [["bash"], ["kubelet"]]


def test_a_process_that_is_not_there_is_not_an_empty_one(tmp_path):
    assert container_processes(10, ID, str(tmp_path)) is None
    assert container_processes(10, ID, str(tmp_path / "missing")) is None


def test_a_kernel_that_lists_no_children_is_not_believed(tmp_path):
    fake_container(tmp_path, [b"entrypoint.sh"])
    (tmp_path / "9" / "task" / "9" / "children").unlink()
    assert container_processes(10, ID, str(tmp_path)) is None


@pytest.mark.parametrize(
    "shim, identity",
    [(SHIM, ID[::-1]), (SHIM, ""), (SHIM, "0"), (SHIM, "moby"), ([b"sshd"], ID), ([], ID), (SHIM, ID + "\n")],
)
def test_a_process_that_docker_has_not_started_for_the_container_is_not_the_containers(tmp_path, shim, identity):
    fake_container(tmp_path, [b"kubelet"], shim=shim)
    assert container_processes(10, identity, str(tmp_path)) is None


def test_the_first_process_of_the_node_is_of_no_container():
    assert container_processes(1, ID) is None
    assert container_processes(0, ID) is None
    assert container_processes(-1, ID) is None
    assert container_processes(os.getpid(), ID) is None


def test_bytes_that_are_no_utf8_give_text_that_can_be_written(tmp_path):
    fake_container(tmp_path, [b"kubelet", b"--node-labels=stra\xdfe"])
    words = container_processes(10, ID, str(tmp_path))[0]
    assert words[0] == "kubelet"
    assert words[1].startswith("--node-labels=stra")
    words[1].encode("utf-8")


# ------------------------------------------------------------------------------------------- containers


class FakeDocker:
    def __init__(self, *top):
        self._top = top

    def top(self, name):
        if isinstance(self._top[0], Exception):
            raise self._top[0]
        return list(self._top)


def seen(raw, docker=None, proc="/nonexistent", **wanted):
    """The evidence of a container, which must be JSON that anybody reads."""
    found = container_evidence(
        raw, raw["Name"].lstrip("/"), docker or FakeDocker(DockerError("failed", "no ps")), wanted, str(proc)
    )
    json.dumps(found, allow_nan=False).encode("utf-8")
    return found


@pytest.mark.parametrize(
    "name, container, image, user",
    [
        ("inspect-hardened.json", "etcd", "rancher/coreos-etcd:v3.4.3-rancher1", "52034:52034"),
        ("inspect-hardened.json", "kube-apiserver", "rancher/hyperkube:v1.17.6-rancher2", ""),
        ("inspect-worker.json", "kubelet", "rancher/hyperkube:v1.17.6-rancher2", ""),
        ("inspect-v1.24.json", "kubelet", "rancher/hyperkube:v1.24.17-rancher1", ""),
    ],
)
def test_evidence_of_real_containers(name, container, image, user):
    raw = samples(name)[container]
    raw_text = json.dumps(raw)
    found = seen(raw)
    assert (found["state"], found["image"], found["user"]) == ("running", image, user)
    assert found["args"][0] == raw["Path"]
    assert len(found["args"]) == 1 + len(raw["Args"])
    assert {"source": "/etc/kubernetes", "destination": "/etc/kubernetes"} in found["mounts"]
    assert all(set(mount) == {"source", "destination"} for mount in found["mounts"])
    assert json.dumps(raw) == raw_text


def test_evidence_of_the_left_over_sidekick():
    found = seen(samples("inspect-snapshots.json")["service-sidekick"])
    assert (found["state"], found["processes"], found["process_text"]) == ("created", [], [])
    assert found["args"] == ["/bin/bash"]
    assert "error" not in found


@pytest.mark.parametrize("names", [(), ("ETCD_CERT_FILE",), ("ETCDCTL",), ("PATH=", "ETCDCTL_API=3")])
def test_no_variable_is_kept_that_was_not_asked_for(names):
    assert seen(samples("inspect-hardened.json")["etcd"], env=names)["env"] == {}


def test_variables_that_are_asked_for_are_kept_whole():
    raw = dict(KUBELET, Config={"Env": ["A=1=2", "B=", "C", "AA=secret", "PASSWORD=hunter2", "D=http://u:hunter2@h"]})
    found = seen(raw, env=("A", "B", "C", "D"))
    assert found["env"] == {"A": "1=2", "B": "", "C": "", "D": "http://********@h"}
    assert "hunter2" not in json.dumps(found)


def test_secrets_are_masked_wherever_they_may_show(tmp_path):
    argv = ["kubelet", "--token=hunter2", "--a=/b", "--password", "hunter2 hunter2"]
    masked = ["kubelet", "--token=********", "--a=/b", "--password", "********"]
    raw = dict(KUBELET, Path=argv[0], Args=argv[1:])
    fake_container(tmp_path, [word.encode() for word in argv])
    found = seen(raw, proc=tmp_path)
    assert found["args"] == masked
    assert found["processes"] == [masked]
    assert "hunter2" not in json.dumps(found)
    found = seen(raw, FakeDocker(" ".join(argv)))
    assert found["process_text"] == [" ".join(masked) + " ********"]
    assert found["processes"] == [masked]
    assert "hunter2" not in json.dumps(found)
    found = seen(raw, FakeDocker("kubelet --token hunter2"))
    assert found["error"]["kind"] == "contradiction"
    assert "hunter2" not in json.dumps(found)


def test_of_a_helper_of_the_component_only_the_program_is_kept(tmp_path):
    """It is called with what its user likes, such as the password of a share that a pod mounts."""
    calls = [["kubelet", "--a=/b"], ["mount.cifs", "//share", "/mnt", "-o", "username=me,password=hunter2"]]
    raw = dict(KUBELET, Args=["--a=/b"])
    fake_container(tmp_path, [word.encode() for word in calls[0]], [11])
    fake_process(tmp_path, 11, [word.encode() for word in calls[1]])
    assert seen(raw, proc=tmp_path)["processes"] == [["kubelet", "--a=/b"], ["mount.cifs"]]
    found = seen(raw, FakeDocker(*(" ".join(words) for words in calls)))
    assert found["process_text"] == ["kubelet --a=/b", "mount.cifs"]
    assert found["processes"] == [["kubelet", "--a=/b"], ["mount.cifs"]]


def test_processes_are_those_of_the_container(tmp_path):
    raw = dict(KUBELET, Path="entrypoint.sh", Args=["kubelet", "--a=/b"])
    fake_container(tmp_path, [b"/bin/bash", b"entrypoint.sh"], [11])
    fake_process(tmp_path, 11, [b"kubelet", b"--a=/b", b"--resolv-conf=/x"])
    found = seen(raw, FakeDocker("never asked"), tmp_path)
    assert found["processes"] == [["/bin/bash", "entrypoint.sh"], ["kubelet", "--a=/b", "--resolv-conf=/x"]]
    assert found["process_text"] == []
    assert "error" not in found


def test_what_runs_counts_and_not_what_was_declared(tmp_path):
    raw = dict(KUBELET, Args=["--anonymous-auth=false"])
    fake_container(tmp_path, [b"kubelet", b"--anonymous-auth=true"])
    assert seen(raw, proc=tmp_path)["processes"] == [["kubelet", "--anonymous-auth=true"]]


@pytest.mark.parametrize(
    "top",
    [
        "kubelet --anonymous-auth=true",
        "kubelet",
        "kubelet --v=2 --anonymous-auth=false",
        "/usr/bin/kubelet --anonymous-auth=fals",
    ],
)
def test_other_arguments_in_docker_top_are_a_contradiction(top):
    found = seen(dict(KUBELET, Args=["--anonymous-auth=false"]), FakeDocker("entrypoint.sh", top))
    assert found["processes"] == []
    assert found["error"]["kind"] == "contradiction"
    assert "become" in found["error"]["advice"]
    assert found["mounts"] == []  # stand there all the same


@pytest.mark.parametrize(
    "top, processes",
    [
        ("kubelet --a=/b /c --x=1", [["kubelet", "--a=/b /c", "--x=1"]]),
        # what RKE's entrypoint.sh puts behind it
        ("kubelet --a=/b /c --x=1 --resolv-conf=/x", [["kubelet", "--a=/b /c", "--x=1", "--resolv-conf=/x"]]),
        ("/usr/bin/kubelet --a=/b  /c --x=1 ", [["/usr/bin/kubelet", "--a=/b /c", "--x=1"]]),
        ("sleep 1d", [["sleep"]]),
    ],
)
def test_docker_top_confirms_what_was_declared(top, processes):
    raw = dict(KUBELET, Path="entrypoint.sh", Args=["kubelet", "--a=/b /c", "--x=1"])
    found = seen(raw, FakeDocker(top), flags=["--a"])
    assert "error" not in found
    assert found["processes"][0][: len(processes[0])] == processes[0]


def test_what_starts_the_component_in_its_own_way_is_not_confirmed_by_docker_top():
    found = seen(dict(KUBELET, Path="/start.sh", Args=["--a=1"]), FakeDocker("kubelet --a=1"))
    assert found["error"]["kind"] == "contradiction"


def test_a_process_of_another_machine_is_not_taken_for_the_container(tmp_path):
    fake_process(tmp_path, 9, [b"sshd"], [10])
    fake_process(tmp_path, 10, [b"kubelet", b"--a=1"], parent=9)
    found = seen(dict(KUBELET, Args=["--a=2"]), FakeDocker("kubelet --a=2"), tmp_path)
    assert found["processes"] == [["kubelet", "--a=2"]]


@pytest.mark.parametrize("top", [(DockerError("failed", "no ps here"),), ()])
def test_a_top_that_fails_is_an_error_of_the_running_container(top):
    found = seen(KUBELET, FakeDocker(*top) if top else type("Empty", (), {"top": lambda self, name: []})())
    assert found["processes"] == [] and found["process_text"] == []
    assert found["error"]["message"] in ("no ps here", "docker top shows no process of kubelet")


@pytest.mark.parametrize("status", ["exited", "created", "restarting", "paused", "dead", "removing", ""])
def test_only_a_running_container_has_processes(tmp_path, status):
    fake_container(tmp_path, [b"kubelet"])
    found = seen(dict(KUBELET, State={"Status": status, "Pid": 10}), FakeDocker("kubelet"), tmp_path)
    assert (found["state"], found["processes"], found["process_text"]) == (status, [], [])
    assert "error" not in found


def test_volumes_without_a_host_path_are_no_mounts():
    raw = dict(KUBELET, Mounts=[{"Destination": "/run"}, {"Source": "", "Destination": "/tmp"}])
    assert seen(raw)["mounts"] == []


@pytest.mark.parametrize("value", [5, True, "x", [], [5], {"a": {}}, [None], 1e400, [[[]]], {"Status": []}, -1])
@pytest.mark.parametrize(
    "path",
    ["Id", "State", "State.Status", "State.Pid", "Config", "Config.Env", "Config.Image", "Path", "Args", "Mounts"],
)
def test_an_odd_answer_is_an_error_or_what_it_says(tmp_path, path, value):
    raw = json.loads(json.dumps(dict(KUBELET, Args=["--a=1"])))
    *above, last = path.split(".")
    (raw[above[0]] if above else raw)[last] = value
    try:
        found = seen(raw, FakeDocker("kubelet --a=1"), tmp_path)
    except DockerError as error:
        assert error.kind == "malformed"
    else:
        assert found["processes"] in ([], [["kubelet", "--a=1"]])
        assert found["state"] != "running" or found["processes"] or found["error"]


@pytest.mark.parametrize(
    "more",
    [
        {"Args": ["--x=" + "y" * 20000]},
        {"Args": ["x"] * 1001},
        {"Mounts": [{"Source": "/a", "Destination": "/b"}] * 501},
        {"Config": {"Env": ["A=b"] * 1001}},
        {"Config": {"Image": "x" * 20000}},
    ],
)
def test_what_is_beyond_the_limits_is_too_large(more):
    with pytest.raises(DockerError) as caught:
        seen(dict(KUBELET, **more))
    assert caught.value.kind == "too large"


@pytest.mark.parametrize("words", [[b"x" * 20000], [b"x"] * 1001])
def test_arguments_of_a_process_beyond_the_limits_are_too_large(tmp_path, words):
    fake_container(tmp_path, words)
    found = seen(KUBELET, proc=tmp_path)
    assert (found["error"]["kind"], found["processes"]) == ("too large", [])


def test_too_many_processes_are_too_large(tmp_path):
    fake_container(tmp_path, [b"kubelet"], range(100, 700))
    assert seen(KUBELET, proc=tmp_path)["error"]["kind"] == "too large"


@pytest.mark.parametrize("source, destination", [("a", "/b"), ("/a", "b"), ("../a", "/b"), ("/a", "")])
def test_mounts_are_of_absolute_paths(source, destination):
    with pytest.raises(DockerError, match="absolute"):
        seen(dict(KUBELET, Mounts=[{"Source": source, "Destination": destination}]))


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


def test_no_docker_command(module, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DockerError) as caught:
        inspect_containers(module, SOCKET, 20, ["kubelet"])
    assert caught.value.kind == "missing"
    assert "no docker command" in str(caught.value)


def test_top_gives_command_lines(docker, module):
    docker("printf 'PID   COMMAND\\n    1   kubelet --a=b  c\\n  23 /pause\\n 24 \\n\\n'")
    assert cli(module).top("kubelet") == ["kubelet --a=b  c", "/pause"]


def test_top_of_a_container_that_has_gone(docker, module):
    docker("echo 'Error: No such container: kubelet' >&2; exit 1")
    with pytest.raises(DockerError, match="No such container: kubelet"):
        cli(module).top("kubelet")


# -------------------------------------------------------------------------------------------------- API


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
    docker(f"echo '{DENIED}' >&2; exit 1")
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


# ----------------------------------------------------------------------------------------- time, size and shape


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


def test_every_kind_of_failure_has_advice():
    kinds = {kind for _test, kind in _docker._FAILURES} | {"timeout", "missing", "failed"}
    assert all(DockerError(kind, "x").as_evidence()["advice"] for kind in kinds)
    assert "podman is not Docker" in DockerError("podman", "x").as_evidence()["advice"]
