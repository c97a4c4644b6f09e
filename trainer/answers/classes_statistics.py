"""Statistics of labels and of their probabilities: shares, F1, areas under curves. Needs numpy alone."""

from typing import Any

import numpy as np

from trainer.answers.base_scoring import Cells, Given
from trainer.comparison import mean

LEAST_PROBABILITY = 1e-12


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts by (truth, predicted)."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def per_class(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(precision, recall, F1) of each class; 0 where undefined."""
    hits = np.diag(matrix).astype(float)
    predicted, actual = matrix.sum(0), matrix.sum(1)
    precision = np.divide(hits, predicted, out=np.zeros_like(hits), where=predicted > 0)
    recall = np.divide(hits, actual, out=np.zeros_like(hits), where=actual > 0)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(hits), where=total > 0)
    return precision, recall, f1


def macro_f1(matrix: np.ndarray) -> float:
    """Mean F1 of the classes that occur in truth or answers."""
    occurs = (matrix.sum(0) + matrix.sum(1)) > 0
    return float(per_class(matrix)[2][occurs].mean()) if occurs.any() else 0.0


def scores(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """accuracy, macro_f1 and log_loss; a truth of -1 (a label never learned) counts as wrong."""
    predicted = probabilities.argmax(1)
    learned = truth >= 0
    classes = probabilities.shape[1]
    picked = probabilities[np.flatnonzero(learned), truth[learned]]
    matrix = confusion(truth[learned], predicted[learned], classes)
    return {
        "accuracy": float((predicted == truth).mean()),
        "macro_f1": macro_f1(matrix),
        "log_loss": float(-np.log(np.clip(picked, 1e-12, 1)).mean()) + 0.0 if learned.any() else 0.0,
    }


def class_metrics(truth: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """The same where another label than the likeliest may be answered, with the areas under the curves."""
    learned = truth >= 0
    matrix = confusion(truth[learned], predicted[learned], probabilities.shape[1])
    answered = {"accuracy": float((predicted == truth).mean()), "macro_f1": macro_f1(matrix)}
    return scores(truth, probabilities) | answered | areas(truth, probabilities)


def areas(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """roc_auc and pr_auc (average precision), the mean of each label against the rest; two labels: the rarer one's."""
    values = {}
    for name in ("roc_auc", "pr_auc"):
        cells = curve_cells(name, truth, (probabilities, probabilities))
        values[name] = cells.measure(cells.first, np.ones(len(truth))) + 0.0
    return values


def calibration(right: np.ndarray, sure: np.ndarray, bins: int = 10) -> dict[str, Any]:
    """Expected calibration error: how far sureness is from being right, in bins of equal width."""
    places = np.clip((sure * bins).astype(int), 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    hits = np.bincount(places, right, bins)
    total = np.bincount(places, sure, bins)
    error = float(np.abs(hits - total).sum() / max(len(right), 1))
    rows = [
        {"said": float(total[b] / counts[b]), "right": float(hits[b] / counts[b]), "rows": int(counts[b])}
        for b in range(bins)
        if counts[b]
    ]
    return {"expected_calibration_error": error, "bins": rows}


# Of two models' answers, for `trainer.comparison`


def label_cells(metric: str, truth: Given, predicted: tuple[Given, Given]) -> Cells:
    """For accuracy and macro_f1: a label a row, as text or number."""
    every = [np.asarray(labels) for labels in (truth, *predicted)]
    names, codes = np.unique(np.concatenate(every), return_inverse=True)
    actual, first, second = np.split(codes.reshape(-1), 3)
    if metric == "accuracy":
        return Cells((first == actual).astype(float), (second == actual).astype(float), mean)
    # an answer of -1 is a label that was never learned: no label that could be found
    learned = (
        actual != np.searchsorted(names, -1) if names.dtype.kind in "iuf" and -1 in names else np.ones_like(actual) > 0
    )
    return Cells(
        first,
        second,
        lambda labels, weights: weighted_macro_f1(actual, labels, weights * learned, len(names)),
    )


def weighted_macro_f1(actual: np.ndarray, predicted: np.ndarray, weights: np.ndarray, classes: int) -> float:
    """Mean F1 of the classes that occur in truth or answers, each row counting as often as `weights` says."""
    right = np.bincount(actual, weights * (actual == predicted), classes)
    both = np.bincount(actual, weights, classes) + np.bincount(predicted, weights, classes)
    occurs = both > 0
    return float((2 * right[occurs] / both[occurs]).mean()) if occurs.any() else 0.0


def loss_cells(actual: np.ndarray, predicted: tuple[Given, Given]) -> Cells:
    """For log_loss: of each row that of the right label's probability; a row of a label never learned does not count."""
    learned, rows = actual >= 0, np.arange(len(actual))
    first, second = (
        -np.log(np.clip(probabilities[rows, actual], LEAST_PROBABILITY, 1))
        for probabilities in shaped(actual, predicted)
    )
    return Cells(first, second, lambda cells, weights: mean(cells, weights * learned))


def shaped(actual: np.ndarray, predicted: tuple[Given, Given]) -> list[np.ndarray]:
    """Probabilities (rows, labels) of each of the two."""
    return [np.asarray(probabilities, dtype=np.float64).reshape(len(actual), -1) for probabilities in predicted]


def curve_cells(metric: str, actual: np.ndarray, predicted: tuple[Given, Given]) -> Cells:
    """For roc_auc and pr_auc: ranks of the probabilities of the labels whose curves are averaged."""
    first, second = shaped(actual, predicted)
    chosen = curve_labels(actual, first.shape[1])
    truths = (actual[:, None] == np.array(chosen, dtype=int)).T
    area = roc_auc if metric == "roc_auc" else average_precision_of
    none = 0.5 if metric == "roc_auc" else 0.0

    def measure(cells: np.ndarray, weights: np.ndarray) -> float:
        areas_of_labels = [
            area(cells[:, place], weights * which, weights * ~which) for place, which in enumerate(truths)
        ]
        defined = [value for value in areas_of_labels if value is not None]
        return float(np.mean(defined)) if defined else none

    return Cells(ranked(first[:, chosen]), ranked(second[:, chosen]), measure)


def curve_labels(actual: np.ndarray, labels: int) -> list[int]:
    """Labels whose curves are averaged: each that the rows hold and do not hold; of two labels the rarer one."""
    present = [label for label in range(labels) if 0 < (actual == label).sum() < len(actual)]
    if labels == 2 and present:
        return [min(present, key=lambda label: ((actual == label).sum(), -label))]
    return present


def ranked(values: np.ndarray) -> np.ndarray:
    """(rows, columns) → twice the rank of each value in its column, equal ones in the middle of theirs: all that a curve
    depends on, and of one scale for any two models."""
    ranks = np.zeros(values.shape, dtype=np.int64)
    for column in range(values.shape[1]):
        _values, places, counts = np.unique(values[:, column], return_inverse=True, return_counts=True)
        ranks[:, column] = (2 * np.cumsum(counts) - counts)[places.reshape(-1)]
    return ranks


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
    hits = np.cumsum(up)
    return float((up * hits / np.maximum(hits + np.cumsum(down), 1e-12)).sum() / up.sum())
