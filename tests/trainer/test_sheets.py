"""Workbooks as people keep them: sparse columns, titles and totals, several sheets of the same columns, error values."""

import io
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import workbook
from trainer.data.gathering import gather_rows
from trainer.data.tables.excel import ALL, Sheet, cell_text, fill_down
from trainer.data.tables.formats import open_table
from trainer.data.tables.table import Table
from trainer.events import silent

HEADER: list[Any] = ["message", "topic", "remarks"]
ROWS: list[list[Any]] = [[f"my order {n} has not come", "ab"[n % 2], "see notes" if n == 9 else ""] for n in range(30)]


def read(
    folder: Path, sheets: dict[str, list[list[Any]]], sheet: str | None = None
) -> tuple[Table, list[dict[str, Any]]]:
    path = folder / "a.xlsx"
    path.write_bytes(workbook({name: [[*row, "", "", ""][:3] for row in rows] for name, rows in sheets.items()}))
    table = open_table(path, sheet=sheet)
    dataset, _parts = gather_rows([table], [None], silent)
    return table, dataset.table.to_pylist()


def told(table: Table) -> dict[str, int]:
    return {entry.reason: entry.count for entry in table.left_out}


def test_a_column_that_is_hardly_filled_is_no_reason_to_take_a_record_for_the_header(tmp_path: Path) -> None:
    table, rows = read(tmp_path, {"Inbox": [HEADER, *ROWS]})
    assert (table.columns, len(rows), told(table)) == (HEADER, 30, {})


def test_titles_and_totals_are_told(tmp_path: Path) -> None:
    sheet = [["Our inbox"], [], HEADER, *ROWS, [], ["Total", 30, ""], ["Page 1 of 1"]]
    table, rows = read(tmp_path, {"Inbox": sheet})
    assert (table.columns, len(rows), told(table)) == (HEADER, 30, {"titles": 1, "footer": 2})


def test_numbers_of_pages_between_the_records_are_told(tmp_path: Path) -> None:
    table, rows = read(tmp_path, {"Inbox": [HEADER, *ROWS[:15], ["Page 1 of 2"], HEADER, *ROWS[15:]]})
    assert (len(rows), told(table)) == (30, {"pages": 1, "repeated_header": 1})


def test_sheets_of_the_same_columns_are_joined_where_somebody_wants_it(tmp_path: Path) -> None:
    sheets = {name: [HEADER, *ROWS] for name in ("April", "May", "June")}
    table, rows = read(tmp_path, sheets)
    reading = next(reading for reading in table.readings if reading.what == "sheet")
    assert (len(rows), told(table), reading.chosen, reading.confidence) == (30, {"sheet": 31}, "April", 0.5)
    assert [choice.value for choice in reading.others] == [ALL, "May", "June"]
    assert [entry.sheet for entry in table.left_out] == ["May", "June"]
    table, rows = read(tmp_path, sheets, ALL)
    assert (len(rows), table.columns, told(table)) == (90, [*HEADER, "sheet"], {})
    assert {row["sheet"] for row in rows} == set(sheets)


def test_error_values_count_as_empty(tmp_path: Path) -> None:
    table, rows = read(tmp_path, {"Inbox": [HEADER, *ROWS[:20], ["a text", "#N/A", "#REF!"]]})
    assert rows[-1] == {"message": "a text", "topic": None, "remarks": None}
    assert any(reading.what == "errors" and "2 error values" in reading.sentence for reading in table.readings)


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([["a", "1"], [None, "2"], [None, "3"]], ["a", "a", "a"]),
        ([["a", "1"], [None, "2"], ["b", "3"]], ["a", "a", "b"]),
        ([["a", "1"], [], [None, "3"]], ["a", None, "a"]),
    ],
)
def test_a_merged_cell_counts_for_each_of_its_rows(rows: list[list[str | None]], wanted: list[str | None]) -> None:
    sheet = Sheet("S", [list(row) for row in rows])
    fill_down(sheet, 0, 2, 0)
    assert [row[0] if row else None for row in sheet.rows] == wanted


