"""Records of a text table, each with the line where it begins: a mark in the wrong place costs its own line at most."""

import csv
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from trainer.data.tables.csv_blocks import can_cut, cut_block
from trainer.data.tables.dialects import Dialect
from trainer.data.tables.headers import is_number_column, is_typed, looked_at, usual_width
from trainer.data.tables.streams import Lines, lines_in
from trainer.data.tables.table import MAX_FIELD_CHARACTERS, Table

MAX_RECORD_LINES = 2_000
MANY_REWINDS = 50
"""Marks that are never closed, after which one is looked for over fewer lines."""
MALFORMED_LINES = 30
"""Over so many lines a record with marks in the wrong places is put together."""
FEW_LINES = 40
"""A record of more is looked for line by line, as far as one may go."""
Record = tuple[int, list[str]]
GATHERED_ROWS, GATHERED_CHARACTERS = 1_000, 1 << 20


class Block(NamedTuple):
    """Some records: the line where each begins, and their cells, as a table where all have the width of the header."""

    numbers: list[int]
    cells: "list[list[str]] | pa.Table"


def gathered(records: Iterator[Record]) -> Iterator[Block]:
    """Records that were read one by one, some at once."""
    numbers: list[int] = []
    rows: list[list[str]] = []
    characters = 0
    for line, row in records:
        numbers.append(line)
        rows.append(row)
        characters += sum(map(len, row))
        if len(rows) >= GATHERED_ROWS or characters > GATHERED_CHARACTERS:
            yield Block(numbers, rows)
            numbers, rows, characters = [], [], 0
    if rows:
        yield Block(numbers, rows)


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
        usual, rows = usual_width(rows), rows[: len(looked_at(rows))]
        steady = sum(len(row) == usual for row in rows) >= 0.8 * len(rows)
        self.width = width or (usual if steady else 0)
        self.typed = [place for place in range(self.width) if len(rows) >= 5 and is_number_column(place, rows)]

    @property
    def most_lines(self) -> int:
        return MAX_RECORD_LINES if self.rewinds < MANY_REWINDS else max(40, 2 * self.longest)

    def blocks(self) -> Iterator[Block]:
        """All records. Most are cut from many lines at once; where a mark may be in the wrong place, or a block ends within a
        record, line by line."""
        while self.dialect.is_plain:
            if self.lines.again:
                yield from gathered(self.records(lambda: not self.lines.again))
            elif text := self.lines.block():
                yield self.quick_records(text)
            else:
                return
        yield from gathered(self.records())

    def quick_records(self, text: str) -> Block:
        """The records in a block of lines up to the first that needs a closer look; that one and all later lines are left to be
        given out again."""
        before = self.lines.number
        cut = cut_block(text, self.width, self.dialect, self.is_short_record) if can_cut(self.dialect) else None
        if cut is None:
            return self.read_records(lines_in(text))
        rest = lines_in(text[cut.characters :])
        self.lines.pass_over(cut.line_count, rest)
        return Block((cut.lines + before + 1).tolist(), cut.cells)

    def read_records(self, lines: list[str]) -> Block:
        """The same by the csv module, for lines of any width."""
        numbers, rows, place, before = [], [], 0, self.lines.number
        reader: Any = self.dialect.reader(lines)
        try:
            for row in reader:
                end = reader.line_num
                if end - place > 1 and not self.is_short_record(row, lines[place:end]):
                    break
                if row:
                    numbers.append(before + place + 1)
                    rows.append(row)
                place = end
        except csv.Error:
            pass
        self.lines.pass_over(place, lines[place:])
        return Block(numbers, rows)

    def is_short_record(self, row: list[str], taken: list[str]) -> bool:
        """Whether a record of several lines is one for sure."""
        if len(taken) > FEW_LINES or not self.is_sound(row, taken):
            return False
        self.longest = max(self.longest, len(taken))
        return True

    def records(self, is_enough: Callable[[], bool] = lambda: False) -> Iterator[Record]:
        """Records one by one, until there are enough."""
        lines, taken = self.lines, self.lines.taken
        source: Iterator[str] = lines if self.dialect.is_plain else map(self.dialect.prepare, lines)
        reader = self.dialect.reader(Bounded(source, self))
        while not is_enough():
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
            yield number, [self.without_marks(field) for field in literal]
            return
        self.table.refuse(number, reason)

    def without_marks(self, field: str) -> str:
        """A field of a line that is cut at every delimiter, without the marks around it; one mark alone at its end may stand
        for inches, unless all fields are enclosed."""
        quote = self.dialect.quote
        if len(field) > 1 and field.startswith(quote) and field.endswith(quote):
            return field[1:-1].replace(quote * 2, quote)
        if field.count(quote) == 1 and (field.startswith(quote) or (self.is_enclosed and field.endswith(quote))):
            return field.strip(quote)
        return field

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
        if len(self.taken) > FEW_LINES and len(self.taken) >= self.reader.most_lines:
            raise StopIteration
        return next(self.source)
