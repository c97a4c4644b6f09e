"""The weights of a model's file by name, as the parts that a network is made of."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from trainer.writing.layers import ACTIVATIONS, Linear, Norm
from trainer.writing.shared import Low, Tuned

Config = Mapping[str, Any]
"""What config.json says."""


class Named(NamedTuple):
    """`prefix`: what the names of a part begin with. A matrix is (outputs, inputs) in the file, unless it `is_turned` already."""

    weights: Mapping[str, np.ndarray]
    prefix: str = ""
    is_turned: bool = False

    def under(self, name: str) -> "Named":
        return self._replace(prefix=f"{self.prefix}{name}.")

    def has(self, name: str) -> bool:
        return f"{self.prefix}{name}" in self.weights

    def array(self, name: str) -> np.ndarray:
        full = f"{self.prefix}{name}"
        return prepared(self.weights, (full,), lambda: self.weights[full])

    def linear(self, *names: str) -> Linear:
        """One layer, or several of the same input side by side."""
        full = tuple(f"{self.prefix}{name}.weight" for name in names)
        low = low_of(self.weights, full, self.is_turned)
        weight = prepared(self.weights, (*full, "linear"), lambda: self.side_by_side(full, low))
        if not any(self.has(f"{name}.bias") for name in names):
            return Linear(weight, None, low)
        biases = [
            self.array(f"{name}.bias") if self.has(f"{name}.bias") else np.zeros(width, dtype=np.float32)
            for name, width in zip(names, widths_of(self.weights, full, self.is_turned), strict=True)
        ]
        return Linear(weight, np.concatenate(biases), low)

    def side_by_side(self, names: tuple[str, ...], low: Low | None) -> np.ndarray:
        """(inputs, outputs of all): without what an adapter has added, where one has."""
        matrices = [self.weights[name] if self.is_turned else self.weights[name].T for name in names]
        whole = np.ascontiguousarray(matrices[0] if len(matrices) == 1 else np.concatenate(matrices, axis=1))
        return whole if low is None else whole - low.down @ low.up

    def norm(self, name: str, epsilon: float, more: float = 0.0) -> Norm:
        """`more` is added to its weights, of models that keep what they have above 1."""
        bias = self.array(f"{name}.bias") if self.has(f"{name}.bias") else None
        return Norm(self.array(f"{name}.weight") + np.float32(more), bias, epsilon)

    def head(self, name: str, embedding: np.ndarray, scale: float = 1.0) -> Linear:
        """The last layer; where it has no weights of its own, those of the first."""
        full = f"{self.prefix}{name}.weight"
        given = (full,) if full in self.weights else ()

        def turned() -> np.ndarray:
            whole = np.ascontiguousarray((self.array(f"{name}.weight") if given else embedding).T)
            return whole if scale == 1.0 else whole * np.float32(scale)

        weight = prepared(self.weights, (*given, "head"), turned)
        bias = self.array(f"{name}.bias") if self.has(f"{name}.bias") else None
        return Linear(weight, bias)


def prepared(weights: Mapping[str, np.ndarray], key: tuple[str, ...], make: Callable[[], np.ndarray]) -> np.ndarray:
    """What is made of weights: once for all models that share them."""
    return weights.prepared(key, make) if isinstance(weights, Tuned) else make()


def low_of(weights: Mapping[str, np.ndarray], names: tuple[str, ...], is_turned: bool) -> Low | None:
    return weights.low(names, widths_of(weights, names, is_turned)) if isinstance(weights, Tuned) else None


def widths_of(weights: Mapping[str, np.ndarray], names: tuple[str, ...], is_turned: bool) -> list[int]:
    """Outputs of each layer."""
    if isinstance(weights, Tuned):
        return [weights.width(name, is_turned) for name in names]
    return [weights[name].shape[1 if is_turned else 0] for name in names]


def activation_of(config: Config) -> str:
    """Its name in `ACTIVATIONS`, or another."""
    named = (config.get(key) for key in ("hidden_activation", "hidden_act", "activation_function", "dense_act_fn"))
    return str(next((name for name in named if name), "silu"))


def knows_activation(config: Config) -> bool:
    return activation_of(config) in ACTIVATIONS


ROPES = ("default", "linear", "llama3")


def rope_of(config: Config, kind: str = "") -> Config:
    """What it says of rotary positions, of layers of a kind where they differ; in the form of transformers 5 or of an earlier one."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    own = rope.get(kind) if kind and isinstance(rope.get(kind), Mapping) else rope
    usual = {"rope_theta": config.get("rope_theta") or 10_000.0}
    share = {name: config[name] for name in ("partial_rotary_factor",) if config.get(name)}
    return {**usual, **share, **(own or {})}


def rope_kind(rope: Config) -> str:
    return str(rope.get("rope_type") or rope.get("type") or "default")


def frequencies_of(rope: Config, size: int) -> np.ndarray:
    """(turned numbers / 2,) of a head of this size (Su et al. 2021); slower ones for long texts as `linear` (Chen et al. 2023) or
    `llama3` (Grattafiori et al. 2024) has it."""
    turned = int(size * float(rope.get("partial_rotary_factor") or 1.0))
    frequencies: np.ndarray = float(rope["rope_theta"]) ** (-np.arange(0, turned, 2, dtype=np.float64) / turned)
    kind = rope_kind(rope)
    if kind == "linear":
        return frequencies / float(rope["factor"])
    return stretched(frequencies, rope) if kind == "llama3" else frequencies


def stretched(frequencies: np.ndarray, rope: Config) -> np.ndarray:
    """Waves that are short against the texts that were learned from stay, long ones are stretched, others lie between."""
    low, high, factor = (float(rope[name]) for name in ("low_freq_factor", "high_freq_factor", "factor"))
    turns = float(rope["original_max_position_embeddings"]) * frequencies / (2 * math.pi)
    share = np.clip((turns - low) / (high - low), 0, 1)
    result: np.ndarray = share * frequencies + (1 - share) * frequencies / factor
    return result
