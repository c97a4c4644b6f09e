"""Rows as small numbers, so that a million of them can be split, searched for copies and fixed in little memory.

A text becomes a 64-bit key of its normalised form, a label a code; the words themselves stay in the Arrow table.
"""

import functools
import hashlib
import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import MISSING, canonical_label, is_missing, number_of
from trainer.data.cells import SLICE_ROWS, is_missing_mask, iterate_slices

FOLD_ASCII = bytes(range(128)).lower() + bytes(range(128, 256))
SHORT = 12
"""Cells of that length and more are missing only when they are blank."""
LONGEST_MISSING = max(map(len, MISSING))
NO_TEXT = 0
"""The key of a row without a text."""


@functools.cache
def ignored_characters() -> "re.Pattern[str]":
    """Punctuation, blanks and control characters: what two copies of one text may differ in. Symbols (emoji) count."""
    points = (chr(point) for point in range(0x10000))
    ranges: list[list[str]] = []
    for char in points:
        if unicodedata.category(char)[0] not in "PZC" or "\ud800" <= char <= "\udfff":
            continue
        if ranges and ord(char) == ord(ranges[-1][1]) + 1:
            ranges[-1][1] = char
        else:
            ranges.append([char, char])
    return re.compile("[" + "".join(f"{re.escape(first)}-{re.escape(last)}" for first, last in ranges) + "]+")


@functools.cache
def ignored_ascii() -> bytes:
    return bytes(point for point in range(128) if unicodedata.category(chr(point))[0] in "PZC")


@functools.cache
def folded_missing() -> frozenset[bytes]:
    """What missing cells of ASCII have in common with others by their key."""
    return frozenset(cell.encode().translate(FOLD_ASCII, ignored_ascii()) for cell in MISSING)


def normalise_text(text: str) -> str:
    """What two copies of one text share: letters, digits and symbols, with case and width folded."""
    if text.isascii():
        folded = text.encode().translate(FOLD_ASCII, ignored_ascii()).decode()
    else:
        folded = ignored_characters().sub("", unicodedata.normalize("NFKC", text).casefold())
    return folded or text.strip()


def spelling_of(label: str) -> str:
    """What two spellings of one label share; a number keeps its sign."""
    is_negative = label.lstrip().startswith(("-", "\u2212")) and number_of(label) is not None
    return ("-" if is_negative else "") + normalise_text(label)


