#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: _merge_scan
short_description: "[INTERNAL] Put the parts of a scan together"
version_added: 1.0.0
description:
  - Checks that the parts are those of one scan, makes the directory of the whole scan, and writes its plan and evidence
    into it, for M(rke.cis.score_evidence).
  - The default of O(kind) and O(scanned_by) is what the first part says, and that of O(scan_id) the newest scan.
  - This module is private to the role P(rke.cis.cis_scan#role). It can have breaking changes at any time.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
  - rke.cis._options.place
  - rke.cis._options.origin
  - rke.cis._options.benchmarks
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
  partials:
    description:
      - Directories of parts, or directories that contain them. By default that of the cluster in O(report_dir).
    type: list
    elements: path
    default: []
  max_apart:
    description:
      - How many seconds may lie between the first and the last part.
    type: int
    default: 21600
  hosts:
    description:
      - Pattern of the hosts that are the cluster.
    type: raw
    default: all
"""

EXAMPLES = r"""
- name: Put the parts of the newest scan together
  rke.cis._merge_scan:
    report_dir: cis-reports
  register: plan
  delegate_to: localhost
"""

RETURN = r"""
profile:
  description: Full name of the profile.
  returned: success
  type: str
  sample: RKE-CIS-1.4-Permissive
scan_dir:
  description: Directory of the whole scan on the controller.
  returned: success
  type: str
  sample: cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive
parts:
  description: Directories of the parts.
  returned: success
  type: list
  elements: str
  sample:
    - /srv/cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive-job7
"""
