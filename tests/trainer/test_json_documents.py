"""Forms of JSON that hold records: what pandas writes in any orientation is read back, pages and bulk files lose no record."""

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import table
from trainer.data.readings import Choices
from trainer.data.tables.json_forms import (
    feature_record,
    guess_orient,
    is_bulk,
    page_key,
    unfold_document,
    unwrap_lines,
    values_in,
    wrapper_key,
)
from trainer.data.tables.records import find_lists, find_rows, flatten, join_pages, nested_keys

FRAME = pd.DataFrame({"text": ["one", "two", "three", "four"], "label": ["a", "b", "a", "b"], "size": [1, 2, 3, 4]})
WANTED = FRAME.to_dict("records")


@pytest.mark.parametrize("orient", ["columns", "index"])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_what_pandas_writes_is_read_as_records(orient: Any, count: int) -> None:
    document = json.loads(FRAME[:count].to_json(orient=orient))
    records, readings = unfold_document(document, Choices(), "a.json")
    assert records == WANTED[:count]
    assert [(reading.what, reading.chosen) for reading in readings] == [("orient", orient)]


def test_split_and_records_need_no_question() -> None:
    records, readings = unfold_document(json.loads(FRAME.to_json(orient="split")), Choices(), "a.json")
    assert isinstance(records, list)
    assert (records[0], records[1:], readings) == (list(FRAME), FRAME.to_numpy().tolist(), [])
    document = json.loads(FRAME.to_json(orient="records"))
    assert unfold_document(document, Choices(), "a.json") == (document, [])


def test_the_other_orientation_is_obeyed_and_offered() -> None:
    document = json.loads(FRAME.to_json(orient="columns"))
    records, (reading,) = unfold_document(document, Choices({"orient": "index"}), "a.json")
    assert isinstance(records, list)
    assert [record["id"] for record in records] == ["text", "label", "size"]
    assert (reading.is_asked, [choice.value for choice in reading.others]) == (True, ["columns"])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some.dictionaries(some.text("abcxyz", min_size=1, max_size=5), some.integers(0, 9), min_size=3, max_size=8))
def test_records_under_their_ids_keep_ids_and_order(ids: dict[str, int]) -> None:
    document = {f"key {name}": {"count": count, "name": name} for name, count in ids.items()}
    records, _readings = unfold_document(document, Choices(), "a.json")
    assert records == [{"id": f"key {name}", "count": count, "name": name} for name, count in ids.items()]


