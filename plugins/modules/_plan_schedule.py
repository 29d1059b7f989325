#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: _plan_schedule
short_description: "[INTERNAL] Check a schedule of scans"
version_added: 1.0.0
description:
  - Checks the block C(scheduled_cluster_scan) of a cluster, and returns what cron, systemd or AWX need for it. It
    changes nothing.
  - This module is private to the roles P(rke.cis.cis_schedule#role) and P(rke.cis.cis_awx#role). It can have breaking
    changes at any time.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
  - rke.cis._schedule
author:
  - rke.cis contributors (@rke-cis)
options:
  method:
    description:
      - What starts the scans.
    type: str
    choices:
      - cron
      - systemd
      - awx
    default: cron
  command:
    description:
      - What will be done. With V(remove) the block is not read.
    type: str
    choices:
      - install
      - remove
    default: install
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
  variables:
    description:
      - Further variables of the scans.
    type: dict
    default: {}
  inventory:
    description:
      - Existing inventories of the cluster, for cron and systemd.
    type: list
    elements: str
    default: []
  report_dir:
    description:
      - Directory for the reports of all clusters, for cron and systemd.
    type: path
    default: cis-reports
  timezone:
    description:
      - Time zone of the cron expression, for AWX.
    type: str
    default: UTC
  formats:
    description:
      - Formats of reports to check, for AWX.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Check the request
  rke.cis._plan_schedule:
    method: systemd
    cluster: prod
    cluster_file: cluster.yml
    inventory:
      - inventory.ini
"""

RETURN = r"""
enabled:
  description: Whether the block asks for a schedule.
  returned: success
  type: bool
  sample: true
variables:
  description: Variables of the scans that follow from the block.
  returned: if enabled
  type: dict
  sample:
    cis_scan_cluster: prod
on_calendar:
  description: The cron expression as values of C(OnCalendar), for cron and systemd.
  returned: if enabled
  type: list
  elements: str
  sample:
    - "*-*-* 00:00:00"
rrule:
  description: The cron expression as recurrence rules, for AWX.
  returned: if enabled
  type: str
  sample: DTSTART:20260101T000000Z RRULE:FREQ=DAILY;INTERVAL=1;BYHOUR=0;BYMINUTE=0
"""
