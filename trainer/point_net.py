"""The small detector: what can be told of it before anything is built. `trainer.families.image.points` makes it of torch."""

from trainer import nets
from trainer.errors import ModelError
from trainer.json_types import JsonObject
from trainer.messages import _, gettext_noop

NAME, TITLE = "points", gettext_noop("Small point detector")
SIDE = 320
"""Pixels a side that it looks at, where nothing else is said."""
STRIDE, LARGEST_STRIDE = 8, 32
"""Pixels a side of a cell, and of a cell of the smallest map."""
SIZES = (32, 64, 128, 192)
"""Channels at strides 4, 8, 16, 32."""
WIDTH = 64
"""Channels of the maps that are put together."""
USUAL_LABELS = 3


def check(ref: str) -> None:
    if ref.removeprefix("scratch:") != NAME:
        raise ModelError(
            _("There is no small detector “%(ref)s”.", ref=ref), hint=_("Choose scratch:%(name)s.", name=NAME)
        )


def describe(ref: str, side: int = SIDE, labels: int = USUAL_LABELS) -> JsonObject:
    """The layers with shapes and weights, as `trainer.nets.describe` gives them, channels first."""
    check(ref)
    conv: nets.Layer = {"kind": "conv", "channels": SIZES[0], "kernel": 3, "stride": 2, "bias": False}
    body: list[nets.Layer] = [conv, {"kind": "norm"}, {"kind": "activation", "name": "relu"}]
    body += [
        {"kind": "residual", "channels": channels, "stride": 2, "activation": "relu", "norm": True}
        for channels in SIZES
    ]
    layers = [
        {**layer, "shape": list(shape), "parameters": weights}
        for layer, (shape, weights) in zip(body, nets.walk(body, (3, side, side)), strict=True)
    ]
    cells = side // STRIDE
    block = WIDTH * WIDTH * 9 + 2 * WIDTH
    laterals = sum(WIDTH * (channels + 1) for channels in SIZES if channels != SIZES[0])
    together = {"kind": "conv", "channels": WIDTH, "kernel": 3, "stride": 1, "bias": False}
    layers.append({**together, "shape": [WIDTH, cells, cells], "parameters": laterals + block})
    outputs = labels + 4
    last = {"kind": "conv", "channels": outputs, "kernel": 1, "stride": 1, "bias": True, "output": True}
    layers.append({**last, "shape": [outputs, cells, cells], "parameters": 2 * block + outputs * (WIDTH + 1)})
    return {
        "model": f"scratch:{NAME}",
        "title": TITLE,
        "input": [3, side, side],
        "outputs": outputs,
        "parameters": sum(layer["parameters"] for layer in layers),
        "layers": layers,
    }
