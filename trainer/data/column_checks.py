"""Columns that say nothing or only name the rows, and cells that spell out that they are empty."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.data.cells import is_missing_mask
from trainer.data.dataset import Dataset
from trainer.data.problems import Problem, join_names, problem
from trainer.messages import Message, _, ngettext


def column_problems(dataset: Dataset) -> list[Problem]:
    """Columns that say nothing, or that would give the answer away by naming the row."""
    if dataset.mapped_shape.reads:
        return []
    problems = []
    if not dataset.inputs:
        message = _("No column is left to learn from: the others are identifiers, empty or ignored.")
        problems.append(problem("no_columns", "error", message))
    for code in COLUMN_PROBLEMS:
        names = columns_with(dataset, code)
        if names:
            message = column_message(code, names)
            fix = (f"drop_{code}", ngettext("Delete the column", "Delete the columns", len(names)))
            problems.append(problem(code, "info", message, examples=names, fix=fix, count=len(names)))
    return problems


COLUMN_PROBLEMS = ("empty_columns", "constant_columns", "identifier_columns")


def column_message(code: str, names: list[str]) -> Message:
    """What is said of columns with one of COLUMN_PROBLEMS."""
    number, listed = len(names), join_names(names)
    if code == "empty_columns":
        return ngettext("%(names)s is empty and ignored.", "%(names)s are empty and ignored.", number, names=listed)
    if code == "constant_columns":
        return ngettext(
            "%(names)s has the same value in every row and is ignored.",
            "%(names)s have the same value in every row and are ignored.",
            number,
            names=listed,
        )
    return ngettext(
        "%(names)s is an identifier, unique in every row, and is ignored.",
        "%(names)s are identifiers, unique in every row, and are ignored.",
        number,
        names=listed,
    )


def columns_with(dataset: Dataset, code: str) -> list[str]:
    """The columns beside the answer that have one of COLUMN_PROBLEMS."""
    answer = dataset.roles.get(dataset.mapped_shape.answer)
    tests = {
        "empty_columns": lambda column: column["kind"] == "empty",
        "constant_columns": lambda column: column["kind"] != "empty" and column["distinct"] == 1,
        "identifier_columns": lambda column: column["kind"] == "id",
    }
    excluded = {answer, dataset.split_spec.group, dataset.split_spec.time, *dataset.chosen}
    return [column["name"] for column in dataset.profile if column["name"] not in excluded and tests[code](column)]


def is_spelled_missing(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """True for cells that say in letters that there is no value: NaN, null, N/A."""
    blank = pc.equal(pc.utf8_trim_whitespace(column), "")
    return pc.fill_null(pc.and_not(is_missing_mask(column), blank), False)


def spelling_problems(dataset: Dataset) -> list[Problem]:
    """Cells of all columns that say “n/a” or the like, as one problem."""
    counts: dict[str, int] = {}
    rows = np.zeros(dataset.rows, dtype=bool)
    examples: set[str] = set()
    for profile in dataset.profile:
        if profile["name"] in dataset.kinds or not profile["missing"]:
            continue
        column = dataset.table.column(profile["name"])
        spelled = is_spelled_missing(column)
        count = pc.sum(spelled).as_py() or 0
        if count:
            counts[profile["name"]] = count
            rows |= spelled.to_numpy()
            examples |= set(pc.unique(column.filter(spelled)).to_pylist())
    if not counts:
        return []
    total = sum(counts.values())
    message = ngettext(
        "%(count)s cell contains “n/a” or similar, in %(names)s: it counts as empty.",
        "%(count)s cells contain “n/a” or similar, in %(names)s: they count as empty.",
        total,
        names=join_names(list(counts)),
    )
    fix = ("empty_missing", _("Empty the cells"))
    return [problem("missing_spellings", "info", message, np.flatnonzero(rows), sorted(examples), fix, count=total)]
