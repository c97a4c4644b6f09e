"""The simple predictors that a model must beat, as pages name them: the words are `trainer.answers.baselines`’."""

from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from trainer.answers.baselines import constants, title_of
from webapp.core import formats
from webapp.core.formats import number
from webapp.core.scores import baseline_scores, best_first, rank, readable

LEAST_TOLD = 0.1
"""Seconds of training, below which they are not told."""


def title(key: str, baseline: dict[str, Any]) -> str:
    if key == "majority" and baseline.get("label"):
        return _("always “%(label)s”") % {"label": baseline["label"]}
    declared_title = title_of(key)
    return _(declared_title) if declared_title else readable(key).lower()


def note(key: str, baseline: dict[str, Any]) -> str:
    """What kind of thing it is: “Baseline, no model”, or “Baseline model, 1.8 s”."""
    if key in constants():
        return _("Baseline, no model")
    seconds = number(baseline.get("seconds")) or 0.0
    return (
        _("Baseline model, %(time)s") % {"time": formats.duration(seconds)}
        if seconds >= LEAST_TOLD
        else _("Baseline model")
    )


def listed(baselines: dict[str, Any] | None, metric: str) -> list[dict[str, Any]]:
    """[{key, title, note, value, low, high}] of the baselines that have this metric, the best first."""
    entries = [
        {
            "key": key,
            "title": capfirst(title(key, baselines[key])),
            "note": note(key, baselines[key]),
            "value": value,
            "low": baselines[key].get("low"),
            "high": baselines[key].get("high"),
        }
        for key, value in baseline_scores(baselines, metric).items()
        if baselines
    ]
    return best_first(entries, lambda baseline: {"name": metric, "value": baseline["value"]})


def best(baselines: dict[str, Any] | None, metric: str) -> str | None:
    """The key of the best baseline in this metric."""
    scores = baseline_scores(baselines, metric)
    return max(scores, key=lambda key: rank(scores[key], metric), default=None)
