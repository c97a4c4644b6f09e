"""Dates and marks as people write them: said how they are read, and which other reading there is.

- `dates:COLUMN`: 03/04/2026 is in March or in April; months in words, weeks, quarters and seconds since 1970 are dates.
- `marks:COLUMN`: an x means yes and a blank no.

Where a reading is not the one that the cells have by themselves, they are rewritten: dates as ISO 8601.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice

import pyarrow.compute as pc

from trainer.columns import is_missing, number_of
from trainer.data.dataset import Dataset
from trainer.data.label_columns import replace_cells
from trainer.data.readings import Choice, Choices, LeftOut, Reading, preview_of, readings_as_json
from trainer.dates import iso_of
from trainer.messages import _, ngettext

SAMPLE = 2_000
ENOUGH = 0.9
"""Share of a column's cells that must be of a form."""
UNSURE, LIKELY = 0.6, 0.85
SHORT_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|(?<!\.)\d{2})((?:[ T].*)?)", re.DOTALL)
"""(day or month, mark, month or day, year, the time of day); after dots a year has four digits, since 1.2.34 is a version."""
TWELVE_HOURS = re.compile(r"[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([ap])\.?m\.?", re.IGNORECASE)
MARKS = frozenset({"x", "✓", "✔", "☑", "✅", "*", "•"})
TIME_NAME = re.compile(
    r"(^|[^a-z])(time|timestamp|date|created|updated|at|ts|epoch|day|datum|fecha)($|[^a-z])|日期|时间", re.IGNORECASE
)
SECONDS, MILLISECONDS = (1e8, 4e9), (1e11, 4e12)
SERIALS = (20_000, 60_000)
"""Days since 1899-12-30, as workbooks count them: 1954 to 2064."""
EXCEL_DAY_ZERO = 25_569
KEEP = "keep"


def read_dates(dataset: Dataset, choices: Choices) -> None:
    """Report how dates and marks are read, and rewrite those whose reading is another than their own."""
    readings: list[Reading] = []
    month_first = {name: order_of(cells) for name, cells in columns_of(dataset) if is_short_dates(cells)}
    known = {order for order in month_first.values() if order is not None}
    for name, cells in columns_of(dataset):
        if name in month_first:
            readings += read_short_dates(dataset, name, cells, month_first[name], known, choices)
        else:
            readings += read_column(dataset, name, cells, choices)
    dataset.readings += readings_as_json(readings)


def columns_of(dataset: Dataset) -> list[tuple[str, list[str]]]:
    """(name, a sample of the cells that are there) of the columns of words and numbers."""
    listed = []
    for name in dataset.names:
        if name not in dataset.kinds:
            cells = (cell.strip() for cell in dataset.column(name).slice(0, 4 * SAMPLE).to_pylist() if cell)
            listed.append((name, list(islice((cell for cell in cells if not is_missing(cell)), SAMPLE))))
    return listed


def read_column(dataset: Dataset, name: str, cells: Sequence[str], choices: Choices) -> list[Reading]:
    """How the values of one column are read, where that is not as they stand."""
    if not cells:
        return []
    answers = (read(dataset, name, cells, choices) for read in QUESTIONS)
    return list(islice(filter(None, answers), 1))


def share(cells: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, cells)) / len(cells)


def shown(name: str, cells: Sequence[str], change: Callable[[str], str | None]) -> dict[str, object]:
    """A few cells as they stand and as they are read."""
    return preview_of([name, "→"], [[cell, change(cell) or ""] for cell in dict.fromkeys(cells)])


# Dates


def is_short_dates(cells: Sequence[str]) -> bool:
    return bool(cells) and share(cells, lambda cell: SHORT_DATE.fullmatch(cell) is not None) > ENOUGH


def order_of(cells: Sequence[str]) -> bool | None:
    """Whether the month stands first; None where nothing tells."""
    pairs = [(int(match[1]), int(match[3])) for cell in cells if (match := SHORT_DATE.fullmatch(cell))]
    day_first, month_first = sum(first > 12 for first, _n in pairs), sum(second > 12 for _n, second in pairs)
    return None if day_first == month_first else month_first > day_first


