"""How a column writes its numbers: its decimal mark, its unit, whether it has ranges. Standard library only."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from trainer.compounds import compound_of, compound_unit
from trainer.counted_words import is_named
from trainer.number_ranges import ends_of, may_be_even
from trainer.numeral_marks import guess_mode, is_bare
from trainer.numerals import (
    COMMA,
    DOT,
    DOUBTFUL,
    LONGEST,
    MONEY,
    UNITS,
    NumberForm,
    clock_of,
    common_number,
    number_of,
    range_ends,
    scale_of,
    singular,
    tail_of,
    tidy,
    unit_of,
)
from trainer.worded_numbers import LED, NOMINAL, STAR, UNSPACED, are_points, are_stars, lead_of, points_in, unscaled

LONGEST_WORD, MOST_WORDS = 40, 4
"""Of what stands behind the numbers of a column: "people found this helpful" is still what they count, "dogs are out with him" a
sentence that begins with a number."""


def own_unit(cells: Sequence[str]) -> str:
    """The word around every number of a column, where it says what they count; "" for none, and for words that only name."""
    unit = found_unit(cells)
    return "" if is_named(cells, unit) else unit


def found_unit(cells: Sequence[str]) -> str:
    """The word or mark behind every number of a column, where it is none of the known units: "stars", "mg/dL", "/5" for points
    of so many; "" for none. A blank or a mark stands before it: 100A and 101A are codes."""
    if any(len(cell) > LONGEST for cell in cells) or (len(cells) > 100 and not found_unit(cells[:50])):
        return ""
    if points := are_points(cells):
        return f"/{points}"
    if cells and are_stars(cells):
        return STAR
    leads = Counter(lead_of(tidy(cell)) for cell in cells if ends_of(cell) is None)
    if (led := leads.most_common(1)) and led[0][0] and led[0][1] >= 0.95 * len(cells):
        return led[0][0] + LED
    tails = Counter(own_word(parted) for cell in cells if (parted := tail_of(tidy(cell))) and is_own(cell, parted))
    word, count = tails.most_common(1)[0] if tails else ("", 0)
    return word if count >= 0.95 * len(cells) else ""


def own_word(parted: tuple[str, str]) -> str:
    """The word behind a number, without a scale before it."""
    return singular(unscaled(parted[1].lstrip("+ "), scale_of)[1])


def is_own(cell: str, parted: tuple[str, str]) -> bool:
    number, tail = parted
    scale, word = unscaled(tail.lstrip("+ "), scale_of)
    if not word or len(word) > LONGEST_WORD or len(word.split()) > MOST_WORDS or word in "-+)":
        return False
    apart = bool(scale) or not word[0].isalpha() or re.search(rf"\d\+?\s+{re.escape(word[0])}", cell) is not None
    if not apart and (UNSPACED.match(word) is None or word[0] in NOMINAL):
        return False
    high = ends_of(number)
    return any(common_number(high[1] if high else number, mark) is not None for mark in ".,")


def mixes_clocks(cells: Sequence[str]) -> bool:
    """Whether cells of two parts may be hours and minutes beside those of three ("9:45", "10:00:00"), whose seconds are all 0: they
    would count minutes as seconds."""
    clocks = [clock for cell in cells if ":" in cell and (clock := clock_of(cell.strip()))]
    whole = [clock for clock in clocks if clock[4] is not None]
    return 0 < len(whole) < len(clocks) and all(int(clock[4]) == 0 and not clock[5] for clock in whole)


def digits_of(cell: str) -> str:
    """A cell without currency, an accountant's parenthesis, and the unit or scale behind."""
    if is_bare(cell):
        return cell
    if len(cell) <= LONGEST and (points := points_in(cell)):
        return points[0]
    bare = MONEY.sub("", cell).removesuffix(")")
    if len(cell) <= LONGEST and not bare.isdigit() and (parted := tail_of(cell)):
        known = unit_of(parted[1]) or scale_of(parted[1]) or is_own(cell, parted)
        return MONEY.sub("", parted[0]) if known else bare.rstrip("-")
    return bare


