"""Numbers among words that a whole column has, times of day, ranges alone, days without a year and dates in several ways: what each is
read as, what stays words, and the other reading."""

from datetime import UTC, datetime

import pytest

from tests.trainer.test_column_questions import read
from trainer.columns import guess_kind
from trainer.dates import guess_form as guess_date_form
from trainer.dates import value_of
from trainer.day_times import on_the_clock
from trainer.number_forms import guess_form, guess_unit
from trainer.numeral_marks import bound_of
from trainer.numerals import number_of, range_ends


@pytest.mark.parametrize(
    ("cell", "clock"),
    [
        ("1:05 PM", "13:05"), ("12:00am", "0:00"), ("12:30 p.m.", "12:30"), ("1 PM", "13:00"), ("1:05:10 PM", "13:05:10"), ("7:30 Uhr", "7:30"),
        ("7 Uhr 30", "7:30"), ("下午1:05", "13:05"), ("上午 9:00", "9:00"), ("18点33分", "18:33"), ("3点半", "3:30"), ("오후 1:05", "13:05"),
        ("13:05 AM", None), ("25:10 Uhr", None), ("5 km", None), ("13:05", None), ("am", None), ("7 Uhr", None), ("10分", None),
    ],
)  # fmt: skip
def test_times_of_day(cell: str, clock: str | None) -> None:
    assert on_the_clock(cell) == (clock or cell)
    assert clock is None or number_of(cell) == number_of(clock)


@pytest.mark.parametrize(
    ("cells", "unit", "numbers"),
    [
        (["1 out of 5 stars", "4 out of 5 stars"], "/5", [1, 4]),
        (["4,5 von 5 Sternen", "1,0 von 5 Sternen"], "/5", [4.5, 1]),
        (["4,0 sur 5 étoiles", "5,0 sur 5 étoiles"], "/5", [4, 5]),
        (["4 de 5 estrellas", "5 de 5 estrellas"], "/5", [4, 5]),
        (["3 颗星,最多 5 颗星", "5 颗星,最多 5 颗星"], "/5", [3, 5]),
        (["5つ星のうち4.0", "5つ星のうち2.5"], "/5", [4, 2.5]),
        (["Rated 4 out of 5", "Rated 2 out of 5"], "/5", [4, 2]),
        (["4 / 5 stars", "3 / 5 stars"], "/5", [4, 3]),
        (["★★★★☆", "★☆☆☆☆", "★★★½☆"], "★", [4, 1, 3.5]),
        (["⭐️⭐️", "⭐️"], "★", [2, 1]),
        (["1,234 followers", "1 follower"], "follower", [1234, 1]),
        (["90.6K views", "870 views", "1.2M views"], "view", [90_600, 870, 1.2e6]),
        (["3 Mio. Aufrufe", "12 Tsd. Aufrufe"], "Aufrufe", [3e6, 12e3]),
        (["12万次观看", "870次观看"], "次观看", [120_000, 870]),
        (["3星", "5星"], "星", [3, 5]),
        (["135 people found this helpful", "2 people found this helpful"], "people found this helpful", [135, 2]),
        (["$44/hr", "$15/hr"], "/hr", [44, 15]),
        (["Rating: 4", "rating: 5"], "rating: …", [4, 5]),
        (["from $40", "from $1,500"], "from …", [40, 1500]),
        (["Age 59", "Age 7"], "age …", [59, 7]),
    ],
)  # fmt: skip
def test_the_words_of_a_column_are_its_unit(cells: list[str], unit: str, numbers: list[float]) -> None:
    form = guess_form(cells)
    assert (guess_unit(cells), form["unit"]) == (unit, unit)
    assert [number_of(cell, **form) for cell in cells] == numbers
    assert guess_kind(cells * 10, len(cells), 10 * len(cells)) == "number"


@pytest.mark.parametrize(
    "cells",
    [
        ["Ticket 1", "Ticket 2"], ["Room 101", "Room 7"], ["Class 1", "Class 2"], ["iPhone 13", "iPhone 8"], ["v1.2", "v3.0"], ["Level 1", "Level 3"],
        ["3号楼", "5号楼"], ["3年级", "5年级"], ["9th floor", "4th floor"], ["1. Klasse", "2. Klasse"], ["Q1", "Q4"], ["ab12", "ab15"], ["★", "★"],
        ["1 - disagree", "5 - agree"], ["7 of 5", "4 of 5"], ["Note 5", "Note 8"], ["2 beds", "3 baths"], ["7 dogs are out with him", "3 dogs are out with him"],
    ],
)  # fmt: skip
def test_words_that_name_what_has_the_number_stay_words(cells: list[str]) -> None:
    assert guess_kind(cells * 10, len(set(cells)), 10 * len(cells)) != "number"


