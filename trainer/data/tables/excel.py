"""Excel workbooks, new and old, and OpenDocument: the table that is wanted is found among sheets and on them, its header by content, and
what the others hold is told; sheets of the same columns are joined where somebody wants it, tables of one sheet by themselves."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.data.readings import Choices, LeftOut
from trainer.data.tables.compound import protected
from trainer.data.tables.csv_batches import count_pages, count_repeated, is_page_mark
from trainer.data.tables.footers import FOOTER_ROWS, split_footer
from trainer.data.tables.number_formats import shown
from trainer.data.tables.row_groups import FIRST_RECORDS, settle_groups
from trainer.data.tables.sheet_marks import Marks, read_marks
from trainer.data.tables.sheet_reports import ALL, LEAVE_OUT, READ, report_hidden, report_sheet, report_sheets
from trainer.data.tables.sheets import Sheet, check_header, cut, header_of, is_filled, padded, settle_header, tables_of
from trainer.data.tables.subtotals import Subtotals
from trainer.data.tables.table import BATCH_ROWS, MAX_FIELDS, Columns, Table, as_text, check_columns, damaged, named
from trainer.data.tables.turned import may_be_turned, settle_turn, turn_sheet
from trainer.data.tables.wide import narrow
from trainer.data.tables.workbook_limits import checked
from trainer.data.tempspace import temporary_folder
from trainer.errors import DataError
from trainer.messages import _, ngettext

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#GETTING_DATA", "#SPILL!", "#CALC!"}
)


def open_workbook(
    path: Path,
    name: str,
    size: int,
    sheet_name: str | None = None,
    header_row: int | None = None,
    choices: Choices | None = None,
    read: list[Sheet] | None = None,
) -> Table:
    """The sheet asked for, or the one most like a table; `details["sheets"]` names them all, and tables among several of a sheet.
    `header_row`: from 1, or 0 for a sheet without; otherwise it is found. `read`: the sheets, where another reader has read them."""
    choices = choices or Choices()
    choices.get("sheet", name)
    read = read_sheets(path, name) if read is None else read
    hidden = {what: choices.pick(what, (READ, LEAVE_OUT), name) for what in ("hidden_rows", "hidden_columns")}
    for sheet in read if hidden["hidden_columns"] == LEAVE_OUT else []:
        drop_columns(sheet)
    split = {sheet.name: tables_of(sheet) for sheet in read}
    names = [
        sheet for whole, parts in split.items() for sheet in dict.fromkeys([whole, *(part.name for part in parts)])
    ]
    if sheet_name not in (None, ALL, *names):
        raise no_sheet(name, str(sheet_name), names)
    if header_row is not None:
        split = {whole: parts if sheet_name in {part.name for part in parts} else [sheet] for sheet in read for whole, parts in split.items() if whole == sheet.name}  # fmt: skip
    sheets = [part for parts in split.values() for part in parts]
    turns = {id(sheet): settle_turn(sheet.rows, choices, name) for sheet in sheets if may_be_turned(sheet)}
    for sheet in sheets:
        if turns.get(id(sheet), (False, None))[0]:
            turn_sheet(sheet)
        sheet.score = header_of(sheet.rows)[1] * (0.1 if sheet.is_hidden else 1)
    chosen = max(sheets, key=lambda sheet: (sheet_name in (sheet.name, sheet.whole), sheet.score), default=None)
    if chosen is None or chosen.score <= 0:
        raise DataError(
            _("No sheet of %(name)s holds a table.", name=name),
            code="no_rows",
            hint=_("Put a header and rows on one sheet."),
        )
    if header_row is not None:
        check_header(chosen, header_row, f"the sheet “{chosen.name}” of {name}")
    for sheet in sheets:
        settle_header(sheet, header_row if sheet is chosen else None)
    alike = [sheet for sheet in sheets if sorted(sheet.columns) == sorted(chosen.columns) and sheet.score > 0]
    tables = [sheet for sheet in alike if sheet.whole == chosen.whole != "" and sheet_name in (None, chosen.whole)]
    used = alike if sheet_name == ALL else tables if len(tables) > 1 else [chosen]
    source = "" if len(used) == 1 and sheet_name != ALL else "sheet" if sheet_name == ALL else "table"
    columns = named([*chosen.columns, *([source] if source else [])])
    check_columns(columns, name, MAX_FIELDS)
    shown = ALL if sheet_name == ALL else chosen.whole if len(used) > 1 else chosen.name
    table = Table(
        name, "excel", columns, iter(()), size, {"sheet": shown, "sheets": names} | {"header_row": chosen.header_line}
    )
    report_sheets(table, sheets, used, alike, chosen, sheet_name)
    for sheet in used:
        reading = turns.get(id(sheet), (False, None))[1]
        table.readings += [reading] if reading else []
        report_sheet(table, sheet, header_row if sheet is chosen else None, choices)
    report_hidden(table, used, hidden)
    is_left_out = hidden["hidden_rows"] == LEAVE_OUT
    places = [[sheet.columns.index(name) for name in chosen.columns] for sheet in used]
    table.batches = chain.from_iterable(
        batches(sheet, table, choices, bool(source), order, is_left_out)
        for sheet, order in zip(used, places, strict=True)
    )
    narrow(table)
    return table


def read_sheets(path: Path, name: str) -> list[Sheet]:
    """Every sheet: those that are not wanted are told. `DataError` for what is not a workbook."""
    from python_calamine import CalamineWorkbook

    try:
        with temporary_folder() as place:
            copy = checked(path, name, place)
            workbook = CalamineWorkbook.from_path(str(copy))
            hidden, marks = hidden_sheets(workbook), read_marks(path, copy)
            return [
                cells_of(workbook, sheet, sheet in hidden, marks.get(sheet, Marks())) for sheet in workbook.sheet_names
            ]
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


def no_sheet(name: str, sheet_name: str, sheets: list[str]) -> DataError:
    return DataError(
        _("%(name)s has no sheet “%(wanted)s”.", name=name, wanted=sheet_name[:60]),
        code="no_sheet",
        hint=_("There are: %(names)s.", names=", ".join(sheets[:20])),
    )


def cells_of(workbook: "CalamineWorkbook", name: str, is_hidden: bool, marks: Marks) -> Sheet:
    """A sheet's cells as text: a merged range's value in each of its rows, error values left out, check boxes as true or false."""
    page = workbook.get_sheet_by_name(name)
    sheet = Sheet(name, [cut([cell_text(cell) for cell in row]) for row in page.iter_rows()], is_hidden)
    sheet.left = page.start[1] if page.start else 0
    sheet.errors, sheet.formulas = marks.errors, marks.formulas
    sheet.marks = Marks(marks.rows, {column - sheet.left for column in marks.columns if column >= sheet.left})
    show_codes(sheet, marks)
    for (row_number, column), is_ticked in marks.boxes.items():
        tick(sheet, row_number, column - sheet.left, is_ticked)
    sheet.merged = [(top, bottom, left - sheet.left) for (top, left), (bottom, _r) in page.merged_cell_ranges or ()]
    merge_cells(sheet)
    return sheet


def merge_cells(sheet: Sheet) -> None:
    """Error values left out, a merged range's value in each of its rows."""
    for row in sheet.rows:
        for place, cell in enumerate(row):
            if cell is not None and cell[:1] == "#" and cell in ERRORS:
                row[place] = None
                sheet.errors += 1
        cut(row)
    for top, bottom, column in sheet.merged:
        fill_down(sheet, top, min(bottom, len(sheet.rows) - 1), column)


