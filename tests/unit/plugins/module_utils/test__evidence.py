# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it tests, this file runs on Python 3.6 (`make units`).

import json
import os
import pathlib
import re
import threading

import pytest

from ansible_collections.rke.cis.plugins.module_utils import _evidence
from ansible_collections.rke.cis.plugins.module_utils._docker import DockerError
from ansible_collections.rke.cis.plugins.module_utils._evidence import Collector, flag_values, host_path, path_key
from ansible_collections.rke.cis.plugins.module_utils._files import problem

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"


def bind(source, destination):
    return {"source": source, "destination": destination}


def test_collector_has_the_version_of_the_collection():
    galaxy = pathlib.Path(__file__).parents[4] / "galaxy.yml"
    (version,) = re.findall("^version: (.+)$", galaxy.read_text(encoding="utf-8"), re.M)
    assert "rke.cis " + version == _evidence.COLLECTOR


ETC = bind("/etc/kubernetes", "/etc/kubernetes")
ETCD = bind("/var/lib/etcd", "/var/lib/rancher/etcd")


@pytest.mark.parametrize(
    "path, mounts, expected",
    [
        ("/etc/kubernetes/ssl/x", [ETC], ("/etc/kubernetes/ssl/x", "/etc/kubernetes")),
        ("/etc/kubernetes", [ETC], ("/etc/kubernetes", "/etc/kubernetes")),
        ("/etc/kubernetes/", [ETC], ("/etc/kubernetes", "/etc/kubernetes")),
        ("/var/lib/rancher/etcd/", [ETC, ETCD], ("/var/lib/etcd", "/var/lib/etcd")),
        ("/var/lib/rancher/etcd/member", [ETCD], ("/var/lib/etcd/member", "/var/lib/etcd")),
        # RKE's prefix_path
        (
            "/etc/kubernetes/ssl/x",
            [bind("/opt/rke/etc/kubernetes", "/etc/kubernetes")],
            ("/opt/rke/etc/kubernetes/ssl/x", "/opt/rke/etc/kubernetes"),
        ),
        # the innermost mount is the one that is seen, in whatever order they are told
        ("/etc/kubernetes/ssl/x", [ETC, bind("/data/ssl", "/etc/kubernetes/ssl")], ("/data/ssl/x", "/data/ssl")),
        ("/etc/kubernetes/ssl/x", [bind("/data/ssl", "/etc/kubernetes/ssl"), ETC], ("/data/ssl/x", "/data/ssl")),
        (
            "/etc/kubernetes/sslx",
            [ETC, bind("/data/ssl", "/etc/kubernetes/ssl")],
            ("/etc/kubernetes/sslx", ETC["source"]),
        ),
        ("/var/x", [bind("/", "/")], ("/var/x", "/")),
        ("/var/x", [bind("/", "/host"), bind("/data", "/var")], ("/data/x", "/data")),
        ("/host/etc/x", [bind("/", "/host")], ("/etc/x", "/")),
        # a single file
        ("/etc/resolv.conf", [bind("/run/resolv.conf", "/etc/resolv.conf")], ("/run/resolv.conf", "/run/resolv.conf")),
        # dots do not lead past the mount
        ("/etc/kubernetes/../shadow", [ETC], None),
        ("/etc/kubernetes/./ssl//x", [ETC], ("/etc/kubernetes/ssl/x", "/etc/kubernetes")),
        (
            "/etc/kubernetes/ssl/x",
            [bind("/etc/kubernetes", "/etc/kubernetes/")],
            ("/etc/kubernetes/ssl/x", ETC["source"]),
        ),
        # not mounted
        ("/etc/kubernetes2/x", [ETC], None),
        ("/etc", [ETC], None),
        ("/etc/kubernetes/x", [], None),
    ],
)
def test_host_path(path, mounts, expected):
    assert host_path(path, mounts) == expected


def test_mounts_of_real_containers_lead_to_the_node():
    for file, expected in (("inspect-hardened.json", "/var/lib/etcd"), ("inspect-v1.24.json", "/var/lib/etcd")):
        raw = {item["Name"]: item for item in json.loads((FIXTURES / file).read_text(encoding="utf-8"))}
        mounts = [bind(mount["Source"], mount["Destination"]) for mount in raw["/etcd"]["Mounts"]]
        assert host_path("/var/lib/rancher/etcd", mounts) == (expected, expected)
        assert host_path("/etc/kubernetes/ssl", mounts) == ("/etc/kubernetes/ssl", "/etc/kubernetes")


