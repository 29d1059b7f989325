# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scan only reads, and shows no secret."""

from __future__ import annotations

import base64
import concurrent.futures
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import stat
import typing as t

import pytest
import scans
from conftest import with_api
from scans import HARDENED
from testbed import Testbed

CANARY = "CANARY-do-not-show"

# What works on while a scan looks on: the logs of sshd and Docker, the pipes that containers write their output to,
# etcd's data, the API server's audit log.
BUSY = re.compile(
    r"/var/log/(wtmp|btmp|lastlog)$|^/run/utmp$|/var/lib/etcd/member(/|$)|/var/log/kube-audit(/|$)"
    r"|/containers/[0-9a-f]{64}/[0-9a-f]{64}-json\.log$|^/run/docker/containerd/[0-9a-f]{64}/init-std(out|err)$"
)
# Ansible's own temporary directories on the node, and the directories that they are made in
ANSIBLES = re.compile(r"^/root/\.ansible(/|$)|^/tmp/ansible_|^/tmp$|^/root$")

# Where a host's files that lie in memory are; a scan's own ssh connection does not count.
LISTING = r"""
import hashlib, os, stat
for top in ("/root", "/tmp", "/run"):
    for folder, folders, files in os.walk(top):
        for path in [folder] + [os.path.join(folder, name) for name in files]:
            try:
                s = os.lstat(path)
                data = open(path, "rb").read() if stat.S_ISREG(s.st_mode) else b""
            except OSError:
                continue
            print(path, oct(s.st_mode), s.st_uid, s.st_gid, s.st_size, s.st_mtime_ns, hashlib.sha256(data).hexdigest())
"""


def tree(top: pathlib.Path) -> t.Iterator[tuple[str, tuple[t.Any, ...]]]:
    """Return path to type, mode, owner, size, time and content of everything under a directory."""
    for folder, folders, files in os.walk(top):
        for path in [folder, *(os.path.join(folder, name) for name in [*folders, *files])]:
            status = os.lstat(path)
            content = b""
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as stream:
                    content = (
                        hashlib.file_digest(stream, "sha256").digest()
                        if hasattr(hashlib, "file_digest")
                        else (hashlib.sha256(stream.read()).digest())
                    )
            elif stat.S_ISLNK(status.st_mode):
                content = os.readlink(path).encode()
            seen = (oct(status.st_mode), status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns, content)
            yield "/" + os.path.relpath(path, top), seen


def look(bed: Testbed, host: str) -> dict[str, t.Any]:
    """Return all that a host has of its own: its layer over the machine's disk, Docker's files, what lies in memory."""
    own = pathlib.Path(bed.dir, "h", host)
    seen: dict[str, t.Any] = dict(tree(own / "upper"))
    for path, entry in tree(own / "docker"):
        seen["/var/lib/docker" + path] = entry
    for line in bed.shell(host, f"/usr/bin/python3 -S -E -c '{LISTING}'").stdout.splitlines():
        path, _blank, entry = line.rpartition(" 0o")
        seen[path if path else line] = entry
    assert len(seen) > 300
    containers = bed.shell(host, "docker ps --all --no-trunc --format '{{.ID}} {{.Names}} {{.State}} {{.CreatedAt}}'")
    seen["containers"] = sorted(containers.stdout.splitlines())
    seen["images"] = sorted(bed.shell(host, "docker images --all --no-trunc --quiet").stdout.split())
    return {path: entry for path, entry in seen.items() if not BUSY.search(path)}


def test_a_scan_only_reads(scan_hardened: scans.Outcome, hardened: Testbed, tmp_path: pathlib.Path) -> None:
    hosts = ("cp1", "etcd1", "worker1")
    before = {host: look(hardened, host) for host in hosts}
    outcome = scans.playbook(
        tmp_path, scans.SCAN, hardened.inventory, with_api(hardened, cis_scan_profile=HARDENED), bed=hardened
    )
    assert outcome.counts == scan_hardened.counts
    for host in hosts:
        after = look(hardened, host)
        assert len(after["containers"]) > 3
        touched = {path for path in {*before[host], *after} if before[host].get(path) != after.get(path)}
        assert not {path for path in touched if not ANSIBLES.search(path)}, host
        # and of Ansible's own directories nothing is left in them
        assert not [path for path in after if path.startswith("/tmp/ansible")]


def test_the_look_sees_a_change(hardened: Testbed) -> None:
    before = look(hardened, "worker1")
    hardened.shell("worker1", "chmod 0601 /etc/kubernetes/ssl/kube-node.pem; touch /opt/new /run/new")
    try:
        after = look(hardened, "worker1")
    finally:
        hardened.shell("worker1", "chmod 0600 /etc/kubernetes/ssl/kube-node.pem; rm /opt/new /run/new")
    touched = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert touched >= {"/etc/kubernetes/ssl/kube-node.pem", "/opt/new", "/run/new"}


