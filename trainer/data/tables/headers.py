"""Where a table begins and what its columns are called, from its first records: titles above the header, no header at all, a
header in two or three rows (survey tools: question, option, import ids), rows of types and of units under it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from trainer.columns import BOOLEANS, DATE, number_of
from trainer.columns import ROLE_NAMES as NAMED_FOR
from trainer.data.tables.header_names import OPTION_WORDS, UNIT, Row, join_names
from trainer.data.tables.table import numbered
from trainer.numeral_marks import is_bare, is_wordy

HEADER_AMONG = 30
LONG_BEGINNING = 16
MAX_HEADER_ROWS = 3
MIN_LOOKED_AT, MAX_LOOKED_AT = 40, 200_000
"""Rows, and cells, of which the kinds of columns are told."""
YEAR = re.compile(r"(19|20)\d\d")
TYPED = 0.85
"""Share of a column's cells that are numbers or dates for it to be a column of them."""
WORDS = frozenset(word for words in NAMED_FOR.values() for word in words) | frozenset(
    [
        "id",
        "name",
        "date",
        "time",
        "user",
        "age",
        "sex",
        "gender",
        "price",
        "amount",
        "total",
        "status",
        "country",
        "city",
        "email",
        "phone",
        "url",
        "file",
        "filename",
        "image",
        "path",
        "split",
        "year",
        "month",
        "day",
        "value",
        "score",
        "count",
        "language",
        "lang",
        "source",
        "author",
        "username",
        "title",
        "description",
        "created_at",
        "updated_at",
        "question",
        "answer",
        "context",
        "response",
        "reply",
        "a",
        "b",
        "c",
        "x",
        "y",
        "z",
        "premise",
        "hypothesis",
        "translation",
        "english",
        "german",
    ]
)
TYPE = re.compile(
    r"(string|str|text|varchar|char|int|integer|bigint|float|double|decimal|numeric|number|bool|boolean|date|datetime|timestamp|object|category|categorical|continuous|discrete|scale|rating|(single |multiple )?choice|open( ended)?|[dsct])(\(.*\))?(\[\])?",
    re.IGNORECASE,
)
MAIL = re.compile(r"\S+@\S+\.\S+")
IMPORT_ID = re.compile(r'\s*\{\s*"+ImportId"+\s*:|ImportId', re.IGNORECASE)


@dataclass
class Header:
    """`row`: index of the (last) header row among the records, -1 for none; `names`: of the columns."""

    row: int
    first: int
    """Index of the first header row; records above it are titles."""
    names: list[str]
    confidence: float
    skipped: list[int] = field(default_factory=list)
    """Indices of rows under the names that are neither names nor records: types, units, import ids."""
    above: int = 0
    """Rows of a table of its own above."""


def filled(row: Row) -> int:
    return sum(1 for cell in row if cell and not cell.isspace())


def is_blank(row: Row) -> bool:
    return not any(cell and not cell.isspace() for cell in row)


