# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import re
import shlex
import textwrap
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._inventory.rke_cluster import (
    cluster_files,
    is_cluster,
    is_settings,
    read_cluster,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import cluster_directory
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import (
    NO_PASSWORD,
    WRONG_PASSWORD,
    encrypt,
    encrypt_value,
    loader,
)

SECRET = "CANARY-do-not-show"
ONE = "nodes: [{address: 10.0.0.1, user: rke, role: [worker]}]\n"

FULL = f"""\
cluster_name: demo-prod
kubernetes_version: v1.17.6-rancher2-2
prefix_path: /opt/rke
ssh_key_path: ~/.ssh/rke
ssh_cert_path: ~/.ssh/rke-cert.pub
nodes:
  - address: 198.51.100.11
    internal_address: 10.0.0.11
    hostname_override: CP-1
    port: 2222
    user: ubuntu
    role: [etcd, controlplane, etcd]
    docker_socket: /run/rke.sock
    labels: {{rack: a, number: 1, "yes": true, empty: }}
  - address: Etcd3.Example.com
    user: EXAMPLE\\rancher
    role:
      - etcd
    port: "22"
    ssh_agent_auth: true
    ssh_key_path: keys/etcd
    ssh_cert_path: /keys/etcd-cert.pub
  - address: 198.51.100.22
    port: ""
    internal_address: ""
    role:
      - worker
    hostname_override: ""
    user: ubuntu
    docker_socket: ""
    ssh_key: ""
    ssh_key_path: ""
    ssh_cert: ""
    ssh_cert_path: ""
    labels: {{}}
    taints: []
    roles: [ignored, by RKE]
services:
  etcd:
    key: {SECRET}
bastion_host:
  address: ""
  port: ""
  user: ""
"""


@pytest.fixture
def write(tmp_path: pathlib.Path) -> t.Callable[..., str]:
    """Write a file and return its path."""

    def to(text: str, name: str = "prod/cluster.yml") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    return to


def hosts(path: str, **options: t.Any) -> dict[str, dict[str, t.Any]]:
    return read_cluster(path, **options)["hosts"]


def node(**more: t.Any) -> dict[str, t.Any]:
    return {"address": "10.0.0.1", "user": "rke", "role": ["worker"], **more}


def test_a_whole_file(write: t.Callable[..., str]) -> None:
    path = write(FULL)
    cluster = read_cluster(path)
    assert cluster["name"] == "demo-prod"
    assert cluster["file"] == path
    assert cluster["warnings"] == []
    assert cluster["vars"] == {
        "cis_scan_cluster": "demo-prod",
        "cis_scan_prefix_path": "/opt/rke",
        "rke_kubernetes_version": "v1.17.6-rancher2-2",
        "rke_cluster_file": path,
    }
    assert cluster["hosts"] == {
        "cp-1": {
            "ansible_host": "198.51.100.11",
            "ansible_port": 2222,
            "ansible_user": "ubuntu",
            "ansible_ssh_private_key_file": "~/.ssh/rke",
            "cis_scan_docker_host": "unix:///run/rke.sock",
            "rke_roles": ["controlplane", "etcd"],
            "rke_internal_address": "10.0.0.11",
            "rke_labels": {"rack": "a", "number": "1", "yes": "true", "empty": ""},
        },
        "etcd3.example.com": {
            "ansible_host": "Etcd3.Example.com",
            "ansible_port": 22,
            "ansible_user": "EXAMPLE\\rancher",
            "ansible_ssh_private_key_file": os.path.join(os.path.dirname(path), "keys/etcd"),
            "ansible_ssh_common_args": "-o 'CertificateFile=\"/keys/etcd-cert.pub\"'",
            "rke_roles": ["etcd"],
            "rke_internal_address": "Etcd3.Example.com",
            "rke_labels": {},
        },
        "198.51.100.22": {
            "ansible_host": "198.51.100.22",
            "ansible_port": 22,
            "ansible_user": "ubuntu",
            "ansible_ssh_private_key_file": "~/.ssh/rke",
            "rke_roles": ["worker"],
            "rke_internal_address": "198.51.100.22",
            "rke_labels": {},
        },
    }


def test_the_smallest_file_sets_only_what_it_says(write: t.Callable[..., str]) -> None:
    path = write(ONE, "small.yml")
    cluster = read_cluster(path)
    assert cluster["vars"] == {"cis_scan_cluster": "small", "rke_cluster_file": path}
    assert set(cluster["hosts"]["10.0.0.1"]) == {
        "ansible_host",
        "ansible_port",
        "ansible_user",
        "rke_roles",
        "rke_internal_address",
        "rke_labels",
    }


@pytest.mark.parametrize("prefix", ["", '""', "/", "//"])
def test_a_prefix_path_that_leaves_it_to_the_system_is_none(write: t.Callable[..., str], prefix: str) -> None:
    assert "cis_scan_prefix_path" not in read_cluster(write(f"prefix_path: {prefix}\n{ONE}"))["vars"]


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("prod/cluster.yml", "cluster_name: demo", "demo"),
        ("prod/cluster.yml", "", "prod"),
        ("prod/cluster.yml", "cluster_name:", "prod"),
        ("prod/cluster.yml", 'cluster_name: ""', "prod"),
        ("prod/cluster.yml", "cluster_name: local", "prod"),
        ("prod/cluster.yaml", "", "prod"),
        ("eu/west.prod.yml", "cluster_name: local", "west.prod"),
        (".rke/cluster.yml", "", "rke"),
        ("... /cluster.yml", "", "local"),
        (".prod.yml", "", "prod"),
        ("prod/cluster.yml", "cluster_name: ..", "prod"),
        ("prod/cluster.yml", "cluster_name: ' '", "prod"),
        ("prod/cluster.yml", "cluster_name: .hidden", "hidden"),
        ("prod/cluster.yml", "cluster_name: ../../eu/prod", "_.._eu_prod"),
        ("prod/cluster.yml", "cluster_name: /", "_"),
        ("prod/cluster.yml", "cluster_name: EU prod (1)", "EU prod (1)"),
        ("prod/cluster.yml", "cluster_name: " + 100 * "gr\u00fc", 20 * "gr\u00fc"),
    ],
)
def test_the_name_of_a_cluster(write: t.Callable[..., str], name: str, text: str, expected: str) -> None:
    cluster = read_cluster(write(f"{text}\n{ONE}", name))
    assert cluster["name"] == cluster["vars"]["cis_scan_cluster"] == expected
    # the scan makes a directory of this name
    os.makedirs(cluster_directory(os.path.dirname(cluster["file"]) + "/reports", cluster["name"]))


