"""Every kind of input in a real browser: given on a demo page, answered by a real model."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, launched
from tests.site import Site, wait
from trainer import tasks

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FAKE_DEVICES = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
RUNS: dict[str, dict[str, Any]] = {
    "image-classification": {"model": "scratch:mlp-128", "method": "scratch", "params": {"epochs": 1}},
    "audio-classification": {"model": "scratch:cnn-logmel", "method": "scratch", "params": {"epochs": 1}},
    "tabular-classification": {"model": "scratch:linear", "method": "linear"},
    "image-text-classification": {
        "model": "scratch:cnn-32-64-128",
        "method": "scratch",
        "params": {"epochs": 1, "text_model": "local:tiny"},
    },
    "object-detection": {
        "model": "scratch:points",
        "method": "scratch",
        "params": {"epochs": 40, "resolution": 64, "flip": False, "brightness": 0.0, "zoom": 0.0},
    },
    "speech-recognition": {"model": "scratch:gru-ctc", "method": "scratch", "params": {"epochs": 1}},
}
ENDINGS = {b"RIFF": "wav", b"\x89PNG": "png"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """With a camera that shows a moving picture and a microphone that beeps."""
    with launched(*FAKE_DEVICES) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def runs(site: Site) -> dict[str, str]:
    """The id of a run by task, every one asked for before the first is waited for."""
    return {slug: site.train(site.upload(*file_of(slug)), task=slug, **body) for slug, body in RUNS.items()}


@pytest.fixture(scope="module")
def demos(site: Site, runs: dict[str, str]) -> dict[str, str]:
    """The address of a demo by task."""
    for slug, run in runs.items():
        site.wait_run(run, "succeeded")
        answer = site.api(
            "POST", "/endpoints", json={"run": run, "visibility": "public", "slug": f"try-{slug}", "examples": [0]}
        )
        assert answer.status_code == 201, answer.text
    for slug in RUNS:
        wait(lambda slug=slug: site.get(f"/endpoints/try-{slug}")["status"] == "live", 60, f"{slug} is live")
    return {slug: f"{site.url}/d/try-{slug}" for slug in RUNS} | {"text-classification": site.deployed()["demo_url"]}


def file_of(slug: str) -> tuple[bytes, str]:
    """(content, name) of an upload of the task's own sample."""
    rows = tasks.get(slug).sample()
    if not any(isinstance(value, bytes) for value in rows[0].values()):
        return "".join(json.dumps(row) + "\n" for row in rows).encode(), "rows.jsonl"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        table = []
        for number, row in enumerate(rows):
            cells = {}
            for name, value in row.items():
                if isinstance(value, bytes):
                    cells["file_name"] = f"{number}.{ENDINGS[value[:4]]}"
                    archive.writestr(cells["file_name"], value)
                else:
                    cells[name] = value
            table.append(json.dumps(cells))
        archive.writestr("metadata.jsonl", "\n".join(table))
    return buffer.getvalue(), "rows.zip"


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A stranger's page. As it is left it must be sound: nothing in its console, no axe violation, no phone scrolls it."""
    opened = browser.new_context(permissions=["camera", "microphone"], base_url=site.url).new_page()
    opened.set_default_timeout(20_000)
    looker = Looker(opened)
    yield opened
    looker.look("page")
    opened.context.close()
    assert not looker.complaints


@pytest.fixture(scope="module")
def owner(browser: Browser, site: Site) -> Iterator[Page]:
    """Signed in as the one whom the runs belong to."""
    opened = browser.new_context().new_page()
    opened.set_default_timeout(20_000)
    opened.goto(site.sign_in_link("tester@example.org"))
    opened.locator("main form button").click()
    yield opened
    opened.context.close()


def ask(page: Page) -> None:
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#answer .answers li").first).to_contain_text("%")


def sample_file(slug: str, folder: Path) -> Path:
    content = next(value for value in tasks.get(slug).sample()[0].values() if isinstance(value, bytes))
    path = folder / f"mine.{ENDINGS[content[:4]]}"
    path.write_bytes(content)
    return path


def test_text(page: Page, demos: dict[str, str]) -> None:
    page.goto(demos["text-classification"])
    page.locator("main textarea").fill("please help, my parcel is late")
    ask(page)


def test_a_picture_from_a_file(page: Page, demos: dict[str, str], tmp_path: Path) -> None:
    page.goto(demos["image-classification"])
    page.locator("main input[type=file]").set_input_files(sample_file("image-classification", tmp_path))
    expect(page.locator("img[data-part=preview]")).to_be_visible()
    ask(page)


def test_a_picture_dropped(page: Page, demos: dict[str, str], tmp_path: Path) -> None:
    page.goto(demos["image-classification"])
    content = list(sample_file("image-classification", tmp_path).read_bytes())
    dropped = page.evaluate_handle(
        """content => { const files = new DataTransfer();
        files.items.add(new File([new Uint8Array(content)], "dropped.png", { type: "image/png" })); return files; }""",
        content,
    )
    page.locator(".drop").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.locator("[data-part=name]")).to_have_text("dropped.png")
    ask(page)


