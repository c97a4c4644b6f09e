"""Workbooks as web pages and as XML under the name .xls: each table is a sheet; titles, hidden rows and text around are told."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from trainer.data.intake import read_files
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.web_tables import MAX_SPAN
from trainer.errors import DataError

HEAD = '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">'
STYLES = '<Styles><Style ss:ID="zip"><NumberFormat ss:Format="00000"/></Style></Styles>'


def cells_of(path: Path, **asked: str) -> tuple[list[str], list[tuple[str | None, ...]]]:
    table = open_table(path, choices=Choices(asked))
    return table.columns, [row for batch in table.batches for row in zip(*batch, strict=True)]


def page(rows: str) -> str:
    return f"<html><head><style>td {{color: red}}</style></head><body><table>{rows}</table></body></html>"


PEOPLE = "<tr><th>name<th>city</tr>" + "".join(f"<tr><td>n{number}<td>c{number}" for number in range(4))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (PEOPLE, ("n0", "c0")),
        (PEOPLE.replace("n0", "a &amp; <b>b</b><br>c  d"), ("a & b\nc d", "c0")),
        (PEOPLE.replace("<td>n0<td>c0", "<td rowspan=2>n0<td>c0").replace("<td>n1<td>", "<td>"), ("n0", "c0")),
        (PEOPLE.replace("<td>n0", f"<td colspan={MAX_SPAN * 9}0>n0").replace("<td>c0", ""), ("n0", None)),
        (PEOPLE.replace("n0", "<script>alert(1)</script>n0"), ("n0", "c0")),
        (PEOPLE.replace("n0", "<input type=checkbox checked>"), ("true", "c0")),
        (PEOPLE.replace("c0", "#N/A"), ("n0", None)),
        ("<caption>Report</caption><tr><td colspan=2>Made in May</tr>" + PEOPLE, ("n0", "c0")),
    ],
    ids=["plain", "entities", "rowspan", "colspan", "script", "checkbox", "error", "title"],
)
def test_a_table_of_a_page_is_a_sheet(rows: str, expected: tuple[str | None, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_text(page(rows))
    columns, read = cells_of(path)
    assert (columns, read[0], len(read)) == (["name", "city"], expected, 4)
    assert read[1][0] == ("n0" if "rowspan" in rows else "n1")


def test_what_stands_around_and_what_is_hidden_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    rows = PEOPLE.replace("<tr><td>n1", "<tr style='display: none'><td>n1")
    path.write_text("<p>Exported by Ann</p>" + page(rows) + page(PEOPLE.replace("city", "town")))
    dataset = read_files([path])
    assert {(left["reason"], left["count"]) for left in dataset.left_out} == {("outside_tables", 1), ("sheet", 5)}
    assert {reading["what"] for reading in dataset.readings} >= {"sheet", "hidden_rows"}
    again = read_files([path], choices=Choices({"hidden_rows": "leave_out", "sheet": "Table 1"}))
    assert (dataset.rows, again.rows) == (4, 3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1251"])
def test_pages_say_their_encoding(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes((f"<meta charset={encoding}>" + page(PEOPLE.replace("n0", "Ёлка"))).encode(encoding))
    assert cells_of(path)[1][0][0] == "Ёлка"


@pytest.mark.parametrize(
    "text", ["<html><p>Hello</p></html>", "<html><body><table><tr><td>Menu</table>" + "<p>long text</p>" * 9]
)
def test_a_page_without_a_table_of_data_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(text)
    with pytest.raises(DataError, match="web page"):
        open_table(tmp_path / "a.html")


def spreadsheet(rows: str, more: str = "") -> str:
    header = "".join(f'<Cell><Data ss:Type="String">{name}</Data></Cell>' for name in ("code", "when", "paid", "text"))
    return f'{HEAD}{STYLES}<Worksheet ss:Name="S"><Table><Row>{header}</Row>{rows}</Table>{more}</Worksheet></Workbook>'


def record(number: int) -> str:
    cells = [("Number", number, ' ss:StyleID="zip"'), ("DateTime", "2026-01-05T00:00:00.000", ""), ("Boolean", 1, "")]
    typed = "".join(f'<Cell{style}><Data ss:Type="{kind}">{value}</Data></Cell>' for kind, value, style in cells)
    return f'<Row>{typed}<Cell><ss:Data ss:Type="String"><B>bold</B> {number}</ss:Data><Comment><Data>x</Data></Comment></Cell></Row>'


def test_cells_of_spreadsheet_xml_have_types(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_text(spreadsheet("".join(map(record, range(1, 6)))))
    columns, read = cells_of(path)
    assert (columns, read[0]) == (["code", "when", "paid", "text"], ("00001", "2026-01-05", "true", "bold 1"))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<Cell><Data ss:Type="Error">#N/A</Data></Cell>', (None, None, None, None)),
        ('<Cell ss:Index="4"><Data ss:Type="Number">1.5E3</Data></Cell>', (None, None, None, "1500")),
        ('<Cell ss:MergeAcross="2"><Data ss:Type="String">a</Data></Cell><Cell><Data ss:Type="String">b</Data></Cell>', ("a", None, None, "b")),
        ('<Cell><Data ss:Type="DateTime">1899-12-31T09:30:00.000</Data></Cell>', ("09:30:00", None, None, None)),
        ('<Cell><Data ss:Type="Number">12345678901234567890</Data></Cell>', ("12345678901234567890", None, None, None)),
    ],
)  # fmt: skip
def test_odd_cells_of_spreadsheet_xml(cell: str, expected: tuple[str | None, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_text(spreadsheet("".join(map(record, range(1, 6))) + f"<Row>{cell}<Cell/></Row>" + record(7)))
    rows = cells_of(path)[1]
    assert rows[5 if any(expected) else 4] == (expected if any(expected) else rows[4])


@pytest.mark.parametrize(
    "rows",
    [
        f'<Row ss:Index="1048576">{record(1)[5:]}',
        '<Row><Cell ss:Index="9999999"><Data ss:Type="Number">1</Data></Cell></Row><Row ss:Index="999999"><Cell><Data ss:Type="Number">1</Data></Cell></Row>',
    ],
)
def test_a_cell_far_away_costs_no_memory(rows: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_text(spreadsheet("".join(map(record, range(5))) + rows))
    with pytest.raises(DataError) if "9999999" in rows else nullcontext():
        assert len(cells_of(path)[1]) == 6


def test_spreadsheet_xml_with_entities_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_text('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>' + spreadsheet(record(1)).partition("?>")[2])
    with pytest.raises(DataError):
        open_table(path)
