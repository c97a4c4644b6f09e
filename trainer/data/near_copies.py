"""Test rows that nearly repeat a training row, by MinHash (Broder, 1997); bounded in characters."""

import numpy as np
import pyarrow.compute as pc

from trainer.data.cells import select_cells
from trainer.data.dataset import Dataset
from trainer.data.problems import DELETE_ROWS, Problem, problem, sample_texts
from trainer.data.row_keys import normalise_text
from trainer.messages import ngettext

SHINGLE = 5
"""Characters a shingle."""
BANDS, BAND_ROWS = 12, 3
"""36 hashes a text: pairs alike in 7 of 10 shingles meet in a band 99 times of 100."""
MIN_SIMILARITY = 0.8
"""Jaccard similarity of the shingles from which two texts are near copies (Broder, 1997)."""
MAX_CHARACTERS = 8_000_000


def find_near_copies(texts: list[str], rows: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Rows (of `rows`, those of `test` True) that are nearly a row of the other side, exact copies left out; test rows only."""
    if not test.any() or test.all():
        return np.array([], dtype=int)
    normal = [normalise_text(text)[:2_000] for text in texts]
    lengths = np.array([len(word) for word in normal])
    signatures, long = minhash(normal, lengths)
    pairs: set[tuple[int, int]] = set()
    for band in range(BANDS):
        values = signatures[:, band * BAND_ROWS : (band + 1) * BAND_ROWS]
        keys = (values * np.array([1, 1_000_003, 998_244_353], dtype=np.uint64)).sum(axis=1)
        order = np.argsort(keys[long], kind="stable")
        members = np.flatnonzero(long)[order]
        ordered = keys[members]
        for start, end in equal_runs(ordered):
            inside = members[start:end]
            learned, tested = inside[~test[inside]][:20], inside[test[inside]][:200]
            pairs.update((int(test_row), int(train_row)) for test_row in tested for train_row in learned)
        if len(pairs) > 2_000_000:
            break
    near_rows = set()
    shingled: dict[int, frozenset[str]] = {}
    for test_row, train_row in pairs:
        if test_row in near_rows or normal[test_row] == normal[train_row]:
            continue
        a, b = (shingled.setdefault(row, shingles(normal[row])) for row in (test_row, train_row))
        if len(a & b) >= MIN_SIMILARITY * len(a | b):
            near_rows.add(test_row)
    near: np.ndarray = rows[np.array(sorted(near_rows), dtype=int)]
    return near


def shingles(word: str) -> frozenset[str]:
    return frozenset(word[start : start + SHINGLE] for start in range(len(word) - SHINGLE + 1))


def equal_runs(ordered: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of every run of at least two equal values."""
    edges = np.flatnonzero(np.diff(ordered)) + 1
    starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(ordered)]])
    return [(int(a), int(b)) for a, b in zip(starts, ends, strict=True) if b - a > 1]


def minhash(texts: list[str], lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(signatures (texts, 36) uint64, True for texts long enough to have one), all texts in one array of code points."""
    points = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        hashed = np.zeros(max(len(points) - SHINGLE + 1, 0), dtype=np.uint64)
        for step in range(SHINGLE):
            hashed = hashed * np.uint64(1_000_003) + points[step : step + len(hashed)]
        hashed ^= hashed >> np.uint64(29)
        long = lengths >= SHINGLE + 3
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        # Shingles that reach into the next text are pushed to the end of the order.
        ends = starts + lengths - SHINGLE + 1
        inside = np.zeros(len(hashed) + 1, dtype=np.int32)
        np.add.at(inside, np.clip(starts[long], 0, len(hashed)), 1)
        np.add.at(inside, np.clip(ends[long], 0, len(hashed)), -1)
        outside = np.cumsum(inside[:-1]) == 0
        signatures = np.full((len(texts), BANDS * BAND_ROWS), np.uint64(0))
        random = np.random.default_rng(7)
        for column in range(BANDS * BAND_ROWS):
            factor = np.uint64(int(random.integers(1, 2**62)) * 2 + 1)
            mixed = hashed * factor
            mixed ^= mixed >> np.uint64(32)
            mixed[outside] = np.iinfo(np.uint64).max
            if long.any():
                signatures[long, column] = np.minimum.reduceat(mixed, starts[long])
    return signatures, long


def find_near_copy_rows(dataset: Dataset) -> np.ndarray:
    """Test rows that nearly repeat a row to learn from; none are looked for beyond MAX_CHARACTERS of text."""
    texts, keys = dataset.table.column(dataset.inputs[0]), dataset.mapped_keys
    if (pc.sum(pc.utf8_length(texts)).as_py() or 0) > MAX_CHARACTERS:
        return np.array([], dtype=int)
    rows = np.flatnonzero(keys.usable)
    return find_near_copies(select_cells(texts, rows), rows, dataset.split[rows] == "test")


def near_copy_problems(dataset: Dataset) -> list[Problem]:
    """As one problem of the test rows."""
    rows = find_near_copy_rows(dataset)
    if not len(rows):
        return []
    message = ngettext(
        "%(count)s test row is nearly the same as a training row: the score may be slightly optimistic.",
        "%(count)s test rows are nearly the same as training rows: the score may be slightly optimistic.",
        len(rows),
    )
    fix = ("drop_near_duplicates", DELETE_ROWS)
    texts = dataset.table.column(dataset.inputs[0])
    return [problem("near_duplicates_across_split", "warning", message, rows, sample_texts(rows, texts), fix)]
