# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""plan_alerts, send_alert and record_alerts. Real servers are in tests/integration/test_notify.py."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.rke.cis.plugins.action import plan_alerts, record_alerts, send_alert
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json
from ansible_collections.rke.cis.tests.unit.plugins.action.action_helper import make_action, run_action
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.alert_helper import (
    DEFAULT_RULES,
    NOTIFIERS,
    URL,
    a_report,
    an_alert,
)

RULE = {"name": "r", "on": "failures", "min_interval": "1h"}


@pytest.fixture
def request_of(tmp_path: pathlib.Path) -> dict[str, t.Any]:
    """What plan_alerts is asked after a scan."""
    scan = tmp_path / "cis-reports" / "prod" / "x"
    scan.mkdir(parents=True)
    (scan / "report.json").write_text(to_json(a_report()), encoding="utf-8")
    webhook = {"ops": {"type": "webhook", "url": URL}}
    return {"rules": [RULE], "notifiers": webhook, "result": {"report": str(scan / "report.json")}}


def plan(args: dict[str, t.Any]) -> dict[str, t.Any]:
    return run_action(plan_alerts.ActionModule, args)


def keep(planned: dict[str, t.Any], *results: dict[str, t.Any], check: bool = False) -> dict[str, t.Any]:
    args = {"state": planned["state"], "alerts": planned["alerts"] + planned["custom"], "results": list(results)}
    action = make_action(record_alerts.ActionModule, args)
    action._task.check_mode = check
    return action.run(None, {})


def test_without_a_result_only_the_request_is_checked(request_of: dict[str, t.Any]) -> None:
    del request_of["result"]
    planned = plan(request_of)
    assert (planned["alerts"], planned["custom"], planned["suppressed"]) == ([], [], [])


