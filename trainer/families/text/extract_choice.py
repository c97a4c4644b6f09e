"""What is learned of summaries made of a text's own sentences: how many words of its summary a sentence has, by ridge regression, and
how they are chosen by that, in a cross-validation (`trainer.extracts.Expecting`)."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from trainer import text_scores
from trainer.extracts import (
    FEATURES,
    MORE_FEATURES,
    Expecting,
    Extractor,
    Sentences,
    first_sentences,
    joined,
    lengths_of,
    more_features_of,
)
from trainer.messages import _

MOST_FIRST = 6
"""Sentences of a text's beginning that may be the best summary."""
FADES = (0.6, 0.7, 0.8, 1.0)
"""What the next sentence of a summary may add of its words."""
VECTOR_STRENGTHS = (1_000.0, 10_000.0)
"""Of the ridge on the numbers of a vector, which are many and say little each."""
SMOOTHING, MOST_RATED = 5, 20_000
"""Texts with the usual rate that count beside those of a word; words whose rates are kept."""
FOLDS, STRENGTH, CONSTANT = 5, 1.0, 1e-10
PLAIN = len(FEATURES) + len(MORE_FEATURES)


class Rates(NamedTuple):
    """How often a word of a text stands in its summary too: `read` in so many texts, `written` in so many of their summaries."""

    read: Counter[str]
    written: Counter[str]
    usual: float
    """Of all words."""

    @classmethod
    def of(cls, rows: Sequence[tuple[Sentences, str]]) -> "Rates":
        read: Counter[str] = Counter()
        written: Counter[str] = Counter()
        for text, summary in rows:
            own = {word for sentence in text.named for word in text_scores.words_of(sentence)}
            read.update(own)
            written.update(own.intersection(text_scores.words_of(summary)))
        return cls(read, written, written.total() / max(read.total(), 1))

    def rate(self, read: int, written: int) -> float:
        return (written + SMOOTHING * self.usual) / (read + SMOOTHING)

    def without(self, summary: Sequence[str]) -> Callable[[str], float]:
        """Of a word of a text that was counted, by the others alone: nothing of its own summary is known."""
        own = set(summary)
        return lambda word: self.rate(self.read[word] - 1, self.written[word] - (word in own))

    @property
    def table(self) -> dict[str, float]:
        """Of words of several texts."""
        known = [word for word, read in self.read.most_common(MOST_RATED) if read > 1]
        return {word: round(self.rate(self.read[word], self.written[word]), 4) for word in known}


class Known(NamedTuple):
    """A row to learn from: its sentences with their vectors, what is known of them, and their words; and those of its summary."""

    text: Sentences
    vectors: np.ndarray
    features: np.ndarray
    lengths: np.ndarray
    words: list[list[str]]
    summary: list[str]

    @property
    def shared(self) -> np.ndarray:
        """(sentences,): how many words of the summary each has, in its order."""
        return np.array([text_scores.longest_common(self.summary, own) for own in self.words], dtype=np.float64)

    def near(self, text: str) -> float:
        """ROUGE-L of a text."""
        own = text_scores.words_of(text)
        return text_scores.f1(text_scores.longest_common(self.summary, own), len(self.summary), len(own))


def known_of(text: Sentences, vectors: np.ndarray, summary: str, rates: Rates) -> Known:
    right = text_scores.words_of(summary)[: text_scores.MOST_WORDS]
    words = [text_scores.words_of(sentence) for sentence in text.named]
    features = more_features_of(text.named, vectors, rates.without(right))
    return Known(text, vectors, features, lengths_of(text.named), words, right)


