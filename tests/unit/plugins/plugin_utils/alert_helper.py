# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alerts of made-up scans."""

from __future__ import annotations

import copy
import datetime
import functools
import json
import pathlib
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._alerts.content import scan_of_report
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import check_request, plan
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.build import build_report
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.evidence_helper import (
    BENCHMARK,
    cluster,
    node,
    set_flag,
)

ROOT = pathlib.Path(__file__).resolve().parents[4]
NOW = datetime.datetime(2026, 11, 21, 22, 0, 0, tzinfo=datetime.timezone.utc)
URL = "https://hooks.example.com/services/T0/B0/CANARY"
HOSTILE = 'n<!channel>&{{ 1 }}\x1b[31m\n"*_' + "x" * 400
SCHEMA = json.loads((ROOT / "docs" / "alert.schema.json").read_text(encoding="utf-8"))
DEFAULT_RULES = yaml.safe_load((ROOT / "roles/cis_notify/defaults/main.yml").read_text(encoding="utf-8"))[
    "cis_notify_rules"
]
NOTIFIERS: dict[str, dict[str, t.Any]] = {
    "slack": {"type": "slack", "url": URL},
    "email": {
        "type": "email",
        "host": "mail.example.com",
        "sender": "cis@example.com",
        "recipients": ["ops@example.com", "sec@example.com"],
        "username": "u",
        "password": "CANARY-password",
    },
    "pagerduty": {"type": "pagerduty", "routing_key": "CANARY-key"},
    "webhook": {"type": "webhook", "url": URL, "secret": "CANARY-secret", "headers": {"Authorization": "CANARY-token"}},
    "msteams": {"type": "msteams", "url": URL},
}


@functools.cache
def _report(failing: bool, kind: str, name: str) -> dict[str, t.Any]:
    document = node(name)
    if failing:
        set_flag(document, "kube-apiserver", "--basic-auth-file=/x")
    about = {"name": "20261121T220000Z-rke-cis-1.4-hardened", "kind": kind, "by": "alice"}
    return build_report(BENCHMARK, "hardened", [document], cluster(), cluster="prod", scan=about)


def a_report(failing: bool = True, kind: str = "manual", name: str = "n1", **more: t.Any) -> dict[str, t.Any]:
    return {**copy.deepcopy(_report(failing, kind, name)), **more}


def a_scan(report: dict[str, t.Any] | None = None, **result: t.Any) -> dict[str, t.Any]:
    return scan_of_report(report or a_report(), "/reports/prod/x/report.json", result)


def options(name: str) -> dict[str, t.Any]:
    """Return a notifier with its defaults."""
    return check_request([], NOTIFIERS)[1][name]


def an_alert(scan: dict[str, t.Any] | None = None, **rule: t.Any) -> dict[str, t.Any]:
    """Return the alert of a rule that fires."""
    wanted = {"name": "My rule", "on": "failures", "notifiers": ["slack"], **rule}
    rules, notifiers = check_request([wanted], NOTIFIERS)
    (item,) = plan(rules, notifiers, scan or a_scan(), [], NOW)[0]
    return item["alert"]
