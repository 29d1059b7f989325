# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""YAML on nodes, many of which have no PyYAML: nodes with their lines, of which nothing is shown.

A file may hold keys, so errors name the line only.
"""

import collections
import re
import typing as t

# These and what follows take a time linear in the text: a file must not be able to stall the node.
_KEY = re.compile(
    r"""^("[^"\\]*"\s*|'[^']*'\s*|[^\s"'#&*!|>%@`{}\[\],?:<-](?:[^"'#{}\[\],:]|:(?=\S))*):(?:\s+(.*))?$"""
)
_FLOW = re.compile(r"""([{}\[\],:]|"[^"\\]*"|'[^']*'|[^\s{}\[\],:"'?]+(?::[^\s{}\[\],:"'?]+)*)""")
_TEXTS = re.compile(r"""("[^"]*"|'[^']*')""")
_QUOTED = re.compile(r"""^(?:"[^"\\]*"|'[^']*')$""")
_PLAIN = re.compile(r"""^(?:[^\s"'#&*!|>%@`{}\[\],?:<-]|-(?=\S))(?:(?!:\s|:$|\s#)[^"'])*$""")
_ODD = re.compile("[^\n\r\t\x20-\x7e\xa0-\u2027\u202a-\ufefe]")
_ANCHOR = re.compile(r"^&([A-Za-z0-9_-]+) +([^\s&*].*)$")
_NULL = ("~", "null", "Null", "NULL")
# Plain scalars that YAML takes for booleans, numbers, times or its own marks, and some that it does not.
_UNSURE = re.compile(
    r"(?i)(?:y|n|yes|no|on|off|true|false|null|=|[-+]?\.(?:inf|nan)|[-+.]?[0-9][-+.:_0-9a-fotxz ]*|[-+.])\Z"
)
# The text of a key over several lines, of which nothing but its being there matters.
_BLOCK_SECRET = re.compile(r"""^((?:- +)*)(secret|"secret"|'secret'): +[|>][-+]?$""")
_FLOW_VALUE = re.compile(r"""^(?:- +)*(?:(?:"[^"\\]*"|'[^']*'|[^\s"'#{}\[\],:-][^"'#{}\[\],:]*): +)?[{\[]""")


_Lines = t.Deque[t.Tuple[int, str]]


class NotUnderstood(ValueError):
    """The text may be good YAML, but this node has no PyYAML to read it with."""


class TooMany(ValueError):
    """More names or entries than are read."""


class Node(t.NamedTuple):
    """A YAML node. `kind` is map, list, text, null, other, or unsure: text or something else.

    The content of a map is a list of pairs of nodes, since a key may be given more than once.
    """

    kind: str
    content: t.Any
    line: int


# Raises ValueError that names the place of a node, and what was expected there.
Wrong = t.Callable[[Node, str], t.NoReturn]


def load(text: str) -> Node:
    try:
        import yaml
    except ImportError:
        return SimpleYaml(text).load()
    try:
        return _node(yaml.compose(text, Loader=yaml.SafeLoader), {})
    except (RecursionError, NotUnderstood):
        raise
    except Exception as error:  # its messages quote the file
        mark = getattr(error, "problem_mark", None)
        raise ValueError("not valid YAML near line {0}".format(mark.line + 1 if mark else "1")) from None


def _node(found: t.Any, known: t.Dict[int, Node]) -> Node:
    """Return a node of PyYAML's in our form. What several aliases share stays shared."""
    if found is None:
        return Node("null", None, 1)
    if id(found) in known:
        return known[id(found)]
    line, kind = found.start_mark.line + 1, found.tag.rpartition(":")[2] if ":yaml.org,2002:" in found.tag else ""
    content: t.Any = []
    if isinstance(found.value, str):
        node = Node({"str": "text", "null": "null"}.get(kind, "other"), found.value, line)
    elif kind == "map":
        node = Node("map", content, line)
    else:
        node = Node("list" if kind == "seq" else "other", content, line)
    known[id(found)] = node
    if node.kind == "map":
        for key, value in found.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise NotUnderstood("a merge key in line {0} is not read; write its values out".format(line))
            content.append((_node(key, known), _node(value, known)))
    elif node.kind == "list":
        content.extend(_node(value, known) for value in found.value)
    return node


