# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The encryption providers of an EncryptionConfiguration: their names, never their keys.

The file holds the keys of all secrets of the cluster, so it is read and forgotten on the node. What is returned is
built of known names and of resource names, and errors name the line only.
https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
"""

import re
import typing as t

from ansible_collections.rke.cis.plugins.module_utils._yaml_nodes import (
    Node,
    TooMany,
    document_of,
    fields_of,
    items_of,
    text_of,
)

# What the API server takes; the second is what Kubernetes documented until 1.13.
_KINDS = (("apiserver.config.k8s.io/v1", "EncryptionConfiguration"), ("v1", "EncryptionConfig"))
# Each provider, and the settings without which the API server refuses it.
_PROVIDERS: t.Dict[str, t.Tuple[str, ...]] = {
    "aescbc": ("keys",),
    "aesgcm": ("keys",),
    "identity": (),
    "kms": ("name", "endpoint"),
    "secretbox": ("keys",),
}
# A resource of the core group has a name of letters only. With digits or capitals it may be a key in the wrong place.
_RESOURCE = re.compile(
    r"(?:[a-z]{1,40}\.?|\*(?:\.\*?)?|(?:\*|[a-z][a-z0-9-]{0,62})(?:\.[a-z0-9][a-z0-9-]{0,62}){1,8})\Z"
)
_MOST = 1000  # names in the file, and entries of a list; with aliases a small file can have very many


def encryption_providers(text: str) -> t.List[t.Dict[str, t.List[str]]]:
    """Return for each entry of `resources` its resource names and its provider names, in the file's order.

    Raises ValueError, whose message holds nothing of the file but a line number, where the API server would refuse
    the file.
    """
    document = document_of(text, _wrong)
    given = [text_of(document[key]) or "" if key in document else None for key in ("apiVersion", "kind")]
    if not any(all(mine in (None, theirs) for mine, theirs in zip(given, known)) for known in _KINDS):
        raise ValueError("apiVersion and kind are not those of an EncryptionConfiguration")
    sections = []
    names = 0
    for item in _items(document, "resources"):
        entry = fields_of(item, "an entry of resources", _wrong)
        section = {
            "resources": [_resource(name) for name in _items(entry, "resources")],
            "providers": [_provider(provider) for provider in _items(entry, "providers")],
        }
        names += len(section["resources"]) + len(section["providers"])
        if names > _MOST:
            raise TooMany("more than {0} names".format(_MOST))
        sections.append(section)
    return sections


def _wrong(node: Node, expected: str) -> t.NoReturn:
    raise ValueError("not an EncryptionConfiguration in line {0}: expected {1}".format(node.line, expected))


def _items(fields: t.Mapping[str, Node], key: str) -> t.List[Node]:
    if key not in fields:
        raise ValueError("not an EncryptionConfiguration: expected resources, each with resources and providers")
    return items_of(fields[key], key, _MOST, _wrong)


def _resource(node: Node) -> str:
    name = text_of(node)
    if name is None or not _RESOURCE.match(name):
        _wrong(node, "the name of a resource, such as secrets")
    return name


def _provider(node: Node) -> str:
    """Return the name of an entry of `providers`. The API server refuses one of several, and one without its keys."""
    fields = fields_of(node, "an entry of providers", _wrong)
    name = next(iter(fields), "")
    if name not in _PROVIDERS or len(fields) != 1 or any(key.kind != "text" for key, _value in node.content):
        _wrong(node, "one of the providers " + ", ".join(_PROVIDERS))
    settings = fields_of(fields[name], "the settings of a provider", _wrong)
    for needed in _PROVIDERS[name]:
        value = settings.get(needed, fields[name])
        if needed != "keys":
            if not (value.kind != "map" and text_of(value)):
                _wrong(value, "a kms provider to have name and endpoint")
            continue
        keys = _items(settings, "keys") if "keys" in settings else []
        if not keys:
            _wrong(value, "a provider to have keys")
        for key in keys:
            parts = fields_of(key, "a key", _wrong)
            if "secret" not in parts or not text_of(parts["secret"]):
                _wrong(key, "a key to have a secret")
    return next(known for known in _PROVIDERS if known == name)
