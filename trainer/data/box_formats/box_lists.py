"""Boxes in lists: records that name a picture and hold a list of boxes, whatever their fields are called (BDD100K, Datumaro, SageMaker
Ground Truth, doccano, Label Studio's CSV, many scripts of people's own). From JSON, lines of JSON, or JSON in the cells of a table."""

import json
import re
from collections.abc import Iterator, Sequence

from trainer.data.annotations import parse_numbers, parse_size
from trainer.data.archives import Entry
from trainer.data.box_formats.box_columns import ROLE_OF, find_form, name_columns, parse_cell
from trainer.data.box_formats.source import Annotated, BoxRow, BoxTable, Finder
from trainer.json_types import Json, JsonObject

NESTED = (
    "box2d",
    "bbox",
    "box",
    "bounding_box",
    "boundingbox",
    "boundingBox",
    "coordinates",
    "rect",
    "location",
    "bndbox",
)
PATH_FIELDS = ("path", "file_name", "filename", "file", "name", "external_id", "externalId", "url")
PICTURE = re.compile(r"\.(jpe?g|png|webp|bmp|tiff?|gif|heic|avif)$", re.IGNORECASE)
DEEPEST = 6
"""Objects and lists in each other, in which a record's boxes may stand (Labelbox: projects, labels, annotations, objects)."""
SNIFFED = 50


def find_records(document: Json) -> list[JsonObject]:
    """The records of a document: a list, the longest list of objects in it, or an object of lists of boxes by picture."""
    if isinstance(document, dict):
        if is_record(document):
            return [document]
        lists = [
            value for value in document.values() if isinstance(value, list) and value and isinstance(value[0], dict)
        ]
        if len(lists) > 1 and all(find_marks({"boxes": value}) for value in lists[:SNIFFED]):
            return [{"image": name, "boxes": value} for name, value in document.items()]
        document = max(lists, key=len, default=[])
    return [record for record in document if isinstance(record, dict)] if isinstance(document, list) else []


def is_record(document: JsonObject) -> bool:
    """Whether a document is of one picture, as V7 writes a file for each: it names it, and its boxes name none."""
    marks = find_marks(document)
    own = any(PICTURE.search(name) for name in names_of(document))
    return own and bool(marks) and not any(PICTURE.search(name) for mark in marks[:SNIFFED] for name in names_of(mark))


def is_box_list(document: Json) -> bool:
    records = find_records(document)[:SNIFFED]
    marked = [record for record in records if find_marks(record)]
    return bool(marked) and all(names_of(record) for record in marked)


def is_objects_column(document: Json) -> bool:
    """Whether its boxes are as a version keeps them, `[{"label", "box"}]`: a table of such rows is read with all its columns."""
    marks = [mark for record in find_records(document)[:SNIFFED] for mark in find_marks(record)]
    return bool(marks) and all({"label", "box"} <= set(mark) for mark in marks)


def names_of(record: JsonObject) -> list[str]:
    """Texts that may name its picture, those in a field that is called so first."""
    named: list[str] = []
    for key, value in record.items():
        if isinstance(value, dict):
            paths = [value[field] for field in PATH_FIELDS if isinstance(value.get(field), str)]
            value = next((path for path in paths if PICTURE.search(path)), paths[0] if paths else None)
        if isinstance(value, str) and value:
            is_called_so = ROLE_OF.get("".join(filter(str.isalnum, key.lower()))) == "image"
            named.insert(0, value) if is_called_so else named.append(value)
    return named


def find_marks(record: JsonObject) -> list[JsonObject]:
    """The first list of boxes in a record, or in what it holds; the least deep of them."""
    return next((listed for listed in lists_in(record) if any(is_mark(mark) for mark in listed)), [])


def lists_in(record: JsonObject) -> Iterator[list[JsonObject]]:
    """Lists of objects in a record, those of the first object of each list too."""
    level: list[Json] = list(record.values())
    for _depth in range(DEEPEST):
        yield from (value for value in level if isinstance(value, list) and value and isinstance(value[0], dict))
        firsts = [value[0] if isinstance(value, list) and value else value for value in level]
        level = [inner for value in firsts if isinstance(value, dict) for inner in value.values()]


