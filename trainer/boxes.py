"""Boxes of objects as models give them, as people see them, and how good they are together."""

from typing import Any

import numpy as np

from trainer.average_precision import Objects

THRESHOLD = 0.5
"""Score from which an object is shown where the run found no better one."""
MOST_OBJECTS = 300
SAME = 0.7
"""Overlap, intersection over union, from which two boxes of one label are the same object."""
Sizes = list[tuple[int, int]]
"""(width, height) of each picture in pixels."""


def corners(boxes: np.ndarray) -> np.ndarray:
    """Centre and size → left, top, right, bottom: (boxes, 4)."""
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)


def seen_through(boxes: np.ndarray, seen: float, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """(boxes as shares of a window of `seen` of the picture's sides about (x, y), cut at its edges; whether at least half
    of the object is in it)."""
    placed = (corners(boxes) - np.array([x, y, x, y])) / seen + 0.5
    cut = placed.clip(0, 1)
    sides = cut[:, 2:] - cut[:, :2]
    there = sides.prod(1) >= 0.5 * (placed[:, 2:] - placed[:, :2]).prod(1).clip(min=1e-9)
    return np.concatenate([(cut[:, :2] + cut[:, 2:]) / 2, sides], axis=1), there


def objects_of(output: np.ndarray) -> Objects:
    """A picture's likeliest answers, every query with every label; corners as shares of the picture."""
    scores, boxes = output[:, :-4], corners(output[:, -4:].astype(np.float64))
    flat = scores.reshape(-1)
    best = np.argsort(-flat, kind="stable")[:MOST_OBJECTS]
    best = best[flat[best] > 0]
    return apart(Objects(boxes[best // scores.shape[1]].clip(0, 1), best % scores.shape[1], flat[best]))


def apart(objects: Objects) -> Objects:
    """Without those that lie over a surer one of the same label by more than SAME: they are the same object, found twice.
    `objects`: the surest first."""
    left, top, right, bottom = objects.boxes.T
    areas = (right - left) * (bottom - top)
    kept = np.ones(len(areas), dtype=bool)
    for at in range(len(areas)):
        if not kept[at]:
            continue
        wide = np.minimum(right[at], right[at + 1 :]) - np.maximum(left[at], left[at + 1 :])
        tall = np.minimum(bottom[at], bottom[at + 1 :]) - np.maximum(top[at], top[at + 1 :])
        both = wide.clip(0) * tall.clip(0)
        same = (both > SAME * (areas[at] + areas[at + 1 :] - both)) & (objects.labels[at + 1 :] == objects.labels[at])
        kept[at + 1 :] &= ~same
    return Objects(objects.boxes[kept], objects.labels[kept], objects.scores[kept])


def above(objects: Objects, threshold: float) -> Objects:
    """Those that are sure enough to be shown."""
    kept = objects.scores >= threshold
    return Objects(objects.boxes[kept], objects.labels[kept], objects.scores[kept])


def listed(objects: Objects, labels: list[str], size: tuple[int, int]) -> list[dict[str, Any]]:
    """`[{label, score, box [x, y, width, height]}]` in pixels of a picture of `size` (width, height)."""
    scale = np.array([*size, *size])
    found = []
    for box, label, score in zip(objects.boxes * scale, objects.labels, objects.scores, strict=True):
        left, top, right, bottom = box.tolist()
        sides = [round(side, 1) for side in (left, top, right - left, bottom - top)]
        name = labels[label] if label >= 0 else None
        found.append({"label": name, "score": round(float(score), 4), "box": sides})
    return found


def of_list(objects: list[dict[str, Any]], index: dict[str, int], size: tuple[int, int] = (1, 1)) -> Objects:
    """The same the other way: corners as shares of a picture of `size`, or in pixels where none is given."""
    boxes = np.array([one["box"] for one in objects], dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    boxes /= np.array([*size, *size])
    labels = np.array([index.get(one["label"], -1) for one in objects], dtype=int)
    return Objects(boxes, labels, np.array([one.get("score", 1.0) for one in objects]))