@pytest.mark.parametrize("more", ["---\n", "---\nnodes: []\n", "...\n---\n\tno YAML: [\n", "---\n- addon\n---\n"])
def test_the_first_document_counts_as_in_rke(write: t.Callable[..., str], more: str) -> None:
    path = write(f"# made by hand\n---\n{ONE}{more}")
    assert list(hosts(path)) == ["10.0.0.1"]
    assert is_cluster(path)


RANCHER = """
# as Rancher shows a cluster of nodes that were added by hand
docker_root_dir: /var/lib/docker
rancher_kubernetes_engine_config:
  kubernetes_version: v1.17.17-rancher1-1
  ssh_agent_auth: false
  prefix_path: /opt/rke
  bastion_host: {ssh_agent_auth: false}
  nodes:
    - {address: 10.0.0.11, hostname_override: cp1, node_id: 'c-x:m', port: '22', role: [etcd, controlplane], user: root}
    - {address: 10.0.0.31, hostname_override: w1, node_id: 'c-x:n', port: '22', role: [worker], user: root}
scheduled_cluster_scan: {enabled: false}
"""


def test_ranchers_form_with_nodes(write: t.Callable[..., str]) -> None:
    cluster = read_cluster(write(RANCHER))
    assert {name: host["rke_roles"] for name, host in cluster["hosts"].items()} == {
        "cp1": ["controlplane", "etcd"],
        "w1": ["worker"],
    }
    assert cluster["vars"] == {
        "cis_scan_cluster": "prod",
        "cis_scan_prefix_path": "/opt/rke",
        "rke_kubernetes_version": "v1.17.17-rancher1-1",
        "rke_cluster_file": cluster["file"],
    }


def test_nodes_at_the_top_come_before_ranchers_form(write: t.Callable[..., str]) -> None:
    assert list(hosts(write(RANCHER + ONE))) == ["10.0.0.1"]


def test_a_user_may_end_in_a_dollar_sign(write: t.Callable[..., str]) -> None:
    path = write(json.dumps({"nodes": [node(user="machine$", ssh_key_path="/k/100%")]}))
    assert hosts(path)["10.0.0.1"]["ansible_user"] == "machine$"


# -------------------------------------------------------------------------------------------------- ansible-vault


def test_an_encrypted_file(write: t.Callable[..., str]) -> None:
    path = write(encrypt(ONE))
    assert list(hosts(path, loader=loader("right"))) == ["10.0.0.1"]
    assert is_cluster(path, loader("right"))
    for password, said in (("", NO_PASSWORD), ("wrong", WRONG_PASSWORD)):
        for reader in (read_cluster, is_cluster):
            with pytest.raises(CisError) as caught:
                reader(path, loader=loader(password))
            assert str(caught.value) == f"{path}: {said}"


def test_an_encrypted_value(write: t.Callable[..., str]) -> None:
    path = write(f"nodes:\n- address: a\n  role: [etcd]\n  user: {encrypt_value('root')}")
    assert hosts(path, loader=loader("right"))["a"]["ansible_user"] == "root"
    for password, said in (("", NO_PASSWORD), ("wrong", WRONG_PASSWORD)):
        with pytest.raises(CisError) as caught:
            read_cluster(path, loader=loader(password))
        assert str(caught.value) == f"{path}:4: node a: user: {said}"


@pytest.mark.parametrize("password", ["", "right"])
def test_an_encrypted_value_that_nobody_needs(write: t.Callable[..., str], password: str) -> None:
    path = write(f"registry: {encrypt_value(SECRET)}\nnodes:\n- {{address: a, role: [etcd], user: u}}\n")
    assert SECRET not in json.dumps(read_cluster(path, loader=loader(password)))
    path = write(f"nodes:\n- address: a\n  role: [etcd]\n  user: u\n  ssh_key: {encrypt_value(SECRET)}")
    cluster = read_cluster(path, loader=loader(password))
    assert SECRET not in json.dumps(cluster)
    assert "ssh_key of node a" in cluster["warnings"][0]


def test_texts_are_read_as_they_are_written(write: t.Callable[..., str]) -> None:
    """YAML would read them as numbers, dates and booleans; RKE wants text, and takes what is written."""
    text = "nodes: [{address: 10.0.0.1, user: 0o17, role: [worker], hostname_override: 2020-01-01, labels: {a: 007}}]"
    found = hosts(write(text))
    assert list(found) == ["2020-01-01"]
    assert found["2020-01-01"]["ansible_user"] == "0o17"
    assert found["2020-01-01"]["rke_labels"] == {"a": "007"}


