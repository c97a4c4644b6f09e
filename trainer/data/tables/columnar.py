"""Parquet and Arrow (IPC files, streams, Feather 2) as record batches, their rows counted before they are read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trainer.data.tables.table import damaged
from trainer.data.unpacking import MAX_UNPACKED_BYTES, too_large

ARROW_FILE, ARROW_STREAM, PARQUET = b"ARROW1", b"\xff\xff\xff\xff", b"PAR1"
DAMAGE = (pa.ArrowException, OSError, ValueError, IndexError, OverflowError)
"""What a broken file raises: names that are no text and places beyond a dictionary are found by Python only."""


@dataclass
class Columnar:
    """An open file of columns. `rows`: as it declares; `read(n)`: its batches of at most n rows, once. `unpacked`: bytes of all
    values, as declared; `largest`: of the rows that are unpacked at once."""

    schema: pa.Schema
    rows: int
    unpacked: int
    largest: int
    read: Callable[[int], Iterator[pa.RecordBatch]]


def is_columnar(head: bytes) -> bool:
    return head.startswith((PARQUET, ARROW_FILE)) or is_arrow_stream(head)


def is_arrow_stream(head: bytes) -> bool:
    """A stream begins with a mark and the size of its schema, which is never large."""
    return head.startswith(ARROW_STREAM) and 0 < int.from_bytes(head[4:8], "little") < 1 << 26


def open_columnar(path: Path, name: str) -> Columnar:
    """`DataError` for a file that is damaged."""
    with path.open("rb") as file:
        head = file.read(8)
    try:
        return open_parquet(path, name) if head.startswith(PARQUET) else open_arrow(path, name, head)
    except DAMAGE as error:
        raise damaged(name, "its description cannot be read") from error


def open_parquet(path: Path, name: str) -> Columnar:
    file = pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)
    metadata = file.metadata
    groups = [max(0, metadata.row_group(group).total_byte_size) for group in range(metadata.num_row_groups)]

    def read(count: int) -> Iterator[pa.RecordBatch]:
        yield from checked(file.iter_batches(batch_size=count, use_threads=False), metadata.num_rows, name)

    return Columnar(file.schema_arrow, metadata.num_rows, sum(groups), max(groups, default=0), read)


def open_arrow(path: Path, name: str, head: bytes) -> Columnar:
    """Counted by a first pass over the heads of its batches; their bytes stay in the file, which is mapped."""
    batches = list(arrow_batches(path, head))
    rows, unpacked = sum(batch.num_rows for batch in batches), sum(batch.nbytes for batch in batches)
    with pa.memory_map(str(path)) as source:
        schema = (pa.ipc.open_file(source) if head.startswith(ARROW_FILE) else pa.ipc.open_stream(source)).schema

    def read(count: int) -> Iterator[pa.RecordBatch]:
        pieces = (
            batch.slice(start, count)
            for batch in arrow_batches(path, head)
            for start in range(0, batch.num_rows, count)
        )
        yield from checked(pieces, rows, name)

    return Columnar(schema, rows, unpacked, max((batch.nbytes for batch in batches), default=0), read)


def arrow_batches(path: Path, head: bytes) -> Iterator[pa.RecordBatch]:
    """Each looked over: offsets of a hostile file may point anywhere."""
    with pa.memory_map(str(path)) as source:
        if head.startswith(ARROW_FILE):
            file = pa.ipc.open_file(source)
            batches: Iterator[pa.RecordBatch] = (file.get_batch(n) for n in range(file.num_record_batches))
        else:
            batches = iter(pa.ipc.open_stream(source))
        for batch in batches:
            batch.validate(full=True)
            yield batch


def checked(batches: Iterator[pa.RecordBatch], rows: int, name: str) -> Iterator[pa.RecordBatch]:
    """`DataError` where rows cannot be unpacked, or are more than declared."""
    seen = unpacked = 0
    try:
        for batch in batches:
            seen, unpacked = seen + batch.num_rows, unpacked + batch.nbytes
            if seen > rows:
                raise damaged(name, "it holds more rows than it declares")
            if unpacked > MAX_UNPACKED_BYTES:
                raise too_large(name, unpacked)
            if batch.num_rows:
                yield batch
    except DAMAGE as error:
        raise damaged(name, "its rows cannot be unpacked") from error
