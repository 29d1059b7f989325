# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible import constants as C

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import changed_ids, compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare_markdown import comparison_markdown
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import PLACE
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import KeptScans, cluster_directory, read_report
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import comparison_summary
from ansible_collections.rke.cis.plugins.plugin_utils._store import to_json, write_file

_FORMATS: dict[str, t.Callable[[dict[str, t.Any]], str]] = {
    "text": lambda comparison: "\n".join(line for line, _state in comparison_summary(comparison)) + "\n",
    "json": to_json,
    "markdown": comparison_markdown,
}


class ActionModule(ControllerAction):
    """What it finds is shown on the terminal at once: as a returned value it would stand there in quotes."""

    ARGUMENTS = {
        **PLACE,
        "older": {"type": "path"},
        "newer": {"type": "path"},
        "dest": {"type": "path"},
        "format": {"type": "str", "choices": list(_FORMATS), "default": "text"},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if args["format"] != "text" and not args["dest"]:
            raise CisError(f"format {args['format']}: needs dest, the file to write; the terminal gets text")
        kept = KeptScans(cluster_directory(args["report_dir"], args["cluster"], "cluster"))
        newer_path = kept.report_path(args["newer"])
        newer = read_report(newer_path)
        older: dict[str, t.Any] | None
        if args["older"]:
            older = read_report(kept.report_path(args["older"]))
        else:
            place, name = os.path.split(os.path.dirname(os.path.abspath(newer_path)))
            older = KeptScans(place).previous(name, newer)
        if older is None:
            raise CisError(
                f"report {newer_path}: no earlier scan of cluster {newer['cluster']} with {newer['profile']} "
                f"found beside it; name the scan to compare it with in older"
            )
        comparison = compare(older, newer)
        for line, state in comparison_summary(comparison):
            self._display.display(line, color=C.COLOR_ERROR if state == "fail" else None)
        if args["dest"]:
            try:
                write_file(args["dest"], _FORMATS[args["format"]](comparison))
            except OSError as error:
                raise CisError(f"dest {args['dest']}: not writable: {error.strerror}") from error
        return {
            "changed": bool(args["dest"]),
            "warnings": kept.warnings(),
            "dest": args["dest"] or "",
            "older": comparison["from"]["name"],
            "newer": comparison["to"]["name"],
            "newly_failing": changed_ids(comparison["newly_failing"]),
            "fixed": changed_ids(comparison["fixed"]),
            "other_values": changed_ids(comparison["changed"]),  # `changed` has its own meaning in a task's result
            "other": changed_ids(comparison["other"]),
            "nodes_added": comparison["nodes_added"],
            "nodes_gone": comparison["nodes_gone"],
            "not_compared": comparison["not_compared"],
        }
