# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""RKE's own files, cluster.yml and cluster.rkestate, read as RKE reads them: who is in the cluster, and how to log in.

Both files may hold private keys. What leaves this file is what is named here; the rest is dropped unread.
"""

from __future__ import annotations

import glob
import hashlib
import ipaddress
import os
import re
import shlex
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_file
from ansible_collections.rke.cis.plugins.plugin_utils._yaml import BOOL, NULL, compose, line_of, pairs, why_locked

ROLES = tuple(NODE_TYPES.values())

_STATE = ".rkestate"
# Where Rancher's own form of a cluster has what is in a cluster.yml, often without its nodes.
_RANCHER = "rancher_kubernetes_engine_config"
# RKE's default, so it tells no cluster from another.
_UNNAMED = "local"
_LONGEST = 60  # characters of a cluster's name
# What neither ssh nor a pattern of hosts can take for something else.
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TEMPLATE = re.compile(r"\{[{%#]")
# What envsubst, a shell, Windows or a person was to replace. A user's name may end in $.
_PLACEHOLDER = re.compile(r"\$[A-Za-z_{(]|%[A-Za-z_]\w*%|<[^<>]+>")
_WINDOWS = re.compile(r"\\|^[A-Za-z]:")
_USER = re.compile(r"[^\s\"'-][^\s\"']*")


class _Section:
    """A mapping in a file. Keys are asked for by their names in cluster.yml; a state file writes them in camel case."""

    def __init__(self, path: str, node: yaml.Node | None, name: str = "") -> None:
        self.name = name
        self._path, self._node = path, node
        self._values: dict[str, yaml.Node] = {}
        if node is None or node.tag == NULL:
            return
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong("expected keys with values")
        try:
            # `<<: *other`, which RKE understands too
            yaml.constructor.SafeConstructor().flatten_mapping(node)
        except yaml.MarkedYAMLError as error:
            raise self.wrong(f"not valid YAML: {error.problem}") from error
        self._values = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}

    def _written(self, key: str) -> str:
        return re.sub("_(.)", lambda match: match[1].upper(), key) if self._path.endswith(_STATE) else key

    def _value(self, key: str) -> yaml.Node | None:
        node = self._values.get(self._written(key))
        return None if node is None or node.tag == NULL else node

    def _text_of(self, node: yaml.Node, name: str) -> str:
        if node.tag == NULL:
            return ""
        if not isinstance(node, yaml.ScalarNode):
            raise self.wrong(f"{name}: expected one value, got several", node)
        if why_locked(node):
            raise self.wrong(f"{name}: {why_locked(node)}", node)
        if not node.value.isprintable():
            raise self.wrong(f"{name}: must not contain a line break or another character that cannot be printed", node)
        if _TEMPLATE.search(node.value):
            raise self.wrong(f"{name}: contains a template, which RKE does not render; render the file", node)
        if _PLACEHOLDER.search(node.value):
            raise self.wrong(f"{name}: {node.value!r} is a placeholder, which RKE does not replace; replace it", node)
        return node.value

    @property
    def line(self) -> int:
        return line_of(self._node)

    def wrong(self, text: str, where: str | yaml.Node = "") -> CisError:
        """Return the error that says what is wrong with the section, or at a key or place in it."""
        node = where if isinstance(where, yaml.Node) else self._values.get(self._written(where), self._node)
        key = self._written(where) if isinstance(where, str) else ""
        return CisError(f"{self._path}:{line_of(node)}: " + ": ".join(part for part in (self.name, key, text) if part))

    def has(self, key: str) -> bool:
        """Return whether a key is set to something, without a look at what it is."""
        node = self._value(key)
        return node is not None and node.value not in ("", [])

    def text(self, key: str) -> str:
        """Return a text or number as it is written, as RKE reads it. Empty where it is not set."""
        node = self._value(key)
        return self._text_of(node, self._written(key)) if node else ""

    def texts(self, key: str) -> dict[str, str]:
        """Return names with texts, such as labels."""
        section = self.section(key)
        return {name: section._text_of(node, name) for name, node in section._values.items()}

    def flag(self, key: str) -> bool:
        node = self._value(key)
        if node and node.tag != BOOL:
            raise self.wrong("expected true or false", key)
        return node is not None and yaml.constructor.SafeConstructor.bool_values[node.value.lower()]

    def section(self, key: str) -> _Section:
        name = ": ".join(part for part in (self.name, self._written(key)) if part)
        return _Section(self._path, self._value(key), name)

    def _items(self, key: str, advice: str) -> list[yaml.Node]:
        node = self._value(key)
        if node and not isinstance(node, yaml.SequenceNode):
            raise self.wrong(f"expected a list, {advice}", key)
        return node.value if node else []

    def nodes(self) -> list[_Section]:
        """Return the nodes, of which there is at least one. They go by their numbers here."""
        items = self._items("nodes", "with one node in each element")
        if not items:
            raise self.wrong("no nodes found", "nodes")
        return [_Section(self._path, node, f"node {number}") for number, node in enumerate(items, 1)]

    def roles(self) -> list[str]:
        """Return the roles of a node, in the order that the collection has for them."""
        nodes = self._items("role", "such as [controlplane, etcd]")
        if not nodes:
            raise self.wrong("role is missing; available: " + ", ".join(ROLES))
        found = {self._text_of(node, "role"): node for node in nodes}
        for role, node in found.items():
            if role not in ROLES:
                raise self.wrong(f"role: unknown RKE role {role!r}; valid roles: {', '.join(ROLES)}", node)
        return [role for role in ROLES if role in found]

    def user(self) -> str:
        value = self.text("user")
        if not value:
            raise self.wrong("user is missing; name the user to log in as")
        if not _USER.fullmatch(value):
            raise self.wrong(f"{value!r} is not a valid user name", "user")
        return value

    def port(self) -> int:
        value = self.text("port") or "22"
        if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
            raise self.wrong(f"{value!r} is not a valid port; expected a number from 1 to 65535", "port")
        return int(value)

    def host(self, key: str) -> str:
        """Return an IPv4 address or a host name."""
        value = self.text(key)
        if not value or _HOST.fullmatch(value):
            return value
        host, _colon, port = value.rpartition(":")
        if _HOST.fullmatch(host) and port.isdigit():
            raise self.wrong(f"{value!r} includes a port; write it separately, as port: {port}", key)
        try:
            ipaddress.IPv6Address(value.strip("[]"))
        except ValueError:
            raise self.wrong(f"{value!r} is not a valid IPv4 address or host name", key) from None
        raise self.wrong(
            f"{value!r} is an IPv6 address, to which RKE cannot log in; name an IPv4 address or a host", key
        )

    def path(self, key: str) -> str:
        """Return a path on the node."""
        value = self.text(key)
        if value and not value.startswith("/"):
            raise self.wrong(f"{value!r} is not an absolute path", key)
        return value

    def file(self, key: str) -> str:
        """Return a path on the controller. A relative one starts at the file that names it; ~ is left to ssh."""
        value = self.text(key)
        if _WINDOWS.search(value):
            raise self.wrong(f"{value!r} is a path on Windows; write the path on the controller, with /", key)
        return os.path.join(os.path.dirname(self._path), value) if value and not value.startswith("~/") else value


def _compose(path: str, data: bytes, loader: t.Any = None) -> yaml.Node | None:
    return compose(data, lambda line: f"{path}:{line}", loader=loader)


def _keys(path: str, data: bytes) -> dict[str, yaml.Node]:
    """Return the outermost keys of a file, if it has any."""
    return {key.value: value for key, value in pairs(_compose(path, data)) if isinstance(key, yaml.ScalarNode)}


def is_settings(path: str, plugin: str, loader: t.Any = None) -> bool:
    """Return whether a file holds settings of the inventory plugin of this name."""
    try:
        named = _keys(path, read_file(path, path, loader)).get("plugin")
    except CisError:
        return False
    return named is not None and named.value == plugin


def is_kubeconfig(path: str) -> bool:
    """Return whether a file has the name of a kubeconfig that RKE writes beside a cluster.yml."""
    return os.path.basename(path).startswith("kube_config_") and path.endswith((".yml", ".yaml"))


def is_cluster(path: str, loader: t.Any = None) -> bool:
    """Return whether a file is one of RKE's, be it sound or not. An inventory in YAML may have a group `nodes`."""
    if not path.endswith((".yml", ".yaml")):
        return path.endswith(_STATE)
    data = read_file(path, path, loader)
    try:
        keys = _keys(path, data)
    except CisError:
        keys = {}
    if not keys:
        return re.search(rb"^nodes:", data, re.M) is not None
    return _RANCHER in keys or ("nodes" in keys and not isinstance(keys["nodes"], yaml.MappingNode))


