"""How the cells of a column are written: which questions a column puts, what is answered without being asked, and how sure."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.trainer.data_made import dataset
from trainer.columns import ColumnProfile
from trainer.data.cells import parse_dates, parse_numbers
from trainer.data.column_readings import questions_of, read_columns
from trainer.data.dataset import Dataset
from trainer.data.readings import Choices
from trainer.errors import SpecError
from trainer.numerals import form_of

EPOCH = [str(1_700_000_000 + 1_000 * n) for n in range(20)]


def read(cells: list[str], name: str = "x", **asked: str) -> tuple[Dataset, ColumnProfile, dict[str, Any]]:
    """(the dataset, the column's profile, {question: its reading}) of cells that come again until there are forty rows."""
    times = -(-40 // len(cells))
    made = dataset(**{name: cells * times, "label": [f"l{n // 2 % 2}" for n in range(len(cells) * times)]})
    read_columns(made, Choices({f"{question}:{name}": choice for question, choice in asked.items()}))
    profile = next(column for column in made.profile if column["name"] == name)
    return (
        made,
        profile,
        {reading["what"].partition(":")[0]: reading for reading in made.readings if reading["column"] == name},
    )


# Decimal marks


@pytest.mark.parametrize(
    ("cells", "chosen", "other", "confidence"),
    [
        (["1.234", "2.500", "3.125"], "point", "comma", 0.5),
        (["1,200", "2,300", "15,000"], "point", "comma", 0.85),
        (["1,5", "2,25", "3,5", "7"], "comma", "point", 1.0),
    ],
)
def test_numbers_that_two_marks_explain_are_a_doubt(
    cells: list[str], chosen: str, other: str, confidence: float
) -> None:
    _made, _profile, readings = read(cells)
    reading = readings["decimal"]
    assert (reading["chosen"], reading["others"]) == (chosen, [other])
    assert (reading["confidence"], reading["doubt"]) == (confidence, confidence < 0.9)


@pytest.mark.parametrize("cells", [["1.5", "2.25", "13.5"], ["1", "2", "3"], ["-3", "4e5", "1e-3"]])
def test_numbers_that_one_mark_alone_explains_put_no_doubt(cells: list[str]) -> None:
    _made, _profile, readings = read(cells)
    assert "decimal" not in readings


@pytest.mark.parametrize(("mark", "number"), [("point", 1.234), ("comma", 1234.0)])
def test_the_mark_that_was_asked_for_is_obeyed_and_sure(mark: str, number: float) -> None:
    made, profile, readings = read(["1.234", "2.500", "3.125"], decimal=mark)
    assert parse_numbers(made.column("x"), **form_of(profile))[0].as_py() == number
    assert (readings["decimal"]["asked"], readings["decimal"]["confidence"]) == (True, 1.0)
    assert readings["decimal"]["preview"]["rows"][0] == ["1.234", f"{number:.15g}"]


def test_previews_show_both_ways_of_reading_the_same_cells() -> None:
    _made, _profile, readings = read(["1.234", "2.500", "3.125"])
    (choice,) = readings["decimal"]["choices"]
    assert [row[0] for row in choice["preview"]["rows"]] == ["1.234", "2.500", "3.125"]
    assert [row[1] for row in choice["preview"]["rows"]] == ["1234", "2500", "3125"]


# Dates


@pytest.mark.parametrize(
    ("cells", "chosen", "confidence"),
    [
        (["03/04/2024", "05/06/2024"], "day_first", 0.5),
        (["03/04/2024", "25/06/2024"], "day_first", 1.0),
        (["03/04/2024", "05/25/2024"], "month_first", 1.0),
    ],
)
def test_a_day_above_twelve_settles_the_order(cells: list[str], chosen: str, confidence: float) -> None:
    _made, profile, readings = read(cells)
    assert profile["kind"] == "date"
    assert (readings["dates"]["chosen"], readings["dates"]["confidence"]) == (chosen, confidence)


@pytest.mark.parametrize(("order", "month"), [("day_first", 4), ("month_first", 3)])
def test_the_order_that_was_asked_for_is_obeyed(order: str, month: int) -> None:
    made, profile, readings = read(["03/04/2024", "05/06/2024"], dates=order)
    seconds = parse_dates(made.column("x"), profile["form"])
    assert seconds is not None
    assert datetime.fromtimestamp(seconds[0], UTC).month == month
    assert readings["dates"]["preview"]["rows"][0] == ["03/04/2024", f"2024-{month:02}-0{7 - month}"]


@pytest.mark.parametrize(
    "cells", [["2024-04-03", "2024-05-06"], ["03.04.2024", "05.06.2024"], ["3 April 2024", "6 May 2024"]]
)
def test_dates_in_one_order_only_put_no_question(cells: list[str]) -> None:
    _made, profile, readings = read(cells)
    assert (profile["kind"], readings) == ("date", {})


@pytest.mark.parametrize(
    ("name", "cells", "counted", "day"),
    [
        ("created_at", EPOCH, "epoch", "2023-11-14 22:13:20"),
        ("created_at", [f"{cell}000" for cell in EPOCH], "epoch_ms", "2023-11-14 22:13:20"),
        ("date", [str(45_000 + n) for n in range(20)], "excel", "2023-03-15"),
    ],
)
def test_numbers_that_may_be_dates_stay_numbers_with_the_date_beside(
    name: str, cells: list[str], counted: str, day: str
) -> None:
    _made, profile, readings = read(cells, name)
    reading = readings["dates"]
    assert (profile["kind"], reading["chosen"], reading["others"], reading["doubt"]) == (
        "number",
        "number",
        [counted],
        True,
    )
    assert f"“{cells[0]}” could be the date {day}" in reading["sentence"]
    _made, profile, readings = read(cells, name, dates=counted)
    assert (profile["kind"], readings["dates"]["others"]) == ("date", ["number"])
    assert readings["dates"]["preview"]["rows"][0] == [cells[0], day]


def test_the_same_numbers_under_another_name_are_no_dates() -> None:
    _made, _profile, readings = read(EPOCH, "price")
    assert "dates" not in readings


# Units and ranges


def test_several_units_are_read_in_the_commonest_and_one_that_was_turned_is_shown() -> None:
    made, profile, readings = read(["5 kg", "3000 g", "2 kg", "1 kg"])
    assert profile["unit"] == "kg"
    assert parse_numbers(made.column("x"), **form_of(profile)).to_pylist()[:4] == [5.0, 3.0, 2.0, 1.0]
    assert "“3000 g” as 3" in readings["unit"]["sentence"]
    assert read(["5 kg", "3 kg"])[2]["unit"]["sentence"] == "“x” is read in kg"


@pytest.mark.parametrize(("choice", "kind"), [(None, "category"), ("text", "category"), ("middle", "number")])
def test_a_column_of_ranges_is_text_until_somebody_asks_for_the_middle(choice: str | None, kind: str) -> None:
    made, profile, readings = read(["10-20", "20-30", "30-40"], **({"ranges": choice} if choice else {}))
    assert profile["kind"] == kind
    assert (readings["ranges"]["chosen"], readings["ranges"]["doubt"]) == (choice or "text", choice is None)
    if choice == "middle":
        assert parse_numbers(made.column("x"), **form_of(profile)).to_pylist()[:3] == [15.0, 25.0, 35.0]


def test_one_range_among_numbers_is_its_middle() -> None:
    made, profile, readings = read(["10-20", *map(str, range(5, 40))])
    assert (profile["kind"], readings["ranges"]["chosen"]) == ("number", "middle")
    assert parse_numbers(made.column("x"), **form_of(profile))[0].as_py() == 15.0


# Whose questions


def test_a_column_of_words_puts_no_question() -> None:
    made, profile, readings = read(["red", "green", "blue"])
    assert (questions_of(profile, made), readings) == ({}, {})


def test_columns_of_pictures_put_none_and_measures_of_them_are_not_doubted() -> None:
    made = dataset(
        image=[f"{n}.png" for n in range(40)],
        width=["1.234"] * 20 + ["2.500"] * 20,
        size=["1.234"] * 20 + ["2.500"] * 20,
    )
    made.kinds = {"image": "image"}
    read_columns(made, Choices())
    assert [reading["column"] for reading in made.readings] == ["size"]


def test_a_choice_of_one_column_leaves_the_others() -> None:
    made = dataset(x=["1.234", "2.500"] * 20, y=["1.234", "2.500"] * 20, label=["a", "b"] * 20)
    read_columns(made, Choices({"decimal:y": "comma"}))
    profiles = {column["name"]: column.get("decimal", ".") for column in made.profile}
    assert (profiles["x"], profiles["y"]) == (".", ",")
    assert [(reading["column"], reading["doubt"]) for reading in made.readings] == [("x", True), ("y", False)]


def test_another_choice_is_refused_with_those_of_the_question() -> None:
    with pytest.raises(SpecError) as refused:
        read(["1.234", "2.500", "3.125"], decimal="both")
    assert refused.value.hint == "Choose one of: point, comma."
