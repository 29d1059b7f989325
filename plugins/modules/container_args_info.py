#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: container_args_info
short_description: Show the arguments, processes and mounts of RKE's containers
version_added: 1.0.0
description:
  - Shows the arguments that the components of an RKE node really run with, from Docker and the process list.
  - Finds containers by their exact names, so pods and left-over containers are never read.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._docker
author:
  - rke.cis contributors (@rke-cis)
options:
  names:
    description:
      - Names of the containers.
    type: list
    elements: str
    default:
      - kube-apiserver
      - kube-controller-manager
      - kube-scheduler
      - kubelet
      - kube-proxy
      - etcd
seealso:
  - module: rke.cis.node_evidence_info
    description: All that a benchmark needs of a node, in one call.
"""

EXAMPLES = r"""
- name: Inspect the kubelet
  rke.cis.container_args_info:
    names:
      - kubelet
  register: result

- name: Show its arguments
  ansible.builtin.debug:
    msg: "{{ result.containers[0].args | join(' ') }}"
  when: result.containers | length > 0
"""

RETURN = r"""
containers:
  description:
    - The containers that exist, sorted by name.
    - If the arguments of its processes, or all of a container, could not be read, it also has an C(error) with C(kind),
      C(message) and C(advice).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the container.
      type: str
      returned: success
      sample: kubelet
    id:
      description: Id as C(docker ps) shows it.
      type: str
      returned: success
      sample: 3f0c2a9b71de
    state:
      description: State as Docker names it.
      type: str
      returned: success
      sample: running
    image:
      description: Image that the container was created from.
      type: str
      returned: success
      sample: rancher/hyperkube:v1.17.6-rancher2
    user:
      description: User in the container, empty for the image's own.
      type: str
      returned: success
      sample: "52034:52034"
    args:
      description: Program and arguments that Docker starts. C(********) stands for what may be a secret.
      type: list
      elements: str
      returned: success
      sample:
        - /opt/rke-tools/entrypoint.sh
        - kubelet
        - --anonymous-auth=false
    processes:
      description:
        - Argument lists of the container's processes, empty where they may not be read.
        - Of a process that is neither the first nor the container's component, such as a helper that mounts a volume,
          only the program.
      type: list
      elements: list
      returned: success
      sample:
        - - kubelet
          - --anonymous-auth=false
    process_text:
      description: Command lines as C(docker top) prints them, where RV(containers[].processes) could not be read.
      type: list
      elements: str
      returned: success
      sample: []
    mounts:
      description: Where paths of the container lie on the node.
      type: list
      elements: dict
      returned: success
      contains:
        source:
          description: Path on the node.
          type: str
          returned: success
          sample: /etc/kubernetes
        destination:
          description: Path in the container.
          type: str
          returned: success
          sample: /etc/kubernetes
missing:
  description:
    - Names without a container.
  returned: success
  type: list
  elements: str
  sample:
    - etcd
docker:
  description:
    - How Docker was queried.
  returned: success
  type: str
  sample: Docker Engine API
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rke.cis.plugins.module_utils._containers import container_evidence
from ansible_collections.rke.cis.plugins.module_utils._docker import DockerError, inspect_containers, socket_address
from ansible_collections.rke.cis.plugins.module_utils._evidence import DOCKER_OPTIONS

# Flags whose values are shown whatever they are: names, which are no secrets.
_FLAGS = (
    "--admission-control",
    "--disable-admission-plugins",
    "--enable-admission-plugins",
    "--hostname-override",
    "--cluster-domain",
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "names": {
                "type": "list",
                "elements": "str",
                "default": [
                    "kube-apiserver",
                    "kube-controller-manager",
                    "kube-scheduler",
                    "kubelet",
                    "kube-proxy",
                    "etcd",
                ],
            },
            **DOCKER_OPTIONS,
        },
        supports_check_mode=True,
    )
    names = sorted(set(module.params["names"]))
    try:
        docker, found = inspect_containers(module, module.params["docker_host"], module.params["timeout"], names)
    except DockerError as error:
        host = socket_address(module.params["docker_host"])
        shown = error.as_evidence(host)
        module.fail_json(msg="Docker on {0}: {1}; {2}".format(host, shown["message"], shown["advice"]), kind=error.kind)
    containers = []
    for name in sorted(found):
        try:
            shown = container_evidence(found[name], name, docker, {"flags": _FLAGS})
            shown.pop("env")
        except DockerError as error:
            shown = {"error": error.as_evidence()}
        containers.append(dict(shown, name=name))
    module.exit_json(
        changed=False,
        containers=containers,
        missing=[name for name in names if name not in found],
        docker=docker.source,
    )


if __name__ == "__main__":
    main()
