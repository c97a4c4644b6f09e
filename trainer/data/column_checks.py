"""Columns that say nothing or only name the rows, and cells that spell out that they are empty."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import ColumnProfile
from trainer.data.cells import is_missing_mask, parse_dates, parse_numbers
from trainer.data.dataset import Dataset
from trainer.data.problems import Problem, join_names, problem
from trainer.messages import Message, _, ngettext
from trainer.numerals import LOST_DIGITS, form_of, is_nothing


def column_problems(dataset: Dataset) -> list[Problem]:
    """Columns that say nothing, or that would give the answer away by naming the row."""
    if dataset.mapped_shape.reads:
        return []
    problems = column_faults(dataset)
    for code in COLUMN_PROBLEMS:
        names = columns_with(dataset, code)
        if names:
            message = column_message(code, names)
            fix = (f"drop_{code}", ngettext("Delete the column", "Delete the columns", len(names)))
            problems.append(problem(code, "info", message, examples=names, fix=fix, count=len(names)))
    return problems


def column_faults(dataset: Dataset) -> list[Problem]:
    """An error where a table has no column that its model could learn from."""
    read = set(dataset.inputs)
    inputs = [column for column in dataset.profile if column["name"] in read]
    if dataset.mapped_shape.reads or any(is_learnable(column, dataset) for column in inputs):
        return []
    message = _("No column is left to learn from: the others are identifiers, empty or ignored.")
    return [problem("no_columns", "error", message)]


LEARNED_KINDS = ("number", "date", "category", "boolean", "text")


def is_learnable(column: ColumnProfile, dataset: Dataset) -> bool:
    """Whether a table's model can learn from a column: it differs from row to row, and does not only name the rows."""
    kinds = (*LEARNED_KINDS, "id") if column["name"] in dataset.chosen else LEARNED_KINDS
    return column["kind"] in kinds and column["distinct"] > 1


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


MOST_LOOKED_AT = 20_000
"""Different dates of a column that are looked at for those that cannot be read."""


def unread_cells(dataset: Dataset, column: ColumnProfile) -> pa.ChunkedArray | None:
    """The cells of a column of numbers or dates that are none, a dash for nothing aside; None where all can be read."""
    if column["kind"] not in ("number", "date"):
        return None
    cells = dataset.table.column(column["name"])
    present = cells.filter(pc.invert(is_missing_mask(cells)))
    if column["kind"] == "number":
        left = present.filter(pc.is_null(parse_numbers(present, **form_of(column))))
        dashes = [cell for cell in pc.unique(left).to_pylist() if is_nothing(cell.strip())]
        left = left.filter(pc.invert(pc.is_in(left, pa.array(dashes, pa.string()))))
    elif column["kind"] == "date" and column.get("form") and column["distinct"] <= MOST_LOOKED_AT:
        different = pa.chunked_array([pc.unique(present)])
        seconds = parse_dates(different, column["form"])
        unread = different.filter(pa.array(np.isnan(seconds))) if seconds is not None else different.slice(0, 0)
        left = present.filter(pc.is_in(present, unread.combine_chunks())) if len(unread) else present.slice(0, 0)
    else:
        return None
    return left if len(left) else None


def unread_problems(dataset: Dataset) -> list[Problem]:
    """Cells of columns of numbers and dates that cannot be read as such, and long numbers that have lost their digits."""
    counts: dict[str, int] = {}
    examples: list[str] = []
    problems = []
    for column in dataset.profile:
        left = unread_cells(dataset, column)
        if left is not None:
            counts[column["name"]] = len(left)
            examples += pc.unique(left).slice(0, 3).to_pylist()
    if counts:
        total = sum(counts.values())
        message = ngettext(
            "%(count)s cell in %(names)s cannot be read as a number or date, such as %(examples)s: it counts as missing.",
            "%(count)s cells in %(names)s cannot be read as numbers or dates, such as %(examples)s: they count as missing.",
            total,
            names=join_names(list(counts)),
            examples=join_names(examples[:3]),
        )
        problems.append(problem("unread_cells", "warning", message, examples=examples, count=total))
    return problems + lost_digits_problems(dataset)


def lost_digits_problems(dataset: Dataset) -> list[Problem]:
    """Identifiers as a spreadsheet shows long numbers (1.23457E+11): the last digits are gone."""
    names, examples, total = [], [], 0
    for column in dataset.profile:
        if column["kind"] not in ("number", "id") or column["name"] in dataset.kinds:
            continue
        cells = dataset.table.column(column["name"])
        lost = cells.filter(pc.fill_null(pc.match_substring_regex(cells, f"^(?:{LOST_DIGITS.pattern})$"), False))
        if len(lost) > 0.5 * column.get("there", 0):
            names.append(column["name"])
            examples += pc.unique(lost).slice(0, 3).to_pylist()
            total += len(lost)
    if not names:
        return []
    message = _(
        "%(names)s: a spreadsheet has shortened long numbers (%(example)s), and their last digits are lost. If they are "
        "identifiers, format the column as text and export it again.",
        names=join_names(names),
        example=examples[0],
    )
    return [problem("digits_lost", "warning", message, examples=examples, count=total)]


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
