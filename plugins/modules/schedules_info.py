#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: schedules_info
short_description: Tell which schedules of scans there are, and what became of their runs
version_added: 1.0.0
description:
  - Tells for each schedule of a user when it ran last and what came of that, when it will run next, and how often it
    should have run since then and did not.
  - A run is known by the log that it leaves, also if it failed before there was a report.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
author:
  - rke.cis contributors (@rke-cis)
requirements:
  - cronsim (Python library) on the controller, 2.6 or later
options:
  user:
    description:
      - User of the controller whose schedules they are. Empty means the one who runs the playbook.
    type: str
    default: ""
  dir:
    description:
      - Directory of the schedules. C(~) is the home of O(user).
    type: str
    default: ~/.rke-cis/schedules
  cluster:
    description:
      - Tell of this cluster only. Empty means all.
    type: str
    default: ""
seealso:
  - module: rke.cis.plan_schedule
"""

EXAMPLES = r"""
- name: See which schedules there are
  rke.cis.schedules_info:
  register: found

- name: Fail if runs were missed
  ansible.builtin.assert:
    that: found.schedules | selectattr('missed_runs', 'gt', 0) | list | length == 0
"""

RETURN = r"""
lines:
  description: The same for people.
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
        - It has C(started), in UTC; C(log); C(exit_status), none if it has not ended, V(75) if another run kept it from
          scanning; C(error), the last one in the log; C(scan), the name of its scan if there is a report;
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
        - How often it should have run since the last run, or since it was installed. At most 1000, which may be more.
      returned: always
      type: int
      sample: 0
    lines:
      description: What the lines for people say of it.
      returned: always
      type: list
      elements: str
      sample: []
"""
