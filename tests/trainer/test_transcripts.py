"""Subtitles and transcripts alone in their file, small tables above a table, lines above the names, letters as bytes, and kinds of files
that are named."""

import json
from pathlib import Path

import pytest

from trainer.data.intake import read_files
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.json_repairs import with_letters
from trainer.data.tables.transcripts import looks_like_subtitles, looks_like_transcript
from trainer.errors import DataError

CUES = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i> there\n\n2\n00:00:03,000 --> 00:00:04,000\nagain\nand on\n"
VOICES = "WEBVTT\n\nNOTE by hand\n\n0-1\n00:01.000 --> 00:02.000 align:start\n<v Ann Lee>Good day</v>\n\nlost words\n"
SAID = "Ann Lee  0:05\nGood day.\nAnd more.\n\nSpeaker 2 (1:00:09)\nWell.\n\nAnn Lee  1:01:00\nYes.\n\nTranscribed by a program\n"


def rows(folder: Path, name: str, text: str) -> tuple[list[tuple[str | None, ...]], list[tuple[int, str]]]:
    path = folder / name
    path.write_text(text)
    table = open_table(path)
    return [row for batch in table.batches for row in zip(*batch, strict=True)], table.bad


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_passage_of_subtitles_is_a_row(newline: str, tmp_path: Path) -> None:
    read, bad = rows(tmp_path, "a.srt", CUES.replace("\n", newline))
    assert read == [("00:00:01,000", "00:00:02,500", None, "Hello there"), ("00:00:03,000", "00:00:04,000", None, "again and on")]  # fmt: skip
    assert bad == []
    read, bad = rows(tmp_path, "a.vtt", VOICES.replace("\n", newline))
    assert read == [("00:01.000", "00:02.000", "Ann Lee", "Good day")]
    assert bad == [(9, "has no time")]


def test_subtitles_alone_are_passages_and_several_are_documents(tmp_path: Path) -> None:
    for name in ("a.srt", "b.srt"):
        (tmp_path / name).write_text(CUES)
    assert read_files([tmp_path / "a.srt"]).rows == 2
    assert read_files([tmp_path / "a.srt", tmp_path / "b.srt"]).names == ["text", "file"]


def test_a_transcript_is_a_row_for_what_each_says(tmp_path: Path) -> None:
    read, bad = rows(tmp_path, "a.txt", SAID)
    assert read == [("0:05", "Ann Lee", "Good day.\nAnd more."), ("1:00:09", "Speaker 2", "Well."), ("1:01:00", "Ann Lee", "Yes.\nTranscribed by a program")]  # fmt: skip
    assert bad == []


@pytest.mark.parametrize(
    "text",
    [
        "Meeting 10:00\n\nWe talk.\n\nLunch 12:00\nWe eat.\n",
        "a --> b\n",
        "time,text\n0:05,a\n0:06,b\n",
        "Psalm 23:1\nThe Lord\n\nand more\n\nand more\n\nPsalm 23:2\nis\n",
    ],
)
def test_what_is_no_transcript(text: str) -> None:
    assert not looks_like_transcript(text)
    assert not looks_like_subtitles(text)


PEOPLE = "".join(f"Person {n},p{n}@x.example,01/05/2024 10:0{n}:00,{60 - n}\n" for n in range(8))
MEETING = "Meeting,Topic,Start,Length\n123 456,Weekly,01/05/2024 10:00:00,60\n\nName,Mail,Join time,Minutes\n"


def test_a_small_table_above_the_table_is_told_and_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(MEETING + PEOPLE)
    table = open_table(path)
    told = next(reading for reading in table.readings if reading.what == "header")
    assert (table.columns[0], sum(len(batch[0]) for batch in table.batches)) == ("Name", 8)
    assert (told.chosen, [choice.value for choice in told.others]) == ("4", ["1", "0"])
    assert [(entry.reason, entry.count) for entry in table.all_left_out()] == [("titles", 2)]
    assert open_table(path, choices=Choices({"header": "1"})).columns[0] == "Meeting"


@pytest.mark.parametrize(
    "text",
    [
        MEETING.replace("\n\n", "\n") + PEOPLE,
        "Name,Mail,Join,Minutes\n" + PEOPLE[:90] + "\n" + PEOPLE,
        "Name,Mail,Join,Minutes\nAnn,a@x.example,01/05/2024,60\n\n" + PEOPLE,
        "word,other\nthis,that\n\nwords,more\n" + "one,two\nthree,four\n" * 4,
    ],
)
def test_a_gap_alone_parts_no_table(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert next(reading for reading in open_table(path).readings if reading.what == "header").chosen == "1"


def test_a_line_of_values_above_the_names_is_no_header(tmp_path: Path) -> None:
    """As DATEV writes its batches."""
    above = '"EXTF";700;21;"Buchungsstapel";13;20240131120000000;;"RE"\n'
    lines = "".join(f"{n},50;S;EUR;440{n};text {n}\n" for n in range(8))
    read, bad = rows(tmp_path, "a.csv", above + "Umsatz;Kennzeichen;WKZ;Konto;Buchungstext\n" + lines)
    assert (len(read), bad) == (8, [])


def test_letters_as_bytes_are_letters(tmp_path: Path) -> None:
    text = "über das Café 😀"
    written = "".join(f"\\u00{byte:02x}" if byte > 127 else chr(byte) for byte in text.encode())
    path = tmp_path / "a.json"
    path.write_text("[" + ",".join(f'{{"id": {n}, "note": "{written}"}}' for n in range(4)) + "]")
    table = open_table(path)
    assert next(table.batches)[1][0] == text
    assert "letters" in [reading.what for reading in table.readings]
    for plain in (json.dumps([text]), json.dumps(["é"]), '["caf\\\\u00c3\\\\u00a9"]', "[1]"):
        assert with_letters(plain) == plain


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"$FL3@(#) SPSS DATA FILE", "SPSS"),
        (b"!BDN" + bytes(90), "Outlook"),
        (b"\0\1\0\0Standard ACE DB\0", "Access"),
        (bytes([114, 2, 1, 0]) + bytes(200), "Stata"),
        (bytes([3, 124, 1, 5, 3, 0, 0, 0, 97, 0, 16, 0]) + bytes(90), "dBase"),
        (b"!Type:Bank\nD01/05/24\nT-5.00\n^\n", "QIF"),
        (b"OFXHEADER:100\nDATA:OFXSGML\n", "OFX"),
        (b"{1:F01BANKDEFFXXXX0000000000}{2:I940}{4:\n:20:START\n", "MT940"),
        (b":20:START\n:25:1/2\n:60F:C240101EUR1,00\n", "MT940"),
    ],
)
def test_what_is_not_read_is_named(head: bytes, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(head)
    with pytest.raises(DataError, match=kind):
        open_table(path)


def test_a_statement_of_a_bank_in_xml_is_its_entries(tmp_path: Path) -> None:
    entries = "".join(f'<Ntry><Amt Ccy="EUR">{n}.50</Amt><Sts>BOOK</Sts></Ntry>' for n in range(5))
    path = tmp_path / "a.xml"
    path.write_text(
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><Stmt>{entries}</Stmt></Document>'
    )
    table = open_table(path)
    assert ([*table.columns], len(next(table.batches)[0])) == (["Amt.Ccy", "Amt.text", "Sts"], 5)
