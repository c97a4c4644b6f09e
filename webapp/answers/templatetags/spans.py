"""`{% load spans %}`: a text with passages marked in it, each with its label in words, so that no colour is needed to tell."""

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from webapp.core.formats import percent

register = template.Library()
COLOURS = 5
"""Labels take these in turn, in the order of the text."""
MOST_CHARACTERS = 20_000


@register.simple_tag
def marked(text: str, entities: list[dict[str, Any]]) -> SafeString:
    """The text as it is, passages as <mark> with their labels; what does not fit the text is left out."""
    text = str(text)[:MOST_CHARACTERS]
    labels = list(dict.fromkeys(entity["label"] for entity in entities))
    parts: list[tuple[str | SafeString]] = []
    at = 0
    for entity in sorted(entities, key=lambda entity: entity["start"]):
        start, end = entity["start"], entity["end"]
        if not at <= start < end <= len(text):
            continue
        parts += [(text[at:start],), (passage(text[start:end], entity, labels.index(entity["label"]) % COLOURS + 1),)]
        at = end
    parts.append((text[at:],))
    return format_html('<p class="spans breakall">{}</p>', format_html_join("", "{}", parts))


def passage(text: str, entity: dict[str, Any], colour: int) -> SafeString:
    score = entity.get("score")
    title = format_html(' title="{}"', percent(score, 0)) if score is not None else ""
    return format_html('<mark class="m{}"{}>{} <b>{}</b></mark>', colour, title, text, entity["label"])
