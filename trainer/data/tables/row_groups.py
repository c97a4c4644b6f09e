"""Reports of programs for accounts, whose records stand below the name of their group, with a total of the group behind them: QuickBooks
and its like. The group's name goes to its records; its own row and its total are told."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import pyarrow as pa

from trainer.columns import number_of
from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.tables.arrow_cells import rows_of
from trainer.data.tables.csv_records import Block
from trainer.data.tables.table import Table
from trainer.messages import _, ngettext

GROUPS, RECORDS, ROWS = "groups", "records", "rows"
TOTAL = re.compile(
    r"(?:total(?: for| of)?|totale?s?(?: de| di| pour)?|sum(?:me)?(?: of)?|gesamt|suma|somme|итого(?: по)?|合计|小计)[\s:]+(?P<name>.+)|(?P<before>.+?)[\s:-]+(?:total|gesamt|合计|小计)",
    re.IGNORECASE,
)
WHOLE = re.compile(r"(?:grand )?total|gesamt(?:summe)?|insgesamt|合计|总计", re.IGNORECASE)
COMPUTED = re.compile(
    r"gross (?:profit|margin)|net (?:operating |ordinary |other )?(?:income|loss|profit|earnings|revenue)|operating (?:income|profit)|ebitd?a?|"
    r"rohertrag|betriebsergebnis|jahresüberschuss|résultat net|beneficio neto|utile netto|毛利|净利润",
    re.IGNORECASE,
)
"""What a report works out of its totals."""
FEWEST, MOST_LEVELS, LONGEST_NAME = 4, 8, 120
FIRST_RECORDS = 200
"""By which a table's groups are found."""
Cell = TypeVar("Cell", str, str | None)


def text_of(cell: str | None) -> str:
    return (cell or "").strip()


def depth_of(cell: str | None) -> int:
    """How far a name is set in, in blanks."""
    return len(cell or "") - len((cell or "").lstrip())


@dataclass
class RowGroups:
    """`labels`: how many columns at the beginning name groups; `is_list`: whether the records have a name there too."""

    labels: int
    is_list: bool
    has_depth: bool
    table: Table
    sheet: str = ""
    open: list[tuple[int, str]] = field(default_factory=list)
    """(depth, name) of the groups that the next record is in, the outermost first."""
    named: LeftOut | None = None
    totals: LeftOut | None = None
    is_over: bool = False
    """Whether the total of all has come."""

    def place_of(self, row: Sequence[str | None]) -> int | None:
        """The only column among those of groups that has something; None for none, or several."""
        places = [place for place in range(min(self.labels, len(row))) if text_of(row[place])]
        return places[0] if len(places) == 1 else None

    def take(self, rows: Sequence[list[Cell]], numbers: list[int]) -> tuple[list[list[Cell]], list[int]]:
        """The records of some rows, with the names of their groups, and their lines."""
        records = [(line, made) for line, row in zip(numbers, rows, strict=True) if (made := self.record_of(row, line))]
        return [row for _line, row in records], [line for line, _row in records]

    def record_of(self, row: list[Cell], line: int) -> list[Cell] | None:
        place = self.place_of(row)
        if place is None:
            return row if self.is_list or any(text_of(cell) for cell in row[: self.labels]) else self.filled(row)
        name, rest = text_of(row[place]), [text_of(cell) for cell in row[self.labels :]]
        depth = place if self.labels > 1 else depth_of(row[place])
        if self.is_total(name, rest):
            self.totals = self.counted(self.totals, "subtotals", row, line)
            return None
        if is_group(rest, self.is_list):
            if self.is_over:
                return row  # what stands below the last total is a note
            while self.open and (self.open[-1][0] >= depth or len(self.open) >= MOST_LEVELS) and (self.has_depth or self.labels > 1):  # fmt: skip
                self.open.pop()
            self.open.append((depth, name))
            self.named = self.counted(self.named, GROUPS, row, line)
            return None
        if not self.is_list:
            return row
        while self.has_depth and self.open and self.open[-1][0] >= depth:
            self.open.pop()
        made = list(row)
        made[place] = ":".join([*(name for _depth, name in self.open), name])
        return made

    def filled(self, row: list[Cell]) -> list[Cell]:
        made = list(row)
        if self.labels == 1 and self.open:
            made[0] = ":".join(name for _depth, name in self.open)
        for place, name in self.open if self.labels > 1 else ():
            made[place] = name
        return made

    def is_total(self, name: str, rest: Sequence[str]) -> bool:
        """Whether a row ends a group; those inside it end too. Sums of all, and what is worked out of them, end none."""
        if len(name) > LONGEST_NAME:
            return False
        if (match := TOTAL.fullmatch(name)) is not None:
            group_name = fold(match["name"] or match["before"])
            place = next((place for place in reversed(range(len(self.open))) if fold(self.open[place][1]) == group_name), None)  # fmt: skip
            if place is not None:
                del self.open[place:]
                return True
        self.is_over |= has_numbers(rest) and WHOLE.fullmatch(name) is not None
        return has_numbers(rest) and bool(WHOLE.fullmatch(name) or (self.is_list and not self.open and COMPUTED.fullmatch(name)))  # fmt: skip

    def counted(self, known: LeftOut | None, reason: str, row: Sequence[str | None], line: int) -> LeftOut:
        if known is None:
            known = LeftOut(reason, 0, "", self.table.name, self.sheet)
            self.table.left_out.append(known)
        known.count += 1
        known.sentence = (
            ngettext("%(count)s total of a group of records.", "%(count)s totals of groups of records.", known.count)
            if reason == "subtotals"
            else ngettext(
                "%(count)s row names the group of the records below it.",
                "%(count)s rows name the groups of the records below them.",
                known.count,
            )
        )
        if len(known.examples) < 20:
            known.examples.append(f"line {line}: " + " ".join(cell for cell in map(text_of, row) if cell)[:100])
        return known


