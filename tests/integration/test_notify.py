# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts of the practice scan, to real servers. Needs no test bed."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import time
import typing as t

import pytest
import scans
import trustme
import yaml
from receivers import KEY, PASSWORD, SECRET, TOKEN, Https, Smtp, closed_port, silent
from scans import ROOT

PRACTICE = scans.PRACTICE / "inventory.yml"
FAILING = ["1.4.21", "2.1.1", "2.1.4"]  # of the practice cluster
CLEAN = {"cis_scan_skip": FAILING}
FOUR = yaml.safe_load((ROOT / "roles/cis_notify/defaults/main.yml").read_text(encoding="utf-8"))["cis_notify_rules"]
COMPLETED = {"name": "Completed", "on": "completed"}
ALL = ["slack", "email", "pagerduty", "webhook", "msteams"]


class Servers:
    """The servers of one test, and the notifiers that know them."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        ca, other = trustme.CA(), trustme.CA()
        self.ca, self.other_ca = directory / "ca.pem", directory / "other-ca.pem"
        ca.cert_pem.write_to_path(str(self.ca))
        other.cert_pem.write_to_path(str(self.other_ca))
        certificate = ca.issue_cert("localhost")
        self.https, self.smtp, self.smtps = Https(certificate), Smtp(certificate), Smtp(certificate, implicit=True)
        self.good = Https(certificate)
        tls = {"ca_path": str(self.ca), "timeout": 5}
        mail = {"host": "localhost", "username": "cis", "password": PASSWORD, "sender": "cis@example.com"}
        mail["recipients"] = ["ops@example.com"]
        self.notifiers: dict[str, dict[str, t.Any]] = {
            "slack": {"type": "slack", "url": self.https.url("slack"), **tls},
            "email": {"type": "email", "port": self.smtp.port, **mail, **tls},
            "pagerduty": {"type": "pagerduty", "url": self.https.url("pagerduty"), "routing_key": KEY, **tls},
            "webhook": {"type": "webhook", "url": self.https.url("webhook"), "secret": SECRET, **tls},
            "msteams": {"type": "msteams", "url": self.https.url("msteams"), **tls},
        }
        self.smtps_notifier = {**self.notifiers["email"], "port": self.smtps.port, "tls": "implicit"}
        self.good_notifier = {**self.notifiers["webhook"], "url": self.good.url("webhook")}

    def stop(self) -> None:
        for server in (self.https, self.smtp, self.smtps, self.good):
            server.stop()

    def scan(self, *rules: dict[str, t.Any], arguments: t.Sequence[str] = (), **variables: t.Any) -> scans.Outcome:
        """Run a practice scan in the test's directory, with all notifiers unless others are given."""
        more = {
            "cis_notify_notifiers": self.notifiers,
            "cis_notify_rules": list(rules) or [COMPLETED],
            "cis_notify_delay": 0.1,
            **variables,
        }
        file = self.directory / "alerts.json"  # on the command line, Ansible itself would print them with -vvvv
        file.write_text(json.dumps(more), encoding="utf-8")
        return scans.playbook(self.directory / "run", scans.SCAN, PRACTICE, {}, "-e", f"@{file}", *arguments)

    @property
    def reports(self) -> list[pathlib.Path]:
        """Reports that are there and whole, the oldest first."""
        found = sorted((self.directory / "run" / "cis-reports").glob("*/*/report.json"))
        for path in found:
            json.loads(path.read_text(encoding="utf-8"))
            assert (path.parent / "report.csv").stat().st_size
        return found

    @property
    def state(self) -> pathlib.Path:
        return self.directory / "run" / "cis-reports" / "practice" / "alerts.json"


@pytest.fixture
def servers(tmp_path: pathlib.Path) -> t.Iterator[Servers]:
    made = Servers(tmp_path)
    yield made
    made.stop()
    assert made.https.errors == made.good.errors == []


def said(outcome: scans.Outcome) -> str:
    """Return what the role shows."""
    found = re.search(r"TASK \[rke.cis.cis_notify : Show result\].*?\n\n", outcome.out, re.S)
    return found[0] if found else ""


