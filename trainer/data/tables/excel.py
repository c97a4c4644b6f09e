"""Excel workbooks, new and old, and OpenDocument: the sheet that holds a table is found, its header by content, and what other
sheets hold is told; sheets of the same columns are joined where somebody wants it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.tables.compound import protected
from trainer.data.tables.csv_batches import count_repeated
from trainer.data.tables.footers import FOOTER_ROWS, split_footer
from trainer.data.tables.header_readings import header_sentence
from trainer.data.tables.headers import Header, find_header
from trainer.data.tables.table import (
    BATCH_ROWS,
    Columns,
    Table,
    as_text,
    check_columns,
    damaged,
    named,
    no_header,
    numbered,
)
from trainer.data.tables.workbook_limits import checked
from trainer.data.tempspace import temporary_folder
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import Message, _, ngettext

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

MAX_ROWS = 1_048_576
HEADER_AMONG = 30
"""Rows at the top in which a header is looked for."""
FIRST_ROWS = 200
ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#GETTING_DATA", "#SPILL!", "#CALC!"}
)
ALL = "*"
"""The sheet that stands for all that have the same columns."""
Row = list[str | None]


@dataclass
class Sheet:
    """A sheet's cells as text, and what was made of it."""

    name: str
    rows: list[Row]
    is_hidden: bool = False
    filled_down: int = 0
    errors: int = 0
    score: float = 0.0
    columns: list[str] = field(default_factory=list)
    header: Header = field(default_factory=lambda: Header(-1, 0, [], 1.0))
    places: list[int] = field(default_factory=list)
    """Indices of the first rows that are not blank, among which `header` counts."""

    @property
    def first_record(self) -> int:
        """Index of the first row below the header."""
        if not self.places:
            return 0
        return self.places[self.header.row] + 1 if self.header.row >= 0 else 0

    @property
    def header_line(self) -> int:
        """From 1; 0 for none."""
        return self.places[self.header.row] + 1 if self.header.row >= self.header.first else 0


def is_filled(row: Row) -> bool:
    return any((cell or "").strip() for cell in row)


def open_workbook(
    path: Path,
    name: str,
    size: int,
    sheet_name: str | None = None,
    header_row: int | None = None,
    choices: Choices | None = None,
) -> Table:
    """The sheet asked for, or the one most like a table; `details["sheets"]` names them all. `header_row`: from 1, or 0 for a
    sheet without; otherwise it is found."""
    choices = choices or Choices()
    choices.get("sheet", name)
    sheets = read_sheets(path, name, sheet_name)
    for sheet in sheets:
        sheet.score = header_of(sheet.rows)[1] * (0.1 if sheet.is_hidden else 1)
    chosen = max(sheets, key=lambda sheet: (sheet.name == sheet_name, sheet.score), default=None)
    if chosen is None or chosen.score <= 0:
        raise DataError(
            _("No sheet of %(name)s holds a table.", name=name),
            code="no_rows",
            hint=_("Put a header and rows on one sheet."),
        )
    if header_row is not None:
        check_header(chosen.rows, header_row, f"the sheet “{chosen.name}” of {name}")
    for sheet in sheets:
        settle_header(sheet, header_row if sheet is chosen else None)
    alike = [sheet for sheet in sheets if sheet.columns == chosen.columns and sheet.score > 0]
    is_joined = sheet_name == ALL
    used = alike if is_joined else [chosen]
    columns = named([*chosen.columns, *(["sheet"] if is_joined else [])])
    check_columns(columns, name)
    details = {"sheet": ALL if is_joined else chosen.name, "sheets": [sheet.name for sheet in sheets]}
    table = Table(name, "excel", columns, iter(()), size, details | {"header_row": chosen.header_line})
    report_sheets(table, sheets, used, alike, chosen, sheet_name)
    for sheet in used:
        report_sheet(table, sheet, header_row if sheet is chosen else None)
    table.batches = chain.from_iterable(batches(sheet, table, choices, is_joined) for sheet in used)
    return table


def read_sheets(path: Path, name: str, wanted: str | None) -> list[Sheet]:
    """Every sheet: those that are not wanted are told. `DataError` for what is no workbook."""
    from python_calamine import CalamineWorkbook

    try:
        with temporary_folder() as place:
            workbook = CalamineWorkbook.from_path(str(checked(path, name, place)))
            if wanted not in (None, ALL, *workbook.sheet_names):
                raise no_sheet(name, str(wanted), workbook.sheet_names)
            hidden = hidden_sheets(workbook)
            return [cells_of(workbook, sheet, sheet in hidden) for sheet in workbook.sheet_names]
    except DataError:
        raise
    except BaseException as error:  # calamine raises its own kinds; Rust's panics are no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if "password" in str(error).lower() or "encrypt" in str(error).lower():
            raise protected(name) from error
        raise damaged(name, "it cannot be read as an Excel workbook") from error


def hidden_sheets(workbook: "CalamineWorkbook") -> set[str]:
    return {sheet.name for sheet in workbook.sheets_metadata if "Visible" not in str(sheet.visible).rpartition(".")[2]}