def test_anchors_and_merges(write: t.Callable[..., str]) -> None:
    text = """\
    nodes:
      - &first
        address: 10.0.0.1
        user: rke
        port: 2222
        role: &roles [controlplane, etcd]
      - <<: *first
        address: 10.0.0.2
      - {<<: *first, address: 10.0.0.3, port: 22, role: [worker]}
      - {address: 10.0.0.4, user: x, role: *roles}
    """
    found = hosts(write(textwrap.dedent(text)))
    assert [(host["ansible_host"], host["ansible_port"], host["rke_roles"]) for host in found.values()] == [
        ("10.0.0.1", 2222, ["controlplane", "etcd"]),
        ("10.0.0.2", 2222, ["controlplane", "etcd"]),
        ("10.0.0.3", 22, ["worker"]),
        ("10.0.0.4", 22, ["controlplane", "etcd"]),
    ]


# ------------------------------------------------------------------------------------------------ keys and bastion


@pytest.mark.parametrize(
    "cluster, own, expected",
    [
        ({}, {}, None),
        ({"ssh_key_path": "~/k"}, {}, "~/k"),
        ({"ssh_key_path": "~/k"}, {"ssh_key_path": ""}, "~/k"),
        ({"ssh_key_path": "~/k"}, {"ssh_key_path": "/own"}, "/own"),
        ({"ssh_key_path": "k"}, {}, "DIR/k"),
        ({}, {"ssh_key_path": "../k"}, "DIR/../k"),
        # of both flags only the cluster's counts, and an agent comes before any file
        ({"ssh_key_path": "~/k", "ssh_agent_auth": True}, {"ssh_key_path": "/own"}, None),
        ({"ssh_key_path": "~/k"}, {"ssh_agent_auth": True}, "~/k"),
        ({"ssh_key_path": "~/k", "ssh_agent_auth": False}, {}, "~/k"),
        ({"ssh_key_path": "~/k", "ssh_agent_auth": None}, {}, "~/k"),
    ],
)
def test_which_key(write: t.Callable[..., str], cluster: dict, own: dict, expected: str | None) -> None:
    path = write(json.dumps({**cluster, "nodes": [node(**own)]}))
    found = hosts(path)["10.0.0.1"].get("ansible_ssh_private_key_file")
    assert found == (expected and expected.replace("DIR", os.path.dirname(path)))


def test_an_agent_outdoes_a_certificate_too(write: t.Callable[..., str]) -> None:
    path = write(json.dumps({"ssh_agent_auth": True, "nodes": [node(ssh_cert_path="/c")]}))
    assert "ansible_ssh_common_args" not in hosts(path)["10.0.0.1"]


def test_a_key_in_the_file_is_a_warning_and_is_not_kept(write: t.Callable[..., str]) -> None:
    nodes = [node(ssh_key=SECRET, ssh_cert=SECRET, ssh_cert_path="/c"), node(address="10.0.0.2", ssh_key_path="/k")]
    bastion = {"address": "jump", "user": "u", "ssh_key": SECRET}
    cluster = read_cluster(write(json.dumps({"ssh_key_path": "/k", "nodes": nodes, "bastion_host": bastion})))
    assert SECRET not in json.dumps(cluster)
    (warning,) = cluster["warnings"]
    assert ": ssh_key of bastion_host, ssh_key of node 10.0.0.1, ssh_cert of node 10.0.0.1; name files" in warning
    # RKE takes them before paths, so paths would be others
    assert "ansible_ssh_private_key_file" not in cluster["hosts"]["10.0.0.1"]
    assert "CertificateFile" not in cluster["hosts"]["10.0.0.1"]["ansible_ssh_common_args"]
    assert cluster["hosts"]["10.0.0.2"]["ansible_ssh_private_key_file"] == "/k"


def test_a_key_in_the_file_that_an_agent_outdoes_is_no_warning(write: t.Callable[..., str]) -> None:
    nodes = [node(ssh_key=SECRET, ssh_cert=SECRET)]
    cluster = read_cluster(write(json.dumps({"ssh_agent_auth": True, "nodes": nodes})))
    assert cluster["warnings"] == []


def jump(host: dict[str, t.Any]) -> list[str]:
    """Return the words of the command that ssh starts to reach a host through the bastion, as a shell splits them."""
    option, command = shlex.split(host["ansible_ssh_common_args"])[-2:]
    assert option == "-o"
    name, _equals, value = command.partition("=")
    assert name == "ProxyCommand"
    words = shlex.split(re.sub("%(.)", lambda match: {"h": "HOST", "p": "PORT", "%": "%"}[match[1]], value))
    assert words[:3] == ["ssh", "-W", "HOST:PORT"]
    return words[3:]


@pytest.mark.parametrize(
    "cluster, bastion, expected",
    [
        ({}, {}, "-p 22 -l jump bastion"),
        ({}, {"port": "2200"}, "-p 2200 -l jump bastion"),
        ({}, {"port": 2200}, "-p 2200 -l jump bastion"),
        ({}, {"port": ""}, "-p 22 -l jump bastion"),
        ({"ssh_key_path": "~/k"}, {}, "-p 22 -l jump -i ~/k bastion"),
        ({"ssh_key_path": "~/k"}, {"ssh_key_path": "~/b"}, "-p 22 -l jump -i ~/b bastion"),
        ({"ssh_key_path": "~/k", "ssh_agent_auth": True}, {"ssh_key_path": "~/b"}, "-p 22 -l jump bastion"),
        ({}, {"ssh_cert_path": "/c"}, "-p 22 -l jump -o 'CertificateFile=\"/c\"' bastion"),
        # quotes, blanks and percent signs come through both of ssh's shells
        ({}, {"ssh_key_path": "/a b/'c'%h;$1"}, "-p 22 -l jump -i '/a b/'\"'c'\"'%h;$1' bastion"),
    ],
)
def test_a_bastion(write: t.Callable[..., str], cluster: dict, bastion: dict, expected: str) -> None:
    bastion = {"address": "bastion", "user": "jump", **bastion}
    found = hosts(write(json.dumps({**cluster, "bastion_host": bastion, "nodes": [node()]})))
    assert jump(found["10.0.0.1"]) == shlex.split(expected)


