import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainer.data.tables.formats import open_table
from trainer.data.tables.table import display_name, named
from trainer.errors import DataError

WORDS = {
    "gb18030": ("房间很干净，服务员态度也很好，下次还会来住", "好评"),
    "big5": ("房間很乾淨，服務員態度也很好，下次還會來住", "好評"),
    "shift_jis": ("部屋はとてもきれいで、スタッフの対応も良かったです", "良い"),
    "euc_kr": ("방이 아주 깨끗하고 직원들도 친절했습니다", "좋음"),
    "cp1252": ("Das Zimmer war schön und größer als erwartet – très bien", "gut"),
    "cp1251": ("Номер был очень чистый и персонал приветливый", "хорошо"),
}


def read(path: Path) -> tuple[list[str], list[tuple[str | None, ...]]]:
    table = open_table(path)
    rows = [row for cells in table.batches for row in zip(*cells, strict=True)]
    return table.columns, rows


def put(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def refusal(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.message.endswith((".", ")"))
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", *WORDS])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    text, label = WORDS.get(encoding, ("Ein schöner Tag, 很好 👍", "gut"))
    content = "text,label\r\n" + f'"{text}",{label}\r\n' * 40
    columns, rows = read(put(tmp_path / "a.csv", content.encode(encoding)))
    assert columns == ["text", "label"]
    assert rows == [(text, label)] * 40


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_in_chinese(encoding: str, tmp_path: Path) -> None:
    text, label = WORDS["gb18030"]
    _columns, rows = read(put(tmp_path / "a.csv", ("评论,标签\n" + f"{text},{label}\n" * 30).encode(encoding)))
    assert rows == [(text, label)] * 30


def test_a_few_wrong_bytes_do_not_make_another_encoding(tmp_path: Path) -> None:
    table = open_table(put(tmp_path / "a.csv", b"text,label\n" + "很好的房间,好\n".encode() * 50 + b"ab\xffc,x\n"))
    rows = [row for cells in table.batches for row in zip(*cells, strict=True)]
    assert rows[0] == ("很好的房间", "好")
    assert rows[-1] == ("ab\ufffdc", "x")
    assert table.garbled is not None
    assert table.garbled() == 1


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_delimiters_and_line_ends(delimiter: str, newline: str, tmp_path: Path) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=newline)
    wanted = [(f'said "{number}", then; left | all\tof it', "yes") for number in range(50)]
    writer.writerows([("text", "label"), *wanted])
    columns, rows = read(put(tmp_path / "table.data", buffer.getvalue()))
    assert columns == ["text", "label"]
    assert rows == wanted


UNSEEN = "\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""They are taken out of cells (`trainer.data.tables.table.INVISIBLE`)."""
CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters=f"\0\ufffd{UNSEEN}"), max_size=30)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.just("x"), CELLS, CELLS), min_size=1, max_size=20))
def test_csv_round_trip(rows: list[tuple[str, str, str]], tmp_path: Path) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerows([("id", "text", "label"), *rows])
    assert read(put(tmp_path / "a.csv", buffer.getvalue())) == (["id", "text", "label"], rows)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELLS, st.one_of(st.none(), CELLS)), min_size=1, max_size=20))
def test_jsonl_round_trip(rows: list[tuple[str, str | None]], tmp_path: Path) -> None:
    content = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    assert read(put(tmp_path / "a.jsonl", content)) == (["text", "label"], rows)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=400),
    start=st.sampled_from([b"", b"text,label\n", b"{", b"[", b"\x1f\x8b", b"PAR1", b"PK\x03\x04"]),
)
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes, tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", start + data)
    try:
        columns, rows = read(path)
    except DataError:
        return
    assert all(len(row) == len(columns) for row in rows)
    pa.array([cell for row in rows for cell in row], pa.string())


def test_a_stray_quote_costs_no_line_but_its_own(tmp_path: Path) -> None:
    lines = [f"row {number},yes" for number in range(40)]
    lines[10] = '"row 10,yes'
    table = open_table(put(tmp_path / "a.csv", "text,label\n" + "\n".join(lines) + "\n"))
    rows = [row for cells in table.batches for row in zip(*cells, strict=True)]
    assert rows == [(f"row {number}", "yes") for number in range(40)]
    assert table.mended == [(12, "opens a quote that is not closed")]
    assert table.bad == []


def test_ragged_rows_are_named_and_the_rest_kept(tmp_path: Path) -> None:
    content = "text,label\na,1\nb,c,d,2\n\ne\nf,3,\ng,4\n"
    table = open_table(put(tmp_path / "a.csv", content))
    rows = [row for cells in table.batches for row in zip(*cells, strict=True)]
    assert rows == [("a", "1"), ("f", "3"), ("g", "4")]
    assert table.bad == [(3, "has 4 fields instead of 2"), (5, "has 1 field instead of 2")]


def test_excel_hint_line_is_obeyed(tmp_path: Path) -> None:
    assert read(put(tmp_path / "a.csv", "sep=;\ntext;label\na, b;c\n")) == (["text", "label"], [("a, b", "c")])