@pytest.mark.parametrize(
    "container, expected",
    [
        ({"args": ["etcd", "--data-dir=/a"]}, ["/a"]),
        ({"args": ["etcd", "--data-dir", "/a"]}, ["/a"]),
        ({"args": ["etcd", "-data-dir=/a", "--data-dir=/b"]}, ["/b"]),
        ({"args": ["etcd", "--name", "x", "--data-dir=/a"]}, ["/a"]),
        # what runs counts, not what was configured
        ({"args": ["etcd", "--data-dir=/a"], "processes": [["sh"], ["etcd", "--data-dir=/b"]]}, ["/b"]),
        ({"args": ["etcd", "--data-dir=/a"], "processes": []}, ["/a"]),
        ({"args": ["etcd"], "env": {"ETCD_DATA_DIR": "/e"}}, ["/e"]),
        ({"args": ["etcd", "--data-dir=/a"], "env": {"ETCD_DATA_DIR": "/e"}}, ["/a"]),
        ({"args": ["etcd"], "env": {}}, [""]),
        ({"args": ["etcd", "--data-dir="], "env": {}}, [""]),
        # each process of the component counts
        ({"args": [], "processes": [["etcd", "--data-dir=/a"], ["sh"], ["etcd", "--data-dir=/b"]]}, ["/a", "/b"]),
        ({"args": ["etcd", "--data-dir=/a"], "processes": [["sh"]]}, []),
        ({"args": ["sh", "--data-dir=/a"], "env": {"ETCD_DATA_DIR": "/e"}}, []),
        ({}, []),
    ],
)
def test_flag_values(container, expected):
    assert flag_values(container, {"container": "etcd", "flag": "--data-dir", "style": "go"}) == expected


def test_path_key_is_of_the_flag_or_of_the_path():
    assert path_key({"container": "etcd", "flag": "--data-dir", "path": "/x"}) == "etcd:--data-dir"
    assert path_key({"container": "kubelet", "path": "/x", "flag": None}) == "kubelet:/x"


# -------------------------------------------------------------------------------------------- Collector


def running(name, *args, **more):
    raw = {
        "Name": "/" + name,
        "Path": name,
        "Args": list(args),
        "State": {"Status": "running", "Pid": 0},
        "Config": {},
        "Mounts": [],
    }
    raw.update(more)
    return raw


def mounted(*binds):
    return [{"Source": source, "Destination": destination, "Mode": "z"} for source, destination in binds]


class Door:
    source = "a door"

    def __init__(self, found):
        self._found = {raw["Name"][1:]: raw for raw in found}

    def top(self, name):
        return [" ".join([name] + self._found[name]["Args"])]


@pytest.fixture
def collect(monkeypatch):
    """A function that collects a plan with Docker showing these containers, or failing with this error."""

    def run(plan, found, **options):
        def inspect(module, docker_host, timeout, names):
            if isinstance(found, Exception):
                raise found
            return Door(found), {raw["Name"][1:]: raw for raw in found if raw["Name"][1:] in names}

        monkeypatch.setattr(_evidence, "inspect_containers", inspect)
        document = Collector(None, "unix:///x", **{"timeout": 20, **options}).collect(plan)
        json.dumps(document)
        return document

    return run


def test_a_document_says_where_it_is_from(collect):
    document = collect({}, [])
    assert document["schema"] == "rke.cis/evidence/1"
    assert re.match(r"^rke\.cis \d+\.\d+\.\d+", document["collector"])
    assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", document["collected_at"])
    assert document["docker"] == {"host": "unix:///x", "source": "a door"}
    assert (document["containers"], document["paths"]) == ({}, {})


def test_containers_that_are_wanted_are_there_or_missing(collect):
    document = collect({"containers": {"kubelet": {}, "etcd": {}}}, [running("kubelet", "--a=/b"), running("other")])
    assert set(document["containers"]) == {"kubelet", "etcd"}
    assert document["containers"]["kubelet"]["args"] == ["kubelet", "--a=/b"]
    assert document["containers"]["etcd"] == problem("missing", "there is no container named etcd")