def check_header(rows: list[Row], header_row: int, name: str) -> None:
    if header_row > len(rows):
        raise no_header(name, header_row, f"there are only {len(rows):,}")
    if header_row and not any((cell or "").strip() for cell in rows[header_row - 1]):
        raise no_header(name, header_row, "it is blank")


def no_sheet(name: str, sheet_name: str, sheets: list[str]) -> DataError:
    return DataError(
        _("%(name)s has no sheet “%(wanted)s”.", name=name, wanted=sheet_name[:60]),
        code="no_sheet",
        hint=_("There are: %(names)s.", names=", ".join(sheets[:20])),
    )


def settle_header(sheet: Sheet, header_row: int | None) -> None:
    """Which rows of a sheet name its columns; `header_row` as in `open_workbook`."""
    sheet.places = [index for index, row in enumerate(sheet.rows) if is_filled(row)][:FIRST_ROWS]
    if not sheet.places:
        return
    if header_row:
        sheet.places = [index for index in sheet.places if index >= header_row - 1]
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


def cells_of(workbook: "CalamineWorkbook", name: str, is_hidden: bool) -> Sheet:
    """A sheet's cells as text: a merged range's value in each of its rows, error values left out."""
    page = workbook.get_sheet_by_name(name)
    sheet = Sheet(name, [cut([cell_text(cell) for cell in row]) for row in page.iter_rows()], is_hidden)
    for row in sheet.rows:
        for place, cell in enumerate(row):
            if cell is not None and cell[:1] == "#" and cell in ERRORS:
                row[place] = None
                sheet.errors += 1
        cut(row)
    for (top, left), (bottom, _right) in page.merged_cell_ranges or ():
        fill_down(sheet, top, min(bottom, len(sheet.rows) - 1), left)
    return sheet


def fill_down(sheet: Sheet, top: int, bottom: int, column: int) -> None:
    """The value of a merged range in each row of it that holds something else."""
    if bottom <= top or top >= len(sheet.rows) or column >= len(sheet.rows[top]):
        return
    value = sheet.rows[top][column]
    for row in sheet.rows[top + 1 : bottom + 1]:
        if value and is_filled(row):
            row += [None] * (column + 1 - len(row))
            if row[column] is None:
                row[column] = value
                sheet.filled_down += 1


def cut(row: Row) -> Row:
    """Without the empty cells at its end."""
    while row and not row[-1]:
        row.pop()
    return row


def padded(row: Row, width: int) -> Row:
    return row + [None] * (width - len(row))


