"""Cells as numbers and as moments: the column at once as the single cell, and the ends of what either may be."""

import math
import sys
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainer.columns import guess_decimal, is_missing, number_of
from trainer.data import cells as reading
from trainer.data.cells import is_missing_mask, iterate_slices, parse_dates, parse_numbers, select_cells
from trainer.data.column_statistics import describe_dates, format_moment, round_figure, summarise
from trainer.dates import FORMATS, value_of
from trainer.numerals import range_ends

QUICK = settings(max_examples=60, deadline=None, derandomize=True)


def column(*cells: str | None) -> pa.ChunkedArray:
    """Of two chunks, as a column that was read in pieces is."""
    half = len(cells) // 2
    return pa.chunked_array([pa.array(cells[:half], pa.string()), pa.array(cells[half:], pa.string())])


# Numbers

BLANKS = " \t\n\x0b\x1f\x85\u00a0\u1680\u2009\u2028\u202f\u205f\u3000"
PIECES = st.sampled_from([*"0123456789.,-+−()eE$€%'’x_", *BLANKS, "USD", "eur"])
WRITTEN = st.lists(PIECES, max_size=9).map("".join)


@QUICK
@given(st.lists(WRITTEN, min_size=1, max_size=12), st.sampled_from([".", ","]))
@example(["1\u2009234"], ".")
@example(["1e400", "5"], ".")
@example(["$"], ",")
def test_arrow_reads_a_column_as_python_reads_its_cells(cells: list[str], decimal: str) -> None:
    assert parse_numbers(column(*cells), decimal).to_pylist() == [number_of(cell, decimal) for cell in cells]


@pytest.mark.parametrize("code", [code for code in range(0x3001) if chr(code).isspace()])
def test_every_blank_of_unicode_parts_thousands(code: int) -> None:
    """ISO 31-0 asks for a thin space; Excel, Word and Japanese keyboards write others."""
    cell = f"1{chr(code)}234{chr(code)}567"
    assert number_of(cell) == 1_234_567
    assert parse_numbers(column(cell)).to_pylist() == [1_234_567]


@QUICK
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_writes_is_read_back(value: float) -> None:
    assert number_of(repr(value)) == value
    assert parse_numbers(column(repr(value), "x")).to_pylist() == [value, None]


@QUICK
@given(st.integers(-(10**14), 10**14), st.integers(0, 99))
def test_thousands_are_read_in_either_writing(whole: int, hundredths: int) -> None:
    english = f"{whole:,}.{hundredths:02}"
    german = english.translate(str.maketrans(",.", ".,"))
    wanted = float(f"{whole}.{hundredths:02}")
    assert number_of(english) == number_of(german, ",") == wanted
    assert parse_numbers(column(english), ".").to_pylist() == parse_numbers(column(german), ",").to_pylist() == [wanted]


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [
        ([], "."),
        (["1.234"], "."),
        (["1,234"], "."),
        (["1,5"], ","),
        (["1,50", "1.5"], "."),
        (["1.234,5"], ","),
        (["1,234.5"], "."),
        (["1.234.567"], ","),
        (["1,234,567"], "."),
        (["€ 1,5", "2 %"], ","),
        (["5,1234"], ","),
        (["(1.200,10)"], ","),
        (["(12,50)", "(7)"], ","),
        (["(1,200.10)"], "."),
        (["abc", "1,2,3", ""], "."),
    ],
)
def test_the_decimal_mark_is_told_by_what_only_one_of_both_can_mean(cells: list[str], decimal: str) -> None:
    assert guess_decimal(cells) == decimal


@pytest.mark.parametrize("cell", ["1e309", "-1e309", "9" * 400, "1" + "0" * 309])
def test_what_no_float_can_hold_is_no_number(cell: str) -> None:
    assert number_of(cell) is None
    assert parse_numbers(column(cell, "1")).to_pylist() == [None, 1]


def test_the_largest_float_is_a_number() -> None:
    assert parse_numbers(column(repr(sys.float_info.max))).to_pylist() == [sys.float_info.max]


# Which cells


@QUICK
@given(st.lists(st.none() | st.sampled_from(["", " ", "NaN", "\u3000", "n/a", "\\N", "na", "0", "x", "<NULL>\n"])))
def test_missing_cells_of_a_column_are_the_missing_cells(cells: list[str | None]) -> None:
    assert is_missing_mask(column(*cells)).to_pylist() == [is_missing(cell) for cell in cells]


