"""Tables of HTML, as many programs export them under the name .xls: each table is read like a sheet of a workbook."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trainer.data.tables.sheets import Row, Sheet, cut
from trainer.data.tables.workbook_limits import Grid

BREAKS = frozenset(["br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4"])
UNREAD = frozenset(["script", "style", "head", "title", "xml", "template", "noscript"])
MAX_SPAN = 16_384
MAX_DEPTH = 50
HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
FORM = re.compile(r"mso-number-format\s*:\s*\"?\\?@")


@dataclass
class OpenTable:
    """A table whose end has not come. `waiting`: {column: rows that a cell from above still covers}."""

    sheet: Sheet
    row: Row | None = None
    text: list[str] | None = None
    column: int = 0
    down: int = 1
    across: int = 1
    is_hidden: bool = False
    waiting: dict[int, int] = field(default_factory=dict)


class PageReader:
    """Takes the elements of a page as a parser meets them (lxml's interface of a target). `outside`: lines of text in no table."""

    def __init__(self, name: str) -> None:
        self.grid, self.sheets = Grid(name), list[Sheet]()
        self.open: list[OpenTable] = []
        self.outside: list[str] = []
        self.inside = self.unread = 0
        self.line: list[str] = []

    def start(self, tag: str, facts: Mapping[str, str]) -> None:
        if tag in UNREAD:
            self.unread += 1
        elif tag == "table" and len(self.open) < MAX_DEPTH:
            self.end_line()
            self.open.append(OpenTable(Sheet(f"Table {len(self.sheets) + 1}", [])))
            self.sheets.append(self.open[-1].sheet)
        elif tag == "tr" and self.open:
            self.end_row()
            self.open[-1].row = []
            self.open[-1].is_hidden = HIDDEN.search(facts.get("style", "")) is not None
        elif tag in ("td", "th") and self.open:
            self.start_cell(facts)
        elif tag == "input" and facts.get("type", "").lower() == "checkbox":
            self.data("true" if "checked" in facts else "false")
        elif tag in BREAKS:
            self.data("\n")

    def end(self, tag: str) -> None:
        if tag in UNREAD:
            self.unread = max(0, self.unread - 1)
        elif tag == "table" and self.open:
            self.end_row()
            self.open.pop()
        elif tag == "tr" and self.open:
            self.end_row()
        elif tag in ("td", "th") and self.open:
            self.end_cell()
        elif tag in BREAKS and tag != "br":
            self.data("\n")

    def data(self, text: str) -> None:
        if self.unread:
            return
        table = self.open[-1] if self.open else None
        if table is not None and table.text is not None:
            table.text.append(text)
            self.inside += len(text)
        else:
            self.line.append(text)
            if "\n" in text:
                self.end_line()

    def comment(self, _text: str) -> None:
        """What Excel says of its windows."""

    def close(self) -> list[Sheet]:
        while self.open:
            self.end("table")
        self.end_line()
        return [sheet for sheet in self.sheets if any(sheet.rows)]

    def end_line(self) -> None:
        if text := " ".join("".join(self.line).split()):
            self.outside.append(text)
        self.line = []

    def start_cell(self, facts: Mapping[str, str]) -> None:
        self.end_cell()
        table = self.open[-1]
        if table.row is None:
            table.row = []
        table.down, table.across = span_of(facts, "rowspan"), span_of(facts, "colspan")
        table.text = []

    def end_cell(self) -> None:
        table = self.open[-1]
        if table.text is None or table.row is None:
            return
        column = place_in(table)
        table.row += [None] * (column + 1 - len(table.row))
        table.row[column] = cell_text("".join(table.text)) or None
        if table.down > 1:
            table.waiting |= dict.fromkeys(range(column, column + table.across), table.down)
            table.sheet.merged.append((len(table.sheet.rows), len(table.sheet.rows) + table.down - 1, column))
        table.column, table.text = column + table.across, None

    def end_row(self) -> None:
        self.end_cell()
        table = self.open[-1]
        if table.row is None:
            return
        row = cut(table.row)
        if row:
            self.grid.begin()
            self.grid.add(len(table.sheet.rows) + 1, len(row))
        if table.is_hidden:
            table.sheet.marks.rows.add(len(table.sheet.rows))
        table.sheet.rows.append(row)
        table.waiting = {column: rows - 1 for column, rows in table.waiting.items() if rows > 1}
        table.row, table.column = None, 0


def place_in(table: OpenTable) -> int:
    """The next column of a row that no cell from above covers."""
    column = table.column
    while table.waiting.get(column):
        column += 1
    return column


def span_of(facts: Mapping[str, str], name: str) -> int:
    text = facts.get(name, "1").strip()
    return min(max(1, int(text)), MAX_SPAN) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def cell_text(text: str) -> str:
    """The lines of a cell, blanks folded as a page shows them."""
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def read_page(pieces: Iterable[str], name: str) -> tuple[list[Sheet], list[str], int]:
    """(its tables, lines of text outside of them, characters inside); `DataError` for tables that are too large."""
    from lxml import etree

    reader = PageReader(name)
    parser = etree.HTMLParser(target=reader, encoding="utf-8", no_network=True, huge_tree=False)
    try:
        for piece in pieces:
            parser.feed(piece.encode("utf-8", "replace"))
        sheets = parser.close()
    except etree.LxmlError:
        sheets = reader.close()
    return sheets, reader.outside, reader.inside
