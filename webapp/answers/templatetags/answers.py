"""`{% load answers %}`: what a model was given and what it answered, drawn and said."""

import json
import re
from difflib import SequenceMatcher
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from webapp.answers import of_output
from webapp.core import charts
from webapp.core.formats import MISSING, figure, number, percent

register = template.Library()
SHOWN_TEXT = 300
MOST_POINTS = 500
MOST_COMPARED = 400
"""Words of a text that are compared with another's."""
COLOURS = 5
"""Labels of objects take these in turn, the commonest first."""


@register.filter
def answer_text(output: object) -> str:
    """An answer in a few words: a label, a number, a text, or how many of what."""
    if not isinstance(output, dict):
        return str(output)
    presentation = of_output(output)
    return presentation.answer_text(output) if presentation else MISSING


@register.filter
def answer_to(column: str) -> str:
    """The name of a column before its value: “Churned?” stays, “Plan” becomes “Plan:”."""
    name = column.strip()
    return name if name.endswith(("?", "？", ":", "：")) else f"{name}:"


@register.simple_tag
def number_range(answer: dict[str, Any], report: dict[str, Any]) -> SafeString:
    """The value with its range, between the ends that nearly all test rows had."""
    actual = report.get("truth") if isinstance(report, dict) else None
    if answer.get("low") is None or not actual:
        return mark_safe("")
    values = [actual["low"], actual["high"], answer["low"], answer["high"], answer["value"]]
    low, high = min(values), max(values)
    if not low < high:
        return mark_safe("")
    drawn = charts.strip(answer["value"], answer["low"], answer["high"], ends=(low, high))
    ends = format_html(
        '<span class="row between small muted"><span>{}</span><span>{}</span></span>', figure(low), figure(high)
    )
    return format_html("<div>{}{}</div>", drawn, ends)


@register.simple_tag
def boxes_over(picture: dict[str, Any] | None, objects: list[dict[str, Any]]) -> SafeString:
    """The picture that was sent with what was found in it; its size comes from its first bytes, else from the boxes.

    Where the answer replaces a part of the page, the browser has the picture and puts it in (`data-own`).
    """
    if not picture:
        return mark_safe("")
    boxes = [detected["box"] for detected in objects]
    width = picture["width"] or max([box[0] + box[2] for box in boxes], default=1)
    height = picture["height"] or max([box[1] + box[3] for box in boxes], default=1)
    labels = list(dict.fromkeys(detected["label"] for detected in objects))
    drawn = format_html_join(
        "",
        '<rect class="b{}" x="{}" y="{}" width="{}" height="{}"><title>{} {}</title></rect>',
        (
            (
                labels.index(detected["label"]) % COLOURS + 1,
                *map(charts.format_coordinate, detected["box"]),
                detected["label"],
                percent(detected["score"], 0),
            )
            for detected in objects
        ),
    )
    source = format_html(' href="{}"', picture["address"]) if picture["address"] else mark_safe(" data-own")
    return format_html(
        '<svg class="boxed found" viewBox="0 0 {0} {1}" role="img" aria-label="{2}"><image{3} width="{0}" height="{1}"/>{4}</svg>',
        width,
        height,
        _("The picture with what was found: %(what)s") % {"what": answer_text({"objects": objects})},
        source,
        drawn,
    )


@register.simple_tag
def given(stored: str) -> SafeString:
    """What a judgement keeps of an input: a text, a small picture or sound, or the fields of a row."""
    if stored.startswith("data:image/"):
        return format_html('<img class="thumb" src="{}" alt="{}">', stored, _("The picture that was sent"))
    if stored.startswith("data:audio/"):
        return format_html('<audio controls src="{}" aria-label="{}"></audio>', stored, _("The sound that was sent"))
    row = row_of(stored)
    text = ", ".join(f"{name}: {value}" for name, value in row.items() if value not in (None, "")) if row else stored
    excerpt = Truncator(text).chars(SHOWN_TEXT)
    return format_html('<p class="quote breakall">“{}”</p>' if not row else '<p class="breakall">{}</p>', excerpt)


def row_of(stored: str) -> dict[str, Any]:
    if not stored.startswith("{"):
        return {}
    try:
        fields = json.loads(stored)
    except (ValueError, RecursionError):
        return {}
    return (
        {
            name: value if value is None or number(value) is not None else str(value)[:80]
            for name, value in fields.items()
        }
        if isinstance(fields, dict)
        else {}
    )


# Of a finished run's report


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
        (
            (charts.format_coordinate(200 * (x - low) / span), charts.format_coordinate(200 - 200 * (y - low) / span))
            for x, y in points
        ),
    )
    rules = format_html_join(
        "",
        '<line x1="0" x2="200" y1="{0}" y2="{0}"/>',
        ((charts.format_coordinate(200 * n / (len(marks) - 1)),) for n in range(len(marks))),
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
    boxes = [("b2", box) for box in mistake["truth"]] + [("b1", box) for box in mistake["predicted"]]
    drawn = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (css, *map(charts.format_coordinate, box["box"]), box["label"])
            for css, box in boxes
            if len(box.get("box", [])) == 4
        ),
    )
    description = _("Row %(row)s: %(missed)s missed, %(extra)s false positives") % {
        name: mistake.get(name, 0) for name in ("row", "missed", "extra")
    }
    return format_html(
        '<svg class="boxed found" viewBox="0 0 {0} {1}" role="img" aria-label="{2}"><image href="{3}" width="{0}" height="{1}"/>{4}</svg>',
        *size,
        description,
        mistake["address"],
        drawn,
    )


@register.simple_tag
def worst_pair(matrix: dict[str, Any]) -> dict[str, Any] | None:
    """The label most often taken for another one, and which: {count, total, truth, answer}."""
    pairs = [
        (cell["count"], sum(entry["count"] for entry in row["cells"]), row["label"], matrix["labels"][index])
        for row in matrix.get("rows", [])
        for index, cell in enumerate(row["cells"])
        if not cell["hit"] and cell["count"]
    ]
    return dict(zip(("count", "total", "truth", "answer"), max(pairs), strict=True)) if pairs else None


@register.filter
def mark_differences(text: object, other: object) -> SafeString:
    """A text with those of its words marked that the other has not in their place; capitals and punctuation aside."""
    own, others = (str(side).split()[:MOST_COMPARED] for side in (text, other))
    matcher = SequenceMatcher(None, [bare(word) for word in own], [bare(word) for word in others], autojunk=False)
    same = {index for block in matcher.get_matching_blocks() for index in range(block.a, block.a + block.size)}
    marked = (
        word if index in same else format_html('<mark class="against">{}</mark>', word)
        for index, word in enumerate(own)
    )
    return format_html_join(" ", "{}", ((word,) for word in marked))


def bare(word: str) -> str:
    return re.sub(r"[^\w']", "", word).lower()
