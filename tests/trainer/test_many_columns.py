"""Tables of thousands of columns: quick, and read as a narrow table of the same cells is. Quick ways to tell a cell give what the slow
ones give."""

import random
import time
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from trainer.data.inspect import inspect
from trainer.data.privacy import find_personal_data, may_be_personal
from trainer.number_forms import digits_of, guess_form
from trainer.numeral_marks import is_bare, is_wordy
from trainer.numerals import (
    MONEY,
    NOTHING,
    common_number,
    is_nothing,
    number_of,
    range_ends,
    tail_of,
)

CELLS = some.text("0123456789.,-+ ()$%kM/:e<~½万٣ab@", min_size=1, max_size=10)
often = settings(max_examples=400, deadline=None, derandomize=True)


@often
@given(CELLS)
def test_bare_numbers_and_words_are_what_the_rules_make_of_them(cell: str) -> None:
    if is_bare(cell):
        assert number_of(cell) == common_number(cell, ".") == float(cell)
        assert (digits_of(cell), range_ends(cell), tail_of(cell)) == (cell, None, None)
        assert guess_form([cell, cell]) == {"decimal": ".", "unit": "", "ranges": False}
    if is_wordy(cell):
        assert all(number_of(cell, mark, unit, ranges=True) is None for mark in ".," for unit in ("", "kg", "/5"))
        assert common_number(cell, ".") is None
    assert is_nothing(cell) == (cell in NOTHING or MONEY.sub("", cell) in NOTHING)


@pytest.mark.parametrize(
    "cell",
    ["a@b.co", "+44 20 7946 0958", "02079460958", "4111 1111 1111 1111", "DE89370400440532013000", "SSN 123-45-6789",
     "SSN123456789", "8.8.8.8", "2001:db8::1", "Mr Smith called", "李伟 13800138000"],
)  # fmt: skip
def test_what_may_be_personal_is_looked_at(cell: str) -> None:
    assert may_be_personal("note", pa.chunked_array([["red", cell]]))


def test_short_words_and_numbers_are_not_looked_at_but_names_are() -> None:
    assert not may_be_personal("f_1", pa.chunked_array([["red", "-0.1234", "1999", None]]))
    assert find_personal_data("f_1", pa.chunked_array([["red", "-0.1234"]])) == {}
    assert may_be_personal("surname", pa.chunked_array([["Smith", "Jones"]]))


def test_a_table_of_hundreds_of_columns_is_read_in_seconds(tmp_path: Path) -> None:
    chosen = random.Random(0)
    kinds = (
        lambda: f"{chosen.gauss(0, 1):.3f}",
        lambda: str(chosen.randrange(5)),
        lambda: chosen.choice(("red", "blue")),
    )
    rows = [[kinds[place % 3]() for place in range(500)] for _row in range(60)]
    lines = [",".join(f"f_{place}" for place in range(500)), *(",".join(row) for row in rows)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    began = time.process_time()
    found = inspect([tmp_path / "a.csv"], tmp_path / "v1")
    assert time.process_time() - began < 12  # 2 s on a quiet machine: 4 ms a column
    assert [column["kind"] for column in found["columns"][:3]] == ["number", "number", "category"]
