# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = """
name: recorded
short_description: Answer for a node from recorded evidence
description:
  - Answers modules ping and node_evidence_info, after a delay, without a node. For the benchmark.
options:
  evidence:
    description: File with the evidence of the node.
    type: path
    required: true
    vars:
      - name: recorded_evidence
  delay:
    description: Seconds until the answer comes.
    type: float
    default: 0.1
    vars:
      - name: recorded_delay
  pipelining:
    description: A module comes as the standard input of a Python.
    type: bool
    default: true
"""

import json
import pathlib
import time
import typing as t

from ansible.plugins.connection import ConnectionBase


class Connection(ConnectionBase):
    transport = "recorded"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Return what the module would write."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        time.sleep(self.get_option("delay"))
        answer: dict[str, t.Any] = {"changed": False}
        if b"node_evidence_info" in (in_data or b""):
            answer["evidence"] = json.loads(pathlib.Path(self.get_option("evidence")).read_text())
            answer["evidence"]["collected_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        else:
            answer["ping"] = "pong"
        return 0, json.dumps(answer).encode(), b""

    def put_file(self, in_path: str, out_path: str) -> None:
        raise NotImplementedError

    def fetch_file(self, in_path: str, out_path: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self._connected = False
