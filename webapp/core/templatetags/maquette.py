"""What the templates draw and say: `{% load maquette %}`. Filters are the functions of `webapp.core.formats`."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol, cast

from django import template
from django.core.paginator import Page
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from webapp.core import charts, formats, scores, states
from webapp.core.icons import GLYPHS, ICONS, PLINTH
from webapp.core.sentences import translated

register = template.Library()

for name in (
    "money", "money_round", "price", "percent", "with_percent", "points", "count", "short_count", "figure", "size", "duration",
    "about", "remaining", "clock", "ago", "day", "time_of_day",
):  # fmt: skip
    register.filter(name, getattr(formats, name))
for name in ("scored", "counts_rows", "score_words", "score_ends", "score_interval", "metric_title", "metric_name"):
    register.filter(name, getattr(scores, name))


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """A 16 px icon: hidden from screen readers, unless a label makes it the only word there is."""
    attributes = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="icon" viewBox="0 0 16 16" {}>{}</svg>', attributes, mark_safe(ICONS[name]))  # noqa: S308


@register.simple_tag
def glyph(kind: str = "arch", state: str = "draft", css: str = "") -> SafeString:
    """The sculpture of a prototype; `state`: draft, training, clay, live, asleep, removed. A word beside it says the same."""
    body = mark_safe(PLINTH + GLYPHS.get(kind, GLYPHS["arch"]))  # noqa: S308
    return format_html(
        '<svg class="glyph {}" data-state="{}" viewBox="5 3 38 42" aria-hidden="true">{}</svg>', css, state, body
    )


@register.simple_tag
def strip(
    value: float | None = None,
    low: float | None = None,
    high: float | None = None,
    css: str = "",
    tick: float | None = None,
    ends: tuple[float, float] | None = None,
) -> SafeString:
    return charts.strip(value, low, high, css=css, tick=tick, ends=ends)


@register.simple_tag
def bar(share: object, css: str = "", label: str = "") -> SafeString:
    """A bar of one part: its share of the whole, 0 to 1."""
    return charts.bars([(css, formats.number(share) or 0.0)], label=label)


@register.simple_tag
def bars(*parts: object, whole: object = 1, label: str = "", css: str = "tall") -> SafeString:
    """`{% bars "k1" learn "k2" tune whole=rows %}`: colour classes and amounts in turn, of a whole."""
    total = formats.number(whole) or 1.0
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return charts.bars(
        [(str(colour), (formats.number(amount) or 0.0) / total) for colour, amount in pairs], label=label, css=css
    )


@register.simple_tag
def key(css: str, label: object) -> SafeString:
    """The square of a colour and its word, as a legend has it."""
    return charts.key(css, str(label))


register.filter("message_of", translated)
register.filter("run_state", states.run_state)


@register.filter
def to_json(value: object) -> str:
    """For an attribute that a script reads; what is JSON already stays."""
    return value if isinstance(value, str) else json.dumps(value)


@register.filter
def in_language(text: str) -> str:
    """Words of a declaration or a price list of ours, in the reader's language; anybody else's as they are."""
    return _(text) if text else ""


@register.filter
def dated(value: date, form: str) -> str:
    return formats.dated(value, form)


@register.filter
def share_of(part: object, whole: object) -> float:
    """`part` ÷ `whole`, 0 when there is no whole."""
    total = formats.number(whole) or 0.0
    return (formats.number(part) or 0.0) / total if total else 0.0


@register.simple_tag
def high_mark(budget: object) -> str:
    """From where a meter of money turns to the warning colour: five sixths of the whole."""
    return f"{(formats.number(budget) or 0) * 5 / 6:.2f}"


@register.filter
def minus(minuend: object, subtrahend: object) -> Decimal:
    return (formats.decimal(minuend) or Decimal(0)) - (formats.decimal(subtrahend) or Decimal(0))


@register.filter
def heat(part: object, whole: object) -> int:
    """Level 1 to 7 of a matrix cell by its share of the row; 0 for none."""
    share = share_of(part, whole)
    return min(7, max(1, -int(-share * 7 // 1))) if share > 0 else 0


@register.filter
def get(mapping: Mapping[Any, Any] | Sequence[Any], name: Any) -> Any:
    """The value of a key, or the item at an index, that a variable holds; None when it is not there."""
    try:
        return cast(Mapping[Any, Any], mapping)[name]
    except (KeyError, IndexError, TypeError):
        return None


@register.filter
def example_text(example: object) -> str:
    """The input of an example, whatever shape the artifact keeps it in."""
    if isinstance(example, dict):
        return str(example.get("text", example.get("input", "")))
    return "" if example is None else str(example)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: object) -> str:
    """The page's own query string with some of its values replaced; an empty value takes one away."""
    parameters = context["request"].GET.copy()
    for name, value in changes.items():
        parameters.pop(name, None)
        if value not in (None, ""):
            parameters[name] = str(value)
    return f"?{parameters.urlencode()}"


@register.filter
def whole_words(text: str, length: int) -> str:
    """At most this many characters and an ellipsis, cut between words; within one only where it alone is half of them, as
    in writing without spaces."""
    text = " ".join(str(text).split())
    if len(text) <= length:
        return text
    cut = text[: length + 1].rfind(" ")
    return (text[:cut] if cut > length // 2 else text[:length]).rstrip(" ,;:") + "…"


@register.filter
def in_two(text: str) -> dict[str, str]:
    """A message as a title and what follows it, cut after its first clause."""
    match = re.match(r"(.+?)(?:[.:;] +|[。：；])(\S.*)", text, re.DOTALL)
    if not match:
        return {"title": text.rstrip(".。"), "rest": ""}
    rest = match[2]
    return {"title": match[1], "rest": rest[0].upper() + rest[1:]}


class Paged(Protocol):
    """A page of rows that are read from a file."""

    @property
    def number(self) -> int: ...

    @property
    def pages(self) -> int: ...


@register.filter
def page_count(page: Paged | Page[Any]) -> int:
    """Of a page of rows, or of Django's paginator."""
    return page.paginator.num_pages if isinstance(page, Page) else page.pages


@register.filter
def page_numbers(page: Paged | Page[Any]) -> list[int | None]:
    """Which pages a pager names: the first, the last, and those around this one; None stands for a gap."""
    number, pages = page.number, page_count(page)
    linked = sorted({1, pages, *range(max(1, number - 1), min(pages, number + 1) + 1)})
    numbers: list[int | None] = []
    for linked_page in linked:
        if numbers and linked_page - (numbers[-1] or 0) > 1:
            numbers.append(None)
        numbers.append(linked_page)
    return numbers