def choose(known: list[Known], rates: Rates, clauses: bool = False) -> tuple[Extractor, float, str]:
    """(the best way to choose sentences, learned from all rows; its ROUGE-L in a cross-validation; both in a sentence). Words are
    rated by all rows but the one that is asked: what those of its own fold add to that, each of many, is too little to matter."""
    folds = [sums_of(known[fold::FOLDS], known[0].features.shape[1]) for fold in range(FOLDS)]
    every = reduce(Sums.plus, folds)
    usual = float(np.mean([len(each.summary) for each in known]))
    tried: dict[tuple[float, float], float] = {}
    for strength in VECTOR_STRENGTHS:
        learned = [solved(every.plus(own, -1) if len(known) > FOLDS else every, strength) for own in folds]
        expected = [
            (each.features @ weights + constant).clip(0, each.lengths)
            for row, each in enumerate(known)
            for weights, constant in [learned[row % FOLDS]]
        ]
        for fade in FADES:
            way = Expecting(np.zeros(0), 0.0, usual, fade, {}, 0.0)
            pairs = zip(expected, known, strict=True)
            tried[strength, fade] = mean_near(
                (each, each.text.joined(way.best(words, each.lengths, each.vectors))) for words, each in pairs
            )
    (strength, fade), score = max(tried.items(), key=lambda each: each[1])
    count, lead = best_beginning(known)
    if lead > score:
        text = _("The first %(count)s sentences were best: ROUGE-L %(score)s.", count=count, score=f"{lead:.1%}")
        return first_sentences(count, clauses), lead, text
    text = _(
        "Chosen sentences had ROUGE-L %(score)s in a cross-validation, the first %(count)s sentences %(lead)s.",
        score=f"{score:.1%}",
        count=count,
        lead=f"{lead:.1%}",
    )
    return Expecting(*solved(every, strength), usual, fade, rates.table, rates.usual, clauses), score, text


def best_beginning(known: list[Known]) -> tuple[int, float]:
    """(how many of the first sentences make the best summary, its ROUGE-L)."""
    tried = {
        count: mean_near((each, joined(each.text.plain, range(min(count, len(each.words))))) for each in known)
        for count in range(1, MOST_FIRST + 1)
    }
    return max(tried.items(), key=lambda each: each[1])


def mean_near(written: Iterable[tuple[Known, str]]) -> float:
    return float(np.mean([each.near(text) for each, text in written]))


@dataclass(frozen=True)
class Sums:
    """Of sentences, what a regression needs to know: how many (`rows`), sums of features and of words, of their squares and products."""

    rows: float
    features: np.ndarray
    words: float
    squares: np.ndarray
    products: np.ndarray

    def plus(self, other: "Sums", sign: float = 1.0) -> "Sums":
        return Sums(
            self.rows + sign * other.rows,
            self.features + sign * other.features,
            self.words + sign * other.words,
            self.squares + sign * other.squares,
            self.products + sign * other.products,
        )


def sums_of(known: Sequence[Known], width: int) -> Sums:
    """Row by row, so that the features of all sentences are never in memory twice. `width`: how many features there are."""
    sums = Sums(0, np.zeros(width), 0, np.zeros((width, width)), np.zeros(width))
    for each in known:
        shared = each.shared
        squares, products = each.features.T @ each.features, shared @ each.features
        sums = sums.plus(Sums(len(shared), each.features.sum(0), float(shared.sum()), squares, products))
    return sums


def solved(sums: Sums, strength: float) -> tuple[np.ndarray, float]:
    """(weights, constant) of a ridge regression on features in standard units: STRENGTH on those that are named, `strength` on the
    numbers of the vector."""
    means, mean = sums.features / sums.rows, sums.words / sums.rows
    variance = np.diag(sums.squares) / sums.rows - means**2
    spread = np.sqrt(
        np.where(variance > CONSTANT * (means**2 + 1), variance, np.inf)
    )  # what is always the same says nothing
    squares = (sums.squares - sums.rows * np.outer(means, means)) / np.outer(spread, spread)
    products = (sums.products - sums.rows * means * mean) / spread
    held = np.where(np.arange(len(means)) < PLAIN, STRENGTH, strength)
    weights: np.ndarray = np.linalg.solve(squares + np.diag(held), products) / spread
    return weights, float(mean - means @ weights)
