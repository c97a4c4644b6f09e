"""`{% load results %}`: scores in words, and the drawings of a finished run's report."""

from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from webapp.core import charts, scores
from webapp.core.formats import number, percent
from webapp.runs import thresholds, verdicts
from webapp.runs.models import Run

register = template.Library()
register.simple_tag(thresholds.outcome_at, name="threshold_at")
MOST_COLUMNS = 12


@register.simple_tag
def score_strip(score: dict[str, Any], ends: tuple[float, float], css: str = "") -> SafeString:
    """A score and its interval between the common ends of a comparison."""
    value, low, high = (number(score.get(name)) for name in ("value", "low", "high"))
    return charts.strip(value, low, high, css=css, ends=ends)


@register.simple_tag
def importance(report: dict[str, Any]) -> list[dict[str, Any]]:
    """[{name, share, shown}] of a table's columns, the strongest first: how much the score drops without each, and that
    drop against the strongest's. A drop that is no drop is 0."""
    weights = [
        (str(entry["column"]), max(0.0, number(entry.get("permutation")) or 0.0))
        for entry in report.get("importance") or []
    ]
    weights = sorted(weights, key=lambda weighted: -weighted[1])[:MOST_COLUMNS]
    most = max([weight for _name, weight in weights], default=0.0) or 1.0
    return [{"name": name, "share": weight / most, "formatted": f"{weight:.3f}"} for name, weight in weights]


# The confidence threshold


@register.simple_tag
def threshold_chart(thresholds: list[dict[str, Any]], rows: int, chosen: object = None) -> SafeString:
    """What is answered, and what of it is right, by threshold. A flat tail is cut off."""
    points = [row for row in thresholds if row.get("answered")]
    if len(points) < 2 or not rows:
        return mark_safe("")
    right = [(row["threshold"], row["right"] / row["answered"]) for row in points]
    answered = [(row["threshold"], row["answered"] / rows) for row in points]
    low = min(y for _x, y in right + answered)
    end = points[-1]["threshold"]
    return charts.line_chart(
        [charts.Series(_("right, of those answered"), right), charts.Series(_("answered"), answered, "two")],
        title="",
        sentence=_("The higher the threshold, the fewer rows are answered and the more of those are right."),
        format_value=lambda value: percent(value, 0),
        end=end,
        now=number(chosen),
        bounds=(int(min(low, 0.9) * 10) / 10, 1.0),
        labels=[percent(0, 0), _("threshold"), percent(end, 0)],
        css="small-plot",
    )


# What estimates and demos say


@register.filter
def expected_range(expected: dict[str, Any] | None) -> str:
    """“95–99 % accuracy” of an estimate's `expected`."""
    return scores.range_words(expected)


@register.simple_tag
def demo_words(run: Run) -> str:
    """What a stranger is told of the model behind a demo: how good it is, and no more than that."""
    return verdicts.for_strangers(run)
