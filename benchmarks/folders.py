"""Seconds and memory of a folder of many pictures, chosen in a real browser and sent to a real web process.

    MAQUETTE_CHROMIUM=/usr/bin/chromium python benchmarks/folders.py [--files 10000] [--kilobytes 20]

Prints how long the browser takes to list and pack the folder (until the first byte is sent), to send it until the data page is
there, and the script's heap when that is so; then how long the reader takes.
"""

import argparse
import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--kilobytes", type=int, default=20)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.files, options.kilobytes)


def picture(generator: np.random.Generator, size: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    side = max(int((size / 3) ** 0.5), 8)
    Image.fromarray(generator.integers(0, 255, (side, side, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def make(folder: Path, files: int, size: int) -> None:
    generator = np.random.default_rng(0)
    for label in range(10):
        (folder / f"class {label}").mkdir(parents=True)
    for number in range(files):
        (folder / f"class {number % 10}" / f"{number}.png").write_bytes(picture(generator, size))


def measure(folder: Path, files: int, kilobytes: int) -> None:
    import django
    from playwright.sync_api import sync_playwright

    os.environ |= {"MAQUETTE_DATA": str(folder), "DJANGO_SETTINGS_MODULE": "webapp.settings"}
    django.setup()
    from tests.datasets.test_uploads_running import Web, sign_in

    make(folder / "photos", files, kilobytes * 1024)
    (folder / "data").mkdir()
    web = Web(folder / "data")
    web.manage("migrate", "--verbosity=0")
    web.start()
    try:
        with sync_playwright() as playwright:
            path = os.environ.get("MAQUETTE_CHROMIUM") or None
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            page.set_default_timeout(300_000)
            sign_in(page, web)
            sent: list[float] = []
            page.on("request", lambda request: sent.append(time.monotonic()) if "/uploads/" in request.url else None)
            heap = "performance.memory.usedJSHeapSize / 1e6"
            before = page.evaluate(heap)
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name="Choose a folder").click()
            start = time.monotonic()
            chooser.value.set_files(folder / "photos")
            page.wait_for_selector("[data-part=file]:not([hidden])")
            during = page.evaluate(heap)
            page.wait_for_url(re.compile("/prototypes/.+/data"))
            end = time.monotonic()
            browser.close()
    finally:
        web.kill()
    [tar] = (folder / "data" / "uploads").glob("*/0-photos.tar")
    size = tar.stat().st_size / 1e6
    print(f"{files:,} pictures, {size:.0f} MB, load {os.getloadavg()[0]:.1f}")
    print(
        f"listed and packed in {sent[0] - start:.1f} s, sent in {end - sent[0]:.1f} s ({size / (end - sent[0]):.0f} MB/s)"
    )
    print(f"the page's heap: {before:.0f} MB before, {during:.0f} MB while it sends; {len(sent)} requests")
    read(tar, folder / "version")


def read(tar: Path, out: Path) -> None:
    from trainer.data.inspect import inspect

    start = time.monotonic()
    result = inspect([tar], out)
    print(f"read in {time.monotonic() - start:.1f} s: {result['rows']:,} rows")


if __name__ == "__main__":
    main()
