"""A transformer that writes, in numpy, whatever its architecture: it reads tokens once, keeps their keys and values, and scores
the next one. `trainer.writing.decoders` and `trainer.writing.encoder_decoders` make one of a model's weights."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from trainer.writing.layers import Cache, CrossAttention, Embedding, Linear, Norm, Part, Residual
from trainer.writing.reader import Reader
from trainer.writing.shared import Base


class Shape(NamedTuple):
    """Of a cache: one key and one value of so many numbers a token, key head and layer."""

    layers: int
    key_heads: int
    size: int

    def room(self, tokens: int) -> tuple[int, int, int, int]:
        return self.layers, self.key_heads, tokens, self.size


class Network(Reader[Cache]):
    """`norm` and `head` score what the last step gave; `rope`: frequencies (size / 2,) of each kind of rotary positions.
    `base`: what it shares with other models, if it does, and `own_bytes` what it has beside that."""

    base: Base | None = None
    own_bytes = 0

    def __init__(
        self,
        embedding: Embedding,
        steps: Sequence[Residual],
        norm: Norm | None,
        head: Linear,
        shape: Shape,
        positions: int,
        rope: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.embedding, self.steps, self.norm, self.head = embedding, steps, norm, head
        self.shape, self.positions, self.rope = shape, positions, rope or {}

    def cache(self, room: int) -> Cache:
        return Cache(self.shape.room(min(room, self.positions)))

    def cache_bytes(self, room: int) -> int:
        layers, heads, tokens, size = self.shape.room(min(room, self.positions))
        return 2 * 4 * layers * heads * tokens * size

    def read(self, ids: np.ndarray, cache: Cache) -> np.ndarray:
        return self.read_together([Part(ids, cache)])[0]

    def read_together(self, parts: Sequence[Part]) -> list[np.ndarray]:
        """Hidden states (tokens, width) of each part, of which each has a cache of its own. Weights are read once for all parts,
        which is what a step of a few tokens takes its time for; attention goes part by part, so that none is padded."""
        if any(part.end > part.cache.room for part in parts):
            raise ValueError("the cache is full")
        ids = np.concatenate([part.ids for part in parts])
        places = np.concatenate([np.arange(part.cache.length, part.end) for part in parts])
        hidden, turns = self.embedding(ids, places), self.turns(places)
        for step in self.steps:
            hidden = step(hidden, parts, turns)
        for part in parts:
            part.cache.length = part.end
        hidden = hidden if self.norm is None else self.norm(hidden)
        return np.split(hidden, np.cumsum([len(part.ids) for part in parts])[:-1])

    def turns(self, places: np.ndarray) -> dict[str, np.ndarray]:
        """{kind: (2, tokens, size)}: cosine and sine of the rotary position embedding."""
        return {kind: turns_of(frequencies, places) for kind, frequencies in self.rope.items()}

    def logits(self, hidden: np.ndarray) -> np.ndarray:
        return self.head(hidden)


class EncoderDecoder(NamedTuple):
    """A network that reads a text whole, and one that writes from what it read."""

    embedding: Embedding
    steps: Sequence[Residual]
    norm: Norm | None
    writer: Network
    crossing: Sequence[CrossAttention]
    """Of the writer, layer by layer."""
    most: int
    """Tokens of a text that are read."""

    def read_source(self, ids: np.ndarray) -> np.ndarray:
        """(tokens, width)."""
        hidden = self.embedding(ids, np.arange(len(ids)))
        for step in self.steps:
            hidden = step(hidden, (), {})
        return hidden if self.norm is None else self.norm(hidden)

    def of(self, ids: np.ndarray) -> "Answering":
        return Answering(self, ids)


class Answering(Network):
    """The decoder over one text, which is read once, with the first cache."""

    def __init__(self, whole: EncoderDecoder, source: np.ndarray) -> None:
        writer = whole.writer
        super().__init__(writer.embedding, writer.steps, writer.norm, writer.head, writer.shape, writer.positions)
        self.whole, self.source = whole, source
        self.cross: tuple[tuple[np.ndarray, np.ndarray], ...] = ()

    def cache(self, room: int) -> Cache:
        if not self.cross:
            hidden = self.whole.read_source(self.source)
            self.cross = tuple(layer.source(hidden) for layer in self.whole.crossing)
        return Cache(self.shape.room(min(room, self.positions)), self.cross)

    def cache_bytes(self, room: int) -> int:
        layers, heads, tokens, size = self.shape.room(len(self.source))
        return super().cache_bytes(room) + 2 * 4 * layers * heads * tokens * size


def turns_of(frequencies: np.ndarray, places: np.ndarray) -> np.ndarray:
    angles = np.outer(places, np.concatenate([frequencies, frequencies]))
    return np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
