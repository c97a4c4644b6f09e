"""Sums between the records of a table are left out and told, and records never are."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_files import workbook
from tests.trainer.data_made import records, table
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.subtotals import Subtotals, named_row
from trainer.data.tables.table import Table

HEADER = ["region", "item", "amount", "pieces"]


def group(region: str, *amounts: float) -> list[list[str]]:
    return [[region, f"item {n}", f"{amount:g}", str(n + 1)] for n, amount in enumerate(amounts)]


def total(name: str, rows: list[list[str]]) -> list[str]:
    return [name, "", f"{sum(float(row[2]) for row in rows):g}", str(sum(int(row[3]) for row in rows))]


NORTH, SOUTH, EAST = group("North", 10.5, 20, 30), group("South", 5, 7, 9, 11), group("East", 1, 2)


def csv(folder: Path, rows: list[list[str]], **asked: str) -> Table:
    path = folder / "a.csv"
    path.write_text("\n".join(",".join(row) for row in [HEADER, *rows]) + "\n")
    return open_table(path, choices=Choices(asked))


def regions(read: Table) -> list[str | None]:
    return [row["region"] for row in records(read)]


ONLY = ["North"] * 3 + ["South"] * 4 + ["East"] * 2


@pytest.mark.parametrize(
    "name",
    ["Subtotal", "Sub-total:", "{} Total", "Total {}", "Total for {}", "Zwischensumme", "{} Ergebnis", "sous-total", "Somme {}", "小计", "{}汇总", "合计", "Итого", "Summe {}"],
)  # fmt: skip
def test_sums_of_groups_are_no_records(name: str, tmp_path: Path) -> None:
    groups = {"North": NORTH, "South": SOUTH, "East": EAST}
    rows = [row for region, cells in groups.items() for row in [*cells, total(name.format(region), cells)]]
    read = csv(tmp_path, [*rows, *group("West", 3, 4)])
    assert regions(read) == [*ONLY, "West", "West"]
    (left_out,) = read.left_out
    assert (left_out.reason, left_out.count, len(left_out.examples)) == ("subtotals", 3, 3)
    assert left_out.examples[0].startswith("line 5: ")
    (reading,) = [reading for reading in read.readings if reading.what == "subtotals"]
    assert (reading.chosen, [choice.value for choice in reading.others], reading.confidence) == (
        "leave-out",
        ["keep"],
        0.95,
    )
    assert str(reading.sentence).startswith("3 ")


def test_levels_of_sums(tmp_path: Path) -> None:
    both = [*NORTH, total("Subtotal North", NORTH), *SOUTH, total("Subtotal South", SOUTH)]
    rows = [*both, total("Total of the land", [*NORTH, *SOUTH]), *EAST, *group("West", *range(20))]
    assert regions(csv(tmp_path, rows)) == [*ONLY, *["West"] * 20]


def test_somebody_may_keep_them(tmp_path: Path) -> None:
    rows = [*NORTH, total("Subtotal", NORTH), *SOUTH, total("Subtotal", SOUTH), *EAST]
    read = csv(tmp_path, rows, subtotals="keep")
    assert len(regions(read)) == 11
    (reading,) = [reading for reading in read.readings if reading.what == "subtotals"]
    assert (reading.chosen, reading.is_asked, [choice.value for choice in reading.others]) == (
        "keep",
        True,
        ["leave-out"],
    )
    assert read.left_out == []


def test_a_subtotal_that_does_not_add_up_is_left_out_with_a_doubt(tmp_path: Path) -> None:
    rows = [*NORTH, ["Subtotal", "", "99", "9"], *SOUTH, *EAST]
    read = csv(tmp_path, rows)
    assert regions(read) == ONLY
    assert next(reading for reading in read.readings if reading.what == "subtotals").confidence == 0.8


@pytest.mark.parametrize(
    "row",
    [
        ["Total Wine", "shop", "99", "9"],
        ["Totally North", "", "60.5", "6"],
        ["Summer", "", "60.5", "6"],
        ["Total", "", "99", "9"],
        ["sum of parts", "a book", "12", "3"],
        ["Total", "", "0", "0"],
        ["a sentence that is much too long to name a sum and has the word total in it somewhere", "", "60.5", "6"],
        ["Total", "paid", "and", "closed"],
    ],
)
def test_records_with_such_words_stay(row: list[str], tmp_path: Path) -> None:
    read = csv(tmp_path, [*NORTH, row, *SOUTH, *EAST, *group("West", *range(20))])
    assert row[0] in regions(read)
    assert not [entry for entry in read.left_out if entry.reason == "subtotals"]


def test_numbers_with_decimal_commas(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "region;amount;item\nNorth;1,5;a\nNorth;1.002,25;b\nNorth Summe;1.003,75;\nSouth;1;c\nSouth;2,5;d\n"
    )
    assert regions(open_table(path)) == ["North", "North", "South", "South"]


def test_of_a_workbook(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        [*row[:2], float(row[2]), int(row[3])] for row in [*NORTH, total("x", NORTH), *SOUTH, *EAST]
    ]
    rows[3][0] = "North Total"
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook({"Sales": [HEADER, *rows]}))
    read = open_table(path)
    assert regions(read) == ONLY
    assert [(entry.reason, entry.count, entry.sheet) for entry in read.left_out] == [("subtotals", 1, "Sales")]


def test_a_group_that_begins_in_the_batch_before() -> None:
    finder = Subtotals(table("a.csv", region=[], item=[], amount=[], pieces=[]), Choices())
    first, lines = finder.drop([*NORTH, total("North total", NORTH), *SOUTH[:2]], list(range(6)))
    later, _lines = finder.drop([*SOUTH[2:], total("South total", SOUTH), *EAST], list(range(6, 11)))
    assert [row[0] for row in [*first, *later]] == ONLY
    assert (lines, finder.left_out.count) == ([0, 1, 2, 4, 5], 2)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(some.lists(some.lists(some.integers(1, 99), min_size=2, max_size=5), min_size=2, max_size=4))
def test_what_comes_in_is_kept_or_told(amounts: list[list[int]]) -> None:
    made = table("a.csv", region=[], item=[], amount=[], pieces=[])
    groups = [group(f"g{n}", *cells) for n, cells in enumerate(amounts)]
    rows = [row for cells in groups for row in [*cells, total("Subtotal", cells)]]
    kept, _numbers = Subtotals(made, Choices()).drop(rows, list(range(len(rows))))
    assert kept == [row for cells in groups for row in cells]
    assert len(kept) + made.left_out[0].count == len(rows)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (["Subtotal"], (0, True)),
        (["", None, "North total"], (2, False)),
        (["", "", "", "Total"], None),
        (["Totals"], (0, False)),
        (["Subtotally"], None),
        (["--- Total ---"], (0, False)),
        ([None], None),
    ],
)
def test_names(row: list[str | None], wanted: tuple[int, bool] | None) -> None:
    assert named_row(row) == wanted