def hash_text(text: str) -> int:
    """64 bits of the normalised text, never NO_TEXT; the same on every machine."""
    digest = hashlib.blake2b(normalise_text(text).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


@dataclass
class Keys:
    """One entry a row. `texts`: uint64 keys, NO_TEXT where there is none; `codes`: index into `labels`, -1 for none."""

    texts: np.ndarray
    codes: np.ndarray
    labels: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def usable(self) -> np.ndarray:
        """True where a row has both a text and a label."""
        usable: np.ndarray = (self.texts != NO_TEXT) & (self.codes >= 0)
        return usable

    def counts(self, usable_only: bool = True) -> np.ndarray:
        """Rows of each label, in the order of `labels`."""
        codes = self.codes[self.usable] if usable_only else self.codes[self.codes >= 0]
        return np.bincount(codes, minlength=len(self.labels))


def keys_of_texts(texts: pa.ChunkedArray, labels: pa.ChunkedArray) -> Keys:
    return Keys(hash_texts(texts), *encode_labels(labels))


def hash_texts(texts: pa.ChunkedArray) -> np.ndarray:
    """uint64 a row: what two copies of one text share, NO_TEXT where there is none."""
    keys = np.zeros(len(texts), dtype=np.uint64)
    for start in range(0, len(texts), SLICE_ROWS):
        cells = texts.slice(start, SLICE_ROWS)
        keys[start : start + len(cells)] = hash_cells(cells)
    return keys


def hash_cells(cells: pa.ChunkedArray) -> np.ndarray:
    """As `hash_text` has it. Cells of ASCII are hashed as bytes; others, and what may be a missing one or nothing but signs, are
    looked at closely."""
    ignored, hashed = ignored_ascii(), hashlib.blake2b
    present = pc.fill_null(cells, "").cast(pa.binary()).to_pylist()
    folded = [cell.translate(FOLD_ASCII, ignored) if cell.isascii() else b"" for cell in present]
    digests = b"".join([hashed(cell, digest_size=8).digest() for cell in folded])
    keys: np.ndarray = np.maximum(np.frombuffer(digests, "<u8"), 1)
    missing = folded_missing()
    short = np.flatnonzero(np.fromiter(map(len, folded), np.int64, len(folded)) <= LONGEST_MISSING)
    close = np.array([row for row in short.tolist() if folded[row] in missing], dtype=np.int64)
    keys[close] = [hash_present(cell) for cell in cells.take(pa.array(close)).to_pylist()]
    return keys


def hash_present(cell: str | None) -> int:
    """NO_TEXT for a missing cell."""
    if cell is None or (len(cell) < SHORT and is_missing(cell)) or cell.isspace():
        return NO_TEXT
    return hash_text(cell)


def keys_of_rows(inputs: list[pa.ChunkedArray], labels: pa.ChunkedArray | None, needed: list[pa.ChunkedArray]) -> Keys:
    """Keys of rows with any inputs: one is compared as text is, several cell by cell. Without labels all are of one class;
    a row that lacks one of the `needed` cells has none."""
    count = len((inputs or needed or [labels])[0])
    keys = hash_texts(inputs[0]) if len(inputs) == 1 else hash_rows(inputs, count) if inputs else distinct_keys(count)
    codes, names = encode_labels(labels) if labels is not None else (np.zeros(count, dtype=np.int32), [""])
    for column in needed:
        codes[is_missing_mask(column).to_numpy()] = -1
    return Keys(keys, codes, names)


def distinct_keys(count: int) -> np.ndarray:
    """Keys of rows that have no input to compare."""
    return np.arange(count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def hash_rows(columns: list[pa.ChunkedArray], count: int) -> np.ndarray:
    """A 64-bit hash of all cells of a row, NO_TEXT where every cell is missing."""
    keys = np.zeros(count, dtype=np.uint64)
    for start in range(0, count, SLICE_ROWS):
        cells = [column.slice(start, SLICE_ROWS).combine_chunks() for column in columns]
        empty = functools.reduce(
            np.logical_and, (is_missing_mask(column).to_numpy(zero_copy_only=False) for column in cells)
        )
        joined = pc.binary_join_element_wise(*(pc.fill_null(column, "") for column in cells), "\x1f")
        hashes = [
            int.from_bytes(hashlib.blake2b(row.encode(), digest_size=8).digest(), "big") | 1
            for row in joined.to_pylist()
        ]
        keys[start : start + len(hashes)] = np.where(empty, np.uint64(NO_TEXT), np.array(hashes, dtype=np.uint64))
    return keys


def encode_labels(labels: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """(code of each row, canonical labels in the order in which they first occur)."""
    names: dict[str, int] = {}
    codes_by_cell: dict[str | None, int] = {}
    codes = np.empty(len(labels), dtype=np.int32)
    start = 0
    for cells in iterate_slices(labels):
        for cell in dict.fromkeys(cells):
            if cell not in codes_by_cell:
                missing = cell is None or is_missing(cell)
                codes_by_cell[cell] = -1 if missing else names.setdefault(canonical_label(str(cell)), len(names))
        codes[start : start + len(cells)] = [codes_by_cell[cell] for cell in cells]
        start += len(cells)
    return codes, list(names)


def find_copies(keys: Keys) -> np.ndarray:
    """Usable rows, in order, whose text another usable row has too."""
    rows = np.flatnonzero(keys.usable)
    order = np.argsort(keys.texts[rows], kind="stable")
    ordered = keys.texts[rows[order]]
    same = ordered[1:] == ordered[:-1]
    copies = np.zeros(len(rows), dtype=bool)
    copies[1:] |= same
    copies[:-1] |= same
    return np.sort(rows[order[copies]])


def shuffle_keys(keys: np.ndarray, seed: int) -> np.ndarray:
    """Keys shuffled by a seed: splitmix64 (Steele and others, 2014), so that an order depends on nothing but both."""
    with np.errstate(over="ignore"):
        value = keys ^ (np.uint64(seed & 0xFFFFFFFFFFFFFFFF) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x1234567))
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