def test_a_bastion_whose_key_is_not_checked(write: t.Callable[..., str]) -> None:
    path = write(json.dumps({"bastion_host": {"address": "b", "user": "j"}, "nodes": [node()]}))
    assert "StrictHostKeyChecking" not in hosts(path)["10.0.0.1"]["ansible_ssh_common_args"]
    words = jump(hosts(path, check_host_keys=False)["10.0.0.1"])
    assert words == ["-p", "22", "-l", "j", "-o", "StrictHostKeyChecking=no", "b"]


def test_a_nodes_certificate_beside_a_bastion(write: t.Callable[..., str]) -> None:
    path = write(json.dumps({"bastion_host": {"address": "b", "user": "j"}, "nodes": [node(ssh_cert_path="~/c x")]}))
    words = shlex.split(hosts(path)["10.0.0.1"]["ansible_ssh_common_args"])
    assert words[:2] == ["-o", 'CertificateFile="~/c x"']
    assert words[3].startswith("ProxyCommand=")


@pytest.mark.parametrize("bastion", [None, {}, {"address": "", "port": "", "user": ""}])
def test_no_bastion(write: t.Callable[..., str], bastion: t.Any) -> None:
    found = hosts(write(json.dumps({"bastion_host": bastion, "nodes": [node()]})))["10.0.0.1"]
    assert "ansible_ssh_common_args" not in found
    assert "ansible_control_path" not in found


def test_equal_addresses_behind_two_bastions_share_no_connection(write: t.Callable[..., str]) -> None:
    def control_paths(bastion: str) -> set[str]:
        nodes = [node(), node(address="10.0.0.2")]
        text = json.dumps({"bastion_host": {"address": bastion, "user": "j"}, "nodes": nodes})
        return {host["ansible_control_path"] for host in hosts(write(text)).values()}

    paths = control_paths("b1") | control_paths("b2")
    assert len(paths) == 4
    assert control_paths("b1") < paths
    assert all(path.startswith("%(directory)s/") and len(path) == 24 for path in paths)


# ------------------------------------------------------------------------------------------------------ state files

STATE_NODE = {
    "address": "10.0.0.1",
    "port": "22",
    "internalAddress": "172.16.0.1",
    "role": ["worker"],
    "user": "rke",
    "hostnameOverride": "W1",
    "dockerSocket": "/run/rke.sock",
    "sshKey": SECRET,
    "sshKeyPath": "~/.ssh/rke",
    "sshCertPath": "/c",
    "labels": {"my_label": "x"},
}
STATE_CONFIG = {
    "nodes": [STATE_NODE],
    "clusterName": "local",
    "kubernetesVersion": "v1.20.15",
    "prefixPath": "/opt/rke",
    "bastionHost": {"address": "b", "user": "j", "sshKeyPath": "/b", "sshKey": ""},
    "privateRegistries": [{"password": SECRET}],
}
KEYS = {"certificatesBundle": {"kube-ca": {"keyPEM": SECRET}}, "encryptionConfig": SECRET}


def state(current: t.Any, desired: t.Any = None) -> str:
    whole = {"desiredState": {"rkeConfig": desired, **KEYS}, "currentState": {"rkeConfig": current, **KEYS}}
    return json.dumps(whole, indent=2)


def test_a_state_file(write: t.Callable[..., str]) -> None:
    path = write(state(STATE_CONFIG, {"nodes": []}), "prod/cluster.rkestate")
    cluster = read_cluster(path)
    assert SECRET not in json.dumps(cluster)
    assert cluster["vars"] == {
        "cis_scan_cluster": "prod",
        "cis_scan_prefix_path": "/opt/rke",
        "rke_kubernetes_version": "v1.20.15",
        "rke_cluster_file": path,
    }
    assert list(cluster["hosts"]) == ["w1"]
    host = cluster["hosts"]["w1"]
    assert host["rke_internal_address"] == "172.16.0.1"
    assert host["cis_scan_docker_host"] == "unix:///run/rke.sock"
    assert host["rke_labels"] == {"my_label": "x"}
    assert jump(host) == ["-p", "22", "-l", "j", "-i", "/b", "b"]
    assert "CertificateFile" in host["ansible_ssh_common_args"]
    assert len(cluster["warnings"]) == 1  # the sshKey


@pytest.mark.parametrize("current", [None, {}, {"nodes": None}, {"nodes": []}])
def test_a_state_before_the_first_success(write: t.Callable[..., str], current: t.Any) -> None:
    desired = {"nodes": [{"address": "10.0.0.9", "role": ["etcd"], "user": "u"}]}
    cluster = read_cluster(write(state(current, desired), "new.rkestate"))
    assert list(cluster["hosts"]) == ["10.0.0.9"]
    (warning,) = cluster["warnings"]
    assert "does not say what is deployed" in warning


@pytest.mark.parametrize(
    "text, said",
    [
        ("", ":1: desiredState: rkeConfig: nodes: no nodes found"),
        ("{}", ":1: desiredState: rkeConfig: nodes: no nodes found"),
        (state({}, {}), "desiredState: rkeConfig: nodes: no nodes found"),
        ("[]", ":1: expected keys with values"),
        ('{"currentState": 7}', ":1: currentState: expected keys with values"),
        (state({"nodes": [{**STATE_NODE, "role": "worker"}]}), ": node 10.0.0.1: role: expected a list"),
        (
            state({"nodes": [{**STATE_NODE, "dockerSocket": "x"}]}),
            ": node 10.0.0.1: dockerSocket: 'x' is not an absolute",
        ),
        ('{\n"a": 1,\n"b": }}', ":3: not valid YAML: "),
    ],
)
def test_a_bad_state_file(write: t.Callable[..., str], text: str, said: str) -> None:
    path = write(text, "bad.rkestate")
    with pytest.raises(CisError) as caught:
        read_cluster(path)
    message = refused(caught, path)
    assert said in message


