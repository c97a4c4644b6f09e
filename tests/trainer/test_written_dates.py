"""Dates as people write them become dates, marks become yes and no, and how they were read is told with the other choice."""

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.inspect import inspect
from trainer.data.written_dates import iso_of_short
from trainer.dates import MONTHS, iso_of
from trainer.errors import SpecError
from trainer.tables import encode, learn

QUICK = settings(max_examples=80, deadline=None, derandomize=True)
DAYS = [date(2026, 1, 1) + timedelta(days=17 * number) for number in range(60)]
GERMAN = ["Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"]  # fmt: skip


def read(cells: list[str], place: Path, name: str = "when", **options: Any) -> tuple[dict[str, Any], list[str]]:
    rows = [f'"{cell}",{number % 7},{"yes" if number % 3 else "no"}' for number, cell in enumerate(cells)]
    (place / "data.csv").write_text("\n".join([f"{name},visits,bought", *rows]), "utf-8")
    version = place / f"version{len(list(place.glob('version*')))}"
    result = inspect([place / "data.csv"], version, **options)
    return result, pq.read_table(version / "data.parquet").column(name).to_pylist()


def kind_of(result: dict[str, Any], name: str = "when") -> str:
    return next(column["kind"] for column in result["columns"] if column["name"] == name)


def reading_of(result: dict[str, Any], what: str = "dates:when") -> dict[str, Any]:
    return next(reading for reading in result["reading"] if reading["what"] == what)


