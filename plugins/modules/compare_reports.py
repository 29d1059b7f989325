#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: compare_reports
short_description: Tell what has changed between two scans of a cluster
version_added: 1.0.0
description:
  - Compares the C(report.json) of two scans, each control on each node, and shows on the terminal what has changed.
  - A control is newly failing where it did not fail before. It is fixed where it failed and passes now. A failure that
    became an error or a skip is not fixed but stands among the other changes, and one whose node has gone is not told.
  - Both scans must be of one cluster and one benchmark. Their profiles may differ, and so may the parameters.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
  - rke.cis._options.place
attributes:
  idempotent:
    support: none
    details:
      - With O(dest) it always writes, and says so.
author:
  - rke.cis contributors (@rke-cis)
options:
  older:
    description:
      - The scan to compare with. The name of its directory, or with a V(/) in it a path to that or to a C(report.json).
      - Without it, the last scan of the same cluster and profile before the newer one.
    type: path
  newer:
    description:
      - The scan to compare, named in the same way. Without it, the last one of the cluster.
    type: path
  dest:
    description:
      - Path of a file to write the comparison to.
    type: path
  format:
    description:
      - How it is written to O(dest). The form of V(json) is C(docs/comparison.schema.json).
    type: str
    choices:
      - text
      - json
      - markdown
    default: text
seealso:
  - module: rke.cis.score_evidence
"""

EXAMPLES = r"""
- name: Tell what has changed between the last two scans, as Markdown too
  rke.cis.compare_reports:
    report_dir: cis-reports
    cluster: local
    dest: changes.md
    format: markdown
  register: comparison
  delegate_to: localhost

- name: Stop if anything fails that did not fail before
  ansible.builtin.assert:
    that: comparison.newly_failing | length == 0
"""

RETURN = r"""
older:
  description: Name of the older scan.
  returned: success
  type: str
  sample: 20261120T220000Z-rke-cis-1.4-permissive
newer:
  description: Name of the newer scan.
  returned: success
  type: str
  sample: 20261121T220000Z-rke-cis-1.4-permissive
dest:
  description: Path of the file, empty if none was asked for.
  returned: success
  type: str
  sample: changes.md
newly_failing:
  description: Ids of the controls that fail on a node on which they did not fail before.
  returned: success
  type: list
  elements: str
  sample: ["1.1.8"]
fixed:
  description: Ids of the controls that failed on a node and pass there now. On another one they may fail.
  returned: success
  type: list
  elements: str
  sample: []
other_values:
  description: Ids of the controls of which another value was seen on a node, with the same verdict.
  returned: success
  type: list
  elements: str
  sample: []
other:
  description: Ids of the controls whose state on a node changed otherwise, such as from pass to error.
  returned: success
  type: list
  elements: str
  sample: []
nodes_added:
  description: Nodes that only the newer scan has.
  returned: success
  type: list
  elements: str
  sample: []
nodes_gone:
  description: Nodes that only the older scan has.
  returned: success
  type: list
  elements: str
  sample: []
not_compared:
  description: Ids of the controls that only one of the scans chose, if their C(cis_scan_only) differs.
  returned: success
  type: list
  elements: str
  sample: []
"""
