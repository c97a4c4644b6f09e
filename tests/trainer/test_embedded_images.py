"""Images inside the annotation files that are of them: LabelMe's `imageData` and Prodigy's data addresses."""

import base64
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.box_files import BOXES, HIGH, NAMES, WIDE, as_json, pictures
from tests.trainer.data_files import zipped
from trainer.data.inspect import inspect
from trainer.errors import DataError
from trainer.json_types import JsonObject

PICTURES = {name.rpartition("/")[2]: data for name, data in pictures().items()}
HELD = {name: base64.b64encode(data).decode() for name, data in PICTURES.items()}


def labelme(**changed: Any) -> dict[str, bytes]:
    """The same boxes as `pictures()` have, with the images inside."""
    files = {}
    for name in NAMES:
        shapes = [
            {"label": label, "points": [[x, y], [x + w, y + h]], "shape_type": "rectangle"}
            for label, x, y, w, h in BOXES[name]
        ]
        document = {
            "version": "5.4.1",
            "flags": {},
            "shapes": shapes,
            "imagePath": f"..\\photos\\{name}",
            "imageData": HELD[name],
        }
        files[f"{name[:-4]}.json"] = as_json(document | {"imageHeight": HIGH, "imageWidth": WIDE} | changed)
    return files


def objects_of(folder: Path) -> dict[str, list[JsonObject]]:
    rows = pq.read_table(folder / "data.parquet").to_pylist()
    return {row["file"].rpartition("/")[2]: json.loads(row["objects"]) for row in rows}


def assert_boxes(folder: Path) -> None:
    read = objects_of(folder)
    assert {name: [[entry["label"], *entry["box"]] for entry in read[name]] for name in read} == {
        name: [list(box) for box in BOXES[name]] for name in NAMES
    }


def test_a_zip_of_labelme_without_images(tmp_path: Path) -> None:
    result = inspect([zipped(tmp_path / "a.zip", labelme())], tmp_path / "v1")
    assert (result["rows"], result["suggestion"]["task"]) == (12, "object-detection")
    assert_boxes(tmp_path / "v1")


def test_files_of_labelme_sent_one_by_one(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in labelme()]
    for path, data in zip(paths, labelme().values(), strict=True):
        path.write_bytes(data)
    inspect(paths, tmp_path / "v1")
    assert_boxes(tmp_path / "v1")


def test_images_that_came_by_themselves_are_used_where_there_are_some(tmp_path: Path) -> None:
    some = {f"photos/{name}": PICTURES[name] for name in NAMES[:5]}
    inspect([zipped(tmp_path / "a.zip", labelme() | some)], tmp_path / "v1")
    assert_boxes(tmp_path / "v1")
    files = pq.read_table(tmp_path / "v1" / "data.parquet").column("file").to_pylist()
    assert sum(file.startswith("photos/") for file in files) == 5


def test_an_image_without_a_name_is_called_as_its_file(tmp_path: Path) -> None:
    inspect([zipped(tmp_path / "a.zip", labelme(imagePath=""))], tmp_path / "v1")
    assert_boxes(tmp_path / "v1")


@pytest.mark.parametrize("held", [None, "", "no base64!", base64.b64encode(b"some text").decode(), 7])
def test_files_without_an_image_are_refused_by_name(tmp_path: Path, held: object) -> None:
    with pytest.raises(DataError, match=r"a.zip holds annotations of LabelMe and no images"):
        inspect([zipped(tmp_path / "a.zip", labelme(imageData=held))], tmp_path / "v1")


def test_an_image_that_is_cut_short_is_told(tmp_path: Path) -> None:
    files = labelme()
    cut = json.loads(files["shelf 03.json"])
    files["shelf 03.json"] = as_json(cut | {"imageData": cut["imageData"][:61]})
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert result["rows"] == 11
    assert any("shelf 03.png" in str(problem["examples"]) for problem in result["problems"])


def records(images: dict[str, str]) -> list[JsonObject]:
    listed = []
    for number, name in enumerate(NAMES):
        spans = [
            {"label": label, "x": x, "y": y, "width": w, "height": h, "type": "rect"}
            for label, x, y, w, h in BOXES[name]
        ]
        listed.append(
            {
                "image": images[name],
                "spans": spans,
                "path": name,
                "answer": "accept",
                "_input_hash": number,
                "_task_hash": number,
            }
        )
    return listed


def write(path: Path, listed: list[JsonObject]) -> Path:
    path.write_text("\n".join(map(json.dumps, listed)))
    return path


def addresses() -> dict[str, str]:
    return {name: f"data:image/png;base64,{held}" for name, held in HELD.items()}


def test_boxes_of_prodigy_on_images_in_the_file(tmp_path: Path) -> None:
    listed = records(addresses())
    listed[1]["spans"] += [{"label": "", "x": 1}, "no object"]
    listed[2]["answer"] = "reject"
    listed[4]["spans"][0] = {"label": "bolt", "type": "polygon", "points": [[8, 5], [28, 5], [8, 35]]}
    result = inspect([write(tmp_path / "a.jsonl", listed)], tmp_path / "v1")
    rows = pq.read_table(tmp_path / "v1" / "data.parquet").to_pylist()
    read = {row["path"]: json.loads(row["objects"]) for row in rows}
    assert {name: [entry["box"] for entry in entries] for name, entries in read.items()} == {
        name: [list(box[1:]) for box in BOXES[name]] for name in NAMES if name != NAMES[2]
    }
    assert read[NAMES[4]][0]["segments"] == [[8, 5, 28, 5, 8, 35]]
    assert result["suggestion"]["task"] == "object-detection"
    assert [(entry["reason"], entry["count"], entry["examples"]) for entry in result["left_out"]] == [
        ("rejected", 1, [NAMES[2]])
    ]
    assert any("boxes without a label" in entry["sentence"] for entry in result["reading"])


def test_boxes_of_prodigy_on_images_that_did_not_come(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"12 records mark places in images that did not come with them"):
        inspect([write(tmp_path / "a.jsonl", records({name: name for name in NAMES}))], tmp_path / "v1")


def test_rejected_boxes_of_prodigy_beside_their_images_are_not_used(tmp_path: Path) -> None:
    listed = records({name: name for name in NAMES})
    listed[2]["answer"] = "reject"
    path = write(tmp_path / "a.jsonl", listed)
    result = inspect([path, zipped(tmp_path / "a.zip", PICTURES)], tmp_path / "v1")
    assert set(objects_of(tmp_path / "v1")) == set(NAMES) - {NAMES[2]}
    assert any("rejected" in problem["message"] for problem in result["problems"])


def test_parts_of_recordings_are_told(tmp_path: Path) -> None:
    listed = [
        {
            "audio": "a.wav",
            "spans": [{"start": 1, "end": 2, "label": "x"}],
            "answer": "accept",
            "_task_hash": n,
            "_input_hash": n,
        }
        for n in range(3)
    ]
    with pytest.raises(DataError, match=r"3 records mark parts of recordings, which is not read"):
        inspect([write(tmp_path / "a.jsonl", listed)], tmp_path / "v1")
