"""The form of columns and roles by itself: what it offers, what of two wishes holds, and what is refused beside its field."""

from typing import Any

import pytest

from tests import things
from webapp.accounts.models import Workspace
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.forms import MappingForm, offered_tasks

TEXT = [
    {"name": "text", "kind": "text", "missing": 0, "there": 40, "distinct": 40, "length": {"mean": 60.0}},
    {"name": "label", "kind": "category", "missing": 0, "there": 40, "distinct": 3},
    {"name": "note", "kind": "text", "missing": 0, "there": 40, "distinct": 40, "length": {"mean": 20.0}},
]
TABLE = [
    *({"name": name, "kind": "number", "missing": 0, "there": 40, "distinct": 30} for name in ("size", "age", "price")),
    {"name": "colour", "kind": "category", "missing": 0, "there": 40, "distinct": 3},
    {"name": "day", "kind": "date", "missing": 0, "there": 40, "distinct": 40},
]


def version_of(
    workspace: Workspace, columns: list[dict[str, Any]], task: str, mapped: dict[str, str], **more: Any
) -> DatasetVersion:
    made = things.dataset(workspace).current
    assert made is not None
    made.profile = things.PROFILE | {
        "columns": columns,
        "suggestion": {"task": task, "columns": mapped, "sentence": "Read.", **more},
    }
    made.save()
    made.refresh_from_db()
    return made


@pytest.fixture
def texts(workspace: Workspace) -> DatasetVersion:
    return version_of(workspace, TEXT, "text-classification", {"text": "text", "label": "label"})


@pytest.fixture
def table(workspace: Workspace) -> DatasetVersion:
    roles = {"size": "input", "age": "input", "price": "input", "colour": "answer", "day": "input"}
    return version_of(workspace, TABLE, "tabular-classification", {"target": "colour"}, roles=roles, chosen={})


def test_the_task_that_it_is_comes_first_chosen_and_others_are_offered(texts: DatasetVersion) -> None:
    form = MappingForm(texts)
    assert form.chosen == "text-classification"
    assert "text-classification" in offered_tasks(texts)
    assert {slug for slug, _title in form.tasks} == set(form.offered)
    assert {name: form.fields[name].initial for name in ("role-text", "role-label")} == {
        "role-text": "text",
        "role-label": "label",
    }


@pytest.mark.parametrize("task", ["image-classification", "no-such-task", ""])
def test_a_task_that_the_file_cannot_be_is_not_chosen(texts: DatasetVersion, task: str) -> None:
    assert MappingForm(texts, task=task).chosen == "text-classification"


def test_other_columns_are_taken_by_their_roles(texts: DatasetVersion) -> None:
    form = MappingForm(texts, {"task": "text-classification", "role-text": "note", "role-label": "label"})
    assert form.is_valid(), form.errors
    assert (form.columns(), form.roles()) == ({"text": "note", "label": "label"}, {})


@pytest.mark.parametrize(
    ("sent", "field", "words"),
    [
        ({"role-text": "text", "role-label": "text"}, "role-label", "This column is selected twice."),
        ({"role-text": "", "role-label": "label"}, "role-text", "Choose a column."),
        (
            {"role-text": "gone", "role-label": "label"},
            "role-text",
            "Select a valid choice. gone is not one of the available choices.",
        ),
    ],
)
def test_columns_that_cannot_be_are_refused_beside_their_field(
    texts: DatasetVersion, sent: dict[str, str], field: str, words: str
) -> None:
    form = MappingForm(texts, {"task": "text-classification"} | sent)
    assert not form.is_valid()
    assert form.errors[field] == [words]


# A table


def uses(form: MappingForm, **roles: str) -> dict[str, str]:
    """What a browser sends: the role of each column, as it was unless it is given here."""
    names = {column["name"]: f"use-{place}" for place, column in enumerate(form.named)}
    before = {names[name]: role for name, role in form.roles_before.items()}
    return {"task": form.chosen} | before | {names[name]: role for name, role in roles.items()}


def answered(table: DatasetVersion, **roles: str) -> MappingForm:
    form = MappingForm(table, uses(MappingForm(table), **roles))
    form.is_valid()
    return form


def test_nothing_changed_changes_nothing(table: DatasetVersion) -> None:
    form = answered(table)
    assert (form.errors, form.columns(), form.roles()) == ({}, {"target": "colour"}, {})
    assert [field.label for field, _column in form.uses] == ["size", "age", "price", "colour", "day"]


def test_of_two_answers_the_one_that_was_chosen_now_holds(table: DatasetVersion) -> None:
    form = answered(table, day="answer")
    assert form.errors == {}
    assert form.columns() == {"target": "day"}
    assert form.asked_roles()["colour"] == "input"


@pytest.mark.parametrize("role", ["group", "time"])
def test_a_column_that_the_split_goes_by_is_told(table: DatasetVersion, role: str) -> None:
    form = answered(table, day=role)
    assert (form.errors, form.roles()) == ({}, {"day": role})


def test_columns_that_are_ignored_are_told(table: DatasetVersion) -> None:
    assert answered(table, age="ignore", size="ignore").roles() == {"age": "ignore", "size": "ignore"}


def test_two_new_answers_are_one_too_many(table: DatasetVersion) -> None:
    form = answered(table, day="answer", age="answer")
    assert form.errors["use-4"] == ["Only one column can be this."]


def test_a_table_without_an_answer_says_what_to_do(table: DatasetVersion) -> None:
    form = answered(table, colour="input")
    assert form.non_field_errors() == ["Choose the column to predict: set it to Answer."]


def test_a_role_that_there_is_not_is_refused(table: DatasetVersion) -> None:
    assert "use-0" in answered(table, size="king").errors
