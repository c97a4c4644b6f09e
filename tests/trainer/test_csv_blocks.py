"""Blocks of text tables that are cut at once: the same records as line by line, and None where a line must be looked at."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.cells import is_missing_mask, is_spelled_missing
from trainer.data.row_keys import hash_present, hash_texts
from trainer.data.tables import streams
from trainer.data.tables.arrow_cells import ArrowCells, may_begin
from trainer.data.tables.csv_blocks import cut_block
from trainer.data.tables.csv_records import RecordReader
from trainer.data.tables.dialects import Dialect
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table

QUICK = settings(max_examples=150, deadline=None, derandomize=True)
COMMA = Dialect()
CELL = st.text(st.sampled_from('ab 1,"\n\u200b中-\r'), max_size=6)
FIELD = st.one_of(
    st.text(st.sampled_from("ab1-.中é "), max_size=5),
    CELL.map(lambda cell: '"' + cell.replace('"', '""') + '"'),
    st.sampled_from(['"', 'a"b', '"a"b', "", "12"]),
)
LINE = st.lists(FIELD, min_size=1, max_size=4).map(",".join) | st.lists(FIELD, min_size=3, max_size=3).map(",".join)


def reader_of(text: str) -> tuple[RecordReader, Table]:
    table = Table("a.csv", "csv", ["a", "b", "c"], iter(()), 1)
    reader = RecordReader(Lines(io.StringIO(text, newline=""), "a.csv"), table, COMMA)
    reader.learn([], 3)
    return reader, table


def in_blocks(reader: RecordReader) -> Iterator[tuple[int, list[str]]]:
    for numbers, cells in reader.blocks():
        rows = zip(*cells.itercolumns(), strict=True) if isinstance(cells, pa.Table) else cells
        for number, row in zip(numbers, rows, strict=True):
            yield number, [cell.as_py() if isinstance(cell, pa.Scalar) else cell for cell in row]


@given(st.lists(LINE, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from([7, 40, 1 << 20]))
@QUICK
def test_blocks_hold_the_records_that_are_read_line_by_line(
    lines: list[str], end: str, is_ended: bool, size: int
) -> None:
    text = end.join(lines) + end * is_ended
    (slow, told), (quick, told_quick) = reader_of(text), reader_of(text)
    before = streams.BLOCK_CHARACTERS
    streams.BLOCK_CHARACTERS = size
    try:
        found = list(in_blocks(quick))
    finally:
        streams.BLOCK_CHARACTERS = before
    assert found == list(slow.records())
    assert (told_quick.bad, told_quick.mended) == (told.bad, told.mended)


def cut(text: str, width: int = 2) -> Any:
    made = cut_block(text, width, COMMA, lambda row, lines: "no" not in row)
    return made and (list(zip(*made.cells.to_pydict().values(), strict=True)), made.lines.tolist(), made.characters)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('a,b\n"c, ""d""",e\n', [("a", "b"), ('c, "d"', "e")]),
        ('a,"1\n2"\nc,d', [("a", "1\n2"), ("c", "d")]),
        ('a,b\r\n"c\r\nd",e\r\n', [("a", "b"), ("c\r\nd", "e")]),
        ('a,b\nc,"d\n', [("a", "b")]),  # may go on behind the block
        ('a,b\n"no",",\n"\nc,d\n', [("a", "b")]),  # doubted
        ("ä,中\n,\n", [("ä", "中"), ("", "")]),
    ],
)
def test_sound_blocks_are_cut(text: str, rows: list[tuple[str, str]]) -> None:
    assert cut(text)[0] == rows


@pytest.mark.parametrize(
    "text",
    ["a,b,c\n", "a,b\n\nc,d\n", "a,b\rc,d\n", 'a,b"c"\n', 'a,"b" c\n', "-----,---\na,b\n", '"--",--\n', 'a,"b\n', ""],
)
def test_blocks_with_a_line_to_look_at_are_not(text: str) -> None:
    assert cut(text) is None


def test_lines_and_characters_of_a_cut() -> None:
    assert cut('é,"1\n2"\nc,d\ne,"')[1:] == ([0, 2], 12)


def test_cells_of_arrow_are_a_sequence_of_strings() -> None:
    cells = ArrowCells(pa.chunked_array([["a", None], ["b"]], pa.string()))
    assert (len(cells), list(cells), cells[-1], cells[:2], "b" in cells) == (
        3,
        ["a", None, "b"],
        "b",
        ["a", None],
        True,
    )
    assert may_begin(cells.array, "B").tolist() == [1, 2]


ODD = ["", " ", None, "nan", " NaN ", "N/A", "null                ", "  \\N", "...", "a", "ünïcode Text", "\u00a0", "\x1c", "\u3000null\u2003", "中文", "-5", "<na>", "x" * 13, " " * 30, "n/a          .", "É", "\ufb01"]  # fmt: skip


@given(st.lists(st.sampled_from(ODD) | st.text(max_size=9), max_size=60), st.integers(0, 3))
@QUICK
def test_missing_cells_and_keys_of_a_column_are_those_of_each_cell(cells: list[str | None], start: int) -> None:
    column = pa.chunked_array([cells, ["word"] * 40], pa.string()).slice(start)
    assert is_missing_mask(column).to_pylist() == is_spelled_missing(column).to_pylist()
    assert np.array_equal(hash_texts(column), np.array([hash_present(cell) for cell in column.to_pylist()], np.uint64))
