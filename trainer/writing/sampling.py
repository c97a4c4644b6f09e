"""The next token by its scores: the likeliest, or drawn among those that temperature, top-k, top-p and min-p leave."""

from typing import NamedTuple

import numpy as np

MOST_TOKENS = 128
"""Of an answer, where nobody says how many."""


COLDEST = 1e-6
"""Below this temperature the likeliest token is taken: scores divided by less are not numbers any more."""


class Options(NamedTuple):
    """`temperature` 0: the likeliest token each time. `top_p`: only the likeliest tokens that have this share together, at least one
    (nucleus sampling, Holtzman et al. 2020). `top_k`: only so many of the likeliest, 0 for all. `min_p`: only tokens that are at
    least this times as likely as the likeliest (Nguyen et al. 2024). `stop`: texts before which an answer ends."""

    most: int = MOST_TOKENS
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    top_k: int = 0
    min_p: float = 0.0


def draw(scores: np.ndarray, options: Options, generator: np.random.Generator) -> int:
    """The next token by its scores (vocabulary,); one of -inf is never taken unless all are."""
    if options.temperature < COLDEST:
        return int(scores.argmax())
    scaled = scores.astype(np.float64) / options.temperature
    shares = np.exp(scaled - scaled.max())
    shares /= shares.sum()
    candidates = likely(shares, options)
    sums = np.cumsum(shares[candidates])
    place = int(np.searchsorted(sums, generator.random() * sums[-1], side="right"))
    return int(candidates[min(place, len(candidates) - 1)])


def likely(shares: np.ndarray, options: Options) -> np.ndarray:
    """The tokens to draw among, of all shares (vocabulary,): by min-p, then top-k, then top-p, at least the likeliest. Few of a large
    vocabulary are sorted."""
    candidates = np.flatnonzero(shares >= max(options.min_p * shares.max(), np.finfo(np.float64).tiny))
    if 0 < options.top_k < len(candidates):
        candidates = candidates[np.argpartition(-shares[candidates], options.top_k - 1)[: options.top_k]]
    return candidates if options.top_p >= 1 else nucleus(shares, candidates, options.top_p)


def nucleus(shares: np.ndarray, candidates: np.ndarray, top_p: float) -> np.ndarray:
    total = shares[candidates].sum()
    few = candidates[
        shares[candidates] > (1 - top_p) * total / len(candidates)
    ]  # the others have less than the rest together
    order = few[np.argsort(-shares[few], kind="stable")]
    before = np.cumsum(shares[order]) - shares[order]
    inside = order[before < top_p * total]
    return inside if len(inside) else candidates[[shares[candidates].argmax()]]
