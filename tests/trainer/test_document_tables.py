"""Documents that are tables (Word, OpenDocument, web pages), and office files that are not archives of files."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.trainer.test_data_uploads import rows_of
from tests.trainer.test_data_workbooks import PLAIN, open_document
from trainer.data.archive_listing import is_archive
from trainer.data.inspect import inspect
from trainer.data.tables.markdown_tables import read_markdown
from trainer.errors import DataError
from trainer.json_types import JsonObject

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
ROWS = [["text", "label"], *[[f"message number {n}", "ab"[n % 2]] for n in range(20)]]


def packed(path: Path, files: dict[str, str]) -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    path.write_bytes(buffer.getvalue())
    return path


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def cell(text: str, more: str = "") -> str:
    return f"<w:tc><w:tcPr>{more}</w:tcPr>{paragraph(text)}</w:tc>"


def word_table(rows: Sequence[Sequence[str]]) -> str:
    return "<w:tbl>" + "".join("<w:tr>" + "".join(map(cell, row)) + "</w:tr>" for row in rows) + "</w:tbl>"


def word(path: Path, body: str) -> Path:
    return packed(
        path, {"[Content_Types].xml": "<Types/>", "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>"}
    )  # fmt: skip


def open_text(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    names = "".join(f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text"))  # fmt: skip
    listed = "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in row)
        + "</table:table-row>"
        for row in rows
    )
    content = f'<office:document-content{names}><office:body><office:text><table:table table:name="T">{listed}</table:table></office:text></office:body></office:document-content>'
    return packed(path, {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def page(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    listed = "".join("<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in rows)
    path.write_text(f"<html><body><table>{listed}</table></body></html>")
    return path


def markdown(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    header, *later = (f"| {' | '.join(row)} |\n" for row in rows)
    path.write_text(f"# Messages\n\n{header}|:---|---|\n{''.join(later)}\n```\n| a | b |\n|---|---|\n```\n")
    return path


def reading(found: JsonObject) -> JsonObject:
    return next(entry for entry in found["reading"] if entry["what"] == "document_tables")


@pytest.mark.parametrize("kind", ["docx", "odt", "html", "md"])
def test_a_document_that_is_one_table_is_read_as_one_with_the_doubt(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    {"docx": lambda: word(path, word_table(ROWS)), "odt": lambda: open_text(path, ROWS), "html": lambda: page(path, ROWS), "md": lambda: markdown(path, ROWS)}[kind]()  # fmt: skip
    found = inspect([path], tmp_path / "v1")
    assert (found["rows"], [column["name"] for column in found["columns"]]) == (20, ["text", "label"])
    told = reading(found)
    assert (told["chosen"], told["others"], told["doubt"]) == ("table", ["text"], True)
    found = inspect([path], tmp_path / "v2", readings={"document_tables": "text"})
    assert (found["rows"], reading(found)["others"]) == (1, ["table"])
    assert "message number 19" in rows_of(tmp_path / "v2")[0]["text"]


def test_cells_of_markdown_and_what_stands_around_its_tables(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Title\n\na | b\n:-: | ---\n1 \\| 2 | x<br>y\n| 3 |\n\nEnd\n---\nno | table\n")
    document = read_markdown(tmp_path / "a.md", "a.md")
    assert [sheet.rows for sheet in document.sheets] == [[["a", "b"], ["1 | 2", "x\ny"], ["3"]]]
    assert document.outside == ["Title", "End", "---", "no | table"]


def test_paragraphs_beside_a_table_are_told(tmp_path: Path) -> None:
    found = inspect([word(tmp_path / "a.docx", paragraph("Of March") + word_table(ROWS))], tmp_path / "v1")
    assert [(entry["reason"], entry["count"]) for entry in found["left_out"]] == [("outside_tables", 1)]


def test_a_text_with_a_small_table_stays_a_text(tmp_path: Path) -> None:
    prose = "".join(paragraph(f"A long sentence of a contract, the {n}th of them.") for n in range(30))
    path = word(tmp_path / "a.docx", prose + word_table(ROWS[:5]))
    found = inspect([path], tmp_path / "v1")
    assert (found["rows"], reading(found)["chosen"], reading(found)["doubt"]) == (1, "text", False)
    found = inspect([path], tmp_path / "v2", readings={"document_tables": "table"})
    assert (found["rows"], found["left_out"][0]["count"]) == (4, 30)


def test_documents_of_the_same_columns_are_one_table_and_others_are_texts(tmp_path: Path) -> None:
    again = [ROWS[0], *[[f"{text} again", label] for text, label in ROWS[1:]]]
    paths = [word(tmp_path / "a.docx", word_table(ROWS)), word(tmp_path / "b.docx", word_table(again))]
    assert inspect(paths, tmp_path / "v1")["rows"] == 40
    forms = [word(tmp_path / f"f{n}.docx", word_table([["Name", f"Ann {n}"], ["Text", "Hello."], ["Kind", "a"]])) for n in range(4)]  # fmt: skip
    found = inspect(forms, tmp_path / "v2")
    assert (found["rows"], reading(found)["chosen"]) == (4, "text")


def test_merged_cells_of_word_are_filled_down(tmp_path: Path) -> None:
    begun, goes_on, wide = '<w:vMerge w:val="restart"/>', "<w:vMerge/>", '<w:gridSpan w:val="2"/>'
    rows = [cell("kind") + cell("text") + cell("more")]
    for n in range(6):
        rows.append(cell(f"kind {n}", begun) + cell(f"first of {n}") + cell("x"))
        rows.append(cell("", goes_on) + cell(f"second of {n}", wide))
    path = word(tmp_path / "a.docx", "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>")
    inspect([path], tmp_path / "v1")
    assert [row["kind"] for row in rows_of(tmp_path / "v1")[:4]] == ["kind 0", "kind 0", "kind 1", "kind 1"]


def test_a_sheet_of_opendocument_is_sent_like_any_table(tmp_path: Path) -> None:
    (tmp_path / "a.ods").write_bytes(open_document(PLAIN))
    found = inspect([tmp_path / "a.ods"], tmp_path / "v1")
    assert (found["rows"], [column["name"] for column in found["columns"]]) == (20, ["text", "label"])


def test_a_document_of_apple_is_refused_as_what_it_is(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.numbers", {"Index/Document.iwa": "x", "preview.jpg": "x", "Data/pic.png": "x"})
    assert not is_archive(path)
    with pytest.raises(DataError, match="Numbers") as caught:
        inspect([path], tmp_path / "v1")
    assert caught.value.code == "not_a_table"
