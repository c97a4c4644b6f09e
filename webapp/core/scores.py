"""Scores of every kind of task: which of two is better, what a metric is called, and how its value reads."""

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from trainer.answers.metrics import by_name, named
from webapp.core.formats import MISSING, figure, number, percent, points, with_percent

Scored = TypeVar("Scored")


def leading() -> list[str]:
    """Which metric tells how a run at work is doing, the first that it has."""
    return [metric.name for metric in by_name().values() if metric.leads]


def rank(value: float, metric: str) -> float:
    """A value of a metric on a scale on which greater is better. Everything that compares scores compares these."""
    return -value if named(metric).lower_is_better else value


def rank_of(headline: dict[str, Any] | None) -> float | None:
    """`rank` of a headline {name, value}; None where it has no finite value."""
    value = number((headline or {}).get("value"))
    return None if value is None else rank(value, str((headline or {}).get("name", "")))


def is_at_ceiling(headline: dict[str, Any] | None) -> bool:
    """Whether no model can be shown to score higher: all right, or no error, as far as the score is told."""
    name, value = str((headline or {}).get("name", "")), number((headline or {}).get("value"))
    if value is None:
        return False
    if named(name).lower_is_better:
        return value <= 0
    return named(name).form != "size" and round(value, 3) >= 1


def best_first(items: Iterable[Scored], headline: Callable[[Scored], dict[str, Any] | None]) -> list[Scored]:
    """Items of ONE metric in the order of their scores, the best first; those without a score last."""
    ranks = [(rank_of(headline(item)), item) for item in items]
    ranked = sorted((pair for pair in ranks if pair[0] is not None), key=lambda pair: -(pair[0] or 0.0))
    return [item for _rank, item in ranked] + [item for rank, item in ranks if rank is None]


def metric_title(name: str) -> str:
    title = named(name).title
    return _(title) if title else readable(name)


def metric_name(name: str) -> str:
    """A metric within a sentence: “accuracy”, “R²”."""
    metric = named(name)
    return _(metric.noun) if metric.noun else metric.short or readable(name).lower()


def rises(name: str) -> bool:
    """Whether it is a share of which 1 is the best."""
    return named(name).is_share and not named(name).lower_is_better


def readable(name: str) -> str:
    return name.replace("_", " ").capitalize()


def scored(value: object, name: str) -> str:
    """A metric's value as people read it: a share in percent, another figure as it is."""
    parsed = number(value)
    if parsed is None:
        return MISSING
    if named(name).is_share:
        return percent(parsed)
    return f"{parsed:.3f}".rstrip("0").rstrip(".") if named(name).form == "score" else figure(parsed)


def counts_rows(head: dict[str, Any] | None) -> bool:
    """Whether a headline is the share of the rows that are right."""
    return named(str((head or {}).get("name", ""))).counts_rows


def score_words(head: dict[str, Any] | None) -> str:
    """A headline in a few words after a number: “91.3 % accuracy”, “R² 0.84”."""
    if not head:
        return ""
    name, value = head["name"], head["value"]
    if phrase := named(name).phrase:
        return _(phrase) % {"share": percent(value)}
    return f"{named(name).short or capfirst(metric_name(name))} {scored(value, name)}"


def range_words(expected: dict[str, Any] | None) -> str:
    """{metric, low, high} in words: “95–99 % accuracy”, “R² 0.81–0.86”."""
    low, high = (number((expected or {}).get(end)) for end in ("low", "high"))
    if expected is None or low is None or high is None:
        return ""
    metric = str(expected.get("metric") or "accuracy")
    if not named(metric).is_share:
        ends = spread(low, high) if named(metric).form == "score" else f"{scored(low, metric)}–{scored(high, metric)}"
        return f"{metric_name(metric)} {ends}"
    ends = f"{100 * low:.0f}–{percent(high, 0)}" if round(100 * low) < round(100 * high) else percent(high, 0)
    return _("%(range)s %(metric)s") % {"range": ends, "metric": metric_name(metric)}


def score_ends(head: dict[str, Any] | None) -> str:
    """The interval of a headline without its unit: “80.1–92.3”."""
    if not head or number(head.get("low")) is None or number(head.get("high")) is None:
        return ""
    name = head["name"]
    if named(name).form == "score":
        return spread(head["low"], head["high"])
    ends = [points(head[end]) if named(name).is_share else scored(head[end], name) for end in ("low", "high")]
    return f"{ends[0]}–{ends[1]}"


def spread(low: float, high: float) -> str:
    """Two figures in the same number of decimals, at most three: “0.909–0.980”, “0.80–0.86”."""
    needed = next((digits for digits in range(3) if all(round(end, 3) == round(end, digits) for end in (low, high))), 3)
    return "–".join(f"{round(end, 3) + 0.0:.{needed}f}" for end in (low, high))


def score_interval(head: dict[str, Any] | None) -> str:
    """The interval of a headline with its unit: “80.1–92.3 %”."""
    ends = score_ends(head)
    return with_percent(ends) if ends and head and named(head["name"]).is_share else ends


def strip_ends(values: Iterable[Any], metric: str) -> tuple[float, float]:
    """Where the strips of scores beside each other begin and end: shares from the tenth below the worst of them, so that
    96 and 99 % are told apart; what is better when lower from 0."""
    finite = [value for given in values if (value := number(given)) is not None]
    if named(metric).lower_is_better:
        return 0.0, max([*finite, 1e-9]) * 1.05
    if named(metric).form != "size":
        return max(-1.0, math.floor(10 * min([*finite, 0.9]) + 1e-9) / 10), 1.0
    return min([0.0, *finite]), max([*finite, 1e-9]) * 1.05


def baseline_scores(baselines: dict[str, Any] | None, metric: str) -> dict[str, float]:
    """{key: value} of the baselines that have this metric."""
    parsed = {key: number(scores.get(metric)) for key, scores in (baselines or {}).items() if isinstance(scores, dict)}
    return {key: value for key, value in parsed.items() if value is not None}
