"""Dates as numbers, whatever way a column writes them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from trainer.data.keys import slices

FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%d/%m/%y", "%m/%d/%y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y%m%d",
)  # fmt: skip
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


def value_of(cell: str, form: str) -> float | None:
    try:
        if form == "number":
            value = float(cell)
            return value if value > 10_000 or value == int(value) else None
        moment = datetime.fromisoformat(cell) if form == "iso" else datetime.strptime(cell, form)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
