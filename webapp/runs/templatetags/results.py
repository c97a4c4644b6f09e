"""`{% load results %}`: scores in words, and the drawings of a finished run's report."""

import re
from difflib import SequenceMatcher
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from webapp.core import charts
from webapp.core.words import figure, number
from webapp.runs import results

register = template.Library()
register.filter("outlook", results.outlook)
MOST_POINTS = 500
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
        _("%(count)d test rows: the answer by the truth. A right answer lies on the rising line.")
        % {"count": len(points)},
        rules,
        dots,
    )
    labels = [figure(mark) for mark in marks]
    columns = [labels[0], _("the truth"), labels[-1]]
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
    words = _("Row %(row)s: %(missed)s missed, %(extra)s made up") % {
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
    """[{name, share of the strongest}] of a table's columns, the strongest first, whatever the report calls them."""
    found = report.get("importance") or report.get("importances") or []
    pairs = found.items() if isinstance(found, dict) else [(name_of(one), value_of(one)) for one in found]
    known = sorted(
        ((name, weight) for name, value in pairs if (weight := number(value)) is not None), key=lambda one: -one[1]
    )
    most = max([weight for _name, weight in known], default=0) or 1.0
    return [{"name": name, "share": max(0.0, weight / most), "weight": weight} for name, weight in known[:12]]


def name_of(one: Any) -> str:
    return str(one.get("column") or one.get("name") or "") if isinstance(one, dict) else str(one[0])


def value_of(one: Any) -> Any:
    if not isinstance(one, dict):
        return one[1]
    return next((one[key] for key in ("permutation", "importance", "share", "value", "weight") if key in one), None)


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
