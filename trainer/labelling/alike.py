"""Rows without a label that are nearest to a row, by the cosine of their vectors: one label is given to several of them at once.

`alike.parquet` has a line for each row that is looked at (`row`, from 1): the nearest rows of the pool in `alike`, the nearest first,
and in `similarity` their cosines around the mean of all rows. Rows that are reserved for the test are nobody's look-alikes: what is
tested on is drawn at random, and a label in bulk must not draw it.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer.labelling.rows import PartlyLabelled

ALIKE = "alike.parquet"
MOST_EACH = 36
"""Nearest rows that are kept: some get a label before they are worked out anew."""
LEAST = 0.2
"""Cosine below which a row is not alike: that of two unrelated rows is around 0."""
MOST_COMPARED = 40_000_000
"""Pairs of rows, about a second's work: all rows up to a pool of 6,300; of larger ones those that are asked about next."""
RECENT = 100
"""Rows decided last whose look-alikes are known still."""
BLOCK, ROW_GROUP = 500, 500
"""Rows that are compared together, and those that are unpacked together."""


def write_alike(path: Path, rows: PartlyLabelled, unit: np.ndarray, next_ones: list[int]) -> None:
    """`unit`: vectors of length one, a row each; `next_ones`: places of the rows that are asked about next."""
    candidates = np.flatnonzero(rows.is_asked & ~rows.is_reserved)
    places = looked_at(rows, next_ones, MOST_COMPARED // max(1, len(candidates)))
    blocks = [nearest(unit, places[start : start + BLOCK], candidates) for start in range(0, len(places), BLOCK)]
    pairs = [pair for block in blocks for pair in block]
    numbers = [rows.numbers[near] + 1 for near, _cosines in pairs]
    table = pa.table(
        {
            "row": pa.array(rows.numbers[places] + 1, pa.int64()),
            "alike": pa.array(numbers, pa.list_(pa.int64())),
            "similarity": pa.array([cosines for _near, cosines in pairs], pa.list_(pa.float32())),
        }
    )
    part = path.with_suffix(".part")
    pq.write_table(table, part, compression="zstd", row_group_size=ROW_GROUP)
    part.replace(path)


def looked_at(rows: PartlyLabelled, next_ones: list[int], most: int) -> np.ndarray:
    """At most so many places, in the order of the file: of the rows decided last, of those asked about next, then of the others
    as they come."""
    decided = np.argsort(-rows.decided, kind="stable")[:RECENT]
    decided = decided[rows.decided[decided] >= 0]
    rows_looked_at = np.concatenate([decided, np.array(next_ones, dtype=np.int64), rows.asked]).astype(np.int64)
    _places, first = np.unique(rows_looked_at, return_index=True)
    return np.sort(rows_looked_at[np.sort(first)[:most]])


def nearest(unit: np.ndarray, places: np.ndarray, candidates: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each of `places` (candidates that are most like it, their cosines), never itself."""
    cosines = unit[places] @ unit[candidates].T
    cosines[places[:, None] == candidates[None, :]] = -1
    count = min(MOST_EACH, len(candidates))
    best = np.argpartition(-cosines, count - 1, axis=1)[:, :count] if count else np.zeros((len(places), 0), dtype=int)
    pairs = []
    for each, chosen in zip(cosines, best, strict=True):
        order = chosen[np.argsort(-each[chosen], kind="stable")]
        order = order[each[order] >= LEAST]
        pairs.append((candidates[order], each[order]))
    return pairs
