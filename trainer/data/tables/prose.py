"""Plain text that is not a table: a corpus, one paragraph a row."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from trainer.data.tables.dialects import DELIMITERS, Dialect, find_dialect, parts_by_blanks, sample_records
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import BATCH_ROWS, Columns, Table

MAX_CHARACTERS = 20_000
FEWEST_LINES = 8
TABLE_NAME = re.compile(r"\.(csv|tsv|tab)(\.gz)?$", re.IGNORECASE)
EVEN = 0.9
"""Share of the records that have one width in a table."""
SEEN_RECORDS = 200


def looks_like_prose(sample: str, name: str = "") -> bool:
    """Lines of sentences under no header: delimiters come in no steady number, and blank lines or full stops do.

    Never a file that calls itself a table (.csv, .tsv), nor one that reads as even records of at least two fields once
    its quotes are obeyed: a form's export has commas in its questions and in its tick boxes.
    """
    if TABLE_NAME.search(name) or any(is_even(sample, delimiter) for delimiter in DELIMITERS):
        return False
    if parts_by_blanks(sample):
        return False
    lines = [line.strip() for line in sample.splitlines()[:200]]
    filled = [line for line in lines if line]
    if len(filled) < FEWEST_LINES or sample.lstrip().startswith(('"', "sep=")):
        return False
    if len(filled[0].split()) <= 2 and filled[0][-1].isalnum() and len(lines) == len(filled):
        return False  # a header over one column
    delimiter = find_dialect(sample)[0].delimiter
    counts = [line.count(delimiter) for line in filled]
    steady = sum(count == counts[0] for count in counts) / len(counts)
    if counts[0] and steady > 0.4:
        return False
    if any(
        sum(line.count(delimiter) == filled[0].count(delimiter) > 0 for line in filled) > 0.4 * len(filled)
        for delimiter in DELIMITERS
    ):
        return False
    ended = sum(line[-1] in ".!?:;,。！？：；，”\"'" for line in filled) / len(filled)
    worded = sum(len(line.split()) >= 3 or len(line) >= 15 for line in filled) / len(filled)
    blank = len(lines) - len(filled)
    header = counts[0] > 0 and all(len(word.split()) <= 3 for word in filled[0].split(delimiter))
    if header:
        return False
    return (blank > 0.1 * len(lines) and ended > 0.25) or (worded > 0.5 and ended > 0.5)


def is_even(sample: str, delimiter: str) -> bool:
    widths = [len(record) for record in sample_records(sample, Dialect(delimiter), SEEN_RECORDS)]
    if len(widths) < 2:
        return False
    width, records = Counter(widths).most_common(1)[0]
    return width > 1 and records >= EVEN * len(widths)


def prose_table(lines: Lines, name: str, size: int, details: dict[str, Any]) -> Table:
    table = Table(name, "text", ["text"], iter(()), size, details)
    table.batches = batches(lines)
    return table


def paragraphs(lines: Lines) -> Iterator[str]:
    """Lines between blank ones, together; a very long one is cut."""
    paragraph: list[str] = []
    length = 0
    for line in lines:
        lines.mark()
        text = line.rstrip()
        if (not text or length + len(text) > MAX_CHARACTERS) and paragraph:
            yield "\n".join(paragraph)
            paragraph, length = [], 0
        if text:
            paragraph.append(text)
            length += len(text)
    if paragraph:
        yield "\n".join(paragraph)


def batches(lines: Lines) -> Iterator[Columns]:
    rows: list[str] = []
    for paragraph in paragraphs(lines):
        rows.append(paragraph)
        if len(rows) >= BATCH_ROWS:
            yield [rows]
            rows = []
    if rows:
        yield [rows]
