"""Texts written token by token by any model that scores the next one: the likeliest token again and again, or a beam search."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

Step = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Tokens so far (rows, length), and of each row which row of the step before it goes on from (rows,) → scores of the next token
(rows, vocabulary). Before the first step rows go on from those that were given, in their order."""


class Finished(NamedTuple):
    """`score`: logarithm of its probability over its tokens, the end included."""

    score: float
    ids: np.ndarray


def written(step: Step, rows: int, writes: Mapping[str, Any]) -> list[np.ndarray]:
    """The ids of each answer, as a model `writes`: `prefix` and `end` of all, at most `positions` tokens, with so many `beams`."""
    prefix, end, most, beams = writes["prefix"], writes["end"], writes["positions"], writes.get("beams", 1)
    return greedy(step, rows, prefix, end, most) if beams == 1 else searched(step, rows, prefix, end, most, beams)


def greedy(step: Step, rows: int, prefix: list[int], end: int, most: int) -> list[np.ndarray]:
    """The likeliest token again and again, until every answer has ended or has `most`. Those that have ended are left out of the
    next step."""
    tokens = np.tile(np.array(prefix, dtype=np.int64), (rows, 1))
    answers = [tokens[0, :0]] * rows
    open_rows = before = np.arange(rows)
    for _token in range(most):
        following = step(tokens, before).argmax(1)
        before = np.flatnonzero(following != end)
        tokens = np.concatenate([tokens[before], following[before, None]], axis=1)
        open_rows = open_rows[before]
        if not len(open_rows):
            break
        for row, ids in zip(open_rows.tolist(), tokens, strict=True):
            answers[row] = ids[len(prefix) :]
    return answers


def searched(step: Step, rows: int, prefix: list[int], end: int, most: int, beams: int) -> list[np.ndarray]:
    """The best answer that a beam search finds for each row; all rows go on together."""
    searches = [Search(end, most, beams) for _row in range(rows)]
    going, before = searches, np.arange(rows)
    while going:
        likely = log_softmax(step(tokens_of(going, prefix), before))
        edges = np.cumsum([0, *(len(search.sums) for search in going)])
        came = [search.advance(likely[start : start + len(search.sums)]) for search, start in zip(going, edges, strict=False)]  # fmt: skip
        open_ones = [index for index, search in enumerate(going) if not search.is_over]
        before = np.concatenate([np.zeros(0, np.int64), *(edges[index] + came[index] for index in open_ones)])
        going = [going[index] for index in open_ones]
    return [search.finished[0].ids for search in searches]


def tokens_of(searches: "list[Search]", prefix: list[int]) -> np.ndarray:
    beams = np.concatenate([search.tokens for search in searches])
    return np.concatenate([np.tile(np.array(prefix, dtype=np.int64), (len(beams), 1)), beams], axis=1)


class Search:
    """Of one answer: `tokens` (beams, length) of those that go on, with the sum of the logarithms of their probabilities, and the
    best that have ended.

    Answers of different lengths are compared by the mean over their tokens: by the sum alone short ones would win (Wu et al. 2016,
    section 7). Each step takes the best continuations, twice as many as there are beams, so that as many as before go on though
    half of them end. The search is over when the best that goes on is no better than the worst of as many ended ones.
    """

    def __init__(self, end: int, most: int, beams: int) -> None:
        self.end, self.most, self.beams = end, most, beams
        self.tokens, self.sums = np.zeros((1, 0), dtype=np.int64), np.zeros(1)
        self.finished: list[Finished] = []

    @property
    def is_over(self) -> bool:
        if not len(self.sums):
            return True
        best = self.sums[0] / self.tokens.shape[1]
        return len(self.finished) == self.beams and bool(best <= self.finished[-1].score)

    def advance(self, likely: np.ndarray) -> np.ndarray:
        """By a token, whose logarithms of probabilities (beams, vocabulary) are given; the beam that each goes on from."""
        sums = self.sums[:, None] + likely
        best = largest(sums.ravel(), 2 * self.beams)
        came, following = np.divmod(best, likely.shape[1])
        tokens, sums = np.concatenate([self.tokens[came], following[:, None]], axis=1), sums.ravel()[best]
        has_ended = (following == self.end) | (tokens.shape[1] == self.most)
        self.keep(tokens[: self.beams], sums[: self.beams], has_ended[: self.beams])
        going = np.flatnonzero(~has_ended)[: self.beams]
        self.tokens, self.sums = tokens[going], sums[going]
        return came[going]

    def keep(self, tokens: np.ndarray, sums: np.ndarray, has_ended: np.ndarray) -> None:
        """Those that have ended, as many of the best as there are beams."""
        for ids, total in zip(tokens[has_ended], sums[has_ended].tolist(), strict=True):
            self.finished.append(Finished(total / len(ids), ids[:-1] if ids[-1] == self.end else ids))
        self.finished.sort(key=lambda answer: -answer.score)
        del self.finished[self.beams :]


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """Places of the largest, the largest first; of equal ones the first."""
    count = min(count, len(values))
    places = np.sort(np.argpartition(-values, count - 1)[:count])
    return places[np.argsort(-values[places], kind="stable")]


def log_softmax(scores: np.ndarray) -> np.ndarray:
    shifted = scores.astype(np.float32) - scores.max(axis=1, keepdims=True)
    likely: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return likely
