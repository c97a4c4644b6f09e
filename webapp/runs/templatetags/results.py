"""`{% load results %}`: scores in words, and the drawings of a finished run's report."""

import re
from difflib import SequenceMatcher
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from webapp.core import charts, scores
from webapp.core.words import figure, number, percent
from webapp.runs import thresholds, verdicts
from webapp.runs.models import Run

register = template.Library()
register.simple_tag(thresholds.at, name="threshold_at")
MOST_POINTS = 500
MOST_COLUMNS = 12
MOST_COMPARED = 400
"""Words of a text that are compared with another's."""


@register.simple_tag
def score_strip(one: Any, ends: tuple[float, float], css: str = "") -> SafeString:
    """A score and its interval between the common ends of a comparison."""
    value, low, high = (number(one.get(name)) for name in ("value", "low", "high"))
    return charts.strip(value, low, high, css=css, ends=ends)


@register.simple_tag
def scatter(pairs: list[list[float]]) -> SafeString:
    """Truth across, answer upwards; a right answer lies on the line."""
    points = charts.clean(pairs[:MOST_POINTS])
    if not points:
        return mark_safe("")
    values = [value for point in points for value in point]
    marks = charts.ticks(min(values), max(values), 4)
    low, span = marks[0], (marks[-1] - marks[0]) or 1.0
    dots = format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="2"/>',
        ((charts.at(200 * (x - low) / span), charts.at(200 - 200 * (y - low) / span)) for x, y in points),
    )
    rules = format_html_join(
        "",
        '<line x1="0" x2="200" y1="{0}" y2="{0}"/>',
        ((charts.at(200 * n / (len(marks) - 1)),) for n in range(len(marks))),
    )
    drawn = format_html(
        '<svg class="scatter" viewBox="0 0 200 200" role="img" aria-label="{}">{}<line class="now" x1="0" y1="200" x2="200" y2="0"/>{}</svg>',
        _("%(count)d test rows: predicted by actual value. An exact prediction lies on the rising line.")
        % {"count": len(points)},
        rules,
        dots,
    )
    labels = [figure(mark) for mark in marks]
    columns = [labels[0], _("actual"), labels[-1]]
    return charts.frame("", [], list(reversed(labels)), drawn, columns, "square")


@register.simple_tag
def framed(mistake: dict[str, Any]) -> SafeString:
    """A picture with the true boxes and those that the model drew."""
    size = mistake.get("size")
    if not size:
        return format_html('<img class="thumb" src="{}" alt="" loading="lazy">', mistake["address"])
    boxes = [("b2", one) for one in mistake["truth"]] + [("b1", one) for one in mistake["predicted"]]
    drawn = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        ((css, *map(charts.at, one["box"]), one["label"]) for css, one in boxes if len(one.get("box", [])) == 4),
    )
    words = _("Row %(row)s: %(missed)s missed, %(extra)s false positives") % {
        name: mistake.get(name, 0) for name in ("row", "missed", "extra")
    }
    return format_html(
        '<svg class="boxed found" viewBox="0 0 {0} {1}" role="img" aria-label="{2}"><image href="{3}" width="{0}" height="{1}"/>{4}</svg>',
        *size,
        words,
        mistake["address"],
        drawn,
    )


@register.simple_tag
def importance(report: dict[str, Any]) -> list[dict[str, Any]]:
    """[{name, share, shown}] of a table's columns, the strongest first: how much the score drops without each, and that
    drop against the strongest's. A drop that is no drop is 0."""
    found = [
        (str(one["column"]), max(0.0, number(one.get("permutation")) or 0.0)) for one in report.get("importance") or []
    ]
    found = sorted(found, key=lambda one: -one[1])[:MOST_COLUMNS]
    most = max([weight for _name, weight in found], default=0.0) or 1.0
    return [{"name": name, "share": weight / most, "shown": f"{weight:.3f}"} for name, weight in found]


@register.filter
def beside(text: Any, other: Any) -> SafeString:
    """A text with those of its words marked that the other has not in their place; capitals and punctuation aside."""
    own, others = (str(one).split()[:MOST_COMPARED] for one in (text, other))
    matcher = SequenceMatcher(None, [bare(word) for word in own], [bare(word) for word in others], autojunk=False)
    same = {at for found in matcher.get_matching_blocks() for at in range(found.a, found.a + found.size)}
    marked = (
        word if at in same else format_html('<mark class="against">{}</mark>', word) for at, word in enumerate(own)
    )
    return format_html_join(" ", "{}", ((word,) for word in marked))


def bare(word: str) -> str:
    return re.sub(r"[^\w']", "", word).lower()


# The confidence threshold


@register.simple_tag
def threshold_chart(thresholds: list[dict[str, Any]], rows: int, chosen: Any = None) -> SafeString:
    """What is answered, and what of it is right, by threshold. A flat tail is cut off."""
    known = [row for row in thresholds if row.get("answered")]
    if len(known) < 2 or not rows:
        return mark_safe("")
    right = [(row["threshold"], row["right"] / row["answered"]) for row in known]
    answered = [(row["threshold"], row["answered"] / rows) for row in known]
    low = min(y for _x, y in right + answered)
    end = known[-1]["threshold"]
    return charts.line_chart(
        [charts.Series(_("right, of those answered"), right), charts.Series(_("answered"), answered, "two")],
        title="",
        sentence=_("The higher the threshold, the fewer rows are answered and the more of those are right."),
        shown=lambda value: percent(value, 0),
        end=end,
        now=number(chosen),
        bounds=(int(min(low, 0.9) * 10) / 10, 1.0),
        labels=[percent(0, 0), _("threshold"), percent(end, 0)],
        css="small-plot",
    )


@register.simple_tag
def worst_pair(matrix: dict[str, Any]) -> dict[str, Any] | None:
    """The label most often taken for another one, and which: {count, total, truth, answer}."""
    pairs = [
        (cell["count"], sum(one["count"] for one in row["cells"]), row["label"], matrix["labels"][index])
        for row in matrix.get("rows", [])
        for index, cell in enumerate(row["cells"])
        if not cell["hit"] and cell["count"]
    ]
    return dict(zip(("count", "total", "truth", "answer"), max(pairs), strict=True)) if pairs else None


# What estimates and demos say


@register.filter
def expected_range(expected: dict[str, Any] | None) -> str:
    """“95–99 % accuracy” of an estimate's `expected`."""
    return scores.range_words(expected)


@register.simple_tag
def demo_words(run: Run) -> str:
    """What a stranger is told of the model behind a demo: how good it is, and no more than that."""
    return verdicts.for_strangers(run)
