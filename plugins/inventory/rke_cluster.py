# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rke_cluster
short_description: RKE's cluster.yml as an inventory
version_added: 1.0.0
description:
  - Reads the nodes of RKE clusters from RKE's own files, C(cluster.yml) or C(cluster.rkestate), so that a scan needs no
    other inventory.
  - A host has its node's name in Kubernetes, C(hostname_override) in lower case, or C(address) where that is not set.
  - The groups V(controlplane), V(etcd) and V(worker) hold the nodes of these roles, of all clusters. Each cluster is a
    group of its own. To scan one of several clusters, use C(-e cis_scan_hosts=GROUP).
  - A cluster's name is its C(cluster_name). Where that is not set, or is V(local), which is RKE's default, it is the
    name of the file without its suffix, and for a file called C(cluster) the name of the directory. A C(/) becomes an
    underscore, and leading dots are removed.
  - In the name of the group, characters that Ansible does not want there become underscores. If a node or another group
    has this name, C(_cluster) is appended.
  - An inventory may be a file of RKE's itself, if the plugin is enabled as the first example shows, or a settings file
    with the options below, which needs no enabling. Both are known by what they hold and may have any name that ends in
    C(.yml) or C(.yaml), and a state file one that ends in C(.rkestate).
  - The YAML that Rancher shows for a cluster is read too, if there are nodes under C(rancher_kubernetes_engine_config).
  - Of several YAML documents in a file the first counts, as in RKE.
  - Files may be encrypted with ansible-vault, as a whole or single values.
  - If Ansible reads RKE's working directory, C(cluster.yml) comes before the state file beside it, and the kubeconfig
    is ignored.
  - 'Variables of a host: C(ansible_host), C(ansible_port), C(ansible_user), C(rke_roles), C(rke_internal_address) and
    C(rke_labels); where needed also C(ansible_ssh_private_key_file), C(ansible_ssh_common_args),
    C(ansible_control_path), and C(cis_scan_docker_host) for its C(docker_socket).'
  - 'Variables of a cluster''s group: C(cis_scan_cluster) and C(rke_cluster_file); where they are set in the file also
    C(rke_kubernetes_version), and C(cis_scan_prefix_path) for its C(prefix_path).'
notes:
  - C(cluster.yml) may hold private keys, and C(cluster.rkestate) holds those of the whole cluster. None of them gets
    into the inventory or into the cache. A node with an C(ssh_key) in the file is a warning; put the key into a file
    that C(ssh_key_path) names, or into ssh-agent.
  - With C(ssh_agent_auth) no key file is set, and ssh asks the agent. As in RKE, only the cluster's C(ssh_agent_auth)
    counts. A node's C(ssh_key_path) comes before the cluster's. Without any, ssh uses its usual keys.
  - A relative C(ssh_key_path) starts at the directory of the file.
  - With a C(bastion_host), C(ansible_ssh_common_args) holds a C(ProxyCommand) with its user, port, key and certificate.
    Options of your own for ssh then belong into its configuration, or into C(ssh_args) in C(ansible.cfg).
  - RKE does not check the keys of hosts, so ssh may not know them yet, nor that of the bastion host.
  - Of a state file the nodes that are deployed count. If none are yet, those that are to be are used, with a warning.
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
author:
  - rke.cis contributors (@rke-cis)
options:
  plugin:
    description:
      - Says that a settings file is for this plugin.
    type: str
    required: true
    choices:
      - rke.cis.rke_cluster
  clusters:
    description:
      - Files of RKE's. An element is a file, a pattern such as V(*/cluster.yml), or a directory, of which all files
        ending in C(.yml) and C(.yaml) are meant. Relative ones start at the directory of the settings file.
      - What a pattern or a directory gives beside files of RKE's is left out, with a warning. RKE's kubeconfigs,
        C(kube_config_*), and state files beside their C(cluster.yml) are left out without one.
    type: list
    elements: str
    required: true
  prefix_hosts:
    description:
      - Whether the name of a host begins with the group of its cluster, as in V(prod-cp1).
      - Needed where nodes of several clusters have the same name, which is refused otherwise.
    type: bool
    default: false
  host_key_checking:
    description:
      - Whether ssh checks the key of a bastion host. For the nodes, Ansible's setting of this name counts, which is the
        default here too.
    type: bool
    default: true
    ini:
      - section: defaults
        key: host_key_checking
      - section: ssh_connection
        key: host_key_checking
    env:
      - name: ANSIBLE_HOST_KEY_CHECKING
      - name: ANSIBLE_SSH_HOST_KEY_CHECKING
