"""A Llama in numpy (Touvron et al. 2023): reads tokens once, keeps their keys and values, and scores the next token.

Weights are those of transformers' `LlamaForCausalLM`; a matrix is (outputs, inputs) there and turned around here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trainer.files import read_json
from trainer.writing.reader import Part, Reader, sigmoid
from trainer.writing.recurrent import GATES, Recurrent
from trainer.writing.weights import CONFIG, WEIGHTS, read_weights

BIASES = ("attention_bias", "mlp_bias")


class Layer(NamedTuple):
    """`qkv` (width, heads), `o` (heads, width), `gate_up` (width, 2 × inner), `down` (inner, width)."""

    norm: np.ndarray
    qkv: np.ndarray
    o: np.ndarray
    second_norm: np.ndarray
    gate_up: np.ndarray
    down: np.ndarray


class Cache:
    """Keys and values (layers, key heads, room, size) of the `length` tokens read so far."""

    def __init__(self, shape: tuple[int, int, int, int]) -> None:
        self.keys, self.values = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        self.length = 0

    @property
    def room(self) -> int:
        return self.keys.shape[2]

    def keep(self, number: int, keys: np.ndarray, values: np.ndarray) -> None:
        """Those (key heads, tokens, size) of the next tokens in a layer; `length` counts them once all layers have them."""
        place = slice(self.length, self.length + keys.shape[1])
        self.keys[number, :, place], self.values[number, :, place] = keys, values


def unsupported(config: dict[str, Any]) -> str:
    """What of a model's config.json is not computed here; empty where all of it is."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if config.get("model_type") != "llama":
        return str(config.get("model_type"))
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        return "rope_scaling"
    if config.get("hidden_act", "silu") != "silu":
        return "hidden_act"
    return next((name for name in BIASES if config.get(name)), "")


def open_reader(folder: Path) -> Reader[Any]:
    """The network of a model's folder."""
    is_recurrent = read_json(folder / CONFIG).get("model_type") in GATES
    return Recurrent.load(folder) if is_recurrent else Decoder.load(folder)


