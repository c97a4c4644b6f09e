"""Rows as points: the vectors that `trainer.labelling.vectors` keeps for a dataset, brought to two dimensions.

The plane is that of the two main components (Pearson 1901; Hotelling 1933). Typical rows of a class lie nearest to the mean of its
vectors by their angle, odd ones farthest from it. Both, and the neighbours, are found in all dimensions, not in the plane.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trainer import answers, tasks
from trainer.data.dataset import Dataset
from trainer.errors import DataError
from trainer.events import Emit, silent
from trainer.json_types import JsonObject
from trainer.labelling.request import Request
from trainer.labelling.rows import UNLABELLED, PartlyLabelled, read_rows
from trainer.labelling.vectors import vectors_of
from trainer.messages import _
from trainer.tested_rows import read_rows as read_predictions

MOST_ROWS, MOST_TESTED = 1_000, 400
"""Of the map; of them so many test rows at most."""
SECONDS = 120.0
NEAREST, SHOWN, MOST_CLASSES = 3, 3, 30
MOST_CHARACTERS, MOST_COLUMNS = 120, 4


class Points(NamedTuple):
    """`matrix` (rows, features) of length one each; `reader`: what read the rows."""

    rows: PartlyLabelled
    matrix: np.ndarray
    reader: str


def map_of(artifact: Path, version: Path, out: Path, emit: Emit = silent) -> JsonObject:
    """{reader, labels, points [{row, x, y, label, part, right, shown}], variance, classes [{label, typical [row], odd [row]}], nearest
    {row: [{row, similarity}]}}: `x` and `y` 0 to 1, `label` a place in `labels`. `DataError` (`no_vectors`) where nothing here reads
    such rows."""
    points = read_points(version, out, emit)
    dataset, task = points.rows.dataset, tasks.get(points.rows.dataset.task or "")
    labelled = answers.get(task.answer).labelled
    right = is_right_by_row(artifact) if labelled else {}
    plane, variance = to_plane(points.matrix)
    shown = shown_rows(dataset, points.rows.numbers)
    parts = np.asarray(dataset.split)[points.rows.numbers]
    codes = points.rows.codes if labelled else np.full(len(points.rows.numbers), UNLABELLED)
    used, places = np.unique(codes[codes != UNLABELLED], return_inverse=True)
    label_at = np.full(len(codes), UNLABELLED)
    label_at[codes != UNLABELLED] = places
    listed = [
        {
            "row": int(number) + 1,
            "x": round(float(x), 4),
            "y": round(float(y), 4),
            "label": None if label == UNLABELLED else int(label),
            "part": str(part),
            "right": right.get(int(number) + 1),
            "shown": text,
        }
        for number, (x, y), label, part, text in zip(points.rows.numbers, plane, label_at, parts, shown, strict=True)
    ]
    return {
        "reader": points.reader,
        "labels": [points.rows.labels[code] for code in used],
        "variance": [round(share, 4) for share in variance],
        "points": listed,
        "classes": classes_of(points, label_at, [points.rows.labels[code] for code in used]),
        "nearest": nearest(points, parts),
    }


def read_points(version: Path, out: Path, emit: Emit) -> Points:
    rows = read_rows(Request.model_validate({"version": str(version), "decisions": []}))
    choose(rows)
    cached = Path(os.environ.get("MAQUETTE_CACHE") or out / "cache")
    out.mkdir(parents=True, exist_ok=True)
    vectors = vectors_of(rows, cached, out, SECONDS, emit) if len(rows.numbers) else None
    if vectors is None or len(vectors.matrix) < 2:
        raise DataError(
            _("Nothing here reads such rows as points."),
            code="no_vectors",
            hint=_("Texts, sounds and tables have a map, pictures where a picture model is on this machine."),
        )
    lengths = np.linalg.norm(vectors.matrix, axis=1, keepdims=True)
    return Points(rows, vectors.matrix / np.maximum(lengths, 1e-9), vectors.reader)


def choose(rows: PartlyLabelled) -> None:
    """Test rows and others, drawn at random, in the order of the file."""
    generator, is_test = np.random.default_rng(0), np.asarray(rows.dataset.split)[rows.numbers] == "test"
    tested = generator.permutation(np.flatnonzero(is_test))[:MOST_TESTED]
    others = generator.permutation(np.flatnonzero(~is_test))[: MOST_ROWS - len(tested)]
    rows.keep(np.sort(np.concatenate([tested, others])))


def to_plane(matrix: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """(rows, 2) from 0 to 1, and the shares of the variance that the two directions have."""
    centred = matrix - matrix.mean(axis=0)
    _left, singular, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[:2] * np.sign(directions[:2, np.abs(directions[:2]).argmax(axis=1)].diagonal())[:, None]
    plane = centred @ directions.T
    if plane.shape[1] < 2:
        plane = np.concatenate([plane, np.zeros((len(plane), 1))], axis=1)
    low, high = plane.min(axis=0), plane.max(axis=0)
    squares = np.square(singular)
    shares = squares[:2] / max(float(squares.sum()), 1e-12)
    return (plane - low) / np.maximum(high - low, 1e-9), [float(share) for share in shares]


def classes_of(points: Points, label_at: np.ndarray, labels: list[str]) -> list[JsonObject]:
    """Of the largest classes."""
    counts = np.bincount(label_at[label_at >= 0], minlength=len(labels))
    classes: list[JsonObject] = []
    for place in np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist():
        own = np.flatnonzero(label_at == place)
        centre = points.matrix[own].mean(axis=0)
        order = own[np.argsort(-(points.matrix[own] @ centre), kind="stable")]
        numbers = (points.rows.numbers[order] + 1).tolist()
        odd = [number for number in reversed(numbers) if number not in numbers[:SHOWN]][:SHOWN]
        classes.append({"label": labels[place], "rows": len(own), "typical": numbers[:SHOWN], "odd": odd})
    return classes


def nearest(points: Points, parts: np.ndarray) -> JsonObject:
    """Of each test row those that are learned from which lie nearest, with the cosine of their angle."""
    tested, learned = np.flatnonzero(parts == "test"), np.flatnonzero(np.isin(parts, ("train", "validation")))
    similar = points.matrix[tested] @ points.matrix[learned].T
    numbers = points.rows.numbers + 1
    return {
        str(numbers[row]): [
            {"row": int(numbers[learned[place]]), "similarity": round(float(close[place]), 3)}
            for place in np.argsort(-close, kind="stable")[:NEAREST]
        ]
        for row, close in zip(tested, similar, strict=True)
    }


def is_right_by_row(artifact: Path) -> dict[int, bool]:
    """{row: whether its answer was right}."""
    rows = read_predictions(artifact, lambda name: name in ("row", "truth", "predicted")) or []
    return {row["row"]: row["truth"] == row["predicted"] for row in rows}


def shown_rows(dataset: Dataset, numbers: np.ndarray) -> list[str]:
    """A line of each."""
    reads = [dataset.roles[role] for role in dataset.mapped_shape.reads if role in dataset.roles]
    names = reads or list(dataset.inputs)[:MOST_COLUMNS]
    table = dataset.table.select(names).take(numbers).to_pylist()
    return [line_of(row, named=not reads)[:MOST_CHARACTERS] for row in table]


def line_of(row: dict[str, Any], *, named: bool) -> str:
    cells = {name: "" if cell is None else str(cell) for name, cell in row.items()}
    return ", ".join(f"{name} {cell}" if named else cell for name, cell in cells.items())
