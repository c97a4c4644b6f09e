"""Is one model better than another? Their answers to the same rows, compared in pairs. Needs numpy alone.

The trainer asks it of a model and its baselines, the site of two runs (`compare_artifacts`). One rule for every metric:

- `difference`: the first model's score minus the second's, signed so that positive means that the first is better, whether
  the metric is to be high or low.
- Its 95 % interval: for accuracy in closed form (Bonett and Price 2012, for paired shares); otherwise the percentiles of a
  bootstrap that draws rows with replacement, each with the answers of both models. The seed is fixed.
- `p`: how often chance alone would show a difference as large, if it made no matter which of the two answered which row:
  for accuracy McNemar's exact test, otherwise the same test by random exchanges (Noreen 1989). It is right for tiny tests,
  where a bootstrap is too sure; where it cannot exclude chance (p ≥ 0.05), the interval is stretched to include 0.
- `outcome`: "better" or "worse" only where the interval leaves 0 out, otherwise "not shown".
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer.answers.base_scoring import Cells, Given, Measure, scoring_of
from trainer.answers.metrics import named, owners

LEVEL = 0.95
FEWEST_RESAMPLES = 200
MOST_DRAWN = 4_000_000
"""Rows over all draws: from 2,000 rows on there are fewer draws."""
EXCHANGES = 500


@dataclass(frozen=True)
class Interval:
    """A score with its 95 % interval; `method`: wilson or bootstrap, the latter of so many `resamples`."""

    value: float
    low: float
    high: float
    method: str
    resamples: int | None

    def described(self) -> dict[str, Any]:
        """As report.json has it under `interval`."""
        return {"method": self.method, "level": LEVEL, "resamples": self.resamples}


def headed(name: str, found: Interval) -> dict[str, Any]:
    """`headline` and `interval` of report.json."""
    headline = {"name": name, "value": found.value, "low": found.low, "high": found.high}
    return {"headline": headline, "interval": found.described()}


@dataclass(frozen=True)
class Comparison:
    """`first` and `second`: the scores; `value`, `low`, `high`: their difference, positive where the first is better."""

    metric: str
    rows: int
    first: float
    second: float
    value: float
    low: float
    high: float
    p: float
    method: str
    """bonett-price or bootstrap."""
    resamples: int | None

    @property
    def outcome(self) -> str:
        return "better" if self.low > 0 else "worse" if self.high < 0 else "not shown"

    @property
    def difference(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}


def compare(
    metric: str,
    truth: Given,
    first: Given,
    second: Given,
    *,
    labels: Sequence[Any] = (),
    seed: int = 0,
    resamples: int | None = None,
) -> Comparison:
    """Whether `first` answers the rows of `truth` better than `second`; the three are in the same order.

    What a row's answer is depends on the metric, which is that of a kind of answer (`ValueError` for another):

    - accuracy, macro_f1: a label, as `truth` names it (text or number);
    - log_loss, roc_auc, pr_auc: the probabilities of `labels`, in their order: (rows, labels);
    - r2, rmse, mae: a number;
    - wer, cer: a text;
    - map_50, map: `trainer.average_precision.Objects`, labelled by places in `labels`.
    """
    one, other, score = prepared(metric, truth, (first, second), labels)
    facts = named(metric)
    rows, sign = len(one), -1 if facts.lower_is_better else 1
    every = np.ones(rows)
    scores = score(one, every), score(other, every)
    value = sign * (scores[0] - scores[1])
    if facts.counts_rows:
        only_first, only_second = int((one > other).sum()), int((other > one).sum())
        low, high = paired_shares(only_first, only_second, rows)
        p, method, draws = mcnemar(only_first, only_second), "bonett-price", None
    else:
        draws = resamples or draws_for(metric, rows)
        generator, method = np.random.default_rng(seed), "bootstrap"
        found = [sign * (score(one, some) - score(other, some)) for some in drawn(rows, draws, generator)]
        low, high = percentiles(found)
        if low == high and facts.bounded:
            low, high = widened(value, rows)
        p = by_exchange(one, other, score, abs(value), min(draws, EXCHANGES), generator)
    low, high = min(low, value), max(high, value)
    if p >= 1 - LEVEL:
        low, high = min(low, 0.0), max(high, 0.0)
    return Comparison(metric, rows, *scores, value + 0.0, low + 0.0, high + 0.0, p, method, draws)


def interval(
    metric: str,
    truth: Given,
    predicted: Given,
    *,
    labels: Sequence[Any] = (),
    seed: int = 0,
    resamples: int | None = None,
) -> Interval:
    """A score and its 95 % interval, of answers as `compare` takes them: Wilson's for accuracy, otherwise the bootstrap's."""
    cells, _same, score = prepared(metric, truth, (predicted, predicted), labels)
    rows, facts = len(cells), named(metric)
    value = score(cells, np.ones(rows)) + 0.0
    if facts.counts_rows:
        return Interval(value, *wilson(value, rows), "wilson", None)
    draws = resamples or draws_for(metric, rows)
    low, high = percentiles([score(cells, some) for some in drawn(rows, draws, np.random.default_rng(seed))])
    if low == high and facts.bounded and value in (0, 1):
        return Interval(value, *wilson(value, rows), "wilson", None)
    return Interval(value, min(low, value) + 0.0, max(high, value) + 0.0, "bootstrap", draws)


def score(metric: str, truth: Given, predicted: Given, *, labels: Sequence[Any] = ()) -> float:
    """The metric alone, of answers as `compare` takes them."""
    cells, _same, measure = prepared(metric, truth, (predicted, predicted), labels)
    return measure(cells, np.ones(len(cells))) + 0.0


# Intervals and tests


def wilson(share: float, rows: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share of so many rows (Wilson 1927)."""
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5
    return max(min(middle - half, share), 0.0), min(max(middle + half, share), 1.0)


