"""Readers of tables, part by part: cells, names, delimiters, records, JSON documents, tagged words and several files as one."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data import tempspace
from trainer.data.gathering import Meter, gather_rows, shared_columns
from trainer.data.tables import conll, delimited, jsonrows
from trainer.data.tables.delimited import find_delimiter, fit, from_line, without_empty_end
from trainer.data.tables.formats import open_table
from trainer.data.tables.jsonrows import find_rows, holds_rows, is_squad, squad_rows
from trainer.data.tables.prose import is_even, looks_like_prose
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import MAX_BAD_ROWS, MAX_COLUMNS, Table, as_text, check_columns, display_name, named
from trainer.data.tables.text import utf16
from trainer.errors import DataError
from trainer.events import silent

QUICK = settings(max_examples=60, deadline=None, derandomize=True)


def table_of(columns: list[str], *rows: list[str], name: str = "a.csv") -> Table:
    batches = [list(zip(*rows, strict=True))] if rows else []
    return Table(name, "csv", columns, iter(batches), 10)


def lines_of(text: str) -> Lines:
    return Lines(io.StringIO(text, newline=""), "a.txt")


def rows_of(table: Table) -> list[tuple[Any, ...]]:
    return [row for batch in table.batches for row in zip(*batch, strict=True)]


# Cells and names


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, None),
        ("", ""),
        (" 007 ", " 007 "),
        ("a\0b", "ab"),
        ("a\ud800", "a?"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        (10**30, str(10**30)),
        (5.0, "5"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e14, "100000000000000"),
        (1e15, "1000000000000000.0"),
        (1e300, "1e+300"),
        (float("nan"), None),
        (float("inf"), "inf"),
        (b"caf\xc3\xa9\0", "café"),
        (b"\xff", "�"),
        ([1, "猫", None], '[1, "猫", null]'),
        ({"a": {"b": 1.0}}, '{"a": {"b": 1.0}}'),
        ({"k\0": "\0"}, '{"k": ""}'),
        (["\ud800"], '["?"]'),
        (date(2024, 1, 5), "2024-01-05"),
        (datetime(2024, 1, 5, tzinfo=UTC), "2024-01-05 00:00:00+00:00"),
        (Decimal("1.50"), "1.50"),
        ([date(2024, 1, 5)], '["2024-01-05"]'),
    ],
)
def test_a_typed_value_is_a_cell_of_text(value: object, cell: str | None) -> None:
    assert as_text(value) == cell


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["a", "b"], ["a", "b"]),
        ([" a\n b ", None, ""], ["a b", "column 2", "column 3"]),
        (["a", "a", "a"], ["a", "a (2)", "a (3)"]),
        (["a", "a (2)", "a"], ["a", "a (2)", "a (3)"]),
        (["a", "a", "a (2)"], ["a", "a (2)", "a (2) (2)"]),
        (["column 2", None], ["column 2", "column 2 (2)"]),
        (["a\0b"], ["ab"]),
        (["x" * 300], ["x" * 200]),
        ([], []),
    ],
)
def test_columns_are_named_and_each_once(cells: list[str | None], names: list[str]) -> None:
    assert named(cells) == names


@QUICK
@given(st.lists(st.none() | st.sampled_from(["a", "a (2)", "a (3)", " ", "column 1", "A"]), max_size=12))
def test_no_two_columns_have_one_name(cells: list[str | None]) -> None:
    names = named(cells)
    assert len(set(names)) == len(names) == len(cells)
    assert all(name and name == name.strip() for name in names)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("3-data.csv", "data.csv"),
        ("12-", "12-"),
        ("2024-report.csv", "report.csv"),
        ("a\nb\u202egpj.csv", "a b gpj.csv"),
        ("x" * 120, "x" * 120),
        ("x" * 200 + ".csv", "x" * 80 + "…" + "x" * 26 + ".csv"),
        ("\ud800.csv", "?.csv"),
    ],
)
def test_a_file_is_shown_by_its_name_on_one_line(name: str, shown: str) -> None:
    assert display_name(name) == shown


@pytest.mark.parametrize(("count", "fits"), [(0, True), (MAX_COLUMNS, True), (MAX_COLUMNS + 1, False)])
def test_a_table_has_at_most_two_thousand_columns(count: int, fits: bool) -> None:
    names = [str(number) for number in range(count)]
    if fits:
        check_columns(names, "a.csv")
        return
    with pytest.raises(DataError) as refused:
        check_columns(names, "a.csv")
    assert refused.value.code == "too_many_columns"


def test_bad_lines_are_counted_beyond_those_that_are_named() -> None:
    table = table_of(["a"])
    for line in range(MAX_BAD_ROWS + 10):
        table.refuse(line, "is odd")
    assert (len(table.bad), table.bad_count) == (MAX_BAD_ROWS, MAX_BAD_ROWS + 10)


# CSV


@pytest.mark.parametrize(
    ("sample", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ('a;b\n"x;y";2\n', ";"),
        ("text\nhello, world\nbye\n", ","),
        ("text;label\nwell, this; a\nyes, that; b\n", ";"),
        ("a,b,c;d\n1,2,3;4\n", ","),
        ("", ","),
        ("a", ","),
        ('a,"b\n', ","),
    ],
)
def test_the_delimiter_parts_the_records_most_evenly(sample: str, delimiter: str) -> None:
    assert find_delimiter(sample) == delimiter


TABLE_CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=8)


@QUICK
@given(
    st.sampled_from(delimited.DELIMITERS),
    st.lists(st.lists(TABLE_CELLS, min_size=3, max_size=3), min_size=3, max_size=8),
)
def test_what_python_s_csv_writes_is_read_back(delimiter: str, rows: list[list[str]]) -> None:
    """Every cell quoted, so that the delimiter alone is to be found; rows without a letter are blank lines."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["one", "two", "three"], *rows])
    text = buffer.getvalue()
    table = delimited.csv_table(lines_of(text), text, "a.csv", len(text), {})
    assert table.columns == ["one", "two", "three"]
    assert table.details["delimiter"] == delimiter
    assert [list(row) for row in rows_of(table)] == rows
    assert table.bad == []


