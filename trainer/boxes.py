"""Boxes of objects as models give them, as people see them, and how good they are together."""

from typing import Any

import numpy as np

from trainer.average_precision import Objects

THRESHOLD = 0.5
"""Score from which an object is shown where the run found no better one."""
MAX_OBJECTS = 300
SAME = 0.7
"""Overlap, intersection over union, from which two boxes of one label are the same object."""
Sizes = list[tuple[int, int]]
"""(width, height) of each picture in pixels."""


def corners(boxes: np.ndarray) -> np.ndarray:
    """Centre and size → left, top, right, bottom: (boxes, 4)."""
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)


def crop_boxes(boxes: np.ndarray, seen: float, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
    """(boxes as shares of a window of `seen` of the picture's sides about (x, y), cut at its edges; whether at least half
    of the object is in it)."""
    placed = (corners(boxes) - np.array([x, y, x, y])) / seen + 0.5
    cut = placed.clip(0, 1)
    sides = cut[:, 2:] - cut[:, :2]
    is_visible = sides.prod(1) >= 0.5 * (placed[:, 2:] - placed[:, :2]).prod(1).clip(min=1e-9)
    return np.concatenate([(cut[:, :2] + cut[:, 2:]) / 2, sides], axis=1), is_visible


def objects_of(output: np.ndarray) -> Objects:
    """A picture's likeliest answers, every query with every label; corners as shares of the picture."""
    scores, boxes = output[:, :-4], corners(output[:, -4:].astype(np.float64))
    flat = scores.reshape(-1)
    best = np.argsort(-flat, kind="stable")[:MAX_OBJECTS]
    best = best[flat[best] > 0]
    return suppress_overlaps(Objects(boxes[best // scores.shape[1]].clip(0, 1), best % scores.shape[1], flat[best]))


def suppress_overlaps(objects: Objects) -> Objects:
    """Without those that lie over a surer one of the same label by more than SAME: they are the same object, found twice.
    `objects`: the surest first."""
    left, top, right, bottom = objects.boxes.T
    areas = (right - left) * (bottom - top)
    is_kept = np.ones(len(areas), dtype=bool)
    for index in range(len(areas)):
        if not is_kept[index]:
            continue
        wide = np.minimum(right[index], right[index + 1 :]) - np.maximum(left[index], left[index + 1 :])
        tall = np.minimum(bottom[index], bottom[index + 1 :]) - np.maximum(top[index], top[index + 1 :])
        both = wide.clip(0) * tall.clip(0)
        same = (both > SAME * (areas[index] + areas[index + 1 :] - both)) & (
            objects.labels[index + 1 :] == objects.labels[index]
        )
        is_kept[index + 1 :] &= ~same
    return Objects(objects.boxes[is_kept], objects.labels[is_kept], objects.scores[is_kept])


def above(objects: Objects, threshold: float) -> Objects:
    """Those that are sure enough to be shown."""
    is_kept = objects.scores >= threshold
    return Objects(objects.boxes[is_kept], objects.labels[is_kept], objects.scores[is_kept])


def listed(objects: Objects, labels: list[str], size: tuple[int, int]) -> list[dict[str, Any]]:
    """`[{label, score, box [x, y, width, height]}]` in pixels of a picture of `size` (width, height)."""
    scale = np.array([*size, *size])
    listed_objects = []
    for box, label, score in zip(objects.boxes * scale, objects.labels, objects.scores, strict=True):
        left, top, right, bottom = box.tolist()
        sides = [round(side, 1) for side in (left, top, right - left, bottom - top)]
        name = labels[label] if label >= 0 else None
        listed_objects.append({"label": name, "score": round(float(score), 4), "box": sides})
    return listed_objects


def of_list(objects: list[dict[str, Any]], index: dict[str, int], size: tuple[int, int] = (1, 1)) -> Objects:
    """The same the other way: corners as shares of a picture of `size`, or in pixels where none is given."""
    boxes = np.array([entry["box"] for entry in objects], dtype=np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    boxes /= np.array([*size, *size])
    labels = np.array([index.get(entry["label"], -1) for entry in objects], dtype=int)
    return Objects(boxes, labels, np.array([entry.get("score", 1.0) for entry in objects]))
