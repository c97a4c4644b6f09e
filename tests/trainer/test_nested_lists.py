"""Lists of objects inside records: kept, summarised or exploded, they lose no entry; held against pandas."""

import copy
import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import table
from trainer.data.readings import Choices
from trainer.data.tables.nested import (
    RECORD,
    cell_value,
    exploded,
    list_keys,
    number_fields,
    object_columns,
    pair_name,
    summarised,
    unfold_lists,
    with_pairs,
)
from trainer.data.tables.table import Table

ITEM = some.fixed_dictionaries(
    {
        "sku": some.sampled_from(["a", "b", "c"]),
        "price": some.sampled_from([1.5, 2, 3.25]),
        "count": some.integers(1, 9),
    }
)
ORDERS = some.lists(some.lists(ITEM, max_size=4), min_size=1, max_size=8)


def orders(items: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [{"order": f"o{n}", "items": entries} for n, entries in enumerate(items)]


def unfolded(rows: list[dict[str, Any]], ahead: int = 3, **asked: str) -> tuple[Table, list[dict[str, Any]]]:
    made = table("orders.json")
    rows = copy.deepcopy(rows)
    first, rest = unfold_lists(
        made, rows[:ahead], iter(rows[ahead:]), Choices({f"entries:{key}": way for key, way in asked.items()})
    )
    return made, [*first, *rest]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ORDERS)
def test_a_row_for_each_entry_is_what_pandas_explodes(items: list[list[dict[str, Any]]]) -> None:
    rows = list(exploded(orders(items), "items"))
    wanted = pd.DataFrame(orders(items)).explode("items", ignore_index=True)
    assert [row["order"] for row in rows] == wanted["order"].tolist()
    entries = [{name[6:]: cell for name, cell in row.items() if name.startswith("items.")} for row in rows]
    assert entries == [entry if isinstance(entry, dict) else {} for entry in wanted["items"]]
    assert [f"o{row[RECORD] - 1}" for row in rows] == [row["order"] for row in rows], "records are counted from one"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ORDERS)
def test_sums_and_counts_are_those_of_pandas(items: list[list[dict[str, Any]]]) -> None:
    for row, entries in zip(orders(items), items, strict=True):
        flat = summarised(row, "items", {"price", "count"})
        frame = pd.DataFrame(entries, columns=["sku", "price", "count"])
        assert flat["items.count"] == len(frame)
        assert flat.get("items.price.sum", 0) == pytest.approx(frame["price"].sum())
        assert flat.get("items.sku", "") == "; ".join(frame["sku"])
        assert "items" not in flat


@pytest.mark.parametrize("way", ["keep", "summarise", "explode"])
def test_each_way_is_obeyed_for_records_read_ahead_and_later_ones(way: str) -> None:
    rows = orders([[{"sku": "a", "price": n}] * 2 for n in range(8)])
    made, read = unfolded(rows, items=way)
    assert len(read) == {"keep": 8, "summarise": 8, "explode": 16}[way]
    assert made.group == (RECORD if way == "explode" else "")
    (reading,) = made.readings
    assert (reading.chosen, way in [choice.value for choice in reading.others]) == (way, False)
    assert len(reading.others) == 2
    if way == "summarise":
        assert [row["items.price.sum"] for row in read] == [2 * n for n in range(8)]


def test_unless_somebody_chooses_the_list_is_kept_with_a_doubt() -> None:
    rows = orders([[{"sku": "a"}], [{"sku": "b"}], []])
    made, read = unfolded(rows)
    assert read == rows
    assert (made.readings[0].chosen, made.readings[0].confidence) == ("keep", 0.7)


@pytest.mark.parametrize(
    "odd", ["free", {"amount": 3}, True, 10**400, [1], "1e999"], ids=lambda odd: type(odd).__name__
)
def test_a_later_amount_that_is_none_is_kept_as_it_is_written(odd: Any) -> None:
    rows = orders([[{"price": 1.5}], [{"price": 2.5}], [{"price": 3}, {"price": odd}]])
    _made, read = unfolded(rows, ahead=2, items="summarise")
    assert read[1]["items.price.sum"] == 2.5
    assert "items.price.sum" not in read[2]
    assert read[2]["items.price"].startswith(("3; ", "3\n\n"))


def test_amounts_that_no_float_holds_do_not_end_the_reading() -> None:
    _made, read = unfolded(orders([[{"price": 10**400}], [{"price": 1}]]))
    assert read == orders([[{"price": 10**400}], [{"price": 1}]])


@pytest.mark.parametrize(
    ("entries", "fields"),
    [
        ([{"price": 1, "id": 5}, {"price": 2.5}], {"price"}),
        ([{"price": "12.50"}, {"price": "3.00"}], {"price"}),
        ([{"price": "12"}, {"price": "13"}], set()),
        ([{"price": 1}, {"price": "a"}], set()),
        ([{"ok": True}], set()),
        ([{"price": None}, {"price": 1}], {"price"}),
        ([{"product_id": 1.5}], set()),
        ([], set()),
    ],
)
def test_fields_of_amounts_are_summed(entries: list[dict[str, Any]], fields: set[str]) -> None:
    assert number_fields(entries) == fields


