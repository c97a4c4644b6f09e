"""How far people agree on labels: Krippendorff's alpha for nominal data (Krippendorff 2011, "Computing Krippendorff's
alpha-reliability"), its interval by resampling rows, and the two labels that are disputed most."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

DRAWS = 300
FEWEST = 10
"""Rows with two opinions, below which nothing is said."""


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


def alpha_of(units: Sequence[Sequence[str]]) -> float:
    """`units`: the labels of each row by those who labelled it, two or more. 1 where one label alone was ever used."""
    totals: Counter[str] = Counter()
    disagreement = 0.0
    for unit in units:
        counts = Counter(unit)
        totals += counts
        same = sum(count * count for count in counts.values())
        disagreement += (len(unit) ** 2 - same) / (len(unit) - 1)
    values = sum(totals.values())
    expected = values**2 - sum(count * count for count in totals.values())
    return 1 - (values - 1) * disagreement / expected if expected else 1.0


def agreement_of(units: Sequence[Sequence[str]]) -> Agreement | None:
    """None for too few rows."""
    units = [unit for unit in units if len(unit) > 1]
    if len(units) < FEWEST:
        return None
    generator = random.Random(0)  # noqa: S311  resampling, no secret
    drawn = sorted(alpha_of(generator.choices(units, k=len(units))) for _draw in range(DRAWS))
    against = Counter(pair for unit in units for pair in pairs_in(unit))
    pair, times = against.most_common(1)[0] if against else (None, 0)
    ends = drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS) - 1]
    return Agreement(alpha_of(units), *ends, len(units), pair, times)


def pairs_in(unit: Sequence[str]) -> set[tuple[str, str]]:
    """The different labels that stand against each other in a row."""
    labels = sorted(set(unit))
    return {(first, second) for at, first in enumerate(labels) for second in labels[at + 1 :]}
