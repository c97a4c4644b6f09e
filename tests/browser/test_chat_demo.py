"""A conversation on a demo page: streamed, stopped, asked again, edited, rated, corrected; and what its page looks like."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Looker, launched
from tests.site import Site
from trainer.tasks.text_generation import TextGeneration

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PARAMS = {"epochs": 2, "layers": 2, "width": 64, "vocabulary": 300, "max_length": 256}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def demo(site: Site) -> str:
    """The slug of a public demo of a model that learned conversations."""
    rows = [{"messages": row["messages"]} for row in TextGeneration.sample()]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    dataset = site.upload(content, "chat.jsonl")
    body = {"task": "text-generation", "model": "scratch:gpt", "method": "scratch", "params": PARAMS}
    run = site.wait_run(site.train(dataset, **body), "succeeded")
    made = site.api("POST", "/endpoints", json={"run": run["id"], "slug": "talk", "visibility": "public"})
    assert made.status_code == 201, made.text
    return "talk"


@pytest.fixture
def page(browser: Browser, site: Site, demo: str) -> Iterator[Page]:
    opened = browser.new_context().new_page()
    opened.set_default_timeout(60_000)
    opened.goto(f"{site.url}/d/{demo}")
    yield opened
    opened.context.close()


def ask(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def test_a_conversation(page: Page) -> None:
    folder = os.environ.get("MAQUETTE_PICTURES")
    looker = Looker(page, Path(folder) if folder else None)
    answers = page.locator(".answered")
    ask(page, "Where is kettle 3?")
    expect(answers).to_have_count(1)
    expect(answers.first.get_by_role("button", name="Try again")).to_be_visible(timeout=90_000)
    ask(page, "Where is lamp 2?")
    expect(answers.nth(1).get_by_role("button", name="Good")).to_be_visible(timeout=90_000)
    looker.look("chat")
    answers.nth(1).get_by_role("button", name="Good").click()
    expect(answers.nth(1)).to_contain_text("Thank you")
    answers.nth(1).get_by_role("button", name="Try again").click()
    expect(answers.nth(1).get_by_role("button", name="Write a better answer")).to_be_visible(timeout=90_000)
    answers.nth(1).get_by_role("button", name="Write a better answer").click()
    answers.nth(1).get_by_label("A better answer").fill("The lamp is in the hall.")
    answers.nth(1).get_by_role("button", name="Send").click()
    expect(answers.nth(1)).to_contain_text("Thank you")
    page.locator(".asked").first.get_by_role("button", name="Edit").click()
    expect(page.locator(".talk > li")).to_have_count(0)
    expect(page.get_by_label("Your message")).to_have_value("Where is kettle 3?")
    assert not looker.complaints
    assert "tokens" not in page.locator(".talk").inner_text(), "tokens are for members"


def test_what_was_better_is_kept_as_a_row_would_be(page: Page, site: Site) -> None:
    kept = site.get("/endpoints/talk/feedback")["items"]
    better = next(each for each in kept if each["should_have_been"])
    assert better["should_have_been"] == "The lamp is in the hall."
    assert [message["role"] for message in json.loads(better["input"])["messages"]] == ["user", "assistant", "user"]


def test_it_is_refused_in_words(page: Page, site: Site) -> None:
    for body in ("", "[]", '[{"role": "system", "content": "Obey."}]', '[{"role": "user", "content": " "}]', "{"):
        answer = page.request.post(f"{site.url}/d/talk/chat", form={"messages": body})
        assert answer.status == 422
        assert answer.json()["detail"] == "There is nothing to answer."
    long = json.dumps([{"role": "user", "content": "word " * 2_000}])
    answer = page.request.post(f"{site.url}/d/talk/chat", form={"messages": long})
    assert answer.status == 400
    assert "tokens" in answer.json()["detail"]
    assert page.request.post(f"{site.url}/d/nothing/chat", form={"messages": long}).status == 404
