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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trainer.answers.metrics import LOWER_IS_BETTER

LEVEL = 0.95
RESAMPLES, FEWEST_RESAMPLES = 2_000, 200
MOST_DRAWN = 4_000_000
"""Rows over all draws: from 2,000 rows on there are fewer draws."""
EXCHANGES = 500
PICTURE_RESAMPLES = 400
"""For average precision, which takes longer to count."""
LABELS = frozenset(("accuracy", "macro_f1"))
"""Metrics of the label answered; `PROBABILITIES` of the probability of every label."""
PROBABILITIES = frozenset(("log_loss", "roc_auc", "pr_auc"))
NUMBERS = frozenset(("r2", "rmse", "mae"))
TEXTS = frozenset(("wer", "cer"))
OBJECTS = frozenset(("map_50", "map"))
METRICS = LABELS | PROBABILITIES | NUMBERS | TEXTS | OBJECTS
BOUNDED = frozenset(("macro_f1", "roc_auc", "pr_auc", *TEXTS, *OBJECTS))
"""Between 0 and 1, of a perfect or hopeless model the same in every draw."""
LEAST_PROBABILITY = 1e-12
Score = Callable[[np.ndarray, np.ndarray], float]
"""(what the metric needs to know of each row, how often each row counts) → the metric."""


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
    truth: Sequence[Any],
    first: Sequence[Any],
    second: Sequence[Any],
    *,
    labels: Sequence[Any] = (),
    seed: int = 0,
    resamples: int | None = None,
) -> Comparison:
    """Whether `first` answers the rows of `truth` better than `second`; the three are in the same order.

    What a row's answer is depends on the metric (`METRICS` are known; `ValueError` for another):

    - accuracy, macro_f1: a label, as `truth` names it (text or number);
    - log_loss, roc_auc, pr_auc: the probabilities of `labels`, in their order: (rows, labels);
    - r2, rmse, mae: a number;
    - wer, cer: a text;
    - map_50, map: `trainer.average_precision.Objects`, labelled by places in `labels`.
    """
    one, other, score = prepared(metric, truth, (first, second), labels)
    rows, sign = len(one), -1 if metric in LOWER_IS_BETTER else 1
    every = np.ones(rows)
    scores = score(one, every), score(other, every)
    value = sign * (scores[0] - scores[1])
    if metric == "accuracy":
        only_first, only_second = int((one > other).sum()), int((other > one).sum())
        low, high = paired_shares(only_first, only_second, rows)
        p, method, draws = mcnemar(only_first, only_second), "bonett-price", None
    else:
        draws = resamples or draws_for(metric, rows)
        generator, method = np.random.default_rng(seed), "bootstrap"
        found = [sign * (score(one, some) - score(other, some)) for some in drawn(rows, draws, generator)]
        low, high = percentiles(found)
        if low == high and metric in BOUNDED:
            low, high = widened(value, rows)
        p = by_exchange(one, other, score, abs(value), min(draws, EXCHANGES), generator)
    low, high = min(low, value), max(high, value)
    if p >= 1 - LEVEL:
        low, high = min(low, 0.0), max(high, 0.0)
    return Comparison(metric, rows, *scores, value + 0.0, low + 0.0, high + 0.0, p, method, draws)


def interval(
    metric: str,
    truth: Sequence[Any],
    predicted: Sequence[Any],
    *,
    labels: Sequence[Any] = (),
    seed: int = 0,
    resamples: int | None = None,
) -> Interval:
    """A score and its 95 % interval, of answers as `compare` takes them: Wilson's for accuracy, otherwise the bootstrap's."""
    cells, _same, score = prepared(metric, truth, (predicted, predicted), labels)
    rows = len(cells)
    value = score(cells, np.ones(rows)) + 0.0
    if metric == "accuracy":
        return Interval(value, *wilson(value, rows), "wilson", None)
    draws = resamples or draws_for(metric, rows)
    low, high = percentiles([score(cells, some) for some in drawn(rows, draws, np.random.default_rng(seed))])
    if low == high and metric in BOUNDED and value in (0, 1):
        return Interval(value, *wilson(value, rows), "wilson", None)
    return Interval(value, min(low, value) + 0.0, max(high, value) + 0.0, "bootstrap", draws)


