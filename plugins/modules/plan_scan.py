#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: plan_scan
short_description: Check the request for a scan before any node is touched
version_added: 1.0.0
description:
  - Checks profile, groups, skips and directories, and that the nodes are not of several clusters, and says in one line
    what is wrong.
  - Makes the directory of the scan, asks the Kubernetes API where there is a kubeconfig, and returns what to gather on
    each node.
  - It is the first task of the role P(rke.cis.cis_scan#role).
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
attributes:
  idempotent:
    support: none
    details:
      - Each call makes the directory of a new scan.
author:
  - rke.cis contributors (@rke-cis)
options:
  profile:
    description:
      - Benchmark and profile in any letter case, such as V(RKE-CIS-1.4-Permissive).
    type: str
    required: true
  parameters:
    description:
      - Values in place of the defaults of the benchmark's parameters. RKE-CIS-1.3 has V(pod_security_policy), the name
        of the policy that its controls V(1.7.1) to V(1.7.7) look at.
    type: dict
  groups:
    description:
      - RKE role to the inventory group, or the list of groups, of its nodes. A role that is not named is its own group.
    type: dict
    default: {}
  node_tests_on:
    description:
      - Whether node tests run on V(workers) only, or on V(all) nodes, since each runs a kubelet.
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
      - File with control ids to skip, JSON or YAML, of the form of Rancher's ConfigMap or of O(skip).
    type: path
  skip_source:
    description:
      - Where skips come from. V(variable) is O(skip), V(file) is O(skip_file), V(config_map) is Rancher's ConfigMap
        V(security-scan-cfg) in the namespace V(security-scan).
      - V(merged) is all of them, in this order. The first that names a control wins.
      - A source that is chosen alone and cannot be read is refused.
    type: str
    choices:
      - merged
      - variable
      - file
      - config_map
    default: merged
  waivers_file:
    description:
      - File with waivers, YAML or JSON.
    type: path
  show_skips:
    description:
      - Whether RV(outlook) names each control that will be left out, or only counts them.
      - With V(only) no directory is made either, so that no scan can follow.
    type: str
    choices:
      - 'false'
      - 'true'
      - only
    default: 'false'
  kubeconfig:
    description:
      - File with the address of the API server and the credentials, on the host that the task runs on.
      - Without it the API is not asked.
    type: str
  context:
    description:
      - Context of the kubeconfig.
    type: str
  timeout:
    description:
      - How many seconds the API server has for each answer.
    type: int
    default: 20
  cluster:
    description:
      - Name of the cluster in reports and directory names.
    type: str
    default: local
  report_dir:
    description:
      - Directory under which each scan gets a directory of its own.
    type: str
    required: true
  evidence_dir:
    description:
      - Directory for the evidence documents. By default C(evidence) in the directory of the scan.
    type: str
  replay_dir:
    description:
      - Directory with evidence that was recorded earlier. The Kubernetes API's answers are taken from there.
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
  fail_on:
    description:
      - What the play is to fail on when the reports are out. Only checked here, to tell a misspelt word at once.
    type: list
    elements: str
    choices:
      - error
      - unreachable
      - fail
    default: []
seealso:
  - module: rke.cis.score_evidence
"""

EXAMPLES = r"""
- name: Check a request
  rke.cis.plan_scan:
    profile: RKE-CIS-1.4-Permissive
    report_dir: cis-reports
  register: plan
  run_once: true
  delegate_to: localhost

- name: Show what is skipped
  ansible.builtin.debug:
    msg: "{{ plan.skipped_controls | join(', ') }}"
"""

RETURN = r"""
benchmark:
  description: Id of the benchmark.
  returned: success
  type: str
  sample: rke-cis-1.4
profile:
  description: Full name of the profile.
  returned: success
  type: str
  sample: RKE-CIS-1.4-Permissive
parameters:
  description: The benchmark's parameters and their values.
  returned: success
  type: dict
  sample: {}
cluster:
  description: O(cluster).
  returned: success
  type: str
  sample: local
node_tests_on:
  description: O(node_tests_on).
  returned: success
  type: str
  sample: workers
scan_dir:
  description: Directory of this scan on the controller, empty with V(show_skips=only).
  returned: success
  type: str
  sample: cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive
evidence_dir:
  description: Directory of its evidence documents, empty with V(show_skips=only).
  returned: success
  type: str
  sample: cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive/evidence
nodes:
  description: Host to its RKE roles.
  returned: success
  type: dict
  sample:
    worker1:
      - worker
plan_of:
  description: Host to the key of its plan in RV(plans).
  returned: success
  type: dict
  sample:
    worker1: worker
plans:
  description: What to gather on the nodes.
  returned: success
  type: dict
  sample: {}
skips:
  description: The user's skips by control id, with C(by) and C(reason).
  returned: success
  type: dict
  sample: {}
waivers:
  description: The waivers, with the hosts of their groups and the days that are left.
  returned: success
  type: list
  elements: dict
  sample: []
outlook:
  description: A line that counts what will be left out. With O(show_skips) a list, with a line for each control.
  returned: success
  type: raw
  sample: >-
    RKE-CIS-1.4-Hardened, 97 controls: 77 judged, 0 skipped by the profile, 1 skipped by the user, 19 not applicable
skipped_controls:
  description: Ids of the controls that profile and user skip.
  returned: success
  type: list
  elements: str
  sample:
    - 1.1.11
not_applicable_controls:
  description: Ids of the controls that are not applicable.
  returned: success
  type: list
  elements: str
  sample:
    - 1.1.9
"""
