"""How good the passages found are: entity F1 by the strict rule, that both edges and the label must be right."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Passages = frozenset[tuple[int, int, str]]
"""(start, end, label) of one text."""


def passages(entities: Iterable[dict[str, Any]]) -> Passages:
    return frozenset((entity["start"], entity["end"], entity["label"]) for entity in entities)


def counted(truth: Sequence[Passages], predicted: Sequence[Passages]) -> np.ndarray:
    """(rows, 3): how many are right, were found, are there."""
    counts = [(len(true & own), len(own), len(true)) for true, own in zip(truth, predicted, strict=True)]
    return np.array(counts, dtype=float).reshape(-1, 3)


def rates(right: float, predicted: float, actual: float) -> dict[str, float]:
    """{entity_f1, entity_precision, entity_recall}; 1 where nothing is there and nothing was found."""
    if not predicted and not actual:
        return {"entity_f1": 1.0, "entity_precision": 1.0, "entity_recall": 1.0}
    return {
        "entity_f1": 2 * right / max(predicted + actual, 1e-12),
        "entity_precision": right / predicted if predicted else 0.0,
        "entity_recall": right / actual if actual else 0.0,
    }


def scores(truth: Sequence[Passages], predicted: Sequence[Passages]) -> dict[str, float]:
    return rates(*counted(truth, predicted).sum(axis=0).tolist())


def errors(
    truth: Passages, predicted: Passages
) -> list[tuple[str, tuple[int, int, str] | None, tuple[int, int, str] | None]]:
    """(what is wrong, what is true, what was found) of one text: `type` at the same place, `bounds` where they overlap,
    `missed`, `invented`; each passage once."""
    left, extra = sorted(truth - predicted), sorted(predicted - truth)
    wrong: list[tuple[str, tuple[int, int, str] | None, tuple[int, int, str] | None]] = []
    for kind in ("type", "bounds"):
        for true in list(left):
            match = next((own for own in extra if is_alike(kind, true, own)), None)
            if match is not None:
                wrong.append((kind, true, match))
                left.remove(true)
                extra.remove(match)
    missed = [("missed", true, None) for true in left]
    return [*wrong, *missed, *(("invented", None, own) for own in extra)]


def is_alike(kind: str, true: tuple[int, int, str], own: tuple[int, int, str]) -> bool:
    if kind == "type":
        return true[:2] == own[:2]
    return true[0] < own[1] and own[0] < true[1]
