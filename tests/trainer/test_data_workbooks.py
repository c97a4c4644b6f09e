"""Workbooks that would fill the memory: cells far apart, repeated cells, parts that unpack to far more than their size."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import old_records, old_workbook, workbook
from trainer.data.tables import workbook_limits
from trainer.data.tables.excel import open_workbook
from trainer.data.tables.formats import open_table
from trainer.data.tables.table import Table
from trainer.errors import DataError

ROWS: list[list[Any]] = [["text", "label"], *([f"message {n}", "ab"[n % 2]] for n in range(20))]


def with_part(book: bytes, part: str, old: bytes, new: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as to:
        for name in source.namelist():
            to.writestr(name, source.read(name).replace(old, new) if name.endswith(part) else source.read(name))
    return out.getvalue()


def with_rows(rows: bytes) -> bytes:
    return with_part(workbook({"S": ROWS}), "sheet1.xml", b"</sheetData>", rows + b"</sheetData>")


def opened(path: Path, data: bytes) -> Table:
    path.write_bytes(data)
    return open_table(path)


@pytest.mark.parametrize(
    "rows",
    [
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        b"<row r='1048576'><x:c  r = 'xfd1048576' xmlns:x='x'><v>1</v></x:c></row>",
        b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>',
        b'<row r="1048575"/><row><c r="XFD"><v>1</v></c></row>',
        b'<row r="60000"><c r="ALM60000"><v>1</v></c></row>',
    ],
)
def test_a_cell_far_from_the_others_is_named(rows: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(XFD1048576|ALM60000): [\d,]+ rows × [\d,]+ columns") as caught:
        opened(tmp_path / "a.xlsx", with_rows(rows))
    assert (caught.value.code, bool(caught.value.hint)) == ("too_large", True)


def test_cells_without_a_place_are_counted(tmp_path: Path) -> None:
    wide = b'<row r="40">' + b"<c><v>1</v></c>" * 5_000 + b"</row>" + b"<row/>" * 6_000 + b"<row><c><v>1</v></c></row>"
    with pytest.raises(DataError, match="6,041 rows × 5,000 columns"):
        opened(tmp_path / "a.xlsx", with_rows(wide))


@pytest.mark.parametrize("piece", [1, 7, 100, 1 << 20])
def test_a_glance_sees_what_a_close_look_sees(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = b"".join(b'<row r="%d"><c r="AB%d" s="1"><v>1</v></c><c r="A%d"/></row>' % (n, n, n) for n in range(1, 90))
    monkeypatch.setattr(workbook_limits, "MAX_CELLS", 100_000)
    for more, unsure in ((b"", False), (b"<c/>", True), (b"<x:c r='A1'/>", True), (b'<c r="A99999"/>', True)):
        sheet = workbook_limits.Glance(workbook_limits.Grid("a.xlsx"))
        data = cells + more
        for start in range(0, len(data), piece):
            sheet.feed(data[start : start + piece])
        sheet.close()
        assert sheet.unsure == unsure
        assert sheet.grid.cells == (0 if unsure else 89 * 28)


def test_a_format_without_a_value_costs_nothing(tmp_path: Path) -> None:
    far = b'<row r="1048576"><c r="XFD1048576" s="1"/><c r="XFD1048576"><f>A1</f><v></v></c></row>'
    assert sum(len(batch[0]) for batch in opened(tmp_path / "a.xlsx", with_rows(far)).batches) == 20


def test_a_false_dimension_changes_nothing(tmp_path: Path) -> None:
    book = with_part(
        workbook({"S": ROWS}), "sheet1.xml", b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>'
    )
    assert sum(len(batch[0]) for batch in opened(tmp_path / "a.xlsx", book).batches) == 20


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet'),
        (b"<sheetData>", b'<sheetData><row r="99999999999999"/><c/>'),
        (b'r="A1"', b'r="1A1"'),
        (b"</row>", b"<c></row>"),
    ],
)
def test_sheets_that_make_no_sense_are_refused(old: bytes, new: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        opened(tmp_path / "a.xlsx", with_part(workbook({"S": ROWS}), "sheet1.xml", old, new))
    assert caught.value.code == "damaged"


def test_a_part_that_unpacks_to_far_more_than_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_limits, "EXPANSION_FREE", 1 << 20)
    bomb = with_part(workbook({"S": ROWS}), "sheet1.xml", b"</worksheet>", b" " * (4 << 20) + b"</worksheet>")
    with pytest.raises(DataError, match="unpacks to far more"):
        opened(tmp_path / "a.xlsx", bomb)


OPEN = (
    b'<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    b'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">'
    b'<office:body><office:spreadsheet><table:table table:name="S">%s</table:table></office:spreadsheet></office:body>'
    b"</office:document-content>"
)
CELL = b'<table:table-cell office:value-type="string"%s><text:p>%s</text:p></table:table-cell>'


def open_document(rows: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", OPEN % rows)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
    return buffer.getvalue()


def open_row(cells: list[bytes], more: bytes = b"") -> bytes:
    return b"<table:table-row%s>%s</table:table-row>" % (more, b"".join(cells))


PLAIN = open_row([CELL % (b"", b"text"), CELL % (b"", b"label")]) + b"".join(
    open_row([CELL % (b"", b"message %d" % n), CELL % (b"", b"ab"[n % 2 : n % 2 + 1])]) for n in range(20)
)
EMPTY = b'<table:table-cell table:number-columns-repeated="16382"/>'


def test_empty_cells_at_the_ends_of_an_open_document_cost_nothing(tmp_path: Path) -> None:
    rows = PLAIN + open_row([EMPTY], b' table:number-rows-repeated="1048555"')
    assert sum(len(batch[0]) for batch in opened(tmp_path / "a.ods", open_document(rows)).batches) == 20


@pytest.mark.parametrize(
    "row",
    [
        open_row([CELL % (b' table:number-columns-repeated="2000000000"', b"x")]),
        open_row([CELL % (b' table:number-columns-repeated="10000"', b"x")], b' table:number-rows-repeated="10000"'),
        open_row([], b' table:number-rows-repeated="1000000"') + open_row([EMPTY, CELL % (b"", b"x")]),
    ],
)
def test_repeated_cells_of_an_open_document_are_counted(row: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="more than the 20,000,000 cells"):
        opened(tmp_path / "a.ods", open_document(PLAIN + row))


def record(number: int, body: bytes) -> bytes:
    return bytes([number, len(body)]) + body


def test_a_binary_sheet_is_measured_however_it_comes_in_pieces() -> None:
    data = record(0, struct.pack("<I", 3) + b"\0" * 13) + record(5, struct.pack("<I", 9) + b"\0" * 12)
    data += b"\xbf\x02\x00" + record(1, struct.pack("<I", 16_000)) + record(7, struct.pack("<II", 11, 0))
    for size in (1, 7, 1000):
        grid = workbook_limits.Grid("a.xlsb")
        sheet = workbook_limits.BinarySheet(grid)
        for start in range(0, len(data), size):
            sheet.feed(data[start : start + size])
        sheet.close()
        assert (grid.rows, grid.columns) == (4, 12)
    with pytest.raises(DataError, match="more than"):
        workbook_limits.BinarySheet(workbook_limits.Grid("a")).feed(
            record(0, struct.pack("<I", 1_048_575)) + record(2, struct.pack("<I", 16_383)) + b"\0" * 12
        )


def test_records_of_an_old_workbook_end_with_their_sheet() -> None:
    data = old_records((0x0203, struct.pack("<HH", 5, 300) + b"\0" * 10), (0x000A, b""), (0x0203, b"\xff" * 14))
    assert [(kind, len(body)) for kind, body in workbook_limits.records(data, 0)] == [(0x0203, 14), (0x000A, 0)]


def test_an_old_workbook_is_measured_before_it_is_read(tmp_path: Path) -> None:
    near = [(row, column) for row in range(30) for column in range(2)]
    for name in ("a.xls", "a.xlsx", "a.csv"):
        table = opened(tmp_path / name, old_workbook(*near) + workbook({"S": ROWS}))
        assert sum(len(batch[0]) for batch in table.batches) == 29
    with pytest.raises(DataError, match="cell CRXO65536: 65,536 rows"):
        opened(tmp_path / "b.xls", old_workbook(*near, (65_535, 65_534)))


def test_a_file_system_in_circles_hangs_nobody(tmp_path: Path) -> None:
    """The library follows the list of sectors to its end, which is never reached when the last one names the first."""
    book = bytearray(old_workbook(*((row, column) for row in range(30) for column in range(2))))
    last = book.index(struct.pack("<2I", 0xFFFFFFFE, 0xFFFFFFFF), 516)
    book[last : last + 4] = struct.pack("<I", 2)
    assert sum(len(batch[0]) for batch in opened(tmp_path / "a.xls", bytes(book)).batches) == 29


def test_letters_and_numbers_of_columns() -> None:
    assert [workbook_limits.letters(n) for n in (1, 26, 27, 702, 703, 16_384)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
    assert workbook_limits.number_of("xfd") == 16_384


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "a.xlsx").write_bytes(workbook({"S": ROWS}))
    open_workbook(tmp_path / "a.xlsx", "a.xlsx", 1)
    assert list((tmp_path / "tmp").iterdir()) == []
