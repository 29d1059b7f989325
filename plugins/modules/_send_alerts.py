#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: _send_alerts
short_description: "[INTERNAL] Send the alerts of a scan"
version_added: 1.0.0
description:
  - Decides which alerts a scan gives, sends them, and writes down what was sent.
  - Its arguments hold secrets, so the task needs C(no_log).
  - This module is private to the role P(rke.cis.cis_notify#role). It can have breaking changes at any time.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
  - rke.cis._options.place
  - rke.cis._options.origin
attributes:
  idempotent:
    support: none
    details:
      - Called twice, it sends twice.
author:
  - rke.cis contributors (@rke-cis)
options:
  rules:
    description:
      - C(cis_notify_rules) of the role.
    type: raw
  notifiers:
    description:
      - C(cis_notify_notifiers) of the role.
    type: raw
  retries:
    description:
      - C(cis_notify_retries) of the role.
    type: int
    default: 3
  delay:
    description:
      - C(cis_notify_delay) of the role.
    type: float
    default: 2
  test:
    description:
      - Whether to send a test alert to each notifier.
    type: bool
    default: false
  result:
    description:
      - What M(rke.cis.score_evidence) returned. If it failed, C(msg) says why no report was written, and O(report_dir),
        O(cluster), O(profile), O(kind) and O(scanned_by) say of which scan.
    type: dict
    default: {}
  profile:
    description:
      - Profile, for a scan without a report.
    type: str
    default: ""
  earlier:
    description:
      - The result so far. With it, only the outcome of O(item) is recorded.
    type: dict
  item:
    description:
      - An alert of a custom notifier whose tasks have run.
    type: dict
  failure:
    description:
      - Why the tasks failed. Empty if they did not.
    type: raw
    default: ""
"""

EXAMPLES = r"""
- name: Send alerts
  rke.cis._send_alerts:
    rules: "{{ cis_notify_rules }}"
    notifiers: "{{ cis_notify_notifiers }}"
    result: "{{ cis_scan_result }}"
  no_log: true
"""

RETURN = r"""
told:
  description: A line for each alert.
  returned: success
  type: list
  elements: str
  sample: ["sent: Controls fail (critical) to ops (webhook)"]
undelivered:
  description: Why alerts were not sent, a line for each.
  returned: success
  type: list
  elements: str
  sample: []
custom:
  description: Alerts of custom notifiers, whose tasks the role includes.
  returned: success
  type: list
  elements: dict
  sample: []
state_file:
  description: Path of the file with the alerts that were sent.
  returned: success
  type: str
  sample: cis-reports/local/alerts.json
"""
