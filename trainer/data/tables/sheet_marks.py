"""What a workbook says of its sheets besides the cells: hidden rows and columns, and check boxes drawn over cells.

The library that reads the cells passes over these, so they are taken from the parts of the file themselves: for Excel's zip
(ECMA-376, 18.3.1.13 `col`, 18.3.1.73 `row`), its old form ([MS-XLS] 2.4.221 Row, 2.4.53 ColInfo) and OpenDocument.
"""

import posixpath
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import IO

from trainer.data.tables.number_formats import is_zero_format
from trainer.data.tables.workbook_limits import OLD_END, OLD_SHEET, records
from trainer.data.tables.workbook_limits import number_of as column_number
from trainer.data.tables.zero_codes import has_codes, old_codes, old_formats, row_codes
from trainer.data.unpacking import DAMAGE

PIECE, CARRY = 1 << 20, 4096
MAX_HIDDEN, MAX_BOXES = 1_048_576, 50_000
MAX_DRAWING_BYTES = 16 << 20
TAG = rb"[^<>]{0,500}"
"""What a tag has behind its name: no second tag, and no more than programs write, so that no text takes long."""
ROW = re.compile(rb"<(?:\w{1,20}:)?row\b(" + TAG + rb")>")
COLUMN = re.compile(rb"<(?:\w{1,20}:)?col\b(" + TAG + rb")>")
HIDDEN = re.compile(rb"\bhidden\s*=\s*[\"'](?:1|true)[\"']")
ERROR_CELL = re.compile(rb"<(?:\w{1,20}:)?c\b[^<>]{0,200}\bt\s{0,9}=\s{0,9}[\"']e[\"']")
UNCOUNTED = re.compile(
    rb"(?:</(?:\w{1,20}:)?f>|<(?:\w{1,20}:)?f\b" + TAG + rb"/>)\s{0,20}"
    rb"(?:<(?:\w{1,20}:)?v\s{0,20}/>|<(?:\w{1,20}:)?v>\s{0,20}</(?:\w{1,20}:)?v>)?\s{0,20}</(?:\w{1,20}:)?c>"
)
"""A formula whose value is not in the file, as programs write it that do not compute."""
CELL = re.compile(rb"<(?:\w{1,20}:)?c\b(" + TAG + rb")>")
TEXT_CELL = re.compile(rb"\bt\s{0,9}=\s{0,9}[\"']str[\"']")
CELL_BYTES = 2_000
"""In which the beginning of a cell with a formula stands before the end of the formula."""
RELATION = re.compile(r"<Relationship\b[^<>]*>")
SHEET = re.compile(r"<(?:\w{1,20}:)?sheet\b[^<>]*>")
BOX = re.compile(r"<x:ClientData\b[^<>]{0,200}ObjectType=\"Checkbox\"[^<>]*>(.{0,5000}?)</x:ClientData>", re.DOTALL)
OPEN_ROW = re.compile(r"<table:table-(row|column)\b([^<>]*)>|<table:table(?=[\s>])([^<>]*)>")
FORMAT = re.compile(r"<(?:\w+:)?numFmt\b[^>]*>")
CELL_STYLES = re.compile(r"<(?:\w+:)?cellXfs\b[^>]*>(.*?)</(?:\w+:)?cellXfs>", re.DOTALL)
STYLE = re.compile(r"<(?:\w+:)?xf\b[^>]*>")
NUMBER_CELL = re.compile(rb"<(?:\w+:)?c\b([^>]*[^>/])>")
STYLE_OF, KIND_OF = (re.compile(rb"\b" + name + rb"\s*=\s*[\"'](\w+)[\"']") for name in (b"s", b"t"))
PLACE_OF = re.compile(rb"\br\s*=\s*[\"']([A-Z]{1,3})(\d{1,7})[\"']")
OLD_ROW, OLD_COLUMNS = 0x0208, 0x007D


