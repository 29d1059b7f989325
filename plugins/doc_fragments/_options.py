# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.


class ModuleDocFragment:
    # Each part documents the argument spec of its name in plugin_utils/_reports/options.py, without other parts in it.
    PLACE = r"""
options:
  cluster:
    description:
      - Name of the cluster. Its scans are in the directory of this name in O(report_dir).
    type: str
    default: local
  report_dir:
    description:
      - Directory on the controller for the reports of all clusters.
    type: path
    default: cis-reports
"""

    ORIGIN = r"""
options:
  kind:
    description:
      - Whether a person or a schedule started the scan. It is in the report, and in the directory name of a scheduled
        one.
    type: str
    choices:
      - manual
      - scheduled
    default: manual
  scanned_by:
    description:
      - Who scans, for the report. Empty means the user of the controller.
    type: str
    default: ""
"""

    BENCHMARKS = r"""
options:
  benchmark_dirs:
    description:
      - Directories on the controller with benchmarks of your own. They are searched before the collection's.
    type: list
    elements: path
    default: []
"""

    PROFILE = r"""
options:
  profile:
    description:
      - V(permissive) or V(hardened), for the benchmark that fits the Kubernetes version of the cluster, or benchmark
        and profile, such as V(RKE-CIS-1.4-Hardened). In any letter case.
    type: str
    default: permissive
  parameters:
    description:
      - Values in place of the defaults of the benchmark's parameters. RKE-CIS-1.3 has V(pod_security_policy), the name
        of the policy that its controls V(1.7.1) to V(1.7.7) look at.
    type: dict
  node_tests_on:
    description:
      - Whether node tests run on V(workers) only, or on V(all) nodes, since each runs a kubelet.
    type: str
    choices:
      - workers
      - all
    default: workers
"""

    SCORING = r"""
options:
  only:
    description:
      - Which controls to score, a dictionary of C(level), C(severity), C(nist) and C(ids), all of which must fit. Empty
        means all.
    type: dict
  skip:
    description:
      - Ids of controls to skip. A list, a dictionary of id to reason, or a text with commas or blanks between the ids.
    type: raw
  skip_file:
    description:
      - File with ids of controls to skip, JSON or YAML, of the form of Rancher's ConfigMap or of O(skip).
        It may be the ConfigMap as kubectl prints it, and encrypted with ansible-vault.
    type: path
  skip_source:
    description:
      - Where skips come from. V(variable) is O(skip), V(file) is O(skip_file), V(config_map) is Rancher's ConfigMap
        V(security-scan-cfg) in the namespace V(security-scan).
      - V(merged) is all of them, in this order. The first that names a control wins.
      - A source that is chosen alone and cannot be read is an error.
    type: str
    choices:
      - merged
      - variable
      - file
      - config_map
    default: merged
  waivers_file:
    description:
      - File with waivers, YAML or JSON. Today's date in UTC decides whether one has expired.
      - A waiver for an inventory group that has no hosts here is a warning, and does not apply through that group.
    type: path
  attestations_file:
    description:
      - File with attestations, which are a person's answers to manual controls, YAML or JSON. Today's date in UTC
        decides whether one counts.
    type: path
"""

    FILES = r"""
options:
  formats:
    description:
      - What to write beside C(report.json), V(csv), V(defectdojo), V(html), V(json), V(junit), V(markdown), V(ocsf),
        V(ohdf), V(oscal), V(prometheus), V(sarif), V(self_assessment) or V(xccdf). V(json) is C(report.json) itself.
    type: list
    elements: str
    default:
      - csv
      - json
  templates:
    description:
      - Jinja2 templates of your own. C(states.txt.j2) is written as C(states.txt). What a template gets is described at
        M(rke.cis.render_report).
    type: list
    elements: str
    default: []
  csv_layout:
    description:
      - V(standard) has no cell that a spreadsheet would run as a formula. V(rancher) has the bytes of the file that
        Rancher 2.4 offered for download.
    type: str
    choices:
      - standard
      - rancher
    default: standard
  include_not_scored:
    description:
      - Whether the CSV report, and C(rows) in templates, hold the controls that are not scored.
    type: bool
    default: true
"""

    RETENTION = r"""
options:
  keep:
    description:
      - How many complete scans of the cluster to keep, by kind. A kind that is not named is not pruned.
      - A scan that was written to in the last 30 seconds is not removed.
    type: dict
    suboptions:
      scheduled:
        description:
          - Number of scheduled scans, 1 or more.
        type: int
      manual:
        description:
          - Number of manual scans, 1 or more.
        type: int
  incomplete_days:
    description:
      - Incomplete scans of a kind named in O(keep) are removed when nothing has been written to them for this many
        days, and never in the first hour. They do not count towards O(keep).
    type: int
    default: 7
"""

    RESULT = r"""
options:
  artifact_csv_limit:
    description:
      - Largest C(report.csv), in bytes, whose text goes into the summary that AWX keeps as an artifact.
    type: int
    default: 50000
  sign_key:
    description:
      - Private SSH key with which the reports and the evidence are signed, or the public key of one in C(ssh-agent).
        Empty for none. M(rke.cis.verify_report) verifies the signature.
    type: path
    default: ""
  fail_on:
    description:
      - Results on which a scan fails, V(error), V(unreachable), V(fail), V(warn), V(manual) or V(new). The role
        P(rke.cis.cis_scan#role) fails on them when all reports are written. The task itself does not.
    type: list
    elements: str
    default:
      - error
      - unreachable
  thresholds:
    description:
      - Limits to the figures of a scan, as O(rke.cis.cis_scan#role:main:cis_scan_thresholds). The role fails on what is
        beyond them, the task itself does not.
    type: raw
"""

    REQUEST = r"""
options:
  groups:
    description:
      - RKE role to the inventory group, or the list of groups, of its nodes. A role that is not named is its own group.
    type: dict
    default: {}
  scan_id:
    description:
      - What the parts of one scan have in common.
    type: str
    default: ""
  notify_rules:
    description:
      - The rules of alerts, only to be checked.
    type: raw
  notify_notifiers:
    description:
      - The notifiers, only to be checked.
    type: raw
  notify_options:
    description:
      - Further options of the role P(rke.cis.cis_notify#role) with their values, only to be checked.
    type: dict
    default: {}
"""
