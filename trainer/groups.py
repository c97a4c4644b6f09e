"""The test rows of a run, divided into groups by a column or by a written condition. What is needed of the rows is read from the
dataset version, so that a column need not be one that was learned from; pyarrow is loaded only where it is read."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.columns import canonical_label
from trainer.conditions import Condition, is_missing, parse, unknown_column
from trainer.errors import UserError
from trainer.messages import _
from trainer.numerals import NumberForm, form_of, number_of

MOST_GROUPS = 12
"""The largest; the values of the rest are counted, and not told."""
BANDS = 4
"""Groups of about as many rows each, of a column with more different numbers than MOST_GROUPS."""
NEITHER = -1


@dataclass(frozen=True)
class Division:
    """`names`: of the groups; None is that of the rows without a cell. `places`: of each row that of its group in `names`,
    NEITHER for one in none. `others`: how many further values there are; their rows are in no group."""

    names: list[str | None]
    places: list[int]
    others: int = 0
    is_condition: bool = False


def split_by(version: Path, columns: Sequence[Mapping[str, Any]], rows: Sequence[int], by: str) -> Division:
    """The rows of a version folder (numbered from 1), whose profile has these `columns`, by a column of that name, or else by
    a condition. Raises `UserError`."""
    forms = {column["name"]: form_of(column) for column in columns}
    if by in forms:
        cells = read_cells(version, [by], rows)[by]
        return by_column(
            cells, forms[by], is_number=(by, "number") in ((each["name"], each["kind"]) for each in columns)
        )
    if not any(mark in by for mark in "=<>"):
        raise unknown_column(by, list(forms))
    condition = parse(by, forms)
    return by_condition(condition, read_cells(version, condition.columns, rows), len(rows))


def columns_of(version: Path) -> list[dict[str, Any]]:
    """The columns of a version folder, as its profile describes them."""
    try:
        return list(json.loads((version / "profile.json").read_text("utf-8"))["columns"])
    except (OSError, ValueError, KeyError) as error:
        raise rows_gone() from error


def read_cells(version: Path, columns: Sequence[str], rows: Sequence[int]) -> dict[str, list[str | None]]:
    """{column: cells of these rows}."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(version / "data.parquet", columns=list(columns))
        taken = table.take(pa.array([row - 1 for row in rows], pa.int64()))
    except (OSError, IndexError, ValueError) as error:
        raise rows_gone() from error
    return {name: [None if cell is None else str(cell) for cell in taken.column(name).to_pylist()] for name in columns}


def by_column(cells: Sequence[str | None], form: NumberForm, *, is_number: bool) -> Division:
    """Each value is a group, the largest first; many different numbers are `BANDS` groups in their order."""
    values = [None if is_missing(cell) else canonical_label(str(cell)) for cell in cells]
    counts = Counter(values)
    if is_number and len(counts) > MOST_GROUPS:
        return by_bands([None if value is None else number_of(value, **form) for value in values])
    ranked = sorted(counts, key=lambda value: (-counts[value], value is None, value or ""))
    names = ranked[:MOST_GROUPS]
    places = {name: place for place, name in enumerate(names)}
    return Division(names, [places.get(value, NEITHER) for value in values], len(ranked) - len(names))


def by_bands(numbers: Sequence[float | None]) -> Division:
    """Between the quartiles; the rows without a number are a group of their own."""
    present = sorted(number for number in numbers if number is not None)
    second = next((number for number in present if number > present[0]), None)
    quartiles = [present[len(present) * band // BANDS] for band in range(1, BANDS)] if second is not None else []
    ends = sorted({number if number > present[0] else second for number in quartiles if second is not None})
    places = [len(ends) + 1 if number is None else sum(number >= end for end in ends) for number in numbers]
    names: list[str | None] = []
    for band in range(len(ends) + 1):
        own = [number for number, place in zip(numbers, places, strict=True) if number is not None and place == band]
        names.append(f"{min(own):.6g} – {max(own):.6g}" if min(own) < max(own) else f"{min(own):.6g}")
    return Division([*names, None] if None in numbers else names, places)


def by_condition(condition: Condition, columns: Mapping[str, Sequence[str | None]], rows: int) -> Division:
    """The rows for which it is true, and those for which it is not; a row with a missing cell that decides is in neither."""
    places = []
    for row in range(rows):
        truth = condition.holds({name: cells[row] for name, cells in columns.items()})
        places.append(NEITHER if truth is None else 0 if truth else 1)
    return Division([condition.text, f"not ({condition.text})"], places, is_condition=True)


def rows_gone() -> UserError:
    return UserError(
        _("The rows that it was tested on cannot be read."),
        code="rows_gone",
        hint=_("They belong to the version of the data that it was trained on."),
    )
