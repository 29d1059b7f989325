# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the evidence of the practice cluster again: python tests/testbed/record_practice.py (as root).

No benchmark is named, so the evidence has what any of them looks at. The API server of the test bed is asked, too. The
controller manager, which runs nowhere there, would have given each namespace its service account.
"""

from __future__ import annotations

import pathlib
import shutil
import sys
import tempfile

sys.path.extend(str(pathlib.Path(__file__).parents[number] / name) for number, name in ((0, ""), (1, "integration")))

from scans import create_service_account
from testbed import Testbed, spec

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PRACTICE = PROJECT / "playbooks" / "practice" / "evidence"


def main() -> None:
    with tempfile.TemporaryDirectory() as work, Testbed(spec("practice")) as bed:
        bed.wait_etcd()
        bed.wait_api()
        for namespace in ("default", "kube-node-lease", "kube-public", "kube-system"):
            create_service_account(bed, namespace)
        done = bed.run(
            ["ansible-playbook", "-i", bed.inventory, str(PROJECT / "playbooks" / "cis_scan.yml")]
            + ["-e", f"cis_scan_evidence_dir={work}/evidence", "-e", f"cis_report_dir={work}/reports"]
            + ["-e", f"cis_scan_kubeconfig={bed.kubeconfig}", "-e", "cis_scan_fail_on="],
            capture_output=False,
        )
        if done.returncode:
            raise SystemExit(done.returncode)
        shutil.rmtree(PRACTICE, ignore_errors=True)
        shutil.copytree(pathlib.Path(work, "evidence"), PRACTICE)


if __name__ == "__main__":
    main()
