"""CSV and its relatives: the delimiter is found by content, bad rows are passed over and reported with their line."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from trainer.columns import number_of
from trainer.data.readings import Choice, Reading, preview_of
from trainer.data.tables.streams import SNIFF_BYTES, Lines
from trainer.data.tables.table import (
    BATCH_ROWS,
    MAX_COLUMNS,
    MAX_FIELD_CHARACTERS,
    Columns,
    Table,
    check_columns,
    named,
    no_header,
    numbered,
)
from trainer.errors import DataError
from trainer.messages import _

DELIMITERS = ",;\t|"
FIRST_RECORDS = 50
"""Looked at to see whether a column without a name holds anything."""
MAX_RECORD_LINES = 2_000
MAX_REWINDS = 200
"""Stray quotes after which reading goes on from the next line; beyond it the swallowed lines stay swallowed."""
MAX_BATCH_CHARACTERS = 16_000_000


def find_delimiter(sample: str) -> str:
    """The delimiter that splits the first records most evenly into more than one field."""
    scores = {}
    for delimiter in DELIMITERS:
        records = [len(row) for row in sample_records(sample, delimiter, 60)]
        if records and records[0] > 1:
            scores[delimiter] = (sum(count == records[0] for count in records) / len(records), records[0])
    return max(scores, key=lambda delimiter: scores[delimiter]) if scores else ","


def sample_records(sample: str, delimiter: str, most: int) -> list[list[str]]:
    """The first records of a sample that may end within one, blank lines left out; none where it cannot be read so."""
    complete = sample if len(sample) < SNIFF_BYTES // 4 else sample[: sample.rfind("\n") + 1 or None]
    reader = csv.reader(io.StringIO(complete, newline=""), delimiter=delimiter)
    try:
        return [row for row in islice(reader, most) if row]
    except csv.Error:
        return []


def csv_table(
    lines: Lines, sample: str, name: str, size: int, details: dict[str, Any], header_row: int | None = None
) -> Table:
    """`at`: the line of the header where somebody has chosen it, from 1; 0 for a file without."""
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    declared = re.match(r"sep=(.)\r?\n?", sample)
    delimiter = declared[1] if declared else find_delimiter(from_line(sample.replace("\0", ""), header_row or 1))
    if declared:
        next(lines)
        lines.mark()
    spaced = f'{delimiter} "' in sample and f'{delimiter}"' not in sample
    table = Table(name, "csv", [], iter(()), size, details | {"delimiter": delimiter})
    records = read_records(lines, table, csv.reader(lines, delimiter=delimiter, skipinitialspace=spaced))
    line, header = next(
        ((line, row) for line, row in records if any(map(str.strip, row)) and line >= (header_row or 1)), (0, None)
    )
    if header_row and line != header_row:
        raise no_header(
            name, header_row, "the file ends before it" if header is None else "it is blank or inside a cell"
        )
    if header is None:
        raise DataError(_("%(name)s has no rows.", name=name), code="no_rows", hint=_("Export it again and send that."))
    header[0] = header[0].lstrip("\ufeff")
    if header_row is not None:
        table.details["header_row"] = header_row
        table.bad, table.bad_count = [], 0
    if header_row == 0:
        check_columns(header, name)
        table.columns, records = numbered(len(header)), chain([(line, header)], records)
        first = [(line, header)]
    else:
        first = list(islice(records, FIRST_RECORDS))
        records = chain(first, records)
        header = without_empty_end(header, [row for _line, row in first])
        check_columns(header, name)
        table.columns = named(header)
    table.readings.append(header_reading(table, line, header, [row for _line, row in first], header_row))
    table.batches = batches(records, table)
    return table


def header_reading(
    table: Table, line: int, header: list[str], rows: list[list[str]], header_row: int | None
) -> Reading:
    """That the names of the columns are this line, or that there are none; `rows`: the first records below it."""
    without = Choice("0", _("No header"), preview_of(numbered(len(header)), [header, *rows]))
    if header_row == 0:
        sentence, others = _("No header"), []
    else:
        sentence, others = _("Header in row %(number)s", number=f"{line:,}"), [without]
    confidence = 1.0 if header_row is not None else header_confidence(header, rows)
    chosen, preview = ("0" if header_row == 0 else str(line)), preview_of(table.columns, rows)
    is_asked = header_row is not None
    return Reading("header", chosen, sentence, others, confidence, table.name, preview=preview, is_asked=is_asked)


def header_confidence(header: list[str], rows: list[list[str]]) -> float:
    """That a first record is a header: doubtful where a cell of it is a number, or stands again in its own column."""
    filled = [(place, cell.strip()) for place, cell in enumerate(header) if cell.strip()]
    again = sum(any(place < len(row) and row[place].strip() == cell for row in rows) for place, cell in filled)
    numbers = sum(number_of(cell) is not None for _place, cell in filled)
    return 0.95 * (1 - (again + numbers) / max(len(filled), 1)) if filled else 0.5


def without_empty_end(header: list[str], rows: list[list[str]]) -> list[str]:
    """The header without the empty cells at its end under which nothing stands in these rows."""
    used = max((place + 1 for row in [header, *rows] for place, cell in enumerate(row) if cell.strip()), default=1)
    return header[: max(used, 1)]


def from_line(sample: str, line: int) -> str:
    """The sample without the lines above; all of it when it ends before that."""
    for _n in range(line - 1):
        line_end = re.search(r"\r\n|\r|\n", sample)
        if line_end is None:
            break
        sample = sample[line_end.end() :]
    return sample


def read_records(lines: Lines, table: Table, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """(line where it begins, fields) of each record. After a quote that is never closed reading goes on one line later."""
    rewinds = 0
    taken = lines.taken
    while True:
        taken.clear()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = str(error)
            if "field limit" in reason:
                reason = f"has a field of more than {MAX_FIELD_CHARACTERS:,} characters, or a quote that is not closed"
        else:
            if len(taken) == 1 or not unclosed(lines):
                yield lines.number - len(taken) + 1, row
                continue
            reason = "opens a quote that is not closed"
        table.refuse(lines.number - len(taken) + 1, reason)
        if len(taken) > 1 and rewinds < MAX_REWINDS:
            rewinds += 1
            lines.rewind()


def unclosed(lines: Lines) -> bool:
    """Whether a record of several lines swallowed what was not meant for it."""
    if len(lines.taken) > MAX_RECORD_LINES:
        return True
    return lines.ended and sum(line.count('"') for line in lines.taken) % 2 == 1


def batches(records: Iterator[tuple[int, list[str]]], table: Table) -> Iterator[Columns]:
    """Rows of the header's width; others are fitted or reported. A batch ends by rows or by characters."""
    width = len(table.columns)
    rows: list[list[str]] = []
    characters = 0
    for line, row in records:
        if len(row) != width:
            fitted = fit(row, width, line, table)
            if fitted is None:
                continue
            row = fitted
        rows.append(row)
        characters += sum(map(len, row))
        if len(rows) >= BATCH_ROWS or characters > MAX_BATCH_CHARACTERS:
            yield list(zip(*rows, strict=True))
            rows, characters = [], 0
    if rows:
        yield list(zip(*rows, strict=True))


def fit(row: list[str], width: int, line: int, table: Table) -> list[str] | None:
    """A row of another width: blank lines are passed over, empty fields at its end cut, everything else reported."""
    if not any(cell.strip() for cell in row):
        return None
    if len(row) > MAX_COLUMNS:
        raise DataError(
            _(
                "Line %(line)s of %(name)s has %(count)s fields, the header %(width)s.",
                line=f"{line:,}",
                name=table.name,
                count=f"{len(row):,}",
                width=width,
            ),
            code="too_many_columns",
            hint=_("Remove that line, or check the delimiter."),
        )
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        return row[:width]
    table.refuse(line, f"has {len(row)} {'field' if len(row) == 1 else 'fields'} instead of {width}")
    return None
