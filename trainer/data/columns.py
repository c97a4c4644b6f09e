"""Profiles the columns, settles the task and which column plays which role, and keys the rows."""

import numpy as np
import pyarrow as pa

from trainer import tasks
from trainer.columns import ColumnProfile, are_classes
from trainer.data.cells import iterate_slices
from trainer.data.conversation_rows import conversation
from trainer.data.dataset import Dataset
from trainer.data.profiling import profile_column
from trainer.data.row_keys import Keys, keys_of_rows
from trainer.roles import ANSWER, INPUT, SPLITTING
from trainer.spec import SplitSpec
from trainer.suggestion import MEDIA, suggest


def reconcile_roles(chosen: dict[str, str], split: SplitSpec | None) -> tuple[dict[str, str], SplitSpec]:
    """Roles and split that say the same: a column chosen as group or time divides the rows; where a split was asked for
    by itself, columns that it does not go by lose that role."""
    if split is not None:
        goes_by = {"group": split.group, "time": split.time}
        return {name: role for name, role in chosen.items() if goes_by.get(role, name) == name}, split
    named = {
        role: next((name for name, chosen_role in chosen.items() if chosen_role == role), None) for role in SPLITTING
    }
    return chosen, SplitSpec(**named)


def map_columns(dataset: Dataset, columns: dict[str, str] | None, task: str | None = None) -> None:
    """Profile the columns and settle the task and which column plays which role."""
    dataset.profile = [
        profile_column(name, dataset.table.column(name), dataset.read_as.get(name)) for name in dataset.names
    ]
    for column in dataset.profile:
        column["kind"] = dataset.kinds.get(column["name"], column["kind"])
    dataset.chosen = {name: role for name, role in dataset.chosen.items() if name in dataset.names}
    for name in (columns or {}).values():
        dataset.column(name)
    choose_task(dataset, columns or {}, task)
    dataset.keys = None
    if dataset.shape is not None:
        dataset.keys = compute_keys(dataset)


def choose_task(dataset: Dataset, columns: dict[str, str], task: str | None) -> None:
    """The task and its columns: those named, then those chosen as answer or input, then the likeliest of the rest."""
    left_out = {name for name, role in dataset.chosen.items() if role not in (INPUT, ANSWER)}
    left_out = (left_out | dataset.apart - set(dataset.chosen)) - set(columns.values())
    offered = [column for column in dataset.profile if column["name"] not in left_out]
    named = columns or ({} if task else suggested_columns(dataset, offered))
    dataset.task, dataset.roles, dataset.shape = suggest(offered, task, named or None)
    if dataset.task is None and not columns:
        dataset.task, dataset.roles, dataset.shape = suggest(offered, task, None)
    if dataset.answer and not named and not task and not dataset.chosen:
        take_answer(dataset, offered)
    answer = next((name for name, role in dataset.chosen.items() if role == ANSWER), None)
    slug = task or dataset.task
    if answer and slug and tasks.shapes()[slug].answer and tasks.shapes()[slug].answer not in columns:
        others = {role: name for role, name in dataset.roles.items() if name != answer}
        named = others | columns | {tasks.shapes()[slug].answer: answer}
        dataset.task, dataset.roles, dataset.shape = suggest(offered, slug, named)


def take_answer(dataset: Dataset, offered: list[ColumnProfile]) -> None:
    """The column that the files say is to be predicted, as the answer of the likeliest task that can have it."""
    column = next((column for column in offered if column["name"] == dataset.answer), None)
    if column is None or dataset.answer in dataset.roles.values():
        return
    own = [dataset.shape.answer] if dataset.shape and are_classes(column) else []
    for role in [*own, *(("label", "target") if are_classes(column) else ("target", "label"))]:
        task, roles, shape = suggest(offered, None, {role: dataset.answer})
        if task is not None:
            dataset.task, dataset.roles, dataset.shape = task, roles, shape
            return


def suggested_columns(dataset: Dataset, offered: list[ColumnProfile]) -> dict[str, str]:
    """The roles that the form of the files tells, where nobody has chosen any and all of their columns are there."""
    names = {column["name"] for column in offered if column["kind"] != "empty"}
    is_free = not dataset.chosen and set(dataset.suggested.values()) <= names
    return roles_that_fit(dataset.suggested, offered) if is_free else {}


def roles_that_fit(suggested: dict[str, str], offered: list[ColumnProfile]) -> dict[str, str]:
    """The roles of a form, as its cells allow: a label whose cells are lists is several, and a text that is the same in
    every row is none."""
    columns = {column["name"]: column for column in offered}
    if "text" in suggested and columns[suggested["text"]]["distinct"] < 2:
        return {"target": suggested["label"]} if "label" in suggested else {}
    if "label" in suggested and columns[suggested["label"]]["kind"] == "list":
        return {"labels" if role == "label" else role: name for role, name in suggested.items()}
    return suggested


def compute_keys(dataset: Dataset) -> Keys:
    column = dataset.table.column
    answer = dataset.roles.get(dataset.shape.answer) if dataset.shape else None
    labels = column(answer) if answer and dataset.labelled else None
    needed = [] if dataset.labelled else [column(answer)] if answer else []
    needed += [column(dataset.roles[role]) for role in dataset.shape.reads if role in MEDIA] if dataset.shape else []
    if dataset.linked:
        texts = [column(name) for name in dataset.linked]
        return keys_of_rows(texts, None, [*needed, *texts])
    keys = keys_of_rows([column(name) for name in dataset.inputs] or needed, labels, needed)
    if dataset.shape and "messages" in dataset.shape.reads:
        keys.codes[~answered_mask(column(dataset.roles["messages"]))] = -1
    return keys


def answered_mask(cells: pa.ChunkedArray) -> np.ndarray:
    """(rows,): whether a conversation has an answer that can be learned."""
    answered = [conversation(cell) is not None for part in iterate_slices(cells) for cell in part]
    return np.array(answered, dtype=bool)
