"""The page Label for each kind of answer, by keys and by pointer, at both widths, light and dark: its own templates and scripts in
Chromium, whose requests are answered in this process, without a site."""

import json
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.chromium import Looker, launched
from tests.labelling.kinds import Labelled
from tests.labelling.test_boxes import it as boxes  # noqa: F401  as a fixture
from tests.labelling.test_looked_at_again import disputed
from tests.labelling.test_numbers import it as numbers  # noqa: F401
from tests.labelling.test_passages import it as passages  # noqa: F401
from tests.labelling.test_several_labels import it as several  # noqa: F401
from tests.labelling.test_transcripts import it as transcripts  # noqa: F401
from webapp.labelling import guests
from webapp.labelling.models import Decision
from webapp.labelling.queue import suggestions_file

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HOST = "http://localhost"
TYPES = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml"}


Steps = Callable[[Page, Looker], None]
Asked = tuple[Callable[[], Any], "Future[Any]"]


class Answering:
    """Chromium in a thread of its own, as its loop bears no Django beside it. What it asks is answered in this one."""

    def __init__(self, it: Labelled) -> None:
        self.it, self.asked = it, Queue[Asked]()

    def ask(self, what: Callable[[], Any]) -> Any:
        future: Future[Any] = Future()
        self.asked.put((what, future))
        return future.result(timeout=30)

    def run(self, name: str, steps: Steps, address: str = "") -> list[str]:
        """Take these steps on the page, Label where none is said; what a careful reader would complain about."""
        address = address or f"{reverse('label', args=[self.it.prototype.pk])}?order=file"
        with ThreadPoolExecutor(1) as alone:
            done = alone.submit(self.look, name, steps, address)
            while not done.done():
                with suppress(Empty):
                    what, future = self.asked.get(timeout=0.02)
                    try:
                        future.set_result(what())
                    except Exception as error:
                        future.set_exception(error)
        return done.result()

    def look(self, name: str, steps: Steps, address: str) -> list[str]:
        folder = os.environ.get("MAQUETTE_PICTURES")
        with launched() as chromium:
            page = chromium.new_context().new_page()
            page.set_default_timeout(10_000)
            looker = Looker(page, Path(folder) if folder else None)
            page.route("**/*", self.serve)
            page.goto(f"{HOST}{address}")
            expect(card(page)).to_be_visible()
            looker.look(f"label-{name}")
            steps(page, looker)
            return looker.complaints

    def serve(self, route: Route) -> None:
        """What the site would answer."""
        path = urlsplit(route.request.url).path
        if path.startswith("/static/"):
            file = Path(finders.find(path.removeprefix("/static/")) or "")
            route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])
            return
        request = route.request
        sent = (request.method, request.url.removeprefix(HOST), request.post_data_buffer or b"", dict(request.headers))
        status, headers, body = self.ask(lambda: answered(self.it.browser, *sent))
        route.fulfill(status=status, headers=headers, body=body)

    def saved(self, page: Page, row: int) -> Any:
        """What was said of the row, once it is saved; another row is shown then."""
        assert shown(page) != row
        for _turn in range(100):
            value = self.ask(lambda: Decision.objects.filter(row=row).values_list("value", flat=True).first())
            if value is not None:
                return json.loads(value) if value[0] in "[{" else value
            page.wait_for_timeout(50)
        raise AssertionError(page.locator("[data-part=news]").inner_text())


