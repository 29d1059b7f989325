# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Delivers an alert by SMTP, and reads the answer to one that was sent by HTTP."""

from __future__ import annotations

import smtplib
import ssl
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._alerts.notifiers import Email

SUCCESS = [200, 201, 202, 204]
_TRY_AGAIN = (408, 425, 429)  # other client errors are final


class Refused(Exception):
    """An error that another try does not change."""


def check_answer(answer: dict[str, t.Any]) -> None:
    """Raise Refused or OSError if ansible.builtin.uri failed."""
    if not answer.get("failed"):
        return
    status = answer.get("status") or -1
    if status > 0:
        said = f"HTTP {status} {answer.get('content') or answer.get('reason') or ''}".rstrip()
        if status < 500 and status not in _TRY_AGAIN:
            raise Refused(said)
        raise OSError(said)
    said = str(answer.get("msg") or "uri gave no reason").rpartition("Request failed: ")[2]
    if "certificate" in said.lower():
        raise Refused(said)
    raise OSError(said)


def send_mail(options: dict[str, t.Any], alert: dict[str, t.Any]) -> None:
    """Send an alert as mail. Raises Refused, or OSError: those of smtplib and ssl are such."""
    context = ssl.create_default_context(cafile=options["ca_path"])
    if not options["validate_certs"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    where: dict[str, t.Any] = {"host": options["host"], "port": options["port"], "timeout": options["timeout"]}
    implicit = options["tls"] == "implicit"
    try:
        with smtplib.SMTP_SSL(**where, context=context) if implicit else smtplib.SMTP(**where) as server:
            if options["tls"] == "starttls":
                server.starttls(context=context)
            if options["username"]:
                server.login(options["username"], options["password"] or "")
            refused = server.send_message(Email().mail(options, alert))
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


def _said(code: int, words: bytes | str) -> str:
    return f"{code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"


def _refusals(recipients: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{address} ({_said(*why)})" for address, why in recipients.items())
