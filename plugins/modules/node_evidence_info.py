#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: node_evidence_info
short_description: Gather all that a benchmark needs of a node, in one call
version_added: 1.0.0
description:
  - Gathers what a plan asks for (arguments of containers, modes and owners of paths) and returns it as one document.
  - The plan comes from the filter P(rke.cis.evidence_plan#filter). This module knows nothing of controls.
  - It only reads. Keys, tokens and encryption secrets stay on the node. Of the file of encryption keys only
    the names of the providers are returned.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._docker
attributes:
  action:
    description: Has an action plugin of the same name, which records the document on the controller.
    support: full
author:
  - rke.cis contributors (@rke-cis)
options:
  plan:
    description:
      - What to gather. Required without O(planned).
    type: dict
    suboptions:
      containers:
        description:
          - Container names, each to a dictionary whose key C(env) may list the variables that may be read, and whose
            key C(flags) the flags whose values are shown whatever they are.
        type: dict
        default: {}
      paths:
        description:
          - Paths as a container sees them. They are looked up on the node through the container's mounts.
        type: list
        elements: dict
        default: []
        suboptions:
          container:
            description:
              - Container whose mounts tell where the path lies on the node. Required without O(plan.paths[].host).
            type: str
          host:
            description:
              - Path on the node itself, in place of one in a container.
            type: str
          path:
            description:
              - Path in the container. With O(plan.paths[].flag) it is used where the flag is not given.
            type: str
          flag:
            description:
              - Flag of the container's component that names the path.
            type: str
          style:
            description:
              - How the component reads its command line.
            type: str
            choices:
              - pflag
              - pflag_strict
              - go
            default: pflag
          counts_as:
            description:
              - Other flags that name the same path, each with O(plan.paths[].flag). The last one given counts.
            type: dict
          list:
            description:
              - Whether the direct entries of the directory are gathered, too.
            type: bool
            default: false
          tree:
            description:
              - Whether all entries below the directory are gathered, too. Directories are not entered through links.
            type: bool
            default: false
          read:
            description:
              - What to read of the file's content. V(encryption_providers) are names, never keys. V(audit_policy) are
                the rules, with the names of API resources and namespaces.
            type: str
            choices:
              - encryption_providers
              - audit_policy
  prefix_path:
    description:
      - RKE's C(prefix_path) (V(/) if it has none), for a node whose containers cannot be looked at. The mounts of the
        containers tell it otherwise.
    type: str
    default: ""
  node:
    description:
      - Name of the node in the document.
    type: str
    default: ""
  roles:
    description:
      - RKE roles of the node, which the document carries.
    type: list
    elements: str
    choices:
      - controlplane
      - etcd
      - worker
    default: []
  planned:
    description:
      - Whether this is a step of the role P(rke.cis.cis_scan#role). All other options are taken from its plan and its
        variables, and a host that is not a node of the scan is skipped.
      - The document is written as C(node-<name>.json) to the scan's evidence on the controller. The result holds
        RV(evidence_file) in place of RV(evidence), and a node that cannot be examined is recorded with the reason
        instead of failing.
    type: bool
    default: false
seealso:
  - plugin: rke.cis.evidence_plan
    plugin_type: filter
  - plugin: rke.cis.score
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Gather what RKE-CIS-1.4 needs of a worker
  rke.cis.node_evidence_info:
    plan: "{{ 'rke-cis-1.4' | rke.cis.evidence_plan(['worker']) }}"
    node: "{{ inventory_hostname }}"
    roles:
      - worker
  register: result

- name: Show how the kubelet is called
  ansible.builtin.debug:
    var: result.evidence.containers.kubelet.args
"""

RETURN = r"""
evidence:
  description:
    - The evidence document. What could not be seen stands in it as C(error) with C(kind) and C(message).
  returned: success, without O(planned)
  type: dict
  contains:
    schema:
      description: Name and version of the document's form.
      type: str
      returned: success
      sample: rke.cis/evidence/1
    collector:
      description: What gathered it.
      type: str
      returned: success
      sample: rke.cis 1.0.0
    collected_at:
      description:
        - When, in UTC by the controller's clock. If the node's clock is more than 300 seconds off, the document has
          C(clock_offset), too, the seconds that it is ahead, or behind if negative.
      type: str
      returned: success
      sample: "2026-11-21T22:00:00Z"
    node:
      description: O(node).
      type: str
      returned: success
      sample: worker1
    roles:
      description: O(roles).
      type: list
      elements: str
      returned: success
      sample:
        - worker
    docker:
      description: Through what Docker was asked, or why it did not answer.
      type: dict
      returned: success
      sample:
        host: unix:///var/run/docker.sock
        source: Docker Engine API
    containers:
      description: Containers by name, as M(rke.cis.container_args_info) returns them.
      type: dict
      returned: success
      sample: {}
    paths:
      description:
        - Paths by C(container:path), C(container:flag) or C(host:path), as M(rke.cis.file_permissions_info) returns
          them.
      type: dict
      returned: success
      sample: {}
evidence_file:
  description:
    - Where the document was written on the controller.
  returned: success, with O(planned)
  type: str
  sample: cis-reports/local/20261121T220000Z-rke-cis-1.4-permissive/evidence/node-worker1.json
problem:
  description:
    - Why the node could not be examined, empty if it could.
  returned: success, with O(planned)
  type: str
  sample: ""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rke.cis.plugins.module_utils._evidence import DOCKER_OPTIONS, Collector


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "plan": {
                "type": "dict",
                "options": {
                    "containers": {"type": "dict", "default": {}},
                    "paths": {
                        "type": "list",
                        "elements": "dict",
                        "default": [],
                        "required_one_of": [["container", "host"]],
                        "options": {
                            "container": {"type": "str"},
                            "host": {"type": "str"},
                            "path": {"type": "str"},
                            "flag": {"type": "str"},
                            "style": {"type": "str", "choices": ["pflag", "pflag_strict", "go"], "default": "pflag"},
                            "counts_as": {"type": "dict"},
                            "list": {"type": "bool", "default": False},
                            "tree": {"type": "bool", "default": False},
                            "read": {"type": "str", "choices": ["encryption_providers", "audit_policy"]},
                        },
                    },
                },
            },
            "prefix_path": {"type": "str", "default": ""},
            "node": {"type": "str", "default": ""},
            "roles": {"type": "list", "elements": "str", "choices": ["controlplane", "etcd", "worker"], "default": []},
            "planned": {"type": "bool", "default": False},  # for the action plugin
            **DOCKER_OPTIONS,
        },
        required_if=[("planned", False, ["plan"])],
        supports_check_mode=True,
    )
    collector = Collector(module, module.params["docker_host"], module.params["timeout"], module.params["prefix_path"])
    evidence = collector.collect(module.params["plan"])
    evidence.update(node=module.params["node"], roles=module.params["roles"])
    module.exit_json(changed=False, evidence=evidence)


if __name__ == "__main__":
    main()
