# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The types of notifiers: the options of each, what it checks, and the request or mail that it sends. Pure.

Text is inert in each medium, whatever a node is called.
"""

from __future__ import annotations

import email.message
import email.policy
import email.utils
import hashlib
import hmac
import html
import json
import os
import re
import typing as t
import urllib.parse

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.rke.cis.plugins.plugin_utils._alerts.content import lines, text

SIGNATURE = "X-Rke-Cis-Signature"
_SLACK_SECTION = 2900  # characters; Slack takes 3000
_LEAST_SECRET = 4  # characters: a path such as / is not a secret
_PART = 8  # characters of a secret that are not shown either
_MAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")

Spec = dict[str, dict[str, t.Any]]
_TLS: Spec = {
    "type": {"type": "str"},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 10},
}
_URL: Spec = {**_TLS, "url": {"type": "str", "required": True, "no_log": True}}


class Notifier:
    """A type of notifier. Options with no_log are secrets: they never appear in output."""

    OPTIONS: Spec = _URL

    def problems(self, options: dict[str, t.Any]) -> t.Iterator[str]:
        """Yield what is wrong with options whose types are right, without the values of secrets."""
        for name, option in self.OPTIONS.items():
            if option.get("required") and not options[name]:
                yield f"{name} is empty"
        if options.get("url") and not re.match(r"https?://[^/\s]+\S*$", options["url"]):
            yield "url must be an http(s) URL"
        for name in ("ca_path", "tasks_file"):
            if options.get(name) and not os.path.isfile(options[name]):
                yield f"{name} {options[name]}: no such file on the controller"
        if options.get("timeout", 1) < 1:
            yield "timeout must be at least 1 second"

    def body(self, options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the document to post."""
        return alert

    def request(self, options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return url, body and headers of the POST. The body is text, because its very bytes are signed."""
        body = json.dumps(self.body(options, alert))
        headers = {"Content-Type": "application/json", **(options.get("headers") or {})}
        if options.get("secret"):
            digest = hmac.new(options["secret"].encode(), body.encode(), hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={digest}"
        return {"url": options["url"], "body": body, "headers": headers}

    def without_secrets(self, said: str, options: dict[str, t.Any]) -> str:
        """Return a text, such as an error of the service, without the secrets among the options, nor parts of them."""
        url = urllib.parse.urlsplit(options.get("url") or "")
        names = [name for name, option in self.OPTIONS.items() if option.get("no_log") and name != "url"]
        found: list[t.Any] = [f"{url.path}?{url.query}", url.username, url.password]
        for value in map(options.get, names):
            found += value.values() if isinstance(value, dict) else [value]
        secrets = [form for secret in found if secret for form in (str(secret), urllib.parse.unquote(str(secret)))]
        hidden: set[int] = set()
        for secret in secrets:
            part = min(_PART, len(secret))
            for start in range(len(said) - part + 1 if part >= _LEAST_SECRET else 0):
                if said[start : start + part] in secret:
                    hidden.update(range(start, start + part))
        return re.sub("\0+", "********", "".join("\0" if i in hidden else char for i, char in enumerate(said)))


class Slack(Notifier):
    COLOURS: t.ClassVar = {"info": "good", "warning": "warning", "critical": "danger"}

    def body(self, options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
        sections = [""]
        for label, said in lines(alert):
            line = (f"*{label}:* " if label else "- ") + html.escape(said, quote=False)[: _SLACK_SECTION - 100] + "\n"
            if len(sections[-1]) + len(line) > _SLACK_SECTION:
                sections.append("")
            sections[-1] += line
        blocks = [
            {"type": "section", "text": {"type": "mrkdwn", "text": section, "verbatim": True}} for section in sections
        ]
        subject = html.escape(alert["subject"], quote=False)
        return {"text": subject, "attachments": [{"color": self.COLOURS[alert["severity"]], "blocks": blocks}]}


class Email(Notifier):
    OPTIONS: Spec = {
        **_TLS,
        "host": {"type": "str", "required": True},
        "port": {"type": "int", "default": 587},
        "tls": {"type": "str", "choices": ["starttls", "implicit", "none"], "default": "starttls"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "sender": {"type": "str", "required": True},
        "recipients": {"type": "list", "elements": "str", "required": True},
    }

    def problems(self, options: dict[str, t.Any]) -> t.Iterator[str]:
        yield from super().problems(options)
        yield from wrong_addresses("sender", [options["sender"]])
        yield from wrong_addresses("recipients", options["recipients"])
        if options["password"] and not options["username"]:
            yield "password requires username"
        if options["password"] and options["tls"] == "none":
            yield "password would be sent unencrypted; set tls to starttls or implicit"

    def mail(self, options: dict[str, t.Any], alert: dict[str, t.Any]) -> email.message.EmailMessage:
        """Return the mail. Recipients of the rule replace those of the notifier."""
        message = email.message.EmailMessage(email.policy.SMTP)
        message["From"] = options["sender"]
        message["To"] = ", ".join(alert["recipients"] or options["recipients"])
        message["Subject"] = alert["subject"]
        message["Date"] = email.utils.localtime()
        message["Message-ID"] = email.utils.make_msgid(domain=options["sender"].rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text(alert))
        return message


class PagerDuty(Notifier):
    OPTIONS: Spec = {
        **_TLS,
        "routing_key": {"type": "str", "required": True, "no_log": True},
        "url": {"type": "str", "default": "https://events.pagerduty.com/v2/enqueue", "no_log": True},
    }

    def body(self, options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
        # what belongs to one incident; hashed, since PagerDuty takes 255 characters
        about = [alert["cluster"], alert["profile"].lower(), alert["rule"], "test" if alert["status"] == "test" else ""]
        event = {
            "routing_key": options["routing_key"],
            "event_action": "resolve" if alert["status"] == "resolved" else "trigger",
            "dedup_key": "rke.cis/" + hashlib.sha256("\n".join(about).encode()).hexdigest(),
        }
        if alert["status"] == "resolved":
            return event
        details = {
            key: alert[key]
            for key in ("counts", "failing", "warning", "newly_failing", "fixed", "unexamined_nodes", "waivers")
        }
        return {
            **event,
            "client": "rke.cis",
            "payload": {
                "summary": alert["subject"],
                "source": alert["cluster"],
                "severity": alert["severity"],
                "timestamp": alert["at"],
                "component": "cis-scan",
                **({"group": alert["profile"]} if alert["profile"] else {}),
                "class": alert["on"],
                "custom_details": {**details, "failure": alert["failure"], "report": alert["report"]},
            },
        }


class Webhook(Notifier):
    OPTIONS: Spec = {
        **_URL,
        "secret": {"type": "str", "no_log": True},
        "headers": {"type": "dict", "default": {}, "no_log": True},
    }


class Teams(Notifier):
    COLOURS: t.ClassVar = {"info": "good", "warning": "warning", "critical": "attention"}

    def body(self, options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
        # RichTextBlock, since a TextBlock is read as Markdown
        def block(*runs: dict[str, t.Any]) -> dict[str, t.Any]:
            return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}

        colour = self.COLOURS[alert["severity"]]
        body = [block({"text": alert["subject"], "weight": "bolder", "color": colour})]
        for label, said in lines(alert):
            bold = [{"text": f"{label}: ", "weight": "bolder"}] if label else [{"text": "- "}]
            body.append(block(*bold, {"text": said}))
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "fallbackText": alert["subject"],
            "body": body,
        }
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        return {"type": "message", "attachments": [attachment]}


class Custom(Notifier):
    """Tasks of the user, which the role includes."""

    OPTIONS: Spec = {"type": {"type": "str"}, "tasks_file": {"type": "path", "required": True}}


TYPES: dict[str, Notifier] = {
    "slack": Slack(),
    "email": Email(),
    "pagerduty": PagerDuty(),
    "webhook": Webhook(),
    "msteams": Teams(),
    "custom": Custom(),
}


def wrong_addresses(option: str, addresses: list[str]) -> t.Iterator[str]:
    for address in addresses:
        if not _MAIL.fullmatch(address):
            yield f"{option}: {address!r} is not an e-mail address such as ops@example.com"


def check_notifier(where: str, given: t.Any, problems: list[str]) -> dict[str, t.Any]:
    """Return a notifier with its defaults; append what is wrong to `problems`."""
    kind = given.get("type") if isinstance(given, dict) else None
    if not isinstance(kind, str) or kind not in TYPES:
        problems.append(f"{where}: expected a dictionary with a type; available: {', '.join(TYPES)}")
        return {}
    options = check_types(where, given, TYPES[kind].OPTIONS, problems)
    for name in ("ca_path", "tasks_file"):
        if options.get(name):
            options[name] = os.path.abspath(options[name])
    if options:
        problems.extend(f"{where}: {problem}" for problem in TYPES[kind].problems(options))
    return options


def check_types(where: str, given: dict[str, t.Any], spec: Spec, problems: list[str]) -> dict[str, t.Any]:
    """Return options with their defaults, nothing if one is unknown, missing or of a wrong type."""
    result = ArgumentSpecValidator(spec).validate(given)
    for error in result.errors:
        unknown = "unknown option " if isinstance(error, UnsupportedError) else ""
        problems.append(f"{where}: {unknown}{error.msg}")
    return {} if result.error_messages else result.validated_parameters
