"""VIA, version 3, as JSON and as CSV: files, views of them, and metadata with a shape and the options that were ticked."""

import csv
import json
from collections.abc import Iterator

from trainer.data.annotations import Boxes, parse_numbers
from trainer.data.archives import Entry
from trainer.data.box_formats.geometry import pair_up
from trainer.data.box_formats.json_base import NO_BOX, picture_or_refuse
from trainer.data.box_formats.source import Annotated, Finder
from trainer.json_types import Json, JsonObject

RECTANGLE, CIRCLE, ELLIPSE, POLYGON = 2, 3, 4, 7
HEADER = "# CSV_HEADER = metadata_id,file_list,"
LABEL_NAMES = ("label", "class", "name", "type", "category", "object")


def is_via3(document: Json) -> bool:
    return isinstance(document, dict) and all(
        isinstance(document.get(key), dict) for key in ("file", "metadata", "view", "attribute")
    )


def read_via3(document: JsonObject, entry: Entry, find: Finder, into: Annotated) -> None:
    paths: dict[str, str] = {}
    for view, held in document["view"].items():
        listed = held.get("fid_list") if isinstance(held, dict) else None
        file = document["file"].get(str(listed[0])) if isinstance(listed, list) and listed else None
        names = [str(file.get(key) or "") for key in ("fname", "src")] if isinstance(file, dict) else [""]
        if path := picture_or_refuse(names, find, into.boxes, entry.name):
            paths[str(view)] = path
    for name, mark in document["metadata"].items():
        path = paths.get(str(mark.get("vid"))) if isinstance(mark, dict) else None
        where = f"region {str(name)[:40]} of {entry.name}"
        label = label_of(mark.get("av"), document["attribute"]) if isinstance(mark, dict) else ""
        if path is None:
            into.boxes.refuse(f"{where} belongs to a picture that is not there")
        elif isinstance(mark.get("xy"), list) and mark["xy"]:
            add_shape(mark["xy"], path, label or "object", where, into.boxes)
        elif label:
            into.tags[path] = [label]


def add_shape(values: list[Json], path: str, label: str, where: str, boxes: Boxes) -> None:
    numbers = parse_numbers(values, len(values)) or [0.0]
    kind, rest = int(numbers[0]), numbers[1:]
    if kind == RECTANGLE and len(rest) == 4:
        boxes.add(path, label, rest, None, where)
    elif kind in (CIRCLE, ELLIPSE) and len(rest) >= 3:
        x, y, wide, high = rest[0], rest[1], rest[2], rest[-1]
        boxes.add(path, label, [x - wide, y - high, 2 * wide, 2 * high], None, where)
    elif kind == POLYGON and len(rest) >= 6:
        boxes.add_points(path, label, pair_up(rest), None, where)
    else:
        boxes.refuse(f"{where} {NO_BOX}")


def label_of(values: Json, attributes: JsonObject) -> str:
    """The value of an attribute that is called a label, else of the first: an option by its text."""
    named: dict[str, str] = {}
    for key, value in values.items() if isinstance(values, dict) else ():
        attribute = attributes.get(str(key))
        options = attribute.get("options") if isinstance(attribute, dict) else None
        text = options.get(str(value), value) if isinstance(options, dict) else value
        title = str(attribute.get("aname") or key) if isinstance(attribute, dict) else str(key)
        if str(text or "").strip():
            named[title.strip().lower()] = str(text).strip()
    return next((named[name] for name in LABEL_NAMES if name in named), next(iter(named.values()), ""))


# CSV: comment lines, the last of which names the columns, and a row a region


def is_via3_csv(text: str) -> bool:
    return text.startswith("# Exported using VGG Image Annotator") and HEADER in text[:4096]


def read_via3_csv(text: str, entry: Entry, find: Finder, into: Annotated) -> None:
    """Rows of id, files, flags, times, place and values; attributes have no names here, and options are their numbers."""
    into.layout, into.title = "via", "VGG Image Annotator (VIA)"
    for line, row in enumerate(rows_of(text), 1):
        where = f"region {line} of {entry.name}"
        if row is None:
            into.boxes.refuse(f"{where} is not a row of CSV")
            continue
        files, place, values = parse_cells(row)
        path = picture_or_refuse([str(name) for name in files[:1]] or [""], find, into.boxes, entry.name)
        label = label_of(values, {})
        if path and place:
            add_shape(place, path, label or "object", where, into.boxes)
        elif path and label:
            into.tags[path] = [label]


def rows_of(text: str) -> Iterator[list[str] | None]:
    """The rows below the comments; None for one that cannot be read, such as a cell of more than a million characters."""
    rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    while True:
        try:
            row = next(rows, None)
        except csv.Error:
            yield None
            continue
        if row is None:
            return
        yield row


def parse_cells(row: list[str]) -> tuple[list[Json], list[Json], JsonObject]:
    """(names of files, numbers of a place, values of attributes) of a row; empty ones where a cell holds none."""
    held: list[Json] = []
    for cell in (*row, *[""] * 6)[1:6:1]:
        try:
            held.append(json.loads(cell or "null"))
        except (ValueError, RecursionError):
            held.append(None)
    files, place, values = held[0], held[3], held[4]
    return (
        files if isinstance(files, list) else [],
        place if isinstance(place, list) else [],
        values if isinstance(values, dict) else {},
    )
