"""A number."""

import math
import re
from collections import Counter
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from trainer.numerals import LARGEST_ANSWER, PLAIN, form_of, number_of, with_mark
from webapp.answers.base import Correction, Output, Presentation, Report, Scored
from webapp.answers.labelled import SHOWN, Labelling, Row, bad_label
from webapp.core.formats import figure

WITH_COMMA = re.compile(r"[-+]?\d*,\d+")
DOUBTFUL = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
"""Thousands in one country, decimals in another."""


class OneNumber(Labelling):
    """A cell is the number as its column writes numbers."""

    scripts = ("js/label-field.js",)
    is_chosen = False
    is_scored = True

    def typed(self, fields: QueryDict) -> str:
        return fields.get("value", "")

    def cell(self, value: object, row: Row) -> str:
        number = number_in(value)
        return with_mark(in_digits(number), form_of(row.column)["decimal"])

    def value(self, cell: str) -> float | str:
        read = number_of(cell) if "," not in cell else number_of(cell, ",")
        return cell if read is None else read

    def normal(self, cell: str) -> str:
        value = self.value(cell)
        return in_digits(value) if isinstance(value, float) else cell.strip()

    def compared(self, cell: str) -> float:
        return number_in(self.value(cell))

    def apart(self, counts: Counter[float]) -> float:
        """By the squares of their differences, of all pairs at once; from their mean, so that large numbers keep their digits."""
        total = counts.total()
        mean = sum(number * times for number, times in counts.items()) / total
        return 2 * total * sum(times * (number - mean) ** 2 for number, times in counts.items())

    def against(self, first: float, second: float) -> list[tuple[str, str]]:
        return []

    def in_words(self, value: Any) -> str:
        return in_digits(float(value))

    def fields(self, value: Any) -> list[str]:
        return [in_digits(float(value))]

    def context(self, row: Row) -> dict[str, Any]:
        """column, low and high: between which the numbers are that there are; null where there are none."""
        ends = row.column.get("numbers") or {}
        return {"column": row.column.get("name"), "low": ends.get("min"), "high": ends.get("max")}


def in_digits(number: float) -> str:
    return format(Decimal(repr(number)), "f").removesuffix(".0")


def number_in(value: object) -> float:
    """What was typed or sent as a number; `Problem` for what is none that can be learned."""
    text = str(value).strip() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not text:
        raise bad_label(_("No number was typed."), _("Type one, or skip the row."))
    if DOUBTFUL.fullmatch(text):
        raise bad_label(
            _("“%(text)s” may be two numbers.") % {"text": text},
            _("Write decimals after a point, and thousands without a mark."),
        )
    plain = text.replace("−", "-")
    plain = plain.replace(",", ".") if WITH_COMMA.fullmatch(plain) else plain
    try:
        number = float(plain)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and PLAIN.fullmatch(plain) is None:
        number = math.nan
    if math.isnan(number):
        raise bad_label(_("“%(text)s” is not a number.") % {"text": text[:SHOWN]}, _("Write digits, such as 3.5."))
    if abs(number) > LARGEST_ANSWER:
        raise bad_label(
            _("%(text)s is too large to be learned.") % {"text": text[:SHOWN]},
            _("Write a smaller number, or skip the row."),
        )
    return number


class Number(Presentation):
    key = "number"
    labelling = OneNumber()

    @property
    def hint(self) -> str:
        return _("Shows a range that held for 9 of 10 test rows.")

    def answer_text(self, output: Output) -> str:
        return figure(output["value"])

    def correction(self, output: Output) -> Correction:
        return Correction(inputmode="decimal")

    def sentence(self, scored: Scored, report: Report) -> str:
        """By how much it is off, in the column's own unit."""
        error = report.get("metrics", {}).get("mae")
        if error is None:
            return super().sentence(scored, report)
        values = {"column": scored.column, "miss": figure(error), "where": scored.where}
        if scored.column:
            return _("%(column)s off by %(miss)s on average on %(where)s") % values
        return _("Off by %(miss)s on average on %(where)s") % values


PRESENTATION = Number()
