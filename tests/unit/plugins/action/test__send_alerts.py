# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers are in tests/integration/test_notify.py."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import ssl
import threading
import time
import typing as t
import urllib.error
from unittest import mock

import pytest

from ansible_collections.rke.cis.plugins.action._send_alerts import ActionModule
from ansible_collections.rke.cis.plugins.plugin_utils._alerts import delivery
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import make_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.alert_helper import DEFAULT_RULES, URL, a_report

OK = (204, "")
REFUSED = (403, "no")
UNTRUSTED = urllib.error.URLError(ssl.SSLCertVerificationError(1, "x"))
t.cast(t.Any, UNTRUSTED.reason).verify_message = "expired"
RULE = {"name": "r", "on": "failures", "min_interval": "1h"}


@pytest.fixture
def request_of(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    """The arguments after a scan."""
    scan = tmp_path / "cis-reports" / "prod" / "x"
    scan.mkdir(parents=True)
    (scan / "report.json").write_text(to_json(a_report()), encoding="utf-8")
    webhook = {"ops": {"type": "webhook", "url": URL}}
    return {"rules": [RULE], "notifiers": webhook, "result": {"report": str(scan / "report.json")}, "delay": 0}


@pytest.fixture(autouse=True)
def exchange(monkeypatch: pytest.MonkeyPatch) -> mock.Mock:
    """What a service answers: status and words, or an error."""
    fake = mock.Mock(return_value=OK)
    monkeypatch.setattr(delivery, "_exchange", fake)
    return fake


def send(args: dict[str, t.Any], answer: t.Any = OK, check: bool = False) -> tuple[dict[str, t.Any], list[t.Any]]:
    """Return the result when the service answers so, and the requests that it got."""
    fake = t.cast(mock.Mock, delivery._exchange)
    fake.reset_mock(side_effect=True)
    fake.configure_mock(return_value=answer, side_effect=answer if isinstance(answer, Exception) else None)
    action = make_action(ActionModule, args)
    action._task.check_mode = check
    result = action.run(None, {})
    assert "\n" not in result.get("msg", "") and "CANARY" not in json.dumps(result)
    return result, [call.args[1] for call in fake.call_args_list]


def test_without_a_scan_nothing_is_sent(request_of: dict[str, t.Any]) -> None:
    del request_of["result"]
    result, sent = send(request_of)
    assert (result["changed"], result["told"], result["undelivered"], sent) == (False, [], [], [])


def test_what_was_sent_is_recorded_and_not_sent_again(request_of: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    first, _sent = send(request_of)
    assert first["state_file"] == str(tmp_path / "cis-reports" / "prod" / "alerts.json")
    assert (first["changed"], first["told"], first["undelivered"]) == (True, ["sent: r (warning) to ops (webhook)"], [])
    second, sent = send(request_of)
    assert sent == [] and "r to ops" in second["told"][0] and second["told"][0].startswith("not sent again before")


def test_what_was_not_delivered_is_reported_and_sent_again(request_of: dict[str, t.Any]) -> None:
    result, _sent = send(request_of, REFUSED)
    (why,) = result["undelivered"]
    assert why == "notifier ops (webhook): HTTP 403 no (1 try)"
    assert result["told"] == [f"NOT SENT: r (warning) to ops (webhook): {why}"]
    assert len(send(request_of)[1]) == 1


def test_check_mode_sends_and_records_nothing(request_of: dict[str, t.Any]) -> None:
    result, sent = send(request_of, check=True)
    assert sent == [] and result["told"] == ["NOT SENT: r (warning) to ops (webhook): check mode"]
    assert not result["changed"] and not pathlib.Path(result["state_file"]).exists()


def test_a_record_that_cannot_be_written_is_a_warning(request_of: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    (tmp_path / "cis-reports" / "prod" / "alerts.json").mkdir()
    result, sent = send(request_of)
    assert len(sent) == 1 and result["undelivered"] == []
    assert "cannot be written" in result["told"][-1] and "alerts may be sent again too soon" in result["told"][-1]


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "rke.cis/alerts/1", "sent": [{"at": "x"}]}'])
def test_a_damaged_record_suppresses_nothing(request_of: dict[str, t.Any], content: str) -> None:
    state = pathlib.Path(send(request_of)[0]["state_file"])
    state.write_text(content, encoding="utf-8")
    result, sent = send(request_of)
    assert len(sent) == 1
    assert str(state) in result["told"][0] and "sent again too soon" in result["told"][0]
    assert send(request_of)[1] == [], "the record is whole again"


@pytest.mark.parametrize("cluster", ["prod", "../../up", "..", ".", "", "/etc"])
def test_a_scan_that_failed(request_of: dict[str, t.Any], tmp_path: pathlib.Path, cluster: str) -> None:
    failed = {"failed": True, "msg": "unknown profile"}
    rules = [{"name": "e", "on": "error", "kind": "scheduled"}, *DEFAULT_RULES]
    base = tmp_path / "reports"
    more = {"cluster": cluster, "kind": "scheduled", "profile": "x", "report_dir": str(base), "result": failed}
    result, (sent,) = send({**request_of, "rules": rules, **more})
    alert = json.loads(sent["body"])
    assert (alert["rule"], alert["failure"]) == ("e", "unknown profile")
    assert base in pathlib.Path(result["state_file"]).resolve().parents, "outside of the reports"


@pytest.mark.parametrize("content", [None, "", "[]", '{"schema": "rke.cis/evidence/1"}'])
def test_what_is_not_a_report_is_rejected(request_of: dict[str, t.Any], content: str | None) -> None:
    path = pathlib.Path(request_of["result"]["report"])
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result, sent = send(request_of)
    assert result["failed"] is True and sent == []
    assert str(path) in result["msg"]


def test_a_test_alert_is_sent_too(request_of: dict[str, t.Any]) -> None:
    request_of["notifiers"]["mine"] = {"type": "custom", "tasks_file": __file__}
    result, sent = send({**request_of, "test": True})
    assert [json.loads(one["body"])["status"] for one in sent] == ["test", "firing"]
    assert [item["alert"]["status"] for item in result["custom"]] == ["test", "firing"]
    assert result["custom"][0]["tasks_file"] == __file__


# ------------------------------------------------------------------------------------------ custom notifiers


@pytest.fixture
def custom(request_of: dict[str, t.Any]) -> dict[str, t.Any]:
    """The result when a custom notifier is the only one: its alert is left for the role."""
    result, sent = send({**request_of, "notifiers": {"mine": {"type": "custom", "tasks_file": __file__}}})
    assert (len(result["custom"]), result["told"], sent) == (1, [], [])
    return result


def test_a_custom_alert_that_was_sent_is_recorded(custom: dict[str, t.Any]) -> None:
    result, _sent = send({"earlier": custom, "item": custom["custom"][0]})
    assert (result["changed"], result["told"]) == (True, ["sent: r (warning) to mine (custom)"])
    (entry,) = json.loads(pathlib.Path(custom["state_file"]).read_text("utf-8"))["sent"]
    assert (entry["rule"], entry["notifier"]) == ("r", "mine")


def test_a_custom_alert_that_failed_is_added_to_the_others(custom: dict[str, t.Any]) -> None:
    earlier = {**custom, "told": ["before"], "undelivered": ["before"]}
    result, _sent = send({"earlier": earlier, "item": custom["custom"][0], "failure": "a\n\x1b[31m{{ 7 }}" + "b" * 999})
    (_before, why) = result["undelivered"]
    assert why.startswith("notifier mine (custom): a ?[31m{{ 7 }}b") and len(why) < 400
    assert result["told"] == ["before", f"NOT SENT: r (warning) to mine (custom): {why}"]
    assert not result["changed"] and not pathlib.Path(custom["state_file"]).exists()


# ------------------------------------------------------------------------------------------------ sending


@pytest.mark.parametrize(
    "answer,tries,words",
    [
        ((500, "oops"), 3, "HTTP 500 oops (3 tries)"),
        ((429, ""), 3, "HTTP 429 (3 tries)"),
        ((404, f"no {URL}"), 1, "HTTP 404 no https://hooks.example.com******** (1 try)"),
        ((302, ""), 1, "HTTP 302 (1 try)"),
        (urllib.error.URLError(OSError("refused")), 3, ": refused (3 tries)"),
        (UNTRUSTED, 1, "the certificate is not trusted: expired (1 try)"),
        (http.client.BadStatusLine("x"), 3, "the answer is not HTTP (BadStatusLine) (3 tries)"),
        (TimeoutError("no complete answer in 10 s"), 3, "no complete answer in 10 s (3 tries)"),
        ((500, "a\n\x1b[31m" + "b" * 9999), 3, "HTTP 500 a ?[31mbbb"),
    ],
)
def test_what_a_service_says_is_reported_without_secrets(
    request_of: dict[str, t.Any], answer: t.Any, tries: int, words: str
) -> None:
    result, sent = send({**request_of, "retries": 2}, answer)
    assert len(sent) == tries
    (why,) = result["undelivered"]
    assert why.startswith("notifier ops (webhook): ") and words in why and len(why) < 400


def test_the_proxy_of_the_task_is_used(request_of: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://other")
    action = make_action(ActionModule, request_of)
    action._task.environment = [{"https_proxy": "http://proxy.example.com"}]
    action._templar.template = lambda value: value
    action.run(None, {})
    assert os.environ["https_proxy"] == "http://proxy.example.com"


def test_each_pause_is_twice_as_long_up_to_a_minute(
    request_of: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    own, sleep = threading.get_ident(), time.sleep

    def pause(seconds: float) -> None:
        """A thread that another test has left pauses for itself."""
        (pauses.append if threading.get_ident() == own else sleep)(seconds)

    monkeypatch.setattr(time, "sleep", pause)
    result, _sent = send({**request_of, "retries": 4, "delay": 10}, (500, ""))
    assert pauses == [10, 20, 40, 60] and result["undelivered"][0].endswith("(5 tries)")


def test_no_retries_is_one_try(request_of: dict[str, t.Any]) -> None:
    assert len(send({**request_of, "retries": 0}, (500, ""))[1]) == 1


@pytest.mark.parametrize("error", [OSError(f"no {URL}"), ValueError(f"no {URL}"), RuntimeError()], ids=repr)
def test_an_error_of_one_notifier_does_not_stop_the_others(request_of: dict[str, t.Any], error: Exception) -> None:
    request_of["notifiers"]["more"] = {"type": "slack", "url": URL}
    result, sent = send({**request_of, "retries": 1}, error)
    assert len(result["undelivered"]) == 2 and "failed" not in result
    assert len(sent) == (4 if isinstance(error, OSError) else 2)


def test_a_wrong_request_is_one_line_without_secrets(request_of: dict[str, t.Any]) -> None:
    result, sent = send({**request_of, "notifiers": {"ops": {"type": "slack", "url": "CANARY"}}})
    assert (result["msg"], sent) == ("cis_notify_notifiers ops: url must be an http(s) URL", [])
