"""Rows that get a number: of texts and of tables, as their column writes numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from tests.labelling.finished import check_suggestions, learned_number
from tests.labelling.kinds import Labelled, labelled
from tests.labelling.rows import guide
from trainer.numerals import form_of, number_of
from webapp.accounts.models import User, Workspace
from webapp.answers import presentations
from webapp.answers.labelled import Row
from webapp.answers.number import OneNumber
from webapp.labelling import guests, guiding
from webapp.labelling.agreement import agreement_of, alpha_of
from webapp.labelling.models import Decision, Guide
from webapp.labelling.queue import suggestions_file

ClientOf = Callable[[User], Client]
ROWS = 40
TABLE = "\n".join(
    ["age,size,price", *(f"{row % 7},{row * 3 % 11},{row * 1.37:.2f}" for row in range(ROWS)), "1,2,", "3,4,", "5,6,"]
)


@pytest.fixture
def it(user: User, workspace: Workspace, client_of: ClientOf, api_of: ClientOf, tmp_path: Path) -> Labelled:
    made = labelled(TABLE.encode(), user, workspace, tmp_path, client_of(user), api_of(user))
    assert made.version.suggestion["task"] == "tabular-regression"
    return made


def test_a_number_becomes_a_cell_and_undo_gives_the_old_version(it: Labelled) -> None:
    page = it.page()
    assert 'data-low="0' in page
    assert 'data-high="53.43"' in page
    assert '<dd class="breakall">1</dd>' in page
    assert it.decide(41, value=" 3,5 ")["labelled"] == ROWS + 1
    it.send([{"row": 42, "value": -2}, {"row": 43, "value": 1e-7}])
    assert [it.undo()["value"] for _ in range(3)] == [1e-7, -2, 3.5]
    assert it.done().sha256 == it.version.sha256
    it.send([{"row": 41, "value": 3.5}, {"row": 42, "value": "1e3"}])
    made = it.done()
    assert it.cells(made, "price")[40:] == ["3.5", "1000", ""]
    assert made.split["pool"] == 1


def test_how_good_it_is_already_is_said(it: Labelled) -> None:
    assert it.ask("labelling")["at_work"]
    made = guide(it.dataset)
    state = it.ask("labelling")
    assert (state["score"]["name"], state["reader"], state["score"]["rows"] >= 5) == ("r2", "columns", True)
    assert "off by" in it.page()
    assert "on average" in it.page()
    assert state["thin"] == []
    settled = {"labels": 40, "value": 0.0, "low": -0.1, "high": 0.1, "agreement": 0.99, "settled": True}
    Guide.objects.update(result=made.facts | {"change": settled})
    assert it.ask("labelling")["settled"]
    assert it.ask("labelling")["advice"].startswith("The last 40 labels changed nothing that can be measured.")


def test_a_run_that_was_learned_here_suggests_numbers(it: Labelled, tmp_path: Path) -> None:
    learned_number(it, TABLE, tmp_path)
    value = check_suggestions(it, 12.5)
    assert isinstance(value, float)
    assert -20 < value < 80, "of prices from 0 to 53"


def test_guests_type_numbers_and_how_far_they_agree_is_said(it: Labelled, user: User) -> None:
    link = guests.create(it.prototype, user, "Kim", 14, 100)
    address = reverse("guest_label", args=[link.token])
    page = Client().get(address).content.decode()
    assert '<input id="answer" name="value" inputmode="decimal"' in page
    assert "so far 0 to 53" in " ".join(page.split())
    sent = {"version": it.version.pk, "row": 41}
    answer = Client().post(address, sent | {"value": "1,234"})
    assert answer.status_code == 422
    assert "may be two numbers" in answer.content.decode()
    assert Client().post(address, sent | {"value": "3,5"}).status_code == 302
    it.send([{"row": 42, "value": 2}])
    Client().post(address, sent | {"row": 42, "value": "4"})
    assert dict(Decision.objects.values_list("row", "value")) == {41: "3.5", 42: "2"}
    assert guests.units_of(it.prototype) == [["4", "2"]]
    assert it.done().note == "2 rows labelled"


def test_numbers_agree_by_how_far_they_are_from_each_other() -> None:
    """Krippendorff 2011, interval data: alpha is 0.849."""
    units = [
        [1, 1, 1],
        [2, 2, 3, 2],
        [3, 3, 3, 3],
        [3, 3, 3, 3],
        [2, 2, 2, 2],
        [1, 2, 3, 4],
        [4, 4, 4, 4],
        [1, 1, 2, 1],
    ]
    units += [[2, 2, 2, 2], [5, 5, 5], [1, 1]]
    assert alpha_of(units, OneNumber().apart) == pytest.approx(0.849, abs=0.001)
    found = agreement_of(units, OneNumber())
    assert found is not None
    assert (found.rows, found.pair) == (11, None)


def test_rows_with_what_is_no_number_join_and_are_told(it: Labelled) -> None:
    rows = [{"age": 71, "size": 12, "price": 7.25}, {"age": 72, "size": 13, "price": "many"}, {"age": 73, "size": 14}]
    cells, parts, told = it.append(rows, "price")
    assert cells == ["7.25", "many", None]
    assert (parts[0], parts[2]) == ("train", "pool")
    assert parts[1] == "train", "it is never tested on"
    assert "such as many, and is not learned from" in told, told


def test_two_people_and_a_newer_version_lose_nothing(it: Labelled, workspace: Workspace, api_of: ClientOf) -> None:
    it.check_shared(it.by(workspace, api_of), 41, 3.5, 4, "price", "3.5")


@pytest.mark.parametrize(
    "value", ["", " ", "many", "1e999", "nan", "inf", "1,234", 1e19, "1" * 10_000, True, [], "0x10", "1_000"]
)
def test_what_is_no_number_is_told_and_nothing_is_saved(value: Any, it: Labelled) -> None:
    problem = it.send([{"row": 41, "value": value}], 422)
    assert problem["code"] in ("bad_label", "invalid")
    assert problem["hint"]
    assert len(problem["detail"]) < 200
    assert not Decision.objects.exists()


def test_what_to_do_next_counts_rows(it: Labelled) -> None:
    advice = it.ask("labelling")["advice"]
    assert advice == "At least 50 rows with an answer are needed for a first model: 10 more."


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ({}, "1234.5"),
        ({"decimal": ","}, "1234,5"),
        ({"decimal": ",", "unit": "kg"}, "1234,5"),
        ({"unit": "kr"}, "1234.5"),
    ],
)
def test_a_number_is_written_as_its_column_does(column: dict[str, str], cell: str) -> None:
    assert OneNumber().cell(1234.5, Row(column=column)) == cell
    assert number_of(cell, **form_of(column)) == 1234.5


def test_every_kind_reads_what_its_form_sends() -> None:
    kinds = {key: one.labelling for key, one in presentations().items() if one.labelling is not None}
    typed = {key: kind.typed(QueryDict("value=x&save=1")) for key, kind in kinds.items() if not kind.is_suggested}
    assert sorted(typed) == ["labels", "number", "objects", "spans", "text"]
    assert json.loads(json.dumps(typed)) == typed, "it comes back to the page as it was sent"


def test_what_is_for_labels_is_refused(it: Labelled) -> None:
    answer = it.browser.get(reverse("label_rules", args=[it.prototype.pk]))
    assert answer.status_code == 422
    assert "This works only for rows with labels out of a few." in answer.content.decode()
    page = it.browser.get(reverse("label_alike", args=[it.prototype.pk]) + "?row=41&value=3").content.decode()
    assert "This works only for rows with labels out of a few." in page
    answer = it.api.get(f"/api/v1/datasets/{it.dataset.pk}/alike?row=41")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_labelling")
    rule = {"pattern": "late", "label": "late"}
    answer = it.api.post(f"/api/v1/datasets/{it.dataset.pk}/rules", json.dumps(rule), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_labelling")


def test_a_runs_mistakes_are_for_labels(it: Labelled) -> None:
    answer = it.api.get(f"/api/v1/datasets/{it.dataset.pk}/queue?order=mistakes&about=x")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_labelling")


def test_the_score_follows_every_ten_labels_and_a_models_suggestions_stay(
    user: User, workspace: Workspace, client_of: ClientOf, api_of: ClientOf, tmp_path: Path
) -> None:
    waiting = [f"{row % 7},{row * 3 % 11}," for row in range(30)]
    it = labelled("\n".join([TABLE, *waiting]).encode(), user, workspace, tmp_path, client_of(user), api_of(user))
    learned_number(it, TABLE, tmp_path)
    it.ask("labelling")
    first = guide(it.dataset)
    before = suggestions_file(it.version).stat().st_ino
    it.send([{"row": 41 + row, "value": row} for row in range(10)])
    assert it.ask("labelling")["at_work"]
    second = guide(it.dataset)
    assert (second.facts["labels"], second.facts["reader"]) == (first.facts["labels"] + 10, "model")
    assert second.facts["model_name"] == first.facts["model_name"]
    assert suggestions_file(it.version).stat().st_ino == before
    model = guiding.model_of(it.version)
    assert guiding.count_at_suggestions(second, it.version, model, 199) == 0
    assert guiding.count_at_suggestions(second, it.version, model, 200) == 200
    suggestions_file(it.version).unlink()
    assert guiding.count_at_suggestions(second, it.version, model, 20) == 20
