#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: schedules_info
short_description: List schedules of scans with their last and next runs
version_added: 1.0.0
description:
  - Returns for each schedule of a user its last run and the outcome, its next runs, and how many runs were missed.
  - Runs are read from the logs that they leave, so runs that failed before a report are included.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
  - rke.cis._schedule
author:
  - rke.cis contributors (@rke-cis)
options:
  cluster:
    description:
      - List only the schedule of this cluster. Empty means all clusters.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: List schedules
  rke.cis.schedules_info:
  register: found

- name: Fail if runs were missed
  ansible.builtin.assert:
    that: found.schedules | selectattr('missed_runs', 'gt', 0) | list | length == 0
"""

RETURN = r"""
lines:
  description: The schedules as lines of text.
  returned: success
  type: list
  elements: str
  sample:
    - "prod: 0 0 * * * by cron as root, RKE-CIS-1.4-Permissive, keeps 24 reports"
schedules:
  description: The schedules, by cluster.
  returned: success
  type: list
  elements: dict
  contains:
    cluster:
      description: Name of the cluster.
      returned: always
      type: str
      sample: prod
    cron:
      description: The cron expression in five fields.
      returned: always
      type: str
      sample: 0 0 * * *
    method:
      description: V(cron) or V(systemd).
      returned: always
      type: str
      sample: cron
    user:
      description: User that scans.
      returned: always
      type: str
      sample: root
    profile:
      description: Benchmark and profile.
      returned: always
      type: str
      sample: RKE-CIS-1.4-Permissive
    report_dir:
      description: Directory of the reports of all clusters.
      returned: always
      type: str
      sample: /root/cis-reports
    retention:
      description: How many scheduled scans are kept.
      returned: always
      type: int
      sample: 24
    last_run:
      description:
        - The last run, empty if there was none.
        - It has C(started), in UTC; C(log); C(exit_status), null if it has not ended, V(75) if another run kept it from
          scanning; C(error), the last error in the log; C(scan), the name of its scan if there is a report;
          C(running_as), who holds the cluster's lock if it has not ended.
      returned: always
      type: dict
      sample: {}
    last_scan:
      description: C(name) and C(counts) of the last scheduled scan with a report, empty if there is none.
      returned: always
      type: dict
      sample: {}
    next_runs:
      description: The next three runs, in the controller's time zone.
      returned: always
      type: list
      elements: str
      sample:
        - 2026-11-23 00:00 +0000
    missed_runs:
      description:
        - How many runs were missed since the last run, or since it was installed. V(1000) means 1000 or more.
      returned: always
      type: int
      sample: 0
    lines:
      description: Its lines of text.
      returned: always
      type: list
      elements: str
      sample: []
"""
