"""Dates as numbers, whatever way a column writes them."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from trainer.data.keys import slices
from trainer.dates import FORMATS, value_of

SAMPLE = 500
ENOUGH = 0.9


def seconds_of(column: pa.ChunkedArray) -> np.ndarray | None:
    """Seconds since 1970 for each cell, nan where there is none; None when the cells are no dates."""
    sample = [cell.strip() for cells in slices(column) for cell in cells if cell and cell.strip()][:SAMPLE]
    if not sample:
        return None
    for form in ("iso", "number", *FORMATS):
        if sum(value_of(cell, form) is not None for cell in sample) >= ENOUGH * len(sample):
            return np.fromiter(values(column, form), np.float64, len(column))
    return None


def values(column: pa.ChunkedArray, form: str) -> Iterator[float]:
    for cells in slices(column):
        for cell in cells:
            found = value_of(cell.strip(), form) if cell else None
            yield float("nan") if found is None else found