# --------------------------------------------------------------------------------------------- what arrives


def test_every_service_gets_the_body_that_it_documents(servers: Servers) -> None:
    servers.notifiers["smtps"] = servers.smtps_notifier
    failures = {"name": "Failures", "on": "failures", "severity": "critical", "recipients": ["boss@example.com"]}
    outcome = servers.scan(COMPLETED, failures)
    assert outcome.code == 0, outcome.out
    assert servers.https.requests == [name for name in ALL if name != "email"] * 2
    assert len(servers.https.bodies) == 8
    for alert in servers.https.got("webhook"):
        assert alert["cluster"] == "practice"
        assert [item["id"] for item in alert["failing"]] == FAILING
        assert alert["counts"]["fail"] == 3
        assert pathlib.Path(alert["report"]) == servers.reports[0]
    assert [alert["severity"] for alert in servers.https.got("webhook")] == ["warning", "critical"]
    for server in (servers.smtp, servers.smtps):
        assert [recipients for recipients, _mail in server.mails] == [["ops@example.com"], ["boss@example.com"]]
        mail = server.mails[1][1]
        assert mail["Subject"] == (
            "[rke.cis] critical: cluster practice: 3 of 97 controls fail (RKE-CIS-1.4-Permissive, manual scan)"
        )
        for words in (*FAILING, "on worker1", "60 pass, 3 fail", str(servers.reports[0])):
            assert words in mail.get_content()
    assert said(outcome).count('"sent: ') == 12


@pytest.mark.parametrize("failing", [True, False], ids=["fails", "clean"])
@pytest.mark.parametrize("scanned", ["manual", "scheduled"])
def test_alerts_exactly_as_the_rules_say(servers: Servers, scanned: str, failing: bool) -> None:
    """The four alerts with each severity, for both kinds of scan."""
    rules = [
        {**rule, "name": f"{rule['name']} {severity}", "severity": severity}
        for rule, severity in itertools.product(FOUR, ("info", "warning", "critical"))
    ]
    notifiers = {"webhook": servers.notifiers["webhook"]}
    variables = {"cis_scan_kind": scanned, "cis_scan_cluster": "p", **({} if failing else CLEAN)}
    outcome = servers.scan(*rules, cis_notify_notifiers=notifiers, **variables)
    assert outcome.code == 0, outcome.out
    got = [(alert["on"], alert["kind"], alert["severity"]) for alert in servers.https.got("webhook")]
    conditions = ["completed", "failures"] if failing else ["completed"]
    assert got == list(itertools.product(conditions, [scanned], ["info", "warning", "critical"]))


def test_a_notifier_activates_the_four_alerts(servers: Servers) -> None:
    variables = {"cis_notify_notifiers": {"webhook": servers.notifiers["webhook"]}}
    outcome = scans.playbook(servers.directory / "run", scans.SCAN, PRACTICE, variables)
    assert outcome.code == 0, outcome.out
    got = [(alert["rule"], alert["severity"]) for alert in servers.https.got("webhook")]
    assert got == [("A manual cluster scan was completed", "info"), ("A manual cluster scan has failures", "warning")]


def test_without_a_notifier_nothing_runs(tmp_path: pathlib.Path) -> None:
    outcome = scans.playbook(tmp_path, scans.SCAN, PRACTICE)
    assert outcome.code == 0, outcome.out
    assert "rke.cis.cis_notify" not in outcome.out
    written = sorted(path.name for path in (tmp_path / "cis-reports" / "practice").iterdir())
    assert written == [outcome.where.name, "index.json"]


