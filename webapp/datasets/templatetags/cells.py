"""`{% load cells %}`: cells that hold more than text, drawn: boxes over their picture, tagged words."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, SupportsFloat, cast

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

MOST_BOXES, MOST_WORDS, MOST_LETTERS, MOST_KINDS = 60, 80, 60, 8


def parsed(cell: object) -> list[Any]:
    """The list of a cell; empty for what is none, a list that was cut short included."""
    try:
        value = json.loads(cast(str, cell) or "")
    except (ValueError, RecursionError):
        return []
    return value if isinstance(value, list) else []


@register.simple_tag
def boxed(address: str, width: object, height: object, objects: object, label: str) -> SafeString:
    """A picture with its boxes as one drawing; `width` and `height` in pixels."""
    size = [positive(width), positive(height)]
    entries = [entry for entry in parsed(objects) if isinstance(entry, dict)][:MOST_BOXES]
    frames = [(numbers, str(entry.get("label", ""))[:MOST_LETTERS]) for entry in entries if (numbers := box_of(entry))]
    rectangles = format_html_join(
        "",
        '<rect x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        ((*(f"{number:.1f}" for number in numbers), name) for numbers, name in frames),
    )
    return format_html(
        '<svg class="boxed" viewBox="0 0 {0} {1}" role="img" aria-label="{2}"><image href="{3}" width="{0}" height="{1}"/>{4}</svg>',
        f"{size[0]:.0f}",
        f"{size[1]:.0f}",
        label,
        address,
        rectangles,
    )


@register.simple_tag
def counted(cell: object, what: str) -> str:
    """What a cell of boxes (`label`) or of marks (`tag`) holds, each kind once with its number; the drawing says where."""
    if what == "label":
        kinds = [str(entry.get("label", "")) for entry in parsed(cell) if isinstance(entry, dict)]
    else:
        marks = [str(tag).partition("-") for tag in parsed(cell)]
        kinds = [kind or begun for begun, dash, kind in marks if (begun in ("B", "S", "U") if dash else begun != "O")]
    counts = Counter(kind[:MOST_LETTERS] for kind in kinds)
    return ", ".join(f"{kind} × {count}" if count > 1 else kind for kind, count in counts.most_common(MOST_KINDS))


def positive(value: object) -> float:
    try:
        number = float(cast(SupportsFloat, value))
    except (TypeError, ValueError):
        return 1.0
    return number if math.isfinite(number) and number > 0 else 1.0


def box_of(entry: dict[str, Any]) -> list[float] | None:
    box = entry.get("box")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(number, int | float) for number in box):
        return None
    return [float(number) for number in box]


@register.simple_tag
def tagged(tokens: object, tags: object) -> SafeString:
    """Words, those with a tag marked and named."""
    tokens_shown = [str(word)[:MOST_LETTERS] for word in parsed(tokens)][:MOST_WORDS]
    marks = [str(tag) for tag in parsed(tags)]
    if not tokens_shown:
        return format_html("{}", tokens or "")
    pieces: list[tuple[str, list[str]]] = []
    for index, word in enumerate(tokens_shown):
        tag = marks[index] if index < len(marks) else "O"
        begun, _dash, kind = tag.partition("-")
        if pieces and kind and begun in ("I", "E", "L", "M") and pieces[-1][0] == kind:
            pieces[-1][1].append(word)
        else:
            pieces.append((kind, [word]))
    between = " " if any(word.isascii() for word in tokens_shown[:20]) else ""
    return format_html_join(
        between,
        "{}",
        (
            (
                format_html('<mark>{} <span class="small">{}</span></mark>', between.join(group), kind[:MOST_LETTERS])
                if kind
                else between.join(group),
            )
            for kind, group in pieces
        ),
    )


@register.filter
def cell_at(cells: Sequence[Any], place: int | None) -> Any:
    """The cell at a place of a row; None where there is none."""
    return cells[place] if place is not None and place < len(cells) else None
