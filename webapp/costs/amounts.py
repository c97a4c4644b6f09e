"""Sums of money as people and programs write them. A comma is never guessed at: “1,5” is no 15 and no 1.5."""

import re
import unicodedata
from decimal import Decimal

from django.utils.translation import gettext as _

from webapp.core.problems import Problem

MOST = Decimal(1_000_000)
PLAIN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?|\.[0-9]{1,12}")
GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+\.[0-9]{1,12}")
"""Commas between thousands are clear only where a point follows: “1,234” means 1.234 to half of the world."""
SIGNS = "$€£¥₹"


def decimal_of(value: object, what: str, *, places: int = 7) -> Decimal:
    """An amount from a person's hands or from a program: not negative, below a million, at most so many decimal places.

    Both languages of the site write a point before the decimals, so pages and API read the same. Raises `Problem`,
    with the spelling to use where the typed one can be read in two ways. `what` begins the sentence: “The budget”.
    """
    text = unicodedata.normalize("NFKC", spelled(value)).strip().strip(SIGNS).strip()
    if GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if not PLAIN.fullmatch(text):
        raise unreadable(text, what)
    number = Decimal(text)
    if number >= MOST:
        raise refusal(_("%(what)s is too large.") % {"what": what}, _("Write a number below 1,000,000."))
    if number != round(number, places):
        hint = _("Use at most %(count)d digits after the point.") % {"count": places}
        raise refusal(_("%(what)s has too many digits.") % {"what": what}, hint)
    return number


def plain_decimal_of(value: object, what: str, *, places: int = 7) -> Decimal:
    """An amount from a program: a number, or a decimal string with nothing but digits and a point."""
    if not PLAIN.fullmatch(spelled(value)):
        raise refusal(_("%(what)s is not an amount.") % {"what": what}, _("Send a decimal string such as “12.50”."))
    return decimal_of(value, what, places=places)


def spelled(value: object) -> str:
    """A number with all its digits; a binary fraction without those that only its conversion made (34.199999999999996), and
    never as the zero that it is not."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return str(value)
    return f"{Decimal(f'{value:.12g}' if isinstance(value, float) else value):f}"


def unreadable(text: str, what: str) -> Problem:
    message = _("%(what)s is not an amount.") % {"what": what}
    digits = re.fullmatch(r"([0-9]{1,12}),([0-9]{1,12})", text)
    if not digits:
        return refusal(message, _("Write a number such as 12.50."))
    point = f"{digits[1]}.{digits[2]}"
    if len(digits[2]) == 3:
        both = {"text": text, "whole": digits[1] + digits[2], "point": point}
        return refusal(_("“%(text)s” can mean %(whole)s or %(point)s.") % both, _("Write the one you mean."))
    return refusal(message, _("Write %(amount)s, with a point.") % {"amount": point})


def refusal(message: str, hint: str) -> Problem:
    return Problem(message, hint=hint)
