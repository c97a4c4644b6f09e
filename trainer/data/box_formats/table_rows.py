"""Tables with a row a box: TensorFlow's CSV, Open Images, VIA, VoTT, RetinaNet, AutoML, makesense, and whatever else names a picture,
a label and four numbers. In pixels, shares or per cent of the picture, by corners, by a corner and a size, or by the centre."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from trainer.columns import number_of
from trainer.data.annotations import parse_size
from trainer.data.archives import Archive, Entry
from trainer.data.box_formats.box_columns import (
    CORNERS,
    MIN_MATCHED,
    SIDES,
    SNIFFED_ROWS,
    column,
    find_form,
    is_picture,
    name_columns,
    named_unit,
    parse_cell,
    parse_cells,
    place_boxes,
)
from trainer.data.box_formats.box_lists import is_box_list, is_objects_column, read_box_list
from trainer.data.box_formats.json_tools import JSON_FORMATS, JsonFormat, add_via_region
from trainer.data.box_formats.makesense import makesense_kind, refuse_rows
from trainer.data.box_formats.open_images import code_names, is_image_labels, read_image_labels
from trainer.data.box_formats.references import PictureIndex
from trainer.data.box_formats.run_lengths import find_runs, read_runs, run_columns
from trainer.data.box_formats.source import Annotated, BoxRow, BoxTable, Finder, Pictures, parts_of_entries
from trainer.data.box_formats.text_files import read_text
from trainer.data.box_formats.via3 import is_via3_csv, read_via3_csv
from trainer.data.box_formats.yolo import yolo_names
from trainer.data.class_names import MAX_NAMES_BYTES, is_names_file, parse_text
from trainer.data.media import IMAGE_SUFFIXES
from trainer.data.readings import Choice, Reading
from trainer.data.splitting import part_of_name
from trainer.data.tables.formats import open_table
from trainer.data.tables.table import Table
from trainer.data.tempspace import temporary_folder
from trainer.errors import DataError
from trainer.json_types import Json, JsonObject
from trainer.messages import _

SUFFIXES = (".csv", ".tsv", ".xlsx", ".xls", ".parquet", ".jsonl", ".ndjson", ".json", ".txt")
NUMBERED, FROM_0, FROM_1 = "class_numbers", "from_0", "from_1"
NAMES_ENDINGS = ("classes.txt", "labels.txt")
MAX_TABLES = 50
MAX_BOXES = 2_000_000


def read_tables(pictures: Pictures, index: PictureIndex) -> Annotated | None:
    """Boxes of all tables of an archive that have a row a box."""
    into = Annotated("table", "a table with a row a box")
    listed = yolo_names(
        {entry.parts[-1].lower(): read_text(pictures.archive, entry) for entry in lists_of_names(pictures)}
    )
    described = described_names(pictures)
    names = code_names(pictures)
    for each in described.values():
        names |= each
    tables = [entry for entry in pictures.others if entry.suffix in SUFFIXES]
    into.file_parts = parts_of_entries(tables)
    for entry in sorted(tables, key=lambda entry: (SUFFIXES.index(entry.suffix), entry.name))[:MAX_TABLES]:
        if entry.suffix == ".csv" and is_via3_csv(text := read_text(pictures.archive, entry)):
            read_via3_csv(text, entry, Finder(index, entry.parts), into)
            into.used.add(entry.name)
            continue
        with temporary_folder() as place:
            table = open_quietly(pictures.archive, entry, place)
            if table is not None and read_table(table, entry, Finder(index, entry.parts), pictures, into, names):
                into.used.add(entry.name)
    if not into.used:
        return None
    into.used |= {entry.name for entry in tables if "class-descriptions" in entry.name}
    name_numbers(into, listed, pictures)
    labels = {box["label"] for boxes in into.boxes.objects.values() for box in boxes}.union(*into.tags.values())
    into.used |= {entry.name for entry in lists_of_names(pictures) if labels & set(listed)}
    into.used |= {name for name, each in described.items() if labels & set(each.values())}
    return into


def name_numbers(into: Annotated, listed: list[str], pictures: Pictures) -> None:
    """The names of classes.txt in place of numbers of lines; where the numbers are 1 to n, of n names, they are counted from 1, as a
    doubt."""
    boxes = [box for objects in into.boxes.objects.values() for box in objects]
    numbers = {label for label in chain((box["label"] for box in boxes), *into.tags.values()) if label.isdecimal()}
    fits = numbers == {str(number) for number in range(1, len(listed) + 1)}
    asked = pictures.choices.pick(NUMBERED, (FROM_0, FROM_1), pictures.archive.name) if listed else None
    chosen = asked or (FROM_1 if fits else FROM_0)
    names = {str(number): name for number, name in enumerate(listed, int(chosen == FROM_1))}
    for box in boxes:
        box["label"] = names.get(box["label"], box["label"])
    for path, labels in into.tags.items():
        into.tags[path] = [names.get(label, label) for label in labels]
    if listed and numbers and (fits or asked):
        into.readings.append(number_reading(chosen, asked is not None, pictures.archive.name))


def number_reading(chosen: str, is_asked: bool, file: str) -> Reading:
    sentences = {
        FROM_0: _("Classes of boxes are numbers counted from 0 in the file of their names"),
        FROM_1: _("Classes of boxes are numbers counted from 1 in the file of their names"),
    }
    labels = {FROM_0: _("Counted from 0"), FROM_1: _("Counted from 1")}
    other = FROM_0 if chosen == FROM_1 else FROM_1
    confidence = 1.0 if is_asked else 0.85
    return Reading(NUMBERED, chosen, sentences[chosen], [Choice(other, labels[other])], confidence, file, is_asked=is_asked)  # fmt: skip


def described_names(pictures: Pictures) -> dict[str, dict[str, str]]:
    """{path: {id: name}} of the JSON files that are called after labels and hold names of them; lists of files are none."""
    by_path: dict[str, dict[str, str]] = {}
    for entry in pictures.with_suffix(".json"):
        if not is_names_file(entry.name) and "label" not in entry.parts[-1].lower():
            continue
        text = read_text(pictures.archive, entry)[:MAX_NAMES_BYTES]
        is_bare = text.lstrip().startswith("[") and "{" not in text
        names = {} if is_bare and not is_names_file(entry.name) else parse_text(text.encode())
        if names and not any(Path(name).suffix.lower() in IMAGE_SUFFIXES for name in names.values()):
            by_path[entry.name] = names
    return by_path


def lists_of_names(pictures: Pictures) -> list[Entry]:
    """classes.txt and the like, which give the names of classes that the tables call by numbers."""
    return [
        entry
        for entry in pictures.with_suffix(".txt", ".names", ".yaml", ".yml")
        if entry.suffix != ".txt" or (is_names_file(entry.name) and entry.parts[-1].lower().endswith(NAMES_ENDINGS))
    ]


def open_quietly(archive: Archive, entry: Entry, place: Path) -> Table | None:
    try:
        return open_table(archive.extract(entry, place / f"table{entry.suffix}"), entry.name)
    except DataError:
        return None


def read_table(
    table: Table, entry: Entry, find: Finder, pictures: Pictures, into: Annotated, names: dict[str, str]
) -> bool:
    """Whether the table has a row a box, and was read; no more than its beginning is where it has not."""
    rows = iterate_rows(table)
    try:
        first = list(islice(rows, SNIFFED_ROWS))
        known = read_known(table.columns, first, rows, entry, find, pictures, into, names)
        if known is not None:
            return known
        columns = name_columns(table.columns)
        form = find_form(columns)
        if form is None or "image" not in columns:
            columns, header = guess_columns(table.columns, first, find)
            first = header + first
            form = next((form for form in (CORNERS, SIDES) if set(form) <= set(columns)), None)
        if form is None or "image" not in columns:
            return read_cells(table.columns, first, rows, entry, find, pictures, into)
        sniffed = [row[columns["image"]] for row in first]
        if not sniffed or sum(find(cell or "") is not None for cell in sniffed) < MIN_MATCHED * len(sniffed):
            return False
        listed = [*first, *rows]
    except DataError:
        return False
    part = into.file_parts[entry.name] or ""
    made = BoxTable(entry.name, form, unit=named_unit(table.columns))
    if "label" not in columns and "label_id" in columns:
        columns["label"] = columns["label_id"]
    for line, row in enumerate(listed, 1):
        read_row(line, {role: row[place] for role, place in columns.items()}, made, find, into, names, part)
    place_boxes(made, pictures, into)
    for line, reason in table.bad:
        into.boxes.refuse(f"line {line} of {entry.name} {reason}")
    return True


def read_known(
    columns: list[str],
    first: list[tuple[str | None, ...]],
    rows: Iterator[tuple[str | None, ...]],
    entry: Entry,
    find: Finder,
    pictures: Pictures,
    into: Annotated,
    names: dict[str, str],
) -> bool | None:
    """The tables of tools and competitions that have no four numbers a row: whether it was read; None for any other table."""
    listed = chain(first, rows)
    if {"filename", "region_shape_attributes", "region_attributes"} <= {name.strip("# ") for name in columns}:
        return read_via_rows(columns, listed, entry.name, find, into)
    if is_image_labels(columns):
        return read_image_labels(columns, listed, entry.name, find, into, names)
    if (place := find_runs(columns, first)) is not None:
        places = run_columns(columns, first, place, find)
        if "image" not in places:
            return False
        read_runs(places, place, list(listed), entry.name, find, pictures, into, names)
        return True
    if find_form(name_columns(columns)) is None and (kind := makesense_kind(columns, first, find)):
        refuse_rows(kind, columns, listed, entry.name, find, into)
        return True
    return None


def read_cells(
    names: list[str],
    first: list[tuple[str | None, ...]],
    rows: Iterator[tuple[str | None, ...]],
    entry: Entry,
    find: Finder,
    pictures: Pictures,
    into: Annotated,
) -> bool:
    """A table with a row a picture and its boxes as JSON in a cell: Label Studio's CSV, and people's own."""
    forms = (*JSON_FORMATS, JsonFormat("table", into.title, is_box_list, read_box_list))
    document = [record_of(names, row) for row in first]
    form = next((form for form in forms if form.matches(document)), None)
    if form is None or is_objects_column(document):
        return False
    into.layout, into.title = form.layout, form.title
    form.read(document + [record_of(names, row) for row in rows], entry, find, into)
    for made in into.waiting:
        place_boxes(made, pictures, into)
    into.waiting.clear()
    return True


def record_of(names: list[str], row: tuple[str | None, ...]) -> JsonObject:
    return {name: parse_held(cell) for name, cell in zip(names, row, strict=True)}


def parse_held(cell: str | None) -> Json:
    """JSON that a cell holds; any other cell as it is."""
    if cell and cell[0] in "[{":
        with suppress(ValueError, RecursionError):
            held: Json = json.loads(cell)
            return held
    return cell


def iterate_rows(table: Table) -> Iterator[tuple[str | None, ...]]:
    count = 0
    for batch in table.batches:
        yield from zip(*batch, strict=True)
        count += len(batch[0])
        if count > MAX_BOXES:
            return


def guess_columns(
    names: list[str], rows: list[tuple[str | None, ...]], find: Finder
) -> tuple[dict[str, int], list[tuple[str | None, ...]]]:
    """Columns of a table without a header, by what is in them, and the row that was taken for its header."""
    first: list[tuple[str | None, ...]] = []
    if any(find(name) for name in names):
        first = [tuple(None if name.startswith("column ") else name for name in names)]
    sample = (first + rows)[:50]
    if not sample or (not first and not all(name.startswith("column_") for name in names)):
        return {}, []
    width = len(names)
    numeric = [
        all(cell is not None and number_of(cell) is not None for cell in column(sample, place))
        for place in range(width)
    ]
    image = next((place for place in range(width) if is_picture(column(sample, place), find)), None)
    spots = [place for place in range(width) if numeric[place]]
    words = [place for place in range(width) if not numeric[place] and place != image and any(column(sample, place))]
    if image is None or len(spots) < 4 or not words:
        return {}, []
    if len(spots) >= 6 and image > spots[0]:  # makesense: label, x, y, width, height, file, picture's width and height
        return {"label": words[0], "image": image} | dict(zip((*SIDES, "image_width", "image_height"), spots, strict=False)), first  # fmt: skip
    label = next((place for place in words if place > image), words[0])  # AutoML puts the part in front
    columns = {"image": image, "label": label} | dict(zip(CORNERS, spots, strict=False))
    return columns | ({"split": words[0]} if words[0] != label else {}), first


def read_row(
    line: int,
    cells: dict[str, str | None],
    table: BoxTable,
    find: Finder,
    into: Annotated,
    names: dict[str, str],
    part: str,
) -> None:
    where = f"row {line} of {table.name}"
    path = find(cells["image"] or "")
    if path is None:
        into.boxes.refuse(f"{where} names “{(cells['image'] or '')[:80]}”, which is not in the archive")
        return
    into.boxes.objects[path]
    if own_part := part_of_name(cells.get("split") or "") or part:
        into.boxes.parts[path] = own_part
    written = [cells[role] for role in table.form]
    if not any((cell or "").strip() for cell in written):
        return  # a picture without objects
    values = parse_cell(written[0]) if table.form == ("box",) else parse_cells(written)
    if all("%" in (cell or "") for cell in written):
        table.unit = "percent"
    label = (cells.get("label") or "").strip() if "label" in cells else "object"
    if values is None or not label:
        into.boxes.refuse(f"{where} has no label or not four numbers")
    elif (cells.get("crowd") or "") in ("1", "true", "True"):
        into.boxes.crowds.append(where)
    else:
        size = parse_size(cells.get("image_width"), cells.get("image_height"))
        table.rows.append(BoxRow(path, names.get(label, label), values, size, line))


def read_via_rows(
    names: list[str], rows: Iterable[tuple[str | None, ...]], file: str, find: Finder, into: Annotated
) -> bool:
    """VIA's CSV: shapes and labels as JSON in cells."""
    places = {name.strip("# "): place for place, name in enumerate(names)}
    into.layout, into.title = "via", "VGG Image Annotator (VIA)"
    for line, row in enumerate(rows, 1):
        where, name = f"row {line} of {file}", row[places["filename"]] or ""
        path = find(name)
        if path is None:
            into.boxes.refuse(f"{where} names “{name[:80]}”, which is not in the archive")
            continue
        into.boxes.objects[path]
        try:
            shape, attributes = (json.loads(row[places[f"region_{key}attributes"]] or "{}") for key in ("shape_", ""))
        except (ValueError, RecursionError):
            into.boxes.refuse(f"{where} holds no JSON")
            continue
        if shape:
            add_via_region(path, shape, attributes, where, into.boxes)
    return True
