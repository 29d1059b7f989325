# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test beds, one of each kind for the whole run, and the scans that more than one test reads."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import tempfile
import typing as t

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testbed"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import galaxy
import pythons
import scans
from browser import Browser
from documented import Reader, reader
from testbed import Testbed, kube_apiserver, spec, unavailable

NO_API = "there is no real kube-apiserver here (tests/testbed/get_apiserver.sh builds it)"


def bed_of(cluster: dict[str, t.Any]) -> t.Iterator[Testbed]:
    reason = unavailable()
    if reason:
        pytest.skip("no test bed: " + reason)
    with Testbed(cluster) as bed:
        bed.wait_etcd()
        if cluster.get("kube_apiserver") and kube_apiserver():
            bed.wait_api()
        yield bed


@pytest.fixture(scope="session")
def browser() -> t.Iterator[Browser]:
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def api() -> None:
    """For tests that need a real kube-apiserver."""
    if not kube_apiserver():
        pytest.skip(NO_API)


@pytest.fixture(scope="session")
def node_pythons() -> t.Iterator[dict[str, str]]:
    """Interpreters that nodes can use, made before any test bed is: their hosts see this machine's disk."""
    with tempfile.TemporaryDirectory(prefix="rkp", dir="/var/tmp") as directory:
        os.chmod(directory, 0o755)
        found = {}
        for version in ("3.6", "3.7"):
            path = pythons.copy_of(version, pathlib.Path(directory, version))
            if path:
                found[version] = path
        yield found


@pytest.fixture(scope="session")
def hardened(node_pythons: dict[str, str]) -> t.Iterator[Testbed]:
    """Three nodes with one role each, all that the hardening guides ask for."""
    yield from bed_of(spec("three_roles_hardened"))


@pytest.fixture(scope="session")
def default() -> t.Iterator[Testbed]:
    """Three nodes with one role each, as RKE sets them up."""
    yield from bed_of(spec("three_roles_default"))


@pytest.fixture(scope="session")
def all_in_one() -> t.Iterator[Testbed]:
    yield from bed_of(spec("all_in_one_hardened"))


@pytest.fixture(scope="session")
def controlplanes() -> t.Iterator[Testbed]:
    """Three controlplane nodes, one of which differs; one etcd; one worker."""
    yield from bed_of(spec("three_controlplanes"))


@pytest.fixture(scope="session")
def documented_cluster(api: None) -> t.Iterator[Testbed]:
    """The cluster that the documentation's examples name: the practice cluster with one worker more.

    Its Kubernetes is one for which RKE-CIS-1.4 is chosen, whose ids the examples have.
    """
    cluster = {**spec("practice"), "images": {"hyperkube": "rancher/hyperkube:v1.14.10-rancher1"}}
    cluster["hosts"].append({"name": "worker2", "roles": ["worker"], "args": "default"})
    yield from bed_of(cluster)


@pytest.fixture(scope="session")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What is published, built in a checkout that was worked in."""
    directory = tmp_path_factory.mktemp("published")
    return galaxy.build(galaxy.worked_in(galaxy.staged(directory / "rke.cis")), directory / "built")


@pytest.fixture(scope="session")
def installed(tarball: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A path of collections with what is published, and nothing else."""
    return galaxy.install(tarball, tmp_path_factory.mktemp("installed"))


@pytest.fixture
def newcomer(documented_cluster: Testbed, tarball: pathlib.Path) -> t.Iterator[Reader]:
    """Who follows a page with ansible-core and the Python packages, but without the collection."""
    with (
        galaxy.galaxy(documented_cluster, tarball) as url,
        reader(documented_cluster, ANSIBLE_GALAXY_SERVER=url) as who,
    ):
        shutil.copy(documented_cluster.kubeconfig, who.cwd / "kube_config_cluster.yml")
        yield who


@pytest.fixture(scope="session")
def faults(node_pythons: dict[str, str]) -> t.Iterator[Testbed]:
    """Every way in which a node may not show what is asked, beside nodes on which all is well."""

    def host(name: str, role: str, **more: t.Any) -> dict[str, t.Any]:
        return {"name": name, "roles": [role], "args": "hardened", **more}

    hosts = [
        host("cp1", "controlplane"),
        host("etcd1", "etcd"),
        host("good", "worker"),
        host("down", "worker", docker="down"),
        host("none", "worker", docker="none"),
        host("hang", "worker", docker="hang"),
        host("stopped", "worker", stopped=["kubelet"]),
        host("gone", "worker", missing=["kubelet"]),
        host("closed", "controlplane", modes={"/etc/kubernetes/ssl": "0700"}),
        {"name": "flatcar", "roles": ["controlplane", "etcd", "worker"], "args": "hardened", "prefix": "/opt/rke"},
    ]
    yield from bed_of({"kube_apiserver": False, "hosts": hosts})


# ------------------------------------------------------------------------- scans that several tests look at


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> t.Callable[[str], pathlib.Path]:
    """A directory for each run, by its name."""
    return tmp_path_factory.mktemp


def with_api(bed: Testbed, **variables: t.Any) -> dict[str, t.Any]:
    return {**({"cis_scan_kubeconfig": bed.kubeconfig} if kube_apiserver() else {}), **variables}


@pytest.fixture(scope="session")
def before_psp(api: None, hardened: Testbed, runs: t.Any) -> scans.Outcome:
    """The hardened cluster before anyone has made a PodSecurityPolicy."""
    variables = with_api(hardened, cis_scan_profile=scans.HARDENED.lower())
    return scans.playbook(runs("before-psp"), scans.SCAN, hardened.inventory, variables, bed=hardened)


@pytest.fixture(scope="session")
def restricted_psp(request: pytest.FixtureRequest, hardened: Testbed) -> None:
    """The restricted PodSecurityPolicy of the hardening guide, made after `before_psp` has looked."""
    if kube_apiserver():
        request.getfixturevalue("before_psp")
        scans.create_restricted_psp(hardened)


@pytest.fixture(scope="session")
def scan_hardened(restricted_psp: None, hardened: Testbed, runs: t.Any) -> scans.Outcome:
    variables = with_api(hardened, cis_scan_profile=scans.HARDENED)
    return scans.playbook(runs("hardened"), scans.SCAN, hardened.inventory, variables, bed=hardened)


@pytest.fixture(scope="session")
def scan_default(default: Testbed, runs: t.Any) -> scans.Outcome:
    variables = with_api(default, cis_scan_profile=scans.HARDENED, cis_scan_cluster="prod")
    return scans.playbook(runs("default"), scans.SCAN, default.inventory, variables, bed=default)


class SshTrap:
    """An ssh that says that it was called."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._log = directory / "ssh-was-called"
        program = directory / "ssh-trap"
        program.write_text(f'#!/bin/sh\necho x >>"{self._log}"\nexec ssh "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        self.env = scans.environment(ANSIBLE_SSH_EXECUTABLE=str(program))

    @property
    def calls(self) -> int:
        return len(self._log.read_text(encoding="utf-8").split()) if self._log.exists() else 0


@pytest.fixture
def ssh_trap(tmp_path_factory: pytest.TempPathFactory) -> SshTrap:
    return SshTrap(tmp_path_factory.mktemp("trap"))
