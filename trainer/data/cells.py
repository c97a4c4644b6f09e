"""Columns of cells, a bounded number at a time: which are missing, and what they are as numbers and as dates."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import MISSING
from trainer.data.tables.arrow_cells import first_bytes
from trainer.dates import FORMS, guess_form, value_of
from trainer.numerals import COMMA, DOT, LONGEST, MONEY, PLAIN, THOUSANDS, number_of


def select_cells(column: pa.ChunkedArray, rows: np.ndarray) -> list[str]:
    """Cells of some rows in ascending order; a filter goes chunk by chunk, where `take` would copy the whole column."""
    mask = np.zeros(len(column), dtype=bool)
    mask[rows] = True
    return [cell or "" for cell in column.filter(pa.array(mask)).to_pylist()]


SLICE_ROWS = 50_000


def iterate_slices(column: pa.ChunkedArray) -> Iterator[list[str | None]]:
    """A column's cells as Python strings, a bounded number at a time."""
    for start in range(0, len(column), SLICE_ROWS):
        yield column.slice(start, SLICE_ROWS).to_pylist()


def is_missing_mask(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """True where a cell is null, blank or one of the spellings of a missing value. Of many cells a bounded number at a time, so
    that a column of long texts is not held twice."""
    if isinstance(column, pa.ChunkedArray):
        pieces = (piece for chunk in column.chunks for piece in sliced(chunk))
        return pa.chunked_array([is_missing_mask(piece) for piece in pieces], pa.bool_())
    if not pa.types.is_string(column.type):
        return is_spelled_missing(column)
    close = np.flatnonzero(MAY_BE_MISSING[first_bytes(column)])
    if 2 * len(close) > len(column):
        return is_spelled_missing(column)
    mask = np.zeros(len(column), dtype=bool)
    mask[close] = is_spelled_missing(column.take(pa.array(close))).to_numpy(zero_copy_only=False)
    return pc.or_(pc.is_null(column), pa.array(mask))


def sliced(cells: pa.Array) -> Iterator[pa.Array]:
    return (cells.slice(start, SLICE_ROWS) for start in range(0, len(cells), SLICE_ROWS))


def is_spelled_missing(column: pa.Array) -> pa.Array:
    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    return pc.or_kleene(pc.is_null(trimmed), pc.fill_null(pc.is_in(trimmed, pa.array(sorted(MISSING))), False))


BLANK_BYTES = (*range(0x21), 0x7F, 0xC2, 0xE1, 0xE2, 0xE3)
"""With which a blank of any script begins."""
MAY_BE_MISSING = np.isin(
    np.arange(256), [*BLANK_BYTES, *"".join(word[:1] + word[:1].upper() for word in MISSING).encode()]
)
"""First bytes of cells that may be missing ones."""


AROUND = f"(?i){MONEY.pattern}"


def parse_numbers(cells: pa.ChunkedArray, decimal: str = ".", unit: str = "", ranges: bool = False) -> pa.ChunkedArray:
    """float64, null for a cell that holds no number: as `number_of` of each cell, most of them together."""
    values = parse_common(cells, decimal)
    is_left = pc.and_(pc.is_null(values), pc.fill_null(pc.match_substring_regex(cells, UNCOMMON), False))
    if not pc.any(is_left).as_py():
        return values
    left = pc.if_else(is_left, cells, None)
    different = pc.unique(left).drop_null()
    numbers = pa.array([number_of(cell, decimal, unit, ranges) for cell in different.to_pylist()], pa.float64())
    return pc.coalesce(values, pc.take(numbers, pc.index_in(left, different)))


TELLING = r",|\..*\."
"""A cell that may tell the decimal mark by more than a dot."""


def count_marks(cells: pa.ChunkedArray) -> tuple[int, int]:
    """(cells that only a decimal comma explains, cells that only a decimal point explains), of a whole column."""
    if not pc.any(pc.match_substring_regex(cells, TELLING)).as_py():
        return 0, int(pc.sum(pc.match_substring(cells, ".")).as_py() or 0)
    bare = pc.replace_substring_regex(cells, AROUND, "")
    commas, dots = (
        int(pc.sum(pc.match_substring_regex(bare, f"^(?:{mark.pattern})$")).as_py() or 0) for mark in (COMMA, DOT)
    )
    return commas, dots


UNCOMMON = rf"^(?s:.{{1,{LONGEST}}})$"
"""Cells that `number_of` may read as a number in an uncommon writing."""


def parse_common(cells: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """The numbers with nothing but currency, percent and thousands' marks."""
    text = pc.utf8_trim_whitespace(cells)
    is_plain = pc.fill_null(pc.match_substring_regex(text, f"^(?:{PLAIN.pattern})$"), False)
    if decimal == "," or not pc.all(is_plain).as_py():
        text = (
            pc.if_else(is_plain, text, None) if decimal == "." and is_plain_text(text) else strip_marks(text, decimal)
        )
    is_number = pc.fill_null(pc.match_substring_regex(text, f"^(?:{PLAIN.pattern})$"), False)
    values = pc.cast(pc.utf8_ltrim(pc.if_else(is_number, text, None), "+"), pa.float64())
    return pc.if_else(pc.is_finite(values), values, None)


def is_plain_text(text: pa.ChunkedArray) -> bool:
    """Whether nothing but digits, dots and letters stands in the cells, so that none would become a number."""
    return not pc.any(pc.match_substring_regex(text, rf"[,(−]|{AROUND}")).as_py()


def strip_marks(text: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    """The cells without currency, percent and thousands' marks, decimals after a dot."""
    text = pc.replace_substring(pc.replace_substring_regex(text, AROUND, ""), "−", "-")
    text = pc.replace_substring_regex(text, r"^\((.*)\)$", r"-\1")
    if decimal == ",":
        swapped = (pc.replace_substring(text, ".", "\t"), ",", ".")
        text = pc.replace_substring(pc.replace_substring(*swapped), "\t", ",")
    parted = pc.match_substring_regex(text, f"^(?:{THOUSANDS.pattern})$")
    return pc.if_else(parted, pc.replace_substring(text, ",", ""), text)


SAMPLE = 500
ENOUGH = 0.9


def parse_dates(column: pa.ChunkedArray, form: str | None = None) -> np.ndarray | None:
    """Seconds since 1970 for each cell, nan where there is none; None when the cells are not dates. `form`: how they are
    written, where that is settled."""
    if form:
        return np.fromiter(values(column, form), np.float64, len(column))
    sample = [cell.strip() for cells in iterate_slices(column) for cell in cells if cell and cell.strip()][:SAMPLE]
    if not sample:
        return None
    guessed = guess_form(sample, ENOUGH, ("iso", "number", *FORMS))
    return None if guessed is None else np.fromiter(values(column, guessed), np.float64, len(column))


def values(column: pa.ChunkedArray, form: str) -> Iterator[float]:
    for cells in iterate_slices(column):
        for cell in cells:
            seconds = value_of(cell.strip(), form) if cell else None
            yield float("nan") if seconds is None else seconds
