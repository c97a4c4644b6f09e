"""Annotations that make no sense: each box is used or named, and nothing else happens."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trainer.data_files import picture, zipped
from trainer.data import annotations
from trainer.data.annotations import Boxes, read_coco
from trainer.data.box_formats.voc import read_voc
from trainer.data.box_formats.yolo import read_yolo, yolo_names
from trainer.data.inspect import inspect
from trainer.errors import DataError

FEW = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
PATHS = {f"{n}.png": f"images/{n}.png" for n in range(3)}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([*PATHS, 10**400, "\ud800"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["id", "name", "bbox"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
ONE = st.dictionaries(
    st.sampled_from(["id", "file_name", "width", "height", "image_id", "category_id", "bbox", "name"]), VALUES
)


def coco(images: Any, annotations: Any, categories: Any) -> Boxes:
    boxes = Boxes()
    read_coco(
        {"images": images, "annotations": annotations, "categories": categories}, PATHS.get, boxes, "", "coco.json"
    )
    return boxes


def usable(boxes: Boxes) -> None:
    """What goes into cells and messages can be written, and lies in pictures that are there."""
    json.dumps([boxes.bad, boxes.objects]).encode()
    assert "".join(boxes.bad).encode() is not None
    for path, objects in boxes.objects.items():
        assert path in PATHS.values()
        annotations.to_cell(objects).encode()


@FEW
@given(st.lists(ONE | VALUES, max_size=6), st.lists(ONE | VALUES, max_size=6), st.lists(ONE, max_size=4) | VALUES)
def test_any_coco_document_is_read_or_named(images: Any, marks: Any, categories: Any) -> None:
    usable(coco(images, marks, categories))


def test_ids_that_are_lists_or_of_another_type() -> None:
    images = [
        {"id": 1, "file_name": "0.png"},
        {"id": [2], "file_name": "1.png"},
        {"id": {"a": 1}, "file_name": "2.png"},
    ]
    marks = [
        {"id": [1], "image_id": 1, "category_id": 1.0, "bbox": [1, 1, 5, 5]},
        {"image_id": "1", "category_id": "1", "bbox": [1, 1, 5, 5]},
        {"id": 7, "image_id": [1], "category_id": 1, "bbox": [1, 1, 5, 5]},
        {"id": 8, "image_id": 1, "category_id": {}, "bbox": [1, 1, 5, 5]},
        {"id": 9, "image_id": 1, "category_id": 1, "bbox": [1, 1, 10**400, 5]},
    ]
    boxes = coco(images, marks, [{"id": 1, "name": "cat"}, {"id": [1], "name": "dog"}, 5])
    assert [one["label"] for one in boxes.objects["images/0.png"]] == ["cat", "cat"]
    assert boxes.bad_count == 5
    assert "box 7 of coco.json belongs to a picture that is not there" in boxes.bad


VOC = "<?xml version='1.0' encoding='{}'?><annotation><filename>0.png</filename><object><name>cat</name></object></annotation>"


@pytest.mark.parametrize("encoding", ["martian", "utf-7", "utf-16", "idna", "zlib_codec", "", "x" * 300])
def test_an_encoding_that_is_not_known(encoding: str) -> None:
    boxes = Boxes()
    read_voc(VOC.format(encoding).encode(), PATHS.get, boxes, "0.xml")
    assert boxes.bad_count == 1


TAGS = ["annotation", "object", "name", "bndbox", "xmin", "ymin", "xmax", "ymax", "size", "width", "filename"]
PIECES = [*(f"<{tag}>" for tag in TAGS), *(f"</{tag}>" for tag in TAGS), "0.png", "1", "-5", "nan", "1e999", "&x;", "<!DOCTYPE a [<!ENTITY x 'y'>]>", "\ud800", "\0"]  # fmt: skip


@FEW
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40))
def test_any_voc_file_is_read_or_named(pieces: list[str]) -> None:
    boxes = Boxes()
    read_voc(("<annotation>" + "".join(pieces)).encode("utf-8", "replace"), PATHS.get, boxes, "0.xml")
    usable(boxes)


@FEW
@given(st.lists(st.lists(st.sampled_from(["0", "1", "²", "٣", "9" * 5000, "-1", "0.5", "nan", "inf", "1e400", "x"]), max_size=7), max_size=8), st.text(max_size=40))  # fmt: skip
def test_any_yolo_file_is_read_or_named(lines: list[list[str]], listed: str) -> None:
    boxes = Boxes()
    names = yolo_names({"data.yaml": f"names: [{listed}]\nnames:\n  0: {listed}", "classes.txt": listed})
    read_yolo("\n".join(map(" ".join, lines)), "images/0.png", (640.0, 480.0), names, boxes, "0.txt")
    usable(boxes)


def test_a_superscript_is_no_class() -> None:
    boxes = Boxes()
    read_yolo("² 0.5 0.5 0.1 0.1\n1 0.5 0.5 0.1 0.1", "images/0.png", (100.0, 100.0), ["cat", "dog"], boxes, "0.txt")
    assert [one["label"] for one in boxes.objects["images/0.png"]] == ["dog"]
    assert boxes.bad == ["line 1 of 0.txt is not a class and four numbers"]


def test_half_a_character_in_a_label_is_replaced(tmp_path: Path) -> None:
    document = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 24, "height": 16} for n in range(12)],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 1, 5, 5]} for n in range(12)]
        + [{"id": "\ud800", "image_id": "\ud800", "category_id": 1, "bbox": [1, 1, 5, 5]}],
        "categories": [{"id": 1, "name": "c\ud800t"}],
    }
    files = {f"{n}.png": picture(n) for n in range(12)} | {"coco.json": json.dumps(document).encode()}
    found = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert found["rows"] == 12
    assert next(one for one in found["problems"] if one["code"] == "bad_boxes")["count"] == 1


def test_entities_are_not_followed_and_it_is_said(tmp_path: Path) -> None:
    hostile = (
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><annotation><filename>0.png</filename></annotation>'
    )
    archive = zipped(tmp_path / "a.zip", {"0.png": picture(0), "0.xml": hostile})
    with pytest.raises(DataError, match=r"None of the annotations in a\.zip can be used: 0\.xml is not XML"):
        inspect([archive], tmp_path / "v1")
