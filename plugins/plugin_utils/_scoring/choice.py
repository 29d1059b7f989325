# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The cluster's Kubernetes version, and the benchmark that it means where none is named. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import Profile, version_numbers

# in rancher/hyperkube:v1.20.15-rancher2, from any registry
_VERSION = re.compile(r":(v[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5})(?![0-9])[^/]*$")

API_SERVER = "API server"
CLUSTER_FILE = "cluster.yml"


class Version(t.NamedTuple):
    """The cluster's Kubernetes version, such as v1.24.17, and where it was seen."""

    text: str
    where: str

    @property
    def numbers(self) -> tuple[int, int]:
        return version_numbers(self.text)


def version_of(image: str) -> str:
    """Return the Kubernetes version in the name of an image, or in a version after a colon; empty if there is none."""
    found = _VERSION.search(image)
    return found[1] if found else ""


def node_version(document: dict[str, t.Any]) -> str:
    """Return a node's Kubernetes version: every node runs a kubelet. Empty if it was not seen."""
    return version_of(document.get("containers", {}).get("kubelet", {}).get("image") or "")


def cluster_version(
    nodes: t.Iterable[dict[str, t.Any]], cluster: dict[str, t.Any] | None = None, declared: str = ""
) -> Version | None:
    """Return the lowest version of the control plane, else of any node, else what cluster.yml declares."""
    control_plane = [Version(version_of(":" + (cluster or {}).get("version", "")), API_SERVER)]
    others: list[Version] = []
    for document in nodes:
        of = control_plane if "controlplane" in document["roles"] else others
        of.append(Version(node_version(document), document["node"]))
    for seen in (control_plane, others, [Version(version_of(":" + declared), CLUSTER_FILE)]):
        known = [version for version in seen if version.text]
        if known:
            return min(known, key=lambda version: [int(number) for number in version.text[1:].split(".")])
    return None


def choose(chosen_from: t.Mapping[str, str], version: Version | None) -> str:
    """Return which of these profiles is taken. `chosen_from` has the oldest Kubernetes version of each, newest first.

    A cluster of which no version is known is held to the newest benchmark, one older than all benchmarks to the oldest.
    """
    names = list(chosen_from)
    if len(names) == 1 or version is None:
        return names[0]
    fitting = [name for name in names if version_numbers(chosen_from[name]) <= version.numbers]
    return (fitting or names[-1:])[0]


def chosen_profile(candidates: t.Sequence[Profile], version: Version | None) -> Profile:
    """Return the one of these profiles, newest first, that is taken."""
    by_name = {profile.full_name: profile for profile in candidates}
    return by_name[choose({name: profile.benchmark.chosen_from for name, profile in by_name.items()}, version)]
