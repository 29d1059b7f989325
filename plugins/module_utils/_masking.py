# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""What may be shown of command lines and messages: nothing that may be a secret."""

import os
import re
import typing as t

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.module_utils._files import readable

MASK = "********"

# What the value of a flag that nobody asked for must look like to be shown; lists of such values are shown, too.
_BOOLEAN = re.compile(r"(?i)true|false|[tf01]|")
_NUMBER = re.compile(r"[-+]?\d{1,18}(\.\d{1,18})?%?|\d{1,9}-\d{1,9}|(\d{1,18}(\.\d{1,18})?(ns|us|ms|s|m|h)){1,6}")
_PATH = re.compile(r"(unix://)?/[A-Za-z0-9._@+~/-]*")
_ADDRESS = re.compile(
    r"(https?://)?(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\])(:\d{1,5}|/\d{1,3})?/?|[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(/\d{1,3})?"
)
_SETTING = re.compile(r"[A-Za-z0-9./]{1,80}=(true|false)|TLS_[A-Z0-9_]{1,60}|VersionTLS1[0-3]")
_WORDS = re.compile(
    r"AlwaysAllow|AlwaysDeny|ABAC|RBAC|Node|Webhook|Hostname|InternalDNS|InternalIP|ExternalDNS|ExternalIP|aws|azure|"
    r"cgroupfs|cluster\.local|cni|containerd|docker|etcd[23]|existing|external|gce|https?|iptables|ipvs|json|new|none|"
    r"openstack|pods|remote|strict|systemd|text|vsphere|entrypoint\.sh|hyperkube"
)
# A secret may look like a number or a path. Of a flag with such a name only what the name asks for is shown.
_SECRET_NAME = re.compile(r"(?i)pass|pwd|secret|token|cred|key|auth(?!or)|kms")
_PATH_NAME = re.compile(r"(?i).*(file|dir|path|config)")
_TIME_NAME = re.compile(r"(?i).*(ttl|expiration|timeout)")
_PROGRAM = re.compile(r"[A-Za-z0-9._/+-]{1,255}")
_FLAG_NAME = re.compile(r"--?[A-Za-z][A-Za-z0-9._-]{0,79}")
# What follows a flag without a value may be its value, so it must look more like a flag than a secret does.
_PLAIN_FLAG = re.compile(r"-[a-z]|--[a-z]{2,20}(-[a-z0-9]{1,20}){0,9}")
_SECRET_TEXT = re.compile(
    r"(?i)((?:passw|passphrase|secret|token|credential|api[_-]?key)[\w-]{0,40}[\"']?\s?[:=]\s?|\b(?:bearer|basic) )\S+"
)


def mask_url_passwords(text: str) -> str:
    """Return text in which what stands before the host of a URL is replaced: a user may be a token."""

    def masked(found: t.Match[str]) -> str:
        scheme, colon, rest = found.group().partition("://")
        return scheme + colon + MASK + rest[rest.rindex("@") :] if "@" in rest else found.group()

    return re.sub(r"\S+", masked, text)


def error_text(text: str, most: int = limits.MESSAGE_CHARS) -> str:
    """Return what a program or a server said as one printable line without secrets, shortened if it is long."""
    line = " ".join(readable(text[: 10 * most]).split())
    if len(text) > 10 * most:
        line = line.rpartition(" ")[0]  # not half of a password
    line = _SECRET_TEXT.sub(r"\1" + MASK, mask_url_passwords(line))
    line = "".join(character if character.isprintable() else "?" for character in line)
    line = line or "..."
    return line if len(line) <= most else line[: most - 3] + "..."


def _harmless(flag: str, value: str) -> bool:
    """Return whether a value may be shown of a flag that nobody has asked for."""
    if _BOOLEAN.fullmatch(value):
        return True
    parts = value.split(",")
    if _SECRET_NAME.search(flag):
        if _PATH_NAME.fullmatch(flag):
            return all(_PATH.fullmatch(part) for part in parts)
        return bool(_TIME_NAME.fullmatch(flag) and _NUMBER.fullmatch(value))
    shapes = (_NUMBER, _PATH, _ADDRESS, _SETTING, _WORDS)
    return all(any(shape.fullmatch(part) for shape in shapes) for part in parts)


def mask_secrets(argv: t.Sequence[str], shown: t.Container[str] = ()) -> t.List[str]:
    """Return a command line in which all is replaced that may be a secret.

    The values of flags in `shown` are kept, and words in it; other words and values only if they look harmless.
    """
    masked: t.List[str] = []
    before = ""  # the flag before a word, if its value may be this word
    for number, word in enumerate(argv):
        name, equals, value = word.partition("=")
        flag, before = before, ""
        given = "--" + name.lstrip("-").replace("_", "-")
        if word.startswith("-") and given in shown:
            masked.append(mask_url_passwords(word))
            before = "" if equals else given
        elif word.startswith("-") and word.strip("-") and not (flag and _harmless(flag, word)):
            if (
                flag not in shown
                and flag
                and (not _PLAIN_FLAG.fullmatch(name) or _SECRET_NAME.search(flag) and len(name) > 2)
            ):
                masked.append(MASK)
                continue
            if not _FLAG_NAME.fullmatch(name) or not (equals or name.startswith("--") or len(name) == 2):
                name = "--" + MASK
            masked.append(name + equals + (value if _harmless(given, value) else MASK))
            before = "" if equals else given
        elif flag in shown:
            masked.append(mask_url_passwords(word))
        elif _harmless(flag, word) or not word.strip("-"):
            masked.append(word)
        else:
            program = _PROGRAM.fullmatch(word) and (not number or os.path.basename(word) in shown)
            masked.append(word if program else MASK)
    return masked