def test_only_variables_of_the_plan_are_kept(collect):
    raw = running("etcd", Config={"Env": ["ETCD_A=1", "ETCD_B=2", "SECRET=hunter2"]})
    document = collect({"containers": {"etcd": {"env": ["ETCD_A", "ETCD_C"]}}}, [raw])
    assert document["containers"]["etcd"]["env"] == {"ETCD_A": "1"}
    assert "hunter2" not in json.dumps(document)


@pytest.mark.parametrize("kind", ["denied", "down", "timeout", "missing", "failed"])
def test_docker_that_does_not_answer_is_told_for_every_container(collect, tmp_path, kind):
    (tmp_path / "x").write_text("")
    plan = {
        "containers": {"kubelet": {}, "etcd": {}},
        "paths": [
            {"container": "etcd", "flag": "--data-dir", "path": "/var/lib/rancher/etcd", "style": "go"},
            {"container": "kubelet", "path": str(tmp_path / "x")},
            {"container": "kubelet", "path": str(tmp_path / "y")},
        ],
    }
    document = collect(plan, DockerError(kind, "no answer"))
    assert document["docker"]["error"]["kind"] == kind
    assert {container["error"]["kind"] for container in document["containers"].values()} == {kind}
    paths = document["paths"]
    # a path that a flag names cannot be known, and where the others lie is not known either
    assert paths["etcd:--data-dir"]["error"]["kind"] == "container " + kind
    # (what lies at the usual place may be a leftover beside a prefix path)
    assert paths[f"kubelet:{tmp_path}/x"]["error"]["kind"] == "not_located"
    assert paths[f"kubelet:{tmp_path}/y"]["error"]["kind"] == "not_located"


def test_with_a_prefix_a_missing_file_is_missing_even_without_docker(collect, tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "x").write_text("")
    plan = {"containers": {"kubelet": {}}, "paths": [{"container": "kubelet", "path": p} for p in ("/etc/x", "/etc/y")]}
    document = collect(plan, DockerError("down", "no answer"), prefix_path=str(tmp_path) + "/")
    assert document["paths"]["kubelet:/etc/x"]["path"] == f"{tmp_path}/etc/x"
    assert document["paths"]["kubelet:/etc/x"]["type"] == "file"
    assert document["paths"]["kubelet:/etc/y"]["error"]["kind"] == "missing"


def test_mounts_outdo_the_prefix(collect, tmp_path):
    (tmp_path / "x").write_text("")
    raw = running("kubelet", Mounts=mounted((str(tmp_path), "/etc/kubernetes")))
    plan = {"containers": {"kubelet": {}}, "paths": [{"container": "kubelet", "path": "/etc/kubernetes/x"}]}
    document = collect(plan, [raw], prefix_path="/elsewhere")
    assert document["paths"]["kubelet:/etc/kubernetes/x"]["path"] == f"{tmp_path}/x"


def test_mounts_of_a_neighbour_serve_where_the_component_does_not_run(collect, tmp_path):
    (tmp_path / "x").write_text("")
    raw = running("kubelet", Mounts=mounted((str(tmp_path), "/etc/kubernetes")))
    plan = {
        "containers": {"kubelet": {}, "kube-proxy": {}},
        "paths": [{"container": "kube-proxy", "path": p} for p in ("/etc/kubernetes/x", "/etc/kubernetes/y")],
    }
    document = collect(plan, [raw])
    assert document["paths"]["kube-proxy:/etc/kubernetes/x"]["type"] == "file"
    assert document["paths"]["kube-proxy:/etc/kubernetes/y"]["error"]["kind"] == "missing"


@pytest.mark.parametrize("binds", [(), (("/etc/kubernetes", "/etc/kubernetes"),)])
def test_what_a_container_does_not_mount_is_not_looked_up_elsewhere(collect, tmp_path, binds):
    """It is in the container's image: neither what a neighbour mounts there nor what lies there on the node."""
    (tmp_path / "x").write_text("")
    neighbour = running("kube-proxy", Mounts=mounted((str(tmp_path), str(tmp_path))))
    plan = {
        "containers": {"kubelet": {}, "kube-proxy": {}},
        "paths": [{"container": "kubelet", "path": str(tmp_path / "x")}],
    }
    document = collect(plan, [running("kubelet", Mounts=mounted(*binds)), neighbour], prefix_path="/")
    assert document["paths"][f"kubelet:{tmp_path}/x"]["error"]["kind"] == "not_mounted"


