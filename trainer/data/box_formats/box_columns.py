"""Four numbers of a box by the names of their columns or fields, and what they count in: pixels, shares or per cent of the picture."""

import re
from collections.abc import Callable, Iterable

from trainer.columns import number_of
from trainer.data.annotations import Size, parse_numbers
from trainer.data.box_formats import box_forms
from trainer.data.box_formats.source import Annotated, BoxRow, BoxTable, Finder, Pictures
from trainer.data.box_formats.text_files import read_image_size

SNIFFED_ROWS = 500
MIN_MATCHED = 0.5
"""Share of a column's cells that must name pictures."""
ALIASES = {
    "image": "filename file image imagename imageid img imgname path filepath imagepath imagefile imagefilename name externalid picture photo frame bild bilddatei datei dateiname fichier imagen archivo immagine",
    "label": "class label labelname category classname labels categoryname object objectclass klasse kategorie objekt classe clase etiqueta",
    "kind": "type",
    "label_id": "classid labelid categoryid classindex classidx",
    "left": "xmin x1 left xtl x0 bboxxmin bboxx1 bboxleft startx links gauche izquierda",
    "top": "ymin y1 top ytl y0 bboxymin bboxy1 bboxtop starty oben haut arriba",
    "right": "xmax x2 right xbr bboxxmax bboxx2 bboxright endx rechts droite derecha",
    "bottom": "ymax y2 bottom ybr bboxymax bboxy2 bboxbottom endy unten bas abajo",
    "x": "x bboxx boxx",
    "y": "y bboxy boxy",
    "centre_x": "xcenter xcentre centerx centrex cx xc bboxcenterx",
    "centre_y": "ycenter ycentre centery centrey cy yc bboxcentery",
    "width": "w width bboxwidth boxwidth bboxw boxw breite largeur ancho",
    "height": "h height bboxheight boxheight bboxh boxh höhe hoehe hauteur alto",
    "image_width": "imagewidth imgwidth imwidth widthimage",
    "image_height": "imageheight imgheight imheight heightimage",
    "box": "bbox box boundingbox",
    "crowd": "isgroupof iscrowd",
    "split": "split set subset partition",
}
ROLE_OF = {alias: role for role, aliases in ALIASES.items() for alias in aliases.split()}
CORNERS, SIDES, CENTRE = ("left", "top", "right", "bottom"), ("x", "y", "width", "height"), ("centre_x", "centre_y", "width", "height")  # fmt: skip


SizeOf = Callable[[BoxRow], Size | None]


def name_columns(names: list[str]) -> dict[str, int]:
    """{what a column is: where it is}, by the columns' names; the width and height beside corners are the picture's."""
    columns: dict[str, int] = {}
    for place, name in enumerate(names):
        role = ROLE_OF.get(re.sub(r"[\W_]", "", UNIT_OF_NAME.sub("", name.casefold())))
        if role and role not in columns:
            columns[role] = place
    if "label" not in columns and "label_id" not in columns and "kind" in columns:
        columns["label"] = columns.pop("kind")
    if "right" not in columns and "bottom" not in columns:  # an upper left corner beside a width and a height
        for corner, axis in (("left", "x"), ("top", "y")):
            if corner in columns and axis not in columns:
                columns[axis] = columns.pop(corner)
    if set(CORNERS) <= set(columns):
        for side in ("width", "height"):
            if side in columns and f"image_{side}" not in columns:
                columns[f"image_{side}"] = columns.pop(side)
    return columns


UNIT_OF_NAME = re.compile(
    r"[\W_]*((?P<percent>percent(age)?|pct|%|prozent)|(?P<shares>norm(ali[sz]ed)?|rel(ative)?|ratio|frac(tion)?)|px|pixels?|pos)\W*$"
)
"""How a column's name ends that says what its numbers count in."""


def named_unit(names: list[str]) -> str:
    units = [unit for name in names if (unit := UNIT_OF_NAME.search(name.casefold()))]
    return next((kind for kind in ("percent", "shares") if sum(bool(unit[kind]) for unit in units) >= 4), "")


