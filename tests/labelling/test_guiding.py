"""Suggestions and the order of asking, from the first label on: worked out by the trainer in the background."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.labelling.rows import guide, made_from, read
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset
from webapp.labelling import actions, guiding
from webapp.labelling.models import Decision, Guide
from webapp.labelling.queue import items, suggestions_file
from webapp.prototypes.actions import create_prototype

TOPICS = {"card": "my card was lost", "refund": "give my money back", "rate": "the exchange rate today"}
ROWS = 240


def topic_of(row: int) -> str:
    """Of a row from 1."""
    return list(TOPICS)[row % len(TOPICS)]


@pytest.fixture
def dataset(user: User, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Three topics, no row with a label but the first twelve."""
    monkeypatch.setenv("MAQUETTE_MODELS_DIR", "")
    lines = [f"{TOPICS[topic_of(row)]} {row},{topic_of(row) if row <= 12 else ''}" for row in range(1, ROWS + 1)]
    return made_from("\n".join(["text,label", *lines]).encode(), user, workspace, tmp_path)


def decide(dataset: Dataset, user: User, rows: list[int]) -> None:
    version = actions.current_version(dataset)
    actions.decide(version, user, [actions.Entry(row, topic_of(row)) for row in rows])


def test_it_is_worked_out_when_first_asked_and_after_every_ten_labels(dataset: Dataset, user: User) -> None:
    version = actions.current_version(dataset)
    assert Guide.objects.get(dataset=dataset).due
    first = guide(dataset)
    assert (first.due, first.decisions, first.result["labels"]) == (False, 0, 12)
    decide(dataset, user, list(range(20, 29)))
    actions.current_version(dataset)
    assert not Guide.objects.get(dataset=dataset).due, "nine are not ten"
    decide(dataset, user, [29])
    actions.current_version(dataset)
    second = guide(dataset)
    assert (second.decisions, second.result["labels"]) == (10, 22)
    assert next(row.row for row in items(version, "mixed", 50)) not in range(20, 30)


def test_what_is_suggested_is_right_and_comes_in_the_order_worked_out(
    dataset: Dataset, api_of: Callable[[User], Client], user: User
) -> None:
    actions.current_version(dataset)
    guide(dataset)
    asked = api_of(user).get(f"/api/v1/datasets/{dataset.pk}/queue?count=10").json()["items"]
    assert all(item["suggestion"]["label"] == topic_of(item["row"]) for item in asked)
    assert all(0 < item["suggestion"]["score"] <= 1 for item in asked)
    assert sorted(item["reason"] for item in asked).count("test") == 1
    assert sorted(item["reason"] for item in asked).count("random") == 2
    row = asked[0]["row"]
    like_it = api_of(user).get(f"/api/v1/datasets/{dataset.pk}/alike?row={row}").json()["items"]
    assert {topic_of(one["row"]) for one in like_it} == {topic_of(row)}
    in_order = api_of(user).get(f"/api/v1/datasets/{dataset.pk}/queue?count=3&order=file").json()["items"]
    assert [(item["row"], item["suggestion"]["label"]) for item in in_order] == [
        (row, topic_of(row)) for row in (13, 14, 15)
    ]


def test_page_and_api_say_how_good_it_is_and_the_page_offers_the_suggestion(
    dataset: Dataset, user: User, client_of: Callable[[User], Client], api_of: Callable[[User], Client]
) -> None:
    prototype, browser = create_prototype(dataset, user), client_of(user)
    address = reverse("label", args=[prototype.pk])
    assert "Suggestions are being prepared" in browser.get(address).content.decode()
    for end in (100, 200):
        decide(dataset, user, [row for row in range(13, end) if not Decision.objects.filter(row=row).exists()])
        actions.current_version(dataset)
        guide(dataset)
    page = browser.get(address).content.decode()
    assert 'data-key="Enter"' in page
    assert "It is trained again after every ten labels." in page
    assert "accuracy on" in page
    assert "<figure" in page
    part = browser.get(f"{address}?progress=1").content.decode()
    assert "accuracy on" in part
    assert "<html" not in part
    told = api_of(user).get(f"/api/v1/datasets/{dataset.pk}/labelling").json()
    assert told["score"]["name"] == "accuracy"
    assert told["score"]["low"] < told["score"]["value"] <= told["score"]["high"]
    assert [point["labels"] for point in told["history"]] == [99, 199]
    assert (told["thin"], told["learned_from"], told["at_work"]) == ([], 199, False)


def test_a_search_asks_about_rows_with_the_words_but_the_reserved(dataset: Dataset, user: User) -> None:
    version = actions.current_version(dataset)
    every = {item.row for item in items(version, "mixed", 50, search="EXCHANGE rate")}
    assert {topic_of(row) for row in every} == {"rate"}
    guide(dataset)
    found = [item.row for item in items(version, "mixed", 50, search="exchange rate")]
    assert found == sorted(found)
    later = {item.row for item in items(version, "mixed", 50, tuple(found), search="exchange rate")}
    assert len({*found, *later}) < ROWS / 3 - 4, "those for the test are left out"
    suggestions_file(version).unlink()
    assert items(version, "mixed", 5)[0].suggestion is None
    actions.current_version(dataset)
    assert Guide.objects.get(dataset=dataset).due, "what a cache had no room for is worked out anew"


def test_a_new_version_has_suggestions_of_its_own(dataset: Dataset, user: User) -> None:
    decide(dataset, user, [20, 21, 22])
    version = actions.current_version(dataset)
    guide(dataset)
    actions.done(version, user)
    read(dataset)
    later = actions.current_version(dataset)
    assert items(later, "mixed", 5)[0].suggestion is None
    assert guide(dataset).result["labels"] == 15
    assert items(later, "mixed", 5)[0].suggestion is not None
    assert suggestions_file(version).exists()


def test_one_that_breaks_says_so_and_is_not_begun_again_for_the_same(
    dataset: Dataset, user: User, client_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = actions.current_version(dataset)
    monkeypatch.setattr(guiding, "request_of", lambda *_: {"version": 3})
    row = Guide.objects.get(dataset=dataset)
    guiding.Guiding.handle(row.pk)
    row.refresh_from_db()
    assert (row.due, row.error["code"]) == (False, "bad_spec")
    actions.current_version(dataset)
    assert not Guide.objects.get(dataset=dataset).due
    prototype = create_prototype(dataset, user)
    assert client_of(user).get(reverse("label", args=[prototype.pk])).status_code == 200
    assert items(version, "mixed", 5), "rows are asked about at random"


def test_its_point_on_the_curve_replaces_what_was_taken_back() -> None:
    score: dict[str, Any] = {"value": 0.5, "low": 0.4, "high": 0.6, "rows": 9, "name": "accuracy"}
    history = [{"labels": n, "value": 0.1, "low": 0.0, "high": 0.2} for n in (10, 20, 30)]
    made = guiding.with_point(history, {"labels": 20, "score": score})
    assert [point["labels"] for point in made] == [10, 20]
    assert made[-1]["value"] == 0.5
    assert json.dumps(made)
