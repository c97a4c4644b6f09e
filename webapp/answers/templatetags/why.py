"""`{% load why %}`: what an answer depends on, drawn. What speaks for it and what against it differs in line as well as colour."""

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from webapp.answers.why import Part, Why, faithfulness, level, most_of, signed, source_of
from webapp.core import charts
from webapp.core.heat_picture import address_of

register = template.Library()
MOST_CHARACTERS = 20_000


register.filter("faithfulness", faithfulness)


@register.simple_tag
def weighed_words(value: object, why: Why) -> SafeString:
    """The text with its weightiest words marked; each mark says its weight to those who hover, and the list below to all."""
    text = source_of(value, why.parts)[:MOST_CHARACTERS]
    most, pieces, place = most_of(why.parts), [], 0
    for part in (part for part in why.parts if part["kind"] == "word" and part["end"] <= len(text)):
        pieces.append((text[place : part["start"]],))
        pieces.append((marked(part, level(part["weight"], most), why.weights_in),))
        place = part["end"]
    pieces.append((text[place:],))
    return format_html('<p class="spans breakall weighed">{}</p>', format_html_join("", "{}", pieces))


def marked(part: dict[str, Any], strength: int, unit: str) -> SafeString | str:
    if not strength:
        return str(part["text"])
    css = "speaks" if part["weight"] > 0 else "against"
    return format_html(
        '<mark class="{}" data-w="{}" title="{}">{}</mark>', css, strength, signed(part["weight"], unit), part["text"]
    )


@register.simple_tag
def step(part: Part) -> SafeString:
    """The bar of a part; its weight stands beside it in words."""
    css = "speaks" if part.speaks_for else "against"
    return format_html(
        '<svg class="bars step {}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect x="{}" width="{}" height="8"/></svg>',
        css,
        charts.format_coordinate(part.start),
        charts.format_coordinate(max(part.share, 0.6)),
    )


@register.simple_tag
def weighed_regions(address: str, why: Why) -> SafeString:
    """What the model sees of the picture, with its weightiest regions framed, or its heat map over it. Without an `address` the browser
    has the picture (`data-own`)."""
    regions = [part for part in why.parts if part["kind"] == "region"]
    if not regions or not why.view:
        return mark_safe("")
    width, height, most = why.view["width"], why.view["height"], most_of(why.parts)
    if why.heat:
        drawn, sentence = (
            warmed(why, width, height),
            _("The picture as the model sees it, warm where it counts the most"),
        )
    else:
        frames = (framed(part, level(part["weight"], most), width, height, why.weights_in) for part in regions)
        drawn = format_html_join("", "{}", ((frame,) for frame in frames))
        sentence = _("The picture as the model sees it, with the regions that count the most framed")
    return format_html(
        '<svg class="boxed found weighed" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>',
        width,
        height,
        sentence,
        whole_picture(address, why.view),
        drawn,
    )


def warmed(why: Why, width: float, height: float) -> SafeString:
    """The heat map over a whole drawing."""
    return format_html(
        '<image class="heat" href="{}" width="{}" height="{}" preserveAspectRatio="none"/>',
        address_of(why.heat),
        charts.format_coordinate(width),
        charts.format_coordinate(height),
    )


def whole_picture(address: str, view: dict[str, Any]) -> SafeString:
    """The picture, larger than the view where its edges are cut off."""
    wide, tall = view["scaled"]
    source = format_html('href="{}"', address) if address else mark_safe("data-own")
    return format_html(
        '<image {} x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="{}"/>',
        source,
        charts.format_coordinate((view["width"] - wide) / 2),
        charts.format_coordinate((view["height"] - tall) / 2),
        wide,
        tall,
        "none" if view["stretched"] else "xMidYMid slice",
    )


def framed(part: dict[str, Any], strength: int, width: float, height: float, unit: str) -> SafeString:
    if not strength:
        return mark_safe("")
    x, y, wide, tall = part["box"]
    return format_html(
        '<rect class="{}" data-w="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        "speaks" if part["weight"] > 0 else "against",
        strength,
        charts.format_coordinate(x * width),
        charts.format_coordinate(y * height),
        charts.format_coordinate(wide * width),
        charts.format_coordinate(tall * height),
        signed(part["weight"], unit),
    )


@register.simple_tag
def weighed_spans(why: Why) -> SafeString:
    """The parts of a recording in their order, as columns from a middle line: upwards for the answer, downwards against it; or as a
    strip, warm where the network is."""
    spans = [part for part in why.parts if part["kind"] == "span"]
    end, most = max((part["end"] for part in spans), default=0), most_of(spans)
    if not end or not most:
        return mark_safe("")
    if why.heat:
        return format_html(
            '<svg class="timeline" viewBox="0 0 200 40" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
            _("The recording from its start to its end, warm where it counts the most"),
            warmed(why, 200, 40),
        )
    columns = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>',
        (column(part, 200 / end, 20 * part["weight"] / most) for part in spans),
    )
    return format_html(
        '<svg class="timeline" viewBox="0 0 200 40" preserveAspectRatio="none" role="img" aria-label="{}"><line x1="0" x2="200" y1="20" y2="20"/>{}</svg>',
        _("What each part of the recording counts, from its start to its end"),
        columns,
    )


def column(part: dict[str, Any], scale: float, height: float) -> tuple[str, ...]:
    css = "speaks" if height > 0 else "against"
    left, width = part["start"] * scale, (part["end"] - part["start"]) * scale
    return (
        css,
        charts.format_coordinate(left),
        charts.format_coordinate(20 - max(height, 0)),
        charts.format_coordinate(width),
        charts.format_coordinate(abs(height)),
    )
