# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The path of a newcomer on an empty machine: python tests/benchmark/newcomer.py, as root, where debootstrap is.

It makes a Debian of little more than python3, make and ssh in a directory, and does in it what README.md says: clone,
`make scan`, and a scan of one's own cluster from its cluster.yml. That cluster is the test bed. Printed are the seconds
of each step. The practice scan runs twice, in new clones: pip has all it needs in its cache the second time, so
that is the time without downloads.
"""

from __future__ import annotations

import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "testbed"))

from testbed import CONTROLLER, Testbed, spec, unavailable

PROJECT = pathlib.Path(__file__).resolve().parents[2]
DEBIAN = "bookworm"
PACKAGES = "ca-certificates,make,openssh-client,python3"
# How this machine reaches its package servers, the new one has to know as well.
SHARED = ["etc/apt", "etc/pip.conf", "etc/resolv.conf", "etc/ssl/certs"]
PASSED_ON = ("PIP_CERT", "PIP_INDEX_URL", "http_proxy", "https_proxy", "no_proxy")
SSH_CONFIG = f"Host *\n    StrictHostKeyChecking no\n    LogLevel ERROR\n    BindAddress {CONTROLLER}\n"


def empty_machine(root: pathlib.Path) -> None:
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", DEBIAN, str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for name in SHARED:
        if pathlib.Path("/", name).exists():
            subprocess.run(["rm", "-rf", str(root / name)], check=True)
            subprocess.run(["cp", "-aL", f"/{name}", str(root / name)], check=True)


def inside(root: pathlib.Path, directory: str, command: str) -> list[str]:
    """The command, with the new machine's files alone, and with nothing of this one's environment."""
    given = [f"{name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
    there = ["env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *given]
    there += ["bash", "-c", f"cd {shlex.quote(directory)} && {command}"]
    mounts = (
        f"mount --rbind /dev {root}/dev && mount -t proc proc {root}/proc && exec chroot {root} {shlex.join(there)}"
    )
    return ["unshare", "--mount", "bash", "-c", mounts]


def step(what: str, command: list[str], bed: Testbed | None = None) -> str:
    start = time.monotonic()
    run = bed.run if bed else subprocess.run
    done = run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    print(f"  {time.monotonic() - start:6.1f} s  {what}", flush=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def clone(root: pathlib.Path, name: str) -> None:
    command = ["git", "clone", "--quiet", str(PROJECT), str(root / "root" / name)]
    step(f"git clone into {name}", command)


def own_cluster(root: pathlib.Path, bed: Testbed) -> None:
    """Put into the newcomer's home what somebody who runs RKE has: cluster.yml, a key, known hosts."""
    home = root / "root"
    document = {"cluster_name": "mine", "ssh_key_path": "~/.ssh/id", "nodes": bed.rke_nodes()}
    (home / "cluster.yml").write_text(json.dumps(document), encoding="utf-8")
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "config").write_text(SSH_CONFIG, encoding="utf-8")
    (home / ".ssh" / "id").write_bytes(pathlib.Path(bed.dir, "id").read_bytes())
    (home / ".ssh" / "id").chmod(0o600)


def main() -> None:
    reason = unavailable()
    if reason:
        raise SystemExit(reason)
    cluster = {**spec("three_roles_default"), "kube_apiserver": False}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as work, Testbed(cluster) as bed:
        root = pathlib.Path(work, "machine")
        empty_machine(root)
        print(f"on a {DEBIAN} with {PACKAGES}")
        for name, about in (("first", "with downloads"), ("second", "without downloads")):
            clone(root, name)
            said = step(f"make scan, {about}", inside(root, f"/root/{name}", "make scan"))
        print(said[said.rindex("\nRKE-CIS-") :].rstrip())
        own_cluster(root, bed)
        command = ". .venv/bin/activate && ansible-playbook -i ~/cluster.yml playbooks/cis_scan.yml"
        said = step("one's own cluster from cluster.yml", inside(root, "/root/second", command), bed)
        print(said[said.rindex("\nRKE-CIS-") :].rstrip())


if __name__ == "__main__":
    main()
