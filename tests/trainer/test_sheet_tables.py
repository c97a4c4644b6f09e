"""Several tables on one sheet, hidden rows and columns, check boxes, and dates by the workbook's own epoch, in each format."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import old_container, old_records, workbook
from tests.trainer.test_data_workbooks import with_part
from trainer.data.gathering import gather_rows
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.sheet_marks import drawn_boxes
from trainer.data.tables.table import Table
from trainer.events import silent

Grid = list[list[Any]]
ORDERS: Grid = [["order", "city", "amount"], *([f"A-{n}", ("Bern", "Rome")[n % 2], 10 + n] for n in range(12))]
PEOPLE: Grid = [["name", "team"], *([f"Ann {n}", ("red", "blue")[n % 2]] for n in range(5))]


def beside(left: Grid, right: Grid, gap: int = 1) -> Grid:
    width = len(left[0])
    rows = []
    for n in range(max(len(left), len(right))):
        rows.append(
            [*(left[n] if n < len(left) else [None] * width), *[None] * gap, *(right[n] if n < len(right) else [])]
        )
    return rows


def read(data: bytes, folder: Path, name: str = "a.xlsx", sheet: str | None = None, **asked: str) -> tuple[Table, Grid]:
    (folder / name).write_bytes(data)
    table = open_table(folder / name, sheet=sheet, choices=Choices(asked))
    dataset, _parts = gather_rows([table], [None], silent)
    return table, [dataset.names, *(list(row.values()) for row in dataset.table.to_pylist())]


def cells(grid: Grid) -> Grid:
    return [[None if cell is None else str(cell) for cell in row] for row in grid]


def told(table: Table) -> list[tuple[str, str, int]]:
    return [(entry.reason, entry.sheet, entry.count) for entry in table.left_out]


def reading(table: Table, what: str) -> Any:
    return next((reading for reading in table.readings if reading.what == what), None)


@pytest.mark.parametrize(
    ("grid", "main", "other"),
    [
        pytest.param(beside(ORDERS, PEOPLE), "S!A1:C13", "S!E1:F6", id="beside"),
        pytest.param(beside(PEOPLE, ORDERS, 2), "S!E1:G13", "S!A1:B6", id="beside, the longer on the right"),
        pytest.param([*ORDERS, [], *PEOPLE], "S!A1:C13", "S!A15:B20", id="below"),
        pytest.param(
            [["Our people"], *PEOPLE, [], [], ["Orders of May"], [], *ORDERS],
            "S!A10:C24",
            "S!A1:B7",
            id="below, with titles",
        ),
    ],
)
def test_of_several_tables_one_is_read_and_the_others_are_told(
    grid: Grid, main: str, other: str, tmp_path: Path
) -> None:
    table, rows = read(workbook({"S": grid}), tmp_path)
    assert rows == [ORDERS[0], *cells(ORDERS[1:])]
    assert (table.details["sheet"], table.details["sheets"]) == (
        main,
        ["S", *([main, other] if grid[0][0] == "order" else [other, main])],
    )
    assert ("sheet", other) in [entry[:2] for entry in told(table)]
    assert (reading(table, "sheet").chosen, [choice.value for choice in reading(table, "sheet").others]) == (
        main,
        [other],
    )
    table, rows = read(workbook({"S": grid}), tmp_path, sheet=other)
    assert rows == PEOPLE


def test_tables_of_the_same_columns_on_one_sheet_are_joined(tmp_path: Path) -> None:
    grid = [["May"], *ORDERS, [], ["June"], *ORDERS, [], ["July"], *ORDERS]
    table, rows = read(workbook({"S": grid}), tmp_path)
    assert (len(rows), rows[0], rows[13][3]) == (37, [*ORDERS[0], "table"], "S!A16:C29")
    assert sum(count for _reason, _sheet, count in told(table)) == 3  # the titles
    assert (reading(table, "sheet").chosen, len(reading(table, "sheet").others)) == ("S", 3)
    assert len(read(workbook({"S": grid}), tmp_path, sheet="S!A1:C14")[1]) == 13


@pytest.mark.parametrize(
    "grid",
    [
        pytest.param([[*row[:1], None, *row[1:]] for row in ORDERS], id="a blank column as a margin"),
        pytest.param([*ORDERS[:5], [], *ORDERS[5:]], id="a blank row"),
        pytest.param([*ORDERS, [], ["Total", None, 99]], id="a total"),
        pytest.param([*ORDERS, [], ["Notes:"], ["checked by Ann"], ["twice"]], id="notes"),
    ],
)
def test_one_table_with_gaps_stays_one(grid: Grid, tmp_path: Path) -> None:
    table, rows = read(workbook({"S": grid}), tmp_path)
    assert (table.details["sheet"], len(rows)) == ("S", 13)


def test_a_header_chosen_by_its_row_counts_as_the_sheet_does(tmp_path: Path) -> None:
    data = workbook({"S": [*ORDERS, [], *PEOPLE]})
    (tmp_path / "a.xlsx").write_bytes(data)
    table = open_table(tmp_path / "a.xlsx", sheet="S!A15:B20", header=16)
    assert (table.columns, table.details["header_row"]) == (["Ann 0", "red"], 16)


HIDDEN_ROW, HIDDEN_COLUMN = b'<row r="4" hidden="1"', b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cols><col min="2" max="2" hidden="true"/></cols>'  # fmt: skip


def test_hidden_rows_and_columns_are_told_and_may_be_left_out(tmp_path: Path) -> None:
    data = with_part(workbook({"S": ORDERS}), "sheet1.xml", b'<row r="4"', HIDDEN_ROW)
    data = with_part(
        data,
        "sheet1.xml",
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">',
        HIDDEN_COLUMN,
    )
    table, rows = read(data, tmp_path)
    assert (len(rows), rows[0]) == (13, ORDERS[0])
    assert [
        (reading(table, what).chosen, reading(table, what).confidence < 0.9)
        for what in ("hidden_rows", "hidden_columns")
    ] == [("read", True)] * 2
    table, rows = read(data, tmp_path, hidden_rows="leave_out", hidden_columns="leave_out")
    assert (rows[0], len(rows), told(table)) == (["order", "amount"], 12, [("hidden_rows", "S", 1)])
    assert "A-2" not in [row[0] for row in rows]


def test_hidden_rows_of_an_old_workbook(tmp_path: Path) -> None:
    begin, page = (
        (0x0809, struct.pack("<HHHHII", 0x0600, 5, 0, 0, 0, 0)),
        (0x0809, struct.pack("<HHHHII", 0x0600, 0x10, 0, 0, 0, 0)),
    )
    start = len(old_records(begin, (0x0085, b"\0" * 9), (0x000A, b"")))
    sheet = (0x0085, struct.pack("<IBBBB", start, 0, 0, 1, 0) + b"S")
    words = [(0x0204, struct.pack("<HHHHB", 0, column, 0, 1, 0) + b"ab"[column : column + 1]) for column in range(2)]
    hidden = [
        (0x0208, struct.pack("<HHHHHHI", 3, 0, 2, 255, 0, 0, 0x20)),
        (0x007D, struct.pack("<HHHHHH", 1, 1, 10, 15, 1, 0)),
    ]
    numbers = [
        (0x0203, struct.pack("<HHHd", row, column, 0, row + column)) for row in range(1, 8) for column in range(2)
    ]
    data = old_container(old_records(begin, sheet, (0x000A, b""), page, *hidden, *words, *numbers, (0x000A, b"")))
    table, rows = read(data, tmp_path, "a.xls", hidden_rows="leave_out")
    assert [row[0] for row in rows] == ["a", "1", "2", "4", "5", "6", "7"]
    assert [reading(table, what).chosen for what in ("hidden_rows", "hidden_columns")] == ["leave_out", "read"]


def open_document(rows: str, columns: str = "") -> bytes:
    buffer = io.BytesIO()
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml",
            f'<office:document-content{names}><office:body><office:spreadsheet><table:table table:name="S">{columns}{rows}'
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
    return buffer.getvalue()


def open_row(row: list[Any], attributes: str = "") -> str:
    listed = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
        if cell is not None
        else "<table:table-cell/>"
        for cell in row
    )
    return f"<table:table-row{attributes}>{listed}</table:table-row>"


def test_an_open_document_sheet_has_the_same_forms(tmp_path: Path) -> None:
    grid = beside(ORDERS, PEOPLE)
    rows = "".join(open_row(row, ' table:visibility="filter"' if n in (3, 4) else "") for n, row in enumerate(grid))
    columns = '<table:table-column table:number-columns-repeated="2"/><table:table-column table:visibility="collapse"/>'
    table, read_rows = read(open_document(rows, columns), tmp_path, "a.ods", hidden_rows="leave_out")
    assert (len(read_rows), read_rows[0], read_rows[3][0]) == (11, ORDERS[0], "A-4")
    assert (told(table)[-1], reading(table, "hidden_columns").sentence) == (
        ("hidden_rows", "S!A1:C13", 2),
        "1 column is hidden in the workbook",
    )


DRAWING = """<xml xmlns:v="v" xmlns:x="x"><v:shape><x:ClientData ObjectType="Checkbox"><x:Anchor>
 2, 15, 1, 2, 3, 31, 2, 4</x:Anchor><x:Checked>1</x:Checked></x:ClientData></v:shape>
