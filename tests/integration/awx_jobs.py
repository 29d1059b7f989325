# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX does between a git repository and a job's output, with the commands that it runs, but without AWX itself.

An update of the project clones it and lets ansible-galaxy install its collections/requirements.yml. An update of the
inventory runs ansible-inventory. A job runs ansible-runner in a private data directory, with variables and environment
that AWX makes, and AWX keeps its events.
"""

from __future__ import annotations

import configparser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import typing as t

import scans

BIN = pathlib.Path(sys.executable).parent
# What AWX puts behind a project's own directories of collections.
BEHIND = ["~/.ansible/collections", "/usr/share/ansible/collections"]


def run(command: list[t.Any], bed: t.Any = None, **keywords: t.Any) -> subprocess.CompletedProcess[str]:
    """Run a command, in the test bed's network if one is given."""
    keywords = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 120, **keywords}
    command = [str(word) for word in command]
    return bed.run(command, **keywords) if bed else subprocess.run(command, text=True, check=False, **keywords)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of an execution environment: nothing of Ansible's is set."""
    return {name: value for name, value in scans.environment().items() if not name.startswith("ANSIBLE_")} | more


def repository(directory: pathlib.Path) -> pathlib.Path:
    """Make a git repository of a directory, with all that is in it committed."""
    git = ["git", "-C", directory, "-c", "user.name=tests", "-c", "user.email=tests@example.com"]
    for command in ("init --quiet", "add --all", "commit --quiet --message initial", "branch --move --force main"):
        done = run([*git, *command.split()])
        assert done.returncode == 0, done.stdout + done.stderr
    return directory


class Project:
    """A project of AWX, updated: the clone, and beside it the collections that it asks for."""

    def __init__(
        self,
        origin: pathlib.Path,
        directory: pathlib.Path,
        bin_directory: pathlib.Path = BIN,
        instead: dict[str, pathlib.Path] | None = None,
    ) -> None:
        """Update; `instead` has, for addresses of git repositories that cannot be reached here, those that can."""
        self.path, self.collections = directory / "project", directory / "requirements_collections"
        done = run(["git", "clone", "--quiet", origin, self.path])
        assert done.returncode == 0, done.stderr
        galaxy = [bin_directory / "ansible-galaxy", "collection", "install", "-r"]
        # no server answers: what is installed here needs none
        nowhere = {"ANSIBLE_GALAXY_SERVER_LIST": "none", "ANSIBLE_GALAXY_SERVER_NONE_URL": "http://127.0.0.1:9/"}
        env = environment(ANSIBLE_COLLECTIONS_PATH=str(self.collections), **nowhere)
        for number, (address, path) in enumerate((instead or {}).items()):
            env["GIT_CONFIG_COUNT"] = str(number + 1)
            env[f"GIT_CONFIG_KEY_{number}"], env[f"GIT_CONFIG_VALUE_{number}"] = f"url.{path}.insteadOf", address
        self.update = run([*galaxy, self.path / "collections" / "requirements.yml"], cwd=self.path, env=env)
        assert self.update.returncode == 0, self.update.stdout + self.update.stderr

    def _settings(self) -> t.Mapping[str, str]:
        """The part of the project's ansible.cfg that AWX reads."""
        parser = configparser.ConfigParser()
        parser.read(self.path / "ansible.cfg")
        return parser["defaults"] if parser.has_section("defaults") else {}

    def environment(self, collections: pathlib.Path) -> dict[str, str]:
        """Return what AWX derives of the project for the environment of a job."""
        settings, behind = self._settings(), list(BEHIND)
        if "collections_path" in settings:
            behind.insert(0, settings["collections_path"])
        callbacks = ["indirect_instance_count", *filter(None, [settings.get("callbacks_enabled")])]
        return {
            "ANSIBLE_COLLECTIONS_PATH": ":".join([str(collections), *behind]),
            "ANSIBLE_CALLBACKS_ENABLED": ",".join(callbacks),
        }

    def playbooks(self) -> set[str]:
        """Return what AWX offers as playbooks of job templates.

        These are YAML files with a line that begins a play or imports a playbook, whatever its indentation; but not in
        directories of roles, tasks or variables, and not where a name on the way begins with a dot.
        """
        line = re.compile(r"\s*-?\s*(hosts|include|(ansible\.builtin\.)?import_playbook):")
        found = set()
        for path in self.path.rglob("*.y*ml"):
            *parents, _name = path.relative_to(self.path).parts
            hidden = any(part.startswith(".") for part in parents)
            if hidden or {"roles", "tasks", "group_vars", "host_vars"}.intersection(parents):
                continue
            if path.suffix in (".yml", ".yaml") and any(map(line.match, path.read_text(encoding="utf-8").splitlines())):
                found.add(str(path.relative_to(self.path)))
        return found

    def inventory(self, source: str) -> dict[str, t.Any]:
        """Return what AWX keeps of an inventory file of the project."""
        env = environment(ANSIBLE_INVENTORY_UNPARSED_FAILED="true", **self.environment(self.collections))
        done = run([BIN / "ansible-inventory", "-i", source, "--list", "--export"], cwd=self.path, env=env)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