def test_not_again_within_the_interval(servers: Servers) -> None:
    rule = {"name": "Daily", "on": "failures", "min_interval": "24h", "notifiers": ["webhook"]}
    servers.scan(rule)
    outcome = servers.scan(rule)
    assert len(servers.https.got("webhook")) == 1
    assert re.search(r"not sent again before \S+Z \(min_interval\): Daily to webhook", said(outcome))
    state = json.loads(servers.state.read_text(encoding="utf-8"))
    state["sent"][0]["at"] = "2026-01-01T00:00:00Z"
    servers.state.write_text(json.dumps(state), encoding="utf-8")
    servers.scan(rule)
    assert len(servers.https.got("webhook")) == 2
    servers.state.write_text("{", encoding="utf-8")
    outcome = servers.scan(rule)
    assert "alerts may be sent again too soon" in outcome.out
    assert len(servers.https.got("webhook")) == 3
    assert json.loads(servers.state.read_text(encoding="utf-8"))["sent"][0]["rule"] == "Daily"


def test_an_alert_that_was_not_delivered_is_sent_at_the_next_scan(servers: Servers) -> None:
    rule = {"name": "Daily", "on": "failures", "min_interval": "24h", "notifiers": ["webhook", "slack"]}
    servers.https.fault, servers.https.faults_left = 403, 1  # for slack, or whichever comes first
    assert servers.scan(rule).code == 2
    assert servers.scan(rule).code == 0
    assert (len(servers.https.got("webhook")), len(servers.https.got("slack"))) == (1, 1)


def test_pagerduty_hears_that_it_is_over(servers: Servers) -> None:
    rule = {"name": "Failures", "on": "failures", "notifiers": ["pagerduty", "slack"]}
    for variables in ({}, CLEAN, CLEAN):
        assert servers.scan(rule, **variables).code == 0
    trigger, resolve = servers.https.got("pagerduty")
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"]
    assert len(servers.https.got("slack")) == 1


def test_a_scan_that_cannot_run_is_told_and_fails_as_before(servers: Servers, tmp_path: pathlib.Path) -> None:
    wrong = {"cis_scan_profile": "nonsense", "cis_scan_kind": "scheduled"}
    plain = scans.playbook(tmp_path / "plain", scans.SCAN, PRACTICE, wrong).failure()
    outcome = servers.scan(
        {"name": "Broken", "on": "error", "kind": "scheduled"}, {"name": "x", "on": "completed"}, **wrong
    )
    assert outcome.failure() == plain
    (alert,) = servers.https.got("webhook")
    assert (alert["rule"], alert["kind"], alert["failure"], alert["report"]) == ("Broken", "scheduled", plain, "")
    assert len(servers.smtp.mails) == 1
    assert "the scan did not run" in servers.smtp.mails[0][1]["Subject"]


def test_a_node_that_is_lost_is_told(servers: Servers, tmp_path: pathlib.Path) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    for path in (PRACTICE.parent / "evidence").iterdir():
        (evidence / path.name).write_bytes(path.read_bytes())
    lost = {"kind": "unreachable", "message": '<!channel> {{ 7 * 7 }} \x1b[31m it\'s "gone"'}
    document = {"schema": "rke.cis/evidence/1", "node": "cp1", "roles": ["controlplane"], "error": lost}
    (evidence / "node-cp1.json").write_text(json.dumps(document), encoding="utf-8")
    kept = tmp_path / "kept.json"
    tasks = tmp_path / "tasks.yml"
    task = {"name": "Keep it", "ansible.builtin.copy": {"dest": str(kept), "mode": "0600"}}
    task["ansible.builtin.copy"]["content"] = "{{ cis_notify_alert | to_json }}"
    tasks.write_text(yaml.safe_dump([task]), encoding="utf-8")
    servers.notifiers["mine"] = {"type": "custom", "tasks_file": str(tasks)}
    outcome = servers.scan({"name": "Lost", "on": "error"}, cis_scan_replay_dir=str(evidence))
    assert "nothing was seen of cp1" in outcome.failure()
    (alert,) = servers.https.got("webhook")
    expected = [{"node": "cp1", "reason": 'unreachable: <!channel> {{ 7 * 7 }} ?[31m it\'s "gone"'}]
    assert alert["unexamined_nodes"] == expected
    assert json.loads(kept.read_text(encoding="utf-8")) == alert
    slack = json.dumps(servers.https.got("slack"))
    assert "&lt;!channel&gt;" in slack and "<" not in slack