def test_no_container_at_all_leaves_the_place_unknown(collect):
    plan = {"containers": {"kubelet": {}}, "paths": [{"container": "kubelet", "path": "/etc/no-such-dir/x"}]}
    assert collect(plan, [])["paths"]["kubelet:/etc/no-such-dir/x"]["error"]["kind"] == "not_located"


DATA = {"container": "etcd", "flag": "--data-dir", "path": "/var/lib/rancher/etcd", "style": "go"}


@pytest.mark.parametrize(
    "args, env",
    [
        (["--data-dir=/var/lib/rancher/etcd/"], []),
        (["--data-dir", "/var/lib/rancher/etcd"], []),
        ([], ["ETCD_DATA_DIR=/var/lib/rancher/etcd"]),
        # neither flag nor variable: the path of the plan
        ([], []),
        (["--data-dir="], []),
    ],
)
def test_the_data_directory_is_found_by_its_flag(collect, tmp_path, args, env):
    (tmp_path / "data").mkdir(mode=0o700)
    raw = running("etcd", *args, Mounts=mounted((str(tmp_path / "data"), "/var/lib/rancher/etcd")), Config={"Env": env})
    found = collect({"containers": {"etcd": {"env": ["ETCD_DATA_DIR"]}}, "paths": [DATA]}, [raw])["paths"]
    assert (found["etcd:--data-dir"]["path"], found["etcd:--data-dir"]["type"]) == (f"{tmp_path}/data", "directory")
    assert found["etcd:--data-dir"]["mode"] == "0700"


def test_without_a_path_in_the_plan_no_directory_is_taken_for_granted(collect):
    plan = {"containers": {"etcd": {}}, "paths": [{"container": "etcd", "flag": "--data-dir", "style": "go"}]}
    for words in ([], ["--data-dir="], ["--name=a"]):
        raw = running("etcd", *words, Mounts=mounted(("/var/lib/etcd", "/var/lib/rancher/etcd")))
        assert collect(plan, [raw])["paths"]["etcd:--data-dir"]["error"]["kind"] == "not_set"


def test_the_path_of_each_process_is_examined(tmp_path):
    (tmp_path / "a").mkdir(mode=0o700)
    (tmp_path / "b").mkdir(mode=0o755)
    collector = Collector(None, "", 20)
    shown = {"state": "running", "args": [], "mounts": [bind(str(tmp_path), "/d")]}
    request = {"container": "etcd", "flag": "--data-dir", "style": "go"}
    for paths, modes in (("ab", ["0700", "0755"]), ("ba", ["0755", "0700"]), ("aa", ["0700"])):
        shown["processes"] = [["etcd", "--data-dir=/d/" + name] for name in paths]
        collector._containers = {"etcd": shown}
        found = collector._path(request)
        assert [part["mode"] for part in found.get("each", [found])] == modes
    shown["processes"] = [["etcd", "--data-dir=/d/a"], ["etcd"]]
    assert collector._path(request)["each"][1]["error"]["kind"] == "not_set"


CA = {"container": "kubelet", "flag": "--client-ca-file", "style": "pflag_strict"}


@pytest.mark.parametrize(
    "args, request_, kind",
    [
        ([], CA, "not_set"),
        (["--client-ca-file="], CA, "not_set"),
        (["--client-ca-file"], CA, "not_set"),
        (["--client-ca-file=ca.pem"], CA, "not_absolute"),
        (["--client-ca-file=~/ca.pem"], CA, "not_absolute"),
        (["--client_ca_file=ca.pem"], CA, "not_absolute"),
        (["--client-ca-file=/no/such/ca.pem"], CA, "not_mounted"),
    ],
)
def test_a_flag_that_leads_nowhere(collect, args, request_, kind):
    plan = {"containers": {"kubelet": {}}, "paths": [request_]}
    assert collect(plan, [running("kubelet", *args)])["paths"]["kubelet:--client-ca-file"]["error"]["kind"] == kind


def test_a_flag_of_a_container_that_is_missing(collect):
    document = collect({"containers": {"kubelet": {}}, "paths": [CA]}, [])
    assert document["paths"]["kubelet:--client-ca-file"]["error"]["kind"] == "container missing"


