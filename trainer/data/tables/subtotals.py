"""Rows between the records of a table that add up those above them: “Subtotal”, “Total North”, “North total”, 小计."""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import number_of
from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.tables.arrow_cells import bytes_of, first_chunk, holds_no_letter, rows_of
from trainer.data.tables.table import Table
from trainer.messages import _, ngettext

LEAVE_OUT, KEEP = "leave-out", "keep"
LETTER = "[A-Za-z\u00c0-\u024f\u0400-\u04ff]"
"""Of scripts that put blanks between words."""


def named_by(words: str) -> re.Pattern[str]:
    """Names that begin or end with one of the words."""
    return re.compile(rf"(?:{words})(?!{LETTER})|(?s:.)*(?:(?<!{LETTER})|(?!{LETTER}))(?:{words})\Z", re.IGNORECASE)


SUB = named_by(
    r"sub[\s-]*totale?s?|sous[\s-]*total|zwischensumme|teilsumme|tussentotaal|subtotaal|suma częściowa|subtotal parcial|"
    r"промежуточный итог|小计|小計|소계|ara toplam|delsumma|mellansumma"
)
TOTAL = named_by(
    r"totals?|totale|totaal|sum|summe|gesamt|ergebnis|somme|suma|razem|итого?|всего|합계|汇总|合计|合計|总计|toplam|summa|"
    r"results from [\d,.]+ (?:campaigns?|ad sets?|ads?)"
)
MARK = re.compile(r"\*{1,9}")
"""SAP's name of a total: a star for each level."""
STEMS = ("total", "results from", "totaal", "sum", "gesamt", "ergebnis", "somme", "razem", "итог", "всего", "합계", "소계", "汇总", "合计", "合計", "总计", "小计", "小計", "toplam")  # fmt: skip
"""One of these, in small letters, is in every name of a total."""
NAME_CHARACTERS, NAME_COLUMNS, MAX_LEVELS, FEWEST_BELOW, LOOKED_AT = 60, 3, 50, 4, 12
EXACT = 1e-6
ANNOUNCED = re.compile(
    r"\W*(grand[\s-]*totals?|totals?|sums?|summen?|gesamt(summe|werte)?|insgesamt|totaux|total général|total general|totales|totali|totaal|итого|合计|总计|總計|合計)\W*",
    re.IGNORECASE,
)
"""A line that says that the next one adds up: “# Totals”."""
Cell = TypeVar("Cell", str, str | None)


class Named(NamedTuple):
    """A row whose name says that it adds up. `is_sub`: it says so of a part of the table. `is_mark`: stars alone do."""

    row: int
    place: int
    is_sub: bool
    is_mark: bool = False


def announces_total(row: Sequence[str | None]) -> bool:
    present = [cell for cell in row if cell and cell.strip()]
    return len(present) == 1 and ANNOUNCED.fullmatch(present[0]) is not None


def is_nameless(row: Sequence[str | None]) -> bool:
    """Whether a row has numbers, and nothing where its name would stand."""
    rest = [cell for cell in row[1:] if cell and cell.strip()]
    numbers = sum(number_of(cell) is not None or number_of(cell, ",") is not None for cell in rest)
    return not (row[0] or "").strip() and numbers > 0.5 * len(rest)


def named_row(row: Sequence[str | None]) -> tuple[int, bool] | tuple[int, bool, bool] | None:
    """(column, whether it is a subtotal, whether stars say so) of the cell that names a total: the first word or the last one of
    the first cell."""
    place = next((place for place, cell in enumerate(row[:NAME_COLUMNS]) if cell and cell.strip()), None)
    if place is not None and MARK.fullmatch((row[place] or "").strip()):
        return place, True, True
    text = (row[place] or "").strip(" \t*:-–—=()") if place is not None else ""
    if place is None or not text or len(text) > NAME_CHARACTERS:
        return None
    for pattern in (SUB, TOTAL):
        if pattern.match(text):
            return place, pattern is SUB
    return None


def numbers_of(row: Sequence[str | None], decimal: str) -> dict[int, float]:
    """{column: number} of the cells that are one."""
    read = ((place, number_of(cell, decimal)) for place, cell in enumerate(row) if cell and cell.strip())
    return {place: number for place, number in read if number is not None}


