# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A comparison of two scans as Markdown, short enough for a merge request."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._compare import alike
from ansible_collections.rke.cis.plugins.plugin_utils._operators import some


def _code(text: str) -> str:
    """A node's words, as they are: in code nothing is markup, HTML, a link or someone's name."""
    text = "".join(char if char.isprintable() else "?" for char in text) or "nothing"
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _about(about: dict[str, t.Any]) -> str:
    words = [about["profile"], f"evidence of {about['collected_at'] or 'none'}", about["name"]]
    words += [f"{name}={value}" for name, value in about["parameters"].items()]
    return _code(", ".join(filter(None, words)))


def _control(change: dict[str, t.Any]) -> str:
    title = re.sub(r"([\\`*_\[\]<>#|~&])", r"\\\1", change["description"])
    text = f"- **{change['id']}** {title}, on {_code(some(change['nodes']))}"
    return text + (f": {_code(change['before'])} is now {_code(change['after'])}" if "before" in change else "")


def comparison_markdown(comparison: dict[str, t.Any]) -> str:
    """Return a comparison as a Markdown document."""
    lines = [
        f"# Changes of cluster {_code(comparison['cluster'])}",
        "",
        f"- From {_about(comparison['from'])}",
        f"- To {_about(comparison['to'])}",
    ]
    parts = {
        "Newly failing": [_control(change) for change in comparison["newly_failing"]],
        "Fixed": [_control(change) for change in comparison["fixed"]],
        "Another value, the same verdict": [_control(change) for change in comparison["changed"]],
        "Other changes": [
            f"- {before} to {after}" + (f", on {_code(some(list(nodes)))}" if nodes else "") + f": {', '.join(ids)}"
            for (before, after, nodes), ids in alike(comparison["other"]).items()
        ],
        "Nodes added": [f"- {_code(name)}" for name in comparison["nodes_added"]],
        "Nodes gone": [f"- {_code(name)}" for name in comparison["nodes_gone"]],
    }
    for heading, items in parts.items():
        if items:
            lines += ["", f"## {heading}", "", *items]
    if not any(parts.values()):
        lines += ["", "Nothing has changed."]
    return "\n".join(lines) + "\n"
