"""Written conditions: what they say of a row, and what is refused."""

import pytest

from trainer.conditions import DEEPEST, LONGEST, parse
from trainer.errors import UserError
from trainer.numerals import NumberForm

FORMS: dict[str, NumberForm] = {
    "age": {},
    "city": {},
    "net income": {},
    "price": {"decimal": ","},
    "and so on": {},
    "größe": {},
}
ROW = {"age": "24", "city": " Bonn ", "net income": "1,200", "price": "3,50", "and so on": "x", "größe": "1.0"}


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("age < 25", True),
        ("age<=24", True),
        ("age > 24", False),
        ("age >= 24.0", True),
        ("age == 24", True),
        ("age = 24", True),
        ("age != 24", False),
        ("age <> 25", True),
        ("age < -5", False),
        ("age < .5", False),
        ('city == "Bonn"', True),
        ("city == 'Bonn'", True),
        ("city == Bonn", True),
        ('city != "Köln"', True),
        ('"city" == "Bonn"', True),
        ("`net income` == 1200", True),
        ("`and so on` == x", True),
        ("price < 3.6", True),
        ("price > 3.4 and price < 3.6", True),
        ("größe == 1", True),
        ("größe == '1'", True),
        ("not age < 25", False),
        ("NOT (age < 25)", False),
        ("age < 20 or city == Bonn", True),
        ("age < 20 and city == Bonn", False),
        ("age < 20 and city == Bonn or age == 24", True),
        ("age == 24 or age < 20 and city == Köln", True),
        ("(age == 24 or age < 20) and city == Köln", False),
        ("city < 5", None),
    ],
)
def test_what_it_says_of_a_row(text: str, truth: bool | None) -> None:
    assert parse(text, FORMS).holds(ROW) is truth


@pytest.mark.parametrize("cell", ["", " ", "NaN", "n/a", None])
@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("age < 25", None),
        ("age == 25", None),
        ("age != 25", None),
        ("not age < 25", None),
        ("age < 25 or city == Bonn", True),
        ("age < 25 or city == Köln", None),
        ("age < 25 and city == Köln", False),
        ("age < 25 and city == Bonn", None),
    ],
)
def test_a_missing_cell_decides_nothing(text: str, truth: bool | None, cell: str | None) -> None:
    assert parse(text, FORMS).holds({"age": cell, "city": "Bonn"}) is truth


def test_the_columns_that_it_reads() -> None:
    assert parse("age < 25 and (city == a or age > 3)", FORMS).columns == ("age", "city")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_condition"),
        ("   ", "bad_condition"),
        ("age", "bad_condition"),
        ("age <", "bad_condition"),
        ("< 25", "bad_condition"),
        ("age < 25 25", "bad_condition"),
        ("age < 25 and", "bad_condition"),
        ("(age < 25", "bad_condition"),
        ("age < 25)", "bad_condition"),
        ("age < 25; drop table rows", "bad_condition"),
        ("age < young", "bad_condition"),
        ("age == __import__('os').system('id')", "bad_condition"),
        ("not", "bad_condition"),
        ('city == "Bonn', "bad_condition"),
        ("height < 5", "unknown_column"),
        ("`no such` == 1", "unknown_column"),
        ("age < 25 or height == 5", "unknown_column"),
        ("(" * (DEEPEST + 2) + "age < 25" + ")" * (DEEPEST + 2), "bad_condition"),
        ("not " * (DEEPEST + 2) + "age < 25", "bad_condition"),
        ("age < 25" + " " * LONGEST, "bad_condition"),
        ("(" * LONGEST, "bad_condition"),
    ],
)
def test_what_is_refused(text: str, code: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(text, FORMS)
    assert refused.value.code == code
    assert refused.value.hint


def test_a_long_one_of_many_parts_is_read_at_once() -> None:
    text = " or ".join(["age==1"] * 50)
    assert len(text) < LONGEST
    assert parse(text, FORMS).holds(ROW) is False
