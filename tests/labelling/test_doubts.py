"""Labels that may be wrong are looked at again, both labels shown: kept or changed, in the next version, and trained on from there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from tests.labelling.rows import made_from, read
from webapp.accounts.models import User, Workspace
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.labelling import actions
from webapp.labelling.models import Decision
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.models import Prototype
from webapp.runs.models import Retraining, Run

ApiOf = Callable[[User], Client]
JSON = {"Accept": "application/json"}
WORDS = {
    "card": "my card was not accepted by the machine at the shop",
    "refund": "please send the money for this order back to my account",
}
PLANTED = (5, 52, 90)
"""Rows, from 1, with the label of the other kind."""
OTHER = {"card": "refund", "refund": "card"}


def truth_of(row: int) -> str:
    return ("card", "refund")[row % 2]


def csv_of(rows: int) -> bytes:
    lines = ["text,label"]
    for row in range(1, rows + 1):
        label = OTHER[truth_of(row)] if row in PLANTED else truth_of(row)
        lines.append(f"{WORDS[truth_of(row)]} number {row},{label}")
    return "\n".join(lines).encode()


@pytest.fixture
def planted(user: User, workspace: Workspace, tmp_path: Path) -> Dataset:
    return made_from(csv_of(120), user, workspace, tmp_path)


@pytest.fixture
def prototype(user: User, planted: Dataset) -> Prototype:
    return create_prototype(planted, user)


@pytest.fixture
def api(user: User, api_of: ApiOf) -> Client:
    return api_of(user)


def post(api: Client, path: str, body: Any = None) -> Any:
    return api.post(f"/api/v1/datasets/{path}", data=json.dumps(body or {}), content_type="application/json")


def queue(api: Client, dataset: Dataset, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.get(f"/api/v1/datasets/{dataset.pk}/queue", query).json()["items"]
    return items


def labels_in(version: DatasetVersion) -> list[str]:
    labels: list[str] = pq.read_table(version.folder / "data.parquet").column("label").to_pylist()
    return labels


def parts_in(version: DatasetVersion) -> list[str]:
    parts: list[str] = pq.read_table(version.folder / "split.parquet").column("split").to_pylist()
    return parts


def test_suspects_are_kept_or_changed_and_not_asked_about_again(planted: Dataset, api: Client) -> None:
    before = planted.current
    assert before is not None
    asked = {item["row"]: item for item in queue(api, planted, order="suspects")}
    assert set(asked) == set(PLANTED)
    assert {row: (item["label"], item["suggestion"]["label"]) for row, item in asked.items()} == {
        row: (OTHER[truth_of(row)], truth_of(row)) for row in PLANTED
    }
    changed, kept, left = PLANTED
    labels = [
        {"row": changed, "value": truth_of(changed), "before": asked[changed]["label"]},
        {"row": kept, "value": asked[kept]["label"], "before": asked[kept]["label"]},
    ]
    assert post(api, f"{planted.pk}/labels", {"labels": labels}).json() == {"saved": 2, "refused": []}
    assert [item["row"] for item in queue(api, planted, order="suspects")] == [left]
    told = api.get(f"/api/v1/datasets/{planted.pk}/labelling").json()
    assert (told["labelled"], told["pending"]) == (120, 2)
    post(api, f"{planted.pk}/labels/done")
    after = read(planted)
    assert after.note == "1 label changed, 1 label kept"
    assert labels_in(after)[changed - 1] == truth_of(changed)
    assert labels_in(after)[kept - 1] == asked[kept]["label"]
    assert parts_in(after) == parts_in(before)
    assert [item["row"] for item in queue(api, planted, order="suspects")] == [left]
    sources = {row["row"]: row["source"] for row in pq.read_table(after.folder / "label_sources.parquet").to_pylist()}
    assert sources == {changed: "person", kept: "file"}


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"value": "card", "before": "neither"}, "not_in_pool"),
        ({"value": "card"}, "not_in_pool"),
        ({"value": None, "left_out": True, "before": "refund"}, "bad_label"),
    ],
)
def test_what_is_said_of_another_label_is_refused(entry: Any, code: str, planted: Dataset, api: Client) -> None:
    answer = post(api, f"{planted.pk}/labels", {"labels": [{"row": 1, **entry}]})
    assert answer.json()["code"] == code
    assert not Decision.objects.exists()


def test_what_was_looked_at_goes_on_to_the_same_row_of_a_newer_version(planted: Dataset, api: Client) -> None:
    row = PLANTED[1]
    had = OTHER[truth_of(row)]
    post(api, f"{planted.pk}/labels", {"labels": [{"row": row, "value": truth_of(row), "before": had}]})
    api.post(
        f"/api/v1/datasets/{planted.pk}/versions",
        data=json.dumps({"changes": {"drop": [1]}}),
        content_type="application/json",
    )
    made = actions.current_version(planted) and read(planted)
    actions.current_version(Dataset.objects.get(pk=planted.pk))
    moved = Decision.objects.get()
    assert (moved.version, moved.row) == (made, row - 1)


def test_the_page_shows_both_labels_and_takes_keep_or_change(
    prototype: Prototype, user: User, client_of: Callable[[User], Client]
) -> None:
    browser, address = client_of(user), reverse("label", args=[prototype.pk])
    page = browser.get(f"{address}?order=suspects").content.decode()
    assert 'data-part="keep"' in page
    assert "has the label <b>" in page
    row = int(page.partition('data-row="')[2].partition('"')[0])
    version = prototype.dataset.current
    assert version is not None
    had = OTHER[truth_of(row)]
    sent = {"version": version.pk, "row": row, "before": had, "value": had, "order": "suspects"}
    assert browser.post(address, sent)["Location"] == f"{address}?order=suspects"
    assert Decision.objects.get().value == had
    assert "Labels that look wrong" in browser.get(address).content.decode()


def run_of(prototype: Prototype) -> Run:
    """A run that answered three test rows otherwise than the data says."""
    made = things.run(prototype, params={"epochs": 3})
    made.artifact.mkdir(parents=True)
    mistakes = [
        {"row": row, "text": "x", "truth": OTHER[truth_of(row)], "predicted": truth_of(row), "score": 0.9}
        for row in PLANTED
    ]
    (made.artifact / "report.json").write_text(json.dumps({"mistakes": mistakes}))
    return made


def test_a_runs_mistakes_are_looked_at_in_a_later_version_too(prototype: Prototype, api: Client) -> None:
    run, dataset = run_of(prototype), prototype.dataset
    assert [item["row"] for item in queue(api, dataset, order="mistakes", about=run.pk)] == list(PLANTED)
    api.post(
        f"/api/v1/datasets/{dataset.pk}/versions",
        data=json.dumps({"changes": {"drop": [1, PLANTED[2]]}}),
        content_type="application/json",
    )
    read(dataset)
    asked = queue(api, dataset, order="mistakes", about=run.pk)
    assert [(item["row"], item["suggestion"]["score"]) for item in asked] == [(4, 0.9), (51, 0.9)]
    assert queue(api, dataset, order="mistakes", about="nobody") == []


def test_done_and_train_starts_a_run_like_the_one_before_once_the_version_is_read(
    prototype: Prototype, user: User, client_of: Callable[[User], Client], django_capture_on_commit_callbacks: Any
) -> None:
    browser = client_of(user)
    address = reverse("finish_and_train", args=[prototype.pk])
    refused = browser.post(address, follow=True)
    assert "No run has ended well yet." in refused.content.decode()
    run = run_of(prototype)
    assert "Done and train" in browser.get(reverse("label", args=[prototype.pk])).content.decode()
    assert "Nothing was labelled" in browser.post(address, follow=True).content.decode()
    version = prototype.dataset.current
    assert version is not None
    row = PLANTED[0]
    actions.decide(version, user, [actions.Entry(row, truth_of(row), before=OTHER[truth_of(row)])])
    assert browser.post(address, {"like": run.pk})["Location"] == reverse("data", args=[prototype.pk])
    wish = Retraining.objects.get()
    assert (wish.base, wish.settings, wish.version.number) == (run, run.recipe, 2)
    with django_capture_on_commit_callbacks(execute=True):
        read(prototype.dataset)
    made = Run.objects.get(number=2)
    assert (made.version.number, made.params, made.model) == (2, run.params, run.model)
