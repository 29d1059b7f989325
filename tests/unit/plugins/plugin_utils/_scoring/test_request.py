# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.request import check_play, roles_of_hosts

GROUPS = {"controlplane": ["cp1", "all1"], "etcd": ["e1", "all1"], "worker": ["w1", "all1"], "db": ["d1"]}
HOSTS = ["cp1", "e1", "w1", "all1", "d1"]


def test_roles_are_the_groups_of_their_names() -> None:
    nodes, warnings = roles_of_hosts(GROUPS, {}, HOSTS)
    assert nodes == {
        "cp1": ["controlplane"],
        "e1": ["etcd"],
        "w1": ["worker"],
        "all1": ["controlplane", "etcd", "worker"],
    }
    assert warnings == []


@pytest.mark.parametrize(
    "mapping, expected",
    [
        ({"etcd": "db"}, {"d1": ["etcd"]}),
        ({"etcd": ["db", "etcd"]}, {"d1": ["etcd"], "e1": ["etcd"]}),
        ({"etcd": ["db"], "worker": ["db"], "controlplane": []}, {"d1": ["etcd", "worker"]}),
        ({"etcd": "no-such-group", "worker": "db", "controlplane": "no"}, {"d1": ["worker"]}),
    ],
)
def test_other_groups(mapping: dict[str, t.Any], expected: dict[str, list[str]]) -> None:
    nodes, _warnings = roles_of_hosts(GROUPS, mapping, ["d1", "e1"])
    assert nodes == expected


def test_only_hosts_of_the_play_are_nodes_and_roles_without_one_are_told() -> None:
    nodes, warnings = roles_of_hosts(GROUPS, {"etcd": ["a", "b"]}, ["w1"])
    assert nodes == {"w1": ["worker"]}
    assert len(warnings) == 2
    assert "controlplane" in warnings[0]
    assert "a or b" in warnings[1]


@pytest.mark.parametrize("hosts", [[], ["d1"], ["unknown"]])
def test_no_node_at_all_is_refused(hosts: list[str]) -> None:
    with pytest.raises(CisError) as caught:
        roles_of_hosts(GROUPS, {"etcd": "mine"}, hosts)
    assert "controlplane, mine, worker" in str(caught.value)
    assert "cis_scan_groups" in str(caught.value)


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(CisError, match="master.*controlplane, etcd, worker"):
        roles_of_hosts(GROUPS, {"master": "x"}, HOSTS)


@pytest.mark.parametrize("strategy", ["free", "ansible.builtin.free", "host_pinned", "mitogen_free"])
def test_a_play_whose_hosts_go_their_own_ways_is_refused(strategy: str) -> None:
    with pytest.raises(CisError, match=f"^strategy {strategy}: .*; set strategy: linear in the play$"):
        check_play(strategy, {})


@pytest.mark.parametrize("strategy", ["linear", "ansible.builtin.linear", "debug", "mitogen_linear"])
def test_a_play_must_run_all_hosts_at_once(strategy: str) -> None:
    check_play(strategy, {"ansible_play_hosts": HOSTS, "ansible_play_batch": list(reversed(HOSTS))})
    with pytest.raises(CisError, match="^serial: .*; remove serial from the play$"):
        check_play(strategy, {"ansible_play_hosts": HOSTS, "ansible_play_batch": HOSTS[:2]})
