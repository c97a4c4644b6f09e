"""Summaries made of a text's own sentences: which of them is a linear score of where they stand and how near they are to the
rest of it (Edmundson 1969; Radev et al. 2004). Needs numpy alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainer.files import read_json, write_json

EXTRACTOR = "extractor.json"
MOST_SENTENCES = 200
"""Of a text, that are looked at; the beginning of a longer one."""
ALIKE = 0.95
"""Cosine from which a sentence says what one that was chosen before says."""
FEATURES = ("centre", "first", "early", "place", "is_first", "is_last", "words", "is_short")
SHORT_WORDS = 3


def sentences_of(text: str) -> list[str]:
    """The sentences, or lines, of a text as they stand in it; at least one."""
    pieces = [piece.strip() for line in text.splitlines() for piece in split_line(line)]
    return [piece for piece in pieces if piece][:MOST_SENTENCES] or [text]


def split_line(line: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+|(?<=[。！？])", line)


def words_in(sentence: str) -> int:
    """Words; in scripts without spaces about as many as there would be."""
    return max(len(sentence.split()), len(sentence) // 8)


def features_of(sentences: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """(sentences, FEATURES) by the sentences' vectors (sentences, width), each of length 1."""
    count = len(sentences)
    middle = vectors.mean(axis=0)
    middle /= max(float(np.linalg.norm(middle)), 1e-9)
    places = np.arange(count)
    words = np.array([words_in(sentence) for sentence in sentences])
    columns = [
        vectors @ middle,
        vectors @ vectors[0],
        1 / (1 + places),
        places / max(count - 1, 1),
        places == 0,
        places == count - 1,
        np.log1p(words),
        words < SHORT_WORDS,
    ]
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


@dataclass(frozen=True)
class Extractor:
    """`weights` of FEATURES; `count`: most sentences of a summary, and `words`: most words, but for its first sentence."""

    weights: np.ndarray
    count: int
    words: int

    def scores(self, features: np.ndarray) -> np.ndarray:
        scores: np.ndarray = features @ self.weights
        return scores

    def choose(self, sentences: Sequence[str], vectors: np.ndarray, features: np.ndarray) -> list[int]:
        """Places of the sentences with the best scores that do not say the same and have room, in the order of the text."""
        chosen: list[int] = []
        room = self.words
        for place in np.argsort(-self.scores(features), kind="stable").tolist():
            if len(chosen) == self.count:
                break
            words = words_in(sentences[place])
            if chosen and (words > room or float((vectors[chosen] @ vectors[place]).max()) >= ALIKE):
                continue
            chosen.append(place)
            room -= words
        return sorted(chosen)

    def summary(self, sentences: Sequence[str], vectors: np.ndarray) -> str:
        return joined(sentences, self.choose(sentences, vectors, features_of(sentences, vectors)))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        weights = dict(zip(FEATURES, self.weights.tolist(), strict=True))
        write_json(folder / EXTRACTOR, {"weights": weights, "sentences": self.count, "words": self.words})

    @classmethod
    def load(cls, folder: Path) -> "Extractor":
        facts = read_json(folder / EXTRACTOR)
        return cls(np.array([facts["weights"][name] for name in FEATURES]), facts["sentences"], facts["words"])


def joined(sentences: Sequence[str], places: Sequence[int]) -> str:
    return " ".join(sentences[place] for place in places)
