"""Answers that are more than one label are looked at again: what guests dispute, and the rows of a label."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.test import Client
from django.urls import reverse

from tests.labelling.kinds import Labelled, labelled
from tests.labelling.rows import read
from tests.labelling.test_passages import it as passages  # noqa: F401  as a fixture
from tests.labelling.test_several_labels import it as several  # noqa: F401
from tests.trainer.test_mislabelled_lists import WRONG, labels_of, planted_table
from webapp.accounts.models import User, Workspace
from webapp.labelling import guests
from webapp.labelling.models import Decision

ClientOf = Callable[[User], Client]


def disputed(it: Labelled, row: int, value: object, instead: object) -> Labelled:
    """After somebody and a guest answered a row differently, and a version was made of it."""
    it.send([{"row": row, "value": value}])
    guests.decide(guests.create(it.prototype, it.user, "Kim", 14, 100), it.version, row, instead)
    return replace(it, version=it.done())


def test_disputed_answers_are_kept_or_changed(several: Labelled, workspace: Workspace, api_of: ClientOf) -> None:  # noqa: F811
    it = disputed(several, 31, ["late"], ["lost", "late"])
    (item,) = it.ask("queue?order=disputed")["items"]
    assert (item["row"], item["label"]) == (31, ["late"])
    assert (item["suggestion"]["label"], item["suggestion"]["value"]) == ("late, lost", ["late", "lost"])
    page = it.page("?order=disputed")
    assert "has the label <b>late</b>" in " ".join(page.split())
    assert 'value="keep" data-key="="' in page
    assert 'data-part="bymodel"' not in page
    it.decide(31, action="keep", before='["late"]')
    decision = Decision.objects.get(made=None)
    assert (decision.value, decision.before, decision.person) == ('["late"]', '["late"]', it.user)
    other = it.by(workspace, api_of)
    assert other.send([{"row": 31, "value": [], "before": ["late"]}], 409)["code"] == "decided_meanwhile"
    assert it.undo() == {"row": 31, "value": ["late"], "left_out": False}
    assert it.done().sha256 == it.version.sha256
    it.send([{"row": 31, "value": ["lost", "late"], "before": ["late"]}])
    assert it.ask("queue?order=disputed")["items"] == []
    made = it.done()
    assert made.note == "1 label changed"
    assert it.cells(made, "labels")[30] == '["late", "lost"]'
    assert it.ask("queue?order=disputed")["items"] == [], "it is what the guest said now"


def test_a_kept_answer_leaves_the_data_as_they_are(several: Labelled) -> None:  # noqa: F811
    it = several
    rows = [item["row"] for item in it.ask("queue?order=label&about=lost")["items"]]
    assert rows == [row for row in range(1, 31) if row % 3 == 1][: len(rows)]
    assert len(rows) == 10
    it.send([{"row": row, "value": ["lost", "late"], "before": ["late", "lost"]} for row in rows[:2]])
    assert rows[2] == it.ask("queue?order=label&about=lost")["items"][0]["row"]
    assert it.ask("labelling")["labelled"] == 30
    made = it.done()
    assert made.note == "2 labels kept"
    assert it.cells(made, "labels") == it.cells(it.version, "labels")
    sources = pq.read_table(made.folder / "label_sources.parquet").to_pylist()
    assert [(row["row"], row["source"]) for row in sources] == [(rows[0], "file"), (rows[1], "file")]
    refused = it.send([{"row": 2, "value": [], "before": ["lost"]}], 409)
    assert refused["code"] == "not_in_pool", "it has another answer"


def test_disputed_passages_are_looked_at(passages: Labelled, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    person = {"start": 0, "end": 2, "label": "person"}
    it = disputed(passages, 25, [person], [person | {"end": 1}])
    page = it.browser.get(reverse("label_guests", args=[it.prototype.pk])).content.decode()
    assert "One in ten rows" in page
    monkeypatch.setattr("webapp.labelling.agreement.FEWEST", 1)
    page = it.browser.get(reverse("label_guests", args=[it.prototype.pk])).content.decode()
    assert "F1 of passages with the same words and label:" in page
    assert "<b>person</b> or <b>person with other bounds</b>" in page
    agreement = it.api.get(f"/api/v1/prototypes/{it.prototype.pk}/guests").json()["agreement"]
    assert (agreement["rows"], agreement["likeness"]["name"], agreement["likeness"]["value"]) == (1, "exact_f1", 0)
    (item,) = it.ask("queue?order=disputed")["items"]
    assert (item["row"], item["label"], item["suggestion"]["value"]) == (25, [person], [person | {"end": 1}])
    shown = it.page("?order=disputed")
    assert "data-existing=" in shown
    assert "has the label <b>Ada Nr24 (person)</b>" in " ".join(shown.split())
    assert "perhaps <b>Ada (person)</b>" in shown
    it.decide(25, value=json.dumps([person]), before=json.dumps(["B-person", "I-person", "O", "O", "O"]))
    assert Decision.objects.get(made=None).value == json.dumps(["B-person", "I-person", "O", "O", "O"])
    assert it.done().note == "1 label kept"
    assert read(it.dataset).rows == it.version.rows
    answer = it.api.get(f"/api/v1/datasets/{it.dataset.pk}/queue?order=suspects")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_labelling")


def test_sets_of_labels_that_look_wrong_are_kept_or_changed(
    user: User, workspace: Workspace, client_of: ClientOf, api_of: ClientOf, tmp_path: Path
) -> None:
    it = labelled(planted_table().encode(), user, workspace, tmp_path, client_of(user), api_of(user))
    page = it.browser.get(reverse("data", args=[it.prototype.pk])).content.decode()
    assert "?order=suspects" in page
    assert 'name="action" value="label">' not in page.partition("Look at them one by one")[2].partition("</ul>")[0]
    items = {item["row"]: item for item in it.ask("queue?order=suspects&count=50")["items"]}
    changed, kept = (row + 1 for row in list(WRONG)[:2])
    assert items[changed]["suggestion"]["value"] == sorted(labels_of(changed - 1))
    assert items[changed]["label"] != items[changed]["suggestion"]["value"]
    assert "Labels that a simple model finds wrong" in it.page("?order=suspects")
    given = [(changed, items[changed]["suggestion"]["value"]), (kept, items[kept]["label"])]
    it.send([{"row": row, "value": value, "before": items[row]["label"]} for row, value in given])
    made = it.done()
    assert made.note == "1 label changed, 1 label kept"
    parts = [pq.read_table(each.folder / "split.parquet") for each in (it.version, made)]
    assert parts[0] == parts[1], "every row keeps its part"
    assert {changed, kept}.isdisjoint(item["row"] for item in it.ask("queue?order=suspects&count=50")["items"])
