# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""YAML and JSON files with line numbers: the one reader of all that users write.

What is in a file may be secret, so an error names the line and the kind of fault, and quotes no value.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import typing as t

import yaml
from ansible import constants as C
from ansible.parsing.vault import is_encrypted

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._outside import TooLarge, bounded, read_regular
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._store import decrypted, read_text

TEXT, DATE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp"
NULL, BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"
VAULT = ("!vault", "!vault-encrypted")

# What a parser quotes: punctuation, a tab and the parser's own '<scalar>' may be shown; all else is the file's.
_QUOTED = re.compile(r"""'(?!\W+'|<[a-z ]+>'|\\t')[^']*'|"[^"]*\"""")
# libyaml where it is there, for large files; of others the faults are explained better without it
_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Constructor(yaml.constructor.SafeConstructor):
    """Makes plain data of nodes. A tag that YAML does not know is of no interest: null."""


def _refuse(node: yaml.Node) -> t.NoReturn:
    raise CisError(f"line {line_of(node)}: {why_locked(node) or 'expected a text after !vault'}")


_Constructor.add_constructor(None, lambda _self, _node: None)
for _tag in VAULT:
    _Constructor.add_constructor(_tag, lambda _self, node: _refuse(node))


def compose(
    text: str | bytes, place: t.Callable[[int], str], kind: str = "YAML", parser: t.Any = _FAST, loader: t.Any = None
) -> yaml.Node | None:
    """Return the root of the first document in a text, with its lines; None if there is nothing in it.

    Documents after the first do not count, as in RKE. Values that ansible-vault encrypted are decrypted if Ansible's
    loader has the password. `place` says where a line is. Raises CisError that begins with it.
    """
    try:
        ended, more = False, False
        for event in bounded(yaml, yaml.parse(text, Loader=parser), limits.YAML_NODES, limits.YAML_DEPTH):
            if ended:  # and what comes then is another document, not a part that is out of place
                more = isinstance(event, yaml.DocumentStartEvent)
                break
            ended = isinstance(event, yaml.DocumentEndEvent)
        root = next(yaml.compose_all(text, Loader=parser), None)
        if more and root is not None and root.value == "":
            raise CisError(f"{place(line_of(root))}: the first document is empty, and only the first counts; remove it")
        _unlock(root, loader)
        return root
    except yaml.reader.ReaderError as error:
        read = text[: error.position]
        line, why = (read.count("\n") if isinstance(read, str) else read.count(b"\n")) + 1, error.reason
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, why = (mark.line if mark else 0) + 1, error.problem or error.context or "malformed"
    except RecursionError:
        line, why = 1, "nested too deeply"
    why = _QUOTED.sub("'...'", " ".join(why.split()))
    raise CisError(f"{place(line)}: not valid {kind}: {why}")


def _unlock(root: yaml.Node | None, loader: t.Any) -> None:
    """Decrypt values in place. One that cannot be is an error only if somebody asks for it."""
    waiting = [root] if root else []
    seen = set(waiting)
    for node in waiting:
        if node.tag in VAULT and isinstance(node, yaml.ScalarNode):
            try:
                node.value, node.tag = decrypted(node.value, loader).decode("utf-8"), TEXT
            except (CisError, UnicodeDecodeError) as error:
                node.value = str(error)
        children = [child for pair in pairs(node) for child in pair] or node.value
        new = {} if isinstance(node, yaml.ScalarNode) else dict.fromkeys(children)
        waiting += new.keys() - seen
        seen.update(new)


def why_locked(node: yaml.Node) -> str:
    """Return why the value of a node, if ansible-vault encrypted it, is not known; empty for all others."""
    return node.value if node.tag in VAULT and isinstance(node, yaml.ScalarNode) else ""


def read_nodes(path: str, option: str, loader: t.Any = None) -> yaml.Node | None:
    """Return the root of a file that an option names. One whose name ends in .json must be JSON."""
    text = read_text(path, option, loader)

    def place(line: int) -> str:
        return f"{option} line {line}"

    if not path.endswith(".json"):
        return compose(text, place, parser=yaml.SafeLoader, loader=loader)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise CisError(f"{place(error.lineno)}: not valid JSON: {error}") from error
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


def value_of(node: yaml.Node | None, source: str) -> t.Any:
    """Return a node as plain data. Raises CisError that begins with the source for what YAML cannot express as such."""
    try:
        return _Constructor().construct_document(node) if node else None
    except CisError as error:
        raise CisError(f"{source} {error}") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        why = getattr(error, "problem", "") or "malformed"
        raise CisError(f"{source} line {line_of(node)}: not valid YAML: {why}") from error


@contextlib.contextmanager
def plain_file(path: str, option: str, loader: t.Any) -> t.Iterator[str]:
    """Give the path of a YAML file that ansible-vault did not encrypt: its own, or that of a copy, which does not stay.

    If the process is killed, Ansible removes the copy when it ends.
    """
    try:
        written = read_regular(path, limits.USER_BYTES)
    except (OSError, TooLarge):
        written = b""  # the reader says why
    if not is_encrypted(written) and VAULT[0].encode() not in written:
        yield path
        return
    document = value_of(read_nodes(path, option, loader), option)
    with tempfile.NamedTemporaryFile("w", dir=C.DEFAULT_LOCAL_TMP, encoding="utf-8") as copy:
        yaml.safe_dump(document, copy)
        copy.flush()
        try:
            yield copy.name
        except CisError as error:
            raise CisError(str(error).replace(copy.name, path)) from error


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
