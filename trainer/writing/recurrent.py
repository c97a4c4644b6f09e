"""Small recurrent nets that write, in numpy: LSTM (Hochreiter and Schmidhuber 1997) and GRU (Cho et al. 2014).

Weights are those of torch's `nn.LSTM` and `nn.GRU`: gates in the order input, forget, cell, output; or reset, update, new. What
is embedded and what is scored share their weights (Press and Wolf 2017).
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trainer.files import read_json
from trainer.writing.reader import Reader, sigmoid
from trainer.writing.weights import CONFIG, WEIGHTS, read_weights

GATES = {"lstm": 4, "gru": 3}
"""By kind, as it stands in config.json as `model_type`."""


class Layer(NamedTuple):
    """`read` (inputs, gates × inner), `keep` (inner, gates × inner), and the biases of both."""

    read: np.ndarray
    keep: np.ndarray
    read_bias: np.ndarray
    keep_bias: np.ndarray


class State:
    """(2, layers, inner): what each layer gave last, and its cell; `length` tokens are read so far."""

    def __init__(self, layers: int, inner: int) -> None:
        self.values = np.zeros((2, layers, inner), dtype=np.float32)
        self.length = 0


class Recurrent(Reader[State]):
    def __init__(self, config: dict[str, Any], weights: dict[str, np.ndarray]) -> None:
        self.kind: str = config["model_type"]
        self.inner: int = config["inner_size"]
        self.positions: int = config["max_position_embeddings"]
        self.embedding = weights["embed.weight"]
        self.head = np.ascontiguousarray(self.embedding.T)
        self.out, self.out_bias = np.ascontiguousarray(weights["out.weight"].T), weights["out.bias"]
        self.layers = [layer_of(weights, number) for number in range(config["num_hidden_layers"])]

    @classmethod
    def load(cls, folder: Path) -> "Recurrent":
        return cls(read_json(folder / CONFIG), read_weights(folder / WEIGHTS))

    def cache(self, room: int) -> State:
        return State(len(self.layers), self.inner)

    def cache_bytes(self, room: int) -> int:
        """The same however much is read."""
        return 2 * 4 * len(self.layers) * self.inner

    def read(self, ids: np.ndarray, cache: State) -> np.ndarray:
        hidden: np.ndarray = self.embedding[ids]
        turn = self.lstm if self.kind == "lstm" else self.gru
        for number, layer in enumerate(self.layers):
            hidden = turn(hidden @ layer.read + layer.read_bias, layer, cache.values[:, number])
        cache.length += len(ids)
        logits: np.ndarray = hidden @ self.out + self.out_bias
        return logits

    def lstm(self, gates: np.ndarray, layer: Layer, state: np.ndarray) -> np.ndarray:
        """(tokens, inner) of what the gates are given (tokens, 4 × inner); the state (2, inner) is changed."""
        given = np.empty((len(gates), self.inner), dtype=np.float32)
        for place, row in enumerate(gates):
            enter, forget_gate, new, leave = np.split(row + state[0] @ layer.keep + layer.keep_bias, 4)
            state[1] = sigmoid(forget_gate) * state[1] + sigmoid(enter) * np.tanh(new)
            given[place] = state[0] = sigmoid(leave) * np.tanh(state[1])
        return given

    def gru(self, gates: np.ndarray, layer: Layer, state: np.ndarray) -> np.ndarray:
        given = np.empty((len(gates), self.inner), dtype=np.float32)
        for place, row in enumerate(gates):
            reset, update, new = np.split(row, 3)
            kept_reset, kept_update, kept_new = np.split(state[0] @ layer.keep + layer.keep_bias, 3)
            share = sigmoid(update + kept_update)
            fresh = np.tanh(new + sigmoid(reset + kept_reset) * kept_new)
            given[place] = state[0] = (1 - share) * fresh + share * state[0]
        return given

    def logits(self, hidden: np.ndarray) -> np.ndarray:
        scores: np.ndarray = hidden @ self.head
        return scores


def layer_of(weights: dict[str, np.ndarray], number: int) -> Layer:
    def of(name: str) -> np.ndarray:
        return np.ascontiguousarray(weights[f"cells.{name}_l{number}"].T)

    return Layer(of("weight_ih"), of("weight_hh"), of("bias_ih"), of("bias_hh"))
