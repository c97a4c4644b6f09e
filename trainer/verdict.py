"""The model beside its baselines: all scored on the same test rows by the same code, and the best of them compared with it."""

from typing import Any

import numpy as np

from trainer.answers.baselines import title_of
from trainer.answers.metrics import named
from trainer.comparison import Comparison, compare, interval
from trainer.learning.baselines import Baseline


def judged(objective: Any, outputs: np.ndarray, baselines: dict[str, Baseline]) -> dict[str, Any]:
    """`baselines` and `verdict` of report.json.

    Each baseline has every metric that the model has; `low` and `high` are the ends of the headline metric's 95 % interval.
    """
    figures = {name: scored(objective.simple(one), one) for name, one in baselines.items()}
    return {"baselines": figures, "verdict": verdict(objective, outputs, baselines, figures)}


def scored(objective: Any, baseline: Baseline) -> dict[str, Any]:
    test = objective.rows.part("test")
    answers = objective.answers(objective.headline, baseline.outputs)
    found = interval(objective.headline, objective.actual(test), answers, labels=names_of(objective))
    label = {} if baseline.label is None else {"label": baseline.label}
    metrics = objective.metrics(baseline.outputs)
    return {**metrics, "low": found.low, "high": found.high, **label, "seconds": baseline.seconds}


def verdict(
    objective: Any, outputs: np.ndarray, baselines: dict[str, Baseline], figures: dict[str, dict[str, Any]]
) -> dict[str, Any] | None:
    """{against, outcome, difference, sentence}: the model beside the best of the baselines; None where there is none."""
    metric = objective.headline
    sign = -1 if named(metric).lower_is_better else 1
    listed = [name for name in figures if metric in figures[name]]
    if not listed:
        return None
    best = max(listed, key=lambda name: sign * figures[name][metric])
    found = compare(
        metric,
        objective.actual(objective.rows.part("test")),
        objective.answers(metric, outputs),
        objective.simple(baselines[best]).answers(metric, baselines[best].outputs),
        labels=names_of(objective),
    )
    told = sentence(found, title_of(best) or best)
    return {"against": best, "outcome": found.outcome, "difference": found.difference, "sentence": told}


def names_of(objective: Any) -> range:
    """Labels are their places here."""
    return range(len(objective.rows.labels))


def sentence(found: Comparison, other: str) -> str:
    """What was found, in English; `other` is what the model was compared with."""
    start = {
        "better": f"Better than {other}",
        "worse": f"Worse than {other}",
        "not shown": f"Not shown to be better than {other}",
    }[found.outcome]
    unit = " points" if named(found.metric).is_share else ""
    low, high = (shown(end, found.metric, signed=True) for end in (found.low, found.high))
    return (
        f"{start}: {named(found.metric).within_sentence} {shown(found.first, found.metric)}{'%' if unit else ''} against "
        f"{shown(found.second, found.metric)}{'%' if unit else ''} on {found.rows:,} test rows, a difference of "
        f"{shown(found.value, found.metric, signed=True)}{unit} (95% interval {low} to {high})."
    )


def shown(value: float, metric: str, *, signed: bool = False) -> str:
    """Shares in percent, R² and the like by three places, sizes by three figures."""
    number, form = (
        (100 * value, ".1f") if named(metric).is_share else (value, ".3f" if named(metric).form == "score" else ".3g")
    )
    text = f"{number:{form}}"
    if float(text) == 0:
        return text.removeprefix("-")
    return f"+{text}" if signed and number > 0 else text
