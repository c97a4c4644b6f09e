"""Boxes of objects in pictures as one form, `[{"label", "box": [x, y, width, height]}]` in pixels, and COCO's documents.

Outlines, masks, rotated boxes and key points stay beside the box around them, for the day that they can be learned.
"""

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NotRequired, TypedDict, TypeGuard

from trainer.data.box_formats.geometry import (
    MAX_POINTS,
    Point,
    bounds_of,
    bounds_of_runs,
    decode_counts,
    flatten,
    is_rectangle,
    is_upright,
    pair_up,
    turn_point,
)
from trainer.json_types import Json, JsonObject

MAX_REPORTED = 200
SAME_SHAPE = 0.02
"""Sizes whose sides are in the same proportion up to this are of one picture, larger and smaller."""


class Shape(TypedDict, total=False):
    """What an object has besides its box, in pixels. `segments`: outlines [x1, y1, x2, y2, …]; `corners`: a rotated box's
    [x1, y1, …, x4, y4]; `keypoints`: [[x, y, 0 for not there, 1 for hidden, 2 for visible], …]; `mask`: COCO's runs."""

    segments: list[list[float]]
    corners: list[float]
    keypoints: list[list[float]]
    mask: JsonObject


class LabelledBox(TypedDict):
    """`box`: left, top, width, height in pixels; the others as in `Shape`."""

    label: str
    box: list[float]
    segments: NotRequired[list[list[float]]]
    corners: NotRequired[list[float]]
    keypoints: NotRequired[list[list[float]]]
    mask: NotRequired[JsonObject]


FindImage = Callable[[str], str | None]
"""A file's name, as an annotation has it → the picture's path in the archive, or None."""
Size = tuple[float, float]
"""Width and height in pixels."""


@dataclass
class Boxes:
    """`objects`: by path of the picture; `bad`: what could not be used, in sentences' ends; `parts`: part of a picture."""

    objects: dict[str, list[LabelledBox]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)
    """The size that the annotations give a picture."""
    bad: list[str] = field(default_factory=list)
    bad_count: int = 0
    shapes: Counter[str] = field(default_factory=Counter)
    """How many objects were no upright boxes: segments, corners, keypoints, mask."""
    crowds: list[str] = field(default_factory=list)
    """Regions of many objects in one, which are not boxes of an object."""
    turned: set[str] = field(default_factory=set)
    scaled: set[str] = field(default_factory=set)
    """Pictures whose boxes were measured before they were turned upright, or at another size."""
    swapped: list[str] = field(default_factory=list)
    """Boxes whose second corner was above or left of the first."""

    def refuse(self, what: str) -> None:
        self.bad_count += 1
        if len(self.bad) < MAX_REPORTED:
            self.bad.append(replace_surrogates(what))

    def add(
        self, image: str, label: str, box: list[float], size: Size | None, where: str, shape: Shape | None = None
    ) -> None:
        """Keep a box; one that leaves the picture is cut at its edge, one that has nothing in it is refused. Without a size it
        is cut once the picture's own is known (`fit`)."""
        if size is not None:
            self.sizes[image] = size
        reason, inside = clip_box(box, size) if size or min(box[2:]) <= 0 else ("", box)
        if reason:
            self.refuse(f"{where} {reason}")
        if inside:
            made: LabelledBox = {
                "label": replace_surrogates(label),
                "box": [round(value, 2) for value in inside],
                **(shape or {}),
            }
            self.objects[image].append(made)
            self.shapes.update(list(shape or {}))

    def add_points(self, image: str, label: str, points: Sequence[Point], size: Size | None, where: str) -> None:
        """Keep an outline with the box around it: a rotated box where its four corners make right angles."""
        self.add_segments(image, label, [points], size, where)

    def add_segments(
        self, image: str, label: str, outlines: Sequence[Sequence[Point]], size: Size | None, where: str
    ) -> None:
        """Keep an object of several outlines with the box around all of them."""
        box = bounds_of(point for outline in outlines for point in outline)
        if box is None or sum(map(len, outlines)) > MAX_POINTS:
            self.refuse(f"{where} has too few or too many points")
            return
        shape: Shape = {"segments": [flatten(outline) for outline in outlines]}
        if len(outlines) == 1 and is_rectangle(outlines[0]):
            shape = {} if is_upright(outlines[0]) else {"corners": flatten(outlines[0])}
        self.add(image, label, box, size, where, shape)

    def fit(self, image: str, size: Size, find_orientation: Callable[[], int]) -> list[LabelledBox]:
        """A picture's objects in its pixels as they are seen: turned as the picture is, scaled where they were measured at
        another size, and cut at its edge where the annotations did not say how large it is."""
        objects, stated = self.objects[image], self.sizes.get(image)
        if not objects or stated == size:
            return objects
        if stated is None:
            return self.clip_all(image, size)
        if stated == (size[1], size[0]) and (orientation := find_orientation()) > 4:
            self.turned.add(image)
            return [move(entry, turn_point(orientation, *stated)) for entry in objects]
        across, down = size[0] / stated[0], size[1] / stated[1]
        if abs(across / down - 1) <= SAME_SHAPE:
            self.scaled.add(image)
            return [move(entry, lambda point: (point[0] * across, point[1] * down)) for entry in objects]
        return self.clip_all(image, size)

    def clip_all(self, image: str, size: Size) -> list[LabelledBox]:
        clipped = []
        for number, entry in enumerate(self.objects[image], 1):
            reason, inside = clip_box(entry["box"], size)
            if reason:
                self.refuse(f"box {number} of {image} {reason}")
            if inside:
                clipped.append(entry | {"box": [round(value, 2) for value in inside]})
        return clipped


