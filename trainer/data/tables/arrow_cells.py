"""Columns of a batch as Arrow holds them, and what is told of all their cells at once."""

from collections.abc import Collection, Iterator, Sequence
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SPACE, LAST_ASCII = 0x20, 0x7E


class ArrowCells(Sequence[str | None]):
    """Cells that become strings where somebody looks at them, once."""

    def __init__(self, cells: pa.Array | pa.ChunkedArray) -> None:
        self.array = first_chunk(cells)
        self.strings: list[str | None] | None = None

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[str | None]:
        return iter(self.listed())

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | list[str | None] | None:
        return self.listed()[index]

    def listed(self) -> list[str | None]:
        if self.strings is None:
            self.strings = self.array.to_pylist()
        return self.strings


def first_chunk(cells: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Cells in one piece, which they mostly are."""
    if not isinstance(cells, pa.ChunkedArray):
        return cells
    return cells.chunk(0) if cells.num_chunks == 1 else cells.combine_chunks()


def as_array(cells: Sequence[str | None]) -> pa.Array:
    return cells.array if isinstance(cells, ArrowCells) else pa.array(cells, pa.string())


def bytes_of(cells: pa.StringArray) -> tuple[np.ndarray, np.ndarray]:
    """(all bytes of the cells, offsets of cells + 1 in them)."""
    _valid, offsets, data = cells.buffers()
    if not len(cells) or data is None:
        return np.zeros(0, np.uint8), np.zeros(len(cells) + 1, np.int32)
    return np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int32)[cells.offset : cells.offset + len(cells) + 1]


def first_bytes(cells: pa.StringArray) -> np.ndarray:
    """The first byte of each cell, 0 for an empty one."""
    data, offsets = bytes_of(cells)
    starts = offsets[:-1]
    firsts = np.zeros(len(cells), np.uint8)
    filled = np.flatnonzero(offsets[1:] > starts)
    firsts[filled] = data[starts[filled]]
    return firsts


def may_begin(cells: pa.StringArray, characters: Collection[str]) -> np.ndarray:
    """Rows whose cell may begin with one of the characters, in either case and behind blanks; all that begin beyond ASCII, and
    empty ones, are among them."""
    codes = np.arange(256)
    is_sure = (codes > SPACE) & (codes <= LAST_ASCII)
    for character in characters:
        is_sure[[byte for byte in f"{character.lower()}{character.upper()}".encode() if byte < 128]] = False
    return np.flatnonzero(~is_sure[first_bytes(cells)])


def holds_no_letter(data: np.ndarray) -> bool:
    """Whether bytes are digits and marks of ASCII alone."""
    return int(data.max(initial=0)) < ord("A")


def characters_of(table: pa.Table) -> int:
    return sum(pc.sum(pc.utf8_length(column)).as_py() or 0 for column in table.itercolumns())


def rows_of(table: pa.Table) -> list[list[str]]:
    """A list a row; of no cell that is null."""
    return [list(row) for row in zip(*(column.to_pylist() for column in table.itercolumns()), strict=True)]
