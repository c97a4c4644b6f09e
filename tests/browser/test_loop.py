"""A visitor's judgement becomes a version, a run, a comparison on the same test and the new demo, by clicks alone."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import Looker, launched
from tests.endpoints.test_whole_loop import RECIPE, post, rows
from tests.site import Site, wait

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WHO = "loop@example.org"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


def test_from_feedback_to_a_promoted_run(browser: Browser, site: Site) -> None:
    mine = site.as_somebody(WHO)
    first = mine.wait_run(mine.train(mine.upload(rows(), "loop.csv"), **RECIPE), "succeeded")
    post(mine, "/endpoints", {"run": first["id"], "visibility": "public", "slug": "loop-by-hand"})
    wait(lambda: mine.get("/endpoints/loop-by-hand")["status"] == "live", 60, "the demo is live")
    for number in range(12):
        judgement = {"input": f"cash return {number}", "verdict": "down", "should_have_been": "refund"}
        post(mine, "/endpoints/loop-by-hand/feedback", judgement | {"output": {"label": "card", "score": 0.6}})

    page = browser.new_context().new_page()
    page.set_default_timeout(60_000)
    folder = os.environ.get("MAQUETTE_PICTURES")
    looker = Looker(page, Path(folder) if folder else None)
    page.goto(site.sign_in_link(WHO))
    page.locator("main form button").click()
    page.goto(f"{site.url}/prototypes/{first['prototype']}/golden")
    page.locator("#rows").fill("1, 2, 3")
    page.locator("form.panel button").click()
    expect(page.locator("#golden")).to_have_text("3 rows")
    page.get_by_role("button", name="Try Run 1").click()
    expect(page.locator("[role=status]").last).to_contain_text("gets all 3 rows right")
    looker.look("golden")

    page.goto(f"{site.url}/prototypes/{first['prototype']}/share")
    page.locator("a[href$='/feedback']").click()
    for box in page.locator("input[name=chosen]").all():
        box.check()
    looker.look("inbox-train")
    page.get_by_role("button", name="Add and train").click()
    page.wait_for_url("**/data")
    page.locator("#retraining a").click(timeout=120_000)
    expect(page.locator("h1")).to_contain_text("accuracy", timeout=120_000)
    page.locator(".verdict a", has_text="Compare").first.click()
    expect(page.locator("h1")).to_contain_text("Run 2")
    expect(page.locator("main")).to_contain_text("test rows that they share")
    page.locator("nav.tabs a[href$='/share']").click()
    second = mine.get("/runs")["items"][0]["id"]
    page.goto(f"{page.url.partition('?')[0]}?run={second}")
    page.get_by_role("button", name="Replace").click()
    expect(page.locator("main")).to_contain_text(re.compile("Run 2 is (live|getting ready)"))
    wait(lambda: mine.get("/endpoints/loop-by-hand")["run"] == second, 60, "the new run is live")
    assert not looker.complaints
