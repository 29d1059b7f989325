# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Options that several actions share, as argument specs; the doc fragments of their names document them.

What Ansible cannot check of them is checked here, before a node is touched. Messages name the variables of the roles.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.gates import FAIL_ON, check_thresholds
from ansible_collections.rke.cis.plugins.plugin_utils._reports.render import CSV_LAYOUTS, OUTPUTS, own_name
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import REPORT
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import KINDS, MANUAL
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.skips import SKIP_SOURCES

Options = dict[str, dict[str, t.Any]]

PLACE: Options = {
    "cluster": {"type": "str", "default": "local"},
    "report_dir": {"type": "path", "default": "cis-reports"},
}
ORIGIN: Options = {
    "kind": {"type": "str", "choices": list(KINDS), "default": MANUAL},
    "scanned_by": {"type": "str", "default": ""},
}
BENCHMARKS: Options = {"benchmark_dirs": {"type": "list", "elements": "path", "default": []}}
PROFILE: Options = {
    **BENCHMARKS,
    "profile": {"type": "str", "default": "permissive"},
    "parameters": {"type": "dict"},
    "node_tests_on": {"type": "str", "choices": ["workers", "all"], "default": "workers"},
}
SCORING: Options = {
    **PLACE,
    **ORIGIN,
    **PROFILE,
    "only": {"type": "dict"},
    "skip": {"type": "raw"},
    "skip_file": {"type": "path"},
    "skip_source": {"type": "str", "choices": list(SKIP_SOURCES), "default": SKIP_SOURCES[0]},
    "waivers_file": {"type": "path"},
    "attestations_file": {"type": "path"},
}
FILES: Options = {
    "formats": {"type": "list", "elements": "str", "default": ["csv", "json"]},
    "templates": {"type": "list", "elements": "str", "default": []},
    "csv_layout": {"type": "str", "choices": list(CSV_LAYOUTS), "default": CSV_LAYOUTS[0]},
    "include_not_scored": {"type": "bool", "default": True},
}
RETENTION: Options = {
    "keep": {"type": "dict", "options": {kind: {"type": "int"} for kind in KINDS}},
    "incomplete_days": {"type": "int", "default": 7},
}
RESULT: Options = {
    **FILES,
    **RETENTION,
    "artifact_csv_limit": {"type": "int", "default": 50000},
    "sign_key": {"type": "path", "default": ""},
    "fail_on": {"type": "list", "elements": "str", "default": ["error", "unreachable"]},
    "thresholds": {"type": "raw"},
}
# Of a scan, and of the merge of its parts.
REQUEST: Options = {
    "groups": {"type": "dict", "default": {}},
    "scan_id": {"type": "str", "default": ""},
    "notify_rules": {"type": "raw"},
    "notify_notifiers": {"type": "raw", "no_log": True},
    "notify_options": {"type": "dict", "default": {}},
}
# What the user of the role cis_scan calls them.
VARIABLES = {
    **{name: f"cis_report_{name}" for name in RESULT},
    **{name: f"cis_scan_{name}" for name in (*SCORING, "fail_on", "thresholds")},
    "scanned_by": "cis_scan_by",
}


def _words(values: list[str] | None) -> list[str]:
    """Return the words of a list that may have been a text with commas, such as the answer to an AWX survey."""
    return [word.strip() for word in values or [] if word.strip()]


def _known(words: list[str], known: t.Iterable[str], option: str) -> list[str]:
    unknown = [word for word in words if word not in known]
    if unknown:
        raise CisError(f"{option} {', '.join(unknown)}: unknown; available: {', '.join(known)}")
    return words


def check_files(args: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the options in FILES, checked."""
    templates = [os.path.expanduser(path) for path in _words(args["templates"])]
    missing = [path for path in templates if not os.path.isfile(path)]
    if missing:
        raise CisError(f"cis_report_templates {', '.join(missing)}: no such file on the controller")
    for path in templates:
        if own_name(path) == REPORT:
            raise CisError(f"cis_report_templates {path}: would overwrite {REPORT}; give the template another name")
    return {
        **{key: args[key] for key in FILES},
        "formats": _known(_words(args["formats"]), OUTPUTS, "cis_report_formats"),
        "templates": [os.path.abspath(path) for path in templates],
    }


def check_retention(args: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the options in RETENTION, checked."""
    keep = {kind: number for kind, number in (args["keep"] or {}).items() if number is not None}
    for kind, number in keep.items():
        if number < 1:
            raise CisError(f"cis_report_keep: {kind} is {number}; must be at least 1 (omit it to keep all)")
    if args["incomplete_days"] < 0:
        raise CisError(f"cis_report_incomplete_days is {args['incomplete_days']}; must be 0 or more")
    return {"keep": keep, "incomplete_days": args["incomplete_days"]}


def check_result(args: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the options in RESULT, checked."""
    if args["sign_key"] and not os.path.isfile(args["sign_key"]):
        raise CisError(f"cis_report_sign_key {args['sign_key']}: no such file on the controller")
    return {
        **check_files(args),
        **check_retention(args),
        **{key: args[key] for key in ("artifact_csv_limit", "sign_key")},
        "fail_on": _known(_words(args["fail_on"]), FAIL_ON, "cis_scan_fail_on"),
        "thresholds": check_thresholds(args["thresholds"]),
    }