# -------------------------------------------------------------------------------------------------------- bad files


def refused(caught: pytest.ExceptionInfo[CisError], path: str) -> str:
    """Return the message, which is one line that names the file and repeats no secret."""
    message = str(caught.value)
    assert message.startswith(path)
    assert "\n" not in message
    assert SECRET not in message
    assert len(message) < len(path) + 300
    return message


# What is wrong with the file: its text, the line that the message must name, and what it must say.
# Nodes stand one on a line, so that the lines are easy to see.
GOOD = "- {address: 10.0.0.9, user: rke, role: [etcd]}\n"
BAD_FILES = {
    "empty": ("", 1, "nodes: no nodes found"),
    "only a comment": ("# later\n", 1, "nodes: no nodes found"),
    "a list": ("- a\n- b\n", 1, "expected keys with values"),
    "a text": ("nodes\n", 1, "expected keys with values"),
    "no nodes": ("cluster_name: x\nservices: {}\n", 1, "nodes: no nodes found"),
    "nodes of nothing": ("cluster_name: x\nnodes:\n", 2, "nodes: no nodes found"),
    "an empty list": ("cluster_name: x\nnodes: []\n", 2, "nodes: no nodes found"),
    "a mapping of nodes": ("nodes:\n  a:\n    address: x\n", 2, "nodes: expected a list"),
    "a text for nodes": ("\nnodes: 10.0.0.1\n", 2, "nodes: expected a list"),
    "a node that is a text": (f"nodes:\n{GOOD}- 10.0.0.1\n", 3, "node 2: expected keys with values"),
    "a node that is nothing": ("nodes:\n-\n", 2, "node 1: address is missing"),
    "Rancher's form with empty nodes": ("a: b\nrancher_kubernetes_engine_config:\n  nodes: []\n", 3, "names no nodes"),
    "Rancher's form with a bad node": (
        "rancher_kubernetes_engine_config:\n  nodes:\n  - address: a\n    role: [etcd]\n    user: a b\n",
        5,
        "node a: user: 'a b' is not a valid user name",
    ),
    "a placeholder for the name": (f"nodes:\n{GOOD}cluster_name: $NAME\n", 3, "cluster_name: '$NAME' is a placeholder"),
    "a placeholder for the cluster's key": (
        f"nodes:\n{GOOD}ssh_key_path: $HOME/.ssh/id_rsa\n",
        3,
        "ssh_key_path: '$HOME/.ssh/id_rsa' is a placeholder, which RKE does not replace; replace it",
    ),
    "a placeholder for a key that no node needs": (
        f"ssh_agent_auth: true\nssh_key_path: ${{KEY}}\nnodes:\n{GOOD}",
        2,
        "ssh_key_path: '${KEY}' is a placeholder",
    ),
    "of several placeholders the first": (
        "nodes:\n- address: a\n  role: [etcd]\n  user: ${U}\nssh_key_path: $K\n",
        4,
        "node a: user: '${U}' is a placeholder",
    ),
    "a placeholder for a bastion's user": (
        f"nodes:\n{GOOD}bastion_host:\n  address: b\n  user: ${{USER}}\n",
        5,
        "bastion_host: user: '${USER}' is a placeholder",
    ),
    "a placeholder for nodes": ("a: 1\nnodes: ${NODES}\n", 2, "nodes: expected a list"),
    "a placeholder for a version": (f"nodes:\n{GOOD}kubernetes_version: %VERSION%\n", 3, "not valid YAML"),
    "a path on Windows for the cluster's key": (
        f"nodes:\n{GOOD}ssh_key_path: '~\\.ssh\\id_rsa'\n",
        3,
        "ssh_key_path: '~\\\\.ssh\\\\id_rsa' is a path on Windows; write the path on the controller, with /",
    ),
    "a path on Windows for a bastion's certificate": (
        f"nodes:\n{GOOD}bastion_host:\n  address: b\n  user: u\n  ssh_cert_path: D:/keys/cert.pub\n",
        6,
        "bastion_host: ssh_cert_path: 'D:/keys/cert.pub' is a path on Windows",
    ),
    "Rancher's form": ("a: b\nrancher_kubernetes_engine_config:\n  services: {}\n", 3, "names no nodes"),
    "a bracket too few": ("a: 1\nnodes: [\n", 3, "not valid YAML: "),
    "a tab": ("nodes:\n\t- address: 10.0.0.1\n", 2, "not valid YAML: "),
    "two documents, of which the first has no nodes": (f"---\na: 1\n---\nnodes:\n{GOOD}", 2, "nodes: no nodes found"),
    "an empty document before the nodes": (
        f"---\n---\nnodes:\n{GOOD}",
        2,
        "the first document is empty, and only the first counts; remove it",
    ),
    "an alias to nothing": ("nodes:\n- *first\n", 2, "not valid YAML: "),
    "a merge of a text": ("nodes:\n- {<<: x, address: 10.0.0.1}\n", 2, "node 1: not valid YAML: "),
    "a broken line with a secret": (f"nodes:\n- ssh_key: '{SECRET}\n", 3, "not valid YAML: "),
    "an agent flag in quotes": (
        f"a: 1\nssh_agent_auth: 'true'\nnodes:\n{GOOD}",
        2,
        "ssh_agent_auth: expected true or false",
    ),
    "a relative prefix": (f"nodes:\n{GOOD}prefix_path: opt/rke\n", 3, "prefix_path: 'opt/rke' is not an absolute path"),
    "a list for a name": (f"nodes:\n{GOOD}cluster_name: [a]\n", 3, "cluster_name: expected one value, got several"),
    "a template": (f"nodes:\n{GOOD}cluster_name: '{{{{ name }}}}'\n", 3, "cluster_name: contains a template"),
    "a line break": (f'nodes:\n{GOOD}cluster_name: "a\\nb"\n', 3, "cluster_name: must not contain a line break"),
    "an escape code": (
        f'nodes:\n{GOOD}kubernetes_version: "\\e[31m"\n',
        3,
        "kubernetes_version: must not contain a line break",
    ),
    "a list for a bastion": (f"nodes:\n{GOOD}bastion_host: [a]\n", 3, "bastion_host: expected keys with values"),
    "a bastion without user": (f"nodes:\n{GOOD}bastion_host: {{address: b}}\n", 3, "bastion_host: user is missing"),
    "a bastion with a bad port": (
        f"nodes:\n{GOOD}bastion_host:\n  address: b\n  user: u\n  port: ssh\n",
        6,
        "bastion_host: port: 'ssh' is not a valid port",
    ),
    "a bastion with a port in the address": (
        f"nodes:\n{GOOD}bastion_host: {{user: u, address: 'b:22'}}\n",
        3,
        "bastion_host: address: 'b:22' includes a port; write it separately, as port: 22",
    ),
    "the same name twice": (
        "nodes:\n- {address: a, user: u, role: [etcd], hostname_override: N1}\n"
        "- {address: b, user: u, role: [etcd], hostname_override: n1}\n",
        3,
        "node b: hostname_override: the node on line 2 also has 'n1'",
    ),
    "the same name twice on one line": (
        "nodes: [{address: a, user: u, role: [etcd], hostname_override: n1},"
        " {address: b, user: u, role: [etcd], hostname_override: n1}]\n",
        1,
        "node b: hostname_override: the node on line 1 also has 'n1'",
    ),
    "the same node twice": (
        f"nodes:\n- &a {GOOD[2:]}- *a\n",
        2,
        "node 10.0.0.9: address: the node on line 2 also has '10.0.0.9'",
    ),
    "a name that is another's address": (
        f"nodes:\n{GOOD}- {{address: b, user: u, role: [etcd], hostname_override: 10.0.0.9}}\n",
        3,
        "node b: hostname_override: the node on line 2 also has '10.0.0.9'",
    ),
    "the same address twice": (
        f"nodes:\n{GOOD}- {{address: 10.0.0.9, user: u, role: [etcd], hostname_override: other}}\n",
        3,
        "node 10.0.0.9: address: the node on line 2 also has '10.0.0.9'",
    ),
}


