# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t

import hypothesis
import markdown_it
import pytest
from hypothesis import strategies as st

from ansible_collections.rke.cis.plugins.plugin_utils._reports.markdown import (
    markdown_code,
    markdown_fence,
    markdown_text,
)


def inline(text: str) -> list[tuple[str, str]]:
    """Return what a CommonMark parser sees in a cell of a table."""
    parser = markdown_it.MarkdownIt("commonmark").enable("table")
    (cell,) = [token for token in parser.parse(f"| a |\n|---|\n| {text} |\n") if token.type == "inline"][1:]
    return [(token.type, token.content) for token in cell.children]


@pytest.mark.parametrize(
    "text",
    [
        "a|b", "a\\|b", "*a* _b_ `c`", "[a](b)", "![a](b)", "<b>", "&amp;", "~~a~~", "# 1", "a\\", "--x=1", "$a$",
        "http://x", "\u00fc \U0001f600",
    ],
)  # fmt: skip
def test_text_is_shown_as_it_is(text: str) -> None:
    assert "".join(content for _type, content in inline(markdown_text(text))).replace("\u200b", "") == text
    assert {kind for kind, _content in inline(markdown_text(text))} <= {"text", "text_special"}


@pytest.mark.parametrize("text", ["a", "a\\", "`", "``", "a`b", "`a`", "a``b`c", "<b>", "&amp;", "*a*", "@all", "\\n"])
def test_code_is_shown_as_it_is(text: str) -> None:
    parser = markdown_it.MarkdownIt("commonmark")
    (token,) = parser.parse(markdown_code(text))[1].children
    assert (token.type, token.content) == ("code_inline", text)


@pytest.mark.parametrize("shown", [markdown_text, markdown_code])
def test_one_short_line_without_control_characters(shown: t.Callable[[str], str]) -> None:
    assert shown("a\n# b\r\n\tc\x00\x1b\u2028d").strip("`") == "a # b c?? d"
    assert len(shown("x" * 9999)) <= 302
    assert shown("x" * 9999).strip("`").endswith("x...")
    assert shown("") == ""


@pytest.mark.parametrize("text, fence", [("", "```"), ("a`b", "```"), ("`" * 50000, "`" * 50001)])
def test_a_fence_is_longer_than_what_it_holds(text: str, fence: str) -> None:
    assert markdown_fence(text, 3) == fence


PIECES = [
    "http://x.example",
    "https://",
    "www.example.com",
    "//example.com",
    "example.com",
    "a@example.com",
    "_",
    ".",
    "a@x.example",
    "@all",
    "#1",
    "GH-1",
    "a/b#2",
    "`",
    "``",
    "[",
    "](",
    " ",
    "<",
    "\\",
]


@hypothesis.settings(derandomize=True, database=None, max_examples=300, deadline=None)
@hypothesis.given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
@pytest.mark.parametrize("shown", [markdown_text, markdown_code])
def test_nothing_becomes_a_link_or_a_mention(shown: t.Callable[[str], str], text: str) -> None:
    """As GitHub reads it, which makes links of addresses without markup, too."""
    parser = markdown_it.MarkdownIt("gfm-like", {"linkify": True})
    tokens = [token for block in parser.parse("x " + shown(text)) for token in block.children or []]
    assert {token.type for token in tokens} <= {"text", "text_special", "code_inline"}
    plain = "".join(token.content for token in tokens if token.type != "code_inline")
    assert not re.search(r"(?i)[@#]\w|\bgh-\d", plain)