class Subtotals:
    """Takes them out of the rows of one table or sheet, batch by batch, and tells of them."""

    def __init__(self, table: Table, choices: Choices, sheet: str = "") -> None:
        self.table, self.sheet = table, sheet
        self.asked = choices.pick("subtotals", (LEAVE_OUT, KEEP), table.name)
        self.is_later = False
        """Whether records of the first group of a batch may stand in the one before."""
        self.left_out = LeftOut("subtotals", 0, "", table.name, sheet)
        self.reading: Reading | None = None
        self.shown: list[Sequence[str | None]] = []
        self.is_proved = True

    def find(self, rows: Sequence[Sequence[str | None]]) -> set[int]:
        """Indices of the rows of a batch that add up others."""
        is_later, self.is_later = self.is_later, True
        columns = ([row[place] for row in rows if place < len(row)] for place in range(NAME_COLUMNS))
        is_likely = any(map(holds_stem, columns)) or (not is_later and names_of_summary(rows[:LOOKED_AT]))
        return self.find_sums(rows, is_later) if is_likely else set()

    def find_sums(self, rows: Sequence[Sequence[str | None]], is_later: bool) -> set[int]:
        candidates = [Named(index, *name) for index, row in enumerate(rows) if (name := named_row(row))]
        candidates = [candidate for candidate in candidates if is_mostly_numbers(rows[candidate.row], candidate.place)]
        if not is_later and is_summary(rows):
            return {0}
        if not candidates or len(candidates) > 0.5 * len(rows):
            return set()
        proved = max((proved_sums(rows, candidates, decimal) for decimal in ".,"), key=len)
        first = candidates[0].row
        sums = set(proved) | ({first} if not is_later and sums_up_below(rows, candidates[0]) else set())
        for candidate in candidates:
            goes_on = is_later and candidate.row == first and self.left_out.count > 0
            if candidate.is_mark and not proved and not self.left_out.count:
                continue  # a rating
            if candidate.row not in sums and (
                goes_on or (candidate.is_sub and is_bare(rows[candidate.row], candidate.place))
            ):
                sums.add(candidate.row)
                self.is_proved = self.is_proved and goes_on
        return sums

    def take_out(self, batch: pa.Table, numbers: list[int]) -> set[int]:
        """Places of the rows of a batch that add up others and do not stay, which are told."""
        is_later, self.is_later = self.is_later, True
        announced = self.announced(batch, numbers)
        is_likely = any(holds_short_stem(first_chunk(column)) for column in batch.columns[:NAME_COLUMNS])
        if not announced and not is_likely and (is_later or not names_of_summary(rows_of(batch.slice(0, LOOKED_AT)))):
            return set()
        rows = rows_of(batch)
        if sums := self.find_sums(rows, is_later) | announced:
            self.tell([(numbers[index], rows[index]) for index in sorted(sums)], rows)
        return set() if self.asked == KEEP else sums

    def announced(self, batch: pa.Table, numbers: list[int]) -> set[int]:
        """Places of the rows behind a line that says that they are totals."""
        places = (
            [place for place, line in enumerate(numbers) if line in self.table.announced]
            if self.table.announced
            else []
        )
        rows = rows_of(batch.take(pa.array(places))) if places else []
        return {place for place, row in zip(places, rows, strict=True) if is_nameless(row)}

    def drop(self, rows: list[list[Cell]], numbers: list[int]) -> tuple[list[list[Cell]], list[int]]:
        """The same rows and their lines without them."""
        sums = self.find(rows)
        if not sums:
            return rows, numbers
        self.tell([(numbers[index], rows[index]) for index in sorted(sums)], rows)
        if self.asked == KEEP:
            return rows, numbers
        left = [index for index in range(len(rows)) if index not in sums]
        return [rows[index] for index in left], [numbers[index] for index in left]

    def tell(self, totals: Sequence[tuple[int, Sequence[str | None]]], rows: Sequence[Sequence[str | None]]) -> None:
        self.left_out.count += len(totals)
        count = self.left_out.count
        self.shown = [*self.shown, *rows[:1], *(row for _line, row in totals)][:3]
        lines = [
            f"line {line}: " + " ".join(cell for cell in row if cell and cell.strip())[:100] for line, row in totals
        ]
        self.left_out.examples += lines[: 20 - len(self.left_out.examples)]
        self.left_out.sentence = ngettext(
            "%(count)s subtotal between the records.", "%(count)s subtotals between the records.", count
        )
        if self.asked == KEEP:
            sentence = ngettext("%(count)s subtotal kept as a record", "%(count)s subtotals kept as records", count)
        else:
            sentence = ngettext(
                "%(count)s subtotal between the records left out",
                "%(count)s subtotals between the records left out",
                count,
            )
        if self.reading is None:
            self.reading = Reading("subtotals", self.asked or LEAVE_OUT, sentence, file=self.table.name)
            self.table.readings.append(self.reading)
            if self.asked != KEEP:
                self.table.left_out.append(self.left_out)
        other = LEAVE_OUT if self.asked == KEEP else KEEP
        label = _("Leave them out") if self.asked == KEEP else _("Keep them as records")
        self.reading.sentence = sentence
        self.reading.others = [Choice(other, label, preview_of(self.table.columns, self.shown))]
        self.reading.confidence = 1.0 if self.asked else 0.95 if self.is_proved else 0.8
        self.reading.is_asked = self.asked is not None


def holds_stem(cells: Sequence[str | None]) -> bool:
    """Whether any cell of a column may name a total: found quickly, for all of them at once."""
    text = "\n".join([cell for cell in cells if cell and len(cell) <= 2 * NAME_CHARACTERS]).lower()
    return any(stem in text for stem in STEMS) or ("*" in text and re.search(r"^\s*\*{1,9}\s*$", text, re.MULTILINE) is not None)  # fmt: skip


