# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.compare import compare
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import FILES, check_files
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import Context, write_outputs
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import KeptScans, read_report, report_facts
from ansible_collections.rke.cis.plugins.plugin_utils._store import make_directory


class ActionModule(ControllerAction):
    """Renders a report that is kept, in further formats."""

    ARGUMENTS = {"report": {"type": "path", "required": True}, "dest": {"type": "path"}, **FILES}

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        output = check_files(args)
        report = read_report(args["report"])
        scan_dir = os.path.dirname(os.path.abspath(args["report"]))
        directory, name = os.path.split(scan_dir)
        kept = KeptScans(directory)
        before = kept.previous(name, report)
        context = Context(kept.past(name, report_facts(report)), compare(before, report) if before else None)
        dest = args["dest"] or os.path.dirname(args["report"]) or "."
        make_directory(dest, "dest")
        files, problems = write_outputs(report, context, dest, output)
        if problems:
            raise CisError("; ".join(problems))
        return {"changed": True, "warnings": kept.warnings(), "files": files}
