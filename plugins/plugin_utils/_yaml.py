# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""YAML and JSON files with line numbers: the one reader of all that users write.

What is in a file may be secret, so an error names the line and the kind of fault, and quotes no value.
"""

from __future__ import annotations

import json
import re
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_text

TEXT, DATE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp"
NULL, BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"

_DEEPEST = 500
# libyaml where it is there, for large files; of others the faults are explained better without it
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Constructor(yaml.constructor.SafeConstructor):
    """Makes plain data of nodes. A tag that YAML does not know, such as Ansible's !vault, is of no interest: null."""


_Constructor.add_constructor(None, lambda _self, _node: None)


def compose(
    text: str | bytes, place: t.Callable[[int], str], kind: str = "YAML", loader: t.Any = _FAST
) -> yaml.Node | None:
    """Return the root of the document in a text, with its lines; None if there is nothing in it.

    `place` says where a line is. Raises CisError that begins with it.
    """
    if _depth(text) > _DEEPEST:  # libyaml takes minutes for it
        raise CisError(f"{place(1)}: not valid {kind}: nested too deeply")
    try:
        return yaml.compose(text, Loader=loader)
    except yaml.reader.ReaderError as error:
        read = text[: error.position]
        line, why = (read.count("\n") if isinstance(read, str) else read.count(b"\n")) + 1, error.reason
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, why = (mark.line if mark else 0) + 1, error.problem or error.context or "malformed"
    except RecursionError:
        line, why = 1, "nested too deeply"
    why = re.sub("'[^']{2,}'", "'...'", " ".join(why.split()))
    raise CisError(f"{place(line)}: not valid {kind}: {why}")


def _depth(text: str | bytes) -> int:
    """Return how deep brackets are nested, at most: those in texts count, too."""
    depth = deepest = 0
    for bracket in re.findall(r"[\[{\]}]", text if isinstance(text, str) else text.decode("latin-1")):
        depth = depth + 1 if bracket in "[{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


def read_nodes(path: str, option: str) -> yaml.Node | None:
    """Return the root of a file that an option names. One whose name ends in .json must be JSON."""
    text = read_text(path, option)

    def place(line: int) -> str:
        return f"{option} line {line}"

    if not path.endswith(".json"):
        return compose(text, place, loader=yaml.SafeLoader)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise CisError(f"{place(error.lineno)}: not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise CisError(f"{place(1)}: not valid JSON: nested too deeply") from error
    # outside of its texts, JSON's tabs are blanks; YAML's are not always
    return compose(text.replace("\t", " "), place, "JSON", yaml.SafeLoader)


def line_of(node: yaml.Node | None) -> int:
    """Return the line on which a node begins."""
    return node.start_mark.line + 1 if node else 1


def pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    """Return the keys and values of a mapping as they are written; none of another node."""
    return node.value if isinstance(node, yaml.MappingNode) else []


def value_of(node: yaml.Node | None) -> t.Any:
    """Return a node as plain data. Raises CisError for what YAML cannot express as such."""
    try:
        return _Constructor().construct_document(node) if node else None
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise CisError(
            f"line {line_of(node)}: not valid YAML: {getattr(error, 'problem', '') or 'malformed'}"
        ) from error


def find(root: yaml.Node | None, path: t.Iterable[str | int]) -> yaml.Node | None:
    """Return the node at a path of keys and indices; of one that is not there, the nearest above it."""
    node = root
    for step in path:
        if isinstance(step, int) and isinstance(node, yaml.SequenceNode) and step < len(node.value):
            node = node.value[step]
        elif isinstance(step, str):
            found = next((value for key, value in pairs(node) if key.value == step), None)
            if found is None:
                break
            node = found
        else:
            break
    return node
