#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: send_alert
short_description: Send one alert through one notifier
version_added: 1.0.0
description:
  - Sends an alert that M(rke.cis.plan_alerts) returned, by M(ansible.builtin.uri) or by SMTP.
  - Tries again, each time after twice the pause, where that may help. A wrong password, an untrusted certificate or a
    request that the service does not understand are told at once.
  - In check mode nothing is sent.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
attributes:
  idempotent:
    support: none
    details:
      - Called twice, it sends twice.
author:
  - rke.cis contributors (@rke-cis)
options:
  name:
    description:
      - Name of the notifier, for messages.
    type: str
    required: true
  notifier:
    description:
      - The notifier, as in C(cis_notify_notifiers) of the role P(rke.cis.cis_notify#role). It holds secrets, so the
        task needs C(no_log).
    type: dict
    required: true
  alert:
    description:
      - The alert.
    type: dict
    required: true
  retries:
    description:
      - How often to try again.
    type: int
    default: 3
  delay:
    description:
      - Seconds before the second try. Before each later one it is twice as long, up to a minute.
    type: float
    default: 2
seealso:
  - module: rke.cis.plan_alerts
"""

EXAMPLES = r"""
- name: Find out what the webhook is to hear of
  rke.cis.plan_alerts:
    rules:
      - name: A scan was completed
        "on": completed
    notifiers:
      ops:
        type: webhook
        url: "{{ alerts_url }}"
    result:
      report: report.json
  register: planned
  delegate_to: localhost

- name: Tell it
  rke.cis.send_alert:
    name: ops
    notifier:
      type: webhook
      url: "{{ alerts_url }}"
    alert: "{{ planned.alerts[0].alert }}"
  no_log: true
  register: told
  delegate_to: localhost

- name: Show how often it was tried
  ansible.builtin.debug:
    msg: "{{ told.attempts }}"
"""

RETURN = r"""
sent:
  description: Whether the service has it.
  returned: success
  type: bool
  sample: true
attempts:
  description: How often it was tried.
  returned: success
  type: int
  sample: 1
msg:
  description: Why it was not sent, with the name of the notifier and without its secrets; V(sent) if it was.
  returned: success
  type: str
  sample: sent
"""
