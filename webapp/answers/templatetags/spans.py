"""`{% load spans %}`: a text with passages marked in it, each with its label in words, so that no colour is needed to tell."""

import itertools
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from trainer.tagging.units import words_of
from webapp.core.formats import percent

register = template.Library()
COLOURS = 5
"""Labels take these in turn, in the order of the text."""
MOST_CHARACTERS = 20_000
AROUND = 5_000
"""Characters of a very long text that are shown before the passage."""


@register.simple_tag
def marked(text: str, entities: list[dict[str, Any]]) -> SafeString:
    """The text as it is, passages as <mark> with their labels; what does not fit the text is left out."""
    text = str(text)[:MOST_CHARACTERS]
    labels = list(dict.fromkeys(entity["label"] for entity in entities))
    parts: list[tuple[str | SafeString]] = []
    position = 0
    for entity in sorted(entities, key=lambda entity: entity["start"]):
        start, end = entity["start"], entity["end"]
        if not position <= start < end <= len(text):
            continue
        parts += [
            (text[position:start],),
            (passage(text[start:end], entity, labels.index(entity["label"]) % COLOURS + 1),),
        ]
        position = end
    parts.append((text[position:],))
    return format_html('<p class="spans breakall">{}</p>', format_html_join("", "{}", parts))


@register.filter
def words(cell: str | None) -> list[str]:
    """Of a row that is a list of words; none of one that is none, or that is too long to be shown whole."""
    return words_of(cell) or []


@register.simple_tag
def passage_in(text: object, start: int | None, end: int | None) -> SafeString:
    """The text with one passage marked, that answers; without a place as it is. Of a very long one the part around it."""
    whole = str(text)
    first = max(0, min(start or 0, len(whole)) - AROUND) if len(whole) > MOST_CHARACTERS else 0
    shown = whole[first : first + MOST_CHARACTERS]
    places = [{"start": start - first, "end": end - first}] if start is not None and end is not None else []
    return marked_places(shown, [], places)


@register.simple_tag
def marked_places(text: object, actual: list[dict[str, int]], predicted: list[dict[str, int]]) -> SafeString:
    """The text with the places of the actual answer and of the predicted one, each underlined in its own way."""
    shown = str(text)[:MOST_CHARACTERS]
    edges = sorted({0, len(shown), *(min(max(place[end], 0), len(shown)) for place in [*actual, *predicted] for end in ("start", "end"))})  # fmt: skip
    parts: list[tuple[str | SafeString]] = []
    for first, last in itertools.pairwise(edges):
        css = [name for name, own in (("actual", actual), ("predicted", predicted)) if any(place["start"] <= first and last <= place["end"] for place in own)]  # fmt: skip
        piece = shown[first:last]
        parts.append((format_html('<mark class="{}">{}</mark>', " ".join(css), piece) if css else piece,))
    return format_html('<p class="spans breakall">{}</p>', format_html_join("", "{}", parts))


def passage(text: str, entity: dict[str, Any], colour: int) -> SafeString:
    score = entity.get("score")
    title = format_html(' title="{}"', percent(score, 0)) if score is not None else ""
    return format_html('<mark class="m{}"{}>{} <b>{}</b></mark>', colour, title, text, entity["label"])