@dataclass
class Run:
    """Rows of a column, from the first to the last, whose cells have the same number format."""

    first: int
    last: int
    code: str


@dataclass
class Marks:
    """Of one sheet, counted from 0."""

    rows: set[int] = field(default_factory=set)
    """Hidden ones, by hand or by a filter."""
    columns: set[int] = field(default_factory=set)
    boxes: dict[tuple[int, int], bool] = field(default_factory=dict)
    """{(row, column): whether it is ticked} of check boxes drawn over a cell and linked to none."""
    errors: int = 0
    """Cells with an error (#N/A, #REF!), which the library reads as empty."""
    formulas: int = 0
    """Formulas without their value."""
    codes: dict[int, list[Run]] = field(default_factory=dict)
    """{column: rows whose numbers are shown with zeros in front}."""

    def add_code(self, row: int, column: int, code: str) -> None:
        runs = self.codes.setdefault(column, [])
        if runs and runs[-1].code == code and runs[-1].last >= row - 1:
            runs[-1].last = max(row, runs[-1].last)
        elif len(runs) < MAX_HIDDEN:
            runs.append(Run(row, row, code))


def read_marks(original: Path, copy: Path) -> dict[str, Marks]:
    """{sheet: its marks}; none of what cannot be read. `copy`: the workbook as `workbook_limits.checked` has left it."""
    try:
        if copy.suffix == ".xls":
            return dict(old_marks(copy.read_bytes()))
        if copy.suffix == ".ods":
            with zipfile.ZipFile(copy) as archive:
                with archive.open("content.xml") as part:
                    marks, may_have_codes = open_document_marks(part)
                if may_have_codes:
                    with archive.open("content.xml") as part:
                        open_document_codes(part, marks)
                return marks
        if copy.suffix == ".xlsx":
            with zipfile.ZipFile(copy) as archive, zipfile.ZipFile(original) as drawings:
                codes = zero_styles(text_of(archive, "xl/styles.xml"))
                return {name: part_marks(archive, drawings, part, codes) for name, part in sheet_parts(archive)}
    except (*DAMAGE, KeyError, ValueError, struct.error, IndexError):
        pass  # the cells are read all the same
    return {}


def text_of(archive: zipfile.ZipFile, part: str) -> str:
    """A small part as text; "" for none, or for one that is not small."""
    info = archive.NameToInfo.get(part)
    if info is None or info.file_size > MAX_DRAWING_BYTES:
        return ""
    with archive.open(info) as file:
        return file.read(MAX_DRAWING_BYTES).decode("utf-8", "replace")


def attribute(tag: str, name: str) -> str:
    match = re.search(rf"\b{name}\s*=\s*[\"']([^\"']*)[\"']", tag)
    return unescape(match[1]) if match else ""


def relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """{id: (kind, part)} of what a part refers to."""
    folder, name = posixpath.split(part)
    text = text_of(archive, f"{folder}/_rels/{name}.rels")
    return {
        attribute(tag, "Id"): (
            attribute(tag, "Type").rpartition("/")[2],
            posixpath.normpath(posixpath.join("/" + folder, attribute(tag, "Target"))).lstrip("/"),
        )
        for tag in RELATION.findall(text)
    }


def sheet_parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    known = relations(archive, "xl/workbook.xml")
    for tag in SHEET.findall(text_of(archive, "xl/workbook.xml")):
        _kind, part = known.get(attribute(tag, r"\w+:id"), ("", ""))
        if part in archive.NameToInfo:
            yield attribute(tag, "name"), part


def zero_styles(styles: str) -> dict[bytes, str]:
    """{number of a cell's style: format} of those that show zeros in front."""
    formats = {attribute(tag, "numFmtId"): attribute(tag, "formatCode") for tag in FORMAT.findall(styles)}
    codes = {number: code for number, code in formats.items() if is_zero_format(code)}
    cells = CELL_STYLES.search(styles) if codes else None
    numbers = [attribute(tag, "numFmtId") for tag in STYLE.findall(cells[1])] if cells else []
    return {str(place).encode(): codes[number] for place, number in enumerate(numbers) if number in codes}


