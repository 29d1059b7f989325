# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action._plan_schedule import ActionModule
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action

BLOCK = {"enabled": True, "schedule_config": {"cron_schedule": "0 0 13 * 5"}}


@pytest.fixture
def plan(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., dict[str, t.Any]]:
    (tmp_path / "hosts.ini").write_text("")
    (tmp_path / "bin").mkdir()
    for name in ("crontab", "systemctl"):
        (tmp_path / "bin" / name).touch(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)

    def run(**more: t.Any) -> dict[str, t.Any]:
        args = {"cluster": "prod", "block": BLOCK, "inventory": ["hosts.ini"], "dir": str(tmp_path / "s"), **more}
        before = sorted(tmp_path.rglob("*"))
        result = run_action(ActionModule, {name: value for name, value in args.items() if value is not None})
        assert sorted(tmp_path.rglob("*")) == before, "a plan writes nothing"
        return result

    return run


def test_all_that_an_installation_needs(plan: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path) -> None:
    result = plan(report_dir="reports", variables={"cis_scan_kubeconfig": "x"})
    assert (result["changed"], result["enabled"]) == (False, True)
    assert result["dir"] == f"{tmp_path}/s/prod"
    assert result["cron_fields"] == {"minute": "0", "hour": "0", "day-of-month": "13", "month": "*", "day-of-week": "5"}
    assert result["on_calendar"] == ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]
    assert result["inventory"] == [f"{tmp_path}/hosts.ini"]
    assert result["variables"]["cis_report_dir"] == f"{tmp_path}/reports"
    assert os.path.basename(result["program"]) == "ansible-playbook" and os.access(result["program"], os.X_OK)
    assert all(os.path.isabs(path) for path in result["collections_path"].split(":"))


def test_a_cluster_may_be_called_by_a_number(plan: t.Callable[..., dict[str, t.Any]]) -> None:
    assert plan(cluster=5)["schedule"]["cluster"] == "5"


