"""How well texts are foreseen and written: nats per character, perplexity, answers that repeat themselves or copy."""

import numpy as np

from trainer.outputs import Outputs

FIGURES = 3
"""Of each row: nats, tokens and characters of its answer; ids of tokens follow where an answer was written."""
REPEATED_WORDS, REPEATED = 4, 3
COPIED = 50
"""Characters in a row that also stand in a training row."""


def totals(outputs: Outputs) -> np.ndarray:
    """(rows, FIGURES) of outputs."""
    return np.array([row[:FIGURES] for row in outputs], dtype=np.float64).reshape(-1, FIGURES)


def scores(rows: np.ndarray, weights: np.ndarray | None = None) -> dict[str, float]:
    """Metrics of (rows, FIGURES): `nats_per_character`, which models with other tokens share, and `perplexity` per token."""
    nats, tokens, characters = (rows if weights is None else rows * weights[:, None]).sum(axis=0).tolist()
    per_token = nats / max(tokens, 1.0)
    return {
        "nats_per_character": nats / max(characters, 1.0),
        "perplexity": float(np.exp(min(per_token, 50.0))),
    }


def repeats(text: str) -> bool:
    """Whether four words, or in a language without spaces twelve characters, come three times or more."""
    words = text.split()
    pieces = words if len(words) > len(text) / 20 else list(text)
    size = REPEATED_WORDS if pieces is words else 3 * REPEATED_WORDS
    places = range(len(pieces) - size + 1)
    counts: dict[tuple[str, ...], int] = {}
    for place in places:
        key = tuple(pieces[place : place + size])
        counts[key] = counts.get(key, 0) + 1
    return max(counts.values(), default=0) >= REPEATED


def copies(text: str, corpus: str) -> bool:
    """Whether COPIED characters in a row stand in the corpus too."""
    return any(text[place : place + COPIED] in corpus for place in range(0, len(text) - COPIED + 1, 5))
