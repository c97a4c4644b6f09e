"""What each column holds: its kind, its gaps, its lengths, and how often each label occurs."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import decimal_of, kind_of
from trainer.data.cells import missing_mask
from trainer.data.problems import EXAMPLES, shortened
from trainer.data.row_keys import Keys

SAMPLE = 2_000
LABELS_SHOWN, LABEL_CHARACTERS = 1_000, 1_000_000
"""At most so many labels, and characters of them, go into a profile, which pages and programs read as a whole."""
SLICE_ROWS = 50_000


def profile_column(name: str, column: pa.ChunkedArray) -> dict[str, Any]:
    """{name, kind, missing, there, distinct, examples, length}: lengths in characters, over the values that are there;
    `decimal` where a column of numbers writes its decimals after a comma."""
    sample: list[str] = []
    hashes: list[np.ndarray] = []
    lengths: list[np.ndarray] = []
    for start in range(0, len(column), SLICE_ROWS):
        cells = column.slice(start, SLICE_ROWS)
        there = cells.filter(pc.invert(missing_mask(cells)))
        values = there.to_pylist()
        sample += values[: SAMPLE - len(sample)]
        hashes.append(np.fromiter(map(hash, values), np.int64, len(values)))
        lengths.append(pc.utf8_length(there).to_numpy())
    size = np.concatenate(lengths) if lengths else np.array([])
    seen = np.sort(np.concatenate(hashes)) if hashes else np.array([])
    distinct = int((seen[1:] != seen[:-1]).sum()) + 1 if len(seen) else 0
    found: dict[str, Any] = {
        "name": name,
        "kind": kind_of(sample, distinct, len(size), name),
        "missing": len(column) - len(size),
        "there": len(size),
        "distinct": distinct,
        "examples": [shortened(value) for value in dict.fromkeys(sample)][:EXAMPLES],
    }
    if found["kind"] == "number" and decimal_of(sample) == ",":
        found["decimal"] = ","
    if len(size):
        least, median, p95, most = map(int, np.percentile(size, [0, 50, 95, 100]))
        found["length"] = {
            "mean": round(float(size.mean()), 1),
            "min": least,
            "median": median,
            "p95": p95,
            "max": most,
        }
    return found


def label_counts(keys: Keys | None) -> dict[str, Any]:
    """{labels: [{label, count}] of the commonest, label_total: how many there are, label_rows: rows that have one}."""
    counts = keys.counts(usable_only=False) if keys is not None else np.array([], dtype=int)
    names = keys.labels if keys is not None else []
    shown: list[dict[str, Any]] = []
    characters = 0
    for code in np.argsort(-counts, kind="stable")[:LABELS_SHOWN].tolist():
        characters += len(names[code])
        if not counts[code] or (shown and characters > LABEL_CHARACTERS):
            break
        shown.append({"label": names[code], "count": int(counts[code])})
    return {
        "labels": shown,
        "label_total": int((counts > 0).sum()),
        "label_rows": int(counts.sum()),
    }
