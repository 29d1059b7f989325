# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs_elsewhere.py FILE: read lychee's JSON on links to other sites. Fails if a server says that a page is gone."""

from __future__ import annotations

import json
import pathlib
import sys

GONE = (404, 410)


def main() -> int:
    found = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    gone: dict[str, set[str]] = {}
    unseen: set[str] = set()
    for page, errors in found["error_map"].items():
        for error in errors:
            if error["status"].get("code") in GONE:
                gone.setdefault(error["url"], set()).add(page)
            else:
                unseen.add(error["url"])
    print(f"docs: {len(unseen - set(gone))} links to other sites could not be followed from here")
    for url, pages in sorted(gone.items()):
        print(f"docs: {url} is gone; it is linked from {', '.join(sorted(pages))}")
    return 1 if gone else 0


if __name__ == "__main__":
    sys.exit(main())