@pytest.mark.parametrize(
    ("row", "fitted", "reason"),
    [
        (["a", "b", "", " "], ["a", "b"], None),
        (["", " "], None, None),
        ([], None, None),
        (["a"], None, "has 1 field instead of 2"),
        (["a", "b", "c"], None, "has 3 fields instead of 2"),
    ],
)
def test_a_record_of_another_width_is_fitted_or_named(
    row: list[str], fitted: list[str] | None, reason: str | None
) -> None:
    table = table_of(["x", "y"])
    assert fit(row, 2, 7, table) == fitted
    assert table.bad == ([(7, reason)] if reason else [])


def test_a_record_of_thousands_of_fields_ends_the_reading() -> None:
    with pytest.raises(DataError) as refused:
        fit(["a"] * (MAX_COLUMNS + 1), 2, 7, table_of(["x", "y"]))
    assert refused.value.code == "too_many_columns"
    assert "Line 7" in refused.value.message


@pytest.mark.parametrize(
    ("header", "rows", "left"),
    [
        (["a", "b", ""], [["1", "2", ""]], ["a", "b"]),
        (["a", "b", ""], [["1", "2", "3"]], ["a", "b", ""]),
        (["a", "", "c"], [], ["a", "", "c"]),
        (["a", "", ""], [["1", "2"]], ["a", ""]),
        (["", ""], [], [""]),
    ],
)
def test_empty_cells_at_the_end_of_a_header_go_where_nothing_stands_below(
    header: list[str], rows: list[list[str]], left: list[str]
) -> None:
    assert without_empty_end(header, rows) == left


@pytest.mark.parametrize(
    ("line", "rest"), [(1, "a\r\nb\rc\nd"), (2, "b\rc\nd"), (3, "c\nd"), (4, "d"), (9, "d"), (0, "a\r\nb\rc\nd")]
)
def test_lines_end_as_any_system_ends_them(line: int, rest: str) -> None:
    assert from_line("a\r\nb\rc\nd", line) == rest


