"""Rows that share a text, such as two pairs with one sentence: they stay in one part of the split, so that no text is both
learned from and tested on."""

from typing import NamedTuple

import numpy as np

from trainer.data.dataset import Dataset
from trainer.data.pair_rows import form_of_dataset
from trainer.data.row_keys import NO_TEXT, Keys, hash_texts
from trainer.similarity.forms import SEARCHED

MOST_LINKED = 0.25
"""Share of the rows that may hang together by the texts that they share for them to be kept together."""


class Links(NamedTuple):
    """`keys`: rows with one key stay together. `texts`: hashes of the texts (columns, rows) that may not be on two sides all the
    same, where keeping together is not enough; else none."""

    keys: Keys
    texts: np.ndarray


def link_rows(dataset: Dataset) -> Links:
    """Rows that share a text get one key. In a search only queries count: the texts searched are the same for all. Where most
    rows hang together, those of one first text do."""
    keys = dataset.mapped_keys
    none = np.zeros((0, len(keys)), dtype=np.uint64)
    if not dataset.linked:
        return Links(keys, none)
    texts = np.stack([hash_texts(dataset.column(name)) for name in dataset.linked])
    firsts = Keys(np.where(keys.texts == NO_TEXT, keys.texts, texts[0]), keys.codes, keys.labels)
    if form_of_dataset(dataset) in SEARCHED:
        return Links(firsts, none)
    joined = joined_keys(texts, keys.usable)
    _unique, sizes = np.unique(joined[keys.usable], return_counts=True)
    if sizes.max(initial=0) > MOST_LINKED * keys.usable.sum():
        return Links(firsts, texts)
    return Links(Keys(np.where(keys.usable, joined, keys.texts), keys.codes, keys.labels), none)


def joined_keys(texts: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """(rows,) uint64: the least hash among all texts that a row hangs together with."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names, places = np.unique(texts, return_inverse=True)
    places = places.reshape(texts.shape)
    rows = np.flatnonzero(usable)
    pairs = [(places[0, rows], places[column, rows]) for column in range(1, len(texts))]
    ones = np.ones(len(rows) * len(pairs), dtype=np.int8)
    first, second = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    graph = coo_array((ones, (first, second)), shape=(len(names), len(names)))
    count, components = connected_components(graph, directed=False)
    least = np.full(count, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(least, components, names)
    return np.asarray(least[components[places[0]]])


def leave_shared(split: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """The parts, "" for rows learned from that share a text with a test or validation row, and for validation rows that share one
    with a test row."""
    if not len(texts):
        return split
    split = split.copy()
    for held, others in (("test", ("train", "validation")), ("validation", ("train",))):
        held_texts = np.unique(texts[:, split == held])
        shares = np.isin(texts, held_texts[held_texts != NO_TEXT]).any(axis=0)
        split[shares & np.isin(split, others)] = ""
    return split
