"""A first column that names each group in its first row alone: filled down where that is clear, offered where it is likely."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import records, table
from trainer.data.intake import read_files
from trainer.data.readings import Choices
from trainer.data.tables.outlines import fill_outline, outline_of
from trainer.data.tables.table import Table
from trainer.errors import SpecError

Cells = list[str | None]


def outline(*sizes: int) -> Cells:
    return [cell for number, size in enumerate(sizes) for cell in [f"group {number}", *[None] * (size - 1)]]


def read(groups: Cells, batch_rows: int = 1000, form: str = "csv", **asked: str) -> Table:
    count = len(groups)
    made = table("a.csv", batch_rows, region=groups, item=[f"i{n}" for n in range(count)], sold=["3"] * count)
    made.format = form
    return fill_outline(made, Choices({f"outline:{name}": way for name, way in asked.items()}))


def regions(made: Table) -> Cells:
    return [row["region"] for row in records(made)]


@pytest.mark.parametrize("empty", [None, "", "  "])
@pytest.mark.parametrize("batch_rows", [1000, 9])
def test_a_clear_outline_is_filled_down_with_a_doubt(empty: str | None, batch_rows: int) -> None:
    made = read([cell or empty for cell in outline(3, 4, 2, 5)], batch_rows)
    assert regions(made) == ["group 0"] * 3 + ["group 1"] * 4 + ["group 2"] * 2 + ["group 3"] * 5
    (reading,) = made.readings
    assert (reading.what, reading.column, reading.chosen, reading.confidence) == ("outline", "region", "fill-down", 0.8)
    assert [choice.value for choice in reading.others] == ["keep"]
    assert reading.preview is not None
    assert reading.preview["rows"][1][0] == "group 0"


def test_a_likely_one_is_offered_and_left_as_it_is() -> None:
    groups = outline(1, 3, 1, 4, 1, 3)
    made = read(groups)
    assert regions(made) == groups
    (reading,) = made.readings
    assert (reading.chosen, [choice.value for choice in reading.others], reading.is_asked) == (
        "keep",
        ["fill-down"],
        False,
    )


def test_somebody_decides() -> None:
    groups = outline(3, 4, 2)
    assert regions(read(groups, region="keep")) == groups
    assert None not in regions(read(outline(1, 3, 1, 4, 1, 3), region="fill-down"))
    with pytest.raises(SpecError):
        read(groups, region="sideways")


@pytest.mark.parametrize(
    "groups",
    [
        ["north", None, None, "south", None, "north", None, None],
        [None, "north", None, None, "south", None, None],
        ["north", "south", "east", "west", None],
        ["north", None, None, None],
        ["x"] * 8,
        ["a name which is much too long for the name of any group of rows", None, None, "south", None, None, "e", None],
        [],
    ],
    ids=["again", "late", "full", "one", "all", "long", "none"],
)
def test_gaps_of_other_kinds_stay(groups: Cells) -> None:
    made = read(groups)
    assert (regions(made), made.readings) == (groups, [])


def test_gaps_in_other_columns_are_no_outline() -> None:
    cells: list[Cells] = [outline(3, 4, 2), ["x", None] * 4 + ["x"]]
    assert not outline_of(cells).is_likely


def test_json_and_tables_of_one_column_are_left_alone() -> None:
    assert read(outline(3, 4, 2), form="json").readings == []
    alone = table("a.csv", region=outline(3, 4, 2))
    assert fill_outline(alone, Choices()).readings == []


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.lists(some.integers(2, 6), min_size=3, max_size=8))
def test_each_row_gets_the_name_above_it_and_none_is_lost(sizes: list[int]) -> None:
    filled = regions(read(outline(*sizes)))
    assert filled == [f"group {number}" for number, size in enumerate(sizes) for _row in range(size)]


def test_of_a_file(tmp_path: Path) -> None:
    rows = [(f"region {n // 5}" if n % 5 == 0 else "", f"a note about sale {n}", str(n)) for n in range(40)]
    path = tmp_path / "a.csv"
    path.write_text("region,note,sold\n" + "".join(",".join(row) + "\n" for row in rows))
    made = read_files([path])
    assert made.table.column("region").to_pylist() == [f"region {n // 5}" for n in range(40)]
    assert "outline:region" in [entry["what"] for entry in made.readings if entry["doubt"]]
