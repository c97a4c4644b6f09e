"""Tables, datasets and lines made in memory, for the tests of single steps of reading."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from trainer.data.columns import map_columns
from trainer.data.dataset import Dataset
from trainer.data.row_keys import Keys, keys_of_texts
from trainer.data.splitting import split_dataset
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Columns, Table
from trainer.spec import SplitSpec

Cells = Sequence[str | None]


def texts(count: int) -> list[str]:
    return [f"this is message number {number} of them all" for number in range(count)]


def unmapped(**columns: Cells) -> Dataset:
    """Rows as they are gathered, before anybody has said what the columns are for."""
    return Dataset(pa.table({name: pa.array(list(cells), pa.string()) for name, cells in columns.items()}), [])


def dataset(task: str | None = None, split: SplitSpec | None = None, **columns: Cells) -> Dataset:
    """Mapped and split as a file's rows would be."""
    made = unmapped(**columns)
    made.split_spec = split or SplitSpec()
    map_columns(made, None, task)
    split_dataset(made, made.split_spec)
    return made


def keys_from(texts: Iterable[str], labels: Iterable[str]) -> Keys:
    """Keys of plain lists."""
    return keys_of_texts(*(pa.chunked_array([pa.array(list(cells), pa.string())]) for cells in (texts, labels)))


def rows_of(made: Dataset) -> list[dict[str, Any]]:
    return made.table.to_pylist()


def table(name: str, batch_rows: int = 3, **columns: Cells) -> Table:
    """A table in batches of so many rows."""
    count = max((len(cells) for cells in columns.values()), default=0)
    batches: list[Columns] = [
        [list(cells[start : start + batch_rows]) for cells in columns.values()] for start in range(0, count, batch_rows)
    ]
    return Table(name, "csv", list(columns), iter(batches), 10 * count)


def records(read: Table) -> list[dict[str, str | None]]:
    """All rows of a table, which are used up."""
    return [dict(zip(read.columns, row, strict=True)) for batch in read.batches for row in zip(*batch, strict=True)]


def lines(text: str, name: str = "rows.txt") -> Lines:
    return Lines(io.StringIO(text, newline=""), name)
