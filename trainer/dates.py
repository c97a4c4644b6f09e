"""One cell as a moment. Standard library only, since serving reads dates too."""

import functools
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone

from trainer.date_words import MONTH_OF, WEEKDAYS, ZONES

FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%d/%m/%y", "%m/%d/%y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y%m%d",
)  # fmt: skip
FORMS = (
    "iso",
    *FORMATS,
    "day_first",
    "month_first",
    "year_first",
    "words",
    "cjk",
    "week",
    "quarter",
    "month",
    "compact",
    "compact_month",
    "mixed",
    "mixed_day_first",
    "mixed_month_first",
    "yearless",
)
"""How a column may write its dates: strptime's formats, and those of `READERS`."""
COUNTED = ("epoch", "epoch_ms", "epoch_us", "excel")
"""Numbers that are dates where somebody says so, or where the column is named like a date."""
OTHER_ORDER = {
    "%d/%m/%Y": "%m/%d/%Y", "%d/%m/%y": "%m/%d/%y", "%d/%m/%Y %H:%M": "%m/%d/%Y %H:%M", "%d-%m-%Y": "%m-%d-%Y",
    "day_first": "month_first", "mixed_day_first": "mixed_month_first",
}  # fmt: skip
OTHER_ORDER |= {month: day for day, month in OTHER_ORDER.items()}
"""The same with day and month the other way round."""
ZONE = rf"((?:UTC|GMT)?[+-]\d{{1,2}}(?::?\d{{2}})?|{'|'.join(ZONES)})(?:\s*\([^)]*\))?"
CLOCK = rf"(\d{{1,2}})[:.h](\d{{2}})(?:[:.](\d{{2}}))?(?:[.,]\d+)?\s*([ap]\.?\s?m\.?)?(?:\s*(?:Uhr|h))?\s*(?:{ZONE})?"
TIME = rf"(?:(?:,?[T ]\s*|:|-(?=\d\d\.\d\d\.)|,?\s(?:at|um|à|om|kl\.?|às|alle|@|-)\s){CLOCK})?"
DAYS = "|".join(WEEKDAYS.split())
WEEKDAY = rf"(?:(?:{DAYS})\.?,?\s+)?"
NUMBERS = re.compile(rf"{WEEKDAY}(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{4}}|\d{{2}}){TIME}", re.IGNORECASE)
YEAR_FIRST = re.compile(rf"{WEEKDAY}(\d{{4}})(?:[-/.]|\. )(\d{{1,2}})(?:[-/.]|\. )(\d{{1,2}})\.?{TIME}", re.IGNORECASE)
WORD = r"([^\W\d_]{3,12})"
DAY_WORD = re.compile(
    rf"(?:({DAYS})\.?,?\s+)?(\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?[\s/-]+(?:de\s+)?{WORD}\.?,?[\s/-]+(?:de[l]?\s+)?(\d{{4}}|(?<=[-/ ])\d{{2}})(?:\s?г\.?)?{TIME}",
    re.IGNORECASE,
)
WORD_DAY = re.compile(
    rf"(?:({DAYS})\.?,?\s+)?{WORD}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}}){TIME}", re.IGNORECASE
)
WORD_CLOCK = re.compile(
    rf"({DAYS})\.?,?\s+{WORD}\.?\s+(\d{{1,2}})\s+(\d\d):(\d\d):(\d\d)\s+(?:{ZONE}\s+)?(\d{{4}})", re.IGNORECASE
)
"""As Unix and C write a moment: Mon Jan 01 08:05:09 +0000 2024."""
YEAR_WORD = re.compile(rf"(\d{{4}})[\s-]{WORD}(?:[\s-](\d{{1,2}}){TIME})?", re.IGNORECASE)
WORD_YEAR = re.compile(rf"{WORD}\.?[\s-]+(?:de\s+)?(\d{{4}}|(?<=[a-z]-)\d{{2}})", re.IGNORECASE)
CJK = re.compile(
    r"(民国|民國|令和|平成)?\s*(\d{1,4}|元)\s*[年년]\s*(\d{1,2})\s*[月월](?:\s*(\d{1,2})\s*[日号號일])?(?:\s*(\d{1,2})[:时時](\d{2})(?:[:分](\d{2})秒?|分)?(?:\s([AP]M))?)?"
)
ERAS = {"民国": 1911, "民國": 1911, "令和": 2018, "平成": 1988, None: 0}
WEEK = re.compile(
    r"(\d{4})[-\s]*(?:[Ww]|week |KW ?)(\d{1,2})(?:-?([1-7]))?|(?:[WwKk][WwKk]?|week|Woche|semaine|semana)\s?(\d{1,2})[\s,/-]+(\d{4})",
    re.IGNORECASE,
)
QUARTER = re.compile(
    r"[QqTt]([1-4])[\s/'’-]*(\d{4}|(?<=\D)\d{2})|(?:FY\s?)?(\d{4})[\s/-]*[QqTt]([1-4])|(\d{4})年第?([1-4一二三四])季度"
    r"|(?P<first>[1-4])[QqTt][\s/'’-]*(?P<year>\d{4}|\d{2})"
)
COMPACT = re.compile(r"(19[5-9]\d|20[0-6]\d)(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?(Z)?)?")
"""20240131, 20240131T080509Z, 20240131080509."""
COMPACT_MONTH = re.compile(r"(19[5-9]\d|20[0-6]\d)(0[1-9]|1[0-2])")
"""202401."""
MONTH_NAME = re.compile(
    r"(^|[^a-z])(months?|monat|mois|mes|period|periode|yearmonth|yyyymm|ym|jahrmonat)($|[^a-z])|月|年月"
)
MOST_GAPS = 2
MONTH = re.compile(r"(1[6-9]\d\d|2[01]\d\d)[-/.](0?[1-9]|1[0-2])|(0?[1-9]|1[0-2])[-/.](1[6-9]\d\d|2[01]\d\d)")
DOTTED = re.compile(r"\d{1,2}\.\d{1,2}\.\d")
YEARLESS = (
    (re.compile(rf"{WEEKDAY}(\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?[\s-]+(?:de\s+|of\s+)?{WORD}\.?{TIME}", re.IGNORECASE), 1, 2, 2),
    (re.compile(rf"{WEEKDAY}{WORD}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?{TIME}", re.IGNORECASE), 2, 1, 2),
    (re.compile(rf"(\d{{1,2}})\s*[月월]\s*(\d{{1,2}})\s*[日号號일]{TIME}"), 2, 1, 2),
    (re.compile(rf"(\d\d)\.\s?(\d\d)\.{TIME}"), 1, 2, 2),
    (re.compile(rf"--(\d\d)-(\d\d){TIME}"), 2, 1, 2),
)  # fmt: skip
"""(pattern, group of the day, of the month, where those of the time begin): 28 Dec, December 28th, 28. Dezember, 28 de diciembre,
12月28日, 28.12., --12-28."""
NO_MONTHS = frozenset({"set", "out", "ago", "ara"})
"""Short names of months that are other words beside a number."""
DATE_NAME = re.compile(
    r"(^|[^a-z])(date|datetime|time|timestamp|stamp|day|created|updated|modified|born|birthday|datum|fecha|data|ts|at|on)($|[^a-z])|日期|时间"
)
EXCEL_DAYS = (20_000, 60_000)
"""1954 to 2064."""
LONGEST = 80