@pytest.mark.parametrize(
    ("value", "orient"),
    [
        ({}, ""),
        ({"a": {"x": 1}}, ""),
        ({"a": {"x": 1}, "b": 5}, ""),
        ({"a": {"x": 1}, "b": {"y": 1}, "c": {"z": 1}}, ""),
        ({"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 2}}, ""),
        ({"a": {"0": 1, "1": 2}, "b": {"0": 1, "1": 2}}, "columns"),
        ({"0": {"a": 1}, "1": {"a": 2}}, "index"),
        ({f"r{n}": {"a": n, "b": n} for n in range(4)}, "index"),
        ({name: {f"k{n}": n for n in range(9)} for name in "ab"}, "columns"),
        ({name: {f"k{n}": [n] if n else "x" for n in range(9)} for name in "ab"}, ""),
        ({f"r{n}": {"rows": [{"a": 1}]} for n in range(4)}, ""),
    ],
)
def test_an_object_of_objects_is_a_table_or_none(value: dict[str, Any], orient: str) -> None:
    assert guess_orient(value) == orient


@pytest.mark.parametrize(
    ("feature", "record"),
    [
        ({"properties": {"name": "A"}, "geometry": {"type": "Point", "coordinates": [8.5, 47.4, 400]}}, {"name": "A", "longitude": 8.5, "latitude": 47.4}),
        ({"id": 7, "properties": None, "geometry": None}, {"id": 7}),
        ({"properties": {"a": 1}, "geometry": {"type": "Polygon", "coordinates": []}}, {"a": 1, "geometry": {"type": "Polygon", "coordinates": []}}),
        ({"properties": {}, "geometry": {"type": "Point", "coordinates": [1]}}, {"geometry": {"type": "Point", "coordinates": [1]}}),
        ("no feature", "no feature"),
    ],
)  # fmt: skip
def test_a_feature_is_its_properties_and_its_place(feature: Any, record: Any) -> None:
    assert feature_record(feature) == record


# Values one behind the other


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    some.lists(some.dictionaries(some.text(max_size=4), some.integers() | some.text(max_size=6))),
    some.sampled_from(["", "\n", ",\n", " , ", "\x1e", "\r\n\r\n"]),
)
def test_values_are_read_whatever_stands_between(values: list[Any], gap: str) -> None:
    assert values_in(gap.join(json.dumps(value) for value in values) + gap) == values


@pytest.mark.parametrize("text", ["{", '{"a": 1} x', '{"a": 1};{"a": 2}', "nope"])
def test_a_value_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        values_in(text)


# Lines


def unwrapped(lines: list[Any], **asked: str) -> tuple[list[Any], Any]:
    made = table("rows.jsonl")
    return [value for _number, value in unwrap_lines(enumerate(lines, 1), made, Choices(dict(asked)))], made


def test_pages_of_an_api_give_all_their_records() -> None:
    pages = [{"results": [{"id": 10 * page + n} for n in range(3)], "next": f"?page={page}"} for page in range(4)]
    records, made = unwrapped(pages)
    assert [record["id"] for record in records] == [10 * page + n for page in range(4) for n in range(3)]
    late = [{"results": [{"id": 1}], "next": ""}] * 500
    assert unwrapped([*late, {"other": 1}])[0][-1] is None, (
        "a later line that is not a page is refused by whoever reads"
    )
    assert made.readings[0].sentence == "4 pages of an API joined"


def test_instructions_of_a_bulk_file_are_counted_and_give_ids() -> None:
    lines = [line for n in range(5) for line in ({"index": {"_id": f"d{n}"}}, {"text": f"t{n}"})]
    records, made = unwrapped([*lines, {"delete": {"_id": "gone"}}, "broken", {"text": "own", "_id": "mine"}])
    assert records[:5] == [{"_id": f"d{n}", "text": f"t{n}"} for n in range(5)]
    assert records[5:] == ["broken", {"text": "own", "_id": "mine"}]
    assert (made.left_out[0].reason, made.left_out[0].count) == ("instructions", 6)


def test_records_inside_a_key_are_taken_out_unless_somebody_keeps_it() -> None:
    lines = [{"_index": "a", "_id": str(n), "_source": {"text": f"t{n}"}} for n in range(3)]
    records, made = unwrapped(lines)
    assert records == [{"_id": str(n), "text": f"t{n}"} for n in range(3)]
    assert (made.readings[0].chosen, made.readings[0].is_asked) == ("_source", False)
    records, made = unwrapped(lines, wrapper="keep")
    assert (records, made.readings[0].chosen, made.readings[0].is_asked) == (lines, "keep", True)


@pytest.mark.parametrize(
    ("records", "key"),
    [
        ([{"doc": {"a": 1}}, {"doc": {"a": 2}}], "doc"),
        ([{"doc": {"a": 1}}, {"doc": {"a": 2}, "at": 5}], ""),
        ([{"doc": {"a": 1}}, {"doc": 5}], ""),
        ([{"doc": {"a": 1}}], ""),
        ([{"meta": {"a": 1}}, {"meta": {"a": 2}}], ""),
        ([{}, {}], ""),
        ([], ""),
    ],
)
def test_a_wrapper_is_the_only_key_of_every_line(records: list[dict[str, Any]], key: str) -> None:
    assert wrapper_key(records) == key


@pytest.mark.parametrize(
    ("records", "page", "bulk"),
    [
        ([{"rows": [{"a": 1}], "next": None}], "rows", False),
        ([{"rows": [{"a": 1}]}], "", False),
        ([{"rows": [{"a": 1}], "more": [{"b": 1}], "next": 1}], "", False),
        ([{"index": {}}, {"a": 1}] * 3, "", True),
        ([{"index": {}}] * 6, "", False),
        ([{"index": {}}, {"a": 1}], "", False),
        ([], "", False),
    ],
)
def test_pages_and_bulk_files_are_known(records: list[dict[str, Any]], page: str, bulk: bool) -> None:
    assert (page_key(records), is_bulk(records)) == (page, bulk)


# Records at any depth


def test_of_several_lists_the_longest_comes_first_and_names_of_others_last() -> None:
    document = {
        "data": {"tickets": [{"a": 1}] * 2, "replies": [{"a": 1}] * 3},
        "users": [{"name": "x"}] * 9,
        "count": 2,
    }
    assert [path for path, _rows in find_lists(document)] == ["data.replies", "data.tickets", "users"]


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([], []),
        ({"a": [1, 2], "b": ["x", "y"]}, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ({"a": [1, 2], "b": ["x"]}, None),
        ({"a": [1, 2], "n": 5}, None),
        ({"rows": [{"a": 1}, "x", {"a": 2}]}, [{"a": 1}, "x", {"a": 2}]),
        ("text", None),
        (None, None),
    ],
)
def test_the_records_of_a_document(value: Any, rows: Any) -> None:
    assert find_rows(value) == rows


def test_pages_are_joined_only_where_all_of_them_are_pages() -> None:
    pages = [{"hits": [{"a": n}], "cursor": "x"} for n in range(3)]
    assert join_pages(pages) == [{"a": 0}, {"a": 1}, {"a": 2}]
    assert join_pages([*pages, {"hits": 5, "cursor": "x"}]) == [*pages, {"hits": 5, "cursor": "x"}]
    assert join_pages([]) == []


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    some.lists(
        some.dictionaries(
            some.sampled_from("abc"),
            some.dictionaries(some.sampled_from("xyz"), some.integers(), min_size=1) | some.none(),
            min_size=1,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_flattening_loses_no_field(rows: list[dict[str, Any]]) -> None:
    nested = nested_keys(rows)
    for row in rows:
        flat = flatten(row, nested)
        assert flat == {
            f"{key}.{inner}": cell for key, value in row.items() if value for inner, cell in value.items()
        } | {key: None for key, value in row.items() if value is None and key not in nested}
