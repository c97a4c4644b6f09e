"""Web pages with all that belongs to them in one file (MHTML, RFC 2557), as Excel writes workbooks under the name .xls: the page of each
sheet is read, whatever its bytes are wrapped in."""

import email
import email.policy
import re
from email.message import Message
from pathlib import Path

from trainer.data.decoded_text import decode_text
from trainer.data.tables.sheets import Sheet
from trainer.data.tables.table import damaged, other_kind
from trainer.data.tables.web_tables import read_page
from trainer.errors import DataError
from trainer.messages import _

MAX_BYTES = 64 << 20
ARCHIVE = re.compile(
    rb"\A\s*(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*?){0,12}?content-type:\s*multipart/related", re.IGNORECASE
)
NAME = re.compile(r"\.(xl\w{1,2}|mht|mhtml)$", re.IGNORECASE)
SHEET = re.compile(
    r"<x:ExcelWorksheet>\s*<x:Name>([^<]{1,100})</x:Name>.{0,500}?HRef=3?D?[\"']([^\"']{1,300})[\"']", re.DOTALL
)
"""Name and page of a sheet, in the page that frames them."""


def is_web_archive(head: bytes, name: str) -> bool:
    return NAME.search(name) is not None and ARCHIVE.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def read_web_archive(path: Path, name: str, size: int) -> tuple[list[Sheet], list[str]]:
    """(its tables as sheets, lines of text outside of them); `DataError` for one that is too large or holds no table."""
    if size > MAX_BYTES:
        raise DataError(
            _("%(name)s is too large for one web page.", name=name),
            code="too_large",
            hint=_("Save it as .xlsx or CSV and send that."),
        )
    try:
        parsed = email.message_from_bytes(path.read_bytes().lstrip(), policy=email.policy.compat32)
        pages = [page for part in parsed.walk() if (page := page_of(part)) is not None]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(name, "it is a web page in one file that cannot be unpacked") from error
    called = {place.rpartition("/")[2].lower(): title for _at, text in pages for title, place in SHEET.findall(text)}
    sheets, outside = list[Sheet](), list[str]()
    for place, text in pages:
        if place == "tabstrip.htm":
            continue  # the names of the sheets, to click on
        tables, lines, _inside = read_page(iter([text]), name)
        for number, table in enumerate(tables, 1):
            title = called.get(place, f"Table {len(sheets) + 1}")
            table.name = title if number == 1 else f"{title} ({number})"
            sheets.append(table)
        outside += lines if tables else []
    if not any(len(sheet.rows) > 1 for sheet in sheets):
        raise other_kind(name, "a web page in one file (MHTML) without a table")
    return sheets, outside


def page_of(part: Message) -> tuple[str, str] | None:
    """(the last name of its place in small letters, its text) of a part that is a page."""
    if part.get_content_type() != "text/html":
        return None
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return None
    charset = part.get_content_charset()
    try:
        text = data.decode(charset, "replace") if charset else decode_text(data)
    except LookupError:
        text = decode_text(data)
    place = str(part.get("Content-Location", "")).replace("\\", "/").rpartition("/")[2].lower()
    return place, text
