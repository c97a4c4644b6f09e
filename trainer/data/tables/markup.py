"""Workbooks as XML or as a web page, which programs export under the name .xls."""

import codecs
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.document_tables import Document, read_document_tables
from trainer.data.tables.markdown_tables import read_markdown
from trainer.data.tables.sheets import Sheet, is_table, settle_header
from trainer.data.tables.spreadsheet_xml import NAMESPACE, read_spreadsheet
from trainer.data.tables.streams import Bounded
from trainer.data.tables.table import Table
from trainer.data.tables.text import find_encoding, read_sample, utf16
from trainer.data.tables.web_archives import is_web_archive, read_web_archive
from trainer.data.tables.web_tables import read_page
from trainer.data.tables.xml_records import open_xml
from trainer.errors import DataError
from trainer.messages import _, ngettext

MARKUP = re.compile(
    r"\s*<(!doctype|!--|html|\?xml|\?mso|head|meta|body|table|style|div|center|workbook|ss:workbook)", re.IGNORECASE
)
HTML = re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|\?mso)", re.IGNORECASE | re.DOTALL)
WORKBOOK = re.compile(r"\.xl\w{1,2}$", re.IGNORECASE)
PAGE = re.compile(r"\.(html?|xhtml|php|aspx?)$", re.IGNORECASE)
OFFICE = re.compile(r"\.(docx|odt)$", re.IGNORECASE)
MARKDOWN = re.compile(r"\.(md|markdown|mdown)$", re.IGNORECASE)
DOCUMENT_TABLES, MAX_DOCUMENTS = "document_tables", 50
LOOKED_AT = 1 << 20
ENOUGH_INSIDE = 0.5
"""Share of the text of a page that its tables have, for it to be one of data."""
DECLARED = re.compile(r"charset\s*=\s*[\"']?\s*([\w-]{3,20})|encoding\s*=\s*[\"']([\w-]{3,20})", re.IGNORECASE)
PIECE = 1 << 18


def open_markup(
    path: Path, name: str, size: int, sheet: str | None, header: int | None, choices: Choices
) -> Table | None:
    """The workbook that XML or a web page holds; None for a file that is neither, or a page that is not a table."""
    with path.open("rb") as file:
        head = file.read(4096)
    outside: list[str] = []
    if is_web_archive(head, name):
        sheets, outside = read_web_archive(path, name, size)
        return opened(path, name, size, sheets, sheet, header, choices, "html", outside, "utf-8")
    start = head.decode(utf16(head) or "utf-8", "replace").lstrip("\ufeff")
    if is_xml(path, start, name) and (table := open_xml(path, name, size, header, choices)) is not None:
        return table
    if MARKDOWN.search(name) and (table := open_document(path, name, size, sheet, header, choices)) is not None:
        return table
    if not (MARKUP.match(start) or (WORKBOOK.search(name) and re.match(r"\s*<\w", start))):
        return None
    encoding = find_encoding(path, name, packed=False)
    sample = read_sample(path, name, encoding, packed=False)
    encoding = declared_encoding(sample, encoding)
    if NAMESPACE in sample[:LOOKED_AT]:
        sheets, form = read_spreadsheet(pieces_of(path, name, encoding), name), "excel"
    else:
        sheets, outside, inside = read_page(pieces_of(path, name, encoding), name)
        form = "html"
        is_asked = choices.get(DOCUMENT_TABLES) == "table"
        if not is_asked and PAGE.search(name) and inside < ENOUGH_INSIDE * (inside + sum(map(len, outside))):
            return None
    if not any(len(table.rows) > 1 for table in sheets):
        return None
    return opened(path, name, size, sheets, sheet, header, choices, form, outside, encoding)


def open_document(
    path: Path, name: str, size: int, sheet: str | None, header: int | None, choices: Choices
) -> Table | None:
    """The tables of a Word or OpenDocument text, or of Markdown; None for one without."""
    document = tables_in(path, name)
    if not any(len(table.rows) > 1 for table in document.sheets):
        return None
    form = "markdown" if MARKDOWN.search(name) else "document"
    return opened(path, name, size, document.sheets, sheet, header, choices, form, document.outside, "utf-8")


def tables_in(path: Path, name: str) -> Document:
    return (read_markdown if MARKDOWN.search(name) else read_document_tables)(path, name)


