# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tarball that users get, and README.md followed with nothing else than that."""

from __future__ import annotations

import json
import pathlib
import re
import shutil

import galaxy
from documented import Page, Reader, check_shown, inline
from scans import HARDENED, ROOT
from test_check import answers

# What a collection may lose after it was installed.
KEPT = {"meta", "plugins", "roles", "playbooks"}


def test_the_tarball_holds_what_is_ours_and_nothing_else(tarball: pathlib.Path, tmp_path: pathlib.Path) -> None:
    clone = galaxy.staged(tmp_path / "rke.cis")
    ours = {str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file()}
    found = galaxy.members(tarball)
    assert found - ours == {"MANIFEST.json", "FILES.json"}
    # what only a repository needs, and the manifest in its first form
    of_the_checkout = (".ci/", ".github/", ".gitignore", ".pre-commit-config.yaml", "collections/", "galaxy.yml")
    assert ours - found == {name for name in ours if name.startswith(of_the_checkout)}


def test_the_collection_works_with_what_the_community_package_keeps(newcomer: Reader) -> None:
    """And shows the documentation of its plugins and roles as the pages say."""
    assert newcomer.run("ansible-galaxy collection install rke.cis").returncode == 0
    installed = newcomer.home / ".ansible" / "collections" / "ansible_collections" / "rke" / "cis"
    for path in installed.iterdir():
        if path.name not in KEPT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert {path.name for path in installed.iterdir()} == KEPT
    said = {command: newcomer.run(command) for command in inline("ansible-doc ")}
    assert {command: done.stderr for command, done in said.items() if done.returncode} == {}
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert modules == set(re.findall(r"^rke\.cis\.(\w+)", said["ansible-doc -l rke.cis"].stdout, re.M))
    assert {f"ansible-doc -t role rke.cis.{role.name}" for role in (ROOT / "roles").iterdir()} <= set(said)
    practice = installed / "playbooks" / "practice" / "inventory.yml"
    done = newcomer.run(f"ansible-playbook -i {practice} rke.cis.cis_scan -e cis_report_formats=csv,html")
    assert done.returncode == 0, done.stdout
    (where,) = newcomer.scans()
    assert len((where / "report.csv").read_text(encoding="utf-8").splitlines()) == 124


def test_readme(newcomer: Reader) -> None:
    page = Page("README.md", newcomer)

    said = page.run("make scan", cwd=galaxy.checkout(newcomer.base / "rke.cis"))
    _head, _recap, table = said.partition("PLAY RECAP")
    check_shown(page.take("Failing controls", "text").text, table.partition("\n\n")[2])
    page.leave("make test", "CI runs it, and this test is part of it")

    newcomer.write_cluster_yml("cluster.yml", cluster_name="prod")
    page.run("ansible-galaxy collection install")
    page.run("ansible-playbook -i cluster.yml rke.cis.cis_scan")
    first = newcomer.report()
    assert (first["cluster"], first["error"], first["node_errors"]) == ("prod", 0, {})

    page.save("[controlplane]", "inventory")
    page.run("pip install jmespath kubernetes")
    page.save("callbacks_enabled", "ansible.cfg")
    assert "\ncluster local (97 controls) " in page.run("cis_scan_profile=RKE-CIS-1.4-Hardened")
    second = newcomer.report()
    assert (second["profile"], second["skip"], second["error"], second["node_errors"]) == (HARDENED, 0, 0, {})
    assert second["nodes"] == first["nodes"]

    page.run("id=2.1.1")
    found = answers(page.run("fail_on=fail,error", code=2))
    assert {name: status for name, (status, _result) in found.items()} == {
        "cp1": "FAILED!",
        "etcd1": "SUCCESS",
        "worker1": "FAILED!",
        "worker2": "SUCCESS",
    }
    kubelets = answers(page.run("rke.cis.container_args_info"))
    assert sorted(kubelets) == ["worker1", "worker2"]
    keys = answers(page.run("rke.cis.file_permissions_info"))
    assert "/etc/kubernetes/ssl/kube-apiserver-key.pem" in json.dumps(keys["cp1"])

    assert page.left == []
