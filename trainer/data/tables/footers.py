"""What stands below a table and is not a record of it: totals, notes, page numbers."""

import re
from collections.abc import Sequence

from trainer.columns import number_of
from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of
from trainer.data.tables.headers import filled
from trainer.data.tables.subtotals import Named, announces_total, is_nameless, proved_sums
from trainer.data.tables.table import Table
from trainer.messages import _, ngettext

Row = Sequence[str | None]
TOTAL = re.compile(
    r"\W*(grand[\s-]*total|sub[\s-]*total|totals?|sum|average|avg|mean|median|std|min|max|count|summe|gesamt(summe)?|zwischensumme|"
    r"durchschnitt|mittelwert|insgesamt|total général|moyenne|somme|totale|totaal|suma|razem|promedio|合计|总计|小计|总和|平均|平均值|итого|всего|合計|results from [\d,.]+ (campaigns?|ad sets?|ads?))"
    r"(\W.*)?",
    re.IGNORECASE | re.DOTALL,
)
NOTE = re.compile(
    r"\W*(page \d+|seite \d+|notes?\b|source\b|quelle\b|generated|exported|created|printed|report\b|downloaded|as of\b|stand\b|©|\(c\)|copyright|"
    r"disclaimer|confidential|end of|total rows|rows?:? \d|\d+ rows|\*+\s*\w|footnote|anmerkung|hinweis|备注|来源|注[:：]|第\s*\d+\s*页|data as|last updated|updated|filters?\b)",
    re.IGNORECASE,
)
FOOTER_ROWS = 12
LINE_END = re.compile(r"\r\n|\r|\n")


def is_total(row: Row) -> bool:
    """“Total” in the first filled cell, beside numbers, or with most other cells empty."""
    present = [cell.strip() for cell in row if cell and cell.strip()]
    if not present or TOTAL.fullmatch(present[0]) is None:
        return False
    first = next(place for place, cell in enumerate(row) if cell and cell.strip())
    rest = present[1:]
    numbers = sum(number_of(cell) is not None or number_of(cell, ",") is not None for cell in rest)
    return first <= 2 and len(present[0]) < 60 and (not rest or numbers >= 0.5 * len(rest))


def is_note(row: Row, width: int) -> bool:
    """One cell alone in a table of several columns, which says a note's words, or is a sentence."""
    present = [cell.strip() for cell in row if cell and cell.strip()]
    if not present or len(present) > max(1, width // 4) or width < 2:
        return False
    return NOTE.match(present[0]) is not None


def split_footer(rows: list[list[str]], numbers: list[int], table: Table, choices: Choices, sheet: str = "") -> int:
    """How many of the last rows of a table are records. Tells of the others, and of lines of another width behind the last
    record, which were refused as unreadable. `numbers`: the line of each row."""
    width = table.width
    asked = choices.pick("footer", ("leave-out", "keep"), table.name)
    count = len(rows)
    usual = sorted(map(filled, rows[:-FOOTER_ROWS] or rows))[len(rows[:-FOOTER_ROWS] or rows) // 2] if rows else 0
    while count > max(1, len(rows) - FOOTER_ROWS) and (
        is_outside(rows, numbers, count - 1, width, usual) or is_nameless_total(rows, numbers, count - 1, table)
    ):
        count -= 1
    outside = [(numbers[index], rows[index]) for index in range(count, len(rows)) if filled(rows[index])]
    if not outside:
        count = len(rows)
    last = numbers[count - 1] if count else 0
    if asked == "keep":
        count, outside = len(rows), []
    below = [(line, reason) for line, reason in table.bad if line > last and (line, reason) in table.refused_rows]
    notes = [(line, table.refused_rows[line, reason]) for line, reason in below]
    notes = [(line, row) for line, row in notes if filled(row) <= max(1, width // 2) or is_total(row)]
    if len(notes) > FOOTER_ROWS or width < 2:
        notes = []
    for line, _row in notes:
        table.take_back(line)
    report_footer(table, outside, notes, asked, rows[max(count - 2, 0) : count], sheet)
    return count


def is_outside(rows: list[list[str]], numbers: list[int], index: int, width: int, usual: int) -> bool:
    """Whether a row at the end is a total or a note; behind a blank line any row counts that has few cells."""
    row = rows[index]
    if width < 2 or not filled(row):
        return width >= 2
    if is_total(row) or is_note(row, width):
        return True
    if usual < 3 or filled(row) != 1:
        return False
    first = index  # of the lines that stand together
    while first > 0 and filled(rows[first]) == 1 and not has_gap(rows, numbers, first):
        first -= 1
    return has_gap(rows, numbers, first) and filled(rows[first]) == 1 and is_said("".join(rows[first]).strip())


def is_nameless_total(rows: list[list[str]], numbers: list[int], index: int, table: Table) -> bool:
    """Whether a row without a name adds up the others, as the line above it or its numbers say."""
    row = rows[index]
    if not is_nameless(row):
        return False
    if numbers[index] in table.announced or (index > 0 and announces_total(rows[index - 1])):
        return True
    named = sum(bool(other[0].strip()) for other in rows[:index])
    own = [Named(index, 0, is_sub=False)]
    return named == index > 1 and any(proved_sums(rows[: index + 1], own, decimal) for decimal in ".,")


def has_gap(rows: list[list[str]], numbers: list[int], index: int) -> bool:
    """Whether a blank line stands above a row."""
    lines = sum(len(LINE_END.findall(cell)) for cell in rows[index - 1])
    return index > 0 and numbers[index] - numbers[index - 1] > 1 + lines


def is_said(text: str) -> bool:
    """Whether a cell alone is a sentence or the title of a note."""
    return " " in text or text.endswith((":", "："))


def report_footer(
    table: Table,
    outside: list[tuple[int, list[str]]],
    notes: list[tuple[int, list[str]]],
    asked: str | None,
    before: list[list[str]],
    sheet: str,
) -> None:
    if asked == "keep":
        table.readings.append(
            Reading(
                "footer",
                "keep",
                _("Totals and notes below the table kept as records"),
                (),
                1.0,
                table.name,
                is_asked=True,
            )
        )
    lines = sorted(outside + notes)
    if not lines:
        return
    count = len(lines)
    examples = [f"line {line}: " + " ".join(cell for cell in row if cell and cell.strip())[:100] for line, row in lines]
    sentence = ngettext(
        "%(count)s line of totals or notes below the table.",
        "%(count)s lines of totals or notes below the table.",
        count,
    )
    table.left_out.append(LeftOut("footer", count, sentence, table.name, sheet, examples))
    if outside:
        shown = preview_of(table.columns, [*before[-1:], *(row for _line, row in outside)])
        others = [Choice("keep", _("Keep them as records"), shown)]
        left_out = ngettext(
            "%(count)s row of totals or notes at the end left out",
            "%(count)s rows of totals or notes at the end left out",
            len(outside),
        )
        is_clear = all(is_note(row, len(row)) or is_total(row) or is_nameless(row) for _line, row in outside)
        confidence = 0.95 if is_clear else 0.8
        table.readings.append(
            Reading("footer", "leave-out", left_out, others, confidence, table.name, is_asked=asked is not None)
        )
