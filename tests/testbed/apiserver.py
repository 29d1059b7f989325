# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real kube-apiserver by itself, with RBAC and an etcd of its own. The tokens of its users are their names."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import typing as t

from testbed import kube_apiserver


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class ApiServer:
    """Use it as a context. `admin` may do everything, each user of `users` what RBAC lets it do."""

    def __init__(self, *users: str) -> None:
        self._users = users
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> ApiServer:
        with self._stack as stack:
            self.dir = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rka", dir="/var/tmp")))
            self._start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_about: t.Any) -> None:
        self._stack.close()

    def _run(self, *command: str) -> None:
        with (self.dir / f"{os.path.basename(command[0])}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=self.dir)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)

    def _start(self) -> None:
        binary, etcd = kube_apiserver(), shutil.which("etcd")
        assert binary and etcd
        client, peer, self.port = free_port(), free_port(), free_port()
        key = self.dir / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        tokens = ["admin,admin,1,system:masters", *(f"{name},{name},{name}" for name in self._users)]
        (self.dir / "tokens.csv").write_text("\n".join(tokens) + "\n", encoding="utf-8")
        at, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        self._run(
            etcd, f"--data-dir={self.dir}/etcd", f"--listen-client-urls={at}", f"--advertise-client-urls={at}",
            f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}", "--unsafe-no-fsync",
            f"--initial-cluster=default={peers}",
        )  # fmt: skip
        self._run(
            str(binary), f"--etcd-servers={at}", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            f"--cert-dir={self.dir}/tls", f"--token-auth-file={self.dir}/tokens.csv", "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes", f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}", "--disable-admission-plugins=ServiceAccount",
            "--service-cluster-ip-range=10.43.0.0/16", "--allow-privileged=true",
        )  # fmt: skip
        end = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError):
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            assert time.monotonic() < end, (self.dir / "kube-apiserver-1.20.2.log").read_text()[-2000:]
            time.sleep(0.5)

    def connection(self) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.dir / "tls" / "apiserver.crt"))
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)

    def ask(
        self, method: str, path: str, document: t.Any = None, connection: http.client.HTTPSConnection | None = None
    ) -> tuple[int, t.Any]:
        """Ask as admin, and return status and answer."""
        used = connection or self.connection()
        headers = {"Authorization": "Bearer admin", "Content-Type": "application/json"}
        used.request(method, path, None if document is None else json.dumps(document), headers)
        answer = used.getresponse()
        body = answer.read()
        if not connection:
            used.close()
        return answer.status, json.loads(body) if body[:1] == b"{" else body.decode()

    def kubeconfig(self, user: str) -> str:
        path = self.dir / f"{user}.yml"
        cluster = {
            "server": f"https://127.0.0.1:{self.port}",
            "certificate-authority": str(self.dir / "tls/apiserver.crt"),
        }
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": user, "user": {"token": user}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": user}}],
        }  # fmt: skip
        path.write_text(json.dumps(document), encoding="utf-8")
        return str(path)
