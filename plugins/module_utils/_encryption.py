# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The encryption providers of an EncryptionConfiguration: their names, never their keys.

The file holds the keys of all secrets of the cluster, so it is read and forgotten on the node.
https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
"""

import re
import typing as t

_KEY = re.compile(r"""^("[^"\\]*"|'[^']*'|[^\s"'#&*!|>%@`{}\[\],?:<-][^"'#{}\[\],]*?)\s*:(?:\s+(.*))?$""")
_FLOW = re.compile(r"""\s*([{}\[\],:]|"[^"\\]*"|'[^']*'|[^\s{}\[\],:"']+(?::[^\s{}\[\],:"']+)*)""")
_QUOTED = re.compile(r"""^(?:"[^"\\]*"|'[^']*')$""")
_PLAIN = re.compile(r"""^(?:[^\s"'#&*!|>%@`{}\[\],?:<-]|-(?=\S))(?:(?!:\s|:$|\s#)[^"'])*$""")
_ODD = re.compile("[^\n\r\t\x20-\x7e\xa0-\u2027\u202a-\ufefe]")


class NotUnderstood(ValueError):
    """The text may be good YAML, but this node has no PyYAML to read it with."""


def encryption_providers(text: str) -> t.List[t.Dict[str, t.List[str]]]:
    """Return for each entry of `resources` its resource names and its provider names, in the file's order.

    Raises ValueError, whose message holds nothing of the file but a line number, where the file is no such document.
    """
    try:
        document = _load(text)
    except RecursionError:
        raise ValueError("nested too deep") from None
    try:
        return [
            {
                "resources": [str(name) for name in entry["resources"]],
                "providers": [_provider_name(provider) for provider in entry["providers"]],
            }
            for entry in document["resources"]
        ]
    except (KeyError, TypeError, AttributeError, ValueError):
        raise ValueError(
            "not an EncryptionConfiguration: expected resources, each with resources and providers"
        ) from None


def _load(text: str) -> t.Any:
    try:
        import yaml
    except ImportError:
        return SimpleYaml(text).load()
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError("not valid YAML near line {0}".format(mark.line + 1 if mark else "1")) from None


def _provider_name(provider: t.Mapping[str, t.Any]) -> str:
    """Return the name of an entry of `providers`. The API server refuses one of several, or without as much as {}."""
    ((name, settings),) = provider.items()
    if not isinstance(settings, dict):
        raise TypeError
    return str(name)


class SimpleYaml:
    """Block and flow collections, quoted and plain scalars on one line: what RKE and Kubernetes tools write.

    For nodes without PyYAML. All else raises NotUnderstood: better not seen than read wrong.
    """

    def __init__(self, text: str) -> None:
        self._lines: t.List[t.Tuple[int, str, int]] = []
        self._position = 0
        begun = False
        odd = _ODD.search(text)
        if odd:
            number = text.count("\n", 0, odd.start()) + 1
            raise NotUnderstood("no simple YAML in line {0}; install PyYAML on the node".format(number))
        for number, line in enumerate(text.splitlines(), 1):
            content = re.sub(r"""^((?:[^"'#]|"[^"]*"|'[^']*'|(?<!\s)#)*?)(?:(?:^|\s)#.*)?$""", r"\1", line.rstrip())
            if "\t" in content:
                raise NotUnderstood("no simple YAML in line {0} (a tab); install PyYAML on the node".format(number))
            if content == "---" and not begun:
                begun = True
            elif content.strip():
                begun = True
                self._lines.append((len(content) - len(content.lstrip()), content.strip(), number))

    def load(self) -> t.Any:
        if not self._lines:
            return None
        value = self._block(self._lines[0][0])
        if self._position < len(self._lines):
            self._refuse()
        return value

    def _refuse(self) -> None:
        number = self._lines[min(self._position, len(self._lines) - 1)][2]
        raise NotUnderstood("no simple YAML in line {0}; install PyYAML on the node".format(number))

    def _peek(self) -> t.Tuple[int, str]:
        if self._position >= len(self._lines):
            return -1, ""
        return self._lines[self._position][:2]

    @staticmethod
    def _is_item(content: str) -> bool:
        return content == "-" or content.startswith("- ")

    def _block(self, indent: int) -> t.Any:
        content = self._peek()[1]
        if self._is_item(content):
            return self._sequence(indent)
        if _KEY.match(content):
            return self._mapping(indent)
        self._position += 1
        return self._scalar(content)

    def _sequence(self, indent: int) -> t.List[t.Any]:
        items: t.List[t.Any] = []
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
                    items.append(None)
                    continue
            items.append(self._block(inner))
        return items

    def _mapping(self, indent: int) -> t.Dict[str, t.Any]:
        found: t.Dict[str, t.Any] = {}
        while self._peek()[0] == indent and not self._is_item(self._peek()[1]):
            match = _KEY.match(self._peek()[1])
            if not match:
                self._refuse()
            key = self._word(match.group(1)) if match else ""
            if key in found:
                self._refuse()
            value = match.group(2) if match else None
            self._position += 1
            inner, content = self._peek()
            if value:
                found[key] = self._scalar(value)
            elif inner > indent or (inner == indent and self._is_item(content)):
                found[key] = self._block(inner)
            else:
                found[key] = None
        return found

    def _scalar(self, text: str) -> t.Any:
        if text[0] in "{[":
            tokens = _FLOW.findall(text)
            if "".join(tokens) != re.sub(r"""("[^"]*"|'[^']*')|\s+""", r"\1", text):
                self._refuse()
            value, rest = self._flow(tokens)
            if rest:
                self._refuse()
            return value
        return self._word(text)

    def _word(self, text: str) -> str:
        if _QUOTED.match(text):
            return text[1:-1]
        if not _PLAIN.match(text) or text in ("---", "..."):
            self._refuse()
        return text

    def _flow(self, tokens: t.List[str]) -> t.Tuple[t.Any, t.List[str]]:
        if not tokens:
            self._refuse()
        first, rest = tokens[0], tokens[1:]
        if first == "[":
            items = []
            while rest and rest[0] != "]":
                item, rest = self._flow(rest)
                items.append(item)
                rest = self._next(rest, "]")
            return items, self._closed(rest, "]")
        if first == "{":
            found: t.Dict[str, t.Any] = {}
            while rest and rest[0] != "}":
                key, rest = self._flow(rest)
                value, rest = self._flow(self._closed(rest, ":"))
                if str(key) in found:
                    self._refuse()
                found[str(key)] = value
                rest = self._next(rest, "}")
            return found, self._closed(rest, "}")
        return self._word(first), rest

    def _next(self, tokens: t.List[str], end: str) -> t.List[str]:
        return tokens if tokens[:1] == [end] else self._closed(tokens, ",")

    def _closed(self, tokens: t.List[str], mark: str) -> t.List[str]:
        if not tokens or tokens[0] != mark:
            self._refuse()
        return tokens[1:]
