"""CSV and its relatives: the dialect and the header are found by content; a record that cannot be read costs its own line, and
lines around the table that are no records are told."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain, dropwhile, islice
from typing import Any

from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.tables.dialects import NAMES, STAND_IN, Dialect, find_dialect, sample_records
from trainer.data.tables.footers import split_footer
from trainer.data.tables.headers import WORDS, Header, filled, find_header, is_number_column, is_typed, usual_width
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import (
    BATCH_ROWS,
    MAX_COLUMNS,
    MAX_FIELD_CHARACTERS,
    Columns,
    Table,
    check_columns,
    named,
    no_header,
    numbered,
)
from trainer.errors import DataError
from trainer.json_types import JsonObject
from trainer.messages import Message, _, ngettext

FIRST_RECORDS = 200
"""Looked at to find the header, and whether a column without a name holds anything."""
MAX_RECORD_LINES = 2_000
MANY_REWINDS = 50
"""Marks that are never closed, after which one is looked for over fewer lines."""
MALFORMED_LINES = 30
"""Over so many lines a record with marks in the wrong places is put together."""
MAX_BATCH_CHARACTERS = 16_000_000
FOOTER_ROWS = 12
COMMENT = re.compile(r"\s*(#|//|%%|--\s)")
INDEX_NAME = re.compile(r"(id|index|key|nr|no|row|rank|pos|#)", re.IGNORECASE)
Record = tuple[int, list[str]]


def csv_table(
    lines: Lines,
    sample: str,
    name: str,
    size: int,
    details: dict[str, Any],
    header_row: int | None = None,
    choices: Choices | None = None,
) -> Table:
    """`header_row`: the line of the header where somebody has chosen it, from 1; 0 for a file without."""
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    choices = choices or Choices()
    declared = re.match(r"sep=(.)\r?\n?", sample)
    if declared:
        next(lines)
        lines.mark()
        sample = sample[declared.end() :]
    looked_at = without_comments(from_line(sample.replace("\0", ""), header_row or 1))
    dialect, candidates = settle_dialect(looked_at, declared[1] if declared else None, choices, name)
    delimiter = "" if dialect.delimiter == STAND_IN and not candidates else dialect.delimiter
    table = Table(name, "csv", [], iter(()), size, details | {"delimiter": delimiter})
    if dialect.escape:
        table.details["escape"] = dialect.escape
    reader = RecordReader(lines, table, dialect)
    reader.learn(sample_records(looked_at, dialect))
    begun = [
        line.startswith(dialect.quote) for line in looked_at.splitlines()[:FIRST_RECORDS] if line and dialect.quote
    ]
    reader.is_enclosed = sum(begun) > 0.8 * len(begun)
    records = dropwhile(lambda record: record[0] < (header_row or 0), reader.records())
    first = take_comments(list(islice(records, FIRST_RECORDS)), table, header_row)
    if header_row and (not first or first[0][0] != header_row or not filled(first[0][1])):
        raise no_header(name, header_row, "it is blank or inside a cell" if first else "the file ends before it")
    while first and not filled(first[0][1]):
        del first[0]
    if not first:
        raise DataError(_("%(name)s has no rows.", name=name), code="no_rows", hint=_("Export it again and send that."))
    first[0][1][0] = first[0][1][0].lstrip("\ufeff")
    rows = [row for _line, row in first]
    header = chosen_header(rows, header_row)
    if header_row is not None:
        table.details["header_row"] = header_row
        table.bad, table.bad_count = [], 0
    body = rows[header.row + 1 :]
    names = fitted_names(header, rows, body, table)
    check_columns(names, name)
    table.columns = names
    leave_out_titles(table, first, header)
    table.readings.append(header_reading(table, first, header, header_row))
    if header_row is None and (header.row < 0 or first[header.row][0] > 1):
        table.details["header_row"] = 0 if header.row < header.first else first[header.row][0]
    report_dialect(table, dialect, candidates, looked_at)
    reader.learn(body, len(names))
    shown = names_as_written(rows, header)
    start = header.row + 1 if header.row >= header.first else header.first
    table.batches = batches(chain(first[start:], records), table, shown, choices)
    return table


def settle_dialect(
    sample: str, declared: str | None, choices: Choices, name: str
) -> tuple[Dialect, list[tuple[float, Dialect]]]:
    """The dialect asked for, declared in the file, or found; and what else was weighed."""
    found, candidates = (Dialect(STAND_IN), []) if has_one_column(sample) else find_dialect(sample)
    asked = choices.get("delimiter", name)
    mark = next((mark for mark, word in NAMES.items() if asked in (mark, word)), asked) or declared
    if mark:
        same = next((dialect for _score, dialect in candidates if dialect.delimiter == mark), None)
        found = same or Dialect(mark[:8], found.quote, found.escape)
        candidates = [(1.0, found)]
    return found, candidates


def has_one_column(sample: str) -> bool:
    """Whether a file is a column of texts under a word such as “text”, whatever marks stand in them."""
    first, *later = re.split(r"\r\n|\r|\n", sample, maxsplit=2)
    word = first.strip().strip('"').lower()
    return word in WORDS and bool(later) and bool(later[0].strip()) and not later[0].startswith(word)


def report_dialect(table: Table, dialect: Dialect, candidates: list[tuple[float, Dialect]], sample: str) -> None:
    """A reading for the delimiter where another one parts the sample nearly as evenly, or where it is a rare one."""
    rivals = [(score, rival) for score, rival in candidates if rival.delimiter != dialect.delimiter and score > 0.8]
    if not candidates or (not rivals and dialect.name in ("comma", "semicolon", "tab", "pipe")):
        return
    best = next((score for score, made in candidates if made == dialect), 1.0)
    margin = best - max((score for score, _rival in rivals), default=0.0)
    others = [
        Choice(rival.name, _("Fields separated by %(mark)s", mark=rival.name), dialect_preview(sample, rival))
        for _score, rival in rivals[:3]
    ]
    sentence = _("Fields separated by %(mark)s", mark=dialect.name)
    confidence = min(1.0, 0.8 + margin)
    table.readings.append(Reading("delimiter", dialect.name, sentence, others, confidence, table.name))


def dialect_preview(sample: str, dialect: Dialect) -> JsonObject:
    rows = list(islice(dialect.reader(map(dialect.prepare, io.StringIO(sample, newline="")), strict=False), 5))
    return preview_of(named(rows[0]) if rows else [], rows[1:])


def without_comments(sample: str) -> str:
    """The sample without comment lines at its top."""
    while (end := re.search(r"\r\n|\r|\n", sample)) and COMMENT.match(sample[: end.start()]):
        rest = sample[end.end() :]
        if not rest.strip():
            break
        if not re.match(r"\s*(#|//|%%|--\s)", rest) and looks_like_names(sample[: end.start()], rest):
            break
        sample = rest
    return sample


def looks_like_names(line: str, rest: str) -> bool:
    """Whether a line that begins like a comment has as many delimiters as the next one: `#id,text,label`."""
    following = re.split(r"\r\n|\r|\n", rest, maxsplit=1)[0]
    return any(line.count(mark) == following.count(mark) > 0 for mark in ",;\t|")


def take_comments(first: list[Record], table: Table, header_row: int | None) -> list[Record]:
    """The first records without comment lines at the top, which are told."""
    width = usual_width([row for _line, row in first])
    comments = []
    for line, row in first:
        if not COMMENT.match(row[0]) or (len(row) == width and width > 1) or width == len(first):
            break
        comments.append((line, row))
    if not comments or len(comments) == len(first) or header_row is not None:
        return first
    count = len(comments)
    sentence = ngettext("%(count)s comment line above the table.", "%(count)s comment lines above the table.", count)
    table.left_out.append(LeftOut("comments", count, sentence, table.name, "", [shown_line(*one) for one in comments]))
    return first[len(comments) :]


def shown_line(line: int, row: list[str]) -> str:
    return f"line {line}: " + " ".join(cell for cell in row if cell.strip())[:100]


def chosen_header(rows: list[list[str]], header_row: int | None) -> Header:
    if header_row == 0:
        return Header(-1, 0, numbered(max(usual_width(rows), 1)), 1.0)
    if header_row:
        return Header(0, 0, named(rows[0]), 1.0)
    return find_header(rows)


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
        table.left_out.append(LeftOut("titles", count, sentence, table.name, "", [shown_line(*one) for one in titles]))
    under = [first[index] for index in header.skipped]
    if under:
        count = len(under)
        sentence = ngettext(
            "%(count)s row of types, units or ids under the header.",
            "%(count)s rows of types, units or ids under the header.",
            count,
        )
        table.left_out.append(
            LeftOut("header_rows", count, sentence, table.name, "", [shown_line(*one) for one in under])
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


def from_line(sample: str, line: int) -> str:
    """The sample without the lines above; all of it when it ends before that."""
    for _n in range(line - 1):
        line_end = re.search(r"\r\n|\r|\n", sample)
        if line_end is None:
            break
        sample = sample[line_end.end() :]
    return sample


class RecordReader:
    """Records with the line where each begins. A mark in the wrong place costs its own line at most: what a mark that is never
    closed has swallowed is given out again."""

    def __init__(self, lines: Lines, table: Table, dialect: Dialect) -> None:
        self.lines, self.table, self.dialect = lines, table, dialect
        self.width = 0
        self.rewinds, self.longest = 0, 1
        self.is_enclosed = False
        self.typed: list[int] = []
        """Columns of numbers or dates, by which a swallowed line is told from a line of a text."""

    def learn(self, rows: list[list[str]], width: int = 0) -> None:
        """How many fields these rows mostly have (or `width`), and which columns hold numbers or dates."""
        usual = usual_width(rows)
        steady = sum(len(row) == usual for row in rows) >= 0.8 * len(rows)
        self.width = width or (usual if steady else 0)
        self.typed = [place for place in range(self.width) if len(rows) >= 5 and is_number_column(place, rows)]

    @property
    def most_lines(self) -> int:
        return MAX_RECORD_LINES if self.rewinds < MANY_REWINDS else max(40, 2 * self.longest)

    def records(self) -> Iterator[Record]:
        lines, taken = self.lines, self.lines.taken
        source: Iterator[str] = lines if self.dialect.is_plain else map(self.dialect.prepare, lines)
        reader = self.dialect.reader(Bounded(source, self))
        while True:
            taken.clear()
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if not taken:
                    return
                yield from self.recover(str(error))
                continue
            count = len(taken)
            if count == 1:
                if row:
                    yield lines.number, row
            elif self.is_sound(row, taken):
                self.longest = max(self.longest, count)
                yield lines.number - count + 1, row
            else:
                yield from self.recover("")

    def is_sound(self, row: list[str], taken: list[str]) -> bool:
        """Whether a record of several lines is one, and has swallowed no others: it has the usual width, and the lines in it
        are not records by themselves."""
        if not self.width:
            return not all(self.is_record(line) for line in taken[:50]) or not self.is_alike(taken[:50])
        if len(row) != self.width:
            return not any(self.is_record(line) for line in taken[1:]) if self.width > 1 else True
        if self.width == 1:
            return True
        if not self.is_record(taken[0]):
            return True
        looked_at = taken[1:200]
        if any(map(self.begins_record, looked_at)):
            return False
        is_telling = bool(self.typed) or len(looked_at) >= 3
        return not is_telling or sum(map(self.is_record, looked_at)) < 0.8 * len(looked_at)

    def begins_record(self, line: str) -> bool:
        """Whether a line begins as records do: with a number where the first column has numbers, or with a mark where every
        field is enclosed."""
        if 0 in self.typed:
            first = self.dialect.prepare(line).lstrip(self.dialect.quote or None).partition(self.dialect.mark)[0]
            return is_typed(first.rstrip("\r\n").rstrip(self.dialect.quote or None))
        quote = self.dialect.quote
        return self.is_enclosed and line.startswith(quote) and line.count(quote) % 2 == 0

    def is_alike(self, lines: list[str]) -> bool:
        return len({len(self.dialect.split(self.dialect.prepare(line))[0]) for line in lines}) == 1

    def is_record(self, line: str, is_whole: bool = False) -> bool:
        """Whether a line reads as a record of its own: the usual width, and numbers where the column has numbers. `is_whole`:
        and with every mark closed."""
        fields, is_closed = self.dialect.split(self.dialect.prepare(line))
        if not is_closed:
            if is_whole:
                return False
            fields = self.dialect.prepare(line.rstrip("\r\n")).split(self.dialect.mark)
        if len(fields) < 2 or (self.width and len(fields) != self.width):
            return False
        if self.typed:
            return all(not fields[place].strip() or is_typed(fields[place].strip()) for place in self.typed)
        return not any(field[:1] == " " for field in fields[1:])

    def recover(self, reason: str) -> Iterator[Record]:
        """The first line taken, or the few that belong together, read with marks as characters where they are in the wrong
        place; every line after them is given out again."""
        lines, taken, dialect = self.lines, list(self.lines.taken), self.dialect
        number = lines.number - len(taken) + 1
        width = self.width
        if "field limit" in reason:
            reason = f"has a field of more than {MAX_FIELD_CHARACTERS:,} characters, or a quote that is not closed"
        else:
            reason = "opens a quote that is not closed"
        prepared = [dialect.prepare(line) for line in taken[:MALFORMED_LINES]]
        for count in range(1, len(prepared) + 1):
            if count > 1 and (self.is_record(taken[0]) or self.starts_anew(taken[count - 1])):
                break
            text = "".join(prepared[:count])
            if len(text) > MAX_FIELD_CHARACTERS:
                break
            fields, is_closed = dialect.split(text)
            if is_closed and (len(fields) == width or (not width and count == 1)):
                self.give_back(count)
                self.table.mended.append((number, "has quotation marks in the wrong places"))
                yield number, fields
                return
        literal = prepared[0].rstrip("\r\n").split(dialect.mark)
        self.give_back(1)
        if len(prepared[0]) <= MAX_FIELD_CHARACTERS and (len(literal) == width or (not width and len(literal) > 1)):
            self.table.mended.append((number, reason))
            yield (
                number,
                [
                    field.strip(dialect.quote)
                    if field.count(dialect.quote) == 1 and field.startswith(dialect.quote)
                    else field
                    for field in literal
                ],
            )
            return
        self.table.refuse(number, reason)

    def starts_anew(self, line: str) -> bool:
        return self.begins_record(line) or self.is_record(line, is_whole=True)

    def give_back(self, count: int) -> None:
        """All lines taken but the first `count`."""
        if len(self.lines.taken) > count:
            self.rewinds += 1
            self.lines.rewind(count)


class Bounded:
    """Lines for the csv module: it meets an end where a record has as many as one may have, and may go on after it."""

    def __init__(self, source: Iterator[str], reader: RecordReader) -> None:
        self.source, self.reader, self.taken = source, reader, reader.lines.taken

    def __iter__(self) -> "Bounded":
        return self

    def __next__(self) -> str:
        if len(self.taken) > 40 and len(self.taken) >= self.reader.most_lines:
            raise StopIteration
        return next(self.source)


def batches(records: Iterator[Record], table: Table, header: list[list[str]], choices: Choices) -> Iterator[Columns]:
    """Rows of the header's width; others are fitted or reported. A batch ends by rows or by characters. The last rows are held
    back until the end, where they may turn out to be totals and notes."""
    width = len(table.columns)
    rows: list[list[str]] = []
    numbers: list[int] = []
    characters = 0
    for line, row in records:
        if len(row) != width:
            fitted = fit(row, width, line, table)
            if fitted is None:
                continue
            row = fitted
        rows.append(row)
        numbers.append(line)
        characters += sum(map(len, row))
        if len(rows) >= BATCH_ROWS + FOOTER_ROWS or characters > MAX_BATCH_CHARACTERS:
            yield from emit(rows[:-FOOTER_ROWS], numbers, table, header)
            rows, numbers, characters = rows[-FOOTER_ROWS:], numbers[-FOOTER_ROWS:], 0
    kept = split_footer(rows, numbers, table, choices)
    yield from emit(rows[:kept], numbers, table, header)


def emit(rows: list[list[str]], numbers: list[int], table: Table, header: list[list[str]]) -> Iterator[Columns]:
    """A batch without the rows that say the header again."""
    if header and rows:
        firsts = {row[0] for row in header}
        if not firsts.isdisjoint([row[0] for row in rows]):
            again = {index for index, row in enumerate(rows) if row in header}
            if again:
                count_repeated(table, [numbers[index] for index in sorted(again)])
                rows = [row for index, row in enumerate(rows) if index not in again]
    if rows:
        yield list(zip(*rows, strict=True))


def count_repeated(table: Table, lines: list[int]) -> None:
    """Adds to the header rows that came again."""
    known = next((one for one in table.left_out if one.reason == "repeated_header"), None)
    count = len(lines) + (known.count if known else 0)
    sentence = ngettext("The header comes again in %(count)s row.", "The header comes again in %(count)s rows.", count)
    if known is None:
        known = LeftOut("repeated_header", 0, sentence, table.name)
        table.left_out.append(known)
    known.count, known.sentence = count, sentence
    known.examples += [f"line {line}" for line in lines[: 20 - len(known.examples)]]


def fit(row: list[str], width: int, line: int, table: Table) -> list[str] | None:
    """A row of another width: blank lines are passed over, empty fields at its end cut, everything else reported."""
    if not any(cell.strip() for cell in row):
        return None
    if len(row) > MAX_COLUMNS:
        raise DataError(
            _(
                "Line %(line)s of %(name)s has %(count)s fields, the header %(width)s.",
                line=f"{line:,}",
                name=table.name,
                count=f"{len(row):,}",
                width=width,
            ),
            code="too_many_columns",
            hint=_("Remove that line, or check the delimiter."),
        )
    if len(row) > width and not any(cell.strip() for cell in row[width:]):
        return row[:width]
    table.refuse(line, f"has {len(row)} {'field' if len(row) == 1 else 'fields'} instead of {width}", row)
    return None
