# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - The socket of the Docker Engine on the node, as a path or as RKE's C(docker_socket) names it.
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description:
      - How many seconds Docker has for all answers together, and the disk after it. What takes longer is reported, not
        waited for. At least 1.
    type: int
    default: 20
notes:
  - Docker's API is asked at its socket on the node. If that does not answer, or O(docker_host) is an address with
    C(tcp://) or C(ssh://), the docker CLI is asked. Nothing has to be installed.
  - Without C(become) all that the login user may see is gathered. The rest is reported as denied, with what to grant.
  - Of a container's environment only the variables asked for by name are kept. Of arguments, all that may be a
    secret is masked on the node.
"""
