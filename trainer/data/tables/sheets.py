"""A sheet of a workbook as rows of text: where its header is, how much it looks like a table, and the tables that it holds beside and
below each other."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from trainer.data.tables.headers import Header, filled, find_header, header_evidence, usual_width
from trainer.data.tables.sheet_marks import Marks
from trainer.data.tables.stacked import split_stacked
from trainer.data.tables.table import named, no_header, numbered
from trainer.data.tables.workbook_limits import letters

HEADER_AMONG = 30
"""Rows at the top in which a header is looked for."""
FIRST_ROWS = 200
MAX_GAPS = 50
"""So many gaps between rows are blank lines of one table, not several tables."""
MIN_ROWS, MIN_COLUMNS, MIN_EVIDENCE = 3, 2, 0.3
Row = list[str | None]


@dataclass
class Sheet:
    """Cells as text, and what was made of them. A table among several of a sheet is a sheet of its own, called `Sheet!A1:C9`."""

    name: str
    rows: list[Row]
    is_hidden: bool = False
    filled_down: int = 0
    errors: int = 0
    formulas: int = 0
    """Formulas whose value is not in the file."""
    codes: int = 0
    """Numbers that their format shows with zeros in front."""
    score: float = 0.0
    columns: list[str] = field(default_factory=list)
    header: Header = field(default_factory=lambda: Header(-1, 0, [], 1.0))
    places: list[int] = field(default_factory=list)
    """Indices of the first rows that are not blank, among which `header` counts."""
    top: int = 0
    """Rows of the workbook's sheet above this one."""
    left: int = 0
    """Columns of the workbook's sheet on the left of this one."""
    whole: str = ""
    """The name of the workbook's sheet, of one table among several."""
    marks: Marks = field(default_factory=Marks)
    ticked: int = 0
    """Check boxes that were read as cells."""
    merged: list[tuple[int, int, int]] = field(default_factory=list)
    """(first row, last row, column) of ranges of which only the first cell has the value."""

    @property
    def first_record(self) -> int:
        """Index of the first row below the header."""
        if not self.places:
            return 0
        return self.places[self.header.row] + 1 if self.header.row >= 0 else 0

    @property
    def header_line(self) -> int:
        """From 1, as the workbook counts; 0 for none."""
        return self.top + self.places[self.header.row] + 1 if self.header.row >= self.header.first else 0


def is_filled(row: Row) -> bool:
    return any((cell or "").strip() for cell in row)


def cut(row: Row) -> Row:
    """Without the empty cells at its end."""
    while row and not row[-1]:
        row.pop()
    return row


def padded(row: Row, width: int) -> Row:
    return row + [None] * (width - len(row))


def check_header(sheet: Sheet, header_row: int, name: str) -> None:
    """`DataError` for a row, counted from 1 in the workbook's sheet, that cannot name the columns."""
    if not header_row:
        return
    if not sheet.top < header_row <= sheet.top + len(sheet.rows):
        raise no_header(name, header_row, f"there are only {len(sheet.rows):,}")
    if not is_filled(sheet.rows[header_row - 1 - sheet.top]):
        raise no_header(name, header_row, "it is blank")


def settle_header(sheet: Sheet, header_row: int | None) -> None:
    """Which rows of a sheet name its columns; `header_row`: counted from 1 in the workbook's sheet, 0 for none, None to be found."""
    sheet.places = [index for index, row in enumerate(sheet.rows) if is_filled(row)][:FIRST_ROWS]
    if not sheet.places:
        return
    if header_row:
        sheet.places = [index for index in sheet.places if index >= header_row - 1 - sheet.top]
    rows = [sheet.rows[index] for index in sheet.places]
    width = max(map(len, rows))
    rows = [padded(list(row), width) for row in rows]
    if header_row is not None:
        sheet.header = Header(0, 0, named(rows[0]), 1.0) if header_row else Header(-1, 0, numbered(width), 1.0)
    else:
        sheet.header = find_header(rows, is_padded=True)
    width = max(map(len, sheet.rows[sheet.first_record :]), default=0)
    names = sheet.header.names
    is_named = sheet.header.row >= sheet.header.first
    last = max((place + 1 for place, cell in enumerate(rows[sheet.header.row]) if cell), default=0) if is_named else 0
    width = max(width, last, 1)
    sheet.columns = named([*names[:width], *[""] * (width - len(names))]) if is_named else numbered(width)


def header_of(rows: list[Row]) -> tuple[int, float]:
    """(index of the header's row, how much the sheet looks like a table): the first row as wide as most rows below it."""
    best, most = 0, 0.0
    widths = [sum(bool((cell or "").strip()) for cell in row) for row in rows]
    for index, row in enumerate(rows[:HEADER_AMONG]):
        below = [width for width in widths[index + 1 :] if width]
        if widths[index] < 1 or not below:
            continue
        usual = sorted(below)[len(below) // 2]
        present = [cell for cell in row if cell and cell.strip()]
        distinct = len(set(present)) == len(present)
        worded = sum(not is_number(cell) for cell in present) / len(present)
        fit = min(widths[index], usual) / max(widths[index], usual)
        score = fit**2 * worded * (1 if distinct else 0.5) * min(usual, 3) * len(below) / (1 + 0.02 * index)
        if score > most:
            best, most = index, score
    return best, most


def is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ""))
    except ValueError:
        return False
    return True


# Several tables on one sheet


