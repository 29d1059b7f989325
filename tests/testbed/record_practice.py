# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record the evidence of the practice cluster again: python tests/testbed/record_practice.py (as root).

Each benchmark asks for something of its own; the practice cluster has what all of them ask for.

The nodes have the images and arguments of a Kubernetes version that RKE-CIS-1.4 is made for. The only API server of the
test bed is a later version, so the API is not asked, and the evidence says so. RKE-CIS-1.4-Permissive, which the
practice inventory runs, skips all controls that need the API; with other profiles these controls are errors.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import sys
import tempfile
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from testbed import Testbed, spec

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PRACTICE = PROJECT / "playbooks" / "practice" / "evidence"

PROFILES = ("RKE-CIS-1.3-Permissive", "RKE-CIS-1.4-Permissive")

# What RKE v1.1.3 sets up for v1.17.6-rancher2-2, where it differs from the test bed's v1.20.15-rancher2-1.
IMAGES = {
    "hyperkube": "rancher/hyperkube:v1.17.6-rancher2",
    "rke-tools": "rancher/rke-tools:v0.1.58",
    "etcd": "rancher/coreos-etcd:v3.4.3-rancher1",
}
ARGUMENTS: dict[str, dict[str, str | None]] = {
    "kube-apiserver": {
        "--api-audiences": None,
        "--feature-gates": None,
        "--service-account-issuer": None,
        "--service-account-signing-key-file": None,
    },
    "kubelet": {"--pod-infra-container-image": "rancher/pause:3.1"},
    "etcd": {"--advertise-client-urls": "https://10.99.0.12:2379,https://10.99.0.12:4001", "--cipher-suites": None},
}


def practice() -> dict[str, Any]:
    """Return the spec of the practice cluster, with an older Kubernetes and without an API server."""
    cluster = {**spec("practice"), "kube_apiserver": False, "images": IMAGES}
    for host in cluster["hosts"]:
        given = host.get("set", {})
        host["set"] = {name: {**flags, **given.get(name, {})} for name, flags in ARGUMENTS.items()}
    return cluster


def record(bed: Testbed, profile: str, work: str) -> dict[str, dict]:
    """Return file name to evidence document of a scan."""
    directory = pathlib.Path(work, profile)
    done = bed.run(
        ["ansible-playbook", "-i", bed.inventory, str(PROJECT / "playbooks" / "cis_scan.yml")]
        + ["-e", f"cis_scan_profile={profile}"]
        + ["-e", f"cis_scan_evidence_dir={directory}", "-e", f"cis_report_dir={work}/reports"],
        capture_output=False,
    )
    if done.returncode:
        raise SystemExit(done.returncode)
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in directory.iterdir()}


def main() -> None:
    with tempfile.TemporaryDirectory() as work, Testbed(practice()) as bed:
        bed.wait_etcd()
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
