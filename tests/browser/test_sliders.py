"""“What if” on the demo of a table: numbers are sliders, and the answer follows, in a real browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, launched
from tests.browser.test_why import customers
from tests.site import Site, wait

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FOLDER = Path(os.environ["SLIDER_PICTURES"]) if "SLIDER_PICTURES" in os.environ else None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def demo(site: Site) -> str:
    body = {"task": "tabular-classification", "model": "scratch:lightgbm", "method": "boosting"}
    run = site.train(site.upload(customers()), **body)
    site.wait_run(run, "succeeded")
    made = site.api("POST", "/endpoints", json={"run": run, "visibility": "public", "slug": "what-if"})
    assert made.status_code == 201
    wait(lambda: site.get("/endpoints/what-if")["status"] == "live", 60, "the demo is live")
    return f"{site.url}/d/what-if"


def slide(page: Page, name: str, key: str) -> None:
    page.get_by_label(f"Slide {name}").focus()
    page.keyboard.press(key)


def test_the_answer_follows_what_is_changed(browser: Browser, demo: str) -> None:
    page = browser.new_context().new_page()
    page.set_default_timeout(20_000)
    looker = Looker(page, FOLDER)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    page.goto(demo)
    slider, age = page.get_by_label("Slide age"), page.get_by_label("age", exact=True)
    low, high = (float(slider.get_attribute(name) or "") for name in ("min", "max"))
    assert 18 < low < high < 80, "visitors see where nine of ten rows lie"
    assert slider.get_attribute("step") == "1"
    page.get_by_label("plan").select_option("yearly")
    slide(page, "age", "End")
    expect(page.locator("#ans")).to_contain_text("yes")
    assert float(age.input_value()) == high
    expect(slider).to_be_focused()
    expect(page.locator("[data-part=live]")).to_contain_text("yes")
    looker.look("what-if")
    page.get_by_label("plan").select_option("monthly")
    before = asked.count("POST")
    for _press in range(5):
        slide(page, "age", "PageDown")
    slide(page, "age", "Home")
    expect(page.locator("#ans")).to_contain_text("no")
    assert asked.count("POST") - before <= 2, "many changes are one question"
    age.fill("30")
    assert slider.input_value() == "30"
    assert not looker.complaints
    page.context.close()


def test_without_script_there_are_fields_and_a_button(browser: Browser, demo: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(demo)
    expect(page.get_by_label("Slide age")).to_be_hidden()
    page.get_by_label("age", exact=True).fill("75")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#ans")).to_be_visible()
    page.context.close()
