"""Tables with a row for each word and its tag (O, B-person …), as corpora of named entities are published: a row for each sentence."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from trainer.columns import split_name
from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.tables.table import BATCH_ROWS, Columns, Table
from trainer.messages import _, ngettext

WHAT, SENTENCES, WORDS = "word_rows", "sentences", "words"
TAG = re.compile(r"O|[BIESLUM]-\S+")
WORD_NAMES = frozenset(["word", "words", "token", "tokens", "form", "text", "wort", "mot", "palabra", "词", "字"])
SENTENCE_NAMES = frozenset(["sentence", "sentences", "sent", "satz", "phrase", "oración", "doc", "document", "#"])
SAMPLE = 1_000
LEAST_TAGGED, FEWEST_ROWS, LEAST_WORDS = 0.98, 20, 2.0
"""Share of the cells that are tags, rows by which that is told, and words in a sentence on average."""
MOST_BLANKS = 0.2
"""Of the words, those that may have a blank in them."""
MAX_SENTENCE = 2_000
Cells = Sequence[str | None]


class Places(NamedTuple):
    """The columns of the sentences' names, of the words and of the tags."""

    sentence: int
    word: int
    tag: int


def join_words(table: Table, choices: Choices) -> Table:
    """The same table with a row for each sentence, whose other cells are lists of as many entries as it has words."""
    if len(table.columns) < 3 or "export" in table.details:
        return table
    ahead = next(table.batches, None)
    if ahead is None:
        return table
    table.batches = chain([ahead], table.batches)
    places = find_places(table.columns, [column[:SAMPLE] for column in ahead])
    if places is None:
        return table
    asked = choices.pick(WHAT, (SENTENCES, WORDS), table.name)
    chosen = asked or SENTENCES
    table.readings.append(words_reading(table, ahead, places, chosen, asked is not None))
    if chosen == SENTENCES:
        table.suggested = {"tokens": table.columns[places.word], "tags": table.columns[places.tag]}
        table.batches = sentences(table.batches, table, places)
    return table


def find_places(names: Sequence[str], cells: Columns) -> Places | None:
    """None where no column holds tags, or no other says which sentence a word is of."""
    if not cells or len(cells[0]) < FEWEST_ROWS:
        return None
    tags = [place for place, column in enumerate(cells) if are_tags(column)]
    words = [place for place, column in enumerate(cells) if place not in tags and are_words(names[place], column)]
    if not tags or not words:
        return None
    free = [place for place in range(len(names)) if place not in (tags[-1], words[0])]
    free = [place for place in free if names_sentences(cells[place])]
    free.sort(key=lambda place: not split_name(names[place]) & SENTENCE_NAMES)
    return Places(free[0], words[0], tags[-1]) if free else None


def are_tags(cells: Cells) -> bool:
    present = [cell.strip() for cell in cells if cell and cell.strip()]
    tagged = sum(TAG.fullmatch(cell) is not None for cell in present)
    return tagged >= max(LEAST_TAGGED * len(present), 1) and any(cell[:2] == "B-" for cell in present)


def are_words(name: str, cells: Cells) -> bool:
    present = [cell.strip() for cell in cells if cell and cell.strip()]
    blanks = sum(len(cell.split()) > 1 for cell in present)
    return bool(split_name(name) & WORD_NAMES) and bool(present) and blanks <= MOST_BLANKS * len(present)


def names_sentences(cells: Cells) -> bool:
    """Whether cells name runs of rows, each run by a name of its own."""
    runs = [cell for cell, before in zip(cells, [None, *cells], strict=False) if cell and cell != before]
    return bool(runs) and len(cells) >= LEAST_WORDS * len(runs) and len(set(runs)) > 0.95 * len(runs) > 1


def sentences(batches: Iterator[Columns], table: Table, places: Places) -> Iterator[Columns]:
    """Batches of sentences; rows without a word are left out and counted."""
    collected: list[list[str | None]] = []
    rows: list[list[str | None]] = []
    blank = 0
    for batch in batches:
        for row in zip(*batch, strict=True):
            if not (row[places.word] or "").strip():
                blank += 1
                continue
            name = row[places.sentence]
            if rows and ((name and name != rows[0][places.sentence]) or len(rows) >= MAX_SENTENCE):
                collected.append(joined_row(rows, places))
                rows = []
            rows.append(list(row))
        if len(collected) >= BATCH_ROWS:
            yield list(zip(*collected, strict=True))
            collected = []
    collected += [joined_row(rows, places)] if rows else []
    if collected:
        yield list(zip(*collected, strict=True))
    if blank:
        sentence = ngettext("%(count)s row has no word.", "%(count)s rows have no word.", blank)
        table.left_out.append(LeftOut("blank", blank, sentence, table.name))


def joined_row(rows: list[list[str | None]], places: Places) -> list[str | None]:
    """The rows of a sentence as one: its name, and lists of the other cells."""
    columns = zip(*rows, strict=True)
    return [
        rows[0][place]
        if place == places.sentence
        else json.dumps([(cell or "").strip() for cell in column], ensure_ascii=False)
        for place, column in enumerate(columns)
    ]


def words_reading(table: Table, ahead: Columns, places: Places, chosen: str, is_asked: bool) -> Reading:
    names = table.columns
    by_choice = {
        SENTENCES: _("Each row was a word with its tag; the words of one “%(column)s” became one row", column=names[places.sentence]),
        WORDS: _("Each row is a word with its tag"),
    }  # fmt: skip
    labels = {SENTENCES: _("Join the words of each sentence"), WORDS: _("Keep a row for each word")}
    first = [[*row] for row in zip(*(column[:3] for column in ahead), strict=True)]
    previews = {WORDS: preview_of(names, first), SENTENCES: preview_of(names, [joined_row(first, places)])}
    others = [Choice(way, labels[way], previews[way]) for way in labels if way != chosen]
    return Reading(WHAT, chosen, by_choice[chosen], others, 1.0 if is_asked else 0.95, table.name, "", previews[chosen], is_asked)  # fmt: skip
