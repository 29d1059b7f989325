#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: file_permissions_info
short_description: Show type, mode, owner and group of many paths at once
version_added: 1.0.0
description:
  - Shows type, mode, owner and group of paths and glob patterns of a node in one call.
  - Distinguishes paths that are missing, not permitted, and unreadable.
  - Does not open files.
extends_documentation_fragment:
  - rke.cis._attributes
author:
  - rke.cis contributors (@rke-cis)
options:
  paths:
    description:
      - Absolute paths and glob patterns. Symbolic links are followed; RV(files[].link) is the target.
    type: list
    elements: path
    required: true
  prefix:
    description:
      - Directory to prepend to each path, such as RKE's C(prefix_path) on RancherOS and Flatcar.
    type: path
    default: ""
  timeout:
    description:
      - How many seconds there are to look at all paths. What takes longer, such as a mount that hangs, is reported, not
        waited for. At least 1.
    type: int
    default: 20
"""

EXAMPLES = r"""
- name: Inspect RKE's keys
  rke.cis.file_permissions_info:
    paths:
      - /etc/kubernetes/ssl
      - /etc/kubernetes/ssl/*key.pem
  register: result

- name: Show what others may read
  ansible.builtin.debug:
    msg: "{{ result.files | rejectattr('mode', 'eq', '0600') | map(attribute='path') | list }}"
"""

RETURN = r"""
files:
  description:
    - The files that the paths and patterns match, in their order and sorted within a pattern.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Path on the node.
      type: str
      returned: success
      sample: /etc/kubernetes/ssl/kube-ca.pem
    type:
      description: One of file, directory, link, socket, fifo, other.
      type: str
      returned: success
      sample: file
    mode:
      description: All twelve mode bits in octal digits.
      type: str
      returned: success
      sample: "0600"
    uid:
      description: Number of the owner.
      type: int
      returned: success
      sample: 0
    gid:
      description: Number of the group.
      type: int
      returned: success
      sample: 0
    owner:
      description: Name of the owner, empty if the number has none.
      type: str
      returned: success
      sample: root
    group:
      description: Name of the group, empty if the number has none.
      type: str
      returned: success
      sample: root
    link:
      description: Target of the link.
      type: str
      returned: when the path is a symbolic link
      sample: /data/etcd
problems:
  description:
    - Paths that could not be examined.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Path on the node, or the pattern where none of its paths were seen.
      type: str
      returned: success
      sample: /etc/kubernetes/admin.conf
    kind:
      description: V(missing), V(denied), V(unreadable), V(too large) or V(timeout).
      type: str
      returned: success
      sample: missing
    message:
      description: What the operating system said.
      type: str
      returned: success
      sample: "/etc/kubernetes/admin.conf: No such file or directory"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rke.cis.plugins.module_utils._files import examine, expand, not_in_time, readable
from ansible_collections.rke.cis.plugins.module_utils._outside import check_timeout, each_within


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "paths": {"type": "list", "elements": "path", "required": True},
            "prefix": {"type": "path", "default": ""},
            "timeout": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    prefix, timeout = module.params["prefix"].rstrip("/"), module.params["timeout"]
    check_timeout(module, timeout)
    for pattern in module.params["paths"]:
        if not pattern.startswith("/"):
            module.fail_json(msg="paths: {0} is not an absolute path".format(pattern))
    patterns = [prefix + pattern for pattern in module.params["paths"]]
    looks_at = ""

    def look(pattern: str) -> t.List[t.Dict[str, t.Any]]:
        nonlocal looks_at
        looks_at = pattern
        paths, nothing = expand(pattern)
        found = [dict(nothing, path=readable(pattern))] if nothing else []
        for path in paths:
            looks_at = path
            found.append(dict(examine(path), path=readable(path)))
        return found

    seen = each_within(timeout, patterns, look)
    unseen = not_in_time(timeout, readable(looks_at))
    found = [entry for entries in seen for entry in entries]
    found += [dict(unseen, path=readable(pattern)) for pattern in patterns[len(seen) :]]
    module.exit_json(
        changed=False,
        files=[entry for entry in found if "error" not in entry],
        problems=[dict(entry["error"], path=entry["path"]) for entry in found if "error" in entry],
    )


if __name__ == "__main__":
    main()
