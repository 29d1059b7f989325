# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import smtplib
import ssl
import time
import typing as t

from ansible_collections.rke.cis.plugins.plugin_utils._action import ControllerAction
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.messages import mail, request, without_secrets
from ansible_collections.rke.cis.plugins.plugin_utils._alerts.rules import check_request, plain
from ansible_collections.rke.cis.plugins.plugin_utils._errors import CisError

_SUCCESS = [200, 201, 202, 204]
_TRY_AGAIN = (408, 425, 429)  # of the client errors; others stay what they are


class _Refused(Exception):
    """An error that another try does not mend."""


class ActionModule(ControllerAction):
    ARGUMENTS = {
        "name": {"type": "str", "required": True},
        "notifier": {"type": "dict", "required": True, "no_log": True},
        "alert": {"type": "dict", "required": True},
        "retries": {"type": "int", "default": 3},
        "delay": {"type": "float", "default": 2},
    }

    def work(self, args: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        name = args["name"]
        _rules, checked = check_request([], {name: args["notifier"]})
        options = checked[name]
        if options["type"] == "custom":
            raise CisError(f"notifier {name}: the tasks of a custom notifier are included, not sent")
        if self._task.check_mode:
            return {"changed": False, "sent": False, "attempts": 0, "msg": "check mode"}
        deliver = self._mail if options["type"] == "email" else self._post
        for attempt in range(1, max(args["retries"], 0) + 2):
            try:
                deliver(options, args["alert"], task_vars)
                return {"changed": True, "sent": True, "attempts": attempt, "msg": "sent"}
            except _Refused as error:
                cause = str(error)
                break
            except OSError as error:  # those of smtplib and ssl are such
                cause = str(error) or type(error).__name__
            if attempt <= args["retries"]:
                time.sleep(min(args["delay"] * 2 ** (attempt - 1), 60))
        tries = "1 try" if attempt == 1 else f"{attempt} tries"
        cause = plain(without_secrets(cause, options), 300)
        message = f"notifier {plain(name)} ({options['type']}): {cause} ({tries})"
        return {"failed": True, "changed": False, "sent": False, "attempts": attempt, "msg": message}

    def _post(self, options: dict[str, t.Any], alert: dict[str, t.Any], task_vars: dict[str, t.Any]) -> None:
        answer = self._execute_module(
            module_name="ansible.builtin.uri",
            module_args={
                **request(options, alert),
                "method": "POST",
                "body_format": "raw",
                "status_code": _SUCCESS,
                "return_content": True,
                "follow_redirects": "none",
                "use_netrc": False,
                "validate_certs": options["validate_certs"],
                "ca_path": options["ca_path"],
                "timeout": options["timeout"],
                "http_agent": "rke.cis",
            },
            # the address of a service is a secret: it must not get into the controller's syslog
            task_vars={**task_vars, "ansible_no_target_syslog": True},
        )
        if not answer.get("failed"):
            return
        status = answer.get("status") or -1
        if status > 0:
            said = f"HTTP {status} {answer.get('content') or answer.get('reason') or ''}".rstrip()
            if status < 500 and status not in _TRY_AGAIN:
                raise _Refused(said)
            raise OSError(said)
        said = str(answer.get("msg") or "uri gave no reason").rpartition("Request failed: ")[2]
        if "certificate" in said.lower():
            raise _Refused(said)
        raise OSError(said)

    def _mail(self, options: dict[str, t.Any], alert: dict[str, t.Any], task_vars: dict[str, t.Any]) -> None:
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
                refused = server.send_message(mail(options, alert))
        except ssl.SSLCertVerificationError as error:
            raise _Refused(f"the certificate of {options['host']} is not trusted: {error.verify_message}") from error
        except smtplib.SMTPAuthenticationError as error:
            raise _Refused(
                f"the server refused user and password: {_said(error.smtp_code, error.smtp_error)}"
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise _Refused(f"the server does not support what is wanted: {error}") from error
        except smtplib.SMTPRecipientsRefused as error:
            said = f"the server refused all recipients: {_refusals(error.recipients)}"
            later = any(code < 500 for code, _said in error.recipients.values())
            raise (OSError if later else _Refused)(said) from error
        except smtplib.SMTPResponseException as error:
            raise (OSError if error.smtp_code < 500 else _Refused)(_said(error.smtp_code, error.smtp_error)) from error
        if refused:
            raise _Refused(f"the others have it, but the server refused {_refusals(refused)}")


def _said(code: int, words: bytes | str) -> str:
    return f"{code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"


def _refusals(recipients: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{address} ({_said(*why)})" for address, why in recipients.items())
