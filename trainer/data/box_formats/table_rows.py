"""Tables with a row a box: TensorFlow's CSV, Open Images, VIA, VoTT, RetinaNet, AutoML, makesense, and whatever else names a picture,
a label and four numbers. In pixels, shares or per cent of the picture, by corners, by a corner and a size, or by the centre."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from trainer.columns import number_of
from trainer.data.annotations import Size, parse_numbers, parse_size
from trainer.data.archives import Archive, Entry
from trainer.data.box_formats.json_tools import add_via_region
from trainer.data.box_formats.references import PictureIndex
from trainer.data.box_formats.source import Annotated, Finder, Pictures, parts_of_entries
from trainer.data.box_formats.text_files import read_image_size, read_text
from trainer.data.splitting import part_of_name
from trainer.data.tables.formats import open_table
from trainer.data.tables.table import Table
from trainer.data.tempspace import temporary_folder
from trainer.errors import DataError

SUFFIXES = (".csv", ".tsv", ".xlsx", ".xls", ".parquet", ".jsonl", ".ndjson", ".json", ".txt")
MAX_TABLES = 50
MAX_BOXES = 2_000_000
SNIFFED_ROWS = 500
MIN_MATCHED = 0.5
ALIASES = {
    "image": "filename file image imagename imageid img imgname path filepath imagepath imagefile imagefilename name externalid picture",
    "label": "class label labelname category classname labels categoryname object objectclass type",
    "left": "xmin x1 left xtl xminpixels x0 bboxxmin",
    "top": "ymin y1 top ytl y0 bboxymin",
    "right": "xmax x2 right xbr bboxxmax",
    "bottom": "ymax y2 bottom ybr bboxymax",
    "x": "x bboxx boxx bboxleft",
    "y": "y bboxy boxy bboxtop",
    "centre_x": "xcenter xcentre centerx centrex cx xc bboxcenterx",
    "centre_y": "ycenter ycentre centery centrey cy yc bboxcentery",
    "width": "w width bboxwidth boxwidth bboxw boxw",
    "height": "h height bboxheight boxheight bboxh boxh",
    "image_width": "imagewidth imgwidth imwidth widthimage",
    "image_height": "imageheight imgheight imheight heightimage",
    "box": "bbox box boundingbox",
    "crowd": "isgroupof iscrowd",
    "split": "split set subset partition",
}
ROLE_OF = {alias: role for role, aliases in ALIASES.items() for alias in aliases.split()}
CORNERS, SIDES, CENTRE = ("left", "top", "right", "bottom"), ("x", "y", "width", "height"), ("centre_x", "centre_y", "width", "height")  # fmt: skip


@dataclass
class BoxRow:
    """Four numbers as a row has them. `form`: what they are; `line`: for people."""

    path: str
    label: str
    values: list[float]
    size: Size | None
    line: int


SizeOf = Callable[[BoxRow], Size | None]


@dataclass
class BoxTable:
    """A table with what its columns are; rows still in the unit that they were written in."""

    name: str
    form: tuple[str, ...]
    rows: list[BoxRow] = field(default_factory=list)


def read_tables(pictures: Pictures, index: PictureIndex) -> Annotated | None:
    """Boxes of all tables of an archive that have a row a box."""
    into = Annotated("table", "a table with a row a box")
    names = class_names(pictures)
    tables = [entry for entry in pictures.others if entry.suffix in SUFFIXES]
    into.file_parts = parts_of_entries(tables)
    for entry in sorted(tables, key=lambda entry: (SUFFIXES.index(entry.suffix), entry.name))[:MAX_TABLES]:
        with temporary_folder() as place:
            table = open_quietly(pictures.archive, entry, place)
            if table is not None and read_table(table, entry, Finder(index, entry.parts), pictures, into, names):
                into.used.add(entry.name)
    if not into.used:
        return None
    into.used |= {entry.name for entry in tables if "class-descriptions" in entry.name}
    return into


def open_quietly(archive: Archive, entry: Entry, place: Path) -> Table | None:
    try:
        return open_table(archive.extract(entry, place / f"table{entry.suffix}"), entry.name)
    except DataError:
        return None


def class_names(pictures: Pictures) -> dict[str, str]:
    """Open Images' codes of classes with their names, from class-descriptions-boxable.csv."""
    names: dict[str, str] = {}
    for entry in pictures.with_suffix(".csv"):
        if "class-descriptions" in entry.parts[-1].lower():
            lines = (line.partition(",") for line in read_text(pictures.archive, entry).splitlines())
            names |= {code.strip(): name.strip().strip('"') for code, comma, name in lines if comma}
    return names


def read_table(
    table: Table, entry: Entry, find: Finder, pictures: Pictures, into: Annotated, names: dict[str, str]
) -> bool:
    """Whether the table has a row a box, and was read; no more than its beginning is where it has not."""
    rows = iterate_rows(table)
    try:
        first = list(islice(rows, SNIFFED_ROWS))
        if {"filename", "region_shape_attributes", "region_attributes"} <= {c.strip("# ") for c in table.columns}:
            return read_via_rows(table.columns, chain(first, rows), entry.name, find, into)
        columns = name_columns(table.columns)
        form = next((form for form in (CORNERS, CENTRE, SIDES, ("box",)) if set(form) <= set(columns)), None)
        if form is None or "image" not in columns:
            columns, header = guess_columns(table.columns, first, find)
            first = header + first
            form = next((form for form in (CORNERS, SIDES) if set(form) <= set(columns)), None)
        if form is None or "image" not in columns:
            return False
        sniffed = [row[columns["image"]] for row in first]
        if not sniffed or sum(find(cell or "") is not None for cell in sniffed) < MIN_MATCHED * len(sniffed):
            return False
        listed = [*first, *rows]
    except DataError:
        return False
    part = into.file_parts[entry.name] or ""
    made = BoxTable(entry.name, form)
    for line, row in enumerate(listed, 1):
        read_row(line, {role: row[place] for role, place in columns.items()}, made, find, into, names, part)
    place_boxes(made, pictures, into)
    for line, reason in table.bad:
        into.boxes.refuse(f"line {line} of {entry.name} {reason}")
    return True


