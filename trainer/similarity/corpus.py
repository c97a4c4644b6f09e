"""The texts that a search goes through, with a vector each and an index of their words: what packaging keeps and serving opens."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.similarity.bm25 import WordIndex

TEXTS, VECTORS, WORDS = "corpus.json", "corpus.npy", "corpus.npz"
FILES = (TEXTS, VECTORS, WORDS)
MOST_TEXTS = 200_000
USUAL_SHARE = 0.7
"""Of the vectors' cosine in a score, where no queries tell better."""
SHARES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)


class Found(NamedTuple):
    """The best texts of a query, the best first: places in the corpus, and scores."""

    places: np.ndarray
    scores: np.ndarray


@dataclass
class Corpus:
    """`rows[i]`: the row of the dataset that text i first stands in, from 1. `vectors` (texts, features) of length one."""

    texts: list[str]
    rows: list[int]
    vectors: np.ndarray
    words: WordIndex
    share: float = USUAL_SHARE

    def __len__(self) -> int:
        return len(self.texts)

    def scores(self, vectors: np.ndarray, queries: Sequence[str]) -> np.ndarray:
        """(queries, texts) of queries with their vectors (queries, features)."""
        meaning = vectors.astype(np.float32) @ self.vectors.T
        return np.stack(
            [blend(row, self.word_scores(query), self.share) for row, query in zip(meaning, queries, strict=True)]
        )

    def word_scores(self, query: str) -> np.ndarray:
        return self.words.scores(query) if self.share < 1 else np.zeros(len(self), dtype=np.float32)

    def search(self, vectors: np.ndarray, queries: Sequence[str], most: int) -> list[Found]:
        if not len(self) or not len(queries):
            return [Found(np.zeros(0, np.int64), np.zeros(0, np.float32)) for _query in queries]
        return [best(scores, most) for scores in self.scores(vectors, queries)]

    def save(self, folder: Path) -> None:
        document = {"share": self.share, "rows": self.rows, "texts": self.texts}
        (folder / TEXTS).write_text(json.dumps(document, ensure_ascii=False), "utf-8")
        np.save(folder / VECTORS, self.vectors.astype(np.float16))
        self.words.save(folder / WORDS)

    @classmethod
    def load(cls, folder: Path) -> "Corpus":
        document = json.loads((folder / TEXTS).read_text("utf-8"))
        vectors = np.load(folder / VECTORS).astype(np.float32)
        return cls(document["texts"], document["rows"], vectors, WordIndex.load(folder / WORDS), document["share"])

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        return int(self.vectors.nbytes + self.words.weights.nbytes * 2 + 2 * sum(map(len, self.texts)))


def blend(meaning: np.ndarray, words: np.ndarray, share: float) -> np.ndarray:
    """Cosines and BM25 of one query as one score, between about 0 and 1: the best fit by words counts as 1."""
    if share >= 1:
        return meaning
    top = float(words.max(initial=0.0))
    return np.asarray(share * meaning + (1 - share) * (words / top if top > 0 else words), dtype=np.float32)


def best(scores: np.ndarray, most: int) -> Found:
    """The highest, ties by place."""
    most = min(most, len(scores))
    if most < len(scores):
        least = np.partition(scores, len(scores) - most)[len(scores) - most]
        places = np.flatnonzero(scores >= least)
    else:
        places = np.arange(len(scores))
    places = places[np.argsort(-scores[places], kind="stable")][:most]
    return Found(places, scores[places])
