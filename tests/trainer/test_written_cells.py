"""How people write numbers, dates and yes or no, and what is said of it."""

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from trainer import tables
from trainer.columns import guess_kind
from trainer.data.cells import parse_numbers
from trainer.data.inspect import inspect
from trainer.dates import guess_form as guess_date_form
from trainer.dates import looks_like_date, moment_at, value_of
from trainer.errors import SpecError
from trainer.number_forms import decimal_confidence, digits_of, guess_form
from trainer.numerals import DOUBTFUL, number_of

NUMBERS: list[tuple[str, list[float | None]]] = [
    ("$1,200|$950.50", [1200, 950.5]),
    ("1.200,50 €|950,00 €", [1200.5, 950]),
    ("€ 1.200,50|€ 3,5", [1200.5, 3.5]),
    ("£12|£ 1,234,567.89", [12, 1234567.89]),
    ("¥1,000|1,500円", [1000, 1500]),
    ("₹12,34,567|₹1,00,000.50", [1234567, 100000.5]),
    ("CHF 1'234.50|USD 5.25", [1234.5, 5.25]),
    ("1'234.50 CHF|2’000.25", [1234.5, 2000.25]),
    ("100元|200 元", [100, 200]),
    ("R$ 1.234,56|R$ 5,50", [1234.56, 5.5]),
    ("1 234,56|12,5", [1234.56, 12.5]),
    ("1\u202f234,56|1\u00a0000,5", [1234.56, 1000.5]),
    ("(1,234.50)|12.25", [-1234.5, 12.25]),
    ("1,234.5-|2.25", [-1234.5, 2.25]),
    ("−5.5|+3.25", [-5.5, 3.25]),
    ("12.5|-|–|7.25", [12.5, None, None, 7.25]),
    ("50 %|12.5%", [50, 12.5]),
    ("5‰|7‰", [5, 7]),
    ("5 kg|7.5 kg", [5, 7.5]),
    ("2 kg|2 kg|500 g", [2, 2, 0.5]),
    ("1,5 km|2,25 km|800 m", [1.5, 2.25, 0.8]),
    ("12 m²|15 m2|20.5 m²", [12, 15, 20.5]),
    ("90 min|90 min|2 h", [90, 90, 120]),
    ("20 °C|21.5 °C", [20, 21.5]),
    ("20 °C|21 °C|70 °F", [20, 21, None]),
    ("1.2k|3M|500.5", [1200, 3e6, 500.5]),
    ("2 Mio|3,5 Mio.|1,25 Mrd", [2e6, 3.5e6, 1.25e9]),
    ("3万|1.5亿", [30000, 150000000]),
    ("2 lakh|1.5 crore", [200000, 15000000]),
    ("1 1/2|½|2¾|0.25", [1.5, 0.5, 2.75, 0.25]),
    ("1e5|1.5E-3", [100000, 0.0015]),
    ("１２．５|３．２５", [12.5, 3.25]),
    ("1.5|1.234,50", [1.5, 1234.5]),
    ("5|6|7|10-20", [5, 6, 7, 15]),
    ("5|6|7|10 to 20", [5, 6, 7, 15]),
    ("1 234,50 kr|12,25 kr", [1234.5, 12.25]),
    ("kr. 1.234,50|kr. 12,25", [1234.5, 12.25]),
    ("1 234,50 zł|12,25 zł", [1234.5, 12.25]),
    ("1\u202f234,50 руб.|12,25 руб.", [1234.5, 12.25]),
    ("Rs. 1,234.50|Rs. 12", [1234.5, 12]),
    ("Fr. 1'234.50|Fr. 12.25", [1234.5, 12.25]),
    ("RM1,234.50|RM12.25", [1234.5, 12.25]),
    ("NT$1,234.50|NT$12", [1234.5, 12]),
    ("Rp 1.234,50|Rp 12,5", [1234.5, 12.5]),
    ("($ 1,234.50)|$ -|$ 12.25", [-1234.5, None, 12.25]),
    ("٣٫٥|١٬٢٣٤٫٥", [3.5, 1234.5]),
    ("1 star|4.5 stars", [1, 4.5]),
    ("5 mg/dL|7.5 mg/dL", [5, 7.5]),
    ("1,5 bar|2,25 bar", [1.5, 2.25]),
    ("4/5|5/5|3.5/5", [4, 5, 3.5]),
    ("7 out of 10|10 out of 10", [7, 10]),
    ("0:30|12:05|1:00:30", [30, 725, 3630]),
]


