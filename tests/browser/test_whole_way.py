"""The founder's whole way in a real browser: from signing in to a stranger's thumbs down.

With MAQUETTE_SCREENSHOTS set to a folder the pictures that the README shows are saved there.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, launched
from tests.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
SAMPLE = Path(__file__).parents[2] / "webapp" / "prototypes" / "samples" / "support-messages.csv"
TRAINING_MS = 300_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


def test_from_a_csv_to_a_strangers_opinion(browser: Browser, site: Site, tmp_path: Path) -> None:
    folder = Path(os.environ.get("MAQUETTE_SCREENSHOTS") or tmp_path)
    page = browser.new_context().new_page()
    page.set_default_timeout(30_000)
    looker = Looker(page, folder)

    page.goto(site.sign_in_link("founder@example.org"))
    page.locator("main form button").click()
    expect(page).to_have_url(re.compile("/new$"))
    looker.look("new")

    page.locator("input[type=file]").set_input_files(SAMPLE)
    page.wait_for_url(re.compile("/prototypes/.+/data"))
    expect(page.locator("select[name=role-text]")).to_have_value("message", timeout=60_000)
    expect(page.locator("select[name=role-label]")).to_have_value("topic")
    looker.look("data")

    page.locator("nav.tabs a[href$='/train']").click()
    page.locator("input[name=method][value=probe]").check()
    expect(page.locator(".commit button[type=submit], .commit button.primary")).to_contain_text("$", timeout=120_000)
    looker.look("train")
    page.locator(".commit button.primary").click()

    page.wait_for_url(re.compile("/runs/[a-z0-9]+$"))
    expect(page.locator("ol.stages")).to_be_visible()
    looker.look("run-live")
    expect(page.locator("h1")).to_contain_text("accuracy", timeout=TRAINING_MS)
    looker.look("run-done")
    page.locator("form[action$='/try'] textarea").fill("My parcel still has not arrived")
    page.locator("form[action$='/try'] button[type=submit], form[action$='/try'] button.btn").first.click()
    expect(page.locator(".answers li").first).to_contain_text("%")

    page.locator("nav.tabs a[href$='/share']").click()
    page.locator("form[action$='/deploy'] [name=visibility]").first.wait_for()
    choose(page, "visibility", "link")
    page.locator("form[action$='/deploy'] button.primary").click()
    expect(page.locator("main")).to_contain_text("/d/", timeout=60_000)
    looker.look("share")
    address = re.search(r"http://[^\s\"<]+/d/[^\s\"<]+link=[\w-]+", page.content()).group(0)

    stranger = browser.new_context().new_page()
    assert stranger.goto(address.partition("?")[0]).status == 404
    other = Looker(stranger, folder)
    assert stranger.goto(address).status == 200
    stranger.locator("main textarea").fill("The frame of my new bike is cracked and the box was open")
    stranger.locator("main form button.primary").click()
    expect(stranger.locator(".answers li").first).to_contain_text("%")
    other.look("demo")
    stranger.locator("button[value=down]").click()
    expect(stranger.locator("main")).to_contain_text(re.compile("thank", re.IGNORECASE))

    page.reload()
    expect(page.locator("main")).to_contain_text("The frame of my new bike is cracked")
    for name, path in (
        ("home", "/"),
        ("costs", "/costs"),
        ("workers", "/workers"),
        ("models", "/models"),
        ("settings", "/settings"),
    ):
        page.goto(site.url + path)
        looker.look(name)
    complaints = looker.complaints + [one for one in other.complaints if "404" not in one]
    assert not complaints, "\n".join(complaints)


def choose(page: Page, name: str, value: str) -> None:
    """Choose a value of a select or of a group of radios."""
    select = page.locator(f"form[action$='/deploy'] select[name={name}]")
    if select.count():
        select.select_option(value)
    else:
        page.locator(f"form[action$='/deploy'] input[name={name}][value={value}]").check()


def test_a_browser_without_script_can_try_a_demo(browser: Browser, site: Site) -> None:
    endpoint = site.deployed()
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(endpoint["demo_url"])
    page.locator("main textarea").fill("where is my parcel")
    page.locator("main form button.primary").click()
    expect(page.locator(".answers li").first).to_contain_text("%")
