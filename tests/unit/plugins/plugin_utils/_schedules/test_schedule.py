# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import pathlib
import pwd
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._schedules.schedule import (
    Schedule,
    block_of_file,
    check_cluster_name,
    place_of_user,
)
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.vault_helper import (
    NO_PASSWORD,
    encrypt,
    encrypt_value,
    loader,
)

# As Rancher's documents show it.
CLUSTER_YML = """
nodes:
  - address: 10.0.0.1
    role: [controlplane]
secret: !vault s3cret
other: !other s3cret
scheduled_cluster_scan:
    enabled: true
    scan_config:
        cis_scan_config:
            override_benchmark_version: rke-cis-1.4
            profile: permissive
    schedule_config:
        cron_schedule: 0 0 * * *
        retention: 24
"""


def block(scan: t.Any = None, schedule: t.Any = None, **more: t.Any) -> dict[str, t.Any]:
    return {"enabled": True, "scan_config": {"cis_scan_config": scan}, "schedule_config": schedule, **more}


def test_the_block_of_the_documents(tmp_path: pathlib.Path) -> None:
    (tmp_path / "cluster.yml").write_text(CLUSTER_YML)
    schedule = Schedule("prod", block_of_file(str(tmp_path / "cluster.yml")))
    assert schedule.enabled
    assert (schedule.cron, schedule.profile, schedule.warnings) == ("0 0 * * *", "RKE-CIS-1.4-Permissive", [])
    assert schedule.variables == {
        "cis_scan_cluster": "prod",
        "cis_scan_kind": "scheduled",
        "cis_scan_profile": "RKE-CIS-1.4-Permissive",
        "cis_report_keep": {"scheduled": 24},
    }


@pytest.mark.parametrize(
    "given",
    [
        {"enabled": True},
        {"enabled": True, "scan_config": None, "schedule_config": None},
        block(),
        block({}, {"retention": 0}),
        block({"override_skip": None, "profile": "", "override_benchmark_version": ""}, {"cron_schedule": ""}),
    ],
)
def test_what_is_not_given_is_a_default(given: dict[str, t.Any]) -> None:
    schedule = Schedule("prod", given)
    assert (schedule.cron, schedule.profile) == ("0 0 * * *", "permissive")
    assert schedule.variables["cis_report_keep"] == {"scheduled": 24}
    assert "cis_scan_skip" not in schedule.variables


class Tagged(int):
    """What a number in a variable is since ansible-core 2.19."""


@pytest.mark.parametrize(
    "scan, schedule, name, value",
    [
        ({"profile": "hardened"}, {}, "cis_scan_profile", "hardened"),
        ({"override_benchmark_version": "RKE-CIS-1.3"}, {}, "cis_scan_profile", "RKE-CIS-1.3-Permissive"),
        ({}, {"retention": 3}, "cis_report_keep", {"scheduled": 3}),
        ({}, {"retention": "3"}, "cis_report_keep", {"scheduled": 3}),
        ({}, {"retention": Tagged(3)}, "cis_report_keep", {"scheduled": 3}),
        ({"override_skip": ["1.1.2"]}, {}, "cis_scan_skip", ["1.1.2"]),
        ({"override_skip": ["1.1.2"]}, {}, "cis_scan_skip_source", "variable"),
        ({"override_skip": []}, {}, "cis_scan_skip", []),
        ({"override_skip": []}, {}, "cis_scan_skip_source", "variable"),
    ],
)
def test_what_is_given_reaches_the_scan(scan: t.Any, schedule: t.Any, name: str, value: t.Any) -> None:
    assert Schedule("prod", block(scan, schedule)).variables[name] == value


UI_BLOCK = """
scheduled_cluster_scan:
  enabled: true
  scan_config:
    cis_scan_config:
      debug_master: null
      failures_only: false
      override_benchmark_version: rke-cis-1.4
      override_skip: null
      profile: hardened
      skip: null
  schedule_config:
    cron_schedule: 0 0 ? * *
    retention: 3
---
scheduled_cluster_scan: [
"""
API_BLOCK = """
    "scheduledClusterScan": {
      "enabled": true,
      "scanConfig": {
        "cisScanConfig": {
          "debugMaster": false,
          "debugWorker": false,
          "failuresOnly": false,
          "overrideBenchmarkVersion": "rke-cis-1.4",
          "overrideSkip": null,
          "profile": "hardened",
          "type": "/v3/schemas/cisScanConfig"
        },
        "type": "/v3/schemas/clusterScanConfig"
      },
      "scheduleConfig": {"cronSchedule": "0 0 * * *", "retention": 3, "type": "/v3/schemas/scheduledClusterScanConfig"},
      "type": "/v3/schemas/scheduledClusterScan"
    }
"""