def iterate_rows(table: Table) -> Iterator[tuple[str | None, ...]]:
    count = 0
    for batch in table.batches:
        yield from zip(*batch, strict=True)
        count += len(batch[0])
        if count > MAX_BOXES:
            return


def name_columns(names: list[str]) -> dict[str, int]:
    """{what a column is: where it is}, by the columns' names; the width and height beside corners are the picture's."""
    columns: dict[str, int] = {}
    for place, name in enumerate(names):
        role = ROLE_OF.get(re.sub(r"[^a-z0-9]", "", name.lower()))
        if role and role not in columns:
            columns[role] = place
    if set(CORNERS) <= set(columns):
        for side in ("width", "height"):
            if side in columns and f"image_{side}" not in columns:
                columns[f"image_{side}"] = columns.pop(side)
    return columns


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


def column(rows: list[tuple[str | None, ...]], place: int) -> list[str | None]:
    return [row[place] if place < len(row) else None for row in rows]


def is_picture(cells: list[str | None], find: Finder) -> bool:
    return sum(find(cell or "") is not None for cell in cells) >= MIN_MATCHED * len(cells)


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
    label = (cells.get("label") or "").strip() if "label" in cells else "object"
    if values is None or not label:
        into.boxes.refuse(f"{where} has no label or not four numbers")
    elif (cells.get("crowd") or "") in ("1", "true", "True"):
        into.boxes.crowds.append(where)
    else:
        size = parse_size(cells.get("image_width"), cells.get("image_height"))
        table.rows.append(BoxRow(path, names.get(label, label), values, size, line))


def parse_cells(cells: list[str | None]) -> list[float] | None:
    numbers = [number_of((cell or "").strip()) for cell in cells]
    return None if None in numbers else parse_numbers(numbers, 4)


def parse_cell(cell: str | None) -> list[float] | None:
    """`[x, y, width, height]` in one cell, with brackets or without."""
    return parse_cells(list(re.split(r"[,;\s]+", (cell or "").strip(" []()"))))


def place_boxes(table: BoxTable, pictures: Pictures, into: Annotated) -> None:
    """The rows' four numbers as boxes in pixels, once all of them have shown what they are counted in."""
    entries = {entry.name: entry for entry in pictures.media}
    measured: dict[str, Size | None] = {}

    def size_of(row: BoxRow) -> Size | None:
        if row.size is None and row.path not in measured:
            measured[row.path] = read_image_size(pictures.archive, entries[row.path])
        return row.size or measured[row.path]

    form = SIDES if table.form == ("box",) else table.form
    unit = guess_unit(table.rows, size_of)
    is_centre = form == CENTRE or (form == SIDES and is_centred(table.rows, unit, size_of))
    into.unit = unit
    for row in table.rows:
        where, size, values = f"row {row.line} of {table.name}", row.size, row.values
        if unit != "pixels":
            size = size_of(row)
            wide, high = (size or (1.0, 1.0)) if unit == "shares" else ((size or (1.0, 1.0))[0] / 100, (size or (1.0, 1.0))[1] / 100)  # fmt: skip
            values = [values[0] * wide, values[1] * high, values[2] * wide, values[3] * high]
        x, y, third, fourth = values
        if form == CORNERS:
            third, fourth = third - x, fourth - y
        elif is_centre:
            x, y = x - third / 2, y - fourth / 2
        into.boxes.add(row.path, row.label, [x, y, third, fourth], size, where)


def guess_unit(rows: list[BoxRow], size_of: SizeOf) -> str:
    """pixels, shares (none above 1) or percent (none above 100, in pictures more than twice as large, over all of which
    the boxes are spread)."""
    highest = max((max(row.values) for row in rows), default=0.0)
    if highest <= 1.5 and any(value % 1 for row in rows[:SNIFFED_ROWS] for value in row.values):
        return "shares"
    if 50 < highest <= 100.5:
        sizes = [size for row in rows[:20] if (size := size_of(row))]
        if sizes and min(min(size) for size in sizes) > 200:
            return "percent"
    return "pixels"


def is_centred(rows: list[BoxRow], unit: str, size_of: SizeOf) -> bool:
    """Whether x and y are a box's middle: as corners many boxes would leave their picture, as middles none."""
    as_corner = as_centre = 0
    for row in rows[:SNIFFED_ROWS]:
        size = {"shares": (1.0, 1.0), "percent": (100.0, 100.0)}.get(unit) or size_of(row)
        if size is None:
            continue
        x, y, width, height = row.values
        as_corner += x + width > 1.02 * size[0] or y + height > 1.02 * size[1]
        as_centre += x - width / 2 < -0.02 * size[0] or y - height / 2 < -0.02 * size[1]
    return as_corner > as_centre


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
