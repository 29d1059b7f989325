# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this plugin util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Text that came from a node must never be templated again: up to ansible-core 2.18 a filter's result would be.
Nor must it drive a terminal.
"""

from __future__ import annotations

import typing as t

from ansible.utils.unsafe_proxy import AnsibleUnsafeText


def printable(text: str) -> str:
    """Return text with a question mark for each character that is not for the eye."""
    return "".join(char if char.isprintable() else "?" for char in text)


def make_unsafe(value: t.Any) -> t.Any:
    """Return plain data with every text marked as not to be templated."""
    if isinstance(value, dict):
        return {make_unsafe(key): make_unsafe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_unsafe(item) for item in value]
    return AnsibleUnsafeText(value) if isinstance(value, str) else value
