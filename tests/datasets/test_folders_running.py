"""Folders from a real browser to a real web process: chosen, dropped, resumed after the process was killed, and ten thousand files."""

import base64
import io
import os
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Request, expect

from tests.datasets.sending import CHUNK, MB
from tests.datasets.test_uploads_running import Web, page, running, sign_in, slow_down, wait_for
from trainer.data.inspect import inspect

__all__ = ["page", "running"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
DROP = """async ([where, folders]) => {
  const entry = (path, content) => typeof content === "string"
    ? { name: path.split("/").pop(), isFile: true, isDirectory: false,
        file: (give) => give(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], path.split("/").pop(), { lastModified: 0 })) }
    : { name: path.split("/").pop(), isFile: false, isDirectory: true, createReader: () => {
        let rest = Object.entries(content).map(([name, inner]) => entry(name, inner));
        return { readEntries: (give) => { give(rest.splice(0, 2)); } };
      } };
  const transfer = { types: ["Files"], files: [], items: folders.map(([name, content]) => ({ webkitGetAsEntry: () => entry(name, content) })) };
  const event = new Event("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: transfer });
  document.querySelector(where).dispatchEvent(event);
}"""
"""A drop as browsers report it, two entries of a folder at a time: a script may not make the real thing."""


def picture(color: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (color % 256, color // 256 % 256, 40)).save(out, "PNG")
    return out.getvalue()


def class_folders(folder: Path, count: int = 6) -> Path:
    for number in range(count):
        path = (
            folder
            / "photos"
            / ("ripe" if number % 2 else "unripe")
            / f"bild {number} é{'x' * (120 if number == 3 else 0)}.png"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    (folder / "photos" / ".DS_Store").write_bytes(b"\0" * 6_148)
    (folder / "photos" / "ripe" / "Thumbs.db").write_bytes(b"\0" * 100)
    return folder / "photos"


def choose(page: Page, folder: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(folder)


def stored(web: Web, name: str) -> Path:
    [path] = (web.folder / "uploads").glob(f"*/0-{name}")
    return path


def test_a_chosen_folder_comes_with_its_classes(running: Web, page: Page, tmp_path: Path) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(page, running)
    choose(page, class_folders(tmp_path / "mine"))
    page.wait_for_url(re.compile("/prototypes/.+/data"))
    tar = stored(running, "photos.tar")
    with tarfile.open(tar) as archive:
        names = archive.getnames()
    assert len([name for name in names if name.endswith(".png")]) == 6
    assert f"photos/ripe/bild 3 é{'x' * 120}.png" in names
    assert tar.stat().st_size < 20_000, "hidden files go by name alone"
    result = inspect([tar], tmp_path / "version")
    assert result["rows"] == 6
    assert not complaints


def test_dropped_folders_of_one_name_an_empty_one_and_an_archive(running: Web, page: Page, tmp_path: Path) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    sign_in(page, running)
    some: Any = {f"{number}.png": base64.b64encode(picture(number)).decode() for number in range(5)}
    other: Any = {f"{number}.png": base64.b64encode(picture(number + 99)).decode() for number in range(3)}
    page.evaluate(DROP, [".drop", [["nothing", {}]]])
    expect(page.get_by_role("alert")).to_contain_text("“nothing” holds no files")
    page.evaluate(DROP, [".drop", [["ripe", some], ["unripe", {"deep": other, "none": {}}], ["ripe", other]]])
    page.wait_for_url(re.compile("/prototypes/.+/data"))
    with tarfile.open(stored(running, "ripe_ unripe_ ripe.tar")) as archive:
        names = archive.getnames()
    assert {name.rsplit("/", 1)[0] for name in names} == {"ripe", "unripe/deep", "unripe", "ripe (2)"}
    assert "unripe/none" in names, "an empty folder is kept by name"
    assert not complaints


def test_a_folder_goes_on_after_the_process_was_killed_and_the_page_reloaded(
    running: Web, page: Page, tmp_path: Path
) -> None:
    folder = tmp_path / "recordings"
    for number in range(30):
        path = folder / ("yes" if number % 2 else "no") / f"{number:02}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(MB))
    patched: list[int] = []

    def note(request: Request) -> None:
        if request.method == "PATCH":
            patched.append(int(request.headers["upload-offset"]))

    page.on("request", note)
    sign_in(page, running)
    slow_down(page)
    choose(page, folder)
    expect(page.locator("[data-part=file]")).to_have_text(re.compile(r"File \d+ of 30: recordings/no/\d\d.wav"))
    wait_for(page, lambda: CHUNK in patched)
    running.restart()
    page.reload()
    del patched[:]
    choose(page, folder)
    wait_for(page, lambda: patched)
    assert patched[0] >= CHUNK  # what was there was not sent again
    page.wait_for_url(re.compile("/prototypes/.+/data"), timeout=60_000)
    with tarfile.open(stored(running, "recordings.tar")) as archive:
        for path in folder.rglob("*.wav"):
            inside = archive.extractfile(f"recordings/{path.relative_to(folder).as_posix()}")
            assert inside is not None
            assert inside.read() == path.read_bytes()


def test_a_file_that_went_away_is_named_and_the_folder_may_be_cancelled(
    running: Web, page: Page, tmp_path: Path
) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02}.wav").write_bytes(os.urandom(MB))
    sign_in(page, running)
    slow_down(page)
    choose(page, folder)
    expect(page.locator("[data-part=file]")).to_contain_text("of 30")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Choose a folder")).to_be_visible()
    choose(page, folder)
    expect(page.locator("[data-part=file]")).to_contain_text("of 30")
    (folder / "25.wav").unlink()
    expect(page.get_by_role("alert")).to_contain_text("recordings/25.wav", timeout=30_000)
