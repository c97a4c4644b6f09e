"""From a form's export to a stranger's phone with nothing but defaults: few clicks, a link that opens, a verdict that is true."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import Looker, launched
from tests.browser.form_export import form_export
from tests.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TRAINING_MS = 300_000
MOST_CLICKS = 5
WHO = "first-demo@example.org"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


class Hand:
    """Clicks, and counts."""

    def __init__(self) -> None:
        self.clicks = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1


def signed_in(browser: Browser, site: Site) -> Page:
    page = browser.new_context().new_page()
    page.set_default_timeout(60_000)
    page.goto(site.sign_in_link(WHO))
    page.locator("main form button").click()
    return page


def report_of(site: Site, pk: str) -> dict[str, Any]:
    """What the trainer said of the run, by the API."""
    token = site.manage("api_token", "--email", WHO)
    answer = httpx.get(f"{site.url}/api/v1/runs/{pk}/report", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def test_from_a_forms_export_to_a_strangers_phone(browser: Browser, site: Site, tmp_path: Path) -> None:
    export = tmp_path / "Customer feedback (Responses) - Form Responses 1.csv"
    export.write_text(form_export(), "utf-8")
    page, hand = signed_in(browser, site), Hand()
    looker = Looker(page)

    page.goto(site.url + "/new")
    with page.expect_file_chooser() as chooser:
        hand.click(page.locator("label.drop"))
    chooser.value.set_files(export)
    page.wait_for_url("**/prototypes/*/data**")
    hand.click(page.locator("main a.btn.primary[href*='/train']"))
    expect(page.locator("#model-list input:checked")).to_have_value("bundled:all-MiniLM-L6-v2")
    hand.click(page.locator(".commit button.primary"))

    page.wait_for_url("**/runs/*")
    share = page.locator("main form[action$='/deploy'] button")
    expect(share).to_be_visible(timeout=TRAINING_MS)
    verdict = page.locator(".verdict")
    report = report_of(site, page.url.rpartition("/")[2])
    expect(verdict).to_have_attribute("data-outcome", report["verdict"]["outcome"])
    hand.click(share)
    hand.click(page.locator("main form[action$='/deploy'] button.primary"))

    address = page.locator("#address")
    expect(address).to_contain_text("/d/")
    expect(page.locator("img.qr")).to_be_visible()
    assert hand.clicks <= MOST_CLICKS

    phone = browser.new_context(**PHONE).new_page()  # type: ignore[arg-type]
    stranger = Looker(phone)
    phone.set_default_timeout(60_000)
    expect(page.locator(".head .state")).to_have_attribute("data-state", "live", timeout=60_000)
    answer = phone.goto(address.inner_text())
    assert answer
    assert answer.status == 200
    phone.locator("main textarea").fill("Hello, my parcel is late again")
    phone.locator("main form button.primary").click()
    expect(phone.locator("#ans")).to_contain_text("Delivery")
    expect(phone.locator("#ans")).to_be_focused()
    expect(phone.locator(".answers li").first).to_contain_text("%")
    assert not looker.complaints + stranger.complaints


def test_another_model_brings_its_methods(browser: Browser, site: Site, tmp_path: Path) -> None:
    """The methods follow the chosen model without a reload, and the price on the button follows them."""
    page = signed_in(browser, site)
    page.goto(site.url + "/new")
    page.locator("button[name=sample]").first.wait_for(state="attached")
    page.locator("summary", has_text="More samples").click()
    page.locator("button[name=sample][value=digits]").click()
    page.wait_for_url("**/prototypes/*/data**")
    page.locator("main a.btn.primary[href*='/train']").click(timeout=120_000)
    barred = page.locator("#methods input:disabled")
    expect(barred).to_have_count(4)  # a small net that has learned nothing is trained from scratch
    assert {one.get_attribute("value") for one in barred.all()} == {"probe", "lora", "full", "best"}
    expect(page.locator("#methods input:checked")).to_have_value("scratch")
    page.locator("#model-list input:enabled").nth(1).check()
    expect(page.locator("#methods input:checked")).to_have_value("scratch")
    expect(page.locator("#barred")).to_have_count(1)
