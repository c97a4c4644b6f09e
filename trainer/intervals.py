"""Confidence intervals and tests of scores, of one model or of two compared in pairs. Needs numpy alone."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from trainer.answers.base_scoring import Measure
from trainer.shares import wilson_interval as wilson_interval

LEVEL = 0.95
MIN_RESAMPLES = 200
MAX_DRAWN = 4_000_000
"""Rows over all draws: from 2,000 rows on there are fewer draws."""
MAX_EXCHANGES = 500


def paired_share_interval(only_first: int, only_second: int, rows: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of the difference of two shares of the same rows, from the rows that one alone has right."""
    first, second = (only_first + 1) / (rows + 2), (only_second + 1) / (rows + 2)
    half = z * ((first + second - (first - second) ** 2) / (rows + 2)) ** 0.5
    return max(first - second - half, -1.0), min(first - second + half, 1.0)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p of as uneven a share of the rows that one alone has right (McNemar 1947)."""
    differing = only_first + only_second
    if not differing:
        return 1.0
    half = differing * math.log(2)
    tail = sum(
        math.exp(math.lgamma(differing + 1) - math.lgamma(count + 1) - math.lgamma(differing - count + 1) - half)
        for count in range(min(only_first, only_second) + 1)
    )
    return min(1.0, 2 * tail)


def widen_constant(value: float, rows: int) -> tuple[float, float]:
    """Of a difference that no draw changes: as far as a share that is the same in all rows could be from what was seen."""
    slack = 1 - wilson_interval(1.0, rows)[0]
    return max(value - slack, -1.0), min(value + slack, 1.0)


def percentile_interval(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def draw_weights(rows: int, draws: int, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each row is in each of many draws with replacement."""
    samples = (generator.integers(0, rows, rows) for _draw in range(draws))
    return (np.bincount(sample, minlength=rows).astype(np.float64) for sample in samples)


def exchange_test(
    first_cells: np.ndarray,
    second_cells: np.ndarray,
    score: Measure,
    observed: float,
    draws: int,
    generator: np.random.Generator,
) -> float:
    """p: the share of random exchanges of the two models' answers, row by row, after which they differ at least as much.

    Ended once chance can no longer be excluded (Besag and Clifford 1991): p is then that of the exchanges made.
    """
    rows, once, beyond = len(first_cells), np.ones(len(first_cells)), 1
    enough = max(20, (1 - LEVEL) * (draws + 1))
    shape = (rows, *(1,) * (first_cells.ndim - 1))
    for made in range(1, draws + 1):
        is_kept = (generator.random(rows) < 0.5).reshape(shape)
        apart = score(np.where(is_kept, first_cells, second_cells), once) - score(
            np.where(is_kept, second_cells, first_cells), once
        )
        beyond += abs(apart) >= observed - 1e-12
        if beyond > enough:
            return beyond / (made + 1)
    return beyond / (draws + 1)
