"""A question and its context as windows of tokens that overlap, so that a long context is read whole, or of a very long one the
parts that share most with the question. By the `tokenizers` library alone; the same where it learns and where it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.passages.overlaps import FEATURES, Split, features_of, rarity, split, terms_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

OVERLAP = 0.25
"""Of a window, with the next: longer than nearly every answer."""
QUESTION_SHARE = 0.5
"""Of what a model reads at once, at most."""
MOST_WINDOWS = 16
"""Of one context that are read for a question; the others share fewer words with it."""


class Pair(NamedTuple):
    """What is asked."""

    question: str
    context: str


class Tokens(NamedTuple):
    """A context's tokens: ids, and where each begins and ends in it, (tokens,) each; and its sentences."""

    ids: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    sentences: Split


class Window(NamedTuple):
    """`ids` and `types` as the model reads them; the context's tokens from `first` on stand from `place` on, so many `count`.
    `starts`, `ends` and `features` are theirs, (count, …)."""

    ids: list[int]
    types: list[int]
    first: int
    place: int
    starts: np.ndarray
    ends: np.ndarray
    features: np.ndarray

    @property
    def size(self) -> int:
        return len(self.starts)


class Batch(NamedTuple):
    """(windows, longest) each: what the model reads, and where each token begins and ends in its context, -1 for one that is not
    of it. `features` (windows, longest, FEATURES): what it has in common with the question. `owners` (windows,): which of the
    pairs each window is of."""

    ids: np.ndarray
    mask: np.ndarray
    types: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    features: np.ndarray
    owners: np.ndarray


class Windows:
    """`max_length`: tokens that the model reads at once, the special ones included."""

    def __init__(self, tokenizer: Tokenizer, max_length: int, pad: int = 0) -> None:
        self.tokenizer, self.max_length, self.pad = tokenizer, max_length, pad
        tokenizer.no_padding()
        tokenizer.no_truncation()
        template = tokenizer.encode("a", "b")
        special = [place for place, each in enumerate(template.sequence_ids) if each is None]
        first = [place for place, each in enumerate(template.sequence_ids) if each == 0]
        second = [place for place, each in enumerate(template.sequence_ids) if each == 1]
        self.before = template.ids[: first[0]]
        self.between = template.ids[first[-1] + 1 : second[0]]
        self.after = template.ids[second[-1] + 1 :]
        self.types = (template.type_ids[first[0]], template.type_ids[second[0]])
        self.room = max_length - len(special)
        """Tokens of question and context together."""

    @property
    def longest_question(self) -> int:
        """Tokens of a question that are read."""
        return max(1, int(self.room * QUESTION_SHARE))

    def questions(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each question, whole."""
        return [each.ids for each in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def contexts(self, texts: Sequence[str]) -> list[Tokens]:
        encodings = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [
            tokens_of(encoding.ids, encoding.offsets, text) for encoding, text in zip(encodings, texts, strict=True)
        ]

    def starts(self, question: int, tokens: int) -> tuple[int, list[int]]:
        """(tokens of the context in a window, which of them each window begins with) for lengths in tokens."""
        size = max(1, self.room - min(question, self.longest_question))
        step = max(1, size - int(size * OVERLAP))
        return size, list(range(0, max(tokens - size, 0) + step, step)) if tokens > size else [0]

    def window(self, question: list[int], tokens: Tokens, features: np.ndarray, first: int, size: int) -> Window:
        """The part of a context that begins with its token `first`, under the question."""
        asked, own = question[: self.longest_question], slice(first, first + size)
        part = tokens.ids[own].tolist()
        ids = [*self.before, *asked, *self.between, *part, *self.after]
        place = len(ids) - len(part) - len(self.after)
        types = [self.types[0]] * place + [self.types[1]] * (len(ids) - place)
        return Window(ids, types, first, place, tokens.starts[own], tokens.ends[own], features[own])

    def features(self, pair: Pair, tokens: Tokens) -> np.ndarray:
        return features_of(pair.question, pair.context, tokens.sentences, tokens.starts, tokens.ends)

    def read(self, pair: Pair, question: list[int], tokens: Tokens) -> list[Window]:
        """Every window of a pair; of a very long context those that share most with the question, in order."""
        size, starts = self.starts(len(question), len(tokens.ids))
        if len(starts) > MOST_WINDOWS:
            starts = best_starts(pair, tokens, starts, size)
        features = self.features(pair, tokens)
        return [self.window(question, tokens, features, first, size) for first in starts]

    def batch(self, windows: Sequence[Window], owners: Sequence[int]) -> Batch:
        """`owners`: which of the pairs each window is of."""
        shape = len(windows), max([2, *(len(window.ids) for window in windows)])
        ids, mask, types = np.full(shape, self.pad), np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        starts, ends = np.full(shape, -1), np.full(shape, -1)
        features = np.zeros((*shape, FEATURES), dtype=np.float32)
        for row, window in enumerate(windows):
            ids[row, : len(window.ids)] = window.ids
            types[row, : len(window.ids)] = window.types
            mask[row, : len(window.ids)] = 1
            own = slice(window.place, window.place + window.size)
            starts[row, own], ends[row, own], features[row, own] = window.starts, window.ends, window.features
        return Batch(ids, mask, types, starts, ends, features, np.array(owners, dtype=np.int64))


def tokens_of(ids: Sequence[int], offsets: Sequence[tuple[int, int]], text: str) -> Tokens:
    places = np.array(offsets, dtype=np.int64).reshape(-1, 2)
    return Tokens(np.array(ids, dtype=np.int64), places[:, 0], places[:, 1], split(text))


def best_starts(pair: Pair, tokens: Tokens, starts: list[int], size: int) -> list[int]:
    last = len(tokens.ids) - 1
    parts = [pair.context[tokens.starts[first] : tokens.ends[min(first + size - 1, last)]] for first in starts]
    words = [frozenset(terms_of(part)) for part in parts]
    weights, asked = rarity(words), frozenset(terms_of(pair.question))
    own = np.array([sum(weights[word] for word in asked & part) for part in words])
    order = np.argsort(-own, kind="stable")[:MOST_WINDOWS]
    return [starts[place] for place in sorted(order.tolist())]