@pytest.mark.parametrize(
    ("cell", "iso"),
    [
        ("5. Januar 2026", "2026-01-05"),
        ("Jan 5, 2026", "2026-01-05"),
        ("January 5th, 2026", "2026-01-05"),
        ("Mon, 05 Jan 2026 10:30:00", "2026-01-05 10:30:00"),
        ("5 janv. 2026", "2026-01-05"),
        ("1er mars 2026", "2026-03-01"),
        ("5 de enero de 2026", "2026-01-05"),
        ("5 gennaio 2026", "2026-01-05"),
        ("5 de março de 2026", "2026-03-05"),
        ("5 mei 2026", "2026-05-05"),
        ("5 stycznia 2026", "2026-01-05"),
        ("1 мая 2026", "2026-05-01"),
        ("5 Ağustos 2026", "2026-08-05"),
        ("5-Jan-2026", "2026-01-05"),
        ("2026年1月5日", "2026-01-05"),
        ("2026年1月", "2026-01-01"),
        ("令和8年1月5日", "2026-01-05"),
        ("民国115年1月5日", "2026-01-05"),
        ("2026-W02", "2026-01-05"),
        ("Q3 2026", "2026-07-01"),
        ("2026Q3", "2026-07-01"),
        ("Mär 2026", "2026-03-01"),
        ("2026-07", "2026-07-01"),
        ("2026-13", None),
        ("31 April 2026", None),
        ("2026-W60", None),
        ("5 apples 2026", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_date_in_words_is_a_date(cell: str, iso: str | None) -> None:
    assert iso_of(cell) == iso


def test_a_word_is_one_month() -> None:
    words = [word for month in MONTHS.values() for word in month.split()]
    of_two = {word for word in words if sum(word in month.split() for month in MONTHS.values()) > 1}
    assert not of_two


WRITTEN: dict[str, Any] = {
    "german": lambda day: f"{day.day}. {GERMAN[day.month - 1]} {day.year}",
    "english": lambda day: day.strftime("%B %d, %Y"),
    "chinese": lambda day: f"{day.year}年{day.month}月{day.day}日",
    "mail": lambda day: day.strftime("%a, %d %b %Y 08:00:00"),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_a_column_of_written_dates_is_read_and_can_be_kept(form: str, tmp_path: Path) -> None:
    cells = [WRITTEN[form](day) for day in DAYS]
    result, stored = read(cells, tmp_path)
    assert kind_of(result) == "date"
    assert [cell[:10] for cell in stored] == [day.isoformat() for day in DAYS]
    reading = reading_of(result)
    assert (reading["chosen"], reading["others"]) == ("dates", ["keep"])
    assert cells[0] in reading["sentence"]
    assert reading["preview"]["rows"][0][0] == cells[0]
    _result, kept = read(cells, tmp_path, readings={"dates:when": "keep"})
    assert kept == cells


def test_quarters_are_a_doubt(tmp_path: Path) -> None:
    result, stored = read([f"Q{1 + number % 4} 20{20 + number % 7}" for number in range(60)], tmp_path)
    assert reading_of(result)["doubt"]
    assert stored[1] == "2021-04-01"


def test_what_is_no_date_among_dates_is_counted_and_kept(tmp_path: Path) -> None:
    cells = [WRITTEN["german"](day) for day in DAYS]
    result, stored = read([*cells[:58], "unknown soon", "not yet"], tmp_path)
    (lost,) = [left for left in result["left_out"] if left["reason"] == "not_a_date"]
    assert (lost["count"], sorted(lost["examples"])) == (2, ["not yet", "unknown soon"])
    assert stored[-2:] == ["unknown soon", "not yet"]


# Day first or month first


AMBIGUOUS = [f"{1 + number % 12:02}/{1 + number * 5 % 12:02}/2026" for number in range(60)]


def test_day_or_month_first_is_a_doubt_that_can_be_turned(tmp_path: Path) -> None:
    result, stored = read(AMBIGUOUS, tmp_path)
    reading = reading_of(result)
    assert (reading["chosen"], reading["others"], reading["doubt"]) == ("day-first", ["month-first"], True)
    assert stored == AMBIGUOUS, "as it stands, it is read with the day first"
    result, turned = read(AMBIGUOUS, tmp_path, readings={"dates:when": "month-first"})
    assert turned == [f"2026-{cell[:2]}-{cell[3:5]}" for cell in AMBIGUOUS]
    assert not reading_of(result)["doubt"]
    with pytest.raises(SpecError, match="cannot be read as"):
        read(AMBIGUOUS, tmp_path, readings={"dates:when": "year-first"})


@pytest.mark.parametrize(("form", "doubted"), [("%d/%m/%Y", False), ("%m/%d/%Y", False), ("%Y-%m-%d", False)])
def test_a_day_above_twelve_settles_it(form: str, doubted: bool, tmp_path: Path) -> None:
    result, _stored = read([day.strftime(form) for day in DAYS], tmp_path)
    assert [reading["what"] for reading in result["reading"] if reading["what"].startswith("dates")] == []
    assert kind_of(result) == "date"


def test_another_column_settles_it(tmp_path: Path) -> None:
    rows = [
        f"{cell},{day:%m/%d/%Y},{number % 2}" for number, (cell, day) in enumerate(zip(AMBIGUOUS, DAYS, strict=True))
    ]
    (tmp_path / "data.csv").write_text("\n".join(["when,paid,bought", *rows]))
    result = inspect([tmp_path / "data.csv"], tmp_path / "version")
    assert reading_of(result)["chosen"] == "month-first"
    stored = pq.read_table(tmp_path / "version" / "data.parquet").column("when").to_pylist()
    assert stored[1] == f"2026-{AMBIGUOUS[1][:2]}-{AMBIGUOUS[1][3:5]}"


@pytest.mark.parametrize(
    ("cell", "month_first", "iso"),
    [
        ("3/4/2026", False, "2026-04-03"),
        ("3/4/2026", True, "2026-03-04"),
        ("3/4/26 10:30 PM", True, "2026-03-04 22:30"),
        ("3/4/26 12:05:09 am", True, "2026-03-04 00:05:09"),
        ("3.4.2026 10:30", False, "2026-04-03 10:30"),
        ("3/4/99", False, "1999-04-03"),
        ("31/4/2026", False, None),
        ("1.2.34", False, None),
        ("1-2/2026", False, None),
    ],
)
def test_a_short_date_by_its_order(cell: str, month_first: bool, iso: str | None) -> None:
    assert iso_of_short(cell, month_first=month_first) == iso


@QUICK
@given(st.dates(date(1970, 1, 1), date(2069, 12, 31)), st.booleans(), st.sampled_from("/.-"), st.booleans())
def test_every_day_is_read_back(day: date, month_first: bool, mark: str, two_digits: bool) -> None:
    order = ["%m", "%d"] if month_first else ["%d", "%m"]
    year = "%y" if two_digits and mark != "." else "%Y"
    assert iso_of_short(day.strftime(mark.join([*order, year])), month_first=month_first) == day.isoformat()


# Counted time


@pytest.mark.parametrize(
    ("name", "cells", "first", "doubted"),
    [
        ("created_at", [str(1_700_000_000 + 86_400 * number) for number in range(60)], "2023-11-14 22:13:20", True),
        (
            "timestamp",
            [str(1_700_000_000_000 + 86_400_000 * number) for number in range(60)],
            "2023-11-14 22:13:20",
            True,
        ),
        ("date", [str(45_000 + number) for number in range(60)], "2023-03-15", True),
    ],
)
def test_counted_time_is_read_where_the_name_says_so(
    name: str, cells: list[str], first: str, doubted: bool, tmp_path: Path
) -> None:
    result, stored = read(cells, tmp_path, name)
    assert stored[0] == first
    assert kind_of(result, name) == "date"
    assert reading_of(result, f"dates:{name}")["doubt"] == doubted
    _result, kept = read(cells, tmp_path, name, readings={f"dates:{name}": "keep"})
    assert kept == cells


def test_large_numbers_of_another_name_stay_numbers(tmp_path: Path) -> None:
    result, _stored = read([str(45_000 + 13 * number) for number in range(60)], tmp_path, "income")
    assert kind_of(result, "income") == "number"


# Marks


def test_a_mark_and_a_blank_are_yes_and_no(tmp_path: Path) -> None:
    cells = ["x" if number % 3 else "" for number in range(60)]
    result, stored = read(cells, tmp_path, "member")
    assert (kind_of(result, "member"), set(stored)) == ("boolean", {"yes", "no"})
    reading = reading_of(result, "marks:member")
    assert (reading["chosen"], reading["others"]) == ("yes-no", ["keep"])
    result, kept = read(cells, tmp_path, "member", readings={"marks:member": "keep"})
    assert [cell or "" for cell in kept] == cells


# Where it answers


def test_a_model_reads_a_visitors_date_however_it_is_written() -> None:
    described, _why = learn("when", [day.isoformat() for day in DAYS], [1] * len(DAYS))
    assert described is not None
    ways = ["2026-03-04", "4 March 2026", "4. März 2026", "2026年3月4日"]
    rows = encode([described], [{"when": way} for way in ways])
    assert (rows == rows[0]).all()


def test_the_command_line_takes_the_choice(tmp_path: Path) -> None:
    lines = ["when,visits,bought", *(f"{cell},{number % 7},{number % 2}" for number, cell in enumerate(AMBIGUOUS))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    command = [sys.executable, "-m", "trainer", "inspect", str(tmp_path / "a.csv"), "--out", str(tmp_path / "v")]
    done = subprocess.run(
        [*command, "--reading", "dates:when=month-first"], capture_output=True, text=True, timeout=120, check=True
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert reading_of(result)["asked"]
