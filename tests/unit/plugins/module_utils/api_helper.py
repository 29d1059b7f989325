# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for an API server: HTTPS on the loopback, and for each path what it is told to answer."""

import datetime
import http.server
import ipaddress
import json
import ssl
import threading
import time
import urllib.parse


def make_certificate(directory):
    """Write a certificate for 127.0.0.1 and its key, and return their paths."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kube-apiserver")])
    now = datetime.datetime(2020, 1, 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
        .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), True)
        .sign(key, hashes.SHA256())
    )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (directory / "tls.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return directory / "tls.crt", directory / "tls.key"


class FakeApi:
    """`answers` maps a path to (status, document or text) or to a function of query and headers that returns this.

    `asked` holds (method, path) of what was asked.

    `delay` is the time before an answer, `drip` that between its bytes, in seconds.
    """

    def __init__(self, certificate, key):
        self.answers = {}
        self.asked = []
        self.delay = self.drip = 0
        self.reason = None
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args):
                pass

            def answer(self):
                path = self.path.partition("?")[0]
                api.asked.append((self.command, path))
                time.sleep(api.delay)
                found = api.answers.get(path, (404, api.status(404, "NotFound")))
                query = urllib.parse.parse_qs(self.path.partition("?")[2])
                status, body = found(query, self.headers) if callable(found) else found
                if self.headers.get("Authorization") != "Bearer good":
                    status, body = 401, api.status(401, "Unauthorized")
                body = body if isinstance(body, (str, bytes)) else json.dumps(body)
                data = body if isinstance(body, bytes) else body.encode()
                self.send_response(status, api.reason)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                for part in [data[i : i + 1] for i in range(len(data))] if api.drip else [data]:
                    self.wfile.write(part)
                    time.sleep(api.drip)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that does not trust us, or has waited long enough

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(certificate), str(key))
        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @staticmethod
    def status(code, reason):
        return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}

    def stop(self):
        """Stop answering: connections are refused from then on."""
        self._server.shutdown()
        self._server.server_close()


def write_kubeconfig(path, url, certificate, token="good", more_contexts=()):
    """Write a kubeconfig with a context `one` and those of (name, token); return its path as text."""
    contexts = [("one", token), *more_contexts]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority": str(certificate)}}],
        "users": [{"name": name, "user": {"token": text}} for name, text in contexts],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": name}} for name, _token in contexts],
    }
    path.write_text(json.dumps(document))
    return str(path)
