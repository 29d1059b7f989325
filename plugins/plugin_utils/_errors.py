# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""The errors that the controller's code raises."""

from __future__ import annotations

from ansible_collections.rke.cis.plugins.module_utils import _limits as limits
from ansible_collections.rke.cis.plugins.plugin_utils._text import printable, shortened


class CisError(Exception):
    """An invalid request or file, in one line: what is wrong, where, and how to fix it.

    The line may quote what a file or a node says, so it is printable and of limited length.
    """

    def __init__(self, message: str) -> None:
        super().__init__(shortened(printable(message), limits.ERROR_CHARS))


class Busy(CisError):
    """Another scan of the cluster is running: this one did not start, which is no failure of its own."""


class Unseen(Exception):
    """The evidence does not show what the test asks for; the message says why."""
