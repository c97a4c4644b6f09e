"""How large the sheets of a workbook are, found before they are read.

The library that reads them lays a sheet out as a grid from A1 to its last cell: two cells far apart in a file of one
kilobyte would take hundreds of gigabytes. A workbook in a zip is copied on the way, entry by entry and counted, so that
what was looked at is what is read.
"""

import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol
from xml.parsers import expat

from trainer.data.tables.compound import contained, protected, workbook_stream
from trainer.data.tables.table import OLD_OFFICE, damaged
from trainer.data.tempspace import check_room, is_full, no_space
from trainer.data.unpacking import DAMAGE, EXPANSION_FREE, MAX_EXPANSION
from trainer.errors import DataError
from trainer.messages import _

MAX_CELLS = 20_000_000
"""Of all sheets, empty ones counted: a million rows of twenty columns."""
MAX_UNPACKED_BYTES = 2 * 1024**3
MAX_PARTS = 10_000
PIECE = 1 << 20
REFERENCE = re.compile(r"([A-Za-z]{0,7})([0-9]{0,9})")
KEPT = {
    ".xlsx": re.compile(r"(\[content_types\]|_rels/.*|xl/(?!drawings/|charts/|theme/|calcchain).*)\.(xml|rels)"),
    ".xlsb": re.compile(r"(\[content_types\]\.xml|(_rels|xl)/.*\.(bin|rels))"),
    ".ods": re.compile(r"mimetype|content\.xml|meta-inf/manifest\.xml"),
}
"""The parts that hold cells, texts, and where which is."""
PLACE = re.compile(rb'<c r="([A-Z]{1,3})([0-9]{1,7})"')
CELL = re.compile(rb"[<:]c[\s/>]|<!D")
"""How programs write a cell, and whatever may be the beginning of one, or of a document type."""
BINARY_ROW, BINARY_CELLS = 0, frozenset(range(2, 12))
"""Records of an .xlsb sheet: the beginning of a row, and cells that hold something ([MS-XLSB] 2.4)."""
OLD_CELLS = frozenset([0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x00BD, 0x00D6, 0x00FD, 0x0203, 0x0204, 0x0205, 0x0206, 0x027E, 0x0406])  # fmt: skip
"""Records of an .xls sheet that hold a cell's value: row and column, two bytes each ([MS-XLS] 2.4)."""
OLD_SHEET, OLD_END = 0x0085, 0x000A


class Grid:
    """The last row and column that hold something, from 1, and the cell at which each was met."""

    def __init__(self, workbook: str) -> None:
        self.workbook, self.cells = workbook, 0
        self.begin()

    def begin(self) -> None:
        self.rows = self.columns = 0

    def add(self, row: int, column: int) -> None:
        """A cell, counted from 1. Raises `DataError` once the sheet is too large to be laid out."""
        if row <= self.rows and column <= self.columns:
            return
        self.rows, self.columns = max(self.rows, row), max(self.columns, column)
        if self.cells + self.rows * self.columns > MAX_CELLS:
            raise DataError(
                _(
                    "A sheet of %(workbook)s reaches to cell %(column)s%(row)s: %(rows)s rows × %(columns)s columns are more than the %(max_cells)s cells that are read.",
                    workbook=self.workbook,
                    column=letters(column),
                    row=row,
                    rows=f"{self.rows:,}",
                    columns=f"{self.columns:,}",
                    max_cells=f"{MAX_CELLS:,}",
                ),
                code="too_large",
                hint=_(
                    "If little is out there, clear it, or copy the table into a workbook of its own; else save it as CSV."
                ),
            )

    def end(self) -> None:
        self.cells += self.rows * self.columns


def letters(column: int) -> str:
    """28 → AB."""
    name = ""
    while column:
        column, letter = divmod(column - 1, 26)
        name = chr(65 + letter) + name
    return name


def number_of(letters: str) -> int:
    """AB → 28."""
    total = 0
    for letter in letters.upper():
        total = total * 26 + ord(letter) - 64
    return total


def checked(path: Path, name: str, place: Path) -> Path:
    """A copy in `place` of a workbook whose sheets are small enough, with the ending that tells its reader what it is."""
    grid = Grid(name)
    with path.open("rb") as file:
        old = file.read(8).startswith(OLD_OFFICE)
    if old:
        stream = workbook_stream(path, name)
        check_old(stream, grid)
        to = place / "workbook.xls"
        to.write_bytes(contained(stream))
        return to
    try:
        with zipfile.ZipFile(path) as archive:
            return copied(archive, path.stat().st_size, place, grid)
    except DataError:
        raise
    except (*DAMAGE, expat.ExpatError, struct.error, IndexError) as error:
        if isinstance(error, OSError) and is_full(error):
            raise no_space(name) from error
        if "encrypted" in str(error):
            raise protected(name) from error
        raise damaged(name, "it cannot be read as an Excel workbook") from error


