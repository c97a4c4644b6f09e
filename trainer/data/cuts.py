"""A part of a recording."""

from typing import NamedTuple


class Cut(NamedTuple):
    """A clip of a recording. `start`, `end` in seconds, None for the recording's end; `cells` of its row."""

    start: float
    end: float | None
    cells: dict[str, str | None]