@pytest.mark.parametrize("text, line, said", BAD_FILES.values(), ids=list(BAD_FILES))
def test_a_bad_file(write: t.Callable[..., str], text: str, line: int, said: str) -> None:
    path = write(text, "bad.yml")
    with pytest.raises(CisError) as caught:
        read_cluster(path)
    message = refused(caught, path)
    assert message.startswith(f"{path}:{line}: ")
    assert said in message


# What is wrong with one node: the key, its value (None to leave it out), and what the message must say.
BAD_NODES: list[tuple[str, t.Any, str]] = [
    ("address", None, "node 2: address is missing"),
    ("address", "", "node 2: address is missing"),
    ("address", ["10.0.0.1"], "node 2: address: expected one value, got several"),
    ("address", {"ip": "10.0.0.1"}, "node 2: address: expected one value, got several"),
    (
        "address",
        "10.0.0.1:2222",
        "node 2: address: '10.0.0.1:2222' includes a port; write it separately, as port: 2222",
    ),
    ("address", "node.example.com:22", "includes a port"),
    ("address", "2001:db8::1", "node 2: address: '2001:db8::1' is an IPv6 address, to which RKE cannot log in"),
    ("address", "[2001:db8::1]", "is an IPv6 address"),
    ("address", "::1", "is an IPv6 address"),
    ("address", "fe80::1%eth0", "is an IPv6 address"),
    ("address", "10.0.0.1/24", "is not a valid IPv4 address or host name"),
    ("address", "10.0.0.1,10.0.0.2", "is not a valid IPv4 address or host name"),
    ("address", "-oProxyCommand=x", "is not a valid IPv4 address or host name"),
    ("address", "ubuntu@10.0.0.1", "is not a valid IPv4 address or host name"),
    ("address", "a b", "is not a valid IPv4 address or host name"),
    ("address", "node[1:3]", "is not a valid IPv4 address or host name"),
    ("address", "https://a", "is not a valid IPv4 address or host name"),
    ("address", "b\u00fccher", "is not a valid IPv4 address or host name"),
    ("address", "a\nb", "must not contain a line break"),
    ("address", "{{ ip }}", "node 2: address: contains a template, which RKE does not render; render the file"),
    ("address", "${IP}", "node 2: address: '${IP}' is a placeholder"),
    ("address", "<public-ip>", "address: '<public-ip>' is a placeholder"),
    ("internal_address", "$INTERNAL_IP", "internal_address: '$INTERNAL_IP' is a placeholder"),
    ("hostname_override", "node-$n", "hostname_override: 'node-$n' is a placeholder"),
    ("user", "${SSH_USER}", "node 10.0.0.1: user: '${SSH_USER}' is a placeholder"),
    ("user", "$SSH_USER", "user: '$SSH_USER' is a placeholder"),
    ("user", "%USERNAME%", "user: '%USERNAME%' is a placeholder"),
    ("user", "$(whoami)", "user: '$(whoami)' is a placeholder"),
    ("user", "<ssh-user>", "user: '<ssh-user>' is a placeholder"),
    ("role", ["${ROLE}"], "role: '${ROLE}' is a placeholder"),
    ("port", "${SSH_PORT}", "port: '${SSH_PORT}' is a placeholder"),
    ("docker_socket", "/run/user/$UID/docker.sock", "docker_socket: '/run/user/$UID/docker.sock' is a placeholder"),
    ("labels", {"a": "${RACK}"}, "labels: a: '${RACK}' is a placeholder"),
    ("ssh_key_path", "$HOME/.ssh/id_rsa", "ssh_key_path: '$HOME/.ssh/id_rsa' is a placeholder"),
    ("ssh_key_path", "%USERPROFILE%/.ssh/id_rsa", "is a placeholder"),
    ("ssh_key_path", "C:\\Users\\ops\\id_rsa", "is a path on Windows; write the path on the controller, with /"),
    ("ssh_key_path", "c:/Users/ops/id_rsa", "ssh_key_path: 'c:/Users/ops/id_rsa' is a path on Windows"),
    ("ssh_key_path", "keys\\id_rsa", "is a path on Windows"),
    ("ssh_cert_path", "\\\\server\\share\\cert.pub", "is a path on Windows"),
    ("hostname_override", "a b", "node 10.0.0.1: hostname_override: 'a b' is not a valid IPv4 address or host name"),
    ("hostname_override", "cp1,cp2", "hostname_override: 'cp1,cp2' is no"),
    ("hostname_override", "!cp1", "hostname_override: '!cp1' is no"),
    ("hostname_override", "../cp1", "hostname_override: '../cp1' is no"),
    ("hostname_override", ["cp1"], "hostname_override: expected one value"),
    ("user", None, "node 10.0.0.1: user is missing; name the user to log in as"),
    ("user", "", "node 10.0.0.1: user is missing"),
    ("user", ["a"], "node 10.0.0.1: user: expected one value"),
    ("user", "a b", "user: 'a b' is not a valid user name"),
    ("user", 'a" -o "b', "is not a valid user name"),
    ("user", "-l", "user: '-l' is not a valid user name"),
    ("role", None, "node 10.0.0.1: role is missing; available: controlplane, etcd, worker"),
    ("role", [], "node 10.0.0.1: role is missing"),
    ("role", "worker", "node 10.0.0.1: role: expected a list, such as [controlplane, etcd]"),
    ("role", "controlplane,etcd", "role: expected a list"),
    ("role", {"worker": True}, "role: expected a list"),
    ("role", ["master"], "node 10.0.0.1: role: unknown RKE role 'master'; valid roles: controlplane, etcd, worker"),
    ("role", ["worker", "Worker"], "role: unknown RKE role 'Worker'"),
    ("role", ["worker", None], "role: unknown RKE role ''"),
    ("role", [["worker"]], "role: expected one value"),
    ("port", "ssh", "node 10.0.0.1: port: 'ssh' is not a valid port; expected a number from 1 to 65535"),
    ("port", 0, "port: '0' is not a valid port"),
    ("port", 65536, "port: '65536' is not a valid port"),
    ("port", -22, "port: '-22' is not a valid port"),
    ("port", 22.5, "port: '22.5' is not a valid port"),
    ("port", True, "port: 'true' is not a valid port"),
    ("port", "\u0662\u0662", "is not a valid port"),
    ("port", [22], "port: expected one value"),
    (
        "docker_socket",
        "unix:///var/run/docker.sock",
        "docker_socket: 'unix:///var/run/docker.sock' is not an absolute path",
    ),
    ("docker_socket", "docker.sock", "docker_socket: 'docker.sock' is not an absolute path"),
    ("docker_socket", ["/x"], "docker_socket: expected one value"),
    ("internal_address", ["10.0.0.1"], "internal_address: expected one value"),
    ("ssh_key_path", ["~/k"], "ssh_key_path: expected one value"),
    ("ssh_key_path", "a\nb", "ssh_key_path: must not contain a line break"),
    ("ssh_cert_path", {"a": "b"}, "ssh_cert_path: expected one value"),
    ("labels", ["a"], "node 10.0.0.1: labels: expected keys with values"),
    ("labels", "a=b", "node 10.0.0.1: labels: expected keys with values"),
    ("labels", {"a": ["b"]}, "node 10.0.0.1: labels: a: expected one value"),
    ("labels", {"a": "{% x %}"}, "node 10.0.0.1: labels: a: contains a template"),
]