def add_codes(marks: Marks, data: bytes, codes: dict[bytes, str]) -> None:
    """Cells with a number in one of these styles."""
    for tag in NUMBER_CELL.findall(data):
        style, kind, place = STYLE_OF.search(tag), KIND_OF.search(tag), PLACE_OF.search(tag)
        if style and place and style[1] in codes and (kind is None or kind[1] == b"n"):
            marks.add_code(int(place[2]) - 1, column_number(place[1].decode()) - 1, codes[style[1]])


def part_marks(archive: zipfile.ZipFile, drawings: zipfile.ZipFile, part: str, codes: dict[bytes, str]) -> Marks:
    marks = Marks()
    with archive.open(part) as file:
        seen = 0
        for data in overlapping(file):
            marks.errors += count_in(ERROR_CELL, data, seen) if b'"e"' in data or b"'e'" in data else 0
            marks.formulas += count_uncounted(data, seen) if b"f>" in data or b"<f" in data else 0
            seen = min(CARRY, len(data))
            if codes:
                add_codes(marks, data, codes)
            if b"hidden" not in data:
                continue
            for tag in ROW.findall(data):
                if HIDDEN.search(tag) and (number := number_in(tag, b"r")) and len(marks.rows) < MAX_HIDDEN:
                    marks.rows.add(number - 1)
            for tag in COLUMN.findall(data):
                if HIDDEN.search(tag) and (first := number_in(tag, b"min")) and (last := number_in(tag, b"max")):
                    marks.columns |= set(range(first - 1, min(last, 16_384)))
    for kind, drawing in relations(archive, part).values():
        if kind == "vmlDrawing":
            marks.boxes |= drawn_boxes(text_of(drawings, drawing))
    return marks


def count_in(pattern: re.Pattern[bytes], data: bytes, seen: int) -> int:
    """Matches that do not end in the part that was `seen` before."""
    return sum(match.end() > seen for match in pattern.finditer(data))


def count_uncounted(data: bytes, seen: int) -> int:
    """Formulas without a value; one whose value is an empty text (IF(B2="","",…)) is stored as one of kind `str`."""
    ends = (match for match in UNCOUNTED.finditer(data) if match.end() > seen)
    return sum(not is_text_cell(data, match.start()) for match in ends)


def is_text_cell(data: bytes, place: int) -> bool:
    cells = CELL.findall(data, max(0, place - CELL_BYTES), place)
    return bool(cells) and TEXT_CELL.search(cells[-1]) is not None


def overlapping(file: IO[bytes]) -> Iterator[bytes]:
    """Pieces of a part, each with the end of the one before, so that no tag is cut."""
    before = b""
    while piece := file.read(PIECE):
        data = before + piece
        yield data
        before = data[-CARRY:]


def number_in(tag: bytes, name: bytes) -> int:
    match = re.search(rb"\b" + name + rb"\s*=\s*[\"'](\d{1,7})[\"']", tag)
    return int(match[1]) if match else 0


def drawn_boxes(drawing: str) -> dict[tuple[int, int], bool]:
    """Check boxes by the cell that the upper left corner of each is nearest to; one that is linked has its value in a cell."""
    boxes: dict[tuple[int, int], bool] = {}
    for body in BOX.findall(drawing)[:MAX_BOXES]:
        anchor = re.search(r"<x:Anchor>([\s\d,]+)</x:Anchor>", body)
        places = [int(number) for number in re.findall(r"\d{1,7}", anchor[1])] if anchor else []
        if len(places) != 8 or "<x:FmlaLink>" in body:
            continue
        left, _left_gap, top, top_gap, _right, _right_gap, bottom, _bottom_gap = places
        row = top + 1 if top_gap > 12 and bottom > top else top  # drawn a little above its cell
        boxes[row, left] = re.search(r"<x:Checked>\s*1\s*</x:Checked>", body) is not None
    return boxes


