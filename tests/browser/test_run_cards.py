"""The cards of a finished run in a real browser: groups by a column and by a condition, the view from above, robustness."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, launched
from tests.browser.test_why import customers
from tests.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FOLDER = Path(os.environ["CARD_PICTURES"]) if "CARD_PICTURES" in os.environ else None
MEASURED = 120_000
"""Milliseconds that a worker may take."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def run(site: Site) -> str:
    body: dict[str, Any] = {"task": "tabular-classification", "model": "scratch:linear", "method": "linear"}
    made = site.train(site.upload(customers(400)), **body)
    site.wait_run(made, "succeeded")
    return made


@pytest.fixture
def page(browser: Browser, site: Site, run: str) -> Iterator[Page]:
    """The run's page, signed in."""
    page = browser.new_context().new_page()
    page.set_default_timeout(20_000)
    page.goto(site.sign_in_link("tester@example.org"))
    page.locator("main form button").click()
    page.goto(f"{site.url}/runs/{run}")
    yield page
    page.context.close()


def test_groups_by_a_column_and_by_a_condition(page: Page) -> None:
    looker, card = Looker(page, FOLDER), page.locator("#groups")
    card.get_by_label("Column").select_option("plan")
    card.get_by_role("button", name="Compare groups").click()
    expect(card.locator("tbody").first).to_contain_text("monthly")
    assert card.locator("svg.strip").count() >= 2
    card.get_by_label("or a condition").fill("age < 50 and plan != none")
    card.get_by_role("button", name="Compare groups").click()
    expect(card.locator("tbody th").first).to_have_text("age < 50 and plan != none")
    expect(card.get_by_role("status")).to_contain_text("gap")
    card.scroll_into_view_if_needed()
    looker.look("groups-condition")
    assert not looker.complaints, "before what is refused"
    card.get_by_label("or a condition").fill("age <")
    card.get_by_role("button", name="Compare groups").click()
    expect(card.get_by_role("alert")).to_be_visible()
    expect(card.get_by_label("or a condition")).to_have_value("age <")


def test_the_map_opens_a_row(page: Page) -> None:
    looker, card = Looker(page, FOLDER), page.locator("#insight")
    card.get_by_role("button", name="Look from above").click()
    expect(card.locator("svg.map circle").first).to_be_attached(timeout=MEASURED)
    expect(card).to_contain_text("A small tree that imitates the model")
    assert card.locator("figure.chart").count() >= 2, "age and calls"
    card.get_by_role("link", name="Right and wrong").click()
    expect(page.locator("#insight")).to_contain_text("not tested on")
    page.locator("#insight svg.map a:has(circle.k4)").first.dispatch_event("click")
    expect(page.locator("#insight").get_by_role("status")).to_contain_text("Nearest rows that it learned from")
    page.locator("#insight").scroll_into_view_if_needed()
    looker.look("insight")
    assert not looker.complaints


def test_robustness_is_measured_and_drawn(page: Page) -> None:
    looker, card = Looker(page, FOLDER), page.locator("#robustness")
    card.get_by_role("button", name="Measure robustness").click()
    expect(page.locator("#robustness figure.chart")).to_be_visible(timeout=MEASURED)
    expect(page.locator("#robustness")).to_contain_text("of the cells missing")
    page.locator("#robustness").scroll_into_view_if_needed()
    looker.look("robustness")
    assert not looker.complaints
