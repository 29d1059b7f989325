# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting up AWX, with the real modules of awx.awx and a stand-in for AWX (controller.py)."""

from __future__ import annotations

import copy
import json
import pathlib
import re
import typing as t

import pytest
import scans
from controller import HIDDEN, Controller, controller, given, set_up
from receivers import closed_port

PASSWORD = "CANARYpassword"
MAIL = {
    "host": "mail.example.com",
    "port": 587,
    "username": "cis",
    "password": PASSWORD,
    "use_tls": True,
    "use_ssl": False,
    "sender": "cis@example.com",
    "recipients": ["ops@example.com"],
}
CLUSTER_YML = """
nodes: []
secret: CANARYcluster
scheduled_cluster_scan:
  enabled: true
  scan_config:
    cis_scan_config:
      profile: hardened
      override_skip: ["1.1.2", "1.1.5"]
  schedule_config:
    cron_schedule: 30 2 13 * fri
    retention: 5
"""
# Project and inventory are there already.
LITTLE: dict[str, t.Any] = {
    "cis_awx_cluster": "prod",
    "cis_awx_block": {"enabled": True},
    "cis_awx_project": "given",
    "cis_awx_inventory": "given",
}
ANSWERS = {
    "cis_scan_profile": "hardened",
    "cis_scan_only": "level=1",
    "cis_scan_skip": "1.1.2,1.1.5",
    "cis_scan_skip_source": "variable",
    "cis_report_formats": ["csv", "html"],
    "cis_scan_fail_on": ["fail"],
}


def changed(outcome: scans.Outcome) -> int:
    return int(re.findall(r"changed=(\d+)", outcome.out)[-1])


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory,
) -> t.Iterator[tuple[Controller, dict[str, t.Any], list[scans.Outcome]]]:
    """All that can be made, made twice; with the most that Ansible prints."""
    directory = tmp_path_factory.mktemp("awx")
    (directory / "cluster.yml").write_text(CLUSTER_YML, encoding="utf-8")
    variables = {
        "cis_awx_cluster": "prod",
        "cis_awx_cluster_file": str(directory / "cluster.yml"),
        "cis_awx_timezone": "Europe/Berlin",
        "cis_awx_project_url": "https://git.example.com/scans.git",
        "cis_awx_inventory_path": "clusters.yml",
        "cis_awx_execution_environment": "rke.cis",
        "cis_awx_credentials": ["nodes"],
        "cis_awx_become": True,
        "cis_awx_formats": ["csv", "html"],
        "cis_awx_only": "level=1",
        "cis_awx_fail_on": ["fail"],
        "cis_awx_variables": {"cis_report_host": "reports.example.com"},
        "cis_awx_notifications": [
            {"name": "mail", "type": "email", "configuration": MAIL},
            {"name": "hook", "type": "webhook", "events": ["error"], "configuration": {"url": "https://hook.example"}},
        ],
    }
    with controller() as awx:
        verbose = {"ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1"}
        yield awx, variables, [set_up(directory, awx, variables, "-vvv", **verbose) for _time in range(2)]


def test_the_second_time_nothing_changes(whole: t.Any) -> None:
    _awx, _variables, (first, second) = whole
    assert (first.code, second.code) == (0, 0), first.out + second.out
    assert (changed(first), changed(second)) == (6, 0)


def test_what_is_made(whole: t.Any) -> None:
    awx: Controller = whole[0]
    template, project, inventory = awx.one("job_templates"), awx.one("projects"), awx.one("inventories")
    assert (project["scm_type"], project["scm_url"]) == ("git", "https://git.example.com/scans.git")
    source = awx.one("inventory_sources")
    assert (source["inventory"], source["source_project"]) == (inventory["id"], project["id"])
    assert (source["source"], source["source_path"], source["update_on_launch"]) == ("scm", "clusters.yml", True)
    assert (template["name"], template["playbook"]) == ("CIS scan prod", "cis_scan.yml")
    assert (template["project"], template["inventory"]) == (project["id"], inventory["id"])
    assert (template["become_enabled"], template["allow_simultaneous"]) == (True, False)
    assert awx.tables["execution_environments"][template["execution_environment"]]["name"] == "rke.cis"
    assert awx.linked("job_templates", template["id"], "credentials") == ["nodes"]
    assert json.loads(template["extra_vars"]) == {
        "cis_scan_cluster": "prod",
        "cis_report_keep": {"scheduled": 5},
        "cis_report_host": "reports.example.com",
    }


