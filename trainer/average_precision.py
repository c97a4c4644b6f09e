"""Average precision of found objects, as COCO counts it: 101 points of recall, at most 100 answers a picture.

A picture's objects are arrays: `boxes` (objects, 4) as left, top, right, bottom in any unit, `labels` (objects,)
indices, and for answers `scores` (objects,).
"""

from dataclasses import dataclass

import numpy as np

OVERLAPS = np.round(np.arange(0.5, 1.0, 0.05), 2)
"""Intersection over union from which an answer counts as found; the mean over all of them is `map`."""
RECALLS = np.linspace(0, 1, 101)
MOST_ANSWERS = 100


@dataclass
class Objects:
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


@dataclass
class Precision:
    """`by_overlap[label, overlap]` average precision, NaN for a label that the pictures do not show; `counts[label]`."""

    by_overlap: np.ndarray
    counts: np.ndarray

    @property
    def map(self) -> float:
        return mean_of(self.by_overlap)

    @property
    def map_50(self) -> float:
        return mean_of(self.by_overlap[:, 0])

    def of_label(self, label: int) -> tuple[float, float]:
        """(average precision at 50 % overlap, mean over all overlaps); 0 for a label that does not occur."""
        row = np.nan_to_num(self.by_overlap[label])
        return float(row[0]), float(row.mean())


def mean_of(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.0


def average_precision(truth: list[Objects], answers: list[Objects], labels: int) -> Precision:
    """Of all labels over pictures in the same order."""
    found = np.full((labels, len(OVERLAPS)), np.nan)
    counts = np.zeros(labels, dtype=int)
    for label in range(labels):
        scores, hits, counts[label] = matches(truth, answers, label)
        if counts[label]:
            order = np.argsort(-scores, kind="stable")
            found[label] = [area(hits[order, at], counts[label]) for at in range(len(OVERLAPS))]
    return Precision(found, counts)


def matches(truth: list[Objects], answers: list[Objects], label: int) -> tuple[np.ndarray, np.ndarray, int]:
    """(scores (answers,), whether each is a hit (answers, overlaps), how many objects there are)."""
    scores, hits, total = [], [], 0
    for there, said in zip(truth, answers, strict=True):
        boxes = there.boxes[there.labels == label]
        total += len(boxes)
        rows = np.flatnonzero(said.labels == label)
        rows = rows[np.argsort(-said.scores[rows], kind="stable")][:MOST_ANSWERS]
        scores.append(said.scores[rows])
        hits.append(claim(overlap(said.boxes[rows], boxes)))
    return np.concatenate(scores), np.concatenate(hits), total


def claim(shares: np.ndarray) -> np.ndarray:
    """The surest answer first takes the object it covers best that is still free: (answers, overlaps) hits.

    `shares`: intersection over union (answers, objects).
    """
    found = np.zeros((len(shares), len(OVERLAPS)), dtype=bool)
    if not shares.size:
        return found
    for at, needed in enumerate(OVERLAPS):
        left = shares.copy()
        for row in range(len(left)):
            best = int(left[row].argmax())
            if left[row, best] >= needed:
                found[row, at] = True
                left[:, best] = -1.0
    return found


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair, (one, other)."""
    if not len(one) or not len(other):
        return np.zeros((len(one), len(other)))
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    return both / np.maximum(areas[0][:, None] + areas[1][None, :] - both, 1e-9)


def area(hits: np.ndarray, objects: int) -> float:
    """Under precision over recall, precision made to fall, at 101 points of recall."""
    right = np.cumsum(hits)
    recall = right / objects
    precision = np.maximum.accumulate((right / np.arange(1, len(hits) + 1))[::-1])[::-1]
    at = np.searchsorted(recall, RECALLS, side="left")
    padded = np.concatenate([precision, [0.0]])
    return float(padded[np.minimum(at, len(hits))].mean())
