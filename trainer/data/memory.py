"""Memory of the process."""

import gc
import os
import resource

import pyarrow as pa

from trainer.decoding import trim_heap
from trainer.errors import DataError
from trainer.machine import memory_bytes
from trainer.messages import _

ROW_BYTES, CELL_BYTES = 120, 12
"""The least that a row takes beside its text: keys, places and the part it is in; and a cell of it."""
WORTH_RELEASING = 8 * 2**20


def check_declared(name: str, rows: int, columns: int, text_bytes: int = 0) -> None:
    """`DataError` where a table that declares so many rows and columns, and so many bytes of values unpacked, cannot fit into
    the memory of this process. It is asked before any of it is read: a file of three megabytes may declare 300 million rows."""
    limit, _hard = resource.getrlimit(resource.RLIMIT_AS)
    most = min(memory_bytes(), limit) if limit > 0 else memory_bytes()
    if rows * (ROW_BYTES + CELL_BYTES * columns) + text_bytes <= most:
        return
    raise DataError(
        _(
            "%(name)s declares %(rows)s rows and %(columns)s columns. That takes more memory than a reader may have.",
            name=name,
            rows=f"{rows:,}",
            columns=f"{columns:,}",
        ),
        code="too_large",
        hint=_("Send a smaller part of it."),
    )


def use_frugal_pool() -> None:
    """Have Arrow's memory from jemalloc, where it has one and nobody chose another: it returns what is freed at once, where
    Arrow's usual mimalloc keeps 60 MB of a table of 160 MB."""
    if "ARROW_DEFAULT_MEMORY_POOL" not in os.environ and "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
        pa.jemalloc_set_decay_ms(0)


def release_memory(size: int) -> None:
    """Return freed memory to the system before more is asked for, after work on data of so many bytes. Of a little there is
    nothing to return that would be worth the look through all objects of a process, 0.1 s where torch is loaded."""
    if size < WORTH_RELEASING:
        return
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim_heap()