def test_what_was_sent_is_kept_and_not_sent_again(request_of: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    first = plan(request_of)
    assert first["state"] == str(tmp_path / "cis-reports" / "prod" / "alerts.json")
    kept = keep(first, {"sent": True})
    assert (kept["told"], kept["undelivered"]) == (["sent: r (warning) to ops (webhook)"], [])
    second = plan(request_of)
    assert second["alerts"] == []
    assert "r to ops" in second["suppressed"][0]


@pytest.mark.parametrize("result", [{"sent": False, "msg": "notifier ops: no"}, {"msg": "notifier ops: no"}])
def test_what_was_not_delivered_is_told_and_sent_again(request_of: dict[str, t.Any], result: dict[str, t.Any]) -> None:
    kept = keep(plan(request_of), result)
    assert kept["undelivered"] == ["notifier ops: no"]
    assert kept["told"] == ["NOT SENT: r (warning) to ops (webhook): notifier ops: no"]
    assert len(plan(request_of)["alerts"]) == 1


def test_check_mode_keeps_nothing(request_of: dict[str, t.Any]) -> None:
    planned = plan(request_of)
    keep(planned, {"sent": True}, check=True)
    assert not pathlib.Path(planned["state"]).exists()


def test_where_nothing_can_be_kept_is_a_warning(request_of: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    planned = plan(request_of)
    (tmp_path / "file").write_text("")
    kept = keep({**planned, "state": str(tmp_path / "file" / "alerts.json")}, {"sent": True})
    assert "failed" not in kept
    assert "alerts may be sent again too soon" in kept["warnings"][0]


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "rke.cis/alerts/1", "sent": [{"at": "x"}]}'])
def test_a_damaged_record_silences_nothing(request_of: dict[str, t.Any], content: str) -> None:
    keep(plan(request_of), {"sent": True})
    state = pathlib.Path(plan(request_of)["state"])
    state.write_text(content, encoding="utf-8")
    planned = plan(request_of)
    assert len(planned["alerts"]) == 1
    assert str(state) in planned["warnings"][0] and "sent again too soon" in planned["warnings"][0]
    keep(planned, {"sent": True})
    assert plan(request_of)["warnings"] == []


@pytest.mark.parametrize("cluster", ["prod", "../../up", "..", ".", "", "/etc"])
def test_a_scan_that_failed(request_of: dict[str, t.Any], tmp_path: pathlib.Path, cluster: str) -> None:
    failed = {"failed": True, "msg": "unknown profile"}
    rules = [{"name": "e", "on": "error", "kind": "scheduled"}, *DEFAULT_RULES]
    base = tmp_path / "reports"
    more = {"cluster": cluster, "kind": "scheduled", "profile": "x", "report_dir": str(base), "result": failed}
    planned = plan({**request_of, "rules": rules, **more})
    assert [item["alert"]["rule"] for item in planned["alerts"]] == ["e"]
    assert planned["alerts"][0]["alert"]["failure"] == "unknown profile"
    state = pathlib.Path(planned["state"])
    assert base in state.resolve().parents, "outside of the reports"


@pytest.mark.parametrize("content", [None, "", "[]", '{"schema": "rke.cis/evidence/1"}'])
def test_what_is_no_report_is_refused(request_of: dict[str, t.Any], content: str | None) -> None:
    path = pathlib.Path(request_of["result"]["report"])
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result = plan(request_of)
    assert result["failed"] is True
    assert str(path) in result["msg"]


def test_a_sample_is_sent_too(request_of: dict[str, t.Any]) -> None:
    request_of["notifiers"]["mine"] = {"type": "custom", "tasks_file": __file__}
    planned = plan({**request_of, "test": True})
    assert [item["alert"]["status"] for item in planned["alerts"]] == ["test", "firing"]
    assert [item["alert"]["status"] for item in planned["custom"]] == ["test", "firing"]
    assert planned["custom"][0]["tasks_file"] == __file__


# ------------------------------------------------------------------------------------------------ sending


def send(answer: t.Any, notifier: str = "webhook", **more: t.Any) -> tuple[dict[str, t.Any], t.Any]:
    """Return what send_alert returns when uri answers so, and the action."""
    args = {"name": "ops", "notifier": NOTIFIERS[notifier], "alert": an_alert(), "delay": 0, **more}
    action = make_action(send_alert.ActionModule, args, answer)
    action._task.check_mode = more.get("check", False)
    return action.run(None, {}), action


def test_uri_gets_the_very_text_verifies_and_does_not_log() -> None:
    result, action = send({"status": 204})
    assert (result["sent"], result["attempts"]) == (True, 1)
    keywords = action._execute_module.call_args.kwargs
    assert keywords["module_name"] == "ansible.builtin.uri"
    args = keywords["module_args"]
    assert isinstance(args["body"], str) and json.loads(args["body"]) == an_alert()
    assert (args["validate_certs"], args["follow_redirects"], args["use_netrc"]) == (True, "none", False)
    assert keywords["task_vars"]["ansible_no_target_syslog"] is True


@pytest.mark.parametrize(
    "answer,tries,words",
    [
        ({"failed": True, "status": 500, "content": "oops"}, 3, "HTTP 500 oops (3 tries)"),
        ({"failed": True, "status": 429, "content": ""}, 3, "HTTP 429 (3 tries)"),
        ({"failed": True, "status": 404, "content": f"no {URL}"}, 1, "HTTP 404 no ******** (1 try)"),
        ({"failed": True, "status": 302}, 1, "HTTP 302 (1 try)"),
        (
            {"failed": True, "status": -1, "msg": "Status code was -1 and not [200]: Request failed: x"},
            3,
            ": x (3 tries)",
        ),
        ({"failed": True, "msg": "Failed to validate the SSL certificate for h:1"}, 1, "certificate for h:1 (1 try)"),
        ({"failed": True}, 3, "uri gave no reason (3 tries)"),
        ({"failed": True, "status": 500, "content": "a\n\x1b[31m" + "b" * 9999}, 3, "HTTP 500 a ?[31mbbb"),
    ],
)
def test_what_uri_says_is_told_without_secrets(answer: dict[str, t.Any], tries: int, words: str) -> None:
    result, action = send(answer, retries=2)
    assert (result["failed"], result["sent"], result["attempts"]) == (True, False, tries)
    assert action._execute_module.call_count == tries
    assert result["msg"].startswith("notifier ops (webhook): ") and words in result["msg"]
    assert "CANARY" not in result["msg"] and len(result["msg"]) < 400


def test_no_retries_is_one_try() -> None:
    assert send({"failed": True, "status": 500}, retries=0)[0]["attempts"] == 1


def test_check_mode_sends_nothing() -> None:
    action = make_action(send_alert.ActionModule, {"name": "o", "notifier": NOTIFIERS["slack"], "alert": an_alert()})
    action._task.check_mode = True
    assert action.run(None, {})["sent"] is False
    assert action._execute_module.call_count == 0


def test_a_wrong_notifier_is_one_line_without_its_secrets() -> None:
    result = run_action(
        send_alert.ActionModule, {"name": "ops", "notifier": {"type": "slack", "url": "CANARY"}, "alert": {}}
    )
    assert result["msg"] == "cis_notify_notifiers ops: url is no http or https address"


def test_a_custom_notifier_is_not_sent() -> None:
    notifier = {"type": "custom", "tasks_file": __file__}
    result = run_action(send_alert.ActionModule, {"name": "ops", "notifier": notifier, "alert": {}})
    assert "tasks of a custom notifier are included" in result["msg"]
