# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Like what it serves, this file runs on Python 3.6 (`make units`).

import os
import socketserver
import threading

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.rke.cis.plugins.module_utils._evidence import DOCKER_OPTIONS
from ansible_collections.rke.cis.tests.unit.plugins.modules.module_helper import module_args


@pytest.fixture
def module():
    with module_args({}):
        yield AnsibleModule(argument_spec={})


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A function that puts a shell script on PATH as the docker command. No socket is where it is by default."""
    monkeypatch.setitem(DOCKER_OPTIONS["docker_host"], "default", "unix:///nonexistent/docker.sock")
    monkeypatch.setenv("PATH", "{}:{}".format(tmp_path, os.environ["PATH"]))

    def put(script):
        path = tmp_path / "docker"
        path.write_text("#!/bin/sh\n" + script + "\n")
        path.chmod(0o755)

    return put


@pytest.fixture
def engine(tmp_path):
    """A Docker Engine that knows the responses for some targets: a status and a body, or an endless iterator of bytes.

    It has a list of what it was asked, and the path of its socket.
    """

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            target = self.rfile.readline().decode().split()[1]
            self.server.asked.append(target)
            status, body = self.server.responses.get(target, (404, b'{"message":"No such container: x"}\n'))
            self.wfile.write(f"HTTP/1.0 {status} X\r\nContent-Type: application/json\r\n\r\n".encode())
            try:
                for part in [body] if isinstance(body, bytes) else body:
                    self.wfile.write(part)
            except OSError:
                pass  # nobody reads on

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        block_on_close = False

    server = Server(str(tmp_path / "docker.sock"), Handler)
    server.asked, server.responses, server.path = [], {}, str(tmp_path / "docker.sock")
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
