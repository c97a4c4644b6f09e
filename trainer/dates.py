"""One cell as a moment. Standard library only, since serving reads dates too."""

import math
import re
from datetime import UTC, date, datetime

FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%d/%m/%y", "%m/%d/%y", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M:%S", "%Y%m%d",
)  # fmt: skip


def value_of(cell: str, form: str) -> float | None:
    """Seconds since 1970; `form`: iso, number, or one of `FORMATS`."""
    try:
        if form == "number":
            value = float(cell)
            return value if math.isfinite(value) and (value > 10_000 or value == int(value)) else None
        moment = datetime.fromisoformat(cell) if form == "iso" else datetime.strptime(cell, form)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


FIRST_SECOND, LAST_SECOND = (
    int(end.replace(tzinfo=UTC, microsecond=0).timestamp()) for end in (datetime.min, datetime.max)
)


def moment_at(seconds: float) -> datetime:
    """In UTC. Rounding and time zones lead beyond the years 1 to 9999, which no `datetime` can: their ends stand for it."""
    return datetime.fromtimestamp(min(max(seconds, FIRST_SECOND), LAST_SECOND), UTC)


# As people write them

MONTHS = {
    1: "january januar janvier enero gennaio janeiro januari styczeń stycznia январь января ocak jan janv ene gen янв sty",
    2: "february februar février febrero febbraio fevereiro februari luty lutego февраль февраля şubat feb févr fév fev фев lut",
    3: "march märz mars marzo março maart marzec marca март марта mart mar mär мар",
    4: "april avril abril aprile kwiecień kwietnia апрель апреля nisan apr avr abr апр kwi",
    5: "may mai mayo maggio maio mei maj maja май мая mayıs mag",
    6: "june juni juin junio giugno junho czerwiec czerwca июнь июня haziran jun giu июн cze",
    7: "july juli juillet julio luglio julho lipiec lipca июль июля temmuz jul juil lug июл lip",
    8: "august août agosto augustus sierpień sierpnia август августа ağustos aug aoû ago авг sie",
    9: "september septembre septiembre settembre setembro wrzesień września сентябрь сентября eylül sep sept set сен wrz",
    10: "october oktober octobre octubre ottobre outubro październik października октябрь октября ekim oct okt ott out окт paź",
    11: "november novembre noviembre novembro listopad listopada ноябрь ноября kasım nov ноя lis",
    12: "december dezember décembre diciembre dicembre dezembro grudzień grudnia декабрь декабря aralık dec dez déc dic дек gru",
}
"""In English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Russian and Turkish, and their abbreviations."""
MONTH_OF = {word: month for month, words in MONTHS.items() for word in words.split()}
WORD = r"([^\W\d_]+)\.?"
CLOCK = r"(?:[ T,]+(?:at |um |à |alle )?(\d{1,2}):(\d{2})(?::(\d{2}))?)?"
DAY_FIRST = re.compile(
    rf"(?:{WORD},? )?(\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?(?: de| of)?[ -]{WORD}(?: de)?,?[ -](\d{{4}}){CLOCK}"
)
MONTH_FIRST = re.compile(rf"(?:{WORD},? )?{WORD} (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}}){CLOCK}")
MONTH_ONLY = re.compile(rf"{WORD}(?: de)?[ -](\d{{4}})")
CHINESE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月(?:\s*(\d{1,2})\s*[日号])?")
ERA = re.compile(r"(民国|令和|平成|昭和)\s*(元|\d{1,3})\s*年\s*(\d{1,2})\s*月(?:\s*(\d{1,2})\s*日)?")
ERAS = {"民国": 1911, "令和": 2018, "平成": 1988, "昭和": 1925}
WEEK = re.compile(r"(\d{4})[- ]?(?:W|KW|week ?)(\d{1,2})(?:-(\d))?", re.IGNORECASE)
QUARTER = re.compile(r"(?:[QT]([1-4])[ /-]?(\d{4})|(\d{4})[ -]?[QT]([1-4]))", re.IGNORECASE)
YEAR_MONTH = re.compile(r"(\d{4})[-/](\d{1,2})")


def iso_of(cell: str) -> str | None:
    """A date with a month in words, a week, a quarter, a month or a Chinese or Japanese date as ISO 8601 has it; the first day of a
    longer time. None for what is none."""
    text = " ".join(cell.split())
    parsed = read_named_month(text) or read_chinese(text) or read_period(text)
    if parsed is None:
        return None
    (year, month, day), clock = parsed
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    return moment.isoformat(sep=" ") if clock else moment.date().isoformat()


Parsed = tuple[tuple[int, int, int], tuple[int, ...]]


def read_named_month(text: str) -> Parsed | None:
    if match := DAY_FIRST.fullmatch(text):
        _weekday, day, word, year, *clock = match.groups()
    elif match := MONTH_FIRST.fullmatch(text):
        _weekday, word, day, year, *clock = match.groups()
    elif match := MONTH_ONLY.fullmatch(text):
        (word, year), day, clock = match.groups(), "1", []
    else:
        return None
    month = MONTH_OF.get(word.casefold())
    times = tuple(int(part) for part in clock if part)
    return ((int(year), month, int(day)), times) if month else None


def read_chinese(text: str) -> Parsed | None:
    if match := CHINESE.fullmatch(text):
        year, month, day = match.groups()
        return (int(year), int(month), int(day or 1)), ()
    if match := ERA.fullmatch(text):
        era, number, month, day = match.groups()
        return (ERAS[era] + (1 if number == "元" else int(number)), int(month), int(day or 1)), ()
    return None


def read_period(text: str) -> Parsed | None:
    """A week, a quarter or a month in digits, by its first day."""
    if match := WEEK.fullmatch(text):
        try:
            first = date.fromisocalendar(int(match[1]), int(match[2]), int(match[3] or 1))
        except ValueError:
            return None
        return (first.year, first.month, first.day), ()
    if match := QUARTER.fullmatch(text):
        return (int(match[2] or match[3]), 3 * int(match[1] or match[4]) - 2, 1), ()
    if match := YEAR_MONTH.fullmatch(text):
        return (int(match[1]), int(match[2]), 1), ()
    return None
