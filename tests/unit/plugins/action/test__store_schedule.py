# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import pwd
import shutil
import stat
import tempfile
import typing as t

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader

from ansible_collections.rke.cis.plugins.action import schedules_info
from ansible_collections.rke.cis.plugins.action._store_schedule import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import make_action, run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import BENCHMARK, cluster, node

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
SCAN = {"kind": "scheduled", "by": "root"}
SCHEDULE = {
    "schema": "rke.cis/schedule/1",
    "cluster": "prod",
    "cron": "0 0 * * *",
    "method": "cron",
    "user": "nobody",
    "profile": "RKE-CIS-1.4-Permissive",
    "report_dir": "/no/such",
    "retention": 24,
}


def store(
    directory: pathlib.Path, given: dict[str, t.Any] | None = None, check: bool = False, **args: t.Any
) -> dict[str, t.Any]:
    more = {} if args.get("state") == "absent" else {"schedule": SCHEDULE, "variables": {"cis_scan_kind": "scheduled"}}
    action = make_action(ActionModule, {"dir": str(directory), "script": "#!/bin/sh\n", **more, **args})
    action._task.check_mode = check
    action._templar.template = lambda value: value
    return action.run(None, {"cis_schedule_variables": given or {}})


def test_it_is_written_and_removed_once(tmp_path: pathlib.Path) -> None:
    where = tmp_path / "schedules" / "prod"
    assert store(where, check=True)["changed"] is True and not where.exists()
    assert [store(where)["changed"], store(where)["changed"]] == [True, False]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (where, *where.iterdir())}
    expected = {"prod": 0o700, "logs": 0o700, "run": 0o700, "schedule.json": 0o600, "variables.yml": 0o600}
    assert modes == expected
    (where / "run").chmod(0o755)
    assert [store(where)["changed"], store(where)["changed"]] == [True, False]
    assert store(where, {"more": 5})["changed"] is True
    assert store(where, state="absent", check=True)["changed"] is True and where.exists()
    assert [store(where, state="absent")["changed"], store(where, state="absent")["changed"]] == [True, False]
    assert not where.exists()


def test_variables_mean_in_a_scan_what_they_meant_here(tmp_path: pathlib.Path) -> None:
    lookup = "https://hook.example/{{ lookup('pipe', 'touch /tmp/x') }}"
    given = {
        "url": lookup,
        "nested": {"list": ["{% x %}", "a {# b #}", "plain", 5, 1.5, True, None]},
        "long": "word " * 100 + "{{ x }}\nsecond line",
        "text": "5",
        "date": yaml.safe_load("2026-11-01"),
        "snow": "\u2603\U0001f600\x07",
    }
    assert store(tmp_path / "s", given)["changed"] is True
    text = (tmp_path / "s" / "variables.yml").read_text(encoding="utf-8")
    found: t.Any = DataLoader().load_from_file(str(tmp_path / "s" / "variables.yml"))
    assert found == {"cis_scan_kind": "scheduled", **given}
    assert text.count("!unsafe") == 4
    assert yaml.compose(text).tag == "tag:yaml.org,2002:map"


def test_what_is_encrypted_stays_so(tmp_path: pathlib.Path) -> None:
    class Encrypted:
        _ciphertext = b"$ANSIBLE_VAULT;1.1;AES256\n6162\n"

    store(tmp_path / "s", {"secret": Encrypted()})
    text = (tmp_path / "s" / "variables.yml").read_text(encoding="utf-8")
    assert "secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n" in text


# ------------------------------------------------------------------------------------------- another user's directory


@pytest.fixture
def home() -> t.Iterator[pathlib.Path]:
    """The home of nobody, whom pytest's own directories keep out."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="rke-cis-home."))
    os.chown(path, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def roots(tmp_path: pathlib.Path) -> t.Iterator[pathlib.Path]:
    """What only root can enter, beside a directory in which all could read what they find."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="rke-cis-root."))
    (path / "prod" / "logs").mkdir(parents=True)
    (path / "prod" / "schedule.json").write_text(json.dumps({**SCHEDULE, "cluster": "s3cret"}))
    yield path
    shutil.rmtree(path)


