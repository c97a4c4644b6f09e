"""Which words of a question a text repeats, sentence by sentence: what a model must beat, and what it is told beside the tokens."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trainer.passages.scores import CHARACTERS

TERMS = re.compile(f"[{CHARACTERS}]|[^\\W{CHARACTERS}]+")
SENTENCE = re.compile(r"[^.!?。！？\n]*(?:[.!?](?!\s|$)[^.!?。！？\n]*)*(?:[.!?。！？]+|\n|$)")
SHORT = 6
"""Letters of a word up to which its ending is kept."""
FEATURES = 4
"""Of each token: see `features_of`."""


class Split(NamedTuple):
    """A context's sentences: where each begins and ends, their words, and how much each word says."""

    places: list[tuple[int, int]]
    words: list[frozenset[str]]
    weights: dict[str, float]


def terms_of(text: str) -> list[str]:
    """The words of a text as they are looked for: in small letters, long ones without their endings."""
    return [
        word if len(word) < SHORT else word[: max(SHORT - 1, len(word) - 3)] for word in TERMS.findall(text.lower())
    ]


def rarity(parts: Sequence[frozenset[str]]) -> dict[str, float]:
    """{word: how much it says}: the fewer of the parts have it, the more (BM25's)."""
    counts = Counter(word for part in parts for word in part)
    return {word: math.log1p((len(parts) - count + 0.5) / (count + 0.5)) for word, count in counts.items()}


def sentences_of(text: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends, without the blanks around it."""
    places = []
    for match in SENTENCE.finditer(text):
        own = match[0]
        if own.strip():
            start = match.start() + len(own) - len(own.lstrip())
            places.append((start, start + len(own.strip())))
    return places


def split(context: str) -> Split:
    places = sentences_of(context)
    words = [frozenset(terms_of(context[start:end])) for start, end in places]
    return Split(places, words, rarity(words))


def shares(question: str, text: Split) -> np.ndarray:
    """(sentences,): how much of the question's weight the words of each have, 0 to 1."""
    asked = frozenset(terms_of(question))
    whole = sum(text.weights.get(word, 0.0) for word in asked) or 1.0
    return np.array([sum(text.weights[word] for word in asked & words) for words in text.words]) / whole


def features_of(question: str, context: str, text: Split, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(tokens, FEATURES) float32: how much of the question the token's sentence repeats, whether none repeats more, whether its
    neighbours do, and whether the token's own word is one of the question's."""
    made = np.zeros((len(starts), FEATURES), dtype=np.float32)
    if not text.places or not len(starts):
        return made
    own = shares(question, text)
    sentence = np.clip(np.searchsorted([start for start, _end in text.places], starts, side="right") - 1, 0, None)
    neighbours = np.maximum(np.append(own[1:], 0.0), np.append(0.0, own[:-1]))
    made[:, 0], made[:, 1] = own[sentence], (own[sentence] >= own.max()) & (own.max() > 0)
    made[:, 2] = neighbours[sentence]
    asked = frozenset(terms_of(question))
    for match in TERMS.finditer(context.lower()):
        if asked.intersection(terms_of(match[0])):
            made[slice(*np.searchsorted(starts, match.span(), side="left").tolist()), 3] = 1.0
    return made
