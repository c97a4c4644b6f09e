"""What the words around the numbers of a column are read as: its unit, what it counts, or a part of a name, said with its doubt."""

from collections.abc import Sequence

from trainer.columns import ColumnProfile
from trainer.counted_words import is_doubtful, is_few, is_scaled
from trainer.data.mark_readings import previewed, shown
from trainer.data.readings import Choice, Reading
from trainer.json_types import JsonObject
from trainer.messages import Message, _
from trainer.number_forms import count_units, found_unit, guess_unit
from trainer.numeral_marks import MODES, VERSIONS
from trainer.numerals import UNITS, NumberForm, form_of, number_of
from trainer.worded_numbers import LED, STAR, WRITTEN

NUMBER, TEXT = "number", "text"
"""Choices where the column has no word of its own: 1.10 and 4K as numbers, or as they are written."""
AS_WRITTEN = _("As they are written")
DOUBT, SURE = 0.8, 0.95


def unit_questions(column: ColumnProfile, cells: Sequence[str]) -> dict[str, dict[str, JsonObject]]:
    unit = unit_of_column(column, cells)
    if unit:
        return {"unit": {unit: {"unit": unit}, TEXT: {"unit": WRITTEN}}}
    return {"unit": {NUMBER: {"unit": ""}, TEXT: {"unit": WRITTEN}}} if are_plain(column, cells) else {}


def unit_of_column(column: ColumnProfile, cells: Sequence[str]) -> str:
    """The unit that the column has, or could have where it stays as it is written; "" for none."""
    is_number = column["kind"] in ("number", "id") and column.get("read_as", {}).get("unit") != WRITTEN
    unit = column.get("unit", "") if is_number else possible_unit(cells)
    return unit if unit not in MODES and unit != WRITTEN else ""


def possible_unit(cells: Sequence[str]) -> str:
    """Looks only at columns whose first cells all have a digit."""
    if not cells or not all(any(char.isdigit() for char in cell) for cell in cells[:20]):
        return found_unit(cells) if cells and found_unit(cells[:20]) == STAR else ""
    return guess_unit(cells) or ("" if any(cell.isdigit() for cell in cells[:20]) else found_unit(cells))


def are_plain(column: ColumnProfile, cells: Sequence[str]) -> bool:
    """Whether numbers without a unit may be names: versions, and few thousands in one letter (4K, 8K)."""
    if not cells or any(number_of(cell) is None for cell in cells):
        return False
    if VERSIONS.search(column["name"].strip().lower()) and any("." in cell for cell in cells):
        return True
    return is_few(cells) and all(cell[-1:] == "K" and cell[:-1].isdigit() for cell in cells) and all(map(is_scaled, cells))  # fmt: skip


def unit_readings(column: ColumnProfile, cells: Sequence[str], is_asked: bool) -> list[Reading]:
    unit = unit_of_column(column, cells)
    if not unit and not are_plain(column, cells):
        return []
    form: NumberForm = {**form_of(column), "unit": unit}
    is_written = column["kind"] not in ("number", "id") or column.get("unit", "") != unit
    readable = [cell for cell in cells if number_of(cell, **form) is not None]
    turned = [cell for cell in readable if set(count_units([cell], parts=True)) - {unit}] if unit in UNITS else []
    preview = previewed(column, turned or readable, lambda cell: number_of(cell, **form), unit or NUMBER)
    as_text = previewed(column, readable, str, AS_WRITTEN)
    numbers, written = Choice(unit or NUMBER, _("Numbers"), preview), Choice(TEXT, AS_WRITTEN, as_text)
    confidence = 1.0 if is_asked else confidence_of(cells, unit, is_written)
    if is_written:
        sentence = _("“%(column)s” is kept as it is written", column=column["name"])
        return [Reading("unit", TEXT, sentence, [numbers], confidence, "", column["name"], as_text, is_asked)]
    sentence = sentence_of(column, unit, turned, readable, form)
    return [Reading("unit", unit or NUMBER, sentence, [written], confidence, "", column["name"], preview, is_asked)]


def confidence_of(cells: Sequence[str], unit: str, is_written: bool) -> float:
    if not unit:
        return DOUBT
    if unit in UNITS:
        return 1.0
    return DOUBT if is_doubtful(cells, unit) else SURE if is_written else 1.0


def sentence_of(
    column: ColumnProfile, unit: str, turned: Sequence[str], readable: Sequence[str], form: NumberForm
) -> Message:
    if turned:
        return _(
            "“%(column)s” has several units: %(units)s; all are read in %(unit)s, “%(cell)s” as %(number)s",
            column=column["name"],
            units=", ".join(count_units(readable, parts=True)),
            unit=unit,
            cell=turned[0][:40],
            number=shown(number_of(turned[0], **form)),
        )
    if readable and (not unit or unit.startswith((STAR, "/")) or unit.endswith(LED)):
        return _(
            "“%(cell)s” in “%(column)s” is read as %(number)s",
            cell=readable[0][:40],
            column=column["name"],
            number=shown(number_of(readable[0], **form)),
        )
    return _("“%(column)s” is read in %(unit)s", column=column["name"], unit=unit)
