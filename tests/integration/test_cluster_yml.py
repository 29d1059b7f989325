# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RKE's cluster.yml as the only inventory of a scan, over real ssh: directly, through a bastion host, of a fleet."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import typing as t

import pytest
import scans
import yaml
from conftest import with_api
from scans import HARDENED, PSP_CONTROLS
from testbed import CONTROLLER, Testbed

from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import encrypt

SSH_CONFIG = f"""\
Host *
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
    BindAddress {CONTROLLER}
"""


@pytest.fixture
def user(tmp_path: pathlib.Path) -> dict[str, str]:
    """The environment of a user whose own configuration of ssh knows how the test bed is reached."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "config").write_text(SSH_CONFIG, encoding="utf-8")
    program = tmp_path / "bin" / "ssh"
    program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F "{tmp_path}/config" "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    environment = scans.environment()
    return {**environment, "PATH": f"{tmp_path}/bin:{environment['PATH']}"}


def cluster_yml(path: pathlib.Path, bed: Testbed, nodes: list[str], user: str = "root", **more: t.Any) -> pathlib.Path:
    """Write the file that RKE would have made this part of the test bed of."""
    known = {node["hostname_override"]: node for node in bed.rke_nodes(user)}
    document = {
        "ssh_key_path": f"{bed.dir}/id",
        # RKE's names are in lower case, whatever is written
        "nodes": [{**known[name], "hostname_override": name.upper()} for name in nodes],
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def test_a_scan(hardened: Testbed, scan_hardened: scans.Outcome, user: dict[str, str], tmp_path: pathlib.Path) -> None:
    """The same verdicts as with an inventory that was written by hand, under the cluster's own name.

    It and the kubeconfig are encrypted, and no decrypted copy stays.
    """
    inventory = cluster_yml(tmp_path / "cluster.yml", hardened, list(hardened.addresses), cluster_name="demo-prod")
    inventory.write_text(encrypt(inventory.read_text(encoding="utf-8")), encoding="utf-8")
    variables = with_api(hardened, cis_scan_profile=HARDENED)
    if "cis_scan_kubeconfig" in variables:
        text = pathlib.Path(variables["cis_scan_kubeconfig"]).read_text(encoding="utf-8")
        variables["cis_scan_kubeconfig"] = "kubeconfig"
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "kubeconfig").write_text(encrypt(text), encoding="utf-8")
    (tmp_path / "password").write_text("right", encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    env = {"ANSIBLE_VAULT_PASSWORD_FILE": f"{tmp_path}/password", "ANSIBLE_LOCAL_TEMP": f"{tmp_path}/tmp", **user}
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, inventory, variables, bed=hardened, env=env)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert outcome.where.parent.name == "demo-prod"
    assert outcome.report["nodes"] == scan_hardened.report["nodes"]
    assert outcome.verdicts() == scan_hardened.verdicts()
    assert outcome.code == scan_hardened.code


def test_one_question(hardened: Testbed, user: dict[str, str], tmp_path: pathlib.Path) -> None:
    inventory = cluster_yml(tmp_path / "cluster.yml", hardened, list(hardened.addresses))
    question = ["-m", "rke.cis.check", "-a", f"profile={HARDENED} id=2.1.1"]
    said = hardened.run(["ansible", "worker1", "-i", inventory, *question], env=user, cwd=tmp_path)
    _head, _arrow, answer = said.stdout.partition("worker1 | SUCCESS => ")
    (found,) = json.loads(answer)["checks"]
    assert (found["state"], found["actual"]) == ("pass", "--anonymous-auth=false")


def test_through_a_bastion(
    hardened: Testbed, scan_hardened: scans.Outcome, user: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """As RKE's own user, through one of the hosts, on which that user has no rights at all."""
    bastion = {"address": hardened.addresses["cp1"], "user": "plain"}
    nodes = ["etcd1", "worker1"]
    inventory = cluster_yml(tmp_path / "prod" / "cluster.yml", hardened, nodes, user="rke", bastion_host=bastion)
    said = hardened.run(
        ["ansible", "all", "-i", inventory, "-m", "ansible.builtin.raw", "-a", "echo from $SSH_CONNECTION as $USER"],
        env=user,
        cwd=tmp_path,
    )
    assert re.findall(r"from (\S+) .* as (\w+)", said.stdout) == [(bastion["address"], "rke")] * 2, said
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, inventory, bed=hardened, env=user)
    assert set(outcome.report["node_errors"]) == set()
    ours, theirs = outcome.verdicts(), scan_hardened.verdicts()
    for name, check in scan_hardened.checks.items():
        if "master" not in check["node_type"] and outcome.checks[name]["state"] not in ("skip", "notApplicable"):
            assert ours[name] == theirs[name], name


