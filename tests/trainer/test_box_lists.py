"""Boxes as people's own scripts, competitions and rarer tools write them: other names, units, lists in JSON or in cells, files apart."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.trainer.box_files import BOXES, HIGH, NAMES, WIDE, Box, Files, as_json, pictures
from tests.trainer.data_files import picture, zipped
from trainer.data.inspect import inspect
from trainer.errors import DataError

CLASS_NUMBERS = {"bolt": 0, "nut": 1}
ROWS = [(name, box) for name in NAMES for box in BOXES[name]]


def table(header: Sequence[str], make: Callable[[str, Box], Sequence[Any]], mark: str = ",") -> bytes:
    lines = io.StringIO()
    csv.writer(lines, delimiter=mark).writerows([header, *(make(name, box) for name, box in ROWS)])
    return lines.getvalue().encode()


def percent(box: Box, sign: str = "%") -> list[str]:
    _label, x, y, w, h = box
    return [f"{100 * value / side:.4f}{sign}" for value, side in ((x, WIDE), (y, HIGH), (x + w, WIDE), (y + h, HIGH))]


def fields(box: Box) -> dict[str, Any]:
    return {"label": box[0], "xmin": box[1], "ymin": box[2], "xmax": box[1] + box[3], "ymax": box[2] + box[4]}


def yolo(make: Callable[[Box], str], names: Files) -> Files:
    return pictures("images/") | names | {
        f"labels/{name[:-4]}.txt": "\r\n".join(map(make, BOXES[name])).encode() for name in NAMES
    }  # fmt: skip


def shares(box: Box, first: str = "", between: str = " ") -> str:
    label, x, y, w, h = box
    middle = ((x + w / 2) / WIDE, (y + h / 2) / HIGH, w / WIDE, h / HIGH)
    return between.join([first or str(CLASS_NUMBERS[label]), *(f"{value:.6f}" for value in middle)])


def datumaro() -> Files:
    items = [
        {"id": name[:-4], "image": {"path": name, "size": [HIGH, WIDE]}, "annotations": [{"id": 1, "type": "bbox", "label_id": CLASS_NUMBERS[label], "bbox": box} for label, *box in BOXES[name]]}
        for name in NAMES
    ]  # fmt: skip
    listed = {"label": {"labels": [{"name": "bolt", "parent": ""}, {"name": "nut", "parent": ""}]}}
    return {"annotations/default.json": as_json({"info": {}, "categories": listed, "items": items})}


def manifest() -> Files:
    lines = [
        {
            "source-ref": f"s3://bucket/{name}",
            "parts": {"image_size": [{"width": WIDE, "height": HIGH}], "annotations": [{"class_id": CLASS_NUMBERS[label], "left": x, "top": y, "width": w, "height": h} for label, x, y, w, h in BOXES[name]]},
            "parts-metadata": {"class-map": {"0": "bolt", "1": "nut"}, "type": "groundtruth/object-detection"},
        }
        for name in NAMES
    ]  # fmt: skip
    return {"output.manifest": "\n".join(map(json.dumps, lines)).encode()}


def label_studio_csv() -> Files:
    def region(box: Box) -> dict[str, Any]:
        sides = {
            "x": 100 * box[1] / WIDE,
            "y": 100 * box[2] / HIGH,
            "width": 100 * box[3] / WIDE,
            "height": 100 * box[4] / HIGH,
        }
        return sides | {"rotation": 0, "rectanglelabels": [box[0]], "original_width": WIDE, "original_height": HIGH}

    lines = io.StringIO()
    rows = [[f"/data/upload/4/0a1b2c{n:02x}-{name}", n, json.dumps(list(map(region, BOXES[name]))), 1, n, 2.5] for n, name in enumerate(NAMES)]  # fmt: skip
    csv.writer(lines).writerows([["image", "id", "label", "annotator", "annotation_id", "lead_time"], *rows])
    return {"project-4.csv": lines.getvalue().encode()}


BESIDE: dict[str, Files] = {
    "german": {"b.csv": table(("Bild", "Klasse", "x", "y", "Breite", "Höhe"), lambda name, box: [name, *box], ";")},
    "per cent signs": {"b.csv": table(("image", "label", "xmin", "ymin", "xmax", "ymax"), lambda name, box: [name, box[0], *percent(box)])},
    "per cent names": {"b.csv": table(("image", "label", "x1_pct", "y1_pct", "x2_pct", "y2_pct"), lambda name, box: [name, box[0], *percent(box, "")])},
    "decimal commas": {"b.csv": table(("image", "label", "xmin", "ymin", "xmax", "ymax"), lambda name, box: [name, box[0], *(f"{value},0" for value in list(fields(box).values())[1:])], ";")},
    "corner and size": {"b.csv": table(("image", "label", "bbox_left", "bbox_top", "bbox_width", "bbox_height"), lambda name, box: [name, *box])},
    "numbers of classes": {
        "b.csv": table(("image", "class_id", "xmin", "ymin", "xmax", "ymax"), lambda name, box: [name, CLASS_NUMBERS[box[0]], *list(fields(box).values())[1:]]),
        "classes.txt": b"bolt\nnut\n",
    },
    "list in a cell": {"b.jsonl": "\n".join(json.dumps({"image": name, "boxes": json.dumps([fields(box) for box in BOXES[name]])}) for name in NAMES).encode()},
    "list of lists": {"b.json": as_json([{"image": name, "boxes": [fields(box) for box in BOXES[name]]} for name in NAMES])},
    "by picture": {"b.json": as_json({name: [fields(box) for box in BOXES[name]] for name in NAMES})},
    "bdd": {"b.json": as_json([{"name": name, "labels": [{"category": box[0], "box2d": {"x1": box[1], "y1": box[2], "x2": box[1] + box[3], "y2": box[2] + box[4]}} for box in BOXES[name]]} for name in NAMES])},
    "doccano": {"b.jsonl": "\n".join(json.dumps({"id": n, "filename": name, "bbox": [{"x": x, "y": y, "width": w, "height": h, "label": label} for label, x, y, w, h in BOXES[name]]}) for n, name in enumerate(NAMES)).encode()},
    "datumaro": datumaro(),
    "sagemaker": manifest(),
    "label studio csv": label_studio_csv(),
}  # fmt: skip
"""Files that lie beside the pictures."""
YOLO: dict[str, Files] = {
    "carriage returns and comments": yolo(shares, {"data.yaml": b"path: x\r\nnames:\r\n  0: \"bolt\"  # first\r\n  1: 'nut'\r\n"}),
    "floats": yolo(lambda box: shares(box, f"{CLASS_NUMBERS[box[0]]}.0"), {"classes.txt": b"bolt\nnut"}),
    "commas": yolo(lambda box: shares(box, between=","), {"classes.txt": b"bolt\nnut"}),
    "names": yolo(lambda box: shares(box, box[0]), {}),
}  # fmt: skip


def check(paths: list[Path], place: Path, extra: int = 0) -> dict[str, Any]:
    result = inspect(paths, place / "v1")
    rows = pq.read_table(place / "v1" / "data.parquet").to_pylist()
    read = {row["file"].rsplit("/", 1)[-1]: json.loads(row["objects"]) for row in rows}
    assert result["suggestion"]["task"] == "object-detection"
    assert len(read) == len(NAMES) + extra
    for name, boxes in BOXES.items():
        assert [entry["label"] for entry in read[name]] == [label for label, *_box in boxes]
        for entry, (_label, *box) in zip(read[name], boxes, strict=True):
            assert entry["box"] == pytest.approx(box, abs=0.02)
    assert not [problem for problem in result["problems"] if problem["code"] == "bad_boxes"]
    return result


@pytest.mark.parametrize("form", BESIDE)
@pytest.mark.parametrize("is_apart", [False, True])
def test_boxes_in_tables_and_lists_of_people(form: str, is_apart: bool, tmp_path: Path) -> None:
    if not is_apart:
        check([zipped(tmp_path / "a.zip", pictures() | BESIDE[form])], tmp_path)
        return
    for name, data in BESIDE[form].items():
        (tmp_path / Path(name).name).write_bytes(data)
    paths = [tmp_path / Path(name).name for name in BESIDE[form]]
    check([*paths, zipped(tmp_path / "photos.zip", pictures(""))], tmp_path)


@pytest.mark.parametrize("form", YOLO)
def test_lines_of_yolo_as_people_write_them(form: str, tmp_path: Path) -> None:
    check([zipped(tmp_path / "a.zip", YOLO[form])], tmp_path)


def test_an_archive_of_annotations_beside_one_of_pictures(tmp_path: Path) -> None:
    """CVAT exports the annotations alone unless it is told to pack the images too."""
    files = YOLO["floats"]
    annotations = {name: data for name, data in files.items() if name not in pictures()}
    check([zipped(tmp_path / "task_1.zip", annotations), zipped(tmp_path / "photos.zip", pictures(""))], tmp_path)


def test_a_folder_that_nobody_labelled_holds_no_backgrounds(tmp_path: Path) -> None:
    files = YOLO["floats"] | {f"test/{name}": data for name, data in pictures("more ").items()}
    result = check([zipped(tmp_path / "a.zip", files)], tmp_path)
    assert [(entry["reason"], entry["count"]) for entry in result["left_out"]] == [("unlabelled", len(NAMES))]


def test_a_submission_beside_an_archive_is_no_table_of_it(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(BESIDE["corner and size"]["b.csv"])
    (tmp_path / "sample_submission.csv").write_text("image_id,PredictionString\nnone,1.0 0 0 5 5\n")
    result = check([tmp_path / "train.csv", tmp_path / "sample_submission.csv", zipped(tmp_path / "a.zip", pictures())], tmp_path)  # fmt: skip
    assert [problem["code"] for problem in result["problems"] if problem["code"] == "other_files"] == ["other_files"]


def test_corners_in_the_wrong_order_crowds_without_objects_and_no_list_of_classes(tmp_path: Path) -> None:
    name, (label, x, y, w, h) = NAMES[0], BOXES[NAMES[0]][0]
    corners = f"<xmin>{x + w}</xmin><ymin>{y + h}</ymin><xmax>{x}</xmax><ymax>{y}</ymax>"
    voc = f"<annotation><filename>{name}</filename><object><name>{label}</name><bndbox>{corners}</bndbox></object></annotation>"
    coco = {"images": [{"id": 1, "file_name": name}], "annotations": [{"image_id": 1, "category_id": 7, "iscrowd": 1, "bbox": [x, y, w, h]}]}  # fmt: skip
    for number, files in enumerate(({"a.xml": voc.encode()}, {"a.json": as_json(coco)})):
        place = tmp_path / str(number)
        place.mkdir()
        inspect([zipped(place / "a.zip", pictures("") | files)], place / "v1")
        rows = pq.read_table(place / "v1" / "data.parquet").to_pylist()
        (entry,) = json.loads(next(row["objects"] for row in rows if row["file"] == name))
        assert (entry["label"], entry["box"]) == (("bolt", "7")[number], [x, y, w, h])


def test_pixels_in_files_of_yolo_are_told(tmp_path: Path) -> None:
    files = yolo(lambda box: " ".join(map(str, (CLASS_NUMBERS[box[0]], *box[1:]))), {})
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    (problem,) = (problem for problem in result["problems"] if problem["code"] == "bad_boxes")
    assert problem["count"] == len(ROWS)
    assert "counts in pixels" in problem["message"]


def test_points_of_makesense_are_no_boxes(tmp_path: Path) -> None:
    lines = "\n".join(f"{box[0]},{box[1]},{box[2]},{name},{WIDE},{HIGH}" for name, box in ROWS)
    with pytest.raises(DataError, match=r"row 1 of labels.csv marks a point, which has no box"):
        inspect([zipped(tmp_path / "a.zip", pictures("") | {"labels.csv": lines.encode()})], tmp_path / "v1")


@pytest.mark.parametrize("as_text", [False, True])
def test_a_table_with_objects_as_a_version_keeps_them_is_read_with_all_its_columns(
    tmp_path: Path, as_text: bool
) -> None:
    """Its parts, and what else it says of a picture."""
    lines = []
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(12):
            objects = [{"label": "cat" if number % 2 else "dog", "box": [1, 2, 3 + number, 4]}]
            archive.writestr(f"{number}.png", picture(20 * number))
            cells = {"file_name": f"{number}.png", "objects": json.dumps(objects) if as_text else objects}
            lines.append(cells | {"split": ("train", "test")[number % 2], "camera": f"c{number % 3}"})
        archive.writestr("metadata.jsonl", "".join(json.dumps(cells) + "\n" for cells in lines))
    inspect([tmp_path / "a.zip"], tmp_path / "v1")
    table = pq.read_table(tmp_path / "v1/data.parquet")
    assert {"split", "camera", "objects"} <= set(table.column_names)
    assert json.loads(table.column("objects")[3].as_py()) == [{"label": "cat", "box": [1, 2, 6, 4]}]
    split = pq.read_table(tmp_path / "v1/split.parquet").column("split").to_pylist()
    assert [part == "test" for part in split] == [bool(number % 2) for number in range(12)]
