# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports import history
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import read_report
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import summary
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import KINDS, report_checks, unexamined
from ansible_collections.rke.cis.plugins.plugin_utils._store import DIRECTORY_MODE, make_directory

BUNDLES = (".tar.gz", ".tgz")


class ActionModule(ControllerAction):
    """One method for each command. `self.directory` holds the scans of the cluster."""

    ARGUMENTS = {
        "command": {
            "type": "str",
            "choices": ["list", "show", "download", "delete", "prune", "finish", "check"],
            "default": "list",
        },
        "report_dir": {"type": "path", "default": "cis-reports"},
        "cluster": {"type": "str", "default": "local"},
        "name": {"type": "str", "default": ""},
        "dest": {"type": "path"},
        "evidence": {"type": "bool", "default": True},
        "keep": {
            "type": "dict",
            "default": {},
            "options": {kind: {"type": "int"} for kind in KINDS},
        },
        "incomplete_days": {"type": "int", "default": 7},
        "report": {"type": "path"},
        "csv_limit": {"type": "int", "default": 0},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        self.keep = {kind: number for kind, number in (args["keep"] or {}).items() if number is not None}
        for kind, number in self.keep.items():
            if number < 1:
                raise CisError(f"cis_report_keep: {kind} is {number}; 1 or more is wanted, or leave it out to keep all")
        if args["incomplete_days"] < 0:
            raise CisError(f"cis_report_incomplete_days is {args['incomplete_days']}; 0 or more is wanted")
        if args["command"] == "check":
            return {"changed": False}
        if args["command"] == "finish":
            return self._finish(args)
        self.directory = history.cluster_directory(args["report_dir"], args["cluster"])
        if not os.path.isdir(self.directory):
            raise CisError(self._no_cluster(args["report_dir"], args["cluster"]))
        return {"directory": self.directory, **getattr(self, "_" + args["command"])(args)}

    @staticmethod
    def _no_cluster(base: str, cluster: str) -> str:
        try:
            with os.scandir(base) as entries:
                there = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
        except OSError as error:
            return f"cis_report_dir {base}: cannot be read: {error.strerror}"
        return f"cis_report_cluster {cluster!r}: no reports in {base}; there are: {', '.join(there) or 'none'}"

    def _list(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        scans = history.list_scans(self.directory)
        lines = []
        for scan in scans:
            lines.append(f"{scan['name']}: {scan['kind']}, {history.counts_text(scan['counts']) or 'incomplete'}")
        return {"changed": False, "scans": scans, "lines": lines}

    def _show(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        scan = history.find(self.directory, args["name"])
        path = os.path.join(self.directory, scan["name"], "report.json")
        report = read_report(path)
        try:
            lines = [line for line, _state in summary(report)]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CisError(f"report {path}: no whole report of this collection") from error
        return {"changed": False, "scans": [scan], "lines": [*lines, "", path]}

    def _download(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        scan = history.find(self.directory, args["name"])
        source = os.path.join(self.directory, scan["name"])
        if not args["dest"]:
            raise CisError("cis_report_dest: name a directory for the copy, or a file that ends in .tar.gz")
        bundle = args["dest"].endswith(BUNDLES)
        dest = args["dest"] if bundle else os.path.join(args["dest"], scan["name"])
        if os.path.lexists(dest):
            raise CisError(f"cis_report_dest {dest}: is there already; name another place, or remove it")
        if not self._task.check_mode:
            make_directory(os.path.dirname(os.path.abspath(dest)), "cis_report_dest")
            try:
                _copy(source, dest, bundle, args["evidence"])
            except (OSError, shutil.Error) as error:
                reason = getattr(error, "strerror", None) or error
                raise CisError(f"cis_report_dest {dest}: cannot be written: {reason}") from error
        return {"changed": True, "dest": dest, "lines": [f"{self._did('copied')} {source} to {dest}"]}

    def _delete(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        if not args["name"]:
            raise CisError("cis_report_name: name the scan to delete; cis_report_command=list tells which there are")
        with history.locked(self.directory):
            scan = history.find(self.directory, args["name"])
            history.refuse_running(self.directory, scan)
            return self._remove([scan["name"]])

    def _prune(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        if not self.keep:
            raise CisError(
                "cis_report_keep: name how many to keep, as in {scheduled: 24} or {scheduled: 24, manual: 5}"
            )
        with history.locked(self.directory):
            scans = history.list_scans(self.directory)
            return self._remove(history.surplus(self.directory, scans, self.keep, args["incomplete_days"]))

    def _remove(self, names: list[str]) -> dict[str, t.Any]:
        removed = []
        try:
            for name in names:
                path = os.path.join(self.directory, name)
                removed.append(path if self._task.check_mode else history.remove(self.directory, name))
        except CisError as error:
            raise CisError(f"{error}; removed before: {', '.join(removed) or 'none'}") from error
        finally:
            if not self._task.check_mode:
                history.write_index(self.directory)
        lines = [f"{self._did('removed')} {path}" for path in removed] or ["nothing to remove"]
        return {"changed": bool(removed), "removed": removed, "lines": lines}

    def _did(self, word: str) -> str:
        return f"would have {word}" if self._task.check_mode else word

    def _finish(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        """The end of a scan, in check mode too: its reports are its result."""
        report = read_report(args["report"] or "")
        facts = history.facts_of_report(report)
        if facts is None:
            raise CisError(f"report {args['report']}: no whole report of this collection")
        scan_dir = os.path.dirname(os.path.abspath(args["report"]))
        told = {
            **{key: report[key] for key in ("cluster", "profile", "collected_at")},
            "kind": facts["kind"],
            **facts["counts"],
            "failed_controls": [check["id"] for check in report_checks(report) if check["state"] in ("fail", "mixed")],
            "unexamined_controls": unexamined(report),
            "unexamined_nodes": sorted(report["node_errors"]),
            "report": args["report"],
        }
        text = _text(os.path.join(scan_dir, "report.csv"), args["csv_limit"])
        if text:
            told["csv"] = text
        result = {"changed": False, "summary": told, "removed": [], "lines": []}
        self.directory, name = os.path.split(scan_dir)
        if history.is_scan_name(name):
            with history.locked(self.directory):
                scans = history.write_index(self.directory)
                names = history.surplus(self.directory, scans, self.keep, args["incomplete_days"])
                if names:
                    result.update(self._remove(names))
        return result


def _text(path: str, limit: int) -> str:
    """Return a file's text if it is there and within the limit of bytes."""
    if not os.path.isfile(path) or os.path.getsize(path) > limit:
        return ""
    with open(path, encoding="utf-8", newline="") as stream:
        return stream.read()


def _copy(source: str, dest: str, bundle: bool, evidence: bool) -> None:
    """Copy a scan's directory whole or not at all. Links stay links; what a killed writer left stays behind."""
    directory = os.path.dirname(os.path.abspath(dest))

    def unwanted(_root: str, names: list[str]) -> list[str]:
        return [name for name in names if name.startswith(".") or (name == "evidence" and not evidence)]

    with tempfile.TemporaryDirectory(dir=directory, prefix=".copy.") as work:
        copy = os.path.join(work, os.path.basename(source))
        shutil.copytree(source, copy, symlinks=True, ignore=unwanted)
        os.chmod(copy, DIRECTORY_MODE)
        if bundle:
            packed = os.path.join(work, "bundle")
            with tarfile.open(packed, "w:gz") as archive:
                archive.add(copy, arcname=os.path.basename(source), filter=_anonymous)
            os.chmod(packed, 0o640)
            copy = packed
        os.rename(copy, dest)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A bundle belongs to whoever unpacks it."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
