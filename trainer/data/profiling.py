"""What each column holds: its kind, its gaps, its lengths, and how often each label occurs."""

from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import ColumnProfile, guess_decimal, guess_kind
from trainer.data.cells import is_missing_mask
from trainer.data.problems import EXAMPLES, shorten
from trainer.data.row_keys import Keys

SAMPLE_CELLS = 2_000
MAX_LABELS, MAX_LABEL_CHARACTERS = 1_000, 1_000_000
"""At most so many labels, and characters of them, go into a profile, which pages and programs read as a whole."""
SLICE_ROWS = 50_000


def profile_column(name: str, column: pa.ChunkedArray) -> ColumnProfile:
    """What the column holds; its kind by a sample of its cells, all else by all of them, a slice at a time."""
    sample: list[str] = []
    hashes: list[np.ndarray] = []
    lengths: list[np.ndarray] = []
    for start in range(0, len(column), SLICE_ROWS):
        cells = column.slice(start, SLICE_ROWS)
        present = cells.filter(pc.invert(is_missing_mask(cells)))
        values = present.to_pylist()
        sample += values[: SAMPLE_CELLS - len(sample)]
        hashes.append(np.fromiter(map(hash, values), np.int64, len(values)))
        lengths.append(pc.utf8_length(present).to_numpy())
    size = np.concatenate(lengths) if lengths else np.array([])
    seen = np.sort(np.concatenate(hashes)) if hashes else np.array([])
    distinct = int((seen[1:] != seen[:-1]).sum()) + 1 if len(seen) else 0
    profile: ColumnProfile = {
        "name": name,
        "kind": guess_kind(sample, distinct, len(size), name),
        "missing": len(column) - len(size),
        "there": len(size),
        "distinct": distinct,
        "examples": [shorten(value) for value in dict.fromkeys(sample)][:EXAMPLES],
    }
    if profile["kind"] == "number" and guess_decimal(sample) == ",":
        profile["decimal"] = ","
    if len(size):
        least, median, p95, most = map(int, np.percentile(size, [0, 50, 95, 100]))
        profile["length"] = {
            "mean": round(float(size.mean()), 1),
            "min": least,
            "median": median,
            "p95": p95,
            "max": most,
        }
    return profile


class LabelCount(TypedDict):
    """A label and its rows."""

    label: str
    count: int


class LabelCounts(TypedDict):
    """`labels`: the commonest; `label_total`: how many labels there are; `label_rows`: rows that have one."""

    labels: list[LabelCount]
    label_total: int
    label_rows: int


def label_counts(keys: Keys | None) -> LabelCounts:
    """As profile.json has them; of no keys, none."""
    counts = keys.counts(usable_only=False) if keys is not None else np.array([], dtype=int)
    names = keys.labels if keys is not None else []
    listed: list[LabelCount] = []
    characters = 0
    for code in np.argsort(-counts, kind="stable")[:MAX_LABELS].tolist():
        characters += len(names[code])
        if not counts[code] or (listed and characters > MAX_LABEL_CHARACTERS):
            break
        listed.append({"label": names[code], "count": int(counts[code])})
    return {
        "labels": listed,
        "label_total": int((counts > 0).sum()),
        "label_rows": int(counts.sum()),
    }
