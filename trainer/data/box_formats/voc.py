"""Pascal VOC: one XML file a picture, boxes by their corners; outlines and rotated boxes as RectLabel and roLabelImg add them."""

import math
from xml.etree.ElementTree import Element

from trainer.data.annotations import Boxes, FindImage, Shape, parse_numbers, parse_size
from trainer.data.box_formats.box_forms import ordered
from trainer.data.box_formats.geometry import Point, bounds_of, flatten, rotate_corners


def parse_xml(data: bytes) -> Element | None:
    """The root of an XML document; None for what cannot be read safely: entities and external references are refused."""
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(data)
    except (ParseError, ValueError, LookupError, DefusedXmlException):  # LookupError: an encoding that is not known
        return None
    return root


def read_voc(data: bytes, find_image: FindImage, boxes: Boxes, name: str) -> None:
    """One XML file of Pascal VOC; faults go to `boxes.bad`."""
    root = parse_xml(data)
    if root is None:
        boxes.refuse(f"{name} is not XML that can be read safely")
    elif root.tag != "annotation":
        boxes.refuse(f"{name} is no VOC annotation")
    else:
        read_voc_root(root, find_image, boxes, name)


def read_voc_root(root: Element, find_image: FindImage, boxes: Boxes, name: str) -> None:
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
        shape, around = drawn_shape(element)
        if corners is not None:
            (x, y, right, bottom), is_swapped = ordered(corners)
            around = [x, y, right - x, bottom - y]
            boxes.swapped += [where] if is_swapped else []
        if not label or around is None:
            boxes.refuse(f"{where} has no label or not four numbers")
            continue
        boxes.add(path, label, around, size, where, shape)


def drawn_shape(element: Element) -> tuple[Shape, list[float] | None]:
    """(the outline, the rotated box or the key points of an object, the box around it or None)."""
    shape, around = drawn_outline(element)
    held = element.find("keypoints")
    count = len(held) // 3 if held is not None else 0
    marks = [
        parse_numbers([element.findtext(f"keypoints/{axis}{n}") for axis in "xyv"], 3) for n in range(1, count + 1)
    ]
    points = [mark for mark in marks if mark]
    if not points:
        return shape, around
    return shape | {"keypoints": points}, around or bounds_of((x, y) for x, y, seen in points if seen)


def drawn_outline(element: Element) -> tuple[Shape, list[float] | None]:
    polygon = element.find("polygon")
    points: list[Point] = []
    for index in range(1, 1 + len(polygon) // 2 if polygon is not None else 0):
        point = parse_numbers([element.findtext(f"polygon/{axis}{index}") for axis in "xy"], 2)
        points += [(point[0], point[1])] if point else []
    if len(points) > 2:
        return {"segments": [flatten(points)]}, bounds_of(points)
    rotated = parse_numbers([element.findtext(f"robndbox/{key}") for key in ("cx", "cy", "w", "h", "angle")], 5)
    if rotated:
        x, y, width, height, angle = rotated
        corners = rotate_corners([x - width / 2, y - height / 2, width, height], math.degrees(angle), (x, y))
        return {"corners": flatten(corners)}, bounds_of(corners)
    return {}, None
