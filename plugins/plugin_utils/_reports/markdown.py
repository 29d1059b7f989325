# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Escaping for Markdown: no text from nodes or users becomes markup."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._text import printable, shortened

_LONGEST = 300
_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$]|[.](?=[^\W\d_]))")  # some renderers make a link of each name with a dot
# What GitHub and others make a link or a mention of, though it is no markup. A space of no width keeps them from it,
# in the middle of what they look for: behind it, they would take the space for a part of the name.
_LINKS = re.compile(r"(?i)([@#](?=\S)|:(?=/)|/(?=/)|www(?=\\?[.])|(?<![^\W_])gh(?=-\d)|!(?=\d))")


def _one_line(text: t.Any, longest: int | None = _LONGEST) -> str:
    line = printable(" ".join(str(text).split()))
    return line if longest is None else shortened(line, longest)


def markdown_text(text: t.Any, longest: int | None = _LONGEST) -> str:
    """Return text as one line that Markdown shows unchanged and without links, in table cells too.

    `longest` None does not cut it.
    """
    return _LINKS.sub(r"\1&#8203;", _MARKUP.sub(r"\\\1", _one_line(text, longest)))


def markdown_fence(text: str, least: int) -> str:
    """Return the run of backquotes, of at least this length, between which text is code."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))


def markdown_block(text: str) -> str:
    """Return text as a block of code, whatever is in it."""
    fence = markdown_fence(text, 3)
    return f"{fence}\n{text}\n{fence}" if text else ""


def markdown_code(text: t.Any) -> str:
    """Return text as one line of code, in which nothing becomes a mention or a link."""
    line = _one_line(text)
    fence = markdown_fence(line, 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""