def paired_shares(only_first: int, only_second: int, rows: int, z: float = 1.96) -> tuple[float, float]:
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
        math.exp(math.lgamma(differing + 1) - math.lgamma(at + 1) - math.lgamma(differing - at + 1) - half)
        for at in range(min(only_first, only_second) + 1)
    )
    return min(1.0, 2 * tail)


def widened(value: float, rows: int) -> tuple[float, float]:
    """Of a difference that no draw changes: as far as a share that is the same in all rows could be from what was seen."""
    slack = 1 - wilson(1.0, rows)[0]
    return max(value - slack, -1.0), min(value + slack, 1.0)


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def draws_for(metric: str, rows: int) -> int:
    return int(np.clip(MOST_DRAWN // rows, FEWEST_RESAMPLES, named(metric).most_draws))


def drawn(rows: int, draws: int, generator: np.random.Generator) -> Any:
    """How often each row is in each of many draws with replacement."""
    every = (generator.integers(0, rows, rows) for _draw in range(draws))
    return (np.bincount(some, minlength=rows).astype(np.float64) for some in every)


def by_exchange(
    one: np.ndarray, other: np.ndarray, score: Measure, observed: float, draws: int, generator: np.random.Generator
) -> float:
    """p: the share of random exchanges of the two models' answers, row by row, after which they differ at least as much.

    Ended once chance can no longer be excluded (Besag and Clifford 1991): p is then that of the exchanges made.
    """
    rows, every, beyond = len(one), np.ones(len(one)), 1
    enough = max(20, (1 - LEVEL) * (draws + 1))
    shape = (rows, *(1,) * (one.ndim - 1))
    for made in range(1, draws + 1):
        kept = (generator.random(rows) < 0.5).reshape(shape)
        apart = score(np.where(kept, one, other), every) - score(np.where(kept, other, one), every)
        beyond += abs(apart) >= observed - 1e-12
        if beyond > enough:
            return beyond / (made + 1)
    return beyond / (draws + 1)


# What each metric needs to know of a row is a matter of its kind of answer


def prepared(metric: str, truth: Given, answers: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
    """Of the first model's answers, of the second's, and the metric of either."""
    kind = owners().get(metric)
    if kind is None:
        raise ValueError(f"two models cannot be compared by {metric}")
    if not len(truth) or any(len(one) != len(truth) for one in answers):
        raise ValueError("the answers to compare are not those of the same rows")
    return scoring_of(kind.key).cells(metric, truth, answers, labels)


def total(cells: np.ndarray, weights: np.ndarray) -> float:
    """Their inner product, on one thread: many short ones are slower on several."""
    return float(np.einsum("i,i->", cells, weights))


def mean(cells: np.ndarray, weights: np.ndarray) -> float:
    return total(cells, weights) / max(float(weights.sum()), 1e-12)


# Two finished runs


def compare_artifacts(metric: str, first: Path, second: Path) -> Comparison | None:
    """Two artifacts on the test rows that both were tested on, of one dataset version; None where they share none, or do not
    keep what the metric needs. Where answers to few rows are shared, `Comparison.rows` tells."""
    try:
        tables = [read_predictions(folder, metric) for folder in (first, second)]
        labels = [json.loads((folder / "manifest.json").read_text("utf-8"))["labels"] for folder in (first, second)]
    except (OSError, ValueError, KeyError):
        return None
    shared = sorted(tables[0].keys() & tables[1].keys())
    shared = [row for row in shared if tables[0][row]["truth"] == tables[1][row]["truth"]]
    column, kind = named(metric).column, owners().get(metric)
    if not shared or kind is None or any(column not in table[row] for table in tables for row in shared):
        return None
    every = sorted({*labels[0], *labels[1]})
    scoring = scoring_of(kind.key)
    answers = [
        scoring.read_predicted(metric, [table[row][column] for row in shared], own, every)
        for table, own in zip(tables, labels, strict=True)
    ]
    truth = scoring.read_truth([tables[0][row]["truth"] for row in shared], every)
    return compare(metric, truth, answers[0], answers[1], labels=every)


def read_predictions(folder: Path, metric: str) -> dict[int, dict[str, Any]]:
    """Of predictions.parquet of an artifact what the metric needs, by row. The probabilities of many rows and labels take far
    more memory than all else, so that only a metric of theirs reads them."""
    import pyarrow.parquet as pq

    wanted = ("row", "truth", named(metric).column)
    names = pq.read_schema(folder / "predictions.parquet").names
    table = pq.read_table(folder / "predictions.parquet", columns=[name for name in wanted if name in names])
    return {one["row"]: one for one in table.to_pylist()}
