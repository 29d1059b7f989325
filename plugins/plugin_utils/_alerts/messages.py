# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""An alert in the form that each service wants. Pure. Text is inert in each medium, whatever a node is called."""

from __future__ import annotations

import email.message
import email.policy
import email.utils
import hashlib
import hmac
import html
import json
import typing as t
import urllib.parse

SIGNATURE = "X-Rke-Cis-Signature"
_NEWS = {"newly_failing": "New", "fixed": "Fixed"}
_LABELS = {"pass": "pass", "fail": "fail", "skip": "skip", "notApplicable": "not applicable", "error": "error"}
_COLOURS = {"info": "good", "warning": "warning", "critical": "danger"}
_SLACK_SECTION = 2900  # characters; Slack takes 3000
_LEAST_SECRET = 4  # a path such as / is none


def lines(alert: dict[str, t.Any]) -> list[tuple[str, str]]:
    """Return what an alert says, as labels and texts. A text without a label belongs to the one above."""
    if alert["status"] == "test":
        return [("Test", "alerts of the CIS scan arrive here")]
    said = [("Alert", f"{alert['rule']} ({alert['severity']})"), ("Cluster", alert["cluster"])]
    said += [("Profile", alert["profile"]), ("Scan", alert["kind"] + (f", by {alert['by']}" if alert["by"] else ""))]
    if alert["failure"]:
        return [*said, ("No report", alert["failure"])]
    counts = alert["counts"]
    shown = [f"{counts[key]} {label}" for key, label in _LABELS.items()]
    shown += [f"{counts['manual']} manual"] if counts["manual"] else []
    said.append(("Result", f"{', '.join(shown)}; {counts['total']} controls"))
    if alert["compared_with"]:
        said += [(label, ", ".join(alert[key]) or "nothing") for key, label in _NEWS.items()]
    failing = [
        f"{item['id']} on {_some(item['nodes'], item['nodes_total'])}: {item['title']}" for item in alert["failing"]
    ]
    said += _listed("Failing", failing, counts["fail"])
    lost = [f"{item['node']}: {item['reason']}" for item in alert["unexamined_nodes"]]
    said += _listed("Not seen", lost, alert["unexamined_nodes_total"])
    waivers = [
        f"{', '.join(item['controls'])} of {item['owner']}: {item['status']}, {item['expires']}"
        for item in alert["waivers"]
    ]
    said += _listed("Waivers", waivers, alert["waivers_total"])
    return [*said, ("Report", alert["report"])]


def _some(names: list[str], total: int) -> str:
    return ", ".join(names) + (f" and {total - len(names)} more" if total > len(names) else "")


def _listed(label: str, texts: list[str], total: int) -> list[tuple[str, str]]:
    if total > len(texts):
        texts = [*texts, f"and {total - len(texts)} more, see the report"]
    return [(label if number == 0 else "", text) for number, text in enumerate(texts)]


def text(alert: dict[str, t.Any]) -> str:
    """Return an alert as plain text."""
    return "\n".join(f"{label + ':' if label else '':<11}{said}" for label, said in lines(alert)) + "\n"


def request(options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return url, body and headers of the POST that tells a service. The body is text: its very bytes are signed."""
    body = json.dumps(_BODIES[options["type"]](options, alert))
    headers = {"Content-Type": "application/json", **(options.get("headers") or {})}
    if options.get("secret"):
        digest = hmac.new(options["secret"].encode(), body.encode(), hashlib.sha256).hexdigest()
        headers[SIGNATURE] = f"sha256={digest}"
    return {"url": options["url"], "body": body, "headers": headers}


def _slack(_options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
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
    return {"text": subject, "attachments": [{"color": _COLOURS[alert["severity"]], "blocks": blocks}]}


def _pagerduty(options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
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
        key: alert[key] for key in ("counts", "failing", "newly_failing", "fixed", "unexamined_nodes", "waivers")
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


def _msteams(_options: dict[str, t.Any], alert: dict[str, t.Any]) -> dict[str, t.Any]:
    # RichTextBlock, since a TextBlock is read as Markdown
    def block(*runs: dict[str, t.Any]) -> dict[str, t.Any]:
        return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}

    colour = {"info": "good", "warning": "warning", "critical": "attention"}[alert["severity"]]
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


_BODIES: dict[str, t.Callable[[dict[str, t.Any], dict[str, t.Any]], dict[str, t.Any]]] = {
    "slack": _slack,
    "pagerduty": _pagerduty,
    "webhook": lambda _options, alert: alert,
    "msteams": _msteams,
}


def mail(options: dict[str, t.Any], alert: dict[str, t.Any]) -> email.message.EmailMessage:
    """Return an alert as a mail. A rule's recipients go before those of the notifier."""
    message = email.message.EmailMessage(email.policy.SMTP)
    message["From"] = options["sender"]
    message["To"] = ", ".join(alert["recipients"] or options["recipients"])
    message["Subject"] = alert["subject"]
    message["Date"] = email.utils.localtime()
    message["Message-ID"] = email.utils.make_msgid(domain=options["sender"].rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(alert))
    return message


def without_secrets(said: str, options: dict[str, t.Any]) -> str:
    """Return a text, such as an error of a service, without the secrets of the notifier it is about."""
    url = urllib.parse.urlsplit(options.get("url") or "")
    secrets = [options.get("url"), f"{url.path}?{url.query}", url.path, url.query, url.password]
    secrets += [options.get("password"), options.get("routing_key"), options.get("secret")]
    secrets += [str(value) for value in (options.get("headers") or {}).values()]
    for secret in sorted(
        (secret for secret in secrets if secret and len(secret) >= _LEAST_SECRET), key=len, reverse=True
    ):
        said = said.replace(secret, "********")
    return said
