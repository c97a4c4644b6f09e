"""How good boxes of objects are: the part of a report that they give, without torch."""

from typing import Any

import numpy as np

from trainer import comparison
from trainer.average_precision import Objects, Precision, average_precision, matched_counts
from trainer.boxes import Sizes, above, listed
from trainer.evaluation import WORST, headed


def report(
    truth: list[Objects],
    answers: list[Objects],
    labels: list[str],
    sizes: Sizes,
    shown: list[str],
    rows: list[int],
    threshold: float,
) -> dict[str, Any]:
    """The part of report.json that the test pictures give; corners as shares of the pictures."""
    found = average_precision(truth, answers, len(labels))
    visible = [above(one, threshold) for one in answers]
    return {
        **headed("map_50", comparison.interval("map_50", truth, answers, labels=labels)),
        "metrics": {"map_50": found.map_50, "map": found.map},
        "test_rows": len(truth),
        "labels": labels,
        "per_class": [per_class(found, truth, visible, at, label) for at, label in enumerate(labels)],
        "threshold": threshold,
        "mistakes": mistakes(truth, visible, labels, sizes, shown, rows),
    }


def per_class(found: Precision, truth: list[Objects], visible: list[Objects], at: int, label: str) -> dict[str, Any]:
    """Average precision, and precision and recall of what is shown."""
    right, said, there = matched_counts(truth, visible, at)
    precision, recall = right / max(said, 1), right / max(there, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    half, whole = found.of_label(at)
    figures = {"precision": precision, "recall": recall, "f1": f1, "map_50": half, "map": whole}
    return {"label": label, "rows": there, **figures}


def mistakes(
    truth: list[Objects], visible: list[Objects], labels: list[str], sizes: Sizes, shown: list[str], rows: list[int]
) -> list[dict[str, Any]]:
    """Pictures with the most objects missed or made up, boxes in their pixels."""
    found = []
    for at, (there, said) in enumerate(zip(truth, visible, strict=True)):
        right = sum(matched_counts([there], [said], label)[0] for label in range(len(labels)))
        missed, extra = len(there.labels) - right, len(said.labels) - right
        if missed or extra:
            objects = {"truth": listed(there, labels, sizes[at]), "predicted": listed(said, labels, sizes[at])}
            found.append({"row": rows[at], "image": shown[at], **objects, "missed": missed, "extra": extra})
    return sorted(found, key=lambda one: -(one["missed"] + one["extra"]))[:WORST]


def best_threshold(truth: list[Objects], answers: list[Objects], labels: int) -> float:
    """The score from which showing objects gives the best F1."""

    def f1(threshold: float) -> float:
        visible = [above(one, threshold) for one in answers]
        right, said, there = np.sum([matched_counts(truth, visible, label) for label in range(labels)], axis=0)
        return 2 * right / max(said + there, 1)

    return float(max(np.round(np.arange(0.1, 0.95, 0.05), 2), key=f1))