def copied(archive: zipfile.ZipFile, packed: int, place: Path, grid: Grid) -> Path:
    """Only the parts that hold cells and texts are taken along, unpacked, each once."""
    names = {name.lower() for name in archive.NameToInfo}
    kind = ".xlsb" if "xl/workbook.bin" in names else ".xlsx" if "xl/workbook.xml" in names else ".ods"
    pattern = KEPT[kind]
    infos = [info for info in archive.NameToInfo.values() if pattern.fullmatch(info.filename.lower())]
    if len(infos) > MAX_PARTS:
        raise damaged(grid.workbook, f"it has more than {MAX_PARTS:,} parts")
    check_room(sum(info.file_size for info in infos), grid.workbook)
    to = place / f"workbook{kind}"
    remaining = min(MAX_UNPACKED_BYTES, max(EXPANSION_FREE, MAX_EXPANSION * packed))
    with zipfile.ZipFile(to, "w") as copy:
        for info in infos:
            reader = looker(kind, info.filename, grid)
            with archive.open(info) as part, copy.open(info.filename, "w", force_zip64=True) as out:
                remaining = copy_part(part, out, reader, remaining, grid)
            if isinstance(reader, Glance) and reader.unsure:
                look_closely(archive, info, grid)
    return to


def look_closely(archive: zipfile.ZipFile, info: zipfile.ZipInfo, grid: Grid) -> None:
    sheet = Sheet(grid)
    with archive.open(info) as part:
        while piece := part.read(PIECE):
            sheet.feed(piece)
    sheet.close()


class Look(Protocol):
    """Reads a part of a workbook as it goes by."""

    def feed(self, piece: bytes) -> None: ...

    def close(self) -> None: ...


def looker(kind: str, part: str, grid: Grid) -> Look | None:
    """Who reads the cells of a part; None for one without cells."""
    if kind == ".ods":
        return OpenSheets(grid) if part.lower() == "content.xml" else None
    return BinarySheet(grid) if part.lower().endswith(".bin") else Glance(grid)


def copy_part(part: IO[bytes], out: IO[bytes], reader: Look | None, remaining: int, grid: Grid) -> int:
    """How many bytes the other parts may still take."""
    while piece := part.read(PIECE):
        remaining -= len(piece)
        if remaining < 0:
            raise DataError(
                _("%(workbook)s unpacks to far more than its size.", workbook=grid.workbook),
                code="too_large",
                hint=_("Save it as CSV and send that."),
            )
        out.write(piece)
        if reader:
            reader.feed(piece)
    if reader:
        reader.close()
    return remaining


class Glance:
    """A sheet of an .xlsx file by its bytes alone, five times as fast as by its elements.

    `unsure`: not every cell begins with its place, or the places reach too far, though perhaps of empty cells only.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid, self.rows, self.columns, self.unsure, self.waiting = grid, 0, 0, False, b""

    def feed(self, piece: bytes) -> None:
        data = self.waiting + piece
        end = data.rfind(b"<")
        data, self.waiting = (data[:end], data[end:]) if end >= 0 and len(data) - end < PIECE else (data, b"")
        self.count_cells(data)

    def count_cells(self, data: bytes) -> None:
        places = PLACE.findall(data)
        if len(places) != len(CELL.findall(data)):
            self.unsure = True
        if places and not self.unsure:
            self.rows = max(self.rows, max(int(row) for _column, row in places))
            self.columns = max(
                self.columns, *(number_of(column.decode()) for column in {reference for reference, _row in places})
            )

    def close(self) -> None:
        self.count_cells(self.waiting)
        if self.grid.cells + self.rows * self.columns > MAX_CELLS:
            self.unsure = True
        if not self.unsure:
            self.grid.cells += self.rows * self.columns


class Xml:
    """A stream of XML without a document type, as UTF-8 whatever it says: that is how it is read afterwards."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartDoctypeDeclHandler = self.refuse
        self.parser.StartElementHandler = self.start

    def refuse(self, *_: object) -> None:
        raise ValueError("a document type")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def feed(self, piece: bytes) -> None:
        self.parser.Parse(piece)

    def close(self) -> None:
        self.parser.Parse(b"", True)


