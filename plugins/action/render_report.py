# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

import jinja2

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.csv_rows import csv_row, report_rows
from ansible_collections.rke.cis.plugins.plugin_utils._reports.formats import FILTERS, legal_xml
from ansible_collections.rke.cis.plugins.plugin_utils._reports.history import past
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import read_report, since_previous
from ansible_collections.rke.cis.plugins.plugin_utils._store import write_report


def environment(folder: str) -> jinja2.Environment:
    """Return what renders the templates in a directory."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2", "xml.j2"), default_for_string=False),
    )
    found.filters.update(FILTERS, csv_row=csv_row)
    return found


class ActionModule(ControllerAction):
    """A Jinja2 of its own: in Ansible's, each element of a large report costs time, and a node's text is unsafe."""

    ARGUMENTS = {
        "report": {"type": "path", "required": True},
        "template": {"type": "path", "required": True},
        "dest": {"type": "path", "required": True},
        "include_not_scored": {"type": "bool", "default": False},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        report = read_report(args["report"])
        if os.path.realpath(args["dest"]) == os.path.realpath(args["report"]):
            raise CisError(
                f"report {args['dest']}: is what is rendered; give the template another name than report.json.j2"
            )
        folder, name = os.path.split(args["template"])
        try:
            rows = [row for row in report_rows(report) if row["scored"] or args["include_not_scored"]]
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise CisError(f"report {args['report']}: no whole report of this collection") from error
        try:
            text = (
                environment(folder)
                .get_template(name)
                .render(
                    report=report,
                    rows=rows,
                    roles=NODE_TYPES,
                    history=past(args["report"], report),
                    comparison=since_previous(args["report"], report),
                )
            )
        except Exception as error:  # a template is the user's code and may raise anything
            raise CisError(f"template {args['template']}: {' '.join(str(error).split())}") from error
        write_report(args["dest"], legal_xml(text) if name.endswith((".html.j2", ".xml.j2")) else text)
        return {"changed": True, "dest": args["dest"]}
