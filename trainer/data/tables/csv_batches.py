"""Records of a text table as batches of one width: what is wider or narrower, what says the header again, and what stands below the
table is told."""

import re
from collections.abc import Callable, Iterator, Sequence

from trainer.data.readings import Choices, LeftOut
from trainer.data.tables.csv_records import Record
from trainer.data.tables.dialects import RULER
from trainer.data.tables.footers import FOOTER_ROWS, split_footer
from trainer.data.tables.subtotals import Subtotals
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


def batches(records: Iterator[Record], table: Table, header: list[list[str]], choices: Choices) -> Iterator[Columns]:
    """Rows of the header's width; others are fitted or reported. A batch ends by rows or by characters. The last rows are held
    back until the end, where they may turn out to be totals and notes."""
    width = table.width
    most = max(1, min(BATCH_ROWS, MAX_BATCH_CELLS // max(width, 1)))
    rows: list[list[str]] = []
    numbers: list[int] = []
    characters = 0
    subtotals = Subtotals(table, choices)
    for line, row in records:
        if row and row[0][:1] in RULES and is_ruler(row):
            count_rulers(table, line)
            continue
        if len(row) != width:
            fitted = fit(row, width, line, table)
            if fitted is None:
                continue
            row = fitted
        rows.append(row)
        numbers.append(line)
        characters += sum(map(len, row))
        if len(rows) >= most + FOOTER_ROWS or characters > MAX_BATCH_CHARACTERS:
            yield from emit(rows[:-FOOTER_ROWS], numbers, table, header, subtotals)
            rows, numbers, characters = rows[-FOOTER_ROWS:], numbers[-FOOTER_ROWS:], 0
    kept = split_footer(rows, numbers, table, choices)
    yield from emit(rows[:kept], numbers, table, header, subtotals)


def emit(
    rows: list[list[str]], numbers: list[int], table: Table, header: list[list[str]], subtotals: Subtotals
) -> Iterator[Columns]:
    """A batch without the rows that say the header again, those between pages, and subtotals."""
    if header and rows:
        named = [fold_cells(row) for row in header]
        firsts = {row[0] for row in named}
        if not firsts.isdisjoint([row[0].strip().casefold() for row in rows]):
            again = {
                index
                for index, row in enumerate(rows)
                if row[0].strip().casefold() in firsts and fold_cells(row) in named
            }
            if again:
                count_repeated(table, [numbers[index] for index in sorted(again)])
                numbers = [number for index, number in enumerate(numbers[: len(rows)]) if index not in again]
                rows = [row for index, row in enumerate(rows) if index not in again]
    pages = [index for index, row in enumerate(rows) if row[0][:1] in PAGE_STARTS and is_page_mark(row)]
    if pages:
        count_pages(table, [numbers[index] for index in pages])
        dropped = set(pages)
        numbers = [number for index, number in enumerate(numbers[: len(rows)]) if index not in dropped]
        rows = [row for index, row in enumerate(rows) if index not in dropped]
    rows, _numbers = subtotals.drop(rows, numbers)
    if rows:
        yield list(zip(*rows, strict=True))


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
    known = next((one for one in table.left_out if one.reason == reason), None)
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
    if REMARK.match(row[0]) and any(entry.reason == "comments" for entry in table.left_out):
        count_comments(table, line)
        return None
    table.refuse(line, f"has {len(row)} {'field' if len(row) == 1 else 'fields'} instead of {width}", row)
    return None
