"""The columns that a run is started with: whatever the reader of files may suggest is enough to start it."""

import pytest

from trainer import tasks
from trainer.suggestion import shape_of
from trainer.tasks.base import Shape, Task
from webapp.core.problems import Problem
from webapp.runs.actions import check_roles

SHAPES = [(task, shape) for task in tasks.all() for shape in task.every_shape()]


@pytest.mark.parametrize(
    ("task", "shape"), SHAPES, ids=[f"{task.slug}:{'+'.join(shape.roles)}" for task, shape in SHAPES]
)
def test_every_shape_of_a_task_can_be_started(task: type[Task], shape: Shape) -> None:
    columns = dict.fromkeys(shape.roles, "a column")
    check_roles(task, columns)
    assert shape_of(task.slug, columns) == shape


@pytest.mark.parametrize(
    "task", [task for task in tasks.all() if any(role.required for role in task.roles)], ids=lambda task: task.slug
)
def test_columns_that_make_no_shape_are_refused(task: type[Task]) -> None:
    with pytest.raises(Problem):
        check_roles(task, {})
