"""What the hub's library writes beside columns, and files of columns: names of classes, boxes in cells, rows in any batches."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyarrow import feather

from tests.trainer.data_made import records
from trainer.data.annotations import Boxes
from trainer.data.hub_boxes import add_boxes, boxes_of, form_of_boxes, image_size
from trainer.data.tables.columnar import is_columnar, open_columnar
from trainer.data.tables.formats import open_table
from trainer.data.tables.hub_features import features_of, has_names, with_names
from trainer.errors import DataError

NAMES = {"_type": "ClassLabel", "names": ["cat", "dog", "鸟"]}


# Names of classes


@pytest.mark.parametrize(
    ("value", "feature", "named"),
    [
        (1, NAMES, "dog"),
        (2, NAMES, "鸟"),
        (-1, NAMES, None),
        (3, NAMES, 3),
        (True, NAMES, True),
        ("1", NAMES, "1"),
        (None, NAMES, None),
        ([0, 1, -1], {"_type": "Sequence", "feature": NAMES}, ["cat", "dog", None]),
        ([0, 2], {"_type": "LargeList", "feature": NAMES}, ["cat", "鸟"]),
        ([0, 1], [NAMES], ["cat", "dog"]),
        ({"a": 0, "b": 0}, {"a": NAMES}, {"a": "cat", "b": 0}),
        (
            {"id": [0, 1], "n": [5, 6]},
            {"_type": "Sequence", "feature": {"id": NAMES}},
            {"id": ["cat", "dog"], "n": [5, 6]},
        ),
        ([{"id": 2}], [{"id": NAMES}], [{"id": "鸟"}]),
        (0, {"_type": "ClassLabel"}, 0),
        (0, {"_type": "Value"}, 0),
        ("x", None, "x"),
    ],
)
def test_a_class_s_name_stands_in_place_of_its_number(value: Any, feature: Any, named: Any) -> None:
    assert with_names(value, feature) == named


def test_features_nested_without_an_end_are_left_as_they_are() -> None:
    feature: Any = NAMES
    value: Any = 1
    for _level in range(50):
        feature, value = [feature], [value]
    assert with_names(value, feature) == value
    assert not has_names(feature)
    assert has_names([[NAMES]])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no JSON",
        b"[]",
        b'{"info": 5}',
        b'{"info": {"features": []}}',
        b"[" * 10_000,
        b"{" + b" " * (5 << 20) + b"}",
    ],
    ids=["nothing", "words", "list", "number", "features as a list", "deep", "huge"],
)
def test_what_is_no_description_of_features_is_none(raw: bytes) -> None:
    assert features_of(pa.schema([("a", pa.int64())], {b"huggingface": raw})) == {}


def described(path: Path, **columns: Any) -> Path:
    features = {name: NAMES if name == "label" else {"_type": "Value"} for name in columns}
    table = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=7)
    elif path.suffix == ".feather":
        feather.write_feather(table, path, chunksize=7)
    else:
        opener = pa.ipc.new_stream if path.suffix == ".stream" else pa.ipc.new_file
        with opener(path, table.schema) as writer:
            writer.write_table(table, 7)
    return path


# Files of columns


@pytest.mark.parametrize("ending", ["parquet", "arrow", "stream", "feather"])
def test_every_file_of_columns_gives_the_same_rows(ending: str, tmp_path: Path) -> None:
    columns = {
        "text": [f"row {n} 中" for n in range(30)],
        "label": [n % 3 for n in range(30)],
        "score": [n / 4 for n in range(30)],
    }
    path = described(tmp_path / f"rows.{ending}", **columns)
    table = open_table(path)
    rows = records(table)
    assert rows[4] == {"text": "row 4 中", "label": "dog", "score": "1"}
    assert [row["label"] for row in rows[:3]] == ["cat", "dog", "鸟"]
    assert len(rows) == 30
    assert table.progress() == path.stat().st_size


@pytest.mark.parametrize("ending", ["parquet", "arrow", "stream"])
@pytest.mark.parametrize("count", [1, 5, 7, 100])
def test_rows_come_in_any_batches_once_and_in_order(ending: str, count: int, tmp_path: Path) -> None:
    source = open_columnar(described(tmp_path / f"rows.{ending}", number=list(range(23))), "rows")
    batches = list(source.read(count))
    assert [value for batch in batches for value in batch.column(0).to_pylist()] == list(range(23))
    assert max(batch.num_rows for batch in batches) <= count
    assert (source.rows, source.schema.names) == (23, ["number"])
    assert 0 < source.largest <= source.unpacked


@pytest.mark.parametrize("ending", ["parquet", "arrow", "stream", "feather"])
def test_a_file_without_rows_has_its_columns(ending: str, tmp_path: Path) -> None:
    source = open_columnar(described(tmp_path / f"rows.{ending}", number=pa.array([], pa.int64())), "rows")
    assert (source.rows, list(source.read(5)), source.schema.names) == (0, [], ["number"])


@pytest.mark.parametrize("ending", ["parquet", "arrow", "stream"])
@pytest.mark.parametrize("kept", [12, 0.4, 0.8])
def test_a_file_cut_short_is_refused_or_gives_rows_that_were_whole(ending: str, kept: float, tmp_path: Path) -> None:
    path = described(tmp_path / f"rows.{ending}", number=list(range(400)), text=[f"text {n}" * 5 for n in range(400)])
    data = path.read_bytes()
    path.write_bytes(data[: int(kept if kept > 1 else kept * len(data))])
    rows: list[int] = []
    with contextlib.suppress(DataError):
        for batch in open_columnar(path, "rows").read(50):
            rows += batch.column(0).to_pylist()
    assert rows == list(range(len(rows)))
    assert len(rows) < 400


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"PAR1\0\0\0\0", True),
        (b"ARROW1\0\0", True),
        (b"\xff\xff\xff\xff\x10\0\0\0", True),
        (b"\xff\xff\xff\xff\0\0\0\0", False),
        (b"\xff\xff\xff\xff\xff\xff\xff\x7f", False),
        (b"a,b\n1,2\n", False),
        (b"", False),
    ],
)
def test_a_file_of_columns_is_known_by_its_first_bytes(head: bytes, says: bool) -> None:
    assert is_columnar(head) == says


# Boxes in cells


@pytest.mark.parametrize(
    ("value", "boxes"),
    [
        ({"bbox": [[1, 2, 3, 4]], "category": ["cat"]}, [("cat", [1.0, 2.0, 3.0, 4.0])]),
        ({"boxes": [[1, 2, 3, 4], [5, 6, 7]], "label": [7]}, [("7", [1.0, 2.0, 3.0, 4.0]), ("object", None)]),
        ([{"bbox": [1, 2, 3, 4], "name": "犬"}, {"bbox": "x"}], [("犬", [1.0, 2.0, 3.0, 4.0]), ("object", None)]),
        ({"bbox": []}, []),
        ([], []),
        ([{"size": 3}], None),
        ({"size": [3]}, None),
        ("bbox", None),
        (None, None),
    ],
)
def test_objects_are_read_from_lists_beside_each_other_and_from_records(value: Any, boxes: Any) -> None:
    assert boxes_of(value) == boxes


def drawn(form: str, seed: int) -> list[tuple[list[float], tuple[int, int]]]:
    """Boxes inside pictures of 200 by 100, written in a form."""
    random = np.random.default_rng(seed)
    samples = []
    for _number in range(40):
        left, top = random.uniform(0, 150), random.uniform(0, 60)
        wide, high = random.uniform(5, 200 - left), random.uniform(5, 100 - top)
        values = {
            "sides": [left, top, wide, high],
            "corners": [left, top, left + wide, top + high],
            "share_sides": [left / 200, top / 100, wide / 200, high / 100],
        }[form]
        samples.append(([float(value) for value in values], (200, 100)))
    return samples


@pytest.mark.parametrize("form", ["sides", "corners", "share_sides"])
@pytest.mark.parametrize("seed", range(3))
def test_what_four_numbers_are_is_told_by_the_pictures_sizes(form: str, seed: int) -> None:
    found, confidence = form_of_boxes(drawn(form, seed))
    assert found == form
    assert confidence >= 0.9


def test_without_a_box_nothing_is_sure() -> None:
    assert form_of_boxes([]) == ("sides", 0.7)


@pytest.mark.parametrize("form", ["sides", "corners", "share_sides"])
def test_a_box_in_any_form_is_the_same_box(form: str) -> None:
    kept = Boxes()
    for number, (values, size) in enumerate(drawn(form, 5)):
        add_boxes(kept, f"{number}.png", {"bbox": [values], "category": ["cat"]}, form, size)
    wanted = [values for values, _size in drawn("sides", 5)]
    found = [kept.objects[f"{number}.png"][0]["box"] for number in range(len(wanted))]
    assert np.abs(np.array(found) - np.array(wanted)).max() < 0.011
    assert kept.bad == []


def test_a_box_without_numbers_is_told_and_its_picture_kept() -> None:
    kept = Boxes()
    add_boxes(kept, "a.png", {"bbox": [[1, 2, float("nan"), 4], [1, 1, 5, 5]]}, "sides", (20, 20))
    assert kept.bad == ["box 1 of a.png has no four numbers"]
    assert [entry["box"] for entry in kept.objects["a.png"]] == [[1.0, 1.0, 5.0, 5.0]]
    add_boxes(kept, "b.png", None, "sides", (20, 20))
    assert kept.objects["b.png"] == []


def test_a_picture_s_size_is_read_from_its_head_alone() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200)).save(buffer, "PNG")
    assert image_size(buffer.getvalue()) == (300, 200)
    assert image_size(buffer.getvalue()[:60]) == (300, 200)
    assert image_size(b"no picture") is None
