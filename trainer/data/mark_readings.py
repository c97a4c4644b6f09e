"""What the marks of a column's numbers mean, said with its doubt: CR and DR, small letters for millions, colons that may part no times."""

from collections.abc import Callable, Sequence

from trainer.columns import ColumnProfile
from trainer.data.readings import Choice, Reading, preview_of
from trainer.day_times import on_the_clock
from trainer.json_types import JsonObject
from trainer.messages import Message, _
from trainer.numeral_marks import APART, CREDIT, DEBIT, MODES, NO_TIMES, SMALL, TIMES, account_parts
from trainer.numerals import clock_of, form_of, number_of

MOST_PREVIEWED = 3
LABELS: dict[str, dict[str, tuple[str, Message]]] = {
    "signs": {
        "credit": (CREDIT, _("CR above zero, DR below")),
        "debit": (DEBIT, _("DR above zero, CR below")),
    },
    "scales": {
        "millions": (SMALL, _("k, m and b as thousands, millions and billions")),
        "text": ("", _("As they are written")),
    },
    "clocks": {
        "seconds": ("", _("Times, in seconds")),
        "text": (APART, _("As they are written")),
    },
}
"""{question: {choice: (the unit that it settles, its name)}}."""


def previewed(
    column: ColumnProfile, cells: Sequence[str], read: Callable[[str], object], meaning: Message | str
) -> JsonObject:
    """Cells beside what they are read as."""
    return preview_of([column["name"], str(meaning)], [[cell, shown(read(cell))] for cell in cells[:MOST_PREVIEWED]])


def shown(value: object) -> str:
    return "" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)


def question_of(column: ColumnProfile, cells: Sequence[str]) -> str:
    """The question that the marks of a column put: signs, scales or clocks; "" for none."""
    unit = column.get("unit", "")
    if unit in (CREDIT, DEBIT):
        return "signs"
    if unit == SMALL or (column.get("read_as", {}).get("unit") == "" and any(cell[-1:] in "mb" for cell in cells)):
        return "scales"
    if unit and unit not in MODES:
        return ""
    clocks = [cell for cell in cells if clock_of(cell)]
    return "clocks" if cells and len(clocks) >= 0.5 * len(cells) else ""


def mark_questions(column: ColumnProfile, cells: Sequence[str]) -> dict[str, dict[str, JsonObject]]:
    question = question_of(column, cells)
    return (
        {question: {choice: {"unit": unit} for choice, (unit, _label) in LABELS[question].items()}} if question else {}
    )


def mark_readings(column: ColumnProfile, cells: Sequence[str], is_asked: bool) -> list[Reading]:
    question = question_of(column, cells)
    if not question:
        return []
    marked = cells_with_marks(question, cells)
    choices = LABELS[question]
    chosen = choice_of(question, column)
    form = form_of(column)

    def read(cell: str, unit: str) -> object:
        return cell if unit == APART or (question == "scales" and not unit) else number_of(cell, form["decimal"], unit)

    previews = {
        choice: previewed(column, marked, lambda cell, unit=unit: read(cell, unit), label)  # type: ignore[misc]
        for choice, (unit, label) in choices.items()
    }
    value = shown(read(marked[0], choices[chosen][0]))
    if chosen == "seconds" and marked[0].count(":") > 1:
        value += " s"
    elif chosen == "seconds" and is_of_day(marked[0]):  # else the unit of two parts is not known
        value += " min"
    sentence = _(
        "“%(cell)s” in “%(column)s” is read as %(number)s", cell=marked[0][:40], column=column["name"], number=value
    )
    others = [Choice(other, choices[other][1], previews[other]) for other in choices if other != chosen]
    confidence = 1.0 if is_asked else confidence_of(question, column, marked)
    return [Reading(question, chosen, sentence, others, confidence, "", column["name"], previews[chosen], is_asked)]


def is_of_day(cell: str) -> bool:
    """Whether a cell can only be a time of day, as its AM or PM or its word says."""
    return on_the_clock(cell) != cell


def cells_with_marks(question: str, cells: Sequence[str]) -> list[str]:
    if question == "signs":
        marked = [cell for cell in cells if (parted := account_parts(cell)) and parted[1] == DEBIT]
    elif question == "scales":
        marked = [cell for cell in cells if cell[-1:] in "mb"]
    else:
        marked = [cell for cell in cells if clock_of(cell)]
    return marked or list(cells)


def choice_of(question: str, column: ColumnProfile) -> str:
    unit = column.get("unit", "")
    if question == "clocks":
        is_read = column["kind"] == "number" or column.get("read_as", {}).get("unit") == ""
        return "seconds" if is_read and unit != APART else "text"
    return next((choice for choice, (own, _label) in LABELS[question].items() if own == unit), "text")


def confidence_of(question: str, column: ColumnProfile, marked: Sequence[str]) -> float:
    """Which sign an account's marks have, no column says; times are known by their seconds or their name."""
    if question == "signs":
        return 0.7
    if question == "scales":
        return 0.95
    name = column["name"].strip().lower()
    if NO_TIMES.search(name):
        return 0.8
    is_time = TIMES.search(name) is not None or any(cell.count(":") > 1 or is_of_day(cell) for cell in marked)
    return 0.95 if is_time else 0.7