def test_a_bastion_that_cannot_be_reached(hardened: Testbed, user: dict[str, str], tmp_path: pathlib.Path) -> None:
    """The nodes could be reached without it. That is not what the file says."""
    bastion = {"address": hardened.addresses["cp1"], "user": "nobody", "port": 2}
    inventory = cluster_yml(tmp_path / "prod" / "cluster.yml", hardened, ["worker1"], bastion_host=bastion)
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, inventory, bed=hardened, env=user)
    assert set(outcome.report["node_errors"]) == {"worker1"}
    assert "nothing was seen of worker1" in outcome.failure()


@pytest.fixture
def fleet(hardened: Testbed, tmp_path: pathlib.Path) -> pathlib.Path:
    """Two clusters, and the settings file that names both. Both have a node worker1, to RKE at least."""
    cluster_yml(tmp_path / "prod" / "cluster.yml", hardened, ["cp1", "etcd1", "worker1"])
    cluster_yml(tmp_path / "test" / "cluster.yml", hardened, ["worker1"])
    (tmp_path / "prod" / "kube_config_cluster.yml").write_text("kind: Config\n", encoding="utf-8")
    settings = tmp_path / "clusters.yml"
    settings.write_text("plugin: rke.cis.rke_cluster\nclusters: [prod, test]\nprefix_hosts: true\n", encoding="utf-8")
    return settings


def test_one_of_many_clusters(
    hardened: Testbed, fleet: pathlib.Path, user: dict[str, str], tmp_path: pathlib.Path
) -> None:
    variables = {"cis_scan_profile": HARDENED, "cis_scan_hosts": "prod"}
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, fleet, variables, bed=hardened, env=user)
    assert outcome.where.parent.name == "prod"
    assert outcome.report["nodes"] == {"master": ["prod-cp1"], "etcd": ["prod-etcd1"], "node": ["prod-worker1"]}
    assert sorted(outcome.ids("error")) == PSP_CONTROLS


@pytest.mark.parametrize("more", [{}, {"cis_scan_cluster": "prod"}, {"cis_scan_hosts": "worker"}])
def test_many_clusters_are_not_one(
    fleet: pathlib.Path, tmp_path: pathlib.Path, ssh_trap: t.Any, more: dict[str, str]
) -> None:
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, fleet, more, env=ssh_trap.env)
    said = outcome.failure()
    assert said.startswith("the hosts to scan belong to several clusters (prod-")
    assert f"of {tmp_path}/prod/cluster.yml, test-worker1 of {tmp_path}/test/cluster.yml); scan them one by one" in said
    assert ssh_trap.calls == 0
    assert not list((tmp_path / "run").rglob("report.*"))


# -------------------------------------------------------------------------------------------------- without a test bed


