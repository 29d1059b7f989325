#!/usr/bin/python
# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: render_report
short_description: Render a stored report in further formats
version_added: 1.0.0
description:
  - Renders the C(report.json) of a scan in further formats, or with Jinja2 templates of your own. Each file is written
    whole or not at all.
  - A template gets C(report) (the document), C(rows) (its checks, with C(advice), C(all_nodes), C(passed) and
    C(failed)), C(roles) (node type to RKE role), C(labels) (state to its label) and C(counts) (the counted states). It
    may include templates beside it.
  - It also gets C(comparison), what has changed since the last scan of the same cluster and profile. Its form is that
    of M(rke.cis.compare_reports). It is none if there was no such scan, or the report lies in no directory of a scan.
  - It gets C(history) as well, a list of the complete scans of the same cluster and profile that lie beside this one.
    The oldest comes first and this one last, at most 30 in all. Each has C(name), C(kind), C(collected_at), C(profile),
    C(score), C(weighted_score), C(total), C(pass), C(fail), C(warn), C(skip), C(notApplicable), C(error) and
    C(manual).
  - It has these filters beside those of Jinja2. C(csv_row) makes a CSV row of a list. C(markdown_text) and
    C(markdown_code) make one line of Markdown of a text, and escape its markup. C(unix_time) makes seconds since 1970
    of a time. C(counted) makes C(1 node) or C(2 nodes) of a number and a noun, C(listed) the first names of a list
    and how many more there are. C(by_node) makes of the report a dictionary of node to its cases, each with C(row),
    C(section), C(state) and C(seen). C(errors_by_reason) makes of it a dictionary of reason to the C(controls) and
    C(nodes) that were not examined. C(comparison_markdown) makes Markdown of the comparison, with headings from
    C(level) on. C(defectdojo_findings), C(ocsf_findings), C(ohdf_controls), C(oscal_definitions), C(oscal_findings),
    C(oscal_observations), C(oscal_risks) and C(oscal_selection) make parts of these formats of the report, and
    C(oscal_uuid) an id of names. C(markdown_block) makes a block of code of a text. C(severity) says how bad a
    failure of a check is, C(references) which controls of NIST it serves, and its ids elsewhere, C(score) and
    C(weighted) what share of the controls of a report passes, by number and by severity, C(score_text) both in words,
    C(not_chosen) how many controls of the benchmark it lacks, C(described) by what the others were chosen, C(remarks)
    what a reader should know of a scan, C(scan_time) when the evidence of the report was collected, and C(utc_text)
    makes a text of that. C(xml_name) replaces what no id of XML may contain. C(csp_hash) makes the hash of an inline
    script for a Content-Security-Policy. C(waived_by) says who accepts a waiver, until when and why.
  - In templates for HTML and XML, by the name (C(.html.j2), C(.xml.j2)), all that is put in is escaped. There, and in
    those for JSON (C(.json.j2)), a character that no XML may hold becomes a question mark.
extends_documentation_fragment:
  - rke.cis._attributes
  - rke.cis._attributes.controller
  - rke.cis._options.files
attributes:
  idempotent:
    support: none
    details:
      - It always writes, and says so.
author:
  - rke.cis contributors (@rke-cis)
options:
  report:
    description:
      - Path of C(report.json).
    type: path
    required: true
  dest:
    description:
      - Directory for the files. By default that of O(report).
    type: path
seealso:
  - module: rke.cis.compare_reports
  - module: rke.cis.score_evidence
"""

EXAMPLES = r"""
- name: Write a page for a browser, and a list of states with a template of your own
  rke.cis.render_report:
    report: report.json
    formats:
      - html
    templates:
      - states.txt.j2
  register: rendered
  delegate_to: localhost

- name: Show where they are
  ansible.builtin.debug:
    msg: "{{ rendered.files }}"
"""

RETURN = r"""
files:
  description: Paths of the files.
  returned: success
  type: list
  elements: str
  sample:
    - report.html
    - states.txt
"""
