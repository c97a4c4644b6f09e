"""Feedback of a demo becomes rows of the next version: edited, masked, never tested on; by the page and by REST."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from tests.labelling.rows import csv, made_from, read
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset
from webapp.endpoints.models import Endpoint, Feedback
from webapp.prototypes.actions import create_prototype

LABELLED = 60


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.MAQUETTE_DATA = tmp_path


@pytest.fixture
def dataset(user: User, workspace: Workspace, tmp_path: Path) -> Dataset:
    return made_from(csv(LABELLED, 0), user, workspace, tmp_path)


@pytest.fixture
def endpoint(dataset: Dataset, user: User, workspace: Workspace) -> Endpoint:
    made: Endpoint = Endpoint.objects.create(
        workspace=workspace, prototype=create_prototype(dataset, user), name="Demo", slug="demo-of-rows"
    )
    return made


def judged(endpoint: Endpoint, text: str, label: str, should: str = "") -> str:
    verdict = Feedback.DOWN if should else Feedback.UP
    made = Feedback.objects.create(
        workspace=endpoint.workspace,
        endpoint=endpoint,
        input=text,
        output={"label": label, "score": 0.9},
        verdict=verdict,
        should_have_been=should,
    )
    return str(made.pk)


def rows_of(dataset: Dataset) -> list[tuple[Any, ...]]:
    """(text, label, part) of the rows that were added."""
    version = read(dataset)
    table = pq.read_table(version.folder / "data.parquet").to_pydict()
    parts = pq.read_table(version.folder / "split.parquet").column("split").to_pylist()
    return list(zip(table["text"], table["label"], parts, strict=True))[LABELLED:]


def test_by_rest_rows_are_learned_from_or_join_the_pool(
    endpoint: Endpoint, dataset: Dataset, user: User, api_of: Callable[[User], Client]
) -> None:
    api, address = api_of(user), f"/api/v1/endpoints/{endpoint.slug}/feedback"
    right = judged(endpoint, "write to ada@example.org please", "good")
    wrong = judged(endpoint, "never again", "good", "bad")
    other = judged(endpoint, "asdf", "good")
    assert {one["id"] for one in api.get(f"{address}?new=true").json()["items"]} == {right, wrong, other}
    items = [{"id": right}, {"id": wrong, "label": "bad", "text": "never ever again"}]
    answer = api.post(f"{address}/rows", json.dumps({"items": items}), content_type="application/json")
    assert (answer.status_code, answer.json()) == (202, {"version": 2, "status": "processing"})
    dismissed = api.post(f"{address}/dismiss", json.dumps({"ids": [other]}), content_type="application/json")
    assert dismissed.json() == {"dismissed": 1}
    assert api.get(f"{address}?new=true").json()["items"] == []
    assert rows_of(dataset) == [("write to ⟨email⟩ please", None, "pool"), ("never ever again", "bad", "train")]
    again = api.post(f"{address}/rows", json.dumps({"items": items}), content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "decided_meanwhile")
    assert Feedback.objects.get(pk=wrong).version_made == dataset.latest


@pytest.mark.parametrize(
    ("items", "status", "code"),
    [
        ([], 422, "none_chosen"),
        ([{"id": "nothing"}], 422, "not_found"),
        ([{"id": "REAL", "text": " "}], 422, "bad_row"),
        ([{"id": "REAL", "label": "x" * 201}], 422, "bad_label"),
    ],
)
def test_what_cannot_be_a_row_is_refused(
    items: Any, status: int, code: str, endpoint: Endpoint, user: User, api_of: Callable[[User], Client]
) -> None:
    pk = judged(endpoint, "text", "good")
    items = [item | {"id": pk if item["id"] == "REAL" else item["id"]} for item in items]
    address = f"/api/v1/endpoints/{endpoint.slug}/feedback/rows"
    answer = api_of(user).post(address, json.dumps({"items": items}), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert Feedback.objects.get().settled_at is None


def test_the_page_masks_suggests_and_takes(
    endpoint: Endpoint, dataset: Dataset, user: User, client_of: Callable[[User], Client]
) -> None:
    browser, address = client_of(user), reverse("feedback_inbox", args=[endpoint.pk])
    pk = judged(endpoint, "ask ada@example.org", "good", "bad")
    page = browser.get(address).content.decode()
    assert "⟨email⟩" in page
    assert "ada@example.org" not in page
    assert 'value="bad"' in page
    refused = browser.post(address, {})
    assert "Choose at least one." in refused.content.decode()
    sent = {"chosen": pk, f"text-{pk}": "ask somebody", f"label-{pk}": "bad"}
    answer = browser.post(address, sent)
    assert (answer.status_code, answer["Location"]) == (302, reverse("data", args=[endpoint.prototype_id]))
    assert rows_of(dataset) == [("ask somebody", "bad", "train")]
    assert "Nothing new." in browser.get(address).content.decode()


def test_what_is_dismissed_is_gone_from_the_page(
    endpoint: Endpoint, user: User, client_of: Callable[[User], Client]
) -> None:
    browser, address = client_of(user), reverse("feedback_inbox", args=[endpoint.pk])
    pk = judged(endpoint, "nonsense", "good", "bad")
    assert "nonsense" in browser.get(f"{address}?verdict=down").content.decode()
    assert "nonsense" not in browser.get(f"{address}?verdict=up").content.decode()
    page = browser.post(address, {"chosen": pk, "action": "dismiss"}, follow=True).content.decode()
    assert "1 dismissed." in page
    assert "Nothing new." in page


def test_of_other_tasks_it_says_so(
    endpoint: Endpoint, dataset: Dataset, user: User, client_of: Callable[[User], Client]
) -> None:
    judged(endpoint, "text", "good")
    version = dataset.versions.get()
    version.profile["suggestion"] = {"task": "text-regression", "columns": {"text": "text", "value": "label"}}
    version.save()
    page = client_of(user).get(reverse("feedback_inbox", args=[endpoint.pk])).content.decode()
    assert "Only judgements of a classification of texts or tables" in page


def test_what_the_model_was_unsure_of_is_asked_about(
    endpoint: Endpoint,
    dataset: Dataset,
    user: User,
    client_of: Callable[[User], Client],
    api_of: Callable[[User], Client],
) -> None:
    web, prototype = client_of(user), endpoint.prototype
    for text, score, should in (
        ("sure and right", 0.95, ""),
        ("half sure, ask ada@example.org", 0.6, ""),
        ("sure and wrong", 0.97, "bad"),
        ("a toss of a coin", 0.51, ""),
    ):
        Feedback.objects.filter(pk=judged(endpoint, text, "good", should)).update(
            output={"label": "good", "score": score}
        )
    inbox = web.get(reverse("feedback_inbox", args=[endpoint.pk]))
    assert "3 ratings join the pool" in inbox.content.decode()
    web.post(reverse("bring_in_unsure", args=[endpoint.pk]))
    assert [row[1:] for row in rows_of(dataset)] == [(None, "pool")] * 3
    queue = api_of(user).get(f"/api/v1/datasets/{dataset.pk}/queue?order=unsure").json()["items"]
    assert queue[0]["text"] == "a toss of a coin"
    assert queue[1]["text"].startswith("half sure, ask ")
    assert "ada@example.org" not in queue[1]["text"]
    assert (queue[2]["text"], queue[2]["suggestion"]) == (
        "sure and wrong",
        {"label": "bad", "score": None, "value": "bad"},
    )
    page = web.get(reverse("label", args=[prototype.pk]) + "?order=unsure").content.decode()
    assert "a toss of a coin" in page
    version = dataset.current
    assert version is not None
    web.post(reverse("label", args=[prototype.pk]), {"version": version.pk, "row": queue[0]["row"], "value": "bad"})
    left = api_of(user).get(f"/api/v1/datasets/{dataset.pk}/queue?order=unsure").json()["items"]
    assert [item["row"] for item in left] == [item["row"] for item in queue[1:]]
    again = web.post(reverse("bring_in_unsure", args=[endpoint.pk]))
    assert again.status_code == 409