def ansible_inventory(path: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ansible-inventory", "-i", str(path), *arguments]
    return subprocess.run(
        command, cwd=path.parent, env=scans.environment(), capture_output=True, text=True, check=False
    )


def test_the_graph(tmp_path: pathlib.Path) -> None:
    (tmp_path / "cluster.yml").write_text(
        "cluster_name: demo\nnodes:\n- {address: 10.0.0.1, user: u, role: [controlplane, etcd]}\n"
        "- {address: 10.0.0.2, user: u, role: [worker], hostname_override: W1}\n",
        encoding="utf-8",
    )
    done = ansible_inventory(tmp_path / "cluster.yml", "--graph")
    assert done.stderr == ""
    assert done.stdout.split() == [
        "@all:",
        "|--@ungrouped:",
        *("|--@controlplane:", "|", "|--10.0.0.1"),
        *("|--@etcd:", "|", "|--10.0.0.1"),
        *("|--@worker:", "|", "|--w1"),
        *("|--@demo:", "|", "|--10.0.0.1", "|", "|--w1"),
    ]


def test_other_inventories_are_read_as_before(tmp_path: pathlib.Path) -> None:
    """The plugin comes before Ansible's own. A group `nodes` in an inventory does not make it RKE's."""
    (tmp_path / "hosts.yml").write_text("nodes:\n  hosts:\n    a:\n", encoding="utf-8")
    (tmp_path / "hosts").write_text("[nodes]\na\n", encoding="utf-8")
    for name in ("hosts.yml", "hosts"):
        done = ansible_inventory(tmp_path / name, "--list")
        assert done.stderr == ""
        assert json.loads(done.stdout)["nodes"] == {"hosts": ["a"]}


def test_secrets_stay_in_the_files(tmp_path: pathlib.Path) -> None:
    secret = "CANARY-do-not-show"
    node = {"address": "10.0.0.1", "user": "u", "role": ["worker"], "ssh_key": secret, "sshKey": secret}
    plain = {"nodes": [node], "private_registries": [{"password": secret}], "bastion_host": {"ssh_key": secret}}
    state = {"currentState": {"rkeConfig": {"nodes": [node]}, "certificatesBundle": {"a": {"keyPEM": secret}}}}
    (tmp_path / "cluster.yml").write_text(yaml.safe_dump(plain), encoding="utf-8")
    (tmp_path / "cluster.rkestate").write_text(json.dumps(state, indent=2), encoding="utf-8")
    for name in ("cluster.yml", "cluster.rkestate"):
        done = ansible_inventory(tmp_path / name, "--list", "-vvvv")
        assert "10.0.0.1" in done.stdout
        assert secret not in done.stdout + done.stderr


def test_a_bad_file_is_one_line_and_no_node_is_touched(tmp_path: pathlib.Path, ssh_trap: t.Any) -> None:
    inventory = tmp_path / "cluster.yml"
    inventory.write_text("nodes:\n- address: 127.0.0.1\n  user: u\n  role: worker\n", encoding="utf-8")
    outcome = scans.playbook(tmp_path / "run", scans.SCAN, inventory, env=ssh_trap.env)
    said = f"[ERROR]: {inventory}:4: node 127.0.0.1: role: expected a list, such as [controlplane, etcd]"
    assert said in outcome.out.splitlines()
    assert outcome.failure().startswith("the inventory has no hosts; ")
    assert ssh_trap.calls == 0


@pytest.mark.parametrize("core", ["2.16", "2.21"])
def test_with_other_cores(core: str, tmp_path: pathlib.Path) -> None:
    """The same inventory, templates from the settings file included."""
    other = scans.ROOT / ".cache" / f"venv-core-{core}" / "bin"
    if not (other / "ansible-inventory").exists():
        pytest.skip(f"there is no environment with ansible-core {core}; make sanity makes it where its Python exists")
    (tmp_path / "cluster.yml").write_text(
        "nodes: [{address: 10.0.0.1, user: u, role: [worker], labels: {rack: r1}}]\n"
        "bastion_host: {address: b, user: u}\nssh_key_path: k\n",
        encoding="utf-8",
    )
    (tmp_path / "clusters.yml").write_text(
        "plugin: rke.cis.rke_cluster\nclusters: [cluster.yml]\ncompose: {both: rke_labels.rack ~ ansible_host}\n"
        "keyed_groups: [{key: rke_labels.rack, prefix: rack}]\ngroups: {first: both is search('r1')}\n",
        encoding="utf-8",
    )
    environment = scans.environment(PATH=f"{other}:{scans.SYSTEM_PATH}")
    for name in ("cluster.yml", "clusters.yml"):
        mine = ansible_inventory(tmp_path / name, "--list")
        command = [other / "ansible-inventory", "-i", tmp_path / name, "--list"]
        theirs = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (mine.stderr, theirs.stderr) == ("", "")
        documents = [json.loads(done.stdout) for done in (mine, theirs)]
        for document in documents:
            document["_meta"].pop("profile", None)
            for group in document.values():
                group.get("children", []).sort()
        assert documents[0] == documents[1]
    assert documents[0]["_meta"]["hostvars"]["10.0.0.1"]["both"] == "r110.0.0.1"
    assert documents[0]["rack_r1"] == documents[0]["first"] == {"hosts": ["10.0.0.1"]}
    (tmp_path / "bad.yml").write_text("nodes: [a]\n", encoding="utf-8")
    command = [other / "ansible-inventory", "-i", tmp_path / "bad.yml", "--list"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert f"{tmp_path}/bad.yml:1: node 1: expected keys with values" in done.stderr
    assert "Traceback" not in done.stderr
