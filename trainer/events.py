"""One JSON object a line on standard output: the only thing a trainer command prints there.

The types and their fields are listed in docs/architecture.md, "Events".
"""

import json
import sys
import threading
from datetime import UTC, datetime
from typing import Protocol

from trainer.messages import sources


class Emit(Protocol):
    """Takes events: `emit` prints them, `silent` drops them, a test or a supervisor collects them."""

    def __call__(self, type_: str, /, **fields: object) -> None: ...


STAGES = ("prepare", "load", "train", "evaluate", "package")
"""Of a run, in their order."""
_lock = threading.Lock()


def now() -> str:
    """The time as RFC 3339 UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def emit(type_: str, /, **fields: object) -> None:
    """Print one event and flush it, so that a reader at the other end of the pipe sees it at once."""
    line = json.dumps(
        {"t": now(), "type": type_, **fields, **sources(fields)}, ensure_ascii=False, allow_nan=False, default=str
    )
    with _lock:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def silent(type_: str, /, **fields: object) -> None:
    """Take an event and drop it: for use as a library."""
