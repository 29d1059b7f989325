# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The files that are rendered from a report: which format has which, and how a template is rendered."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
import urllib.parse

import jinja2

from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.benchmark import NODE_TYPES
from ansible_collections.rke.cis.plugins.plugin_utils._benchmarks.library import LEVELS, SEVERITIES
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.csv_rows import csv_row, report_rows
from ansible_collections.rke.cis.plugins.plugin_utils._reports.formats import FILTERS
from ansible_collections.rke.cis.plugins.plugin_utils._reports.results import results_by_node
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import Scan
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import COUNTS, LABELS, WEIGHTS
from ansible_collections.rke.cis.plugins.plugin_utils._store import make_directory, write_report
from ansible_collections.rke.cis.plugins.plugin_utils._text import legal_xml, plain

# Format to the files that it writes. JSON is the report itself, which all the others are made of. A name with a slash
# at the end is a directory with a file for each node.
OUTPUTS: dict[str, tuple[str, ...]] = {
    "csv": ("report.csv",),
    "defectdojo": ("report.defectdojo.json",),
    "html": ("report.html",),
    "json": (),
    "junit": ("report.junit.xml",),
    "markdown": ("report.md",),
    "ocsf": ("report.ocsf.json",),
    "ohdf": ("report.ohdf.json",),
    "oscal": ("report.oscal.json",),
    "prometheus": ("report.prom",),
    "sarif": ("report.sarif",),
    "self_assessment": ("self_assessment.md", "self_assessment.html"),
    "xccdf": ("xccdf/",),
}
CSV_LAYOUTS = ("standard", "rancher")

TEMPLATES = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../../roles/cis_report/templates"))


class Context(t.NamedTuple):
    """What a template gets beside the report: what the report does not say of other scans."""

    history: list[Scan]
    comparison: dict[str, t.Any] | None


def write_outputs(
    report: dict[str, t.Any], context: Context, directory: str, output: dict[str, t.Any]
) -> tuple[list[str], list[str]]:
    """Render the formats and the user's own templates of checked options.

    Returns the paths of the files, and a line for each that could not be written: it keeps no other from being.
    """
    rows = [row for row in report_rows(report) if row["scored"] or output["include_not_scored"]]
    written, problems = [], []
    for name, template in _files(output):
        path = os.path.join(directory, name)
        try:
            if name.endswith("/"):
                _write_each(path, template, report)
            else:
                write_report(path, _rendered(template, report, rows, context))
            written.append(path)
        except CisError as error:
            problems.append(str(error))
    return written, problems


def _files(output: dict[str, t.Any]) -> t.Iterator[tuple[str, str]]:
    """Return the name of each file to write, and its template."""
    for name in (name for known in output["formats"] for name in OUTPUTS[known]):
        source = f"{output['csv_layout']}.csv" if name == "report.csv" else name.replace("/", ".xml")
        yield name, os.path.join(TEMPLATES, source + ".j2")
    for template in output["templates"]:
        yield own_name(template), template


def own_name(template: str) -> str:
    """Return the name of the file that a template of the user's own makes."""
    return re.sub(r"[.]j2$", "", os.path.basename(template))


def environment(folder: str = TEMPLATES) -> jinja2.Environment:
    """Return what renders the templates in a directory.

    A Jinja2 of its own: in Ansible's, each element of a large report costs time, and a node's text is unsafe.
    """
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2", "xml.j2"), default_for_string=False),
    )
    found.filters.update(FILTERS, csv_row=csv_row)
    found.globals.update(roles=NODE_TYPES, labels=LABELS, counts=COUNTS)
    found.globals.update(severities=SEVERITIES, levels=LEVELS, weights=WEIGHTS)
    return found


def _rendered(template: str, report: dict[str, t.Any], rows: list[dict[str, t.Any]], context: Context) -> str:
    folder, name = os.path.split(template)
    if name.endswith(".json.j2"):
        report = plain(report, legal_xml)  # readers of such formats write XML of them
    with _named(template):
        found = environment(folder).get_template(name)
        text = found.render(report=report, rows=rows, **context._asdict())
    return legal_xml(text) if name.endswith((".html.j2", ".xml.j2")) else text


@contextlib.contextmanager
def _named(template: str) -> t.Iterator[None]:
    """Have what a template raises begin with its name. It may be the user's code, or read what contradicts itself."""
    try:
        yield
    except Exception as error:
        raise CisError(f"template {template}: {' '.join(str(error).split())}") from error


def _write_each(directory: str, template: str, report: dict[str, t.Any]) -> None:
    """Write a file for each node, by a template that gets what came of all controls on it."""
    make_directory(directory, "report")
    found = environment().get_template(os.path.basename(template))
    report = plain(report, legal_xml)  # rather than each file
    shared: dict[int, str] = {}

    def once(about: t.Any, caller: t.Callable[[], str]) -> str:
        if id(about) not in shared:
            shared[id(about)] = caller()
        return shared[id(about)]

    for node, results in results_by_node(report).items():
        with _named(template):
            text = found.render(report=report, node=node, results=results, once=once)
        # Thousands of files that can be rendered again need not wait for the disk each.
        write_report(os.path.join(directory, urllib.parse.quote(node, safe="") + ".xml"), text, sync=False)
