# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CONTRIBUTING.md followed literally in a clone, and what GitHub reads of the repository."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess

import awx_jobs
import galaxy
import pytest
import yaml
from documented import Page
from scans import ROOT


class Contributor:
    """Who follows the page. Their git finds the repository here; their .venv would be made from the same pins."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.cwd = directory
        origin = awx_jobs.repository(galaxy.staged(directory / "origin"))
        (directory / "home").mkdir()
        who = {f"GIT_{role}_{what}": "c@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        self.env = awx_jobs.environment(
            HOME=str(directory / "home"),
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0=f"url.{origin}.insteadOf",
            GIT_CONFIG_VALUE_0="https://github.com/rke-cis/rke.cis.git",
            **who,
        )

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        where = self.cwd
        if command.startswith("cd "):
            self.cwd = where / command[3:]
        return awx_jobs.run(["bash", "-c", command], cwd=where, env=self.env, timeout=300)

    def write(self, path: str, text: str) -> None:
        (self.cwd / path).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page after its set-up."""
    who = Contributor(tmp_path_factory.mktemp("contributor"))
    page = Page("CONTRIBUTING.md", who)
    page.run("git clone")
    page.run("cd ")
    (who.cwd / ".venv").symlink_to(ROOT / ".venv")
    (who.cwd / ".cache").mkdir()
    (who.cwd / ".cache" / "awx").symlink_to(ROOT / ".cache" / "awx")
    page.run("make venv")
    page.run("make hooks")
    page.run("make help")
    return page


def test_add_a_control(page: Page) -> None:
    who, text = page.reader, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (library,) = re.findall(r"^1\. Add the check to `(\S+)`:$", text, re.M)
    check = page.take("contention-profiling:\n", "yaml").text
    who.write(library, (who.cwd / library).read_text(encoding="utf-8") + "\n" + check)
    (benchmark,) = re.findall(r"^2\. Write the index to `(\S+)`:$", text, re.M)
    page.save("id: rke-cis-1.9", benchmark)
    (cases,) = re.findall(r"^3\. Add cases to `(\S+)`, under `FLAGS`", text, re.M)
    head, line, tail = (who.cwd / cases).read_text(encoding="utf-8").partition("FLAGS: dict[")
    first, _newline, rest = tail.partition("\n")
    who.write(cases, head + line + first + "\n" + page.take("--contention-profiling=off", "python").text + rest)

    assert re.search(r"^\d+ passed, \d+ deselected in .*s\b", page.run("make unit"), re.M)

    page.run("make scan")
    (where,) = who.cwd.glob("cis-reports/practice/*Z-*")
    report = json.loads((where / "report.json").read_text("utf-8"))
    (check,) = report["results"][0]["checks"]
    assert (check["id"], check["state"], check["failed_nodes"]) == ("1.4.3", "fail", ["cp1"])
    assert "docker top kube-scheduler" in (where / "self_assessment.md").read_text("utf-8")

    (fragment,) = re.findall(r"in `(changelogs/fragments/)`, such as `(\S+)`", text)
    page.save("bugfixes:", "".join(fragment))
    page.run("git checkout")
    page.run("git add plugins tests")
    assert who.run("git add changelogs").returncode == 0
    page.run("git commit")
    committed = who.run("git show --stat --format=%s").stdout
    for path in (benchmark, library, cases, "".join(fragment)):
        assert path.rpartition("/")[2] in committed
    assert page.left == []


def test_a_commit_that_the_checks_do_not_pass_is_refused(page: Page) -> None:
    who = page.reader
    who.write("tests/bad.py", "import os\n")
    assert who.run("git add tests/bad.py").returncode == 0
    refused = who.run("git commit --message wrong")
    assert refused.returncode == 1
    hooks = dict(re.findall(r"^(\w.*?)\.{3,}(?:\(.*\))?(\w+)$", refused.stderr, re.M))
    assert hooks["format and style of Python"] == "Failed"
    assert hooks["copyright and license of each file"] == "Failed"
    assert hooks["style of YAML"] == "Skipped"
    assert "tests/bad.py" in who.run("git diff --cached --name-only").stdout
    assert who.run("git rm --quiet -f tests/bad.py").returncode == 0


def test_every_task_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tasks = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.M)
    assert set(phony.split()) == tasks
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    # parts of other tasks
    assert set(re.findall(r"^make (\S+) +\S", helped, re.M)) == tasks - {"run-venv", "unit-venv", "rest"}


def test_github_runs_what_ci_runs() -> None:
    """`make lint` holds the file against GitHub's schema."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    # YAML 1.1 reads a bare `on` as a boolean; so it is in quotes there
    assert set(workflow["on"]) == {"push", "pull_request", "schedule"}
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    assert set(jobs) == {"check", "sanity", "units", "integration"}
    runs = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    assert (runs["check"], runs["integration"]) == (["make test"], [".ci/run"])
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    cores = {path.stem.rpartition("-")[2] for path in (ROOT / "tests").glob("requirements-core-*.txt")}
    assert set(jobs["sanity"]["strategy"]["matrix"]["core"]) >= cores
    for job in jobs.values():
        for step in job["steps"]:
            assert "run" in step or re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])
