"""How the cells of a column are written: what its decimal mark, units, ranges and dates are read as, said with its doubts."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from trainer.columns import ColumnProfile
from trainer.data.cells import count_marks, is_missing_mask
from trainer.data.columns import map_columns
from trainer.data.dataset import Dataset
from trainer.data.mark_readings import mark_questions, mark_readings, previewed, shown
from trainer.data.readings import SURE, Choice, Choices, Reading
from trainer.data.unit_readings import AS_WRITTEN, unit_questions, unit_readings
from trainer.dates import COUNTED, DATE_NAME, MONTH_NAME, OTHER_ORDER, guess_counted, moment_at, value_of
from trainer.json_types import JsonObject
from trainer.messages import _
from trainer.number_forms import decimal_confidence, digits_of, guess_unit, is_decimal
from trainer.number_ranges import ends_of
from trainer.numeral_marks import bound_of
from trainer.numerals import DOUBTFUL, form_of, number_of, range_ends, tidy

LOOKED_AT = 2_000
MEASURED = frozenset({"start", "end", "seconds", "width", "height"})
CONTRADICTED = 0.85
"""Confidence at most, where a cell of the column can only be meant otherwise."""
FEWEST_TELLING = 3
MARKS = {"point": ".", "comma": ","}
DECIMAL_LABELS = {"point": _("1.5 has a decimal point"), "comma": _("1,5 has a decimal comma")}
RANGE_LABELS = {"middle": _("Ranges as the number in the middle"), "text": _("Ranges as they are written")}
BOUND_LABELS = {"middle": _("Bounds as their number"), "text": _("Bounds as they are written")}
ORDER_LABELS = {"day_first": _("Day first"), "month_first": _("Month first")}
COUNTED_LABELS = {
    "number": _("Numbers"),
    "epoch": _("Seconds since 1970"),
    "epoch_ms": _("Milliseconds since 1970"),
    "epoch_us": _("Microseconds since 1970"),
    "excel": _("Dates as Excel counts days"),
    "compact": _("Days as 20240131"),
    "compact_month": _("Months as 202401"),
    "yearless": _("Days without a year"),
}
YEARLESS, MIXED = "yearless", ("mixed_day_first", "mixed_month_first")
WHOLE_DATES = ("compact", "compact_month")
"""Digits that may be numbers."""
FIRST_ABOVE, SECOND_ABOVE = r"^\s*(1[3-9]|2\d|3[01])[-/.]\d{1,2}[-/.]\d", r"^\s*\d{1,2}[-/.](1[3-9]|2\d|3[01])[-/.]\d"
"""Dates of which the first or second number can only be a day."""


def distinct_cells(column: pa.ChunkedArray, most: int = LOOKED_AT) -> list[str]:
    """The first of the different cells that are there, trimmed."""
    present = column.slice(0, 50 * most).filter(pc.invert(is_missing_mask(column.slice(0, 50 * most))))
    return [cell.strip() for cell in pc.unique(present).slice(0, most).to_pylist()]


def read_columns(dataset: Dataset, choices: Choices) -> None:
    """Put the questions of each column, obey what was asked, and say what was read."""
    asked: dict[str, JsonObject] = {}
    written = [column for column in dataset.profile if not is_measured(column["name"], dataset)]
    for column in written:
        for question, options in questions_of(column, dataset).items():
            choice = choices.pick(question, options, column=column["name"])
            if choice is not None:
                asked.setdefault(column["name"], {}).update(options[choice])
    chosen_marks = {name for name, form in asked.items() if "decimal" in form}
    shared, others = marks_of_others(written, dataset, chosen_marks)
    for name, form in others.items():
        asked.setdefault(name, {}).update(form)
    if asked:
        dataset.read_as = {**dataset.read_as, **asked}
        columns, task = dict(dataset.roles) or None, dataset.task
        map_columns(dataset, columns, task)
    for column in dataset.profile:
        if is_measured(column["name"], dataset):
            continue
        dataset.readings += [
            by_others(reading, column["name"] in shared).as_dict()
            for reading in readings_of(
                column, dataset, set(asked.get(column["name"], ())) - without_asking(column, others)
            )
        ]
    dataset.readings.sort(key=lambda reading: not reading["doubt"])


def marks_of_others(
    columns: Sequence[ColumnProfile], dataset: Dataset, chosen_marks: set[str]
) -> tuple[set[str], dict[str, JsonObject]]:
    """(columns whose decimal mark their own cells leave open and all other columns tell, {column: its form} of those that were read
    with the other mark). `chosen_marks`: columns whose mark somebody chose."""
    numbers = [column for column in columns if column["kind"] == "number" and column["name"] not in chosen_marks]
    cells = {column["name"]: distinct_cells(dataset.column(column["name"]), 200) for column in numbers}
    sure = {form_of(column)["decimal"] for column in numbers if tells_mark(cells[column["name"]])}
    if len(sure) != 1:
        return set(), {}
    (mark,) = sure
    open_ones = [column for column in numbers if decimal_confidence(cells[column["name"]]) < SURE]
    others = {column["name"]: {"decimal": mark} for column in open_ones if form_of(column)["decimal"] != mark}
    return {column["name"] for column in open_ones}, others


def tells_mark(cells: Sequence[str]) -> bool:
    """Whether several cells can only have this decimal mark: a comma or a point before other than three digits."""
    return decimal_confidence(cells) == 1 and sum(is_decimal(cell) for cell in cells) >= FEWEST_TELLING


def without_asking(column: ColumnProfile, others: dict[str, JsonObject]) -> set[str]:
    return {"decimal"} if column["name"] in others else set()


def by_others(reading: Reading, is_shared: bool) -> Reading:
    """A decimal mark that a column leaves open is nearly sure where all other columns of the file have the same."""
    if is_shared and reading.what == "decimal" and not reading.is_asked:
        reading.confidence = max(reading.confidence, SURE)
    return reading


def is_measured(name: str, dataset: Dataset) -> bool:
    """Whether the reader wrote the column's numbers itself, of images or recordings: there is nothing to doubt."""
    return bool(dataset.kinds) and name in MEASURED


