"""Tables in Word and OpenDocument texts, each read like a sheet of a workbook."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

from trainer.data.document_texts import OPEN_TEXT, WORD, office_root, word_piece
from trainer.data.media import UnreadableError
from trainer.data.tables.sheets import Row, Sheet, cut
from trainer.data.tables.table import damaged
from trainer.data.tables.workbook_limits import Grid

OPEN_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TABLES = (f"{WORD}tbl", f"{OPEN_TABLE}table")
ROWS = (f"{WORD}tr", f"{OPEN_TABLE}table-row")
CELLS = (f"{WORD}tc", f"{OPEN_TABLE}table-cell", f"{OPEN_TABLE}covered-table-cell")
PARAGRAPHS = (f"{WORD}p", f"{OPEN_TEXT}p", f"{OPEN_TEXT}h")
MAX_REPEATED = 1_000
MAX_BYTES = 64 << 20
MAX_DEPTH = 100


@dataclass
class Document:
    """`sheets`: its tables; `outside`: paragraphs in none of them; `inside`: characters in them."""

    sheets: list[Sheet] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    inside: int = 0


def read_document_tables(path: Path, name: str) -> Document:
    """`DataError` for a file that is damaged, or whose tables are too large."""
    data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    try:
        root = office_root(data)
    except UnreadableError as error:
        raise damaged(name, str(error)) from error
    document, grid = Document(), Grid(name)
    take(root, document, grid, 0)
    return document


def take(element: Element, document: Document, grid: Grid, depth: int) -> None:
    """The tables and paragraphs of an element, in their order; tables inside of cells are part of the cell."""
    for child in element if depth < MAX_DEPTH else ():
        if child.tag in TABLES:
            sheet = Sheet(str(child.get(f"{OPEN_TABLE}name") or f"Table {len(document.sheets) + 1}"), [])
            read_rows(child, sheet, grid)
            if any(sheet.rows):
                document.sheets.append(sheet)
                document.inside += sum(len(cell or "") for row in sheet.rows for cell in row)
        elif child.tag in PARAGRAPHS:
            text = text_of(child).strip()
            document.outside += [text] if text else []
        else:
            take(child, document, grid, depth + 1)


def read_rows(table: Element, sheet: Sheet, grid: Grid) -> None:
    grid.begin()
    above: dict[int, int] = {}
    for row in (row for row in table.iter() if row.tag in ROWS):
        cells: Row = []
        for cell in (cell for cell in row if cell.tag in CELLS):
            place = len(cells)
            text = "\n".join(text for part in cell.iter() if part.tag in PARAGRAPHS and (text := text_of(part).strip()))
            if is_continued(cell):
                sheet.merged.append((above.get(place, len(sheet.rows)), len(sheet.rows), place))
            else:
                above[place] = len(sheet.rows)
            cells += [text or None, *[None] * (columns_of(cell) - 1)]
            if len(cells) > MAX_REPEATED:
                break
        cut(cells)
        grid.add(len(sheet.rows) + 1, max(len(cells), 1))
        sheet.rows.append(cells)


def is_continued(cell: Element) -> bool:
    """Whether a cell of Word is part of the one above it."""
    merge = cell.find(f"{WORD}tcPr/{WORD}vMerge")
    return merge is not None and merge.get(f"{WORD}val") != "restart"


def columns_of(cell: Element) -> int:
    """How many columns a cell takes."""
    span = cell.find(f"{WORD}tcPr/{WORD}gridSpan")
    width = span.get(f"{WORD}val") if span is not None else cell.get(f"{OPEN_TABLE}number-columns-repeated")
    return (
        max(1, min(int(width), MAX_REPEATED)) if width and width.isascii() and width.isdigit() and len(width) < 9 else 1
    )


def text_of(paragraph: Element) -> str:
    if paragraph.tag == f"{WORD}p":
        return "".join(map(word_piece, paragraph.iter()))
    return "".join(paragraph.itertext())
