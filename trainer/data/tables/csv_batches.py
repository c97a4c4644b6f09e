"""Records of a text table as batches of one width: what is wider or narrower, what says the header again, and what stands below the
table is told."""

from collections.abc import Iterator

from trainer.data.readings import Choices, LeftOut
from trainer.data.tables.csv_records import Record
from trainer.data.tables.footers import FOOTER_ROWS, split_footer
from trainer.data.tables.table import BATCH_ROWS, MAX_COLUMNS, Columns, Table
from trainer.errors import DataError
from trainer.messages import _, ngettext

MAX_BATCH_CHARACTERS = 16_000_000


def batches(records: Iterator[Record], table: Table, header: list[list[str]], choices: Choices) -> Iterator[Columns]:
    """Rows of the header's width; others are fitted or reported. A batch ends by rows or by characters. The last rows are held
    back until the end, where they may turn out to be totals and notes."""
    width = len(table.columns)
    rows: list[list[str]] = []
    numbers: list[int] = []
    characters = 0
    for line, row in records:
        if len(row) != width:
            fitted = fit(row, width, line, table)
            if fitted is None:
                continue
            row = fitted
        rows.append(row)
        numbers.append(line)
        characters += sum(map(len, row))
        if len(rows) >= BATCH_ROWS + FOOTER_ROWS or characters > MAX_BATCH_CHARACTERS:
            yield from emit(rows[:-FOOTER_ROWS], numbers, table, header)
            rows, numbers, characters = rows[-FOOTER_ROWS:], numbers[-FOOTER_ROWS:], 0
    kept = split_footer(rows, numbers, table, choices)
    yield from emit(rows[:kept], numbers, table, header)


def emit(rows: list[list[str]], numbers: list[int], table: Table, header: list[list[str]]) -> Iterator[Columns]:
    """A batch without the rows that say the header again."""
    if header and rows:
        firsts = {row[0] for row in header}
        if not firsts.isdisjoint([row[0] for row in rows]):
            again = {index for index, row in enumerate(rows) if row in header}
            if again:
                count_repeated(table, [numbers[index] for index in sorted(again)])
                rows = [row for index, row in enumerate(rows) if index not in again]
    if rows:
        yield list(zip(*rows, strict=True))


def count_repeated(table: Table, lines: list[int]) -> None:
    """Adds to the header rows that came again."""
    known = next((one for one in table.left_out if one.reason == "repeated_header"), None)
    count = len(lines) + (known.count if known else 0)
    sentence = ngettext("The header comes again in %(count)s row.", "The header comes again in %(count)s rows.", count)
    if known is None:
        known = LeftOut("repeated_header", 0, sentence, table.name)
        table.left_out.append(known)
    known.count, known.sentence = count, sentence
    known.examples += [f"line {line}" for line in lines[: 20 - len(known.examples)]]


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
    table.refuse(line, f"has {len(row)} {'field' if len(row) == 1 else 'fields'} instead of {width}", row)
    return None
