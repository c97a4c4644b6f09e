"""Cells of OpenDocument and of old workbooks whose number is shown with zeros in front: OpenDocument has the text beside the number,
an .xls file a format for each cell ([MS-XLS] 2.4.126 Format, 2.4.353 XF, 2.4.180 Number, 2.4.220 RK, 2.4.175 MulRk)."""

import re
import struct
from collections.abc import Callable, Iterator
from html import unescape

from trainer.data.tables.number_formats import is_zero_format
from trainer.data.tables.workbook_limits import OLD_END, records

AddCode = Callable[[int, int, str], None]
"""Row, column (from 0) and number format of a cell."""
SIGN = re.compile(r"office:value-type=\"float\"[^<>]{0,300}>\s{0,20}<text:p[^<>]{0,200}>0\d")
CELL = re.compile(r"<table:(?:covered-)?table-cell\b([^<>]*)>(?:\s*<text:p[^<>]*>([^<>]{1,40})</text:p>)?")
VALUE = re.compile(r"office:value-type=\"float\"[^<>]*?\boffice:value=\"(\d{1,15})\"|\boffice:value=\"(\d{1,15})\"[^<>]*office:value-type=\"float\"")  # fmt: skip
REPEATED = re.compile(r"table:number-columns-repeated=\"(\d{1,6})\"")
SHOWN = re.compile(r"0\d[\d /.-]*")
FORMAT, STYLE, START = 0x041E, 0x00E0, 0x0809
NUMBER, SHORT, SHORTS, FORMULA = 0x0203, 0x027E, 0x00BD, 0x0006
BIFF8 = 0x0600


def has_codes(text: str) -> bool:
    return SIGN.search(text) is not None


def row_codes(row: str) -> Iterator[tuple[int, str]]:
    """(column, format) of the cells of a row of OpenDocument (its XML) whose text has zeros in front of their number."""
    column = 0
    for match in CELL.finditer(row):
        value, text = VALUE.search(match[1]), unescape(match[2] or "").strip()
        repeated = REPEATED.search(match[1])
        count = int(repeated[1]) if repeated else 1
        number = (value[1] or value[2]) if value else ""
        if number and SHOWN.fullmatch(text) and int(re.sub(r"\D", "", text)) == int(number):
            for place in range(column, column + min(count, 1_000)):
                yield place, re.sub(r"\d", "0", text)
        column += count


def old_formats(stream: bytes) -> dict[int, str]:
    """{number of a cell's style: format} of those of an .xls file that show zeros in front."""
    formats: dict[int, str] = {}
    styles: list[int] = []
    is_new = True
    for kind, body in records(stream, 0):
        if kind == START and len(body) >= 2:
            is_new = struct.unpack_from("<H", body)[0] >= BIFF8
        elif kind == FORMAT and len(body) > 3:
            formats[struct.unpack_from("<H", body)[0]] = format_text(body, is_new=is_new)
        elif kind == STYLE and len(body) >= 4:
            styles.append(struct.unpack_from("<H", body, 2)[0])
        elif kind == OLD_END:
            break
    codes = {number: code for number, code in formats.items() if is_zero_format(code)}
    return {place: codes[number] for place, number in enumerate(styles) if number in codes}


def format_text(body: bytes, *, is_new: bool) -> str:
    if not is_new:
        return body[3 : 3 + body[2]].decode("latin-1")
    length, wide = struct.unpack_from("<HB", body, 2)
    return body[5 : 5 + length * (1 + (wide & 1))].decode("utf-16-le" if wide & 1 else "latin-1", "replace")


def old_codes(kind: int, body: bytes, styles: dict[int, str], add: AddCode) -> None:
    """The cells of a record that have one of these styles."""
    for row, column, style in styled_cells(kind, body):
        if style in styles:
            add(row, column, styles[style])


def styled_cells(kind: int, body: bytes) -> Iterator[tuple[int, int, int]]:
    if kind in (NUMBER, SHORT, FORMULA) and len(body) >= 6:
        yield struct.unpack_from("<HHH", body)
    elif kind == SHORTS and len(body) >= 6:
        row, first = struct.unpack_from("<HH", body)
        for number in range((len(body) - 6) // 6):
            yield row, first + number, struct.unpack_from("<H", body, 4 + 6 * number)[0]
