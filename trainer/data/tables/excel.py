"""Excel workbooks, new and old, and OpenDocument: the sheet that holds a table is found, titles above its header are passed over."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.data.tables.compound import protected
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
from trainer.messages import _

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

MAX_ROWS = 1_048_576
HEADER_AMONG = 30
"""Rows at the top in which a header is looked for."""
Row = list[str | None]


def open_workbook(
    path: Path, name: str, size: int, sheet_name: str | None = None, header_row: int | None = None
) -> Table:
    """The sheet that is `wanted`, or looks most like a table; `details["sheets"]` names them all. `header_row`: from 1, or
    0 for a sheet without; otherwise it is found."""
    from python_calamine import CalamineWorkbook

    try:
        with temporary_folder() as place:
            workbook = CalamineWorkbook.from_path(str(checked(path, name, place)))
            if sheet_name is not None and sheet_name not in workbook.sheet_names:
                raise no_sheet(name, sheet_name, workbook.sheet_names)
            sheets = [
                (sheet, cells_of(workbook, sheet)) for sheet in workbook.sheet_names if sheet_name in (None, sheet)
            ]
    except DataError:
        raise
    except BaseException as error:  # calamine raises its own kinds; Rust's panics are no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if "password" in str(error).lower() or "encrypt" in str(error).lower():
            raise protected(name) from error
        raise damaged(name, "it cannot be read as an Excel workbook") from error
    candidates = [(sheet, *header_of(rows)) for sheet, rows in sheets]
    chosen = max(candidates, key=lambda candidate: candidate[2], default=None)
    if chosen is None or chosen[2] <= 0:
        raise DataError(
            _("No sheet of %(name)s holds a table.", name=name),
            code="no_rows",
            hint=_("Put a header and rows on one sheet."),
        )
    sheet, header_index, _score = chosen
    rows = dict(sheets)[sheet]
    if header_row is not None:
        header_index = header_row - 1
        check_header(rows, header_row, f"the sheet “{sheet}” of {name}")
    width = max(map(len, rows[max(header_index, 0) :]), default=0)
    columns = numbered(width) if header_index < 0 else named(padded(rows[header_index], width))
    check_columns(columns, name)
    details = {"sheet": sheet, "sheets": workbook.sheet_names, "header_row": header_index + 1}
    table = Table(name, "excel", columns, iter(()), size, details)
    table.batches = batches(rows[header_index + 1 :], width)
    return table


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


def cells_of(workbook: "CalamineWorkbook", sheet: str) -> list[Row]:
    """A sheet's cells as text, merged ranges' value in their first cell."""
    page = workbook.get_sheet_by_name(sheet)
    return [cut([cell_text(cell) for cell in row]) for row in page.iter_rows()]


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


def batches(rows: list[Row], width: int) -> Iterator[Columns]:
    filled = [padded(row, width) for row in rows if any((cell or "").strip() for cell in row)]
    for start in range(0, len(filled), BATCH_ROWS):
        yield list(zip(*filled[start : start + BATCH_ROWS], strict=True))
