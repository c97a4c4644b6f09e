"""Parquet as batches of text cells. Dictionary pages stay as they are, so that a small file cannot swell in memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trainer.data.memory import check_declared
from trainer.data.tables.arrow_cells import ArrowCells
from trainer.data.tables.columnar import DAMAGE
from trainer.data.tables.hub_features import features_of, has_names, with_names
from trainer.data.tables.table import (
    BATCH_ROWS,
    MAX_FIELD_CHARACTERS,
    MAX_FIELDS,
    Columns,
    Table,
    as_text,
    check_columns,
    damaged,
    named,
)
from trainer.data.tables.wide import narrow
from trainer.errors import DataError
from trainer.messages import _

MAX_BATCH_BYTES = 1 << 30
MAX_ARROW_CHARACTERS = 1 << 28
"""Of a column of a batch that Arrow holds in one piece, whose places are of 32 bits."""


def open_parquet(path: Path, name: str, size: int) -> Table:
    """The table of a Parquet file, its columns of text kept as dictionaries; `DataError` where it is damaged."""
    try:
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
        check_columns(schema.names, name, MAX_FIELDS)
        check_declared(name, metadata.num_rows, len(schema.names), unpacked_bytes(metadata))
        names = [column.name for column in schema if pa.types.is_string(column.type) or pa.types.is_binary(column.type)]
        # A group of a million rows is read a megabyte at a time: read ahead, and by several threads, it took 54 MB more.
        file = pq.ParquetFile(path, read_dictionary=names, pre_buffer=False, buffer_size=1 << 20)
    except DAMAGE as error:
        raise damaged(name, "it begins like a Parquet file, but its description at the end cannot be read") from error
    table = Table(name, "parquet", named(schema.names), iter(()), size)
    done = [0]
    table.progress = lambda: int(size * done[0] / max(metadata.num_rows, 1))
    table.batches = batches(file, table, done)
    narrow(table)
    return table


def unpacked_bytes(metadata: pq.FileMetaData) -> int:
    """Of all values as they are encoded, before they were compressed."""
    return sum(max(0, metadata.row_group(group).total_byte_size) for group in range(metadata.num_row_groups))


def batches(file: pq.ParquetFile, table: Table, done: list[int]) -> Iterator[Columns]:
    features = features_of(file.schema_arrow)
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            done[0] += batch.num_rows
            if done[0] > file.metadata.num_rows:
                raise damaged(table.name, "it holds more rows than it declares")
            if batch.num_rows:
                yield [
                    named_cells(column, features.get(title), table.name)
                    for column, title in zip(batch.columns, batch.schema.names, strict=True)
                ]
    except DAMAGE as error:
        raise damaged(table.name, "its rows cannot be unpacked") from error


def named_cells(column: pa.Array, feature: object, name: str) -> Sequence[str | None]:
    """One column as text, its classes by name where the hub's library wrote their names (`feature`)."""
    if not has_names(feature):
        return cells(column, name)
    return [as_text(with_names(value, feature)) for value in column.to_pylist()]


def cells(column: pa.Array, name: str) -> Sequence[str | None]:
    """One column as text: repeated values are turned into text once."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind) or pa.types.is_duration(kind):
        as_written = pa.int64() if pa.types.is_duration(kind) else pa.string()
        return list(column.cast(as_written).to_pylist())
    if not pa.types.is_dictionary(kind):
        return [as_text(value) for value in column.to_pylist()]
    values = cleaned(column.dictionary)
    total = pc.sum(pc.utf8_length(values).take(column.indices)).as_py() or 0
    if total > MAX_BATCH_BYTES or (pc.max(pc.utf8_length(values)).as_py() or 0) > 64 * MAX_FIELD_CHARACTERS:
        raise DataError(
            _("%(name)s unpacks to far more than its size.", name=name),
            code="too_large",
            hint=_("Send a part of it, or shorter texts."),
        )
    if total < MAX_ARROW_CHARACTERS:
        return ArrowCells(values.take(column.indices))
    texts = values.to_pylist()
    return [None if index is None else texts[index] for index in column.indices.to_pylist()]


def cleaned(values: pa.Array) -> pa.Array:
    """Different values as strings that a cell can hold, see `as_text`."""
    values.validate(full=True)
    if pa.types.is_string(values.type) and not pc.any(pc.match_substring(values, "\0")).as_py():
        return values
    return pa.array([as_text(value) for value in values.to_pylist()], pa.string())
