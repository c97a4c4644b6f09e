"""What a visitor types into the field of a number: sent as one where it is one, else as it is, for the model to refuse in words."""

import json
from typing import Any

import pytest

from webapp.runs.inputs import Field, of_text

NUMBER = Field("in-0", "age", "number", "age")


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
