# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

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

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_text
from ansible_collections.rke.cis.plugins.plugin_utils._yaml import Located, Path, parse_yaml, read_yaml

ROLES = tuple(NODE_TYPES.values())

_STATE = ".rkestate"
# Rancher's own form of a cluster, which has all of a cluster.yml but its nodes.
_RANCHER = "rancher_kubernetes_engine_config"
# RKE's default, so it tells no cluster from another.
_UNNAMED = "local"
# What neither ssh nor a pattern of hosts can take for something else.
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TEMPLATE = re.compile(r"\{[{%#]")
_USER = re.compile(r"[^\s\"'-][^\s\"']*")


class _Section:
    """A mapping in a file. Keys are asked for by their names in cluster.yml; a state file writes them in camel case."""

    def __init__(self, file: Located, at: Path, value: t.Any, name: str = "") -> None:
        self.name = name
        self._file, self._at = file, tuple(at)
        self._values: dict[str, t.Any] = {} if value is None else value
        if not isinstance(self._values, dict):
            raise self.wrong("expected keys with values")

    def _written(self, key: str) -> str:
        return re.sub("_(.)", lambda match: match[1].upper(), key) if self._file.source.endswith(_STATE) else key

    def _text(self, *path: str | int) -> str:
        at, name = (*self._at, *path), ": ".join(part for part in path if isinstance(part, str))
        text = self._file.text(at)
        tag = self._file.tag(at)
        if tag in (None, "!!null"):
            return ""
        if text is None:
            raise self.wrong(f"{name}: expected one value, got a list or mapping", *path)
        if not text.isprintable():
            raise self.wrong(f"{name}: contains a line break or another unprintable character", *path)
        if _TEMPLATE.search(text):
            raise self.wrong(f"{name}: contains a template, which RKE does not render; render the file first", *path)
        return text

    @property
    def line(self) -> int:
        return self._file.line(self._at)

    def wrong(self, text: str, *path: str | int) -> CisError:
        """Return the error that says what is wrong with the section, or at a place in it."""
        return CisError(f"{self._file.where((*self._at, *path))}: " + ": ".join(filter(None, (self.name, text))))

    def wrong_value(self, key: str, text: str) -> CisError:
        return self.wrong(f"{self._written(key)}: {text}", self._written(key))

    def has(self, key: str) -> bool:
        """Return whether a key is set to something, without a look at what it is."""
        key = self._written(key)
        return self._file.tag((*self._at, key)) not in (None, "!!null") and self._values.get(key) not in ("", [])

    def text(self, key: str) -> str:
        """Return a text or number as it is written, as RKE reads it. Empty where it is not set."""
        return self._text(self._written(key))

    def texts(self, key: str) -> dict[str, str]:
        """Return names with texts, such as labels."""
        section = self.section(key)
        return {name: section._text(name) for name in self._file.keys(section._at)}

    def flag(self, key: str) -> bool:
        value = self._values.get(self._written(key))
        if value is not None and not isinstance(value, bool):
            raise self.wrong_value(key, "expected true or false")
        return bool(value)

    def section(self, key: str) -> _Section:
        key = self._written(key)
        name = ": ".join(filter(None, (self.name, key)))
        return _Section(self._file, (*self._at, key), self._values.get(key), name)

    def _list(self, key: str, content: str) -> list[t.Any]:
        value = self._values.get(key)
        if value is not None and not isinstance(value, list):
            raise self.wrong_value(key, f"expected a list, {content}")
        return value or []

    def nodes(self) -> list[_Section]:
        """Return the nodes, of which there is at least one. They go by their numbers here."""
        items = self._list("nodes", "with one node in each element")
        if not items:
            raise self.wrong_value("nodes", "the list is empty or missing; list the nodes of the cluster")
        return [
            _Section(self._file, (*self._at, "nodes", index), node, f"node {index + 1}")
            for index, node in enumerate(items)
        ]

    def roles(self) -> list[str]:
        """Return the roles of a node, in the order that the collection has for them."""
        count = len(self._list("role", "such as [controlplane, etcd]"))
        if not count:
            raise self.wrong(f"role is missing; valid roles: {', '.join(ROLES)}")
        found = [self._text("role", index) for index in range(count)]
        for index, role in enumerate(found):
            if role not in ROLES:
                raise self.wrong(f"role: unknown role {role!r}; valid roles: {', '.join(ROLES)}", "role", index)
        return [role for role in ROLES if role in found]

    def user(self) -> str:
        value = self.text("user")
        if not value:
            raise self.wrong("user is missing; name the user to log in as")
        if not _USER.fullmatch(value):
            raise self.wrong_value("user", f"{value!r} is not a valid user name")
        return value

    def port(self) -> int:
        value = self.text("port") or "22"
        if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
            raise self.wrong_value("port", f"{value!r} is not a valid port; expected a number from 1 to 65535")
        return int(value)

    def host(self, key: str) -> str:
        """Return an IPv4 address or a host name."""
        value = self.text(key)
        if not value or _HOST.fullmatch(value):
            return value
        host, _colon, port = value.rpartition(":")
        if _HOST.fullmatch(host) and port.isdigit():
            raise self.wrong_value(key, f"{value!r} contains a port; write it separately, as port: {port}")
        try:
            ipaddress.IPv6Address(value.strip("[]"))
        except ValueError:
            raise self.wrong_value(key, f"{value!r} is not an IPv4 address or a host name") from None
        raise self.wrong_value(
            key, f"{value!r} is an IPv6 address, which RKE does not support; use an IPv4 address or a host name"
        )

    def path(self, key: str) -> str:
        """Return a path on the node."""
        value = self.text(key)
        if value and not value.startswith("/"):
            raise self.wrong_value(key, f"{value!r} is not an absolute path")
        return value

    def file(self, key: str) -> str:
        """Return a path on the controller. A relative one starts at the file that names it; ~ is left to ssh."""
        value = self.text(key)
        return (
            os.path.join(os.path.dirname(self._file.source), value) if value and not value.startswith("~/") else value
        )


