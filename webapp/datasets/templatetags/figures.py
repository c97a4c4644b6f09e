"""`{% load figures %}`: what a column holds, in words."""

from typing import Any

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.core import formats

register = template.Library()

KINDS = {
    "text": gettext_lazy("text"),
    "category": gettext_lazy("categories"),
    "number": gettext_lazy("numbers"),
    "date": gettext_lazy("dates"),
    "boolean": gettext_lazy("yes or no"),
    "id": gettext_lazy("identifiers"),
    "list": gettext_lazy("lists"),
    "messages": gettext_lazy("conversations"),
    "image": gettext_lazy("pictures"),
    "audio": gettext_lazy("sounds"),
    "objects": gettext_lazy("boxes"),
    "empty": gettext_lazy("empty"),
}
Pairs = list[tuple[str, str]]


@register.filter
def kind_word(column: dict[str, Any]) -> str:
    return str(KINDS.get(column.get("kind", ""), column.get("kind", "")))


@register.filter
def column_figures(column: dict[str, Any]) -> Pairs:
    """(what, figure) of a profile's column; a version read before figures were kept has fewer."""
    pairs: Pairs = [(_("Different values"), formats.count(column.get("distinct")))]
    if column.get("missing"):
        pairs.append((_("Missing"), formats.count(column["missing"])))
    tellers = (("numbers", of_numbers), ("dates", of_dates), ("pictures", of_pictures), ("sounds", of_sounds))
    pairs += of_texts(column) if "words" in column else []
    return pairs + [pair for name, tell in tellers if column.get(name) for pair in tell(column[name])]


def of_texts(column: dict[str, Any]) -> Pairs:
    tokens = column["tokens"]
    counted = _("Tokens, estimated") if tokens["estimated"] else _("Tokens")
    pairs = [(_("Characters"), typical(column["length"])), (_("Words"), typical(column["words"]))]
    pairs.append((counted, typical(tokens)))
    names = [
        _(language["name"])
        if language["share"] >= 0.995
        else f"{_(language['name'])} {formats.percent(language['share'], 0)}"
        for language in column["languages"][:3]
    ]
    return pairs + ([(_("Language"), ", ".join(names))] if names else [])


def typical(values: dict[str, Any]) -> str:
    """The middle one, and how long the longest are."""
    figures = {name: formats.count(values.get(name)) for name in ("median", "p95", "max")}
    return _("%(median)s in the middle, 95 of 100 under %(p95)s, at most %(max)s") % figures


def span(values: dict[str, Any]) -> str:
    """Lowest to highest; one figure where they are the same."""
    low, high = formats.figure(values.get("min")), formats.figure(values.get("max"))
    return low if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}


def of_numbers(values: dict[str, Any]) -> Pairs:
    return [
        (_("Range"), span(values)),
        (_("Median"), formats.figure(values["median"])),
        (_("Mean"), formats.figure(values["mean"])),
    ]


def of_dates(values: dict[str, Any]) -> Pairs:
    return [(_("Earliest"), values["first"]), (_("Latest"), values["last"])]


def counts(rows_of: dict[str, int], unit: str = "") -> str:
    return ", ".join(f"{name}{unit} ({formats.count(rows)})" for name, rows in rows_of.items())


def of_pictures(values: dict[str, Any]) -> Pairs:
    pairs = []
    if values.get("width") and values.get("height"):
        width, height = span(values["width"]), span(values["height"])
        pairs.append((_("Pixels"), _("%(width)s wide, %(height)s high") % {"width": width, "height": height}))
    pairs.append((_("Colours"), counts(values["modes"])))
    return [pair for pair in [*pairs, (_("Formats"), counts(values["formats"]))] if pair[1]]


def of_sounds(values: dict[str, Any]) -> Pairs:
    pairs = []
    if seconds := values.get("seconds"):
        shortest, longest = formats.duration(seconds["min"]), formats.duration(seconds["max"])
        lasts = shortest if shortest == longest else _("%(low)s to %(high)s") % {"low": shortest, "high": longest}
        pairs += [(_("Length"), lasts), (_("In all"), formats.duration(seconds["total"]))]
    pairs.append((_("Rate"), counts(values["rates"], "\u00a0Hz")))
    pairs.append((_("Channels"), counts(values["channels"])))
    return [pair for pair in [*pairs, (_("Formats"), counts(values["formats"]))] if pair[1]]
