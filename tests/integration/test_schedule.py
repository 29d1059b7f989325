# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A schedule is installed from a cluster.yml, a real cron daemon starts its scans, and the list shows them."""

from __future__ import annotations

import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import typing as t

import pytest
import scans
from scans import ROOT

BOOK = ROOT / "playbooks" / "cis_schedule.yml"
INVENTORY = scans.PRACTICE / "inventory.yml"
BLOCK = """
nodes:
  - address: 192.0.2.1
    user: rke
    role: [controlplane, etcd, worker]
services: {etcd: {snapshot: false}}
scheduled_cluster_scan:
    enabled: %s
    scan_config:
        cis_scan_config:
            override_benchmark_version: rke-cis-1.4
            profile: permissive
    schedule_config:
        cron_schedule: %s
        retention: 2
"""
# cron ends a line at a percent sign, the shell a word at a blank
AWKWARD = "a %d 'b' c"


class Machine:
    """What cron and systemd have on this machine, empty, and seen by none but this test: with a cron daemon."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.home, self.units = directory / "home", directory / "units"
        spool, nothing = directory / "spool", directory / "nothing"
        for path in (self.home, self.units, spool, nothing):
            path.mkdir()
        shutil.chown(spool, group="crontab")
        spool.chmod(0o1730)
        mounts = {"/var/spool/cron/crontabs": spool, "/etc/systemd/system": self.units, "/etc/cron.d": nothing}
        script = "".join(f"mount --bind '{source}' {target} && " for target, source in mounts.items())
        script += "mount --bind /dev/null /etc/crontab && mount -t tmpfs tmpfs /run && exec cron -f"
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        self.daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        for _attempt in range(50):
            if pathlib.Path(f"/proc/{self.daemon.pid}/comm").read_text(encoding="utf-8") == "cron\n":
                return
            assert self.daemon.poll() is None, "the cron daemon has ended"
            time.sleep(0.1)
        raise AssertionError("there is no cron daemon")

    def inside(self, command: list[str], cwd: pathlib.Path) -> list[str]:
        """Return the command that runs another where this cron is."""
        enter = ["nsenter", "-t", str(self.daemon.pid), "-m", "sh", "-c", 'cd "$0" && exec "$@"', str(cwd)]
        return enter + command

    def run(self, command: list[str], cwd: pathlib.Path, **keywords: t.Any) -> subprocess.CompletedProcess:
        return subprocess.run(self.inside(command, cwd), text=True, check=False, **keywords)

    def crontab(self) -> str:
        return self.run(["crontab", "-l"], pathlib.Path("/"), capture_output=True).stdout

    def stop(self) -> None:
        os.killpg(self.daemon.pid, signal.SIGKILL)
        self.daemon.wait()


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> t.Iterator[Machine]:
    if os.geteuid() != 0:
        pytest.skip("only root can have a cron daemon of its own")
    if not shutil.which("cron", path=scans.SYSTEM_PATH):
        pytest.skip("there is no cron (make setup installs it)")
    machine = Machine(tmp_path)
    yield machine
    machine.stop()


# Tasks of a notifier of one's own: they write down what they are told.
TOLD = """
- name: Write it down
  ansible.builtin.lineinfile:
    path: ALERTS
    line: "{{ cis_notify_alert.rule }} ({{ cis_notify_alert.severity }})"
    create: true
    mode: "0600"
