#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: _store_schedule
short_description: "[INTERNAL] Write or remove the files of a schedule"
version_added: 1.0.0
description:
  - Writes or removes the directory of a schedule, with the rights of its user only.
  - Writes C(cis_schedule_variables) too. Strings that look like templates are written as C(!unsafe), encrypted ones as
    C(!vault) with ansible-core up to 2.18.
  - This module is private to the role P(rke.cis.cis_schedule#role). It can have breaking changes at any time.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
attributes:
  check_mode:
    support: full
    details:
      - It says whether it would change something, and does nothing.
author:
  - rke.cis contributors (@rke-cis)
options:
  user:
    description:
      - The user that scans.
    type: str
    default: ""
  dir:
    description:
      - Directory of the schedule.
    type: path
    required: true
  state:
    description:
      - Whether the directory is there afterwards.
    type: str
    choices:
      - present
      - absent
    default: present
  schedule:
    description:
      - What M(rke.cis.schedules_info) reads.
    type: dict
    default: {}
  variables:
    description:
      - Variables of the scans that follow from the schedule.
    type: dict
    default: {}
  script:
    description:
      - The script that cron or systemd starts.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Remove a schedule's directory
  rke.cis._store_schedule:
    dir: ~/.rke-cis/schedules/prod
    state: absent
"""

RETURN = r"""
path:
  description: Directory of the schedule.
  returned: success
  type: str
  sample: /root/.rke-cis/schedules/prod
"""
