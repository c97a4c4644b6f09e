"""makesense's tables of points and of lines, which have no header and no boxes."""

from collections.abc import Iterable
from itertools import chain

from trainer.columns import number_of
from trainer.data.annotations import parse_numbers
from trainer.data.box_formats.box_columns import column, is_picture
from trainer.data.box_formats.source import Annotated, Finder


def makesense_kind(names: list[str], rows: list[tuple[str | None, ...]], find: Finder) -> str:
    """ "point" or "line" for makesense's tables of such: label, x, y (twice for a line), file, and the picture's width and height,
    which are the same in all rows of a picture. "" for any other table: a line's second point would leave its picture as a size."""
    rows = [row for row in [as_row(names), *rows] if len(row) in (6, 8)][:500]
    place = len(rows[0]) - 3 if rows else 0
    if not rows or not is_picture(column(rows, place), find) or any(row[0] is None for row in rows):
        return ""
    numbers = [
        parse_numbers([number_of(cell or "") for cell in (*row[1:place], *row[place + 1 :])], len(row) - 2)
        for row in rows
    ]
    if any(row is None for row in numbers):
        return ""
    sizes: dict[str | None, set[tuple[str | None, ...]]] = {}
    for row in rows:
        sizes.setdefault(row[place], set()).add(row[place + 1 :])
    if any(len(stated) > 1 for stated in sizes.values()) or len({row[1:place] for row in rows}) < 2:
        return ""
    if place == 3:
        return "point"
    return "line" if any(row[0] + row[2] > row[4] + 2 or row[1] + row[3] > row[5] + 2 for row in numbers if row) else ""


def as_row(names: list[str]) -> tuple[str | None, ...]:
    """A row that was taken for the header; an empty one where there is none."""
    if all(name.startswith("column_") for name in names):
        return ()
    return tuple(None if name.startswith("column ") else name for name in names)


def refuse_rows(
    kind: str,
    names: list[str],
    rows: Iterable[tuple[str | None, ...]],
    file: str,
    find: Finder,
    into: Annotated,
) -> None:
    """Points and lines have no box; their pictures are not pictures without objects."""
    first = [row for row in [as_row(names)] if row and find(row[-3] or "")]
    for line, _row in enumerate(chain(first, rows), 1):
        into.boxes.refuse(f"row {line} of {file} marks a {kind}, which has no box")