"""


class Site:
    """A controller that schedules the practice cluster."""

    def __init__(self, machine: Machine, directory: pathlib.Path) -> None:
        self.machine, self.directory = machine, directory
        directory.mkdir()
        self.schedule = directory / AWKWARD / "practice"
        self.reports = directory / "cis-reports" / "practice"

    def play(self, *arguments: str, **variables: t.Any) -> scans.Outcome:
        given = {"cis_schedule_cluster": "practice", "cis_schedule_dir": str(self.schedule.parent), **variables}
        bed = t.cast(t.Any, self.machine)
        return scans.playbook(self.directory, BOOK, INVENTORY, given, *arguments, bed=bed)

    def install(self, cron: str, *arguments: str, enabled: str = "true", **variables: t.Any) -> scans.Outcome:
        (self.directory / "cluster.yml").write_text(BLOCK % (enabled, cron), encoding="utf-8")
        return self.play(*arguments, cis_schedule_cluster_file="cluster.yml", **variables)

    def listed(self) -> list[str]:
        """Return what the list says of the schedule."""
        outcome = self.play(cis_schedule_command="list")
        assert changed(outcome) == 0
        return lines(outcome)

    def start(self) -> subprocess.Popen:
        """Start a run, as cron does."""
        return subprocess.Popen(
            self.machine.inside([str(self.schedule / "run")], pathlib.Path("/")),
            env={"HOME": str(self.machine.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            start_new_session=True,
        )

    def run(self) -> int:
        return self.start().wait(timeout=120)

    def logs(self) -> list[pathlib.Path]:
        return sorted((self.schedule / "logs").glob("*.log"))

    def kept(self, kind: str) -> list[str]:
        names = sorted(path.parent.name for path in self.reports.glob("*/report.json"))
        return [name for name in names if name.endswith("-scheduled") == (kind == "scheduled")]


@pytest.fixture
def site(machine: Machine, tmp_path: pathlib.Path) -> Site:
    return Site(machine, tmp_path / "site")


def changed(outcome: scans.Outcome) -> int:
    assert outcome.code == 0, outcome.out
    (number,) = re.findall(r"^localhost .*changed=(\d+)", outcome.out, re.M)
    return int(number)


def lines(outcome: scans.Outcome) -> list[str]:
    (text,) = re.findall(r'"msg": (\[.*?^    \])', outcome.out, re.M | re.S)
    return json.loads(text)


def wait_for(what: t.Callable[[], t.Any], seconds: float) -> t.Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


def test_one_command_schedules_scans_that_cron_starts(site: Site) -> None:
    outcome = site.install("'* * * * *'", "--check")
    assert outcome.code == 0, outcome.out
    assert not site.schedule.exists() and "rke-cis" not in site.machine.crontab(), "check mode changes nothing"

    outcome = site.install("0 5 1 1 *")
    assert changed(outcome) > 0
    assert lines(outcome)[0] == ("practice: 0 5 1 1 * by cron as root, RKE-CIS-1.4-Permissive, keeps 2 reports")
    assert re.fullmatch(r"  next runs: (\d{4}-01-01 05:00 [+-]\d{4}(, |$)){3}", lines(outcome)[3])
    assert changed(site.install("0 5 1 1 *")) == 0, "the second time nothing changes"
    modes = {path.name: path.stat().st_mode & 0o777 for path in site.schedule.iterdir()}
    assert modes == {"logs": 0o700, "run": 0o700, "schedule.json": 0o600, "variables.yml": 0o600}

    manual = {"cis_report_dir": str(site.reports.parent)}
    assert scans.playbook(site.directory, scans.SCAN, INVENTORY, manual).code == 0
    assert [site.run(), site.run()] == [0, 0]
    older = site.kept("scheduled")
    assert len(older) == 2
    for path in [*site.reports.rglob("*"), *site.reports.iterdir()]:
        os.utime(path, (time.time() - 3600,) * 2)  # one that may still be written to is not pruned

    alerts = site.directory / "alerts"
    (site.directory / "told.yml").write_text(TOLD.replace("ALERTS", json.dumps(str(alerts))), encoding="utf-8")
    notifier = {"type": "custom", "tasks_file": str(site.directory / "told.yml")}
    outcome = site.install("'* * * * *'", cis_schedule_variables={"cis_notify_notifiers": {"own": notifier}})
    assert changed(outcome) > 0
    assert "scans are less than an hour apart" in outcome.out
    (new,) = wait_for(lambda: set(site.kept("scheduled")) - set(older), 90)
    log = wait_for(lambda: [log for log in site.logs()[2:] if "rke.cis: exit status 0" in log.read_text()], 30)[0]
    assert site.kept("scheduled") == [older[1], new], "pruned to two"
    assert alerts.read_text(encoding="utf-8").splitlines() == [
        "A scheduled cluster scan was completed (info)",
        "A scheduled cluster scan has failures (warning)",
    ]
    assert len(site.kept("manual")) == 1, "a schedule removes no manual scan"
    assert "exit status 0" in log.read_text(encoding="utf-8").splitlines()[-1]
    report = json.loads((site.reports / new / "report.json").read_text(encoding="utf-8"))
    assert report["scan"] == {"name": new, "kind": "scheduled", "by": "root"}
    assert (report["cluster"], report["profile"]) == ("practice", "RKE-CIS-1.4-Permissive")
    assert not (site.reports / "scheduled.lock").exists()

    told = site.listed()
    assert re.fullmatch(r"  last run: \S+ \S+ [+-]\d{4}, a report, exit status 0; log .*\.log", told[1])
    assert told[2] == f"  last report: {new}: 60 pass, 3 fail, 0 warn, 15 skip, 19 notApplicable, 0 error, 0 manual"
    assert told[4] == "  missed runs: 0 since that one"

    outcome = site.play("--check", cis_schedule_command="remove")
    assert outcome.code == 0 and site.schedule.exists()
    assert changed(site.install("'* * * * *'", enabled="false")) > 0, "a block that is not enabled removes"
    assert not site.schedule.exists() and site.machine.crontab() == ""
    assert changed(site.play(cis_schedule_command="remove")) == 0
    assert len(site.kept("scheduled")) == 2, "reports stay"
    assert site.listed() == [f"no schedule of root in {site.schedule.parent}"]


def test_two_runs_of_a_cluster_are_kept_apart(site: Site) -> None:
    # cron, which runs here, must not start a third one
    assert changed(site.install("0 5 1 1 *")) > 0
    lock = site.reports / "scheduled.lock"

    first = site.start()
    pid = wait_for(lambda: lock.exists() and json.loads(lock.read_text(encoding="utf-8"))["pid"], 60)
    os.kill(pid, signal.SIGSTOP)
    assert site.run() == 75
    told = site.listed()
    owner = json.loads(lock.read_text(encoding="utf-8"))["owner"]
    assert f", did not scan: a scheduled scan of this cluster is running: {owner}, process {pid}, since " in told[1]
    os.kill(pid, signal.SIGCONT)
    assert first.wait(timeout=120) == 0
    assert len(site.kept("scheduled")) == 1 and not lock.exists()

    killed = site.start()
    pid = wait_for(lambda: lock.exists() and json.loads(lock.read_text(encoding="utf-8"))["pid"], 60)
    os.kill(pid, signal.SIGSTOP)
    assert f", is running ({owner}, process {pid}, since " in site.listed()[1]
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 10)
    assert ", has not ended: starting, or was killed; log " in site.listed()[1]
    assert site.run() == 0
    text = re.sub(r"\s+", " ", site.logs()[-1].read_text(encoding="utf-8"))
    assert f"the lock of an earlier scheduled scan is taken over: {owner}, process {pid}, since " in text
    assert "whose process has ended without giving it back" in text
    assert ", a report, exit status 0; log " in site.listed()[1]


def test_a_run_that_fails_before_a_report_is_told(site: Site) -> None:
    inventory = site.directory / "hosts.yml"
    shutil.copytree(scans.PRACTICE / "evidence", site.directory / "evidence")
    shutil.copy(INVENTORY, inventory)
    assert changed(site.install("'@daily'", cis_schedule_inventory=[str(inventory)])) > 0
    (site.directory / "evidence" / "cluster.json").write_text("{", encoding="utf-8")
    assert site.run() == 2
    told = site.listed()
    assert f", no report, exit status 2: cis_scan_replay_dir {site.directory}/evidence/cluster.json: " in told[1]
    assert told[2] == "  last report: none yet"


def test_systemd_gets_a_timer_that_means_the_same(site: Site) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd")
    assert changed(site.install("0 5 13 * 5", cis_schedule_method="cron")) > 0
    outcome = site.install("0 5 13 * 5", cis_schedule_method="systemd")
    assert changed(outcome) > 0
    assert "by systemd as root" in outcome.out and "because systemd does not run on this controller" in outcome.out
    assert site.machine.crontab() == "", "cron does not start it as well"
    assert changed(site.install("0 5 13 * 5", cis_schedule_method="systemd")) == 0
    units = {path.name: path.read_text(encoding="utf-8") for path in site.machine.units.iterdir()}
    assert sorted(units) == ["rke-cis-practice.service", "rke-cis-practice.timer"]
    lines_of_timer = units["rke-cis-practice.timer"].splitlines()
    assert [line for line in lines_of_timer if line.startswith("OnCalendar=")] == [
        "OnCalendar=*-*-13 05:00:00",
        "OnCalendar=Fri *-*-* 05:00:00",
    ]
    for name in units:
        command = ["systemd-analyze", "verify", f"/etc/systemd/system/{name}"]
        done = site.machine.run(command, pathlib.Path("/"), capture_output=True)
        assert "rke-cis" not in done.stderr, done.stderr
    (start,) = re.findall(r'^ExecStart=/bin/sh "(.*)"$', units["rke-cis-practice.service"], re.M)
    assert start.replace("%%", "%") == str(site.schedule / "run")
    assert changed(site.play(cis_schedule_command="remove")) > 0
    assert list(site.machine.units.iterdir()) == [] and not site.schedule.exists()


NEEDED = """
cis_schedule_variables:
  cis_scan_by: the schedule
  my_token: s3cret-s3cret
  cis_notify_notifiers:
    ops:
      type: webhook
      url: !unsafe http://127.0.0.1:9/{{lookup('password','MARK')}}
  cis_notify_retries: 0
