# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects and jobs of AWX: this repository as a project, one of a user's own, and scans as jobs run them."""

from __future__ import annotations

import concurrent.futures
import pathlib
import re
import textwrap
import typing as t

import awx_jobs
import galaxy
import jinja2.sandbox
import pytest
import scans
import yaml
from awx_jobs import Project, job
from conftest import with_api
from controller import Controller, controller, given, set_up
from receivers import closed_port
from test_awx import ANSWERS
from test_cluster_yml import SSH_CONFIG, cluster_yml
from testbed import Testbed

GUIDE = scans.ROOT / "docs" / "docsite" / "rst" / "awx.rst"
SCAN = "playbooks/cis_scan.yml"
# A variable of the job template: in place of nodes, a path in the project.
PRACTICE = {"cis_scan_replay_dir": "playbooks/practice/evidence"}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """This repository, with the files as they are now."""
    return awx_jobs.repository(galaxy.staged(tmp_path_factory.mktemp("origin")))


@pytest.fixture(scope="module")
def project(origin: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(origin, tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def practice(project: Project) -> dict[str, t.Any]:
    return project.inventory("playbooks/practice/inventory.yml")


# ----------------------------------------------------------------------------------- this repository as a project


@pytest.mark.parametrize("core", ["2.16", "", "2.21"], ids=["2.16", "of .venv", "2.21"])
def test_an_update_installs_the_collection_of_its_own_revision(
    core: str, origin: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    where = scans.ROOT / ".cache" / f"venv-core-{core}" / "bin" if core else awx_jobs.BIN
    if not (where / "ansible-galaxy").exists():
        pytest.skip(f"there is no environment with ansible-core {core}; make sanity makes it where its Python exists")
    updated = Project(origin, tmp_path, where)
    assert "rke.cis:1.0.0 was installed successfully" in updated.update.stdout
    (installed,) = updated.collections.glob("ansible_collections/*/*/")
    for part in ("meta", "playbooks", "plugins", "roles"):
        files = [path for path in (updated.path / part).rglob("*") if path.is_file()]
        assert files and all(
            path.read_bytes() == (installed / path.relative_to(updated.path)).read_bytes() for path in files
        )
    assert not {".git", ".github", ".venv", ".cache", "collections"} & {path.name for path in installed.iterdir()}


def test_the_playbooks_are_offered_and_nothing_else(project: Project) -> None:
    books = {f"playbooks/{path.name}" for path in (scans.ROOT / "playbooks").glob("*.yml")}
    assert SCAN in books
    assert project.playbooks() == books


def test_what_the_documentation_names_is_offered(project: Project) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    named = set(re.findall(r"``(playbooks/\w+\.yml)``", text))
    assert named and named <= project.playbooks()
    assert f"``cis_scan_replay_dir: {PRACTICE['cis_scan_replay_dir']}``" in text
    assert "``playbooks/practice/inventory.yml``" in text


# ------------------------------------------------------------------------------------------------- answers, results


@pytest.fixture(scope="module")
def awx(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Controller]:
    """An AWX that was set up with as little as there can be, and a notification."""
    with controller() as awx:
        given(awx)
        variables = {
            "cis_awx_cluster": "prod",
            "cis_awx_block": {"enabled": True},
            "cis_awx_project": "given",
            "cis_awx_inventory": "given",
            "cis_awx_notifications": [
                {"name": "hook", "type": "webhook", "configuration": {"url": "https://hook.example"}}
            ],
        }
        outcome = set_up(tmp_path_factory.mktemp("little"), awx, variables)
        assert outcome.code == 0, outcome.out
        yield awx


def notification(awx: Controller, job: dict[str, t.Any]) -> str:
    """Return what AWX makes of the message that tells of a failed job."""
    message = awx.one("notification_templates")["messages"]["error"]["message"]
    template = jinja2.sandbox.ImmutableSandboxedEnvironment().from_string(message)
    return template.render(job={"name": "CIS scan prod", **job}, url="https://awx/7")


def test_the_defaults_of_the_survey_ask_for_the_scan_that_is_run_without_any(
    project: Project, practice: dict[str, t.Any], awx: Controller, tmp_path: pathlib.Path
) -> None:
    answers = {
        question["variable"]: question["default"].splitlines()
        if question["type"] == "multiselect"
        else question["default"]
        for survey in awx.surveys.values()
        for question in survey["spec"]
    }
    assert answers["cis_scan_skip"] == ""
    # an inventory that does not say how it is scanned
    variables = {"cis_scan_cluster": "practice", "cis_scan_replay_dir": str(scans.ROOT / "playbooks/practice/evidence")}
    inventory = {**practice, "all": {**practice["all"], "vars": variables}}
    done = job(tmp_path / "job", project, SCAN, inventory, answers)
    profile = {"cis_scan_profile": answers["cis_scan_profile"]}
    plain = scans.playbook(tmp_path / "plain", scans.SCAN, tmp_path / "job" / "inventory" / "hosts", profile)
    assert (done.code, done.status) == (plain.code, "successful") == (0, "successful"), done.out
    ours, theirs = done.report, plain.report
    assert ours["scan"]["by"] == "alice"
    for report in (ours, theirs):
        assert report["scan"].pop("name") and report["scan"].pop("by")
    assert ours == theirs
    assert {path.name for path in done.where.iterdir()} == {path.name for path in plain.where.iterdir()}
    assert done.where.name.endswith("-job7")
    # the callback of the collection, found and enabled by what AWX makes of the project's ansible.cfg
    assert plain.summary.partition("\nReports\n")[0].strip() in done.out


def test_a_scheduled_scan_that_fails_leaves_its_results(
    project: Project, practice: dict[str, t.Any], awx: Controller, tmp_path: pathlib.Path
) -> None:
    answers = {**PRACTICE, **ANSWERS, "cis_scan_profile": scans.HARDENED}  # whose ids the answers skip
    done = job(tmp_path, project, SCAN, practice, answers, "scheduled")
    assert (done.code, done.status) == (2, "failed"), done.out
    (failure,) = set(done.failures)
    report = done.report
    assert report["fail"] > 0
    first, *gates = failure.splitlines()
    assert f"{report['fail']} of {report['total']} controls fail, " in first
    assert [gate.split(":")[0] for gate in gates] == ["fail"]
    assert report["profile"] == "RKE-CIS-1.4-Hardened"
    assert (report["scan"]["kind"], report["scan"]["by"]) == ("scheduled", "nightly")
    skipped = [check["id"] for group in report["results"] for check in group["checks"] if check["state"] == "skip"]
    assert skipped == ["1.1.2", "1.1.5"]
    assert (done.where / "report.html").exists() and done.where.name.endswith("-scheduled-job7")
    (summary,) = done.artifacts.values()
    assert list(done.artifacts) == ["cis_summary_7"]
    assert [summary[key] for key in scans.COUNTS] == [report[key] for key in scans.COUNTS]
    assert summary["csv"] == (done.where / "report.csv").read_text("utf-8")
    assert max(done.sizes) < 100_000
    assert notification(awx, {"status": done.status, "artifacts": done.artifacts}) == (
        f"CIS scan prod: failed, {report['fail']} of {report['total']} controls fail, "
        f"{summary['unexamined_controls']} could not be examined https://awx/7"
    )


def test_a_notification_of_a_job_that_could_not_start(awx: Controller) -> None:
    assert notification(awx, {"status": "error", "artifacts": {}}) == "CIS scan prod: error https://awx/7"


@pytest.mark.parametrize(
    "answers, code",
    [
        # nothing chosen
        ({"cis_scan_skip": "", "cis_scan_skip_source": "", "cis_report_formats": [], "cis_scan_fail_on": []}, 0),
        # a survey of one's own, with texts
        (
            {
                "cis_scan_only": "",
                "cis_scan_skip": "",
                "cis_scan_skip_source": "",
                "cis_report_formats": "",
                "cis_scan_fail_on": "",
                "cis_scan_thresholds": "",
            },
            0,
        ),
        (
            {
                "cis_scan_skip": " 1.1.2, 1.1.5 ",
                "cis_report_formats": "csv, html",
                "cis_scan_fail_on": "error, new",
                "cis_scan_thresholds": "compliance.min=0, failed.total.max=0",
            },
            2,
        ),
    ],
)
def test_answers_may_be_texts_and_empty(
    project: Project, practice: dict[str, t.Any], tmp_path: pathlib.Path, answers: dict[str, t.Any], code: int
) -> None:
    given_answers = {"cis_scan_profile": "RKE-CIS-1.4-Permissive", **answers}
    done = job(tmp_path, project, SCAN, practice, {**PRACTICE, **given_answers})
    assert done.code == code, done.out
    assert done.report["scan"]["kind"] == "manual"
    assert (done.where / "report.html").exists() == ("html" in answers["cis_report_formats"])
    assert done.report["skip"] == (17 if answers["cis_scan_skip"] else 15)


def test_a_node_that_cannot_be_reached_fails_the_job_after_its_report(project: Project, tmp_path: pathlib.Path) -> None:
    host = {"ansible_host": "127.0.0.1", "ansible_port": closed_port()}
    inventory = {"worker": {"hosts": ["worker1"]}, "_meta": {"hostvars": {"worker1": host}}}
    done = job(tmp_path, project, SCAN, inventory, {"cis_scan_fail_on": ["unreachable"]})
    assert (done.code, done.status) == (2, "failed"), done.out
    (failure,) = set(done.failures)
    assert "nothing was seen of worker1" in failure
    assert [event["host"] for event in done.data("runner_on_unreachable")] == ["worker1"]
    assert done.artifacts["cis_summary_7"]["unexamined_nodes"] == ["worker1"]


# ------------------------------------------------------------------------------------------- slices and their merge

MERGE = "playbooks/cis_merge.yml"
WRITTEN = ["csv", "html", "junit", "markdown", "prometheus", "sarif", "self_assessment"]


def test_slices_at_once_merge_to_the_report_of_a_scan_without_slices(
    project: Project, practice: dict[str, t.Any], tmp_path: pathlib.Path
) -> None:
    """On one report directory. One of the slices has no node, but the host that reports are copied to."""
    inventory = {
        **practice,
        "all": {**practice["all"], "vars": {"cis_scan_cluster": "practice"}},
        "ungrouped": {"hosts": ["reports"]},
    }
    variables = {
        "cis_scan_replay_dir": str(scans.PRACTICE / "evidence"),
        "cis_report_formats": WRITTEN,
        "cis_notify_notifiers": {"hook": {"type": "webhook", "url": f"http://127.0.0.1:{closed_port()}/"}},
        "cis_notify_rules": [{"name": "done", "on": "completed"}],
        "cis_notify_retries": 0,
        "cis_report_dir": str(tmp_path / "reports"),
    }

    def part(number: int) -> awx_jobs.Job:
        told = {**variables, "cis_scan_partial": True, "awx_workflow_job_id": 5}
        sliced = awx_jobs.slice_of(inventory, number, 4)
        return job(tmp_path / f"slice{number}", project, SCAN, sliced, told, number=10 + number)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        parts = list(pool.map(part, range(1, 5)))
    assert [done.code for done in parts] == [0] * 4, "".join(done.out for done in parts)
    assert not any("NOT SENT" in done.out for done in parts)
    directories = sorted((tmp_path / "reports" / "practice").iterdir())
    assert len(directories) == 4
    assert all({one.name for one in path.iterdir()} == {"evidence", "partial.json"} for path in directories)

    merged = job(tmp_path / "merge", project, MERGE, inventory, variables, number=20)
    assert len(list((tmp_path / "reports" / "practice").glob("*-job20"))) == 1, merged.out
    (where,) = (tmp_path / "reports" / "practice").glob("*-job20")
    assert "NOT SENT: done" in merged.out  # once, to what does not listen
    assert merged.artifacts["cis_summary_20"]["report"] == str(where / "report.json")

    variables["cis_report_dir"] = str(tmp_path / "whole")
    whole = job(tmp_path / "unsliced", project, SCAN, inventory, variables, number=30)
    assert merged.code == whole.code == 2
    told = [[failure.partition("; report ")[0] for failure in done.failures] for done in (merged, whole)]
    assert told[0] == told[1]
    (expected,) = (tmp_path / "whole" / "practice").glob("*-job30")
    names = sorted(path.name for path in expected.iterdir() if path.is_file())
    assert len(names) == 9 and names == sorted(path.name for path in where.iterdir() if path.is_file())
    for name in [*names, "evidence/cluster.json", "evidence/node-cp1.json"]:
        text = (expected / name).read_text(encoding="utf-8")
        assert (where / name).read_text(encoding="utf-8") == text.replace(expected.name, where.name), name

    # without the slice that had worker1
    some = [str(path) for path in directories if not (path / "evidence" / "node-worker1.json").exists()]
    assert len(some) == 3
    lacking = scans.playbook(
        tmp_path / "lacking",
        scans.ROOT / MERGE,
        tmp_path / "merge" / "inventory" / "hosts",
        {"cis_scan_partials": some, "cis_scan_cluster": "practice", "cis_report_formats": []},
    )
    assert "nothing was seen of worker1" in lacking.failure()
    assert list(lacking.report["node_errors"]) == ["worker1"]
    assert "no part of the scan has worker1" in lacking.report["warnings"]


# ------------------------------------------------------------------------------------- a project of a user's own


def test_a_project_of_ones_own(
    origin: pathlib.Path, default: Testbed, scan_default: scans.Outcome, tmp_path: pathlib.Path
) -> None:
    """The files of the documentation, with a cluster.yml beside them, and nodes that are really asked."""
    files = documented_project()
    repository = tmp_path / "repository"
    for name, text in files.items():
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(text, encoding="utf-8")
    # where the documentation's git server is
    (entry,) = yaml.safe_load(files["collections/requirements.yml"])["collections"]
    cluster_yml(repository / "prod" / "cluster.yml", default, list(default.addresses))
    awx_jobs.repository(repository)
    updated = Project(repository, tmp_path / "project", instead={entry["name"]: origin})
    assert updated.playbooks() == {"cis_scan.yml"}
    inventory = updated.inventory("clusters.yml")
    # AWX's credential of type Machine; how the test bed is reached
    (tmp_path / "ssh_config").write_text(SSH_CONFIG, encoding="utf-8")
    ssh = {"ANSIBLE_SSH_ARGS": f"-F {tmp_path}/ssh_config"}
    variables = with_api(default, cis_scan_profile=scans.HARDENED)
    done = job(tmp_path / "job", updated, "cis_scan.yml", inventory, variables, bed=default, **ssh)
    assert done.code == scan_default.code, done.out
    report = done.report
    assert report["cluster"] == "prod"
    assert [report[key] for key in scans.COUNTS] == list(scan_default.counts)
    assert report["nodes"] == scan_default.report["nodes"]
    assert "cluster prod (97 controls)" in done.out
    assert {"playbook_on_start", "runner_on_ok", "playbook_on_stats"} <= {event["event"] for event in done.events}
    assert max(done.sizes) < 100_000


def documented_project() -> dict[str, str]:
    """Return the files of a project that the documentation shows: each block begins with the name of its file."""
    text = GUIDE.read_text(encoding="utf-8")
    blocks = re.findall(r"^\.\. code-block:: (?:yaml|ini)\n\n   # (\S+)\n((?:   .*\n|\n)+)", text, re.M)
    files = {name: textwrap.dedent(block) for name, block in blocks if name.endswith((".yml", ".cfg"))}
    assert set(files) == {"cis_scan.yml", "collections/requirements.yml", "clusters.yml", "ansible.cfg"}
    return files
