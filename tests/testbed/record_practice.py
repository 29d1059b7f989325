# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the evidence of the practice cluster anew: python tests/testbed/record_practice.py (as root).

Each benchmark asks for something of its own; the practice cluster has what all of them ask for.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from testbed import Testbed, spec

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PRACTICE = PROJECT / "playbooks" / "practice" / "evidence"


PROFILES = ("RKE-CIS-1.3-Permissive", "RKE-CIS-1.4-Permissive")


def record(bed: Testbed, profile: str, work: str) -> dict[str, dict]:
    """Return file name to evidence document of a scan."""
    directory = pathlib.Path(work, profile)
    done = bed.run(
        ["ansible-playbook", "-i", bed.inventory, str(PROJECT / "playbooks" / "cis_scan.yml")]
        + ["-e", f"cis_scan_profile={profile}", "-e", f"cis_scan_kubeconfig={bed.kubeconfig}"]
        + ["-e", f"cis_scan_evidence_dir={directory}", "-e", f"cis_report_dir={work}/reports"],
        capture_output=False,
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in directory.iterdir()}


def main() -> None:
    with tempfile.TemporaryDirectory() as work, Testbed(spec("practice")) as bed:
        bed.wait_etcd()
        bed.wait_api()
        first, last = (record(bed, profile, work) for profile in PROFILES)
    shutil.rmtree(PRACTICE, ignore_errors=True)
    PRACTICE.mkdir(parents=True)
    for name, document in last.items():
        document.get("paths", {}).update(first[name].get("paths", {}))
        for component, shown in document.get("containers", {}).items():
            shown["env"].update(first[name]["containers"].get(component, shown)["env"])
        (PRACTICE / name).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
