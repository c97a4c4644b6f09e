"""How warm a cell of a table of counts is drawn."""

import math

WARMEST = 7


def heat(count: int, whole: int) -> int:
    """0 to WARMEST, by the share of the whole."""
    return min(WARMEST, math.ceil(WARMEST * count / max(whole, 1)))
