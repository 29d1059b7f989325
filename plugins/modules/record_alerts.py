#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: record_alerts
short_description: Keep which alerts were sent when
version_added: 1.0.0
description:
  - Writes which of the alerts were delivered, for C(min_interval) of the rules, whole or not at all. An alert that was
    not delivered is not in it, and so is sent at the next scan.
  - In check mode the file is not written.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
author:
  - rke.cis contributors (@rke-cis)
options:
  state:
    description:
      - Path of the file, as M(rke.cis.plan_alerts) returned it.
    type: path
    required: true
  alerts:
    description:
      - The alerts that M(rke.cis.plan_alerts) returned.
    type: list
    elements: dict
    required: true
  results:
    description:
      - What M(rke.cis.send_alert) returned for each of them, in the same order.
    type: list
    elements: dict
    required: true
seealso:
  - module: rke.cis.plan_alerts
  - module: rke.cis.send_alert
"""

EXAMPLES = r"""
- name: Keep that the webhook was told
  rke.cis.record_alerts:
    state: alerts.json
    alerts:
      - notifier: ops
        type: webhook
        alert:
          rule: Controls fail
          severity: critical
          profile: RKE-CIS-1.4-Permissive
          status: firing
          at: "2026-11-21T22:00:00Z"
    results:
      - sent: true
  register: kept
  delegate_to: localhost

- name: Show what became of it
  ansible.builtin.debug:
    msg: "{{ kept.told }}"
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
"""
