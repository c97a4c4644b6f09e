"""Tables whose fields are rows and whose records are columns: told by the kinds of their cells, and turned."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from trainer.columns import BOOLEANS
from trainer.data.readings import Choice, Choices, Reading, preview_of
from trainer.data.tables.headers import WORDS, filled, find_header, is_typed, name_parts
from trainer.data.tables.sheet_marks import Marks
from trainer.data.tables.sheets import Sheet, cut, is_filled
from trainer.messages import _

Row = Sequence[str | None]
WHAT, ROWS, COLUMNS = "fields", "rows", "columns"
MAX_FIELD_ROWS, COMPARED = 60, 200
"""Rows that a table of fields may have; columns that are looked at."""
MIN_RECORDS, MIN_WIDER = 3, 3
"""Columns of records; how many times as many as rows where only words tell."""
WORD, VALUE, MARK = "word", "value", "mark"
ALIKE, MIXED = 0.95, 0.8
"""Shares of cells of one kind: in a row that is a field, and in a column that is a record of several."""


def turn_of(rows: Sequence[Row]) -> float:
    """From 0, its fields are columns as usual, to 1, its fields are rows for sure; 0.5 where they may be either."""
    rows = [row for row in rows if filled(row)]
    if not 2 <= len(rows) <= MAX_FIELD_ROWS:
        return 0.0
    names = [(row[0] or "").strip() for row in rows]
    cells = [[(cell or "").strip() for cell in row[1:COMPARED]] for row in rows]
    width = sum(any(column) for column in zip_longest(*cells, fillvalue=""))
    if width < MIN_RECORDS or not all(names) or len(set(names)) < len(names) or any(map(is_typed, names)):
        return 0.0
    kinds = [[kind_of(cell) for cell in row] for row in cells]
    compared = kinds[1:] if commonest(kinds[0]) == (WORD, 1.0) else kinds
    kinds_of_rows = {kind for kind, share in map(commonest, compared) if share >= ALIKE}
    if len(kinds_of_rows) > 1 and uniform(compared) >= ALIKE and uniform([*zip_longest(*compared)]) < MIXED:
        return 0.85
    known = sum(map(is_word, names))
    above = sum(cell.lower() in WORDS for cell in cells[0])
    if known < 2 or width < MIN_WIDER * len(rows) or above > 0.1 * width:
        return 0.0
    return 0.8 if known == len(names) else 0.5


def is_word(cell: str) -> bool:
    """Whether a cell has a word that columns are called by; single letters are none."""
    return any(len(word) > 1 for word in name_parts(cell) & WORDS)


def kind_of(cell: str) -> str | None:
    """What a cell holds: a number or a date, yes or no, a word; None for an empty one."""
    if not cell:
        return None
    return MARK if cell.lower() in BOOLEANS else VALUE if is_typed(cell) else WORD


def commonest(kinds: Sequence[str | None]) -> tuple[str, float]:
    """(the kind of most cells that are not empty, their share of these)."""
    counts = Counter(kind for kind in kinds if kind is not None)
    kind, count = counts.most_common(1)[0] if counts else (WORD, 0)
    return kind, count / max(counts.total(), 1)


def uniform(rows: Sequence[Sequence[str | None]]) -> float:
    """How much of rows or columns is of one kind, on the average."""
    shares = [commonest(row)[1] for row in rows if any(row)]
    return sum(shares) / len(shares) if shares else 1.0


def turned(rows: Sequence[Row]) -> list[list[str | None]]:
    """The columns as rows."""
    return [list(row) for row in zip_longest(*(row for row in rows if filled(row)))]


def settle_turn(rows: Sequence[Row], choices: Choices, file: str) -> tuple[bool, Reading | None]:
    """(whether the rows of a table are its fields, what is told of it)."""
    asked = choices.pick(WHAT, (ROWS, COLUMNS), file)
    score = turn_of(rows)
    if not score and asked != ROWS:
        return False, None
    chosen = asked or (ROWS if score > 0.5 else COLUMNS)
    other = COLUMNS if chosen == ROWS else ROWS
    sentences = {
        ROWS: _("Each row of the table is a field and each column a record: it was turned"),
        COLUMNS: _("Each row of the table is a record; it may be a field"),
    }
    labels = {ROWS: _("Rows are fields: turn the table"), COLUMNS: _("Rows are records")}
    previews = {ROWS: shown(turned(rows)), COLUMNS: shown([list(row) for row in rows])}
    confidence = 1.0 if asked else score if chosen == ROWS else 0.7
    others = [Choice(other, labels[other], previews[other])]
    reading = Reading(WHAT, chosen, sentences[chosen], others, confidence, file, preview=previews[chosen])
    return chosen == ROWS, replace(reading, is_asked=asked is not None)


def shown(rows: list[list[str | None]]) -> dict[str, object]:
    width = max(map(len, rows), default=0)
    padded = [[*row, *[None] * (width - len(row))] for row in rows[:60]]
    header = find_header(padded, is_padded=True)
    return preview_of(header.names, padded[header.row + 1 :])


def turn_sheet(sheet: Sheet) -> None:
    """The sheet with its columns as rows, and its hidden rows as hidden columns."""
    sheet.rows = [cut(row) for row in turned(sheet.rows)]
    sheet.marks = Marks(set(sheet.marks.columns), set(sheet.marks.rows))
    sheet.top, sheet.left = sheet.left, sheet.top


def may_be_turned(sheet: Sheet) -> bool:
    """Whether a sheet has few enough rows to be one of fields."""
    return 2 <= sum(map(is_filled, sheet.rows[: 2 * MAX_FIELD_ROWS])) <= MAX_FIELD_ROWS and len(sheet.rows) < 2 * MAX_FIELD_ROWS  # fmt: skip
