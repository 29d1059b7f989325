# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError
from ansible_collections.rke.cis.plugins.plugin_utils._reports.options import BENCHMARKS, PLACE
from ansible_collections.rke.cis.plugins.plugin_utils._reports.scans import EVIDENCE, KeptScans, cluster_directory
from ansible_collections.rke.cis.plugins.plugin_utils._reports.signing import verify
from ansible_collections.rke.cis.plugins.plugin_utils._text import listed

_MOST = 20


class ActionModule(ControllerAction):
    """Holds a signed scan against its signature, its files and its evidence."""

    ARGUMENTS = {
        **PLACE,
        **BENCHMARKS,
        "scan": {"type": "path"},
        "evidence_dir": {"type": "path"},
        "allowed_signers": {"type": "path", "required": True},
        "identity": {"type": "str", "default": ""},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        if not os.path.isfile(args["allowed_signers"]):
            raise CisError(f"allowed_signers {args['allowed_signers']}: no such file on the controller")
        kept = KeptScans(cluster_directory(args["report_dir"], args["cluster"], "cluster"))
        scan_dir = os.path.dirname(os.path.abspath(kept.report_path(args["scan"])))
        evidence_dir = args["evidence_dir"] or os.path.join(scan_dir, EVIDENCE)
        found = verify(scan_dir, evidence_dir, args["allowed_signers"], args["identity"], args["benchmark_dirs"])
        again = found["scored_again"]
        result = {
            "changed": False,
            "scan_dir": scan_dir,
            "signer": found["signer"],
            "problems": found["problems"],
            "scored_again": not again,
            "lines": [
                f"{scan_dir}: signed by {found['signer']}",
                f"the evidence was not scored again: {again}" if again else "its evidence scores the same report",
            ],
        }
        if found["problems"]:
            result.update(failed=True, msg=f"{scan_dir}: {listed(found['problems'], _MOST)}")
        return result
