"""How good a model is, with an interval."""

from typing import Any

import numpy as np

from trainer import comparison, thresholds
from trainer.thresholds import Certainty

WORST = 50
SCATTER = 500
"""Test rows drawn as truth against answer."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """(rows, classes) logits → probabilities, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=1, keepdims=True)


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts by (truth, predicted)."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def per_class(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(precision, recall, F1) of each class; 0 where undefined."""
    hits = np.diag(matrix).astype(float)
    said, there = matrix.sum(0), matrix.sum(1)
    precision = np.divide(hits, said, out=np.zeros_like(hits), where=said > 0)
    recall = np.divide(hits, there, out=np.zeros_like(hits), where=there > 0)
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
    known = truth >= 0
    classes = probabilities.shape[1]
    picked = probabilities[np.flatnonzero(known), truth[known]]
    matrix = confusion(truth[known], predicted[known], classes)
    return {
        "accuracy": float((predicted == truth).mean()),
        "macro_f1": macro_f1(matrix),
        "log_loss": float(-np.log(np.clip(picked, 1e-12, 1)).mean()) + 0.0 if known.any() else 0.0,
    }


def class_metrics(truth: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """The same where another label than the likeliest may be answered, with the areas under the curves."""
    known = truth >= 0
    matrix = confusion(truth[known], predicted[known], probabilities.shape[1])
    answered = {"accuracy": float((predicted == truth).mean()), "macro_f1": macro_f1(matrix)}
    return scores(truth, probabilities) | answered | areas(truth, probabilities)


def areas(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """roc_auc and pr_auc (average precision), the mean of each label against the rest; two labels: the rarer one's."""
    labels = range(probabilities.shape[1])
    return {name: comparison.score(name, truth, probabilities, labels=labels) for name in ("roc_auc", "pr_auc")}


def headed(name: str, found: comparison.Interval) -> dict[str, Any]:
    """`headline` and `interval` of report.json."""
    headline = {"name": name, "value": found.value, "low": found.low, "high": found.high}
    return {"headline": headline, "interval": found.described()}


def class_report(  # noqa: PLR0913
    truth: np.ndarray,
    probabilities: np.ndarray,
    labels: list[str],
    shown: list[str],
    rows: list[int],
    input_name: str = "text",
    predicted: np.ndarray | None = None,
    beside: dict[str, list[str]] | None = None,
    headline: str = "accuracy",
) -> dict[str, Any]:
    """The part of report.json that the test rows give: headline with interval, classes, confusion, mistakes, thresholds.

    `shown[i]` is row i as people see it, kept under `input_name`; `predicted`: where it is not the likeliest label;
    `beside`: further inputs of the rows, by name; `headline`: accuracy or roc_auc.
    """
    predicted = probabilities.argmax(1) if predicted is None else predicted
    sure = probabilities[np.arange(len(predicted)), predicted]
    right = predicted == truth
    known = truth >= 0
    matrix = confusion(truth[known], predicted[known], len(labels))
    precision, recall, f1 = per_class(matrix)
    answers = predicted if headline == "accuracy" else probabilities
    found = comparison.interval(headline, truth, answers, labels=range(len(labels)))
    worst = sorted(np.flatnonzero(~right & known), key=lambda row: -sure[row])[:WORST]
    return {
        **headed(headline, found),
        "metrics": class_metrics(truth, probabilities, predicted),
        "test_rows": len(truth),
        "labels": labels,
        "per_class": [
            {
                "label": label,
                "rows": int(matrix[at].sum()),
                "precision": float(precision[at]),
                "recall": float(recall[at]),
                "f1": float(f1[at]),
            }
            for at, label in enumerate(labels)
        ],
        "confusion": {"labels": labels, "matrix": matrix.tolist()},
        "mistakes": [
            {
                "row": rows[row],
                input_name: shown[row],
                **{name: cells[row] for name, cells in (beside or {}).items()},
                "truth": labels[truth[row]],
                "predicted": labels[predicted[row]],
                "score": float(sure[row]),
            }
            for row in worst
        ],
        "thresholds": thresholds.table(Certainty(sure, right)),
        "calibration": calibration(right, sure),
    }


def calibration(right: np.ndarray, sure: np.ndarray, bins: int = 10) -> dict[str, Any]:
    """Expected calibration error: how far sureness is from being right, in bins of equal width."""
    at = np.clip((sure * bins).astype(int), 0, bins - 1)
    counts = np.bincount(at, minlength=bins)
    hits = np.bincount(at, right, bins)
    said = np.bincount(at, sure, bins)
    error = float(np.abs(hits - said).sum() / max(len(right), 1))
    rows = [
        {"said": float(said[b] / counts[b]), "right": float(hits[b] / counts[b]), "rows": int(counts[b])}
        for b in range(bins)
        if counts[b]
    ]
    return {"expected_calibration_error": error, "bins": rows}


def number_scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """r2 (share of the variance explained), rmse and mae in the answer's own unit."""
    errors = predicted.astype(np.float64) - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    return {
        "r2": 1 - float((errors**2).sum()) / spread if spread else 0.0,
        "rmse": float(np.sqrt((errors**2).mean())),
        "mae": float(np.abs(errors).mean()),
    }


def number_report(
    truth: np.ndarray, predicted: np.ndarray, shown: list[str], rows: list[int], input_name: str = "text"
) -> dict[str, Any]:
    """The part of report.json that the test rows give where the answer is a number: headline, worst misses, spread."""
    predicted = predicted.astype(np.float64)
    errors = np.abs(predicted - truth)
    worst = np.argsort(-errors, kind="stable")[:WORST]
    pairs = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), SCATTER)).astype(int))
    return {
        **headed("r2", comparison.interval("r2", truth, predicted)),
        "metrics": number_scores(truth, predicted),
        "test_rows": len(truth),
        "labels": [],
        "truth": {name: float(np.quantile(truth, at)) for name, at in (("low", 0.05), ("median", 0.5), ("high", 0.95))},
        "error": {f"p{at}": float(np.quantile(errors, at / 100)) for at in (50, 80, 90, 95)},
        "pairs": [[float(truth[row]), float(predicted[row])] for row in pairs],
        "mistakes": [
            {
                "row": rows[row],
                input_name: shown[row],
                "truth": float(truth[row]),
                "predicted": float(predicted[row]),
                "error": float(predicted[row] - truth[row]),
            }
            for row in worst
        ],
    }
