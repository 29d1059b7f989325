# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C while nodes are examined: what was gathered is kept, and the report of it can be had."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import pty
import re
import subprocess
import threading
import time
import typing as t

import scans
from testbed import SCRIPT, Testbed

NODES = ["cp1", "good", "hang"]
REASON = "interrupted: the scan ended before this node was examined; scan it again"


class Terminal:
    """A scan at a terminal of its own, whose keys can be pressed."""

    def __init__(self, bed: Testbed, directory: pathlib.Path, **env: str) -> None:
        directory.mkdir()
        self.directory = directory
        command = ["run", bed.dir, "ansible-playbook", "-i", bed.inventory, str(scans.SCAN), "--limit", ",".join(NODES)]
        variables = scans.extra({"cis_scan_profile": scans.HARDENED, "cis_scan_timeout": 60})
        self._pid, self._terminal = pty.fork()
        if not self._pid:
            os.chdir(directory)
            os.execve(SCRIPT, [SCRIPT, *command, *variables], scans.environment(**env))
        self._out = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def gathered(self) -> list[str]:
        """Return the nodes that have answered."""
        documents = [json.loads(path.read_bytes()) for path in self.directory.rglob("node-*.json")]
        return sorted(document["node"] for document in documents if "error" not in document)

    def press(self, key: bytes) -> None:
        os.write(self._terminal, key)

    @property
    def runs(self) -> bool:
        return self._reader.is_alive()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # nobody is there any more
            while more := os.read(self._terminal, 65536):
                self._out += more

    def end(self) -> scans.Outcome:
        code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._reader.join()
        os.close(self._terminal)
        text = self._out.decode().replace("\r\n", "\n")
        return scans.Outcome(subprocess.CompletedProcess([], code, text), self.directory)


def test_ctrl_c_leaves_a_report_that_says_so(faults: Testbed, tmp_path: pathlib.Path) -> None:
    shown = Terminal(faults, tmp_path / "shown")
    (tmp_path / "ansible.cfg").write_text("[ssh_connection]\npipelining = true\n", encoding="utf-8")
    quiet = Terminal(faults, tmp_path / "quiet", ANSIBLE_CONFIG=str(tmp_path / "ansible.cfg"))
    end = time.monotonic() + 100
    for terminal in (shown, quiet):
        while terminal.gathered() != ["cp1", "good"]:
            assert terminal.runs and time.monotonic() < end
            time.sleep(0.1)
        terminal.press(b"\x03")
    outcomes = {"shown": shown.end(), "quiet": quiet.end()}
    assert time.monotonic() < end
    assert {outcome.code for outcome in outcomes.values()} == {99}
    assert not list(outcomes["quiet"].where.glob("report.*"))
    # what the guide says of scans that were interrupted without the callback, or killed
    where = outcomes["quiet"].where.relative_to(quiet.directory)
    command = ["ansible", "localhost", "-m", "rke.cis.score_evidence", "-a", f"scan_dir={where}"]
    output: dict[str, t.Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=quiet.directory, env=scans.environment(), check=False, **output)
    assert done.returncode == 0, done.stdout
    reports: list[dict[str, t.Any]] = []
    for outcome in outcomes.values():
        report = outcome.report
        assert report["node_errors"] == {"hang": REASON}
        assert "the scan was interrupted after 2 nodes of 3; scan again" in report["warnings"]
        assert "good" in outcome.checks["2.1.2"]["passed_nodes"]
        assert outcome.checks["1.1.2"]["state"] == "pass"
        assert len(outcome.table()) == 98
        assert not list(outcome.where.rglob(".*")), "the plan has been carried out"
        index = json.loads((outcome.where.parent / "index.json").read_text(encoding="utf-8"))
        assert [scan["complete"] for scan in index["scans"]] == [True]
        reports.append(report["node_results"])
    assert reports[0] == reports[1]
    said = re.sub(r"\s+", " ", outcomes["shown"].out)
    assert "[ERROR]: User interrupted execution" in said
    assert "the scan was interrupted after 2 nodes of 3; scan again" in said
    assert REASON in said and "report.json" in said
