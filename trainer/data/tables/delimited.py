"""CSV and its relatives: the dialect and the header are found by content; a record that cannot be read costs its own line, and
lines around the table that are not records are told."""

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, dropwhile, islice
from typing import Any

from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.tables.csv_batches import batches
from trainer.data.tables.csv_records import Block, Record, RecordReader
from trainer.data.tables.dialects import NAMES, STAND_IN, Dialect, find_dialect, sample_records
from trainer.data.tables.header_readings import (
    check_range,
    fitted_names,
    header_among,
    header_reading,
    leave_out_titles,
    names_as_written,
    shown_line,
    with_found_header,
)
from trainer.data.tables.headers import WORDS, filled, usual_width
from trainer.data.tables.open_texts import settle_open_text
from trainer.data.tables.row_groups import grouped, settle_groups
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import (
    MAX_COLUMNS,
    MAX_FIELDS,
    Table,
    check_columns,
    named,
    no_header,
)
from trainer.data.tables.turned import settle_turn, turned
from trainer.data.tables.wide import narrow
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import _, ngettext

FIRST_RECORDS = 200
"""Looked at to find the header, and whether a column without a name holds anything."""
COMMENT = re.compile(r"\s*(#|//|%%|--\s)")


def csv_table(
    lines: Lines,
    sample: str,
    name: str,
    size: int,
    details: dict[str, Any],
    header_row: int | None = None,
    choices: Choices | None = None,
) -> Table:
    """`header_row`: the line of the header where somebody has chosen it, from 1; 0 for a file without."""
    choices = choices or Choices()
    declared = re.match(r"sep=(.)\r?\n?", sample)
    if declared:
        next(lines)
        lines.mark()
        sample = sample[declared.end() :]
    looked_at = without_comments(from_line(sample.replace("\0", ""), header_row or 1))
    dialect, candidates = settle_dialect(looked_at, declared[1] if declared else None, choices, name)
    delimiter = "" if dialect.delimiter == STAND_IN and not candidates else dialect.delimiter
    table = Table(name, "csv", [], iter(()), size, details | {"delimiter": delimiter})
    if dialect.escape:
        table.details["escape"] = dialect.escape
    reader = RecordReader(lines, table, dialect)
    reader.learn(sample_records(looked_at, dialect))
    reader.is_enclosed = is_enclosed(looked_at, dialect)
    records = dropwhile(lambda record: record[0] < (header_row or 0), reader.records())
    first = take_comments(list(islice(records, FIRST_RECORDS)), table, header_row)
    if header_row and (not first or first[0][0] != header_row or not filled(first[0][1])):
        raise no_header(name, header_row, "it is blank or inside a cell" if first else "the file ends before it")
    while first and not filled(first[0][1]):
        del first[0]
    if not first:
        raise DataError(_("%(name)s has no rows.", name=name), code="no_rows", hint=_("Export it again and send that."))
    first[0][1][0] = first[0][1][0].lstrip("\ufeff")
    first = turn_records(first, table, choices)
    header, rows = header_among(first, header_row), [row for _line, row in first]
    if header_row is not None:
        table.details["header_row"] = header_row
        table.bad, table.bad_count = [], 0
    body = rows[header.row + 1 :]
    if header.row >= header.first:
        settle_open_text(table, header.names, body, dialect, choices)
    names = fitted_names(header, rows, body, table)
    is_wide = len(body) > 0 and usual_width(body) > MAX_COLUMNS
    check_columns(names, name, MAX_FIELDS if is_wide else MAX_COLUMNS)
    table.columns = names
    leave_out_titles(table, first, header)
    reading = header_reading(table, first, header, header_row)
    if header_row is not None:
        guessed = csv_table(
            Lines(io.StringIO(sample, newline=""), name), sample, name, size, {}, choices=found_form(choices)
        )
        with_found_header(reading, next(reading for reading in guessed.readings if reading.what == "header"))
    table.readings.append(check_range(reading, choices))
    if header_row is None and (header.row < 0 or first[header.row][0] > 1):
        table.details["header_row"] = 0 if header.row < header.first else first[header.row][0]
    report_dialect(table, dialect, candidates, looked_at, choices.get("delimiter", name) is not None)
    reader.learn(body, len(names))
    start = header.row + 1 if header.row >= header.first else header.first
    table.batches = batches(blocks_of(first[start:], reader, choices), table, names_as_written(rows, header), choices)
    narrow(table)
    return table


def blocks_of(first: list[Record], reader: RecordReader, choices: Choices) -> Iterator[Block]:
    """The records of a table, with the names of their groups where these stand in rows of their own."""
    begun = Block([line for line, _row in first], [row for _line, row in first])
    blocks = chain([begun], reader.blocks())
    groups = settle_groups(reader.table.columns, begun.cells, reader.table, choices)
    return grouped(blocks, groups) if groups else blocks


def is_enclosed(sample: str, dialect: Dialect) -> bool:
    """Whether nearly all lines begin with a mark."""
    lines = [line for line in sample.splitlines()[:FIRST_RECORDS] if line and dialect.quote]
    return sum(line.startswith(dialect.quote) for line in lines) > 0.8 * len(lines)