@pytest.mark.parametrize(("cells", "wanted"), NUMBERS, ids=[cells for cells, _wanted in NUMBERS])
def test_numbers_are_read_as_people_write_them(cells: str, wanted: list[float | None]) -> None:
    written = cells.split("|")
    form = guess_form([cell for cell in written if cell not in "-–"])
    assert [number_of(cell, **form) for cell in written] == wanted
    assert parse_numbers(pa.chunked_array([written]), **form).to_pylist() == wanted
    if None not in wanted:
        assert guess_kind(written, len(written), len(written)) == "number"


@pytest.mark.parametrize(
    "cells",
    [
        "555-1234|555-9876",
        "120/80|130/85",
        "RM100|RM101",
        "100A|101A",
        "01/24|02/24",
        "3:1|2:1",
        "2026-2030x|1",
        "18-25|26-35",
        "A1|B2",
        "3-1|1-0",
        "1a|2b",
        "12 34|56 78",
    ],
)
def test_what_is_no_number_stays_as_it_is(cells: str) -> None:
    assert guess_kind(cells.split("|") * 10, 2, 20) != "number"


DATES = [
    ("2026-01-05", "2026-01-05"), ("2026/1/5 10:11", "2026-01-05 10:11"), ("31/12/2025", "2025-12-31"), ("12/31/2025", "2025-12-31"),
    ("31.12.25 08:30", "2025-12-31 08:30"), ("12/31/2025 3:04 PM", "2025-12-31 15:04"), ("2026年1月5日", "2026-01-05"),
    ("民国115年1月5日", "2026-01-05"), ("令和8年1月5日", "2026-01-05"), ("2026-W05", "2026-01-26"), ("KW 5 2026", "2026-01-26"),
    ("2026Q2", "2026-04-01"), ("Q2 2026", "2026-04-01"), ("2026-03", "2026-03-01"), ("03/2026", "2026-03-01"),
    ("5 January 2026", "2026-01-05"), ("Jan 5th, 2026", "2026-01-05"), ("5. Januar 2026", "2026-01-05"), ("5 janvier 2026", "2026-01-05"),
    ("5 de enero de 2026", "2026-01-05"), ("5 de março de 2026", "2026-03-05"), ("5 gennaio 2026", "2026-01-05"),
    ("5 januari 2026", "2026-01-05"), ("5 stycznia 2026", "2026-01-05"), ("5 января 2026 г.", "2026-01-05"), ("5 Ağustos 2026", "2026-08-05"),
    ("2026-01-05T10:00:00+02:00", "2026-01-05 08:00"), ("Mon, 5 Jan 2026 10:00 +0200", "2026-01-05 08:00"),
    ("05-Jan-26", "2026-01-05"), ("2026-Jan-05", "2026-01-05"), ("Jan-26", "2026-01-01"), ("01.02.2026, 10:11:12", "2026-02-01 10:11"),
    ("5.1.2026 um 10:11 Uhr", "2026-01-05 10:11"), ("5.1.2026 10:11 Uhr", "2026-01-05 10:11"), ("Mo, 05.01.2026", "2026-01-05"),
    ("January 5, 2026 at 3:04 PM", "2026-01-05 15:04"), ("Mon Jan 05 10:11:12 2026", "2026-01-05 10:11"),
    ("Mon Jan 05 10:11:12 +0200 2026", "2026-01-05 08:11"), ("Mon Jan 05 2026 10:11:12 GMT+0200 (Central European Summer Time)", "2026-01-05 08:11"),
    ("05/Jan/2026:10:11:12 +0000", "2026-01-05 10:11"), ("20260105T101112Z", "2026-01-05 10:11"), ("2026-01-05-10.11.12.123456", "2026-01-05 10:11"),
    ("2026-01-05 10:11:12 EST", "2026-01-05 15:11"), ("2026/01/05 10:11:12 AM GMT+2", "2026-01-05 08:11"), ("1Q2026", "2026-01-01"),
    ("2Q26", "2026-04-01"), ("Q2 '26", "2026-04-01"), ("FY2026 Q2", "2026-04-01"), ("Week 5, 2026", "2026-01-26"), ("5 augusti 2026", "2026-08-05"),
    ("5 marts 2026", "2026-03-05"), ("5. ledna 2026", "2026-01-05"), ("5 січня 2026", "2026-01-05"), ("5 ianuarie 2026", "2026-01-05"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "wanted"), DATES, ids=[cell for cell, _wanted in DATES])
