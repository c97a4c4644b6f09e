"""How good a run is expected to be, drawn before it is started: `expected` of an estimate on a scale that the cards of the
train page share."""

import math
from typing import Any

from trainer.answers.metrics import named
from webapp.core.formats import number
from webapp.core.scores import range_words, scored
from webapp.datasets.models import DatasetVersion
from webapp.prototypes.models import Prototype

HIGHEST_START = 0.8
"""Where the scale of a share begins at most."""


def expectation(
    expected: dict[str, Any] | None, version: DatasetVersion, prototype: Prototype
) -> dict[str, Any] | None:
    """{range, low, high, ends, start, end, tick}; `ends` is None for a metric without a common scale; `tick` is the score of
    the best run so far. None where nothing is expected."""
    low, high = (number((expected or {}).get(name)) for name in ("low", "high"))
    if expected is None or low is None or high is None:
        return None
    metric = str(expected.get("metric") or "accuracy")
    expected_range = {
        "range": range_words(expected | {"metric": metric}),
        "low": low,
        "high": high,
        "ends": None,
        "tick": None,
    }
    if named(metric).form == "size":
        return expected_range
    ends = (share_start(version) if named(metric).counts_rows else 0.0, 1.0)
    runs = prototype.runs.filter(version=version, task=version.suggestion.get("task") or "", metric=metric)
    best = runs.scored().trusted().best_first().first()
    scale = {"ends": ends, "start": scored(ends[0], metric), "end": scored(ends[1], metric)}
    return expected_range | scale | {"tick": best.headline["value"] if best and best.headline else None}


def share_start(version: DatasetVersion) -> float:
    """The tenth below what always answering the most frequent class gets, so that the scale begins at the worst baseline."""
    labels = version.labels
    majority = labels[0]["count"] / version.label_rows if labels and version.label_rows else 0.0
    return math.floor(10 * min(majority, HIGHEST_START) + 1e-9) / 10
