"""Ranges of numbers as they are written: "10-20", "20–30 kg", "from 10 to 20", "10 bis 20", "10至20", "50+", "under 18". Standard
library only."""

import re
from collections.abc import Sequence

RANGE = re.compile(r"(.*?\d.*?)\s*(?:[-–—~～]|\bto\b|\bbis\b|至|到|\bà\b|\ba\b)\s*(\+?[^-]*\d.*)")
BETWEEN = re.compile(r"\d.*?(?:[-–—~～至到]|\bto\b|\bbis\b|\bà\b|\ba\b)")
"""What a range has at least: quick to look for in a long cell, where RANGE would try every two places."""
LED = re.compile(
    r"(?:from|between|von|zwischen|entre|de|desde|da|tra|fra|从|自)\s*((?<![a-z])\D{0,3}\d.*?)\s*(?:\b(?:to|and|bis|und|à|et|a|y|hasta|al|e)\b|到|至)\s*(\D{0,3}\d.*)",
    re.IGNORECASE,
)  # fmt: skip
"""A range that a word begins: from 10 to 20, zwischen 10 und 20, entre 10 et 20."""
BARE = re.compile(r"\d+\s*[-–—]\s*\d+")
MOST_TIMES, FEWEST_LOWS = 10, 0.3


def ends_of(text: str) -> tuple[str, str] | None:
    """Both ends of a range as they are written; None for anything else."""
    match = LED.fullmatch(text) if text[:1].isalpha() else None
    match = match or (RANGE.fullmatch(text) if BETWEEN.search(text) else None)
    return (match[1], match[2]) if match else None


def may_be_even(ranges: Sequence[tuple[str, tuple[float, float]]]) -> bool:
    """Whether ranges in digits and a hyphen alone are of a scale: they begin at many places, never with a zero in front, and few
    end beyond ten times their beginning. What has a unit, a sign or a word in it is no code."""
    bare = [(cell, ends) for cell, ends in ranges if BARE.fullmatch(cell.strip())]
    if not bare:
        return True
    if any(re.search(r"\b0\d", cell) for cell, _ends in bare):
        return False
    near = sum(high <= MOST_TIMES * low + MOST_TIMES for _cell, (low, high) in bare)
    different = {ends for _cell, ends in bare}
    return near >= 0.9 * len(bare) and len({low for low, _high in different}) >= FEWEST_LOWS * len(different)
