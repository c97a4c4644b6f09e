"""One cell as a number: the same where data are read, where a model learns and where it answers. Standard library only.

How a column writes its numbers is a `NumberForm`; it is stored in the version (profile.json) and in the model
(`model/columns.json`), so that a visitor's "1.200,50 €" is read as the rows were.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from trainer.compounds import amount_of
from trainer.day_times import on_the_clock
from trainer.number_ranges import ends_of
from trainer.numeral_marks import (
    APART,
    CREDIT,
    DEBIT,
    MODES,
    SMALL,
    SMALL_SCALES,
    account_parts,
    bound_of,
    is_bare,
    is_wordy,
)
from trainer.worded_numbers import LED, STAR, WRITTEN, points_in, stars_in, unscaled, without_lead

BLANKS = "\\s\\x0b\\x1c-\\x1f\\x85\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What Python's `\\s` matches, spelled out for RE2 (Arrow and DuckDB), whose own knows ASCII alone."""
MONEY = re.compile(
    f"USD|EUR|GBP|CHF|CNY|JPY|RMB|INR|AUD|CAD|NZD|HKD|SGD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|RUB|TRY|ZAR|KRW|ILS|THB"
    f"|R\\$|A\\$|C\\$|US\\$|HK\\$|NT\\$|S\\$|NZ\\$|MX\\$|[{BLANKS}$€£¥￥₹₩₽₺₴₫฿₪₦₱元円%'’]",
    re.IGNORECASE,
)
"""What may stand around the digits of a number, or part its thousands."""
PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
APART_EXPONENT = re.compile(r"\s[eE]|[eE]\s")
"""1. e4, which is a move."""
THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
LAKHS = re.compile(r"[-+]?\d{1,2}(,\d{2})+,\d{3}(\.\d*)?")
"""Indian grouping: 12,34,567."""
COMMA = re.compile(r".*(\.\d{3},\d+|^[^,.]*,(\d{1,2}|\d{4,}))|[^,]*\d\.\d{3}(\.\d{3})+|[-+(]?0,\d+\)?")
DOT = re.compile(r".*(,\d{3}\.\d+|\.(\d{1,2}|\d{4,})$)|[^.]*\d,\d{3}(,\d{3})+|[-+(]?0\.\d+\)?")
DOUBTFUL = re.compile(r"[-+(]?[1-9]\d{0,2}([.,])\d{3}\)?")
"""One mark before three digits: thousands in one country, decimals in another."""
OTHER_MARKS = {".": re.compile(r"[-+]?\d{1,3}(\.\d{3})+,\d+"), ",": re.compile(r"[-+]?\d{1,3}(,\d{3})+\.\d+")}
"""What only the other writing explains, in a column of this decimal mark."""
NOTHING = frozenset("-–—−") | {"--", "---", "–.–", "-.-"}
"""Dashes, which in a column of numbers stand for no value."""
DASH = re.compile("[-–—−]")
SCALES = {
    "k": 1e3, "tsd": 1e3, "thousand": 1e3, "千": 1e3, "M": 1e6, "mn": 1e6, "mln": 1e6, "mio": 1e6, "million": 1e6,
    "millions": 1e6, "millionen": 1e6, "百万": 1e6, "B": 1e9, "bn": 1e9, "bln": 1e9, "mrd": 1e9, "billion": 1e9, "milliarden": 1e9,
    "万": 1e4, "萬": 1e4, "만": 1e4, "亿": 1e8, "億": 1e8, "억": 1e8, "lakh": 1e5, "lac": 1e5, "crore": 1e7, "cr": 1e7,
}  # fmt: skip
MONEY_WORDS = [
    "kr", "zł", "Kč", "руб", "р", "Rs", "Fr", "Rp", "RM", "TL", "lei", "лв", "грн", "Ft", "din", "BGN", "RON", "UAH",
    "AED", "SAR", "EGP", "IDR", "MYR", "VND", "TWD", "ARS", "CLP", "COP", "PHP", "NGN", "KES", "PKR", "ISK", "RSD",
]  # fmt: skip
"""Currencies in words, which are no part of another word."""
DIMENSIONS: dict[str, dict[str, float]] = {
    "mass": {"mg": 1e-6, "g": 1e-3, "kg": 1, "t": 1e3, "lb": 0.45359237, "lbs": 0.45359237, "oz": 0.028349523125, "公斤": 1, "千克": 1, "克": 1e-3},
    "length": {"mm": 1e-3, "cm": 1e-2, "m": 1, "km": 1e3, "in": 0.0254, "ft": 0.3048, "mi": 1609.344, "miles": 1609.344, "公里": 1e3, "米": 1},
    "area": {"mm²": 1e-6, "cm²": 1e-4, "m²": 1, "m2": 1, "km²": 1e6, "km2": 1e6, "ha": 1e4, "qm": 1, "sqm": 1, "平方米": 1, "sqft": 0.09290304, "sq ft": 0.09290304},
    "volume": {"ml": 1e-3, "cl": 1e-2, "l": 1, "L": 1, "m³": 1e3, "m3": 1e3},
    "time": {"ms": 1e-3, "s": 1, "sec": 1, "min": 60, "mins": 60, "h": 3600, "hr": 3600, "hrs": 3600, "hours": 3600, "std": 3600, "小时": 3600, "分钟": 60, "秒": 1, "days": 86400, "day": 86400, "天": 86400},
    "celsius": {"°C": 1, "℃": 1}, "fahrenheit": {"°F": 1, "℉": 1}, "angle": {"°": 1},
    "speed": {"km/h": 1, "kmh": 1, "kph": 1, "mph": 1.609344, "m/s": 3.6},
    "power": {"W": 1, "kW": 1e3, "MW": 1e6}, "horsepower": {"hp": 1, "PS": 1, "bhp": 1}, "energy": {"Wh": 1, "kWh": 1e3, "MWh": 1e6},
    "calories": {"cal": 1, "kcal": 1e3}, "bytes": {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12},
    "frequency": {"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}, "volts": {"mV": 1e-3, "kV": 1e3}, "battery": {"mAh": 1},
    "pixels": {"px": 1}, "people": {"人": 1}, "pieces": {"pcs": 1, "Stk": 1, "个": 1, "件": 1}, "age": {"years": 1, "yrs": 1, "yr": 1, "岁": 1, "Jahre": 1},
    "promille": {"‰": 1},
    **{word: {word: 1} for word in MONEY_WORDS},
}  # fmt: skip
"""Units by what they measure, each with its size: those of one row can be turned into another. Currencies in words are not."""
MONEY_BEFORE = re.compile(rf"([-+(]*)\s*({'|'.join(MONEY_WORDS)})(\.?\s*)([-+(]?\d.*)", re.IGNORECASE | re.DOTALL)
"""A currency in words before its number."""
CLOCK = re.compile(r"(-?)(\d{1,3}):([0-5]\d)(?::([0-5]\d)([.,]\d+)?)?")
"""A duration or a time of day."""
UNITS = {unit: (dimension, size) for dimension, units in DIMENSIONS.items() for unit, size in units.items()}
VULGAR = str.maketrans(
    {char: f" {unicodedata.normalize('NFKC', char).replace(chr(0x2044), '/')}" for char in "¼½¾⅓⅔⅛⅜⅝⅞⅕⅖⅗⅘⅙⅚"}
)
FRACTION = re.compile(r"([-+]?)(?:(\d+)\s+)?(\d{1,2})/(2|3|4|5|6|8|16|32|64)")
TAIL = re.compile(r"(.*\d[.,]?)\s*([^\d\s.,][^\d]*|[a-zA-Z]+[23])", re.DOTALL)
LOST_DIGITS = re.compile(r"[-+]?\d([.,]\d{1,5})?E\+(1[1-9]|2\d)")
"""A long number as a spreadsheet shows it, of which the last digits are gone."""
LONGEST = 60
"""Characters of a cell that is looked at as a number in an uncommon writing."""
LARGEST_ANSWER = 1e18
"""The square of a number learned must fit into 32 bits."""


class NumberForm(TypedDict):
    """How a column writes its numbers: `decimal`: the mark before decimals; `unit`: into which all are turned, or one of
    `trainer.numeral_marks.MODES`; `ranges`: whether "10-20" is the number in the middle, and ">5" the number itself."""

    decimal: NotRequired[str]
    unit: NotRequired[str]
    ranges: NotRequired[bool]


def form_of(described: Mapping[str, Any]) -> NumberForm:
    """The part of a column's profile or description that says how its numbers are written."""
    return NumberForm(
        decimal=described.get("decimal", "."), unit=described.get("unit", ""), ranges=described.get("ranges", False)
    )


def is_nothing(cell: str) -> bool:
    """Whether a dash stands for a number, as accountants write it: "-", "$ -"."""
    if is_bare(cell) or not DASH.search(cell):
        return False
    return cell in NOTHING or MONEY.sub("", cell) in NOTHING


def number_of(cell: str, decimal: str = ".", unit: str = "", ranges: bool = False) -> float | None:
    """The number in a cell, in `unit` where the column has one; None for none. See `NumberForm`."""
    if is_wordy(cell):
        return None
    number = float(cell) if decimal == "." and is_bare(cell) else common_number(cell, decimal)
    if number is None and len(cell) <= LONGEST:
        number = uncommon_number(cell, decimal, unit, ranges)
    return number if number is not None and math.isfinite(number) else None


def with_mark(text: str, decimal: str) -> str:
    """Digits as Python writes them, as a column with this decimal mark does."""
    return text.replace(".", decimal)


def common_number(cell: str, decimal: str) -> float | None:
    """Digits with thousands' marks, currency and percent signs, accountants' parentheses."""
    text = MONEY.sub("", cell).replace("−", "-")
    if "e" in text and APART_EXPONENT.search(cell):
        return None
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    if decimal == ",":
        text = text.translate(str.maketrans(".,", ",."))
    if THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    return float(text) if text.isascii() and PLAIN.fullmatch(text) else None


def uncommon_number(cell: str, decimal: str, unit: str, ranges: bool) -> float | None:
    """Other digits, a sign behind, Indian grouping, fractions, 1.2k, 3 万, units, and ranges where the column has them."""
    text = tidy(cell)
    if unit == STAR and (stars := stars_in(cell.strip())) is not None:
        return stars
    if unit == WRITTEN or not any(char.isdigit() for char in text):
        return None
    if (unit[:1] == "/" and unit[1:].isdigit()) or unit.endswith(LED):
        return worded_number(text, decimal, unit)
    number = written_number(text, cell, decimal, unit)
    return middle_of(text, decimal, unit) if number is None and ranges else number


def written_number(text: str, cell: str, decimal: str, unit: str) -> float | None:
    if (marked := marked_number(text, decimal, unit)) is not None:
        return marked
    if (fraction := FRACTION.fullmatch(text)) and (fraction[2] or int(fraction[3]) < int(fraction[4])):
        size = int(fraction[2] or 0) + int(fraction[3]) / int(fraction[4])
        return -size if fraction[1] == "-" else size
    if text.endswith("-"):
        size_behind = number_of(text[:-1], decimal, unit)
        return None if size_behind is None or size_behind < 0 else -size_behind
    bare = MONEY.sub("", text)
    if text != cell and (number := common_number(text, decimal)) is not None:
        return number
    if OTHER_MARKS[decimal].fullmatch(bare):
        return common_number(bare, "," if decimal == "." else ".")
    lakhs = bare.translate(str.maketrans(".,", ",.")) if decimal == "," else bare
    if LAKHS.fullmatch(lakhs):
        return float(lakhs.replace(",", ""))
    return scaled_number(text, decimal, unit)


def marked_number(text: str, decimal: str, unit: str) -> float | None:
    """An amount with the mark of an account behind it, a time, or a quantity in several units."""
    if unit in (CREDIT, DEBIT) and (parted := account_parts(text)):
        amount = number_of(parted[0], decimal)
        return None if amount is None else amount if parted[1] == unit else -amount
    clock = clock_of(text) if unit != APART else None
    dimension, size = UNITS.get(unit, ("", 1))
    if clock:
        return exact(clock_seconds(clock, size), 1 / size) if dimension == "time" else clock_number(clock)
    amount = amount_of(text, dimension) if dimension else None
    return None if amount is None else float(f"{amount / size:.15g}")


def worded_number(text: str, decimal: str, unit: str) -> float | None:
    """The points of "4 out of 5" in a column of unit "/5"; the number behind a word, in one of "rating: …"."""
    if unit.endswith(LED):
        return number_of(without_lead(text, unit), decimal)
    points = points_in(text)
    return common_number(points[0], decimal) if points and f"/{points[1]}" == unit else common_number(text, decimal)


def clock_of(text: str) -> re.Match[str] | None:
    """The parts of a duration or a time of day, of such as "1:05 PM" too."""
    return CLOCK.fullmatch(on_the_clock(text))


def clock_number(clock: re.Match[str]) -> float:
    """h:mm:ss in seconds; of two parts, the second counts 1 and the first 60: h:mm in minutes, m:ss in seconds."""
    sign, first, second, third, rest = clock.groups()
    size = float(int(first) * 60 + int(second))
    if third is not None:
        size = size * 60 + int(third) + float(f"0.{rest[1:]}" if rest else 0)
    return -size if sign else size


def clock_seconds(clock: re.Match[str], size: float) -> float:
    """The seconds of a clock in a column of a unit of so many seconds: of minutes and longer ones, two parts are hours and minutes."""
    return clock_number(clock) * (60 if clock[4] is None and size >= UNITS["min"][1] else 1)


def tidy(cell: str) -> str:
    """ASCII digits and marks, fractions as 1/2."""
    text = cell.strip().translate(VULGAR).strip()
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.digit(char)) if char.isdigit() and char not in "²³¹" and unicodedata.digit(char, None) is not None
        else unicodedata.normalize("NFKC", char) if 0xFF00 <= ord(char) <= 0xFFEF
        else char
        for char in text.replace("−", "-").replace("٫", ".").replace("٬", ",")
    ).strip()  # fmt: skip