def test_cells_come_in_order_whichever_chunk_they_are_in() -> None:
    cells = column("a", None, "c", "d", "e")
    assert select_cells(cells, np.array([1, 2, 4])) == ["", "c", "e"]
    assert select_cells(cells, np.array([], dtype=int)) == []
    assert select_cells(cells, np.arange(5)) == ["a", "", "c", "d", "e"]


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7])
def test_slices_hold_every_cell_once(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SLICE_ROWS", 3)
    cells = [str(row) for row in range(rows)]
    slices = list(iterate_slices(column(*cells)))
    assert [cell for piece in slices for cell in piece] == cells
    assert [len(piece) for piece in slices] == [3] * (rows // 3) + ([rows % 3] if rows % 3 else [])


# Moments


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_of_a_date_is_read_as_it_was_written(form: str) -> None:
    """The day is above 12, so that day and month cannot be confused."""
    days = [datetime(1999, 12, 31, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC), datetime(2031, 7, 17, tzinfo=UTC)]
    seconds = parse_dates(column(*(day.strftime(form) for day in days), None, "soon"))
    if seconds is None:  # 3 of 4 cells are dates: too few to call the column one
        seconds = parse_dates(column(*(day.strftime(form) for day in days * 10), None, "soon"))
    assert seconds is not None
    assert seconds[:3].tolist() == [day.timestamp() for day in days]
    assert np.isnan(seconds[-2:]).all()


@pytest.mark.parametrize(
    ("cell", "form", "seconds"),
    [
        ("1970-01-01", "iso", 0),
        ("1969-12-31T23:59:59", "iso", -1),
        ("1970-01-01T01:00:00+01:00", "iso", 0),
        ("1970-01-01T00:00:00Z", "iso", 0),
        ("1970-01-01 00:00:00.25", "iso", 0.25),
        ("2024-02-30", "iso", None),
        ("2023-02-29", "iso", None),
        ("1/2/1970", "%d/%m/%Y", 31 * 86_400),
        ("1/2/1970", "%m/%d/%Y", 86_400),
        ("32/01/2024", "%d/%m/%Y", None),
        ("", "iso", None),
        ("1700000000", "number", 1.7e9),
        ("1700000000.5", "number", 1.7e9 + 0.5),
        ("45123", "number", 45123),
        ("0.5", "number", None),
        ("nan", "number", None),
        ("inf", "number", None),
        ("1e999", "number", None),
    ],
)
def test_one_cell_is_a_moment_or_none(cell: str, form: str, seconds: float | None) -> None:
    assert value_of(cell, form) == seconds


@pytest.mark.parametrize(("dates", "are_dates"), [(9, True), (8, False), (10, True), (0, False)])
def test_nine_cells_of_ten_make_a_column_of_dates(dates: int, are_dates: bool) -> None:
    cells = ["2024-01-05"] * dates + ["unknown"] * (10 - dates)
    assert (parse_dates(column(*cells)) is not None) == are_dates


def test_blank_cells_are_no_objection_and_no_moment() -> None:
    seconds = parse_dates(column(None, "", "  ", "2024-01-05", " 2024-01-06 "))
    assert seconds is not None
    assert np.isnan(seconds).tolist() == [True, True, True, False, False]
    assert seconds[4] - seconds[3] == 86_400
    assert parse_dates(column(None, "", " ")) is None
    assert parse_dates(column()) is None


END_OF_TIME = ("9999-12-31 23:59:59.997", "9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59-12:00")
"""What databases write for a contract without an end; SQL Server's greatest date is the first."""


@pytest.mark.parametrize("cell", [*END_OF_TIME, "0001-01-01T00:00:00+05:00", "0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_are_shown_and_break_nothing(cell: str) -> None:
    dates = describe_dates(column("2024-01-01", cell, "2024-05-01"))["dates"]
    first, last = dates["first"], dates["last"]
    assert first <= "2024-01-01"
    assert last >= "2024-05-01"
    assert {first[:4], last[:4]} <= {"0001", "2024", "9999"}
    assert len({first, last} & {"2024-01-01", "2024-05-01"}) == 1


@QUICK
@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59, 59)))
def test_a_moment_is_shown_as_it_was_read(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    shown = format_moment(value_of(moment.isoformat(), "iso") or 0.0)
    assert datetime.fromisoformat(shown) == moment
    assert (len(shown) == len("2024-01-01")) == (moment.time() == datetime.min.time())


def test_moments_of_two_zones_are_compared_as_moments() -> None:
    early = datetime(2024, 1, 1, 23, tzinfo=timezone(timedelta(hours=9)))
    late = datetime(2024, 1, 1, 16, tzinfo=UTC)
    dates = describe_dates(column(late.isoformat(), early.isoformat()))["dates"]
    assert (dates["first"], dates["last"]) == ("2024-01-01 14:00:00", "2024-01-01 16:00:00")


# Figures


@QUICK
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_a_summary_is_numpy_s_to_six_digits(values: list[float]) -> None:
    figures = summarise(np.array(values), "min", "median", "p95", "max", "mean")
    wanted = {
        "min": np.min(values),
        "median": np.median(values),
        "p95": np.percentile(values, 95),
        "max": np.max(values),
        "mean": np.mean(values),
    }
    assert figures == pytest.approx(wanted, rel=1e-5, abs=1e-300)
    assert list(figures) == list(wanted)


def test_a_mean_of_numbers_whose_sum_no_float_can_hold() -> None:
    figures = summarise(np.array([1.7e308, 1.7e308, 1.6e308]), "mean", "max", "median")
    assert all(math.isfinite(value) for value in figures.values())
    assert figures["mean"] == pytest.approx(1.66667e308, rel=1e-5)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3.0, 3), (-0.0, 0), (0.1234567, 0.123457), (123456.78, 123457.0), (1e15, 1e15), (1e14, 10**14), (-2.5, -2.5)],
)
def test_figures_have_six_digits_and_whole_ones_no_point(value: float, shown: float) -> None:
    rounded = round_figure(value)
    assert rounded == shown
    assert isinstance(rounded, int) == isinstance(shown, int)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("cell", ["1" * 50_000, "1 " * 25_000, "1-" * 25_000, "1 to " * 10_000])
def test_a_long_cell_of_digits_is_soon_known_as_no_range(cell: str) -> None:
    assert range_ends(cell) is None
