# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""A comparison of two scans in Markdown, short enough for a merge request."""

from __future__ import annotations

import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import alike
from ansible_collections.rke.cis.plugins.plugin_utils._reports.markdown import markdown_code, markdown_text
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import described
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.operators import some
from ansible_collections.rke.cis.plugins.plugin_utils._text import settings

_MOST = 50


def _about(about: dict[str, t.Any]) -> str:
    words = [about["profile"], f"evidence of {about['collected_at'] or 'none'}", about["name"]]
    words += settings(about["parameters"])
    words += [f"only {described(about['only'])}"] if "only" in about else []
    return markdown_code(", ".join(filter(None, words)))


def _value(text: str) -> str:
    return markdown_code(text) or "nothing"


def _control(change: dict[str, t.Any]) -> str:
    text = f"- **{change['id']}** {markdown_text(change['title'])}, on {markdown_code(some(change['nodes']))}"
    return text + (f": {_value(change['before'])} is now {_value(change['after'])}" if "before" in change else "")


def comparison_markdown(comparison: dict[str, t.Any], level: int = 1) -> str:
    """Return a comparison as a Markdown document, or as a part of one whose heading has this level."""
    lines = [
        f"{'#' * level} Changes of cluster {markdown_code(comparison['cluster'])}",
        "",
        f"- From {_about(comparison['from'])}",
        f"- To {_about(comparison['to'])}",
    ]
    parts = {
        "Newly failing": [_control(change) for change in comparison["newly_failing"]],
        "Fixed": [_control(change) for change in comparison["fixed"]],
        "Changed values": [_control(change) for change in comparison["changed"]],
        "Other changes": [
            f"- {before} to {after}"
            + (f", on {markdown_code(some(list(nodes)))}" if nodes else "")
            + f": {', '.join(ids)}"
            for (before, after, nodes), ids in alike(comparison["other"]).items()
        ],
        "Nodes added": [f"- {markdown_code(name)}" for name in comparison["nodes_added"]],
        "Nodes gone": [f"- {markdown_code(name)}" for name in comparison["nodes_gone"]],
        "Not compared, since only one of the scans chose them": [
            f"- {', '.join(comparison['not_compared'])}" for _any in comparison["not_compared"][:1]
        ],
    }
    for heading, items in parts.items():
        if items:
            more = [f"- and {len(items) - _MOST} more"] if len(items) > _MOST else []
            lines += ["", f"{'#' * level}# {heading}", "", *items[:_MOST], *more]
    if not any(parts.values()):
        lines += ["", "Nothing changed."]
    return "\n".join(lines) + "\n"