@pytest.mark.parametrize(
    "text",
    [
        UI_BLOCK,
        f"{{{API_BLOCK}}}",
        f'{{"apiVersion": "management.cattle.io/v3", "kind": "Cluster", "spec": {{{API_BLOCK}}}}}',
        encrypt(UI_BLOCK),
    ],
    ids=["as the UI shows it", "as the API does", "as kubectl does", "encrypted"],
)
def test_the_block_as_rancher_writes_it(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "cluster.yml"
    path.write_text(text)
    schedule = Schedule("prod", block_of_file(str(path), loader=loader("right")))
    assert (schedule.cron, schedule.profile, schedule.warnings) == ("0 0 * * *", "RKE-CIS-1.4-Hardened", [])
    assert schedule.variables == {
        "cis_scan_cluster": "prod",
        "cis_scan_kind": "scheduled",
        "cis_scan_profile": "RKE-CIS-1.4-Hardened",
        "cis_report_keep": {"scheduled": 3},
    }


def test_what_has_no_effect_is_a_warning() -> None:
    schedule = Schedule("prod", block({"failures_only": True, "skip": ["1.1.2"]}))
    where = "scheduled_cluster_scan.scan_config.cis_scan_config"
    assert schedule.warnings == [
        f"{where}.failures_only: has no effect; a report has all controls",
        f"{where}.skip: has no effect, as in Rancher; use override_skip",
    ]
    assert "cis_scan_skip" not in schedule.variables
    assert Schedule("prod", block({"failures_only": False, "skip": []})).warnings == []


def test_an_encrypted_file_without_its_password(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "cluster.yml"
    for text, where in ((encrypt(UI_BLOCK), ":"), (UI_BLOCK.replace("hardened", encrypt_value("x")), " line 10:")):
        path.write_text(text)
        with pytest.raises(CisError) as error:
            block_of_file(str(path), loader=loader())
        assert str(error.value) == f"cis_schedule_cluster_file {path}{where} {NO_PASSWORD}"


def test_a_disabled_block_is_not_looked_at() -> None:
    assert not Schedule("prod", {"enabled": False, "schedule_config": {"cron_schedule": "never"}}).enabled


def test_a_skip_that_the_benchmark_does_not_have_is_a_warning() -> None:
    scan = {"override_benchmark_version": "rke-cis-1.4", "override_skip": ["1.1.37", "1.1.2", "{{ x }}"]}
    schedule = Schedule("prod", block(scan))
    assert schedule.variables["cis_scan_skip"] == ["1.1.2"]
    assert "did you mean 1.1.37a, 1.1.37b?" in schedule.warnings[0]
    assert len(schedule.warnings) == 2
    # of a benchmark that the version chooses, what one of them has is a skip
    schedule = Schedule("prod", block({"override_skip": ["1.1.37", "1.1.37a", "{{ x }}"]}))
    assert schedule.variables["cis_scan_skip"] == ["1.1.37", "1.1.37a"]
    assert len(schedule.warnings) == 1


@pytest.mark.parametrize(
    "cron, scan, warned",
    [
        ("@hourly", {}, False),
        ("*/30 * * * *", {}, True),
        ("*/30 * * * *", {"debug_master": False, "debug_worker": False}, True),
        ("*/30 * * * *", {"debug_master": True}, False),
        ("*/30 * * * *", {"debug_worker": True}, False),
    ],
)
def test_less_than_an_hour_between_scans_is_a_warning(cron: str, scan: dict[str, t.Any], warned: bool) -> None:
    warnings = Schedule("prod", block(scan, {"cron_schedule": cron})).warnings
    assert [f"cron_schedule {cron!r}: scans are less than an hour apart" in warning for warning in warnings] == (
        [True] if warned else []
    )


@pytest.mark.parametrize(
    "given, message",
    [
        ("daily", "scheduled_cluster_scan: expected a mapping with enabled, scan_config, schedule_config, got 'daily'"),
        ({}, "scheduled_cluster_scan.enabled: missing; set it to true or false"),
        ({"enabled": "yes"}, "scheduled_cluster_scan.enabled: expected true or false, got 'yes'"),
        (
            block(cron_schedule="0 0 * * *"),
            "scheduled_cluster_scan.cron_schedule: unknown key; available: enabled, scan_config, schedule_config; it "
            "belongs in scheduled_cluster_scan.schedule_config",
        ),
        (
            {"enabled": True, "scan_config": {"schedule_config": {}}},
            "scheduled_cluster_scan.scan_config.schedule_config: unknown key; available: cis_scan_config; it belongs "
            "in scheduled_cluster_scan",
        ),
        (
            {"enabled": True, "scan_config": {"profile": "hardened"}},
            "scheduled_cluster_scan.scan_config.profile: unknown key; available: cis_scan_config; it belongs in "
            "scheduled_cluster_scan.scan_config.cis_scan_config",
        ),
        (
            block(schedule={"retension": 3}),
            "scheduled_cluster_scan.schedule_config.retension: unknown key; available: ",
        ),
        (
            block(["a"]),
            "scheduled_cluster_scan.scan_config.cis_scan_config: expected a mapping with override_benchmark_version,",
        ),
        (
            block({"profile": "strict"}),
            "scheduled_cluster_scan.scan_config.cis_scan_config: profile 'strict' is not a known profile; available: "
            "permissive, hardened, RKE-CIS-",
        ),
        (
            block({"override_benchmark_version": "rke-cis-9"}),
            "scheduled_cluster_scan.scan_config.cis_scan_config: override_benchmark_version 'rke-cis-9' and profile "
            "'permissive' is not a known profile; available: ",
        ),
        (
            block({"override_benchmark_version": 1.4}),
            "scheduled_cluster_scan.scan_config.cis_scan_config.override_benchmark_version: expected a text such as "
            "rke-cis-1.8, got 1.4",
        ),
        (
            block({"override_skip": [1.1]}),
            "scheduled_cluster_scan.scan_config.cis_scan_config.override_skip: 1.1 is not a control id",
        ),
        (
            block({"failures_only": "no"}),
            "scheduled_cluster_scan.scan_config.cis_scan_config.failures_only: expected true or false, got 'no'",
        ),
        (
            block({"debug_master": 1}),
            "scheduled_cluster_scan.scan_config.cis_scan_config.debug_master: expected true or false, got 1",
        ),
        (
            block(schedule={"cron_schedule": "61 * * * *"}),
            "scheduled_cluster_scan.schedule_config.cron_schedule '61 * * * *': field 1 (minute): '61' is invalid",
        ),
        (
            block(schedule={"cron_schedule": 7}),
            "scheduled_cluster_scan.schedule_config.cron_schedule: expected a cron expression such as '0 0 * * *'",
        ),
        (
            block(schedule={"retention": -1}),
            "scheduled_cluster_scan.schedule_config.retention: expected a number of reports to keep, got -1",
        ),
        (
            block(schedule={"retention": "many"}),
            "scheduled_cluster_scan.schedule_config.retention: expected a number of reports to keep, got 'many'",
        ),
        (
            block(schedule={"retention": True}),
            "scheduled_cluster_scan.schedule_config.retention: expected a number of reports to keep, got True",
        ),
        (
            block(schedule={"retention": 2.5}),
            "scheduled_cluster_scan.schedule_config.retention: expected a number of reports to keep, got 2.5",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_its_key(given: t.Any, message: str) -> None:
    with pytest.raises(CisError) as error:
        Schedule("prod", given)
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff\xfe\xff", "cannot be read: "),
        (b"\x00", "line 1: not valid YAML"),
        (b"scheduled_cluster_scan: 2026-13-45\n", "line 1: not valid YAML"),
        (b"token: *s3cret\n", "line 1: not valid YAML: found undefined alias '...'"),
        (b"nodes: []\n", "has no key scheduled_cluster_scan at its top level; add it, or set cis_schedule_block"),
        (b"- a\n", "has no key scheduled_cluster_scan at its top level"),
        (b"", "has no key scheduled_cluster_scan at its top level"),
        (b"rancher: {scheduled_cluster_scan: {enabled: true}}", "has no key scheduled_cluster_scan at its top level"),
        (b"a: 1\ntoken: s3cret: s3cret\n", "line 2: not valid YAML: mapping values are not allowed here"),
        (
            b"scheduled_cluster_scan:\n  schedule_config:\n    cron_schedule: @daily\n",
            "line 3: not valid YAML: found character '@' that cannot start any token",
        ),
    ],
)
def test_a_bad_file_is_one_line_that_shows_nothing_of_it(
    tmp_path: pathlib.Path, text: bytes | None, message: str
) -> None:
    path = tmp_path / "cluster.yml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(CisError) as error:
        block_of_file(str(path))
    separator = " " if message.startswith("line") else ": "
    assert str(error.value).startswith(f"cis_schedule_cluster_file {path}{separator}{message}")
    assert "\n" not in str(error.value) and "s3cret" not in str(error.value)


@pytest.mark.parametrize("name", ["", ".", "-x", "a b", "a/b", "a%b", "{{ x }}", "a\n"])
def test_a_cluster_has_a_name_for_files_and_units(name: str) -> None:
    with pytest.raises(CisError, match="cis_schedule_cluster "):
        check_cluster_name(name)


def test_the_directory_is_in_the_home_of_the_user(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    me = pwd.getpwuid(os.geteuid())
    assert place_of_user("", "~/x") == (me, f"{me.pw_dir}/x")
    assert place_of_user(me.pw_name, "/x/y/") == (me, "/x/y")
    monkeypatch.chdir(tmp_path)
    assert place_of_user("", "x")[1] == f"{tmp_path}/x"


def test_only_root_schedules_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert place_of_user("nobody", "~")[1] == os.path.abspath(nobody.pw_dir)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(CisError, match="cis_schedule_user nobody: only root can manage schedules of another user"):
        place_of_user("nobody", "~")
    with pytest.raises(CisError, match="cis_schedule_user 'no-such': no such user on the controller"):
        place_of_user("no-such", "~")
