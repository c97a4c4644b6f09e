"""How sure an answer must be: the threshold is chosen on rows that the model did not learn from, and proved on the test rows.

Validation rows, or answers out of fold, say from which certainty on so many answers were right; what the test rows then say
of that threshold is no longer chosen, so a bound holds for it, and for no other: who looks along the test rows for one that
promises enough chooses by them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

THRESHOLDS = (*(round(step * 0.05, 2) for step in range(20)), 0.97, 0.98, 0.99)
TARGETS = (0.9, 0.95, 0.99)
"""Shares of right answers that a threshold is chosen for."""
MIN_ANSWERED = 10
"""Validation answers, with fewer of which a threshold is not chosen."""
LEVEL = 0.95


class Certainty(NamedTuple):
    """Of some rows, (rows,) each: the probability of the label answered, and whether it was right."""

    sure: np.ndarray
    right: np.ndarray

    def counts(self, threshold: float) -> dict[str, int]:
        answered = self.sure >= threshold
        return {"answered": int(answered.sum()), "right": int((answered & self.right).sum())}


def joined(parts: Sequence[Certainty]) -> Certainty:
    return Certainty(np.concatenate([part.sure for part in parts]), np.concatenate([part.right for part in parts]))


def lower_bound(right: int, answered: int) -> float | None:
    """One-sided 95 % bound of the share of right answers (Clopper and Pearson 1934); None where nothing is answered."""
    from scipy.special import betaincinv

    if not answered:
        return None
    return float(betaincinv(right, answered - right + 1, 1 - LEVEL)) if right else 0.0


def with_lower_bound(counts: dict[str, int]) -> dict[str, Any]:
    return counts | {"low": lower_bound(counts["right"], counts["answered"])}


def table(
    test: Certainty, validation: Certainty | None = None, lows: dict[float, float | None] | None = None
) -> list[dict[str, Any]]:
    """Of each threshold offered {threshold, answered, right, low} on the test rows, and `validation` {answered, right} or None.
    `lows`: the bounds of those that were chosen without the test rows; of all others `low` is None."""
    return [
        {
            "threshold": mark,
            **test.counts(mark),
            "low": (lows or {}).get(mark),
            "validation": validation and validation.counts(mark),
        }
        for mark in THRESHOLDS
    ]


def choose_threshold(validation: Certainty, target: float) -> float | None:
    """The lowest threshold from which on the validation answers are right as often as wanted, at every higher one too that
    enough of them reach; None where there is none."""
    lowest = None
    for mark in reversed(THRESHOLDS):
        counts = validation.counts(mark)
        if counts["answered"] < MIN_ANSWERED:
            continue
        if counts["right"] < target * counts["answered"]:
            break
        lowest = mark
    return lowest


def choose_thresholds(validation: Certainty, rounds: Sequence[tuple[Certainty, Certainty]]) -> list[dict[str, Any]]:
    """For each of TARGETS the threshold chosen on `validation`, and what it holds on test rows.

    `rounds`: (validation, test) of each round of a cross-validation, or of the one test. A round's test rows are asked by the
    threshold chosen in that round, which has not seen them: so it is the way of choosing that is proved. `test` is None
    where a round chose none: the answers of the other rounds alone would be told as those to all rows.
    """
    choices = []
    for target in TARGETS:
        threshold = choose_threshold(validation, target)
        choice: dict[str, Any] = {"target": target, "threshold": threshold, "validation": None, "test": None}
        if threshold is not None:
            marks = [choose_threshold(own_validation, target) for own_validation, _test in rounds]
            counts = [test.counts(mark) for mark, (_own, test) in zip(marks, rounds, strict=True) if mark is not None]
            total = {name: sum(each[name] for each in counts) for name in ("answered", "right")}
            test = with_lower_bound(total) if len(counts) == len(rounds) else None
            choice |= {"validation": validation.counts(threshold), "test": test}
        choices.append(choice)
    return choices


def report(
    test: Certainty, validation: Certainty | None, kind: str, rounds: Sequence[tuple[Certainty, Certainty]] = ()
) -> dict[str, Any]:
    """The fields of report.json: `thresholds`, `threshold_choice`, `threshold_source` {kind, rows}; `kind`: validation or
    out-of-fold. In a cross-validation the bounds are those of `threshold_choice` alone: the rows of `thresholds` are pooled,
    and were chosen by. Where no answer was kept to choose by, the last two are empty."""
    if validation is None or not len(validation.sure):
        return {"thresholds": table(test), "threshold_choice": [], "threshold_source": None}
    choice = choose_thresholds(validation, rounds or [(validation, test)])
    lows = {} if rounds else {entry["threshold"]: entry["test"]["low"] for entry in choice if entry["test"]}
    return {
        "thresholds": table(test, validation, lows),
        "threshold_choice": choice,
        "threshold_source": {"kind": kind, "rows": len(validation.sure)},
    }
