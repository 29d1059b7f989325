# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import html
import re
import typing as t

import markdown_it
import pytest

from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare_markdown import comparison_markdown
from ansible_collections.rke.cis.tests.unit.plugins.plugin_utils.compare_helper import small_report

EVIL = [
    "`code` ``more`` `",
    "<script>alert(1)</script>",
    "[here](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "@everyone https://evil.example",
    "**bold** _it_ ~~gone~~ | cell",
    "\n\n# heading\n- item",
    "\\",
    "`",
    "&lt;",
]


def rendered(comparison: dict[str, t.Any]) -> str:
    """Return the document as a CommonMark parser reads it, with HTML and tables switched on."""
    return markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table").render(comparison_markdown(comparison))


def test_each_list_has_its_heading_and_an_empty_one_has_none() -> None:
    nodes = [f"n{number}" for number in range(1, 9)]
    older = small_report({"1": {"n1": "fail"}, "2": {"n1": "pass"}, "3": {"n1": ("fail", "a")}, "4": "skip"}, ["n1"])
    newer = small_report({"1": {"n1": "pass"}, "2": dict.fromkeys(nodes, "fail"), "3": {"n1": ("fail", "b")}}, nodes)
    text = rendered(compare(older, newer))
    assert re.findall("<h2>(.*)</h2>", text) == [
        "Newly failing", "Fixed", "Changed values", "Other changes", "Nodes added",
    ]  # fmt: skip
    assert "<strong>2</strong> Title of 2, on <code>n1, n2, n3, n4, n5 and 3 more</code>" in text
    assert "<code>a</code> is now <code>b</code>" in text
    assert "<li>skip to not run, on <code>n1</code>: 4</li>" in text


def test_that_nothing_has_changed_is_said() -> None:
    assert "Nothing changed." in rendered(compare(small_report({}), small_report({})))


@pytest.mark.parametrize("evil", EVIL)
def test_what_a_node_says_is_text(evil: str) -> None:
    older = small_report({"1": {"n1": ("fail", "a")}, "2": {"n1": "pass"}}, ["n1", "old" + evil])
    newer = small_report({"1": {"n1": ("fail", evil)}, "2": {evil: "fail"}}, ["n1", evil], parameters={"p": evil})
    text = rendered(compare(older, newer))
    assert not re.findall(r"<(?!/?(?:h1|h2|ul|li|p|strong|code)>)", text), text
    told = [html.unescape(code) for code in re.findall("<code>(.*?)</code>", text)]
    assert " ".join(evil.split()) in told
    assert " ".join(("old" + evil).split()) in told
    assert not any(
        part for part in ("evil.example", "everyone", "alert") if part in re.sub("<code>.*?</code>", "", text)
    )


def test_a_title_is_text() -> None:
    newer = small_report({"1": {"n1": "fail"}})
    newer["results"][0]["checks"][0]["title"] = "Ensure *this* <b> _that_ [x](y)"
    text = rendered(compare(small_report({"1": {"n1": "pass"}}), newer))
    assert "Ensure *this* &lt;b&gt; _that_ [x](y), on" in text


def test_a_part_of_another_document_has_lower_headings() -> None:
    text = comparison_markdown(
        compare(small_report({"1": {"n1": "pass"}}), small_report({"1": {"n1": "fail"}})), level=2
    )
    assert re.findall("^#+ ", text, re.M) == ["## ", "### "]


def test_very_many_changes_do_not_fill_it() -> None:
    nodes = [f"n{number}" for number in range(60)]
    older, newer = (
        small_report({"1": {name: ("fail", f"{side} {name}") for name in nodes}}, nodes) for side in ("old", "new")
    )
    text = comparison_markdown(compare(older, newer))
    assert text.count("is now") == 50
    assert text.endswith("- and 10 more\n")
