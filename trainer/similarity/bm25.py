"""Search by words: BM25 (Robertson and Zaragoza 2009), as a table of what each word adds to each text that has it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from trainer.words import UNSPACED

K1, B = 1.2, 0.75
MOST_CHARACTERS = 20_000
"""Of a text that is counted."""
WORD = re.compile(r"\w+")
STOP = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "will",
        "with",
        "you",
    ]
)
"""English words that say nothing about a text."""
ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ied", "edly", "ed", "es", "s", "ly")
"""That forms of one English word differ in."""
LEAST_STEM = 3


def stem(word: str) -> str:
    """What forms of one English word share, roughly: kettle and kettles, boil and boiling."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= LEAST_STEM:
            word = word[: -len(ending)]
            break
    return word[:-1] if word.endswith("e") and len(word) > LEAST_STEM else word


def terms_of(text: str) -> list[str]:
    """The words of a text without their endings; of scripts that part no words, each character and each two in a row."""
    terms = []
    for word in WORD.findall(text[:MOST_CHARACTERS].lower()):
        if UNSPACED.search(word):
            terms += [*word, *map("".join, pairwise(word))]
        elif word not in STOP:
            terms.append(stem(word))
    return terms


@dataclass
class WordIndex:
    """`index[term]` is a place in `starts`; the texts that have it are `texts[starts[p]:starts[p + 1]]`, with what it adds to the
    score of each in `weights`."""

    index: dict[str, int]
    starts: np.ndarray
    texts: np.ndarray
    weights: np.ndarray
    count: int

    @classmethod
    def of(cls, documents: Iterable[str]) -> "WordIndex":
        counted = [Counter(terms_of(document)) for document in documents]
        lengths = np.array([sum(counts.values()) for counts in counted], dtype=np.float64)
        mean = max(float(lengths.mean()) if len(lengths) else 0.0, 1.0)
        index: dict[str, int] = {}
        places, texts, times = [], [], []
        for text, counts in enumerate(counted):
            for term, count in counts.items():
                places.append(index.setdefault(term, len(index)))
                texts.append(text)
                times.append(count)
        place, text_of, count_of = np.array(places, np.int64), np.array(texts, np.int32), np.array(times, np.float64)
        having = np.bincount(place, minlength=len(index)).astype(np.float64)
        rarity = np.log(1 + (len(counted) - having + 0.5) / (having + 0.5))
        length = K1 * (1 - B + B * lengths[text_of] / mean) if len(text_of) else np.zeros(0)
        weights = rarity[place] * count_of * (K1 + 1) / (count_of + length)
        order = np.argsort(place, kind="stable")
        starts = np.concatenate([[0], np.cumsum(having)]).astype(np.int64)
        return cls(index, starts, text_of[order], weights[order].astype(np.float32), len(counted))

    def scores(self, query: str) -> np.ndarray:
        """(texts,) float32: how well each text fits the words of a query, 0 for none in common."""
        scores = np.zeros(self.count, dtype=np.float32)
        for term in terms_of(query):
            place = self.index.get(term)
            if place is not None:
                part = slice(self.starts[place], self.starts[place + 1])
                scores[self.texts[part]] += self.weights[part]
        return scores

    def arrays(self) -> dict[str, np.ndarray]:
        """As `np.savez` keeps it."""
        names = "\n".join(self.index).encode("utf-8")
        return {
            "terms": np.frombuffer(names, dtype=np.uint8),
            "starts": self.starts,
            "texts": self.texts,
            "weights": self.weights,
            "count": np.array(self.count),
        }

    @classmethod
    def from_arrays(cls, arrays: "dict[str, np.ndarray] | np.lib.npyio.NpzFile") -> "WordIndex":
        names = bytes(arrays["terms"]).decode("utf-8")
        index = {name: place for place, name in enumerate(names.split("\n"))} if names else {}
        return cls(index, arrays["starts"], arrays["texts"], arrays["weights"], int(arrays["count"]))

    def save(self, path: Path) -> None:
        np.savez(path, allow_pickle=False, **self.arrays())

    @classmethod
    def load(cls, path: Path) -> "WordIndex":
        with np.load(path) as arrays:
            return cls.from_arrays(arrays)


def alike(first: Sequence[str], second: Sequence[str], known: Iterable[str] = ()) -> np.ndarray:
    """(pairs,): the cosine of two texts' words, each by how rare it is among `known` texts (TF-IDF)."""
    documents = [Counter(terms_of(text)) for text in known]
    having = Counter(term for counts in documents for term in counts)
    total = len(documents)
    rarity = {term: float(np.log((1 + total) / (1 + count)) + 1) for term, count in having.items()}
    usual = float(np.log(1 + total) + 1)

    def vector(text: str) -> dict[str, float]:
        counts = Counter(terms_of(text))
        weighed = {term: (1 + np.log(count)) * rarity.get(term, usual) for term, count in counts.items()}
        length = float(np.sqrt(sum(value**2 for value in weighed.values()))) or 1.0
        return {term: value / length for term, value in weighed.items()}

    cosines = []
    for left, right in zip(first, second, strict=True):
        first_vector, second_vector = vector(left), vector(right)
        cosines.append(sum(value * second_vector.get(term, 0.0) for term, value in first_vector.items()))
    return np.array(cosines)
