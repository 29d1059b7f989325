#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: score_evidence
short_description: Score recorded evidence and write the reports
version_added: 1.0.0
description:
  - Scores the evidence documents in a directory against a profile, and writes all that a scan leaves, C(report.json),
    the reports in other formats, and the index of the cluster's scans. No node is touched.
  - Compares the result with the last scan of the same cluster and profile, and prunes old scans if O(keep) says so.
  - Publishes a summary as M(ansible.builtin.set_stats) does, named C(cis_summary_<number of the AWX job>), or
    C(cis_summary) elsewhere. AWX keeps it as an artifact of the job.
  - The same evidence gives the same bytes.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
  - rke.cis._options.place
  - rke.cis._options.origin
  - rke.cis._options.benchmarks
  - rke.cis._options.profile
  - rke.cis._options.scoring
  - rke.cis._options.files
  - rke.cis._options.retention
  - rke.cis._options.result
attributes:
  idempotent:
    support: none
    details:
      - It always writes, and says so.
author:
  - rke.cis contributors (@rke-cis)
options:
  evidence_dir:
    description:
      - Directory with the evidence documents of the nodes (C(node-*.json)) and of the cluster (C(cluster.json)).
      - The ConfigMap of O(skip_source) is the one that was recorded with them.
    type: path
  scan_dir:
    description:
      - Directory of a scan that the role P(rke.cis.cis_scan#role) has planned. All other options are then taken from
        the plan in it. So a scan that was interrupted or killed is finished, too.
    type: path
seealso:
  - module: rke.cis.compare_reports
  - module: rke.cis.render_report
"""

EXAMPLES = r"""
- name: Score last night's evidence against the other profile
  rke.cis.score_evidence:
    profile: RKE-CIS-1.4-Hardened
    evidence_dir: evidence
    report_dir: cis-reports
  register: score
  delegate_to: localhost

- name: Show what fails
  ansible.builtin.debug:
    msg: "{{ score.counts.fail }} fail: {{ score.failed_controls | join(', ') }}"
"""

RETURN = r"""
report:
  description: Path of the report.
  returned: success
  type: str
  sample: cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive/report.json
files:
  description: Paths of all reports, that of C(report.json) first.
  returned: success
  type: list
  elements: str
  sample:
    - cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive/report.json
scan_dir:
  description: Directory of the report.
  returned: success
  type: str
  sample: cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive
profile:
  description: Full name of the profile.
  returned: success
  type: str
  sample: RKE-CIS-1.4-Permissive
counts:
  description: Number of controls in each state. Mixed ones count as failed.
  returned: success
  type: dict
  sample:
    total: 97
    pass: 63
    fail: 0
    warn: 0
    skip: 15
    notApplicable: 19
    error: 0
    manual: 0
failed_controls:
  description: Ids of the controls that fail on at least one node.
  returned: success
  type: list
  elements: str
  sample: []
warned_controls:
  description: Ids of the controls that fail on at least one node, but are not scored.
  returned: success
  type: list
  elements: str
  sample: []
unexamined_controls:
  description: Number of controls that could not be examined on every node that they run on.
  returned: success
  type: int
  sample: 0
unexamined_nodes:
  description: Nodes that could not be examined at all.
  returned: success
  type: list
  elements: str
  sample: []
compared_with:
  description:
    - Name of the scan that this one is compared with, which is the last one of the same cluster and profile before it.
    - Empty if there is none. Then the two lists after this one say nothing.
  returned: success
  type: str
  sample: 20261120T220000Z-rke-cis-1.4-permissive
newly_failing:
  description: Ids of the controls that fail on a node on which they did not fail in that scan.
  returned: success
  type: list
  elements: str
  sample: []
fixed:
  description: Ids of the controls that failed on a node in that scan and pass there now. On another one they may fail.
  returned: success
  type: list
  elements: str
  sample: []
changes:
  description: What has changed since the scan in RV(compared_with), for people.
  returned: success
  type: list
  elements: str
  sample:
    - "Since 2026-11-20T22:00:12Z: 0 newly failing, 1 fixed (1.1.8 on cp1)"
removed:
  description: Directories of scans that were pruned.
  returned: success
  type: list
  elements: str
  sample: []
lines:
  description: Where the reports are, and what was pruned, for people.
  returned: success
  type: list
  elements: str
  sample:
    - cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive
gates:
  description: What O(fail_on) and O(thresholds) name, in this order.
  returned: success
  type: list
  elements: dict
  contains:
    gate:
      description: Its name, as in O(fail_on), or its dotted key in O(thresholds).
      returned: success
      type: str
      sample: failed.total.max
    figure:
      description:
        - The number that the scan has, of controls, of nodes for V(unreachable), in percent for V(compliance).
        - For V(controls) the ids. Null for V(compliance) if no scored control was judged.
      returned: success
      type: raw
      sample: 0
    limit:
      description: The limit, 0 for what O(fail_on) names.
      returned: success
      type: raw
      sample: 3
    failed:
      description: Whether the figure is beyond the limit, or nothing was judged but what is C(error).
      returned: success
      type: bool
      sample: false
    note:
      description: Set if nothing was judged, or if there is no scan to compare with. Empty otherwise.
      returned: success
      type: str
      sample: ""
    text:
      description: All of this in a line, with the first names if there are too many.
      returned: success
      type: str
      sample: "failed.total.max: 0, must be at most 3"
  sample:
    - {gate: fail, figure: 1, limit: 0, failed: true, note: "", text: "fail: 1, must be at most 0 (1.1.8)"}
failed_gates:
  description: Names of the gates that failed.
  returned: success
  type: list
  elements: str
  sample: []
outcome:
  description: The result in one line, and then a line for each gate that failed.
  returned: success
  type: str
  sample: >-
    RKE-CIS-1.4-Permissive: 0 of 97 controls fail, 0 could not be examined on every node; report
    cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive/report.json
"""
