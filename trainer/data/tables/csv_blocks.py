"""Blocks of a text table that Arrow may cut into cells, because every mark in them stands where it should: some hundred thousand
characters at once instead of line by line."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from trainer.data.tables.dialects import Dialect
from trainer.data.tables.streams import lines_in
from trainer.data.tables.table import MAX_FIELD_CHARACTERS

LINE_END, RETURN = 0x0A, 0x0D
RULING = np.isin(np.arange(256), list("-=+|: ─".encode()))
"""First bytes of lines that may draw a rule."""
IsRecord = Callable[[list[str], list[str]], bool]
"""Whether a record (its fields, its lines) of several lines is one."""


class Cut(NamedTuple):
    """`cells`: the records; `lines`: where each begins, counted from 0; `line_count` and `characters`: of the text that was cut."""

    cells: pa.Table
    lines: np.ndarray
    line_count: int
    characters: int


class Marks(NamedTuple):
    """Places of bytes. `ends`: of lines, `outer`: of those that end a record."""

    data: np.ndarray
    quotes: np.ndarray
    ends: np.ndarray
    outer: np.ndarray


def can_cut(dialect: Dialect) -> bool:
    return dialect.is_plain and dialect.mark.isascii() and dialect.quote.isascii() and not dialect.spaced


def cut_block(text: str, width: int, dialect: Dialect, is_record: IsRecord) -> Cut | None:
    """The records of whole lines, up to the first of several lines that `is_record` doubts, or the last that may go on. None
    where a line must be looked at by itself: for its width, for a mark in the wrong place, for a rule or a line without text."""
    if len(text) > 2 * MAX_FIELD_CHARACTERS:
        return None
    raw = text.encode()
    marks = find_marks(raw if raw.endswith(b"\n") else raw + b"\n", dialect)
    if marks is None or not are_records(marks, width, dialect):
        return None
    inner = np.setdiff1d(marks.ends, marks.outer, assume_unique=True)
    records = len(marks.outer)
    for record in np.unique(np.searchsorted(marks.outer, inner)).tolist():
        start = int(marks.outer[record - 1]) + 1 if record else 0
        if record == len(marks.outer) or not is_sound(raw[start : int(marks.outer[record]) + 1], dialect, is_record):
            records = record
            break
    if not records:
        return None
    end = int(marks.outer[records - 1]) + 1
    starts = np.concatenate(([0], marks.outer[: records - 1] + 1))
    cells = parse_cells(raw[:end], width, dialect, has_lines=len(inner) > 0, has_quotes=len(marks.quotes) > 0)
    if cells is None or cells.num_rows != records:
        return None
    line_count = int(np.searchsorted(marks.ends, end))
    return Cut(cells, np.searchsorted(marks.ends, starts), line_count, len(raw[:end].decode()))


def find_marks(raw: bytes, dialect: Dialect) -> Marks | None:
    """None where a quotation mark stands in the wrong place, or lines end by a return alone."""
    data = np.frombuffer(raw, np.uint8)
    ends = np.flatnonzero(data == LINE_END)
    if b"\r" in raw and raw.count(b"\r") != raw.count(b"\r\n"):
        return None
    quotes = np.flatnonzero(data == ord(dialect.quote)) if dialect.quote and dialect.quote.encode() in raw else ends[:0]
    if not len(quotes):
        return Marks(data, quotes, ends, ends)
    if len(quotes) % 2:  # the last record goes on behind the block
        ended = ends[np.searchsorted(quotes, ends) % 2 == 0]
        last = int(ended[-1]) + 1 if len(ended) else 0
        return find_marks(raw[:last], dialect) if last and len(quotes[quotes < last]) % 2 == 0 else None
    opening, closing = quotes[::2], quotes[1::2]
    mark, quote = ord(dialect.mark), ord(dialect.quote)
    before = np.where(opening > 0, data[opening - 1], LINE_END)
    if not np.isin(before, (mark, LINE_END, quote)).all():
        return None
    if not np.isin(data[closing + 1], (mark, LINE_END, RETURN, quote)).all():
        return None
    return Marks(data, quotes, ends, ends[np.searchsorted(quotes, ends) % 2 == 0])


def are_records(marks: Marks, width: int, dialect: Dialect) -> bool:
    """Whether every record has the width, holds something, and draws no rule."""
    data, quotes, _ends, outer = marks
    if not len(outer):
        return False
    delimiters = np.flatnonzero(data == ord(dialect.mark))
    if len(quotes):
        delimiters = delimiters[np.searchsorted(quotes, delimiters) % 2 == 0]
    counts = np.diff(np.searchsorted(delimiters, outer), prepend=0)
    if (counts != width - 1).any():
        return False
    starts = np.concatenate(([0], outer[:-1] + 1))
    firsts = data[starts]
    if np.isin(firsts, (LINE_END, RETURN)).any() or RULING[firsts].any():
        return False
    enclosed = starts[firsts == ord(dialect.quote)] if dialect.quote else starts[:0]
    return not RULING[data[enclosed + 1]].any()


def is_sound(raw: bytes, dialect: Dialect, is_record: IsRecord) -> bool:
    taken = lines_in(raw.decode())
    return is_record(next(dialect.reader(taken)), taken)


def parse_cells(raw: bytes, width: int, dialect: Dialect, *, has_lines: bool, has_quotes: bool) -> pa.Table | None:
    from pyarrow import csv

    names = [str(place) for place in range(width)]
    try:
        return csv.read_csv(
            pa.BufferReader(raw),
            csv.ReadOptions(use_threads=False, block_size=len(raw) + 1, column_names=names),
            csv.ParseOptions(
                delimiter=dialect.mark,
                quote_char=dialect.quote if has_quotes else False,
                double_quote=True,
                newlines_in_values=has_lines,
                ignore_empty_lines=False,
            ),
            csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