def guess_decimal(cells: Iterable[str]) -> str:
    """Whether a column writes its decimals after a comma or a dot."""
    plain = [digits_of(cell) for cell in cells]
    commas = sum(COMMA.fullmatch(cell) is not None for cell in plain)
    return "," if commas > sum(DOT.fullmatch(cell) is not None for cell in plain) else "."


def is_decimal(cell: str) -> bool:
    """Whether a cell can only have a decimal comma, or only a decimal point."""
    digits = digits_of(cell)
    return COMMA.fullmatch(digits) is not None or DOT.fullmatch(digits) is not None


def decimal_confidence(cells: Sequence[str]) -> float:
    """0 to 1, that `guess_decimal` is right: sure where cells tell, or where the mark changes none of them."""
    plain = [digits_of(cell) for cell in cells]
    commas = sum(COMMA.fullmatch(cell) is not None for cell in plain)
    dots = sum(DOT.fullmatch(cell) is not None for cell in plain)
    if commas or dots:
        return max(commas, dots) / (commas + dots)
    marks = {match[1] for cell in plain if (match := DOUBTFUL.fullmatch(cell))}
    return 1.0 if not marks else 0.5 if marks == {"."} else 0.85


def guess_unit(cells: Sequence[str]) -> str:
    """The commonest unit, where half of the cells or more have one, the smallest of quantities in several units, or what the marks
    behind the numbers tell; "" for none."""
    if mode := guess_mode(cells) or compound_unit(cells):
        return mode
    units = count_units(cells)
    if units:
        return max(units, key=lambda unit: units[unit]) if sum(units.values()) >= 0.5 * len(cells) else ""
    return "" if not cells or any(cell.isdigit() for cell in cells[:20]) else own_unit(cells)


def count_units(cells: Iterable[str], parts: bool = False) -> Counter[str]:
    """How often each unit stands behind a number; of quantities of several the last, or all with `parts`."""
    counts: Counter[str] = Counter()
    for cell in cells:
        if len(cell) <= LONGEST and not is_bare(cell) and (made := compound_of(tidy(cell))) and len(made.units) > 1:
            counts.update(unit for unit in made.units[0 if parts else -1 :] if unit in UNITS)
            continue
        parted = tail_of(tidy(cell)) if len(cell) <= LONGEST and not is_bare(cell) else None
        unit = unit_of(parted[1]) if parted else None
        high = ends_of(parted[0]) if parted and unit else None
        if parted and unit and any(common_number(high[1] if high else parted[0], mark) is not None for mark in ".,"):
            counts[unit] += 1
    return counts


def guess_form(cells: Sequence[str], is_number: bool = False) -> NumberForm:
    """How these cells write numbers. Ranges are read where they stand between numbers; where all cells are ranges, they are
    classes (18-25, 26-35), unless the column `is_number` all the same: they are too many (`are_intervals`)."""
    odd = [cell for cell in cells if not is_bare(cell)]
    if not odd:
        return NumberForm(decimal=".", unit="", ranges=False)
    decimal, unit = guess_decimal(cells), guess_unit(cells)
    ranges = sum(range_ends(tidy(cell), decimal, unit) is not None for cell in odd if len(cell) <= LONGEST)
    return NumberForm(decimal=decimal, unit=unit, ranges=ranges > 0 and (is_number or ranges < 0.5 * len(cells)))


def are_intervals(cells: Sequence[str], form: NumberForm) -> bool:
    """Whether nearly all cells are ranges or numbers, half of them or more ranges, and those of digits and a hyphen alone such as
    people part a scale into, rather than codes and phone numbers of two parts."""
    ends = [(cell, range_ends(tidy(cell), form["decimal"], form["unit"])) for cell in cells if len(cell) <= LONGEST]
    ranges = [(cell, ends) for cell, ends in ends if ends]
    if len(ranges) < 0.5 * len(cells):
        return False
    numbers = sum(ends is None and number_of(cell, **form) is not None for cell, ends in ends)
    return len(ranges) + numbers > 0.95 * len(cells) and may_be_even(ranges)
