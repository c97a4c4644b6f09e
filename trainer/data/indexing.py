"""What the site pages through a large version with, beside its rows and in their order, so that a sort or a search need
not go through the texts themselves. Small versions have neither file: their rows are quick enough.

    order.parquet    a column `c<n>` for the n-th column: the rank of each cell, equal for equal cells, null for none
    search.parquet   `words`: the cells of a row in small letters, joined by SEPARATOR
"""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trainer.columns import ColumnProfile
from trainer.data.cells import parse_numbers
from trainer.numerals import form_of

FEWEST_ROWS, FEWEST_BYTES = 50_000, 16 << 20
MOST_COLUMNS = 100
MOST_SEARCHED_BYTES = 512 << 20
"""More text than this is searched where it stands: its copy would fill the disk."""
BATCH_ROWS = 50_000
SEPARATOR = "\x1f"
NUMBERED_KINDS = ("number", "id")


def write_indices(table: pa.Table, columns: Sequence[ColumnProfile], folder: Path) -> None:
    """`columns` are those of the profile, in order."""
    if table.num_rows < FEWEST_ROWS and table.nbytes < FEWEST_BYTES:
        return
    write_order(table, columns, folder / "order.parquet")
    if table.nbytes <= MOST_SEARCHED_BYTES:
        write_search_text(table, folder / "search.parquet")


def write_order(table: pa.Table, columns: Sequence[ColumnProfile], path: Path) -> None:
    ranked = {
        f"c{number}": rank_cells(table.column(number), profile) for number, profile in enumerate(columns[:MOST_COLUMNS])
    }
    pq.write_table(pa.table(ranked), path, compression="lz4", row_group_size=100_000)


def rank_cells(column: pa.ChunkedArray, described: ColumnProfile) -> pa.Array:
    """From 1, cells that are no number last where numbers are ranked, and null like the empty ones."""
    if described["kind"] in NUMBERED_KINDS:
        column = parse_numbers(column, **form_of(described))
    ranks = pc.rank(column, tiebreaker="dense").cast(pa.uint32())
    is_valid = pc.is_valid(column)
    return pc.if_else(is_valid.combine_chunks() if isinstance(is_valid, pa.ChunkedArray) else is_valid, ranks, None)


def write_search_text(table: pa.Table, path: Path) -> None:
    """A slice at a time: the whole of it in small letters would take its size in memory again."""
    schema = pa.schema([("words", pa.string())])
    with pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=False, write_statistics=False) as writer:
        for start in range(0, table.num_rows, BATCH_ROWS):
            batch = table.slice(start, BATCH_ROWS)
            joined = pc.binary_join_element_wise(*batch.itercolumns(), SEPARATOR, null_handling="replace")
            writer.write_table(pa.table([pc.utf8_lower(joined)], schema=schema))
