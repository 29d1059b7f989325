# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import re
import shlex
import textwrap
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._inventory.rke_cluster import is_cluster, read_cluster
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import cluster_directory
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.rke_cluster_helper import (
    ONE,
    SECRET,
    STATE_CONFIG,
    hosts,
    node,
    state,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import (
    NO_PASSWORD,
    WRONG_PASSWORD,
    encrypt,
    encrypt_value,
    loader,
)

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