def test_a_directory_is_listed_if_asked_for(collect, tmp_path):
    (tmp_path / "b-key.pem").write_text("")
    (tmp_path / "a.pem").write_text("")
    plan = {"paths": [{"container": "kubelet", "path": str(tmp_path), "list": True}]}
    (found,) = collect(plan, [], prefix_path="/")["paths"].values()
    assert [entry["name"] for entry in found["entries"]] == ["a.pem", "b-key.pem"]
    (found,) = collect({"paths": [{"container": "kubelet", "path": str(tmp_path)}]}, [], prefix_path="/")[
        "paths"
    ].values()
    assert "entries" not in found


def test_a_link_out_of_the_directory_that_stays_in_the_mount_is_followed(collect, tmp_path):
    (tmp_path / "mount" / "ssl").mkdir(parents=True)
    (tmp_path / "out").write_text("")
    (tmp_path / "mount" / "ca.pem").write_text("")
    (tmp_path / "mount" / "ssl" / "a.pem").symlink_to("../ca.pem")
    (tmp_path / "mount" / "ssl" / "b.pem").symlink_to("../../out")
    raw = running("kubelet", Mounts=mounted((str(tmp_path / "mount"), "/etc/kubernetes")))
    plan = {
        "containers": {"kubelet": {}},
        "paths": [{"container": "kubelet", "path": "/etc/kubernetes/ssl", "list": True}],
    }
    inside, outside = collect(plan, [raw])["paths"]["kubelet:/etc/kubernetes/ssl"]["entries"]
    assert (inside["type"], inside["link"]) == ("file", f"{tmp_path}/mount/ca.pem")
    assert outside["error"]["kind"] == "unreadable"


def test_a_file_is_not_listed_as_an_empty_directory(collect, tmp_path):
    (tmp_path / "x").write_text("")
    plan = {"paths": [{"container": "kubelet", "path": str(tmp_path / "x"), "list": True}]}
    (found,) = collect(plan, [], prefix_path="/")["paths"].values()
    assert found["error"]["kind"] == "missing"


CONFIG = {
    "container": "kube-apiserver",
    "flag": "--encryption-provider-config",
    "read": "encryption_providers",
    "style": "pflag",
}
KEY = "bm90LWEtcmVhbC1rZXktYXQtYWxsLTMyLWJ5dGVzIQ=="


@pytest.mark.parametrize(
    "content, expected",
    [
        (
            f"resources:\n- resources: [secrets]\n  providers:\n  - aescbc: {{keys: [{{name: a, secret: {KEY}}}]}}\n",
            {"encryption": [{"resources": ["secrets"], "providers": ["aescbc"]}]},
        ),
        (f"secret: {KEY}\n", "malformed"),
        (f"secret: [{KEY}\n", "malformed"),
        (b"\xff" + KEY.encode(), "malformed"),
        ("", "malformed"),
    ],
)
def test_of_the_encryption_keys_only_the_providers_are_told(collect, tmp_path, content, expected):
    path = tmp_path / "encryption.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    raw = running("kube-apiserver", f"--encryption-provider-config={path}", Mounts=mounted((str(tmp_path),) * 2))
    document = collect({"containers": {"kube-apiserver": {}}, "paths": [CONFIG]}, [raw])
    found = document["paths"]["kube-apiserver:--encryption-provider-config"]
    if isinstance(expected, str):
        assert found["error"]["kind"] == expected
        assert found["error"]["message"].startswith(str(path))
    else:
        assert found["encryption"] == expected["encryption"]
        assert "error" not in found
    assert KEY[:6] not in json.dumps(document)


@pytest.mark.parametrize("pyyaml", [True, False])
@pytest.mark.parametrize(
    "content",
    [
        # one level too deep
        "resources:\n- resources:\n  - secrets\n  - providers:\n    - aescbc: {keys: [{secret: KEY}]}\n",
        "resources:\n- resources: KEY\n  providers: [{identity: {}}]\n",
        "resources:\n- resources: [secrets]\n  providers: [{KEY: {}}]\n",
        "resources:\n- resources: [KEY]\n  providers: [{identity: {}}]\n",
        "resources: [secrets, KEY\n",
    ],
)
def test_a_key_in_the_wrong_place_stays_on_the_node(collect, tmp_path, monkeypatch, content, pyyaml):
    if not pyyaml:
        monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    path = tmp_path / "encryption.yaml"
    path.write_text(content.replace("KEY", KEY))
    raw = running("kube-apiserver", f"--encryption-provider-config={path}", Mounts=mounted((str(tmp_path),) * 2))
    document = collect({"containers": {"kube-apiserver": {}}, "paths": [CONFIG]}, [raw])
    error = document["paths"]["kube-apiserver:--encryption-provider-config"]["error"]
    assert error["kind"] == "malformed" or (error["kind"] == "unreadable" and not pyyaml)
    shown = json.dumps(document)
    assert not any(KEY[start : start + 5] in shown for start in range(len(KEY) - 4))


