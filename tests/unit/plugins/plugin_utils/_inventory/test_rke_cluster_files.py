# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files are those of clusters."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._inventory.rke_cluster import (
    cluster_files,
    is_cluster,
    is_settings,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.rke_cluster_helper import (
    ONE,
    STATE_CONFIG,
    refused,
    state,
)


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
