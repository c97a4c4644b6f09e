"""The second stage of a search: what a model that reads query and text together says orders the best of the first stage anew.

Needs numpy alone: training and serving share it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.similarity.corpus import Found

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DEPTH = 50
"""Texts of the first stage that are read."""
BLENDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
USUAL_BLEND = 0.6
"""Of the second stage in a score, where no queries tell better."""
GRAPH, FOLDER = "reranker.onnx", "reranker"
"""Beside the graph of the vectors, and its weights in the artifact's `model/`."""


class Read(NamedTuple):
    """Pairs of texts as tokens: ids, mask and types, each (pairs, length)."""

    ids: np.ndarray
    mask: np.ndarray
    types: np.ndarray


def read_pairs(tokenizer: "Tokenizer", pairs: Sequence[tuple[str, str]], pad: int = 0) -> Read:
    """By a tokenizer that cuts the longer of two texts."""
    encoded = tokenizer.encode_batch(list(pairs))
    shape = len(encoded), max(2, *(len(each.ids) for each in encoded), 2)
    read = Read(np.full(shape, pad, np.int64), np.zeros(shape, np.int64), np.zeros(shape, np.int64))
    for row, each in enumerate(encoded):
        length = len(each.ids)
        read.ids[row, :length], read.mask[row, :length], read.types[row, :length] = each.ids, 1, each.type_ids
    return read


def reorder(hits: Found, relevances: np.ndarray, blend: float) -> Found:
    """`relevances` (texts read,) of the first of `hits`; those that were not read stay behind them."""
    read = len(relevances)
    mixed = (1 - blend) * spread(hits.scores[:read]) + blend * spread(relevances)
    order = np.argsort(-mixed, kind="stable")
    places = np.concatenate([hits.places[:read][order], hits.places[read:]])
    return Found(places, np.concatenate([mixed[order], np.zeros(len(hits.places) - read)]).astype(np.float32))


def spread(scores: np.ndarray) -> np.ndarray:
    """From 0 for the lowest to 1 for the highest."""
    if not len(scores):
        return np.zeros(0)
    low, high = float(scores.min()), float(scores.max())
    return np.asarray((scores - low) / (high - low) if high > low else np.zeros(len(scores)))
