"""The likeliest tags of a text by a model's scores, in which a passage is never continued that was not begun (Viterbi 1967)."""

from collections.abc import Sequence

import numpy as np

AT_ONCE = 64
NEVER = np.float32(-1e9)


def allowed(tags: int) -> np.ndarray:
    """(tags, tags): 0 where the second may follow the first, else NEVER; numbered as `trainer.tagging.units.tags_of` does."""
    follows = np.zeros((tags, tags), dtype=np.float32)
    for inside in range(2, tags, 2):
        follows[:, inside] = NEVER
        follows[[inside - 1, inside], inside] = 0
    return follows


def start_scores(tags: int) -> np.ndarray:
    """(tags,): a text does not begin within a passage."""
    start = np.zeros(tags, dtype=np.float32)
    start[2::2] = NEVER
    return start


def best_tags(scores: Sequence[np.ndarray], follows: np.ndarray | None = None) -> list[np.ndarray]:
    """The likeliest tags of each text by its scores (units, tags). `follows` (tags, tags): scores that a model has learned for
    one tag after another."""
    order = sorted(range(len(scores)), key=lambda row: len(scores[row]))
    best: list[np.ndarray] = [np.zeros(0, dtype=np.int64)] * len(scores)
    for first in range(0, len(order), AT_ONCE):
        rows = [row for row in order[first : first + AT_ONCE] if len(scores[row])]
        for row, tags in zip(rows, best_of_batch([scores[row] for row in rows], follows) if rows else [], strict=True):
            best[row] = tags
    return best


def best_of_batch(scores: Sequence[np.ndarray], follows: np.ndarray | None) -> list[np.ndarray]:
    lengths = np.array([len(each) for each in scores])
    tags = scores[0].shape[1]
    padded = np.zeros((len(scores), int(lengths.max()), tags), dtype=np.float32)
    for row, each in enumerate(scores):
        padded[row, : len(each)] = each
    value = padded[:, 0] + start_scores(tags)
    values, back = [value], []
    matrix = None if follows is None else follows + allowed(tags)
    for place in range(1, padded.shape[1]):
        best, came_from = step_freely(value) if matrix is None else step(value, matrix)
        value = best + padded[:, place]
        values.append(value)
        back.append(came_from)
    return [traced(row, int(length), values, back) for row, length in enumerate(lengths)]


def step(value: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(the best score of coming to each tag, from which tag), (rows, tags) both."""
    sums = value[:, :, None] + matrix
    came_from = sums.argmax(axis=1)
    return np.take_along_axis(sums, came_from[:, None], axis=1)[:, 0], came_from


def step_freely(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same where every tag that may follow does so at no cost: in time linear in the tags."""
    best, came_from = value.copy(), np.broadcast_to(np.arange(value.shape[1]), value.shape).copy()
    anywhere = value.argmax(axis=1)
    top = np.take_along_axis(value, anywhere[:, None], axis=1)
    free = np.r_[0, np.arange(1, value.shape[1], 2)]
    best[:, free], came_from[:, free] = top, anywhere[:, None]
    inside = np.arange(2, value.shape[1], 2)
    begins = value[:, inside - 1] > value[:, inside]
    best[:, inside] = np.where(begins, value[:, inside - 1], value[:, inside])
    came_from[:, inside] = np.where(begins, inside - 1, inside)
    return best, came_from


def traced(row: int, length: int, values: list[np.ndarray], back: list[np.ndarray]) -> np.ndarray:
    tags = np.zeros(length, dtype=np.int64)
    tags[-1] = values[length - 1][row].argmax()
    for place in range(length - 1, 0, -1):
        tags[place - 1] = back[place - 1][row, tags[place]]
    return tags


def shares(scores: np.ndarray) -> np.ndarray:
    """Softmax over the tags of each unit."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return result
