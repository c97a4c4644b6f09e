"""What a visitor types into the field of a number: sent as one where it is one, else as it is, for the model to refuse in words."""

import json
from typing import Any

import pytest

from trainer.families.table.rows import declared
from trainer.numerals import number_of
from webapp.endpoints.examples import typical
from webapp.runs.inputs import Field, field_of, of_text

NUMBER = Field("in-0", "age", "number", "age")
PRICE = {"name": "price", "kind": "number", "decimal": ",", "min": 0.5, "max": 1234.5, "typical": 12.345}


@pytest.mark.parametrize(
    ("typed", "sent"),
    [("41", 41.0), ("-0.5", -0.5), ("1e3", 1000.0), (" 7 ", 7.0), ("1e308", 1e308), ("0", 0.0)],
)
def test_a_number_is_sent_as_one(typed: str, sent: float) -> None:
    assert of_text(NUMBER, typed).value == sent
    assert of_text(NUMBER, typed).stored == typed


@pytest.mark.parametrize("typed", ["nan", "NaN", "inf", "-Infinity", "1e309", "many", "1,5", "0x10", "<b>"])
def test_what_is_none_is_sent_as_it_is(typed: str) -> None:
    """NaN had been sent as a number, which no JSON has: the model server answered with a fault."""
    value: Any = of_text(NUMBER, typed).value
    assert value == typed
    json.dumps(value, allow_nan=False)


def test_a_field_that_is_left_empty_is_missing_and_an_empty_text_is_a_text() -> None:
    assert of_text(NUMBER, "").value is None
    assert of_text(Field("in-1", "note", "line", "note"), "").value is None
    assert of_text(Field("text", "text", "text", "Text"), "").value == ""


@pytest.mark.parametrize("typed", ["1.200", "1.200,50", "1200,5", "41", "-0,5", "12.345"])
def test_what_is_typed_beside_decimal_commas_is_read_as_the_rows_were(typed: str) -> None:
    """“1.200” had been sent as 1.2."""
    field = field_of(0, declared(PRICE), single=False)
    assert of_text(field, typed).value == typed
    assert number_of(typed, ",") is not None


def test_a_column_with_decimal_commas_shows_its_numbers_so() -> None:
    """The example “12.345” would be read as twelve thousand."""
    field = field_of(0, declared(PRICE), single=False)
    assert field.value == "12,345"
    assert number_of(field.value, ",") == 12.345
    assert field.hint == "0,5 to 1234,5 in the rows"
    assert typical(field) == "12"
    assert typical(field_of(0, declared(PRICE | {"typical": 0.0123}), single=False)) == "0,012"


def test_an_artifact_that_does_not_say_its_mark_gets_what_is_typed() -> None:
    old = {name: fact for name, fact in declared(PRICE).items() if name != "decimal"}
    assert of_text(field_of(0, old, single=False), "1.234").value == "1.234"
    points = field_of(0, declared(PRICE | {"decimal": "."}), single=False)
    assert of_text(points, "1.234").value == 1.234