def test_lines_are_given_out_again_after_a_rewind() -> None:
    lines = lines_of("a\nb\0\nc\n")
    lines.mark()
    assert [next(lines) for _line in range(3)] == ["a\n", "b\n", "c\n"]
    assert lines.number == 3
    lines.rewind()
    assert (lines.number, next(lines), lines.number) == (1, "b\n", 2)
    assert list(lines) == ["c\n"]
    assert lines.ended


# JSON


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([{"a": 1}], [{"a": 1}]),
        ({"data": [{"a": 1}]}, [{"a": 1}]),
        ({"meta": [{"a": 1}], "data": [{"a": 1}, {"a": 2}]}, [{"a": 1}, {"a": 2}]),
        ({"nested": [{"a": [{"b": 1}]}], "flat": [{"a": 1}]}, [{"a": 1}]),
        ({"a": [1, 2], "b": ["x", "y"]}, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ({"a": [1, 2], "b": ["x"]}, None),
        ({"a": [1, 2], "b": "x"}, None),
        ({"a": [1, 2]}, None),
        ({"a": {"b": [{"c": 1}]}}, None),
        ({}, None),
        ([], []),
        ("text", None),
        (5, None),
        (None, None),
    ],
)
def test_the_rows_of_a_document(value: Any, rows: list[Any] | None) -> None:
    assert find_rows(value) == rows


@pytest.mark.parametrize(
    ("cell", "holds"), [([{"a": 1}], True), ([], False), ([1], False), ({"a": 1}, False), (None, False)]
)
def test_a_cell_holds_rows_where_it_lists_objects(cell: Any, holds: bool) -> None:
    assert holds_rows(cell) is holds


