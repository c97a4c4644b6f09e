"""Readers of tables, part by part: cells, names, delimiters, records and lines."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.tables import delimited
from trainer.data.tables.csv_batches import fit
from trainer.data.tables.delimited import from_line
from trainer.data.tables.dialects import DELIMITERS, find_dialect
from trainer.data.tables.header_readings import without_empty_end
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import MAX_BAD_ROWS, MAX_COLUMNS, Table, as_text, check_columns, display_name, named
from trainer.errors import DataError

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
    assert find_dialect(sample)[0].delimiter == delimiter


UNSEEN = "\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""They are taken out of cells (`trainer.data.tables.streams`)."""
TABLE_CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters=f"\0\r{UNSEEN}", exclude_categories=["Cs"]), max_size=8
)


@QUICK
@given(
    st.sampled_from(list(DELIMITERS)),
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
