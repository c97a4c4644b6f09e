"""The sentence of a context that shares most words with a question: what a model must beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainer.passages.decoding import empty
from trainer.passages.overlaps import Split, shares, split
from trainer.passages.windows import Pair


def best_sentences(pairs: Sequence[Pair]) -> np.ndarray:
    """(pairs, BEST, 3) as a model's candidates: the one sentence, with how much it shares as its score."""
    outputs = empty(len(pairs))
    texts: dict[str, Split] = {}
    for row, pair in enumerate(pairs):
        if pair.context not in texts:
            texts[pair.context] = split(pair.context)
        text = texts[pair.context]
        if text.places:
            own = shares(pair.question, text)
            best = int(own.argmax())
            outputs[row, 0] = (*text.places[best], own[best])
    return outputs