def turn_records(first: list[Record], table: Table, choices: Choices) -> list[Record]:
    """All records of a small table, or its columns where each is one."""
    if len(first) >= FIRST_RECORDS:
        return first
    rows = [row for _line, row in first]
    is_turned, reading = settle_turn(rows, choices, table.name)
    table.readings += [reading] if reading else []
    if not is_turned:
        return first
    return [(line, [cell or "" for cell in row]) for line, row in enumerate(turned(rows), 1)]


def found_form(choices: Choices) -> Choices:
    """What was asked for, but of the header."""
    return Choices({what: choice for what, choice in choices.asked.items() if not what.startswith("header")})


def settle_dialect(
    sample: str, declared: str | None, choices: Choices, name: str
) -> tuple[Dialect, list[tuple[float, Dialect]]]:
    """The dialect asked for, declared in the file, or found; and what else was weighed."""
    dialect, candidates = (Dialect(STAND_IN), []) if has_one_column(sample) else find_dialect(sample)
    if not candidates and "," not in re.split("[\r\n]", sample.lstrip(), maxsplit=1)[0]:
        dialect = replace(dialect, delimiter=STAND_IN)  # one column, whatever stands in its texts
    asked = choices.get("delimiter", name)
    mark = next((mark for mark, word in NAMES.items() if asked in (mark, word)), asked) or declared
    if mark:
        same = next((each for _score, each in candidates if each.delimiter == mark), None)
        others = [(score, made) for score, made in candidates if made.delimiter != mark and made != dialect]
        others = [(1.0, dialect), *others] if dialect.delimiter not in (mark, STAND_IN) else others
        dialect = same or Dialect(mark[:8], dialect.quote, dialect.escape)
        candidates = [(1.0, dialect), *(others if asked else [])]
    return dialect, candidates


def has_one_column(sample: str) -> bool:
    """Whether a file is a column of texts under a word such as “text”, whatever marks stand in them."""
    first, *later = re.split(r"\r\n|\r|\n", sample, maxsplit=2)
    word = first.strip().strip('"').lower()
    return word in WORDS and bool(later) and bool(later[0].strip()) and not later[0].startswith(word)


def report_dialect(
    table: Table, dialect: Dialect, candidates: list[tuple[float, Dialect]], sample: str, is_asked: bool
) -> None:
    """A reading for the delimiter where another one parts the sample nearly as evenly, or where it is a rare one."""
    rivals = [(score, rival) for score, rival in candidates if rival.delimiter != dialect.delimiter and score > 0.8]
    is_common = dialect.name in ("comma", "semicolon", "tab", "pipe")
    if not candidates or (not rivals and is_common and not is_asked):
        return
    best = next((score for score, made in candidates if made == dialect), 1.0)
    margin = best - max((score for score, _rival in rivals), default=0.0)
    others = [
        Choice(rival.name, _("Fields separated by %(mark)s", mark=rival.name), dialect_preview(sample, rival))
        for _score, rival in rivals[:3]
    ]
    sentence = _("Fields separated by %(mark)s", mark=dialect.name)
    confidence = 1.0 if is_asked else min(1.0, 0.8 + margin)
    table.readings.append(
        Reading("delimiter", dialect.name, sentence, others, confidence, table.name, is_asked=is_asked)
    )


def dialect_preview(sample: str, dialect: Dialect) -> JsonObject:
    rows = list(islice(dialect.reader(map(dialect.prepare, io.StringIO(sample, newline="")), strict=False), 5))
    return preview_of(named(rows[0]) if rows else [], rows[1:])


def without_comments(sample: str) -> str:
    """The sample without comment lines at its top."""
    while (end := re.search(r"\r\n|\r|\n", sample)) and COMMENT.match(sample[: end.start()]):
        rest = sample[end.end() :]
        if not rest.strip():
            break
        if not re.match(r"\s*(#|//|%%|--\s)", rest) and looks_like_names(sample[: end.start()], rest):
            break
        sample = rest
    return sample


def looks_like_names(line: str, rest: str) -> bool:
    """Whether a line that begins like a comment has as many delimiters as the next one: `#id,text,label`."""
    following = re.split(r"\r\n|\r|\n", rest, maxsplit=1)[0]
    return any(line.count(mark) == following.count(mark) > 0 for mark in ",;\t|")


def take_comments(first: list[Record], table: Table, header_row: int | None) -> list[Record]:
    """The first records without comment lines at the top, which are told."""
    width = usual_width([row for _line, row in first])
    comments = []
    for line, row in first:
        if not COMMENT.match(row[0]) or (len(row) == width and width > 1) or width == len(first):
            break
        comments.append((line, row))
    if not comments or len(comments) == len(first) or header_row is not None:
        return first
    count = len(comments)
    sentence = ngettext("%(count)s comment line above the table.", "%(count)s comment lines above the table.", count)
    table.left_out.append(
        LeftOut("comments", count, sentence, table.name, "", [shown_line(*comment) for comment in comments])
    )
    return first[len(comments) :]


def from_line(sample: str, line: int) -> str:
    """The sample without the lines above; all of it when it ends before that."""
    for _n in range(line - 1):
        line_end = re.search(r"\r\n|\r|\n", sample)
        if line_end is None:
            break
        sample = sample[line_end.end() :]
    return sample
