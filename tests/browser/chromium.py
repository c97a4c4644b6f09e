"""The browser of these tests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

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
    with sync_playwright() as playwright:
        path = os.environ.get("MAQUETTE_CHROMIUM") or None
        chromium = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *arguments])
        yield chromium
        chromium.close()
