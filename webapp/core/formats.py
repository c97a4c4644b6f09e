"""Figures as a person says them: money, shares, times, sizes. Pure functions; the template filters are their names."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, SupportsFloat, cast

from django.utils.formats import date_format
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "JPY": "¥", "INR": "₹"}
CENT, LEAST = Decimal("0.01"), Decimal("0.0001")
MISSING = "–"


def number(value: object) -> float | None:
    """A finite number, however it is written; None for anything else, NaN and the infinities included."""
    try:
        parsed = math.nan if value is None else float(cast(SupportsFloat, value))
    except (TypeError, ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) else None


def decimal(value: object) -> Decimal | None:
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() else None


def with_sign(text: str, currency: str | None) -> str:
    sign = SIGNS.get(currency or "USD")
    return f"{sign}{text}" if sign else f"{text} {currency}"


def money(value: object, currency: str | None = "USD") -> str:
    """`0.0213` → “$0.02”, `0.00124` → “$0.0012”: what one small run costs is still a figure."""
    amount = decimal(value)
    if amount is None:
        return MISSING
    if 0 < amount < LEAST:
        return _("under %(amount)s") % {"amount": with_sign(f"{LEAST}", currency)}
    small = amount.quantize(LEAST, ROUND_HALF_UP)
    if 0 < small < CENT:
        return with_sign(f"{small.normalize():f}", currency)
    return with_sign(f"{amount.quantize(CENT, ROUND_HALF_UP):,}", currency)


def money_round(value: object, currency: str | None = "USD") -> str:
    """A round sum without its zeros, “$60”; any other keeps its cents."""
    amount = decimal(value)
    if amount is not None and amount == amount.to_integral_value():
        return with_sign(f"{int(amount):,}", currency)
    return money(value, currency)


def price(value: object, currency: str | None = "USD") -> str:
    """A price per hour: two digits that say something, and at least its cents: “$0.80”, “$0.089”, “$0.0042”."""
    amount = decimal(value)
    if amount is None:
        return MISSING
    digits = 2 if not amount or amount >= Decimal("0.1") else min(1 - amount.adjusted(), 7)
    return with_sign(f"{amount:,.{digits}f}", currency)


def exact(value: object) -> str:
    """An amount for a field: every digit that was typed, and no zeros after them but cents."""
    amount = decimal(value)
    if amount is None:
        return ""
    digits = max(2, -int(amount.normalize().as_tuple().exponent))
    return f"{amount:.{digits}f}"


def percent(value: object, digits: int = 1) -> str:
    """`0.913` → “91.3 %”."""
    share = number(value)
    return MISSING if share is None else with_percent(f"{share * 100:.{digits}f}")


def with_percent(figures: str) -> str:
    """“91.3” or “80.1–92.3” with the percent sign as the language sets it: the one place that does."""
    return _("%(number)s\u00a0%%") % {"number": figures}


def points(value: object, digits: int = 1) -> str:
    """`0.913` → “91.3”, where a percent sign stands beside it already."""
    share = number(value)
    return MISSING if share is None else f"{share * 100:.{digits}f}"


def count(value: object) -> str:
    figure = number(value)
    return MISSING if figure is None else f"{figure:,.0f}"


def short_count(value: object) -> str:
    """Parameters of a model: `22713216` → “22.7 M”."""
    figure = number(value)
    if figure is None:
        return MISSING
    for bound, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        scaled = figure / bound
        if scaled >= 0.9995:  # 999.5 k is 1.0 M already, as it is shown
            return f"{scaled:.0f}\u00a0{unit}" if scaled >= 99.95 else f"{scaled:.1f}\u00a0{unit}"
    return f"{figure:.0f}"


def figure(value: object) -> str:
    """A loss or a speed, in three significant digits; a whole number as it is."""
    parsed = number(value)
    if parsed is None:
        return MISSING
    if parsed == int(parsed):
        return f"{int(parsed):,}"
    if parsed != 0 and abs(parsed) < 0.001:
        return f"{parsed:.1e}"
    digits = 0 if abs(parsed) >= 100 else 1 if abs(parsed) >= 10 else 2 if abs(parsed) >= 1 else 3
    return f"{parsed:,.{digits}f}"


def size(value: object) -> str:
    """Bytes in the unit that fits, in powers of ten."""
    amount = number(value)
    if amount is None:
        return MISSING
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 999.5:
            return (
                f"{amount:.1f}\u00a0{unit}" if amount < 9.95 and unit in ("MB", "GB") else f"{amount:.0f}\u00a0{unit}"
            )
        amount /= 1000
    return f"{amount:.1f}\u00a0TB"


def duration(value: object) -> str:
    """Seconds as measured: “1.8 s”, “3 min 52 s”, “2 h 5 min”."""
    seconds = number(value)
    if seconds is None:
        return MISSING
    if seconds < 10:
        return _("%(seconds)s s") % {"seconds": f"{seconds:.1f}"}
    whole = round(seconds)
    if whole < 60:
        return _("%(seconds)s s") % {"seconds": whole}
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
    return _("%(hours)s h %(minutes)s min") % {"hours": minutes // 60, "minutes": minutes % 60}


def about(value: object) -> str:
    """Seconds as estimated: “20 s”, “about 4 min”, “about 2 h”."""
    seconds = number(value)
    if seconds is None:
        return MISSING
    if seconds < 57:
        return _("%(seconds)s s") % {"seconds": max(1, round(seconds) if seconds < 10 else 5 * round(seconds / 5))}
    if seconds < 90 * 60:
        return _("about %(minutes)s min") % {"minutes": round(seconds / 60)}
    return _("about %(hours)s h") % {"hours": f"{seconds / 3600:.1f}".removesuffix(".0")}


def remaining(value: object) -> str:
    """Seconds left, in a sentence's words: “about 5 minutes”, “less than a minute”."""
    seconds = number(value)
    if seconds is None:
        return MISSING
    if seconds < 50:
        return _("less than a minute")
    if seconds < 90 * 60:
        minutes = max(1, round(seconds / 60))
        return ngettext("about %(count)d minute", "about %(count)d minutes", minutes) % {"count": minutes}
    hours = round(seconds / 3600)
    return ngettext("about %(count)d hour", "about %(count)d hours", hours) % {"count": hours}


