"""Four numbers of a box that no name explains: two corners or a corner and a size, told by the pictures and the areas; corners in the
other order."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.trainer.box_files import BOXES, HIGH, NAMES, WIDE, Files, as_json, coco, pictures, table
from tests.trainer.data_files import zipped
from tests.trainer.test_data_uploads import rows_of
from trainer.data.box_formats.box_forms import CORNERS, SIDES, Sample, ordered, told_form
from trainer.data.inspect import inspect
from trainer.json_types import JsonObject

RIGHT = {name: [[x, y, w, h] for _label, x, y, w, h in boxes] for name, boxes in BOXES.items()}


def corners(with_area: bool) -> Files:
    """COCO whose boxes are two corners."""
    files = coco()
    document = json.loads(files["result.json"])
    for mark in document["annotations"]:
        x, y, w, h = mark["bbox"]
        mark |= {"bbox": [x, y, x + w, y + h]} | ({"area": w * h} if with_area else {})
    return files | {"result.json": as_json(document)}


def listed(form: Callable[..., list[int]]) -> Files:
    """A line of JSON a picture, its boxes four numbers each."""
    records = [{"image": name, "objects": [{"bbox": form(*box), "label": label} for label, *box in BOXES[name]]} for name in NAMES]  # fmt: skip
    return pictures() | {"boxes.jsonl": "\n".join(map(json.dumps, records)).encode()}


def boxes_in(folder: Path) -> dict[str, list[list[float]]]:
    return {row["file"].rpartition("/")[2]: [one["box"] for one in json.loads(row["objects"])] for row in rows_of(folder)}  # fmt: skip


def readings(found: JsonObject) -> dict[str, JsonObject]:
    return {entry["what"]: entry for entry in found["reading"]}


@pytest.mark.parametrize(
    "files",
    [
        corners(with_area=True),
        corners(with_area=False),
        listed(lambda x, y, w, h: [x, y, x + w, y + h]),
        table("file,bbox,label", lambda name, label, x, y, w, h: f'{name},"[{x}, {y}, {x + w}, {y + h}]",{label}'),
    ],
    ids=["coco", "coco without areas", "list", "cells"],
)
def test_two_corners_are_told_as_a_doubt(files: Files, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", files)
    told = readings(inspect([path], tmp_path / "v1"))["boxes"]
    assert (told["chosen"], told["doubt"], boxes_in(tmp_path / "v1")) == ("corners", True, RIGHT)
    assert "sides" in told["others"]
    told = readings(inspect([path], tmp_path / "v2", readings={"boxes": "sides"}))["boxes"]
    assert (told["chosen"], told["asked"], "corners" in told["others"]) == ("sides", True, True)
    assert boxes_in(tmp_path / "v2") != RIGHT


def test_coco_as_it_is_meant_raises_no_question(tmp_path: Path) -> None:
    found = inspect([zipped(tmp_path / "a.zip", coco())], tmp_path / "v1")
    assert "boxes" not in readings(found)
    assert boxes_in(tmp_path / "v1") == RIGHT


def test_a_corner_and_a_size_in_a_list_stay_what_they_are(tmp_path: Path) -> None:
    inspect([zipped(tmp_path / "a.zip", listed(lambda *box: list(box)))], tmp_path / "v1")
    assert boxes_in(tmp_path / "v1") == RIGHT


def test_a_small_part_goes_by_the_others(tmp_path: Path) -> None:
    """The boxes of a part may be both; those of another tell."""
    files = corners(with_area=False)
    document = json.loads(files.pop("result.json"))
    first = {image["id"] for image in document["images"][:2]}
    for name, is_in in (("a.json", True), ("b.json", False)):
        images = [image for image in document["images"] if (image["id"] in first) == is_in]
        marks = [mark for mark in document["annotations"] if (mark["image_id"] in first) == is_in]
        files[name] = as_json(document | {"images": images, "annotations": marks})
    inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert boxes_in(tmp_path / "v1") == RIGHT


def test_corners_the_other_way_round_are_put_right_and_counted(tmp_path: Path) -> None:
    def row(name: str, label: str, x: int, y: int, w: int, h: int) -> str:
        across = (x + w, x) if name == NAMES[3] else (x, x + w)
        return f"{name},{label},{across[0]},{y},{across[1]},{y + h}"

    found = inspect([zipped(tmp_path / "a.zip", table("filename,class,xmin,ymin,xmax,ymax", row))], tmp_path / "v1")
    assert boxes_in(tmp_path / "v1") == RIGHT
    assert len(RIGHT[NAMES[3]]) == 1
    assert "1 box had its corners the other way round" in readings(found)["swapped_corners"]["sentence"]
    assert not [entry for entry in found["problems"] if entry["code"] == "bad_boxes"]


@given(some.lists(some.tuples(*[some.integers(0, 30)] * 4), min_size=6, max_size=30))
def test_boxes_with_areas_tell_their_form(drawn: list[tuple[int, int, int, int]]) -> None:
    sides = [(x + 1, y + 1, w % 20 + 5, h % 20 + 5) for x, y, w, h in drawn]
    size = (float(WIDE), float(HIGH))
    samples = [Sample(box, size, box[2] * box[3]) for box in sides]
    assert told_form(samples) in (SIDES, "")
    samples = [Sample((x, y, x + w, y + h), size, w * h) for x, y, w, h in sides]
    assert told_form(samples) in (CORNERS, "")


def test_ordered() -> None:
    assert ordered((1, 2, 3, 4)) == ([1, 2, 3, 4], False)
    assert ordered((3, 2, 1, 4)) == ([1, 2, 3, 4], True)