def test_the_units_of_root_are_the_systems(
    plan: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert (plan()["unit_dir"], plan()["unit_scope"]) == ("/etc/systemd/system", "system")


def test_the_units_of_others_are_their_own(
    plan: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(os, "geteuid", lambda: nobody.pw_uid)
    result = plan()
    assert (result["user"], result["unit_scope"]) == ("nobody", "user")
    assert result["unit_dir"] == f"{nobody.pw_dir}/.config/systemd/user"


@pytest.mark.parametrize("more", [{"command": "remove", "block": None}, {"block": {"enabled": False}}])
def test_a_removal_needs_no_more_than_a_place(
    plan: t.Callable[..., dict[str, t.Any]], tmp_path: pathlib.Path, more: dict[str, t.Any]
) -> None:
    result = plan(inventory=["gone"], **more)
    assert (result["enabled"], result["dir"]) == (False, f"{tmp_path}/s/prod")
    assert "variables" not in result


def test_a_list_of_hosts_is_an_inventory(plan: t.Callable[..., dict[str, t.Any]]) -> None:
    assert plan(inventory=["a,b", "c,"])["inventory"] == ["a,b", "c,"]


@pytest.mark.parametrize(
    "more, message",
    [
        ({"cluster": "a/b"}, "cis_schedule_cluster 'a/b': invalid name; use letters, digits, '_', '.' and '-'"),
        (
            {"cluster_file": "x.yml"},
            "cis_schedule_cluster_file and cis_schedule_block are mutually exclusive; set only one",
        ),
        (
            {"block": None},
            "cis_schedule_cluster_file: not set; name a cluster.yml with the block scheduled_cluster_scan, or",
        ),
        (
            {"block": {}},
            "cis_schedule_cluster_file: not set; name a cluster.yml with the block scheduled_cluster_scan, or",
        ),
        ({"inventory": ["gone.ini"]}, "cis_schedule_inventory 'gone.ini': no such file; name the cluster's inventory"),
        ({"inventory": []}, "cis_schedule_inventory '': no such file; name the cluster's inventory, e.g. with -i"),
        (
            {"variables": {"cis_scan_kind": 1, "x": 1}},
            "cis_schedule_variables: cis_scan_kind: the schedule itself sets this",
        ),
        ({"user": "no-such"}, "cis_schedule_user 'no-such': no such user on the controller"),
        ({"method": "at"}, "value of method must be one of: cron, systemd, awx, got: at"),
    ],
)
def test_what_is_wrong_is_one_line(
    plan: t.Callable[..., dict[str, t.Any]], more: dict[str, t.Any], message: str
) -> None:
    result = plan(**more)
    assert result["failed"] and result["msg"].startswith(message)


@pytest.mark.parametrize("method, program", [("cron", "crontab"), ("systemd", "systemctl")])
def test_a_missing_program_is_reported(
    plan: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch, method: str, program: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    result = plan(method=method)
    assert result["msg"] == f"cis_schedule_method {method}: {program} not found on the controller; install it"


# --------------------------------------------------------------------------------------------------- AWX


def for_awx(**more: t.Any) -> dict[str, t.Any]:
    return run_action(ActionModule, {"method": "awx", "cluster": "prod", "block": {"enabled": True}, **more})


def refused(**more: t.Any) -> str:
    result = for_awx(**more)
    assert result["failed"] and "\n" not in result["msg"]
    return result["msg"]


def test_what_a_template_and_a_schedule_say() -> None:
    result = for_awx(timezone="Asia/Tokyo", variables={"cis_report_host": "reports"})
    assert (result["changed"], result["enabled"], result["cron"]) == (False, True, "0 0 * * *")
    assert result["rrule"].startswith("DTSTART;TZID=Asia/Tokyo:20260101T000000 RRULE:FREQ=DAILY;")
    assert (result["profile"], result["skip"], result["skip_source"]) == ("permissive", "", "merged")
    assert result["profile"] in result["profiles"]
    assert result["variables"] == {
        "cis_report_host": "reports",
        "cis_report_keep": {"scheduled": 24},
        "cis_scan_cluster": "prod",
    }


def test_skips_of_the_block_are_a_text_and_take_the_place_of_others() -> None:
    block = {"enabled": True, "scan_config": {"cis_scan_config": {"override_skip": ["1.1.2", "1.1.5"]}}}
    result = for_awx(block=block)
    assert (result["skip"], result["skip_source"]) == ("1.1.2,1.1.5", "variable")


def test_without_a_schedule_awx_gets_no_rules() -> None:
    result = for_awx(block={"enabled": False})
    assert (result["enabled"], result["profile"]) == (False, "permissive")
    assert "rrule" not in result and "cron" not in result


@pytest.mark.parametrize(
    "more, message",
    [
        ({"cluster": "a b"}, "cis_awx_cluster 'a b': invalid name; use letters, digits"),
        (
            {"block": None},
            "cis_awx_cluster_file: not set; name a cluster.yml with the block scheduled_cluster_scan, or set",
        ),
        (
            {"cluster_file": "cluster.yml"},
            "cis_awx_cluster_file and cis_awx_block are mutually exclusive; set only one of them",
        ),
        ({"block": None, "cluster_file": "/none"}, "cis_awx_cluster_file /none: cannot be read: No such file"),
        (
            {"block": {"enabled": True, "schedule_config": {"cron_schedule": "@reboot"}}},
            "scheduled_cluster_scan.schedule_config.cron_schedule '@reboot': unknown; available: @hourly",
        ),
        ({"formats": ["csv", "pdf"]}, "cis_awx_formats pdf: unknown; available: csv, defectdojo, html,"),
        ({"timezone": "Mars"}, "cis_awx_timezone: unknown time zone 'Mars'; use a name such as UTC"),
        (
            {"variables": {"cis_scan_profile": "x", "cis_report_keep": {}, "cis_report_dir": "/r"}},
            "cis_awx_variables: cis_report_keep, cis_scan_profile: the block or the survey sets this",
        ),
    ],
)
def test_what_is_wrong_for_awx_is_one_line(more: dict[str, t.Any], message: str) -> None:
    assert refused(**more).startswith(message)


@pytest.mark.parametrize(
    "variables, name",
    [
        ({"cis_notify_notifiers": {"chat": {"type": "slack"}}}, "cis_notify_notifiers"),
        ({"ansible_become_password": "CANARY"}, "ansible_become_password"),
        ({"a": [{"b": 1}, {"api_token": "CANARY"}]}, "a.2.api_token"),
        ({"a": {"url": "https://me:CANARY@example.com/"}}, "a.url"),
        ({"a": "-----BEGIN RSA PRIVATE KEY-----\nCANARY"}, "a"),
        ({"registry_access_key": "CANARY"}, "registry_access_key"),
    ],
)
def test_a_secret_is_refused_by_its_name_and_not_shown(variables: dict[str, t.Any], name: str) -> None:
    message = refused(variables=variables)
    assert message.startswith(f"cis_awx_variables: {name} looks like a secret") and "CANARY" not in message


@pytest.mark.parametrize(
    "variables",
    [
        {"cis_scan_kubeconfig": "/runner/kubeconfig"},
        {"cis_scan_groups": {"worker": ["passive"]}},
        {"cis_report_dir": "https://example.com/reports"},
        {"some_password": ""},
        {"cis_scan_timeout": 30, "cis_report_host": None},
    ],
)
def test_what_is_not_a_secret_is_accepted(variables: dict[str, t.Any]) -> None:
    assert not for_awx(variables=variables).get("failed")
