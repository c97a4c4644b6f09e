"""The half of a Whisper that writes (Radford et al. 2022), in numpy, of the weights that transformers keeps. What was heard is read once,
and so is each token: keys and values of both are kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.files import read_json
from trainer.writing.encoder_decoders import KINS, bart_steps, crossing, last_norm
from trainer.writing.layers import Cache, CrossAttention, Embedding, Linear
from trainer.writing.named import Config, Named, activation_of, knows_activation
from trainer.writing.network import Network, Shape
from trainer.writing.reader import Part
from trainer.writing.weights import CONFIG, WEIGHTS, read_weights

KIND = "whisper"
DECODER, HEAD = "model.decoder.", "proj_out."
"""What the names of its weights begin with."""


def unsupported(config: Config) -> str:
    """What of a model's config.json is not computed here; empty where all of it is."""
    kind = str(config.get("model_type"))
    if kind != KIND:
        return kind
    return "" if knows_activation(config) else activation_of(config)


class SpeechDecoder(NamedTuple):
    writer: Network
    crossing: Sequence[CrossAttention]
    """Of the writer, layer by layer."""
    bytes: int
    """Of its weights."""

    def begin(self, encoded: np.ndarray, room: int) -> "Written":
        """The answers to what was heard (rows, moments, width), of at most so many tokens each, with those before them."""
        shape = self.writer.shape.room(min(room, self.writer.positions))
        sources = (tuple(layer.source(moments) for layer in self.crossing) for moments in encoded)
        return Written(self.writer, [Cache(shape, source) for source in sources])

    def source_bytes(self, moments: int) -> int:
        """Of what is kept of one recording."""
        layers, heads, places, size = self.writer.shape.room(moments)
        return 2 * 4 * layers * heads * places * size


class Written:
    """Answers that are being written: a `trainer.writing.beams.Step`."""

    def __init__(self, writer: Network, caches: list[Cache]) -> None:
        self.writer, self.caches = writer, caches

    def __call__(self, tokens: np.ndarray, before: np.ndarray) -> np.ndarray:
        self.caches = moved(self.caches, before)
        parts = [Part(ids[cache.length :], cache) for ids, cache in zip(tokens, self.caches, strict=True)]
        hidden = self.writer.read_together(parts)
        return self.writer.logits(np.stack([states[-1] for states in hidden]))


def moved(caches: list[Cache], before: np.ndarray) -> list[Cache]:
    """The cache of each row that goes on from another: its own for the first of a cache's rows, a copy for each further one."""
    taken: set[int] = set()
    rows = []
    for place in before.tolist():
        rows.append(caches[place].copy() if place in taken else caches[place])
        taken.add(place)
    return rows


def load(folder: Path) -> SpeechDecoder:
    """Of a model's folder; the encoder's weights are not read."""
    return build(read_json(folder / CONFIG), Named(read_weights(folder / WEIGHTS, (DECODER, HEAD))))


def build(config: Config, own: Named) -> SpeechDecoder:
    decoder = own.under("model.decoder")
    layers, heads, width = config["decoder_layers"], config["decoder_attention_heads"], config["d_model"]
    steps = [step for number in range(layers) for step in bart_steps(config, decoder, number, KINS["mbart"])]
    table, places = decoder.array("embed_tokens.weight"), decoder.array("embed_positions.weight")
    head = own.array("proj_out.weight") if own.has("proj_out.weight") else table
    writer = Network(
        Embedding(table, places=places),
        steps,
        last_norm(decoder),
        Linear(head.T),  # as it lies: turned, it would be in memory twice
        Shape(layers, heads, width // heads),
        len(places),
    )
    return SpeechDecoder(writer, crossing(writer), sum(array.nbytes for array in own.weights.values()))