def fold(name: str) -> str:
    return " ".join(name.casefold().split())


def has_numbers(cells: Sequence[str]) -> bool:
    present = [cell for cell in cells if cell]
    return bool(present) and sum(number_of(cell) is not None for cell in present) >= 0.5 * len(present)


def is_group(rest: Sequence[str], is_list: bool) -> bool:
    """Whether a row has nothing but its name; of records of their own, an opening balance too."""
    present = [cell for cell in rest if cell]
    return not present or (not is_list and len(present) == 1 and number_of(present[0]) is not None)


def find_groups(names: Sequence[str], rows: Sequence[Sequence[str | None]], table: Table) -> RowGroups | None:
    """How the first records of a table are grouped, where names of groups stand above them, and totals of the same names behind."""
    width = len(names)
    rows = [row for row in rows if len(row) == width and any(map(text_of, row))]
    if width < 3 or len(rows) < FEWEST:
        return None
    unnamed = next((place for place, name in enumerate(names) if not re.fullmatch(r"column \d+", name)), width)
    labels = max(1, min(unnamed, width - 2))
    is_list = sum(bool(text_of(row[0])) and any(map(text_of, row[labels:])) for row in rows) > 0.5 * len(rows)
    groups = RowGroups(labels, is_list, any(depth_of(row[0]) for row in rows), table)
    probe = replace(groups, table=Table(table.name, "", [], iter(()), 0), open=[])
    records, _numbers = probe.take([list(row) for row in rows], list(range(len(rows))))
    ended = probe.totals.count if probe.totals else 0
    named = probe.named.count if probe.named else 0
    if not ended or not named or len(records) < 2 or 2 * ended < named or named + ended > 0.8 * len(rows):
        return None
    return groups


def settle_groups(
    names: Sequence[str], rows: Sequence[Sequence[str | None]], table: Table, choices: Choices, sheet: str = ""
) -> RowGroups | None:
    """The groups, unless somebody wants their rows as records; told either way."""
    groups = find_groups(names, rows, table)
    asked = choices.pick(GROUPS, (RECORDS, ROWS), table.name)
    if groups is None:
        return None
    groups.sheet = sheet
    chosen = asked or RECORDS
    fitting = [list(row) for row in rows if len(row) == len(names)]
    probe = replace(groups, table=Table(table.name, "", [], iter(()), 0), open=[])
    made, _numbers = probe.take(fitting, list(range(len(fitting))))
    sentences = {
        RECORDS: _(
            "The names of groups, which stand in rows above their records, are given to these; totals are left out"
        ),
        ROWS: _("Names of groups and their totals are kept as records"),
    }
    previews = {RECORDS: preview_of(list(names), made[:4]), ROWS: preview_of(list(names), [list(row) for row in rows[:4]])}  # fmt: skip
    other = ROWS if chosen == RECORDS else RECORDS
    others = [Choice(other, sentences[other], previews[other])]
    table.readings.append(Reading(GROUPS, chosen, sentences[chosen], others, 1.0 if asked else 0.95, table.name, preview=previews[chosen], is_asked=asked is not None))  # fmt: skip
    return groups if chosen == RECORDS else None


def grouped(blocks: Iterable[Block], groups: RowGroups) -> Iterator[Block]:
    for block in blocks:
        rows = rows_of(block.cells) if isinstance(block.cells, pa.Table) else block.cells
        records, numbers = groups.take(rows, block.numbers)
        if records:
            yield Block(numbers, records)