def move(entry: LabelledBox, point: Callable[[Point], Point]) -> LabelledBox:
    """An object with every point of it moved; masks of runs, which cannot be, are left out."""
    x, y, width, height = entry["box"]
    around = bounds_of([point((x, y)), point((x + width, y + height))])
    moved: LabelledBox = {"label": entry["label"], "box": [round(value, 2) for value in around or entry["box"]]}
    if "segments" in entry:
        moved["segments"] = [flatten(map(point, pair_up(outline))) for outline in entry["segments"]]
    if "corners" in entry:
        moved["corners"] = flatten(map(point, pair_up(entry["corners"])))
    if "keypoints" in entry:
        moved["keypoints"] = [[*flatten([point((mark[0], mark[1]))]), *mark[2:]] for mark in entry["keypoints"]]
    return moved


def replace_surrogates(text: str) -> str:
    """JSON may name half a character (\\ud800), which no file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def clip_box(box: list[float], size: Size | None) -> tuple[str, list[float] | None]:
    """(what is wrong or "", the box inside a picture of `size` or None)."""
    x, y, width, height = box
    if width <= 0 or height <= 0:
        return "has no width or no height", None
    if size is None:
        return ("", box) if x >= 0 and y >= 0 else ("starts outside its picture", None)
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + width, size[0]), min(y + height, size[1])
    if right - left < 1 or bottom - top < 1:
        return "lies outside its picture", None
    # A pixel's slack: tools round, and count from 0 or from 1.
    out = max(-x, -y, x + width - size[0], y + height - size[1]) > 1.5
    return "leaves its picture and was cut at the edge" if out else "", [left, top, right - left, bottom - top]


def parse_numbers(values: object, count: int) -> list[float] | None:
    """`count` finite numbers, or None."""
    if not isinstance(values, list | tuple) or len(values) != count:
        return None
    try:
        finite = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return finite if all(map(math.isfinite, finite)) else None


def parse_size(width: object, height: object) -> Size | None:
    """Width and height in pixels where both are above 0."""
    sides = parse_numbers([width, height], 2)
    return (sides[0], sides[1]) if sides and min(sides) > 0 else None


def parse_id(value: object) -> str | None:
    """A number or a text, as others refer to it: 1, 1.0 and "1" are one. None for what is not an id.

    As text, since numbers can be chosen so that they collide in a dictionary.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float | str) else None


def is_coco(value: object) -> TypeGuard[JsonObject]:
    return (
        isinstance(value, dict) and isinstance(value.get("images"), list) and isinstance(value.get("annotations"), list)
    )


def read_coco(
    document: JsonObject, find_image: FindImage, boxes: Boxes, part: str, name: str, has_corners: bool = False
) -> None:
    """A COCO document of a file called `name`, whose pictures belong to `part`; faults go to `boxes.bad`. `has_corners`: its boxes are
    not a corner and a size, as the form wants, but two corners."""
    images = coco_images(document, find_image, boxes, part, name)
    labels = coco_labels(document)
    ids: set[str] = set()
    has_single = any(
        isinstance(annotation, dict) and not is_crowd(annotation) for annotation in document["annotations"]
    )
    for number, annotation in enumerate(document["annotations"], 1):
        if not isinstance(annotation, dict):
            boxes.refuse(f"annotation {number} of {name} is not an object")
            continue
        own_id = parse_id(annotation.get("id"))
        where = f"box {number if own_id is None else own_id[:40]} of {name}"
        if own_id in ids:
            boxes.refuse(f"{where} has an id that is there twice")
            continue
        if own_id is not None:
            ids.add(own_id)
        category = parse_id(annotation.get("category_id"))
        label = labels.get(category) if labels else category
        image = images.get(parse_id(annotation.get("image_id")))
        if image is None:
            boxes.refuse(f"{where} belongs to a picture that is not there")
        elif not label:
            boxes.refuse(f"{where} has a category that is not listed")
        elif is_crowd(annotation) and has_single:  # some tools write it beside every mask
            boxes.crowds.append(where)
        else:
            add_coco_object(annotation, label, image, boxes, where, has_corners)


