#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: check
short_description: Judge a few controls on a node, without a scan
version_added: 1.0.0
description:
  - Looks at what the chosen controls ask for on the node, and no more, and judges them as a scan does. Nothing is
    written.
  - Made for one question on the command line, and for playbooks that ask before or after a change.
  - What the profile skips or calls not applicable is shown with that state and the reason, and is not judged. A
    Hardened profile judges more than a Permissive one. Skips of the user and waivers belong to a scan, and are not
    considered here.
  - An option that is not given is taken from the variable C(cis_scan_<option>) of the host, if there is one, so that
    both judge alike. This holds for all options but O(id), O(roles) and O(fail_on).
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._docker
  - rke.cis._options.benchmarks
  - rke.cis._options.profile
attributes:
  action:
    description: Has an action plugin of the same name, which runs M(rke.cis.node_evidence_info) on the node.
    support: full
author:
  - rke.cis contributors (@rke-cis)
options:
  id:
    description:
      - Which controls. Ids such as V(2.1.1), sections such as V(2.1), globs such as V(1.1.*), as a list or as text with
        commas.
      - Write them in quotes in YAML, which reads V(2.1) as a number.
    type: raw
    required: true
  roles:
    description:
      - RKE roles of the node. Without it, those whose inventory groups the host is in.
    type: list
    elements: str
    choices:
      - controlplane
      - etcd
      - worker
  groups:
    description:
      - RKE role to inventory group, or groups, where they have other names.
    type: dict
    default: {}
  kubeconfig:
    description:
      - A kubeconfig on the controller. It is used if one of the chosen controls asks the Kubernetes API. Without it
        such a control is C(error).
    type: path
  kubeconfig_context:
    description:
      - Context in the kubeconfig, if not the current one.
    type: str
  prefix_path:
    description:
      - RKE's C(prefix_path) (V(/) if it has none), for a node whose containers cannot be looked at.
    type: str
    default: ""
  fail_on:
    description:
      - Verdicts with which the task fails. By default it never fails.
    type: list
    elements: str
    choices:
      - fail
      - warn
      - error
    default: []
requirements:
  - jmespath and kubernetes on the controller, for controls that ask the Kubernetes API
seealso:
  - module: rke.cis.node_evidence_info
"""

EXAMPLES = r"""
# On the command line:
# ansible worker1 -i inventory -m rke.cis.check -a 'profile=RKE-CIS-1.4-Hardened id=2.1.1'

- name: Look at one control of the kubelet
  rke.cis.check:
    id: "4.2.1"
  register: result

- name: Show what was found
  ansible.builtin.debug:
    var: result.lines

- name: Stop if a flag of the kubelet is wrong, or cannot be seen
  rke.cis.check:
    profile: RKE-CIS-1.4-Hardened
    id: ["2.1", "1.7.?"]
    fail_on: [fail, error]
"""

RETURN = r"""
profile:
  description: Full name of the profile.
  returned: success
  type: str
  sample: RKE-CIS-1.4-Hardened
roles:
  description: RKE roles of the node.
  returned: success
  type: list
  elements: str
  sample:
    - worker
checks:
  description: The chosen controls, in the order of the benchmark. If O(fail_on) fails the task, they are returned too.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the control.
      returned: success
      type: str
      sample: 2.1.1
    title:
      description: Its title.
      returned: success
      type: str
      sample: Ensure that the --anonymous-auth argument is set to false
    description:
      description: Its title with the mark of the benchmark, that it is scored or not.
      returned: success
      type: str
      sample: Ensure that the --anonymous-auth argument is set to false (Scored)
    scored:
      description: Whether it counts in the score of the benchmark.
      returned: success
      type: bool
      sample: true
    state:
      description:
        - V(pass), V(fail), V(warn) for a failure that is not scored, V(error) if something could not be seen, or
          V(manual) if a person has to judge.
        - V(skip) or V(notApplicable) by the profile, or V(notHere) if the control does not run on a node of these
          roles. In these three states it was not looked at.
      returned: success
      type: str
      sample: fail
    expected:
      description: The value wanted, empty if the control was not judged.
      returned: success
      type: str
      sample: --anonymous-auth=false
    actual:
      description: The value seen.
      returned: success
      type: str
      sample: --anonymous-auth=true
    source:
      description: Where it was read.
      returned: success
      type: str
      sample: kubelet process arguments
    reason:
      description: Why it is not a pass.
      returned: success
      type: str
      sample: seen --anonymous-auth=true
    severity:
      description: How bad a failure is.
      returned: where the benchmark says so
      type: str
      sample: high
    level:
      description: The level that the CIS benchmark gives it.
      returned: success
      type: int
      sample: 1
    nist:
      description: The controls of NIST SP 800-53 that it serves.
      returned: where the benchmark says so
      type: list
      elements: str
      sample: [AC-3]
    references:
      description: What it is called by the sources of its severity and of these.
      returned: where the benchmark says so
      type: dict
      sample:
        kubescape: [C-0172]
        stig: [V-242391]
    remediation:
      description: What to do on RKE if it fails.
      returned: success
      type: str
      sample: Delete anonymous-auth from services.kubelet.extra_args in cluster.yml, and run `rke up`.
lines:
  description: The same for a reader.
  returned: success
  type: list
  elements: str
  sample:
    - FAIL    2.1.1   Ensure that the --anonymous-auth argument is set to false (Scored) [high]
    - "    expected --anonymous-auth=false"
    - "    seen     --anonymous-auth=true (kubelet process arguments)"
"""
