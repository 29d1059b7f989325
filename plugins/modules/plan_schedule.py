#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: plan_schedule
short_description: Check what a schedule of scans is to be
version_added: 1.0.0
description:
  - Reads the block C(scheduled_cluster_scan) of a cluster, checks it, and returns all that has to be written for cron
    or systemd. It changes nothing.
  - What is wrong is one line that names the key.
  - It is the first task of the role P(rke.cis.cis_schedule#role).
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
author:
  - rke.cis contributors (@rke-cis)
requirements:
  - cronsim (Python library) on the controller, 2.6 or later
options:
  command:
    description:
      - What is going to happen. With V(remove) nobody looks at the block.
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
  method:
    description:
      - What starts the scans.
    type: str
    choices:
      - cron
      - systemd
    default: cron
  user:
    description:
      - User of the controller that scans. Empty means the one who runs the playbook.
    type: str
    default: ""
  dir:
    description:
      - Directory of the schedules. C(~) is the home of O(user).
    type: str
    default: ~/.rke-cis/schedules
  inventory:
    description:
      - Inventories of the cluster. They must be there.
    type: list
    elements: str
    default: []
  report_dir:
    description:
      - Directory for the reports of all clusters.
    type: path
    default: cis-reports
  variables:
    description:
      - Names of the further variables of the scans. Those that the schedule sets itself are refused.
    type: list
    elements: str
    default: []
seealso:
  - module: rke.cis.schedules_info
"""

EXAMPLES = r"""
- name: See when the scans would be
  rke.cis.plan_schedule:
    cluster: prod
    cluster_file: cluster.yml
    inventory:
      - inventory.ini
  register: plan

- name: Show the expression in systemd's words
  ansible.builtin.debug:
    msg: "{{ plan.on_calendar }}"
"""

RETURN = r"""
enabled:
  description: Whether the block asks for a schedule. If not, only what is needed to remove one is returned.
  returned: success
  type: bool
  sample: true
user:
  description: Name of the user that scans.
  returned: success
  type: str
  sample: root
dir:
  description: Directory of this schedule.
  returned: success
  type: str
  sample: /root/.rke-cis/schedules/prod
has_crontab:
  description: Whether there is a C(crontab) on the controller.
  returned: success
  type: bool
  sample: true
unit_dir:
  description: Directory of the units of systemd.
  returned: success
  type: str
  sample: /etc/systemd/system
unit_scope:
  description: Whose units they are, V(system) for root and V(user) for others.
  returned: success
  type: str
  sample: system
systemd_runs:
  description: Whether systemd runs on the controller.
  returned: success
  type: bool
  sample: true
cron:
  description: The cron expression in five fields.
  returned: if enabled
  type: str
  sample: 0 0 * * *
cron_fields:
  description: The same by field.
  returned: if enabled
  type: dict
  sample:
    minute: "0"
    hour: "0"
    day-of-month: "*"
    month: "*"
    day-of-week: "*"
on_calendar:
  description: The same as values of C(OnCalendar) of a timer of systemd.
  returned: if enabled
  type: list
  elements: str
  sample:
    - "*-*-* 00:00:00"
profile:
  description: Benchmark and profile.
  returned: if enabled
  type: str
  sample: RKE-CIS-1.4-Permissive
variables:
  description: Variables of the scans that follow from the block.
  returned: if enabled
  type: dict
  sample:
    cis_scan_kind: scheduled
inventory:
  description: O(inventory) with full paths.
  returned: if enabled
  type: list
  elements: str
  sample:
    - /root/inventory.ini
program:
  description: Path of C(ansible-playbook).
  returned: if enabled
  type: str
  sample: /usr/bin/ansible-playbook
ansible_config:
  description: Path of the C(ansible.cfg) in use, empty if there is none.
  returned: if enabled
  type: str
  sample: /etc/ansible/ansible.cfg
collections_path:
  description: Where collections are looked for.
  returned: if enabled
  type: str
  sample: /root/.ansible/collections:/usr/share/ansible/collections
busy:
  description: By these words a run is told that did not scan since another one was running.
  returned: if enabled
  type: str
  sample: a scheduled scan of this cluster is running
busy_status:
  description: Exit status of such a run.
  returned: if enabled
  type: int
  sample: 75
schema:
  description: Form of the file that describes the schedule.
  returned: if enabled
  type: str
  sample: rke.cis/schedule/1
"""
