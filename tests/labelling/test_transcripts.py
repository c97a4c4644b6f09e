"""Recordings that get what is said in them."""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rapidfuzz.distance import Levenshtein

from tests.labelling.finished import check_suggestions, hears
from tests.labelling.kinds import Labelled, of_dataset
from tests.labelling.rows import as_dataset
from tests.trainer.data_files import sound, zipped
from trainer.data.inspect import inspect
from webapp.accounts.models import User, Workspace
from webapp.answers.likeness import edit_distance, sum_of_distances
from webapp.answers.text import Transcript
from webapp.labelling import guests
from webapp.labelling.agreement import agreement_of
from webapp.labelling.models import Decision

ClientOf = Callable[[User], Client]
ROWS = 12


@pytest.fixture
def it(user: User, workspace: Workspace, client_of: ClientOf, api_of: ClientOf, tmp_path: Path) -> Labelled:
    files = {f"clips/{n}.wav": sound(n + 1) for n in range(ROWS + 3)}
    lines = [f"clips/{n}.wav,{f'this is sentence number {n} of it' if n < ROWS else ''}" for n in range(ROWS + 3)]
    files["metadata.csv"] = "\n".join(["file_name,text", *lines]).encode()
    inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "sounds")
    dataset = as_dataset(workspace, user, tmp_path / "sounds")
    shutil.copytree(tmp_path / "sounds", dataset.versions.get().folder)
    made = of_dataset(dataset, user, client_of(user), api_of(user))
    assert (made.version.suggestion["task"], made.version.split["pool"]) == ("speech-recognition", 3)
    return made


def test_what_is_said_becomes_a_version_and_undo_gives_the_old_one(it: Labelled) -> None:
    page = it.page()
    assert 'aria-label="Sound of row 13"' in page
    assert '<textarea id="answer" name="value"' in page
    it.decide(13, value=" good \n morning,  Ada ")
    assert it.ask("labelling")["advice"].endswith("37 more.")
    assert it.undo()["value"] == "good morning, Ada"
    assert it.done().sha256 == it.version.sha256
    it.decide(14, value="good evening می\u200cروم")
    made = it.done()
    assert it.cells(made, "text")[12:] == ["", "good evening می\u200cروم", ""]
    assert made.split["pool"] == 2


def test_two_people_and_a_newer_version_lose_nothing(it: Labelled, workspace: Workspace, api_of: ClientOf) -> None:
    it.check_shared(it.by(workspace, api_of), 13, "good morning", "good night", "text", "good morning")


@pytest.mark.parametrize("value", ["", " \n ", "...", "n/a", "x" * 10_000, "a\x07b", "a\u202eb", 3, ["good"], {"a": 1}])
def test_what_is_no_text_is_told(value: Any, it: Labelled) -> None:
    problem = it.send([{"row": 13, "value": value}], 422)
    assert problem["code"] in ("bad_label", "invalid")
    assert problem["hint"]
    assert not Decision.objects.exists()


def test_a_finished_run_suggests_what_is_said(it: Labelled) -> None:
    hears(it, ["g", "o", "<pad>", "o", "d", "|", "d", "a", "y"])
    assert check_suggestions(it, "good evening") == "good day"


def test_guests_type_what_is_said_and_how_far_they_agree_is_said(it: Labelled, user: User) -> None:
    link = guests.create(it.prototype, user, "Kim", 14, 100, unmasked=True)
    address, browser = reverse("guest_label", args=[link.token]), Client()
    page = browser.get(address).content.decode()
    assert f'<audio controls preload="auto" src="/guests/{link.token}/media/' in page
    assert '<textarea id="answer" name="value"' in page
    row = int(page.partition('data-row="')[2].partition('"')[0])
    sent = {"version": it.version.pk, "row": row}
    answer = browser.post(address, sent | {"value": " ?! "})
    assert (answer.status_code, Decision.objects.count()) == (422, 0)
    assert "No words were typed." in answer.content.decode()
    assert "?!" in answer.content.decode()
    assert browser.post(address, sent | {"value": "good  morning"}).status_code == 302
    assert Decision.objects.get().value == "good morning"
    other = next(one for one in (13, 14, 15) if one != row)
    it.send([{"row": other, "value": "their house"}])
    browser.post(address, sent | {"row": other, "value": "there house"})
    assert guests.units_of(it.prototype) == [["there house", "their house"]]
    guests.revoke(link, user)
    assert browser.post(address, sent | {"value": "x"}).status_code == 410
    assert it.done().note == "2 rows labelled"


def test_texts_agree_by_their_words() -> None:
    kind = Transcript()
    theirs, there, good, zh = map(kind.compared, ("Their house.", "there house", "GOOD evening", "今天好"))
    assert (good, zh) == (("good", "evening"), ("今", "天", "好"))
    assert kind.alike(theirs, there) == (1, 2)
    assert kind.against(theirs, there) == [("their", "there")]
    assert kind.against(good, (*good, "all")) == [("no word", "all")]
    found = agreement_of([[theirs, there]] * 4 + [[good, good]] * 8, kind)
    assert found is not None
    assert (found.pair, found.times, found.rows) == (("their", "there"), 4, 12)
    assert 0 < found.low <= found.alpha < found.high <= 1
    assert found.likeness is not None
    assert (found.likeness.name, found.likeness.value) == ("wer", pytest.approx(4 / 24))


def test_the_distance_of_words_is_that_of_a_kept_library() -> None:
    generator = random.Random(5)
    for _turn in range(200):
        one, other = (generator.choices("abcd", k=generator.randrange(90)) for _side in "ab")
        assert edit_distance(one, other) == Levenshtein.distance(one, other)


def test_the_mean_of_very_many_distances_is_estimated() -> None:
    numbers = Counter(range(300))
    exact = 2 * sum(abs(one - other) for one in range(300) for other in range(one))
    found = sum_of_distances(numbers, lambda one, other: abs(one - other))
    assert found == pytest.approx(exact, rel=0.05)
    assert sum_of_distances(Counter({1: 2, 4: 1}), lambda one, other: abs(one - other)) == 12


def test_long_answers_agree_within_a_moment() -> None:
    kind, generator = Transcript(), random.Random(7)
    same, mixed = kind.compared("a " * 4_000), kind.compared("a b " * 2_000)
    units = [[tuple(generator.choices("ab", k=4_000)) for _answer in "ab"] for _row in range(60)]
    begun = time.process_time()
    found = agreement_of([*units, *[[same, mixed]] * 200], kind)
    assert time.process_time() - begun < 5
    assert found is not None
    assert found.rows == 260


def test_where_long_answers_differ_is_said() -> None:
    kind = Transcript()
    before, behind = (tuple(f"{side}{n}" for n in range(500)) for side in ("x", "y"))
    assert kind.against((*before, "a", *behind), (*before, "b", *behind)) == [("a", "b")]
    assert kind.against((*before, *behind), (*before, "b", *behind)) == [("no word", "b")]
    assert len(kind.against(before, behind)) == 1
