# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP servers on the loopback, for what stands in for services."""

from __future__ import annotations

import functools
import http.server
import ssl
import threading
import typing as t

if t.TYPE_CHECKING:
    import trustme


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers the requests to a service, which it has as `service`."""

    def __init__(self, service: t.Any, *arguments: t.Any) -> None:
        self.service = service
        super().__init__(*arguments)

    def log_message(self, *_arguments: t.Any) -> None:
        pass

    def answer(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Service:
    """Listens from `serve` to `stop`, at `port`."""

    def serve(self, handler: type[Handler], port: int = 0, certificate: trustme.LeafCert | None = None) -> None:
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(handler, self))
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
