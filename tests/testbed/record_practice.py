# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the evidence of the practice cluster anew: python tests/testbed/record_practice.py (as root)."""

from __future__ import annotations

import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from testbed import Testbed, spec

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PRACTICE = PROJECT / "playbooks" / "practice" / "evidence"


def main() -> None:
    with tempfile.TemporaryDirectory() as work, Testbed(spec("practice")) as bed:
        bed.wait_etcd()
        bed.wait_api()
        done = bed.run(
            ["ansible-playbook", "-i", bed.inventory, str(PROJECT / "playbooks" / "cis_scan.yml")]
            + ["-e", f"cis_scan_kubeconfig={bed.kubeconfig}", "-e", f"cis_scan_evidence_dir={work}/evidence"]
            + ["-e", f"cis_report_dir={work}/reports"],
            capture_output=False,
        )
        if done.returncode:
            raise SystemExit(done.returncode)
        shutil.rmtree(PRACTICE, ignore_errors=True)
        PRACTICE.mkdir(parents=True)
        for path in pathlib.Path(work, "evidence").iterdir():
            shutil.copyfile(path, PRACTICE / path.name)


if __name__ == "__main__":
    main()
