"""Rows that get several labels each, or none of them: on the page, by REST, and the version that is made."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from tests import things
from tests.labelling.kinds import Labelled, labelled
from tests.labelling.rows import guide
from tests.trainer.test_predicted_suggestions import model
from webapp.accounts.models import User, Workspace
from webapp.labelling.models import Decision, GuestLink

ClientOf = Callable[[User], Client]
ROWS = 30
CONTENT = "\n".join(
    [
        "text,labels",
        *(f'order number {row} has come,"{labels}"' for row, labels in enumerate(['[""late"", ""lost""]', '[""late""]', "[]"] * 10)),
        *(f"question number {row} about it," for row in range(6)),
    ]
)  # fmt: skip


@pytest.fixture
def it(user: User, workspace: Workspace, client_of: ClientOf, api_of: ClientOf, tmp_path: Path) -> Labelled:
    made = labelled(CONTENT.encode(), user, workspace, tmp_path, client_of(user), api_of(user))
    assert made.version.suggestion["task"] == "multilabel-classification"
    return made


def test_the_page_toggles_the_labels_that_there_are(it: Labelled) -> None:
    page = it.page()
    assert '<input type="checkbox" name="value" value="late" data-key="1">' in page
    assert "js/label-toggles.js" in page
    assert "Answers of this kind are suggested once" in page
    assert reverse("label_rules", args=[it.prototype.pk]) not in page


def test_the_data_page_leads_to_it(it: Labelled) -> None:
    page = it.browser.get(reverse("data", args=[it.prototype.pk])).content.decode()
    assert f'<a href="/prototypes/{it.prototype.pk}/label">Label them</a>' in page


def test_labels_become_a_version_with_who_gave_them(it: Labelled, user: User) -> None:
    assert it.decide(31, value=["lost", "late"], save="1")["labelled"] == ROWS + 1
    assert Decision.objects.get(row=31).value == '["late", "lost"]'
    it.decide(32, save="1")
    it.decide(33, value=["late"], new=" damaged ", save="1")
    it.decide(34, action="skip")
    it.decide(35, action="leave_out")
    made = it.done()
    assert it.cells(made, "labels")[30:34] == ['["late", "lost"]', "[]", '["damaged", "late"]', ""]
    assert made.split["pool"] == 2
    sources = {row["row"]: row for row in pq.read_table(made.folder / "label_sources.parquet").to_pylist()}
    assert (sources[31]["source"], sources[31]["person"]) == ("person", str(user.pk))
    assert made.note == "4 rows labelled"


def test_undo_of_everything_leaves_the_version_as_it_is(it: Labelled) -> None:
    it.send([{"row": 31, "value": ["late"]}, {"row": 32, "value": []}])
    assert it.ask("labelling")["advice"].startswith("At least 20 rows of each label")
    assert [it.undo()["value"] for _ in range(2)] == [[], ["late"]]
    assert it.done().sha256 == it.version.sha256


@pytest.mark.parametrize(
    "value",
    ["late", 3, [""], ["x" * 10_000], ["a\tb"], ["n/a"], [[]], [{"label": "late"}], [f"label {at}" for at in range(101)]],
)  # fmt: skip
def test_what_are_no_labels_is_told(value: Any, it: Labelled) -> None:
    problem = it.send([{"row": 31, "value": value}], 422)
    assert problem["code"] in ("bad_label", "invalid")
    assert problem["hint"]
    assert not Decision.objects.exists()


def test_somebody_quicker_is_told_in_words(it: Labelled, workspace: Workspace, api_of: ClientOf) -> None:
    it.send([{"row": 31, "value": ["late", "lost"]}])
    problem = it.by(workspace, api_of).send([{"row": 31, "value": []}], 409)
    assert problem["detail"].endswith("has decided on row 31 meanwhile: late, lost.")


def test_a_finished_run_suggests_answers_and_what_is_accepted_comes_from_it(it: Labelled) -> None:
    run = things.run(it.prototype, task="multilabel-classification", name="Quick one")
    model(run.artifact)
    assert it.ask("labelling")["at_work"]
    row = guide(it.dataset)
    assert row.facts["model"] == run.pk
    page = it.page("?order=mixed")
    assert "Quick one suggests answers" in page
    items = it.ask("queue?order=file")["items"]
    assert all(item["suggestion"] is None for item in items if item["reason"] == "test")
    one, other = [item["row"] for item in items if item["suggestion"]][:2]
    assert items[one - 31]["suggestion"]["value"] == []
    assert items[one - 31]["suggestion"]["label"] == "none of the labels"
    assert f'data-row="{one}" data-suggestion="none of the labels" data-fields="[]"' in " ".join(page.split())
    it.send([{"row": one, "value": []}, {"row": other, "value": ["late"]}])
    sources = dict(Decision.objects.values_list("row", "source"))
    assert sources == {one: "suggestion", other: "person"}


def test_what_is_for_one_label_is_refused(it: Labelled) -> None:
    for page in ("label_rules", "label_guests"):
        answer = it.browser.get(reverse(page, args=[it.prototype.pk]))
        assert answer.status_code == 422
        assert "This works only for rows with one label out of a few." in answer.content.decode()
    link = GuestLink.objects.create(workspace=it.prototype.workspace, prototype=it.prototype, name="Kim", token="t")
    answer = Client().get(reverse("guest_label", args=[link.token]))
    assert answer.status_code == 422
    assert "There is nothing here for guests to label right now" in answer.content.decode()
    page = it.browser.get(reverse("label_alike", args=[it.prototype.pk]) + "?row=31&label=late").content.decode()
    assert "This works only for rows with one label out of a few." in page
    for path in ("queue?order=suspects", "alike?row=31"):
        answer = it.api.get(f"/api/v1/datasets/{it.dataset.pk}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (422, "no_labelling")
    rule = {"name": "x", "kind": "words", "pattern": "late", "label": "late"}
    answer = it.api.post(f"/api/v1/datasets/{it.dataset.pk}/rules", json.dumps(rule), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_labelling")
