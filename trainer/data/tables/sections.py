"""Statements in sections, as Interactive Brokers writes them: each line begins with the name of its section and with what the line is
(`Trades,Header,…`, `Trades,Data,…`, `Trades,SubTotal,…`). The largest section is the table; the others are told."""

import csv
import functools
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from trainer.data.readings import Choice, Choices, LeftOut, Reading
from trainer.data.tables.csv_batches import batches
from trainer.data.tables.csv_records import Block
from trainer.data.tables.streams import Lines
from trainer.data.tables.table import MAX_FIELD_CHARACTERS, Table, check_columns, named
from trainer.errors import DataError
from trainer.messages import _, ngettext

HEADER, DATA, TOTALS, NOTES = "header", "data", frozenset({"subtotal", "total"}), "notes"
KINDS = frozenset({HEADER, DATA, NOTES}) | TOTALS
LEAST, MOSTLY, LOOKED_AT, BLOCK_ROWS = 4, 0.95, 20_000, 2_000


def kind_of(row: list[str]) -> str:
    return row[1].strip().lower() if len(row) > 2 else ""


def find_sections(sample: str, choices: Choices | None) -> Callable[[Lines, str, int, dict[str, Any]], Table] | None:
    """The reader of a statement in sections; None for any other text."""
    first, _line_end, _rest = sample.lstrip("\ufeff").partition("\n")
    if f",{HEADER}," not in first.lower().replace('"', ""):
        return None
    rows = parsed(sample)
    kinds = Counter(map(kind_of, rows))
    known = sum(kinds[kind] for kind in KINDS)
    if len(rows) < LEAST or known < MOSTLY * len(rows) or not kinds[HEADER] or not kinds[DATA]:
        return None
    return functools.partial(sections_table, rows=rows, choices=choices or Choices())


def parsed(sample: str) -> list[list[str]]:
    """The rows of whole lines."""
    try:
        rows = [row for row in islice(csv.reader(sample.lstrip("\ufeff").splitlines(keepends=True)), LOOKED_AT) if any(row)]  # fmt: skip
    except csv.Error:
        return []
    return rows if sample.endswith(("\n", "\r")) or len(rows) < 2 else rows[:-1]


class Sections:
    """Which section a row belongs to: one whose names come again otherwise is another section, with a number."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.current: dict[str, str] = {}

    def section_of(self, row: list[str]) -> str:
        section = row[0].strip()
        if kind_of(row) == HEADER:
            number, title = 1, section
            while title in self.names and self.names[title] != row[2:]:
                number += 1
                title = f"{section} ({number})"
            self.names[title], self.current[section] = row[2:], title
        return self.current.get(section, section)


def sections_table(
    lines: Lines, name: str, size: int, details: dict[str, Any], rows: list[list[str]], choices: Choices
) -> Table:
    seen, counts = Sections(), Counter[str]()
    for row in rows:
        section = seen.section_of(row)
        counts[section] += kind_of(row) == DATA
    titles = [title for title, count in counts.most_common() if count and title in seen.names]
    if not titles:
        raise DataError(_("%(name)s has no rows.", name=name), code="no_rows", hint=_("Export it again and send that."))
    asked = choices.pick("section", titles, name)
    chosen = asked or titles[0]
    columns = named(seen.names[chosen])
    check_columns(columns, name)
    table = Table(name, "sections", columns, iter(()), size, details)
    others = [Choice(title, _("The section “%(title)s”", title=title)) for title in titles if title != chosen][:12]
    rival = max((counts[title] for title in titles if title != chosen), default=0)
    confidence = 1.0 if asked else 0.95 if rival < 0.5 * counts[chosen] else 0.7
    sentence = _("The section “%(title)s” of a statement in sections", title=chosen)
    table.readings.append(Reading("section", chosen, sentence, others, confidence, name, is_asked=asked is not None))
    table.batches = batches(blocks_of(lines, table, chosen), table, [], choices)
    return table


def blocks_of(lines: Lines, table: Table, chosen: str) -> Iterator[Block]:
    """The records of the section; what else there is, is counted by what it is."""
    seen, others, counts = Sections(), Counter[str](), Counter[str]()
    examples: dict[str, list[str]] = {}
    numbers: list[int] = []
    rows: list[list[str]] = []
    for row in rows_in(lines, table):
        if not any(cell.strip() for cell in row):
            continue
        kind, section = kind_of(row), seen.section_of(row) if len(row) > 2 else ""
        if kind not in KINDS:
            table.refuse(lines.number, "belongs to no section")
        elif kind == DATA and section == chosen:
            numbers.append(lines.number)
            rows.append(fitted(row[2:], len(table.columns)))
        elif kind == DATA:
            others[section] += 1
        elif kind != HEADER:
            reason = "subtotals" if kind in TOTALS else "notes"
            counts[reason] += 1
            examples.setdefault(reason, []).append(f"line {lines.number}: " + " ".join(filter(None, row))[:100])
        if len(rows) >= BLOCK_ROWS:
            yield Block(numbers, rows)
            numbers, rows = [], []
    if rows:
        yield Block(numbers, rows)
    report(table, others, counts, examples)


def rows_in(lines: Lines, table: Table) -> Iterator[list[str]]:
    reader = csv.reader(lines)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            table.refuse(lines.number, f"has a cell of more than {MAX_FIELD_CHARACTERS:,} characters")
            row = []
        lines.mark()
        yield row


def fitted(row: list[str], width: int) -> list[str]:
    """A row with empty fields at its end as many as the header has names."""
    while len(row) > width and not row[-1].strip():
        row = row[:-1]
    return [*row, *[""] * (width - len(row))]


def report(table: Table, others: Counter[str], counts: Counter[str], examples: dict[str, list[str]]) -> None:
    if others:
        names = ", ".join(f"{title} ({count:,})" for title, count in others.most_common(12))
        count = sum(others.values())
        sentence = ngettext(
            "%(count)s record of other sections: %(names)s.", "%(count)s records of other sections: %(names)s.", count, names=names
        )  # fmt: skip
        table.left_out.append(LeftOut("other_sections", count, sentence, table.name))
    if count := counts["subtotals"]:
        sentence = ngettext(
            "%(count)s line says itself that it is a total.", "%(count)s lines say themselves that they are totals.", count
        )  # fmt: skip
        table.left_out.append(LeftOut("subtotals", count, sentence, table.name, "", examples["subtotals"][:20]))
    if count := counts["notes"]:
        sentence = ngettext("%(count)s line of notes.", "%(count)s lines of notes.", count)
        table.left_out.append(LeftOut("notes", count, sentence, table.name, "", examples["notes"][:20]))
