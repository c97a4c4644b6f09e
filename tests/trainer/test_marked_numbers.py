"""Marks behind numbers that only the whole column explains, bounds, times that are none, and months in six digits."""

from pathlib import Path

import pytest

from tests.trainer.test_several_files import read, reading
from trainer.columns import guess_kind
from trainer.data.dataset import Dataset
from trainer.dates import are_months, value_of
from trainer.number_forms import guess_form, guess_unit
from trainer.numeral_marks import APART, CREDIT, DEBIT, SMALL, bound_of, guess_mode
from trainer.numerals import number_of


@pytest.mark.parametrize(
    ("cells", "mode"),
    [
        (["1.5m", "2k", "870"], SMALL),
        (["$1.5m", "$870"], SMALL),
        (["1.5 m", "2 m", "3 m"], ""),
        (["5b", "3k"], SMALL),
        (["5b", "7"], SMALL),
        (["12.3 b", "12.1"], ""),
        (["1.00 CR", "5.50 DR"], CREDIT),
        (["1.00 Cr", "5.50"], CREDIT),
        (["5 cr", "7 cr"], ""),
        (["12 km", "3 m"], ""),
        (["3 kg", "2 k"], ""),
    ],
)
def test_the_marks_of_a_column_say_what_they_mean(cells: list[str], mode: str) -> None:
    assert guess_mode(cells) == mode


@pytest.mark.parametrize(
    ("cell", "unit", "number"),
    [
        ("1.5m", SMALL, 1_500_000), ("2k", SMALL, 2_000), ("1b", SMALL, 1e9), ("1.5m", "", None), ("3M", SMALL, 3e6),
        ("1,005.50 CR", CREDIT, 1005.5), ("5.50 Dr.", CREDIT, -5.5), ("5.50 DR", DEBIT, 5.5), ("(5.00) DR", CREDIT, 5.0),
        ("3:16", APART, None), ("3:16", "", 196), ("12.00", CREDIT, 12),
    ],
)  # fmt: skip
def test_a_cell_is_read_as_its_column_writes(cell: str, unit: str, number: float | None) -> None:
    assert number_of(cell, unit=unit) == number


@pytest.mark.parametrize(
    ("cell", "number"),
    [(">5", "5"), ("<= 0.1", "0.1"), ("≥10", "10"), ("65+", "65"), ("10 kg+", "10 kg"), ("+5", None), ("a > b", None), ("<b>5</b>", None)],
)  # fmt: skip
def test_bounds(cell: str, number: str | None) -> None:
    assert bound_of(cell) == number


@pytest.mark.parametrize(
    ("cell", "number"),
    [("~5", "5"), ("ca. 5 kg", "5 kg"), ("about 1,200", "1,200"), ("约 5", "5"), ("5~7", None), ("about it", None)],
)
def test_what_is_nearly_a_number(cell: str, number: str | None) -> None:
    assert bound_of(cell) == number


@pytest.mark.parametrize(
    ("cells", "unit", "numbers"),
    [
        (["1h 30m", "2h 5m", "45m", "3h"], "min", [90, 125, 45, 180]),
        (["2h15", "1h00"], "min", [135, 60]),
        (["90 min", "1 hr 20 min", "1:30:00", "1:30"], "min", [90, 80, 90, 90]),
        (["1 hour and 5 minutes", "2 Std. 3 Min."], "min", [65, 123]),
        (["PT15M33S", "PT2H", "P1D"], "s", [933, 7200, 86400]),
        (["45m", "2h"], "min", [45, 120]),
        (["1 hour", "30 seconds"], "s", [3600, 30]),
        (["2d 4h", "3 days"], "h", [52, 72]),
        (["5 ft 11 in", "6'0\"", "5'11\""], "in", [71, 72, 71]),
        (["2 kg 300 g", "1 kg 50 g"], "g", [2300, 1050]),
        (["-1h 30m", "2h 5m"], "min", [-90, 125]),
    ],
)  # fmt: skip
def test_quantities_in_several_units(cells: list[str], unit: str, numbers: list[float]) -> None:
    assert guess_unit(cells) == unit
    assert [number_of(cell, unit=unit) for cell in cells] == numbers


@pytest.mark.parametrize("cells", [["5m", "3d"], ["1y 2m", "2y 3m"], ["A1", "B2"], ["1h 30m", "a", "b"]])
def test_letters_that_are_no_times(cells: list[str]) -> None:
    assert guess_unit(cells) not in ("h", "min", "s", "days")


def test_the_unit_of_durations_is_told(tmp_path: Path) -> None:
    timed = "film,lasts,clock\n" + "".join(f"f{n},{n % 3}h {n}m,1:{n:02}:05\n" for n in range(10, 50))
    dataset = read(tmp_path, {"a.csv": timed})
    assert [(column["kind"], column.get("unit")) for column in dataset.profile[1:]] == [
        ("number", "min"),
        ("number", None),
    ]
    assert "all are read in min, “1h 10m” as 70" in str(reading(dataset, "unit:lasts")["sentence"])
    assert str(reading(dataset, "clocks:clock")["sentence"]).endswith("is read as 4205 s")


