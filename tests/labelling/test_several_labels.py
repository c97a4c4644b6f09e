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
from tests.labelling.rows import guide, read
from tests.trainer.test_predicted_suggestions import model
from webapp.accounts.models import User, Workspace
from webapp.answers.labels import SeveralLabels, masi
from webapp.labelling import guests
from webapp.labelling.agreement import agreement_of, alpha_of
from webapp.labelling.models import Decision, Guide

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
    assert reverse("label_rules", args=[it.prototype.pk]) in page


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


def test_two_people_and_a_newer_version_lose_nothing(it: Labelled, workspace: Workspace, api_of: ClientOf) -> None:
    told = it.check_shared(it.by(workspace, api_of), 31, ["lost", "late"], [], "labels", '["late", "lost"]')
    assert told.endswith(": late, lost.")


def test_rows_with_other_columns_and_labels_join(it: Labelled) -> None:
    rows = [
        {"Text": "where is it", "labels": ["late", "brand new"]},
        {"text": "thank you", "labels": []},
        {"text": "hello"},
    ]
    cells, parts, told = it.append([row | {"from": "shop"} for row in rows], "labels")
    assert [sorted(json.loads(cell)) if cell else cell for cell in cells] == [["brand new", "late"], [], None]
    assert parts == ["train", "train", "pool"]
    assert "from" in told


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


def test_guests_choose_some_of_the_labels_and_how_far_they_agree_is_said(it: Labelled, user: User) -> None:
    link = guests.create(it.prototype, user, "Kim", 14, 100)
    address = reverse("guest_label", args=[link.token])
    page = Client().get(address).content.decode()
    assert '<input type="checkbox" name="value" value="late">' in page
    sent = {"version": it.version.pk, "row": 31}
    for wrong in (["never heard of"], ["late", "x" * 10_000]):
        answer = Client().post(address, sent | {"value": wrong})
        assert (answer.status_code, Decision.objects.count()) == (422, 0)
        assert 'role="alert"' in answer.content.decode()
    assert Client().post(address, sent | {"value": ["lost", "late"]}).status_code == 302
    assert Client().post(address, sent | {"row": 32}).status_code == 302
    assert list(Decision.objects.order_by("row").values_list("value", "guest")) == [
        ('["late", "lost"]', link.pk),
        ("[]", link.pk),
    ]
    it.send([{"row": 33, "value": ["late", "lost"]}])
    Client().post(address, sent | {"row": 33, "value": ["late"]})
    assert guests.units_of(it.prototype) == [['["late"]', '["late", "lost"]']]
    assert it.browser.get(reverse("label_guests", args=[it.prototype.pk])).status_code == 200
    guests.revoke(link, user)
    answer = Client().post(address, sent | {"row": 34, "value": ["late"]})
    assert answer.status_code == 410
    assert it.done().note == "3 rows labelled"


def test_how_good_it_is_already_is_said_and_when_to_stop(it: Labelled) -> None:
    assert it.ask("labelling")["at_work"]
    made = guide(it.dataset)
    assert made.facts["vectors"]
    assert (made.facts["score"]["name"], made.facts["suggests"]) == ("micro_f1", False)
    state = it.ask("labelling")
    assert state["score"] == made.facts["score"]
    assert [(point["labels"], point["name"]) for point in state["history"]] == [(ROWS, "micro_f1")]
    assert (state["at_work"], state["settled"]) == (False, False)
    assert {entry["label"] for entry in state["thin"]} <= {"late", "lost"}
    page = " ".join(it.page("?order=mixed").split())
    assert "Micro F1 " in page
    assert "Measured by a small model over " in page
    assert all(item["suggestion"] is None for item in it.ask("queue?order=mixed")["items"])
    settled = {"labels": 40, "value": 0.0, "low": -0.1, "high": 0.1, "agreement": 0.99, "settled": True}
    Guide.objects.update(result=made.facts | {"change": settled}, decisions=0)
    assert it.ask("labelling")["advice"].startswith("The last 40 labels changed nothing that can be measured.")
    it.send([{"row": row, "value": ["late"]} for row in range(31, 37)])
    assert not it.ask("labelling")["at_work"], "six are not ten"
    it.send([], 202, "/done")
    read(it.dataset)
    assert it.ask("labelling")["at_work"], "another version"


def test_sets_of_labels_are_nearer_the_more_they_share() -> None:
    late, lost, both = frozenset(["late"]), frozenset(["lost"]), frozenset(["late", "lost"])
    assert [masi(late, late), masi(late, lost), masi(late, frozenset())] == [0, 1, 1]
    assert masi(late, both) == pytest.approx(1 - 1 / 2 * 2 / 3)
    assert masi(both, frozenset(["late", "new"])) == pytest.approx(1 - 1 / 3 * 1 / 3)
    kind = SeveralLabels()
    units = [[late, both]] * 5 + [[lost, lost]] * 10
    found = agreement_of(units, kind)
    assert found is not None
    assert (found.rows, found.pair, found.times) == (15, ("lost", "not lost"), 5)
    assert alpha_of([[late, lost]] * 5 + [[lost, lost]] * 10, kind.apart) < found.alpha < 1


def test_a_runs_mistakes_are_looked_at(it: Labelled) -> None:
    run = things.run(it.prototype, task="multilabel-classification")
    run.artifact.mkdir(parents=True)
    mistakes = [
        {"row": 1, "truth": "late, lost", "predicted": "late, new", "missed": ["lost"], "extra": ["new"]},
        {"row": 2, "truth": "late", "predicted": "–", "missed": ["late"], "extra": []},
        {"row": 3, "truth": "–", "predicted": "–"},
    ]
    (run.artifact / "report.json").write_text(json.dumps({"mistakes": mistakes}))
    first, second = it.ask(f"queue?order=mistakes&about={run.pk}")["items"]
    assert (first["row"], first["label"], first["suggestion"]["value"]) == (1, ["late", "lost"], ["late", "new"])
    assert (second["row"], second["label"], second["suggestion"]["label"]) == (2, ["late"], "none of the labels")
    it.send([{"row": 2, "value": ["late"], "before": ["late"]}])
    assert [item["row"] for item in it.ask(f"queue?order=mistakes&about={run.pk}")["items"]] == [1]