def cell_text(cell: object) -> str | None:
    """Dates as ISO 8601, a midnight left out; everything else as `as_text`."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ") if cell.time() != clock() else cell.date().isoformat()
    if isinstance(cell, date | clock):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return as_text(cell)


def header_of(rows: list[Row]) -> tuple[int, float]:
    """(index of the header's row, how much the sheet looks like a table): the first row as wide as most rows below it."""
    best, most = 0, 0.0
    widths = [sum(bool((cell or "").strip()) for cell in row) for row in rows]
    for index, row in enumerate(rows[:HEADER_AMONG]):
        below = [width for width in widths[index + 1 :] if width]
        if widths[index] < 1 or not below:
            continue
        usual = sorted(below)[len(below) // 2]
        filled = [cell for cell in row if cell and cell.strip()]
        distinct = len(set(filled)) == len(filled)
        worded = sum(not is_number(cell) for cell in filled) / len(filled)
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


def report_sheets(
    table: Table, sheets: list[Sheet], used: list[Sheet], alike: list[Sheet], chosen: Sheet, asked: str | None
) -> None:
    """Which sheet was read, what else could be, and what the others hold."""
    others = [sheet for sheet in sheets if sheet not in used and any(map(is_filled, sheet.rows))]
    for sheet in others:
        count = sum(map(is_filled, sheet.rows))
        sentence = ngettext(
            "Sheet “%(sheet)s” with %(count)s row was not read.",
            "Sheet “%(sheet)s” with %(count)s rows was not read.",
            count,
            sheet=sheet.name,
        )
        examples = [" ".join(cell for cell in row if cell)[:100] for row in sheet.rows[:3] if is_filled(row)]
        table.left_out.append(LeftOut("sheet", count, sentence, table.name, sheet.name, examples))
    if len(sheets) < 2:
        return
    options = [
        Choice(sheet.name, _("Sheet %(name)s", name=sheet.name), preview_sheet(sheet))
        for sheet in others
        if sheet.score > 0
    ]
    count = len(sheets)
    if len(used) > 1:
        sentence = _("%(count)s sheets with the same columns joined", count=len(used))
        options.append(Choice(chosen.name, _("Sheet %(name)s alone", name=chosen.name), preview_sheet(chosen)))
    elif len(alike) > 1:
        sentence = _("Sheet %(name)s of %(count)s with the same columns, read all", name=chosen.name, count=len(alike))
        options.insert(
            0, Choice(ALL, _("All %(count)s sheets with the same columns", count=len(alike)), preview_sheet(chosen))
        )
    else:
        sentence = _("Sheet %(name)s of %(count)s", name=chosen.name, count=count)
    rival = max((sheet.score for sheet in others), default=0.0)
    confidence = (
        1.0 if asked is not None else 0.5 if len(alike) > 1 else 1 - 0.5 * min(rival / max(chosen.score, 1e-9), 1)
    )
    shown = ALL if len(used) > 1 else chosen.name
    preview = preview_sheet(chosen)
    table.readings.append(
        Reading(
            "sheet", shown, sentence, options[:6], confidence, table.name, preview=preview, is_asked=asked is not None
        )
    )


def preview_sheet(sheet: Sheet) -> JsonObject:
    return preview_of(sheet.columns, [row for row in sheet.rows[sheet.first_record :][:10] if is_filled(row)])


def report_sheet(table: Table, sheet: Sheet, header_row: int | None) -> None:
    """The header of a sheet that was read, the rows above it, merged cells, error values."""
    header, rows = sheet.header, [sheet.rows[index] for index in sheet.places]
    titles = rows[: header.first] if header_row is None else []
    if titles:
        sentence = ngettext(
            "%(count)s title line above the header.", "%(count)s title lines above the header.", len(titles)
        )
        examples = [" ".join(cell for cell in row if cell)[:100] for row in titles]
        table.left_out.append(LeftOut("titles", len(titles), sentence, table.name, sheet.name, examples))
    if header.skipped:
        count = len(header.skipped)
        sentence = ngettext(
            "%(count)s row of types, units or ids under the header.",
            "%(count)s rows of types, units or ids under the header.",
            count,
        )
        table.left_out.append(LeftOut("header_rows", count, sentence, table.name, sheet.name))
    line = sheet.places[header.first] + 1
    is_named = header.row >= header.first
    said: Message = header_sentence(line, header.first, header.row + 1 - header.first) if is_named else _("No header")
    if header_row == 0:
        said = _("No header")
    below = rows[header.first if not is_named else header.first + 1 :]
    other = Choice("0", _("No header"), preview_of(numbered(len(sheet.columns)), rows[header.first :]))
    if not is_named:
        other = Choice(str(line), header_sentence(line, 0, 1), preview_of(named(rows[header.first]), below[1:]))
    preview = preview_sheet(sheet)
    others = [other] if header_row is None else []
    chosen = str(line) if is_named else "0"
    table.readings.append(
        Reading(
            "header",
            chosen,
            said,
            others,
            header.confidence,
            table.name,
            preview=preview,
            is_asked=header_row is not None,
        )
    )
    if sheet.filled_down:
        said = ngettext(
            "%(count)s cell filled down from a merged one",
            "%(count)s cells filled down from merged ones",
            sheet.filled_down,
        )
        table.readings.append(Reading("merged", "filled-down", said, (), 0.95, table.name))
    if sheet.errors:
        said = ngettext(
            "%(count)s error value (#N/A and the like) read as empty",
            "%(count)s error values (#N/A and the like) read as empty",
            sheet.errors,
        )
        table.readings.append(Reading("errors", "empty", said, (), 0.95, table.name))
    if sheet.is_hidden:
        table.readings.append(Reading("hidden", "read", _("The sheet is hidden in the workbook"), (), 0.95, table.name))


def batches(sheet: Sheet, table: Table, choices: Choices, is_joined: bool) -> Iterator[Columns]:
    """The records of a sheet, without totals, notes and headers that come again; the sheet's name last where several are read."""
    width = len(sheet.columns)
    start = sheet.first_record
    header = [cell or "" for cell in sheet.rows[sheet.places[sheet.header.row]]] if sheet.header_line else []
    numbers = [number for number in range(start, len(sheet.rows)) if is_filled(sheet.rows[number])]
    if header:
        again = [number for number in numbers if [cell or "" for cell in sheet.rows[number]] == header]
        if again:
            count_repeated(table, [number + 1 for number in again])
            repeated = set(again)
            numbers = [number for number in numbers if number not in repeated]
    tail = numbers[-FOOTER_ROWS:]
    last = [[cell or "" for cell in padded(list(sheet.rows[number]), width)] for number in tail]
    before = [[cell or "" for cell in padded(list(sheet.rows[number]), width)] for number in numbers[-50:-FOOTER_ROWS]]
    kept = split_footer(
        [*before, *last], [number + 1 for number in [*numbers[-50:-FOOTER_ROWS], *tail]], table, choices, sheet.name
    )
    numbers = numbers[: len(numbers) - (len(before) + len(last) - kept)]
    for place in range(0, len(numbers), BATCH_ROWS):
        rows = [padded(sheet.rows[number], width)[:width] for number in numbers[place : place + BATCH_ROWS]]
        cells = list(zip(*rows, strict=True))
        yield [*cells, [sheet.name] * len(rows)] if is_joined else cells