def tree(path: pathlib.Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(one): (one.stat().st_uid, one.stat().st_mode, one.read_bytes() if one.is_file() else b"")
        for one in (path, *path.rglob("*"))
    }


@ROOT_ONLY
def test_all_is_the_users(home: pathlib.Path) -> None:
    nobody = pwd.getpwnam("nobody")
    assert store(home / "schedules" / "prod", user="nobody")["changed"] is True
    assert {(path.stat().st_uid, path.stat().st_gid) for path in home.rglob("*")} == {(nobody.pw_uid, nobody.pw_gid)}
    assert (os.geteuid(), os.getegid()) == (0, 0)
    listed = run_action(schedules_info.ActionModule, {"user": "nobody", "dir": str(home / "schedules")})
    assert [schedule["cluster"] for schedule in listed["schedules"]] == ["prod"]


@ROOT_ONLY
@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("link", ["schedules", "schedules/prod", "schedules/prod/logs"])
def test_links_lead_no_further_than_the_user_may_go(
    home: pathlib.Path, roots: pathlib.Path, state: str, link: str
) -> None:
    target = {"schedules": roots, "schedules/prod": roots / "prod", "schedules/prod/logs": roots / "prod" / "logs"}[
        link
    ]
    (home / link).parent.mkdir(parents=True, exist_ok=True)
    (home / link).symlink_to(target)
    for path in home.rglob("*"):
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1, follow_symlinks=False)
    before = tree(roots)
    result = store(home / "schedules" / "prod", user="nobody", state=state)
    assert tree(roots) == before
    assert (os.geteuid(), os.getegid()) == (0, 0)
    if state == "present":
        assert result["msg"].startswith(f"cis_schedule_dir {home}/schedules/prod")
        assert result["msg"].endswith("; the schedule's directory must be one that nobody can write to")


@ROOT_ONLY
@pytest.mark.parametrize("link", ["schedules", "schedules/prod", "schedules/prod/schedule.json"])
def test_a_list_shows_nothing_that_the_user_cannot_read(home: pathlib.Path, roots: pathlib.Path, link: str) -> None:
    (home / link).parent.mkdir(parents=True, exist_ok=True)
    target = {"schedules": roots, "schedules/prod": roots / "prod"}.get(link, roots / "prod" / "schedule.json")
    (home / link).symlink_to(target)
    listed = run_action(schedules_info.ActionModule, {"user": "nobody", "dir": str(home / "schedules")})
    assert "s3cret" not in str(listed) and not listed.get("schedules")


@ROOT_ONLY
def test_a_list_reads_no_report_that_the_user_cannot(home: pathlib.Path, roots: pathlib.Path) -> None:
    where = home / "schedules" / "prod"
    where.mkdir(parents=True)
    (where / "schedule.json").write_text(json.dumps({**SCHEDULE, "report_dir": str(roots)}))
    name = "20261101T120000Z-x-scheduled"
    report = build_report(BENCHMARK, "hardened", [node("n1")], cluster(), scan={**SCAN, "name": name})
    (roots / "prod" / name).mkdir()
    (roots / "prod" / name / "report.json").write_text(to_json(report))
    ours = run_action(schedules_info.ActionModule, {"dir": str(home / "schedules")})
    assert name in str(ours), "root itself may read it"
    listed = run_action(schedules_info.ActionModule, {"user": "nobody", "dir": str(home / "schedules")})
    assert name not in str(listed) and [one["last_scan"] for one in listed["schedules"]] == [{}]


@ROOT_ONLY
def test_fifos_are_replaced_and_not_waited_for(home: pathlib.Path) -> None:
    where = home / "schedules" / "prod"
    where.mkdir(parents=True)
    for name in ("run", "schedule.json", "variables.yml"):
        os.mkfifo(where / name)
    for path in home.rglob("*"):
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
    listed = run_action(schedules_info.ActionModule, {"user": "nobody", "dir": str(home / "schedules")})
    assert "not a regular file" in listed["warnings"][0]
    assert store(where, user="nobody")["changed"] is True
    assert all((where / name).is_file() for name in ("run", "schedule.json", "variables.yml"))
