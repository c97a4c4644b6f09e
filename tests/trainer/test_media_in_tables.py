"""Pictures and sounds inside tables: Parquet and Arrow as the hub keeps them, and base64. What comes in is kept or told."""

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from tests.trainer.data_files import picture, sound, zipped
from tests.trainer.test_data_uploads import rows_of
from trainer.data.inspect import inspect
from trainer.errors import DataError

LABEL = {"_type": "ClassLabel", "names": ["cat", "dog"]}


def media(data: bytes | None, path: str | None = None) -> dict[str, Any]:
    return {"bytes": data, "path": path}


def table_of(columns: dict[str, Any], features: dict[str, Any] | None = None) -> pa.Table:
    table = pa.table(columns)
    if features is None:
        return table
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def pictures(count: int = 20) -> dict[str, Any]:
    return {
        "image": [media(picture(n), f"photo-{n}.png" if n % 2 else None) for n in range(count)],
        "label": [n % 2 for n in range(count)],
    }


def kept_and_told(found: dict[str, Any]) -> int:
    return found["rows"] + sum(entry["count"] for entry in found["left_out"])


def test_parquet_of_the_hub(tmp_path: Path) -> None:
    features = {"image": {"_type": "Image"}, "label": LABEL}
    pq.write_table(table_of(pictures(), features), tmp_path / "a.parquet")
    found = inspect([tmp_path / "a.parquet"], tmp_path / "v")
    assert (found["rows"], found["suggestion"]["task"]) == (20, "image-classification")
    rows = rows_of(tmp_path / "v")
    assert [row["label"] for row in rows[:2]] == ["cat", "dog"]
    assert (rows[1]["file"], rows[0]["file"]) == ("photo-1.png", "000001.png")
    assert (tmp_path / "v" / "media" / rows[0]["image"]).read_bytes() == picture(0)


def test_cells_that_hold_nothing_are_told(tmp_path: Path) -> None:
    columns = pictures()
    columns["image"][3] = media(None, "gone.png")
    columns["image"][4] = None
    columns["image"][5] = media(picture(5)[:40])
    pq.write_table(table_of(columns), tmp_path / "a.parquet")
    found = inspect([tmp_path / "a.parquet"], tmp_path / "v")
    assert (found["rows"], kept_and_told(found)) == (17, 20)
    assert "row 4 (gone.png) names a file that was not sent along" in found["left_out"][0]["examples"]


@pytest.mark.parametrize("form", ["stream", "file", "feather"])
def test_arrow(form: str, tmp_path: Path) -> None:
    table, path = table_of(pictures(), {"image": {"_type": "Image"}, "label": LABEL}), tmp_path / "data.arrow"
    if form == "feather":
        pyarrow.feather.write_feather(table, str(path))
    else:
        writer = pa.ipc.new_stream if form == "stream" else pa.ipc.new_file
        with path.open("wb") as file, writer(file, table.schema) as out:
            out.write_table(table, max_chunksize=7)
    found = inspect([path], tmp_path / "v")
    assert (found["rows"], found["source"][0]["format"]) == (20, "arrow")
    assert {row["label"] for row in rows_of(tmp_path / "v")} == {"cat", "dog"}


def test_an_arrow_table_of_texts(tmp_path: Path) -> None:
    features = {
        "text": {"_type": "Value", "dtype": "string"},
        "label": LABEL,
        "tags": {"_type": "List", "feature": LABEL},
    }
    columns = {
        "text": [f"message {n} about it" for n in range(30)],
        "label": [n % 2 for n in range(29)] + [-1],
        "tags": [[0, 1]] * 30,
    }
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table_of(columns, features).schema) as out:
        out.write_table(table_of(columns, features))
    inspect([tmp_path / "a.arrow"], tmp_path / "v")
    rows = rows_of(tmp_path / "v")
    assert (rows[0]["label"], rows[29]["label"], json.loads(rows[0]["tags"])) == ("cat", None, ["cat", "dog"])


