"""Memory of the process."""

import contextlib
import ctypes
import gc

import pyarrow as pa


def release_memory() -> None:
    """Return freed memory to the system before more is asked for."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc's