def tail_of(text: str) -> tuple[str, str] | None:
    """(the number's part, the letters behind it) without currencies; None where nothing stands behind."""
    bare = MONEY.sub(lambda sign: " " if sign[0].isspace() else "", text).strip()
    if (money := MONEY_BEFORE.fullmatch(text.strip())) and (money[3] or re.search("[.,]", money[4])):
        return MONEY.sub("", money[1] + money[4]), money[2]
    match = TAIL.fullmatch(bare)
    return (match[1].strip(), " ".join(match[2].split())) if match else None


def singular(word: str) -> str:
    """One spelling for "1 star" and "2 stars"."""
    return word.rstrip(".").removesuffix("s") if len(word) > 3 else word


def scale_of(tail: str) -> float | None:
    word = tail.rstrip(".")
    return SCALES.get(word) or SCALES.get(word.lower())


def unit_of(tail: str) -> str | None:
    """A known unit as `UNITS` writes it; None for anything else. One capital alone is no unit: 5G, 2T."""
    word = tail.strip().rstrip(".").replace("^", "")
    if word in UNITS:
        return word
    return word.lower() if len(word) > 1 and word.lower() in UNITS and scale_of(word) is None else None


def scaled_number(text: str, decimal: str, unit: str) -> float | None:
    """A number with a word behind: of thousands and millions, or the column's unit and others of its kind."""
    parted = tail_of(text)
    if parted is None:
        return None
    number = common_number(parted[0], decimal)
    if number is None and decimal == "." and LAKHS.fullmatch(parted[0]):
        number = float(parted[0].replace(",", ""))
    known = unit_of(parted[1]) if unit and unit not in MODES else None
    if number is None:
        return None
    if known is None:
        scaled, word = unscaled(parted[1], scale_of)
        if unit and unit not in UNITS and singular(word) == unit:
            return exact(number, scale_of(scaled) or 1)
        scale = scale_of(parted[1]) or (SMALL_SCALES.get(parted[1]) if unit == SMALL else None)
        return None if scale is None else exact(number, scale)
    if unit not in UNITS or UNITS[known][0] != UNITS[unit][0]:
        return None
    return number if known == unit else exact(number, UNITS[known][1] / UNITS[unit][1])


