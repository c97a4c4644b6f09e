"""How far answers are from each other that are more than labels: texts by their words, boxes by how far they overlap."""

import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import combinations, islice, starmap
from typing import Any

MOST_PAIRS = 2_000
"""Pairs of answers that are compared; of more, so many are drawn."""
MOST_EFFORT = 400_000
"""That comparing answers may take, so that a page comes within about a second: pairs of boxes, or as long."""
FEWEST_PAIRS = 10
"""That are compared however long it takes."""
MOST_TOUCHING = 10_000
"""Pairs of boxes that touch, in two answers; only boxes that all lie on each other have more."""
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
    """(overlap, place in `first`, place in `second`) of boxes that touch, each in one pair at most: those that overlap most first. Of
    more than MOST_TOUCHING, those of the first boxes."""
    touching = islice(places_that_touch(first, second), MOST_TOUCHING)
    shares = [(overlap(first[left], second[right]), left, right) for left, right in touching]
    pairs: list[tuple[float, int, int]] = []
    taken: tuple[set[int], set[int]] = set(), set()
    for share, left, right in sorted(shares, reverse=True):
        if share > 0 and left not in taken[0] and right not in taken[1]:
            pairs.append((share, left, right))
            taken[0].add(left)
            taken[1].add(right)
    return pairs


def places_that_touch(first: Sequence[Sides], second: Sequence[Sides]) -> Iterator[tuple[int, int]]:
    """(place in `first`, place in `second`) of boxes that share an area."""
    ends = [(x, y, x + width, y + height, place) for place, (x, y, width, height) in enumerate(second)]
    for left, (x, y, width, height) in enumerate(first):
        right, bottom = x + width, y + height
        for start, top, end, low, place in ends:
            if start < right and x < end and top < bottom and y < low:
                yield left, place


def sum_of_distances(
    counts: Counter[Any],
    distance: Callable[[Any, Any], float],
    effort: Callable[[Any, Any], int] = lambda _first, _second: 1,
) -> float:
    """Of all ordered pairs of answers, {answer: how often it was given}; of very many it is estimated from MOST_PAIRS of them, the same
    ones each time, or from as many as take MOST_EFFORT."""
    pairs = len(counts) * (len(counts) - 1) // 2
    if pairs <= MOST_PAIRS and sum(starmap(effort, combinations(counts, 2))) <= MOST_EFFORT:
        return 2 * sum(
            counts[answer] * counts[other] * distance(answer, other) for answer, other in combinations(counts, 2)
        )
    generator = random.Random(0)  # noqa: S311  a sample, no secret
    given, weights = list(counts), list(counts.values())
    drawn = zip(*(generator.choices(given, weights, k=MOST_PAIRS) for _side in "ab"), strict=True)
    compared = list(within_effort(drawn, effort, FEWEST_PAIRS))
    return counts.total() ** 2 * sum(starmap(distance, compared)) / len(compared)


def within_effort(
    pairs: Iterable[tuple[Any, Any]], effort: Callable[[Any, Any], int], fewest: int = 1
) -> Iterator[tuple[Any, Any]]:
    """The first of them, until they take MOST_EFFORT; `fewest` at least."""
    spent = 0
    for place, (answer, other) in enumerate(pairs):
        spent += effort(answer, other)
        if spent > MOST_EFFORT and place >= fewest:
            break
        yield answer, other