def answered(
    client: Client, method: str, address: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    accept = {"Accept": headers.get("accept", "*/*")}
    if method == "GET":
        answer = client.get(address, headers=accept)
    else:
        answer = client.post(address, body, content_type=headers["content-type"], headers=accept)
    content = answer.getvalue()
    return answer.status_code, dict(answer.items()), content


def card(page: Page) -> Locator:
    return page.locator("[data-row]:not([hidden])")


def draw(page: Page, picture: Locator) -> None:
    """A box over the middle half of it."""
    frame = picture.bounding_box()
    assert frame is not None
    corners = [(frame["x"] + share * frame["width"], frame["y"] + share * frame["height"]) for share in (0.25, 0.75)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    page.mouse.move(*corners[1], steps=3)
    page.mouse.up()


def shown(page: Page) -> int:
    return int(card(page).get_attribute("data-row") or "0")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def test_several_labels(several: Labelled) -> None:  # noqa: F811
    there = Answering(several)

    def steps(page: Page, looker: Looker) -> None:
        row = shown(page)
        press(page, "1", "2", "1", "+")
        page.keyboard.type("damaged")
        press(page, "Enter", "Enter")
        assert there.saved(page, row) == ["damaged", "lost"]
        expect(page.locator("[data-part=chosenlabels]")).to_have_text("none of the labels")
        press(page, "ArrowLeft")
        assert shown(page) == row
        expect(page.locator("[data-part=chosenlabels]")).to_have_text("lost, damaged")
        press(page, "2", "3", "Enter")
        assert there.saved(page, row) == []
        row = shown(page)
        press(page, "1", "2", "Enter")
        assert there.saved(page, row) == ["late", "lost"]
        press(page, "*")
        expect(page.locator("[data-part=alikes] input[type=checkbox]")).to_have_count(2)
        expect(page.locator("[data-part=alike] .primary")).to_contain_text("late, lost")
        looker.look("label-several-alike")
        press(page, "2", "Enter")
        expect(page.locator("[data-part=news]")).to_contain_text("1 row has the label")
        assert [there.ask(lambda row=row: cell_of(row)) for row in (35, 36)] == [None, '["late", "lost"]']

    (folder := suggestions_file(several.version).parent).mkdir(parents=True)
    table = pa.table({"row": [32], "alike": [[35, 36]], "similarity": [[0.9, 0.8]]})
    pq.write_table(table, folder / "alike.parquet")
    assert there.run("several", steps) == []


def cell_of(row: int) -> str | None:
    return Decision.objects.filter(row=row).values_list("value", flat=True).first()


def test_a_number(numbers: Labelled) -> None:  # noqa: F811
    there = Answering(numbers)

    def steps(page: Page, looker: Looker) -> None:
        row, news = shown(page), page.locator("[data-part=news]")
        expect(page.locator("#answer")).to_be_focused()
        press(page, "Enter")
        expect(news).to_have_text("Type a number, or skip the row.")
        page.keyboard.type("540")
        press(page, "Enter")
        expect(news).to_contain_text("outside the known range")
        press(page, "Enter")
        assert there.saved(page, row) == "540"
        press(page, "ArrowRight")
        page.keyboard.type("1,234")
        row = shown(page)
        press(page, "Enter", "Enter")
        expect(news).to_contain_text("may be two numbers")
        assert shown(page) == row
        expect(page.locator("#answer")).to_have_value("1,234")
        looker.complaints = [one for one in looker.complaints if "422" not in one]

    assert there.run("number", steps) == []


def test_passages(passages: Labelled) -> None:  # noqa: F811
    there = Answering(passages)

    def steps(page: Page, looker: Looker) -> None:
        row = shown(page)
        card(page).locator("[data-token='0']").click()
        card(page).locator("[data-token='1']").click()
        press(page, "1", "ArrowDown", "ArrowDown", "Shift+ArrowDown", "2")
        expect(page.locator("[data-part=marks] li")).to_have_count(2)
        looker.look("label-passages-marked")
        press(page, "ArrowUp", "1")
        expect(page.locator("[data-part=news]")).to_contain_text("overlap")
        press(page, "Backspace", "Enter")
        assert there.saved(page, row) == ["B-person", "I-person", "O", "O", "O"]

    assert there.run("passages", steps) == []


def test_what_is_said(transcripts: Labelled) -> None:  # noqa: F811
    there = Answering(transcripts)

    def steps(page: Page, looker: Looker) -> None:
        row = shown(page)
        expect(page.locator("#answer")).to_be_focused()
        page.keyboard.type("good morning")
        press(page, "Control+Enter")
        assert there.saved(page, row) == "good morning"
        row = shown(page)
        page.keyboard.type("good evening")
        press(page, "Enter")
        assert there.saved(page, row) == "good evening"

    assert there.run("transcript", steps) == []


def test_boxes(boxes: Labelled) -> None:  # noqa: F811
    there = Answering(boxes)
    suggested = [{"label": "cat", "box": [4, 3, 12.5, 9]}]
    boxes.suggest({14: suggested})

    def steps(page: Page, looker: Looker) -> None:
        row = shown(page)
        draw(page, card(page).locator("[data-drawing]"))
        press(page, "2", ".", "1", "Shift+ArrowRight", "ArrowDown", "ArrowDown")
        expect(page.locator("[data-part=marks] li")).to_have_text(["1 dog", "2 cat"])
        fill = "one => getComputedStyle(one).fill"
        assert page.locator(".drawing rect:not(.now)").first.evaluate(fill) == "none", (
            "a box hides nothing of its picture"
        )
        looker.look("label-boxes-drawn")
        press(page, "Enter")
        dog, cat = there.saved(page, row)
        assert (dog["label"], cat["label"]) == ("dog", "cat")
        assert dog["box"] == pytest.approx([10, 5, 20, 10], abs=1.5)
        assert cat["box"] == pytest.approx([15, 8.3, 10.4, 5], abs=0.1)
        press(page, "ArrowLeft", " ", " ", "Backspace", "Enter")
        page.wait_for_timeout(200)
        assert [one["label"] for one in there.saved(page, row)] == ["dog"]
        expect(page.locator(".drawing rect.suggested")).to_have_count(1)
        expect(page.locator("[data-part=bymodel]")).to_contain_text("Suggested by Quick one")
        looker.look("label-boxes-suggested")
        press(page, "Enter")
        assert there.saved(page, 14) == suggested
        expect(page.locator("[data-part=bymodel]")).to_be_hidden()

    assert there.run("boxes", steps) == []


ADA = {"start": 0, "end": 2, "label": "person"}


def guest_address(it: Labelled) -> str:
    link = guests.create(it.prototype, it.user, "Kim", 14, 100, unmasked=True)
    return reverse("guest_label", args=[link.token])


def said_by_guests(there: Answering, page: Page, count: int) -> list[Any]:
    """What they said, once there is so much of it; another row is shown then."""
    for _turn in range(100):
        values = there.ask(lambda: list(Decision.objects.order_by("decided_at").values_list("value", flat=True)))
        if len(values) == count:
            return [json.loads(value) for value in values]
        page.wait_for_timeout(50)
    raise AssertionError(page.content())


def test_a_guest_marks_passages_with_one_hand(passages: Labelled) -> None:  # noqa: F811
    there = Answering(passages)

    def steps(page: Page, looker: Looker) -> None:
        page.set_viewport_size({"width": 360, "height": 740})
        choices, news = page.locator("[data-part=labels] button"), page.locator("[data-part=news]")
        choices.first.click()
        expect(news).to_have_text("Choose the first and the last word, then the label.")
        for word in ("0", "1"):
            page.locator(f"[data-token='{word}']").click()
        choices.first.click()
        page.locator("[data-token='4']").click()
        choices.last.click()
        expect(page.locator("[data-part=marks] li")).to_have_count(2)
        looker.look("guest-passages-marked")
        page.set_viewport_size({"width": 360, "height": 740})
        row = shown(page)
        page.get_by_role("button", name="Save 2").click()
        assert said_by_guests(there, page, 1) == [["B-person", "I-person", "O", "O", "B-place"]]
        expect(page.locator(f"[data-row='{row}']")).to_have_count(0)
        page.get_by_role("button", name="Save").click()
        assert said_by_guests(there, page, 2)[1] == ["O"] * 5

    assert there.run("guest-passages", steps, guest_address(passages)) == []


def test_a_guest_draws_boxes_with_one_hand(boxes: Labelled) -> None:  # noqa: F811
    there = Answering(boxes)

    def steps(page: Page, looker: Looker) -> None:
        page.set_viewport_size({"width": 360, "height": 740})
        draw(page, page.locator("[data-drawing]"))
        page.locator("[data-part=labels] button").last.click()
        looker.look("guest-boxes-drawn")
        page.set_viewport_size({"width": 360, "height": 740})
        page.get_by_role("button", name="Save 1").click()
        ((drawn,),) = said_by_guests(there, page, 1)
        assert (drawn["label"], drawn["box"]) == ("dog", pytest.approx([10, 5, 20, 10], abs=1.5))

    assert there.run("guest-boxes", steps, guest_address(boxes)) == []


def test_disputed_passages_are_kept_or_changed(passages: Labelled) -> None:  # noqa: F811
    there = Answering(disputed(passages, 25, [ADA], [ADA | {"end": 1}]))

    def steps(page: Page, looker: Looker) -> None:
        expect(page.locator(".token.suggested")).to_have_count(1)
        expect(card(page)).to_contain_text("perhaps")
        page.get_by_role("button", name="Keep").click()
        expect(page.locator("[data-part=empty]")).to_be_visible()
        page.wait_for_load_state("networkidle")
        looked_at = Decision.objects.filter(made=None)
        before = json.dumps(["B-person", "I-person", "O", "O", "O"])
        assert there.ask(lambda: looked_at.get().value) == before
        press(page, "ArrowLeft")
        expect(page.locator(".token.m1")).to_have_count(1)
        looker.look("label-passages-disputed")
        press(page, "Enter")
        expect(page.locator("[data-part=empty]")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert there.ask(lambda: looked_at.get().value) == json.dumps(["B-person", "O", "O", "O", "O"])

    label = reverse("label", args=[passages.prototype.pk])
    assert there.run("disputed-passages", steps, f"{label}?order=disputed") == []