def origin_of(path: str) -> str:
    """Return the cluster.yml beside a state file, of which RKE made it; empty if there is none."""
    names = [path[: -len(_STATE)] + suffix for suffix in (".yml", ".yaml")] if path.endswith(_STATE) else []
    return next((name for name in names if os.path.isfile(name)), "")


def cluster_files(settings: str, entries: list[str], loader: t.Any = None) -> tuple[list[str], list[str]]:
    """Return the files that the entries in a settings file name, and warnings.

    An entry is a file, a directory, or a pattern. Of the latter two, files that are no clusters are left out, and state
    files beside a cluster.yml that is among them.
    """
    settings = os.path.abspath(settings)
    files: dict[str, None] = {}
    warnings = []
    for entry in entries:
        path = os.path.abspath(os.path.join(os.path.dirname(settings), os.path.expanduser(entry)))
        if os.path.isdir(path):
            found = [name for suffix in ("yml", "yaml") for name in glob.glob(f"{glob.escape(path)}/*.{suffix}")]
        elif glob.has_magic(entry) and not os.path.exists(path):
            found = [name for name in glob.glob(path) if os.path.isfile(name)]
        else:
            files[path] = None
            continue
        # what RKE writes beside a cluster.yml needs no warning
        found = [name for name in sorted(found) if not is_kubeconfig(name) and origin_of(name) not in found]
        clusters = [name for name in found if is_cluster(name, loader)]
        if not clusters:
            raise CisError(f"{settings}: clusters: {entry}: no cluster.yml found")
        files.update(dict.fromkeys(clusters))
        others = [name for name in found if name not in clusters and name != settings]
        warnings += [f"{name}: ignored, since it names no RKE nodes" for name in others]
    if not files:
        raise CisError(f"{settings}: clusters: the list is empty; name RKE files in it")
    return list(files), warnings


