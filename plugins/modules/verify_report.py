#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: verify_report
short_description: Verify a signed scan
version_added: 1.0.0
description:
  - Verifies the signature of a scan that was signed with O(rke.cis.cis_report#role:main:cis_report_sign_key), and that
    its reports and evidence are the files that were signed, no more and no fewer.
  - Scores the signed evidence again, with the skips, waivers and attestations that were signed, and compares the
    result byte by byte with the signed report. The benchmark must be the one that the scan used. If another version of
    the collection made the scan, this is left out, and said.
  - Fails with all that is wrong in one line.
  - A signature proves who signed these files. It does not prove that a node told the truth about itself, nor when the
    scan was made.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
  - rke.cis._options.place
  - rke.cis._options.benchmarks
attributes:
  idempotent:
    support: full
author:
  - rke.cis contributors (@rke-cis)
options:
  scan:
    description:
      - The scan to verify. The name of its directory, or with a V(/) in it a path to that or to its C(report.json).
      - Without it, the last one of the cluster.
    type: path
  evidence_dir:
    description:
      - Directory with the scan's evidence, if that does not lie in the directory C(evidence) of the scan.
    type: path
  allowed_signers:
    description:
      - File that names the signers and their keys, in the form that C(ssh-keygen) reads (C(ALLOWED SIGNERS) in its
        manual page).
    type: path
    required: true
  identity:
    description:
      - Who must have signed, as in O(allowed_signers). Without it, any signer in that file is accepted.
    type: str
    default: ""
requirements:
  - OpenSSH 8.9 or later on the controller
seealso:
  - module: rke.cis.score_evidence
"""

EXAMPLES = r"""
- name: Verify a scan
  rke.cis.verify_report:
    report_dir: cis-reports
    cluster: local
    scan: 20261121T220000Z-rke-cis-1.4-permissive
    allowed_signers: allowed_signers
  register: verified
  delegate_to: localhost

- name: Show who signed it
  ansible.builtin.debug:
    msg: "{{ verified.lines }}"
"""

RETURN = r"""
scan_dir:
  description: Directory of the scan.
  returned: when the signature is valid
  type: str
  sample: cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive
signer:
  description: Who signed it, as in O(allowed_signers).
  returned: when the signature is valid
  type: str
  sample: security@example.com
problems:
  description: What is wrong, such as a file that was changed.
  returned: when the signature is valid
  type: list
  elements: str
  sample: []
scored_again:
  description: Whether the evidence was scored again.
  returned: when the signature is valid
  type: bool
  sample: true
lines:
  description: The result for people.
  returned: when the signature is valid
  type: list
  elements: str
  sample:
    - "cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive: signed by security@example.com"
    - its evidence scores the same report
"""