# ------------------------------------------------------------------------------------------------ what fails


def _broken(servers: Servers, fault: t.Any, ports: contextlib.ExitStack) -> dict[str, dict[str, t.Any]]:
    """Return the notifiers, each of which has this fault."""
    notifiers = copy.deepcopy(servers.notifiers)
    if fault in ("network", "hang", "drop"):
        port = {
            "network": closed_port,
            "hang": lambda: ports.enter_context(silent(None)),
            "drop": lambda: ports.enter_context(silent(b"")),
        }[fault]()
        for notifier in notifiers.values():
            notifier["timeout"] = 1
            notifier["port" if notifier["type"] == "email" else "url"] = (
                port if notifier["type"] == "email" else re.sub(r":\d+/", f":{port}/", notifier["url"])
            )
    elif fault == "certificate":
        for notifier in notifiers.values():
            notifier["ca_path"] = str(servers.other_ca)
    elif fault == "password":
        notifiers["email"]["password"] = "CANARYwrong"
        notifiers["pagerduty"]["routing_key"] = "CANARYwrong"
        notifiers["webhook"]["secret"] = "CANARYwrong"
        for name in ("slack", "msteams"):
            notifiers[name]["url"] += "CANARYwrong"
    else:
        servers.https.fault = servers.smtp.fault = fault
    return notifiers