def test_an_empty_list_and_none_at_all_are_told_apart() -> None:
    assert summarised({"items": []}, "items", set()) == {"items.count": 0}
    assert summarised({"items": None, "a": 1}, "items", set()) == {"a": 1}
    assert summarised({"items": "text"}, "items", set()) == {"items": "text"}


def test_long_texts_of_a_list_stand_in_paragraphs() -> None:
    flat = summarised(
        {"notes": [{"text": "short"}, {"text": "a text of more than forty characters in all"}]}, "notes", set()
    )
    assert flat["notes.text"] == "short\n\na text of more than forty characters in all"


def test_a_value_of_another_form_stays_a_row() -> None:
    rows = list(exploded([{"a": 1, "items": "none"}, {"a": 2, "items": [{"x": {"y": 5}}]}, {"a": 3}], "items"))
    assert rows == [
        {RECORD: 1, "a": 1, "items": "none"},
        {RECORD: 2, "a": 2, "items.x.y": 5},
        {RECORD: 3, "a": 3},
    ]


# Which lists


@pytest.mark.parametrize(
    ("rows", "keys"),
    [
        ([{"items": [{"a": 1}], "tags": ["x"]}], ["items"]),
        ([{"items": [{"a": 1}]}, {"items": ["x"]}], []),
        ([{"items": []}, {"items": None}], []),
        ([{"items": []}, {"items": [{"a": 1}]}], ["items"]),
        ([{"entities": [{"start": 1}], "messages": [{"role": "user"}]}], []),
        ([{"meta.spans": [{"start": 1}]}], []),
    ],
)
def test_lists_of_objects_are_found_but_for_those_that_mean_something_whole(
    rows: list[dict[str, Any]], keys: list[str]
) -> None:
    assert list_keys(rows) == keys


def test_labels_with_scores_are_no_list_to_unfold() -> None:
    rows = [{"out": [{"label": "good", "score": 0.9}, {"label": "bad", "score": 0.1}]}] * 4
    made, read = unfolded(rows)
    assert (read, made.readings) == (rows, [])


# Names with values


FIELDS = [{"id": 360, "value": "eu"}, {"id": 361, "value": None}]


def test_named_values_become_columns_of_their_names() -> None:
    rows = [{"ticket": n, "custom_fields": FIELDS} for n in range(5)]
    made, read = unfolded(rows)
    assert read == [{"ticket": n, "custom_fields.360": "eu", "custom_fields.361": None} for n in range(5)]
    assert made.readings == []


@pytest.mark.parametrize(
    ("entries", "name"),
    [
        (FIELDS * 3, "id"),
        ([{"name": "colour", "value": "red"}, {"name": "colour", "value": "blue"}] * 2, "name"),
        ([{"key": "a", "values": [1, 2]}] * 4, "key"),
        ([{"name": f"n{n}", "value": n} for n in range(9)], ""),
        ([{"name": "a", "value": 1, "unit": "kg", "at": 5}] * 4, ""),
        ([{"name": {"first": "a"}, "value": 1}] * 4, ""),
        ([{"name": "a"}] * 4, ""),
    ],
)
def test_a_list_of_named_values_is_known_by_names_that_come_again(entries: list[dict[str, Any]], name: str) -> None:
    assert pair_name(entries) == name


def test_a_name_that_comes_twice_in_a_record_is_two_columns() -> None:
    row = {"fields": [{"name": "a", "value": 1}, {"name": "a", "value": 2}], "fields.b": "own"}
    assert with_pairs(row, "fields", "name") == {"fields.b": "own", "fields.a": 1, "fields.a (2)": 2}


# JSON in cells


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (['{"a": 1}', '{"b": 2}', None, ""], {"x": False}),
        (['[{"a": 1}]', "[]"], {"x": True}),
        (['["a"]', '["b"]'], {}),
        (["{}", "{}"], {}),
        (['{"a": 1}', "plain text", "more text"], {}),
        (["{not JSON}", "{nor this}"], {}),
        (['{"start": [1], "text": ["a"]}'] * 3, {}),
        (["5", "6"], {}),
        ([None, ""], {}),
    ],
)
def test_columns_of_json_are_known_by_their_first_cells(cells: list[str | None], found: dict[str, bool]) -> None:
    assert object_columns(["x"], [cells]) == found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    some.recursive(
        some.none() | some.booleans() | some.integers() | some.text(),
        lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
        max_leaves=8,
    )
)
def test_a_cell_of_json_is_its_object_or_list(value: Any) -> None:
    assert cell_value(f" {json.dumps(value)} ") == (value if isinstance(value, dict | list) else None)