def value_of(cell: str, form: str) -> float | None:
    """Seconds since 1970; `form`: iso, number, one of `FORMS` or of `COUNTED`. A zone is obeyed; without one it is UTC."""
    try:
        if form == "number":
            value = float(cell)
            return value if math.isfinite(value) and (value > 10_000 or value == int(value)) else None
        if form in COUNTED:
            return counted_moment(float(cell), form)
        if form in READERS:
            cell = cell if cell.isascii() else plain(cell)
            moment = READERS[form](cell) if len(cell) <= LONGEST else None
        else:
            moment = datetime.fromisoformat(cell) if form == "iso" else datetime.strptime(cell, form)
    except (ValueError, OverflowError):
        return None
    return None if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


HALVES = {
    "오전": "AM", "오후": "PM", "上午": "AM", "下午": "PM", "午前": "AM", "午後": "PM", "凌晨": "AM", "早上": "AM", "晚上": "PM", "ص": "AM", "م": "PM",
    "π.μ.": "AM", "μ.μ.": "PM",
}  # fmt: skip
HALF_BEFORE = re.compile(r"(오전|오후|上午|下午|午前|午後|凌晨|早上|晚上)\s*(\d{1,2}:\d{2}(?::\d{2})?)")
HALF_BEHIND = re.compile(r"(\d{1,2}:\d{2}(?::\d{2})?)\s*(ص|م|π\.μ\.|μ\.μ\.)")
APART = re.compile(r"(\d{4})\.\s(\d{1,2})\.\s(\d{1,2})\.?")
"""2024. 1. 5., as Korean writes a day."""
ARABIC = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹،", "01234567890123456789,", "\u200e\u200f\u200b")


