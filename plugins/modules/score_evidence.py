#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: score_evidence
short_description: Score recorded evidence and write the report
version_added: 1.0.0
description:
  - Scores the evidence documents in a directory against a profile and writes C(report.json). No node is touched.
  - The same evidence gives the same bytes.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
attributes:
  idempotent:
    support: none
    details:
      - It always writes, and says so.
author:
  - rke.cis contributors (@rke-cis)
options:
  profile:
    description:
      - Benchmark and profile in any letter case, such as V(RKE-CIS-1.4-Hardened).
    type: str
    required: true
  parameters:
    description:
      - Values in place of the defaults of the benchmark's parameters. RKE-CIS-1.3 has V(pod_security_policy), the name
        of the policy that its controls V(1.7.1) to V(1.7.7) look at.
    type: dict
  evidence_dir:
    description:
      - Directory with the evidence documents of the nodes (C(node-*.json)) and of the cluster (C(cluster.json)).
    type: str
    required: true
  nodes:
    description:
      - Host to its RKE roles, for the nodes that the report must hold. Documents of other nodes are left out.
      - Without it all documents count.
    type: dict
    default: {}
  node_tests_on:
    description:
      - Whether node tests run on V(workers) only, or on V(all) nodes.
    type: str
    choices:
      - workers
      - all
    default: workers
  skip:
    description:
      - Control ids to skip. A list, a dictionary of id to reason, or a text with commas or blanks between the ids.
    type: raw
  skip_file:
    description:
      - File with control ids to skip, JSON or YAML.
    type: path
  skip_source:
    description:
      - Where skips come from. V(variable) is O(skip), V(file) is O(skip_file), V(config_map) is Rancher's ConfigMap
        V(security-scan-cfg) in the namespace V(security-scan), as it was recorded with the evidence.
      - V(merged) is all of them, in this order. The first that names a control wins.
      - A source that is chosen alone and cannot be read is refused.
    type: str
    choices:
      - merged
      - variable
      - file
      - config_map
    default: merged
  skips:
    description:
      - Control id to C(by) and C(reason), as M(rke.cis.plan_scan) returns it. In place of O(skip), O(skip_file) and
        O(skip_source).
    type: dict
  waivers_file:
    description:
      - File with waivers, YAML or JSON. Today's date in UTC decides whether one has expired.
      - A waiver that names an inventory group which has no hosts here is a warning, and not applied by that group.
    type: path
  waivers:
    description:
      - Waivers as M(rke.cis.plan_scan) returns them. In place of O(waivers_file).
    type: list
    elements: dict
  cluster:
    description:
      - Name of the cluster in the report.
    type: str
    default: local
  report_dir:
    description:
      - Directory under which the report gets a directory of its own. Needed where O(scan_dir) is not given.
    type: str
  scan_dir:
    description:
      - Directory of the scan, in which the report is written.
    type: str
  kind:
    description:
      - Whether a person started the scan or a schedule did. It is in the report, and in the name of a scheduled one's
        directory.
    type: str
    choices:
      - manual
      - scheduled
    default: manual
  scanned_by:
    description:
      - Who scanned, for the report. Empty means the user of the controller.
    type: str
    default: ""
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
"""