@pytest.mark.parametrize("key, value, said", BAD_NODES)
def test_a_bad_node(write: t.Callable[..., str], key: str, value: t.Any, said: str) -> None:
    """The node begins on line 3, and the key stands on line 4."""
    secret = {"ssh_cert" if key == "ssh_key_path" else "ssh_key": SECRET}
    nodes = {key: value, **{name: item for name, item in node(**secret).items() if name != key}}
    lines = [f"  {name}: {json.dumps(item)}\n" for name, item in nodes.items() if item is not None]
    path = write(f"nodes:\n{GOOD}- nodeName: x\n{''.join(lines)}", "bad.yml")
    with pytest.raises(CisError) as caught:
        read_cluster(path)
    message = refused(caught, path)
    assert message.startswith(f"{path}:{3 if 'is missing' in said else 4}: ")
    assert said in message


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a: \xff", b"a: \x00"])
def test_a_file_that_is_no_text(tmp_path: pathlib.Path, data: bytes) -> None:
    path = tmp_path / "bad.yml"
    path.write_bytes(data)
    with pytest.raises(CisError, match="not valid YAML: ") as caught:
        read_cluster(str(path))
    refused(caught, str(path))


@pytest.mark.parametrize("name", ["gone.yml", "."])
def test_a_file_that_cannot_be_read(tmp_path: pathlib.Path, name: str) -> None:
    with pytest.raises(CisError, match="cannot be read: ") as caught:
        read_cluster(str(tmp_path / name))
    refused(caught, str(tmp_path))