"""

EXAMPLES = r"""
# To use cluster.yml itself, enable the plugin in ansible.cfg, before the others:
#
#   [inventory]
#   enable_plugins = rke.cis.rke_cluster, host_list, script, auto, yaml, ini
#
# ansible-inventory -i cluster.yml --graph
# ansible-playbook -i cluster.yml rke.cis.cis_scan

# A settings file needs no enabling. For one cluster, clusters.yml beside cluster.yml:
plugin: rke.cis.rke_cluster
clusters:
  - cluster.yml
---
# Many clusters: each cluster.yml in a directory of its own, some more in one directory, and one state file.
# ansible-playbook -i clusters.yml rke.cis.cis_scan -e cis_scan_hosts=prod
plugin: rke.cis.rke_cluster
clusters:
  - clusters/*/cluster.yml
  - more-clusters
  - old/staging.rkestate
prefix_hosts: true
---
# Groups by label, one for the nodes with GPUs, and the kubeconfig that RKE writes beside cluster.yml.
plugin: rke.cis.rke_cluster
clusters:
  - cluster.yml
keyed_groups:
  - key: rke_labels.rack
    prefix: rack
groups:
  gpu: rke_labels.gpu is defined
compose:
  cis_scan_kubeconfig: (rke_cluster_file | dirname) ~ '/kube_config_' ~ (rke_cluster_file | basename)
"""

import hashlib
import os
import typing as t

from ansible import context
from ansible.errors import AnsibleParserError
from ansible.inventory.group import to_safe_group_name
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._inventory.rke_cluster import (
    ROLES,
    cluster_files,
    is_cluster,
    is_kubeconfig,
    is_settings,
    origin_of,
    read_cluster,
)


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "rke.cis.rke_cluster"
    # read_cluster lets no template through. Texts that are not trusted would look odd in ansible-inventory's output.
    trusted_by_default = True

    def verify_file(self, path: str) -> bool:
        if not super().verify_file(path):
            return False
        try:
            return is_kubeconfig(path) or is_cluster(path) or is_settings(path, self.NAME)
        except CisError:
            return True  # it is encrypted, and the password is not known yet

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        ours = False
        try:
            if is_settings(path, self.NAME, loader):
                self._read_config_data(path)
            elif is_kubeconfig(path):
                return
            elif is_cluster(path, loader):
                ours = True
                self.set_options(direct={"plugin": self.NAME, "clusters": [path]}, var_options=self._vars)
                if self.get_option("cache"):
                    self.load_cache_plugin()
                if self._stands_back(path):
                    return
            else:
                raise CisError(f"{path}: names no RKE nodes")
            clusters = self._clusters(path, cache)
            self._check_names(clusters)
        except CisError as error:
            if ours:
                # Ansible may not show it: the plugin `yaml` takes any mapping for an inventory, if one without hosts
                self.display.error(str(error), wrap_text=False)
            raise AnsibleParserError(str(error)) from None
        self._populate(clusters)

    def _stands_back(self, path: str) -> bool:
        """Return whether a state file does not count, since Ansible reads the cluster.yml beside it too."""
        origin = origin_of(path)
        sources = [os.path.abspath(source) for source in context.CLIARGS.get("inventory") or []]
        if not any(origin == source or origin.startswith(f"{source}/") for source in sources):
            return False
        try:
            own, theirs = (set(read_cluster(file, loader=self.loader)["hosts"]) for file in (path, origin))
        except CisError:
            return True  # Ansible comes to the cluster.yml by itself
        if own - theirs:
            lost = ", ".join(sorted(own - theirs))
            self.display.warning(f"{path}: ignored beside {origin}, which does not have its {lost}")
        return True

    def _clusters(self, path: str, use_cache: bool) -> list[dict[str, t.Any]]:
        """Return the clusters under the names that they have in the inventory."""
        files, warnings = cluster_files(path, self.get_option("clusters"), self.loader)
        for warning in warnings:
            self.display.warning(warning)
        clusters = self._cached(path, files, use_cache) if self.get_option("cache") else self._read(files)
        named = []
        for cluster in clusters:
            group = to_safe_group_name(cluster["name"], force=True, silent=True)
            prefix = f"{group}-" if self.get_option("prefix_hosts") else ""
            hosts = {prefix + name: host for name, host in cluster["hosts"].items()}
            named.append({**cluster, "group": group, "hosts": hosts})
        taken = {"all", "ungrouped", *ROLES}.union(*(cluster["hosts"] for cluster in named))
        for cluster in named:
            while cluster["group"] in taken:
                cluster["group"] += "_cluster"
        return named

    def _cached(self, path: str, files: list[str], use_cache: bool) -> list[dict[str, t.Any]]:
        """Return what is in the files. What the cache has counts only as long as no file has changed."""
        try:
            stats = [os.stat(file) for file in files]
        except OSError as error:
            raise CisError(f"{error.filename}: cannot be read: {error.strerror}") from error
        seen = [self.get_option("host_key_checking"), files, [(stat.st_mtime_ns, stat.st_size) for stat in stats]]
        key = f"{self.get_cache_key(path)}_{hashlib.sha256(repr(seen).encode()).hexdigest()}"
        try:
            if use_cache:
                return self._cache[key]
        except KeyError:
            pass
        self._cache[key] = self._read(files)
        return self._cache[key]

    def _read(self, files: list[str]) -> list[dict[str, t.Any]]:
        clusters = [read_cluster(file, self.get_option("host_key_checking"), self.loader) for file in files]
        for cluster in clusters:
            for warning in cluster["warnings"]:
                self.display.warning(warning)
        return clusters

    def _check_names(self, clusters: list[dict[str, t.Any]]) -> None:
        """Refuse names that Ansible would take for one: of two clusters, of nodes of two, of a node and a group.

        Clusters that an earlier source has put into the inventory count too.
        """
        group_of: dict[str, str] = {}
        host_of: dict[str, str] = {}
        for group in self.inventory.groups.values():
            file = group.vars.get("rke_cluster_file")
            if file:
                group_of[group.name] = file
                host_of.update((host.name, file) for host in group.hosts)
        for cluster in clusters:
            file, group = cluster["file"], cluster["group"]
            if group_of.setdefault(group, file) != file:
                raise CisError(
                    f"{file}: the cluster goes by {group}, as that of {group_of[group]}; set another cluster_name"
                )
            for host in cluster["hosts"]:
                if host_of.setdefault(host, file) != file:
                    raise CisError(
                        f"{file}: there is a node {host} in {host_of[host]} too; name both files in a settings file of "
                        f"{self.NAME} with prefix_hosts: true"
                    )
        for host, file in host_of.items():
            if host in group_of or host in self.inventory.groups or host in ROLES:
                raise CisError(
                    f"{file}: the node {host} has the name of a group; name the file in a settings file of {self.NAME} "
                    "with prefix_hosts: true"
                )

    def _populate(self, clusters: list[dict[str, t.Any]]) -> None:
        for role in ROLES:
            self.inventory.add_group(role)
        for cluster in clusters:
            self.inventory.add_group(cluster["group"])
            self._set_variables(cluster["group"], cluster["vars"])
            for name, host in cluster["hosts"].items():
                for group in (cluster["group"], *host["rke_roles"]):
                    self.inventory.add_host(name, group=group)
                self._set_variables(name, host)
        strict = self.get_option("strict")
        for cluster in clusters:
            for name in cluster["hosts"]:
                shared = self.inventory.groups[cluster["group"]].get_vars()
                variables = {**shared, **self.inventory.get_host(name).get_vars()}
                self._set_composite_vars(self.get_option("compose"), variables, name, strict)
                self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict)
                self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict)

    def _set_variables(self, entity: str, variables: dict[str, t.Any]) -> None:
        for name, value in variables.items():
            self.inventory.set_variable(entity, name, value)
