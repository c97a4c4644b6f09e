"""How far answers are from each other that are more than labels: texts by their words, boxes by how far they overlap."""

import random
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from typing import Any

MOST_PAIRS = 2_000
"""Pairs of answers that are compared; of more, so many are drawn."""
Sides = Sequence[float]
"""x, y, width and height."""


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Least number of entries that are replaced, inserted or deleted: Levenshtein's, with a bit for each entry of `first`
    (Myers 1999, as in Hyyrö 2003), so that texts of a thousand words take milliseconds."""
    if not first:
        return len(second)
    places: dict[Hashable, int] = {}
    for index, entry in enumerate(first):
        places[entry] = places.get(entry, 0) | 1 << index
    every, last, distance = (1 << len(first)) - 1, 1 << len(first) - 1, len(first)
    more, less = every, 0
    for entry in second:
        same = places.get(entry, 0)
        diagonal = (((same & more) + more) ^ more) | same | less
        up, down = less | ~(diagonal | more) & every, more & diagonal
        distance += bool(up & last) - bool(down & last)
        up, down = (up << 1 | 1) & every, down << 1 & every
        more, less = down | ~(same | less | up) & every, up & (same | less)
    return distance


def overlap(first: Sides, second: Sides) -> float:
    """Intersection over union."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    whole = first[2] * first[3] + second[2] * second[3] - shared
    return shared / whole if whole else 0.0


def pairs_by_overlap(first: Sequence[Sides], second: Sequence[Sides]) -> list[tuple[float, int, int]]:
    """(overlap, place in `first`, place in `second`) of boxes that touch, each in one pair at most: those that overlap most first."""
    shares = [
        (overlap(box, other), left, right) for left, box in enumerate(first) for right, other in enumerate(second)
    ]
    pairs: list[tuple[float, int, int]] = []
    taken: tuple[set[int], set[int]] = set(), set()
    for share, left, right in sorted(shares, reverse=True):
        if share > 0 and left not in taken[0] and right not in taken[1]:
            pairs.append((share, left, right))
            taken[0].add(left)
            taken[1].add(right)
    return pairs


def sum_of_distances(counts: Counter[Any], distance: Callable[[Any, Any], float]) -> float:
    """Of all ordered pairs of answers, {answer: how often it was given}; of very many it is estimated from MOST_PAIRS of them, the same
    ones each time."""
    if len(counts) * (len(counts) - 1) // 2 <= MOST_PAIRS:
        return 2 * sum(
            counts[answer] * counts[other] * distance(answer, other) for answer, other in combinations(counts, 2)
        )
    generator = random.Random(0)  # noqa: S311  a sample, no secret
    given, weights = list(counts), list(counts.values())
    drawn = zip(*(generator.choices(given, weights, k=MOST_PAIRS) for _side in "ab"), strict=True)
    return counts.total() ** 2 * sum(distance(answer, other) for answer, other in drawn) / MOST_PAIRS
