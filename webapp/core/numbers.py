"""Whole numbers out of strangers' hands."""

from typing import TypeVar

Otherwise = TypeVar("Otherwise")
MOST_DIGITS = 9
"""Fits the smallest integer column; Python itself refuses to read some thousand digits."""


def whole(text: str, otherwise: Otherwise) -> int | Otherwise:
    return int(text) if text.isdecimal() and len(text) <= MOST_DIGITS else otherwise