def show_codes(sheet: Sheet, marks: Marks) -> None:
    """Numbers as their formats show them, where those put zeros in front."""
    for column, runs in marks.codes.items():
        place = column - sheet.left
        for run in runs if place >= 0 else []:
            for row in sheet.rows[run.first : run.last + 1]:
                cell = row[place] if place < len(row) else None
                if cell is not None and (text := shown(cell, run.code)) != cell:
                    row[place] = text
                    sheet.codes += 1


def fill_down(sheet: Sheet, top: int, bottom: int, column: int) -> None:
    """The value of a merged range in each row of it that holds something else."""
    if (
        bottom <= top
        or top >= len(sheet.rows)
        or not 0 <= column < len(sheet.rows[top])
        or column >= len(sheet.rows[top])
    ):
        return
    value = sheet.rows[top][column]
    for row in sheet.rows[top + 1 : bottom + 1]:
        if value and is_filled(row):
            row += [None] * (column + 1 - len(row))
            if row[column] is None:
                row[column] = value
                sheet.filled_down += 1


def tick(sheet: Sheet, number: int, column: int, is_ticked: bool) -> None:
    """A check box as the value of the empty cell below it."""
    if not (0 <= number < len(sheet.rows) and column >= 0):
        return
    row = sheet.rows[number]
    row += [None] * (column + 1 - len(row))
    if row[column] is None:
        row[column] = "true" if is_ticked else "false"
        sheet.ticked += 1


