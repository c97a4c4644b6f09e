"""“Why?” in a real browser: words, columns, regions and parts of a recording, on a demo, in the try-it box and beside a mistake."""

import csv
import io
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, launched
from tests.browser.test_widgets import RUNS, file_of, sample_file
from tests.site import Site, wait

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FOLDER = Path(os.environ["WHY_PICTURES"]) if "WHY_PICTURES" in os.environ else None
ASKED = ("image-classification", "audio-classification")


def customers(count: int = 300) -> bytes:
    """A table whose label depends on plan and age, with some noise, so that mistakes are left."""
    draw, out = random.Random(0), io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["age", "plan", "calls last month", "stays"])
    for _row in range(count):
        age, plan, calls = draw.randint(18, 80), draw.choice(["monthly", "yearly", "free"]), draw.randint(0, 9)
        stays = age + 20 * (plan == "yearly") - 3 * calls + draw.gauss(0, 15) > 45
        writer.writerow([age, plan, calls, "yes" if stays else "no"])
    return out.getvalue().encode()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def runs(site: Site) -> dict[str, str]:
    trained = {slug: site.train(site.upload(*file_of(slug)), task=slug, **RUNS[slug]) for slug in ASKED}
    body: dict[str, Any] = {"task": "tabular-classification", "model": "scratch:lightgbm", "method": "boosting"}
    trained["table"] = site.train(site.upload(customers()), **body)
    for run in trained.values():
        site.wait_run(run, "succeeded")
    return trained


@pytest.fixture(scope="module")
def demos(site: Site, runs: dict[str, str]) -> dict[str, str]:
    for slug, run in runs.items():
        body = {"run": run, "visibility": "public", "slug": f"why-{slug}"}
        assert site.api("POST", "/endpoints", json=body).status_code == 201
    for slug in runs:
        wait(lambda slug=slug: site.get(f"/endpoints/why-{slug}")["status"] == "live", 60, f"{slug} is live")
    return {slug: f"{site.url}/d/why-{slug}" for slug in runs} | {"text": site.deployed()["demo_url"]}


def opened(browser: Browser) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(20_000)
    return page


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A stranger's page. As it is left it must be sound: nothing in its console, no axe violation, no phone scrolls it."""
    page = opened(browser)
    yield page
    page.context.close()


def ask_why(page: Page, looker: Looker, name: str) -> None:
    """Ask, then ask why; the method is named, and the page with it is sound."""
    page.get_by_role("button", name="Predict").click()
    why = page.get_by_role("button", name="Why?")
    why.click()
    expect(page.locator(".why")).to_contain_text("Method:")
    expect(page.locator(".why h3")).to_be_focused()
    page.locator(".why").scroll_into_view_if_needed()
    looker.look(name)
    assert not looker.complaints


def test_the_words_of_a_text(page: Page, demos: dict[str, str]) -> None:
    looker = Looker(page, FOLDER)
    page.goto(demos["text"])
    page.locator("main textarea").fill("please help, my parcel is late")
    ask_why(page, looker, "words")
    assert page.locator(".why .weighed").inner_text().strip() == "please help, my parcel is late"
    assert page.locator(".why mark").count() > 0
    expect(page.locator(".why .waterfall li").first).to_contain_text("%")


def test_a_waterfall_of_a_table_leads_to_the_answer(page: Page, demos: dict[str, str]) -> None:
    looker = Looker(page, FOLDER)
    page.goto(demos["table"])
    page.get_by_label("age", exact=True).fill("21")
    ask_why(page, looker, "table")
    steps = page.locator(".why .waterfall li")
    expect(steps.first).to_contain_text("Without any of it")
    expect(steps.last).to_contain_text("The answer")
    assert steps.count() == 5
    expect(page.locator(".why")).to_contain_text("Exact")


def test_the_regions_of_a_picture(page: Page, demos: dict[str, str], tmp_path: Path) -> None:
    looker = Looker(page, FOLDER)
    page.goto(demos["image-classification"])
    page.locator("main input[type=file]").set_input_files(sample_file("image-classification", tmp_path))
    ask_why(page, looker, "regions")
    assert page.locator(".why image").get_attribute("href").startswith("blob:")


def test_the_parts_of_a_recording(page: Page, demos: dict[str, str], tmp_path: Path) -> None:
    looker = Looker(page, FOLDER)
    page.goto(demos["audio-classification"])
    page.locator("main input[type=file]").set_input_files(sample_file("audio-classification", tmp_path))
    ask_why(page, looker, "recording")


def test_without_script_the_whole_page_answers(browser: Browser, demos: dict[str, str]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(demos["text"])
    page.locator("main textarea").fill("my parcel is late")
    page.get_by_role("button", name="Predict").click()
    page.get_by_role("button", name="Why?").click()
    expect(page.locator(".why")).to_contain_text("Method:")
    expect(page.locator("main textarea")).to_have_value("my parcel is late")
    context.close()


def test_the_try_it_box_and_each_mistake(browser: Browser, site: Site, runs: dict[str, str]) -> None:
    page = opened(browser)
    looker = Looker(page, FOLDER)
    page.goto(site.sign_in_link("tester@example.org"))
    page.locator("main form button").click()
    page.goto(f"{site.url}/runs/{runs['table']}")
    mistake = page.locator("table.mistakes tbody tr").first
    mistake.get_by_role("button").click()
    expect(mistake.locator(".why")).to_contain_text("The answer")
    mistake.scroll_into_view_if_needed()
    looker.look("mistake")
    page.get_by_role("button", name="Predict").click()
    page.locator("#try-answer").get_by_role("button", name="Why?").click()
    expect(page.locator("#try-answer .why")).to_contain_text("Exact")
    page.locator("#try-answer").scroll_into_view_if_needed()
    looker.look("try")
    assert not looker.complaints
    page.context.close()
