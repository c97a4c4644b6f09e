"""How many datasets are read at once, and what each reader may take. Without Django: the processes are started by it."""

import os

from trainer.machine import memory_bytes

GIB = 1024**3
QUEUE = "read"
"""Of Celery: reading takes minutes and gigabytes, and nothing else waits behind it."""
SHARE = 0.6
"""Of the machine's memory, for all readers together."""
RESERVED_BYTES = 3 * GIB // 2
"""Addresses that a reader's libraries reserve and hardly use: 1.6 GB of them in a reader of 0.3 GB."""
MAX_BYTES = 5 * GIB


def count() -> int:
    """MAQUETTE_READERS; one of them stays free for other workspaces, unless there is but one."""
    return max(1, int(os.environ.get("MAQUETTE_READERS") or 2))


def most_of_a_workspace() -> int:
    """How many readers one workspace has while nobody else waits."""
    return max(1, count() - 1)


def address_bytes() -> int:
    """The address space of one reader (RLIMIT_AS): its part of the machine, beside what is reserved."""
    return min(MAX_BYTES, int(memory_bytes() * SHARE / count()) + RESERVED_BYTES)
