"""One cell as a moment. Standard library only, since serving reads dates too."""

import math
from datetime import UTC, datetime

FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%d/%m/%y", "%m/%d/%y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y%m%d",
)  # fmt: skip


def value_of(cell: str, form: str) -> float | None:
    """Seconds since 1970; `form`: iso, number, or one of `FORMATS`."""
    try:
        if form == "number":
            value = float(cell)
            return value if math.isfinite(value) and (value > 10_000 or value == int(value)) else None
        moment = datetime.fromisoformat(cell) if form == "iso" else datetime.strptime(cell, form)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


FIRST_SECOND, LAST_SECOND = (
    int(end.replace(tzinfo=UTC, microsecond=0).timestamp()) for end in (datetime.min, datetime.max)
)


def moment_at(seconds: float) -> datetime:
    """In UTC. Rounding and time zones lead beyond the years 1 to 9999, which no `datetime` can: their ends stand for it."""
    return datetime.fromtimestamp(min(max(seconds, FIRST_SECOND), LAST_SECOND), UTC)
