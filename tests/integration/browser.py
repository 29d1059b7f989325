# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Chromium, the system's own, that opens a file and says what the page asked for and complained of."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import typing as t

from playwright.sync_api import Page, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


class Browser:
    """Opens files: ``with Browser() as browser: page = browser.open(path, color_scheme="dark")``."""

    def __enter__(self) -> Browser:
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        assert program, f"none of {', '.join(PROGRAMS)} is on PATH (tests/tools/setup.sh installs one)"
        with contextlib.ExitStack() as stack:
            chromium = stack.enter_context(sync_playwright()).chromium
            self._browser = chromium.launch(executable_path=program)
            stack.callback(self._browser.close)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._exit.close()

    def open(self, path: pathlib.Path, width: int = 1280, height: int = 900, **options: t.Any) -> Opened:
        """Open a file in a context of its own. Options are Playwright's: color_scheme, java_script_enabled, ..."""
        context = self._browser.new_context(viewport={"width": width, "height": height}, **options)
        return Opened(context.new_page(), path)


class Opened:
    """A page and what happened in it since it was asked for.

    ``page`` is Playwright's own: evaluate, keyboard, screenshot, ``emulate_media(media="print")``,
    ``pdf(format="A4")``.
    """

    def __init__(self, page: Page, path: pathlib.Path) -> None:
        self.page = page
        self.url = path.resolve().as_uri()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self._complain(message.type, message.text))
        page.on("pageerror", lambda error: self._complain("error", str(error)))
        page.on("dialog", lambda dialog: (self._complain("error", "dialog " + dialog.message), dialog.dismiss()))
        page.on("requestfailed", lambda request: self._complain("error", "failed request " + request.url))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(self.url)

    def _complain(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    @property
    def foreign(self) -> list[str]:
        """What was asked for beside the file itself."""
        return [url for url in self.requests if url.partition("#")[0] != self.url]

    @property
    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def close(self) -> None:
        self.page.context.close()
