# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers for alerts, with a CA of their own: HTTPS and SMTP. They refuse what the services refuse."""

from __future__ import annotations

import contextlib
import email
import email.message
import email.policy
import hashlib
import hmac
import json
import pathlib
import socket
import ssl
import threading
import time
import typing as t

import jsonschema
import servers
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKEN, PASSWORD, KEY, SECRET = "CANARYtoken1", "CANARYpassword2", "CANARYkey3" + "0" * 22, "CANARYsecret4"

_TEXT = {"type": "string", "minLength": 1}


def _object(required: dict[str, t.Any], **optional: t.Any) -> dict[str, t.Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


# What the services document of the bodies that they take, as far as alerts use it.
_SLACK_TEXT = _object({"type": {"const": "mrkdwn"}, "text": {**_TEXT, "maxLength": 3000}}, verbatim={"type": "boolean"})
_SLACK_BLOCK = _object({"type": {"const": "section"}, "text": _SLACK_TEXT})
_SLACK_ATTACHMENT = _object(
    {
        "color": {"enum": ["good", "warning", "danger"]},
        "blocks": {"type": "array", "items": _SLACK_BLOCK, "minItems": 1, "maxItems": 50},
    }
)
_CARD_RUN = _object(
    {"type": {"const": "TextRun"}, "text": _TEXT},
    weight={"enum": ["default", "lighter", "bolder"]},
    color={"enum": ["default", "dark", "light", "accent", "good", "warning", "attention"]},
)
_CARD_BLOCK = _object({"type": {"const": "RichTextBlock"}, "inlines": {"type": "array", "items": _CARD_RUN}})
_CARD = _object(
    {"type": {"const": "AdaptiveCard"}, "version": {"pattern": r"^1\.[2-5]$"}, "body": {"items": _CARD_BLOCK}},
    **{"$schema": {"const": "http://adaptivecards.io/schemas/adaptive-card.json"}, "fallbackText": _TEXT},
)
_CARD_ATTACHMENT = _object(
    {
        "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
        "contentUrl": {"type": "null"},
        "content": _CARD,
    }
)
_PAGERDUTY_PAYLOAD = _object(
    {
        "summary": {**_TEXT, "maxLength": 1024},
        "source": _TEXT,
        "severity": {"enum": ["critical", "error", "warning", "info"]},
    },
    timestamp={"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
    component=_TEXT,
    group=_TEXT,
    custom_details={"type": "object"},
    **{"class": _TEXT},
)
SERVICES: dict[str, dict[str, t.Any]] = {
    "slack": _object({"text": _TEXT, "attachments": {"type": "array", "items": _SLACK_ATTACHMENT}}),
    "msteams": _object(
        {"type": {"const": "message"}, "attachments": {"type": "array", "items": _CARD_ATTACHMENT, "minItems": 1}}
    ),
    "pagerduty": {
        **_object(
            {"routing_key": _TEXT, "event_action": {"enum": ["trigger", "acknowledge", "resolve"]}},
            dedup_key={**_TEXT, "maxLength": 255},
            client=_TEXT,
            payload=_PAGERDUTY_PAYLOAD,
        ),
        "if": {"properties": {"event_action": {"const": "trigger"}}},
        "then": {"required": ["payload"]},
        "else": {"required": ["dedup_key"]},
    },
    "webhook": json.loads((ROOT / "docs" / "alert.schema.json").read_text(encoding="utf-8")),
}
# What they answer to a body that is right.
_ANSWERS = {
    "slack": (200, b"ok"),
    "msteams": (202, b""),
    "pagerduty": (202, b'{"status": "success"}'),
    "webhook": (204, b""),
}
_LARGEST = {"msteams": 28_000, "pagerduty": 512_000}


class Https(servers.Service):
    """Slack, PagerDuty, Teams and a webhook, each at its path, /SERVICE/TOKEN.

    `fault` is what goes wrong with each request: 500, 403, "hang" or "drop". `bodies` holds those that were accepted.
    """

    def __init__(self, certificate: trustme.LeafCert | None, secret: str = SECRET, port: int = 0) -> None:
        self.secret = secret
        self.fault: t.Any = None
        self.faults_left: float = float("inf")
        self.requests: list[str] = []
        self.times: list[float] = []
        self.bodies: list[tuple[str, dict[str, t.Any]]] = []
        self.errors: list[str] = []
        self.serve(_Handler, port, certificate)

    def url(self, service: str) -> str:
        return f"https://localhost:{self.port}/{service}/{TOKEN}"

    def got(self, service: str) -> list[dict[str, t.Any]]:
        return [body for name, body in self.bodies if name == service]

    def problem(self, service: str, headers: t.Any, body: bytes) -> str:
        """Return what the service would not like about a request."""
        if headers["Content-Type"] != "application/json":
            return "no JSON"
        if len(body) > _LARGEST.get(service, 100_000):
            return "too large"
        try:
            jsonschema.validate(json.loads(body), SERVICES[service])
        except ValueError as error:
            return str(error)
        except jsonschema.ValidationError as error:
            return f"{list(error.absolute_path)}: {error.message}"
        if service == "pagerduty" and json.loads(body)["routing_key"] != KEY:
            return "unknown routing key"
        if service == "webhook" and self.secret:
            wanted = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(headers.get("X-Rke-Cis-Signature", ""), wanted):
                return "wrong signature"
        return ""


class _Handler(servers.Handler):
    def do_POST(self) -> None:
        _empty, service, token = self.path.split("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.service.requests.append(service)
        self.service.times.append(time.monotonic())
        if self.service.fault and self.service.faults_left > 0:
            self.service.faults_left -= 1
            if self.service.fault == "hang":
                time.sleep(30)
            elif self.service.fault == "drop":
                self.connection.shutdown(socket.SHUT_RDWR)
            else:  # a service that repeats a secret to whoever asks
                text = f"went wrong with {self.path} {json.loads(body).get('routing_key')}"
                self.answer(self.service.fault, text.encode())
            return
        problem = "unknown token" if token != TOKEN else self.service.problem(service, self.headers, body)
        if problem:
            self.service.errors.append(f"{service}: {problem}")
            self.answer(400, problem.encode())
        else:
            self.service.bodies.append((service, json.loads(body)))
            self.answer(*_ANSWERS[service])


class Smtp:
    """A mail server that takes mails only after AUTH, and AUTH only over TLS: by STARTTLS, or from the beginning on."""

    def __init__(self, certificate: trustme.LeafCert, implicit: bool = False, port: int = 0) -> None:
        self.fault: t.Any = None
        self.sessions = 0
        self.mails: list[tuple[list[str], email.message.EmailMessage]] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        keywords: dict[str, t.Any] = {"ssl_context": context} if implicit else {"tls_context": context}
        with socket.socket() as free:
            free.bind(("127.0.0.1", port))
            self.port = free.getsockname()[1]
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            authenticator=self.authenticate,
            auth_required=True,
            # aiosmtpd does not see that the session has been encrypted from the beginning on
            auth_require_tls=not implicit,
            require_starttls=not implicit,
            **keywords,
        )
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def authenticate(self, _server: t.Any, _session: t.Any, _envelope: t.Any, _how: str, who: t.Any) -> AuthResult:
        right = isinstance(who, LoginPassword) and (who.login, who.password) == (b"cis", PASSWORD.encode())
        return AuthResult(success=right and self.fault != "password", handled=False)

    async def handle_DATA(self, _server: t.Any, _session: t.Any, envelope: t.Any) -> str:
        self.sessions += 1
        if isinstance(self.fault, int):
            return f"{451 if self.fault >= 500 else 554} went wrong with {PASSWORD}"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.rcpt_tos, t.cast(email.message.EmailMessage, message)))
        return "250 taken"


@contextlib.contextmanager
def silent(answer: bytes | None) -> t.Iterator[int]:
    """A port that takes connections and never says a word, or (with an answer, also an empty one) hangs up at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def serve() -> None:
            while True:
                try:
                    connection, _address = server.accept()
                except OSError:
                    return
                if answer is None:
                    kept.append(connection)
                else:
                    connection.sendall(answer)
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for connection in kept:
            connection.close()


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
