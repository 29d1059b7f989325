# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import json
import os
import pathlib

import pytest

from ansible_collections.rke.cis.plugins.module_utils._containers import container_evidence, container_processes
from ansible_collections.rke.cis.plugins.module_utils._docker import DockerError
from ansible_collections.rke.cis.tests.unit.plugins.module_utils.container_helper import ID, KUBELET

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"


def samples(name):
    """Containers by name, as docker inspect showed them."""
    return {item["Name"][1:]: item for item in json.loads((FIXTURES / name).read_text(encoding="utf-8"))}


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


def test_an_id_is_shown_as_docker_ps_shows_it():
    assert seen(KUBELET)["id"] == "0123456789ab"
    assert "id" not in seen(dict(KUBELET, Id="../etc"))


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
