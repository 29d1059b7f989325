#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: manage_reports
short_description: List, show, copy and remove stored reports
version_added: 1.0.0
description:
  - Works with the scans of one cluster, the directories in C(<report_dir>/<cluster>). What else lies there is left
    alone.
  - A scan is complete if its C(report.json) is whole. An incomplete one is running, was killed, or has failed.
  - It keeps an index of them, C(index.json), for other programs. The directories are the truth.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
  - rke.cis._options.place
  - rke.cis._options.retention
attributes:
  check_mode:
    support: full
    details:
      - With V(download), V(attestations), V(delete) and V(prune) it says what it would do, and does nothing.
author:
  - rke.cis contributors (@rke-cis)
options:
  command:
    description:
      - V(list) lists all scans, newest last.
      - V(show) gives the summary of one.
      - V(download) copies one to O(dest).
      - V(attestations) writes a file of attestations to O(dest), to be filled in, with an entry for each manual control
        that is open in one.
      - V(delete) removes the one that O(name) names. One that may still be running (no report, and something written in
        the last hour) is refused.
      - V(prune) removes by O(keep) and O(incomplete_days).
    type: str
    choices:
      - list
      - show
      - download
      - attestations
      - delete
      - prune
    default: list
  name:
    description:
      - Name of the scan, which is that of its directory. With V(show), V(download) and V(attestations) none means
        the newest complete one.
    type: str
    default: ""
  dest:
    description:
      - Where V(download) copies to. A directory, in which the scan's directory is made, or a name that ends in
        C(.tar.gz) or C(.tgz), for a bundle. What is there already is not overwritten.
      - The file that V(attestations) writes.
    type: path
  evidence:
    description:
      - Whether V(download) copies the evidence too.
    type: bool
    default: true
seealso:
  - module: rke.cis.render_report
"""

EXAMPLES = r"""
- name: Keep 24 scheduled scans
  rke.cis.manage_reports:
    command: prune
    cluster: prod
    keep:
      scheduled: 24
  register: pruned
  delegate_to: localhost

- name: Say what was removed
  ansible.builtin.debug:
    msg: "{{ pruned.lines }}"

- name: Bundle the newest report
  rke.cis.manage_reports:
    command: download
    cluster: prod
    dest: prod.tar.gz
  delegate_to: localhost
"""

RETURN = r"""
lines:
  description: What there is, or what was done, for people.
  returned: success
  type: list
  elements: str
  sample:
    - removed cis-reports/prod/20261121T220000Z-rke-cis-1.4-permissive-scheduled
scans:
  description:
    - The scans, newest last. Each has C(name), C(kind), C(complete), C(collected_at), C(profile), C(score),
      C(weighted_score), C(counts), C(files), C(not_scanned), how many nodes of the cluster it left out, and C(only), by
      what its controls were chosen.
  returned: with V(list) and V(show)
  type: list
  elements: dict
  sample: []
directory:
  description: Directory of the cluster's scans.
  returned: success
  type: str
  sample: cis-reports/prod
dest:
  description: The copy, or the file.
  returned: with V(download) and V(attestations)
  type: str
  sample: prod.tar.gz
removed:
  description: Directories that were removed, or would be.
  returned: with V(delete) and V(prune)
  type: list
  elements: str
  sample: []
"""