"""


def test_what_a_scan_needs_besides_is_kept_secret_and_is_no_template(site: Site) -> None:
    ran = site.directory / "ran"
    (site.directory / "needed.yml").write_text(NEEDED.replace("MARK", str(ran)), encoding="utf-8")
    outcome = site.install("'@daily'", "-vvv", "--diff", "-e", "@needed.yml")
    assert changed(outcome) > 0
    assert "s3cret" not in outcome.out
    kept = (site.schedule / "variables.yml").read_text(encoding="utf-8")
    assert "my_token: s3cret-s3cret" in kept and "url: !unsafe" in kept
    assert changed(site.install("'@daily'", "-e", "@needed.yml")) == 0
    site.run()
    log = site.logs()[0].read_text(encoding="utf-8")
    assert "ops" in log, log
    assert not ran.exists(), "what was marked !unsafe ran"
    (name,) = site.kept("scheduled")
    report = json.loads((site.reports / name / "report.json").read_text(encoding="utf-8"))
    assert report["scan"]["by"] == "the schedule"


def test_root_goes_nowhere_for_another_user(site: Site) -> None:
    """The links of a user of this machine: into what only root may read, write and remove."""
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(prefix="rke-cis-home.") as home:
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        place = pathlib.Path(home, "schedules")
        as_user = {"cis_schedule_user": "nobody", "cis_schedule_dir": str(place)}
        (site.directory / "practice").mkdir()
        (site.directory / "practice" / "schedule.json").write_text("{}", encoding="utf-8")
        place.symlink_to(site.directory)
        before = {path: path.stat().st_uid for path in site.directory.rglob("*")}
        outcome = site.install("'@daily'", **as_user)
        assert f"cis_schedule_dir {place}/practice" in outcome.failure() and "nobody can write to" in outcome.failure()
        assert "Permission denied" in site.play(cis_schedule_command="list", **as_user).failure()
        assert site.play(cis_schedule_command="remove", **as_user).code != 0
        assert before.items() <= {path: path.stat().st_uid for path in site.directory.rglob("*")}.items()
        place.unlink()
        assert changed(site.install("'@daily'", **as_user)) > 0
        assert {path.stat().st_uid for path in place.rglob("*")} == {nobody.pw_uid}


@pytest.mark.parametrize(
    "variables, message",
    [
        ({}, "cis_schedule_cluster_file: not set; name a cluster.yml with the block scheduled_cluster_scan, or set"),
        ({"cis_schedule_cluster_file": "gone.yml"}, "cis_schedule_cluster_file gone.yml: cannot be read: No such file"),
        (
            {"cis_schedule_cluster": "a b"},
            "cis_schedule_cluster 'a b': invalid name; use letters, digits, '_', '.' and '-'",
        ),
        ({"scheduled_cluster_scan": {"enabled": 1}}, "scheduled_cluster_scan.enabled: expected true or false, got 1"),
        (
            {"scheduled_cluster_scan": {"enabled": True, "schedule_config": {"cron_schedule": "0 25 * * *"}}},
            "scheduled_cluster_scan.schedule_config.cron_schedule '0 25 * * *': field 2 (hour): '25' is invalid in",
        ),
        (
            {"scheduled_cluster_scan": {"enabled": True, "schedule_config": {"cron_schedule": "@every 1h"}}},
            "scheduled_cluster_scan.schedule_config.cron_schedule '@every 1h': cron does not support @every; name",
        ),
        (
            {"scheduled_cluster_scan": {"enabled": True}, "cis_schedule_inventory": ["gone"]},
            "cis_schedule_inventory 'gone': no such file; name the cluster's inventory",
        ),
        (
            {"scheduled_cluster_scan": {"enabled": True}, "cis_schedule_variables": {"cis_scan_kind": "manual"}},
            "cis_schedule_variables: cis_scan_kind: the schedule itself sets this; leave it out",
        ),
        (
            {"scheduled_cluster_scan": {"enabled": True}, "cis_schedule_user": "no-such"},
            "cis_schedule_user 'no-such': ",
        ),
        ({"cis_schedule_command": "stop"}, "value of cis_schedule_command must be one of: install, remove, list"),
        ({"cis_schedule_method": "at"}, "value of cis_schedule_method must be one of: cron, systemd"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(
    tmp_path: pathlib.Path, variables: dict[str, t.Any], message: str
) -> None:
    variables = {"cis_schedule_dir": str(tmp_path / "schedules"), **variables}
    outcome = scans.playbook(tmp_path / "run", BOOK, INVENTORY, variables)
    if "must be one of" in message:
        assert outcome.code != 0 and message in outcome.out
    else:
        assert message in outcome.failure()
    assert not (tmp_path / "schedules").exists()
