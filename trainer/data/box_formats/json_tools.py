"""Boxes in JSON: LabelMe, VIA, Supervisely, CreateML (RectLabel), Label Studio, Edge Impulse. COCO is in `annotations`.

Each is a `JsonFormat`: how a document is recognised and how it is read. Faults go to `boxes.bad`.
"""

import base64
import binascii
import io
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from trainer.data.annotations import Boxes, is_coco, parse_id, parse_numbers, parse_size, read_coco
from trainer.data.archives import Entry
from trainer.data.box_formats.box_forms import CORNERS, SIDES, Sample, form_reading, told_form
from trainer.data.box_formats.geometry import bounds_of
from trainer.data.box_formats.json_base import NO_BOX, parse_point, parse_points, picture_or_refuse
from trainer.data.box_formats.label_studio_regions import is_label_studio, read_label_studio
from trainer.data.box_formats.source import Annotated, Finder
from trainer.json_types import Json, JsonObject

LABEL_NAMES = ("label", "class", "name", "type", "category", "object")
PARTS = {"training": "train", "testing": "test"}


class JsonFormat(NamedTuple):
    """`read(document, entry of the file, find picture, annotated)`."""

    layout: str
    title: str
    matches: Callable[[Any], bool]
    read: Callable[[Any, Entry, Finder, Annotated], None]


def read_coco_document(document: JsonObject, entry: Entry, find: Finder, into: Annotated) -> None:
    """At once where it tells what its boxes are, or somebody did; else when the others have been read."""

    def read(has_corners: bool) -> None:
        part = into.file_parts.get(entry.name) or ""
        read_coco(document, find, into.boxes, part, entry.name, has_corners=has_corners)

    form = into.box_form or told_form(coco_samples(document))
    if form:
        into.told_forms[entry.name] = form
        read(form == CORNERS)
    else:
        into.untold.append(read)


def coco_samples(document: JsonObject) -> Iterator[Sample]:
    """Its boxes with the sizes of their pictures and the areas beside them."""
    sizes = {
        parse_id(image.get("id")): parse_size(image.get("width"), image.get("height"))
        for image in document["images"]
        if isinstance(image, dict)
    }
    for annotation in document["annotations"]:
        box = parse_numbers(annotation.get("bbox"), 4) if isinstance(annotation, dict) else None
        if box:
            area = parse_numbers([annotation.get("area")], 1)
            yield Sample(box, sizes.get(parse_id(annotation.get("image_id"))), area[0] if area else None)


def finish_coco(into: Annotated, file: str) -> None:
    """Read what waited, and tell of boxes that are two corners, which COCO does not know."""
    forms = into.told_forms
    chosen = into.box_form or (CORNERS if CORNERS in forms.values() and SIDES not in forms.values() else SIDES)
    for read in into.untold:
        read(chosen == CORNERS)
    if into.box_form or CORNERS in forms.values():
        source = next((name for name, form in forms.items() if form == CORNERS), next(iter(forms), file))
        shown = into.box_form or CORNERS
        into.readings.append(form_reading(shown, COCO_FORMS, source, 0.85, file, is_asked=bool(into.box_form)))


COCO_FORMS = (SIDES, CORNERS)


# LabelMe: a document a picture


def is_labelme(document: Json) -> bool:
    return isinstance(document, dict) and isinstance(document.get("shapes"), list) and "imagePath" in document


def read_labelme(document: JsonObject, entry: Entry, find: Finder, into: Annotated) -> None:
    stem = entry.parts[-1].rpartition(".")[0]
    path = picture_or_refuse([str(document.get("imagePath") or ""), stem], find, into.boxes, entry.name)
    if path is None:
        return
    flags = document.get("flags")
    ticked = [str(name) for name, is_ticked in flags.items() if is_ticked is True] if isinstance(flags, dict) else []
    if ticked:
        into.tags[path] = ticked
    size = parse_size(document.get("imageWidth"), document.get("imageHeight"))
    for number, shape in enumerate(document["shapes"], 1):
        where = f"shape {number} of {entry.name}"
        label = str(shape.get("label") or "").strip() if isinstance(shape, dict) else ""
        points = parse_points(shape.get("points")) if isinstance(shape, dict) else []
        kind = (shape.get("shape_type") or "polygon") if isinstance(shape, dict) else ""
        if not label or not points:
            into.boxes.refuse(f"{where} has no label or no points")
        elif kind == "circle" and len(points) == 2:
            radius = math.dist(*points)
            box = [points[0][0] - radius, points[0][1] - radius, 2 * radius, 2 * radius]
            into.boxes.add(path, label, box, size, where)
        elif kind in ("rectangle", "mask") and (box := bounds_of(points) or []):
            into.boxes.add(path, label, box, size, where)
        elif kind in ("polygon", "rotation", "quad") and len(points) > 2:
            into.boxes.add_points(path, label, points, size, where)
        else:
            into.boxes.refuse(f"{where} {NO_BOX}")


# VIA: one document for all pictures, without their sizes