def is_mark(mark: Json) -> bool:
    return isinstance(mark, dict) and parse_mark(mark) is not None


def parse_mark(mark: JsonObject) -> tuple[tuple[str, ...], list[float], JsonObject] | None:
    """(what its four numbers are, they, its fields with those of the object in which the box is); None for what is not a box."""
    fields = dict(mark)
    for name in NESTED:
        held = fields.get(name)
        if isinstance(held, list) and (values := parse_numbers(held, 4)):
            return ("box",), values, fields
        if isinstance(held, str) and (values := parse_cell(held)):
            return ("box",), values, fields
        if isinstance(held, dict):
            fields |= held
    names = list(fields)
    columns = name_columns(names)
    form = find_form(columns)
    if form is None or form == ("box",):
        return None
    numbers = parse_numbers([fields[names[columns[role]]] for role in form], 4)
    return (form, numbers, fields) if numbers else None


def label_of(fields: JsonObject, names: dict[str, str]) -> str:
    columns = name_columns(list(fields))
    keys = list(fields)
    for role in ("label", "label_id"):
        value = fields[keys[columns[role]]] if role in columns else None
        value = (
            value.get("name") if isinstance(value, dict) else value[0] if isinstance(value, list) and value else value
        )
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return names.get(str(value), str(value)).strip()
    own = fields.get("name")  # which names the picture elsewhere
    return own.strip() if isinstance(own, str) and not PICTURE.search(own) else ""


def names_beside(document: Json, records: Sequence[JsonObject]) -> dict[str, str]:
    """{number of a class: its name}, as Datumaro's categories and SageMaker's class-map tell."""
    names: dict[str, str] = {}
    listed = document.get("categories") if isinstance(document, dict) else None
    if isinstance(listed, dict) and isinstance(listed.get("label"), dict):
        listed = listed["label"].get("labels")
    for number, category in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(category, dict) and isinstance(category.get("name"), str):
            names[str(category.get("id", number))] = category["name"]
    for record in records[:SNIFFED]:
        for value in record.values():
            mapped = value.get("class-map") if isinstance(value, dict) else None
            names |= {str(key): str(name) for key, name in mapped.items()} if isinstance(mapped, dict) else {}
    return names


def read_box_list(document: Json, entry: Entry, find: Finder, into: Annotated) -> None:
    """The boxes wait in `into.waiting` until all of the file are there and tell their unit."""
    records = find_records(document)
    names = names_beside(document, records)
    tables: dict[tuple[str, ...], BoxTable] = {}
    for number, record in enumerate(records, 1):
        where, named = f"record {number} of {entry.name}", names_of(record)
        path = next((path for name in named if (path := find(name))), None)
        if path is None:
            into.boxes.refuse(f"the picture “{next(iter(named), '')[:80]}” of {where} is not in the archive")
            continue
        if record.get("answer") in ("reject", "ignore") and "_task_hash" in record:  # Prodigy
            into.boxes.refuse(f"{where} was rejected or ignored by the annotator")
            continue
        into.boxes.objects[path]
        if part := into.file_parts.get(entry.name):
            into.boxes.parts[path] = part
        for mark in find_marks(record):
            read = parse_mark(mark) if isinstance(mark, dict) else None
            label = label_of(read[2], names) if read else ""
            if read is None or not label:
                into.boxes.refuse(f"a box in {where} has no label or not four numbers")
                continue
            size = parse_size(read[2].get("image_width"), read[2].get("image_height"))
            row = BoxRow(path, label, read[1], size, number)
            tables.setdefault(read[0], BoxTable(entry.name, read[0])).rows.append(row)
    into.waiting += tables.values()


def parse_lines(text: str) -> list[Json] | None:
    """The values of lines of JSON; None for any other text."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        return [json.loads(line) for line in lines] or None
    except (ValueError, RecursionError):
        return None
