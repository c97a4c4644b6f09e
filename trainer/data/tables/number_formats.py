"""Number formats of workbooks that show zeros in front (`00000`, `000-00-0000`): what they make of a number is a code, which the
number alone is not. ECMA-376, 18.8.30 `numFmt`."""

import operator
import re
from typing import NamedTuple

PART = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|.', re.DOTALL)
CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)(-?\d{1,15})\]")
COMPARE = {
    "<=": operator.le,
    ">=": operator.ge,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
LITERALS = frozenset("-()/ +:")
"""Characters that are shown as they are, besides those in quotation marks or behind a backslash."""
WHOLE = re.compile(r"\d{1,15}")
FEWEST_ZEROS = 2


class Section(NamedTuple):
    """One of the parts of a format that semicolons divide. `pieces`: None for a digit, else what is shown between."""

    condition: tuple[str, int] | None
    pieces: tuple[str | None, ...]
    is_code: bool
    """Whether all of its digits are zeros, two or more, and nothing else is shown that depends on the number."""


def sections_of(code: str) -> list[Section]:
    sections: list[list[str]] = [[]]
    for match in PART.finditer(code[:255]):
        if match[0] == ";":
            sections.append([])
        else:
            sections[-1].append(match[0])
    return [section_of(parts) for parts in sections]


def section_of(parts: list[str]) -> Section:
    condition: tuple[str, int] | None = None
    pieces: list[str | None] = []
    is_plain = True
    for part in parts:
        if part == "0":
            pieces.append(None)
        elif part[0] in '"\\' and len(part) > 1:
            pieces.append(part[1:-1] if part[0] == '"' else part[1])
        elif part in LITERALS:
            pieces.append(part)
        elif match := CONDITION.fullmatch(part):
            condition = match[1], int(match[2])
        else:
            is_plain &= part[0] in "_*["
    return Section(condition, tuple(pieces), is_plain and pieces.count(None) >= FEWEST_ZEROS)


def is_zero_format(code: str) -> bool:
    """Whether a format shows some numbers with zeros in front."""
    return any(section.is_code for section in sections_of(code))


def shown(number: str, code: str) -> str:
    """A whole number from 0 on as the format shows it; the text itself where that is no code."""
    if not WHOLE.fullmatch(number):
        return number
    fitting = [section for section in sections_of(code)[:2] if suits(section, int(number))]
    return filled(number, fitting[0].pieces) if fitting and fitting[0].is_code else number


def suits(section: Section, number: int) -> bool:
    """Whether a number from 0 on is shown by a section."""
    if section.condition is None:
        return True
    sign, limit = section.condition
    return bool(COMPARE[sign](number, limit))


def filled(number: str, pieces: tuple[str | None, ...]) -> str:
    """Digits in their places from the right, zeros where there are too few, those too many in front of the first."""
    digits = list(number.rjust(pieces.count(None), "0"))
    text: list[str] = []
    places = pieces.count(None)
    for piece in reversed(pieces):
        if piece is not None:
            text.append(piece)
            continue
        places -= 1
        text.append(digits.pop() if places else "".join(digits))
    return "".join(reversed(text))
