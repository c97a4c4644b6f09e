"""The browser of these tests, and what a careful reader would complain about."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

WIDTHS = (1440, 360)
PATIENCE = 20_000
"""Milliseconds that is waited for what a page is to show: the first answer of a model takes more than the usual five seconds where
others train."""

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def launched(*arguments: str) -> Iterator[Browser]:
    """Chromium: Playwright's own, or the one that MAQUETTE_CHROMIUM names."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        path = os.environ.get("MAQUETTE_CHROMIUM") or None
        chromium = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *arguments])
        yield chromium
        chromium.close()


class Looker:
    """Takes pictures into `folder`, and collects complaints."""

    def __init__(self, page: Page, folder: Path | None = None) -> None:
        self.page, self.folder = page, folder
        self.complaints: list[str] = []
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))

    def hear(self, message: Any) -> None:
        if message.type == "error":
            self.complaints.append(f"{self.page.url}: {message.text}")

    def look(self, name: str) -> None:
        """Both widths, both schemes: no axe violation, nothing that scrolls sideways; a picture of what is seen without scrolling.

        A page that is about to be left, or has only begun to come, is waited for.
        """
        self.page.wait_for_load_state()
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            for width in WIDTHS:
                self.page.set_viewport_size({"width": width, "height": 900})
                file = {("light", WIDTHS[0]): f"{name}.png", ("dark", WIDTHS[1]): f"{name}-phone.png"}.get(
                    (scheme, width)
                )
                if file and self.folder:
                    self.page.screenshot(path=self.folder / file)
                wide = self.page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    self.complaints.append(f"{name} at {width} px is {wide} px wide")
            found = Axe().run(self.page).response["violations"]
            self.complaints += [f"{name} {scheme}: {one['id']} {one['nodes'][0]['html'][:160]}" for one in found]
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
