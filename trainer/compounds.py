"""Quantities in several units: "1h 30m", "2h15", "PT1H30M", "5 ft 11 in", "2 kg 300 g". Standard library only."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

FAMILIES: dict[str, dict[str, tuple[float, str]]] = {
    "time": {
        "days": (86400, "d day days tag tage tagen jour jours día días dia dias giorno giorni 天 日 일"),
        "h": (3600, "h hr hrs hour hours std stunde stunden heure heures hora horas ora ore uur 小时 時間 시간"),
        "min": (60, "m min mins minute minutes minuten minuto minutos minuti minuut 分钟 分鐘 分 분"),
        "s": (1, "s sec secs second seconds sek sekunde sekunden seconde secondes segundo segundos secondi 秒 초"),
    },
    "feet": {
        "ft": (0.3048, "ft feet foot ' ′ ’"),
        "in": (0.0254, "in inch inches \" ″ '' ”"),
    },
    "metric": {"m": (1, "m"), "cm": (1e-2, "cm"), "mm": (1e-3, "mm")},
    "mass": {"kg": (1, "kg"), "g": (1e-3, "g")},
    "pounds": {"lb": (0.45359237, "lb lbs pound pounds"), "oz": (0.028349523125, "oz ounce ounces")},
}  # fmt: skip
"""{family: {unit as `trainer.numerals.UNITS` has it: (its size, the ways it is written, in small letters)}}."""
DIMENSIONS = {"time": ("time",), "length": ("feet", "metric"), "mass": ("mass", "pounds")}
"""{what is measured, as `trainer.numerals` names it: its families}."""
SIZES = {unit: size for units in FAMILIES.values() for unit, (size, _words) in units.items()}
UNITS = {family: {word: unit for unit, (_size, words) in units.items() for word in words.split()} for family, units in FAMILIES.items()}  # fmt: skip
BELOW = {"h": "min", "min": "s"}
"""The unit of a number of two digits that has none: 2h15."""
PART = r"(\d+(?:[.,]\d+)?)\s*([^\W\d_]+|['\"′″’”]{1,2})\.?"
WHOLE = re.compile(rf"-?{PART}(?:(?:\s*(?:,|\band\b|\bund\b|\bet\b|\by\b|\be\b|&)\s*|\s*){PART}){{0,3}}(\d\d)?")
BEGUN = re.compile(r"-?\d+(?:[.,]\d+)?\s*\S|-?P")
ISO = re.compile(r"(-?)P(?=[\dT])(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?)?")
"""A duration of ISO 8601 in days and what is shorter, as YouTube has it."""
LONGEST = 60
LEAST = 0.5
"""Share of a column's cells that are written so."""
EARLY = 50


class Compound(NamedTuple):
    """`amount`: in seconds, metres or kilograms; `units`: those that it names, the largest first."""

    family: str
    amount: float
    units: tuple[str, ...]
    is_minute: bool
    """Whether it has minutes as "m", which is a metre or a month elsewhere."""


def compound_of(text: str, families: Sequence[str] = tuple(FAMILIES)) -> Compound | None:
    """A quantity of one unit or several, each smaller than the one before; None for anything else. Of one unit alone its number
    is whole: the decimal mark of others is the column's to tell."""
    text = text.strip()
    if len(text) > LONGEST or not BEGUN.match(text):
        return None
    if text.lstrip("-").startswith("P"):
        return iso_duration(text) if "time" in families else None
    match = WHOLE.fullmatch(text)
    if match is None:
        return None
    parts = [(number, word.lower()) for number, word in re.findall(PART, text)]
    bare = match[5]
    return next((made for family in families if (made := in_family(family, parts, bare, text[0] == "-"))), None)


def in_family(family: str, parts: Sequence[tuple[str, str]], bare: str | None, is_below: bool) -> Compound | None:
    words = UNITS[family]
    if not all(word in words for _number, word in parts):
        return None
    counted = [(number, words[word]) for number, word in parts]
    if bare is not None:
        if counted[-1][1] not in BELOW or parts[-1][1] == "m":
            return None
        counted.append((bare, BELOW[counted[-1][1]]))
    sizes = [SIZES[unit] for _number, unit in counted]
    if len(counted) == 1 and not counted[0][0].isdigit():
        return None
    if sizes != sorted(set(sizes), reverse=True) or not all(number.isdigit() for number, _unit in counted[:-1]):
        return None
    amount = sum(float(number.replace(",", ".")) * size for (number, _unit), size in zip(counted, sizes, strict=True))
    is_minute = family == "time" and any(word == "m" for _number, word in parts)
    units = tuple(unit for _number, unit in counted)
    return Compound(family, -amount if is_below else amount, units, is_minute)


def iso_duration(text: str) -> Compound | None:
    match = ISO.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        return None
    matches = [
        (unit, number) for unit, number in zip(("days", "h", "min", "s"), match.groups()[1:], strict=True) if number
    ]
    amount = sum(float(number.replace(",", ".")) * SIZES[unit] for unit, number in matches)
    return Compound("time", -amount if match[1] else amount, ("P", *(unit for unit, _number in matches)), False)


def amount_of(text: str, dimension: str) -> float | None:
    """The amount of such a quantity of this dimension, in seconds, metres or kilograms."""
    made = compound_of(text, DIMENSIONS.get(dimension, ()))
    return made.amount if made else None


def compound_unit(cells: Sequence[str]) -> str:
    """The unit for a column of such quantities: the commonest of their last ones, else the smallest; "" where too few are written so. Letters for
    one unit each ("45m", "2h") are enough where all cells are times: "m" alone is a metre."""
    if len(cells) > EARLY and not compound_unit(cells[:EARLY]):
        return ""
    units = [made for cell in cells if (made := compound_of(cell))]
    if len(units) <= LEAST * len(cells) or len({made.family for made in units}) != 1:
        return ""
    several = [made for made in units if len(made.units) > 1]
    named = {unit for made in units for unit in made.units} - {"P"}
    if not several and not (units[0].family == "time" and len(named) > 1 and len(units) == len(cells)):
        return ""
    if any(made.is_minute for made in units) and not named & {"h", "s"}:
        return ""
    last = Counter(made.units[-1] for made in several)
    return min(last or named, key=lambda unit: (-last[unit], SIZES[unit]))