def is_crowd(annotation: JsonObject) -> bool:
    return annotation.get("iscrowd") in (1, True, "1")


def add_coco_object(
    annotation: JsonObject, label: str, image: tuple[str, Size | None], boxes: Boxes, where: str, has_corners: bool
) -> None:
    """Its box as it is given, else the one around its outlines, its mask or its key points, which stay beside it."""
    shape, around = coco_shape(annotation)
    box = parse_numbers(annotation.get("bbox"), 4)
    if box and has_corners:
        box = bounds_of([(box[0], box[1]), (box[2], box[3])])
    if around is not None and (box is None or min(box[2:]) <= 0):
        box = around
    if box is None:
        boxes.refuse(f"{where} is not four numbers")
    else:
        boxes.add(image[0], label, box, image[1], where, shape)


def coco_shape(annotation: JsonObject) -> tuple[Shape, list[float] | None]:
    """(outlines, mask and key points of an object, the box around them or None)."""
    shape: Shape = {}
    around: list[float] | None = None
    drawn = annotation.get("segmentation")
    if isinstance(drawn, list) and drawn:
        outlines = [drawn] if isinstance(drawn[0], int | float) else drawn
        segments = [pair_up(flat) for outline in outlines if (flat := parse_flat(outline)) and len(flat) >= 6]
        if segments and sum(map(len, segments)) <= MAX_POINTS:
            around = bounds_of(point for outline in segments for point in outline)
            is_box = len(segments) == 1 and is_rectangle(segments[0]) and is_upright(segments[0])
            if not is_box:
                shape["segments"] = [flatten(outline) for outline in segments]
    elif isinstance(drawn, dict):
        around = mask_bounds(drawn)
        if around is not None:
            shape["mask"] = drawn
    marks = parse_flat(annotation.get("keypoints"))
    if marks and len(marks) % 3 == 0 and len(marks) <= 3 * MAX_POINTS:
        points = [marks[start : start + 3] for start in range(0, len(marks), 3)]
        shape["keypoints"] = points
        around = around or bounds_of((point[0], point[1]) for point in points if point[2] > 0)
    return shape, around


def parse_flat(values: Json) -> list[float] | None:
    """Any number of finite numbers, an even one where they are pairs; None for anything else."""
    return parse_numbers(values, len(values)) if isinstance(values, list) and values else None


def mask_bounds(mask: JsonObject) -> list[float] | None:
    """The box around COCO's runs, packed as text or not; None for what is no such mask, or an empty one."""
    size = parse_numbers(mask.get("size"), 2)
    counts = mask.get("counts")
    runs = decode_counts(counts) if isinstance(counts, str) else parse_flat(counts)
    if size is None or runs is None or sum(runs) != size[0] * size[1] or min(runs) < 0:
        return None
    return bounds_of_runs([int(run) for run in runs], int(size[0]))


def coco_labels(document: JsonObject) -> dict[str | None, str]:
    """{id of a category: its name}; {} where the document lists none, and an id is all that is known of a category."""
    listed = document.get("categories")
    return {
        parse_id(category.get("id")): replace_surrogates(str(category.get("name", "")).strip())
        for category in (listed if isinstance(listed, list) else [])
        if isinstance(category, dict) and parse_id(category.get("id")) is not None
    }


def coco_images(
    document: JsonObject, find_image: FindImage, boxes: Boxes, part: str, name: str
) -> dict[str | None, tuple[str, Size | None]]:
    """{id of a picture: its path in the archive, and its size where the document says it}."""
    images: dict[str | None, tuple[str, Size | None]] = {}
    for number, image in enumerate(document["images"], 1):
        file = image.get("file_name") if isinstance(image, dict) else None
        own_id = parse_id(image.get("id")) if isinstance(image, dict) else None
        if not isinstance(file, str) or own_id is None:
            boxes.refuse(f"picture {number} of {name} has no id or no file name")
            continue
        if own_id in images:
            boxes.refuse(f"picture id {own_id[:40]} of {name} is there twice")
            continue
        path = find_image(file)
        if path is None:
            outside = ".." in re.split(r"[\\/]", file) or file.startswith(("/", "\\"))
            reason = "points outside the archive" if outside else "is not in the archive"
            boxes.refuse(f"picture “{file[:80]}” of {name} {reason}")
            continue
        size = parse_size(image.get("width"), image.get("height"))
        images[own_id] = path, size
        boxes.objects[path]  # a picture without objects counts
        if part:
            boxes.parts[path] = part
    return images


def to_cell(objects: list[LabelledBox]) -> str:
    return replace_surrogates(json.dumps(objects, ensure_ascii=False))
