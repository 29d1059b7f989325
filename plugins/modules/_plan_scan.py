#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: _plan_scan
short_description: "[INTERNAL] First step of a scan"
version_added: 1.0.0
description:
  - Checks all options of a scan before a node is touched. Each invalid one is reported in one line.
  - Asks the Kubernetes API where there is a kubeconfig, makes the directory of the scan, and writes the plan and a
    "not gathered" document for each node into it.
  - This module is private to the role P(rke.cis.cis_scan#role). It can have breaking changes at any time.
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
  - rke.cis._options.request
attributes:
  idempotent:
    support: none
    details:
      - Each call makes the directory of a new scan.
author:
  - rke.cis contributors (@rke-cis)
options:
  show_skips:
    description:
      - Whether RV(preview) names each control that the scan leaves out, or only counts them.
      - With V(only) no directory is made, so that no scan can follow.
    type: str
    choices:
      - 'false'
      - 'true'
      - only
    default: 'false'
  api_host:
    description:
      - Host on which the Kubernetes API is asked. If it is another one than V(localhost), the task is delegated to it.
    type: str
    default: localhost
  kubeconfig:
    description:
      - File with the address of the API server and the credentials, on O(api_host).
      - Without it the API is not asked.
    type: str
  context:
    description:
      - Context of the kubeconfig.
    type: str
  timeout:
    description:
      - Seconds that the API server has for each answer, and Docker on a node for all of them.
    type: int
    default: 20
  node_timeout:
    description:
      - Seconds that gathering may take on each node.
    type: int
    default: 120
  deadline:
    description:
      - Seconds that gathering may take on all nodes.
    type: int
    default: 3600
  evidence_dir:
    description:
      - Directory for the evidence documents. By default C(evidence) in the directory of the scan.
    type: path
  replay_dir:
    description:
      - Directory with evidence that was recorded earlier, to take in place of asking nodes and API.
    type: path
  partial:
    description:
      - Whether this is a part of a scan, of which M(rke.cis.score_evidence) writes no report.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Plan a scan
  rke.cis._plan_scan:
    profile: RKE-CIS-1.4-Permissive
    report_dir: cis-reports
  register: plan
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
profile:
  description: Full name of the profile.
  returned: success
  type: str
  sample: RKE-CIS-1.4-Permissive
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
preview:
  description: What the scan leaves out, as counts. With O(show_skips) a list, with a line for each control.
  returned: success
  type: raw
  sample: >-
    RKE-CIS-1.4-Hardened, 97 controls: 77 to examine, 0 skipped by the profile, 1 skipped by the user, 19 not applicable
"""
