"""JSON as programs write it: data frames, records under ids, GeoJSON, values one behind the other, wrapped lines, lists in records."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from trainer.data.gathering import gather_rows
from trainer.data.readings import Choices
from trainer.data.tables.formats import open_table
from trainer.data.tables.jsonrows import convert_table
from trainer.data.tables.table import Table
from trainer.events import silent

ROWS: list[dict[str, Any]] = [{"text": f"message {n} of a client", "label": "ab"[n % 2], "n": n} for n in range(12)]
PLAIN = [{key: str(value) for key, value in row.items()} for row in ROWS]


def read(
    folder: Path, content: str, name: str = "a.json", **asked: str
) -> tuple[Table, list[dict[str, Any]], list[dict[str, Any]]]:
    """The table, its rows, and what was left out."""
    (folder / name).write_text(content, "utf-8")
    choices = Choices({key.replace("__", ":"): value for key, value in asked.items()})
    table = convert_table(open_table(folder / name, choices=choices), choices)
    dataset, _parts = gather_rows([table], [None], silent)
    choices.check_used()
    return table, dataset.table.to_pylist(), dataset.left_out


def columns_of(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {key: {str(n): row[key] for n, row in enumerate(rows)} for key in rows[0]}


FORMS: dict[str, str] = {
    "pandas columns": json.dumps(columns_of(ROWS)),
    "pandas index": json.dumps({str(n): row for n, row in enumerate(ROWS)}),
    "pandas split": json.dumps({"columns": list(ROWS[0]), "index": list(range(12)), "data": [list(row.values()) for row in ROWS]}),
    "pandas table": json.dumps({"schema": {"fields": []}, "data": ROWS}),
    "pandas list": json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}),
    "one behind the other": "".join(json.dumps(row, indent=1) for row in ROWS),
    "on one line": " ".join(map(json.dumps, ROWS)),
    "record separators": "".join(f"\x1e{json.dumps(row)}\n" for row in ROWS).lstrip("\x1e"),
    "pages": json.dumps([{"items": ROWS[:5], "next": "u"}, {"items": ROWS[5:], "next": None}]),
    "pages as lines": "\n".join(json.dumps({"items": part, "has_more": True}) for part in (ROWS[:5], ROWS[5:])),
    "pages one behind the other": "\n".join(json.dumps({"items": part, "next": "u"}, indent=1) for part in (ROWS[:5], ROWS[5:])),
    "wrapped lines": "\n".join(json.dumps({"ticket": row}) for row in ROWS),
    "pages by number": json.dumps([{"page": 1, "results": ROWS[:5]}, {"page": 2, "results": ROWS[5:]}]),
    "edges of GraphQL": json.dumps({"data": {"all": {"edges": [{"cursor": "x", "node": row} for row in ROWS], "pageInfo": {}}}}),
    "cells of a spreadsheet": json.dumps({"range": "A1:C13", "values": [list(ROWS[0]), *(list(row.values()) for row in ROWS)]}),
    "BigQuery": json.dumps({"schema": {"fields": [{"name": key} for key in ROWS[0]]}, "rows": [{"f": [{"v": cell} for cell in row.values()]} for row in ROWS]}),
    "Trino": json.dumps({"columns": [{"name": key, "type": "varchar"} for key in ROWS[0]], "data": [list(row.values()) for row in ROWS]}),
    "DynamoDB": json.dumps({"Items": [{"text": {"S": row["text"]}, "label": {"S": row["label"]}, "n": {"N": str(row["n"])}} for row in ROWS], "Count": 12}),
    "MongoDB": "\n".join(json.dumps(row | {"n": {"$numberLong": str(row["n"])}}) for row in ROWS),
    "lists of cells": json.dumps([list(ROWS[0]), *(list(row.values()) for row in ROWS)]),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_same_records_in_other_forms(form: str, tmp_path: Path) -> None:
    _table, rows, left_out = read(tmp_path, FORMS[form])
    assert (rows, left_out) == (PLAIN, [])


def test_records_under_their_ids_keep_them(tmp_path: Path) -> None:
    table, rows, _left_out = read(tmp_path, json.dumps({f"t-{n}": row for n, row in enumerate(ROWS)}))
    assert rows == [{"id": f"t-{n}"} | row for n, row in enumerate(PLAIN)]
    assert [(reading.what, reading.chosen) for reading in table.readings] == [("orient", "index")]
    _table, rows, _left_out = read(
        tmp_path, json.dumps({f"t-{n}": row for n, row in enumerate(ROWS)}), orient="columns"
    )
    assert [row["id"] for row in rows] == ["text", "label", "n"]


def test_elasticsearch_as_it_is_dumped_and_loaded(tmp_path: Path) -> None:
    hits = "\n".join(
        json.dumps({"_index": "t", "_id": f"x{n}", "_score": 1, "_source": row}) for n, row in enumerate(ROWS)
    )
    wanted = [{"_id": f"x{n}"} | row for n, row in enumerate(PLAIN)]
    assert read(tmp_path, hits)[1] == wanted
    bulk = "\n".join(
        json.dumps({"index": {"_index": "t", "_id": f"x{n}"}}) + "\n" + json.dumps(row) for n, row in enumerate(ROWS)
    )
    _table, rows, left_out = read(tmp_path, bulk)
    assert (rows, [(entry["reason"], entry["count"]) for entry in left_out]) == (wanted, [("instructions", 12)])
    _table, rows, _left_out = read(tmp_path, FORMS["wrapped lines"], wrapper="keep")
    assert set(rows[0]) == {"ticket.text", "ticket.label", "ticket.n"}


def test_geojson_is_a_row_a_feature(tmp_path: Path) -> None:
    features: list[dict[str, Any]] = [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [8.5 + n, 47.4]}, "properties": row}
        for n, row in enumerate(ROWS)
    ]
    features[3]["geometry"] = {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
    _table, rows, _left_out = read(
        tmp_path, json.dumps({"type": "FeatureCollection", "features": features}), "a.geojson"
    )
    assert rows[1] == PLAIN[1] | {
        "longitude": "9.5",
        "latitude": "47.4",
        "geometry.type": None,
        "geometry.coordinates": None,
    }
    assert json.loads(rows[3]["geometry.coordinates"]) == [[1, 2], [3, 4]]


def test_of_several_lists_the_records_are_chosen_and_others_offered(tmp_path: Path) -> None:
    document = json.dumps({"tickets": ROWS, "users": [{"id": n, "name": "Ann"} for n in range(40)], "count": 12})
    table, rows, left_out = read(tmp_path, document)
    assert (rows, [(entry["reason"], entry["count"]) for entry in left_out]) == (PLAIN, [("other_list", 40)])
    assert [(r.what, r.chosen, [c.value for c in r.others]) for r in table.readings] == [
        ("records", "tickets", ["users"])
    ]
    _table, rows, left_out = read(tmp_path, document, records="users")
    assert (len(rows), left_out[0]["count"]) == (40, 12)


ORDERS = [
    {
        "id": n,
        "customer": {"city": "Bern"},
        "note_attributes": [{"name": "gift", "value": "yes"}, {"name": "slot", "value": f"{n % 3}"}],
        "line_items": [{"title": f"Lamp {k}", "price": "4.50", "quantity": k + 1} for k in range(n % 3)],
    }
    for n in range(12)
]


def test_an_order_is_a_row_or_its_items_are(tmp_path: Path) -> None:
    content = json.dumps({"orders": ORDERS})
    table, rows, _left_out = read(tmp_path, content)
    reading = next(reading for reading in table.readings if reading.what == "entries")
    assert (reading.column, reading.chosen, reading.confidence < 0.9) == ("line_items", "keep", True)
    assert {choice.value: len((choice.preview or {})["rows"]) for choice in reading.others} == {
        "summarise": 3,
        "explode": 3,
    }
    assert (len(rows), rows[2]["note_attributes.slot"], json.loads(rows[2]["line_items"])[1]["title"]) == (
        12,
        "2",
        "Lamp 1",
    )
    _table, rows, _left_out = read(tmp_path, content, entries__line_items="summarise")
    assert (rows[2]["line_items.count"], rows[2]["line_items.price.sum"], rows[2]["line_items.quantity.sum"]) == (
        "2",
        "9",
        "3",
    )
    assert (rows[2]["line_items.title"], rows[3]["line_items.count"], len(rows)) == ("Lamp 0; Lamp 1", "0", 12)
    table, rows, left_out = read(tmp_path, content, entries__line_items="explode")
    assert (len(rows), left_out, table.group) == (4 + 4 + 8, [], "record number")
    assert [(row["id"], row["record number"], row["line_items.title"]) for row in rows[:4]] == [
        ("0", "1", None), ("1", "2", "Lamp 0"), ("2", "3", "Lamp 0"), ("2", "3", "Lamp 1"),
    ]  # fmt: skip


def test_two_lists_are_unfolded_each_in_its_way(tmp_path: Path) -> None:
    rows_in = [
        {"id": n, "a": [{"x": 1}, {"x": 2}], "b": [{"key": "k", "value": n}], "c": [{"y": "z"}]} for n in range(12)
    ]
    _table, rows, _left_out = read(tmp_path, json.dumps(rows_in), entries__a="explode", entries__c="summarise")
    assert rows[3] == {"record number": "2", "id": "1", "a.x": "2", "b.k": "1", "c.count": "1", "c.y": "z"}


def test_rows_of_one_record_stay_on_one_side(tmp_path: Path) -> None:
    from trainer.data.inspect import inspect

    orders = [
        {"id": n, "items": [{"text": f"please send {k} of {n} now", "label": "ab"[k % 2]} for k in range(3)]}
        for n in range(60)
    ]
    (tmp_path / "a.json").write_text(json.dumps(orders))
    result = inspect([tmp_path / "a.json"], tmp_path / "v1", readings={"entries:items": "explode"})
    assert (result["rows"], result["split"]["wanted"]) == (180, {"group": "record number"})


def test_json_in_cells_becomes_columns(tmp_path: Path) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerows([["text", "meta_data", "items"], *([f"message number {n} here", json.dumps({"lang": "en", "user": {"age": n}}), json.dumps([{"sku": "a"}])] for n in range(12))])  # fmt: skip
    table, rows, _left_out = read(tmp_path, buffer.getvalue(), "a.csv")
    assert rows[2] == {
        "text": "message number 2 here",
        "items": '[{"sku": "a"}]',
        "meta_data.lang": "en",
        "meta_data.user.age": "2",
    }
    assert {(r.what, r.chosen, r.column) for r in table.readings} >= {
        ("cells", "flatten", "meta_data"),
        ("entries", "keep", "items"),
    }
    _table, rows, _left_out = read(tmp_path, buffer.getvalue(), "a.csv", cells__meta_data="keep")
    assert json.loads(rows[2]["meta_data"])["user"] == {"age": 2}


def test_a_cell_that_is_no_json_stays(tmp_path: Path) -> None:
    lines = ['"{""a"": 1}",x'] * 40 + ['"{""a"": broken",y']
    _table, rows, left_out = read(tmp_path, "\n".join(["data,text", *lines]), "a.csv")
    assert ([row["data.a"] for row in rows], rows[40]["data"], left_out) == (["1"] * 40 + [None], '{"a": broken', [])


@pytest.mark.parametrize("column", ["translation", "answers"])
def test_what_means_something_as_a_whole_stays_in_its_cell(column: str, tmp_path: Path) -> None:
    cell = json.dumps({"en": "yes", "de": "ja"}).replace('"', '""')
    _table, rows, _left_out = read(
        tmp_path, "\n".join([f"id,{column}", *[f'{n},"{cell}"' for n in range(12)]]), "a.csv"
    )
    assert set(rows[0]) == {"id", column}


def test_fields_that_come_late_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.data.tables.jsonrows.ROWS_AHEAD", 5)
    lines = [json.dumps({"text": f"t {n}"} | ({"late": 1} if n > 8 else {})) for n in range(12)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    dataset, _parts = gather_rows([open_table(tmp_path / "a.jsonl")], [None], silent)
    assert [(p["code"], p["severity"], p["examples"]) for p in dataset.problems] == [
        ("late_fields", "warning", ["late (3)"])
    ]


def test_a_line_of_another_form_costs_itself_alone(tmp_path: Path) -> None:
    lines = ['["text", "label"]', *map(json.dumps, ROWS)]
    _table, rows, left_out = read(tmp_path, "\n".join(lines), "a.jsonl")
    assert (rows, [(entry["reason"], entry["count"]) for entry in left_out]) == (PLAIN, [("unreadable", 1)])


def test_an_order_with_items_is_no_page(tmp_path: Path) -> None:
    orders = [{"id": n, "total": 5, "items": [{"sku": "a"}, {"sku": "b"}]} for n in range(12)]
    _table, rows, _left_out = read(tmp_path, json.dumps({"orders": orders}))
    assert (len(rows), list(rows[0])) == (12, ["id", "total", "items"])


def test_records_under_ids_further_inside(tmp_path: Path) -> None:
    _table, rows, _left_out = read(
        tmp_path, json.dumps({"at": 1, "reviews": {f"-N{n}": row for n, row in enumerate(ROWS)}})
    )
    assert rows == [{"id": f"-N{n}"} | row for n, row in enumerate(PLAIN)]


@pytest.mark.parametrize("keys", [("train", "test"), ("train", "val"), ("training_set", "oos_test")])
def test_lists_that_are_parts_of_a_split_are_joined(keys: tuple[str, str], tmp_path: Path) -> None:
    whole = json.dumps({"version": 1, keys[0]: ROWS[:8], keys[1]: ROWS[8:]})
    table, rows, left_out = read(tmp_path, whole)
    part = "validation" if keys[1] == "val" else "test"
    assert (rows, left_out) == ([row | {"split": "train" if n < 8 else part} for n, row in enumerate(PLAIN)], [])
    assert (table.readings[0].what, [choice.value for choice in table.readings[0].others]) == ("lists", ["apart"])
    _table, rows, left_out = read(tmp_path, whole, lists="apart")
    assert (len(rows), left_out[0]["count"]) == (8, 4)
    _table, rows, _left_out = read(tmp_path, json.dumps({key: [["a text", "a"]] * 3 for key in keys}))
    assert (len(rows), rows[0]) == (6, {"column_1": "a text", "column_2": "a", "split": "train"})


@pytest.mark.parametrize("as_records", [True, False])
def test_lists_named_by_their_labels(as_records: bool, tmp_path: Path) -> None:
    texts = [{"text": row["text"]} if as_records else row["text"] for row in ROWS]
    table, rows, left_out = read(tmp_path, json.dumps({"good": texts[:5], "bad": texts[5:]}))
    assert (rows, left_out) == (
        [{"text": row["text"], "label": "good" if n < 5 else "bad"} for n, row in enumerate(PLAIN)],
        [],
    )
    assert table.readings[0].confidence < 0.9
    _table, rows, left_out = read(tmp_path, json.dumps({"tickets": ROWS, "users": [{"n": 1, "name": "Ann"}] * 4}))
    assert (len(rows), left_out[0]["count"]) == (12, 4)


@pytest.mark.parametrize("indent", [None, 1])
def test_records_under_ids_beside_others(indent: int | None, tmp_path: Path) -> None:
    """As databases without tables export all that they hold."""
    messages = {f"-Nx{n:03}": row for n, row in enumerate(ROWS)}
    users = {f"u{n}": {"name": f"Ann {n}", "mail": f"a{n}@example.org"} for n in range(4)}
    expected = [{"id": f"-Nx{n:03}"} | row for n, row in enumerate(PLAIN)]
    for whole in (
        {"messages": messages, "users": users, "version": 3},
        {"app": {"messages": messages, "users": users}},
    ):
        _table, rows, left_out = read(tmp_path, json.dumps(whole, indent=indent))
        assert (rows, [entry["count"] for entry in left_out]) == (expected, [4])
    _table, rows, left_out = read(tmp_path, json.dumps({"reviews": ROWS, "shops": users}, indent=indent))
    assert (rows, [entry["count"] for entry in left_out]) == (PLAIN, [4])
    parts = {"train": dict(list(messages.items())[:8]), "test": dict(list(messages.items())[8:])}
    _table, rows, left_out = read(tmp_path, json.dumps(parts, indent=indent))
    assert [row["split"] for row in rows] == ["train"] * 8 + ["test"] * 4
    assert not left_out


def test_texts_with_their_labels_as_keys_and_values(tmp_path: Path) -> None:
    _table, rows, _left_out = read(tmp_path, json.dumps({row["text"]: row["label"] for row in ROWS}))
    assert rows == [{"text": row["text"], "label": row["label"]} for row in PLAIN]
    _table, rows, _left_out = read(tmp_path, json.dumps({f"setting_{n}": n for n in range(12)}))
    assert len(rows) == 1


def test_examples_of_intents_are_a_row_each(tmp_path: Path) -> None:
    whole = json.dumps(
        {
            "intents": [
                {"tag": f"t{n}", "patterns": ["hello you", f"good day {n}"], "responses": ["hi"]} for n in range(4)
            ]
        }
    )
    _table, rows, _left_out = read(tmp_path, whole)
    assert [(row["tag"], row["patterns"]) for row in rows[:3]] == [
        ("t0", "hello you"),
        ("t0", "good day 0"),
        ("t1", "hello you"),
    ]
    assert len(read(tmp_path, whole, entries__patterns="keep")[1]) == 4


def test_values_with_their_kinds_at_any_depth(tmp_path: Path) -> None:
    record = {
        "_id": {"$oid": "ab"},
        "at": {"$date": {"$numberLong": "17"}},
        "in": {"n": {"$numberInt": "3"}},
        "all": [{"$oid": "c"}],
    }
    _table, rows, _left_out = read(tmp_path, "\n".join([json.dumps(record)] * 3))
    assert rows[0] == {"_id": "ab", "at": "17", "in.n": "3", "all": '["c"]'}
    item = {"a": {"M": {"b": {"N": "1"}}}, "c": {"L": [{"S": "x"}, {"NULL": True}]}, "d": {"NULL": True}}
    _table, rows, _left_out = read(tmp_path, "\n".join(json.dumps({"Item": item}) for _n in range(3)))
    assert rows[0] == {"a.b": "1", "c": '["x", null]', "d": None}
