"""`{% load answers %}`: what a model was given and what it answered, drawn and said."""

import json
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from webapp.core import charts
from webapp.core.words import figure, number, percent
from webapp.endpoints.outputs import said

register = template.Library()
register.filter("said", said)
SHOWN_TEXT = 300
COLOURS = 5
"""Labels of objects take these in turn, the commonest first."""


@register.filter
def answer_to(column: str) -> str:
    """The name of a column before its value: “Churned?” stays, “Plan” becomes “Plan:”."""
    name = column.strip()
    return name if name.endswith(("?", "？", ":", "：")) else f"{name}:"


@register.simple_tag
def number_range(answer: dict[str, Any], report: dict[str, Any]) -> SafeString:
    """The value with its range, between the ends that nearly all test rows had."""
    truth = report.get("truth") if isinstance(report, dict) else None
    if answer.get("low") is None or not truth:
        return mark_safe("")
    values = [truth["low"], truth["high"], answer["low"], answer["high"], answer["value"]]
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
    boxes = [one["box"] for one in objects]
    width = picture["width"] or max([box[0] + box[2] for box in boxes], default=1)
    height = picture["height"] or max([box[1] + box[3] for box in boxes], default=1)
    labels = list(dict.fromkeys(one["label"] for one in objects))
    drawn = format_html_join(
        "",
        '<rect class="b{}" x="{}" y="{}" width="{}" height="{}"><title>{} {}</title></rect>',
        (
            (
                labels.index(one["label"]) % COLOURS + 1,
                *map(charts.at, one["box"]),
                one["label"],
                percent(one["score"], 0),
            )
            for one in objects
        ),
    )
    source = format_html(' href="{}"', picture["address"]) if picture["address"] else mark_safe(" data-own")
    return format_html(
        '<svg class="boxed found" viewBox="0 0 {0} {1}" role="img" aria-label="{2}"><image{3} width="{0}" height="{1}"/>{4}</svg>',
        width,
        height,
        _("The picture with what was found: %(what)s") % {"what": said({"objects": objects})},
        source,
        drawn,
    )


@register.simple_tag
def given(kept: str) -> SafeString:
    """What a judgement keeps of an input: a text, a small picture or sound, or the fields of a row."""
    if kept.startswith("data:image/"):
        return format_html('<img class="thumb" src="{}" alt="{}">', kept, _("The picture that was sent"))
    if kept.startswith("data:audio/"):
        return format_html('<audio controls src="{}" aria-label="{}"></audio>', kept, _("The sound that was sent"))
    row = row_of(kept)
    text = ", ".join(f"{name}: {value}" for name, value in row.items() if value not in (None, "")) if row else kept
    shown = Truncator(text).chars(SHOWN_TEXT)
    return format_html('<p class="quote breakall">“{}”</p>' if not row else '<p class="breakall">{}</p>', shown)


def row_of(kept: str) -> dict[str, Any]:
    if not kept.startswith("{"):
        return {}
    try:
        found = json.loads(kept)
    except ValueError:
        return {}
    return (
        {name: value if number(value) is not None else str(value)[:80] for name, value in found.items()}
        if isinstance(found, dict)
        else {}
    )
