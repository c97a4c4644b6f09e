"""The likeliest passages by a model's scores, and an answer from them. Needs numpy alone.

Candidates of a row are an array (BEST, 3): where a passage begins and ends in the characters of the context, and its score, the
best first. A score is the sum of the scores of its first and last token, less those of the window's first token, which stands
for “not here”: so windows can be compared, and 0 is as likely as no answer. A candidate that is none begins at -1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trainer.passages.windows import Batch

BEST = 16
"""Candidates that are kept of a question."""
MOST_TOKENS = 48
"""Of an answer."""
NOWHERE = -1e4
OVER_THRESHOLD = 1.0


class Found(NamedTuple):
    """An answer, or None, and where it stands; `score`: how sure it is, 0 to 1."""

    answer: str | None
    start: int | None
    end: int | None
    score: float


def empty(rows: int) -> np.ndarray:
    """Of rows without any candidate, (rows, BEST, 3)."""
    return np.tile(np.array([-1.0, -1.0, NOWHERE], dtype=np.float32), (rows, BEST, 1))


def candidates(scores: np.ndarray, batch: Batch, rows: int, *, scores_none: bool = True) -> np.ndarray:
    """(rows, BEST, 3) from the scores of each token as first and as last one, (windows, length, 2). `scores_none`: whether the
    first token has learned to stand for “not here”."""
    firsts = np.where(batch.starts >= 0, scores[..., 0], NOWHERE)
    lasts = np.where(batch.starts >= 0, scores[..., 1], NOWHERE)
    nowhere = scores[:, 0].sum(axis=1) * scores_none
    by_row: list[list[np.ndarray]] = [[] for _row in range(rows)]
    for window, row in enumerate(batch.owners.tolist()):
        by_row[row].append(of_window(firsts[window], lasts[window], batch.starts[window], batch.ends[window], nowhere[window]))  # fmt: skip
    every = empty(rows)
    for row, parts in enumerate(by_row):
        if parts:
            listed = np.concatenate(parts)
            listed = listed[np.argsort(-listed[:, 2], kind="stable")]
            _unique, first = np.unique(listed[:, :2], axis=0, return_index=True)
            listed = listed[np.sort(first)][:BEST]
            every[row, : len(listed)] = listed
    return every


def of_window(
    firsts: np.ndarray, lasts: np.ndarray, starts: np.ndarray, ends: np.ndarray, nowhere: float
) -> np.ndarray:
    """The best passages of one window, (at most BEST, 3), by the likeliest first and last tokens."""
    begin, end = (np.argsort(-side, kind="stable")[:BEST] for side in (firsts, lasts))
    begins, finishes = (side.ravel() for side in np.meshgrid(begin, end, indexing="ij"))
    fits = (finishes >= begins) & (finishes - begins < MOST_TOKENS) & (starts[begins] >= 0) & (starts[finishes] >= 0)
    fits &= ends[finishes] > starts[begins]
    begins, finishes = begins[fits], finishes[fits]
    values = firsts[begins] + lasts[finishes] - nowhere
    order = np.argsort(-values, kind="stable")[:BEST]
    return np.stack([starts[begins[order]], ends[finishes[order]], values[order]], axis=1).astype(np.float32)


def answer_of(context: str, listed: np.ndarray, threshold: float | None) -> Found:
    """The best candidate; no answer where its score is not above the threshold."""
    start, end, best = int(listed[0, 0]), int(listed[0, 1]), float(listed[0, 2])
    is_there = listed[:, 0] >= 0
    weights = np.exp(np.clip(listed[:, 2] - max(best, threshold if threshold is not None else best), -50, 0)) * is_there
    none = 0.0 if threshold is None else float(np.exp(np.clip(threshold - max(best, threshold), -50, 0)))
    whole = float(weights.sum()) + none
    if start < 0 or (threshold is not None and best <= threshold):
        return Found(None, None, None, round(none / whole, 6) if whole else 1.0)
    overlaps = (listed[:, 0] < end) & (listed[:, 1] > start)
    start, end = trimmed(context, start, end)
    return Found(context[start:end], start, end, round(float(weights[overlaps].sum()) / whole, 6))


def trimmed(context: str, start: int, end: int) -> tuple[int, int]:
    """Without blanks at its ends, which some tokenizers count in."""
    text = context[start:end]
    return start + len(text) - len(text.lstrip()), end - (len(text) - len(text.rstrip()))


def choose_threshold(best: np.ndarray, gains: np.ndarray, has_answer: np.ndarray) -> float:
    """The score from which an answer is given, for the best mean F1 over some rows: `best` (rows,) scores, `gains` (rows,) the F1 of
    the answers, which counts where one is given; where none is, 1 for a row without an answer (`has_answer` False)."""
    order = np.argsort(-best, kind="stable")
    given = np.concatenate([[0.0], np.cumsum(gains[order])])
    gains_without = np.concatenate([[0.0], np.cumsum((~has_answer[order]).astype(float))])
    totals = given + (gains_without[-1] - gains_without)
    count = int(totals.argmax())
    values = best[order]
    if count == 0:
        return float(values[0]) + OVER_THRESHOLD if len(values) else 0.0
    if count == len(values):
        return float(values[-1]) - OVER_THRESHOLD
    return float(values[count - 1] + values[count]) / 2
