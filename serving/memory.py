"""How much memory requests may take, all of them together: in their bodies, while they are decoded, and decoded.

`MAQUETTE_SERVING_INPUTS` is divided between the three. Bodies and decoded arrays that find no room are refused with 503; what
is to be decoded waits for its turn (`trainer.decoding`). The process as a whole has a bound as well.
"""

import os
import resource
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serving import problems
from trainer import decoding
from trainer.machine import memory_bytes

MIB, GIB = 1024**2, 1024**3
BODIES, ARRAYS = 0.2, 0.15
"""Shares of the whole; the rest is for decoding."""
SMALL_BYTES = 64 * 1024
"""Of each body that are let pass uncounted, so that texts and rows are answered while pictures find no room."""
MOST_WRITING = 128
"""Answers that are written token by token at a time."""
WRITING = 0.25
"""What they take together, of the memory for models."""
DECODING_SECONDS = 10.0
"""A picture waits this long for others to be decoded, then its sender is told to come back."""


def read_bytes(name: str, default: int) -> int:
    """A setting in bytes; a suffix K, M or G counts in 1024s."""
    text = os.environ.get(name, "").strip().upper()
    scale = {"K": 1024, "M": MIB, "G": GIB}.get(text[-1:], 1)
    number = text.rstrip("KMG")
    return int(float(number) * scale) if number else default


def model_bytes() -> int:
    """For models."""
    return read_bytes("MAQUETTE_SERVING_MEMORY", GIB)


def input_bytes() -> int:
    """For requests."""
    return read_bytes("MAQUETTE_SERVING_INPUTS", 448 * MIB)


class Ledger:
    """Bytes that are held, of at most `limit`, by the event loop and by threads."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0
        self.lock = threading.Lock()

    def take(self, size: int, own: int = 0) -> None:
        """`Problem` 503 where they have no room; who has all that is held, `own` bytes, gets it in any case."""
        with self.lock:
            if size and self.used > own and self.used + size > self.limit:
                raise problems.busy()
            self.used += size

    def give(self, size: int) -> None:
        with self.lock:
            self.used -= size

    @contextmanager
    def holding(self, free: int = 0) -> Iterator["Holding"]:
        """For one request; given back at the end of the block."""
        holding = Holding(self, free)
        try:
            yield holding
        finally:
            self.give(holding.taken)


class Holding:
    """What one request holds of a ledger: all that comes beyond the first `free` bytes."""

    def __init__(self, ledger: Ledger, free: int) -> None:
        self.ledger, self.free = ledger, free
        self.size = self.taken = 0

    def grow(self, size: int) -> None:
        """`Problem` 503 where `size` bytes more have no room."""
        self.size += size
        more = max(0, self.size - self.free) - self.taken
        self.ledger.take(more, self.taken)
        self.taken += more


class Writing:
    """Answers that are being written token by token, of all models. Each keeps the keys and values of all its tokens, which a
    long one has hundreds of megabytes of: together they take at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self.answers, self.caches = 0, Ledger(limit)

    def begin(self, size: int) -> Callable[[], None]:
        """What ends it; `Problem` 503 where it has no room. One that is alone has room in any case."""
        if self.answers >= MOST_WRITING:
            raise problems.busy()
        self.caches.take(size)
        self.answers += 1

        def end() -> None:
            self.answers -= 1
            self.caches.give(size)

        return end


class Inputs:
    """The ledgers of this process; what is decoded is counted by `trainer.decoding`."""

    def __init__(self, limit: int) -> None:
        self.bodies, self.arrays = Ledger(int(limit * BODIES)), Ledger(int(limit * ARRAYS))
        decoding.budget.limit = limit - self.bodies.limit - self.arrays.limit
        decoding.budget.wait_seconds = DECODING_SECONDS


def bound_process() -> int:
    """Give this process an end of memory, so that it fails in an allocation rather than the machine in all of its programs;
    in bytes, 0 for none.

    RLIMIT_DATA, not RLIMIT_AS: threads reserve addresses that they never use, gigabytes of them on a machine with many cores.
    """
    limit = read_bytes("MAQUETTE_SERVING_LIMIT", memory_bytes() * 3 // 4)
    if limit:
        _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (limit if hard < 0 else min(limit, hard), hard))
    return limit