def clock(value: object) -> str:
    """Seconds as a stopwatch shows them: “6:02”, “1:04:09”."""
    seconds = number(value)
    if seconds is None:
        return MISSING
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def as_moment(value: object) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return None


def ago(value: object, reference: datetime | None = None) -> str:
    """How long since a moment: “just now”, “4 minutes ago”, “yesterday”, then the day."""
    moment = as_moment(value)
    if moment is None:
        return MISSING
    passed = (reference or now()) - moment
    if passed < timedelta(minutes=1):
        return _("just now")
    if passed < timedelta(hours=1):
        minutes = int(passed.total_seconds() // 60)
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}
    if passed < timedelta(days=1):
        hours = int(passed.total_seconds() // 3600)
        return ngettext("%(count)d hour ago", "%(count)d hours ago", hours) % {"count": hours}
    if passed < timedelta(days=2):
        return _("yesterday")
    return day(moment, reference)


def dated(value: date, form: str) -> str:
    """A date in the order and with the signs of the language. `form`: day (19 Nov), day and year, month (November 2026), short
    month (Nov), weekday (Thursday 19 November)."""
    forms = {
        "day": pgettext("date format", "j M"),
        "day and year": pgettext("date format", "j M Y"),
        "month": pgettext("date format", "F Y"),
        "short month": pgettext("date format", "M"),
        "weekday": pgettext("date format", "l j F"),
    }
    return date_format(value, forms[form])


def day(value: object, reference: datetime | None = None) -> str:
    """“19 Nov”, with the year when it is another one."""
    moment: Any = as_moment(value)
    moment = localtime(moment) if moment else value
    if not isinstance(moment, date):
        return MISSING
    return dated(moment, "day" if moment.year == (reference or now()).year else "day and year")


def time_of_day(value: object) -> str:
    moment = as_moment(value)
    return date_format(localtime(moment), "H:i") if moment else MISSING
