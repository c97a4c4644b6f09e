"""Tables whose first column names a group only in its first row, as reports print them: the name can stand in each row of it."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from trainer.data.readings import Choice, Choices, Reading, preview_of
from trainer.data.tables.table import Columns, Table
from trainer.messages import Message, _

FILL, KEEP = "fill-down", "keep"
LEAST_EMPTY, LEAST_GROUPS, LEAST_OTHERS = 0.5, 3, 0.99
"""Share of empty cells in the first column, named groups, and share of cells filled in all others of a clear outline."""
MOST_ALONE = 0.1
"""Share of the groups that may have one row."""
LABEL_CHARACTERS = 40


class Outline(NamedTuple):
    """Of the first rows of a table: whether its first column may be the names of groups, and whether that is clear."""

    is_likely: bool
    is_clear: bool


NO_OUTLINE = Outline(False, False)


def outline_of(cells: Sequence[Sequence[str | None]]) -> Outline:
    """By columns of cells."""
    if len(cells) < 2 or not cells[0] or not is_filled(cells[0][0]):
        return NO_OUTLINE
    first = cells[0]
    places = [place for place, cell in enumerate(first) if is_filled(cell)]
    names = {str(first[place]).strip() for place in places}
    empty = 1 - len(places) / len(first)
    others = min(sum(map(is_filled, column)) / len(column) for column in cells[1:])
    if len(names) < max(2, len(places)) or max(map(len, names)) > LABEL_CHARACTERS or others < 0.9 or empty < 0.3:
        return NO_OUTLINE
    sizes = [after - place for place, after in zip(places, [*places[1:], len(first)], strict=True)]
    alone = sizes.count(1) / len(sizes)
    is_clear = empty >= LEAST_EMPTY and len(names) >= LEAST_GROUPS and others >= LEAST_OTHERS and alone <= MOST_ALONE
    return Outline(alone <= 0.5, is_clear)


def is_filled(cell: str | None) -> bool:
    return bool(cell and cell.strip())


def fill_outline(table: Table, choices: Choices) -> Table:
    """The same table with the names of its groups in each row, where the pattern is clear or somebody wants it; else offered
    where it is likely."""
    if table.format not in ("csv", "excel", "html") or len(table.columns) < 2:
        return table
    asked = choices.pick("outline", (FILL, KEEP), table.name, table.columns[0])
    ahead = next(table.batches, None)
    if ahead is None:
        return table
    table.batches = chain([ahead], table.batches)
    outline = outline_of(ahead)
    if not outline.is_likely and asked is None:
        return table
    chosen = asked or (FILL if outline.is_clear else KEEP)
    table.readings.append(outline_reading(table, ahead, chosen, asked is not None))
    if chosen == FILL:
        table.batches = filled_down(table.batches)
    return table


def filled_down(batches: Iterator[Columns]) -> Iterator[Columns]:
    """The last value above in each empty cell of the first column."""
    above: str | None = None
    for batch in batches:
        names: list[str | None] = []
        for cell in batch[0]:
            above = cell if is_filled(cell) else above
            names.append(above)
        yield [names, *batch[1:]]


def outline_reading(table: Table, ahead: Columns, chosen: str, is_asked: bool) -> Reading:
    name = table.columns[0]
    sentences: dict[str, Message] = {
        FILL: _("“%(column)s” names each group in its first row alone; filled down to its other rows", column=name),
        KEEP: _("“%(column)s” is empty in many rows; it may name each group in its first row alone", column=name),
    }
    labels = {FILL: _("Fill it down to the rows of its group"), KEEP: _("Leave them empty")}
    rows = {KEEP: [*zip(*(column[:3] for column in ahead), strict=True)]}
    rows[FILL] = [*zip(*next(filled_down(iter([[column[:3] for column in ahead]]))), strict=True)]
    previews = {way: preview_of(table.columns, shown) for way, shown in rows.items()}
    others = [Choice(way, labels[way], previews[way]) for way in labels if way != chosen]
    confidence = 1.0 if is_asked else 0.8 if chosen == FILL else 0.7
    return Reading(
        "outline", chosen, sentences[chosen], others, confidence, table.name, name, previews[chosen], is_asked
    )
