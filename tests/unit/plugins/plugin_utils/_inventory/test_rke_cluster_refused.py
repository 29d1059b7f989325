# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of clusters that are refused: in one line, which names the place and no secret."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._inventory.rke_cluster import read_cluster
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.rke_cluster_helper import (
    ONE,
    SECRET,
    STATE_NODE,
    node,
    refused,
    state,
)


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
