# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action.plan_awx import ActionModule
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import run_action

BLOCK = {"enabled": True, "schedule_config": {"cron_schedule": "@daily"}}


def plan(**more: t.Any) -> dict[str, t.Any]:
    return run_action(ActionModule, {"cluster": "prod", "block": BLOCK, **more})


def refused(**more: t.Any) -> str:
    result = plan(**more)
    assert result["failed"] and "\n" not in result["msg"]
    return result["msg"]


def test_what_a_template_and_a_schedule_say() -> None:
    result = plan(timezone="Asia/Tokyo", variables={"cis_report_host": "reports"})
    assert (result["changed"], result["enabled"], result["cron"]) == (False, True, "0 0 * * *")
    assert result["rrule"].startswith("DTSTART;TZID=Asia/Tokyo:20260101T000000 RRULE:FREQ=DAILY;")
    assert (result["profile"], result["skip"], result["skip_source"]) == ("RKE-CIS-1.4-Permissive", "", "merged")
    assert result["profile"] in result["profiles"]
    assert result["variables"] == {
        "cis_report_host": "reports",
        "cis_report_keep": {"scheduled": 24},
        "cis_scan_cluster": "prod",
    }


def test_skips_of_the_block_are_a_text_and_take_the_place_of_others() -> None:
    block = {"enabled": True, "scan_config": {"cis_scan_config": {"override_skip": ["1.1.2", "1.1.5"]}}}
    result = plan(block=block)
    assert (result["skip"], result["skip_source"]) == ("1.1.2,1.1.5", "variable")


def test_without_a_schedule_there_are_no_rules() -> None:
    result = plan(block={"enabled": False})
    assert (result["enabled"], result["profile"]) == (False, "RKE-CIS-1.4-Permissive")
    assert "rrule" not in result and "cron" not in result


@pytest.mark.parametrize(
    "more, message",
    [
        ({"cluster": "a b"}, "cis_awx_cluster 'a b': letters, digits"),
        (
            {"block": None},
            "cis_awx_cluster_file: name a cluster.yml with the block scheduled_cluster_scan, or give the",
        ),
        ({"cluster_file": "cluster.yml"}, "cis_awx_cluster_file and cis_awx_block are both given; give one of them"),
        ({"block": None, "cluster_file": "/none"}, "cis_awx_cluster_file /none: cannot be read: No such file"),
        (
            {"block": {"enabled": True, "schedule_config": {"cron_schedule": "@reboot"}}},
            "scheduled_cluster_scan.schedule_config.cron_schedule '@reboot': unknown; there are: @hourly",
        ),
        ({"timezone": "Mars"}, "cis_awx_timezone: time zone 'Mars': there is none; a name such as UTC"),
        (
            {"variables": {"cis_scan_profile": "x", "cis_report_keep": {}, "cis_report_dir": "/r"}},
            "cis_awx_variables: cis_report_keep, cis_scan_profile is set by the block or asked in the survey",
        ),
    ],
)
def test_what_is_wrong_is_one_line(more: dict[str, t.Any], message: str) -> None:
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
def test_what_is_none_is_taken(variables: dict[str, t.Any]) -> None:
    assert not plan(variables=variables).get("failed")