def find_form(columns: Iterable[str]) -> tuple[str, ...] | None:
    """Which four of the columns make a box; ("box",) where one holds all of them."""
    return next((form for form in (CORNERS, CENTRE, SIDES, ("box",)) if set(form) <= set(columns)), None)


def parse_cells(cells: list[str | None]) -> list[float] | None:
    numbers = [parse_place((cell or "").strip()) for cell in cells]
    return None if None in numbers else parse_numbers(numbers, 4)


def parse_place(cell: str) -> float | None:
    """A number of pixels, a share or per cent; also with a decimal comma."""
    bare = cell.removesuffix("%").rstrip()
    return number_of(bare.replace(",", ".", 1) if re.fullmatch(r"-?\d*,\d+", bare) else bare)


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

    unit = table.unit or guess_unit(table.rows, size_of)
    form = settle_form(table, unit, size_of, pictures, into)
    into.unit = unit
    for row in table.rows:
        where, size, values = f"row {row.line} of {table.name}", row.size, row.values
        if unit != "pixels":
            size = size_of(row)
            wide, high = (size or (1.0, 1.0)) if unit == "shares" else ((size or (1.0, 1.0))[0] / 100, (size or (1.0, 1.0))[1] / 100)  # fmt: skip
            values = [values[0] * wide, values[1] * high, values[2] * wide, values[3] * high]
        x, y, third, fourth = values
        if form == box_forms.CORNERS:
            (x, y, right, bottom), is_swapped = box_forms.ordered((x, y, third, fourth))
            third, fourth = right - x, bottom - y
            into.boxes.swapped += [where] if is_swapped else []
        elif form == box_forms.CENTRE:
            x, y = x - third / 2, y - fourth / 2
        into.boxes.add(row.path, row.label, [x, y, third, fourth], size, where)


def settle_form(table: BoxTable, unit: str, size_of: SizeOf, pictures: Pictures, into: Annotated) -> str:
    """What the numbers are (`box_forms`), by the names of the columns or else by the boxes; a guess is told, and can be overruled."""
    if table.form in (CORNERS, CENTRE):
        return box_forms.CORNERS if table.form == CORNERS else box_forms.CENTRE
    is_named = table.form == SIDES
    offered = [box_forms.SIDES, box_forms.CENTRE, *([] if is_named else [box_forms.CORNERS])]
    form, confidence = box_forms.SIDES, 1.0
    if is_centred(table.rows, unit, size_of):
        form, confidence = box_forms.CENTRE, 0.85
    elif not is_named:
        samples = (box_forms.Sample(row.values, size_in(unit, row, size_of)) for row in table.rows[:SNIFFED_ROWS])
        guessed = box_forms.told_form(samples)
        form = guessed or box_forms.SIDES
        confidence = {box_forms.SIDES: 0.95, box_forms.CORNERS: 0.85}.get(guessed, 0.7)
    file = pictures.archive.name
    asked = pictures.choices.pick(box_forms.WHAT, offered, file)
    if asked or not is_named or form != box_forms.SIDES:
        into.readings.append(box_forms.form_reading(asked or form, offered, table.name, confidence, file, asked is not None))  # fmt: skip
    return asked or form


def size_in(unit: str, row: BoxRow, size_of: SizeOf) -> Size | None:
    """A picture's size in the unit of its boxes."""
    return {"shares": (1.0, 1.0), "percent": (100.0, 100.0)}.get(unit) or size_of(row)


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
        size = size_in(unit, row, size_of)
        if size is None:
            continue
        x, y, width, height = row.values
        as_corner += x + width > 1.02 * size[0] or y + height > 1.02 * size[1]
        as_centre += x - width / 2 < -0.02 * size[0] or y - height / 2 < -0.02 * size[1]
    return as_corner > as_centre


# Cells of several rows


def column(rows: list[tuple[str | None, ...]], place: int) -> list[str | None]:
    return [row[place] if place < len(row) else None for row in rows]


def is_picture(cells: list[str | None], find: Finder) -> bool:
    return sum(find(cell or "") is not None for cell in cells) >= MIN_MATCHED * len(cells)
