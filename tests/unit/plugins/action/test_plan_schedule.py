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

from ansible_collections.rke.cis.plugins.action.plan_schedule import ActionModule
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
    result = plan(report_dir="reports", variables=["cis_scan_kubeconfig"])
    assert (result["changed"], result["enabled"]) == (False, True)
    assert result["dir"] == f"{tmp_path}/s/prod"
    assert result["cron_fields"] == {
        "minute": "0",
        "hour": "0",
        "day-of-month": "13",
        "month": "*",
        "day-of-week": "5",
    }
    assert result["on_calendar"] == ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]
    assert result["inventory"] == [f"{tmp_path}/hosts.ini"]
    assert result["variables"]["cis_report_dir"] == f"{tmp_path}/reports"
    assert os.path.basename(result["program"]) == "ansible-playbook" and os.access(result["program"], os.X_OK)
    assert all(os.path.isabs(path) for path in result["collections_path"].split(":"))


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
        ({"cluster": "a/b"}, "cis_schedule_cluster 'a/b': letters, digits, '_', '.' and '-' are wanted"),
        ({"cluster_file": "x.yml"}, "cis_schedule_cluster_file and cis_schedule_block are both given; give one"),
        ({"block": None}, "cis_schedule_cluster_file: name a cluster.yml with the block scheduled_cluster_scan, or"),
        ({"block": {}}, "cis_schedule_cluster_file: name a cluster.yml with the block scheduled_cluster_scan, or"),
        ({"inventory": ["gone.ini"]}, "cis_schedule_inventory 'gone.ini': no such file; name the cluster's inventory"),
        ({"inventory": []}, "cis_schedule_inventory '': no such file; name the cluster's inventory, e.g. with -i"),
        ({"variables": ["cis_scan_kind", "x"]}, "cis_schedule_variables: cis_scan_kind is set by the schedule itself"),
        ({"user": "no-such"}, "cis_schedule_user 'no-such': there is no such user on the controller"),
        ({"method": "at"}, "value of method must be one of: cron, systemd, got: at"),
    ],
)
def test_what_is_wrong_is_one_line(
    plan: t.Callable[..., dict[str, t.Any]], more: dict[str, t.Any], message: str
) -> None:
    result = plan(**more)
    assert result["failed"] and result["msg"].startswith(message)


@pytest.mark.parametrize("method, program", [("cron", "crontab"), ("systemd", "systemctl")])
def test_a_method_that_is_not_there_is_told(
    plan: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch, method: str, program: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    result = plan(method=method)
    assert result["msg"] == f"cis_schedule_method {method}: there is no {program} on the controller; install it"