def via_pictures(document: Json) -> list[JsonObject]:
    if not isinstance(document, dict):
        return []
    listed = document.get("_via_img_metadata", document)
    values = list(listed.values()) if isinstance(listed, dict) else []
    return [value for value in values if isinstance(value, dict) and "filename" in value and "regions" in value]


def read_via(document: JsonObject, entry: Entry, find: Finder, into: Annotated) -> None:
    for picture in via_pictures(document):
        path = picture_or_refuse([str(picture["filename"])], find, into.boxes, entry.name)
        if (
            path
            and isinstance(picture.get("file_attributes"), dict)
            and (title := via_label(picture["file_attributes"], ""))
        ):
            into.tags[path] = [title]
        regions = picture["regions"]
        regions = list(regions.values()) if isinstance(regions, dict) else regions if isinstance(regions, list) else []
        for number, region in enumerate(regions if path else [], 1):
            where = f"region {number} of “{str(picture['filename'])[:80]}” in {entry.name}"
            if not path or not isinstance(region, dict):
                into.boxes.refuse(f"{where} is not an object")
                continue
            add_via_region(path, region.get("shape_attributes"), region.get("region_attributes"), where, into.boxes)


def add_via_region(path: str, shape: Json, attributes: Json, where: str, boxes: Boxes) -> None:
    """A region by its shape: rect, polygon, circle or ellipse."""
    label = via_label(attributes)
    if not isinstance(shape, dict):
        boxes.refuse(f"{where} has no shape")
        return
    rect = parse_numbers([shape.get(key) for key in ("x", "y", "width", "height")], 4)
    centre = parse_numbers([shape.get("cx"), shape.get("cy")], 2)
    radius = parse_numbers([shape.get("rx", shape.get("r")), shape.get("ry", shape.get("r"))], 2)
    across, down = shape.get("all_points_x"), shape.get("all_points_y")
    if rect:
        boxes.add(path, label, rect, None, where)
    elif centre and radius:
        box = [centre[0] - radius[0], centre[1] - radius[1], 2 * radius[0], 2 * radius[1]]
        boxes.add(path, label, box, None, where)
    elif shape.get("name") != "polyline" and isinstance(across, list) and isinstance(down, list):
        points = parse_points([list(pair) for pair in zip(across, down, strict=False)])
        boxes.add_points(path, label, points, None, where)
    else:
        boxes.refuse(f"{where} {NO_BOX}")


def via_label(attributes: Json, otherwise: str = "object") -> str:
    """The label among a region's attributes: one that is called so, else the first that has a value."""
    values = {}
    for name, value in attributes.items() if isinstance(attributes, dict) else ():
        if isinstance(value, dict):  # boxes to tick
            value = next((key for key, is_ticked in value.items() if is_ticked), "")
        if str(value if value is not None else "").strip():
            values[str(name).strip().lower()] = str(value).strip()
    named = next((values[name] for name in LABEL_NAMES if name in values), None)
    return named or next(iter(values.values()), otherwise)


# Supervisely: a document a picture, <picture's name>.json in ann/ beside img/


def is_supervisely(document: Json) -> bool:
    objects = document.get("objects") if isinstance(document, dict) else None
    is_sized = isinstance(document, dict) and isinstance(document.get("size"), dict)
    return is_sized and isinstance(objects, list) and all(isinstance(o, dict) and "classTitle" in o for o in objects)


def read_supervisely(document: JsonObject, entry: Entry, find: Finder, into: Annotated) -> None:
    name = entry.parts[-1].removesuffix(".json")
    find_picture = Finder(find.index, [*("img" if word == "ann" else word for word in entry.parts)])
    path = picture_or_refuse([name, str(document.get("name") or "")], find_picture, into.boxes, entry.name)
    if path is None:
        return
    size = parse_size(document["size"].get("width"), document["size"].get("height"))
    for number, drawn in enumerate(document["objects"], 1):
        where, label = f"object {number} of {entry.name}", str(drawn["classTitle"] or "").strip()
        if not label:
            into.boxes.refuse(f"{where} has no label")
            continue
        kind = drawn.get("geometryType")
        held = drawn.get("points")
        points = parse_points(held.get("exterior") if isinstance(held, dict) else None)
        if kind == "rectangle" and (box := bounds_of(points)):
            into.boxes.add(path, label, box, size, where)
        elif kind == "polygon" and len(points) > 2:
            into.boxes.add_points(path, label, points, size, where)
        elif kind == "bitmap" and (box := bitmap_bounds(drawn.get("bitmap"))):
            into.boxes.add(path, label, box, size, where, {"mask": drawn["bitmap"]})
        elif kind == "graph" and (marks := graph_points(drawn)):
            around = bounds_of((x, y) for x, y, _visible in marks) or [0.0] * 4
            into.boxes.add(path, label, around, size, where, {"keypoints": marks})
        else:
            into.boxes.refuse(f"{where} {NO_BOX}")
    tags = document.get("tags")
    titles = [str(tag.get("name")) for tag in (tags if isinstance(tags, list) else []) if isinstance(tag, dict)]
    if titles:
        into.tags[path] = titles