def questions_of(column: ColumnProfile, dataset: Dataset) -> dict[str, dict[str, JsonObject]]:
    """{question: {choice: what it settles of the column's form}} that a column puts."""
    if column["kind"] == "date":
        form = whole_form(column, distinct_cells(dataset.column(column["name"]), 50))
        if form == YEARLESS:
            return {"dates": {form: {"form": form}, "text": {"plain": True}}}
        if form in WHOLE_DATES:
            return {"dates": {form: {"form": form}, "number": {"plain": True}}}
        other = OTHER_ORDER.get(form)
        if other is None:
            return {}
        day, month = (form, other) if is_day_first(form) else (other, form)
        return {"dates": {"day_first": {"form": day}, "month_first": {"form": month}}}
    if column["kind"] not in ("number", "id", "category", "text") or column["name"] in dataset.kinds:
        return {}
    cells = distinct_cells(dataset.column(column["name"]), 200)
    questions: dict[str, dict[str, JsonObject]] = {}
    is_number = column["kind"] in ("number", "id")
    if is_number:
        questions["decimal"] = {choice: {"decimal": mark} for choice, mark in MARKS.items()}
        if counted := guess_counted(column["name"], cells):
            questions["dates"] = {"number": {}, counted: {"form": counted}}
    questions |= unit_questions(column, cells)
    if column.get("ranges") or are_ranges(cells) or (is_number and any(range_ends(tidy(cell)) for cell in cells)):
        questions["ranges"] = {"middle": {"ranges": True}, "text": {"ranges": False}}
    return questions | mark_questions(column, cells)


def whole_form(column: ColumnProfile, cells: Sequence[str]) -> str:
    """The form of a column's dates, where those of ISO 8601 are digits without marks too."""
    form = column.get("form", "")
    is_whole = form in ("iso", "%Y%m%d") and bool(cells) and all(cell.isdigit() for cell in cells[:50])
    return "compact" if is_whole else form


def are_ranges(cells: Sequence[str]) -> bool:
    """Whether half of the cells or more are ranges, and the others numbers."""
    if sum(ends_of(cell) is not None or bound_of(cell) is not None for cell in cells[:50]) < 0.4 * len(cells[:50]):
        return False
    unit = guess_unit(cells)
    ranges = sum(range_ends(tidy(cell), unit=unit) is not None for cell in cells)
    numbers = sum(number_of(cell, unit=unit) is not None for cell in cells) if ranges >= 0.5 * len(cells) else 0
    return bool(ranges) and ranges >= 0.5 * len(cells) and ranges + numbers > 0.95 * len(cells)


def is_day_first(form: str) -> bool:
    return form.startswith("%d") or form.endswith("day_first")


def readings_of(column: ColumnProfile, dataset: Dataset, asked: set[str]) -> list[Reading]:
    cells = distinct_cells(dataset.column(column["name"]))
    readings = []
    if column["kind"] == "date":
        readings += order_readings(column, dataset.column(column["name"]), cells, "form" in asked)
    elif column["kind"] in ("number", "id"):
        marks = count_marks(dataset.column(column["name"]))
        readings += decimal_readings(column, cells, "decimal" in asked, marks)
        readings += counted_readings(column, cells)
    if column["kind"] in ("number", "id", "category", "text") and column["name"] not in dataset.kinds:
        readings += unit_readings(column, cells, "unit" in asked)
        readings += plain_readings(column, cells)
        readings += range_readings(column, cells, "ranges" in asked)
        readings += mark_readings(column, cells, "unit" in asked)
    return readings


