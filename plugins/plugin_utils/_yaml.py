# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The one reader of the YAML and JSON files that users write. It knows the line of everything that it reads.

Such a file may hold secrets, so an error never quotes its values, nor the names of its anchors and tags.
"""

from __future__ import annotations

import json
import re
import typing as t

import yaml

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import read_text

Path = t.Sequence[str | int]

# A file can be short and yet huge, by aliases of aliases.
MAX_DEPTH = 100
MAX_NODES = 500_000

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What a parser quotes: punctuation, a tab and the parser's own '<scalar>' may be shown, all else is the file's.
_QUOTED = re.compile(r"""'(?!\W+'|<[a-z ]+>'|\\t')[^']*'|"[^"]*\"""")


class _Constructor(yaml.constructor.SafeConstructor):
    """YAML's safe schema. A scalar that only looks like a date or number, such as 2026-13-45, stays text."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> t.Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            if not isinstance(node, yaml.ScalarNode):
                raise
            self.recursive_objects.pop(node, None)
            self.constructed_objects[node] = node.value
            return node.value


class _TolerantConstructor(_Constructor):
    """A value with an unknown tag is None."""


def _wrong(node: yaml.Node | yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=t.cast("t.Any", node.start_mark))


def _refuse_tag(constructor: t.Any, node: yaml.Node) -> t.NoReturn:
    raise _wrong(node, "unknown tag")


_Constructor.add_constructor(t.cast("t.Any", None), _refuse_tag)
_TolerantConstructor.add_constructor(t.cast("t.Any", None), lambda constructor, node: None)


class Located:
    """What is in a file, and where. A path is the keys and indexes that lead to a value; the root's is ()."""

    def __init__(self, source: str, value: t.Any, root: yaml.Node | None) -> None:
        self.source, self.value, self._root = source, value, root

    def _find(self, path: Path) -> tuple[yaml.Node | None, int]:
        """Return the node at a path, if there is one, and the line of it or of its nearest parent."""
        node: yaml.Node | None = self._root
        line = node.start_mark.line + 1 if node else 1
        for step in path:
            key: yaml.Node | None = None
            if isinstance(node, yaml.MappingNode):
                # the last one counts, as in the value
                pairs = (pair for pair in reversed(node.value) if pair[0].value == str(step))
                key, node = next(pairs, (key, None))
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                key = node = node.value[step]
            if key is None or node is None:
                return None, line
            line = key.start_mark.line + 1
        return node, line

    def line(self, path: Path = ()) -> int:
        """Return the line of a key or an element, or of the nearest parent that exists."""
        return self._find(path)[1]

    def where(self, path: Path = ()) -> str:
        """Return the place as messages name it: option, file and line."""
        return f"{self.source} line {self.line(path)}"

    def text(self, path: Path) -> str | None:
        """Return a scalar as it is written, such as 1.10, of which the value is 1.1. None if it is not a scalar."""
        node = self._find(path)[0]
        return node.value if isinstance(node, yaml.ScalarNode) else None

    def keys(self, path: Path = ()) -> list[str]:
        """Return the keys of a mapping as they are written."""
        node = self._find(path)[0]
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        return list(dict.fromkeys(key.value for key, _value in pairs if isinstance(key, yaml.ScalarNode)))

    def tag(self, path: Path) -> str | None:
        """Return the tag that is written or follows from the text: !!str, !!int, !vault."""
        node = self._find(path)[0]
        return node.tag.replace("tag:yaml.org,2002:", "!!") if node else None


def _check_size(node: yaml.Node, sizes: dict[yaml.Node, int]) -> int:
    """Return the number of nodes with all aliases followed. Raises YAMLError if there are too many, or a loop."""
    if node not in sizes:
        sizes[node] = MAX_NODES  # while its children are counted, so that a loop is too large
        children = (
            [child for pair in node.value for child in pair] if isinstance(node, yaml.MappingNode) else node.value
        )
        size = 1 if isinstance(node, yaml.ScalarNode) else 1 + sum(_check_size(child, sizes) for child in children)
        if size > MAX_NODES:
            raise _wrong(node, "too large with all aliases followed")
        sizes[node] = size
    return sizes[node]


def _compose(text: str, parser: t.Any) -> yaml.Node | None:
    depth = 0
    for event in yaml.parse(text, Loader=parser):  # which, unlike compose, does not recurse
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _wrong(event, "nested too deeply")
    root = yaml.compose(text, Loader=parser)
    if root is not None:
        _check_size(root, {})
    return root


def _check_keys(node: yaml.Node, source: str) -> None:
    """Raise CisError if a key is in a mapping twice."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, child in node.value:
            if isinstance(key, yaml.ScalarNode) and (key.tag, key.value) in seen:
                raise CisError(f"{source} line {key.start_mark.line + 1}: {key.value}: duplicate key; remove one")
            seen.add((key.tag, str(key.value)))
            _check_keys(child, source)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _check_keys(child, source)


def parse_yaml(text: str, source: str, *, json_only: bool = False, unique: bool = False, tags: bool = False) -> Located:
    """Return what is in a text; `source` is what errors call it. read_yaml explains the rest."""
    try:
        value = json.loads(text) if json_only else None
        unprintable = yaml.reader.Reader.NON_PRINTABLE.search(text)
        if unprintable:
            raise json.JSONDecodeError("control characters are not allowed", text, unprintable.start())
        # Tabs are blanks in JSON, not always in YAML. libyaml refuses half of a surrogate pair, as JSON may have it.
        root = _compose(text.replace("\t", " "), yaml.SafeLoader) if json_only else _compose(text, _PARSER)
        if root and unique:
            _check_keys(root, source)
        if root and not json_only:
            value = (_TolerantConstructor if tags else _Constructor)().construct_document(root)
        return Located(source, value, root)
    except json.JSONDecodeError as error:
        line, why = error.lineno, error.msg
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        why = ", ".join(part for part in (error.context, error.problem) if part)
    except RecursionError:
        line, why = 1, "nested too deeply"
    except (yaml.YAMLError, ValueError):
        line, why = 1, "a value that cannot be read"
    kind = "JSON" if json_only else "YAML"
    raise CisError(f"{source} line {line}: not valid {kind}: {_QUOTED.sub('...', why)}; correct the file")


def read_yaml(path: str, option: str = "", *, unique: bool = False, tags: bool = False) -> Located:
    """Return what is in a YAML file, or in a JSON file if its name ends in .json.

    unique: refuse a key that is in a mapping twice. Otherwise the last one counts.
    tags: allow unknown tags, such as !vault; the value is None then. Otherwise they are refused.
    Raises CisError that begins with the option and the path.
    """
    source = f"{option} {path}".strip()
    return parse_yaml(read_text(path, source), source, json_only=path.endswith(".json"), unique=unique, tags=tags)
