"""Numbers that a workbook shows with zeros in front are read as the codes that people see."""

import io
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from tests.trainer.data_files import workbook
from tests.trainer.data_made import records
from trainer.data.profiling import profile_column
from trainer.data.tables.formats import open_table
from trainer.data.tables.number_formats import is_zero_format, shown
from trainer.data.tables.sheet_marks import CARRY, Marks, zero_styles
from trainer.data.tables.table import Table

ZIP, PHONE, SOCIAL = "00000", "000-0000", r"000\-00\-0000"
LONG_ZIP = "[<=99999]00000;00000-0000"


@pytest.mark.parametrize(
    ("number", "code", "wanted"),
    [
        ("1234", ZIP, "01234"),
        ("123456", ZIP, "123456"),
        ("0", ZIP, "00000"),
        ("5551234", PHONE, "555-1234"),
        ("51234", PHONE, "005-1234"),
        ("15551234", PHONE, "1555-1234"),
        ("12345678", SOCIAL, "012-34-5678"),
        ("7", '"AB-"000', "AB-007"),
        ("7", r"\K000_)", "K007"),
        ("7", "(00) 00", "(00) 07"),
        ("7", "000;-000", "007"),
        ("7", "[Red]000", "007"),
        ("1234", LONG_ZIP, "01234"),
        ("12345678", LONG_ZIP, "01234-5678"),
        ("7", '"0"00', "007"),
        ("7.5", ZIP, "7.5"),
        ("-7", ZIP, "-7"),
        ("north", ZIP, "north"),
        ("7", "0", "7"),
        ("7", "[>9]000;0", "7"),
        ("1" * 16, ZIP, "1" * 16),
    ],
)
def test_a_number_is_shown_as_its_format_says(number: str, code: str, wanted: str) -> None:
    assert shown(number, code) == wanted


@pytest.mark.parametrize(
    "code",
    [
        "0",
        "0.00",
        "#,##0",
        "General",
        "00%",
        "00.00",
        "000,000",
        "0.00E+00",
        "dd/mm/yyyy",
        "mm:ss",
        "@",
        "00?",
        "",
        '"',
    ],
)
def test_other_formats_are_none_of_codes(code: str) -> None:
    assert not is_zero_format(code)
    assert shown("1234", code) == "1234"


def styled(rows: list[list[Any]], formats: list[str], styles: dict[str, int], pad: int = 0) -> bytes:
    """A workbook whose cells have these number formats: {column's letter: index of its format from 1}."""
    listed = "".join(
        f"<numFmt numFmtId={quoteattr(str(170 + n))} formatCode={quoteattr(code)}/>" for n, code in enumerate(formats)
    )
    cells = "".join(f'<xf numFmtId="{number}" fontId="0"/>' for number in [0, *(170 + n for n in range(len(formats)))])
    sheet = f"<styleSheet><numFmts>{listed}</numFmts><cellStyleXfs><xf numFmtId='170'/></cellStyleXfs><cellXfs>{cells}</cellXfs></styleSheet>"
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook({"S": rows}))) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            text = source.read(name).decode()
            if name.startswith("xl/worksheets/"):
                for letter, style in styles.items():
                    text = text.replace(f'<c r="{letter}', f'<c s="{style}" r="{letter}')
                text = text.replace("<sheetData>", "<sheetData>" + " " * pad)
            target.writestr(name, text)
        target.writestr("xl/styles.xml", sheet)
    return out.getvalue()


def read(folder: Path, rows: list[list[Any]], formats: list[str], styles: dict[str, int], pad: int = 0) -> Table:
    path = folder / "a.xlsx"
    path.write_bytes(styled(rows, formats, styles, pad))
    return open_table(path)


ROWS: list[list[Any]] = [["zip", "phone", "price"], *([1000 * n + 234, 5550000 + n, n / 2] for n in range(30))]


def test_codes_keep_their_zeros_and_are_told(tmp_path: Path) -> None:
    table = read(tmp_path, ROWS, [ZIP, PHONE, "0.00"], {"A": 1, "B": 2, "C": 3})
    rows = records(table)
    assert [row["zip"] for row in rows[:2] + rows[-1:]] == ["00234", "01234", "29234"]
    assert (rows[3]["phone"], rows[3]["price"]) == ("555-0003", "1.5")
    (reading,) = [reading for reading in table.readings if reading.what == "codes"]
    assert str(reading.sentence).startswith("40 numbers"), "10 of five digits and 30 with a dash"


def test_such_a_column_is_no_number(tmp_path: Path) -> None:
    import pyarrow as pa

    rows = records(read(tmp_path, ROWS, [ZIP], {"A": 1}))
    assert profile_column("zip", pa.chunked_array([[row["zip"] for row in rows]]))["kind"] != "number"


def test_texts_in_such_cells_stay_and_other_columns_too(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["zip", "count"], *(["17" if n % 2 else 17, n] for n in range(20))]
    read_rows = records(read(tmp_path, rows, [ZIP], {"A": 1}))
    assert [row["zip"] for row in read_rows[:2]] == ["00017", "17"]
    assert read_rows[5]["count"] == "5"


@pytest.mark.parametrize("pad", [(1 << 20) - 400 - CARRY, (1 << 20) - 600, (1 << 20) - 300])
def test_cells_on_the_edge_of_a_piece_are_seen(pad: int, tmp_path: Path) -> None:
    rows = records(read(tmp_path, ROWS, [ZIP], {"A": 1}, pad=pad))
    assert all(len(str(row["zip"])) == 5 for row in rows)


def test_no_formats_no_styles() -> None:
    assert zero_styles("") == {}
    assert zero_styles('<numFmts><numFmt numFmtId="170" formatCode="0.0"/></numFmts>') == {}


def test_rows_that_follow_are_one_run() -> None:
    marks = Marks()
    for row in (1, 2, 3, 3, 7):
        marks.add_code(row, 0, ZIP)
    marks.add_code(8, 0, PHONE)
    assert [(run.first, run.last, run.code) for run in marks.codes[0]] == [(1, 3, ZIP), (7, 7, ZIP), (8, 8, PHONE)]