@pytest.mark.parametrize(
    ("document", "columns", "rows"),
    [
        ('[["a", "b"], [1, "x"], [2]]', ["a", "b"], [("1", "x"), ("2", None)]),
        ('["one", "two"]', ["text"], [("one",), ("two",)]),
        ('[{"a": 1, "B": 2}, {"b": 3, "c": null}]', ["a", "B", "c"], [("1", "2", None), (None, "3", None)]),
        ('[{"a": 1, "A ": 2}]', ["a"], [("1",)]),
        ('[{"a": {"b": [1]}}]', ["a"], [('{"b": [1]}',)]),
        ('{"a": 1}\n{"a": 2}\n', ["a"], [("1",), ("2",)]),
    ],
)
def test_documents_become_columns(
    document: str, columns: list[str], rows: list[tuple[str | None, ...]], tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text(document, "utf-8")
    table = open_table(tmp_path / "a.json")
    assert table.columns == columns
    assert rows_of(table) == rows


@pytest.mark.parametrize("document", ["[1, [2]]", '[{"a": 1}, 5, "x", null, [1]]', '{"a": 1}\n5\n[1]\n{"a": 2}\n'])
def test_what_is_no_object_is_named_by_its_place(document: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(document, "utf-8")
    table = open_table(tmp_path / "a.json")
    rows = rows_of(table)
    assert table.bad_count == len(table.bad) > 0
    assert all("object" in reason or "named fields" in reason for _line, reason in table.bad)
    assert len(rows) + table.bad_count in (2, 4, 5)


def test_the_places_of_what_is_no_object_are_counted_from_one() -> None:
    table = Table("a.json", "json", [], iter(()), 1)
    table = jsonrows.object_table(table, enumerate([{"a": 1}, 5, None, {"a": 2}], 1))
    assert rows_of(table) == [("1",), ("2",)]
    assert [line for line, _reason in table.bad] == [2, 3]


def test_questions_on_paragraphs_are_rows_and_what_has_another_form_is_none() -> None:
    question = {"id": 1, "question": "Who?", "answers": [{"text": "Ada", "answer_start": 0}]}
    document = {
        "data": [
            {"title": "T", "paragraphs": [{"context": "Ada.", "qas": [question, {"id": 2}, 5]}, {"context": "x"}, None]},
            {"title": "U", "paragraphs": "none"},
            7,
        ]
    }  # fmt: skip
    assert is_squad(document)
    rows = squad_rows(document)
    assert rows[0] == {"id": 1, "title": "T", "context": "Ada.", "question": "Who?", "answers": question["answers"]}
    assert rows[1:] == [None] * 6
    assert not is_squad({"data": [{"paragraphs": {}}]})
    assert not is_squad([])


# Tagged words


@pytest.mark.parametrize(
    ("text", "sentences", "bad", "mended"),
    [
        ("Ada B-PER\nslept O\n", [(["Ada", "slept"], ["B-PER", "O"])], 0, 0),
        ("a O\n\n\n\nb O\n", [(["a"], ["O"]), (["b"], ["O"])], 0, 0),
        ("-DOCSTART- O\n\n# id 1\na O\n", [(["a"], ["O"])], 0, 0),
        ("a\tNN\tO\nb\tVB\tO", [(["a", "b"], ["O", "O"])], 0, 0),
        ("a I-PER\nb I-PER\nc I-LOC\n", [(["a", "b", "c"], ["B-PER", "I-PER", "B-LOC"])], 0, 2),
        ("a O\nb\n\nc O\n", [(["c"], ["O"])], 1, 0),
        ("a O\nb X Y O\n\nc O\n", [(["c"], ["O"])], 1, 0),
        ("a PERSON\n\nc O\n", [(["c"], ["O"])], 1, 0),
        ("", [], 0, 0),
        ("\n\n", [], 0, 0),
    ],
)
def test_sentences_of_tagged_words(
    text: str, sentences: list[tuple[list[str], list[str]]], bad: int, mended: int
) -> None:
    """A sentence with a line that cannot be read is left out whole."""
    table = conll.conll_table(lines_of(text), "a.txt", len(text), {})
    assert [(json.loads(tokens), json.loads(tags)) for tokens, tags in rows_of(table)] == sentences
    assert (table.bad_count, len(table.mended)) == (bad, mended)


@pytest.mark.parametrize(
    ("sample", "is_conll"),
    [
        ("Ada B-PER\nslept O\nhere O\n", True),
        ("Ada B-PER\nslept O\n", False),
        ("a O\nb O\nc O\n", False),
        ("a B-X\nb B-X\nc B-X\n", False),
        ("text,label\na b,O\nc,B-x\n", False),
        ("", False),
    ],
)
def test_tagged_words_are_known_by_tags_inside_and_outside(sample: str, is_conll: bool) -> None:
    assert conll.looks_like_conll(sample) is is_conll


@pytest.mark.parametrize(
    ("sample", "delimiter", "even"),
    [
        ("a,b\n1,2\n", ",", True),
        ("a,b\n", ",", False),
        ("a\nb\n", ",", False),
        ("a,b\n" * 9 + "a\n", ",", True),
        ("a,b\n" * 8 + "a\n" * 2, ",", False),
        ('a,b\n"x,y",2\n', ",", True),
    ],
)
def test_a_table_has_records_of_one_width(sample: str, delimiter: str, even: bool) -> None:
    assert is_even(sample, delimiter) is even


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.csv.gz", "a.tab"])
def test_a_file_called_a_table_is_never_prose(name: str) -> None:
    prose = "\n\n".join(f"This is a sentence{', one more' * (line % 4)}, and it ends here." for line in range(20))
    assert looks_like_prose(prose, "a.txt")
    assert not looks_like_prose(prose, name)


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("text,label\n".encode("utf-16-le"), "utf-16-le"),
        ("text,label\n".encode("utf-16-be"), "utf-16-be"),
        (b"text,label\n", None),
        (b"\0" * 40, None),
        (b"", None),
        ("猫".encode() * 30, None),
    ],
)
def test_utf16_is_known_by_its_zeros(head: bytes, encoding: str | None) -> None:
    assert utf16(head) == encoding


# Several files as one


