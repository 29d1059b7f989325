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
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import PLACE, RETENTION, check_retention
from ansible_collections.rke.cis.plugins.plugin_utils._reports.partial import PARTIAL
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import (
    EVIDENCE,
    KeptScans,
    Scan,
    cluster_directory,
    counts_text,
    read_report,
)
from ansible_collections.rke.cis.plugins.plugin_utils._reports.summary import summary
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.attestations import skeleton
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.only import described
from ansible_collections.rke.cis.plugins.plugin_utils._scoring.report import report_checks
from ansible_collections.rke.cis.plugins.plugin_utils._store import DIRECTORY_MODE, make_directory, write_report
from ansible_collections.rke.cis.plugins.plugin_utils._text import counted

COMMANDS = ("list", "show", "download", "attestations", "delete", "prune")
BUNDLES = (".tar.gz", ".tgz")


class ActionModule(ControllerAction):
    """One method for each command. `self.kept` are the scans of the cluster."""

    ARGUMENTS = {
        "command": {"type": "str", "choices": list(COMMANDS), "default": "list"},
        **PLACE,
        "name": {"type": "str", "default": ""},
        "dest": {"type": "path"},
        "evidence": {"type": "bool", "default": True},
        **RETENTION,
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        args.update(check_retention(args))
        directory = cluster_directory(args["report_dir"], args["cluster"])
        if not os.path.isdir(directory):
            raise CisError(self._no_cluster(args["report_dir"], args["cluster"]))
        self.kept = KeptScans(directory)
        result = getattr(self, "_" + args["command"])(args)
        return {"directory": directory, "warnings": self.kept.warnings(), **result}

    @staticmethod
    def _no_cluster(base: str, cluster: str) -> str:
        try:
            with os.scandir(base) as entries:
                there = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
        except OSError as error:
            return f"cis_report_dir {base}: not readable: {error.strerror}"
        return f"cis_report_cluster {cluster!r}: no reports in {base}; available: {', '.join(there) or 'none'}"

    def _list(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        scans = self.kept.scans()
        return {"changed": False, "scans": scans, "lines": [_line(scan) for scan in scans]}

    def _show(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        scan = self.kept.find(args["name"])
        path = self.kept.path(scan["name"])
        lines = [line for line, _state in summary(read_report(path))]
        return {"changed": False, "scans": [scan], "lines": [*lines, "", path]}

    def _download(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        scan = self.kept.find(args["name"])
        source = os.path.join(self.kept.directory, scan["name"])
        if not args["dest"]:
            raise CisError("cis_report_dest is required for download; name a directory, or a file that ends in .tar.gz")
        bundle = args["dest"].endswith(BUNDLES)
        dest = args["dest"] if bundle else os.path.join(args["dest"], scan["name"])
        _refuse_existing(dest)
        if not self._task.check_mode:
            make_directory(os.path.dirname(os.path.abspath(dest)), "cis_report_dest")
            try:
                _copy(source, dest, bundle, args["evidence"])
            except (OSError, shutil.Error) as error:
                reason = getattr(error, "strerror", None) or error
                raise CisError(f"cis_report_dest {dest}: not writable: {reason}") from error
        return {"changed": True, "dest": dest, "lines": [f"{self._did('copied')} {source} to {dest}"]}

    def _attestations(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        scan = self.kept.find(args["name"])
        report = read_report(self.kept.path(scan["name"]))
        checks = [check for check in report_checks(report) if check["state"] == "manual"]
        if not checks:
            return {"changed": False, "lines": [f"no manual control is open in {scan['name']}"]}
        if not args["dest"]:
            raise CisError("cis_report_dest is required for attestations; name the file to write")
        _refuse_existing(args["dest"])
        if not self._task.check_mode:
            write_report(args["dest"], skeleton(report, checks))
        line = f"{self._did('written')} {args['dest']}: {counted(len(checks), 'manual control')} to attest"
        return {"changed": True, "dest": args["dest"], "lines": [line]}

    def _delete(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        if not args["name"]:
            raise CisError("cis_report_name is required for delete; list the scans with cis_report_command=list")
        with self.kept.locked():
            scan = self.kept.find(args["name"])
            self.kept.refuse_running(scan)
            return self._remove([scan["name"]])

    def _prune(self, args: dict[str, t.Any]) -> dict[str, t.Any]:
        if not args["keep"]:
            raise CisError("cis_report_keep is required for prune; set it, for example, to {scheduled: 24, manual: 5}")
        with self.kept.locked():
            return self._remove(self.kept.surplus(args["keep"], args["incomplete_days"]))

    def _remove(self, names: list[str]) -> dict[str, t.Any]:
        removed = []
        try:
            for name in names:
                path = os.path.join(self.kept.directory, name)
                removed.append(path if self._task.check_mode else self.kept.remove(name))
        except CisError as error:
            raise CisError(f"{error}; removed before: {', '.join(removed) or 'none'}") from error
        finally:
            if not self._task.check_mode:
                self.kept.write_index()
        lines = [f"{self._did('removed')} {path}" for path in removed] or ["nothing to remove"]
        return {"changed": bool(removed), "removed": removed, "lines": lines}

    def _did(self, word: str) -> str:
        return f"would have {word}" if self._task.check_mode else word


def _refuse_existing(dest: str) -> None:
    if os.path.lexists(dest):
        raise CisError(f"cis_report_dest {dest}: already exists; choose another destination or remove it")


def _line(scan: Scan) -> str:
    """Return a scan as a line of a list."""
    said = counts_text(scan["counts"]) or ("a part" if PARTIAL in scan["files"] else "incomplete")
    without = f"; without {counted(scan['not_scanned'], 'node')}" if scan["not_scanned"] else ""
    only = f"; only {described(scan['only'])}" if scan["only"] else ""
    return f"{scan['name']}: {scan['kind']}, {said}{without}{only}"


def _copy(source: str, dest: str, bundle: bool, evidence: bool) -> None:
    """Copy a scan's directory whole or not at all. Links stay links; what a killed writer left stays behind."""
    directory = os.path.dirname(os.path.abspath(dest))

    def unwanted(_root: str, names: list[str]) -> list[str]:
        return [name for name in names if name.startswith(".") or (name == EVIDENCE and not evidence)]

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