def bitmap_bounds(bitmap: Json) -> list[float] | None:
    """Where a mask lies: its upper left corner, and the size of the PNG that is packed in it."""
    from PIL import Image

    origin = parse_point(bitmap.get("origin")) if isinstance(bitmap, dict) else None
    if origin is None or not isinstance(bitmap, dict):
        return None
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(str(bitmap.get("data"))), 1 << 20)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return [origin[0], origin[1], float(image.width), float(image.height)]
    except (ValueError, OSError, zlib.error, binascii.Error, SyntaxError, struct.error):
        return None


def graph_points(drawn: JsonObject) -> list[list[float]]:
    nodes = drawn.get("nodes")
    values = list(nodes.values()) if isinstance(nodes, dict) else []
    points = [parse_point(node.get("loc")) for node in values if isinstance(node, dict)]
    return [[point[0], point[1], 2.0] for point in points if point]


# CreateML, which RectLabel and Roboflow write too: a list of pictures, boxes by their centres


def is_createml(document: Json) -> bool:
    first = document[0] if isinstance(document, list) and document else None
    if not isinstance(first, dict) or not ("image" in first or "imagefilename" in first):
        return False
    marks = first.get("annotations", first.get("annotation"))
    return isinstance(marks, list) and all(isinstance(mark, dict) and "coordinates" in mark for mark in marks)


def read_createml(document: list[Json], entry: Entry, find: Finder, into: Annotated) -> None:
    for picture in document:
        if not isinstance(picture, dict):
            into.boxes.refuse(f"an entry of {entry.name} is not an object")
            continue
        name = str(picture.get("image") or picture.get("imagefilename") or "")
        path = picture_or_refuse([name], find, into.boxes, entry.name)
        marks = picture.get("annotations", picture.get("annotation"))
        for number, mark in enumerate(marks if path and isinstance(marks, list) else [], 1):
            where = f"box {number} of “{name[:80]}” in {entry.name}"
            held = mark.get("coordinates") if isinstance(mark, dict) else None
            label = str(mark.get("label") or "").strip() if isinstance(mark, dict) else ""
            sides = parse_numbers([held.get(key) for key in ("x", "y", "width", "height")], 4) if isinstance(held, dict) else None  # fmt: skip
            if not path or not label or sides is None:
                into.boxes.refuse(f"{where} has no label or not four numbers")
                continue
            x, y, width, height = sides
            into.boxes.add(path, label, [x - width / 2, y - height / 2, width, height], None, where)


# Edge Impulse: bounding_boxes.labels and info.labels


def is_edge_impulse(document: Json) -> bool:
    if not isinstance(document, dict):
        return False
    files = document.get("files")
    return isinstance(document.get("boundingBoxes"), dict) or (
        isinstance(files, list) and any(isinstance(file, dict) and "path" in file and "label" in file for file in files)
    )


def read_edge_impulse(document: JsonObject, entry: Entry, find: Finder, into: Annotated) -> None:
    listed = document.get("boundingBoxes")
    for name, marks in listed.items() if isinstance(listed, dict) else ():
        read_edge_impulse_boxes(str(name), marks, entry, find, into)
    files = document.get("files")
    for file in files if isinstance(files, list) else []:
        if not isinstance(file, dict) or not isinstance(file.get("path"), str):
            into.boxes.refuse(f"a file of {entry.name} has no path")
            continue
        path = find(file["path"])
        if path and str(file.get("category")) in PARTS:
            into.boxes.parts[path] = PARTS[str(file["category"])]
        marks, label = file.get("boundingBoxes"), file.get("label")
        title = label.get("label") if isinstance(label, dict) else label
        if isinstance(marks, list) and marks:
            read_edge_impulse_boxes(file["path"], marks, entry, find, into)
        elif path and isinstance(title, str) and title:
            into.tags[path] = [title]


def read_edge_impulse_boxes(name: str, marks: Json, entry: Entry, find: Finder, into: Annotated) -> None:
    path = picture_or_refuse([name], find, into.boxes, entry.name)
    for number, mark in enumerate(marks if path and isinstance(marks, list) else [], 1):
        where = f"box {number} of “{name[:80]}” in {entry.name}"
        sides = parse_numbers([mark.get(key) for key in ("x", "y", "width", "height")], 4) if isinstance(mark, dict) else None  # fmt: skip
        if path and sides and str(mark.get("label") or "").strip():
            into.boxes.add(path, str(mark["label"]).strip(), sides, None, where)
        else:
            into.boxes.refuse(f"{where} has no label or not four numbers")


JSON_FORMATS = (
    JsonFormat("coco", "COCO", is_coco, read_coco_document),
    JsonFormat("labelme", "LabelMe", is_labelme, read_labelme),
    JsonFormat("via", "VGG Image Annotator (VIA)", lambda document: bool(via_pictures(document)), read_via),
    JsonFormat("supervisely", "Supervisely", is_supervisely, read_supervisely),
    JsonFormat("createml", "CreateML", is_createml, read_createml),
    JsonFormat("label_studio", "Label Studio", is_label_studio, read_label_studio),
    JsonFormat("edge_impulse", "Edge Impulse", is_edge_impulse, read_edge_impulse),
)