def test_dates_are_read_as_people_write_them(cell: str, wanted: str) -> None:
    form = guess_date_form([cell])
    assert form is not None
    seconds = value_of(cell, form)
    assert seconds is not None
    assert moment_at(seconds).strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00") == wanted
    assert guess_kind([cell] * 5, 1, 5) == "date"


@pytest.mark.parametrize(
    "cells",
    [
        "yes no",
        "ja nein",
        "oui non",
        "sí no",
        "sim não",
        "sì no",
        "да нет",
        "はい いいえ",
        "是 否",
        "evet hayır",
        "true false",
        "✓ ✗",
        "on off",
        "wahr falsch",
        "VRAI FAUX",
        "VERDADEIRO FALSO",
        "Ja Nee",
        "Ja Nej",
        "ИСТИНА ЛОЖЬ",
        "DOĞRU YANLIŞ",
        "Kyllä Ei",
        "Ano Ne",
        "Igen Nem",
        "Ναι Όχι",
        "Так Ні",
        "نعم لا",
        "हाँ नहीं",
        "Có Không",
    ],
)
def test_yes_and_no_in_ten_languages(cells: str) -> None:
    assert guess_kind(cells.split() * 10, 2, 20) == "boolean"


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["20260105", "20260131", "20251224"], "date"),
        (["20260105", "20260132", "20251224"], "number"),
        (["20260105101112", "20260131101112", "20251224101112"], "date"),
        (["01.2026", "02.2026", "11.2025"], "date"),
        (["1.2026", "2.2026", "11.2025"], "number"),
        (["10.01.2026 or so", "11.01.2026 at noon", "12.01.2026 late"], "text"),
    ],
)
def test_digits_are_a_date_where_each_is_a_day_of_the_calendar(cells: list[str], kind: str) -> None:
    assert guess_kind(cells * 12, 3, 36) == kind or (kind == "text" and guess_kind(cells * 12, 3, 36) == "category")


def test_am_and_pm_put_the_month_first() -> None:
    assert guess_date_form(["5/1/2026 10:11 AM", "6/2/2026 3:04 PM"]) == "month_first"
    assert guess_date_form(["5/1/2026 10:11", "6/2/2026 15:04"]) != "month_first"


FORMS = {"en": (",", "."), "de": (".", ","), "fr": ("\u202f", ","), "ch": ("’", "."), "plain": ("", ".")}


@pytest.mark.parametrize("seed", range(40))
def test_what_is_written_in_any_country_is_read_back_or_its_doubt_is_said(seed: int) -> None:
    draw = random.Random(seed)
    group, mark = FORMS[draw.choice(sorted(FORMS))]
    places = draw.choice([0, 1, 2, 3])
    sign = draw.choice(["", "", "$", "€ ", "CHF "])
    numbers = [round(draw.uniform(-1e6, 1e6) * 10 ** -draw.randint(0, 6), places) for _ in range(30)]
    cells = [
        sign + f"{number:,.{places}f}".replace(",", "G").replace(".", mark).replace("G", group) for number in numbers
    ]
    form = guess_form(cells)
    read = [number_of(cell, **form) for cell in cells]
    assert read == numbers or decimal_confidence(cells) < 0.9, (cells, read)
    if decimal_confidence(cells) == 1 and any(DOUBTFUL.fullmatch(digits_of(cell)) for cell in cells):
        assert read == numbers


