"""CoNLL-U of Universal Dependencies: ten columns a token, comments above each sentence. A row a sentence; the part of speech is its tag."""

import re
from collections.abc import Iterator
from typing import Any

from trainer.data.readings import Choice, Choices, Reading
from trainer.data.tables.conll import MAX_TOKENS, batches
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import Table
from trainer.messages import _

FIELDS = 10
TOKEN, PART = re.compile(r"\d{1,6}"), re.compile(r"\d{1,6}[-.]\d{1,6}")
"""Ids of words; of tokens that are several words, and of words that are not written, which are passed over."""
WHAT = "tag_column"
PLACES = {"upos": 3, "xpos": 4, "deprel": 7}
LABELS = {
    "upos": _("Parts of speech of Universal Dependencies (UPOS)"),
    "xpos": _("Parts of speech of the language (XPOS)"),
    "deprel": _("Relations to the head (DEPREL)"),
}


def looks_like_conllu(sample: str) -> bool:
    lines = [line for line in sample.splitlines()[:300] if line.strip() and not line.startswith("#")]
    fields = [line.rstrip("\r").split("\t") for line in lines]
    fits = [cells for cells in fields if len(cells) == FIELDS and (TOKEN.fullmatch(cells[0]) or PART.fullmatch(cells[0]))]  # fmt: skip
    return len(fields) >= 3 and len(fits) >= 0.9 * len(fields) and fields[0][0][:1] in "01"


def conllu_table(lines: Lines, sample: str, name: str, size: int, details: dict[str, Any], choices: Choices) -> Table:
    """Columns `tokens` and `tags`, JSON lists of equal length; a sentence with a line that cannot be read is left out whole."""
    asked = choices.pick(WHAT, PLACES, name)
    held = [line.split("\t") for line in sample.splitlines()[:300] if line.count("\t") == FIELDS - 1]
    filled = [what for what, place in PLACES.items() if any(cells[place] != "_" for cells in held)] or ["upos"]
    chosen = asked or filled[0]
    table = Table(name, "conllu", ["tokens", "tags"], iter(()), size, details)
    table.suggested = {"tokens": "tokens", "tags": "tags"}
    others = [Choice(what, LABELS[what]) for what in PLACES if what != chosen]
    sentence = _("Words with their tags: %(what)s", what=LABELS[chosen])
    table.readings.append(Reading(WHAT, chosen, sentence, others, 0.95, name, is_asked=asked is not None))
    table.batches = batches(sentences(lines, table, PLACES[chosen]))
    return table


def sentences(lines: Lines, table: Table, place: int) -> Iterator[tuple[list[str], list[str]]]:
    tokens: list[str] = []
    tags: list[str] = []
    spoilt = False
    for line in lines:
        lines.mark()
        text = line.strip("\r\n")
        if not text.strip() or len(tokens) >= MAX_TOKENS:
            if tokens and not spoilt:
                yield tokens, tags
            tokens, tags, spoilt = [], [], False
        cells = text.split("\t")
        if not text.strip() or text.startswith("#") or PART.fullmatch(cells[0]):
            continue
        if len(cells) != FIELDS or not TOKEN.fullmatch(cells[0]):
            table.refuse(lines.number, f"has {len(cells)} columns instead of {FIELDS}, or no number of a word")
            spoilt = True
            continue
        tokens.append(cells[1])
        tags.append(cells[place] if cells[place] != "_" else "O")
    if tokens and not spoilt:
        yield tokens, tags
