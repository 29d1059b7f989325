# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this is **PRIVATE** to the collection and can change at any time. Do not use it from elsewhere.

"""Times in documents and in the names of scans, all in UTC."""

from __future__ import annotations

import datetime
import time

# In documents.
TIME = "%Y-%m-%dT%H:%M:%SZ"
# With which the names of scans and logs begin.
STAMP = "%Y%m%dT%H%M%SZ"


def utc(seconds: float | None = None, form: str = TIME) -> str:
    """Return a time, or else the present, as text."""
    return time.strftime(form, time.gmtime(seconds))


def from_utc(text: str, form: str = TIME) -> datetime.datetime:
    """Return the time of a text in just this form. Raises ValueError if there is none."""
    return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc)


def from_iso(text: str) -> datetime.datetime:
    """Return the time of a text of ISO 8601, in UTC if it has no offset. Raises ValueError for others.

    Unlike strptime it loads no module, which the process of each node would do anew.
    """
    read = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not know the Z
    return read.replace(tzinfo=read.tzinfo or datetime.timezone.utc)