WATCH = r"""
import ctypes, json, os, select, struct
OPEN, CLOSE_WRITE, ON_DIRECTORY = 0x20, 0x8, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
queue = libc.fanotify_init(0x10 | 0x20, os.O_CLOEXEC)
assert queue >= 0, os.strerror(ctypes.get_errno())
for line in open("/proc/self/mountinfo"):
    # leave out what is not a file system on disk or in memory, and what containers see
    if line.split(" - ")[1].split()[0] in ("overlay", "tmpfs", "ext4", "xfs", "btrfs"):
        mask = ctypes.c_uint64(OPEN | CLOSE_WRITE | ON_DIRECTORY)
        libc.fanotify_mark(queue, 0x1 | 0x10, mask, -100, line.split()[4].encode())
before = {int(name) for name in os.listdir("/proc") if name.isdigit()}
open("/opt/watch/ready", "w").close()
seen = {}
while not os.path.exists("/opt/watch/stop") or select.select([queue], [], [], 0)[0]:
    if not select.select([queue], [], [], 0.1)[0]:
        continue
    data, at = os.read(queue, 65536), 0
    while at < len(data):
        size, _version, _reserved, _length, mask, handle, pid = struct.unpack_from("=IBBHQii", data, at)
        at += size
        path = os.readlink("/proc/self/fd/%d" % handle)
        os.close(handle)
        if pid not in before:
            seen[path] = seen.get(path, 0) | mask
print(json.dumps({path: "written" if mask & CLOSE_WRITE else "read" for path, mask in seen.items()}))
"""


def touched(bed: Testbed, directory: pathlib.Path, **env: str) -> dict[str, dict[str, str]]:
    """Return host to path to how it was opened there during a scan."""
    hosts = ("cp1", "etcd1", "worker1")

    def watch(host: str) -> dict[str, str]:
        done = bed.shell(host, f"mkdir -p /opt/watch; /usr/bin/python3 -S -E - <<'E'\n{WATCH}E")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def each(command: str) -> None:
        for host in hosts:
            assert bed.shell(host, command).returncode == 0

    variables = with_api(bed, cis_scan_profile="RKE-CIS-1.8-Hardened")
    with concurrent.futures.ThreadPoolExecutor(len(hosts)) as pool:
        watched = {host: pool.submit(watch, host) for host in hosts}
        try:
            each("for try in $(seq 100); do [ -e /opt/watch/ready ] && exit; sleep 0.1; done; exit 1")
            outcome = scans.playbook(
                directory, scans.SCAN, bed.inventory, variables, bed=bed, env=scans.environment(**env)
            )
            assert not outcome.report["node_errors"], outcome.out
        finally:
            each("touch /opt/watch/stop")
        found = {host: seen.result() for host, seen in watched.items()}
        each("rm -r /opt/watch")
    return found


def test_a_scan_opens_only_what_is_documented(hardened: Testbed, tmp_path: pathlib.Path) -> None:
    text = (scans.ROOT / "docs" / "security.md").read_text(encoding="utf-8").partition("## What a scan touches")[2]
    rows = re.findall(r"^\| (`/.*?) \| (read|written) \| (.*?) \|$", text, re.M)
    unseen = {paths for paths, _how, _why in rows}
    for pipelining in ("true", "false"):
        for host, seen in touched(hardened, tmp_path / pipelining, ANSIBLE_SSH_PIPELINING=pipelining).items():
            for path, how in seen.items():
                path = path.removesuffix(" (deleted)")
                if path.startswith(("/opt/watch", "/opt/tb/")):  # the test's own, and the keys of the test bed's sshd
                    continue
                found = [
                    paths
                    for paths, most, why in rows
                    if any(fnmatch.fnmatchcase(path, glob) for glob in re.findall("`(.*?)`", paths))
                    and how in ("read", most)
                    and (pipelining == "false" or "without pipelining" not in why)
                ]
                assert found, (pipelining, host, path, how)
                unseen -= {*found}
    assert not unseen


def hidden(secret: str) -> list[bytes]:
    """Return a text as it is, and as base64 shows it wherever in a text it starts."""
    found = [secret.encode()]
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + secret.encode())
        # the first and the last group of characters depend on what stands before and after it
        found.append(text[4 if shift else 0 : len(text) - 4])
    return found


@pytest.fixture(scope="module")
def loud(restricted_psp: None, hardened: Testbed, runs: t.Any) -> scans.Outcome:
    variables = with_api(hardened, cis_scan_profile=HARDENED)
    return scans.playbook(runs("loud"), scans.SCAN, hardened.inventory, variables, "-vvv", bed=hardened)


def test_no_secret_is_shown(loud: scans.Outcome) -> None:
    texts = {path: path.read_bytes() for path in loud.directory.rglob("*") if path.is_file()}
    assert {path.name for path in texts} == {
        *("cluster.json", "index.json"),
        *("node-cp1.json", "node-etcd1.json", "node-worker1.json"),
        *("report.csv", "report.json"),
    }
    texts[pathlib.Path("output")] = loud.out.encode()
    for path, text in texts.items():
        for secret in hidden(CANARY):
            assert secret not in text, path
        assert b"PRIVATE KEY" not in text, path
    providers = [entry for entry in loud.evidence("cp1")["paths"].values() if "encryption" in entry]
    assert providers[0]["encryption"] == [{"resources": ["secrets"], "providers": ["aescbc", "identity"]}]


def test_secrets_are_there_to_be_found(hardened: Testbed) -> None:
    """What the test above looks for can be seen by whoever looks without care."""
    shown = hardened.shell("cp1", "cat /etc/kubernetes/ssl/encryption.yaml; docker inspect kubelet").stdout.encode()
    secrets = hidden(CANARY)
    assert any(secret in shown for secret in secrets[1:])
    assert secrets[0] in hardened.shell("etcd1", "docker inspect etcd-rolling-snapshots").stdout.encode()
