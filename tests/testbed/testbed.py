# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test bed as a context manager, for pytest. It ends with the test runner, however that ends.

with Testbed(spec("three_roles_hardened")) as tb:
    tb.run(["ansible-playbook", "-i", tb.inventory, ...])
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import typing as t

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = str(HERE / "testbed.sh")
CONTROLLER = "10.99.0.1"
PROGRAMS = [
    "curl",
    "dockerd",
    "etcd",
    "gcc",
    "ip",
    "nsenter",
    "openssl",
    "ssh",
    "ssh-keygen",
    "sshd",
    "tini",
    "unshare",
]


def unavailable() -> str | None:
    """Why the test bed cannot run here, or None when it can."""
    if os.geteuid() != 0:
        return "the test bed needs root"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [program for program in PROGRAMS if not shutil.which(program, path=path)]
    missing += [program for program in ("/usr/bin/python3", "/bin/busybox") if not os.path.exists(program)]
    if missing:
        return "the test bed needs " + ", ".join(missing)
    namespaces = subprocess.run(
        ["unshare", "--pid", "--net", "--mount", "--fork", "true"], check=False, capture_output=True, text=True
    )
    if namespaces.returncode:
        return namespaces.stderr.strip() or "unshare is not allowed"
    kind = subprocess.run(["stat", "-f", "-c", "%T", "/var/tmp"], check=False, capture_output=True, text=True).stdout
    return f"/var/tmp is no disk but {kind.strip()}" if kind.strip() in ("overlayfs", "tmpfs") else None


def kube_apiserver() -> str | None:
    """Path of the real kube-apiserver, or None when get_apiserver.sh was not run yet."""
    cache = os.environ.get("RKE_CIS_CACHE") or os.path.expanduser("~/.cache/rke-cis")
    path = os.path.join(cache, "kube-apiserver-1.20.2")
    return path if os.access(path, os.X_OK) else None


def spec(name: str) -> dict:
    """A cluster from specs/, to use or to change."""
    return json.loads((HERE / "specs" / (name + ".json")).read_text())


class Testbed:
    __test__ = False  # not a test class, whatever its name says to pytest

    def __init__(self, cluster: dict, path: str | None = None):
        self.spec = cluster
        self._path = path
        self._up: subprocess.Popen | None = None

    def __enter__(self) -> Testbed:
        # On a disk, since neither tmpfs nor an overlay can hold Docker's overlays; short, since sockets lie below.
        self.dir = self._path or tempfile.mkdtemp(prefix="rkt", dir="/var/tmp")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(self.spec, file)
            file.flush()
            environment = dict(os.environ, TB_FOLLOW="1")
            self._up = subprocess.Popen(
                [SCRIPT, "up", self.dir, file.name],
                env=environment,
                text=True,
                stdin=subprocess.PIPE,  # held open as long as we live: the test bed ends with it
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            try:
                output = self._up.stdout.read()
                if self._up.wait():
                    raise RuntimeError("testbed.sh up failed:\n" + output)
            except BaseException:
                self.__exit__()
                raise
        hosts = json.loads(pathlib.Path(self.dir, "share", "cluster.json").read_text())["hosts"]
        self.addresses = {host["name"]: host["address"] for host in hosts}
        self._etcd = [host["address"] for host in hosts if "etcd" in host["roles"]]
        return self

    def __exit__(self, *_exception) -> None:
        subprocess.run([SCRIPT, "down", self.dir], check=True)
        if self._up:
            self._up.stdin.close()
            self._up.stdout.close()
            self._up.wait()

    @property
    def inventory(self) -> str:
        """Inventory that logs in as root."""
        return os.path.join(self.dir, "hosts.ini")

    @property
    def inventory_rke(self) -> str:
        """Inventory that logs in as rke: not root, no sudo, but in the docker group, as RKE's own SSH user."""
        return os.path.join(self.dir, "hosts-rke.ini")

    @property
    def kubeconfig(self) -> str:
        """Cluster administrator."""
        return os.path.join(self.dir, "kube_config_cluster.yml")

    @property
    def kubeconfig_viewer(self) -> str:
        """A user known to the cluster, without any right."""
        return os.path.join(self.dir, "kube_config_viewer.yml")

    def rke_nodes(self, user: str = "root") -> list[dict]:
        """The hosts as they stand under `nodes` in the cluster.yml that RKE would have made this cluster of."""
        return [
            {
                "address": self.addresses[host["name"]],
                "hostname_override": host["name"],
                "user": user,
                "role": host["roles"],
            }
            for host in self.spec["hosts"]
        ]

    def run(self, argv: list[str], **kw) -> subprocess.CompletedProcess:
        """Run a command of this machine in the test bed's network; keywords as for subprocess.run."""
        if not {"stdout", "stderr", "capture_output"} & set(kw):
            kw["capture_output"] = True
        kw = {"text": True, **kw}
        return subprocess.run([SCRIPT, "run", self.dir, *map(str, argv)], check=kw.pop("check", False), **kw)

    def inside(self, make: t.Callable[[], t.Any]) -> t.Any:
        """Call a function in the test bed's network: sockets that it opens are there, and threads that it starts."""
        outer = pathlib.Path(self.dir, "pid").read_text().strip()
        pid = pathlib.Path("/proc", outer, "task", outer, "children").read_text().strip()

        def enter_and_make() -> t.Any:
            with open(f"/proc/{pid}/ns/net", encoding="utf-8") as network:
                if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), 0):
                    raise OSError(ctypes.get_errno(), "setns")
            return make()

        with concurrent.futures.ThreadPoolExecutor(1) as thread:  # only this thread is there
            return thread.submit(enter_and_make).result()

    def shell(self, host: str, command: str, user: str = "root", **kw) -> subprocess.CompletedProcess:
        """Run a shell command on a host, over ssh, as root, rke (docker group) or plain (no rights)."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
        options += ["BatchMode=yes", "BindAddress=" + CONTROLLER]
        arguments = [part for option in options for part in ("-o", option)]
        target = f"{user}@{self.addresses[host]}"
        return self.run(["ssh", "-n", "-F", "none", "-i", self.dir + "/id", *arguments, target, command], **kw)

    def get(self, url: str, client: str = "admin") -> str:
        """Body of a URL inside the test bed, asked with a client certificate; empty when there is no good answer."""
        pki = self.dir + "/share/pki/"
        tls = ["--cacert", pki + "kube-ca.pem", "--cert", pki + client + ".pem", "--key", pki + client + "-key.pem"]
        return self.run(["curl", "-fsS", "--noproxy", "*", "--max-time", "5", *tls, url]).stdout

    def wait_etcd(self, timeout: float = 60) -> None:
        """Until every etcd member has a quorum."""
        for address in self._etcd:
            self._wait(f"https://{address}:2379/health", '"true"', timeout)

    def wait_api(self, timeout: float = 90) -> None:
        """Until kube-apiserver has done its own setting up."""
        if not self.spec.get("kube_apiserver") or not kube_apiserver():
            raise RuntimeError("no real kube-apiserver in this test bed")
        first = next(host["name"] for host in self.spec["hosts"] if "controlplane" in host["roles"])
        self._wait(f"https://{self.addresses[first]}:6443/healthz", "ok", timeout)
        for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
            self._wait(f"https://{self.addresses[first]}:6443/api/v1/namespaces/{name}", f'"{name}"', timeout)

    def _wait(self, url: str, wanted: str, timeout: float) -> None:
        end = time.monotonic() + timeout
        while wanted not in self.get(url):
            if time.monotonic() > end:
                raise TimeoutError(url)
            time.sleep(0.1)