class Sheet(Xml):
    """A sheet of an .xlsx file. References may lack, and then the cell is the next one; those that hold nothing do not count."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.grid, self.row, self.column = grid, 0, 0
        grid.begin()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.parser.CharacterDataHandler = None
        if ":" in name:
            name = name.rpartition(":")[2]
        if name == "c":
            self.column += 1
            if "r" in attributes:
                self.move(attributes["r"])
        elif name == "row":
            self.row, self.column = max(self.row + 1, whole(attributes.get("r", "0"))), 0
        elif name == "v":
            self.parser.CharacterDataHandler = self.filled
        elif name == "is":
            self.filled("")

    def move(self, reference: str) -> None:
        match = REFERENCE.fullmatch(reference)
        if match is None:
            raise ValueError("a cell without a place")
        self.column = number_of(match[1]) or self.column
        self.row = max(self.row, int(match[2] or 0))

    def filled(self, _text: str) -> None:
        self.parser.CharacterDataHandler = None
        self.grid.add(self.row, self.column)

    def close(self) -> None:
        super().close()
        self.grid.end()


class OpenSheets(Xml):
    """All sheets of an OpenDocument file. A cell or a row may say how often it is repeated; empty ones do at every end."""

    def __init__(self, grid: Grid) -> None:
        super().__init__()
        self.parser.EndElementHandler = self.end
        self.grid, self.row, self.column, self.last = grid, 0, 0, 0
        self.repeated, self.wide, self.filled = 1, 1, False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name == "table":
            self.grid.begin()
            self.row = 0
        elif name == "table-row":
            self.repeated, self.column, self.last = repeats(attributes, "number-rows-repeated"), 0, 0
        elif name in ("table-cell", "covered-table-cell"):
            self.wide = repeats(attributes, "number-columns-repeated")
            self.filled = any(attribute.endswith(":value-type") for attribute in attributes)
        elif name == "p":
            self.filled = True

    def end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name in ("table-cell", "covered-table-cell"):
            self.column += self.wide
            if self.filled:
                self.last = self.column
                self.grid.add(self.row + 1, self.last)
        elif name == "table-row":
            self.row += self.repeated
            if self.last:
                self.grid.add(self.row, self.last)
        elif name == "table":
            self.grid.end()


def repeats(attributes: dict[str, str], what: str) -> int:
    return max(1, next((whole(value) for name, value in attributes.items() if name.endswith(what)), 1))


def whole(text: str) -> int:
    """Raises `ValueError` for what is not a number, or one that no sheet has."""
    if len(text) > 12 or not text.isascii():
        raise ValueError("a number that no sheet has")
    return int(text)


class BinarySheet:
    """A sheet of an .xlsb file: records of a number, a length, and that many bytes."""

    def __init__(self, grid: Grid) -> None:
        self.grid, self.row, self.waiting, self.skip = grid, 0, b"", 0
        grid.begin()

    def feed(self, piece: bytes) -> None:
        data = self.waiting + piece
        position = 0
        while True:
            if self.skip:
                taken = min(self.skip, len(data) - position)
                self.skip -= taken
                position += taken
            if len(data) - position < 12:  # a head of six bytes, and the four that tell a place
                break
            record, length, position = head(data, position)
            if length >= 4 and record == BINARY_ROW:
                (self.row,) = struct.unpack_from("<I", data, position)
            elif length >= 4 and record in BINARY_CELLS:
                self.grid.add(self.row + 1, struct.unpack_from("<I", data, position)[0] + 1)
            self.skip = length
        self.waiting = data[position:]

    def close(self) -> None:
        self.feed(b"\0" * 12)
        self.grid.end()


def head(data: bytes, position: int) -> tuple[int, int, int]:
    """(number, length, where the record's bytes begin); both come in groups of seven bits."""
    record = data[position]
    position += 1
    if record & 0x80:
        record = record & 0x7F | (data[position] & 0x7F) << 7
        position += 1
    length = shift = 0
    while shift < 28:
        byte = data[position]
        length |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if not byte & 0x80:
            break
    return record, length, position


def check_old(data: bytes, grid: Grid) -> None:
    """The sheets of an .xls file's workbook, found where its list of sheets says."""
    for start in [
        struct.unpack_from("<I", body)[0] for kind, body in records(data, 0) if kind == OLD_SHEET and len(body) >= 4
    ]:
        grid.begin()
        for kind, body in records(data, start):
            if kind in OLD_CELLS and len(body) >= 4:
                row, column = struct.unpack_from("<HH", body)
                grid.add(row + 1, column + 1 + (max(len(body) - 6, 6) // 6 - 1 if kind == 0x00BD else 0))
        grid.end()


def records(data: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of each record from a place to the end of its part."""
    while position + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, position)
        yield kind, data[position + 4 : position + 4 + length]
        position += 4 + length
        if kind == OLD_END:
            return