def plain(cell: str) -> str:
    """A moment with halves of the day, digits and marks of other scripts as English writes them."""
    text = APART.sub(r"\1.\2.\3", cell.translate(ARABIC)).strip()
    text = HALF_BEFORE.sub(lambda match: f"{match[2]} {HALVES[match[1]]}", text)
    return HALF_BEHIND.sub(lambda match: f"{match[1]} {HALVES[match[2]]}", text)


def counted_moment(number: float, form: str) -> float | None:
    if not math.isfinite(number):
        return None
    if form == "excel":
        return round((number - 25_569) * 86_400, 3) if 1 <= number < 2_958_466 else None
    return number / {"epoch_ms": 1e3, "epoch_us": 1e6}.get(form, 1)


def with_time(year: int, month: int, day: int, parts: Sequence[str | None]) -> datetime:
    """`parts`: hour, minute, second, am or pm, zone, as far as there are any."""
    hour, minute, second = (int(part or 0) for part in parts[:3])
    half = (parts[3] or "").lower()[:1] if len(parts) > 3 else ""
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    moment = datetime(year, month, day, hour, minute, second)
    zone = (parts[4] or "").upper() if len(parts) > 4 else ""
    if not zone:
        return moment
    return moment.replace(tzinfo=timezone(zone_offset(zone)))


def zone_offset(zone: str) -> timedelta:
    """From UTC: of +02:00, GMT+2, or letters of `ZONES`."""
    if zone in ZONES:
        return timedelta(hours=ZONES[zone])
    if not zone.isascii():
        raise ValueError(zone)  # Kelvin's sign and the long s fit letters of ZONE, and are none
    zone = zone.removeprefix("UTC").removeprefix("GMT")
    hours, minutes = re.fullmatch(r"[+-](\d{1,2}):?(\d{2})?", zone).groups()  # type: ignore[union-attr]  # as ZONE matches
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return -offset if zone[0] == "-" else offset


def full_year(text: str) -> int:
    """Two digits as strptime reads them: 69 is 1969, 68 is 2068."""
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year >= 69 else 2000)


def read_numbers(cell: str, is_day_first: bool) -> datetime | None:
    match = NUMBERS.fullmatch(cell)
    if match is None:
        return None
    first, second = int(match[1]), int(match[2])
    day, month = (first, second) if is_day_first else (second, first)
    return with_time(full_year(match[3]), month, day, match.groups()[3:])


def read_year_first(cell: str) -> datetime | None:
    match = YEAR_FIRST.fullmatch(cell)
    return with_time(int(match[1]), int(match[2]), int(match[3]), match.groups()[3:]) if match else None