def drop_columns(sheet: Sheet) -> None:
    """Without the hidden columns; they stay in the marks, to be told."""
    for row in sheet.rows:
        for column in sorted(sheet.marks.columns, reverse=True):
            del row[column : column + 1]


def cell_text(cell: object) -> str | None:
    """Dates as ISO 8601, a midnight left out; everything else as `as_text`."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ") if cell.time() != clock() else cell.date().isoformat()
    if isinstance(cell, date | clock):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = round(abs(cell.total_seconds()))
        sign = "-" if cell.total_seconds() < 0 else ""
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return as_text(cell)


def batches(
    sheet: Sheet, table: Table, choices: Choices, is_joined: bool, order: list[int], is_left_out: bool = False
) -> Iterator[Columns]:
    """`order`: the places of the columns in the sheet, which may have them in another order. The records of a sheet, without hidden rows where they are to be left out, totals, notes and headers that come again; the sheet's name last where several are read."""
    width = len(sheet.columns)
    start = sheet.first_record
    header = [cell or "" for cell in sheet.rows[sheet.places[sheet.header.row]]] if sheet.header_line else []
    numbers = [number for number in range(start, len(sheet.rows)) if is_filled(sheet.rows[number])]
    if is_left_out and (hidden := [number for number in numbers if number in sheet.marks.rows]):
        sentence = ngettext("%(count)s hidden row.", "%(count)s hidden rows.", len(hidden))
        examples = [f"line {sheet.top + number + 1}" for number in hidden[:20]]
        table.left_out.append(LeftOut("hidden_rows", len(hidden), sentence, table.name, sheet.name, examples))
        numbers = [number for number in numbers if number not in sheet.marks.rows]
    if header:
        again = [number for number in numbers if [cell or "" for cell in sheet.rows[number]] == header]
        if again:
            count_repeated(table, [sheet.top + number + 1 for number in again])
            repeated = set(again)
            numbers = [number for number in numbers if number not in repeated]
    if pages := [number for number in numbers[:-1] if is_page_mark(padded(list(sheet.rows[number]), width))]:
        count_pages(table, [sheet.top + number + 1 for number in pages])
        numbers = [number for number in numbers if number not in set(pages)]
    tail = numbers[-FOOTER_ROWS:]
    last = [[cell or "" for cell in padded(list(sheet.rows[number]), width)] for number in tail]
    before = [[cell or "" for cell in padded(list(sheet.rows[number]), width)] for number in numbers[-50:-FOOTER_ROWS]]
    row_count = split_footer(
        [*before, *last], [number + 1 for number in [*numbers[-50:-FOOTER_ROWS], *tail]], table, choices, sheet.name
    )
    numbers = numbers[: len(numbers) - (len(before) + len(last) - row_count)]
    subtotals = Subtotals(table, choices, sheet.name)
    looked_at = [padded(list(sheet.rows[number]), width)[:width] for number in numbers[:FIRST_RECORDS]]
    groups = settle_groups(sheet.columns, looked_at, table, choices, sheet.name)
    for place in range(0, len(numbers), BATCH_ROWS):
        part = numbers[place : place + BATCH_ROWS]
        rows = [padded(sheet.rows[number], width)[:width] for number in part]
        lines = [sheet.top + number + 1 for number in part]
        rows, lines = groups.take(rows, lines) if groups else (rows, lines)
        rows, _lines = subtotals.drop(rows, lines)
        every = list(zip(*rows, strict=True))
        cells = [every[column] for column in order]
        yield [*cells, [sheet.name] * len(rows)] if is_joined else cells
