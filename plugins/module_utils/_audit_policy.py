# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The rules of an audit policy: levels, verbs, resources and namespaces, never other text of the file.

https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
"""

import re
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._yaml_nodes import (
    Node,
    TooMany,
    document_of,
    fields_of,
    items_of,
    text_of,
)

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
_STAGES = re.compile(r"(?:RequestReceived|ResponseStarted|ResponseComplete|Panic)\Z")
_VERB = re.compile(r"(?:\*|[a-z]{1,30})\Z")
_GROUP = re.compile(r"(?:\*|[a-z0-9][a-z0-9.-]{0,100})?\Z")
_RESOURCE = re.compile(r"(?:\*|[a-z]{1,60})(?:/(?:\*|[a-z]{1,60}))?\Z")
_NAMESPACE = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,62})?\Z")
# Whose names are nobody's business here: that there are some makes a rule narrower.
_NARROWER = ("users", "userGroups", "nonResourceURLs")

Rule = t.Dict[str, t.Any]


def audit_policy(text: str) -> t.List[Rule]:
    """Return the rules of a policy, in the file's order: the first one that matches a request counts.

    Raises ValueError, whose message holds nothing of the file but a line number, where the API server would refuse
    the file.
    """
    document = document_of(text, _wrong)
    kind = text_of(document["kind"]) if "kind" in document else None
    if kind != "Policy":
        raise ValueError("kind is not that of an audit Policy")
    rules = _nodes(document, "rules")
    if len(rules) > limits.AUDIT_RULES:
        raise TooMany("more than {0} rules".format(limits.AUDIT_RULES))
    stages = _texts(document, "omitStages", _STAGES)
    found: t.List[Rule] = []
    names = 0
    for node in rules:
        found.append(_rule(node, stages))
        # with aliases a small file can have very many
        names += sum(len(value) for value in found[-1].values() if isinstance(value, list))
        if names > limits.ENTRIES:
            raise TooMany("more than {0} names in its rules".format(limits.ENTRIES))
    return found


def _rule(node: Node, stages: t.List[str]) -> Rule:
    fields = fields_of(node, "a rule", _wrong)
    level = text_of(fields["level"]) if "level" in fields else None
    if level not in LEVELS:
        _wrong(fields.get("level", node), "one of the levels " + ", ".join(LEVELS))
    rule: Rule = {"level": level}
    for key, form in (("verbs", _VERB), ("namespaces", _NAMESPACE)):
        found = _texts(fields, key, form)
        rule.update({key: found} if found else {})
    resources = []
    for entry in _nodes(fields, "resources"):
        about = fields_of(entry, "an entry of resources", _wrong)
        group = text_of(about["group"]) if "group" in about else ""
        if group is None or not _GROUP.match(group):
            _wrong(entry, "the name of an API group")
        names = _texts(about, "resources", _RESOURCE) or ["*"]
        some = "!" if _nodes(about, "resourceNames") else ""  # of these only some objects
        resources += ["{0}{1}{2}".format(group + "/" if group else "", name, some) for name in names]
    omitted = sorted({*stages, *_texts(fields, "omitStages", _STAGES)})
    narrower = [key for key in _NARROWER if _nodes(fields, key)]
    for key, found in (("resources", resources), ("omitStages", omitted), ("only", narrower)):
        rule.update({key: found} if found else {})
    return rule


def _nodes(fields: t.Mapping[str, Node], key: str) -> t.List[Node]:
    """Return the nodes of a list, which may be absent or null."""
    node = fields.get(key)
    if node is None or node.kind == "null":
        return []
    return items_of(node, key, limits.AUDIT_RULES, _wrong)


def _texts(fields: t.Mapping[str, Node], key: str, form: "t.Pattern[str]") -> t.List[str]:
    found = []
    for node in _nodes(fields, key):
        text = text_of(node)
        if text is None or not form.match(text):
            _wrong(node, "a valid entry of " + key)
        found.append(text)
    return found


def _wrong(node: Node, expected: str) -> t.NoReturn:
    raise ValueError("not an audit Policy in line {0}: expected {1}".format(node.line, expected))