class Job:
    """A job that has run, by what AWX has of it."""

    def __init__(self, directory: pathlib.Path, code: int, number: int) -> None:
        artifacts = directory / "artifacts" / str(number)
        events = [json.loads(path.read_text("utf-8")) for path in (artifacts / "job_events").glob("*.json")]
        self.code = code
        self.status = (artifacts / "status").read_text("utf-8")
        self.project = directory / "project"
        self.sizes = [path.stat().st_size for path in (artifacts / "job_events").glob("*.json")]
        self.events = sorted(events, key=lambda event: event["counter"])
        # AWX shows the output from the events
        self.out = re.sub(r"\x1b\[[0-9;]*m", "", "".join(event["stdout"] + "\n" for event in self.events))

    def data(self, kind: str) -> list[dict[str, t.Any]]:
        """Return what is told with each event of a kind."""
        return [event["event_data"] for event in self.events if event["event"] == kind]

    @property
    def artifacts(self) -> dict[str, t.Any]:
        (stats,) = self.data("playbook_on_stats")
        return stats["artifact_data"]

    @property
    def where(self) -> pathlib.Path:
        """The directory of the scan."""
        (found,) = (self.project / "cis-reports").glob("*/*Z-*")
        return found

    @property
    def report(self) -> dict[str, t.Any]:
        return json.loads((self.where / "report.json").read_text("utf-8"))

    @property
    def failures(self) -> list[str]:
        return [failed["res"]["msg"] for failed in self.data("runner_on_failed")]


def slice_of(inventory: dict[str, t.Any], number: int, count: int) -> dict[str, t.Any]:
    """Return what AWX gives of an inventory to a slice of a job: hosts in turn, and groups without all others."""
    meta = inventory["_meta"]["hostvars"]
    groups = {name: group for name, group in inventory.items() if name != "_meta"}
    hosts = sorted({*meta, *(host for group in groups.values() for host in group.get("hosts", []))})[
        number - 1 :: count
    ]
    cut = {
        name: {**group, **({"hosts": [host for host in group["hosts"] if host in hosts]} if "hosts" in group else {})}
        for name, group in groups.items()
    }
    return {**cut, "_meta": {"hostvars": {host: meta[host] for host in hosts if host in meta}}}


def job(
    directory: pathlib.Path,
    project: Project,
    playbook: str,
    inventory: dict[str, t.Any],
    variables: dict[str, t.Any],
    launch_type: str = "manual",
    bed: t.Any = None,
    number: int = 7,
    **env: str,
) -> Job:
    """Run a playbook of a project, started by a user, or by a schedule."""
    shutil.copytree(project.path, directory / "project", symlinks=True)
    shutil.copytree(project.collections, directory / "requirements_collections")
    for name in ("env", "inventory", "cp"):
        (directory / name).mkdir()
    # AWX writes its inventory as a program that prints it
    hosts = directory / "inventory" / "hosts"
    hosts.write_text(f"#!/usr/bin/env python3\nprint({json.dumps(inventory)!r})\n", encoding="utf-8")
    hosts.chmod(0o700)
    told: dict[str, t.Any] = {
        "job_id": number,
        "job_template_name": "CIS scan prod",
        "job_launch_type": launch_type,
        "inventory_name": "RKE prod",
        "project_revision": run(["git", "-C", project.path, "rev-parse", "HEAD"]).stdout.strip(),
        **({"schedule_name": "nightly"} if launch_type == "scheduled" else {"user_name": "alice"}),
    }
    extra = {**variables, **{f"{who}_{name}": value for who in ("awx", "tower") for name, value in told.items()}}
    envvars = {
        "ANSIBLE_FORCE_COLOR": "true",
        "ANSIBLE_HOST_KEY_CHECKING": "false",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(directory / "cp"),
        "AWX_HOST": "https://awx.example.com",
        "INVENTORY_ID": "3",
        "JOB_ID": str(number),
        "MAX_EVENT_RES": "700000",
        **project.environment(directory / "requirements_collections"),
        **env,
    }
    for name, value in (("extravars", extra), ("envvars", envvars), ("settings", {"suppress_ansible_output": True})):
        (directory / "env" / name).write_text(json.dumps(value), encoding="utf-8")
    command = [BIN / "ansible-runner", "run", directory, "--ident", str(number), "-p", playbook, "--cmdline", "-u root"]
    done = run(command, bed, cwd=directory, env=environment(HOME=os.environ["HOME"]))
    return Job(directory, done.returncode, number)
