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
        return nan_mean(self.by_overlap)

    @property
    def map_50(self) -> float:
        return nan_mean(self.by_overlap[:, 0])

    def of_label(self, label: int) -> tuple[float, float]:
        """(average precision at 50 % overlap, mean over all overlaps); 0 for a label that does not occur."""
        row = np.nan_to_num(self.by_overlap[label])
        return float(row[0]), float(row.mean())


def nan_mean(values: np.ndarray) -> float:
    finite = values[~np.isnan(values)]
    return float(finite.mean()) if len(finite) else 0.0


def average_precision(targets: list[Objects], answers: list[Objects], labels: int) -> Precision:
    """Of all labels over pictures in the same order."""
    return Matched(targets, answers, labels).precision()


class Matched:
    """Which answers found which objects, once for any weighing of the pictures."""

    def __init__(self, targets: list[Objects], answers: list[Objects], labels: int, *, only: int | None = None) -> None:
        """`only` one label is looked at, where it is given."""
        self.pictures, self.labels = len(targets), labels
        self.hits: list[np.ndarray] = []
        """By label, surest answer first: (answers, overlaps)."""
        self.places: list[np.ndarray] = []
        """By label: the picture of each answer."""
        self.counts = np.zeros((labels, self.pictures), dtype=int)
        for label in range(labels) if only is None else (only,):
            self.match(label, targets, answers)

    def match(self, label: int, targets: list[Objects], answers: list[Objects]) -> None:
        scores, hits, places = [np.zeros(0)], [np.zeros((0, len(OVERLAPS)), dtype=bool)], [np.zeros(0, dtype=int)]
        for picture, (actual, predicted) in enumerate(zip(targets, answers, strict=True)):
            boxes = actual.boxes[actual.labels == label]
            self.counts[label, picture] = len(boxes)
            rows = np.flatnonzero(predicted.labels == label)
            rows = rows[np.argsort(-predicted.scores[rows], kind="stable")][:MOST_ANSWERS]
            scores.append(predicted.scores[rows])
            hits.append(assign_greedily(iou_matrix(predicted.boxes[rows], boxes)))
            places.append(np.full(len(rows), picture))
        order = np.argsort(-np.concatenate(scores), kind="stable")
        self.hits.append(np.concatenate(hits)[order])
        self.places.append(np.concatenate(places)[order])

    def precision(self, weights: np.ndarray | None = None, overlaps: int = len(OVERLAPS)) -> Precision:
        """`weights[picture]`: how often each picture counts; `overlaps`: how many, from half overlap on, are looked at."""
        weights = np.ones(self.pictures, dtype=int) if weights is None else weights
        by_overlap = np.full((self.labels, overlaps), np.nan)
        counts = self.counts @ weights
        for label in np.flatnonzero(counts):
            weight = weights[self.places[label]]
            by_overlap[label] = [
                interpolated_precision(hits, weight, counts[label]) for hits in self.hits[label].T[:overlaps]
            ]
        return Precision(by_overlap, counts)


def matched_counts(targets: list[Objects], answers: list[Objects], label: int) -> tuple[int, int, int]:
    """(answers that found an object at half overlap, answers, objects) of one label over all pictures."""
    matched = Matched(targets, answers, label + 1, only=label)
    return int(matched.hits[-1][:, 0].sum()), len(matched.hits[-1]), int(matched.counts[label].sum())


def assign_greedily(shares: np.ndarray) -> np.ndarray:
    """The surest answer first takes the object it covers best that is still free: (answers, overlaps) hits.

    `shares`: intersection over union (answers, objects).
    """
    hits = np.zeros((len(shares), len(OVERLAPS)), dtype=bool)
    if not shares.size:
        return hits
    for column, needed in enumerate(OVERLAPS):
        free = shares.copy()
        for row in range(len(free)):
            best = int(free[row].argmax())
            if free[row, best] >= needed:
                hits[row, column] = True
                free[:, best] = -1.0
    return hits


def iou_matrix(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair, (one, other)."""
    if not len(first) or not len(second):
        return np.zeros((len(first), len(second)))
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    shares: np.ndarray = both / np.maximum(areas[0][:, None] + areas[1][None, :] - both, 1e-9)
    return shares


def interpolated_precision(hits: np.ndarray, weights: np.ndarray, objects: int) -> float:
    """Under precision over recall, precision made to fall, at 101 points of recall."""
    right = np.cumsum(hits * weights)
    recall = right / objects
    precision = np.maximum.accumulate((right / np.maximum(np.cumsum(weights), 1))[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    padded = np.concatenate([precision, [0.0]])
    return float(padded[np.minimum(places, len(hits))].mean())