def read_words(cell: str) -> datetime | None:
    """With a month in words, in ten languages; the name of a weekday before it is passed over."""
    if match := DAY_WORD.fullmatch(cell):
        month = MONTH_OF.get(match[3].lower())
        return with_time(full_year(match[4]), month, int(match[2]), match.groups()[4:]) if month else None
    if match := WORD_CLOCK.fullmatch(cell):
        month = MONTH_OF.get(match[2].lower())
        parts = [match[4], match[5], match[6], None, match[7]]
        return with_time(int(match[8]), month, int(match[3]), parts) if month else None
    if match := YEAR_WORD.fullmatch(cell):
        month = MONTH_OF.get(match[2].lower())
        return with_time(int(match[1]), month, int(match[3] or 1), match.groups()[3:]) if month else None
    if match := WORD_DAY.fullmatch(cell):
        month = MONTH_OF.get(match[2].lower())
        return with_time(int(match[4]), month, int(match[3]), match.groups()[4:]) if month else None
    match = WORD_YEAR.fullmatch(cell)
    month = MONTH_OF.get(match[1].lower()) if match else None
    return datetime(full_year(match[2]), month, 1) if match and month else None


def read_compact(cell: str) -> datetime | None:
    match = COMPACT.fullmatch(cell)
    return (
        with_time(int(match[1]), int(match[2]), int(match[3]), [*match.groups()[3:6], None, match[7]])
        if match
        else None
    )


def read_cjk(cell: str) -> datetime | None:
    match = CJK.fullmatch(cell)
    if match is None:
        return None
    year = (1 if match[2] == "元" else int(match[2])) + ERAS[match[1]]
    return with_time(year, int(match[3]), int(match[4] or 1), match.groups()[4:])


def read_week(cell: str) -> datetime | None:
    """The Monday of an ISO week, or the day named."""
    match = WEEK.fullmatch(cell)
    if match is None:
        return None
    year, week = (match[1], match[2]) if match[1] else (match[5], match[4])
    return datetime.fromisocalendar(int(year), int(week), int(match[3] or 1))


def read_quarter(cell: str) -> datetime | None:
    """The first day of a quarter."""
    match = QUARTER.fullmatch(cell)
    if match is None:
        return None
    forms = ((match[1], match[2]), (match[4], match[3]), (match[6], match[5]), (match["first"], match["year"]))
    number, year = next((number, year) for number, year in forms if year)
    quarter = "一二三四".find(number) + 1 or int(number)
    return datetime(int(year) if len(year) == 4 else 2000 + int(year), 3 * quarter - 2, 1)


def read_month(cell: str) -> datetime | None:
    """The first day of a month."""
    match = MONTH.fullmatch(cell)
    return datetime(int(match[1] or match[4]), int(match[2] or match[3]), 1) if match else None


def read_compact_month(cell: str) -> datetime | None:
    """The first day of a month."""
    match = COMPACT_MONTH.fullmatch(cell)
    return datetime(int(match[1]), int(match[2]), 1) if match else None


def read_mixed(cell: str, order: str = "") -> datetime | None:
    """In one of the ways that only one date can be meant by, or in numbers by an order: dots part day, month and year, in this order."""
    for read in (read_iso, read_year_first, read_words, read_cjk):
        if (moment := read(cell)) is not None:
            return moment
    if not order:
        return None
    return read_numbers(cell, order == "day_first" or DOTTED.match(cell) is not None)


def read_iso(cell: str) -> datetime | None:
    try:
        return datetime.fromisoformat(cell) if cell[:4].isdigit() and cell[4:5] == "-" else None
    except ValueError:
        return None


def read_yearless(cell: str) -> datetime | None:
    """A day of any year, which stands in 2000: that has a 29 February."""
    for pattern, day, month, time in YEARLESS:
        if match := pattern.fullmatch(cell):
            name = match[month].lower()
            number = int(name) if name.isdigit() else None if name in NO_MONTHS else MONTH_OF.get(name)
            return with_time(2000, number, int(match[day]), match.groups()[time:]) if number else None
    return None