def decimal_readings(
    column: ColumnProfile, cells: Sequence[str], is_asked: bool, marks: tuple[int, int] = (0, 0)
) -> list[Reading]:
    """Of a column with a decimal comma, or with numbers that the other mark would read otherwise. `marks`: cells that only a
    comma explains, and only a point, of the whole column."""
    confidence = 1.0 if is_asked else decimal_confidence(cells)
    if all(marks) and not is_asked:
        confidence = min(confidence, CONTRADICTED, max(marks) / sum(marks))
    form = form_of(column)
    if confidence == 1 and form["decimal"] == "." and not is_asked:
        return []
    chosen, other = ("comma", "point") if form["decimal"] == "," else ("point", "comma")
    doubtful = [cell for cell in cells if DOUBTFUL.fullmatch(digits_of(cell))] or [
        cell for cell in cells if "," in cell
    ]
    doubtful = doubtful or list(cells)
    first = doubtful[0]

    def read(cell: str, mark: str) -> float | None:
        return number_of(cell, mark, form["unit"], form["ranges"])

    sentence = _(
        "“%(cell)s” in “%(column)s” is read as %(number)s",
        cell=first[:40],
        column=column["name"],
        number=shown(read(first, MARKS[chosen])) or "–",
    )
    if all(marks):
        sentence = _(
            "%(sentence)s; %(count)s cells of the column can only be meant with the other mark",
            sentence=sentence,
            count=f"{min(marks):,}",
        )
    previews = {
        choice: previewed(column, doubtful, lambda cell, mark=mark: read(cell, mark), DECIMAL_LABELS[choice])  # type: ignore[misc]
        for choice, mark in MARKS.items()
    }
    others = [Choice(other, DECIMAL_LABELS[other], previews[other])]
    return [
        Reading(
            "decimal", chosen, sentence, others, confidence, "", column["name"], previews[chosen], is_asked=is_asked
        )
    ]


def range_readings(column: ColumnProfile, cells: Sequence[str], is_asked: bool) -> list[Reading]:
    form = form_of(column)
    is_number = column["kind"] == "number"
    unit = form["unit"] if is_number else guess_unit(cells) if are_ranges(cells) else ""
    ranges = [cell for cell in cells if range_ends(tidy(cell), form["decimal"], unit) is not None]
    if not ranges or not (is_number or is_asked or are_ranges(cells)):
        return []
    chosen, other = ("middle", "text") if form["ranges"] else ("text", "middle")

    def middle(cell: str) -> float | None:
        return number_of(cell, form["decimal"], unit, ranges=True)

    reads: dict[str, Callable[[str], object]] = {
        "middle": middle,
        "text": (lambda _cell: None) if is_number and not are_ranges(cells) else str,
    }
    if all(bound_of(cell) is not None for cell in ranges) and form["ranges"]:
        sentence = _(
            "“%(column)s” has bounds: “%(cell)s” is read as %(number)s",
            column=column["name"],
            cell=ranges[0][:40],
            number=shown(middle(ranges[0])),
        )
    elif form["ranges"]:
        sentence = _(
            "“%(column)s” has ranges: “%(cell)s” is read as %(number)s",
            column=column["name"],
            cell=ranges[0][:40],
            number=shown(middle(ranges[0])),
        )
    else:
        sentence = _("“%(column)s” has ranges, such as “%(cell)s”, which are kept as they are", column=column["name"], cell=ranges[0][:40])  # fmt: skip
    previews = {choice: previewed(column, ranges, read, RANGE_LABELS[choice]) for choice, read in reads.items()}
    confidence = 1.0 if is_asked else 0.8
    others = [Choice(other, RANGE_LABELS[other], previews[other])]
    return [Reading("ranges", chosen, sentence, others, confidence, "", column["name"], previews[chosen], is_asked)]