def test_json_array_object_and_columns(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": True}, {"text": "b", "label": 1.0}, {"text": None, "label": {"x": [1]}}]
    wanted = [("a", "true"), ("b", "1"), (None, '{"x": [1]}')]
    assert read(put(tmp_path / "a.json", json.dumps(rows)))[1] == wanted
    assert read(put(tmp_path / "b.json", json.dumps({"version": 1, "rows": rows}, indent=2)))[1] == wanted
    assert read(put(tmp_path / "c.json", json.dumps([["text", "label"], ["a", "b"]])))[1] == [("a", "b")]
    cells = [[f"it was quite {word} on day {n}", word] for n, word in enumerate(["fine", "bad"] * 6)]
    lines = "".join(json.dumps(row) + "\n" for row in cells)
    assert read(put(tmp_path / "d.jsonl", lines)) == (["column_1", "column_2"], [tuple(row) for row in cells])
    assert len(read(put(tmp_path / "e.json", json.dumps([["text", "label"], *cells])))[1]) == 12
    assert read(put(tmp_path / "d.json", json.dumps({"text": ["a"], "label": ["b"]}, indent=1)))[1] == [("a", "b")]


def test_lone_surrogates_and_long_numbers_do_no_harm(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '{"text": "a\\ud800", "label": "x"}\n{"text": ' + "9" * 5000 + "}\n[1]\n")
    table = open_table(path)
    rows = [row for cells in table.batches for row in zip(*cells, strict=True)]
    assert rows == [("a?", "x"), ("9" * 5000, None)]
    assert [line for line, _why in table.bad] == [3]


def test_parquet_of_any_type(tmp_path: Path) -> None:
    import datetime

    table = pa.table(
        {
            "text": pa.array(["a", None]),
            "big": pa.array(["a", "b"], pa.large_string()),
            "kind": pa.array(["x", "x"]).dictionary_encode(),
            "number": pa.array([1.0, float("nan")]),
            "flag": pa.array([True, False]),
            "when": pa.array([datetime.datetime(2026, 1, 2), None], pa.timestamp("ns")),
            "list": pa.array([["a"], []]),
            "bytes": pa.array([b"a\xff", b""]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    columns, rows = read(tmp_path / "a.parquet")
    assert columns == table.column_names
    assert rows[0][:5] == ("a", "a", "x", "1", "true")
    assert str(rows[0][5]).startswith("2026-01-02 00:00:00")
    assert rows[0][6:] == ('["a"]', "a\ufffd")
    assert rows[1][:5] == (None, "b", "x", None, "false")


def packed(content: bytes) -> bytes:
    return gzip.compress(content)


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda: b"", "empty_file", "no bytes"),
        (lambda: b" \n\t\n", "empty_file", "blanks"),
        (lambda: b"\n<!DOCTYPE html><p>", "not_a_table", "web page"),
        (lambda: b"\x89PNG\r\n\x1a\n", "not_a_table", "PNG"),
        (lambda: zipped("xl/workbook.xml"), "damaged", "Excel"),
        (lambda: zipped("data.csv"), "not_a_table", "zip archive"),
        (lambda: b"PK\x03\x04 broken", "not_a_table", "damaged zip"),
        (lambda: packed(zipped("a")), "not_a_table", "What is packed in"),
        (lambda: packed(b"text,label\n" + b"a,b\n" * 9000)[:-30], "damaged", "incomplete"),
        (lambda: packed(b"text,label\n" + b"a,b\n" * 20_000_000), "too_large", "unpacks to more than"),
        (lambda: b"PAR1 no parquet PAR1", "damaged", "Parquet"),
        (lambda: b'{"a": 1,\n "b": }', "bad_json", "line 2"),
        (lambda: b'{"a": 1,\n "b": 2}', "bad_json", "no list of rows"),
        (lambda: b"[" * 100_000, "bad_json", "nested"),
        (lambda: b"a," * 3000 + b"\n1\n", "too_many_columns", "columns"),
        (lambda: b"text,label\n" + b"x" * 17_000_000, "too_large", "Line 2"),
    ],
)
def test_refusals(make: Callable[[], bytes], code: str, words: str, tmp_path: Path) -> None:
    error = refusal(put(tmp_path / "3-orders.csv", make()))
    assert error.code == code
    assert words in error.message
    assert "3-orders" not in error.message


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nothing.csv").code == "no_file"


def test_gigantic_field_is_passed_over(tmp_path: Path) -> None:
    table = open_table(put(tmp_path / "a.csv", "text,label\na,1\n" + "x" * 1_500_000 + ",2\nb,3\n"))
    rows = [row for cells in table.batches for row in zip(*cells, strict=True)]
    assert rows == [("a", "1"), ("b", "3")]
    assert table.bad[0][0] == 3


def test_names() -> None:
    assert named([" a ", None, "a", "a (2)", "\0"]) == ["a", "column 2", "a (2)", "a (2) (2)", "column 5"]
    assert display_name("12-reviews_test.csv") == "reviews_test.csv"
    assert display_name("1-\u202egpj.csv\n") == "gpj.csv"
    assert len(display_name("1-" + "x" * 400)) < 125


def test_a_last_column_without_a_name(tmp_path: Path) -> None:
    columns, rows = read(put(tmp_path / "a.csv", "text,label,\nhello,x,why\nbye,y,\n"))
    assert columns == ["text", "label", "column 3"]
    assert rows in ([("hello", "x", "why"), ("bye", "y", "")], [("hello", "x", "why"), ("bye", "y", None)])
    columns, rows = read(put(tmp_path / "b.csv", "text,label,,\nhello,x,,\nbye,y,,\n"))
    assert columns == ["text", "label"]
    assert [row[:2] for row in rows] == [("hello", "x"), ("bye", "y")]
