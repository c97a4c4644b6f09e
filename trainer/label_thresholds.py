"""From which probability each of several labels applies, chosen for the best micro F1. Needs numpy alone."""

import numpy as np

LOGITS = np.linspace(-6, 6, 121)
"""Candidates for thresholds."""
MIN_POSITIVES = 10
"""Rows with a label from which it gets a threshold of its own; rarer ones share one."""
SMOOTHED = 3
"""Candidates to either side over which the gain of a threshold is averaged, so that no single row decides."""
PASSES = 4


def sigmoid(logits: np.ndarray) -> np.ndarray:
    wide = np.clip(np.asarray(logits, dtype=np.float64), -60, 60)
    return np.asarray(1 / (1 + np.exp(-wide)))


def logit(probabilities: np.ndarray) -> np.ndarray:
    bounded = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(bounded / (1 - bounded)))


def choose_thresholds(truth: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """(labels,) probabilities from which labels apply, for the best micro F1 on these rows (both (rows, labels)).

    Micro F1 is a ratio of two sums over labels, so at its best value F each label's threshold is the one with the greatest
    twice-right minus F times chosen (Dinkelbach 1967). Labels with few rows take the best common threshold.
    """
    right, chosen = cumulated(truth, logits)
    actual = float(truth.sum())
    common = int(np.argmax(2 * right.sum(0) / np.maximum(chosen.sum(0) + actual, 1)))
    places = np.full(truth.shape[1], common)
    own = np.flatnonzero(truth.sum(axis=0) >= MIN_POSITIVES)
    every = np.arange(truth.shape[1])
    for _pass in range(PASSES):
        best = 2 * right[every, places].sum() / max(chosen[every, places].sum() + actual, 1)
        gains = smooth(2 * right - best * chosen)
        places[own] = gains[own].argmax(axis=1)
    return sigmoid(LOGITS[places])


def cumulated(truth: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(right, chosen), each (labels, candidates): rows of a label, and rows at all, at or above each candidate."""
    bins = np.searchsorted(LOGITS, logits, side="right")  # so many candidates are at or below the output
    labels, size = truth.shape[1], len(LOGITS) + 1
    flat = (np.arange(labels) * size + bins).ravel()
    everything = np.bincount(flat, minlength=labels * size).reshape(labels, size)
    positive = np.bincount(flat, truth.ravel(), minlength=labels * size).reshape(labels, size)
    return tuple(table[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:] for table in (positive, everything))  # type: ignore[return-value]


def smooth(gains: np.ndarray) -> np.ndarray:
    """A running mean along the candidates."""
    padded = np.pad(gains, ((0, 0), (SMOOTHED, SMOOTHED)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    width = 2 * SMOOTHED + 1
    return np.asarray((sums[:, width:] - sums[:, :-width]) / width)
