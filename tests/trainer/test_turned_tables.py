"""Tables whose fields are rows, and tables right below each other on a sheet: told apart from tables as they usually are."""

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import workbook
from tests.trainer.test_data_uploads import rows_of
from trainer.data.inspect import inspect
from trainer.data.tables.stacked import split_stacked
from trainer.data.tables.turned import turn_of
from trainer.json_types import JsonObject

Rows = list[list[Any]]
FIELDS: Rows = [
    ["name", *(f"customer {n}" for n in range(20))],
    ["age", *range(20, 40)],
    ["city", *(("Bern", "Rome", "Oslo")[n % 3] for n in range(20))],
    ["churned", *(("yes", "no")[n % 2] for n in range(20))],
]
PEOPLE: Rows = [["name", "amount", "city"], *[[f"person {n}", n * 1.5, ("Bern", "Rome")[n % 2]] for n in range(20)]]
GOODS: Rows = [["product", "weight", "colour"], *[[f"item {n}", n * 1.5 + 0.2, "red"] for n in range(9)]]


def as_text(rows: Rows) -> list[list[str | None]]:
    return [[None if cell is None else str(cell) for cell in row] for row in rows]


def csv(path: Path, rows: Rows) -> Path:
    path.write_text("\n".join(",".join(map(str, row)) for row in rows))
    return path


def sheet(path: Path, rows: Rows) -> Path:
    path.write_bytes(workbook({"S": rows}))
    return path


def reading(found: JsonObject, what: str) -> JsonObject:
    return next(entry for entry in found["reading"] if entry["what"] == what)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_rows_that_are_fields_are_turned_as_a_doubt(kind: str, tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", FIELDS) if kind == "csv" else sheet(tmp_path / "a.xlsx", FIELDS)
    found = inspect([path], tmp_path / "v1")
    assert (found["rows"], [column["name"] for column in found["columns"]]) == (20, ["name", "age", "city", "churned"])
    assert rows_of(tmp_path / "v1")[1] == {"name": "customer 1", "age": "21", "city": "Rome", "churned": "no"}
    told = reading(found, "fields")
    assert (told["chosen"], told["others"], told["doubt"]) == ("rows", ["columns"], True)
    assert told["preview"]["columns"] == ["name", "age", "city", "churned"]
    found = inspect([path], tmp_path / "v2", readings={"fields": "columns"})
    assert (found["rows"], reading(found, "fields")["others"]) == (3, ["rows"])


def test_any_small_table_is_turned_where_somebody_wants_it(tmp_path: Path) -> None:
    path = csv(tmp_path / "a.csv", [["x", "a", "b", "c"], ["p", 1, 2, 3], ["q", 4, 5, 6]])
    found = inspect([path], tmp_path / "v1", readings={"fields": "rows"})
    assert rows_of(tmp_path / "v1") == [{"x": name, "p": str(n), "q": str(n + 3)} for n, name in enumerate("abc", 1)]
    assert reading(found, "fields")["asked"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (FIELDS, 0.85),
        ([["text", *(f"a sentence {n}" for n in range(20))], ["label", *("ab" * 10)]], 0.8),
        ([["id", *range(9)], ["amount", *range(9)], ["status", *("open shut " * 9).split()[:9]]], 0.85),
        (PEOPLE, 0.0),
        ([["metric", "Jan", "Feb", "Mar", "Apr"], ["revenue", 1, 2, 3, 4], ["cost", 4, 5, 6, 7]], 0.0),
        ([["name", "q1", "q2", "q3", "comment"], *[[f"p{n}", 1, 2, 3, "fine"] for n in range(6)]], 0.0),
        ([["country", 2019, 2020, 2021], ["Peru", 1, 2, 3], ["Chad", 4, 5, 6]], 0.0),
    ],
    ids=["fields", "text and label", "numbers first", "people", "months", "survey", "years"],
)  # fmt: skip
def test_what_is_turned(rows: Rows, expected: float) -> None:
    assert turn_of(as_text(rows)) == expected


# Tables right below each other


@pytest.mark.parametrize("title", [[], [["Products of 2024"]]], ids=["bare", "with a title"])
def test_a_table_right_below_another_is_a_table_of_its_own(title: Rows, tmp_path: Path) -> None:
    path = sheet(tmp_path / "a.xlsx", PEOPLE + title + GOODS)
    found = inspect([path], tmp_path / "v1")
    assert (found["rows"], [column["name"] for column in found["columns"]]) == (20, PEOPLE[0])
    assert sum(entry["count"] for entry in found["left_out"]) == len(title + GOODS)
    other = reading(found, "sheet")["others"][0]
    found = inspect([path], tmp_path / "v2", readings={"sheet": other})
    assert (found["rows"], [column["name"] for column in found["columns"]]) == (9, GOODS[0])


@pytest.mark.parametrize(
    "rows",
    [
        PEOPLE + PEOPLE,
        [*PEOPLE, ["Bob", "unknown", "Paris"], *PEOPLE[1:]],
        [*PEOPLE, ["Bob", "on request", "Paris"], *[[f"late {n}", n, "Paris"] for n in range(9)]],
        [*PEOPLE, ["Bob", "on request", "Oslo"], *PEOPLE[1:]],
        [["text", "label", "note"], *[[f"text {n} of it", "ab"[n % 2], *(["see"] * (n > 9))] for n in range(20)]],
        [["who", "q1", "q2"], *[[f"p{n}", n, n] for n in range(9)], ["nobody", "skipped", "left"], *[[f"r{n}", n, n] for n in range(9)]],
    ],
    ids=["the header again", "a missing number", "sorted by city", "words for a number", "notes later", "words for numbers"],
)  # fmt: skip
def test_records_are_no_names(rows: Rows) -> None:
    assert list(split_stacked(as_text(rows), 0, len(rows))) == [(0, len(rows))]
