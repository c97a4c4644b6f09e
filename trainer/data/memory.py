"""Memory of the process."""

import gc

import pyarrow as pa

from trainer.decoding import trim_heap


def release_memory() -> None:
    """Return freed memory to the system before more is asked for."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim_heap()
