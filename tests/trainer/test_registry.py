"""What holds of every task that is declared: it is read, suggested, and trained or says why not; who does the work is there."""

import numpy as np
import pytest

from trainer import answers, tasks
from trainer.data.loading import Loaded
from trainer.dotted import load_class
from trainer.errors import SpecError
from trainer.learning.rows import Rows
from trainer.params import LearningParams, ScheduleParams
from trainer.suggestion import first_fit, sentence, shape_of
from trainer.tasks.base import Task
from trainer.tasks.media import ChosenParams

DECLARED = pytest.mark.parametrize("task", tasks.declared(), ids=lambda task: task.slug)
TRAINED = pytest.mark.parametrize("task", tasks.all(), ids=lambda task: task.slug)
KINDS = {
    "text": "text",
    "label": "category",
    "labels": "list",
    "number": "number",
    "tokens": "list",
    "tags": "list",
    "answers": "json",
    "messages": "messages",
}
"""The kind of a column that a role of this kind is read from, where it is not called the same."""


def columns_of(task: type[Task]) -> list[dict[str, object]]:
    """A profile's columns for each role of the task, and one more for tables."""
    shape = task.shape()
    kinds = {role.name: KINDS.get(role.kind, role.kind) for role in task.roles}
    named = [*shape.roles] if shape.reads else ["age", *shape.roles]
    return [
        {"name": name, "kind": kinds.get(name, "number"), "distinct": 30, "missing": 0, "there": 90, "examples": []}
        for name in named
    ]


@DECLARED
def test_its_data_are_read(task: type[Task]) -> None:
    shape = task.shape()
    assert task.slug in tasks.shapes()
    assert set(shape.roles) == set(first_fit(columns_of(task), task.slug) or {})
    assert shape_of(task.slug, shape.roles) == shape
    assert "%(" not in sentence(shape, {role: role for role in shape.roles}, 2)
    for other in task.alternatives:
        assert shape_of(task.slug, other.roles) == other


@DECLARED
def test_it_is_trained_or_says_why_not(task: type[Task]) -> None:
    if task.family is not None:
        assert tasks.get(task.slug) is task
        return
    with pytest.raises(SpecError) as raised:
        tasks.get(task.slug)
    assert raised.value.code == "task_not_trainable"
    assert raised.value.hint


@TRAINED
def test_who_does_the_work_is_there(task: type[Task]) -> None:
    from trainer.engines import Engine
    from trainer.learning.family import Family, family_of
    from trainer.learning.objective import Objective

    family = family_of(task)
    assert isinstance(family, Family)
    assert task.augments == (type(family).preview is not Family.preview)
    assert issubclass(load_class(task.engine, Engine), Engine)
    assert issubclass(load_class(answers.get(task.answer).objective, Objective), Objective)


def test_a_dotted_path_names_a_class_of_the_kind_that_is_wanted() -> None:
    with pytest.raises(TypeError, match="is not a Task"):
        load_class("trainer.errors.SpecError", Task)
    with pytest.raises(TypeError, match="is not a Task"):
        load_class("trainer.tasks.get", Task)


@TRAINED
def test_its_answer_role_is_one_of_its_roles(task: type[Task]) -> None:
    assert task.answer_role in {role.name for role in task.roles}


@pytest.mark.parametrize(("kind", "truth"), [("objects", None), ("text", None), ("number", np.zeros(3))])
def test_rows_of_other_answers_are_all_known(kind: str, truth: np.ndarray | None) -> None:
    """What is not a label needs no index: nothing is made up for it, and labels say nothing of the kind of the answers."""
    loaded = Loaded({"answer": ["", "", ""]}, np.full(3, "train"), [1, 2, 3], {}, [], "answer", kind)
    rows = Rows(loaded, ["cell"], truth)
    assert rows.known("train").tolist() == [0, 1, 2]
    assert not rows.is_class


def test_a_label_that_was_never_learned_is_not_known() -> None:
    rows = Rows(Loaded({"label": ["a", "b"]}, np.full(2, "train"), [1, 2], {}, []), ["a"], np.array([0, -1]))
    assert rows.known("train").tolist() == [0]


def test_the_schedule_that_a_model_chooses_has_the_fields_of_the_one_with_defaults() -> None:
    assert list(ChosenParams.model_fields) == list(LearningParams.model_fields)
    assert all(ChosenParams.model_fields[name].default is None for name in ScheduleParams.model_fields)


def test_rows_are_read_when_they_are_asked_for() -> None:
    class Numbered(Rows):
        def input(self, row: int) -> object:
            return f"row {row}"

    loaded = Loaded({"label": ["a"] * 4}, np.full(4, "train"), [1, 2, 3, 4], {}, [])
    inputs = Numbered(loaded, ["a"], np.zeros(4, dtype=int)).inputs(np.array([3, 1, 2]))
    assert (len(inputs), inputs[0], list(inputs[1:])) == (3, "row 3", ["row 1", "row 2"])
