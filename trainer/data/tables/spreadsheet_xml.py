"""Workbooks in the XML of Excel 2002 and 2003 (SpreadsheetML), which many programs still write under the name .xls: rows of cells with
their types ("XML Spreadsheet Reference", Microsoft, 2001)."""

from collections.abc import Iterable
from xml.parsers import expat

from trainer.data.tables.number_formats import is_zero_format, shown
from trainer.data.tables.sheets import Sheet
from trainer.data.tables.table import as_text, damaged
from trainer.data.tables.workbook_limits import Grid, whole

NAMESPACE = "urn:schemas-microsoft-com:office:spreadsheet"
MIDNIGHT, NO_DAY = "T00:00:00", ("1899-12-31T", "1899-12-30T", "1900-01-00T")
MAX_HIDDEN_COLUMNS = 16_384


def read_spreadsheet(pieces: Iterable[str], name: str) -> list[Sheet]:
    """The sheets of a workbook; `DataError` for XML that is none, or is too large."""
    reader = Reader(name)
    try:
        for piece in pieces:
            reader.parser.Parse(piece.encode("utf-8", "replace"))
        reader.parser.Parse(b"", True)
    except (expat.ExpatError, ValueError) as error:
        if not reader.sheets:
            raise damaged(name, "it cannot be read as an Excel workbook") from error
        reader.end_sheet()
    return reader.sheets


class Reader:
    """A stream of XML without a document type. `row` and `column` count from 0."""

    def __init__(self, name: str) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self.refuse
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.add_text
        self.grid, self.sheets = Grid(name), list[Sheet]()
        self.codes: dict[str, str] = {}
        self.style = self.kind = self.cell_style = ""
        self.row = self.column = self.across = self.down = self.next_column = 0
        self.is_comment = self.is_cell = self.in_data = self.is_formula = False
        self.text: list[str] = []

    def refuse(self, *_: object) -> None:
        raise ValueError("a document type")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        facts = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        opener = getattr(self, f"start_{tag.lower()}", None)
        if opener is not None:
            opener(facts)

    def end(self, tag: str) -> None:
        closer = getattr(self, f"end_{tag.rpartition(':')[2].lower()}", None)
        if closer is not None:
            closer()

    def start_style(self, facts: dict[str, str]) -> None:
        self.style = facts.get("ID", "")

    def start_numberformat(self, facts: dict[str, str]) -> None:
        if is_zero_format(code := facts.get("Format", "")):
            self.codes[self.style] = code

    def start_worksheet(self, facts: dict[str, str]) -> None:
        self.sheets.append(Sheet(facts.get("Name", "") or f"Sheet {len(self.sheets) + 1}", []))
        self.grid.begin()
        self.row, self.next_column = -1, 0

    def start_column(self, facts: dict[str, str]) -> None:
        first = whole(facts["Index"]) - 1 if "Index" in facts else self.next_column
        self.next_column = min(first + 1 + whole(facts.get("Span", "0")), MAX_HIDDEN_COLUMNS)
        if facts.get("Hidden") == "1" and self.sheets:
            self.sheets[-1].marks.columns |= set(range(first, self.next_column))

    def start_row(self, facts: dict[str, str]) -> None:
        self.row = max(self.row + 1, whole(facts["Index"]) - 1 if "Index" in facts else 0)
        self.column = -1
        self.across = 0
        if facts.get("Hidden") == "1" and self.sheets:
            span = whole(facts.get("Span", "0"))
            self.sheets[-1].marks.rows |= set(range(self.row, self.row + 1 + min(span, MAX_HIDDEN_COLUMNS)))

    def end_row(self) -> None:
        self.is_cell = False

    def start_cell(self, facts: dict[str, str]) -> None:
        place = self.column + 1 + self.across
        self.column = max(place, whole(facts["Index"]) - 1 if "Index" in facts else 0)
        self.across, self.down = whole(facts.get("MergeAcross", "0")), whole(facts.get("MergeDown", "0"))
        self.cell_style, self.is_formula = facts.get("StyleID", ""), "Formula" in facts
        self.is_cell = bool(self.sheets)
        self.text, self.kind = [], ""

    def start_comment(self, _facts: dict[str, str]) -> None:
        self.is_comment = True

    def end_comment(self) -> None:
        self.is_comment = False

    def start_data(self, facts: dict[str, str]) -> None:
        self.in_data = self.is_cell and not self.is_comment
        self.kind = facts.get("Type", "String") if self.in_data else self.kind

    def end_data(self) -> None:
        self.in_data = False

    def add_text(self, text: str) -> None:
        if self.in_data:
            self.text.append(text)

    def end_cell(self) -> None:
        sheet, self.is_cell = self.sheets[-1], False
        text = "".join(self.text)
        if self.kind == "Error":
            sheet.errors += 1
            return
        if text == "":
            sheet.formulas += self.is_formula and not self.kind
            return
        self.grid.add(self.row + 1, self.column + 1)
        sheet.rows += [[] for _number in range(len(sheet.rows), self.row + 1)]
        row = sheet.rows[self.row]
        row += [None] * (self.column + 1 - len(row))
        row[self.column] = self.value_of(text, sheet)
        if self.down:
            sheet.merged.append((self.row, self.row + self.down, self.column))

    def value_of(self, text: str, sheet: Sheet) -> str | None:
        if self.kind == "Boolean":
            return "true" if text.strip() == "1" else "false"
        if self.kind == "DateTime":
            return moment_text(text.strip())
        if self.kind != "Number":
            return as_text(text)
        number = number_text(text.strip())
        coded = shown(number, self.codes[self.cell_style]) if self.cell_style in self.codes else number
        sheet.codes += coded != number
        return coded

    def end_worksheet(self) -> None:
        self.end_sheet()

    def end_sheet(self) -> None:
        self.grid.end()
        self.grid.begin()

    def start_visible(self, _facts: dict[str, str]) -> None:
        if self.sheets:
            self.sheets[-1].is_hidden = True  # there is no such element but for SheetHidden and SheetVeryHidden


def number_text(text: str) -> str:
    """Digits as they stand; an exponent is written out."""
    if text.isdigit():
        return text
    try:
        return as_text(float(text)) or ""
    except ValueError:
        return text


def moment_text(text: str) -> str:
    """2024-01-05T00:00:00.000 as 2024-01-05; a time of day has no day."""
    text = text.removesuffix(".000")
    if text.startswith(NO_DAY):
        return text.partition("T")[2]
    return text.removesuffix(MIDNIGHT).replace("T", " ")