def tables_of(sheet: Sheet) -> list[Sheet]:
    """The tables of a sheet, each as a sheet of its own; the sheet itself where it holds one."""
    tables = [below for column_block in side_by_side(sheet) for below in one_below_other(column_block)]
    tables = [inner for table in tables for inner in (side_by_side(table) if len(tables) > 1 else [table])]
    if len(tables) < 2:
        return [sheet]
    for table in tables:
        width = max((len(row) for row in table.rows), default=1)
        first, last = letters(table.left + 1), letters(table.left + max(width, 1))
        table.name = f"{sheet.name}!{first}{table.top + 1}:{last}{table.top + len(table.rows)}"
        table.whole, table.errors, table.filled_down, table.formulas, table.codes = sheet.name, 0, 0, 0, 0
    tables[0].errors, tables[0].filled_down, tables[0].formulas = sheet.errors, sheet.filled_down, sheet.formulas
    tables[0].codes = sheet.codes
    return tables


def part_of(sheet: Sheet, top: int, bottom: int, left: int, right: int | None) -> Sheet:
    """The rows and columns of a sheet from `top` and `left` to before `bottom` and `right`, without blank rows around them."""
    rows = [cut(row[left:right]) for row in sheet.rows[top:bottom]]
    while rows and not is_filled(rows[0]):
        del rows[0]
        top += 1
    while rows and not is_filled(rows[-1]):
        rows.pop()
    marks = Marks(
        {row - top for row in sheet.marks.rows if top <= row},
        {column - left for column in sheet.marks.columns if left <= column},
    )
    return replace(sheet, rows=rows, top=sheet.top + top, left=sheet.left + left, marks=marks)


def side_by_side(sheet: Sheet) -> list[Sheet]:
    """Tables with blank columns between them, whose rows begin or end at other places: in one table all columns go together."""
    groups = column_groups(sheet.rows)
    if not 2 <= len(groups) <= MAX_GAPS:
        return [sheet]
    parts = [part_of(sheet, 0, len(sheet.rows), left, right) for left, right in groups]
    if not all(is_table(part.rows) for part in parts):
        return [sheet]
    spans = {(part.top, part.top + len(part.rows)) for part in parts}
    headers = [tuple(part.rows[0]) for part in parts]
    if len(spans) == 1 and len(set(headers)) == len(headers):
        return [sheet]
    return parts


def column_groups(rows: list[Row]) -> list[tuple[int, int]]:
    """(first column, column behind the last) of columns with something in them."""
    width = max(map(len, rows), default=0)
    empty = set(range(width))
    for row in rows:
        if not empty:
            return [(0, width)]
        empty -= {place for place in empty if place < len(row) and row[place] and str(row[place]).strip()}
    groups, start = [], None
    for place in range(width + 1):
        is_used = place < width and place not in empty
        if is_used and start is None:
            start = place
        if not is_used and start is not None:
            groups.append((start, place))
            start = None
    return groups


def is_table(rows: list[Row], evidence: float = 0.0) -> bool:
    """Whether rows have a header, and records of two columns or more below it. `evidence`: see `header_evidence`."""
    present = [row for row in rows if is_filled(row)][:FIRST_ROWS]
    width = max(map(len, present), default=0)
    if len(present) < MIN_ROWS or width < MIN_COLUMNS:
        return False
    present = [padded(list(row), width) for row in present]
    header = find_header(present, is_padded=True)
    records = present[header.row + 1 :]
    if header.row < header.first or len(records) < MIN_ROWS - 1 or usual_width(records) < MIN_COLUMNS:
        return False
    names = present[header.first]
    enough = sorted(map(filled, records))[len(records) // 2]
    return enough >= MIN_COLUMNS and filled(names) >= enough and header_evidence(names, records) >= evidence


def one_below_other(sheet: Sheet) -> list[Sheet]:
    """Tables with blank rows between them, or none, each with a header of its own."""
    parted = list(row_blocks(sheet.rows))
    if not 1 <= len(parted) <= MAX_GAPS:
        return [sheet]
    blocks = [piece for start, end in parted for piece in split_stacked(sheet.rows, start, end)]
    if len(blocks) < 2:
        return [sheet]
    starts = [blocks[0][0]]
    for number, (start, end) in enumerate(blocks[1:], 1):
        is_as_wide = width_of(sheet.rows[start:end]) == width_of(sheet.rows[starts[-1] : start])
        if not is_table(sheet.rows[start:end], MIN_EVIDENCE if is_as_wide else 0.0):
            continue
        above = blocks[number - 1]  # a title of its own, with a blank row under it
        is_title = above[1] - above[0] == 1 and filled(sheet.rows[above[0]]) == 1 and above[0] > starts[-1]
        first = above[0] if is_title else start
        if is_table(sheet.rows[starts[-1] : first]):
            starts.append(first)
    if len(starts) < 2:
        return [sheet]
    return [
        part_of(sheet, start, end, 0, None) for start, end in zip(starts, [*starts[1:], len(sheet.rows)], strict=True)
    ]


def width_of(rows: list[Row]) -> int:
    """Filled cells of most rows."""
    widths = sorted(filled(row) for row in rows if is_filled(row))
    return widths[len(widths) // 2] if widths else 0


def row_blocks(rows: list[Row]) -> Iterator[tuple[int, int]]:
    """(first row, row behind the last) of rows that follow each other without a blank one."""
    start = None
    for index, row in enumerate([*rows, []]):
        if is_filled(row):
            start = index if start is None else start
        elif start is not None:
            yield start, index
            start = None
