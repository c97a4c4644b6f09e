"""What the header of a text table was read as: its names fitted to the records below it, and the doubts about it told."""

import csv
import re

from trainer.data.readings import Choice, Choices, LeftOut, Reading, bad_reading, preview_of
from trainer.data.tables.csv_records import Record
from trainer.data.tables.dialects import DELIMITERS
from trainer.data.tables.headers import Header, filled, find_header, header_evidence, usual_width
from trainer.data.tables.stacked import rows_above
from trainer.data.tables.table import Table, named, numbered
from trainer.messages import Message, _, ngettext

INDEX_NAME = re.compile(r"(id|index|key|nr|no|row|rank|pos|#)", re.IGNORECASE)


def shown_line(line: int, row: list[str]) -> str:
    return f"line {line}: " + " ".join(cell for cell in row if cell.strip())[:100]


def header_among(first: list[Record], header_row: int | None) -> Header:
    """The header of the first records of a text, below a small table of its own where one stands above them."""
    above = rows_above(first) if header_row is None else 0
    header = chosen_header([row for _line, row in first[above:]], header_row)
    if not above:
        return header
    skipped = [index + above for index in header.skipped]
    return Header(header.row + above, header.first + above, header.names, min(header.confidence, 0.8), skipped, above)


def chosen_header(rows: list[list[str]], header_row: int | None) -> Header:
    if header_row == 0:
        return Header(-1, 0, numbered(max(usual_width(rows), 1)), 1.0)
    if header_row:
        return Header(0, 0, named(rows[0]), 1.0)
    header = find_header(rows)
    if (
        header.row < header.first
        and header.first > 0
        and (cells := parted_title(rows[header.first - 1], rows[header.first :]))
    ):
        rows[header.first - 1][:] = cells
        return Header(header.first - 1, header.first - 1, named(cells), 0.9)
    return header


def parted_title(title: list[str], body: list[list[str]]) -> list[str] | None:
    """The names in a line above a table without a header that is enclosed as a whole, or has another delimiter than the records."""
    present = [cell for cell in title if cell.strip()]
    for mark in DELIMITERS if len(present) == 1 else ():
        cells = next(csv.reader([" ".join(present[0].split("\r"))], delimiter=mark), [])
        if len(cells) == usual_width(body) > 1 and header_evidence(cells, body) > 0:
            return cells
    return None


def fitted_names(header: Header, rows: list[list[str]], body: list[list[str]], table: Table) -> list[str]:
    """Names for the columns that the records have, where the header names more or fewer than most of them."""
    if header.row < 0 or header.row < header.first:
        return numbered(max(usual_width(rows), 1))
    cells = (
        without_empty_end(rows[header.row], body) if len(rows[header.row]) == len(header.names) else list(header.names)
    )
    names = header.names[: len(cells)] or header.names[:1]
    width = usual_width(body)
    steady = sum(len(row) == width for row in body if filled(row)) >= 0.9 * sum(bool(filled(row)) for row in body)
    if width > len(names) and steady and len(body) >= 3:
        used = len(without_empty_end([], body))
        extra = max(min(width, used) - len(names), 0)
        header.confidence = min(header.confidence, 0.7) if extra else header.confidence
        if extra == 1 and is_row_names(names, body):
            return named(["", *names])
        return named([*names, *[""] * extra])
    if 1 < width < len(names) and steady and len(body) >= 3:
        table.mended.append((1, f"names {len(names) - width} columns more than the records have"))
        header.confidence = min(header.confidence, 0.7)
        return names[:width]
    return names


def is_row_names(names: list[str], body: list[list[str]]) -> bool:
    """Whether the records begin with a number or a name of their own that the header leaves out, as R writes them."""
    values = [row[0] for row in body if row]
    return (
        len(set(values)) == len(values)
        and INDEX_NAME.fullmatch(names[0].strip()) is None
        and (all(value.isdigit() for value in values))
    )


def names_as_written(rows: list[list[str]], header: Header) -> list[list[str]]:
    """The rows of the header, to be recognised where they come again."""
    return [rows[index] for index in range(header.first, header.row + 1)] if header.row >= header.first else []


