"""Figures of answers with several labels. Needs numpy alone.

`truth` and `chosen` are (rows, labels + 1): whether each label applies, the last column being labels that the model does not
know. A row that has one is a miss that no model of these labels can avoid.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainer.answers.classes_statistics import average_precision_of, ranked
from trainer.label_lists import read_labels


def label_matrix(cells: Sequence[object], labels: Sequence[str]) -> np.ndarray:
    """(rows, labels + 1), whether each label applies; the last column: whether there is one that is not listed."""
    places = {label: place for place, label in enumerate(labels)}
    matrix = np.zeros((len(cells), len(labels) + 1), dtype=bool)
    for row, cell in enumerate(cells):
        for label in read_labels(cell):
            matrix[row, places.get(label, len(labels))] = True
    return matrix


def with_unknown(chosen: np.ndarray) -> np.ndarray:
    """What a model chose (rows, labels) beside `truth`: it answers with no label that it does not know."""
    return np.concatenate([chosen, np.zeros((len(chosen), 1), dtype=bool)], axis=1)


def counted(truth: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(rows, 2): twice the labels that are right, and all that are there or chosen; a row without either is right once."""
    both = np.stack([2 * (truth & chosen).sum(axis=1), truth.sum(axis=1) + chosen.sum(axis=1)], axis=1)
    return np.asarray(both, dtype=np.float64)


def per_label_f1(truth: np.ndarray, chosen: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(labels,) F1 of each label, 0 where it neither occurs nor is chosen."""
    once = np.ones(len(truth)) if weights is None else weights
    right = once @ (truth & chosen)
    return np.asarray(2 * right / np.maximum(once @ truth + once @ chosen, 1e-12))


def label_scores(truth: np.ndarray, chosen: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    """Every metric of these rows; the macro mean is over the known labels that occur, and so is that of the precisions."""
    right, both = counted(truth, chosen).sum(axis=0).tolist()
    occurs = np.flatnonzero(truth[:, :-1].any(axis=0))
    macro = per_label_f1(truth[:, occurs], chosen[:, occurs])
    return {
        "micro_f1": right / both if both else 1.0,
        "label_macro_f1": float(macro.mean()) if len(occurs) else 0.0,
        "mean_average_precision": mean_average_precision(truth[:, :-1], ranked(logits), np.ones(len(truth))),
        "exact_match_ratio": float((truth == chosen).all(axis=1).mean()),
    }


def average_precisions(truth: np.ndarray, ranks: np.ndarray, weights: np.ndarray) -> list[float | None]:
    """Of each label; None where it is in no row or in every row."""
    return [
        average_precision_of(ranks[:, label], weights * truth[:, label], weights * ~truth[:, label])
        for label in range(truth.shape[1])
    ]


def mean_average_precision(truth: np.ndarray, ranks: np.ndarray, weights: np.ndarray) -> float:
    precisions = [precision for precision in average_precisions(truth, ranks, weights) if precision is not None]
    return float(np.mean(precisions)) if precisions else 0.0


def cooccurrence(truth: np.ndarray, chosen: np.ndarray, labels: Sequence[str], most: int) -> dict[str, Any]:
    """{labels, truth, predicted}: rows that have two labels at once, of the commonest labels; on the diagonal those with one."""
    counts = truth.sum(axis=0)
    picked = sorted(np.argsort(-counts, kind="stable")[:most].tolist())
    tables = [side[:, picked].astype(np.int64) for side in (truth, chosen)]
    actual, predicted = ((side.T @ side).tolist() for side in tables)
    return {"labels": [labels[place] for place in picked], "truth": actual, "predicted": predicted}
