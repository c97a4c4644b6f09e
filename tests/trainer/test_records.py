"""The records of a JSON document at any depth, pages of an API joined, nested objects under dotted names."""

import json
from pathlib import Path
from typing import Any

import pytest

from trainer.data.gathering import gather_rows
from trainer.data.tables.formats import open_table
from trainer.data.tables.records import find_lists, find_rows, flatten, nested_keys
from trainer.events import silent

ROWS: list[dict[str, Any]] = [{"id": n, "text": f"text {n}", "tags": [{"a": n}]} for n in range(5)]


@pytest.mark.parametrize(
    "document",
    [
        ROWS,
        {"tickets": ROWS, "next_page": None, "count": 5},
        {"response": {"data": {"items": ROWS}}, "ok": True},
        [{"items": ROWS[:3], "next": "u"}, {"items": ROWS[3:], "next": None}],
        {"users": ROWS[:1], "tickets": ROWS},
    ],
)
def test_records_are_found_wherever_they_are(document: Any) -> None:
    assert find_rows(document) == ROWS


def test_what_was_done_with_records_comes_behind_them() -> None:
    """As Trello exports a board."""
    board = {"actions": ROWS * 9, "labels": ROWS, "checklists": ROWS * 2, "lists": ROWS[:3], "cards": ROWS[:2]}
    assert [path for path, _rows in find_lists(board)] == ["cards", "actions", "checklists", "lists", "labels"]
    assert find_lists({"actions": ROWS, "users": ROWS * 2})[0][0] == "actions"


def test_a_record_that_holds_a_list_is_no_page() -> None:
    rows = [{"id": n, "url": "x", "fields": [{"id": 1}, {"id": 2}]} for n in range(4)]
    assert find_rows(rows) == rows


def test_objects_are_flattened_where_they_mean_nothing_as_a_whole() -> None:
    row = {
        "via": {"channel": "email", "from": {"name": "Ann"}},
        "answers": {"text": ["a"], "answer_start": [1]},
        "n": 1,
    }
    assert nested_keys([row, {"via": None}]) == {"via"}
    assert flatten(row, {"via"}) == {
        "via.channel": "email", "via.from.name": "Ann", "answers": row["answers"], "n": 1,
    }  # fmt: skip
    assert flatten({"via": None, "n": 2}, {"via"}) == {"n": 2}


def test_lists_that_were_not_read_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"users": ROWS[:2], "tickets": ROWS}))
    dataset, _parts = gather_rows([open_table(path)], [None], silent)
    assert (dataset.rows, [(entry["reason"], entry["count"]) for entry in dataset.left_out]) == (5, [("other_list", 2)])
