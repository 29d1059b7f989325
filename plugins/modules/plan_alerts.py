#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: plan_alerts
short_description: Find out which alerts a scan gives
version_added: 1.0.0
description:
  - Checks rules and notifiers, and returns one alert for each rule that fires and each of its notifiers. Nothing is
    sent.
  - What is wrong with rules and notifiers is told in one line. Without O(result) that is all that is done.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
author:
  - rke.cis contributors (@rke-cis)
options:
  rules:
    description:
      - Rules, as in C(cis_notify_rules) of the role P(rke.cis.cis_notify#role).
    type: list
    elements: raw
    required: true
  notifiers:
    description:
      - Name to notifier, as in C(cis_notify_notifiers) of the role P(rke.cis.cis_notify#role).
    type: dict
    required: true
  result:
    description:
      - What M(rke.cis.score_evidence) returned. If it is a failed result, its C(msg) is why there is no report.
    type: dict
    default: {}
  test:
    description:
      - Whether there is a sample for each notifier, too.
    type: bool
    default: false
  report_dir:
    description:
      - Directory for the reports of all clusters. Of a scan with a report it is known.
    type: path
    default: cis-reports
  cluster:
    description:
      - Name of the cluster, for a scan without a report.
    type: str
    default: local
  profile:
    description:
      - Profile, for a scan without a report.
    type: str
    default: ""
  kind:
    description:
      - Whether a person started the scan or a schedule did, for a scan without a report.
    type: str
    choices:
      - manual
      - scheduled
    default: manual
  scanned_by:
    description:
      - Who scanned, for a scan without a report.
    type: str
    default: ""
seealso:
  - module: rke.cis.send_alert
  - module: rke.cis.record_alerts
"""

EXAMPLES = r"""
- name: Find out what the webhook is to hear of
  rke.cis.plan_alerts:
    rules:
      - name: A scan was completed
        "on": completed
        severity: critical
        min_interval: 24h
    notifiers:
      ops:
        type: webhook
        url: https://alerts.example.com/cis
    result:
      report: report.json
  register: planned
  delegate_to: localhost

- name: Show it
  ansible.builtin.debug:
    msg: "{{ planned.alerts | map(attribute='alert.subject') }}"
"""

RETURN = r"""
alerts:
  description: Alerts to send with M(rke.cis.send_alert).
  returned: success
  type: list
  elements: dict
  contains: &item
    notifier:
      description: Name of the notifier.
      returned: always
      type: str
      sample: ops
    type:
      description: Type of the notifier.
      returned: always
      type: str
      sample: webhook
    tasks_file:
      description: Path of the tasks of a custom notifier, else empty.
      returned: always
      type: str
      sample: ""
    alert:
      description: The alert, a document of the form C(docs/alert.schema.json).
      returned: always
      type: dict
      sample: {schema: rke.cis/alert/1, status: firing, severity: critical}
custom:
  description: Alerts of custom notifiers, whose tasks are to be included.
  returned: success
  type: list
  elements: dict
  contains: *item
suppressed:
  description: A line for each alert that was sent too short ago.
  returned: success
  type: list
  elements: str
  sample: ["not sent again before 2026-11-22T22:00:00Z (min_interval): Controls fail to ops"]
state:
  description: Path of the file that M(rke.cis.record_alerts) is to write.
  returned: success
  type: str
  sample: cis-reports/local/alerts.json
"""
