"""What rows of texts that belong together say: how alike two texts are, or which text answers which.

graded      two texts and a score
binary      two texts, and whether they belong together (0 or 1)
positives   a query and a text that answers it; all other texts are candidates
triplets    the same with a third text that does not answer it
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

GRADED, BINARY, POSITIVES, TRIPLETS = "graded", "binary", "positives", "triplets"
SEARCHED = frozenset({POSITIVES, TRIPLETS})
"""Forms whose scores come from a search among all texts."""
RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 5.0), (0.0, 10.0), (0.0, 100.0))
"""Scales that people rate on."""
MOST_OUTSIDE = 0.03
"""Share of the scores that may lie outside a scale for it still to be the one that was meant."""
MOST_FAR = 0.08
"""Share of the scores that may be twice as large as a scale, or as far below it."""
RELEVANCE = frozenset({"relevance", "grade", "qrel", "qrels", "judgement", "judgment"})
"""Names of columns that judge a document for a query."""
YES, NO = frozenset({"true", "yes", "y"}), frozenset({"false", "no", "n"})


class Scale(NamedTuple):
    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    @property
    def shown(self) -> str:
        return f"{self.low:g} – {self.high:g}"


def scale_of(scores: np.ndarray) -> Scale:
    """The smallest usual scale that holds nearly all scores, else from the lowest to the highest; of none, 0 to 1. Scores twice as
    large as a scale, as a 100 among 0 to 5, are slips even where they are more."""
    finite = scores[np.isfinite(scores)]
    if not len(finite):
        return Scale(*RANGES[0])
    for low, high in RANGES:
        outside = (finite < low) | (finite > high)
        far = (finite >= 2 * high) | (finite < -high)
        if np.mean(outside & ~far) <= MOST_OUTSIDE and np.mean(far) <= MOST_FAR:
            return Scale(low, high)
    return Scale(float(finite.min()), float(finite.max()))


def words_as_scores(cells: Sequence[str | None], numbers: np.ndarray) -> np.ndarray:
    """`numbers` (nan for a cell that is none) with 1 and 0 where a cell says yes or no."""
    scores = numbers.copy()
    for row in np.flatnonzero(np.isnan(numbers)).tolist():
        word = (cells[row] or "").strip().lower()
        scores[row] = 1.0 if word in YES else 0.0 if word in NO else np.nan
    return scores


def form_of(roles: Mapping[str, str], scores: np.ndarray, *, has_documents: bool = False) -> str:
    """The form of rows by the columns of their roles and the scores that can be read. `has_documents`: some rows are nothing but
    a text to be searched."""
    if "score" not in roles:
        return TRIPLETS if "third" in roles else POSITIVES
    values = np.unique(scores[np.isfinite(scores)])
    judged = roles["score"].strip().lower() in RELEVANCE
    if has_documents or judged or (len(values) == 1 and values[0] > 0):
        return POSITIVES
    return BINARY if set(values.tolist()) <= {0.0, 1.0} else GRADED
