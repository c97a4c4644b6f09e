"""Tables of more columns than are read: those that people name, the first and the last are kept, and it is told how many are not."""

from collections.abc import Iterator, Sequence

from trainer.data.readings import Reading
from trainer.data.tables.headers import WORDS, name_parts
from trainer.data.tables.table import MAX_COLUMNS, Columns, Table
from trainer.messages import _

LAST = 5
"""So many at the end are kept, where the answer often stands."""


def kept_places(columns: Sequence[str]) -> list[int]:
    """Which columns stay, in order: the last ones and those with a name such as label or id, then the first."""
    named = [place for place, name in enumerate(columns) if name_parts(name) & WORDS]
    places = [*range(len(columns) - LAST, len(columns)), *named[: MAX_COLUMNS // 2], *range(len(columns))]
    return sorted(list(dict.fromkeys(places))[:MAX_COLUMNS])


def narrow(table: Table) -> None:
    """A table with the columns that are read; nothing changes for one that has no more than these."""
    if len(table.columns) <= MAX_COLUMNS:
        return
    places = kept_places(table.columns)
    kept_set = set(places)
    left_out = [name for place, name in enumerate(table.columns) if place not in kept_set]
    table.narrowed, table.fields = left_out, len(table.columns)
    sentence = _(
        "%(most)s of %(count)s columns read: the first, the last, and those that are named like a label or an ID",
        most=f"{MAX_COLUMNS:,}",
        count=f"{len(table.columns):,}",
    )
    table.readings.append(Reading("columns", "first", sentence, file=table.name))
    batches = table.batches
    table.columns = [table.columns[place] for place in places]
    table.batches = select(batches, places)


def select(batches: Iterator[Columns], places: Sequence[int]) -> Iterator[Columns]:
    for cells in batches:
        yield [cells[place] for place in places]