<v:shape><x:ClientData ObjectType="Checkbox"><x:Anchor>2, 15, 1, 18, 3, 31, 3, 4</x:Anchor></x:ClientData></v:shape>
<v:shape><x:ClientData ObjectType="Checkbox"><x:Anchor>2, 1, 9, 1, 3, 3, 9, 9</x:Anchor><x:FmlaLink>$A$1</x:FmlaLink></x:ClientData></v:shape></xml>"""


def test_check_boxes_drawn_over_cells_are_true_or_false(tmp_path: Path) -> None:
    assert drawn_boxes(DRAWING) == {(1, 2): True, (2, 2): False}
    grid = [["task", "owner", "done"], *([f"task {n}", "Ann", None] for n in range(9))]
    source = workbook({"S": grid})
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    buffer = io.BytesIO(source)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("xl/drawings/vmlDrawing1.vml", DRAWING)
        archive.writestr(
            "xl/worksheets/_rels/sheet1.xml.rels",
            f'<Relationships><Relationship Id="r1" Type="{kinds}/vmlDrawing" Target="../drawings/vmlDrawing1.vml"/></Relationships>',
        )
    table, rows = read(buffer.getvalue(), tmp_path)
    assert [row[2] for row in rows[1:4]] == ["true", "false", None]
    assert reading(table, "checkboxes").sentence == "2 check boxes read as true or false"


def test_booleans_and_merged_cells_of_a_sheet_that_begins_in_another_column(tmp_path: Path) -> None:
    grid = [
        [None, *row]
        for row in [
            ["team", "name", "paid"],
            ["red", "Ann", "T"],
            [None, "Bob", "T"],
            ["blue", "Cy", "T"],
            [None, "Di", "T"],
        ]
    ]
    data = with_part(
        workbook({"S": grid}),
        "sheet1.xml",
        b"</sheetData>",
        b'</sheetData><mergeCells><mergeCell ref="B2:B3"/><mergeCell ref="B4:B5"/></mergeCells>',
    )
    data = with_part(data, "sheet1.xml", b't="inlineStr"><is><t>T</t></is>', b't="b"><v>1</v>')
    table, rows = read(data, tmp_path)
    assert [(row[0], row[2]) for row in rows[1:]] == [
        ("red", "true"),
        ("red", "true"),
        ("blue", "true"),
        ("blue", "true"),
    ]
    assert reading(table, "merged") is not None


def test_dates_by_the_epoch_of_the_workbook(tmp_path: Path) -> None:
    styles = (
        '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/>'
        "</cellXfs></styleSheet>"
    )
    grid = [["what", "when"], *([f"thing {n}", 45000 - 1462 + n] for n in range(5))]
    for epoch, first in (("", "2019-03-14"), ('<workbookPr date1904="1"/>', "2023-03-15")):
        data = with_part(workbook({"S": grid}), "workbook.xml", b"<sheets>", epoch.encode() + b"<sheets>")
        data = with_part(data, "sheet1.xml", b"><v>43", b' s="1"><v>43')
        buffer = io.BytesIO(data)
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr("xl/styles.xml", styles)
        data = with_part(
            buffer.getvalue(), "workbook.xml.rels", b"</Relationships>",
            b'<Relationship Id="rs" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>',
        )  # fmt: skip
        assert read(data, tmp_path)[1][1][1] == first
