#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: plan_awx
short_description: Check what AWX is to know of a cluster's scans
version_added: 1.0.0
description:
  - Reads the block C(scheduled_cluster_scan) of a cluster, checks it, and returns what a job template and a schedule of
    AWX have to say. It asks no AWX and changes nothing.
  - What is wrong is one line that names the key.
  - It is the first task of the role P(rke.cis.cis_awx#role).
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
author:
  - rke.cis contributors (@rke-cis)
requirements:
  - cronsim (Python library) on the controller, 2.6 or later
options:
  cluster:
    description:
      - Name of the cluster.
    type: str
    default: local
  cluster_file:
    description:
      - A C(cluster.yml) with the block at its top level.
    type: path
  block:
    description:
      - The block itself, in place of O(cluster_file).
    type: raw
  timezone:
    description:
      - Time zone by whose clocks the cron expression is meant.
    type: str
    default: UTC
  variables:
    description:
      - Further variables for the job template. Those that the block sets or the survey asks are refused, and so is what
        looks like a secret.
    type: dict
    default: {}
seealso:
  - plugin: rke.cis.cron_to_rrule
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See what a schedule of AWX would be
  rke.cis.plan_awx:
    cluster: prod
    cluster_file: cluster.yml
    timezone: Europe/Berlin
  register: plan

- name: Show its rules
  ansible.builtin.debug:
    msg: "{{ plan.rrule }}"
"""

RETURN = r"""
enabled:
  description: Whether the block asks for a schedule.
  returned: success
  type: bool
  sample: true
profiles:
  description: All profiles there are.
  returned: success
  type: list
  elements: str
  sample:
    - RKE-CIS-1.4-Permissive
    - RKE-CIS-1.4-Hardened
profile:
  description: The one that the block names, or Rancher's default.
  returned: success
  type: str
  sample: RKE-CIS-1.4-Permissive
skip:
  description: Ids that the block skips, with commas between them.
  returned: success
  type: str
  sample: 1.1.2,1.1.5
skip_source:
  description: Where ids to skip come from.
  returned: success
  type: str
  sample: variable
variables:
  description: Variables of all scans, O(variables) among them.
  returned: success
  type: dict
  sample:
    cis_scan_cluster: prod
cron:
  description: The cron expression in five fields.
  returned: if enabled
  type: str
  sample: 0 0 * * *
rrule:
  description: The same as recurrence rules.
  returned: if enabled
  type: str
  sample: DTSTART:20260101T000000Z RRULE:FREQ=DAILY;INTERVAL=1;BYHOUR=0;BYMINUTE=0
"""
