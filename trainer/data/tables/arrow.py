"""Arrow files and streams, and Feather, as batches of text cells."""

from collections.abc import Iterator
from pathlib import Path

from trainer.data.memory import check_declared
from trainer.data.tables.columnar import open_columnar
from trainer.data.tables.hub_features import features_of
from trainer.data.tables.parquet import named_cells
from trainer.data.tables.table import BATCH_ROWS, MAX_FIELDS, Columns, Table, check_columns, named
from trainer.data.tables.wide import narrow


def open_arrow(path: Path, name: str, size: int) -> Table:
    """`DataError` where it is damaged, or declares more than fits into memory."""
    source = open_columnar(path, name)
    check_columns(source.schema.names, name, MAX_FIELDS)
    check_declared(name, source.rows, len(source.schema.names), source.unpacked)
    features = features_of(source.schema)
    table = Table(name, "arrow", named(source.schema.names), iter(()), size)
    done = [0]
    table.progress = lambda: int(size * done[0] / max(source.rows, 1))

    def batches() -> Iterator[Columns]:
        for batch in source.read(BATCH_ROWS):
            done[0] += batch.num_rows
            yield [
                named_cells(column, features.get(title), name)
                for column, title in zip(batch.columns, source.schema.names, strict=True)
            ]

    table.batches = batches()
    narrow(table)
    return table
