"""How good similarities and searches are. Needs numpy alone."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

DEEPEST = 100
"""Ranks that are kept of a search."""


def midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The rank of each value, from 1, where row i counts `weights[i]` times; equal values share the mean of their ranks."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sums = np.add.reduceat(weights[order], starts)
    middle = np.cumsum(sums) - sums + (sums + 1) / 2
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(middle, np.diff([*starts, len(values)]))
    return ranks


def pearson(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> float:
    """0 where one of them is constant."""
    count = max(float(weights.sum()), 1e-12)
    left, right = (side - float(side @ weights) / count for side in (first, second))
    spreads = [float((side**2) @ weights) for side in (left, right)]
    sizes = [float((side**2) @ weights) for side in (first, second)]
    if any(spread <= 1e-12 * max(size, 1e-300) for spread, size in zip(spreads, sizes, strict=True)):
        return 0.0
    return float((left * right) @ weights) / float(np.sqrt(spreads[0] * spreads[1]))


def spearman(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """The correlation of the ranks."""
    return pearson(midranks(truth, weights), midranks(predicted, weights), weights)


def auc(is_alike: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    """How often a pair that is alike scores above one that is not; one half where all pairs are of one side."""
    alike = float(weights[is_alike].sum())
    others = float(weights.sum()) - alike
    if alike <= 0 or others <= 0:
        return 0.5
    ranks = midranks(predicted, weights)
    return (float((ranks * weights)[is_alike].sum()) - alike * (alike + 1) / 2) / (alike * others)


def ndcg(ranked: Sequence[int], judged: Mapping[int, float], depth: int = 10) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002), the gain being the judgement itself."""
    gains = sum(judged.get(int(text), 0.0) / np.log2(rank + 2) for rank, text in enumerate(ranked[:depth]))
    ideal = sum(gain / np.log2(rank + 2) for rank, gain in enumerate(sorted(judged.values(), reverse=True)[:depth]))
    return float(gains / ideal) if ideal else 0.0


def recall(ranked: Sequence[int], judged: Mapping[int, float], depth: int = 10) -> float:
    """Share of the texts that answer a query among the first."""
    relevant = {text for text, gain in judged.items() if gain > 0}
    return len(relevant & {int(text) for text in ranked[:depth]}) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[int], judged: Mapping[int, float], depth: int = 10) -> float:
    """One by the rank of the first text that answers the query; 0 where none of the first does."""
    return next((1 / (rank + 1) for rank, text in enumerate(ranked[:depth]) if judged.get(int(text), 0.0) > 0), 0.0)


Measure = Callable[[Sequence[int], Mapping[int, float]], float]
SEARCHES: dict[str, Measure] = {
    "ndcg_10": ndcg,
    "recall_10": recall,
    "recall_100": lambda ranked, judged: recall(ranked, judged, DEEPEST),
    "mrr_10": reciprocal_rank,
}
"""{metric of a search: its value for one query}."""


def pair_scores(truth: np.ndarray, predicted: np.ndarray, middle: float) -> dict[str, float]:
    """Of pairs; alike are those whose true score is above `middle`."""
    once = np.ones(len(truth))
    return {
        "spearman": spearman(truth, predicted, once),
        "similarity_pearson": pearson(truth, predicted, once),
        "pair_auc": auc(truth > middle, predicted, once),
    }


def search_scores(ranked: Sequence[Sequence[int]], judged: Sequence[Mapping[int, float]]) -> dict[str, float]:
    return {
        name: float(np.mean([measure(own, right) for own, right in zip(ranked, judged, strict=True)]))
        if len(judged)
        else 0.0
        for name, measure in SEARCHES.items()
    }
