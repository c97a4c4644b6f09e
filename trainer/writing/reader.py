"""What writes an answer asks of a network in numpy, whatever its architecture."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import numpy as np

CacheT = TypeVar("CacheT")
"""What a network keeps of the tokens that it has read."""


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
