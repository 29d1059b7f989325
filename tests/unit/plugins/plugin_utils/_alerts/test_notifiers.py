# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._alerts.content import scan_without_report, text
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.notifiers import TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import check_request, samples
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.alert_helper import (
    HOSTILE,
    NOTIFIERS,
    NOW,
    URL,
    a_report,
    a_scan,
    an_alert,
    options,
)

HTTP = ["slack", "pagerduty", "webhook", "msteams"]
FAILED = scan_without_report("prod", "x", "scheduled", "cron", "unknown profile 'x'")
HOSTILE_SCAN = a_scan(a_report(name=HOSTILE, node_errors={HOSTILE: HOSTILE}, cluster=HOSTILE))


def request(options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
    return TYPES[options["type"]].request(options, alert)


def mail(options: dict[str, t.Any], alert: dict[str, t.Any]) -> email.message.EmailMessage:
    return t.cast(t.Any, TYPES["email"]).mail(options, alert)


def without_secrets(said: str, options: dict[str, t.Any]) -> str:
    return TYPES[options["type"]].without_secrets(said, options)


def body(notifier: str, **rule: t.Any) -> dict[str, t.Any]:
    return json.loads(request(options(notifier), an_alert(**rule))["body"])


def test_text_has_it_all() -> None:
    scan = a_scan(
        a_report(waivers=[{"controls": ["1.*"], "owner": "bob", "status": "expiring", "expires": "2026-12-01"}]),
        compared_with="before",
        newly_failing=["1.1.2"],
    )
    assert text(an_alert(scan)) == (
        "Alert:     My rule (warning)\n"
        "Cluster:   prod\n"
        "Profile:   RKE-CIS-1.4-Hardened\n"
        "Scan:      manual, by alice\n"
        f"Result:    {scan['counts']['pass']} pass, 1 fail, 0 skip, 19 not applicable, 0 error; 97 controls\n"
        "New:       1.1.2\n"
        "Fixed:     nothing\n"
        "Failing:   1.1.2 (high) on n1: Ensure that the --basic-auth-file argument is not set\n"
        "Waivers:   1.* of bob: expiring, 2026-12-01\n"
        "Report:    /reports/prod/x/report.json\n"
    )


def test_text_of_a_scan_that_did_not_run() -> None:
    said = text(an_alert(FAILED, on="error"))
    assert "No report: unknown profile 'x'\n" in said
    assert "Result" not in said and "Failing" not in said


def test_text_names_nodes_that_were_not_seen_and_counts_the_rest() -> None:
    report = a_report(node_errors={f"n{number:02}": "no route" for number in range(12)})
    said = text(an_alert(a_scan(report), on="error"))
    assert "Not seen:  n00: no route\n           n01: no route\n" in said
    assert "           and 2 more, see the report\n" in said


@pytest.mark.parametrize("severity,colour", [("info", "good"), ("warning", "warning"), ("critical", "danger")])
def test_slack(severity: str, colour: str) -> None:
    sent = body("slack", severity=severity)
    assert sent["text"].startswith(f"[rke.cis] {severity}: cluster prod: 1 of 97 controls fail")
    (attachment,) = sent["attachments"]
    assert attachment["color"] == colour
    assert "*Failing:* 1.1.2 (high) on n1" in attachment["blocks"][0]["text"]["text"]


def test_slack_is_sent_nothing_that_it_would_act_on_and_no_section_that_is_too_long() -> None:
    sent = body("slack", scan=HOSTILE_SCAN, name="<!here> & co")
    blocks = sent["attachments"][0]["blocks"]
    for said in [sent["text"], *(block["text"]["text"] for block in blocks)]:
        assert "<" not in said and ">" not in said
        assert len(said) <= 3000
    assert "&lt;!here&gt; &amp; co" in blocks[0]["text"]["text"]
    long = a_report()
    long["node_errors"] = {f"n{number}{'x' * 190}": "y" * 200 for number in range(10)}
    blocks = body("slack", scan=a_scan(long), on="error")["attachments"][0]["blocks"]
    assert len(blocks) == 2
    failed = scan_without_report("prod", "x", "manual", "", "&" * 1000)
    blocks += body("slack", scan=failed, on="error")["attachments"][0]["blocks"]
    assert all(len(block["text"]["text"]) <= 3000 for block in blocks)


@pytest.mark.parametrize("severity", ["info", "warning", "critical"])
def test_pagerduty(severity: str) -> None:
    sent = body("pagerduty", severity=severity)
    assert sent["routing_key"] == "CANARY-key"
    assert sent["event_action"] == "trigger"
    payload = sent["payload"]
    assert (payload["severity"], payload["source"], payload["timestamp"]) == (severity, "prod", "2026-11-21T22:00:00Z")
    assert payload["summary"].startswith("[rke.cis]") and len(payload["summary"]) <= 1024
    assert payload["custom_details"]["failing"][0]["id"] == "1.1.2"
    assert request(options("pagerduty"), an_alert())["url"] == "https://events.pagerduty.com/v2/enqueue"


def test_pagerduty_knows_what_belongs_to_one_incident() -> None:
    keys = {
        body("pagerduty", name=name, scan=a_scan(a_report(cluster=cluster, profile=profile)))["dedup_key"]
        for name in ("r", "s")
        for cluster in ("a", HOSTILE)
        for profile in ("p", "P", "q")
    }
    assert len(keys) == 8  # profiles in any letter case are the same
    assert all(len(key) <= 255 for key in keys)
    firing = an_alert()
    resolved = json.loads(request(options("pagerduty"), {**firing, "status": "resolved"})["body"])
    assert resolved == {
        "routing_key": "CANARY-key",
        "event_action": "resolve",
        "dedup_key": body("pagerduty")["dedup_key"],
    }


def test_msteams_is_sent_a_card_without_markdown() -> None:
    sent = body("msteams", scan=HOSTILE_SCAN)
    (attachment,) = sent["attachments"]
    assert (sent["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}
    assert len(json.dumps(sent)) < 28_000


def test_webhook_body_is_signed_to_the_byte() -> None:
    made = request(options("webhook"), an_alert(HOSTILE_SCAN))
    assert json.loads(made["body"]) == an_alert(HOSTILE_SCAN)
    assert made["body"].isascii()
    digest = hmac.new(b"CANARY-secret", made["body"].encode(), hashlib.sha256).hexdigest()
    assert made["headers"]["X-Rke-Cis-Signature"] == f"sha256={digest}"
    assert made["headers"]["Authorization"] == "CANARY-token"


def test_without_a_secret_there_is_no_signature() -> None:
    _rules, checked = check_request([], {"n": {"type": "webhook", "url": URL}})
    assert request(checked["n"], an_alert())["headers"] == {"Content-Type": "application/json"}


@pytest.mark.parametrize("scan", [a_scan(), HOSTILE_SCAN], ids=["plain", "hostile"])
def test_mail(scan: dict[str, t.Any]) -> None:
    alert = an_alert(scan)
    message = email.message_from_bytes(mail(options("email"), alert).as_bytes(), policy=email.policy.default)
    assert message["Subject"] == alert["subject"]
    assert (message["From"], message["To"]) == ("cis@example.com", "ops@example.com, sec@example.com")
    assert message.get_content().replace("\r\n", "\n") == text(alert)
    assert message["Date"] and message["Message-ID"]
    assert not message.defects


def test_recipients_of_a_rule_go_before_those_of_the_notifier() -> None:
    assert mail(options("email"), an_alert(recipients=["boss@example.com"]))["To"] == "boss@example.com"


@pytest.mark.parametrize("name", NOTIFIERS)
def test_secrets_are_in_no_text(name: str) -> None:
    for alert in (an_alert(), an_alert(FAILED, on="error")):
        assert "CANARY" not in text(alert) and "CANARY" not in json.dumps(alert)
    for item in samples(check_request([], NOTIFIERS)[1], a_scan(), NOW):
        assert text(item["alert"]) == "Test:      alerts of the CIS scan arrive here\n"


@pytest.mark.parametrize(
    "name,said",
    [
        ("slack", f"cannot open {URL} now"),
        ("slack", "no such hook /services/T0/B0/CANARY"),
        ("slack", "no such hook B0/CANARY"),
        ("webhook", "bad token CANARY-token, bad CANARY-secret"),
        ("pagerduty", "invalid routing key CANARY-key"),
        ("email", "535 CANARY-password is wrong"),
    ],
)
def test_secrets_are_taken_out_of_errors(name: str, said: str) -> None:
    cleaned = without_secrets(said, options(name))
    assert "CANARY" not in cleaned and "********" in cleaned


def test_a_short_path_is_no_secret() -> None:
    _rules, checked = check_request([], {"n": {"type": "slack", "url": "https://x/"}})
    assert without_secrets("a/b", checked["n"]) == "a/b"