def test_a_picture_from_the_camera(page: Page, demos: dict[str, str]) -> None:
    page.goto(demos["image-classification"])
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take the picture").click()
    expect(page.locator("[data-part=name]")).to_have_text("camera.jpg")
    ask(page)


def test_a_sound_from_a_file(page: Page, demos: dict[str, str], tmp_path: Path) -> None:
    page.goto(demos["audio-classification"])
    page.locator("main input[type=file]").set_input_files(sample_file("audio-classification", tmp_path))
    expect(page.locator("audio[data-part=preview]")).to_be_visible()
    expect(page.get_by_role("img", name="Spectrogram")).to_be_visible()
    ask(page)


def test_a_sound_from_the_microphone(page: Page, demos: dict[str, str]) -> None:
    page.goto(demos["audio-classification"])
    page.get_by_role("button", name="Record").click()
    expect(page.locator("[data-part=clock]")).to_contain_text("1")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("[data-part=name]")).to_have_text("recording.wav")
    expect(page.get_by_role("img", name="Spectrogram")).to_be_visible()
    ask(page)


def test_a_row_of_a_table(page: Page, demos: dict[str, str]) -> None:
    """The form holds an example; a number is changed in it."""
    page.goto(demos["tabular-classification"])
    page.locator("main input[inputmode=decimal]").first.fill("12.5")
    ask(page)


def test_a_picture_with_a_text(page: Page, demos: dict[str, str], tmp_path: Path) -> None:
    page.goto(demos["image-text-classification"])
    page.locator("main input[type=file]").set_input_files(sample_file("image-text-classification", tmp_path))
    page.locator("main textarea").fill("a quiet place")
    ask(page)


def test_the_buttons_of_examples(page: Page, demos: dict[str, str]) -> None:
    for slug in ("image-classification", "audio-classification"):
        page.goto(demos[slug])
        page.locator("button[name=example]").first.click()
        expect(page.locator("#answer .answers li").first).to_contain_text("%")


def test_what_is_no_picture_is_told_in_words(page: Page, demos: dict[str, str]) -> None:
    page.goto(demos["image-classification"])
    text = {"name": "letter.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.locator("main input[type=file]").set_input_files(text)
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#answer")).to_contain_text("is not a picture")


def test_boxes_in_a_picture(page: Page, demos: dict[str, str], tmp_path: Path) -> None:
    page.goto(demos["object-detection"])
    page.locator("main input[type=file]").set_input_files(sample_file("object-detection", tmp_path))
    ask(page)
    expect(page.locator("#answer svg rect").first).to_be_visible()


def test_speech(page: Page, demos: dict[str, str], tmp_path: Path) -> None:
    """A net that has hardly learned understands nothing, and says so."""
    page.goto(demos["speech-recognition"])
    page.locator("main input[type=file]").set_input_files(sample_file("speech-recognition", tmp_path))
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#answer h2")).to_have_text(re.compile(r"\w"))


@pytest.mark.parametrize("slug", RUNS)
def test_the_report(slug: str, owner: Page, site: Site, runs: dict[str, str], demos: dict[str, str]) -> None:
    looked_at(owner, f"{site.url}/runs/{runs[slug]}")


@pytest.mark.parametrize("slug", ["image-classification", "tabular-classification"])
def test_the_train_page(slug: str, owner: Page, site: Site, runs: dict[str, str], demos: dict[str, str]) -> None:
    """With all that folds open too: no table of settings is wider than a phone."""
    address = f"{site.url}/prototypes/{site.run(runs[slug])['prototype']}/train"
    looked_at(owner, address)
    owner.locator("main details").evaluate_all("folds => folds.forEach(fold => { fold.open = true })")
    looker = Looker(owner)
    looker.look(f"{address}, unfolded")
    assert not looker.complaints, "\n".join(looker.complaints)


def test_what_acts_on_ticked_rows_waits_for_one(owner: Page, site: Site) -> None:
    owner.goto(f"{site.url}/prototypes/{site.deployed()['prototype']}/data")
    buttons = [owner.get_by_role("button", name=name, exact=True) for name in ("Set label", "Exclude")]
    tick = owner.locator("input[name=row]").first
    for _again in range(2):
        for button in buttons:
            expect(button).to_be_disabled()
        tick.check()
        for button in buttons:
            expect(button).to_be_enabled()
        tick.uncheck()
    owner.locator("#search").fill("a")
    owner.wait_for_url("**search=a*")
    for button in buttons:
        expect(button).to_be_disabled()


def looked_at(page: Page, address: str) -> None:
    looker = Looker(page)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    looker.look(address)
    assert not looker.complaints, "\n".join(looker.complaints)
