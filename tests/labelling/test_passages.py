"""Passages of a text: the words from a first to a last one, written as the tags of their column."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.labelling.finished import check_suggestions, finds_words
from tests.labelling.kinds import Labelled, labelled
from trainer.personal_data import masked_words
from trainer.tagging.schemes import Scheme, read_tags, scheme_of, write_tags
from webapp.accounts.models import User, Workspace
from webapp.answers.classes import OneLabel
from webapp.answers.labelled import Row
from webapp.answers.spans import Passages
from webapp.core.problems import Problem
from webapp.labelling import guests
from webapp.labelling.agreement import agreement_of, alpha_of
from webapp.labelling.models import Decision

ClientOf = Callable[[User], Client]
ROWS = 24
TAGGED = ["B-person", "I-person", "O", "O", "B-place"]


def line(number: int, tags: list[str] | None) -> str:
    tokens = ["Ada", f"Nr{number}", "lives", "in", "Paris"]
    cells = [json.dumps(cell) if cell else "" for cell in (tokens, tags)]
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


@pytest.fixture
def it(user: User, workspace: Workspace, client_of: ClientOf, api_of: ClientOf, tmp_path: Path) -> Labelled:
    lines = [*(line(row, TAGGED) for row in range(ROWS)), *(line(row, None) for row in range(ROWS, ROWS + 3))]
    content = "\n".join(["tokens,tags", *lines]).encode()
    made = labelled(content, user, workspace, tmp_path, client_of(user), api_of(user))
    assert made.version.suggestion["task"] == "token-classification"
    return made


def span(start: object, end: object, label: object = "person") -> dict[str, object]:
    return {"start": start, "end": end, "label": label}


def test_the_page_shows_words_to_choose(it: Labelled) -> None:
    page = it.page()
    assert 'data-token="4">Paris</button>' in page
    assert '<button class="btn" type="button" value="person" data-key="1">' in page
    assert "js/label-spans.js" in page


def test_passages_become_tags_and_undo_gives_the_old_version(it: Labelled) -> None:
    it.decide(25, value=json.dumps([span(4, 5, "place"), span(0, 2)]))
    it.send([{"row": 26, "value": []}])
    assert [it.undo()["value"] for _ in range(2)] == [[], [span(0, 2), span(4, 5, "place")]]
    assert it.done().sha256 == it.version.sha256
    it.decide(25, value=json.dumps([span(0, 2), span(2, 4, "where"), span(4, 5, "where")]))
    it.decide(26)
    made = it.done()
    where = ["B-where", "I-where", "B-where"]
    assert it.cells(made, "tags")[24:] == [json.dumps(["B-person", "I-person", *where]), json.dumps(["O"] * 5), ""]
    assert made.split["pool"] == 1


def test_a_finished_run_suggests_passages_by_words(it: Labelled) -> None:
    """“lives in” of “Ada Nr24 lives in Paris”."""
    finds_words(it, "l", "place")
    assert check_suggestions(it, [span(0, 2)]) == [span(2, 4, "place")]


def test_rows_of_words_and_tags_join(it: Labelled) -> None:
    tokens = ["Bea", "lives", "in", "Rome"]
    rows = [{"tokens": tokens, "tags": ["B-name", "O", "O", "B-place"]}, {"tokens": [*tokens, "now"]}]
    cells, parts, _told = it.append(rows, "tags")
    assert json.loads(cells[0] or "") == ["B-name", "O", "O", "B-place"]
    assert (cells[1], parts) == (None, ["train", "pool"])


def test_two_people_and_a_newer_version_lose_nothing(it: Labelled, workspace: Workspace, api_of: ClientOf) -> None:
    it.check_shared(
        it.by(workspace, api_of), 25, [span(0, 2)], [], "tags", json.dumps(["B-person", "I-person", "O", "O", "O"])
    )


@pytest.mark.parametrize(
    "value",
    [
        "person",
        5,
        ["person"],
        [span(0, 6)],
        [span(-1, 2)],
        [span(2, 2)],
        [span(0, 10**30)],
        [span("0", 2)],
        [span(0, True)],
        [span(0, 2, "")],
        [span(0, 2, "x" * 10_000)],
        [span(0, 2, 7)],
        [span(0, 2), span(1, 3)],
        [span(0, 2) | {"text": "Ada"}],
        [{"label": "person"}],
        "[" * 10_000,
    ],
)
def test_what_is_no_passage_of_the_text_is_told(value: Any, it: Labelled) -> None:
    problem = it.send([{"row": 25, "value": value}], 422)
    assert problem["code"] in ("bad_label", "invalid")
    assert problem["hint"]
    assert not Decision.objects.exists()


PASSAGES = [(0, 1, "a"), (1, 3, "a"), (4, 7, "b")]


@pytest.mark.parametrize("scheme", ["IOB1", "IOB2", "BIOES", "BMES"])
def test_tags_are_written_as_they_are_read(scheme: Scheme) -> None:
    tags = write_tags(PASSAGES, 8, scheme)
    assert read_tags(tags, scheme) == (PASSAGES, 0)
    assert scheme in ("IOB1", scheme_of([tags]))


def test_tags_that_are_names_alone_are_told_apart_by_what_is_between() -> None:
    tags = write_tags(PASSAGES[1:], 8, "plain")
    assert tags == ["O", "a", "a", "O", "b", "b", "b", "O"]
    assert read_tags(tags, "plain").passages == PASSAGES[1:]


def test_passages_that_such_tags_would_join_are_refused() -> None:
    row = Row({"tokens": '["a", "b", "c"]'}, cells=lambda: ('["name", "O"]',))
    assert Passages().cell([span(0, 1, "name"), span(1, 3, "place")], row) == '["name", "place", "place"]'
    for wrong in ([span(0, 1, "name"), span(1, 3, "name")], [span(0, 1, "O")]):
        with pytest.raises(Problem) as told:
            Passages().cell(wrong, row)
        assert told.value.code == "bad_label"


def test_guests_mark_passages_of_masked_words_and_how_far_they_agree_is_said(it: Labelled, user: User) -> None:
    link = guests.create(it.prototype, user, "Kim", 14, 100)
    address, browser = reverse("guest_label", args=[link.token]), Client()
    page = browser.get(address).content.decode()
    assert 'data-token="4">Paris</button>' in page
    assert all(script in page for script in ("js/label-spans.js", "js/label-guest.js"))
    sent = {"version": it.version.pk, "row": 25}
    for wrong, told in (
        ([span(4, 9)], "is not in the text"),
        ([span(0, 1, "never heard of")], "Choose a label."),
        ([span(0, 2), span(1, 3)], "overlap"),
    ):
        answer = browser.post(address, sent | {"value": json.dumps(wrong)})
        assert (answer.status_code, Decision.objects.count()) == (422, 0)
        assert told in answer.content.decode()
    assert browser.post(address, sent | {"value": json.dumps([span(0, 2)])}).status_code == 302
    made = Decision.objects.get()
    assert (made.value, made.guest) == (json.dumps(["B-person", "I-person", "O", "O", "O"]), link)
    it.send([{"row": 26, "value": [span(0, 2), span(4, 5, "place")]}])
    browser.post(address, sent | {"row": 26, "value": json.dumps([span(0, 1)])})
    assert len(guests.units_of(it.prototype)) == 1
    guests.revoke(link, user)
    assert browser.post(address, sent | {"row": 27, "value": "[]"}).status_code == 410
    assert it.done().note == "2 rows labelled"


def test_words_are_masked_in_their_places() -> None:
    words = ["Write", "to", "ada@example.org", "or", "+49", "30", "901820", "."]
    shown = masked_words(words)
    assert [word for word in shown if word in words] == ["Write", "to", "or", "."]
    assert shown[2] == "⟨email⟩"
    assert (len(shown), len(set(shown[4:7]))) == (8, 1)
    assert masked_words(["nothing", "", "here"]) == ["nothing", "", "here"]


def test_passages_agree_word_by_word() -> None:
    kind = Passages()
    person, longer, place, none = (
        kind.compared(json.dumps(tags))
        for tags in (["B-person", "O", "O"], ["B-person", "I-person", "O"], ["S-place", "O", "O"], ["O", "O", "O"])
    )
    assert kind.parts(longer) == ["person", "person", ""]
    assert [kind.alike(person, other) for other in (person, longer, none)] == [(2, 2), (0, 2), (0, 1)]
    said = [kind.against(person, other) for other in (person, longer, place, none)]
    assert said == [[], [("person", "person with other bounds")], [("person", "place")], [("person", "not person")]]
    assert kind.against(none, person) == [("person", "not person")]
    found = agreement_of([[person, person]] * 9 + [[person, place]] * 3 + [[none, none]] * 4, kind)
    assert found is not None
    assert (found.pair, found.times, found.rows) == (("person", "place"), 3, 16)
    words = [["p", "p"]] * 9 + [["p", "q"]] * 3 + [["", ""]] * (4 + 32)
    assert found.alpha == pytest.approx(alpha_of(words, OneLabel().apart))
    assert found.likeness is not None
    assert (found.likeness.name, found.likeness.value) == ("exact_f1", pytest.approx(18 / 24))
    nothing = agreement_of([[none, none]] * 10, kind)
    assert nothing is not None
    assert (nothing.alpha, nothing.likeness and nothing.likeness.value) == (1, 1)


@pytest.mark.parametrize(
    ("words", "masked"),
    [
        (["Ask", "john", ".", "doe", "@", "example", ".", "com"], ["Ask", *["⟨email⟩"] * 7]),
        (["john.doe", "@", "example.com", "", "here"], [*["⟨email⟩"] * 3, "", "here"]),
        (["to", "john", "+", "tag", "@", "example", ".", "com"], ["to", *["⟨email⟩"] * 7]),
        (["Call", "+", "49", "(", "0", ")", "89", "1234567"], ["Call", *["⟨phone⟩"] * 7]),
        (["card", "4111", "-", "1111", "-", "1111", "-", "1111"], ["card", *["⟨card⟩"] * 7]),
        (["Good.", "Write", "to", "a@example.com", "."], ["Good.", "Write", "to", "⟨email⟩", "."]),
        (["In", "1914", "-", "1918", ".", "It", "cost", "3", ".", "50"], None),
    ],
)
def test_what_is_parted_at_its_signs_is_masked(words: list[str], masked: list[str] | None) -> None:
    assert masked_words(words) == (masked or words)