def read_file(folder: Path, rows: list[str], **readings: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    (folder / "rows.csv").write_text("\n".join(rows), "utf-8")
    out = folder / ("version" + "".join(readings.values()))
    asked = {name.replace("__", ":"): choice for name, choice in readings.items()}
    inspect([folder / "rows.csv"], out, readings=asked)
    profile = json.loads((out / "profile.json").read_text("utf-8"))
    profile["problems"] = json.loads((out / "problems.json").read_text("utf-8"))
    return profile, {column["name"]: column for column in profile["columns"]}


ROWS = ["price;when;stamp;age;kind"] + [
    f"{number % 9 + 1}.{100 + 7 * number} €;{number % 12 + 1}/{(number * 5) % 12 + 1}/2025;{1700000000 + 5000 * number}"
    f";{('18-25', '26-35', '36-50')[number % 3]};{'ab'[number % 2]}"
    for number in range(60)
]


def test_doubts_are_said_and_the_other_choice_is_obeyed(tmp_path: Path) -> None:
    profile, columns = read_file(tmp_path, ROWS)
    doubts = {reading["what"]: reading for reading in profile["reading"] if reading["doubt"]}
    assert {name: (doubt["chosen"], doubt["others"]) for name, doubt in doubts.items()} == {
        "decimal:price": ("point", ["comma"]),
        "dates:when": ("day_first", ["month_first"]),
        "dates:stamp": ("number", ["epoch"]),
        "ranges:age": ("text", ["middle"]),
    }
    assert all(doubt["preview"]["rows"] and doubt["choices"][0]["preview"]["rows"] for doubt in doubts.values())
    assert columns["price"]["numbers"]["max"] < 10
    asked = {"decimal__price": "comma", "dates__when": "month_first", "dates__stamp": "epoch", "ranges__age": "middle"}
    profile, columns = read_file(tmp_path, ROWS, **asked)
    assert columns["price"]["numbers"]["max"] > 1000
    assert (columns["when"]["form"], columns["stamp"]["kind"]) == ("%m/%d/%Y", "date")
    assert columns["age"]["numbers"]["max"] == 43
    assert not [reading for reading in profile["reading"] if reading["doubt"]]
    with pytest.raises(SpecError):
        read_file(tmp_path, ROWS, decimal__price="semicolon")


def test_a_model_reads_what_a_visitor_types_as_the_version_does() -> None:
    cells = ["1.200,50 €", "950,00 €", "2,25 €"]
    learned, _why = tables.learn("price", cells, [5, 5, 5], form={"decimal": ",", "unit": "", "ranges": False})  # type: ignore[arg-type]
    assert learned is not None
    assert learned["decimal"] == ","
    typed = tables.encode_column(learned, ["1.200,50 €", "1.200", "1200,5", "$1.200"])
    assert typed[:, 0].tolist() == [1200.5, 1200, 1200.5, 1200]


def test_cells_that_are_no_number_are_counted_and_named(tmp_path: Path) -> None:
    rows = ["size,kind"] + [f"{number}.5,{'ab'[number % 2]}" for number in range(100)] + ["about nine,a", "-,b"]
    profile, _columns = read_file(tmp_path, rows)
    unread = next(problem for problem in profile["problems"] if problem["code"] == "unread_cells")
    assert (unread["count"], unread["examples"]) == (1, ["about nine"])


def test_long_numbers_that_lost_their_digits_are_told(tmp_path: Path) -> None:
    rows = ["order,kind"] + [f"1.2345{number % 10}E+11,{'ab'[number % 2]}" for number in range(40)]
    profile, _columns = read_file(tmp_path, rows)
    assert "digits_lost" in {problem["code"] for problem in profile["problems"]}


def test_a_table_with_nothing_to_learn_from_is_refused_at_once(tmp_path: Path) -> None:
    rows = ["shop,kind"] + [f"Berlin,{'ab'[number % 2]}" for number in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(rows), "utf-8")
    wanted = {"label": "kind"}
    result = inspect([tmp_path / "rows.csv"], tmp_path / "v", task="tabular-classification", columns=wanted)
    assert not result["suggestion"]["trainable"]
    assert "no_columns" in {problem["code"] for problem in result["problems"]}


@pytest.mark.parametrize(
    "cell", ["Order 12/05/2021", "Room 1.2.2024", "Invoice 12-05-21", "Version 2024-01-05", "Order 12 May 2021",
             "Order May 12 2021", "Abc Jan 01 08:05:09 2024", "2024-01-08 10:00 MS\u212a"],
)  # fmt: skip
def test_a_word_before_digits_is_no_weekday_and_a_letter_like_k_no_zone(cell: str) -> None:
    assert not looks_like_date(cell)


@pytest.mark.parametrize(
    "cell", ["Mo. 12.05.2021", "Tue, 12/05/2021 10:00", "пт 2024-01-05", "mardi 12 mai 2021", "Fri, May 12 2021",
             "den 12.05.2021", "Mon Jan 01 08:05:09 +0000 2024", "2024-01-08 10:00 MSK"],
)  # fmt: skip
def test_the_days_of_the_week_are_passed_over(cell: str) -> None:
    assert looks_like_date(cell)


@pytest.mark.parametrize(
    ("cells", "is_number"),
    [
        (["9:45", "10:00:00", "11:30", "8:15:00"], False),
        (["9:45", "1:10:05", "11:30", "8:15"], True),
        (["9:45", "11:30", "8:15", "7:10"], True),
        (["9:45:00", "11:30:00", "8:15:00", "7:10:00"], True),
    ],
)
def test_hours_and_minutes_are_not_counted_as_seconds_beside_whole_clocks(cells: list[str], is_number: bool) -> None:
    assert (guess_kind(cells * 5, len(cells), 5 * len(cells), "time") == "number") == is_number
