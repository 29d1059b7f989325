#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: cluster_evidence_info
short_description: Gather what a benchmark needs from the Kubernetes API
version_added: 1.0.0
description:
  - Reads lists of objects and the ConfigMap in which Rancher keeps the tests to skip, and returns them as one document.
  - Only reads. Of each object it keeps the name and C(spec), or only what the queries of O(objects) find. It never
    lists Secrets.
  - Runs where the kubeconfig is, on the controller or on the host that it is delegated to.
extends_documentation_fragment:
  - rke.cis._attributes
author:
  - rke.cis contributors (@rke-cis)
requirements:
  - kubernetes (Python library)
  - jmespath (Python library), if O(objects) has queries
options:
  kubeconfig:
    description:
      - File with the address of the API server and the credentials, as C(rke up) writes it.
    type: path
    required: true
  context:
    description:
      - Context of the kubeconfig. Defaults to its current context.
    type: str
  objects:
    description:
      - Lists to read, by name, each with its API path and the Kubernetes version that removed it.
      - 'For example C({podsecuritypolicies: {path: /apis/policy/v1beta1/podsecuritypolicies, until: "1.25"}}).'
      - With C(fields) and C(find), nothing is kept but what the queries find, and the numbers of objects. The keys are
        those of R(benchmark files,ansible_collections.rke.cis.docsite.write_a_benchmark); C(find) is a list of queries.
      - Each list is read in pages of 500 objects. If a page cannot be read, all of the list is an C(error).
    type: dict
    default: {}
  config_map:
    description:
      - ConfigMap to read.
    type: dict
    suboptions:
      namespace:
        description: Namespace of the ConfigMap.
        type: str
        default: security-scan
      name:
        description: Name of the ConfigMap.
        type: str
        default: security-scan-cfg
      key:
        description: Key in the ConfigMap's data.
        type: str
        default: config.json
  timeout:
    description:
      - Seconds to wait for each answer of the API server.
    type: int
    default: 20
seealso:
  - module: rke.cis.node_evidence_info
"""

EXAMPLES = r"""
- name: Read the pod security policies and Rancher's list of skipped tests
  rke.cis.cluster_evidence_info:
    kubeconfig: kube_config_cluster.yml
    objects:
      podsecuritypolicies:
        path: /apis/policy/v1beta1/podsecuritypolicies
        until: "1.25"
    config_map: {}
  delegate_to: localhost
  register: result

- name: Show the names of the policies
  ansible.builtin.debug:
    msg: "{{ result.evidence.objects.podsecuritypolicies['items'] | map(attribute='metadata.name') | list }}"
  when: "'items' in result.evidence.objects.podsecuritypolicies"
"""

RETURN = r"""
evidence:
  description:
    - The API server's answers. What could not be read is an C(error) with C(kind) and C(message).
  returned: success
  type: dict
  contains:
    schema:
      description: Name and version of the document's form.
      type: str
      returned: success
      sample: rke.cis/cluster-evidence/1
    server:
      description: Address of the API server.
      type: str
      returned: success
      sample: https://10.0.0.11:6443
    version:
      description: Version of the API server, empty if unknown.
      type: str
      returned: success
      sample: v1.20.15
    objects:
      description: Name to C(items), to C(count) and C(found), which has C(count) and C(items) by query, or to C(error).
      type: dict
      returned: success
      sample: {}
    config_map:
      description: C(text) of the ConfigMap's key, null if there is none, or C(error).
      type: dict
      returned: O(config_map) is given
      sample:
        text: '{"skip": {"rke-cis-1.4": ["1.1.2"]}}'
"""

import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.rke.cis.plugins.module_utils._kubernetes import CONFIG_MAP, KubeconfigError, cluster_evidence

try:
    import kubernetes

    KUBERNETES_ERROR = None
except ImportError:
    KUBERNETES_ERROR = traceback.format_exc()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "context": {"type": "str"},
            "objects": {"type": "dict", "default": {}},
            "config_map": {
                "type": "dict",
                "options": {
                    "namespace": {"type": "str", "default": CONFIG_MAP["namespace"]},
                    "name": {"type": "str", "default": CONFIG_MAP["name"]},
                    "key": {"type": "str", "default": CONFIG_MAP["key"], "no_log": False},
                },
            },
            "timeout": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    if KUBERNETES_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=KUBERNETES_ERROR)
    try:
        evidence = cluster_evidence(kubernetes, **module.params)
    except KubeconfigError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, evidence=evidence)


if __name__ == "__main__":
    main()
