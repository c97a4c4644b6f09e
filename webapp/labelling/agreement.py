"""How far people agree on answers: Krippendorff's alpha (Krippendorff 2011, "Computing Krippendorff's alpha-reliability"), its interval
by resampling rows, and the two labels that are disputed most.

How far two answers are from each other depends on their kind: labels are the same or not; sets of labels are nearer the more they
share (MASI, Passonneau 2006); numbers by the square of their difference."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

DRAWS, FEWER_DRAWS = 300, 60
MANY = 100
"""Different answers beyond which fewer are drawn: each is compared with each."""
FEWEST = 10
"""Rows with two opinions, below which nothing is said."""
Apart = Callable[[Counter[Any]], float]
"""{answer: how often it was given} -> the sum of the distances of all ordered pairs of them."""
Against = Callable[[Any, Any], Iterable[tuple[str, str]]]
Units = Sequence[Sequence[Any]]
"""The answers to each row by those who gave one, two or more."""


@dataclass(frozen=True)
class Agreement:
    """`alpha`: 1 where all agree, 0 as by chance; `low` and `high` of its 95 % interval; `rows` with two opinions; `pair`: the labels
    that stand against each other most often, `times`."""

    alpha: float
    low: float
    high: float
    rows: int
    pair: tuple[str, str] | None
    times: int


def nominal(counts: Counter[Any]) -> float:
    """Of answers that are the same or not."""
    return float(counts.total() ** 2 - sum(count * count for count in counts.values()))


def themselves(first: Any, second: Any) -> list[tuple[str, str]]:
    return [(str(first), str(second))]


def alpha_of(units: Units, apart: Apart = nominal) -> float:
    """1 where one answer alone was ever given."""
    totals: Counter[Any] = Counter()
    disagreement = 0.0
    for unit in units:
        counts = Counter(unit)
        totals += counts
        disagreement += apart(counts) / (len(unit) - 1)
    expected = apart(totals)
    return 1 - (totals.total() - 1) * disagreement / expected if expected else 1.0


def agreement_of(units: Units, apart: Apart = nominal, against: Against = themselves) -> Agreement | None:
    """None for too few rows. `against`: the labels of one answer that stand against those of another."""
    units = [unit for unit in units if len(unit) > 1]
    if len(units) < FEWEST:
        return None
    generator = random.Random(0)  # noqa: S311  resampling, no secret
    draws = DRAWS if len({answer for unit in units for answer in unit}) <= MANY else FEWER_DRAWS
    drawn = sorted(alpha_of(generator.choices(units, k=len(units)), apart) for _draw in range(draws))
    disputed = Counter(pair for unit in units for pair in pairs_in(unit, against))
    pair, times = disputed.most_common(1)[0] if disputed else (None, 0)
    ends = drawn[int(0.025 * draws)], drawn[int(0.975 * draws) - 1]
    return Agreement(alpha_of(units, apart), *ends, len(units), pair, times)


def pairs_in(unit: Sequence[Any], against: Against = themselves) -> set[tuple[str, str]]:
    """The labels that stand against each other in a row."""
    answers = list(dict.fromkeys(unit))
    pairs = (
        pair
        for index, answer in enumerate(answers)
        for other in answers[index + 1 :]
        for pair in against(answer, other)
    )
    return {(min(pair), max(pair)) for pair in pairs}