def exact(number: float, factor: float) -> float:
    """Their product without the noise of binary fractions: 1.2 × 1000 is 1200."""
    return float(f"{number * factor:.15g}")


def middle_of(text: str, decimal: str, unit: str) -> float | None:
    ends = range_ends(text, decimal, unit)
    return None if ends is None else float(f"{sum(ends) / 2:.15g}")


def range_ends(text: str, decimal: str = ".", unit: str = "") -> tuple[float, float] | None:
    """The ends of "10-20", the lower first; twice the number of ">5"; None for anything else (a date, a phone number)."""
    if is_bare(text) or is_wordy(text):
        return None
    if (bound := bound_of(text)) is not None:
        number = number_of(bound, decimal, unit)
        return None if number is None else (number, number)
    ends = ends_of(text.strip()) if len(text) <= LONGEST else None
    if ends is None:
        return None
    low, high = number_of(ends[0], decimal, unit), number_of(ends[1], decimal, unit)
    if low is None or high is None:
        return None
    tail = tail_of(tidy(ends[1]))
    scale = scale_of(unscaled(tail[1], scale_of)[0] or tail[1]) if tail else None
    if scale and tail_of(tidy(ends[0])) is None and low * scale < high:
        low = exact(low, scale)  # $50-70k
    return (low, high) if low < high else None
