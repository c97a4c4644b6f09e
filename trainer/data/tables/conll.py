"""CoNLL and IOB files: a token a line, its tag in the last column, a blank line between sentences."""

import json
import re
from collections.abc import Iterator
from typing import Any

from trainer.data.tables.streams import Lines
from trainer.data.tables.table import BATCH_ROWS, Columns, Table

TAG = re.compile(r"[OBIESLUM](-\S+)?")
HEADER = re.compile(r"[\w\"]+(,[\w\"]+)+")
MAX_TOKENS = 10_000


def looks_like_conll(sample: str) -> bool:
    """Most lines of the sample are short: a word, a blank or a tab, and a tag such as O or B-person. A line of names with commas in front is that
    of a table, whose cells may hold several tags."""
    lines = [line.strip() for line in sample.splitlines()[:400]]
    filled = [line for line in lines if line and not line.startswith("-DOCSTART-")]
    if len(filled) < 3 or HEADER.fullmatch(filled[0]):
        return False
    fields = [line.split("\t") if "\t" in line else line.split() for line in filled]
    tagged = [words[-1].strip() for words in fields if len(words) >= 2 and TAG.fullmatch(words[-1].strip())]
    outside = sum(tag == "O" for tag in tagged)
    begun = sum("-" in tag for tag in tagged)
    return len(tagged) > 0.7 * len(filled) and outside > 0 and begun > 0


def conll_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    """Columns `tokens` and `tags`, JSON lists of equal length. Faults are reported with their lines; a sentence with a
    line that cannot be read is left out whole, an I- without its B- is read as B-."""
    table = Table(name, "conll", ["tokens", "tags"], iter(()), size, details)
    table.batches = batches(sentences(lines, table))
    return table


def sentences(lines: Lines, table: Table) -> Iterator[tuple[list[str], list[str]]]:
    """(tokens, tags) of each sentence; bad and repaired lines are reported to the table."""
    tokens: list[str] = []
    tags: list[str] = []
    width = 0
    spoilt = False
    for line in lines:
        lines.mark()
        text = line.strip("\r\n")
        if not text.strip():
            if tokens and not spoilt:
                yield tokens, tags
            tokens, tags, spoilt = [], [], False
            continue
        if text.startswith(("-DOCSTART-", "# ")) and not tokens:
            continue
        fields = text.split("\t") if "\t" in text else text.split()
        fields = [word for word in fields if word.strip()]
        reason = fault(fields, width, tags, text)
        if reason and not reason.startswith("mended"):
            table.refuse(lines.number, reason)
            spoilt = True
            continue
        width = width or len(fields)
        tag = fields[-1]
        if reason:
            table.mended.append((lines.number, reason.removeprefix("mended: ")))
            tag = "B" + tag[1:]
        tokens.append(fields[0])
        tags.append(tag)
        if len(tokens) >= MAX_TOKENS:
            if not spoilt:
                yield tokens, tags
            tokens, tags = [], []
    if tokens and not spoilt:
        yield tokens, tags


def fault(fields: list[str], width: int, tags: list[str], text: str) -> str:
    """What is wrong with a line; it begins with `mended` when the line can be used all the same."""
    if len(fields) < 2:
        return "has a token without a tag"
    if width and len(fields) != width:
        return f"has {len(fields)} columns instead of {width}"
    tag = fields[-1]
    if not TAG.fullmatch(tag):
        return f"has the tag “{tag[:40]}”, which is neither O nor B-… nor I-…"
    if tag.startswith("I-"):
        before = tags[-1] if tags else "O"
        if before[2:] != tag[2:]:
            return f"mended: has “{tag[:40]}” with no B- before it; it is read as B-"
    return ""


def batches(read: Iterator[tuple[list[str], list[str]]]) -> Iterator[Columns]:
    """Rows of two cells, JSON lists."""
    rows: list[tuple[str, str]] = []
    for tokens, tags in read:
        rows.append((json.dumps(tokens, ensure_ascii=False), json.dumps(tags, ensure_ascii=False)))
        if len(rows) >= BATCH_ROWS:
            yield list(zip(*rows, strict=True))
            rows = []
    if rows:
        yield list(zip(*rows, strict=True))
