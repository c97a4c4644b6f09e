"""What report.json says of similarities and searches. Needs numpy alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainer.answers.base_scoring import WORST
from trainer.comparison import headed, interval
from trainer.similarity import measures
from trainer.similarity.forms import Scale
from trainer.similarity.measures import DEEPEST

SCATTER = 500
"""Pairs drawn as score against answer."""
RANKS = ((1, 1), (2, 3), (4, 10), (11, DEEPEST))
"""Groups of ranks at which the first right text stands."""
SHOWN_TEXTS = 3
SHOWN_CHARACTERS = 300


def pair_report(
    truth: np.ndarray, predicted: np.ndarray, shown: list[str], rows: list[int], headline: str, scale: Scale
) -> dict[str, Any]:
    """The part of report.json that test pairs give: headline, scatter, the pairs furthest off."""
    predicted = predicted.astype(np.float64)
    clipped = np.clip(predicted, scale.low, scale.high)
    errors = clipped - truth
    drawn = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), SCATTER)).astype(int))
    scored = {name: interval(name, truth, predicted) for name in ("spearman", "similarity_pearson", "pair_auc")}
    return {
        **headed(headline, scored[headline]),
        "metrics": measures.pair_scores(truth, predicted, scale.middle),
        "intervals": {name: [own.low, own.high] for name, own in scored.items()},
        "test_rows": len(truth),
        "labels": [],
        "form": "pairs",
        "scale": list(scale),
        "is_binary": headline == "pair_auc",
        "curve": curve(truth > scale.middle, predicted) if headline == "pair_auc" else [],
        "points": [[float(truth[row]), float(clipped[row])] for row in drawn],
        "mistakes": [
            {
                "row": rows[row],
                "text": shown[row],
                "truth": float(truth[row]),
                "predicted": float(clipped[row]),
                "error": float(errors[row]),
            }
            for row in np.argsort(-np.abs(errors), kind="stable").tolist()[:WORST]
        ],
    }


def curve(is_alike: np.ndarray, predicted: np.ndarray, points: int = 60) -> list[list[float]]:
    """[false positive rate, true positive rate] from the strictest to the loosest threshold, so straight across equal scores."""
    order = np.argsort(-predicted, kind="stable")
    right, wrong = np.cumsum(is_alike[order]), np.cumsum(~is_alike[order])
    if not len(order) or not right[-1] or not wrong[-1]:
        return []
    ends = np.flatnonzero(np.diff(predicted[order], append=-np.inf))
    places = ends[np.unique(np.linspace(0, len(ends) - 1, points).astype(int))]
    return [[0.0, 0.0], *([float(wrong[place] / wrong[-1]), float(right[place] / right[-1])] for place in places)]


def search_report(
    judged: Sequence[Mapping[int, float]],
    ranked: Sequence[Sequence[int]],
    queries: list[str],
    rows: list[int],
    texts: list[str],
) -> dict[str, Any]:
    """The part of report.json that test queries give: headline, at which ranks right texts stand, the worst queries."""
    ranked = [[int(place) for place in ranks] for ranks in ranked]
    figures = measures.search_scores(ranked, judged)
    scored = {name: interval(name, judged, ranked) for name in figures}
    first = [first_rank(ranks, right) for ranks, right in zip(ranked, judged, strict=True)]
    each = np.array([measures.ndcg(ranks, right) for ranks, right in zip(ranked, judged, strict=True)])
    worst = [row for row in np.argsort(each, kind="stable").tolist() if each[row] < 1][:WORST]
    return {
        **headed("ndcg_10", scored["ndcg_10"]),
        "metrics": figures,
        "intervals": {name: [own.low, own.high] for name, own in scored.items()},
        "test_rows": len(judged),
        "labels": [],
        "form": "search",
        "texts": len(texts),
        "ranks": [
            {"low": low, "high": high, "queries": sum(rank is not None and low <= rank <= high for rank in first)}
            for low, high in RANKS
        ],
        "not_found": sum(rank is None for rank in first),
        "mistakes": [
            {
                "row": rows[row],
                "text": queries[row],
                "truth": float(max(judged[row].values(), default=0)),
                "predicted": float(each[row]),
                "rank": first[row],
                "answers": [shortened(texts[place]) for place in list(judged[row])[:SHOWN_TEXTS]],
                "found": [shortened(texts[place]) for place in ranked[row][:SHOWN_TEXTS]],
            }
            for row in worst
        ],
    }


def first_rank(ranks: Sequence[int], judged: Mapping[int, float]) -> int | None:
    """From 1, of the first right text; None where none of those found is."""
    return next((rank + 1 for rank, place in enumerate(ranks) if judged.get(place, 0) > 0), None)


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
