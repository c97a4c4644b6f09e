"""Boxes of COCO, VOC and YOLO in hand-computed pixels, and the class names of data.yaml beside a YAML reader."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.annotations import (
    MAX_REPORTED,
    Boxes,
    Size,
    clip_box,
    is_coco,
    parse_id,
    parse_numbers,
    parse_size,
    read_coco,
    to_cell,
)
from trainer.data.box_formats.voc import read_voc
from trainer.data.box_formats.yolo import read_yolo, yolo_names

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
NOWHERE = "lies outside its picture"
CUT = "leaves its picture and was cut at the edge"


@pytest.mark.parametrize(
    ("box", "reason", "inside"),
    [
        ([10, 20, 30, 30], "", [10, 20, 30, 30]),
        ([0, 0, 100, 50], "", [0, 0, 100, 50]),
        ([-1, -1, 102, 52], "", [0, 0, 100, 50]),
        ([-1.5, 0, 50, 50], "", [0, 0, 48.5, 50]),
        ([-1.6, 0, 50, 50], CUT, [0, 0, 48.4, 50]),
        ([60, 0, 41.5, 10], "", [60, 0, 40, 10]),
        ([60, 0, 41.6, 10], CUT, [60, 0, 40, 10]),
        ([60, 30, 10, 40], CUT, [60, 30, 10, 20]),
        ([99, 0, 5, 5], CUT, [99, 0, 1, 5]),
        ([99.5, 0, 5, 5], NOWHERE, None),
        ([100, 0, 5, 5], NOWHERE, None),
        ([-20, 5, 10, 10], NOWHERE, None),
        ([5, 5, 0.5, 5], NOWHERE, None),
        ([5, 5, 0, 5], "has no width or no height", None),
        ([5, 5, 5, -1], "has no width or no height", None),
    ],
)
def test_a_box_is_cut_at_the_edge_of_a_picture_of_100_by_50(
    box: list[float], reason: str, inside: list[float] | None
) -> None:
    complaint, clipped = clip_box(box, (100, 50))
    assert complaint == reason
    assert clipped == (None if inside is None else pytest.approx(inside))


@pytest.mark.parametrize(("box", "fits"), [([0, 0, 5, 5], True), ([-1, 0, 5, 5], False), ([9e9, 9e9, 5, 5], True)])
def test_without_a_size_only_what_starts_before_it_is_outside(box: list[float], fits: bool) -> None:
    reason, inside = clip_box(box, None)
    assert (inside == box, reason == "") == (fits, fits)


@QUICK
@given(st.lists(st.floats(-200, 200), min_size=4, max_size=4), st.tuples(st.floats(1, 100), st.floats(1, 100)))
def test_what_is_left_of_a_box_lies_in_its_picture(box: list[float], size: Size) -> None:
    reason, inside = clip_box(box, size)
    if inside is None:
        assert reason
        return
    x, y, width, height = inside
    assert min(x, y) >= 0
    assert min(width, height) >= 1 - 1e-9
    assert x + width <= size[0] + 1e-9
    assert y + height <= size[1] + 1e-9


# Parts of a document that may be anything


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ([1, "2", 3.5, "4e1"], [1, 2, 3.5, 40]),
        ((1, 2, 3, 4), [1, 2, 3, 4]),
        ([1, 2, 3], None),
        ([1, 2, 3, 4, 5], None),
        ("1234", None),
        ({0: 1}, None),
        (None, None),
        ([1, 2, 3, None], None),
        ([1, 2, 3, "nan"], None),
        ([1, 2, 3, float("inf")], None),
        ([1, 2, 3, 10**400], None),
        ([1, 2, 3, [4]], None),
    ],
)
def test_four_finite_numbers_or_nothing(value: object, numbers: list[float] | None) -> None:
    assert parse_numbers(value, 4) == numbers


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(10, 20, (10, 20)), ("10", "20", (10, 20)), (0, 20, None), (10, -1, None), (None, 20, None), ("a", 1, None)],
)
def test_a_size_has_two_sides_above_nothing(width: object, height: object, size: Size | None) -> None:
    assert parse_size(width, height) == size


@pytest.mark.parametrize(
    ("value", "own_id"),
    [(1, "1"), (1.0, "1"), ("1", "1"), (1.5, "1.5"), ("", ""), (None, None), ([1], None), ({}, None), (-0.0, "0")],
)
def test_an_id_is_one_however_it_is_written(value: object, own_id: str | None) -> None:
    assert parse_id(value) == own_id


@pytest.mark.parametrize(
    ("document", "is_one"),
    [
        ({"images": [], "annotations": []}, True),
        ({"images": [], "annotations": {}}, False),
        ({"images": []}, False),
        ([], False),
        (None, False),
        ("images annotations", False),
    ],
)
def test_a_coco_document_has_lists_of_images_and_annotations(document: object, is_one: bool) -> None:
    assert is_coco(document) is is_one


# COCO

PATHS = {"a.png": "train/a.png", "b.png": "b.png"}


def coco(**fields: Any) -> Boxes:
    boxes = Boxes()
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 50}, {"id": 2, "file_name": "b.png"}],
        "annotations": [],
        "categories": [{"id": 7, "name": " cat "}, {"id": 8, "name": ""}],
    }
    read_coco(document | fields, PATHS.get, boxes, "train", "coco.json")
    return boxes


def test_boxes_of_coco_are_pixels_and_pictures_without_any_count() -> None:
    boxes = coco(annotations=[{"id": 5, "image_id": 1, "category_id": 7, "bbox": [1.234, 2, 3.999, 4]}])
    assert boxes.objects == {"train/a.png": [{"label": "cat", "box": [1.23, 2, 4.0, 4]}], "b.png": []}
    assert boxes.parts == {"train/a.png": "train", "b.png": "train"}
    assert (boxes.bad, boxes.bad_count) == ([], 0)


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (5, "annotation 1 of coco.json is not an object"),
        ({"id": 5, "image_id": 3, "category_id": 7, "bbox": [1, 1, 5, 5]}, "belongs to a picture that is not there"),
        ({"id": 5, "image_id": 1, "category_id": 9, "bbox": [1, 1, 5, 5]}, "has a category that is not listed"),
        ({"id": 5, "image_id": 1, "category_id": 8, "bbox": [1, 1, 5, 5]}, "has a category that is not listed"),
        ({"id": 5, "image_id": 1, "category_id": 7, "bbox": [1, 1, 5]}, "is not four numbers"),
        ({"id": 5, "image_id": 1, "category_id": 7}, "is not four numbers"),
        ({"id": 5, "image_id": 1, "category_id": 7, "bbox": [1, 1, 0, 5]}, "has no width or no height"),
        ({"id": 5, "image_id": 1, "category_id": 7, "bbox": [200, 1, 9, 5]}, NOWHERE),
    ],
)
def test_a_box_of_coco_that_cannot_be_used_is_named_by_its_id(annotation: object, reason: str) -> None:
    boxes = coco(annotations=[annotation])
    assert boxes.bad_count == 1
    assert boxes.bad[0].endswith(reason)
    assert boxes.bad[0].startswith(("box 5 of coco.json", "annotation 1"))
    assert not any(boxes.objects.values())


def test_a_box_told_twice_counts_once_and_boxes_without_ids_each() -> None:
    box = {"image_id": 1, "category_id": 7, "bbox": [1, 1, 5, 5]}
    boxes = coco(annotations=[box | {"id": 1}, box | {"id": 1.0}, box, box])
    assert len(boxes.objects["train/a.png"]) == 3
    assert boxes.bad == ["box 1 of coco.json has an id that is there twice"]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"id": 1}, "picture 1 of coco.json has no id or no file name"),
        ({"file_name": "a.png"}, "picture 1 of coco.json has no id or no file name"),
        ("a.png", "picture 1 of coco.json has no id or no file name"),
        ({"id": 1, "file_name": "c.png"}, "picture “c.png” of coco.json is not in the archive"),
        ({"id": 1, "file_name": "../a.png"}, "points outside the archive"),
        ({"id": 1, "file_name": "/etc/a.png"}, "points outside the archive"),
        ({"id": 1, "file_name": "x\\..\\..\\a.png"}, "points outside the archive"),
    ],
)
def test_a_picture_of_coco_that_cannot_be_used_is_named(image: object, reason: str) -> None:
    boxes = coco(images=[image])
    assert boxes.bad[0].endswith(reason)
    assert not boxes.objects


def test_many_faults_are_counted_and_the_first_are_named() -> None:
    boxes = coco(annotations=[None] * (MAX_REPORTED + 50))
    assert (len(boxes.bad), boxes.bad_count) == (MAX_REPORTED, MAX_REPORTED + 50)


# VOC

VOC = """<annotation><filename>{file}</filename><size><width>100</width><height>50</height></size>
<object><name> cat </name><bndbox><xmin>10</xmin><ymin>5</ymin><xmax>40</xmax><ymax>25</ymax></bndbox></object>
<object><name></name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></object>
<object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>x</xmax><ymax>4</ymax></bndbox></object>
<object><name>dog</name><bndbox><xmin>40</xmin><ymin>1</ymin><xmax>30</xmax><ymax>4</ymax></bndbox></object></annotation>"""


@pytest.mark.parametrize(("file", "name"), [("a.png", "x/1.xml"), ("", "x/a.png.xml")])
def test_corners_of_voc_become_width_and_height(file: str, name: str) -> None:
    """The file's own name stands in where the annotation tells no picture's."""
    boxes = Boxes()
    read_voc(VOC.format(file=file).encode(), PATHS.get, boxes, name)
    assert boxes.objects == {
        "train/a.png": [{"label": "cat", "box": [10, 5, 30, 20]}, {"label": "dog", "box": [30, 1, 10, 3]}]
    }, "whichever corner is named first"
    assert boxes.bad == [
        f"box 2 of {name} has no label or not four numbers",
        f"box 3 of {name} has no label or not four numbers",
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<annotation>", "is not XML that can be read safely"),
        (b"", "is not XML that can be read safely"),
        (b"<boxes/>", "is no VOC annotation"),
        (b"<annotation><filename>z.png</filename></annotation>", "the picture of 1.xml is not in the archive"),
    ],
)
def test_what_is_no_annotation_of_voc_is_named(data: bytes, reason: str) -> None:
    boxes = Boxes()
    read_voc(data, PATHS.get, boxes, "1.xml")
    assert (boxes.bad_count, boxes.objects) == (1, {})
    assert boxes.bad[0].endswith(reason)


# YOLO


def test_shares_of_yolo_become_pixels_of_the_corner() -> None:
    boxes = Boxes()
    text = "1 0.5 0.5 0.2 0.4\n\n0 0.05 0.1 0.1 0.2 0.99\n7 0.5 0.5 1 1\n"
    read_yolo(text, "a.png", (200, 100), ["cat", "dog"], boxes, "a.txt")
    assert boxes.objects["a.png"] == [
        {"label": "dog", "box": [80, 30, 40, 40]},
        {"label": "cat", "box": [0, 0, 20, 20]},
        {"label": "7", "box": [0, 0, 200, 100]},
    ]
    assert boxes.bad == []


def test_a_line_of_yolo_may_name_its_class() -> None:
    boxes = Boxes()
    read_yolo("cat 0.5 0.5 0.2 0.2", "a.png", (200, 100), [], boxes, "a.txt")
    assert boxes.objects == {"a.png": [{"label": "cat", "box": [80, 40, 40, 20]}]}


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.2", "-1 0.5 0.5 1 1", "0 a b c d", "1e3 0 0 1 1"])
def test_a_line_of_yolo_that_cannot_be_used_is_named_by_its_number(line: str) -> None:
    boxes = Boxes()
    read_yolo(f"\n{line}\n", "a.png", (200, 100), [], boxes, "a.txt")
    assert boxes.bad == ["line 2 of a.txt is not a class and four numbers"]
    assert boxes.objects == {"a.png": []}


@pytest.mark.parametrize(
    "text",
    [
        "names: [cat, dog]",
        "names: ['cat', \"dog\"]",
        "names: ['a, b', c]",
        "names: ['it''s', \"that's\"]",
        "names: [\n  cat,\n  dog,\n]",
        "names: {0: cat, 1: dog}",
        "names: {1: cat, 0: 'black dog'}",
        "names:\n- cat\n- dog\nnc: 2",
        "nc: 2\nnames:\n\n  - cat # the animal\n  # none between\n  - 'dog'\ntrain: images",
        "names:\n  0: person\n  1: traffic light\n",
        "names:\n  1: dog\n  0: cat\n",
        "names: # of the classes\n  - T-shirt\n  - x#y\n",
        "path: ../data\ntrain: images/train\nnames:\n  0: cat\n  1: dog\ndownload: https://example.org",
        "names: []",
        "nc: 3",
        "",
    ],
)
def test_class_names_of_data_yaml_are_those_of_a_yaml_reader(text: str) -> None:
    """Numbers give the order, as YOLO's own tools take it; PyYAML is the reference."""
    listed = (yaml.safe_load(text) or {}).get("names") or []
    wanted = [listed[index] for index in sorted(listed)] if isinstance(listed, dict) else listed
    assert yolo_names({"data.yaml": text}) == wanted


def test_a_number_without_a_name_is_its_own_name() -> None:
    assert yolo_names({"data.yaml": "names:\n  0: person\n  2: car\n"}) == ["person", "1", "car"]


def test_a_list_of_names_goes_before_data_yaml() -> None:
    files = {"data.yaml": "names: [a, b]", "classes.txt": "cat\n\n  dog  \n"}
    assert yolo_names(files) == ["cat", "dog"]
    assert yolo_names({}) == []


@pytest.mark.parametrize("text", ["names: [" * 20_000, "names:\n" + " " * 200_000, "names: [a" + " " * 200_000 + "]"])
def test_a_long_file_of_names_takes_no_long_time(text: str) -> None:
    assert len(yolo_names({"data.yaml": text})) <= 1


def test_a_cell_of_objects_is_json_in_any_language() -> None:
    boxes = Boxes()
    boxes.add("a.png", "猫\ud800", [1, 2, 3.456, 4], (100, 100), "box 1")
    cell = to_cell(boxes.objects["a.png"])
    assert json.loads(cell) == [{"label": "猫?", "box": [1, 2, 3.46, 4]}]
    assert "猫" in cell
