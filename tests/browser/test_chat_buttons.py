"""Buttons of a chat's page that need no model: an example asks, Stop ends an answer that does not come. The page is the site's own;
what it sends goes no further."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from tests import things
from tests.browser.chromium import launched
from webapp.accounts.models import User, Workspace

pytestmark = [pytest.mark.browser, pytest.mark.slow]
EXAMPLE, ADDRESS = "Where is <bed> 3?", "http://demo.example"


def page_of_a_chat(workspace: Workspace, member: Client) -> tuple[str, str]:
    """(its path, its HTML), with an example that a member typed."""
    run = things.run(things.prototype(workspace), task="text-generation")
    run.artifact.mkdir(parents=True, exist_ok=True)
    for name, content in (("manifest", {"inputs": [], "form": "chat"}), ("examples", [])):
        (run.artifact / f"{name}.json").write_text(json.dumps(content), "utf-8")
    demo = things.endpoint(run)
    form = {"examples_of": run.pk, "own-text": EXAMPLE}
    assert member.post(reverse("choose_examples", args=[demo.pk]), form).status_code == 302
    path = reverse("demo", args=[demo.slug])
    return path, Client().get(path).content.decode()


def serve(page: Page, path: str, html: str) -> list[Route]:
    """Open the page; the questions that it sends are held."""
    asked: list[Route] = []

    def answer(route: Route) -> None:
        where = unquote(urlsplit(route.request.url).path)
        found = finders.find(where.removeprefix("/static/")) if where.startswith("/static/") else None
        if where == f"{path}/chat":
            asked.append(route)
        elif where == path:
            route.fulfill(body=html, content_type="text/html")
        elif isinstance(found, str):
            route.fulfill(path=Path(found))
        else:
            route.fulfill(status=404)

    page.route("**/*", answer)
    page.goto(ADDRESS + path)
    return asked


def test_an_example_asks_and_what_does_not_come_is_stopped(
    user: User, workspace: Workspace, client_of: Callable[[User], Client]
) -> None:
    path, html = page_of_a_chat(workspace, client_of(user))
    with launched() as chromium:
        page = chromium.new_page()
        asked = serve(page, path, html)
        stop, send, answer = (
            page.locator("[data-part=stop]"),
            page.locator("[data-part=send]"),
            page.locator(".answered"),
        )
        page.get_by_role("button", name=EXAMPLE).click()
        expect(stop).to_be_visible()
        expect(send).to_be_hidden()
        expect(page.locator(".asked .said")).to_have_text(EXAMPLE)
        stop.click()
        expect(answer).to_contain_text("Stopped.")
        expect(answer.get_by_role("button", name="Good")).to_be_hidden()
        expect(stop).to_be_hidden()
        answer.get_by_role("button", name="Try again").click()
        expect(stop).to_be_visible()
        lines = [
            {"text": "In the "},
            {"text": "hall."},
            {"finish": "stop", "html": "<p>In the hall.</p>", "token": "t"},
        ]
        asked[-1].fulfill(body="".join(json.dumps(line) + "\n" for line in lines), content_type="application/x-ndjson")
        expect(answer).to_contain_text("In the hall.")
        expect(answer.get_by_role("button", name="Good")).to_be_visible()
        expect(send).to_be_visible()
        sent = [route.request.post_data or "" for route in asked]
        assert len(sent) == 2
        assert all(EXAMPLE in text for text in sent)
        assert ["again" in text for text in sent] == [False, True]
