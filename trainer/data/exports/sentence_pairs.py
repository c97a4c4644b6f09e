"""Sentences and their translations in tables without a header, as Tatoeba and Anki's decks of it are downloaded: told by what the columns
hold."""

import re
from collections import Counter
from collections.abc import Sequence

from trainer.data.languages import detect_code
from trainer.data.readings import Reading
from trainer.data.tables.table import Table, first_batch, numbered
from trainer.messages import Message, _

LOOKED_AT, FEWEST, WORDS = 60, 5, 2
CREDIT = re.compile(r"CC[ -]BY.*tatoeba", re.IGNORECASE | re.DOTALL)
CODE = re.compile(r"[a-z]{2,3}|\\N")
NAMES = {
    ("number", "text", "number", "text"): ["id", "text", "translation id", "translation"],
    ("text", "text", "credit"): ["text", "translation", "attribution"],
    ("text", "text"): [],
    ("number", "code", "text"): ["id", "language", "text"],
}
"""{what the columns hold: what they are called}."""


def recognise_pairs(table: Table) -> bool:
    """Whether a table without a header holds sentences with their translations, or with their languages; its columns get names."""
    if not 2 <= len(table.columns) <= 4 or table.columns != numbered(len(table.columns)):
        return False
    cells = [[cell for cell in column[:LOOKED_AT] if cell] for column in first_batch(table)]
    kinds = tuple(map(kind_of, cells))
    if kinds not in NAMES or min(map(len, cells)) < FEWEST:
        return False
    texts = [place for place, kind in enumerate(kinds) if kind == "text"]
    if len(texts) == 2 and not are_translations(
        *(cells[place] for place in texts), is_sure="number" in kinds or "credit" in kinds
    ):
        return False
    table.columns = NAMES[kinds] or table.columns
    names = [table.columns[place] for place in texts]
    table.suggested = (
        {"source": names[0], "target": names[1]} if len(names) == 2 else {"text": "text", "label": "language"}
    )
    sentence: Message = (
        _("Sentences in two languages: “%(first)s” and “%(second)s”", first=names[0], second=names[1])
        if len(names) == 2
        else _("Sentences, each with its language")
    )
    table.details["export"] = "pairs" if len(kinds) == 2 else "tatoeba"
    table.readings.append(Reading("export", table.details["export"], sentence, file=table.name))
    return True


def kind_of(cells: Sequence[str]) -> str:
    if cells and all(cell.isdigit() for cell in cells):
        return "number"
    if cells and all(map(CREDIT.match, cells)):
        return "credit"
    if cells and all(map(CODE.fullmatch, cells)):
        return "code"
    words = sum(len(cell.split()) for cell in cells)
    is_text = words >= WORDS * len(cells) or any(ord(char) > 0x2E80 for cell in cells[:5] for char in cell)
    return "text" if cells and is_text and len(set(cells)) > 0.2 * len(cells) else ""


def are_translations(first: Sequence[str], second: Sequence[str], *, is_sure: bool) -> bool:
    """Whether most of the sentences of two columns are in two languages, each of its own."""
    languages = [
        Counter(code for cell in cells if (code := detect_code(cell))).most_common(1) for cells in (first, second)
    ]
    if not all(languages):
        return is_sure
    (own_language, own_count), (other_language, other_count) = languages[0][0], languages[1][0]
    return is_sure or (
        own_language != other_language and own_count > 0.5 * len(first) and other_count > 0.5 * len(second)
    )