def holds_short_stem(cells: pa.StringArray) -> bool:
    short = cells.filter(pc.less_equal(pc.utf8_length(cells), 2 * NAME_CHARACTERS))
    data, offsets = bytes_of(short)
    held = data[offsets[0] : offsets[-1]] if len(data) else data
    if not len(held) or (holds_no_letter(held) and not (held == ord("*")).any()):
        return False
    return holds_stem(short.unique().to_pylist())


def is_mostly_numbers(row: Sequence[str | None], place: int) -> bool:
    """Whether a row has numbers behind its name, at least as many as words."""
    rest = [cell for cell in row[place + 1 :] if cell and cell.strip()]
    numbers = sum(number_of(cell) is not None or number_of(cell, ",") is not None for cell in rest)
    return bool(numbers) and numbers >= 0.5 * len(rest)


def is_bare(row: Sequence[str | None], place: int) -> bool:
    """Whether a row holds nothing but its name and numbers, and lacks something."""
    rest = [cell for cell in row[place + 1 :] if cell and cell.strip()]
    return len(rest) < len(row) - 1 and all(
        number_of(cell) is not None or number_of(cell, ",") is not None for cell in rest
    )


def proved_sums(rows: Sequence[Sequence[str | None]], candidates: Sequence[Named], decimal: str) -> set[int]:
    """Of the candidates those whose numbers are the sums of the records above them, back to an earlier one of the same kind."""
    stated = {candidate.row: numbers_of(rows[candidate.row], decimal) for candidate in candidates}
    columns = {place for numbers in stated.values() for place in numbers}
    names = {candidate.row: candidate for candidate in candidates}
    values = {
        place: [
            0.0 if index in names else number_of(row[place] or "", decimal) or 0.0 for index, row in enumerate(rows)
        ]
        for place in columns
    }
    sums = {place: [0.0, *accumulate(cells)] for place, cells in values.items()}
    counts = [0, *accumulate(int(index not in names) for index in range(len(rows)))]
    starts, proved = [0], set()
    for candidate in candidates:
        numbers = {place: number for place, number in stated[candidate.row].items() if place > candidate.place}
        for start in reversed(starts[-MAX_LEVELS:]):
            records = counts[candidate.row] - counts[start]
            totals = {place: sums[place][candidate.row] - sums[place][start] for place in numbers}
            if (records > 1 or (records == 1 and candidate.is_sub)) and add_up(numbers, totals):
                proved.add(candidate.row)
                break
        starts.append(candidate.row + 1)
    return proved


def sums_up_below(rows: Sequence[Sequence[str | None]], candidate: Named) -> bool:
    """Whether the first row adds up all below it, as YouTube's studio writes them."""
    if candidate.row > 0 or len(rows) < FEWEST_BELOW:
        return False
    for decimal in ".,":
        numbers = {place: number for place, number in numbers_of(rows[0], decimal).items() if place > candidate.place}
        totals = {place: sum(number_of(row[place] or "", decimal) or 0.0 for row in rows[1:]) for place in numbers}
        if add_up(numbers, totals):
            return True
    return False


def names_of_summary(rows: Sequence[Sequence[str | None]]) -> list[int]:
    """Columns of names that the first row alone leaves blank, as Facebook's summary of all ads does."""
    if len(rows) <= FEWEST_BELOW:
        return []
    first, *below = rows
    return [
        place
        for place, cell in enumerate(first)
        if not (cell or "").strip()
        and all(place < len(row) and (row[place] or "").strip() and not is_digital(row[place] or "") for row in below)
    ]


def is_digital(cell: str) -> bool:
    return number_of(cell) is not None or number_of(cell, ",") is not None


def is_summary(rows: Sequence[Sequence[str | None]]) -> bool:
    """Whether the first row has no name where all others have one, no other word than they all have, and their sums or averages."""
    if not names_of_summary(rows):
        return False
    first, *below = rows
    words = {place: cell for place, cell in enumerate(first) if (cell or "").strip() and not is_digital(cell or "")}
    if any(row[place] != cell for place, cell in words.items() for row in below):
        return False
    return any(are_totals(first, below, decimal) for decimal in ".,")


def are_totals(first: Sequence[str | None], below: Sequence[Sequence[str | None]], decimal: str) -> bool:
    """Whether half of the numbers or more are sums or averages of those below, and two or more (or the only one) are sums."""
    sums = means = 0
    numbers = numbers_of(first, decimal)
    for place, number in numbers.items():
        values = [value for row in below if (value := number_of(row[place] or "", decimal)) is not None]
        near = 0.005 + EXACT * abs(number)
        sums += bool(values) and abs(sum(values) - number) <= near and number != 0
        means += bool(values) and number != 0 and abs(sum(values) / len(values) - number) <= near
    return sums >= min(2, len(numbers)) > 0 and sums + means >= 0.5 * len(numbers)


def add_up(numbers: dict[int, float], totals: dict[int, float]) -> bool:
    """Whether at least half of the numbers are the totals, and one of them is not 0."""
    equal = [
        place for place, number in numbers.items() if abs(number - totals[place]) <= EXACT * max(abs(number), 1) + 0.005
    ]
    return len(equal) >= 0.5 * len(numbers) and any(numbers[place] for place in equal)
