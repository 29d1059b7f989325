# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import load_benchmark
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.request import (
    roles_of_hosts,
    user_skips,
)

BENCHMARK = load_benchmark("rke-cis-1.4")
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


def with_map(**shown: t.Any) -> dict[str, t.Any]:
    return {"objects": {}, "config_map": shown}


MAP_TEXT = '{"skip": {"rke-cis-1.4": ["1.1.2", "1.1.3", "1.1.4"]}}'


def test_variable_outdoes_file_outdoes_config_map(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "skips.yml"
    file.write_text("1.1.2: file\n1.1.3: file\n")
    skips, warnings = user_skips(BENCHMARK, {"1.1.2": "variable"}, str(file), with_map(text=MAP_TEXT))
    assert {key: skip["reason"] for key, skip in skips.items()} == {"1.1.2": "variable", "1.1.3": "file", "1.1.4": ""}
    assert skips["1.1.2"]["by"] == "cis_scan_skip"
    assert str(file) in skips["1.1.3"]["by"]
    assert "security-scan-cfg" in skips["1.1.4"]["by"]
    assert warnings == []


EVERYWHERE = with_map(text='{"skip": {"current": ["1.1.4"]}}')


@pytest.mark.parametrize(
    "source, expected",
    [
        ("merged", {"1.1.2", "1.1.3", "1.1.4"}),
        ("variable", {"1.1.2"}),
        ("file", {"1.1.3"}),
        ("config_map", {"1.1.4"}),
    ],
)
def test_the_source_that_is_chosen_counts_alone(tmp_path: pathlib.Path, source: str, expected: set[str]) -> None:
    file = tmp_path / "skips.yml"
    file.write_text("- 1.1.3\n")
    skips, warnings = user_skips(BENCHMARK, ["1.1.2"], str(file), EVERYWHERE, source)
    assert (set(skips), warnings) == (expected, [])


def test_what_is_not_chosen_is_not_read() -> None:
    assert user_skips(BENCHMARK, [1.1], "/no/such/file", EVERYWHERE, "config_map")[1] == []
    assert user_skips(BENCHMARK, None, "/no/such/file", with_map(text="@"), "variable") == ({}, [])


def test_a_file_that_is_chosen_must_be_named() -> None:
    for none in (None, ""):
        with pytest.raises(CisError, match="cis_scan_skip_source is file, but cis_scan_skip_file names none"):
            user_skips(BENCHMARK, ["1.1.2"], none, EVERYWHERE, "file")
    with pytest.raises(CisError, match="cis_scan_skip_file /no/such/file: cannot be read"):
        user_skips(BENCHMARK, None, "/no/such/file", None, "file")


@pytest.mark.parametrize(
    "cluster, said",
    [
        (None, "cis_scan_kubeconfig"),
        ({"error": {"kind": "not asked", "message": "the API was not asked"}}, "the API was not asked"),
        ({"objects": {}}, "cis_scan_kubeconfig"),
        (with_map(error={"kind": "denied", "message": "403 Forbidden"}), "403 Forbidden"),
    ],
)
def test_a_config_map_that_is_chosen_must_have_been_read(cluster: t.Any, said: str) -> None:
    with pytest.raises(CisError, match="cis_scan_skip_source is config_map, but ConfigMap .* was not read: ") as caught:
        user_skips(BENCHMARK, ["1.1.2"], None, cluster, "config_map")
    assert said in str(caught.value)


def test_a_config_map_that_is_chosen_and_does_not_exist_is_a_warning() -> None:
    skips, (warning,) = user_skips(BENCHMARK, ["1.1.2"], None, with_map(text=None), "config_map")
    assert skips == {}
    assert "security-scan-cfg" in warning and "nothing is skipped" in warning


@pytest.mark.parametrize(
    "cluster", [None, {"error": {"kind": "down", "message": "x"}}, {"objects": {}}, with_map(text=None)]
)
def test_without_a_config_map_nothing_is_skipped_by_it(cluster: t.Any) -> None:
    assert user_skips(BENCHMARK, None, None, cluster) == ({}, [])


def test_a_config_map_that_could_not_be_read_is_a_warning() -> None:
    cluster = with_map(error={"kind": "denied", "message": "403 Forbidden"})
    skips, (warning,) = user_skips(BENCHMARK, None, None, cluster)
    assert skips == {}
    assert "403 Forbidden" in warning
    assert "security-scan-cfg" in warning


def test_a_bad_config_map_is_refused_by_name() -> None:
    with pytest.raises(CisError, match="ConfigMap security-scan/security-scan-cfg.*config.json.*line 1"):
        user_skips(BENCHMARK, None, None, with_map(text="@"))


@pytest.mark.parametrize(
    "shown", ["text", 5, ["x"], {"text": 5}, {"text": ["x"]}, {"text": []}, {"error": "x"}, {"error": {}}]
)
def test_a_config_map_of_another_form_in_recorded_evidence(shown: t.Any) -> None:
    with pytest.raises(CisError, match="ConfigMap security-scan/security-scan-cfg"):
        user_skips(BENCHMARK, None, None, {"objects": {}, "config_map": shown})


def test_unknown_ids_are_warnings() -> None:
    skips, warnings = user_skips(BENCHMARK, ["9.9"], None, None)
    assert skips == {}
    assert len(warnings) == 1