def leave_out_titles(table: Table, first: list[Record], header: Header) -> None:
    """Tells of the rows above the header, and of those under it that hold types or units."""
    titles = first[: header.first]
    if titles:
        count = len(titles)
        sentence = ngettext("%(count)s title line above the header.", "%(count)s title lines above the header.", count)
        table.left_out.append(
            LeftOut("titles", count, sentence, table.name, "", [shown_line(*line) for line in titles])
        )
    under = [first[index] for index in header.skipped]
    if under:
        count = len(under)
        sentence = ngettext(
            "%(count)s row of types, units or ids under the header.",
            "%(count)s rows of types, units or ids under the header.",
            count,
        )
        table.left_out.append(
            LeftOut("header_rows", count, sentence, table.name, "", [shown_line(*line) for line in under])
        )


def header_reading(table: Table, first: list[Record], header: Header, header_row: int | None) -> Reading:
    """Which line names the columns, with what else could be: no header, one row of several."""
    rows = [row for _line, row in first]
    has_names = header.row >= header.first
    start = header.row + 1 if has_names else header.first
    preview = preview_of(table.columns, rows[start:])
    line = first[header.first][0]
    others = []
    if header_row is None:
        if has_names and header.row > header.first:
            others.append(
                Choice(
                    str(line),
                    header_sentence(line, 0, 1),
                    preview_of(named(rows[header.first]), rows[header.first + 1 :]),
                )
            )
        if header.above:
            top = int(filled(rows[0]) == 1)  # a line that says what the table above is
            names = preview_of(named(rows[top]), rows[top + 1 : header.above])
            others.append(Choice(str(first[top][0]), header_sentence(first[top][0], 0, 1), names))
        if has_names:
            others.append(Choice("0", _("No header"), preview_of(numbered(len(table.columns)), rows)))
        else:
            others.append(
                Choice(
                    str(line),
                    header_sentence(line, 0, 1),
                    preview_of(named(rows[header.first]), rows[header.first + 1 :]),
                )
            )
    if not has_names:
        sentence: Message = _("No header")
    else:
        sentence = header_sentence(line, header.first, header.row + 1 - header.first)
    chosen = str(line) if has_names else "0"
    if has_names and header.row > header.first:
        chosen = f"{line}-{first[header.row][0]}"
    return Reading(
        "header",
        chosen,
        sentence,
        others,
        header.confidence,
        table.name,
        preview=preview,
        is_asked=header_row is not None,
    )


def with_found_header(reading: Reading, guessed: Reading) -> None:
    """Beside a header that somebody chose, the one that would be found and what else could be."""
    choices = [Choice(guessed.chosen, guessed.sentence, guessed.preview), *guessed.others]
    known = {reading.chosen, *(choice.value for choice in reading.others)}
    reading.others = [*reading.others, *(choice for choice in choices if choice.value not in known)]


def check_range(reading: Reading, choices: Choices) -> Reading:
    """A header of several rows that was asked for is the one that is found; `SpecError` for another."""
    asked = choices.get("header", reading.file)
    if asked is not None and "-" in asked and not reading.is_asked:
        if asked != reading.chosen:
            raise bad_reading("header", asked, [reading.chosen, *(choice.value for choice in reading.others)])
        reading.is_asked, reading.confidence = True, 1.0
    return reading


def header_sentence(line: int, titles: int, rows: int) -> Message:
    if rows > 1:
        return _("Header in %(rows)s rows from row %(number)s on", rows=rows, number=f"{line:,}")
    if titles:
        return ngettext(
            "Header in row %(number)s below %(count)s title line",
            "Header in row %(number)s below %(count)s title lines",
            titles,
            number=f"{line:,}",
        )
    return _("Header in row %(number)s", number=f"{line:,}")


def without_empty_end(header: list[str], rows: list[list[str]]) -> list[str]:
    """The header without the empty cells at its end under which nothing stands in these rows."""
    used = max((place + 1 for row in [header, *rows] for place, cell in enumerate(row) if cell.strip()), default=1)
    if not header:
        return [""] * used
    return header[: max(used, 1)]
