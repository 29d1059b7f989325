# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What RKE's files hold is tested beside their reader, in test__rke_cluster.py; this is what Ansible gets of it."""

from __future__ import annotations

import json
import os
import pathlib
import typing as t
from unittest import mock

import pytest
from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.module_utils.common.collections import ImmutableDict
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader

from ansible_collections.rke.cis.plugins.inventory import rke_cluster
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils import vault_helper
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import encrypt

SECRET = "CANARY-do-not-show"
NAME = "rke.cis.rke_cluster"


def node(name: str, *roles: str, **more: t.Any) -> dict[str, t.Any]:
    """Return a node whose address is the same in every cluster."""
    return {"address": f"{name}.lan", "hostname_override": name, "user": "rke", "role": list(roles), **more}


class Directory:
    """A directory with files of RKE's and settings files."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def write(self, name: str, document: t.Any) -> str:
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document), encoding="utf-8")
        return str(path)

    def cluster(self, name: str, *nodes: dict[str, t.Any], **more: t.Any) -> str:
        return self.write(name, {"nodes": nodes or [node("cp1", "controlplane", "etcd"), node("w1", "worker")], **more})

    def settings(self, *clusters: str, **more: t.Any) -> str:
        return self.write("settings.yml", {"plugin": NAME, "clusters": clusters, **more})


@pytest.fixture
def files(tmp_path: pathlib.Path) -> Directory:
    return Directory(tmp_path)


def parse(
    path: str, inventory: InventoryData | None = None, cache: bool = True, loader: DataLoader | None = None
) -> InventoryData:
    """Do with a source what Ansible does."""
    inventory = inventory or InventoryData()
    plugin = inventory_loader.get(NAME)
    assert plugin.verify_file(path)
    plugin.parse(inventory, loader or DataLoader(), path, cache=cache)
    if plugin.get_option("cache"):
        plugin.update_cache_if_changed()
    inventory.reconcile_inventory()
    return inventory


def groups(inventory: InventoryData) -> dict[str, list[str]]:
    return {
        name: sorted(host.name for host in group.get_hosts())
        for name, group in inventory.groups.items()
        if name not in ("all", "ungrouped")
    }


def refused(path: str, inventory: InventoryData | None = None) -> str:
    """Return the one line with which a source is refused. Nothing of it is in the inventory then."""
    inventory = inventory or InventoryData()
    before = (set(inventory.hosts), set(inventory.groups))
    with pytest.raises(AnsibleParserError) as caught:
        parse(path, inventory)
    assert (set(inventory.hosts), set(inventory.groups)) == before
    message = caught.value.message
    assert "\n" not in message
    assert SECRET not in message
    return message


# ------------------------------------------------------------------------------------------------------ one cluster


def test_a_cluster_file(files: Directory) -> None:
    nodes = [
        node("CP1", "controlplane", "etcd", docker_socket="/run/x.sock", labels={"rack": "a"}, ssh_key_path="/k"),
        node("w1", "worker"),
    ]
    path = files.cluster("prod.yml", *nodes, kubernetes_version="v1.17.6", prefix_path="/opt/rke")
    inventory = parse(path)
    assert groups(inventory) == {"controlplane": ["cp1"], "etcd": ["cp1"], "worker": ["w1"], "prod": ["cp1", "w1"]}
    assert inventory.groups["prod"].get_vars() == {
        "cis_scan_cluster": "prod",
        "cis_scan_prefix_path": "/opt/rke",
        "rke_cluster_file": path,
        "rke_kubernetes_version": "v1.17.6",
    }
    ansibles = {"inventory_file", "inventory_dir", "inventory_hostname", "inventory_hostname_short", "group_names"}
    variables = inventory.hosts["cp1"].get_vars()
    assert {name: value for name, value in variables.items() if name not in ansibles} == {
        "ansible_host": "CP1.lan",
        "ansible_port": 22,
        "ansible_user": "rke",
        "ansible_ssh_private_key_file": "/k",
        "cis_scan_docker_host": "unix:///run/x.sock",
        "rke_roles": ["controlplane", "etcd"],
        "rke_internal_address": "CP1.lan",
        "rke_labels": {"rack": "a"},
    }


def test_all_roles_are_groups_even_without_nodes(files: Directory) -> None:
    assert groups(parse(files.cluster("c.yml", node("w1", "worker")))) == {
        "controlplane": [],
        "etcd": [],
        "worker": ["w1"],
        "c": ["w1"],
    }


def test_a_state_file(files: Directory) -> None:
    nodes = [{"address": "a", "user": "u", "role": ["etcd"], "sshKey": SECRET}]
    path = files.write("c.rkestate", {"currentState": {"rkeConfig": {"nodes": nodes}}})
    assert groups(parse(path))["c"] == ["a"]


@pytest.mark.parametrize(
    "name, document, expected",
    [
        ("a.yml", {"nodes": []}, True),
        ("a.yml", {"plugin": NAME}, True),
        ("a.yml", {"plugin": "ansible.builtin.constructed"}, False),
        ("a.yml", {"all": {"hosts": {"nodes": None}}}, False),
        ("a.yml", {"nodes": {"hosts": {"a": None}}}, False),
        ("a.json", {"nodes": []}, False),
        ("a.rkestate", {}, True),
    ],
)
def test_which_files_are_taken(files: Directory, name: str, document: t.Any, expected: bool) -> None:
    assert bool(inventory_loader.get(NAME).verify_file(files.write(name, document))) is expected


@pytest.mark.parametrize("path", ["/no/such/file.yml", "host1,host2", "/"])
def test_what_is_no_file_is_not_taken(path: str) -> None:
    assert not inventory_loader.get(NAME).verify_file(path)


def test_a_bad_cluster_file_is_told_even_if_ansible_does_not(files: Directory) -> None:
    """The plugin `yaml` takes it for an inventory without hosts, and then Ansible drops our error."""
    path = files.cluster("bad.yml", node("w1", "master"))
    with mock.patch("ansible.utils.display.Display.error") as shown:
        message = refused(path)
    assert message == f"{path}:1: node w1.lan: role: unknown RKE role 'master'; valid roles: controlplane, etcd, worker"
    shown.assert_called_once_with(message, wrap_text=False)


def test_bad_settings_are_told_by_ansible(files: Directory) -> None:
    with mock.patch("ansible.utils.display.Display.error") as shown:
        assert "gone.yml: cannot be read: No such file" in refused(files.settings("gone.yml"))
    shown.assert_not_called()


# ------------------------------------------------------------------------------------------ RKE's working directory


@pytest.fixture
def working(files: Directory, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., InventoryData]:
    """Make RKE's directory, and read what these sources are as Ansible does."""
    files.cluster("rke/cluster.yml", node("cp1", "controlplane", "etcd"), node("w3", "worker"))
    nodes = [
        {"address": f"{name}.lan", "hostnameOverride": name, "user": "u", "role": ["etcd"]} for name in ("cp1", "w3")
    ]
    state = files.write("rke/cluster.rkestate", {"currentState": {"rkeConfig": {"nodes": nodes}}})
    files.write("rke/kube_config_cluster.yml", {"kind": "Config", "users": [{"user": {"client-key-data": SECRET}}]})
    base = os.path.dirname(state)

    def read(*sources: str) -> InventoryData:
        paths = [os.path.normpath(f"{base}/{source}") for source in sources]
        monkeypatch.setattr(context, "CLIARGS", ImmutableDict(inventory=paths))
        return InventoryManager(DataLoader(), sources=paths)._inventory

    monkeypatch.setattr(C, "INVENTORY_ENABLED", [NAME, "host_list", "script", "auto", "yaml", "ini", "toml"])
    return read


