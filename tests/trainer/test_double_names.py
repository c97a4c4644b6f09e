"""Fields of one record that come to one column name: none is lost, and they are told."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import records, table
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.jsonrows import object_table
from trainer.data.tables.nested import exploded, summarised, with_pairs
from trainer.data.tables.records import flatten, free_name
from trainer.data.tables.table import Table

NAME = some.sampled_from(["a", "b", "A", "a.b", "b.a", "a.b.a", "a.b (2)"])
RECORD = some.recursive(
    some.integers(0, 99), lambda below: some.dictionaries(NAME, below, min_size=1, max_size=4), max_leaves=6
).filter(lambda value: isinstance(value, dict))


def read(rows: list[Any], **asked: str) -> Table:
    return object_table(table("a.json"), list(enumerate(rows, 1)), Choices(asked))


def numbers(value: Any) -> list[str]:
    """Every number in a value or in the JSON of a cell."""
    if isinstance(value, dict):
        return [leaf for cell in value.values() for leaf in numbers(cell)]
    if isinstance(value, str) and value[:1] == "{":
        return numbers(json.loads(value))
    return [] if value is None else [str(value)]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(some.lists(RECORD, min_size=1, max_size=3))
def test_no_value_of_a_record_is_lost(rows: list[dict[str, Any]]) -> None:
    kept = records(read(rows))
    assert [sorted(numbers(row)) for row in kept] == [sorted(numbers(row)) for row in rows]


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"a.b": 1, "a": {"b": 2}}, {"a.b": "1", "a.b (2)": "2"}),
        ({"a": {"b": 2}, "a.b": 1}, {"a.b (2)": "2", "a.b": "1"}),
        ({"a": {"b.c": 1, "b": {"c": 2}}}, {"a.b.c": "1", "a.b.c (2)": "2"}),
        ({"a": {"b": {"c": 2}, "b.c": 1}}, {"a.b.c (2)": "2", "a.b.c": "1"}),
        ({"Text": "x", "text": "y"}, {"Text": "x", "text": "y"}),
    ],
)
def test_both_values_are_kept_under_names_that_differ_and_told(row: dict[str, Any], wanted: dict[str, str]) -> None:
    made = read([row])
    assert records(made) == [wanted]
    (told,) = made.readings
    assert (told.what, told.chosen, told.others) == ("names", "apart", ())
    assert all(name in str(told.sentence) for name in wanted if "(2)" in name or "." not in name)


def test_the_field_with_the_dot_keeps_its_name_in_every_record_whatever_their_order() -> None:
    made = read([{"a.b": 1, "a": {"b": 2}}, {"a": {"b": 4}, "a.b": 3}])
    assert records(made) == [{"a.b": "1", "a.b (2)": "2"}, {"a.b": "3", "a.b (2)": "4"}]


def test_keys_that_differ_in_capitals_stay_one_column_where_no_record_has_both() -> None:
    made = read([{"Text": "x", "label": "a"}, {"text": "y", "Label": "b"}, {" TEXT": "z", "label": "c"}])
    assert [list(row.values()) for row in records(made)] == [["x", "a"], ["y", "b"], ["z", "c"]]
    assert made.readings == []


def test_a_third_spelling_goes_to_one_of_two_columns() -> None:
    made = read([{"Text": "x", "text": "y"}, {"TEXT": "z"}])
    assert records(made) == [{"Text": "x", "text": "y"}, {"Text": None, "text": "z"}]


def test_names_with_numbers_of_their_own_are_not_told() -> None:
    assert read([{"a": 1, "a (2)": 2}]).readings == []


def test_a_clash_after_the_columns_are_settled_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.data.tables.jsonrows.ROWS_AHEAD", 2)
    made = read([{"text": "x"}, {"text": "y"}, {"text": "z", "Text": "lost"}])
    assert [row["text"] for row in records(made)] == ["x", "y", "z"]
    assert made.late == {"Text": 1}


def test_names_of_lists_do_not_displace_the_record_s_own() -> None:
    row = {"items.count": 9, "items": [{"count": "many", "price": 1.5}], "items.price.sum": 7}
    short = summarised(row, "items", {"price"})
    assert short == {
        "items.count": 9,
        "items.price.sum": 7,
        "items.count (2)": 1,
        "items.count (3)": "many",
        "items.price.sum (2)": 1.5,
    }
    (long,) = exploded([{"items.sku": "own", "items": [{"sku": "x", "size": {"w": 1}}], "items.size.w": 3}], "items")
    assert {key: long[key] for key in long if "items" in key} == {
        "items.sku": "own",
        "items.size.w": 3,
        "items.sku (2)": "x",
        "items.size.w (2)": 1,
    }


def test_a_name_that_comes_twice_in_a_list_of_pairs_keeps_both_values() -> None:
    pairs = [{"name": "tag", "value": "x"}, {"name": "tag", "value": "y"}]
    assert with_pairs({"f": pairs}, "f", "name") == {"f.tag": "x", "f.tag (2)": "y"}


def test_free_names() -> None:
    assert free_name("a", {"b"}) == "a"
    assert free_name("a", {"a", "a (2)"}) == "a (3)"
    assert flatten({"a": {"b": {}}, "a.b": 1}, {"a"}) == {"a.b (2)": None, "a.b": 1}


def test_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"a.b": 1, "a": {"b": 2}}] * 3))
    assert records(open_table(path)) == [{"a.b": "1", "a.b (2)": "2"}] * 3
