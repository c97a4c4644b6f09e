"""Boxes of objects in pictures: COCO, VOC and YOLO annotations as one form, `[{"label", "box": [x, y, width, height]}]` in pixels."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict, TypeGuard

from trainer.json_types import JsonObject

MAX_REPORTED = 200
MAX_CLASS_DIGITS = 9


class LabelledBox(TypedDict):
    """`box`: left, top, width, height in pixels."""

    label: str
    box: list[float]


FindImage = Callable[[str], str | None]
"""A file's name, as an annotation has it → the picture's path in the archive, or None."""
Size = tuple[float, float]
"""Width and height in pixels."""


@dataclass
class Boxes:
    """`objects`: by path of the picture; `bad`: what could not be used, in sentences' ends; `parts`: part of a picture."""

    objects: dict[str, list[LabelledBox]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[str, str] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    bad_count: int = 0

    def refuse(self, what: str) -> None:
        self.bad_count += 1
        if len(self.bad) < MAX_REPORTED:
            self.bad.append(replace_surrogates(what))

    def add(self, image: str, label: str, box: list[float], size: Size | None, where: str) -> None:
        """Keep a box; one that leaves the picture is cut at its edge, one that has nothing in it is refused."""
        reason, inside = clip_box(box, size)
        if reason:
            self.refuse(f"{where} {reason}")
        if inside:
            self.objects[image].append({"label": label, "box": [round(value, 2) for value in inside]})


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
    """A number or a text, as others refer to it: 1, 1.0 and "1" are one. None for what is no id.

    As text, since numbers can be chosen so that they collide in a dictionary.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float | str) else None


def is_coco(value: object) -> TypeGuard[JsonObject]:
    return (
        isinstance(value, dict) and isinstance(value.get("images"), list) and isinstance(value.get("annotations"), list)
    )


def read_coco(document: JsonObject, find_image: FindImage, boxes: Boxes, part: str, name: str) -> None:
    """A COCO document of a file called `name`, whose pictures belong to `part`; faults go to `boxes.bad`."""
    images = coco_images(document, find_image, boxes, part, name)
    labels = coco_labels(document)
    ids: set[str] = set()
    for number, annotation in enumerate(document["annotations"], 1):
        if not isinstance(annotation, dict):
            boxes.refuse(f"annotation {number} of {name} is no object")
            continue
        own_id = parse_id(annotation.get("id"))
        where = f"box {number if own_id is None else own_id[:40]} of {name}"
        if own_id in ids:
            boxes.refuse(f"{where} has an id that is there twice")
            continue
        if own_id is not None:
            ids.add(own_id)
        label = labels.get(parse_id(annotation.get("category_id")))
        box = parse_numbers(annotation.get("bbox"), 4)
        image = images.get(parse_id(annotation.get("image_id")))
        if image is None:
            boxes.refuse(f"{where} belongs to a picture that is not there")
        elif not label:
            boxes.refuse(f"{where} has a category that is not listed")
        elif box is None:
            boxes.refuse(f"{where} is not four numbers")
        else:
            boxes.add(image[0], label, box, image[1], where)


def coco_labels(document: JsonObject) -> dict[str | None, str]:
    """{id of a category: its name}."""
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
        images[own_id] = path, parse_size(image.get("width"), image.get("height"))
        boxes.objects[path]  # a picture without objects counts
        if part:
            boxes.parts[path] = part
    return images


def read_voc(data: bytes, find_image: FindImage, boxes: Boxes, name: str) -> None:
    """One XML file of Pascal VOC; entities and external references are refused by defusedxml."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(data)
    except (ParseError, ValueError, LookupError, DefusedXmlException):  # LookupError: an encoding that is not known
        boxes.refuse(f"{name} is no XML that can be read safely")
        return
    if root.tag != "annotation":
        boxes.refuse(f"{name} is no VOC annotation")
        return
    path = find_image((root.findtext("filename") or "").strip()) or find_image(
        name.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    )
    if path is None:
        boxes.refuse(f"the picture of {name} is not in the archive")
        return
    size = parse_size(root.findtext("size/width"), root.findtext("size/height"))
    boxes.objects[path]
    for number, element in enumerate(root.iter("object"), 1):
        label = (element.findtext("name") or "").strip()
        corners = parse_numbers([element.findtext(f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")], 4)
        where = f"box {number} of {name}"
        if not label or corners is None:
            boxes.refuse(f"{where} has no label or not four numbers")
            continue
        left, top, right, bottom = corners
        boxes.add(
            path,
            label,
            [left, top, right - left, bottom - top],
            size,
            where,
        )


def read_yolo(text: str, path: str, size: Size, names: list[str], boxes: Boxes, name: str) -> None:
    """Lines of `class x_centre y_centre width height`, as shares of the picture."""
    boxes.objects[path]
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        where = f"line {number} of {name}"
        sides = parse_numbers(fields[1:5], 4)
        if sides is None or not fields[0].isdecimal() or len(fields[0]) > MAX_CLASS_DIGITS:
            boxes.refuse(f"{where} is not a class and four numbers")
            continue
        index = int(fields[0])
        label = names[index] if index < len(names) else fields[0]
        x, y, width, height = sides
        wide, high = size
        box = [(x - width / 2) * wide, (y - height / 2) * high, width * wide, height * high]
        boxes.add(path, label, box, size, where)


def yolo_names(files: dict[str, str]) -> list[str]:
    """Class names from classes.txt, obj.names or data.yaml, whichever is there; `files`: name → text."""
    for name, text in files.items():
        if name.endswith((".names", "classes.txt", "labels.txt")):
            return [line.strip() for line in text.splitlines() if line.strip()]
    for text in files.values():
        if names := yaml_names(text):
            return names
    return []


NAME = re.compile(
    r"""(?:^|[\[{,\n])[ \t]*(?:-[ \t]+)?(?:["']?(\d{1,9})["']?[ \t]*:[ \t]*)?"""
    r"""(?:"([^"\n]*)"|'((?:[^'\n]|'')*)'|([^\s"'\[\]{},#-][^\[\]{},\n]*|-[^\s\[\]{},][^\[\]{},\n]*))"""
)
"""An entry under `names:`, listed or by its number: 0: cat, - cat, 'cat', ["black cat", dog]."""
MAX_CLASSES = 100_000


def yaml_names(text: str) -> list[str]:
    """The names of a data.yaml in the order of their numbers, where it gives them; a number that it leaves out is its own
    name. The forms that YOLO's tools write, not all of YAML."""
    key = re.search(r"^names:[ \t]*", text, re.MULTILINE)
    rest = text[key.end() :] if key else ""
    written = re.match(r"\[.*?\]|\{.*?\}", rest, re.DOTALL) or re.match(
        r"(?:#.*)?\n((?:[ \t]+.*\n?|-.*\n?|[ \t]*(?:#.*)?\n)+)", rest
    )
    if written is None:
        return []
    by_number: dict[int, str] = {}
    for number, double, single, plain in NAME.findall(written[0]):
        name = double or single.replace("''", "'") or re.split(r"\s#", plain)[0]
        index = int(number) if number else len(by_number)
        if name.strip() and index < MAX_CLASSES:
            by_number[index] = name.strip()
    return [by_number.get(index, str(index)) for index in range(max(by_number, default=-1) + 1)]


def to_cell(objects: list[LabelledBox]) -> str:
    return replace_surrogates(json.dumps(objects, ensure_ascii=False))
