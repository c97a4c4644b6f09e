"""A hundred decisions by keys alone, suggestions accepted by Enter, and what the page looks like at both widths."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import Looker, launched
from tests.labelling.rows import csv
from tests.site import Site, wait

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LABELLED, UNLABELLED, BY_KEYS = 20, 160, 100
STEP_MILLISECONDS = 50
WHO = "labels@example.org"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


@pytest.fixture
def page(browser: Browser, site: Site, tmp_path: Path) -> Iterator[Page]:
    """On the page Label, of data of which two thirds have no label."""
    file = tmp_path / "questions.csv"
    file.write_bytes(csv(LABELLED, UNLABELLED))
    opened = browser.new_context().new_page()
    opened.set_default_timeout(60_000)
    opened.goto(site.sign_in_link(WHO))
    opened.locator("main form button").click()
    opened.goto(f"{site.url}/new")
    with opened.expect_file_chooser() as chooser:
        opened.locator("label.drop").click()
    chooser.value.set_files(file)
    opened.wait_for_url("**/prototypes/*/data**")
    expect(opened.locator("#grid")).to_be_visible(timeout=120_000)
    expect(opened.locator("main")).to_contain_text("Unlabelled (pool)")
    opened.locator("nav.tabs a[href$='/label']").click()
    expect(card(opened)).to_be_visible()
    yield opened
    opened.context.close()


def card(page: Page) -> Locator:
    return page.locator("[data-row]:not([hidden])")


def shown(page: Page) -> str:
    return card(page).get_attribute("data-row") or ""


def press(page: Page, key: str) -> str:
    """The row that it was about; another one is shown then, at once."""
    row = shown(page)
    page.keyboard.press(key)
    assert shown(page) != row
    return row


def median_step(page: Page) -> float:
    """Milliseconds from a key to the next row, as the page's own clock has them; the labels are taken back again."""
    times: list[float] = page.evaluate(
        """async () => {
          const shown = () => document.querySelector("[data-row]:not([hidden])")?.dataset.row;
          const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
          const times = [];
          for (let step = 0; step < 15; step += 1) {
            const started = performance.now(), row = shown();
            press("1");
            await new Promise(requestAnimationFrame);
            if (shown() !== row) times.push(performance.now() - started);
            press("ArrowLeft");
            await new Promise(requestAnimationFrame);
          }
          return times;
        }"""
    )
    assert len(times) == 15
    return sorted(times)[7]


def wait_for_suggestion(page: Page) -> None:
    """The rows are read and the model is fitted in the background; those that wait on the page have suggestions then."""
    expect(page.locator("[data-row][hidden][data-suggestion]").first).to_be_attached(timeout=120_000)
    press(page, "ArrowRight")
    expect(page.locator("[data-part=suggested]")).to_be_visible()


def test_a_hundred_decisions_by_keys_alone(page: Page) -> None:
    folder = os.environ.get("MAQUETTE_PICTURES")
    looker = Looker(page, Path(folder) if folder else None)
    looker.look("label")
    wait_for_suggestion(page)
    looker.look("label-suggestion")
    rows = [press(page, "Enter" if at % 3 else "12"[at % 2]) for at in range(BY_KEYS - 4)]
    assert len(set(rows)) == BY_KEYS - 4, (rows, page.locator("[data-part=news]").inner_text(), looker.complaints)
    skipped, left_out = press(page, "ArrowRight"), press(page, "0")
    mistaken = press(page, "1")
    press(page, "ArrowLeft")
    assert shown(page) == mistaken
    page.keyboard.press("+")
    page.keyboard.type("quite new")
    page.keyboard.press("Enter")
    expect(page.locator("[data-key='3']")).to_have_text("3quite new")
    assert shown(page) not in {*rows, skipped, left_out, mistaken}
    labelled = BY_KEYS - 3
    expect(page.locator("[data-part=labelled]")).to_have_text(str(LABELLED + labelled), timeout=60_000)
    expect(page.locator("[data-part=pool]")).to_have_text(str(UNLABELLED - labelled - 1))
    expect(page.locator("[data-part=progress]")).to_contain_text("accuracy on", timeout=60_000)
    assert median_step(page) < STEP_MILLISECONDS
    page.keyboard.press("?")
    expect(page.locator("[data-part=help]")).to_have_attribute("open", "")
    looker.look("label-keys")
    page.locator("[data-part=done] button").press("Enter")
    page.wait_for_url("**/data")
    api = page.locator("a[href^='/api/v1/datasets/']").first.get_attribute("href") or ""

    def ready() -> dict[str, Any] | None:
        told: dict[str, Any] = page.request.get(page.url.partition("/prototypes")[0] + api).json()
        return told if told["version"] == 2 else None

    told = wait(ready, 120, "the version with the labels")
    assert told["split"]["pool"] == UNLABELLED - labelled - 1
    assert sum(entry["count"] for entry in told["labels"]) == LABELLED + labelled
    assert not looker.complaints


def test_rows_like_the_one_labelled_last_get_its_label_by_keys(page: Page) -> None:
    folder = os.environ.get("MAQUETTE_PICTURES")
    looker = Looker(page, Path(folder) if folder else None)
    for _turn in range(40):  # the page has only just come
        page.keyboard.press("*")
        page.wait_for_timeout(250)
        if page.locator("[data-part=news]").is_visible():
            break
    expect(page.locator("[data-part=news]")).to_contain_text("Label a row first")
    expect(page.locator("[data-part=progress]")).to_contain_text("It is trained again", timeout=120_000)
    press(page, "1")
    page.keyboard.press("*")
    tick = page.locator("[data-part=alike] input[type=checkbox]")
    expect(tick).to_have_count(12)
    rows = [one.get_attribute("value") or "" for one in tick.all()]
    page.keyboard.press("3")
    page.keyboard.press("c")
    expect(page.locator("[data-part=chosen]")).to_have_text("10")
    looker.look("label-alike")
    page.keyboard.press("Enter")
    expect(page.locator("[data-part=news]")).to_have_text("10 rows have the label “bad” now.")
    expect(page.locator("[data-part=labelled]")).to_have_text(str(LABELLED + 11))
    assert shown(page) not in {*rows[:2], *rows[3:11]}
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-part=labelled]")).to_have_text(str(LABELLED + 1))
    page.keyboard.press("*")
    expect(tick).to_have_count(12)
    assert [one.get_attribute("value") for one in tick.all()] == rows
    page.keyboard.press("Escape")
    expect(card(page)).to_be_visible()
    row = shown(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[data-part=labelled]")).to_have_text(str(LABELLED))
    assert shown(page) != row, "the row labelled first is shown again"
    assert not looker.complaints