READERS: dict[str, Callable[[str], datetime | None]] = {
    "day_first": functools.partial(read_numbers, is_day_first=True),
    "month_first": functools.partial(read_numbers, is_day_first=False),
    "year_first": read_year_first,
    "words": read_words,
    "cjk": read_cjk,
    "week": read_week,
    "quarter": read_quarter,
    "month": read_month,
    "compact": read_compact,
    "compact_month": read_compact_month,
    "mixed": read_mixed,
    "mixed_day_first": functools.partial(read_mixed, order="day_first"),
    "mixed_month_first": functools.partial(read_mixed, order="month_first"),
    "yearless": read_yearless,
}
UNLIKE = ("compact_month", "mixed", "mixed_day_first", "mixed_month_first")
"""Forms whose cells are of another form too, or may be numbers."""


def looks_like_date(cell: str) -> bool:
    """Whether a cell has a date's form in words, weeks, quarters, months or Chinese; those in digits alone: `columns.DATE`."""
    if len(cell) > LONGEST or not any(char.isdigit() for char in cell):
        return False
    return any(value_of(cell, form) is not None for form in READERS if form not in UNLIKE)


def are_compact(cells: Sequence[str]) -> bool:
    """Whether digits without marks are dates: each of them is a day of the calendar, which numbers that count something are not;
    and months as 01.2024."""
    if len(set(cells)) > 2 and all(COMPACT.fullmatch(cell) and value_of(cell, "compact") is not None for cell in cells):
        return True
    return any(cell[:1] == "0" for cell in cells) and all(
        re.fullmatch(r"(0?[1-9]|1[0-2])\.(19|20)\d\d", cell) for cell in cells
    )


def are_months(cells: Sequence[str], name: str) -> bool:
    """Whether six digits are months (202401): all of them can be, and the column is named like a date, or they follow each other."""
    months = {(int(match[1]), int(match[2])) for cell in cells if (match := COMPACT_MONTH.fullmatch(cell))}
    if len(months) < 2 or not all(map(COMPACT_MONTH.fullmatch, cells)):
        return False
    if MONTH_NAME.search(name.strip().lower()) or DATE_NAME.search(name.strip().lower()):
        return True
    counted = [12 * year + month for year, month in months]
    return len(months) > 12 and max(counted) - min(counted) < MOST_GAPS * len(months) and len(cells) > len(months)


def guess_form(cells: Sequence[str], enough: float = 0.9, forms: Sequence[str] = FORMS) -> str | None:
    """The form that reads all of the cells, else most of them; None where none reads `enough` (0 to 1)."""
    best, most = None, enough * len(cells)
    for form in forms:
        count = sum(value_of(cell, form) is not None for cell in cells)
        if count == len(cells) and count:
            return american(cells, form)
        if count >= most and (best is None or count > most):
            best, most = form, count
    return best


def american(cells: Sequence[str], form: str) -> str:
    """Month first where both orders read all cells and they say AM and PM."""
    other = OTHER_ORDER.get(form, "")
    if other != "month_first" or not all(re.search(r"\d\s*[ap]\.?m\.?$", cell, re.IGNORECASE) for cell in cells):
        return form
    return other if all(value_of(cell, other) is not None for cell in cells) else form


def guess_counted(name: str, cells: Sequence[str]) -> str | None:
    """epoch, epoch_ms or excel, where a column of whole numbers is named like a date and has its size; None for others."""
    if not DATE_NAME.search(name.strip().lower()) and not re.search(r"[a-z](At|On|Date|Time)$", name.strip()):
        return None
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return None
    if all(1e9 <= number < 2.1e9 for number in numbers):
        return "epoch"
    if all(1e12 <= number < 2.1e12 for number in numbers):
        return "epoch_ms"
    if all(1e15 <= number < 2.1e15 for number in numbers):
        return "epoch_us"
    return "excel" if all(EXCEL_DAYS[0] <= number < EXCEL_DAYS[1] for number in numbers) else None


FIRST_SECOND, LAST_SECOND = (
    int(end.replace(tzinfo=UTC, microsecond=0).timestamp()) for end in (datetime.min, datetime.max)
)


def moment_at(seconds: float) -> datetime:
    """In UTC. Rounding and time zones lead beyond the years 1 to 9999, which no `datetime` can: their ends stand for it."""
    return datetime.fromtimestamp(min(max(seconds, FIRST_SECOND), LAST_SECOND), UTC)
