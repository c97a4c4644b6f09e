"""A small net drawn on the server: a block for each layer, as wide as it is deep, as tall as what comes out of it."""

import math
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from webapp.core.charts import format_coordinate
from webapp.core.formats import short_count

TALL, GAP, LEAST = 120, 14, 10
FOLDED = ("norm", "activation", "dropout", "flatten")
"""Kinds that are told with the layer before them."""


def blocks(net: dict[str, Any]) -> list[dict[str, Any]]:
    """[{title, notes, shape, parameters}] of the layers that a person thinks of, the input first."""
    layers = [{"title": _("Input"), "notes": [], "shape": net["input"], "parameters": 0}]
    for layer in net["layers"]:
        if layer["kind"] in FOLDED:
            layers[-1]["notes"].append(note(layer))
            layers[-1]["parameters"] += layer["parameters"]
        else:
            layers.append(
                {"title": title(layer), "notes": [], "shape": layer["shape"], "parameters": layer["parameters"]}
            )
    return [block | {"notes": [text for text in block["notes"] if text]} for block in layers]


def title(layer: dict[str, Any]) -> str:
    kind = layer["kind"]
    if layer.get("output"):
        return _("Answer")
    names = {
        "dense": _("Dense"),
        "conv": _("Convolution"),
        "residual": _("Residual block"),
        "pool": _("Halved"),
        "global_pool": _("Mean"),
        "embedding": _("Embedding"),
        "recurrent": _("Recurrent, both ways"),
    }
    return names.get(kind) or str(kind).replace("_", " ").capitalize()


def note(layer: dict[str, Any]) -> str:
    kind = layer["kind"]
    if kind == "activation":
        return {"relu": "ReLU", "gelu": "GELU"}.get(layer["name"], str(layer["name"]))
    if kind == "dropout":
        return _("dropout %(share)s") % {"share": f"{layer['share']:.2g}"}
    return _("batch norm") if kind == "norm" else ""


def draw(net: dict[str, Any]) -> SafeString:
    """The blocks side by side; a list of the same for whoever does not see them stands beside it."""
    layers = blocks(net)
    parts, offset = [], 0.0
    for block in layers:
        depth, side = block["shape"][0], block["shape"][1] if len(block["shape"]) > 1 else None
        width = LEAST + 6 * math.log2(max(1, depth if side else 1))
        tall = TALL * min(1.0, math.log2((side or depth) + 1) / math.log2(1025)) + LEAST
        parts.append(
            (
                format_coordinate(offset),
                format_coordinate((TALL + LEAST - tall) / 2),
                format_coordinate(width),
                format_coordinate(tall),
                block["title"],
            )
        )
        offset += width + GAP
    rects = format_html_join("", '<rect x="{}" y="{}" width="{}" height="{}" rx="2"><title>{}</title></rect>', parts)
    description = _("%(count)d layers from %(input)s to %(outputs)d values, %(weights)s weights") % {
        "count": len(layers) - 1,
        "input": " × ".join(map(str, net["input"])),
        "outputs": net["outputs"],
        "weights": short_count(net["parameters"]),
    }
    return format_html(
        '<svg class="net" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>',
        format_coordinate(offset - GAP),
        TALL + LEAST,
        description,
        rects,
    )
