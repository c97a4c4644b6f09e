"""Text tables that enclose nothing although their texts hold the delimiter: what stands between the other fields is the text."""

from collections.abc import Sequence

from trainer.columns import ROLE_NAMES, split_name
from trainer.data.readings import Choice, Choices, Reading, preview_of
from trainer.data.tables.dialects import Dialect
from trainer.data.tables.table import Table
from trainer.messages import _

WHAT, TEXT, APART = "open_text", "text", "apart"
LEAST_WIDE, LEAST_SPACED, LEAST_SOUND = 0.1, 0.8, 0.95
"""Share of the records with too many fields, of the commas in texts with a blank behind them, as sentences have it, and of the records
whose other fields look like fields once the text is put together."""
LONGEST_FIELD = 60


def open_column(names: Sequence[str], body: Sequence[Sequence[str]], dialect: Dialect) -> int:
    """The place of the one column of texts that the delimiter may stand in; -1 where there is none."""
    width = len(names)
    wide = [row for row in body if len(row) > width]
    if dialect.delimiter != "," or width < 2 or len(wide) < max(3, LEAST_WIDE * len(body)):
        return -1
    if any(len(row) < width for row in body) or any('"' in cell for row in body for cell in row):
        return -1
    places = [place for place, name in enumerate(names) if split_name(name) & ROLE_NAMES["text"]]
    if len(places) != 1:
        return -1
    pieces = [piece for row in wide for piece in row[places[0] + 1 : places[0] + len(row) - width + 1]]
    if sum(piece[:1] == " " for piece in pieces) < LEAST_SPACED * len(pieces):
        return -1
    joined = [joined_text(row, places[0], width) for row in wide]
    sound = sum(is_sound(row, places[0]) for row in joined)
    return places[0] if sound >= LEAST_SOUND * len(joined) else -1


def joined_text(row: Sequence[str], place: int, width: int) -> list[str]:
    """The row with so many fields put together at a place that it has the width."""
    end = place + len(row) - width + 1
    return [*row[:place], ",".join(row[place:end]), *row[end:]]


def is_sound(row: Sequence[str], place: int) -> bool:
    """Whether the other fields are short and begin without a blank, as pieces of a sentence behind a comma do not."""
    others = [cell for index, cell in enumerate(row) if index != place]
    return all(len(cell) <= LONGEST_FIELD and cell[:1] != " " for cell in others)


def settle_open_text(
    table: Table, names: Sequence[str], body: list[list[str]], dialect: Dialect, choices: Choices
) -> None:
    """Put the texts of the first records together, and those of all later ones, unless somebody wants it otherwise; it is told."""
    place = open_column(names, body, dialect)
    asked = choices.pick(WHAT, (TEXT, APART), table.name)
    if place < 0:
        return
    chosen = asked or TEXT
    column = names[place]
    labels = {
        TEXT: _("The commas are part of “%(column)s”, which nothing encloses", column=column),
        APART: _("Each comma separates fields"),
    }
    joined = [joined_text(row, place, len(names)) if len(row) > len(names) else row for row in body]
    previews = {TEXT: preview_of(list(names), joined), APART: preview_of(list(names), body)}
    others = [Choice(way, labels[way], previews[way]) for way in labels if way != chosen]
    reading = Reading(WHAT, chosen, labels[chosen], others, 1.0 if asked else 0.8, table.name, column, previews[chosen])
    reading.is_asked = asked is not None
    table.readings.append(reading)
    if chosen == TEXT:
        table.open_text = place
        for row, whole in zip(body, joined, strict=True):
            row[:] = whole