# Fault to what each notifier is said to suffer from (http, mail) and how often it is tried.
FAULTS: dict[t.Any, tuple[str, str, str]] = {
    "network": ("Connection refused", "Connection refused", r"\(2 tries\)"),
    "hang": ("no complete answer in 1 s", "no complete answer in 1 s", r"\(2 tries\)"),
    "drop": ("", "Connection unexpectedly closed", r"\(2 tries\)"),
    "certificate": ("certificate", "certificate of localhost is not trusted", r"\(1 try\)"),
    "password": ("HTTP 400", "the server rejected username and password", r"\(1 try\)"),
    500: (r"HTTP 500 went wrong with \*{8} ", "451 went wrong with", r"\(2 tries\)"),
    403: (r"HTTP 403 went wrong with", "554 went wrong with", r"\(1 try\)"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_whatever_fails_the_report_is_kept_others_are_told_and_each_error_is_named(
    servers: Servers, fault: t.Any
) -> None:
    with contextlib.ExitStack() as ports:
        notifiers = {**_broken(servers, fault, ports), "good": servers.good_notifier}
        outcome = servers.scan(
            cis_notify_notifiers=notifiers, cis_notify_retries=1, cis_scan_fail_on=["fail"], arguments=["-vvvv"]
        )
    assert outcome.code == 2
    assert len(servers.reports) == 1
    assert "RKE-CIS-1.4-Permissive: 3 of 97 controls fail" in outcome.out  # the judge has spoken, too
    assert len(servers.good.got("webhook")) == 1
    assert servers.https.bodies == servers.smtp.mails == []
    (final,) = re.findall(r'^ +"msg": ("notifier slack .*"),?$', outcome.out, re.M)
    errors = {words.split(" ")[0]: words for words in json.loads(final)[len("notifier ") :].split("; notifier ")}
    assert sorted(errors) == sorted(ALL), final
    http, mail, tries = FAULTS[fault]
    for name, words in errors.items():
        assert re.match(rf"{name} \({name}\): .*{mail if name == 'email' else http}.*{tries}$", words), words
    assert "CANARY" not in outcome.out
    servers.https.errors.clear()


def test_a_short_fault_is_overcome_by_trying_again(servers: Servers) -> None:
    servers.https.fault, servers.https.faults_left = 500, 2
    outcome = servers.scan({**COMPLETED, "notifiers": ["webhook"]})
    assert outcome.code == 0, outcome.out
    assert servers.https.requests == ["webhook"] * 3
    assert len(servers.https.got("webhook")) == 1


def test_a_failed_notifier_need_not_fail_the_play(servers: Servers) -> None:
    servers.https.fault = 403
    outcome = servers.scan({**COMPLETED, "notifiers": ["slack"]}, cis_notify_fail=False)
    assert outcome.code == 0, outcome.out
    assert "NOT SENT: Completed (warning) to slack (slack): notifier slack (slack): HTTP 403" in said(outcome)


def test_custom_tasks_that_fail_are_named_and_others_run(servers: Servers, tmp_path: pathlib.Path) -> None:
    (tmp_path / "bad.yml").write_text("- ansible.builtin.fail:\n    msg: pager {{ '{{' }} 7 }} is empty\n")
    (tmp_path / "fine.yml").write_text("- ansible.builtin.debug:\n    msg: told\n")
    notifiers = {name: {"type": "custom", "tasks_file": str(tmp_path / f"{name}.yml")} for name in ("bad", "fine")}
    outcome = servers.scan(cis_notify_notifiers={**notifiers, "good": servers.good_notifier})
    assert outcome.code == 2
    assert "sent: Completed (warning) to fine (custom)" in said(outcome)
    assert "to bad (custom): notifier bad (custom): pager {{ 7 }} is empty" in said(outcome)
    assert len(servers.good.got("webhook")) == 1


def test_a_scan_killed_while_it_sends_keeps_its_report(servers: Servers) -> None:
    with silent(None) as port:
        slow = {**servers.notifiers["slack"], "url": f"https://localhost:{port}/x", "timeout": 60}
        variables = {"cis_notify_notifiers": {"slow": slow}, "cis_notify_rules": [COMPLETED]}
        (servers.directory / "run").mkdir()
        command = ["ansible-playbook", "-i", str(PRACTICE), str(scans.SCAN), *scans.extra(variables)]
        with open(servers.directory / "out", "wb") as out:
            process = subprocess.Popen(
                command,
                cwd=servers.directory / "run",
                env=scans.environment(),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        limit = time.monotonic() + 60
        while b"cis_notify : Send alerts" not in (servers.directory / "out").read_bytes() and time.monotonic() < limit:
            time.sleep(0.1)
        time.sleep(1)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert len(servers.reports) == 1
    assert not servers.state.exists()
    assert servers.scan({**COMPLETED, "notifiers": ["webhook"]}).code == 0
    assert len(servers.reports) == 2
    assert len(servers.https.got("webhook")) == 1


# ------------------------------------------------------------------------------------------------- the rest


def test_check_mode_sends_nothing_and_says_what_it_would(servers: Servers) -> None:
    outcome = servers.scan(arguments=["--check"])
    assert outcome.code == 0, outcome.out
    assert servers.https.requests == servers.smtp.mails == []
    assert said(outcome).count("check mode") == 5
    assert not servers.state.exists()


def test_a_sample_through_every_notifier(servers: Servers) -> None:
    """As the guide shows it, with one of them down."""
    servers.notifiers["down"] = {**servers.notifiers["webhook"], "url": f"https://localhost:{closed_port()}/{TOKEN}"}
    file = servers.directory / "alerts.yml"
    file.write_text(yaml.safe_dump({"cis_notify_notifiers": servers.notifiers, "cis_notify_retries": 0}))
    command = ["ansible", "localhost", "-m", "ansible.builtin.include_role", "-a", "name=rke.cis.cis_notify"]
    command += ["-e", "cis_notify_test=true", "-e", f"@{file}"]
    done = subprocess.run(
        command, cwd=servers.directory, env=scans.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stdout + done.stderr
    for name in ALL:
        assert f"sent: Test of the notifiers (info) to {name} ({name})" in done.stdout
    assert "NOT SENT: Test of the notifiers (info) to down (webhook): notifier down (webhook): " in done.stdout
    assert [alert["status"] for alert in servers.https.got("webhook")] == ["test"]
    assert servers.smtp.mails[0][1]["Subject"] == "[rke.cis] test: alerts of cluster local arrive here"
    assert "CANARY" not in done.stdout + done.stderr
    assert not list(servers.directory.rglob("cis-reports/**/alerts.json"))