@pytest.mark.parametrize(
    ("columns", "shared", "second"),
    [
        ([["a", "b"], ["a", "b"]], ["a", "b"], ["a", "b"]),
        ([["a", "b"], ["B", "a", "c"]], ["a", "b", "c"], ["b", "a", "c"]),
        ([["Text"], ["text", "x"]], ["Text", "x"], ["Text", "x"]),
        ([["a"], ["b", "a"], ["B", "a"]], ["a", "b"], ["b", "a"]),
    ],
)
def test_files_share_columns_however_they_are_capitalised(
    columns: list[list[str]], shared: list[str], second: list[str]
) -> None:
    tables = [table_of(names) for names in columns]
    assert shared_columns(tables) == shared
    assert tables[1].columns == second


@pytest.mark.parametrize("columns", [[["a"], ["b"]], [["a", "b"], ["a", "A"]]])
def test_files_without_a_common_column_are_refused(columns: list[list[str]]) -> None:
    with pytest.raises(DataError) as refused:
        shared_columns([table_of(names, name=f"{place}.csv") for place, names in enumerate(columns)])
    assert refused.value.code == "columns_differ"
    assert "1.csv has other columns than 0.csv" in refused.value.message


def test_rows_of_several_files_follow_one_another_with_their_parts() -> None:
    first, second = table_of(["a", "b"], ["1", "2"], ["3", "4"]), table_of(["b"], ["5"], name="b.csv")
    second.refuse(9, "is odd")
    dataset, parts = gather_rows([first, second], ["train", None], silent)
    assert dataset.table.to_pylist() == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}, {"a": None, "b": "5"}]
    assert parts is not None
    assert parts.tolist() == ["train", "train", ""]
    assert {problem["code"]: problem["count"] for problem in dataset.problems} == {"bad_rows": 1, "columns_differ": 1}
    assert "line 9 is odd (b.csv)" in dataset.problems[0]["message"]
    assert [source["rows"] for source in dataset.sources] == [2, 1]


@pytest.mark.parametrize(("bad", "words"), [(0, "has a header but no rows"), (2, "line 3 is odd")])
def test_files_without_a_row_are_refused(bad: int, words: str) -> None:
    table = table_of(["a"])
    for line in range(bad):
        table.refuse(line + 3, "is odd")
    with pytest.raises(DataError, match=words):
        gather_rows([table], [None], silent)


def test_progress_is_of_all_files_and_never_beyond_the_share_of_reading() -> None:
    told: list[float] = []
    meter = Meter(lambda _kind, **fields: told.append(fields["fraction"]), 200)
    for bytes_read in (50, 60, 999):
        meter.add(1, bytes_read)
    assert told == [0.15], "a few times a second"
    meter.close(100)
    for bytes_read in (50, 999):
        meter.told = 0.0
        meter.add(1, bytes_read)
    assert told == [0.15, 0.45, 0.6]
    assert meter.rows == 5


# Room to unpack


def test_what_is_unpacked_goes_with_the_folder_it_was_unpacked_in(tmp_path: Path) -> None:
    with tempspace.use_folder(tmp_path / "scratch"):
        with tempspace.temporary_folder() as place:
            assert place.is_relative_to(tmp_path / "scratch")
            (place / "a").write_bytes(b"x")
        assert not place.exists()
        with tempspace.temporary_file() as file:
            assert file.write(b"x") == 1
    assert not (tmp_path / "scratch").exists()
    with tempspace.temporary_folder() as place:
        assert not place.is_relative_to(tmp_path)


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (1, False)])
def test_room_is_asked_for_to_the_byte(spare: int, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempspace, "free_bytes", lambda: tempspace.SPARE_BYTES + 3 * 2**20)
    if fits:
        tempspace.check_room(3 * 2**20 + spare, "a.zip")
        return
    with pytest.raises(DataError) as refused:
        tempspace.check_room(3 * 2**20 + spare, "a.zip")
    assert refused.value.code == "no_space"
    assert "3 MB more" in refused.value.message