def test_the_survey_asks_for_what_differs_between_scans(whole: t.Any) -> None:
    awx: Controller = whole[0]
    (survey,) = awx.surveys.values()
    questions = {question["variable"]: question for question in survey["spec"]}
    assert list(questions) == list(ANSWERS)
    assert {question["type"] for question in questions.values()} == {"multiplechoice", "text", "multiselect"}
    assert questions["cis_scan_profile"]["default"] == "hardened"
    assert "RKE-CIS-1.4-Hardened" in questions["cis_scan_profile"]["choices"]
    assert questions["cis_report_formats"]["default"] == "csv\nhtml"
    assert "self_assessment" in questions["cis_report_formats"]["choices"]
    assert questions["cis_scan_fail_on"]["default"] == "fail"


def test_the_schedule_is_that_of_the_block(whole: t.Any) -> None:
    awx: Controller = whole[0]
    schedule = awx.one("schedules")
    assert schedule["unified_job_template"] == awx.one("job_templates")["id"]
    assert schedule["rrule"] == (
        "DTSTART;TZID=Europe/Berlin:20260101T000000"
        " RRULE:FREQ=DAILY;INTERVAL=1;BYMONTHDAY=13;BYHOUR=2;BYMINUTE=30"
        " RRULE:FREQ=DAILY;INTERVAL=1;BYDAY=FR;BYHOUR=2;BYMINUTE=30"
    )
    assert (schedule["enabled"], schedule["extra_data"]) == (True, ANSWERS)


def test_notifications_are_tied_to_their_events(whole: t.Any) -> None:
    awx: Controller = whole[0]
    template = awx.one("job_templates")["id"]
    told = {
        event: awx.linked("job_templates", template, f"notification_templates_{event}")
        for event in ("started", "success", "error")
    }
    assert {event: sorted(names) for event, names in told.items()} == {
        "started": [],
        "success": ["mail"],
        "error": ["hook", "mail"],
    }


def test_no_secret_is_where_it_can_be_read(whole: t.Any) -> None:
    awx: Controller = whole[0]
    assert "CANARY" not in json.dumps([awx.tables, awx.surveys])
    (mail,) = [item for item in awx.tables["notification_templates"].values() if item["name"] == "mail"]
    assert mail["notification_configuration"]["password"] == HIDDEN
    assert awx.secrets == {mail["id"]: {"password": PASSWORD}}


def test_a_new_password_is_sent_if_asked_for_and_a_disabled_block_takes_only_the_schedule_away(
    whole: t.Any, tmp_path: pathlib.Path
) -> None:
    awx, variables, _outcomes = copy.copy(whole)
    mail = {"name": "mail", "type": "email", "configuration": {**MAIL, "password": PASSWORD + "2"}}
    later = {**variables, "cis_awx_cluster_file": "", "cis_awx_block": {"enabled": False}}
    later.update(cis_awx_notifications=[mail], cis_awx_update_secrets=True, cis_awx_credentials=[])
    outcome = set_up(tmp_path, awx, later)
    assert outcome.code == 0, outcome.out
    assert list(awx.secrets.values()) == [{"password": PASSWORD + "2"}]
    assert awx.tables["schedules"] == {}
    template = awx.one("job_templates")["id"]
    assert awx.linked("job_templates", template, "notification_templates_error") == ["mail"]
    assert awx.linked("job_templates", template, "credentials") == ["nodes"]


def test_the_controller_of_ansible_automation_platform(tmp_path: pathlib.Path) -> None:
    with controller("/api/controller/", "Red Hat Ansible Automation Platform") as awx:
        given(awx)
        before = copy.deepcopy(awx.tables)
        prefix = {"CONTROLLER_OPTIONAL_API_URLPATTERN_PREFIX": "/api/controller/"}
        outcome = set_up(tmp_path, awx, LITTLE, **prefix)
        assert outcome.code == 0, outcome.out
        assert (
            awx.one("schedules")["rrule"] == "DTSTART:20260101T000000Z RRULE:FREQ=DAILY;INTERVAL=1;BYHOUR=0;BYMINUTE=0"
        )
        assert all(awx.tables[kind] == before[kind] for kind in ("projects", "inventories", "notification_templates"))