@pytest.mark.parametrize(
    "sources",
    [
        ["."],
        [".."],
        ["cluster.yml", "cluster.rkestate"],
        ["cluster.rkestate", "cluster.yml"],
        [".", "cluster.rkestate"],
    ],
)
def test_cluster_yml_comes_before_its_own_state(
    working: t.Callable[..., InventoryData], capsys: pytest.CaptureFixture, sources: list[str]
) -> None:
    assert groups(working(*sources))["rke"] == ["cp1", "w3"]
    assert groups(working(*sources))["worker"] == ["w3"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("sources", [["cluster.rkestate"], ["cluster.rkestate", "kube_config_cluster.yml"]])
def test_a_state_beside_its_cluster_yml_alone(working: t.Callable[..., InventoryData], sources: list[str]) -> None:
    assert groups(working(*sources))["worker"] == []


def test_a_node_that_only_the_state_has_is_not_lost_in_silence(
    files: Directory, working: t.Callable[..., InventoryData], capsys: pytest.CaptureFixture
) -> None:
    path = files.cluster("rke/cluster.yml", node("cp1", "controlplane", "etcd"))
    assert groups(working("."))["rke"] == ["cp1"]
    said = " ".join(capsys.readouterr().err.split())
    assert f"cluster.rkestate: ignored beside {path}, which does not have its w3" in said.replace("- ", "-")


def test_a_bad_cluster_yml_is_no_reason_to_take_its_state(
    files: Directory, working: t.Callable[..., InventoryData], capsys: pytest.CaptureFixture
) -> None:
    files.cluster("rke/cluster.yml", node("cp1", "master"))
    assert groups(working(".")).get("rke") is None
    assert "unknown RKE role 'master'" in " ".join(capsys.readouterr().err.split())


# ---------------------------------------------------------------------------------------------------- ansible-vault


def test_encrypted_files(files: Directory, tmp_path: pathlib.Path) -> None:
    plain = tmp_path / "a.yml"
    files.cluster("a.yml")
    plain.write_text(encrypt(plain.read_text()))
    settings = tmp_path / "settings.yml"
    files.settings("a.yml")
    for text in (settings.read_text(), encrypt(settings.read_text())):
        settings.write_text(text)
        for path in (str(plain), str(settings)):
            assert groups(parse(path, loader=vault_helper.loader("right")))["a"] == ["cp1", "w1"]
            assert vault_helper.NO_PASSWORD in refused(path)


def test_what_else_is_encrypted_is_left_to_other_plugins(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "other.yml"
    path.write_text(encrypt("all: {hosts: {a: }}"))
    with (
        mock.patch("ansible.utils.display.Display.error") as shown,
        pytest.raises(AnsibleParserError, match="no RKE nodes"),
    ):
        parse(str(path), loader=vault_helper.loader("right"))
    shown.assert_not_called()


# ---------------------------------------------------------------------------------------------------- many clusters


def test_many_clusters_share_the_groups_of_roles(files: Directory) -> None:
    files.cluster("prod/cluster.yml", node("p1", "controlplane", "etcd"), node("p2", "worker"))
    files.cluster("test/cluster.yml", node("t1", "controlplane", "etcd", "worker"), cluster_name="test-eu.1")
    inventory = parse(files.settings("*/cluster.yml"))
    assert groups(inventory) == {
        "controlplane": ["p1", "t1"],
        "etcd": ["p1", "t1"],
        "worker": ["p2", "t1"],
        "prod": ["p1", "p2"],
        "test_eu_1": ["t1"],
    }
    assert inventory.groups["prod"].get_vars()["cis_scan_cluster"] == "prod"
    assert inventory.groups["test_eu_1"].get_vars()["cis_scan_cluster"] == "test-eu.1"


def test_hosts_with_a_prefix(files: Directory) -> None:
    files.cluster("a.yml")
    files.cluster("b.yml", cluster_name="b-1")
    inventory = parse(files.settings("a.yml", "b.yml", prefix_hosts=True))
    assert groups(inventory)["a"] == ["a-cp1", "a-w1"]
    assert groups(inventory)["b_1"] == ["b_1-cp1", "b_1-w1"]
    assert inventory.hosts["b_1-w1"].get_vars()["ansible_host"] == "w1.lan"


def test_stray_files_are_a_warning(files: Directory) -> None:
    files.cluster("all/a.yml")
    stray = files.write("all/addon.yml", {"kind": "Pod"})
    with mock.patch("ansible.utils.display.Display.warning") as shown:
        parse(files.settings("all"))
    shown.assert_called_once_with(f"{stray}: ignored, since it names no RKE nodes")


def test_the_same_file_twice_is_one_cluster(files: Directory) -> None:
    path = files.cluster("a.yml")
    expected = groups(parse(path))
    inventory = parse(path)
    assert groups(parse(path, inventory)) == expected
    assert groups(parse(files.settings("a.yml"), inventory)) == expected


PREFIX = f"name both files in a settings file of {NAME} with prefix_hosts: true"


def test_two_clusters_with_a_node_of_the_same_name(files: Directory) -> None:
    first, second = files.cluster("a.yml"), files.cluster("b.yml", node("b1", "etcd"), node("w1", "worker"))
    expected = f"{second}: there is a node w1 in {first} too; {PREFIX}"
    assert refused(files.settings("a.yml", "b.yml")) == expected
    # also as two sources
    assert refused(second, parse(first)) == expected


def test_two_clusters_of_the_same_name(files: Directory) -> None:
    first = files.cluster("a.yml", node("a1", "etcd"), cluster_name="prod-1")
    second = files.cluster("b.yml", node("b1", "etcd"), cluster_name="prod.1")
    expected = f"{second}: the cluster goes by prod_1, as that of {first}; set another cluster_name"
    assert refused(files.settings("a.yml", "b.yml")) == expected
    assert refused(second, parse(first)) == expected


@pytest.mark.parametrize("name", ["controlplane", "etcd", "worker", "all", "ungrouped", "cp1", "W1", "w.1"])
def test_a_cluster_with_the_name_of_another_group_or_of_a_node(files: Directory, name: str) -> None:
    """Ansible would take one for the other, and all of its nodes would have that role."""
    nodes = [
        node("cp1", "controlplane", "etcd"),
        node("w1", "worker"),
        node("W1_cluster", "worker"),
        node("w_1", "worker"),
    ]
    inventory = parse(files.cluster("a.yml", *nodes, cluster_name=name))
    members = {"cp1", "w1", "w1_cluster", "w_1"}
    (group,) = {name for name, hosts in groups(inventory).items() if set(hosts) == members}
    assert group == {"W1": "W1", "w.1": "w_1_cluster"}.get(name, f"{name}_cluster")
    assert inventory.groups[group].get_vars()["cis_scan_cluster"] == name
    assert groups(inventory)["etcd"] == ["cp1"]


def test_the_group_of_a_cluster_is_free(files: Directory) -> None:
    first = files.cluster("a/cluster.yml", node("prod", "etcd"), node("prod_cluster", "worker"))
    files.cluster("prod/cluster.yml")
    inventory = parse(files.settings("*/cluster.yml"))
    assert groups(inventory)["a"] == ["prod", "prod_cluster"]
    assert groups(inventory)["prod_cluster_cluster"] == ["cp1", "w1"]
    # but a source that comes later cannot rename it
    assert ": the node prod has the name of a group" in refused(first, parse(files.cluster("prod/cluster.yml")))


@pytest.mark.parametrize("name", ["worker", "all"])
def test_a_node_with_the_name_of_a_group(files: Directory, name: str) -> None:
    """Ansible would set the variables of the group in place of the node's."""
    path = files.cluster("prod.yml", node(name, "etcd"), node("w1", "worker"))
    assert refused(path).startswith(
        f"{path}: the node {name} has the name of a group; name the file in a settings file"
    )
    assert groups(parse(files.settings("prod.yml", prefix_hosts=True)))["etcd"] == [f"prod-{name}"]


def test_a_hidden_directory(files: Directory) -> None:
    inventory = parse(files.cluster(".rke/cluster.yml"))
    assert inventory.groups["rke"].get_vars()["cis_scan_cluster"] == "rke"


def test_a_node_with_the_name_of_a_group_of_another_source(files: Directory) -> None:
    inventory = InventoryData()
    inventory.add_group("w1")
    assert ": the node w1 has the name of a group; " in refused(files.cluster("a.yml"), inventory)


def test_variables_of_another_source_may_be_added(files: Directory) -> None:
    inventory = InventoryData()
    inventory.add_group("a")
    inventory.add_host("w1", group="a")
    inventory.set_variable("w1", "mine", 1)
    assert groups(parse(files.cluster("a.yml"), inventory))["a"] == ["cp1", "w1"]
    assert inventory.hosts["w1"].get_vars()["mine"] == 1


# ------------------------------------------------------------------------------------------------------ constructed


def test_constructed(files: Directory) -> None:
    nodes = [node("a1", "worker", labels={"rack": "r1", "gpu": ""}), node("a2", "etcd", labels={"rack": "r2"})]
    path = files.cluster("a.yml", *nodes, kubernetes_version="v1.20.15-rancher2")
    more = {
        "compose": {"rke_minor": "rke_kubernetes_version.split('.')[1]", "named": "inventory_hostname ~ '!'"},
        "groups": {"gpu": "'gpu' in rke_labels", "old": "rke_minor | int < 21"},
        "keyed_groups": [{"key": "rke_labels.rack", "prefix": "rack"}, {"key": "rke_roles", "prefix": "role"}],
    }
    inventory = parse(files.settings("a.yml", **more))
    found = groups(inventory)
    assert found["gpu"] == ["a1"]
    assert found["old"] == ["a1", "a2"]
    assert (found["rack_r1"], found["rack_r2"]) == (["a1"], ["a2"])
    assert (found["role_worker"], found["role_etcd"]) == (["a1"], ["a2"])
    assert inventory.hosts["a1"].get_vars()["named"] == "a1!"
    assert inventory.groups["a"].get_vars()["rke_cluster_file"] == path


def test_a_composition_that_cannot_be_is_an_error_only_if_strict(files: Directory) -> None:
    files.cluster("a.yml")
    more = {"compose": {"x": "rke_labels.gone.too"}}
    assert "x" not in parse(files.settings("a.yml", **more)).hosts["w1"].get_vars()
    with pytest.raises(AnsibleError, match="Could not set x for host cp1"):
        parse(files.settings("a.yml", strict=True, **more))


def test_the_key_of_a_bastion_is_checked_as_ansible_is_told_to(
    files: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.cluster("a.yml", bastion_host={"address": "b", "user": "u"})

    def options() -> str:
        return parse(path).hosts["w1"].get_vars()["ansible_ssh_common_args"]

    assert "StrictHostKeyChecking" not in options()
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "false")
    assert "-o StrictHostKeyChecking=no b" in options()


# ------------------------------------------------------------------------------------------------------------ cache


@pytest.fixture
def cache(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The directory of a cache that is on, as the environment may set it."""
    monkeypatch.setenv("ANSIBLE_INVENTORY_CACHE", "true")
    monkeypatch.setenv("ANSIBLE_INVENTORY_CACHE_PLUGIN", "ansible.builtin.jsonfile")
    monkeypatch.setenv("ANSIBLE_INVENTORY_CACHE_CONNECTION", str(tmp_path / "cache"))
    return tmp_path / "cache"


def reads(path: str, **keywords: t.Any) -> int:
    """Return how many files are read for what is the same inventory."""
    expected = groups(parse(path))
    with mock.patch.object(rke_cluster, "read_cluster", wraps=rke_cluster.read_cluster) as reader:
        assert groups(parse(path, **keywords)) == expected
    return reader.call_count


@pytest.mark.parametrize("kind", ["plain", "settings"])
def test_cache(files: Directory, cache: pathlib.Path, kind: str) -> None:
    plain = files.cluster("a.yml", node("w1", "worker", ssh_key=SECRET), private_registries=[{"password": SECRET}])
    path = plain if kind == "plain" else files.settings("a.yml")
    assert reads(path) == 0
    assert reads(path, cache=False) == 1
    kept = "".join(file.read_text(encoding="utf-8") for file in cache.iterdir())
    assert "w1.lan" in kept
    assert SECRET not in kept


def test_a_cache_is_no_reason_to_miss_a_node(files: Directory, cache: pathlib.Path) -> None:
    path = files.cluster("a.yml")
    settings = files.settings("*.yml")
    assert len(parse(path).hosts) == len(parse(settings).hosts) == 2
    files.cluster("a.yml", node("cp1", "etcd"), node("w1", "worker"), node("w2", "worker"))
    assert len(parse(path).hosts) == len(parse(settings).hosts) == 3
    files.cluster("b.yml", node("b1", "worker"))
    assert len(parse(settings).hosts) == 4
    os.unlink(path)
    assert list(parse(settings).hosts) == ["b1"]
    assert "a.yml: cannot be read" in refused(files.settings("a.yml"))


def test_no_cache_without_being_asked(files: Directory) -> None:
    assert reads(files.cluster("a.yml")) == 1