def is_table_alone(path: Path, name: str, share: float = ENOUGH_INSIDE) -> list[str]:
    """The columns of the largest table of a document, where its tables hold this share of its text; [] for any other document."""
    try:
        if OFFICE.search(name) or MARKDOWN.search(name):
            document = tables_in(path, name)
            sheets, outside, inside = document.sheets, document.outside, document.inside
        else:
            sheets, outside, inside = read_page(pieces_of(path, name, find_encoding(path, name, packed=False)), name)
    except DataError:
        return []
    best = max((sheet for sheet in sheets if is_table(sheet.rows)), key=lambda sheet: len(sheet.rows), default=None)
    if best is None or inside < share * (inside + sum(map(len, outside))):
        return []
    settle_header(best, None)
    return best.columns


def may_hold_tables(name: str) -> bool:
    """Whether a document's name is that of a kind whose tables can be read."""
    return any(kind.search(name) for kind in (OFFICE, PAGE, MARKDOWN))


def choose_tables(files: Sequence[tuple[Path, str]], choices: Choices) -> tuple[bool, Reading | None]:
    """(whether documents that were sent are read as the tables in them, what is told of it): where tables are most of the text of each,
    and all have the same columns."""
    if not files or len(files) > MAX_DOCUMENTS or not all(may_hold_tables(name) for _path, name in files):
        return False, None
    asked = choices.pick(DOCUMENT_TABLES, ("table", "text"))
    columns = [is_table_alone(path, name) for path, name in files]
    is_likely = bool(columns[0]) and all(set(other) == set(columns[0]) for other in columns)
    if not is_likely and not all(is_table_alone(path, name, 0.0) for path, name in files):
        return False, None
    chosen = asked or ("table" if is_likely else "text")
    sentences = {
        "table": _("The tables in the documents are read, not their text"),
        "text": _("The documents are read as texts, the tables in them too"),
    }
    labels = {"table": _("Read the tables in them"), "text": _("Read them as texts")}
    other = "text" if chosen == "table" else "table"
    confidence = 1.0 if asked else 0.8 if is_likely else 0.95
    others = [Choice(other, labels[other])]
    return chosen == "table", Reading(DOCUMENT_TABLES, chosen, sentences[chosen], others, confidence, is_asked=asked is not None)  # fmt: skip


def is_element(path: Path, start: str) -> bool:
    """Whether a file is one element with others in it, or several of a name, from its first tag to its last."""
    opened = re.match(r"\s*<([\w.:-]+)[^<>]*>\s*<[\w!]", start)
    with path.open("rb") as file:
        file.seek(-min(200, path.stat().st_size), 2)
        end = file.read().rstrip()
    return opened is not None and end.endswith(f"</{opened[1]}>".encode())


def is_xml(path: Path, start: str, name: str) -> bool:
    """Whether a file is XML that is neither a page nor a workbook: it says so, or calls itself so, or is one element with others in it."""
    if HTML.match(start) or NAMESPACE in start or not re.match(r"\s*<[\w?!]", start):
        return False
    says = re.match(r"\s*<\?xml\s", start) is not None or name.lower().endswith(
        (".xml", ".rss", ".atom", ".gpx", ".kml", ".tmx")
    )
    return (says or is_element(path, start)) and (re.search(r"<(html|tr|td)[\s>]", start, re.IGNORECASE) is None)


def opened(  # noqa: PLR0913  what a workbook is opened with, and what its page says besides
    path: Path,
    name: str,
    size: int,
    sheets: list[Sheet],
    sheet: str | None,
    header: int | None,
    choices: Choices,
    form: str,
    outside: list[str],
    encoding: str,
) -> Table:
    from trainer.data.tables.excel import merge_cells, open_workbook

    for each in sheets:
        merge_cells(each)
    table = open_workbook(path, name, size, sheet, header, choices, sheets)
    table.format = form
    table.details["encoding"] = encoding.removesuffix("-sig")
    if outside:
        sentence = ngettext(
            "%(count)s line of text stands outside of the tables.",
            "%(count)s lines of text stand outside of the tables.",
            len(outside),
        )
        table.left_out.append(LeftOut("outside_tables", len(outside), sentence, name, examples=outside))
    return table


def declared_encoding(sample: str, guessed: str) -> str:
    """What the page says of itself, where its bytes do not tell: a page in Cyrillic or Chinese of few letters."""
    match = DECLARED.search(sample[:4096])
    if match is None or guessed.startswith(("utf-8-sig", "utf-16")):
        return guessed
    declared = (match[1] or match[2]).lower()
    try:
        "a".encode(declared)
    except (LookupError, ValueError):
        return guessed
    return guessed if guessed == "utf-8" or declared.startswith("utf") else declared


def pieces_of(path: Path, name: str, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    with Bounded(path, name, False) as file:
        while data := file.read(PIECE):
            yield decoder.decode(data).replace("\0", "")
        yield decoder.decode(b"", final=True)
