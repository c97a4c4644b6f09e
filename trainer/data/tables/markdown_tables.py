"""Tables in Markdown (GitHub's form of it), each read like a sheet of a workbook."""

import re
from pathlib import Path

from trainer.data.decoded_text import decode_text
from trainer.data.tables.document_tables import MAX_BYTES, Document
from trainer.data.tables.sheets import Row, Sheet
from trainer.data.tables.workbook_limits import Grid

RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
"""The line below a header, which says that it is one."""
BAR = re.compile(r"(?<!\\)\|")
FENCE = re.compile(r"\s*(```|~~~)")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def read_markdown(path: Path, name: str) -> Document:
    """`DataError` for tables that are too large."""
    text = decode_text(path.read_bytes()) if path.stat().st_size <= MAX_BYTES else ""
    document, grid = Document(), Grid(name)
    lines = text.splitlines()
    place, is_code = 0, False
    while place < len(lines):
        line = lines[place]
        is_code ^= FENCE.match(line) is not None
        if not is_code and begins_table(lines, place):
            place = take_table(lines, place, document, grid)
            continue
        document.outside += [line.strip()] if line.strip() else []
        place += 1
    return document


def begins_table(lines: list[str], place: int) -> bool:
    """Whether a header stands there, with a rule of as many columns below it."""
    if place + 1 >= len(lines) or not BAR.search(lines[place]):
        return False
    rule = lines[place + 1]
    return RULE.fullmatch(rule) is not None and len(cells_of(rule)) == len(cells_of(lines[place]))


def take_table(lines: list[str], place: int, document: Document, grid: Grid) -> int:
    """The line behind a table, which goes on as long as lines have a bar."""
    sheet = Sheet(f"Table {len(document.sheets) + 1}", [])
    grid.begin()
    end = place + 2
    while end < len(lines) and BAR.search(lines[end]):
        end += 1
    for line in (lines[place], *lines[place + 2 : end]):
        row = cells_of(line)
        grid.add(len(sheet.rows) + 1, max(len(row), 1))
        sheet.rows.append(row)
        document.inside += sum(len(cell or "") for cell in row)
    document.sheets.append(sheet)
    return end


def cells_of(line: str) -> Row:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [BREAK.sub("\n", cell.replace("\\|", "|").strip()) or None for cell in BAR.split(inner)]