@pytest.mark.parametrize("names", [0, 2000])
def test_a_config_that_is_too_large_is_not_read(collect, tmp_path, names):
    path = tmp_path / "encryption.yaml"
    with path.open("w") as stream:
        stream.write("resources: [{resources: [" + "secrets, " * names + "secrets], providers: []}]\n")
        if not names:
            stream.truncate(20 * 1024**3)  # takes no space on the disk
    raw = running("kube-apiserver", f"--encryption-provider-config={path}", Mounts=mounted((str(tmp_path),) * 2))
    document = collect({"containers": {"kube-apiserver": {}}, "paths": [CONFIG]}, [raw])
    found = document["paths"]["kube-apiserver:--encryption-provider-config"]
    assert found["error"]["kind"] == "too large"
    assert "encryption" not in found


def test_a_config_that_only_pyyaml_reads_is_unreadable_and_not_wrong(collect, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    path = tmp_path / "encryption.yaml"
    path.write_text("resources: !x []\n")
    raw = running("kube-apiserver", f"--encryption-provider-config={path}", Mounts=mounted((str(tmp_path),) * 2))
    document = collect({"containers": {"kube-apiserver": {}}, "paths": [CONFIG]}, [raw])
    assert document["paths"]["kube-apiserver:--encryption-provider-config"]["error"]["kind"] == "unreadable"


def test_a_config_that_vanishes_or_may_not_be_read(collect, tmp_path, monkeypatch):
    path = tmp_path / "encryption.yaml"
    path.write_text("")
    raw = running("kube-apiserver", f"--encryption-provider-config={path}", Mounts=mounted((str(tmp_path),) * 2))
    for error, kind in ((FileNotFoundError(2, "gone"), "missing"), (PermissionError(13, "closed"), "denied")):

        def refuse(path, error=error):
            raise error

        monkeypatch.setattr(Collector.files, "read", refuse)
        document = collect({"containers": {"kube-apiserver": {}}, "paths": [CONFIG]}, [raw])
        assert document["paths"]["kube-apiserver:--encryption-provider-config"]["error"]["kind"] == kind


def test_what_is_no_file_is_not_opened(collect, tmp_path):
    path = tmp_path / "encryption.yaml"
    os.mkfifo(str(path))
    raw = running("kube-apiserver", f"--encryption-provider-config={path}", Mounts=mounted((str(tmp_path),) * 2))
    document = collect({"containers": {"kube-apiserver": {}}, "paths": [CONFIG]}, [raw])
    found = document["paths"]["kube-apiserver:--encryption-provider-config"]
    assert found["type"] == "fifo"
    assert "encryption" not in found and "error" not in found


def test_a_link_out_of_the_mount_is_told(collect, tmp_path):
    (tmp_path / "mount").mkdir()
    (tmp_path / "out").write_text("")
    (tmp_path / "mount" / "x").symlink_to("../out")
    raw = running("kubelet", Mounts=mounted((str(tmp_path / "mount"), "/etc/kubernetes")))
    plan = {"containers": {"kubelet": {}}, "paths": [{"container": "kubelet", "path": "/etc/kubernetes/x"}]}
    assert collect(plan, [raw])["paths"]["kubelet:/etc/kubernetes/x"]["error"]["kind"] == "unreadable"
    # the plan is not used up
    assert plan["paths"] == [{"container": "kubelet", "path": "/etc/kubernetes/x"}]
    assert os.path.islink(str(tmp_path / "mount" / "x"))


@pytest.mark.parametrize("odd", [{"Name": "/etcd", "State": "x"}, {"Name": "/etcd", "Args": ["x" * 20000]}])
def test_an_odd_container_costs_itself_alone(collect, tmp_path, monkeypatch, odd):
    """Its paths are not looked for in the mounts of others: it may have mounts of its own."""
    (tmp_path / "x").write_text("")
    raw = running("kubelet", Mounts=mounted((str(tmp_path), "/etc/kubernetes")))
    plan = {
        "containers": {"kubelet": {}, "etcd": {}, "kube-proxy": {}},
        "paths": [{"container": name, "path": "/etc/kubernetes/x"} for name in ("kubelet", "etcd", "kube-proxy")],
    }
    monkeypatch.setattr(Door, "__init__", lambda self, found: setattr(self, "_found", {"kubelet": raw}))
    document = collect(plan, [raw, odd])
    assert document["containers"]["etcd"]["error"]["kind"] in ("malformed", "too large")
    assert document["containers"]["kubelet"]["processes"] == [["kubelet"]]
    kinds = {
        name: document["paths"][name + ":/etc/kubernetes/x"].get("error", {}).get("kind") for name in plan["containers"]
    }
    assert kinds == {"kubelet": None, "etcd": "not_located", "kube-proxy": None}


def test_a_document_that_grows_too_large_says_so_of_what_is_left_out(collect, tmp_path, monkeypatch):
    monkeypatch.setattr(_evidence.limits, "EVIDENCE_BYTES", 2000)
    for number in range(50):
        (tmp_path / str(number)).write_text("")
    paths = [{"container": "kubelet", "path": str(tmp_path / "1")}]
    paths += [{"container": "kubelet", "path": str(tmp_path), "list": True}]
    one, many = collect({"paths": paths}, [], prefix_path="/")["paths"].values()
    assert one["type"] == "file"
    assert (set(many), many["error"]["kind"]) == ({"error"}, "too large")


def test_a_path_that_hangs_costs_what_is_left(collect, tmp_path, monkeypatch):
    (tmp_path / "x").write_text("")
    ended = threading.Event()
    examine = _evidence.Collector.files.examine
    hangs = str(tmp_path / "y")
    monkeypatch.setattr(
        _evidence.Collector.files, "examine", lambda path, root: path == hangs and ended.wait(60) or examine(path, root)
    )
    plan = {"paths": [{"container": "kubelet", "path": str(tmp_path / name)} for name in "xyz"]}
    try:
        paths = collect(plan, [], prefix_path="/", timeout=0.5)["paths"]
    finally:
        ended.set()
    first, *others = paths.values()
    assert "error" not in first
    wanted = {"kind": "timeout", "message": "nothing was seen in 0.5 s, since " + hangs + " does not answer"}
    assert others == [{"error": wanted}] * 2


def test_what_goes_wrong_with_a_path_is_not_taken_for_a_slow_disk(collect, tmp_path, monkeypatch):
    monkeypatch.setattr(_evidence.Collector, "_path", lambda self, request: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        collect({"paths": [{"container": "kubelet", "path": str(tmp_path)}]}, [])


@pytest.mark.parametrize("path", ["//etc//x", "/etc/../../x", "/./x"])
def test_paths_in_the_evidence_are_absolute_and_normal(collect, tmp_path, path):
    raw = running("kubelet", Mounts=mounted(("//" + str(tmp_path) + "/a/..", "/")))
    plan = {"containers": {"kubelet": {}}, "paths": [{"container": "kubelet", "path": path}]}
    (found,) = collect(plan, [raw])["paths"].values()
    assert found["error"]["message"].startswith(str(tmp_path) + "/")
    assert found["path"] == os.path.normpath(found["path"])


def test_a_path_is_a_socket():
    assert Collector(None, "/run/x.sock", 1)._docker_host == "unix:///run/x.sock"


def test_a_path_of_the_node_itself(collect, tmp_path):
    """No mount, prefix or container has a say in where it lies."""
    (tmp_path / "net.d" / "sub").mkdir(parents=True)
    (tmp_path / "net.d" / "sub" / "x").write_text("")
    for more in ({"tree": True}, {"list": True}, {}):
        request = dict({"host": str(tmp_path / "net.d")}, **more)
        (found,) = collect({"paths": [request]}, [], prefix_path="/opt/rke")["paths"].values()
        assert (found["type"], found["path"]) == ("directory", str(tmp_path / "net.d"))
        names = [entry["name"] for entry in found.get("entries", [])]
        assert names == (["sub", "sub/x"] if "tree" in more else ["sub"] if "list" in more else [])
    document = collect({"paths": [{"host": "/no/such", "tree": True}]}, [])
    assert document["paths"]["host:/no/such"]["error"]["kind"] == "missing"