def read_short_dates(
    dataset: Dataset, name: str, cells: Sequence[str], month_first: bool | None, known: set[bool], choices: Choices
) -> list[Reading]:
    """`month_first` as the cells tell it, `known`: what other columns tell."""
    asked = choices.pick("dates", ("day-first", "month-first"), column=name)
    if month_first is not None and asked is None:
        return []
    guessed = next(iter(known)) if len(known) == 1 else False
    chosen = asked or ("month-first" if guessed else "day-first")
    other = "day-first" if chosen == "month-first" else "month-first"
    sample = next(cell for cell in cells if SHORT_DATE.fullmatch(cell))

    def as_read(choice: str) -> Callable[[str], str | None]:
        return lambda cell: iso_of_short(cell, month_first=choice == "month-first") or cell

    label = _("The month stands first: %(cell)s is %(date)s", cell=sample, date=as_read("month-first")(sample))
    if other == "day-first":
        label = _("The day stands first: %(cell)s is %(date)s", cell=sample, date=as_read("day-first")(sample))
    sentence = _("“%(column)s”: %(cell)s is read as %(date)s", column=name, cell=sample, date=as_read(chosen)(sample))
    preview, choice = shown(name, cells, as_read(chosen)), Choice(other, label, shown(name, cells, as_read(other)))
    if chosen == "month-first" or asked:
        replace_cells(dataset, name, as_read(chosen))
    confidence = 1.0 if asked else LIKELY if len(known) == 1 else UNSURE
    return [Reading("dates", chosen, sentence, [choice], confidence, "", name, preview, bool(asked))]


def iso_of_short(cell: str, *, month_first: bool) -> str | None:
    match = SHORT_DATE.fullmatch(cell.strip())
    if match is None:
        return None
    first, _mark, second, year, rest = match.groups()
    month, day = (first, second) if month_first else (second, first)
    century = 0 if len(year) == 4 else 2000 if int(year) < 70 else 1900
    try:
        written = datetime(century + int(year), int(month), int(day)).date().isoformat()
    except ValueError:
        return None
    return written + of_24_hours(rest)


def of_24_hours(rest: str) -> str:
    """The time of day behind a date, 10:30 PM as 22:30."""
    match = TWELVE_HOURS.fullmatch(rest)
    if match is None:
        return rest
    hour, minute, second, half = match.groups()
    return f" {int(hour) % 12 + 12 * (half.lower() == 'p'):02}:{minute}" + (f":{second}" if second else "")


def read_written_dates(dataset: Dataset, name: str, cells: Sequence[str], choices: Choices) -> Reading | None:
    """Months in words, weeks, quarters, 年月日: rewritten as ISO dates unless they are to be kept."""
    if share(cells, lambda cell: len(cell) <= 60 and iso_of(cell) is not None) <= ENOUGH:
        return None
    return rewritten_dates(dataset, name, cells, iso_of, LIKELY if is_periods(cells) else 1.0, choices)


def is_periods(cells: Sequence[str]) -> bool:
    return share(cells, lambda cell: (iso_of(cell) or "")[8:] == "01") > ENOUGH


def read_epochs(dataset: Dataset, name: str, cells: Sequence[str], choices: Choices) -> Reading | None:
    """Seconds or milliseconds since 1970, or the days of a workbook, in a column whose name speaks of time."""
    numbers = [number_of(cell) for cell in cells if cell.replace(".", "", 1).isdigit()]
    values = [number for number in numbers if number is not None]
    if len(values) < ENOUGH * len(cells) or (choices.get("dates", column=name) is None and not TIME_NAME.search(name)):
        return None
    for (low, high), scale, offset in ((SECONDS, 1.0, 0), (MILLISECONDS, 1e-3, 0), (SERIALS, 86_400.0, EXCEL_DAY_ZERO)):
        if all(low <= value <= high for value in values):

            def change(cell: str, scale: float = scale, offset: int = offset) -> str | None:
                number = number_of(cell)
                if number is None:
                    return None
                moment = datetime.fromtimestamp((number - offset) * scale, UTC)
                return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds").removesuffix(" 00:00:00")

            return rewritten_dates(dataset, name, cells, change, UNSURE if offset else LIKELY, choices)
    return None


