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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer.answers.base_scoring import Cells, Given, scoring_of
from trainer.answers.metrics import named, owners
from trainer.intervals import (
    LEVEL,
    MAX_DRAWN,
    MAX_EXCHANGES,
    MIN_RESAMPLES,
    draw_weights,
    exchange_test,
    mcnemar,
    paired_share_interval,
    percentile_interval,
    widen_constant,
    wilson_interval,
)


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


def headed(name: str, scored: Interval) -> dict[str, Any]:
    """`headline` and `interval` of report.json."""
    headline = {"name": name, "value": scored.value, "low": scored.low, "high": scored.high}
    return {"headline": headline, "interval": scored.described()}


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
    targets: Given,
    first: Given,
    second: Given,
    *,
    labels: Sequence[Any] = (),
    seed: int = 0,
    resamples: int | None = None,
) -> Comparison:
    """Whether `first` answers the rows of `targets` better than `second`; the three are in the same order.

    What a row's answer is depends on the metric, which is that of a kind of answer (`ValueError` for another):

    - accuracy, macro_f1: a label, as `targets` name it (text or number);
    - log_loss, roc_auc, pr_auc: the probabilities of `labels`, in their order: (rows, labels);
    - r2, rmse, mae: a number;
    - wer, cer: a text;
    - map_50, map: `trainer.average_precision.Objects`, labelled by places in `labels`.
    """
    first_cells, second_cells, score = prepare_cells(metric, targets, (first, second), labels)
    facts = named(metric)
    rows, sign = len(first_cells), -1 if facts.lower_is_better else 1
    once = np.ones(rows)
    scores = score(first_cells, once), score(second_cells, once)
    value = sign * (scores[0] - scores[1])
    if facts.counts_rows:
        only_first, only_second = int((first_cells > second_cells).sum()), int((second_cells > first_cells).sum())
        low, high = paired_share_interval(only_first, only_second, rows)
        p, method, draws = mcnemar(only_first, only_second), "bonett-price", None
    else:
        draws = resamples or count_draws(metric, rows)
        generator, method = np.random.default_rng(seed), "bootstrap"
        differences = [
            sign * (score(first_cells, weights) - score(second_cells, weights))
            for weights in draw_weights(rows, draws, generator)
        ]
        low, high = percentile_interval(differences)
        if low == high and facts.bounded:
            low, high = widen_constant(value, rows)
        p = exchange_test(first_cells, second_cells, score, abs(value), min(draws, MAX_EXCHANGES), generator)
    low, high = min(low, value), max(high, value)
    if p >= 1 - LEVEL:
        low, high = min(low, 0.0), max(high, 0.0)
    return Comparison(metric, rows, *scores, value + 0.0, low + 0.0, high + 0.0, p, method, draws)


def interval(
    metric: str,
    targets: Given,
    predicted: Given,
    *,
    labels: Sequence[Any] = (),
    seed: int = 0,
    resamples: int | None = None,
) -> Interval:
    """A score and its 95 % interval, of answers as `compare` takes them: Wilson's for accuracy, otherwise the bootstrap's."""
    cells, _same, score = prepare_cells(metric, targets, (predicted, predicted), labels)
    rows, facts = len(cells), named(metric)
    value = score(cells, np.ones(rows)) + 0.0
    if facts.counts_rows:
        return Interval(value, *wilson_interval(value, rows), "wilson", None)
    draws = resamples or count_draws(metric, rows)
    low, high = percentile_interval(
        [score(cells, weights) for weights in draw_weights(rows, draws, np.random.default_rng(seed))]
    )
    if low == high and facts.bounded and value in (0, 1):
        return Interval(value, *wilson_interval(value, rows), "wilson", None)
    return Interval(value, min(low, value) + 0.0, max(high, value) + 0.0, "bootstrap", draws)


def score(metric: str, targets: Given, predicted: Given, *, labels: Sequence[Any] = ()) -> float:
    """The metric alone, of answers as `compare` takes them."""
    cells, _same, measure = prepare_cells(metric, targets, (predicted, predicted), labels)
    return measure(cells, np.ones(len(cells))) + 0.0


def count_draws(metric: str, rows: int) -> int:
    return int(np.clip(MAX_DRAWN // rows, MIN_RESAMPLES, named(metric).most_draws))


def prepare_cells(metric: str, targets: Given, answers: tuple[Given, Given], labels: Sequence[Any]) -> Cells:
    """Of the first model's answers, of the second's, and the metric of either."""
    kind = owners().get(metric)
    if kind is None:
        raise ValueError(f"two models cannot be compared by {metric}")
    if not len(targets) or any(len(predicted) != len(targets) for predicted in answers):
        raise ValueError("the answers to compare are not those of the same rows")
    return scoring_of(kind.key).cells(metric, targets, answers, labels)


def total(cells: np.ndarray, weights: np.ndarray) -> float:
    """Their inner product, on one thread: many short ones are slower on several."""
    return float(np.einsum("i,i->", cells, weights))


def mean(cells: np.ndarray, weights: np.ndarray) -> float:
    return total(cells, weights) / max(float(weights.sum()), 1e-12)


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
    all_labels = sorted({*labels[0], *labels[1]})
    scoring = scoring_of(kind.key)
    answers = [
        scoring.read_predicted(metric, [table[row][column] for row in shared], own_labels, all_labels)
        for table, own_labels in zip(tables, labels, strict=True)
    ]
    targets = scoring.read_truth([tables[0][row]["truth"] for row in shared], all_labels)
    return compare(metric, targets, answers[0], answers[1], labels=all_labels)


def read_predictions(folder: Path, metric: str) -> dict[int, dict[str, Any]]:
    """Of predictions.parquet of an artifact what the metric needs, by row. The probabilities of many rows and labels take far
    more memory than all else, so that only a metric of theirs reads them."""
    import pyarrow.parquet as pq

    columns = ("row", "truth", named(metric).column)
    names = pq.read_schema(folder / "predictions.parquet").names
    table = pq.read_table(folder / "predictions.parquet", columns=[name for name in columns if name in names])
    return {row["row"]: row for row in table.to_pylist()}