def changed(book: bytes, **cells: str) -> bytes:
    """A workbook with other XML for some cells of its first sheet."""
    part = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for place, xml in cells.items():
        parts[part] = re.sub(rf'<c r="{place}".*?</c>'.encode(), xml.format(place).encode(), parts[part], count=1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize("padding", [0, 1 << 20])
def test_cells_of_errors_and_formulas_without_values_are_told_once(padding: int, tmp_path: Path) -> None:
    error, formula = '<c r="{}" t="e"><v>#REF!</v></c>', '<c r="{}"><f>A1</f><v/></c>'
    counted = '<c r="{}"><f>A1</f><v>7</v></c>'
    book = changed(workbook({"S": [HEADER, *ROWS]}), C3=error, C4=error, C5=formula, C6=counted, C7='<c r="{}"><f>A1</f></c>')  # fmt: skip
    if padding:  # so that the cells lie where two pieces of the part meet
        book = book_with_blanks(book, padding)
    (tmp_path / "a.xlsx").write_bytes(book)
    table = open_table(tmp_path / "a.xlsx")
    told = {entry.what: str(entry.sentence)[:2] for entry in table.readings if entry.what in ("errors", "formulas")}
    assert told == {"errors": "2 ", "formulas": "2 "}
    assert [row[2] for cells in table.batches for row in zip(*cells, strict=True)][1:5] == [None, None, None, "7"]


def book_with_blanks(book: bytes, count: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    part = "xl/worksheets/sheet1.xml"
    before, row, after = parts[part].partition(b'<row r="4">')
    parts[part] = before + b" " * (count - len(before) - 60) + row + after
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_sheets_with_the_same_columns_in_another_order_are_joined(tmp_path: Path) -> None:
    other: list[list[Any]] = [[row[1], row[0], row[2]] for row in [HEADER, *ROWS]]
    table, rows = read(tmp_path, {"April": [HEADER, *ROWS], "May": other}, ALL)
    assert (table.columns, len(rows)) == ([*HEADER, "sheet"], 60)
    assert [{**row, "sheet": ""} for row in rows[:30]] == [{**row, "sheet": ""} for row in rows[30:]]


def test_durations_are_hours_minutes_and_seconds() -> None:
    cells = [timedelta(hours=25, minutes=3), timedelta(seconds=-61), timedelta(milliseconds=1600)]
    assert [cell_text(cell) for cell in cells] == ["25:03:00", "-0:01:01", "0:00:02"]


@pytest.mark.parametrize(("state", "is_told"), [("hidden", True), ("veryHidden", True), ("visible", False)])
def test_a_hidden_sheet_gives_way_and_is_told(state: str, is_told: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    rows: list[list[Any]] = [["text", "label"], *([f"fine {n}", "good"] for n in range(6))]
    book = workbook({"old": rows, "new": rows[:4]})
    packed, buffer = zipfile.ZipFile(io.BytesIO(book)), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as changed_book:
        for name in packed.namelist():
            data = packed.read(name)
            changed_book.writestr(
                name,
                data.replace(b'name="old"', f'name="old" state="{state}"'.encode())
                if name == "xl/workbook.xml"
                else data,
            )
    path.write_bytes(buffer.getvalue())
    table = open_table(path)
    assert (table.details["sheet"], len([row for batch in table.batches for row in batch[0]])) == (("new", 3) if is_told else ("old", 6))  # fmt: skip
    assert sum(entry.count for entry in table.left_out if entry.sheet in ("old", "new")) > 0
    asked = open_table(path, sheet="old")
    assert any(reading.what == "hidden" for reading in asked.readings) == is_told


def test_characters_of_no_width_are_taken_out_of_cells_and_numbers_may_be_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    rows = [["\u200bfine\ufeff", "go\u200bod", "1.5 " if n % 2 else n + 0.5] for n in range(6)]
    path.write_bytes(workbook({"S": [["te\u200bxt", "\ufefflabel", "price"], *rows]}))
    table = open_table(path)
    columns = [list(cells) for cells in next(iter(table.batches))]
    assert (table.columns, columns[0][0], {*columns[1]}) == (["text", "label", "price"], "fine", {"good"})
    assert columns[2][:2] == ["0.5", "1.5"]