def open_document_codes(file: IO[bytes], by_sheet: dict[str, Marks]) -> None:
    """Cells whose number is shown with zeros in front, into the marks of their sheets."""
    marks, row, rest = Marks(), 0, ""
    for piece in iter(lambda: file.read(PIECE), b""):
        text = rest + piece.decode("utf-8", "replace")
        starts = [match.start() for match in ROW_OR_TABLE.finditer(text)]
        for start, end in pairwise(starts):
            match = ROW_OR_TABLE.match(text, start)
            assert match is not None
            if match[2] is not None:
                marks, row = by_sheet.get(attribute(match[2], "table:name"), Marks()), 0
                continue
            for column, code in row_codes(text[start:end]) if SHOWN_ZERO in text[start:end] else ():
                marks.add_code(row, column, code)
            row += min(int(attribute(match[1], "table:number-rows-repeated") or 1), 1 << 21)
        rest = text[starts[-1] :] if starts else text[-CARRY:]
        if len(rest) > MAX_DRAWING_BYTES:
            return
    for column, code in row_codes(rest) if SHOWN_ZERO in rest else ():
        marks.add_code(row, column, code)


SHOWN_ZERO = ">0"
ROW_OR_TABLE = re.compile(r"<table:table-row\b([^<>]*)>|<table:table(?=[\s>])([^<>]*)>")


def open_document_marks(file: IO[bytes]) -> tuple[dict[str, Marks], bool]:
    """By `table:visibility` of rows and columns: collapse, or filter; and whether some numbers may be shown with zeros in front."""
    by_sheet: dict[str, Marks] = {}
    may_have_codes = False
    marks, places = Marks(), {"row": 0, "column": 0}
    rest = ""
    for piece in iter(lambda: file.read(PIECE), b""):
        text = rest + piece.decode("utf-8", "replace")
        may_have_codes = may_have_codes or has_codes(text)
        end = 0
        for match in OPEN_ROW.finditer(text):
            end = match.end()
            kind = match[1]
            if kind is None:
                marks, places = Marks(), {"row": 0, "column": 0}
                by_sheet[attribute(match[3], "table:name")] = marks
                continue
            count = int(attribute(match[2], f"table:number-{kind}s-repeated") or 1)
            if attribute(match[2], "table:visibility") in ("collapse", "filter"):
                listed = marks.rows if kind == "row" else marks.columns
                listed |= set(range(places[kind], places[kind] + min(count, 10_000)))
            places[kind] += count
        rest = text[end:][-CARRY:]
    return by_sheet, may_have_codes


def old_marks(data: bytes) -> Iterator[tuple[str, Marks]]:
    """Of the stream in a container of ours: sheets by where they begin, and the records of each."""
    start = data.find(b"\x09\x08")
    start = start if start >= 0 else 0
    stream = data[start:]
    styles = old_formats(stream)
    for kind, body in records(stream, 0):
        if kind == OLD_END:
            return
        if kind == OLD_SHEET and len(body) >= 8:
            place, length, wide = struct.unpack_from("<I", body)[0], body[6], body[7] & 1
            name = body[8 : 8 + length * (1 + wide)].decode("utf-16-le" if wide else "latin-1", "replace")
            yield name, old_sheet_marks(stream, place, styles)


def old_sheet_marks(stream: bytes, place: int, styles: dict[int, str]) -> Marks:
    marks = Marks()
    for kind, body in records(stream, place):
        if kind == OLD_END:
            break
        if styles:
            old_codes(kind, body, styles, marks.add_code)
        if kind == OLD_ROW and len(body) >= 16 and body[12] & 0x20:
            marks.rows.add(struct.unpack_from("<H", body)[0])
        if kind == OLD_COLUMNS and len(body) >= 10 and body[8] & 1:
            first, last = struct.unpack_from("<HH", body)
            marks.columns |= set(range(first, last + 1))
    return marks
