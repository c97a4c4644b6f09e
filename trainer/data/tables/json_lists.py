"""Records that JSON has as lists of cells, one behind the other or in a list, with their names in the first of them or without."""

import re
from typing import Any, TypeGuard

from trainer.conversations import are_messages, is_message
from trainer.data.readings import Choice, Choices, Reading, preview_of
from trainer.data.tables.header_readings import chosen_header
from trainer.data.tables.json_repairs import DECODER
from trainer.data.tables.table import Table, as_text, named, numbered
from trainer.json_types import Json
from trainer.messages import Message, _

WHAT, NAMES, RECORD = "first_list", "names", "record"
LOOKED_AT, LEAST = 200, 3


def are_even(values: list[Any]) -> TypeGuard[list[list[Json]]]:
    """Whether values are lists of as many cells each, none of which is an object or a list."""
    if len(values) < LEAST or not all(isinstance(value, list) for value in values):
        return False
    plain = all(not isinstance(cell, dict | list) for value in values[:LOOKED_AT] for cell in value)
    return plain and len({len(value) for value in values}) == 1 and len(values[0]) > 1


def are_talks(values: list[Any]) -> bool:
    """Whether each value is a conversation: a list of messages."""
    return len(values) > 1 and all(map(are_messages, values[:LOOKED_AT]))


BEGUN = re.compile(r'\{\s*"(messages|conversations?|contents)"\s*:\s*\[\s*(?=\{)')


def begins_talk(text: str) -> bool:
    """Whether a text, perhaps cut, begins with a record that is one conversation: its messages are not rows."""
    begun = BEGUN.match(text)
    try:
        return begun is not None and is_message(DECODER.raw_decode(text, begun.end())[0])
    except (ValueError, RecursionError):
        return False


def entries_in(values: list[Any]) -> list[Json]:
    """The entries of lists that follow each other, unless each list is a record of its own."""
    if are_even(values) or are_talks(values):
        return values
    return [entry for value in values for entry in (value if isinstance(value, list) else [value])]


def named_rows(rows: list[Any], table: Table, choices: Choices) -> list[Json]:
    """Records under the names in the first list, or under numbers where it is one of them by its content; which is told where the
    other may be."""
    if are_talks(rows):
        return [{"messages": row} for row in rows]
    some = [[as_text(cell) or "" for cell in row] for row in rows[:LOOKED_AT] if isinstance(row, list)]
    header = chosen_header(some, None) if are_even(rows) else None
    asked = choices.pick(WHAT, (NAMES, RECORD), table.name)
    chosen = asked or (RECORD if header is not None and header.row < 0 else NAMES)
    names = named(some[0]) if chosen == NAMES else numbered(len(some[0]))
    body = rows[1:] if chosen == NAMES else rows
    if asked or chosen == RECORD:
        tell(table, chosen, names, some, is_asked=asked is not None)
    return [dict(zip(names, row, strict=False)) if isinstance(row, list) else row for row in body]


def tell(table: Table, chosen: str, names: list[str], some: list[list[str]], *, is_asked: bool) -> None:
    sentences: dict[str, Message] = {
        NAMES: _("The first list holds the names of the columns"),
        RECORD: _("The first list is a record: the columns have no names"),
    }
    other = RECORD if chosen == NAMES else NAMES
    preview = preview_of(named(some[0]), some[1:]) if other == NAMES else preview_of(numbered(len(some[0])), some)
    others = [Choice(other, sentences[other], preview)]
    confidence = 1.0 if is_asked else 0.8
    table.readings.append(Reading(WHAT, chosen, sentences[chosen], others, confidence, table.name, is_asked=is_asked))
