# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Delivers an alert by HTTP or SMTP. The whole exchange has the time limit of the notifier."""

from __future__ import annotations

import http.client
import smtplib
import ssl
import typing as t
import urllib.error

from ansible.module_utils.urls import open_url

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._outside import within
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.notifiers import Email

_SUCCESS = (200, 201, 202, 204)
_TRY_AGAIN = (408, 425, 429)  # other client errors are final


class Refused(Exception):
    """An error that another try does not change."""


def post(options: dict[str, t.Any], request: dict[str, t.Any]) -> None:
    """Send the request of a notifier. Raises Refused or OSError."""
    try:
        status, said = within(options["timeout"], lambda: _exchange(options, request))
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise Refused(f"the certificate is not trusted: {error.reason.verify_message}") from error
        raise OSError(str(error.reason)) from error
    except http.client.HTTPException as error:
        raise OSError(f"the answer is not HTTP ({type(error).__name__})") from error
    if status in _SUCCESS:
        return
    said = f"HTTP {status} {said}".rstrip()
    if status < 500 and status not in _TRY_AGAIN:
        raise Refused(said)
    raise OSError(said)


def _exchange(options: dict[str, t.Any], request: dict[str, t.Any]) -> tuple[int, str]:
    """Return the status and, unless it is a success, the beginning of what the service says."""
    try:
        answer = open_url(
            request["url"],
            data=request["body"].encode(),
            headers=request["headers"],
            method="POST",
            follow_redirects="none",
            use_netrc=False,
            validate_certs=options["validate_certs"],
            ca_path=options["ca_path"],
            timeout=options["timeout"] + 1,  # ends the thread that within() has left
            http_agent="rke.cis",
        )
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        said = b"" if answer.code in _SUCCESS else answer.read(limits.SERVICE_BYTES)
        return answer.code, said.decode("utf-8", "replace") or answer.reason or ""


class _Limited:
    """The lines of a mail server, of which no more than so many bytes are read."""

    def __init__(self, stream: t.Any) -> None:
        self._stream, self._left = stream, limits.MAIL_BYTES

    def readline(self, most: int) -> bytes:
        line: bytes = self._stream.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the server's answers are too large")
        return line

    def close(self) -> None:
        self._stream.close()


class _Bounded(smtplib.SMTP):
    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock:
            self.file = _Limited(self.sock.makefile("rb"))
        return super().getreply()


class _BoundedTls(_Bounded, smtplib.SMTP_SSL):
    pass


def send_mail(options: dict[str, t.Any], alert: dict[str, t.Any]) -> None:
    """Send an alert as mail. Raises Refused, or OSError: those of smtplib and ssl are such."""
    try:
        refused = within(options["timeout"], lambda: _mail(options, alert))
    except ssl.SSLCertVerificationError as error:
        raise Refused(f"the certificate of {options['host']} is not trusted: {error.verify_message}") from error
    except smtplib.SMTPAuthenticationError as error:
        raise Refused(
            f"the server rejected username and password: {_said(error.smtp_code, error.smtp_error)}"
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Refused(f"the server does not support this: {error}") from error
    except smtplib.SMTPRecipientsRefused as error:
        said = f"the server rejected all recipients: {_refusals(error.recipients)}"
        later = any(code < 500 for code, _said in error.recipients.values())
        raise (OSError if later else Refused)(said) from error
    except smtplib.SMTPResponseException as error:
        raise (OSError if error.smtp_code < 500 else Refused)(_said(error.smtp_code, error.smtp_error)) from error
    if refused:
        raise Refused(f"sent to the others, but the server rejected {_refusals(refused)}")


def _mail(options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, tuple[int, bytes]]:
    """Send it and return the recipients that the server rejected."""
    context = ssl.create_default_context(cafile=options["ca_path"])
    if not options["validate_certs"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    where: dict[str, t.Any] = {"host": options["host"], "port": options["port"], "timeout": options["timeout"] + 1}
    with _BoundedTls(**where, context=context) if options["tls"] == "implicit" else _Bounded(**where) as server:
        if options["tls"] == "starttls":
            server.starttls(context=context)
        if options["username"]:
            server.login(options["username"], options["password"] or "")
        return server.send_message(Email().mail(options, alert))


def _said(code: int, words: bytes | str) -> str:
    return f"{code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"


def _refusals(recipients: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{address} ({_said(*why)})" for address, why in recipients.items())
