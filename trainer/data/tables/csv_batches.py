"""Records of a text table as batches of one width: what is wider or narrower, what says the header again, and what stands below the
table is told."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.data.readings import Choices, LeftOut
from trainer.data.tables.arrow_cells import ArrowCells, characters_of, first_chunk, may_begin, rows_of
from trainer.data.tables.csv_records import Block
from trainer.data.tables.dialects import RULER
from trainer.data.tables.footers import FOOTER_ROWS, split_footer
from trainer.data.tables.open_texts import joined_text
from trainer.data.tables.subtotals import Subtotals, announces_total
from trainer.data.tables.table import BATCH_ROWS, MAX_COLUMNS, Columns, Table
from trainer.errors import DataError
from trainer.messages import Message, _, ngettext

MAX_BATCH_CHARACTERS, MAX_BATCH_CELLS = 16_000_000, 4_000_000

RULES = frozenset("-=+|: ─")
PAGE = re.compile(
    r"\W*((page|seite|página|pagina|strona|side|sida|pagina)\s*\d+(\s*(of|von|de|di|van|sur|z|av|/)\s*\d+)?|第\s*\d+\s*[页頁](\s*[共/]\s*\d+\s*[页頁]?)?)\W*",
    re.IGNORECASE,
)
PAGE_STARTS = frozenset("pPsS第-— (")


def batches(blocks: Iterator[Block], table: Table, header: list[list[str]], choices: Choices) -> Iterator[Columns]:
    """Rows of the header's width; others are fitted or reported. A batch ends by rows or by characters. The last rows are held
    back until the end, where they may turn out to be totals and notes."""
    width = table.width
    most = max(1, min(BATCH_ROWS, MAX_BATCH_CELLS // max(width, 1))) + FOOTER_ROWS
    waiting = no_rows = pa.table([pa.array([], pa.string())] * width, names=list(map(str, range(width))))
    numbers: list[int] = []
    characters = 0
    subtotals = Subtotals(table, choices)
    for block in blocks:
        more_numbers, more = fit_rows(block, table, no_rows)
        place = 0
        while place < more.num_rows:
            room = room_for(more.slice(place), most - waiting.num_rows, MAX_BATCH_CHARACTERS - characters)
            added = more.slice(place, room)
            numbers += more_numbers[place : place + room]
            waiting = pa.concat_tables([waiting, added])
            characters += characters_of(added)
            place += room
            if waiting.num_rows >= most or characters > MAX_BATCH_CHARACTERS:
                count = max(waiting.num_rows - FOOTER_ROWS, 0)
                yield from emit(waiting.slice(0, count), numbers[:count], table, header, subtotals)
                waiting, numbers, characters = waiting.slice(count).combine_chunks(), numbers[count:], 0
    table.bad.sort(key=lambda refused: refused[0])  # blocks are read ahead of being fitted
    row_count = split_footer(rows_of(waiting), numbers, table, choices)
    yield from emit(waiting.slice(0, row_count), numbers[:row_count], table, header, subtotals)


def room_for(rows: pa.Table, most_rows: int, most_characters: int) -> int:
    """How many of the rows a batch takes: it ends with the one that fills it, by rows or by characters."""
    rows = rows.slice(0, max(most_rows, 1))
    if rows.nbytes <= most_characters or characters_of(rows) <= most_characters:
        return int(rows.num_rows)
    counts = np.cumsum(sum(pc.utf8_length(column).to_numpy().astype(np.int64) for column in rows.itercolumns()))
    return int(np.searchsorted(counts, most_characters, side="right")) + 1


def fit_rows(block: Block, table: Table, no_rows: pa.Table) -> tuple[list[int], pa.Table]:
    """The rows of the header's width, and those that can be fitted to it, with their lines; what rules lines, and all others, is
    told."""
    numbers, rows = block
    if isinstance(rows, pa.Table):
        return numbers, rows
    width = table.width
    if set(map(len, rows)) != {width} or not RULES.isdisjoint([row[0][:1] for row in rows]):
        fitted: dict[int, list[str]] = {}
        for line, row in zip(numbers, rows, strict=True):
            if row and row[0][:1] in RULES and is_ruler(row):
                count_rulers(table, line)
            elif (fitting := row if len(row) == width else fit(row, width, line, table)) is not None:
                fitted[line] = fitting
        numbers, rows = list(fitted), list(fitted.values())
    columns = [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]
    return numbers, pa.table(columns, names=no_rows.column_names) if rows else no_rows


def emit(
    rows: pa.Table, numbers: list[int], table: Table, header: list[list[str]], subtotals: Subtotals
) -> Iterator[Columns]:
    """A batch without the rows that say the header again, those between pages, and subtotals."""
    rows = rows.combine_chunks()
    if header and rows.num_rows:
        named = [fold_cells(row) for row in header]
        again = [
            index for index, row in rows_beginning(rows, {row[0][:1] for row in named}) if fold_cells(row) in named
        ]
        if again:
            count_repeated(table, [numbers[index] for index in again])
            rows, numbers = without_rows(rows, numbers, again)
    pages = [
        index
        for index, row in (rows_beginning(rows, PAGE_STARTS) if rows.num_columns > 1 else ())
        if row[0][:1] in PAGE_STARTS and is_page_mark(row)
    ]
    if pages:
        count_pages(table, [numbers[index] for index in pages])
        rows, numbers = without_rows(rows, numbers, pages)
    totals = subtotals.take_out(rows, numbers)
    if totals:
        rows, _numbers = without_rows(rows, numbers, totals)
    if rows.num_rows:
        yield [ArrowCells(column) for column in rows.combine_chunks().itercolumns()]


def rows_beginning(rows: pa.Table, characters: Collection[str]) -> Iterator[tuple[int, list[str]]]:
    """(place, cells) of the rows that may begin with one of the characters; their other cells are looked at only with these."""
    places = may_begin(first_chunk(rows.column(0)), characters)
    return zip(places.tolist(), rows_of(rows.take(pa.array(places))), strict=True)


def without_rows(rows: pa.Table, numbers: list[int], places: Collection[int]) -> tuple[pa.Table, list[int]]:
    remaining = np.setdiff1d(np.arange(rows.num_rows), list(places), assume_unique=True)
    return rows.take(pa.array(remaining)), [numbers[place] for place in remaining.tolist()]


def is_ruler(row: list[str]) -> bool:
    """Whether a line draws a rule: dashes in every cell, as many as no missing value has."""
    return sum(map(len, row)) >= 6 and all(RULER.fullmatch(cell) for cell in row if cell.strip())


def count_rulers(table: Table, line: int) -> None:
    count_rows(table, "rulers", [line], lambda count: ngettext("%(count)s line of dashes.", "%(count)s lines of dashes.", count))  # fmt: skip


REMARK = re.compile(r"\s*(#|//|%)")


def count_comments(table: Table, line: int) -> None:
    """Of lines between the records, in a file with comments above its table."""
    known = next(entry for entry in table.left_out if entry.reason == "comments")
    known.count += 1
    known.sentence = ngettext("%(count)s comment line.", "%(count)s comment lines.", known.count)
    known.examples += [f"line {line}"] if len(known.examples) < 20 else []


def is_page_mark(row: Sequence[str | None]) -> bool:
    """“Page 2 of 7” alone in its row, as a report has it wherever its pages end."""
    first = (row[0] or "").strip()
    return len(row) > 1 and PAGE.fullmatch(first) is not None and not any((cell or "").strip() for cell in row[1:])


def count_pages(table: Table, lines: list[int]) -> None:
    count_rows(table, "pages", lines, lambda count: ngettext("%(count)s line with the number of a page.", "%(count)s lines with the numbers of pages.", count))  # fmt: skip


def count_rows(table: Table, reason: str, lines: list[int], sentence: Callable[[int], Message]) -> None:
    """Adds to the rows that were left out for one reason."""
    known = next((entry for entry in table.left_out if entry.reason == reason), None)
    if known is None:
        table.left_out.append(known := LeftOut(reason, 0, "", table.name))
    known.count += len(lines)
    known.sentence = sentence(known.count)
    known.examples += [f"line {line}" for line in lines[: 20 - len(known.examples)]]


def fold_cells(row: list[str]) -> list[str]:
    """Cells as they are compared with the header: without case and blanks around them."""
    return [cell.strip().casefold() for cell in row]


def count_repeated(table: Table, lines: list[int]) -> None:
    """Adds to the header rows that came again."""
    count_rows(table, "repeated_header", lines, lambda count: ngettext("The header comes again in %(count)s row.", "The header comes again in %(count)s rows.", count))  # fmt: skip


def fit(row: list[str], width: int, line: int, table: Table) -> list[str] | None:
    """A row of another width: blank lines are passed over, empty fields at its end cut, everything else reported."""
    if not any(cell.strip() for cell in row):
        return None
    if len(row) > max(MAX_COLUMNS, width):
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
    if len(row) > width and table.open_text >= 0:
        return joined_text(row, table.open_text, width)
    if announces_total(row):
        table.announced.add(line + 1)
    if REMARK.match(row[0]) and any(entry.reason == "comments" for entry in table.left_out):
        count_comments(table, line)
        return None
    table.refuse(line, f"has {len(row)} {'field' if len(row) == 1 else 'fields'} instead of {width}", row)
    return None