@pytest.mark.parametrize(
    ("cell", "ends"),
    [
        ("20–30 kg", (20, 30)), ("$50-70k", (50_000, 70_000)), ("from 10 to 20", (10, 20)), ("zwischen 10 und 20", (10, 20)), ("10 bis 20", (10, 20)),
        ("de 10 à 20", (10, 20)), ("entre 10 y 20", (10, 20)), ("10 a 20", (10, 20)), ("从10到20", (10, 20)), ("10至20", (10, 20)), ("50+", (50, 50)),
        ("under 18", (18, 18)), ("unter 18", (18, 18)), ("moins de 18", (18, 18)), ("más de 65", (65, 65)), ("65 and over", (65, 65)), ("65岁以上", (65, 65)),
        ("20-10", None), ("10 and 20", None), ("5 May to", None),
    ],
)  # fmt: skip
def test_ranges(cell: str, ends: tuple[float, float] | None) -> None:
    assert range_ends(cell, unit="岁" if "岁" in cell else "kg") == ends


@pytest.mark.parametrize(
    ("cell", "number"), [("10,000+ employees", "10,000 employees"), ("up to 5", "5"), ("over the top 5", None)]
)
def test_bounds_in_words(cell: str, number: str | None) -> None:
    assert bound_of(cell) == number


def kind(cells: list[str], name: str = "x") -> str:
    return guess_kind(cells, len(set(cells)), len(cells), name)


def test_ranges_alone_are_numbers_where_they_are_too_many_for_classes() -> None:
    assert kind([f"{10 * n}-{10 * n + 10}" for n in range(60)]) == "number"
    assert kind([f"{n}–{n + 5} kg" for n in range(60)]) == "number"
    assert kind([f"${n},000 - ${n + 9},000" for n in range(1, 60)]) == "number"
    assert kind(["18-25", "26-35", "50+"] * 20) == "category"


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ([f"555-{n}" for n in range(1000, 1060)], "x"),
        ([f"{n}-{n * 40}" for n in range(10, 70)], "x"),
        ([f"{n:03}-{n + 9:03}" for n in range(60)], "x"),
        ([f"{n}-{n + 9}" for n in range(60)], "phone"),
        ([f"{n}-{n + 9}" for n in range(60)], "part no"),
    ],
)
def test_codes_of_two_parts_are_no_ranges(cells: list[str], name: str) -> None:
    assert kind(cells, name) == "id"


@pytest.mark.parametrize(
    ("cells", "question", "chosen", "other", "kinds"),
    [
        (["1 out of 5 stars", "4 out of 5 stars"], "unit", "/5", "text", ("number", "category")),
        (["1:05 PM", "9:30 AM", "13:05"], "clocks", "seconds", "text", ("number", "category")),
        ([f"{n}-{n + 5}" for n in range(40)], "ranges", "middle", "text", ("number", "text")),
        (["1-10 employees", "11-50 employees", "50+ employees"], "ranges", "text", "middle", ("category", "number")),
        (["1 Jan", "12 March", "30 Dec"], "dates", "yearless", "text", ("date", "category")),
        (["2024-01-05", "13/05/2024"], "dates", "day_first", "month_first", ("date", "date")),
    ],
)  # fmt: skip
def test_each_is_told_with_its_other_reading(
    cells: list[str], question: str, chosen: str, other: str, kinds: tuple[str, str]
) -> None:
    _made, profile, readings = read(cells)
    assert (profile["kind"], readings[question]["chosen"], readings[question]["others"]) == (kinds[0], chosen, [other])
    _made, profile, readings = read(cells, **{question: other})
    assert (profile["kind"], readings[question]["chosen"], readings[question]["others"]) == (kinds[1], other, [chosen])
    _made, profile, _readings = read(cells, **{question: chosen})
    assert profile["kind"] == kinds[0]


def test_a_time_of_day_says_its_minutes() -> None:
    told = read(["1:05 PM", "9:30 AM"])[2]["clocks"]
    assert (told["sentence"], told["doubt"]) == ("“1:05 PM” in “x” is read as 785 min", False)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("28 Dec", "12-28"), ("28-Dec", "12-28"), ("December 28th", "12-28"), ("Tue, Dec 28", "12-28"), ("28. Dezember", "12-28"), ("1er mai", "05-01"),
        ("28 de diciembre", "12-28"), ("12月28日", "12-28"), ("28.12.", "12-28"), ("--12-28", "12-28"), ("29 Feb", "02-29"),
        ("30 Feb", None), ("1.2.", None), ("3 set", None), ("May", None), ("Room 5", None),
    ],
)  # fmt: skip
def test_days_without_a_year(cell: str, day: str | None) -> None:
    seconds = value_of(cell, "yearless")
    assert (None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%m-%d}") == day


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (["2024-01-05", "13/05/2024"], "mixed_day_first"),
        (["2024-01-05", "05/13/2024"], "mixed_month_first"),
        (["7/23/2024", "23.07.2024"], "mixed_month_first"),
        (["2024-01-05", "5 Jan 2024"], "mixed"),
        (["2024-01-05", "2024-01-06"], "iso"),
        (["13/05/2024", "01/05/2024"], "%d/%m/%Y"),
    ],
)
def test_dates_in_several_ways(cells: list[str], form: str) -> None:
    assert guess_date_form(cells) == form
    assert all(value_of(cell, form) is not None for cell in cells)


def test_dates_in_several_ways_are_a_doubt() -> None:
    told = read(["2024-01-05", "13/05/2024"])[2]["dates"]
    assert told["doubt"]
    assert str(told["sentence"]).endswith("; the dates of the column are written in several ways")
