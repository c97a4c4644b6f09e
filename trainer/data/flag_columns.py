"""Columns of 0 and 1, or of yes and no in another spelling: found by their cells, a few odd ones aside."""

from collections.abc import Set
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc

from trainer.data.dataset import Dataset
from trainer.data.label_votes import NO, YES
from trainer.data.problems import problem
from trainer.messages import ngettext
from trainer.suggestion import FACTS

SAMPLE, SLICE = 2_000, 50_000
MIN_COLUMNS = 3
"""So many columns of 0 and 1 beside one text are its labels."""
NEVER = frozenset({"0", "no", "0.0", "false"})
MOST_ODD = 0.05
"""Share of the cells that may be neither in a column beside others without any."""


def binary_columns(dataset: Dataset) -> list[str]:
    """Columns of yes and no in some spelling, by all of their cells."""
    free = [name for name in dataset.names if name not in dataset.kinds and name not in FACTS]
    listed = {name for name in free if first_cells(dataset, name) & YES and holds_only(dataset, name, YES | NO)}
    if len(listed) >= MIN_COLUMNS - 1:  # a label that no row has yet, among others
        listed |= {name for name in free if name not in listed and is_never_set(dataset, name)}
    return [name for name in dataset.names if name in listed]


def first_cells(dataset: Dataset, name: str) -> set[str]:
    return small_cells(dataset.column(name).slice(0, SAMPLE))


def small_cells(column: pa.ChunkedArray) -> set[str]:
    return {(value or "").strip().lower() for value in pc.unique(column).to_pylist()}


def holds_only(dataset: Dataset, name: str, allowed: Set[str]) -> bool:
    """Whether all cells are of a few; no more is looked at than up to the first that is not."""
    column = dataset.column(name)
    places = chain([(0, SAMPLE)], ((start, SLICE) for start in range(SAMPLE, len(column), SLICE)))
    return all(small_cells(column.slice(start, count)) <= allowed for start, count in places)


def is_never_set(dataset: Dataset, name: str) -> bool:
    seen = first_cells(dataset, name)
    return len(seen) == 1 and seen <= NEVER and holds_only(dataset, name, seen)


def nearly_binary(dataset: Dataset, columns: list[str]) -> dict[str, list[int]]:
    """{column: rows, from 0, with something else in it} of those that are columns of 0 and 1 but for a few cells, beside at least two
    without such."""
    if len(columns) < MIN_COLUMNS - 1:
        return {}
    free = [name for name in dataset.names if name not in (*dataset.kinds, *columns, *FACTS)]
    by_column = {
        name: odd_rows(dataset, name)
        for name in free
        if first_cells(dataset, name) & YES and first_cells(dataset, name) & NO
    }
    return {name: rows for name, rows in by_column.items() if 0 < len(rows) <= MOST_ODD * dataset.rows}


def odd_rows(dataset: Dataset, name: str) -> list[int]:
    """Rows with a cell that is neither yes nor no; more than may be where there are many of them."""
    allowed = YES | NO
    cells = dataset.column(name).slice(0, SAMPLE).to_pylist()
    odd = [row for row, cell in enumerate(cells) if (cell or "").strip().lower() not in allowed]
    if len(odd) > 2 * MOST_ODD * len(cells) or len(cells) == dataset.rows:
        return odd
    cells = dataset.column(name).to_pylist()
    return [row for row, cell in enumerate(cells) if (cell or "").strip().lower() not in allowed]


def tell_odd(dataset: Dataset, odd: dict[str, list[int]]) -> None:
    for name, rows in odd.items():
        message = ngettext(
            "%(count)s row has something else than 0 and 1 in “%(column)s” and is not learned from: write one of them.",
            "%(count)s rows have something else than 0 and 1 in “%(column)s” and are not learned from: write one of them.",
            len(rows),
            column=name,
        )
        dataset.problems.append(problem("unread_flags", "warning", message, rows))
