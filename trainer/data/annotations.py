"""Boxes of objects in pictures: COCO, VOC and YOLO annotations as one form, `[{"label", "box": [x, y, width, height]}]` in pixels."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypedDict, TypeGuard

from trainer.json_types import JsonObject

MAX_TOLD = 200
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
        if len(self.bad) < MAX_TOLD:
            self.bad.append(writable(what))

    def add(self, image: str, label: str, box: list[float], size: Size | None, where: str) -> None:
        """Keep a box; one that leaves the picture is cut at its edge, one that has nothing in it is refused."""
        why, inside = fitted(box, size)
        if why:
            self.refuse(f"{where} {why}")
        if inside:
            self.objects[image].append({"label": label, "box": [round(value, 2) for value in inside]})


def writable(text: str) -> str:
    """JSON may name half a character (\\ud800), which no file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def fitted(box: list[float], size: Size | None) -> tuple[str, list[float] | None]:
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


def numbers(values: object, count: int) -> list[float] | None:
    """`count` finite numbers, or None."""
    if not isinstance(values, list | tuple) or len(values) != count:
        return None
    try:
        found = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if all(map(math.isfinite, found)) else None


def size_of(width: object, height: object) -> Size | None:
    """Width and height in pixels where both are above 0."""
    sides = numbers([width, height], 2)
    return (sides[0], sides[1]) if sides and min(sides) > 0 else None


def id_of(value: object) -> str | None:
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


def read_coco(document: JsonObject, find_image: FindImage, boxes: Boxes, part: str, name: str) -> None:  # noqa: C901, PLR0912
    """A COCO document of a file called `name`, whose pictures belong to `part`; faults go to `boxes.bad`."""
    listed = document.get("categories")
    categories: dict[str | None, str] = {
        id_of(one.get("id")): writable(str(one.get("name", "")).strip())
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and id_of(one.get("id")) is not None
    }
    images: dict[str | None, tuple[str, Size | None]] = {}
    for number, one in enumerate(document["images"], 1):
        file = one.get("file_name") if isinstance(one, dict) else None
        mark = id_of(one.get("id")) if isinstance(one, dict) else None
        if not isinstance(file, str) or mark is None:
            boxes.refuse(f"picture {number} of {name} has no id or no file name")
            continue
        if mark in images:
            boxes.refuse(f"picture id {mark[:40]} of {name} is there twice")
            continue
        path = find_image(file)
        if path is None:
            outside = ".." in re.split(r"[\\/]", file) or file.startswith(("/", "\\"))
            boxes.refuse(
                f"picture “{file[:80]}” of {name} "
                + ("points outside the archive" if outside else "is not in the archive")
            )
            continue
        images[mark] = path, size_of(one.get("width"), one.get("height"))
        boxes.objects[path]  # a picture without objects counts
        if part:
            boxes.parts[path] = part
    seen: set[str] = set()
    for number, one in enumerate(document["annotations"], 1):
        if not isinstance(one, dict):
            boxes.refuse(f"annotation {number} of {name} is no object")
            continue
        mark = id_of(one.get("id"))
        where = f"box {number if mark is None else mark[:40]} of {name}"
        if mark in seen:
            boxes.refuse(f"{where} has an id that is there twice")
            continue
        if mark is not None:
            seen.add(mark)
        label = categories.get(id_of(one.get("category_id")))
        box = numbers(one.get("bbox"), 4)
        image = id_of(one.get("image_id"))
        if image not in images:
            boxes.refuse(f"{where} belongs to a picture that is not there")
        elif not label:
            boxes.refuse(f"{where} has a category that is not listed")
        elif box is None:
            boxes.refuse(f"{where} is not four numbers")
        else:
            boxes.add(images[image][0], label, box, images[image][1], where)


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
    size = size_of(root.findtext("size/width"), root.findtext("size/height"))
    boxes.objects[path]
    for number, one in enumerate(root.iter("object"), 1):
        label = (one.findtext("name") or "").strip()
        corners = numbers([one.findtext(f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax")], 4)
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
        words = line.split()
        if not words:
            continue
        where = f"line {number} of {name}"
        found = numbers(words[1:5], 4)
        if found is None or not words[0].isdecimal() or len(words[0]) > MAX_CLASS_DIGITS:
            boxes.refuse(f"{where} is not a class and four numbers")
            continue
        at = int(words[0])
        label = names[at] if at < len(names) else words[0]
        x, y, width, height = found
        wide, high = size
        box = [(x - width / 2) * wide, (y - height / 2) * high, width * wide, height * high]
        boxes.add(path, label, box, size, where)


def yolo_names(files: dict[str, str]) -> list[str]:
    """Class names from classes.txt, obj.names or data.yaml, whichever is there; `files`: name → text."""
    for name, text in files.items():
        if name.endswith((".names", "classes.txt", "labels.txt")):
            return [line.strip() for line in text.splitlines() if line.strip()]
    for text in files.values():
        listed = re.search(r"^names:\s*\[(.*?)\]", text, re.MULTILINE | re.DOTALL)
        if listed:
            return [word.strip().strip("'\"") for word in listed[1].split(",") if word.strip()]
        block = re.search(r"^names:\s*\n((?:[ \t]+.*\n?|-.*\n?)+)", text, re.MULTILINE)
        if block:
            return [
                re.sub(r"^\s*(-|\d+:)\s*", "", line).strip().strip("'\"")
                for line in block[1].splitlines()
                if line.strip()
            ]
    return []


def as_cell(objects: list[LabelledBox]) -> str:
    return writable(json.dumps(objects, ensure_ascii=False))
