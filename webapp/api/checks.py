"""What a request asks of a version that no reader and no run could do: refused at once, before a version is made that would
only fail. The pages offer nothing of this kind, so the words are the API's alone."""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from trainer import answers, tasks
from trainer.numerals import form_of, number_of
from trainer.roles import ANSWER, INPUT, SPLITTING
from trainer.spec import SplitSpec
from trainer.suggestion import first_fit, shape_of
from webapp.catalog.titles import trainable_tasks
from webapp.core.problems import Problem
from webapp.datasets.models import DatasetVersion


def columns_for(version: DatasetVersion, task: str) -> dict[str, str]:
    """A column of this file for each role of another task; `Problem` where there is none, or no such task."""
    check_task(task)
    columns = first_fit(version.columns, task)
    if columns is None:
        names = trainable_tasks(version.columns)
        raise Problem(
            f"This file cannot be used for the task {task}.",
            code="bad_task",
            hint=f"It can be used for {', '.join(names)}."
            if names
            else "It can be used for no task that is trained here.",
        )
    return columns


def check_task(task: str) -> None:
    if tasks.find(task) is None:
        names = ", ".join(declared.slug for declared in tasks.declared())
        raise Problem(f"There is no task “{task[:60]}”.", code="bad_task", hint=f"Choose one of {names}.")


def check_columns(task: str, columns: Iterable[str]) -> None:
    """`columns`: the roles of the task that are given a column."""
    declared = tasks.find(task)
    if declared is None:
        return
    shapes = declared.every_shape()
    role_names = dict.fromkeys(
        (*(role.name for role in declared.roles), *(role for shape in shapes for role in shape.roles))
    )
    if wrong := [role for role in columns if role not in role_names]:
        raise Problem(
            f"The task {task} has no role “{wrong[0][:60]}”.",
            code="bad_role",
            hint=f"Its roles are {', '.join(role_names)}.",
        )


def check_roles(roles: dict[str, str] | None, mapped: Iterable[str] = ()) -> None:
    """`mapped`: the columns that the task reads or predicts."""
    given = roles or {}
    for role in (ANSWER, *SPLITTING):
        names = [name for name, given_role in given.items() if given_role == role]
        if len(names) > 1:
            raise Problem(
                f"{len(names)} columns are “{role}”, and only one can be: {', '.join(names[:5])}.",
                code="bad_role",
                hint="Give the others another role.",
            )
    for name in mapped:
        if given.get(name, INPUT) not in (INPUT, ANSWER):
            raise Problem(
                f"The task needs “{name}”, so it cannot be “{given[name][:60]}”.",
                code="bad_role",
                hint="Give the task another column first, such as another one the role answer.",
            )


def check_split(version: DatasetVersion, split: dict[str, Any] | None) -> None:
    try:
        spec = SplitSpec.model_validate(split or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["split", *map(str, first["loc"])])
        hint = 'It looks like {"test": 0.2, "validation": 0.1, "seed": 0}.'
        raise Problem(f"{where}: {first['msg']}.", code="bad_split", hint=hint) from error
    check_names(version, [name for name in (spec.group, spec.time) if name])


def check_names(version: DatasetVersion, names: Iterable[str]) -> None:
    column_names = [column["name"] for column in version.columns]
    if wrong := [name for name in names if name not in column_names]:
        raise Problem(
            f"There is no column “{wrong[0][:60]}”.",
            code="no_column",
            hint=f"The columns are: {', '.join(sorted(column_names)[:20])}.",
        )


def check_changes(version: DatasetVersion, changes: dict[str, Any]) -> None:
    """`set` [{row, column, value}] and `drop` [row], rows from 1; what is not a list of these is refused by the action."""
    cells, dropped = changes.get("set") or [], changes.get("drop") or []
    if unknown := set(changes) - {"set", "drop"}:
        raise bad_change(f"A change is “set” or “drop”, not “{unknown.pop()[:60]}”.")
    if not isinstance(cells, list) or not isinstance(dropped, list):
        raise bad_change("“set” and “drop” are lists.")
    for cell in cells:
        if not isinstance(cell, dict) or not {"row", "column"} <= set(cell):
            raise bad_change('A cell to set looks like {"row": 1, "column": "label", "value": "x"}.')
    for row in (*(cell["row"] for cell in cells), *dropped):
        if not isinstance(row, int) or isinstance(row, bool) or not 1 <= row <= version.rows:
            raise bad_change(f"There is no row {str(row)[:20]}: they are counted from 1 to {version.rows:,}.")
    check_names(version, [str(cell["column"]) for cell in cells])


def bad_change(message: str) -> Problem:
    return Problem(message, code="bad_change", hint="Look at the rows of this version and name them again.")


def check_answer(version: DatasetVersion, task: str, columns: dict[str, str]) -> None:
    """Words are no answer to a task that predicts numbers: another task on a version is not read anew before it is learned."""
    shape = shape_of(task, columns)
    name = columns.get(shape.answer) if shape else None
    column = next((candidate for candidate in version.columns if candidate["name"] == name), None)
    answer = answers.find(shape.kind) if shape else None
    if answer is None or answer.cells != "number" or column is None or column["kind"] in ("number", "id"):
        return
    form = form_of(column)
    if not any(number_of(example, **form) is not None for example in column.get("examples", ())):
        raise Problem(
            f"“{name}” holds no numbers, which the task {task} predicts.",
            code="bad_task",
            hint="Choose another task, or another column to predict.",
        )
