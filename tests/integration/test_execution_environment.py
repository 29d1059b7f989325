# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page execution_environment.rst followed, but for the images: what the image would be made of, and navigator."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import typing as t

import documented
import galaxy
import pytest
import scans
import yaml

PAGE = scans.ROOT / "docs" / "docsite" / "rst" / "execution_environment.rst"
# All examples of the page. The build itself needs a container engine and images.
ONLINE, INTROSPECT, CREATE, _BUILD, OFFLINE, NAVIGATE = documented.examples(PAGE)
IN_A_CONTAINER = "--eei cis-ee:1.0.0 --pp missing"


class Site:
    """A directory to work in, and a home with the collection as it is published."""

    def __init__(self, base: pathlib.Path, installed: pathlib.Path) -> None:
        self.home, self.cwd = base / "home", base / "work"
        (self.home / ".ansible").mkdir(parents=True)
        (self.home / ".ansible" / "collections").symlink_to(installed)
        self.cwd.mkdir()

    def run(
        self, command: str, cwd: pathlib.Path | None = None, code: int = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        settings = {name: value for name, value in scans.environment().items() if not name.startswith("ANSIBLE_")}
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=cwd or self.cwd,
            env={**settings, "HOME": str(self.home), "ANSIBLE_NOCOLOR": "1", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture
def site(tmp_path: pathlib.Path, installed: pathlib.Path) -> Site:
    return Site(tmp_path, installed)


def context(site: Site, definition: str) -> tuple[pathlib.Path, str]:
    """Make the context of a definition, and return the directory that is copied to the image, and the instructions."""
    (site.cwd / "execution-environment.yml").write_text(definition, encoding="utf-8")
    site.run(CREATE.text)
    made = site.cwd / "context"
    return made / "_build", (made / "Containerfile").read_text(encoding="utf-8")


def follow(site: Site, definition: str, server: galaxy.Galaxy) -> tuple[list[str], list[str]]:
    """Do what the instructions do for collection and requirements: return the packages of Python, and the system's."""
    build, instructions = context(site, definition)
    (install,) = re.findall(r"^RUN (.*ansible-galaxy collection install .*)$", instructions, re.M)
    to = site.cwd / "image"
    install = install.replace("/usr/share/ansible/collections", str(to))
    # an image has no home with collections in it
    nothing = {"HOME": str(build), "ANSIBLE_GALAXY_CLI_COLLECTION_OPTS": ""}
    site.run(install, cwd=build, ANSIBLE_GALAXY_SERVER=server.url, **nothing)
    assert (to / "ansible_collections" / "rke" / "cis" / "MANIFEST.json").exists()
    (introspect,) = re.findall(r"^RUN \$PYCMD /output/(scripts/introspect.py introspect .*)$", instructions, re.M)
    introspect = introspect.replace("/tmp/src", str(site.cwd))
    site.run(f"{sys.executable} {introspect} {shlex.quote(str(to))}", cwd=build)
    python, system = (site.cwd / name for name in ("requirements.txt", "bindep.txt"))
    return python.read_text(encoding="utf-8").splitlines(), system.read_text(encoding="utf-8").splitlines()


def wanted() -> list[str]:
    """Return what meta/ names."""
    text = (scans.ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def check(packages: tuple[list[str], list[str]]) -> None:
    python, system = packages
    assert [line.partition("  #")[0] for line in python] == wanted()
    assert [line.split()[0] for line in system] == ["openssh-clients"]


def test_image(site: Site, tarball: pathlib.Path) -> None:
    server = galaxy.Galaxy(tarball)
    try:
        check(follow(site, ONLINE.text, server))
    finally:
        server.stop()


def test_image_without_the_internet(site: Site, tarball: pathlib.Path) -> None:
    about = yaml.safe_load(OFFLINE.text)
    (collection,) = about["dependencies"]["galaxy"]["collections"]
    assert pathlib.Path(collection["name"]).name == tarball.name
    shutil.copy(tarball, site.cwd)
    (site.cwd / "mirror.repo").write_text("[mirror]\n", encoding="utf-8")
    server = galaxy.Galaxy()
    try:
        check(follow(site, OFFLINE.text, server))
        assert server.asked == []
    finally:
        server.stop()
    instructions = (site.cwd / "context" / "Containerfile").read_text(encoding="utf-8")
    places = [instructions.index(words) for words in ("mirror.repo", "PIP_INDEX_URL", "RUN $PKGMGR", "-m pip install")]
    assert places == sorted(places), instructions


def test_both_images_differ_in_where_things_come_from(site: Site) -> None:
    online, offline = yaml.safe_load(ONLINE.text), yaml.safe_load(OFFLINE.text)
    for key in ("python_interpreter", "ansible_core", "ansible_runner", "system"):
        assert online["dependencies"][key] == offline["dependencies"][key]


def test_requirements_as_shown(site: Site) -> None:
    documented.check_shown(INTROSPECT.output, site.run(INTROSPECT.text).stdout)


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("fail", 2)])
def test_navigator(fail_on: str, code: int, site: Site) -> None:
    pytest.importorskip("ansible_navigator", reason="it is not made for this Python")
    shutil.copytree(scans.PRACTICE, site.cwd, dirs_exist_ok=True)
    (site.cwd / "ansible.cfg").write_text("[defaults]\ncallbacks_enabled = rke.cis.cis_summary\n", encoding="utf-8")
    variables = " -e " + shlex.quote(json.dumps({"cis_scan_fail_on": [fail_on]}))
    assert IN_A_CONTAINER in NAVIGATE.text
    said = site.run(NAVIGATE.text.replace(IN_A_CONTAINER, "--ee false") + variables, code=code)
    report = _report(site.cwd)

    site.run("ansible-playbook -i inventory.yml rke.cis.cis_scan -e cis_report_dir=other" + variables, code=code)
    (other,) = site.cwd.glob("other/practice/*/report.json")
    theirs = json.loads(other.read_text(encoding="utf-8"))
    # a scan's name is its time
    assert report.pop("scan").keys() == theirs.pop("scan").keys()
    assert report == theirs

    artifact = json.loads((site.cwd / "scan.json").read_text(encoding="utf-8"))
    assert artifact["status"] == ("successful" if code == 0 else "failed")
    assert any(line.startswith("cluster practice (97 controls)") for line in artifact["stdout"])
    results = [task.get("res") or {} for play in artifact["plays"] for task in play["tasks"]]
    (published,) = [result["ansible_stats"] for result in results if "ansible_stats" in result]
    summary = published["data"]["cis_summary"]
    assert summary["cluster"] == "practice"
    assert [summary[key] for key in scans.COUNTS] == [report[key] for key in scans.COUNTS]

    again = site.run("ansible-navigator replay scan.json --ee false -m stdout")
    assert "cluster practice (97 controls)" in said.stdout
    assert again.stdout.split() == said.stdout.split()


def _report(directory: pathlib.Path) -> dict[str, t.Any]:
    (path,) = directory.glob("cis-reports/practice/*/report.json")
    return json.loads(path.read_text(encoding="utf-8"))
