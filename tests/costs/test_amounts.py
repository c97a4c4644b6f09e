"""Sums of money out of people's hands: read as they were meant, or refused with the spelling to use."""

from decimal import Decimal
from typing import Any

import pytest

from webapp.core.problems import Problem
from webapp.costs.amounts import decimal_of, plain_decimal_of


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("12.50", "12.50"),
        (" 12.5 ", "12.5"),
        ("12", "12"),
        ("0", "0"),
        (".5", "0.5"),
        ("$12.50", "12.50"),
        ("€ 3", "3"),
        ("1,234.50", "1234.50"),
        ("123,456.50", "123456.50"),
        ("999999.99", "999999.99"),
        ("１２．５０", "12.50"),
        (12.5, "12.5"),
        (0, "0"),
        (0.57 * 60, "34.2"),
        (Decimal("0.0000001"), "0.0000001"),
    ],
)
def test_it_is_read_as_it_was_meant(typed: Any, meant: str) -> None:
    assert decimal_of(typed, "The budget") == Decimal(meant)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("1,5", "Write 1.5, with a point."),
        ("12,50", "Write 12.50, with a point."),
        ("0,09", "Write 0.09, with a point."),
        ("1,234", "Write the one you mean."),
        ("1.234,50", "Write a number such as 12.50."),
        ("1,23,4.5", "Write a number such as 12.50."),
        ("1 234", "Write a number such as 12.50."),
        ("1'234", "Write a number such as 12.50."),
        ("", "Write a number such as 12.50."),
        ("a lot", "Write a number such as 12.50."),
        ("-1", "Write a number such as 12.50."),
        ("+1", "Write a number such as 12.50."),
        ("1e3", "Write a number such as 12.50."),
        ("NaN", "Write a number such as 12.50."),
        ("Infinity", "Write a number such as 12.50."),
        (True, "Write a number such as 12.50."),
        ("١٢", "Write a number such as 12.50."),
        ("9" * 300, "Write a number such as 12.50."),
        ("1000000", "Write a number below 1,000,000."),
        ("1.005", "Use at most 2 digits after the point."),
    ],
)
def test_it_is_refused_with_what_to_write(typed: Any, hint: str) -> None:
    with pytest.raises(Problem) as refused:
        decimal_of(typed, "The budget", places=2)
    assert refused.value.hint == hint


def test_what_can_be_read_in_two_ways_is_said_so() -> None:
    with pytest.raises(Problem, match=r"“1,234” can mean 1234 or 1\.234\."):
        decimal_of("1,234", "The budget")


@pytest.mark.parametrize(
    "sent", ["1,234.50", "$5", " 5", "5 ", "1,5", "５", "", None, True, float("nan"), float("inf"), "1e2", 1e-30, 1e-10]
)
def test_a_program_sends_a_plain_decimal(sent: Any) -> None:
    with pytest.raises(Problem):
        plain_decimal_of(sent, "The budget", places=2)


@pytest.mark.parametrize(("sent", "meant"), [("12.50", "12.50"), (12.5, "12.5"), (900, "900"), (0.1 + 0.2, "0.3")])
def test_a_program_is_read(sent: Any, meant: str) -> None:
    assert plain_decimal_of(sent, "The budget", places=2) == Decimal(meant)
