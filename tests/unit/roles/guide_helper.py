# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The self-assessment guide read back, from Markdown or HTML, by parsers that know nothing of how it was written."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import lxml.html
from markdown_it import MarkdownIt
from markdown_it.token import Token

TEXT = {"text", "text_special", "code_inline"}


@dataclasses.dataclass
class Control:
    """What the guide says of one control: (label, text) pairs in its order."""

    title: str
    fields: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    codes: list[tuple[str, str]] = dataclasses.field(default_factory=list)

    @property
    def id(self) -> str:
        return self.title.split()[0]

    def field(self, label: str) -> str:
        (found,) = [text for name, text in self.fields if name == label]
        return found

    @property
    def result(self) -> str:
        return self.field("Result").partition(" (")[0]

    @property
    def audit(self) -> str:
        return "\n".join(text for label, text in self.codes if label.startswith("Audit, "))

    @property
    def returned(self) -> list[tuple[list[str], str, str]]:
        """Nodes, where it was seen, and the value."""
        found = []
        for label, text in self.codes:
            match = re.fullmatch(
                r"Returned value on (.*?), from (.*?)(?: \((?:Pass|Fail|Skipped|Error|Manual)\))?", label
            )
            if match:
                found.append((match[1].split(", "), match[2], text))
        return found


@dataclasses.dataclass
class Guide:
    title: str
    headings: list[tuple[int, str]]
    controls: list[Control]
    tables: list[list[list[str]]]
    items: list[str]
    links: list[str]
    anchors: list[str]
    markup: set[str]  # elements, and attributes as element@attribute


def slug(title: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _plain(token: Token) -> str:
    return "".join(child.content for child in token.children or [] if child.type in TEXT)


def read_markdown(text: str) -> Guide:
    # without the spaces of no width, which keep addresses from becoming links
    tokens = MarkdownIt("commonmark").enable("table").parse(text.replace("&#8203;", ""))
    guide = Guide("", [], [], [], [], [], [], {token.type for token in tokens if token.type.startswith("html")})
    label, row, inside = "", [], ""
    for before, token in zip([None, *tokens], tokens, strict=False):
        kind = token.type
        if kind in ("list_item_open", "tr_open", "heading_open"):
            inside, row = kind, []
        elif kind in ("list_item_close", "heading_close"):
            inside = ""
        elif kind == "table_open":
            guide.tables.append([])
        elif kind == "tr_close":
            guide.tables[-1].append(row)
            inside = ""
        elif kind == "fence":
            guide.controls[-1].codes.append((label, token.content.removesuffix("\n")))
        if kind != "inline":
            continue
        for child in token.children or []:
            if child.type == "link_open":
                guide.links.append(str(child.attrs["href"]).removeprefix("#"))
            if child.type not in TEXT | {"link_open", "link_close", "strong_open", "strong_close"}:
                guide.markup.add(child.type)
        plain = _plain(token)
        if inside == "heading_open":
            level = int(before.tag[1])
            guide.headings.append((level, plain))
            guide.anchors.append(slug(plain))
            if level == 1:
                guide.title = plain
            elif level == 3:
                guide.controls.append(Control(plain))
        elif inside == "tr_open":
            row.append(plain)
        elif inside == "list_item_open":
            guide.items.append(plain)
        elif token.children and token.children[0].type in ("text", "strong_open"):
            label = _labelled(guide, token, plain)
    return guide


def _labelled(guide: Guide, token: Token, plain: str) -> str:
    """Take a paragraph that begins with its label in bold, and return the label of the code that follows it."""
    children = token.children or []
    opened = [index for index, child in enumerate(children) if child.type == "strong_open"]
    if not opened or not guide.controls:
        return ""
    closed = next(index for index, child in enumerate(children) if child.type == "strong_close")
    bold = "".join(child.content for child in children[:closed])
    if bold.startswith("Result: "):
        guide.controls[-1].fields.append(("Result", plain.removeprefix("Result: ")))
    elif bold.endswith(":"):
        guide.controls[-1].fields.append((bold[:-1], plain[len(bold) :].strip()))
    return plain.removesuffix(":")


def read_html(text: str) -> Guide:
    page = lxml.html.document_fromstring(text)
    markup = {element.tag for element in page.iter() if isinstance(element.tag, str)}
    markup |= {f"{element.tag}@{name}" for element in page.iter() for name in element.attrib}
    headings = [(int(h.tag[1]), _text(h)) for h in page.iter("h1", "h2", "h3", "h4", "h5", "h6")]
    controls = []
    for section in page.xpath("//section"):
        control = Control(_text(section.find(".//h3")))
        for paragraph in section.iter("p"):
            label = paragraph.find("span[@class='label']")
            code = paragraph.getparent().find("pre")
            if label is None:
                control.fields.append(("Result", _text(paragraph).removeprefix("Result: ")))
            elif code is not None:
                control.codes.append((_text(paragraph).removesuffix(":"), code.text_content()))
            else:
                control.fields.append((_text(label).removesuffix(":"), _text(paragraph)[len(_text(label)) :].strip()))
        controls.append(control)
    return Guide(
        _text(page.find(".//h1")),
        headings,
        controls,
        [[[_text(cell) for cell in row] for row in table.iter("tr")] for table in page.iter("table")],
        [_text(item) for item in page.iter("li")],
        [str(link.get("href")).removeprefix("#") for link in page.iter("a")],
        [str(name) for name in page.xpath("//@id")],
        markup,
    )


def _text(element: t.Any) -> str:
    return " ".join(element.text_content().split())
