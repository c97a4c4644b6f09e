"""Tables right below each other on a sheet, without a blank row between them: found by a row of names that none of the records above
or below is like."""

from collections.abc import Iterator, Sequence

from trainer.data.tables.headers import MISSING_WORDS, filled, is_typed

Row = Sequence[str | None]
MIN_ABOVE, MIN_BELOW = 3, 2
"""Rows of the table above with its header; records of the table below."""
MAX_TRIED, COMPARED, MOST_ABOVE = 50, 200, 60
MAX_NAME = 60


def split_stacked(rows: Sequence[Row], start: int, end: int) -> Iterator[tuple[int, int]]:
    """(first row, row behind the last) of each table among rows that follow each other without a blank one."""
    tried = 0
    for place in range(start + MIN_ABOVE, end - MIN_BELOW):
        if place < start + MIN_ABOVE or not may_be_names(rows[place - 1], rows[place], rows[place + 1]):
            continue
        tried += 1
        if tried > MAX_TRIED:
            break
        if is_new_table(rows[start:place], rows[place], rows[place + 1 : end]):
            title = filled(rows[place - 1]) == 1 and place - 1 >= start + MIN_ABOVE
            yield start, place - title
            start = place - title
    yield start, end


def rows_above(records: Sequence[tuple[int, list[str]]]) -> int:
    """How many of the first records of a text are a smaller table of its own above the table, with the lines that say what each is: the
    names and values of a meeting, a blank line, then the names and rows of who was there. 0 for others."""
    if any(not filled(row) for _line, row in records):
        return 0
    rows, lines = [row for _line, row in records], [line for line, _row in records]
    top = int(bool(rows) and filled(rows[0]) == 1)
    for count in range(min(MOST_ABOVE, len(rows) - 1), top + 1, -1):
        if lines[count] - lines[count - 1] < 2:
            continue
        names = count + (filled(rows[count]) == 1)
        above, below = rows[top:count], rows[names + 1 :]
        if len(below) < MIN_BELOW or len(above) >= len(below):
            continue
        is_whole = min(map(filled, above)) > 1 and "\n" not in "".join(rows[count - 1])
        typed = any(is_typed(cell) for row in above[1:] for cell in row if cell)
        words = [cell for cell in above[0] if cell]
        is_other = rows[names] != above[0] and is_new_table(above[1:], rows[names], below)
        if is_whole and typed and not any(map(is_typed, words)) and is_other:
            return names
    return 0


def may_be_names(above: Row, row: Row, below: Row) -> bool:
    """Whether a row has two words or more and no number, and another width than the row above, or words over numbers."""
    present = [(place, cell) for place, cell in enumerate(row) if cell]
    if len(present) < 2 or any(is_digital(cell) for _place, cell in present):
        return False
    over = any(place < len(below) and is_digital(below[place] or "") for place, _cell in present)
    return over or filled(above) != len(present)


def is_digital(cell: str) -> bool:
    return cell[:1].isdigit() or (cell[:1] in "-+$€£(.," and any(map(str.isdigit, cell[:4])))


def is_new_table(above: Sequence[Row], names: Row, below: Sequence[Row]) -> bool:
    """Whether a row names what is below it and is of another table than what is above it."""
    cells = [(place, (cell or "").strip()) for place, cell in enumerate(names) if (cell or "").strip()]
    words = [cell for _place, cell in cells]
    above, below = above[-COMPARED:], below[:COMPARED]
    if len(set(words)) < len(words) or any(
        len(word) > MAX_NAME or word.lower() in MISSING_WORDS or is_typed(word) for word in words
    ):
        return False
    if any(cell in values_of(place, above) or cell in values_of(place, below) for place, cell in cells):
        return False
    if has_other_width(above, len(cells), below):
        return True
    typed = [place for place, _cell in cells if is_typed_column(place, above) and is_typed_column(place, below)]
    changed = [place for place, _cell in cells if is_typed_column(place, above) != is_typed_column(place, below)]
    if changed:
        return len(changed) > 1 or bool(typed)
    repeated = [place for place, _cell in cells if is_repeated(place, above) and is_repeated(place, below)]
    return bool(typed) and bool(repeated) and not any(values_of(place, above) & values_of(place, below) for place in repeated)  # fmt: skip


def has_other_width(above: Sequence[Row], width: int, below: Sequence[Row]) -> bool:
    """Whether nearly all rows below are as wide as the names, and none above is."""
    return width not in {filled(row) for row in above} and sum(filled(row) == width for row in below) >= 0.9 * len(below)  # fmt: skip


def values_of(place: int, rows: Sequence[Row]) -> set[str]:
    return {cell.strip() for row in rows if place < len(row) and (cell := row[place])}


def is_typed_column(place: int, rows: Sequence[Row]) -> bool:
    values = [cell for row in rows[1:] if place < len(row) and (cell := (row[place] or "").strip())]
    return bool(values) and sum(map(is_typed, values)) >= 0.9 * len(values)


def is_repeated(place: int, rows: Sequence[Row]) -> bool:
    """Whether few values come again and again in a column that is no numbers."""
    values = [cell for row in rows if place < len(row) and (cell := (row[place] or "").strip())]
    return not is_typed_column(place, rows) and len(values) >= MIN_ABOVE and len(set(values)) <= 0.5 * len(values)