def test_a_template_in_the_name_of_the_directory(write: t.Callable[..., str]) -> None:
    with pytest.raises(CisError, match="the name contains a template"):
        read_cluster(write(ONE, "{{ name }}/cluster.yml"))


# -------------------------------------------------------------------------------------------------- which file is what


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("a.yml", ONE, True),
        ("a.yaml", ONE, True),
        ("a.yml", "nodes:\n", True),
        ("a.yml", "nodes: nonsense\n", True),
        ("a.yml", "rancher_kubernetes_engine_config: {}\n", True),
        ("a.yml", "nodes:\n  - [\n", True),
        ("a.yml", f"---\n---\n{ONE}", True),
        ("a.yml", f"---\nall:\n---\n{ONE}", False),
        ("a.yml", "all:\n  - [\n", False),
        ("a.yml", "nodes:\n  hosts:\n    a:\n", False),
        ("a.yml", "all:\n  hosts:\n    a:\n", False),
        ("a.yml", "plugin: rke.cis.rke_cluster\nclusters: [x]\n", False),
        ("a.yml", "kind: Config\n", False),
        ("a.yml", "- nodes\n", False),
        ("a.yml", "", False),
        ("a.ini", ONE, False),
        ("a", ONE, False),
        ("a.rkestate", "", True),
    ],
)
def test_a_cluster_is_known_by_what_it_holds(write: t.Callable[..., str], name: str, text: str, expected: bool) -> None:
    assert is_cluster(write(text, name)) is expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("plugin: rke.cis.rke_cluster\n", True),
        ("clusters: [a]\nplugin: 'rke.cis.rke_cluster'\n", True),
        ("plugin: rke_cluster\n", False),
        ("plugin: [rke.cis.rke_cluster]\n", False),
        ("plugin:\n", False),
        (ONE, False),
        ("- plugin: rke.cis.rke_cluster\n", False),
        ("plugin: [", False),
    ],
)
def test_settings_name_the_plugin(write: t.Callable[..., str], text: str, expected: bool) -> None:
    assert is_settings(write(text, "a.yml"), "rke.cis.rke_cluster") is expected


@pytest.fixture
def tree(write: t.Callable[..., str], tmp_path: pathlib.Path) -> str:
    """Clusters in directories of their own and in one, with what else lies there. Returns the settings file."""
    for name in ("prod/cluster.yml", "test/cluster.yml", "all/a.yml", "all/b.yaml", "all/.hidden.yml", "[x]/c.yml"):
        write(ONE, name)
    for name in ("all/a.rkestate", "prod/cluster.rkestate"):
        write(state(STATE_CONFIG), name)
    for name in ("all/kube_config_a.yml", "prod/kube_config_cluster.yml"):
        write("kind: Config\n", name)
    write("- addon\n", "all/addons.yml")
    write("", "none/notes.txt")
    return write("plugin: rke.cis.rke_cluster\n", "clusters.yml")


@pytest.mark.parametrize(
    "entries, files, left_out",
    [
        (["prod/cluster.yml"], ["prod/cluster.yml"], []),
        (["./test/../prod/cluster.yml", "prod/cluster.yml"], ["prod/cluster.yml"], []),
        (["*/cluster.yml"], ["prod/cluster.yml", "test/cluster.yml"], []),
        (["all"], ["all/a.yml", "all/b.yaml"], ["all/addons.yml"]),
        (["all/", "test"], ["all/a.yml", "all/b.yaml", "test/cluster.yml"], ["all/addons.yml"]),
        (["all/a*"], ["all/a.yml"], ["all/addons.yml"]),
        (["prod/*"], ["prod/cluster.yml"], []),
        (["all/*.rkestate"], ["all/a.rkestate"], []),
        (["prod/cluster.rkestate"], ["prod/cluster.rkestate"], []),
        (["[x]/c.yml"], ["[x]/c.yml"], []),
        (["[x]"], ["[x]/c.yml"], []),
        # read_cluster says what is wrong with these
        (["gone.yml", "all/addons.yml"], ["gone.yml", "all/addons.yml"], []),
    ],
)
def test_files_of_settings(tree: str, entries: list[str], files: list[str], left_out: list[str]) -> None:
    base = os.path.dirname(tree)
    found, warnings = cluster_files(tree, entries)
    assert found == [os.path.join(base, name) for name in files]
    assert [warning.partition(":")[0] for warning in warnings] == [os.path.join(base, name) for name in left_out]


def test_settings_beside_the_clusters_are_no_stray_file(write: t.Callable[..., str], tree: str) -> None:
    write(ONE, "x.yml")
    found, warnings = cluster_files(tree, ["."])
    assert [os.path.basename(name) for name in found] == ["x.yml"]
    assert warnings == []


def test_an_absolute_path_and_a_home_directory(tree: str, monkeypatch: pytest.MonkeyPatch) -> None:
    base = os.path.dirname(tree)
    monkeypatch.setenv("HOME", base)
    expected = [os.path.join(base, "prod/cluster.yml")]
    assert cluster_files("/elsewhere/clusters.yml", [f"{base}/prod/cluster.yml"])[0] == expected
    assert cluster_files("/elsewhere/clusters.yml", ["~/prod/cluster.yml"])[0] == expected


def test_settings_without_clusters_are_refused(tree: str) -> None:
    with pytest.raises(CisError, match="clusters: the list is empty"):
        cluster_files(tree, [])


@pytest.mark.parametrize("entry", ["none", "none/*.yml", "nowhere/*"])
def test_an_entry_that_gives_no_cluster_is_refused(tree: str, entry: str) -> None:
    with pytest.raises(CisError) as caught:
        cluster_files(tree, [entry])
    assert refused(caught, tree) == f"{tree}: clusters: {entry}: no cluster.yml found"
