"""Keys that an object has twice, sentences with their translations, transcripts of Whisper, and whose annotations of INCEpTION are read."""

import io
import json
import struct
import wave
import zipfile
from pathlib import Path

import pytest

from tests.trainer.data_files import old_container, old_records
from tests.trainer.test_data_workbooks import open_document, open_row
from tests.trainer.test_several_files import read, reading
from trainer.data.intake import read_files
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.json_repairs import value_of
from trainer.errors import DataError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "a": 2}', {"a": 1, "a (2)": 2}),
        ('{"a": 1, "a": 1}', {"a": 1}),
        ('{"a": 1, "a (2)": 3, "a": 2}', {"a": 1, "a (2)": 3, "a (3)": 2}),
        ('[{"b": {"a": 1, "a": 2, "a": 3}}]', [{"b": {"a": 1, "a (2)": 2, "a (3)": 3}}]),
    ],
)
def test_a_key_that_comes_twice_loses_nothing(text: str, value: object) -> None:
    assert value_of(text) == value


def test_what_follows_an_object_and_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}\x01")
    with pytest.raises(DataError):
        open_table(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_key_that_comes_twice_is_told(name: str, tmp_path: Path) -> None:
    rows = [f'{{"text": "some words {n}", "tag": "a{n}", "tag": "b"}}' for n in range(5)]
    dataset = read(tmp_path, {name: "\n".join(rows) if name.endswith("l") else f"[{','.join(rows)}]"})
    assert dataset.column("tag").to_pylist() == [f"a{n}" for n in range(5)]
    assert dataset.column("tag (2)").to_pylist() == ["b"] * 5
    assert "tag (2)" in str(reading(dataset, "names")["sentence"])


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ("{0}\tThis house is old {0}.\t9{0}\tDieses Haus ist alt {0}.", ["id", "text", "translation id", "translation"]),
        ("Go on {0}.\tVas-y {0}.\tCC-BY 2.0 (France) Attribution: tatoeba.org #28{0} (CM)", ["text", "translation", "attribution"]),
        ("This house is very old {0}.\tDieses Haus ist sehr alt {0}.", ["column_1", "column_2"]),
    ],
)  # fmt: skip
def test_sentences_and_their_translations(row: str, columns: list[str], tmp_path: Path) -> None:
    dataset = read(tmp_path, {"a.tsv": "".join(row.format(n) + "\n" for n in range(9))})
    assert (dataset.names, dataset.rows, dataset.task) == (columns, 9, "translation")
    assert reading(dataset, "export")["chosen"] in ("tatoeba", "pairs")


def test_sentences_with_their_languages(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"a.tsv": "".join(f"{n}\t{('deu', 'eng')[n % 2]}\twords of it {n}\n" for n in range(9))})
    assert (dataset.roles, dataset.rows) == ({"text": "text", "label": "language"}, 9)


def sound(seconds: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(range(256)) * (125 * seconds // 2))
    return buffer.getvalue()


def test_recordings_are_cut_by_transcripts_of_whisper(tmp_path: Path) -> None:
    segments = [{"id": n, "seek": 0, "start": n, "end": n + 1.0, "text": f" Words {n}."} for n in range(2)]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("one", "two"):
            archive.writestr(f"{name}.wav", sound(2))
            archive.writestr(f"{name}.json", json.dumps({"text": "…", "segments": segments, "language": "en"}))
    dataset = read_files([tmp_path / "a.zip"])
    assert (dataset.rows, dataset.column("text").to_pylist()[:2]) == (4, ["Words 0.", "Words 1."])
    assert reading(dataset, "clips")["chosen"] == "cut"


def cas(label: str) -> str:
    mark = {"%TYPE": "a.NamedEntity", "begin": 0, "end": 4, "value": label}
    return json.dumps(
        {"%TYPES": {}, "%FEATURE_STRUCTURES": [{"%TYPE": "uima.cas.Sofa", "sofaString": "Anna is here."}, mark]}
    )


def test_whose_annotations_are_read_can_be_chosen(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(3):
            for who in ("INITIAL_CAS", "anna", "ben")[: 3 if number else 2]:
                archive.writestr(f"annotation/doc{number}.txt/{who}.json", cas(who.upper()))
    first = read_files([tmp_path / "a.zip"])
    told = reading(first, "annotator")
    assert (told["chosen"], told["others"], told["doubt"]) == ("anna", ["ben"], True)
    again = read_files([tmp_path / "a.zip"], choices=Choices({"annotator": "ben"}))
    tags = ["".join(again.column("tags").to_pylist()).count(name) for name in ("ANNA", "BEN")]
    assert (tags, again.rows, reading(again, "annotator")["others"]) == ([1, 2], 3, ["anna"])
    assert [left["count"] for left in again.left_out] == [2]


CODE = b'<table:table-cell office:value-type="float" office:value="%d"><text:p>%s</text:p></table:table-cell>'
WORD = b'<table:table-cell office:value-type="string"><text:p>%s</text:p></table:table-cell>'


def test_codes_of_an_open_document_keep_their_zeros(tmp_path: Path) -> None:
    rows = [open_row([WORD % b"name", WORD % b"zip", WORD % b"count"])]
    rows += [open_row([WORD % b"n%d" % n, CODE % (n, b"%05d" % n), CODE % (n, b"%d" % n)]) for n in range(5, 9)]
    gap = open_row([b'<table:table-cell table:number-columns-repeated="2"/>', CODE % (7, b"7")])
    (tmp_path / "a.ods").write_bytes(open_document(b"".join([*rows[:2], gap, *rows[2:]])))
    table = open_table(tmp_path / "a.ods")
    cells = [
        list(column)
        for column in zip(*(row for batch in table.batches for row in zip(*batch, strict=True)), strict=True)
    ]
    assert (cells[1], cells[2]) == (["00005", None, "00006", "00007", "00008"], ["5", "7", "6", "7", "8"])
    assert any(told.what == "codes" for told in table.readings)


def test_codes_of_an_old_workbook_keep_their_zeros(tmp_path: Path) -> None:
    begin, page = ((0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 0, 0, 0)) for kind in (0x0005, 0x0010))
    code = (0x041E, struct.pack("<HHB", 164, 5, 0) + b"00000")
    styles = [(0x00E0, struct.pack("<HH16x", 0, number)) for number in (0, 164)]
    globals_ = [begin, code, *styles]
    start = len(old_records(*globals_, (0x0085, b"\0" * 9), (0x000A, b"")))
    sheet = (0x0085, struct.pack("<IBBBB", start, 0, 0, 1, 0) + b"S")
    words = [(0x0204, struct.pack("<HHHHB", 0, column, 0, 1, 0) + b"zn"[column : column + 1]) for column in range(2)]
    numbers = [
        (0x0203, struct.pack("<HHHd", row, column, 1 - column, row)) for row in range(1, 6) for column in range(2)
    ]
    short = [(0x00BD, struct.pack("<HHHIHIH", 6, 0, 1, (6 << 2) | 2, 0, (6 << 2) | 2, 1))]
    book = old_records(*globals_, sheet, (0x000A, b""), page, *words, *numbers, *short, (0x000A, b""))
    (tmp_path / "a.xls").write_bytes(old_container(book))
    table = open_table(tmp_path / "a.xls")
    rows = [row for batch in table.batches for row in zip(*batch, strict=True)]
    assert rows == [(f"0000{n}", str(n)) for n in range(1, 7)]