def _refuse(line: int, why: str = "") -> t.NoReturn:
    raise NotUnderstood("no simple YAML in line {0}{1}; install PyYAML on the node".format(line, why))


class SimpleYaml:
    """Block and flow collections, quoted and plain scalars on one line: what RKE and Kubernetes tools write.

    For nodes without PyYAML. All else raises NotUnderstood: better not seen than read wrong.
    """

    def __init__(self, text: str) -> None:
        self._lines: t.List[t.Tuple[int, str, int]] = []
        self._position = 0
        self._anchors: t.Dict[str, Node] = {}
        self._tokens: t.List[str] = []
        odd = _ODD.search(text)
        if odd:
            _refuse(text.count("\n", 0, odd.start()) + 1)
        lines = collections.deque(enumerate(text.splitlines(), 1))
        begun = ended = False
        while lines:
            number, content = self._content(*lines.popleft())
            if content == "---" and not begun:
                begun = True
            elif content == "..." and begun and not ended:
                ended = True
            elif content.strip():
                if ended or content[:4] in ("--- ", "... "):
                    _refuse(number)
                begun = True
                indent, content = len(content) - len(content.lstrip()), content.strip()
                if _BLOCK_SECRET.match(content):
                    content = self._without_block(indent, content, number, lines)
                elif _FLOW_VALUE.match(content):
                    content = self._whole_flow(content, number, lines)
                self._lines.append((indent, content, number))

    @staticmethod
    def _content(number: int, line: str) -> t.Tuple[int, str]:
        """Return a line without its comment."""
        content = re.sub(r"""^((?:[^"'#]|"[^"]*"|'[^']*'|(?<!\s)#)*?)(?:(?:^|(?<=\s))#.*)?$""", r"\1", line)
        if "\t" in content:
            _refuse(number, " (a tab)")
        return number, content.rstrip()

    @staticmethod
    def _without_block(indent: int, content: str, number: int, lines: "_Lines") -> str:
        """Take the lines of a text of several lines away."""
        head = _BLOCK_SECRET.match(content)
        dashes, key = head.groups() if head else ("", "")
        depth = 0
        while lines:
            line = lines[0][1]
            inner = len(line) - len(line.lstrip(" "))
            if line and inner <= indent + len(dashes):
                break
            if line and (inner == len(line) or inner < depth):
                _refuse(lines[0][0])
            depth = depth or inner
            lines.popleft()
        if not depth:
            _refuse(number)
        return "{0}{1}: 'text'".format(dashes, key)

    def _whole_flow(self, content: str, number: int, lines: "_Lines") -> str:
        """Return a flow collection of several lines in one."""
        parts: t.List[str] = []
        depth = 0
        while True:
            marks = _TEXTS.sub("", content)
            depth += sum(marks.count(mark) for mark in "[{") - sum(marks.count(mark) for mark in "]}")
            parts.append(content.strip())
            if depth <= 0 or not lines:
                return " ".join(parts)
            if "'" in marks or '"' in marks:
                _refuse(number)
            number, content = self._content(*lines.popleft())

    def load(self) -> Node:
        if not self._lines:
            return Node("null", None, 1)
        value = self._block(self._lines[0][0])
        if self._position < len(self._lines):
            self._stop()
        return value

    def _stop(self) -> t.NoReturn:
        _refuse(self._line())

    def _line(self) -> int:
        return self._lines[min(self._position, len(self._lines) - 1)][2]

    def _peek(self) -> t.Tuple[int, str]:
        if self._position >= len(self._lines):
            return -1, ""
        return self._lines[self._position][:2]

    @staticmethod
    def _is_item(content: str) -> bool:
        return content == "-" or content.startswith("- ")

    def _block(self, indent: int) -> Node:
        content = self._peek()[1]
        if self._is_item(content):
            return self._sequence(indent)
        if _KEY.match(content):
            return self._mapping(indent)
        value = self._scalar(content)
        self._position += 1
        return value

    def _sequence(self, indent: int) -> Node:
        items: t.List[Node] = []
        begin = self._line()
        while self._peek()[0] == indent and self._is_item(self._peek()[1]):
            content, number = self._lines[self._position][1:]
            rest = content[1:].lstrip()
            if rest:
                # the item's first line is a block of its own, as far in as it stands
                inner = indent + len(content) - len(rest)
                self._lines[self._position] = (inner, rest, number)
            else:
                self._position += 1
                inner = self._peek()[0]
                if inner <= indent:
                    items.append(Node("null", None, number))
                    continue
            items.append(self._block(inner))
        return Node("list", items, begin)

    def _mapping(self, indent: int) -> Node:
        pairs: t.List[t.Tuple[Node, Node]] = []
        begin = self._line()
        while self._peek()[0] == indent and not self._is_item(self._peek()[1]):
            match = _KEY.match(self._peek()[1])
            if not match:
                self._stop()
            key, value = self._word(match.group(1).rstrip()), match.group(2)
            if value:
                pairs.append((key, self._scalar(value)))
                self._position += 1
                continue
            number = self._line()
            self._position += 1
            inner, content = self._peek()
            deeper = inner > indent or (inner == indent and self._is_item(content))
            pairs.append((key, self._block(inner) if deeper else Node("null", None, number)))
        return Node("map", pairs, begin)

    def _scalar(self, text: str) -> Node:
        anchor = _ANCHOR.match(text)
        if anchor:
            self._anchors[anchor.group(1)] = value = self._scalar(anchor.group(2))
            return value
        if text[0] not in "{[":
            return self._word(text)
        self._tokens = _FLOW.findall(text)
        if "".join(self._tokens) != re.sub(_TEXTS.pattern + r"|\s+", r"\1", text):
            self._stop()
        self._tokens.reverse()
        value = self._flow()
        if self._tokens:
            self._stop()
        return value

    def _word(self, text: str) -> Node:
        if text[0] == "*" and text[1:] in self._anchors:
            return self._anchors[text[1:]]
        if _QUOTED.match(text):
            return Node("text", text[1:-1], self._line())
        if not _PLAIN.match(text) or text in ("---", "..."):
            self._stop()
        kind = "null" if text in _NULL else "unsure" if _UNSURE.match(text) else "text"
        return Node(kind, text, self._line())

    def _flow(self) -> Node:
        """Read a value from the tokens, the next of which is the last in the list."""
        if not self._tokens:
            self._stop()
        first = self._tokens.pop()
        if first not in ("[", "{"):
            return self._word(first)
        found: t.List[t.Any] = []
        end = "]" if first == "[" else "}"
        while self._tokens[-1:] not in ([end], []):
            value = self._flow()
            if first == "{":
                self._expect(":")
                value = (value, self._flow())  # type: ignore[assignment]
            found.append(value)
            if self._tokens[-1:] != [end]:
                self._expect(",")
        self._expect(end)
        return Node("list" if first == "[" else "map", found, self._line())

    def _expect(self, mark: str) -> None:
        if not self._tokens or self._tokens.pop() != mark:
            self._stop()


def text_of(node: Node) -> t.Optional[str]:
    if node.kind == "unsure":
        _refuse(node.line)
    return node.content if node.kind == "text" else None


def document_of(text: str, wrong: Wrong) -> t.Dict[str, Node]:
    """Return the values of a file's mapping by their keys. Raises ValueError if it is none."""
    try:
        return fields_of(load(text), "the file", wrong)
    except RecursionError:
        raise ValueError("nested too deep") from None


def fields_of(node: Node, what: str, wrong: Wrong) -> t.Dict[str, Node]:
    """Return the values of a mapping by their keys. Of a key that is given twice the last one counts, as in RKE."""
    if node.kind != "map":
        wrong(node, what + " to be a mapping")
    return {key.content: value for key, value in node.content if key.kind == "text"}


def items_of(node: Node, what: str, most: int, wrong: Wrong) -> t.List[Node]:
    """Return the entries of a list. Raises TooMany if there are more than `most`."""
    if node.kind != "list":
        wrong(node, what + " to be a list")
    if len(node.content) > most:
        raise TooMany("more than {0} entries in line {1}".format(most, node.line))
    return t.cast(t.List[Node], node.content)