def test_nearly_a_number_is_told_as_ranges_are(tmp_path: Path) -> None:
    cells = [*map(str, range(20)), "~5", "about 7"]
    dataset = read(
        tmp_path, {"a.csv": "text,n\n" + "".join(f"words {n} of it,{cell}\n" for n, cell in enumerate(cells))}
    )
    told = reading(dataset, "ranges:n")
    assert (told["chosen"], told["others"], told["doubt"]) == ("middle", ["text"], True)
    assert next(column for column in dataset.profile if column["name"] == "n")["missing"] == 0


@pytest.mark.parametrize(
    "rows",
    [[f"{n},0,a text with some words {n}" for n in range(9)], [f"{n},0,{n * 0.5 + 1}" for n in range(9)]],
)
def test_a_constant_is_no_label(rows: list[str], tmp_path: Path) -> None:
    dataset = read(tmp_path, {"a.csv": "id,label,what\n" + "".join(f"{row}\n" for row in rows)})
    assert "label" not in dataset.roles.values()


@pytest.mark.parametrize("count", [1, 9])
def test_one_label_in_words_stays_the_label_so_that_its_person_is_told(count: int, tmp_path: Path) -> None:
    rows = "".join(f"words {n} about an order,late\n" for n in range(count))
    dataset = read(tmp_path, {"a.csv": "text,label\n" + rows})
    assert dataset.roles == {"text": "text", "label": "label"}


def test_bounds_are_told_as_ranges_are(tmp_path: Path) -> None:
    rows = "".join(f"{number},{cell}\n" for number, cell in enumerate([">5", "<0.1", "3", "2.5", "4", "1.5"] * 5))
    dataset = read(tmp_path, {"a.csv": "id,crp\n" + rows})
    told = reading(dataset, "ranges:crp")
    assert (told["chosen"], told["others"], told["doubt"]) == ("middle", ["text"], True)
    assert "bounds: “>5” is read as 5" in str(told["sentence"])
    assert guess_form(["<18", "18-25", "65+"])["ranges"] is False  # groups of ages are classes


@pytest.mark.parametrize(
    ("cells", "name", "expected"),
    [
        (["202401", "202402"], "month", True),
        (["202401", "202402"], "code", False),
        (["202401", "202413"], "month", False),
        ([f"{year}{month:02}" for year in (2023, 2024) for month in range(1, 13)] * 2, "x", True),
        (["100001", "202402"], "period", False),
    ],
)
def test_months_in_six_digits(cells: list[str], name: str, expected: bool) -> None:
    assert are_months(cells, name) == expected
    assert (guess_kind(cells, len(set(cells)), len(cells), name) == "date") == expected
    assert value_of("202402", "compact_month") == value_of("2024-02-01", "iso")


def column(folder: Path, name: str, cells: list[str], **asked: str) -> Dataset:
    return read(
        folder,
        {"a.csv": f"text,{name}\n" + "".join(f"a text of words {n},{cell}\n" for n, cell in enumerate(cells))},
        **asked,
    )


@pytest.mark.parametrize(
    ("name", "cells", "what", "chosen", "other", "is_doubt"),
    [
        ("verse", ["1:10", "3:16", "2:11", "4:12"] * 5, "clocks", "text", "seconds", True),
        ("mark", ["1:10", "3:16", "2:11", "4:12"] * 5, "clocks", "seconds", "text", True),
        ("duration", ["1:10", "3:16", "2:11", "4:12"] * 5, "clocks", "seconds", "text", False),
        ("amount", ["1.10 CR", "3.16 DR", "5.00 DR"] * 5, "signs", "credit", "debit", True),
        ("views", ["1.5m", "2k", "870", "12k"] * 5, "scales", "millions", "text", False),
        ("month", ["202401", "202402", "202403"] * 5, "dates", "compact_month", "number", False),
        ("day", ["20240101", "20240212", "20240331"] * 5, "dates", "compact", "number", False),
    ],
)
def test_each_meaning_is_told_and_the_other_can_be_chosen(
    name: str, cells: list[str], what: str, chosen: str, other: str, is_doubt: bool, tmp_path: Path
) -> None:
    told = reading(column(tmp_path / "a", name, cells), f"{what}:{name}")
    assert (told["chosen"], told["others"], told["doubt"]) == (chosen, [other], is_doubt)
    again = column(tmp_path / "b", name, cells, **{f"{what}:{name}": other})
    told = reading(again, f"{what}:{name}")
    assert (told["chosen"], told["others"], told["asked"]) == (other, [chosen], True)
