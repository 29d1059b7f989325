# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Text for people: printable, of limited length, singular or plural.

Text from a node must not be templated again (up to ansible-core 2.18, the result of a filter is), nor control or flood
a terminal.
"""

from __future__ import annotations

import re
import typing as t

from ansible.utils.unsafe_proxy import AnsibleUnsafeText

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal_xml(text: str) -> str:
    """Return text with a question mark for each character that XML does not allow, even escaped."""
    return _NOT_XML.sub("?", text)


def printable(text: str) -> str:
    """Return text with a question mark for each character that is not printable."""
    return "".join(char if char.isprintable() else "?" for char in text)


def shortened(text: str, most: int) -> str:
    """Return text cut to so many characters, with dots at the end if something was cut."""
    return text if len(text) <= most else text[: most - 3] + "..."


def quoted(value: t.Any) -> str:
    """Return what a user wrote, as a message shows it."""
    return shortened(repr(value), 80)


def listed(names: t.Sequence[str], most: int, total: int | None = None, between: str = ", ") -> str:
    """Return the first names, and how many more there are."""
    more = (len(names) if total is None else total) - len(names[:most])
    return between.join(names[:most]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, word: str) -> str:
    """Return a number with its noun, such as 1 control or 2 controls."""
    return f"{number} {word}{'s' * (number != 1)}"


def settings(values: t.Mapping[str, str | list[str]]) -> list[str]:
    """Return name=value of each parameter."""
    return [f"{name}={value if isinstance(value, str) else ', '.join(value)}" for name, value in values.items()]


def duration(seconds: float) -> str:
    """Return a time in the largest unit of which it has at least two."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds)} s"


def plain(value: t.Any, text: t.Callable[[str], str] = str) -> t.Any:
    """Return native data of what templating hands over, which walks slowly, with all strings made by `text`."""
    if isinstance(value, dict):
        return {plain(key, text): plain(item, text) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, text) for item in value]
    return text(value) if isinstance(value, str) else value


def make_unsafe(value: t.Any) -> t.Any:
    """Return plain data with every string marked as not to be templated."""
    return plain(value, AnsibleUnsafeText)