def rewritten_dates(
    dataset: Dataset,
    name: str,
    cells: Sequence[str],
    change: Callable[[str], str | None],
    confidence: float,
    choices: Choices,
) -> Reading:
    asked = choices.pick("dates", ("dates", KEEP), column=name)
    chosen = asked or "dates"
    sample = next(cell for cell in cells if change(cell) is not None)
    kept, read = shown(name, cells, lambda cell: cell), shown(name, cells, change)
    if chosen == KEEP:
        sentence = _("“%(column)s” is kept as it is written", column=name)
        choice = Choice("dates", _("Read as dates: %(cell)s is %(date)s", cell=sample, date=change(sample)), read)
        return Reading("dates", KEEP, sentence, [choice], 1.0, "", name, kept, is_asked=True)
    lost = [cell for cell in pc.unique(dataset.column(name)).to_pylist() if cell and not is_missing(cell) and change(cell.strip()) is None]  # fmt: skip
    if lost:
        note_lost(dataset, name, lost)
    replace_cells(dataset, name, lambda cell: change(cell.strip()) or cell)
    sentence = _("“%(column)s”: %(cell)s is read as %(date)s", column=name, cell=sample, date=change(sample))
    choice = Choice(KEEP, _("Keep the cells as they are written"), kept)
    return Reading("dates", "dates", sentence, [choice], 1.0 if asked else confidence, "", name, read, bool(asked))


def note_lost(dataset: Dataset, name: str, lost: Sequence[str]) -> None:
    """Cells among dates that are none: kept as they are, counted and named."""
    message = ngettext(
        "%(count)s value of “%(column)s” is no date: it counts as missing where dates are learned from.",
        "%(count)s values of “%(column)s” are no dates: they count as missing where dates are learned from.",
        len(lost),
        column=name,
    )
    dataset.left_out.append(LeftOut("not_a_date", len(lost), message, examples=[cell[:80] for cell in lost]).as_dict())


# Marks


def read_marks(dataset: Dataset, name: str, cells: Sequence[str], choices: Choices) -> Reading | None:
    """An x or a tick in some cells, and nothing in the others."""
    written = {cell.lower() for cell in cells}
    if len(written) != 1 or not written <= MARKS:
        return None
    blank = dataset.rows - len(dataset.column(name).drop_null().filter(pc.not_equal(pc.utf8_trim_whitespace(dataset.column(name).drop_null()), "")))  # fmt: skip
    if not blank:
        return None
    asked = choices.pick("marks", ("yes-no", KEEP), column=name)
    (mark,) = written
    label = _("Keep “%(mark)s” and the blanks as they are", mark=mark)
    yes = Choice("yes-no", _("Read “%(mark)s” as yes and a blank as no", mark=mark))
    if asked == KEEP:
        sentence = _("“%(column)s” is kept as it is written", column=name)
        return Reading("marks", KEEP, sentence, [yes], 1.0, column=name, is_asked=True)
    filled = pc.fill_null(dataset.column(name), "")
    dataset.table = dataset.table.set_column(dataset.names.index(name), name, filled)
    replace_cells(dataset, name, lambda cell: "yes" if cell.strip() else "no")
    sentence = _("“%(column)s”: “%(mark)s” is read as yes, and a blank as no", column=name, mark=mark)
    confidence = 1.0 if asked else LIKELY
    return Reading("marks", "yes-no", sentence, [Choice(KEEP, label)], confidence, column=name, is_asked=bool(asked))


QUESTIONS = (read_written_dates, read_epochs, read_marks)