def test_slices_are_a_workflow_that_ends_with_their_merge(tmp_path: pathlib.Path) -> None:
    hook = {"name": "hook", "type": "webhook", "configuration": {"url": "https://hook.example"}}
    more = {"cis_awx_variables": {"cis_report_dir": "/srv/reports"}, "cis_awx_notifications": [hook]}
    with controller() as awx:
        given(awx)
        assert set_up(tmp_path, awx, {**LITTLE, **more}).code == 0
        outcomes = [set_up(tmp_path, awx, {**LITTLE, **more, "cis_awx_slices": 3}) for _time in range(2)]
        assert [outcome.code for outcome in outcomes] == [0, 0], outcomes[0].out
        assert changed(outcomes[1]) == 0
        scan, merge = sorted(awx.tables["job_templates"].values(), key=lambda item: item["id"])
        workflow, schedule = awx.one("workflow_job_templates"), awx.one("schedules")
        assert (scan["job_slice_count"], merge["job_slice_count"]) == (3, 1)
        assert (scan["playbook"], merge["playbook"]) == ("cis_scan.yml", "cis_merge.yml")
        variables = [json.loads(template["extra_vars"]) for template in (scan, merge)]
        assert variables[0] == {**variables[1], "cis_scan_partial": True}
        assert variables[1]["cis_report_dir"] == "/srv/reports"
        told = [awx.linked("job_templates", one["id"], "notification_templates_error") for one in (scan, merge)]
        assert told == [[], ["hook"]]
        last, first = awx.tables["workflow_job_template_nodes"].values()
        assert [node["unified_job_template"] for node in (first, last)] == [scan["id"], merge["id"]]
        assert awx.links["workflow_job_template_nodes", first["id"], "always_nodes"] == [last["id"]]
        assert schedule["unified_job_template"] == workflow["id"]
        # what the workflow asks for, its nodes accept
        assert awx.surveys[workflow["id"]] == awx.surveys[scan["id"]] == awx.surveys[merge["id"]]


@pytest.fixture(scope="module")
def asked() -> t.Iterator[Controller]:
    with controller() as awx:
        given(awx)
        yield awx


@pytest.mark.parametrize(
    "more, env, message",
    [
        (
            {"cis_awx_block": {"enabled": True, "schedule_config": {"cron_schedule": "61 * * * *"}}},
            {},
            "scheduled_cluster_scan.schedule_config.cron_schedule '61 * * * *': field 1 (minute): '61' is invalid",
        ),
        (
            {"cis_awx_formats": ["csv", "pdf"]},
            {},
            "cis_awx_formats pdf: unknown; available: csv, defectdojo, html, json,",
        ),
        ({}, {"CONTROLLER_HOST": "http://127.0.0.1:{closed}"}, "Connection refused"),
        ({}, {"CONTROLLER_OAUTH_TOKEN": "wrong"}, "Invalid authentication credentials for /api/v2/organizations/"),
        ({"cis_awx_organization": "Ops"}, {}, "cis_awx_organization Ops: not found in AWX"),
    ],
)
def test_a_wrong_request_is_one_line_and_changes_nothing(
    asked: Controller, tmp_path: pathlib.Path, more: dict[str, t.Any], env: dict[str, str], message: str
) -> None:
    writes = list(asked.writes)
    env = {name: value.replace("{closed}", str(closed_port())) for name, value in env.items()}
    failure = set_up(tmp_path, asked, {**LITTLE, **more}, **env).failure()
    assert message in failure
    assert asked.writes == writes


@pytest.mark.parametrize(
    "more, message",
    [
        (
            {"cis_awx_notifications": [{"name": "mail", "type": "email", "configuration": {"password": PASSWORD}}]},
            "cis_awx_notifications mail: Unable to create notification_template mail: Missing required fields",
        ),
        ({"cis_awx_playbook": "none.txt"}, "Playbook not found for project"),
        ({"cis_awx_inventory": "other"}, "returned 0 items, expected 1"),
    ],
)
def test_what_awx_refuses_is_one_line(
    asked: Controller, tmp_path: pathlib.Path, more: dict[str, t.Any], message: str
) -> None:
    assert message in set_up(tmp_path, asked, {**LITTLE, **more}).failure()