def score(metric: str, truth: Sequence[Any], predicted: Sequence[Any], *, labels: Sequence[Any] = ()) -> float:
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
    most = PICTURE_RESAMPLES if metric in OBJECTS else RESAMPLES
    return int(np.clip(MOST_DRAWN // rows, FEWEST_RESAMPLES, most))


def drawn(rows: int, draws: int, generator: np.random.Generator) -> Any:
    """How often each row is in each of many draws with replacement."""
    every = (generator.integers(0, rows, rows) for _draw in range(draws))
    return (np.bincount(some, minlength=rows).astype(np.float64) for some in every)


def by_exchange(
    one: np.ndarray, other: np.ndarray, score: Score, observed: float, draws: int, generator: np.random.Generator
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


# What each metric needs to know of a row


def prepared(
    metric: str, truth: Sequence[Any], answers: tuple[Any, Any], labels: Sequence[Any]
) -> tuple[np.ndarray, np.ndarray, Score]:
    """(of the first model's answers, of the second's, the metric of either)."""
    if metric not in METRICS:
        raise ValueError(f"two models cannot be compared by {metric}")
    if not len(truth) or any(len(one) != len(truth) for one in answers):
        raise ValueError("the answers to compare are not those of the same rows")
    if metric in LABELS:
        return label_cells(metric, truth, answers)
    if metric in PROBABILITIES:
        return probability_cells(metric, truth, answers, labels)
    if metric in NUMBERS:
        return number_cells(metric, truth, answers)
    return (text_cells if metric in TEXTS else object_cells)(metric, truth, answers, len(labels))


def label_cells(metric: str, truth: Sequence[Any], answers: tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray, Score]:
    every = [np.asarray(one) for one in (truth, *answers)]
    names, codes = np.unique(np.concatenate(every), return_inverse=True)
    actual, one, other = np.split(codes.reshape(-1), 3)
    if metric == "accuracy":
        return (one == actual).astype(float), (other == actual).astype(float), mean
    # an answer of -1 is a label that was never learned: no label that could be found
    known = (
        actual != np.searchsorted(names, -1) if names.dtype.kind in "iuf" and -1 in names else np.ones_like(actual) > 0
    )
    return one, other, lambda predicted, weights: macro_f1(actual, predicted, weights * known, len(names))


def total(cells: np.ndarray, weights: np.ndarray) -> float:
    """Their inner product, on one thread: many short ones are slower on several."""
    return float(np.einsum("i,i->", cells, weights))


def mean(cells: np.ndarray, weights: np.ndarray) -> float:
    return total(cells, weights) / max(float(weights.sum()), 1e-12)


def macro_f1(actual: np.ndarray, predicted: np.ndarray, weights: np.ndarray, classes: int) -> float:
    """Mean F1 of the classes that occur in truth or answers."""
    right = np.bincount(actual, weights * (actual == predicted), classes)
    both = np.bincount(actual, weights, classes) + np.bincount(predicted, weights, classes)
    occurs = both > 0
    return float((2 * right[occurs] / both[occurs]).mean()) if occurs.any() else 0.0


def probability_cells(
    metric: str, truth: Sequence[Any], answers: tuple[Any, Any], labels: Sequence[Any]
) -> tuple[np.ndarray, np.ndarray, Score]:
    index = {label: at for at, label in enumerate(labels)}
    actual = np.array([index.get(label, -1) for label in np.asarray(truth).tolist()])
    one, other = (np.asarray(answer, dtype=np.float64).reshape(len(actual), -1) for answer in answers)
    if metric == "log_loss":
        known, rows = actual >= 0, np.arange(len(actual))
        losses = [-np.log(np.clip(answer[rows, actual], LEAST_PROBABILITY, 1)) for answer in (one, other)]
        return losses[0], losses[1], lambda cells, weights: mean(cells, weights * known)
    chosen = curve_labels(actual, one.shape[1])
    truths = (actual[:, None] == np.array(chosen, dtype=int)).T
    area = roc_auc if metric == "roc_auc" else average_precision_of
    none = 0.5 if metric == "roc_auc" else 0.0

    def score(cells: np.ndarray, weights: np.ndarray) -> float:
        found = [area(cells[:, at], weights * which, weights * ~which) for at, which in enumerate(truths)]
        known = [value for value in found if value is not None]
        return float(np.mean(known)) if known else none

    return ranked(one[:, chosen]), ranked(other[:, chosen]), score


def curve_labels(actual: np.ndarray, labels: int) -> list[int]:
    """Labels whose curves are averaged: each that the rows hold and do not hold; of two labels the rarer one."""
    there = [at for at in range(labels) if 0 < (actual == at).sum() < len(actual)]
    return [min(there, key=lambda at: ((actual == at).sum(), -at))] if labels == 2 and there else there


def ranked(values: np.ndarray) -> np.ndarray:
    """(rows, columns) → twice the rank of each value in its column, equal ones in the middle of theirs: all that a curve
    depends on, and of one scale for any two models."""
    found = np.zeros(values.shape, dtype=np.int64)
    for column in range(values.shape[1]):
        _values, places, counts = np.unique(values[:, column], return_inverse=True, return_counts=True)
        found[:, column] = (2 * np.cumsum(counts) - counts)[places.reshape(-1)]
    return found


def steps(ranks: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(positives, negatives) at each rank, the highest first."""
    size = 2 * len(ranks) + 1
    return np.bincount(ranks, positive, size)[::-1], np.bincount(ranks, negative, size)[::-1]


def roc_auc(ranks: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> float | None:
    """Share of the pairs of a positive and a negative row that are in the right order; None where there is no pair."""
    up, down = steps(ranks, positive, negative)
    pairs = up.sum() * down.sum()
    return float((down * (np.cumsum(up) - up / 2)).sum() / pairs) if pairs else None


def average_precision_of(ranks: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> float | None:
    """Area under precision over recall, as steps; None where there is nothing to find or nothing else."""
    up, down = steps(ranks, positive, negative)
    if not up.sum() or not down.sum():
        return None
    found = np.cumsum(up)
    return float((up * found / np.maximum(found + np.cumsum(down), 1e-12)).sum() / up.sum())


def number_cells(metric: str, truth: Sequence[Any], answers: tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray, Score]:
    actual = np.asarray(truth, dtype=np.float64)
    errors = [np.asarray(answer, dtype=np.float64) - actual for answer in answers]
    if metric == "mae":
        return np.abs(errors[0]), np.abs(errors[1]), mean
    squares = errors[0] ** 2, errors[1] ** 2
    if metric == "rmse":
        return *squares, lambda cells, weights: mean(cells, weights) ** 0.5
    centred = actual - actual.mean()
    away = centred**2
    least = 1e-12 * max(float(away.sum()), 1e-300)

    def r2(cells: np.ndarray, weights: np.ndarray) -> float:
        spread = total(away, weights) - total(centred, weights) ** 2 / float(weights.sum())
        return 1 - total(cells, weights) / spread if spread > least else 0.0

    return *squares, r2


def text_cells(
    metric: str, truth: Sequence[Any], answers: tuple[Any, Any], labels: int
) -> tuple[np.ndarray, np.ndarray, Score]:
    """Of each row what is wrong and how much there is."""
    from trainer.transcripts import errors

    part = slice(0, 2) if metric == "wer" else slice(2, 4)
    one, other = (errors(list(truth), list(answer))[:, part] for answer in answers)

    def rate(cells: np.ndarray, weights: np.ndarray) -> float:
        return total(cells[:, 0], weights) / max(total(cells[:, 1], weights), 1.0)

    return one, other, rate


def object_cells(
    metric: str, truth: Sequence[Any], answers: tuple[Any, Any], labels: int
) -> tuple[np.ndarray, np.ndarray, Score]:
    """Both models' answers are matched once; a cell says which of all these pictures is looked at. Scores become ranks, since
    two models' are of no common scale."""
    from trainer.average_precision import OVERLAPS, Matched, Objects

    pictures, same = len(truth), answers[0] is answers[1]
    every: list[Any] = []
    for answer in answers[: 1 if same else 2]:
        scores = np.concatenate([one.scores for one in answer]).reshape(-1, 1)
        ranks = ranked(scores)[:, 0] / max(2 * len(scores), 1)
        ends = np.cumsum([len(one.scores) for one in answer])[:-1]
        every += [Objects(one.boxes, one.labels, part) for one, part in zip(answer, np.split(ranks, ends), strict=True)]
    matched = Matched(list(truth) * (len(every) // pictures), every, labels)
    overlaps = 1 if metric == "map_50" else len(OVERLAPS)

    def score(cells: np.ndarray, weights: np.ndarray) -> float:
        counts = np.bincount(cells, weights, len(every))
        return matched.precision(counts, overlaps).map

    first = np.arange(pictures)
    return first, first if same else first + pictures, score


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
    every = sorted({*labels[0], *labels[1]})
    answers = [
        answers_of(metric, [table[row] for row in shared], own, every)
        for table, own in zip(tables, labels, strict=True)
    ]
    if not shared or metric not in METRICS or any(one is None for one in answers):
        return None
    truth: list[Any] = [tables[0][row]["truth"] for row in shared]
    if metric in OBJECTS:
        truth = objects_in(truth, every)
    return compare(metric, truth, answers[0], answers[1], labels=every)


def read_predictions(folder: Path, metric: str) -> dict[int, dict[str, Any]]:
    """Of predictions.parquet of an artifact what the metric needs, by row. The probabilities of many rows and labels take far
    more memory than all else, so that only a metric of theirs reads them."""
    import pyarrow.parquet as pq

    wanted = ("row", "truth", answer_column(metric))
    names = pq.read_schema(folder / "predictions.parquet").names
    table = pq.read_table(folder / "predictions.parquet", columns=[name for name in wanted if name in names])
    return {one["row"]: one for one in table.to_pylist()}


def answer_column(metric: str) -> str:
    """The column of predictions.parquet that holds the answers which the metric looks at."""
    return "probabilities" if metric in PROBABILITIES else "detections" if metric in OBJECTS else "predicted"


def answers_of(metric: str, rows: list[dict[str, Any]], own: list[str], every: list[str]) -> Any:
    """What `compare` takes; None where it was not kept. Of labels that a model does not have the probability is 0."""
    column = answer_column(metric)
    if not all(column in row for row in rows):
        return None
    cells = [row[column] for row in rows]
    if metric in OBJECTS:
        return objects_in(cells, every)
    if metric not in PROBABILITIES:
        return cells
    found = np.zeros((len(rows), len(every)))
    found[:, [every.index(label) for label in own]] = cells
    return found


def objects_in(cells: list[str], labels: list[str]) -> list[Any]:
    from trainer.boxes import of_list

    index = {label: at for at, label in enumerate(labels)}
    return [of_list(json.loads(cell), index) for cell in cells]