class Decoder(Reader[Cache]):
    def __init__(self, config: dict[str, Any], weights: dict[str, np.ndarray]) -> None:
        self.heads: int = config["num_attention_heads"]
        self.key_heads: int = config.get("num_key_value_heads") or self.heads
        self.size: int = config.get("head_dim") or config["hidden_size"] // self.heads
        self.positions: int = config["max_position_embeddings"]
        self.epsilon: float = config["rms_norm_eps"]
        self.embedding = np.ascontiguousarray(weights["model.embed_tokens.weight"], dtype=np.float32)
        self.norm = weights["model.norm.weight"].astype(np.float32)
        head = weights.get("lm_head.weight", self.embedding)
        self.head = np.ascontiguousarray(head.T, dtype=np.float32)
        self.layers = [layer_of(weights, number) for number in range(config["num_hidden_layers"])]
        rope = config.get("rope_parameters") or {}
        self.turns = turns(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0, self.size, self.positions)

    @classmethod
    def load(cls, folder: Path) -> "Decoder":
        return cls(read_json(folder / CONFIG), read_weights(folder / WEIGHTS))

    def cache(self, room: int) -> Cache:
        return Cache((len(self.layers), self.key_heads, min(room, self.positions), self.size))

    def cache_bytes(self, room: int) -> int:
        return 2 * 4 * len(self.layers) * self.key_heads * min(room, self.positions) * self.size

    def read(self, ids: np.ndarray, cache: Cache) -> np.ndarray:
        return self.read_together([Part(ids, cache)])[0]

    def read_together(self, parts: Sequence[Part[Cache]]) -> list[np.ndarray]:
        """Weights are read once for all parts, which is what a step of a few tokens takes its time for; attention goes part by part,
        so that none is padded."""
        if any(part.end > part.cache.room for part in parts):
            raise ValueError("the cache is full")
        hidden = self.embedding[np.concatenate([part.ids for part in parts])]
        turn = self.turns[:, np.concatenate([np.arange(part.cache.length, part.end) for part in parts])]
        for number, layer in enumerate(self.layers):
            hidden = hidden + self.attend(rms(hidden, layer.norm, self.epsilon), layer, number, parts, turn)
            inner = rms(hidden, layer.second_norm, self.epsilon) @ layer.gate_up
            gate, up = np.split(inner, 2, axis=1)
            hidden = hidden + (gate * sigmoid(gate) * up) @ layer.down
        for part in parts:
            part.cache.length = part.end
        return np.split(rms(hidden, self.norm, self.epsilon), np.cumsum([len(part.ids) for part in parts])[:-1])

    def attend(
        self, hidden: np.ndarray, layer: Layer, number: int, parts: Sequence[Part[Cache]], turn: np.ndarray
    ) -> np.ndarray:
        """Grouped-query attention of each token to itself and all before it in its part: (tokens, width)."""
        heads = (hidden @ layer.qkv).reshape(len(hidden), -1, self.size).transpose(1, 0, 2)
        queries, keys, values = np.split(heads, [self.heads, self.heads + self.key_heads])
        queries, keys = turned(queries, turn) / np.float32(self.size**0.5), turned(keys, turn)
        mixed, start = np.empty_like(queries), 0
        for part in parts:
            place = slice(start, start + len(part.ids))
            part.cache.keep(number, keys[:, place], values[:, place])
            mixed[:, place] = self.mix(queries[:, place], number, part)
            start = place.stop
        output: np.ndarray = mixed.transpose(1, 0, 2).reshape(len(hidden), -1) @ layer.o
        return output

    def mix(self, queries: np.ndarray, number: int, part: Part[Cache]) -> np.ndarray:
        """(heads, tokens, size): the values that the tokens of a part attend to, by their scaled queries."""
        keys, values = part.cache.keys[number, :, : part.end], part.cache.values[number, :, : part.end]
        count = len(part.ids)
        grouped = queries.reshape(self.key_heads, -1, self.size)  # queries of a key head, token by token
        scores = grouped @ keys.transpose(0, 2, 1)
        if count > 1:
            later = np.triu(np.full((count, part.end), -np.inf, dtype=np.float32), part.cache.length + 1)
            scores += np.tile(later, (self.heads // self.key_heads, 1))
        mixed: np.ndarray = (softmax(scores) @ values).reshape(self.heads, count, self.size)
        return mixed

    def logits(self, hidden: np.ndarray) -> np.ndarray:
        scores: np.ndarray = hidden @ self.head
        return scores


def layer_of(weights: dict[str, np.ndarray], number: int) -> Layer:
    def of(*names: str) -> np.ndarray:
        """One matrix, or several side by side, turned around; a norm as it is."""
        parts = [weights[f"model.layers.{number}.{name}.weight"].astype(np.float32) for name in names]
        return parts[0] if parts[0].ndim == 1 else np.ascontiguousarray(np.concatenate(parts).T)

    return Layer(
        of("input_layernorm"),
        of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        of("self_attn.o_proj"),
        of("post_attention_layernorm"),
        of("mlp.gate_proj", "mlp.up_proj"),
        of("mlp.down_proj"),
    )


def turns(theta: float, size: int, positions: int) -> np.ndarray:
    """(2, positions, size): cosine and sine of the rotary position embedding (Su et al. 2021)."""
    frequencies = theta ** (-np.arange(0, size, 2, dtype=np.float64) / size)
    angles = np.outer(np.arange(positions), np.concatenate([frequencies, frequencies]))
    return np.stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def turned(heads: np.ndarray, turn: np.ndarray) -> np.ndarray:
    first, second = np.split(heads, 2, axis=-1)
    rotated: np.ndarray = heads * turn[0] + np.concatenate([-second, first], axis=-1) * turn[1]
    return rotated


def rms(hidden: np.ndarray, weight: np.ndarray, epsilon: float) -> np.ndarray:
    normalised: np.ndarray = hidden / np.sqrt((hidden * hidden).mean(axis=1, keepdims=True) + np.float32(epsilon))
    scaled: np.ndarray = normalised * weight
    return scaled


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return shares
