"""Texts as sub-words in windows that overlap, so that a long text is read whole; by the `tokenizers` library alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trainer.tagging.units import units_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

OVERLAP = 0.25
"""Of a window, with the next."""


class Encoded(NamedTuple):
    """`windows`: token ids with the special ones; of each unit the `window` and the `place` in it of its first sub-word, -1 for
    a unit that has none."""

    windows: list[list[int]]
    window: np.ndarray
    place: np.ndarray


class Subwords:
    """`max_length`: sub-words that the model reads at once, the special ones included."""

    def __init__(self, tokenizer: Tokenizer, max_length: int, pad: int = 0) -> None:
        self.tokenizer, self.max_length, self.pad = tokenizer, max_length, pad
        tokenizer.no_padding()
        tokenizer.no_truncation()
        special = tokenizer.encode("a")
        own = [place for place, mask in enumerate(special.special_tokens_mask) if not mask]
        self.before, self.after = special.ids[: own[0]], special.ids[own[-1] + 1 :]

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        encodings = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [
            self.windowed(units_of(text), encoding.ids, encoding.offsets)
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    def windowed(self, units: list[tuple[int, int]], ids: list[int], offsets: list[tuple[int, int]]) -> Encoded:
        firsts = first_subwords(units, offsets)
        size = max(self.max_length - len(self.before) - len(self.after), 1)
        step = max(1, size - int(size * OVERLAP))
        starts = [0]
        while starts[-1] + size < len(ids):
            starts.append(starts[-1] + step)
        begins = np.array(starts)
        ends = np.minimum(begins + size, len(ids))
        middle = np.minimum(firsts[:, None] - begins, ends - 1 - firsts[:, None])
        window = np.where(firsts < 0, -1, middle.argmax(axis=1)) if len(units) else np.zeros(0, dtype=np.int64)
        place = np.where(firsts < 0, -1, firsts - begins[window] + len(self.before))
        return Encoded([[*self.before, *ids[start : start + size], *self.after] for start in starts], window, place)

    def batch(self, encoded: Sequence[Encoded]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(ids, mask), each (windows, longest), and picks (texts, most units): where among all places of the windows each
        unit's first sub-word is, -1 for none."""
        windows = [window for each in encoded for window in each.windows]
        longest = max(2, *map(len, windows))
        ids = np.full((len(windows), longest), self.pad, dtype=np.int64)
        mask = np.zeros((len(windows), longest), dtype=np.int64)
        for row, window in enumerate(windows):
            ids[row, : len(window)] = window
            mask[row, : len(window)] = 1
        picks = np.full((len(encoded), max(1, *(len(each.place) for each in encoded))), -1, dtype=np.int64)
        first = 0
        for row, each in enumerate(encoded):
            is_first = each.place >= 0
            picks[row, : len(each.place)][is_first] = ((first + each.window) * longest + each.place)[is_first]
            first += len(each.windows)
        return ids, mask, picks


def first_subwords(units: list[tuple[int, int]], offsets: list[tuple[int, int]]) -> np.ndarray:
    """Of each unit the first sub-word that begins in it or covers its beginning, -1 for none."""
    firsts = np.full(len(units), -1, dtype=np.int64)
    index = 0
    for place, (start, end) in enumerate(units):
        while index < len(offsets) and offsets[index][1] <= start:
            index += 1
        if index < len(offsets) and offsets[index][0] < end:
            firsts[place] = index
    return firsts


def picked(scores: np.ndarray, picks: np.ndarray) -> np.ndarray:
    """(windows, length, tags) → (texts, units, tags); a unit without a sub-word is outside."""
    flat = scores.reshape(-1, scores.shape[-1])
    chosen: np.ndarray = flat[np.maximum(picks, 0)]
    chosen[picks < 0] = outside(scores.shape[-1])
    return chosen


def outside(tags: int) -> np.ndarray:
    """Scores of a unit that is surely outside."""
    scores = np.full(tags, -20.0, dtype=np.float32)
    scores[0] = 0.0
    return scores