def _config(path: str, loader: t.Any) -> tuple[_Section, list[str]]:
    """Return the part of a file that has the form of cluster.yml, and warnings."""
    root = _Section(path, _compose(path, read_file(path, path, loader), loader))
    if not path.endswith(_STATE):
        if root.has("nodes") or not root.has(_RANCHER):
            return root, []
        config = root.section(_RANCHER)
        if not config.has("nodes"):
            raise root.wrong("this form of a cluster, Rancher's, names no nodes; use RKE's own cluster.yml", _RANCHER)
        return config, []
    config = root.section("current_state").section("rke_config")
    if config.has("nodes"):
        return config, []
    warning = f"{path}: does not say what is deployed; using the nodes of its desired state"
    return root.section("desired_state").section("rke_config"), [warning]


def _name(config: _Section, path: str) -> str:
    """Return the cluster's name: cluster_name, else the file's, or the directory's if the file is called cluster.

    RKE takes any text; a scan makes a directory of this name.
    """
    directory, file = os.path.split(os.path.abspath(path))
    stem = os.path.splitext(file)[0]
    named = config.text("cluster_name")
    for name in (named if named != _UNNAMED else "", stem if stem != "cluster" else "", os.path.basename(directory)):
        usable = name.replace("/", "_").strip(". ")[:_LONGEST]
        if usable:
            return usable
    return _UNNAMED


