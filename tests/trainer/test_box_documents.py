"""Documents of tools that draw boxes: each shape becomes a box or is told, whatever is changed in the document."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from trainer.data.archives import Entry
from trainer.data.box_formats.json_tools import JSON_FORMATS, JsonFormat, finish_coco
from trainer.data.box_formats.prompts import parse_prompt
from trainer.data.box_formats.references import PictureIndex, clean_reference
from trainer.data.box_formats.source import Annotated, Finder
from trainer.data.box_formats.via3 import is_via3, read_via3

BOX = [10.0, 20.0, 30.0, 40.0]
SQUARE = [[10, 20], [40, 20], [40, 60], [10, 60]]
SIZE = {"original_width": 200, "original_height": 100}
DOCUMENTS: dict[str, Any] = {
    "coco": {
        "images": [{"id": 1, "file_name": "a.png", "width": 200, "height": 100}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": BOX}],
        "categories": [{"id": 3, "name": "cat"}],
    },
    "labelme": {
        "imagePath": "a.png", "imageWidth": 200, "imageHeight": 100,
        "shapes": [{"label": "cat", "shape_type": "rectangle", "points": [[10, 20], [40, 60]]}],
    },
    "via": {"a.png123": {"filename": "a.png", "regions": [{
        "shape_attributes": {"name": "rect", "x": 10, "y": 20, "width": 30, "height": 40},
        "region_attributes": {"label": "cat"}}]}},
    "supervisely": {
        "size": {"width": 200, "height": 100}, "name": "a.png",
        "objects": [{"classTitle": "cat", "geometryType": "rectangle", "points": {"exterior": [[10, 20], [40, 60]]}}],
    },
    "createml": [{"image": "a.png", "annotations": [
        {"label": "cat", "coordinates": {"x": 25, "y": 40, "width": 30, "height": 40}}]}],
    "label_studio": [{"data": {"image": "/data/upload/1/12345678-a.png"}, "annotations": [{"result": [
        {"type": "rectanglelabels", **SIZE, "value": {"x": 5, "y": 20, "width": 15, "height": 40, "rectanglelabels": ["cat"]}}]}]}],
    "edge_impulse": {"boundingBoxes": {"a.png": [{"label": "cat", "x": 10, "y": 20, "width": 30, "height": 40}]}},
}  # fmt: skip
FORMATS = {form.layout: form for form in JSON_FORMATS}
ODD: list[Any] = [
    None,
    "",
    -1,
    0,
    [],
    {},
    True,
    1e308,
    float("nan"),
    "\ud800",
    [[1, 2]],
    {"x": "y"},
    "a.png",
    "雪" * 300,
]


@dataclass(frozen=True)
class Picture:
    name: str

    @property
    def parts(self) -> list[str]:
        return self.name.split("/")


def read(form: JsonFormat, document: Any, *pictures: str) -> Annotated:
    into = Annotated(form.layout, form.title)
    index = PictureIndex([Picture(name) for name in pictures or ("a.png",)])
    name = "a.png.json" if form.layout == "supervisely" else "labels.json"
    form.read(document, Entry(name, 1, b""), Finder(index), into)
    finish_coco(into, "a.zip")
    return into


@pytest.mark.parametrize("layout", DOCUMENTS)
def test_the_same_box_is_read_from_every_tool(layout: str) -> None:
    assert [form.layout for form in JSON_FORMATS if form.matches(DOCUMENTS[layout])] == [layout]
    into = read(FORMATS[layout], copy.deepcopy(DOCUMENTS[layout]))
    assert into.boxes.objects == {"a.png": [{"label": "cat", "box": BOX}]}
    assert into.boxes.bad == []


@pytest.mark.parametrize("layout", DOCUMENTS)
def test_a_picture_that_is_not_there_is_told_by_its_name(layout: str) -> None:
    into = read(FORMATS[layout], copy.deepcopy(DOCUMENTS[layout]), "other.png")
    assert not any(into.boxes.objects.values())
    assert into.boxes.bad_count >= 1
    assert "a.png" in " ".join(into.boxes.bad)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in children:
        yield from places(inner, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    document = copy.deepcopy(document)
    if not path:
        return value
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return document


@pytest.mark.parametrize("layout", DOCUMENTS)
def test_one_odd_value_anywhere_is_read_or_told(layout: str) -> None:
    form, document = FORMATS[layout], DOCUMENTS[layout]
    for path in places(document):
        for odd in ODD:
            other = changed(document, path, odd)
            if not form.matches(other):
                continue
            into = read(form, other)
            assert len(into.boxes.objects.get("a.png", [])) <= 1
            json.dumps(into.boxes.objects, allow_nan=False).encode()


@pytest.mark.parametrize("layout", DOCUMENTS)
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(some.data())
def test_several_odd_values_break_nothing(layout: str, data: some.DataObject) -> None:
    form, document = FORMATS[layout], DOCUMENTS[layout]
    for _change in range(3):
        document = changed(
            document, data.draw(some.sampled_from(list(places(document)))), data.draw(some.sampled_from(ODD))
        )
    if form.matches(document):
        into = read(form, document)
        assert set(into.boxes.objects) <= {"a.png"}
        assert sum(map(len, into.boxes.objects.values())) + into.boxes.bad_count <= 2


# Shapes of each tool


def labelme(kind: str, points: Any, label: str = "cat") -> Annotated:
    shape = {"label": label, "shape_type": kind, "points": points}
    return read(FORMATS["labelme"], DOCUMENTS["labelme"] | {"shapes": [shape]})


@pytest.mark.parametrize(
    ("kind", "points", "box"),
    [
        ("circle", [[50, 50], [50, 60]], [40.0, 40.0, 20.0, 20.0]),
        ("polygon", [[10, 20], [40, 20], [25, 60]], BOX),
        ("polygon", SQUARE, BOX),
        ("mask", [[10, 20], [40, 60]], BOX),
        ("rotation", [[25, 20], [40, 40], [25, 60], [10, 40]], BOX),
    ],
)
def test_shapes_of_labelme_have_the_box_around_them(kind: str, points: Any, box: list[float]) -> None:
    (drawn,) = labelme(kind, points).boxes.objects["a.png"]
    assert drawn["box"] == box
    assert ("segments" in drawn) == (kind == "rotation" or (kind == "polygon" and points != SQUARE))


@pytest.mark.parametrize(
    ("kind", "points", "label", "told"),
    [
        ("point", [[5, 5]], "cat", "is a point or a line, which has no box"),
        ("line", [[5, 5], [9, 9]], "cat", "is a point or a line, which has no box"),
        ("rectangle", [[10, 20], [40, 60]], " ", "has no label or no points"),
        ("rectangle", "none", "cat", "has no label or no points"),
        ("rectangle", [[10, 20], [10, 60]], "cat", "has no width or no height"),
        ("rectangle", [[300, 20], [340, 60]], "cat", "lies outside its picture"),
    ],
)
def test_what_has_no_box_is_told_and_its_picture_kept(kind: str, points: Any, label: str, told: str) -> None:
    into = labelme(kind, points, label)
    assert into.boxes.bad == [f"shape 1 of labels.json {told}"]
    assert into.boxes.objects == {"a.png": []}


VIA3 = {
    "file": {"1": {"fname": "a.png"}, "2": {"fname": "b.png"}},
    "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["2"]}},
    "attribute": {"1": {"aname": "label", "options": {"0": "cat", "1": "dog"}}},
    "metadata": {},
}


@pytest.mark.parametrize(
    ("place", "box"),
    [([2, 10, 20, 30, 40], BOX), ([3, 25, 40, 15], [10.0, 25.0, 30.0, 30.0]), ([4, 25, 40, 15, 20], BOX), ([7, 10, 20, 40, 20, 25, 60], BOX), ([1, 5, 5], None), ([6, 1, 1, 2, 2], None), ([2, 10, 20], None)],
)  # fmt: skip
def test_shapes_of_via_3_are_told_by_their_number(place: list[float], box: list[float] | None) -> None:
    into, document = Annotated("via", "VIA"), VIA3 | {"metadata": {"m": {"vid": "1", "xy": place, "av": {"1": "1"}}}}
    assert is_via3(document)
    read_via3(document, Entry("via.json", 1, b""), Finder(PictureIndex([Picture("a.png"), Picture("b.png")])), into)
    drawn = [(entry["label"], entry["box"]) for entry in into.boxes.objects["a.png"]]
    assert drawn == ([("dog", box)] if box else [])
    assert into.boxes.bad_count == (box is None)
    assert into.boxes.objects["b.png"] == [], "a picture without a region counts"


def test_marks_of_a_whole_picture_are_its_label() -> None:
    into, document = (
        Annotated("via", "VIA"),
        VIA3 | {"metadata": {"m": {"vid": "2", "xy": [], "av": {"1": "0"}}, "n": {"vid": "9", "xy": []}}},
    )
    read_via3(document, Entry("via.json", 1, b""), Finder(PictureIndex([Picture("a.png"), Picture("b.png")])), into)
    assert into.tags == {"b.png": ["cat"]}
    assert into.boxes.bad == ["region n of via.json belongs to a picture that is not there"]


# Boxes as words


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("<loc0512><loc0256><loc1023><loc0768> cat", [("cat", [0.25, 0.5, 0.75, 1023 / 1024])]),
        ("<loc0000><loc0000><loc0512><loc0512> big dog ; <loc0512><loc0512><loc0512><loc0512> 犬", [("big dog", [0.0, 0.0, 0.5, 0.5]), ("犬", [0.5, 0.5, 0.5, 0.5])]),
        ("cat<loc_250><loc_500><loc_750><loc_999>dog<loc_0><loc_0><loc_10><loc_20>", [("cat", [0.25, 0.5, 0.75, 0.999]), ("dog", [0.0, 0.0, 0.01, 0.02])]),
        ("<loc0512><loc0256> cat", []),
        ("a caption without boxes", []),
        ("", []),
    ],
)  # fmt: skip
def test_places_in_words_are_shares_of_the_picture(text: str, boxes: list[tuple[str, list[float]]]) -> None:
    assert parse_prompt(text) == boxes


# Names of pictures


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (r"C:\Users\Ann\images\a.png", "users/ann/images/a.png"),
        ("https://x.org/data/a%20b.png?size=2", "data/a b.png"),
        ("/data/local-files/?d=images/a.png", "images/a.png"),
        ("../../a.png", "a.png"),
        ("./images//a.png", "images/a.png"),
        ("s3://bucket/a.png", "a.png"),
        ("a.png ", "a.png"),
        ("x" * 5_000, ""),
        ("http://[broken", ""),
    ],
)
def test_a_reference_is_a_path_below_some_folder(name: str, path: str) -> None:
    assert clean_reference(name).casefold() == path


@pytest.mark.parametrize(
    ("name", "near", "found"),
    [
        ("a.png", "train/labels.json", "train/images/a.png"),
        ("a.png", "test/labels.json", "test/images/a.png"),
        ("test/images/a.png", "labels.json", "test/images/a.png"),
        ("images/a.png", "labels.json", None),
        ("A.PNG", "train/x/labels.json", "train/images/a.png"),
        ("b", "labels.json", "test/images/b.jpg"),
        ("12345678-b.jpg", "labels.json", "test/images/b.jpg"),
        ("c.png", "labels.json", None),
        ("", "labels.json", None),
    ],
)
def test_of_several_pictures_of_one_name_the_nearest_is_meant(name: str, near: str, found: str | None) -> None:
    index = PictureIndex([Picture(path) for path in ("train/images/a.png", "test/images/a.png", "test/images/b.jpg")])
    assert index.find(name, near.split("/")) == found