def looked_at(rows: Sequence[Row]) -> Sequence[Row]:
    """The first rows: fewer of a table of thousands of columns."""
    return rows[: max(MIN_LOOKED_AT, MAX_LOOKED_AT // max(len(rows[0]), 1))] if rows else rows


def usual_width(rows: Sequence[Row]) -> int:
    """Fields of most records."""
    widths = Counter(len(row) for row in rows if not is_blank(row))
    return max(widths.items(), key=lambda pair: (pair[1], pair[0]))[0] if widths else 0


def find_header(rows: Sequence[Row], is_padded: bool = False) -> Header:
    """Of the first records of a table, none of them blank. `is_padded`: rows of a sheet, which are all of one width, so that
    a title is told by its empty cells."""
    rows = looked_at(rows)
    width = usual_width(rows)
    first = first_row(rows, width, is_padded)
    body = rows[first + 1 :]
    evidence = header_evidence(rows[first], body)
    if evidence < 0 and not (first and is_padded):
        return Header(first - 1, first, numbered(max(width, len(rows[first]))), min(0.5 - evidence / 2, 0.97))
    confidence = min(0.55 + evidence / 2, 0.99) if evidence >= 0 else 0.6
    last, kinds = last_row(rows, first)
    if "names" in kinds.values():  # cells that stand again in the rows of names below are no records
        confidence = max(confidence, min(0.55 + header_evidence(rows[first], rows[last + 1 :]) / 2, 0.95))
    skipped = [index for index, kind in kinds.items() if kind != "names"]
    naming = [index for index in range(first, last + 1) if kinds.get(index, "names") in ("names", "units")]
    names = join_names([rows[index] for index in naming], has_units="units" in kinds.values())
    return Header(last, first, names, confidence, skipped)


def first_row(rows: Sequence[Row], width: int, is_padded: bool) -> int:
    """The first record that has about as many filled fields as those below it; those above it are titles."""
    if width < 2:
        return 0
    below = Counter(filled(row) for row in rows[len(rows) // 3 :] if len(row) == width)
    usual = max(below.items(), key=lambda pair: (pair[1], pair[0]))[0] if below else width
    enough = max(2, min(0.5 * width, 0.75 * usual)) if usual > 1 else 1
    for index, row in enumerate(rows[:HEADER_AMONG]):
        if index == len(rows) - 1:
            break
        lacks_one = index == 0 and len(row) == filled(row) == width - 1 >= 2  # R names no column of row names
        if not is_padded and is_above(row, rows[index + 1 :], width):
            continue
        if filled(row) >= enough and (is_padded or len(row) >= width or filled(row) >= 0.7 * width or lacks_one):
            if (
                is_pair(row, width)
                and any(filled(later) >= 0.75 * width for later in rows[index + 1 : index + 8])
                and width > 2
            ):
                continue
            return index
    return 0


def is_above(row: Row, below: Sequence[Row], width: int) -> bool:
    """Whether a row of more fields than all records, which holds values, says what the file is, above the names: as DATEV writes."""
    if len(row) <= width or len(below) < 2 or len(below[0]) != width or any(len(other) > width for other in below):
        return False
    return any(is_typed(cell) for cell in row if cell) and header_evidence(below[0], below[1:]) > 0


def is_pair(row: Row, width: int) -> bool:
    """“Created by: | Ann”: a label with its value, as reports have them above their table."""
    cells = [(cell or "").strip() for cell in row if (cell or "").strip()]
    return len(cells) == 2 and cells[0].endswith(":")


def header_evidence(row: Row, body: Sequence[Row]) -> float:
    """From -1, the row is one of the records, to 1, it names them: by the kinds of the columns, and by what names are like."""
    if not body:
        return 0.5
    score, counted = 0.0, 0
    cells = [(cell or "").strip() for cell in row]
    body = [other for other in body if list(other) != list(row)] or body  # a header may come again in the middle
    for place, cell in enumerate(cells):
        values = [(other[place] or "").strip() for other in body if place < len(other)]
        values = [value for value in values if value]
        if not cell or not values:
            continue
        counted += 1
        score += cell_evidence(cell, values)
    present = [cell for cell in cells if cell]
    if counted and len(set(present)) < len(present):
        score -= 0.3
    if any(name_parts(cell) & WORDS for cell in cells):
        score += 0.6
    if not counted:
        return 0.3
    return max(-1.0, min(1.0, score / counted**0.5 if score > 0 else score / counted))


def cell_evidence(cell: str, values: list[str]) -> float:
    """For one column: a word over numbers speaks for a name, a number or a cell that comes again against one."""
    typed = sum(is_typed(value) for value in values) / len(values)
    if typed >= TYPED:
        if YEAR.fullmatch(cell) and not all(YEAR.fullmatch(value) for value in values[:20]):
            return 0.5
        is_letter = len(cell) == 1 and cell.isalpha() and not any(value.isalpha() for value in values[:20])
        return -1.0 if is_typed(cell) and not is_letter else 1.0  # over numbers, n and y are names
    if is_typed(cell) and not re.fullmatch(r"(19|20)\d\d|\d{1,2}", cell):
        return -0.6
    if cell in values or begins_like(cell, values):
        return -0.9
    distinct = len(set(values))
    if distinct <= max(3, 0.3 * len(values)) and len(values) >= 6:
        return 0.35
    mean = sum(map(len, values)) / len(values)
    words = sum(len(value.split()) for value in values) / len(values)
    if cell.endswith("?") and not any(value.endswith("?") for value in values[:20]):
        return 0.5
    if words >= 4 and len(cell.split()) >= 4 and len(cell) > 0.35 * mean:
        return -0.6
    if mean >= 20 and len(cell) < 0.5 * mean:
        return 0.4
    return 0.1


def begins_like(cell: str, values: list[str]) -> bool:
    """Whether a long cell begins like nearly all below it: a sentence of where each record is from, not a name."""
    start = cell[:LONG_BEGINNING]
    return len(start) == LONG_BEGINNING and sum(value.startswith(start) for value in values) >= 0.9 * len(values)


def is_typed(cell: str) -> bool:
    """A number, a date, a link or an address: nothing that a column is called."""
    if is_bare(cell) or cell.lower() in BOOLEANS:
        return True
    if is_wordy(cell):
        return cell.startswith(("http://", "https://")) or MAIL.fullmatch(cell) is not None
    return (
        number_of(cell) is not None
        or number_of(cell, ",") is not None
        or DATE.fullmatch(cell) is not None
        or cell.startswith(("http://", "https://"))
        or MAIL.fullmatch(cell) is not None
    )


def name_parts(cell: str) -> set[str]:
    return set(re.split(r"[\s_\-.:/]+", cell.lower())) if len(cell) < 30 else set()


def last_row(rows: Sequence[Row], first: int) -> tuple[int, dict[int, str]]:
    """The last row that belongs to the header, and what each under the first of them holds: see `row_under`."""
    last, kinds = first, {}
    for index in range(first + 1, min(first + MAX_HEADER_ROWS, len(rows) - 1)):
        kind = row_under(rows[first], rows[index], rows[index + 1 :])
        if not kind:
            break
        last, kinds[index] = index, kind
    return last, kinds


def row_under(header: Row, row: Row, body: Sequence[Row]) -> str:
    """What a row right under the header is: `names` that go on, `types`, `units`, `ids`, `rulers`, or "" for a record."""
    cells = [(cell or "").strip() for cell in row]
    present = [cell for cell in cells if cell]
    if not present or not body:
        return ""
    if sum(IMPORT_ID.match(cell) is not None for cell in present) > 0.5 * len(present):
        return "ids"
    if len(present) > 1 and all(TYPE.fullmatch(cell) for cell in present) and not recurs(cells, body):
        return "types"
    if len(present) > 1 and all(re.fullmatch(r":?[-=─]{2,}:?", cell) for cell in present):
        return "rulers"
    if is_units(cells, body):
        return "units"
    if is_options(header, cells, body):
        return "names"
    return "names" if is_merged(header, cells, body) or is_more_names(header, cells, body) else ""


def is_merged(header: Row, cells: list[str], body: Sequence[Row]) -> bool:
    """Whether a row goes on with the names above it as merged cells of a sheet do: some stand again, the others part a name that
    spans several columns."""
    above = [((header[place] if place < len(header) else "") or "").strip() for place in range(len(cells))]
    again = [place for place, cell in enumerate(cells) if cell and cell == above[place]]
    parts = [place for place in range(1, len(cells)) if cells[place] and not above[place]]
    if not again or not parts or recurs(cells, body):
        return False
    others = [place for place in range(len(cells)) if cells[place] and place not in again]
    return all(place in again or not is_value_at(place, cells, body) for place in others)


def is_value_at(place: int, cells: list[str], body: Sequence[Row]) -> bool:
    """Whether a cell is a number or a date over others: no name, but for a year over other numbers."""
    if not is_typed(cells[place]) or not is_number_column(place, body):
        return False
    values = [(row[place] or "").strip() for row in body[:20] if place < len(row)]
    return not YEAR.fullmatch(cells[place]) or any(YEAR.fullmatch(value) for value in values)


def is_units(cells: list[str], body: Sequence[Row]) -> bool:
    present = [cell for cell in cells if cell]
    if not present or not all(UNIT.fullmatch(cell) for cell in present) or recurs(cells, body):
        return False
    return any(is_number_column(place, body) for place, cell in enumerate(cells) if cell and number_of(cell) is None)


def is_number_column(place: int, body: Sequence[Row]) -> bool:
    values = [value for row in body if place < len(row) and (value := (row[place] or "").strip())]
    return bool(values) and sum(is_typed(value) for value in values) >= TYPED * len(values)


def recurs(cells: list[str], body: Sequence[Row]) -> bool:
    """Whether most cells stand again below, as records' do and names' do not."""
    present = [(place, cell) for place, cell in enumerate(cells) if cell]
    again = sum(any(place < len(row) and (row[place] or "").strip() == cell for row in body) for place, cell in present)
    return again > 0.5 * len(present)


def is_options(header: Row, cells: list[str], body: Sequence[Row]) -> bool:
    """A second row of a survey's header: options under a question that spans them, and “Response” under others."""
    if sum(cell.lower() in OPTION_WORDS for cell in cells) >= 1:
        return True
    blanks = [
        place
        for place, cell in enumerate(cells)
        if cell and (place >= len(header) or not (header[place] or "").strip())
    ]
    if not blanks or len(body) < 5 or any(is_value(header, cells, place, body) for place in range(len(cells))):
        return False
    first_blank = not (header[0] or "").strip()
    checked = [place for place, cell in enumerate(cells) if cell and is_number_column(place, body)]
    if checked:
        return all(not is_typed(cells[place]) for place in checked)
    options = [place for place in blanks if place > int(first_blank)]
    return bool(options) and all(
        {(row[place] or "").strip() for row in body if place < len(row)} <= {"", cells[place]} for place in options
    )


def is_value(header: Row, cells: list[str], place: int, body: Sequence[Row]) -> bool:
    """Whether a cell under a name of its own stands again below it, as a record's may."""
    spans = place + 1 < len(header) and not (header[place + 1] or "").strip()
    if spans or not cells[place] or place >= len(header) or not (header[place] or "").strip():
        return False
    return any(place < len(row) and (row[place] or "").strip() == cells[place] for row in body)


def is_more_names(header: Row, cells: list[str], body: Sequence[Row]) -> bool:
    """A second row of names: nothing in it is a number where the column holds numbers, in most of such columns, or it says
    in words what short codes (Q1, Q2_3) of the first row stand for."""
    codes = [cell for cell in header if cell and re.fullmatch(r"Q\d+([._]\w+)*", cell.strip())]
    if len(codes) >= 2 and len([cell for cell in cells if len(cell) > 12 or " " in cell or cell.endswith("?")]) >= len(
        codes
    ):
        return not recurs(cells, body)
    typed = [place for place in range(len(cells)) if is_number_column(place, body)]
    named_over = [place for place in typed if place < len(cells) and cells[place]]
    present = [cell for cell in header if cell]
    comes_again = len(set(present)) < len(present)  # the first row says only what several columns are of
    return (
        bool(typed)
        and len(named_over) >= max(1, 0.7 * len(typed))
        and len(body) >= 5
        and not any(is_value_at(place, cells, body) or cells[place].lower() in MISSING_WORDS for place in named_over)
        and not all(is_typed(cells[place]) for place in named_over)
        and (comes_again or len(named_over) >= max(2, 0.3 * len([cell for cell in cells if cell])))
    )


MISSING_WORDS = frozenset(
    {"na", "n/a", "nan", "null", "none", "-", "–", "—", "?", ".", "unknown", "missing", "inf", "#n/a", "\\n", "tbd"}
)