class _Login:
    """How to log in to the nodes of a cluster, by what they share and by what each has of its own."""

    def __init__(self, config: _Section, check_host_keys: bool) -> None:
        self._agent = config.flag("ssh_agent_auth")
        self._config = config
        self._jump: list[str] = []
        # keys and certificates in the file itself, which cannot be handed to ssh
        self.inline: list[str] = []
        bastion = config.section("bastion_host")
        if not bastion.has("address"):
            return
        key = self._key_of(bastion)
        # Not ProxyJump, which takes neither key nor certificate. ssh replaces what follows a %, then a shell runs it.
        words = ["-p", str(bastion.port()), "-l", bastion.user(), *(["-i", key] if key else [])]
        words += self._certificate_of(bastion)
        words += [] if check_host_keys else ["-o", "StrictHostKeyChecking=no"]
        words.append(bastion.host("address"))
        self._jump = ["-o", "ProxyCommand=ssh -W %h:%p " + shlex.join(words).replace("%", "%%")]

    def _key_of(self, section: _Section) -> str:
        """Return the file of the key. RKE takes an agent before any key, and a key in the file itself before a path."""
        if self._agent:
            return ""
        if section.has("ssh_key"):
            self.inline.append(f"ssh_key of {section.name}")
            return ""
        return section.file("ssh_key_path") or self._config.file("ssh_key_path")

    def _certificate_of(self, section: _Section) -> list[str]:
        if self._agent:
            return []
        if section.has("ssh_cert"):
            self.inline.append(f"ssh_cert of {section.name}")
            return []
        path = section.file("ssh_cert_path")
        return ["-o", f'CertificateFile="{path}"'] if path else []

    def variables(self, node: _Section) -> dict[str, t.Any]:
        """Return the variables with which Ansible connects to a node."""
        address, port, user, key = node.host("address"), node.port(), node.user(), self._key_of(node)
        options = self._certificate_of(node) + self._jump
        found = {"ansible_host": address, "ansible_port": port, "ansible_user": user}
        if key:
            found["ansible_ssh_private_key_file"] = key
        if options:
            found["ansible_ssh_common_args"] = shlex.join(options)
        if self._jump:
            # Clusters behind bastion hosts may use the same addresses. Ansible would take an open connection to one
            # of them for the other.
            digest = hashlib.sha256(repr((self._jump, address, port, user)).encode()).hexdigest()
            found["ansible_control_path"] = f"%(directory)s/{digest[:10]}"
        return found


def _variables(node: _Section, login: _Login) -> dict[str, t.Any]:
    socket = node.path("docker_socket")
    return {
        **login.variables(node),
        **({"cis_scan_docker_host": f"unix://{socket}"} if socket else {}),
        "rke_roles": node.roles(),
        "rke_internal_address": node.text("internal_address") or node.text("address"),
        "rke_labels": node.texts("labels"),
    }


def read_cluster(path: str, check_host_keys: bool = True, loader: t.Any = None) -> dict[str, t.Any]:
    """Return the cluster in a cluster.yml or a state file: its name, its variables, its hosts with theirs, warnings.

    Raises CisError, with the line, for what RKE would refuse, and for what could mislead ssh or Ansible.
    """
    if _TEMPLATE.search(path):
        raise CisError(f"{path}: the name contains a template; rename the file or directory")
    config, warnings = _config(path, loader)
    login = _Login(config, check_host_keys)
    hosts: dict[str, dict[str, t.Any]] = {}
    lines: dict[tuple[str, str], int] = {}
    for node in config.nodes():
        address = node.host("address")
        if not address:
            raise node.wrong("address is missing")
        node.name = f"node {address}"
        # RKE's name of the node in Kubernetes
        name = (node.host("hostname_override") or address).lower()
        for key, value in (("address", address), ("hostname_override", name)):
            if (key, value) in lines:
                raise node.wrong(f"the node on line {lines[key, value]} also has {value!r}", key)
            lines[key, value] = node.line
        hosts[name] = _variables(node, login)
    config.file("ssh_key_path")  # is checked also where no node needs it
    if login.inline:
        warnings.append(
            f"{path}: ignored, since an inventory must not hold keys: {', '.join(login.inline)}; name files with "
            "ssh_key_path and ssh_cert_path, or use ssh-agent"
        )
    prefix, version = config.path("prefix_path"), config.text("kubernetes_version")
    name = _name(config, path)
    variables = {
        "cis_scan_cluster": name,
        # RKE takes / for the usual place on the node's system, which need not be /
        **({"cis_scan_prefix_path": prefix} if prefix.strip("/") else {}),
        **({"rke_kubernetes_version": version} if version else {}),
        "rke_cluster_file": path,
    }
    return {"name": name, "file": path, "vars": variables, "hosts": hosts, "warnings": warnings}
