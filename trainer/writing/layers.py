"""The parts that transformers that write are made of, in numpy: sums with weights, norms, activations, attention, positions."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from trainer.activations import softmax
from trainer.writing import reader
from trainer.writing.reader import sigmoid

Turns = Mapping[str, np.ndarray]
"""Of the tokens that are read: (2, tokens, size) cosine and sine of each kind of rotary position embedding."""


class Cache:
    """Keys and values (layers, key heads, room, size) of the `length` tokens read so far; and those of the text that it writes from,
    one pair (heads, source, size) a layer, of a network that reads one."""

    def __init__(
        self, shape: tuple[int, int, int, int], source: tuple[tuple[np.ndarray, np.ndarray], ...] = ()
    ) -> None:
        self.keys, self.values = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        self.source = source
        self.length = 0

    @property
    def room(self) -> int:
        return self.keys.shape[2]

    def keep(self, number: int, keys: np.ndarray, values: np.ndarray) -> None:
        """Those (key heads, tokens, size) of the next tokens in a layer; `length` counts them once all layers have them."""
        place = slice(self.length, self.length + keys.shape[1])
        self.keys[number, :, place], self.values[number, :, place] = keys, values

    def copy(self) -> "Cache":
        """With tokens of its own from here on, and the same source."""
        other = Cache(self.keys.shape, self.source)
        other.length, read = self.length, slice(0, self.length)
        other.keys[:, :, read], other.values[:, :, read] = self.keys[:, :, read], self.values[:, :, read]
        return other


Part = reader.Part[Cache]


class Step(Protocol):
    """Something between two norms: (tokens, width) → (tokens, width)."""

    def __call__(self, hidden: np.ndarray, parts: Sequence[Part], turns: Turns) -> np.ndarray: ...


class Linear(NamedTuple):
    """`weight` (inputs, outputs); `low`: what an adapter adds, (inputs, rank) and (rank, outputs)."""

    weight: np.ndarray
    bias: np.ndarray | None = None
    low: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, hidden: np.ndarray) -> np.ndarray:
        summed: np.ndarray = hidden @ self.weight
        if self.low is not None:
            down, up = self.low
            summed += hidden @ down @ up
        return summed if self.bias is None else summed + self.bias


class Norm(NamedTuple):
    """Of each row: by its root mean square (Zhang and Sennrich 2019), or with a bias by its variance (Ba et al. 2016)."""

    weight: np.ndarray
    bias: np.ndarray | None
    epsilon: float

    def __call__(self, values: np.ndarray) -> np.ndarray:
        if self.bias is not None:
            values = values - values.mean(axis=-1, keepdims=True)
        scale = np.sqrt((values * values).mean(axis=-1, keepdims=True) + np.float32(self.epsilon))
        normalised: np.ndarray = values / scale * self.weight
        return normalised if self.bias is None else normalised + self.bias


# Activations


def silu(values: np.ndarray) -> np.ndarray:
    swished: np.ndarray = values * sigmoid(values)
    return swished


def relu(values: np.ndarray) -> np.ndarray:
    positive: np.ndarray = np.maximum(values, np.float32(0))
    return positive


def gelu_tanh(values: np.ndarray) -> np.ndarray:
    """As Hendrycks and Gimpel (2016) approximate it."""
    inner = np.float32(math.sqrt(2 / math.pi)) * (values + np.float32(0.044715) * values * values * values)
    soft: np.ndarray = np.float32(0.5) * values * (np.float32(1) + np.tanh(inner))
    return soft


ERF = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)


def gelu(values: np.ndarray) -> np.ndarray:
    """With the error function of Abramowitz and Stegun (1964), 7.1.26: 1.5e-7 at most beside it."""
    size = np.abs(values) * np.float32(math.sqrt(0.5))
    ratio = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * size)
    powers = np.zeros_like(ratio)
    for factor in ERF:
        powers = (powers + np.float32(factor)) * ratio
    error = np.copysign(np.float32(1) - powers * np.exp(-size * size), values)
    soft: np.ndarray = np.float32(0.5) * values * (np.float32(1) + error)
    return soft


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "silu": silu,
    "swish": silu,
    "relu": relu,
    "gelu": gelu,
    "gelu_new": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
}
"""By the names of transformers."""


# Attention


def heads_of(values: np.ndarray, size: int) -> np.ndarray:
    """(heads, tokens, size) of (tokens, heads × size)."""
    return values.reshape(len(values), -1, size).transpose(1, 0, 2)


def joined(heads: np.ndarray) -> np.ndarray:
    return heads.transpose(1, 0, 2).reshape(heads.shape[1], -1)


def mix(queries: np.ndarray, keys: np.ndarray, values: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """(heads, tokens, size): the values that tokens attend to, by scaled queries; several heads may share keys (key heads, seen,
    size). `bias` (tokens, seen) or (heads, tokens, seen) is added to the scores."""
    heads, count, size = queries.shape
    grouped = queries.reshape(len(keys), -1, size)  # queries of a key head, token by token
    scores = grouped @ keys.transpose(0, 2, 1)
    if bias is not None:
        scores = (scores.reshape(heads, count, -1) + bias).reshape(scores.shape)
    mixed: np.ndarray = (softmax(scores, scores.dtype) @ values).reshape(heads, count, size)
    return mixed


def turned(heads: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """With rotary positions in the first of its numbers, as many as `turn` (2, tokens, size) has (Su et al. 2021)."""
    size = turn.shape[-1]
    part = heads[..., :size]
    first, second = part[..., : size // 2], part[..., size // 2 :]
    rotated: np.ndarray = part * turn[0] + np.concatenate([-second, first], axis=-1) * turn[1]
    return rotated if size == heads.shape[-1] else np.concatenate([rotated, heads[..., size:]], axis=-1)


class Distances(NamedTuple):
    """What is added to a score by how far a key stands from its query: `table` (buckets, heads), as T5 has it (Raffel et al. 2020)."""

    table: np.ndarray
    most: int
    """From here on the last bucket counts."""
    both: bool
    """Whether keys stand on both sides."""

    def __call__(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """(heads, queries, keys) of their places."""
        added: np.ndarray = self.table[self.buckets(keys[None, :] - queries[:, None])].transpose(2, 0, 1)
        return added

    def buckets(self, after: np.ndarray) -> np.ndarray:
        count = len(self.table) // 2 if self.both else len(self.table)
        side = np.where(after > 0, count, 0) if self.both else 0
        away = np.abs(after) if self.both else np.maximum(-after, 0)
        near = count // 2
        share = np.log(np.maximum(away, 1).astype(np.float32) / near) / math.log(self.most / near)
        far = np.minimum(near + (share * (count - near)).astype(np.int64), count - 1)
        buckets: np.ndarray = side + np.where(away < near, away, far)
        return buckets


class Attention(NamedTuple):
    """Of each token to itself and those before it in its part: `number` of the layer in the cache, `rope` the kind of its turns."""

    number: int
    qkv: Linear
    out: Linear
    heads: int
    size: int
    scale: float
    rope: str | None = None
    window: int | None = None
    """How many tokens back are seen, with itself."""
    query_norm: Norm | None = None
    key_norm: Norm | None = None
    distances: Distances | None = None

    def __call__(self, hidden: np.ndarray, parts: Sequence[Part], turns: Turns) -> np.ndarray:
        heads = heads_of(self.qkv(hidden), self.size)
        key_heads = (len(heads) - self.heads) // 2
        queries, keys, values = heads[: self.heads], heads[self.heads : self.heads + key_heads], heads[-key_heads:]
        queries = queries if self.query_norm is None else self.query_norm(queries)
        keys = keys if self.key_norm is None else self.key_norm(keys)
        if self.rope is not None:
            queries, keys = turned(queries, turns[self.rope]), turned(keys, turns[self.rope])
        queries = queries * np.float32(self.scale)
        mixed, start = np.empty_like(queries), 0
        for part in parts:
            place = slice(start, start + len(part.ids))
            part.cache.keep(self.number, keys[:, place], values[:, place])
            mixed[:, place] = self.mixed(queries[:, place], part)
            start = place.stop
        return self.out(joined(mixed))

    def mixed(self, queries: np.ndarray, part: Part) -> np.ndarray:
        cache, end = part.cache, part.end
        first = max(0, part.cache.length + 1 - self.window) if self.window else 0
        keys, values = cache.keys[self.number, :, first:end], cache.values[self.number, :, first:end]
        return mix(queries, keys, values, self.bias(np.arange(cache.length, end), np.arange(first, end)))

    def bias(self, places: np.ndarray, seen: np.ndarray) -> np.ndarray | None:
        """Of tokens at these places to those seen; None where all of them count alike."""
        added = None if self.distances is None else self.distances(places, seen)
        if len(places) == 1:
            return added
        back = places[:, None] - seen[None, :]
        hidden = (back < 0) | (back >= self.window) if self.window else back < 0
        masked = np.where(hidden, np.float32(-np.inf), np.float32(0))
        return masked if added is None else masked + added


class FullAttention(NamedTuple):
    """Of each token of one text to all of them."""

    qkv: Linear
    out: Linear
    size: int
    scale: float
    distances: Distances | None = None

    def __call__(self, hidden: np.ndarray, parts: Sequence[Part], turns: Turns) -> np.ndarray:
        queries, keys, values = np.split(heads_of(self.qkv(hidden), self.size), 3)
        places = np.arange(len(hidden))
        bias = None if self.distances is None else self.distances(places, places)
        return self.out(joined(mix(queries * np.float32(self.scale), keys, values, bias)))


class CrossAttention(NamedTuple):
    """Of each token to what was read of its part's source, whose keys and values the cache has."""

    number: int
    query: Linear
    key_value: Linear
    out: Linear
    size: int
    scale: float

    def source(self, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keys and values (heads, source, size)."""
        keys, values = np.split(heads_of(self.key_value(hidden), self.size), 2)
        return np.ascontiguousarray(keys), np.ascontiguousarray(values)

    def __call__(self, hidden: np.ndarray, parts: Sequence[Part], turns: Turns) -> np.ndarray:
        queries = heads_of(self.query(hidden), self.size) * np.float32(self.scale)
        mixed, start = np.empty_like(queries), 0
        for _source, group in itertools.groupby(parts, key=lambda part: id(part.cache.source)):
            own = list(group)  # beams of one answer, whose source is read once for all of them
            place = slice(start, start + sum(len(part.ids) for part in own))
            mixed[:, place] = mix(queries[:, place], *own[0].cache.source[self.number], None)
            start = place.stop
        return self.out(joined(mixed))


class Feed(NamedTuple):
    """Two layers for each token by itself; gated where `inner` gives a gate and what passes it (Shazeer 2020)."""

    inner: Linear
    outer: Linear
    activation: Callable[[np.ndarray], np.ndarray]
    is_gated: bool

    def __call__(self, hidden: np.ndarray, parts: Sequence[Part], turns: Turns) -> np.ndarray:
        inner = self.inner(hidden)
        if not self.is_gated:
            return self.outer(self.activation(inner))
        middle = inner.shape[-1] // 2
        return self.outer(self.activation(inner[:, :middle]) * inner[:, middle:])


class Both(NamedTuple):
    """Two steps of the same input (Wang and Komatsuzaki 2021)."""

    first: Step
    second: Step

    def __call__(self, hidden: np.ndarray, parts: Sequence[Part], turns: Turns) -> np.ndarray:
        summed: np.ndarray = self.first(hidden, parts, turns) + self.second(hidden, parts, turns)
        return summed


class Residual(NamedTuple):
    """What a step adds: with a norm of what it reads, of what it adds, or of the sum."""

    step: Step
    before: Norm | None = None
    added: Norm | None = None
    after: Norm | None = None

    def __call__(self, hidden: np.ndarray, parts: Sequence[Part], turns: Turns) -> np.ndarray:
        output = self.step(hidden if self.before is None else self.before(hidden), parts, turns)
        summed = hidden + (output if self.added is None else self.added(output))
        return summed if self.after is None else self.after(summed)


class Embedding(NamedTuple):
    """What stands for each token: `table` (vocabulary, width), times `scale`, and what stands for its place."""

    table: np.ndarray
    scale: float = 1.0
    places: np.ndarray | None = None
    norm: Norm | None = None

    def __call__(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        hidden: np.ndarray = self.table[ids]
        if self.scale != 1.0:
            hidden = hidden * np.float32(self.scale)
        if self.places is not None:
            hidden = hidden + self.places[places]
        return hidden if self.norm is None else self.norm(hidden)