def test_sounds_of_a_saved_data_set(tmp_path: Path) -> None:
    columns = {
        "audio": [media(sound(20 + n), f"{n}.wav") for n in range(16)],
        "sentence": [f"words {n}" for n in range(16)],
    }
    files = {}
    for part, rows in (("train", slice(0, 12)), ("test", slice(12, 16))):
        table = table_of({name: values[rows] for name, values in columns.items()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as out:
            out.write_table(table)
        files[f"set/{part}/data-00000-of-00001.arrow"] = sink.getvalue().to_pybytes()
        files[f"set/{part}/state.json"] = b'{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}'
    files["set/dataset_dict.json"] = b'{"splits": ["train", "test"]}'
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v")
    assert (found["rows"], found["split"]["test"], found["split"]["given"]) == (16, 4, True)
    assert found["suggestion"]["task"] == "speech-recognition"


@pytest.mark.parametrize(
    ("boxes", "form"),
    [([2, 3, 10, 8], "sides"), ([9, 5, 23, 15], "corners"), ([0.1, 0.2, 0.5, 0.5], "share_sides")],
)
def test_boxes_beside_their_picture(boxes: list[float], form: str, tmp_path: Path) -> None:
    objects = {"bbox": [boxes], "category": [1]}
    feature = {
        "bbox": {"_type": "List", "feature": {"_type": "Value"}},
        "category": {"_type": "List", "feature": LABEL},
    }
    columns = {"image": [media(picture(n)) for n in range(12)], "objects": [objects] * 12}
    pq.write_table(table_of(columns, {"image": {"_type": "Image"}, "objects": feature}), tmp_path / "a.parquet")
    found = inspect([tmp_path / "a.parquet"], tmp_path / "v")
    assert [(reading["what"], reading["chosen"]) for reading in found["reading"]] == [("boxes", form)]
    kept = json.loads(rows_of(tmp_path / "v")[0]["objects"])
    expected = {"sides": [2, 3, 10, 8], "corners": [9, 5, 14, 10], "share_sides": [2.4, 3.2, 12, 8]}
    assert kept == [{"label": "dog", "box": expected[form]}]
    asked = inspect([tmp_path / "a.parquet"], tmp_path / "v2", readings={"boxes": "sides"})
    assert asked["reading"][0]["chosen"] == "sides"


def test_the_other_of_two_columns_can_be_chosen(tmp_path: Path) -> None:
    columns = {"before": [media(picture(n)) for n in range(12)], "after": [picture(100 + n) for n in range(12)]}
    pq.write_table(table_of(columns | {"label": ["x", "y"] * 6}), tmp_path / "a.parquet")
    found = inspect([tmp_path / "a.parquet"], tmp_path / "v")
    assert (found["reading"][0]["chosen"], found["reading"][0]["doubt"]) == ("before", True)
    inspect([tmp_path / "a.parquet"], tmp_path / "v2", readings={"media_column": "after"})
    assert (tmp_path / "v2" / "media" / rows_of(tmp_path / "v2")[0]["image"]).read_bytes() == picture(100)


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_base64(prefix: str, ending: str, tmp_path: Path) -> None:
    cells = [prefix + base64.b64encode(picture(n)).decode() for n in range(20)]
    cells[7], cells[8] = cells[7][:60], "not base64!"
    path = tmp_path / f"a.{ending}"
    if ending == "csv":
        path.write_text(
            "\n".join(["label,photo", *(f'{"xy"[n % 2]},"{cell}"' for n, cell in enumerate(cells))]), "utf-8"
        )
    else:
        path.write_text("\n".join(json.dumps({"label": "xy"[n % 2], "photo": c}) for n, c in enumerate(cells)), "utf-8")
    found = inspect([path], tmp_path / "v")
    assert (found["rows"], kept_and_told(found), found["suggestion"]["task"]) == (18, 20, "image-classification")
    assert "base64:photo" in {reading["what"] for reading in found["reading"]}
    kept = inspect([path], tmp_path / "v2", readings={"base64:photo": "keep"})
    assert kept["rows"] == 20


def test_sounds_in_base64(tmp_path: Path) -> None:
    rows = [json.dumps({"clip": base64.b64encode(sound(20 + n)).decode(), "label": "xy"[n % 2]}) for n in range(20)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows), "utf-8")
    found = inspect([tmp_path / "a.jsonl"], tmp_path / "v")
    assert (found["rows"], found["suggestion"]["task"]) == (20, "audio-classification")


def test_ordinary_long_words_are_no_pictures(tmp_path: Path) -> None:
    rows = "\n".join(f"{'abcd' * 40}{n},{'xy'[n % 2]}" for n in range(20))
    (tmp_path / "a.csv").write_text(f"key,label\n{rows}\n", "utf-8")
    found = inspect([tmp_path / "a.csv"], tmp_path / "v")
    assert not any("base64" in reading["what"] for reading in found["reading"])


@pytest.mark.parametrize("form", ["stream", "file", "parquet"])
def test_damaged_files_end_in_a_sentence(form: str, tmp_path: Path) -> None:
    table, sink = table_of(pictures()), pa.BufferOutputStream()
    if form == "parquet":
        pq.write_table(table, sink)
    else:
        with (pa.ipc.new_stream if form == "stream" else pa.ipc.new_file)(sink, table.schema) as out:
            out.write_table(table)
    data = sink.getvalue().to_pybytes()
    for number, broken in enumerate((data[: len(data) // 2], data[:200], data[:12])):
        path = tmp_path / f"{number}.arrow"
        path.write_bytes(broken)
        with pytest.raises(DataError):
            inspect([path], tmp_path / f"v{number}")
