"""What writes an answer asks of a network in numpy, whatever its architecture."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np

CacheT = TypeVar("CacheT", bound="Kept")
"""What a network keeps of the tokens that it has read."""


class Kept(Protocol):
    """What it keeps says of how many tokens that is."""

    length: int


class Part(NamedTuple, Generic[CacheT]):
    """Further tokens of a text, and what is kept of those before them."""

    ids: np.ndarray
    cache: CacheT

    @property
    def end(self) -> int:
        """How many tokens the text has with them."""
        return self.cache.length + len(self.ids)


class Reader(ABC, Generic[CacheT]):
    positions: int
    """Tokens of a prompt and its answer together, at most."""

    @abstractmethod
    def cache(self, room: int) -> CacheT:
        """For so many tokens, prompt and answer together."""

    @abstractmethod
    def cache_bytes(self, room: int) -> int:
        """Of such a cache."""

    @abstractmethod
    def read(self, ids: np.ndarray, cache: CacheT) -> np.ndarray:
        """Hidden states (tokens, width) of further tokens, which the cache keeps. ValueError: no room is left for them."""

    def read_together(self, parts: Sequence[Part[CacheT]]) -> list[np.ndarray]:
        """The same of several texts in one step."""
        return [self.read(*part) for part in parts]

    @abstractmethod
    def logits(self, hidden: np.ndarray) -> np.ndarray:
        """(tokens, vocabulary): scores of the token after each."""

    def nats(self, ids: np.ndarray, start: int) -> np.ndarray:
        """Of the tokens from `start` on, each after all before it: minus the logarithm of its probability."""
        if start >= len(ids):
            return np.zeros(0)
        hidden = self.read(ids[:-1], self.cache(len(ids)))[start - 1 :]
        scores = self.logits(hidden).astype(np.float64)
        scores -= scores.max(axis=1, keepdims=True)
        chosen = scores[np.arange(len(scores)), ids[start:]]
        nats: np.ndarray = np.log(np.exp(scores).sum(axis=1)) - chosen
        return nats


def sigmoid(values: np.ndarray) -> np.ndarray:
    between: np.ndarray = np.float32(0.5) * (np.tanh(np.float32(0.5) * values) + np.float32(1))
    return between
