"""How far people agree on answers: Krippendorff's alpha (Krippendorff 2011, "Computing Krippendorff's alpha-reliability"), its interval
by resampling rows, and what is disputed most.

How far two answers are from each other depends on their kind (`webapp.answers.labelled.Labelling.apart`): labels are the same or
not; sets of labels are nearer the more they share (MASI, Passonneau 2006); numbers by the square of their difference; passages word
by word; texts by the share of their words that differ, boxes by how far they overlap (Braylan, Alonso and Lease 2022, "Measuring
annotator agreement generally across complex structured, multi-object, and free-text annotation tasks")."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest
from typing import Any, Self

from webapp.answers.classes import OneLabel
from webapp.answers.labelled import Labelling
from webapp.answers.likeness import MOST_EFFORT, within_effort

DRAWS, FEWER_DRAWS = 300, 60
MANY = 100
"""Different answers beyond which fewer are drawn: each is compared with each."""
FEWEST = 10
"""Rows with two opinions, below which nothing is said."""
Apart = Callable[[Counter[Any]], float]
"""{answer: how often it was given} -> the sum of the distances of all ordered pairs of them."""
Units = Sequence[Sequence[Any]]
"""The answers to each row by those who gave one, two or more, as they are compared."""


@dataclass(frozen=True)
class Measure:
    """`name`: exact_f1 (passages with the same words and label), f1_50 (boxes with the same label and an overlap of at least 0.5), or
    wer (the share of words that differ), with its 95 % interval from `low` to `high`."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """`alpha`: Krippendorff's, 1 where all agree and 0 as by chance, with its 95 % interval from `low` to `high`; `rows`: that two have
    labelled; `pair`: what stands against each other most often, `times`; `likeness`: how alike two answers to a row are, in the
    measure of their kind; null where alpha says it all."""

    alpha: float
    low: float
    high: float
    rows: int
    pair: tuple[str, str] | None
    times: int
    likeness: Measure | None = None


@dataclass(frozen=True)
class Judged:
    """A row: how often each part of an answer was given, the sum of their distances, and how much of the answers is alike."""

    given: Counter[Any]
    apart: float
    alike: float
    whole: float

    @classmethod
    def of(cls, unit: Sequence[Any], kind: Labelling) -> Self:
        parts = list(map(Counter, zip_longest(*map(kind.parts, unit))))
        apart = sum(kind.apart(counts) / (len(unit) - 1) for counts in parts)
        shares = [kind.alike(answer, other) for answer, other in combinations(unit, 2)] if kind.likeness else []
        alike, whole = (sum(share[side] for share in shares) for side in (0, 1))
        return cls(sum(parts, Counter()), apart, alike, whole)


def alpha_of(units: Units, apart: Apart) -> float:
    """1 where one answer alone was ever given. Of answers that are compared whole."""
    rows = [Judged(counts := Counter(unit), apart(counts) / (len(unit) - 1), 0, 0) for unit in units]
    return 1 - observed(rows) / (by_chance(rows, apart) or 1)


def observed(rows: Sequence[Judged]) -> float:
    """Mean distance of what was said of the same row."""
    return sum(row.apart for row in rows) / max(sum(row.given.total() for row in rows), 1)


def by_chance(rows: Sequence[Judged], apart: Apart) -> float:
    """Mean distance of any two answers."""
    totals: Counter[Any] = Counter()
    for row in rows:
        totals.update(row.given)
    return apart(totals) / max(totals.total() * (totals.total() - 1), 1)


def alike_of(rows: Sequence[Judged]) -> float:
    """1 where there is nothing to compare: all say that nothing is there."""
    whole = sum(row.whole for row in rows)
    return sum(row.alike for row in rows) / whole if whole else 1.0


def agreement_of(units: Units, kind: Labelling | None = None) -> Agreement | None:
    """None for too few rows. `kind`: one label a row where none is given."""
    kind = kind or OneLabel()
    units = [unit for unit in units if len(unit) > 1]
    if len(units) < FEWEST:
        return None
    count, units = len(units), affordable(units, kind) if kind.is_compared_slowly else units
    rows = [Judged.of(unit, kind) for unit in units]
    chance = by_chance(rows, kind.apart)
    is_many = len({answer for unit in units for answer in unit}) > MANY

    def alpha(some: Sequence[Judged]) -> float:
        expected = chance if some is rows or kind.is_compared_slowly else by_chance(some, kind.apart)
        return 1 - observed(some) / (expected or 1)

    disputed = Counter(pair for unit in units for pair in pairs_in(unit, kind))
    pair, times = disputed.most_common(1)[0] if disputed else (None, 0)
    value, low, high = with_interval(rows, alpha, FEWER_DRAWS if is_many and not kind.is_compared_slowly else DRAWS)
    likeness = Measure(kind.likeness, *with_interval(rows, alike_of, DRAWS)) if kind.likeness else None
    return Agreement(value, low, high, count, pair, times, likeness)


def affordable(units: Units, kind: Labelling) -> Units:
    """All of them, or where comparing them takes too long, two answers to some of the rows, the same ones each time."""
    if sum(kind.effort(*pair) for unit in units for pair in combinations(unit, 2)) <= MOST_EFFORT:
        return units
    generator = random.Random(0)  # noqa: S311  a sample, no secret
    drawn = [generator.sample(unit, 2) for unit in generator.sample(units, len(units))]
    return list(within_effort(((first, second) for first, second in drawn), kind.effort, FEWEST))


def with_interval(
    rows: Sequence[Judged], figure: Callable[[Sequence[Judged]], float], draws: int
) -> tuple[float, float, float]:
    """(value, low, high), the 95 % interval by resampling rows."""
    generator = random.Random(0)  # noqa: S311  resampling, no secret
    drawn = sorted(figure(generator.choices(rows, k=len(rows))) for _draw in range(draws))
    return figure(rows), drawn[int(0.025 * draws)], drawn[int(0.975 * draws) - 1]


def pairs_in(unit: Sequence[Any], kind: Labelling) -> set[tuple[str, str]]:
    """What stands against each other in a row."""
    answers = list(dict.fromkeys(unit))
    pairs = (pair for answer, other in combinations(answers, 2) for pair in kind.against(answer, other))
    return {(min(pair), max(pair)) for pair in pairs}
