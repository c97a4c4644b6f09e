"""Records in XML, and web pages in one file (MHTML): backups of phones, feeds, rows of databases, workbooks that programs export."""

import base64
from pathlib import Path

import pytest

from tests.trainer.test_several_files import left, read, reading
from trainer.data.intake import read_files
from trainer.data.tables import xml_records
from trainer.errors import DataError

SMS = "".join(f'<sms address="+{n}" body="Hello &amp; hi {n}&#10;you" type="{n % 2}"/>' for n in range(6))
FORMS = {
    "attributes": f'<?xml version="1.0"?><!--backup--><smses count="6">{SMS}</smses>',
    "elements": "<rows>" + "".join(f"<row><body>Hello &amp; hi {n}&#10;you</body><type>{n % 2}</type></row>" for n in range(6)) + "</rows>",
    "text": "<rows>" + "".join(f'<row type="{n % 2}"><![CDATA[Hello & hi {n}\nyou]]></row>' for n in range(6)) + "</rows>",
    "mixed": "<rows>" + "".join(f"<row><body>Hello <b>&amp;</b> hi {n}\nyou</body><type>{n % 2}</type></row>" for n in range(6)) + "</rows>",
    "inside": '<?xml version="1.0"?><a><b><c>x</c><list>' + "".join(f'<r body="Hello &amp; hi {n}&#10;you"/>' for n in range(6)) + "</list></b></a>",
    "named cells": "<dump><table>" + "".join(f'<row><field name="body">Hello &amp; hi {n}\nyou</field><field name="type">1</field></row>' for n in range(6)) + "</table></dump>",
    "no outermost element": "".join(f"<row><body>Hello &amp; hi {n}\nyou</body><type>1</type></row>\n" for n in range(6)),
    "several bytes a character": '<?xml version="1.0" encoding="GBK"?><a>' + SMS + "</a>",
    "a namespace": '<feed xmlns="http://a.b/c">' + "".join(f"<entry><body>Hello &amp; hi {n}\nyou</body></entry>" for n in range(6)) + "</feed>",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_an_element_that_comes_again_is_a_record(form: str, tmp_path: Path) -> None:
    dataset = read(tmp_path, {"a.xml" if form != "no outermost element" else "a.txt": FORMS[form]})
    (text,) = [name for name in dataset.names if name in ("body", "text")]
    assert dataset.column(text).to_pylist() == [f"Hello & hi {n}\nyou" for n in range(6)]


def test_memories_of_translations_are_sentences_in_two_languages(tmp_path: Path) -> None:
    units = "".join(f'<tu><tuv xml:lang="en"><seg>Hello {n} <b/>there</seg></tuv><tuv xml:lang="de"><seg>Hallo {n} du</seg></tuv></tu>' for n in range(5))  # fmt: skip
    dataset = read(
        tmp_path, {"a.tmx": f'<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "a.dtd"><tmx><body>{units}</body></tmx>'}
    )
    assert (dataset.names, dataset.column("de").to_pylist()[0]) == (["en", "de"], "Hallo 0 du")
    strings = "".join(f'<string name="s{n}">Some words {n}</string>' for n in range(5))
    assert read(tmp_path / "b", {"a.xml": f"<resources>{strings}</resources>"}).names == ["name", "text"]


def test_other_records_and_names_of_two_namespaces_lose_nothing(tmp_path: Path) -> None:
    calls = "".join(f'<call number="{n}"/>' for n in range(3))
    dataset = read(tmp_path / "a", {"a.xml": f"<all>{SMS}{calls}</all>"})
    assert (dataset.rows, left(dataset), reading(dataset, "records")["others"]) == (6, [("other_list", 3)], ["call"])
    items = "".join(f"<item><title>t{n}</title><m:title>m{n}</m:title>{'<tag>a</tag>' * (n + 1)}</item>" for n in range(3))  # fmt: skip
    dataset = read(tmp_path / "b", {"a.rss": f'<rss xmlns:m="http://x.org/media/"><channel>{items}</channel></rss>'})
    assert dataset.names == ["title", "media:title", "tag"]
    assert dataset.column("tag").to_pylist()[:2] == ['["a"]', '["a", "a"]']


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a><r x="1">&b;</r><r x="2"/></a>',
        '<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd"><a><r x="1">&c;</r><r x="2"/></a>',
        '<?xml version="1.0"?><a><r x="1"/><r x="2"/>',
        '<?xml version="1.0"?><a><b>1</b><c>2</c></a>',
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><path d="1"/><path d="2"/></svg>',
        '<?xml version="1.0"?>' + "<a>" * 9_999,
    ],
)
def test_other_xml_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="XML"):
        read(tmp_path, {"a.xml": text})


def test_too_many_tags_are_refused_before_they_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_records, "MAX_MARKS", 10)
    with pytest.raises(DataError, match="too large"):
        read(tmp_path, {"a.xml": FORMS["attributes"]})


PAGE = "<html><body><table><tr><td>name</td><td>city</td></tr>{}</table></body></html>"
PEOPLE = PAGE.format("".join(f"<tr><td>Zoë {n}</td><td>c{n}</td></tr>" for n in range(4)))
FRAME = """<html><xml><x:ExcelWorksheet>
<x:Name>People</x:Name><x:WorksheetSource HRef="a_files/sheet001.htm"/></x:ExcelWorksheet></xml><frameset></frameset></html>"""


def part(place: str, page: str, *, is_quoted: bool) -> str:
    quoted = "".join(f"={byte:02X}" if byte > 126 or byte == 61 else chr(byte) for byte in page.encode())
    body = quoted.replace("</tr>", "</=\r\ntr>") if is_quoted else base64.encodebytes(page.encode()).decode()
    wrapped = "quoted-printable" if is_quoted else "base64"
    return f'--=_X\r\nContent-Location: file:///C:/{place}\r\nContent-Transfer-Encoding: {wrapped}\r\nContent-Type: text/html; charset="utf-8"\r\n\r\n{body}\r\n'  # fmt: skip


def archive(*parts: str) -> bytes:
    head = (
        'MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\nContent-Type: multipart/related;\r\n\tboundary="=_X"\r\n\r\n'
    )
    return (head + "One file.\r\n\r\n" + "".join(parts) + "--=_X--\r\n").encode()


@pytest.mark.parametrize("is_quoted", [True, False])
@pytest.mark.parametrize("name", ["a.xls", "a.mht"])
def test_a_page_in_one_file_is_a_workbook(name: str, is_quoted: bool, tmp_path: Path) -> None:
    tabs = PAGE.format("<tr><td>People</td><td>Towns</td></tr>")
    parts = [("a.htm", FRAME), ("a_files/sheet001.htm", PEOPLE), ("a_files/tabstrip.htm", tabs)]
    (tmp_path / name).write_bytes(archive(*(part(place, page, is_quoted=is_quoted) for place, page in parts)))
    dataset = read_files([tmp_path / name])
    assert dataset.column("name").to_pylist() == [f"Zoë {n}" for n in range(4)]
    assert dataset.sources[0]["sheet"] == "People"


def test_a_page_in_one_file_without_a_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(archive(part("a.htm", "<p>words</p>", is_quoted=True)))
    with pytest.raises(DataError, match="MHTML"):
        read_files([tmp_path / "a.xls"])