def order_readings(
    column: ColumnProfile, whole: pa.ChunkedArray, cells: Sequence[str], is_asked: bool
) -> list[Reading]:
    """Of dates in digits that begin with a day or a month, and of numbers that were asked to be dates."""
    form = whole_form(column, cells)
    if form in (*COUNTED, *WHOLE_DATES, YEARLESS):
        others = [Choice("text", AS_WRITTEN) if form == YEARLESS else Choice("number", COUNTED_LABELS["number"])]
        sentence = _("“%(column)s” is read as dates: %(how)s", column=column["name"], how=COUNTED_LABELS[form])
        preview = previewed(column, cells, lambda cell: date_text(cell, form), COUNTED_LABELS[form])
        is_named = bool(DATE_NAME.search(column["name"].lower()) or MONTH_NAME.search(column["name"].lower()))
        confidence = (
            1.0 if is_asked or form in COUNTED or form == YEARLESS else 0.95 if is_named or form == "compact" else 0.8
        )
        return [Reading("dates", form, sentence, others, confidence, "", column["name"], preview, is_asked)]
    other_form = OTHER_ORDER.get(form)
    if other_form is None:
        return []
    chosen, other = ("day_first", "month_first") if is_day_first(form) else ("month_first", "day_first")
    confidence = 1.0 if is_asked else order_confidence(whole, cells, form)
    if form in MIXED:
        confidence = 1.0 if is_asked else min(confidence, CONTRADICTED)
        cells = [cell for cell in cells if date_text(cell, form) != date_text(cell, other_form)] or cells
        cells = sorted(cells, key=lambda cell: cell[:4].isdigit())
    sentence = _(
        "“%(cell)s” in “%(column)s” is read as %(date)s",
        cell=cells[0][:40],
        column=column["name"],
        date=date_text(cells[0], form) or "–",
    )
    if form in MIXED:
        sentence = _("%(sentence)s; the dates of the column are written in several ways", sentence=sentence)
    preview = previewed(column, cells, lambda cell: date_text(cell, form), ORDER_LABELS[chosen])
    other_preview = previewed(column, cells, lambda cell: date_text(cell, other_form), ORDER_LABELS[other])
    others = [Choice(other, ORDER_LABELS[other], other_preview)]
    return [Reading("dates", chosen, sentence, others, confidence, "", column["name"], preview, is_asked)]


def order_confidence(whole: pa.ChunkedArray, cells: Sequence[str], form: str) -> float:
    """0.5 where no number of the whole column can only be a day; the share of those that agree where some do not."""
    first, second = (
        int(pc.sum(pc.match_substring_regex(whole, pattern)).as_py() or 0) for pattern in (FIRST_ABOVE, SECOND_ABOVE)
    )
    if first or second:
        return (first if is_day_first(form) else second) / (first + second)
    return 0.85 if all("." in cell for cell in cells) else 0.5


def counted_readings(column: ColumnProfile, cells: Sequence[str]) -> list[Reading]:
    """Numbers that may be dates: said, and dates at one click."""
    asked = bool(column.get("read_as", {}).get("plain"))
    counted = whole_date_of(cells[:200]) if asked else guess_counted(column["name"], cells[:200])
    if counted is None or "form" in column.get("read_as", {}):
        return []
    label = COUNTED_LABELS[counted]
    sentence = _(
        "“%(column)s” is read as numbers; “%(cell)s” could be the date %(date)s",
        column=column["name"],
        cell=cells[0][:40],
        date=date_text(cells[0], counted) or "–",
    )
    others = [Choice(counted, label, previewed(column, cells, lambda cell: date_text(cell, counted), label))]
    preview = previewed(column, cells, lambda cell: cell, COUNTED_LABELS["number"])
    return [Reading("dates", "number", sentence, others, 1.0 if asked else 0.6, "", column["name"], preview, asked)]


def plain_readings(column: ColumnProfile, cells: Sequence[str]) -> list[Reading]:
    """Days without a year that somebody wants as they are written: dates again at one click."""
    if not column.get("read_as", {}).get("plain") or column["kind"] in ("number", "id") or not cells:
        return []
    label = COUNTED_LABELS[YEARLESS]
    others = [Choice(YEARLESS, label, previewed(column, cells, lambda cell: date_text(cell, YEARLESS), label))]
    preview = previewed(column, cells, str, AS_WRITTEN)
    sentence = _("“%(column)s” is kept as it is written", column=column["name"])
    return [Reading("dates", "text", sentence, others, 1.0, "", column["name"], preview, is_asked=True)]


def whole_date_of(cells: Sequence[str]) -> str | None:
    """The form that reads all of the cells as dates without marks."""
    return next((form for form in WHOLE_DATES if all(value_of(cell, form) is not None for cell in cells)), None)


def date_text(cell: str, form: str) -> str | None:
    seconds = value_of(cell, form)
    if seconds is None:
        return None
    text = moment_at(seconds).replace(tzinfo=None).isoformat(sep=" ").removesuffix(" 00:00:00")
    return text.removeprefix("2000-") if form == YEARLESS else text
