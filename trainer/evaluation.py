"""How good a model is, with an interval, beside what no model at all would reach."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

RESAMPLES = 1000
WORST = 50
THRESHOLDS = tuple(round(step * 0.05, 2) for step in range(20))
MOST_BASELINE_ROWS = 20_000
SCATTER = 500
"""Test rows drawn as truth against answer."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """(rows, classes) logits → probabilities, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=1, keepdims=True)


def interval(right: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of a share: `right` holds one truth value a row, RESAMPLES draws with replacement.

    All right or all wrong leaves nothing to resample; then it is Wilson's interval (1927), which knows how few rows there were.
    """
    if right.all() or not right.any():
        return wilson(float(right.mean()), len(right))
    generator = np.random.default_rng(seed)
    shares = generator.binomial(len(right), right.mean(), RESAMPLES) / len(right)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def wilson(share: float, rows: int, z: float = 1.96) -> tuple[float, float]:
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)


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
        "log_loss": float(-np.log(np.clip(picked, 1e-12, 1)).mean()) if known.any() else 0.0,
    }


def class_report(
    truth: np.ndarray,
    probabilities: np.ndarray,
    labels: list[str],
    shown: list[str],
    rows: list[int],
    input_name: str = "text",
    predicted: np.ndarray | None = None,
    beside: dict[str, list[str]] | None = None,
) -> dict[str, Any]:
    """The part of report.json that the test rows give: headline with interval, classes, confusion, mistakes, thresholds.

    `shown[i]` is row i as people see it, kept under `input_name`; `predicted`: where it is not the likeliest label;
    `beside`: further inputs of the rows, by name.
    """
    predicted = probabilities.argmax(1) if predicted is None else predicted
    sure = probabilities[np.arange(len(predicted)), predicted]
    right = predicted == truth
    low, high = interval(right)
    known = truth >= 0
    matrix = confusion(truth[known], predicted[known], len(labels))
    precision, recall, f1 = per_class(matrix)
    metrics = scores(truth, probabilities) | {
        "accuracy": float(right.mean()),
        "macro_f1": macro_f1(matrix),
    }
    worst = sorted(np.flatnonzero(~right & known), key=lambda row: -sure[row])[:WORST]
    return {
        "headline": {"name": "accuracy", "value": metrics["accuracy"], "low": low, "high": high},
        "metrics": metrics,
        "interval": {"method": "bootstrap", "level": 0.95, "resamples": RESAMPLES},
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
        "thresholds": [
            {"threshold": mark, "answered": int((sure >= mark).sum()), "right": int((right & (sure >= mark)).sum())}
            for mark in THRESHOLDS
        ],
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


def class_baselines(
    train: np.ndarray, test: np.ndarray, labels: list[str], name: str, answers: Callable[[], np.ndarray]
) -> dict[str, dict[str, Any]]:
    """What always giving the commonest answer, and a simple method, would reach on the same test rows.

    `answers` computes the simple method's, (test rows,) indices of labels; `name` is what the report calls it.
    """
    commonest = int(np.bincount(train, minlength=len(labels)).argmax())
    started = time.monotonic()
    simple = answers()
    seconds = time.monotonic() - started
    return {
        "majority": simple_scores(test, np.full(len(test), commonest), len(labels))
        | {"label": labels[commonest], "seconds": 0.0},
        name: simple_scores(test, simple, len(labels)) | {"seconds": round(seconds, 2)},
    }


def number_baselines(
    train: np.ndarray, test: np.ndarray, name: str, answers: Callable[[], np.ndarray]
) -> dict[str, dict[str, Any]]:
    """What always giving the mean, and a simple method, would reach on the same test rows."""
    mean = float(train.mean())
    started = time.monotonic()
    simple = answers()
    seconds = time.monotonic() - started
    return {
        "mean": number_scores(test, np.full(len(test), mean))
        | {"label": f"{mean:,.0f}" if abs(mean) >= 1000 else f"{mean:.4g}", "seconds": 0.0},
        name: number_scores(test, simple) | {"seconds": round(seconds, 2)},
    }


def simple_scores(truth: np.ndarray, predicted: np.ndarray, classes: int) -> dict[str, float]:
    right = predicted == truth
    low, high = interval(right)
    known = truth >= 0
    matrix = confusion(truth[known], predicted[known], classes)
    return {"accuracy": float(right.mean()), "macro_f1": macro_f1(matrix), "low": low, "high": high}


def word_counting(train_texts: list[str], train: np.ndarray, test_texts: list[str], seed: int) -> np.ndarray:
    """TF-IDF of words and word pairs (of characters for languages without spaces) under logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    if len(train) > MOST_BASELINE_ROWS:
        kept = np.random.default_rng(seed).permutation(len(train))[:MOST_BASELINE_ROWS]
        train_texts, train = [train_texts[row] for row in kept], train[kept]
    spaced = sum(" " in text.strip() for text in train_texts[:1000]) > 0.5 * min(len(train_texts), 1000)
    words = {"ngram_range": (1, 2)} if spaced else {"analyzer": "char", "ngram_range": (1, 2)}
    vectorizer = TfidfVectorizer(sublinear_tf=True, max_features=50_000, **words)
    try:
        features = vectorizer.fit_transform(train_texts)
    except ValueError:  # no word at all, only signs
        vectorizer = TfidfVectorizer(analyzer="char")
        features = vectorizer.fit_transform(train_texts)
    single = LogisticRegression(C=10, solver="liblinear", random_state=seed)
    model = OneVsRestClassifier(single) if len(np.unique(train)) > 2 else single
    return model.fit(features, train).predict(vectorizer.transform(test_texts))


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
    metrics = number_scores(truth, predicted)
    low, high = number_interval(truth, predicted)
    errors = np.abs(predicted - truth)
    worst = np.argsort(-errors, kind="stable")[:WORST]
    pairs = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), SCATTER)).astype(int))
    return {
        "headline": {"name": "r2", "value": metrics["r2"], "low": low, "high": high},
        "metrics": metrics,
        "interval": {"method": "bootstrap", "level": 0.95, "resamples": RESAMPLES},
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


def number_interval(truth: np.ndarray, predicted: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % bootstrap interval of R²."""
    generator = np.random.default_rng(seed)
    found = []
    for _draw in range(RESAMPLES):
        rows = generator.integers(0, len(truth), len(truth))
        found.append(number_scores(truth[rows], predicted[rows])["r2"])
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)