def _keys(path: str, text: str) -> dict[t.Any, t.Any]:
    """Return the outermost keys of a file with their values, if it has any."""
    value = parse_yaml(text, path, tags=True).value
    return value if isinstance(value, dict) else {}


def is_settings(path: str, plugin: str) -> bool:
    """Return whether a file holds settings of the inventory plugin of this name."""
    try:
        return bool(_keys(path, read_text(path, path)).get("plugin") == plugin)
    except CisError:
        return False


def is_cluster(path: str) -> bool:
    """Return whether a file is one of RKE's, be it sound or not. An inventory in YAML may have a group `nodes`."""
    if not path.endswith((".yml", ".yaml")):
        return path.endswith(_STATE)
    text = read_text(path, path)
    try:
        keys = _keys(path, text)
    except CisError:
        return re.search("^nodes:", text, re.M) is not None
    return _RANCHER in keys or ("nodes" in keys and not isinstance(keys["nodes"], dict))


def cluster_files(settings: str, entries: list[str]) -> tuple[list[str], list[str]]:
    """Return the files that the entries in a settings file name, and warnings.

    An entry is a file, a directory, or a pattern. Of the latter two, files that are no clusters are left out.
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
        # kubeconfigs, which RKE writes beside a cluster.yml, need no warning
        found = [name for name in sorted(found) if not os.path.basename(name).startswith("kube_config_")]
        clusters = [name for name in found if is_cluster(name)]
        if not clusters:
            raise CisError(f"{settings}: clusters: {entry}: no cluster.yml found")
        files.update(dict.fromkeys(clusters))
        others = [name for name in found if name not in clusters and name != settings]
        warnings += [f"{name}: left out, because it lists no RKE nodes" for name in others]
    if not files:
        raise CisError(f"{settings}: clusters: the list is empty; add RKE's files to it")
    return list(files), warnings


def _config(path: str) -> tuple[_Section, list[str]]:
    """Return the part of a file that has the form of cluster.yml, and warnings."""
    file = read_yaml(path, tags=True)
    root = _Section(file, (), file.value)
    if not path.endswith(_STATE):
        if root.has(_RANCHER) and not root.has("nodes"):
            raise root.wrong_value(_RANCHER, "Rancher's form of a cluster lists no nodes; use RKE's own cluster.yml")
        return root, []
    config = root.section("current_state").section("rke_config")
    if config.has("nodes"):
        return config, []
    warning = f"{path}: has no deployed nodes, so the desired ones are used"
    return root.section("desired_state").section("rke_config"), [warning]


def _name(config: _Section, path: str) -> str:
    """Return the cluster's name: cluster_name, else the file's, or the directory's if the file is called cluster."""
    name = config.text("cluster_name")
    if name and name != _UNNAMED:
        return name
    directory, file = os.path.split(os.path.abspath(path))
    stem = os.path.splitext(file)[0]
    return stem if stem != "cluster" else os.path.basename(directory) or _UNNAMED


class _Login:
    """How to log in to the nodes of a cluster, by what they share and by what each has of its own."""

    def __init__(self, config: _Section, check_host_keys: bool) -> None:
        self._agent = config.flag("ssh_agent_auth")
        self._key = config.file("ssh_key_path")
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
        return section.file("ssh_key_path") or self._key

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


def read_cluster(path: str, check_host_keys: bool = True) -> dict[str, t.Any]:
    """Return the cluster in a cluster.yml or a state file: its name, its variables, its hosts with theirs, warnings.

    Raises CisError, with the line, for what RKE would refuse, and for what could mislead ssh or Ansible.
    """
    if _TEMPLATE.search(path):
        raise CisError(f"{path}: contains a template in its name; rename the file or directory")
    config, warnings = _config(path)
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
                raise node.wrong_value(
                    key, f"the node of line {lines[key, value]} has {value!r} too; each must be unique"
                )
            lines[key, value] = node.line
        hosts[name] = _variables(node, login)
    if login.inline:
        warnings.append(
            f"{path}: left out, because an inventory must not contain keys: {', '.join(login.inline)}; use files with "
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
